//! Row values: `(a, b)` beside others of its width.
//!
//! Equality is that of the values, each for itself, so `(a, b) = (1, 2)` becomes `a = 1 AND b = 2`. An order of rows, and IN,
//! stay comparisons of rows, as no value of them may be computed twice.

use manicule_query::expr::{BinaryOperator, Expr};
use sqlparser::ast;

use super::Binder;
use super::chain::binary_operator;
use super::query::check_width;
use crate::error::{Error, ErrorKind, Result};

impl<'a> Binder<'a> {
    pub(super) fn row(&mut self, values: &'a [ast::Expr]) -> Result<Expr> {
        check_width(values.len())?;
        values.iter().map(|value| self.expr(value)).collect::<Result<_>>().map(Expr::Row)
    }

    /// Puts one operator on top of a bound row.
    pub(super) fn row_link(&mut self, ast: &'a ast::Expr, left: Vec<Expr>) -> Result<Expr> {
        use ast::Expr as Ast;
        match ast {
            Ast::Nested(_) => Ok(Expr::Row(left)),
            Ast::BinaryOp { op, right, .. } => {
                let operator = binary_operator(op)?;
                let right = self.row_beside(right, left.len())?;
                self.compare_rows(operator, left, right)
            }
            Ast::IsDistinctFrom(_, right) => {
                let right = self.row_beside(right, left.len())?;
                self.compare_rows(BinaryOperator::IsNot, left, right)
            }
            Ast::IsNotDistinctFrom(_, right) => {
                let right = self.row_beside(right, left.len())?;
                self.compare_rows(BinaryOperator::Is, left, right)
            }
            Ast::Between { low, high, negated, .. } => {
                let low = self.row_beside(low, left.len())?;
                let high = self.row_beside(high, left.len())?;
                let (low, high) = (self.fit_row(low, &left)?, self.fit_row(high, &left)?);
                let operand = Box::new(Expr::Row(self.fit_row(left, &low)?));
                let (low, high) = (Box::new(Expr::Row(low)), Box::new(Expr::Row(high)));
                Ok(Expr::Between { operand, low, high, negated: *negated })
            }
            Ast::InList { list, negated, .. } => self.row_in_list(left, list, *negated),
            Ast::InSubquery { subquery, negated, .. } => {
                let query = self.subquery(subquery, Some(left.len()))?;
                let types = query.columns.iter().map(|column| column.column_type);
                let fitted = left.into_iter().zip(types).map(|(value, target)| match target {
                    Some(target) => self.fit_to(value, target),
                    None => Ok(value),
                });
                let operand = Box::new(Expr::Row(fitted.collect::<Result<_>>()?));
                Ok(Expr::InQuery { operand, query: Box::new(query), negated: *negated })
            }
            _ => Err(misused()),
        }
    }

    fn row_in_list(&mut self, left: Vec<Expr>, list: &'a [ast::Expr], negated: bool) -> Result<Expr> {
        let mut rows = Vec::with_capacity(list.len());
        for item in list {
            let item = self.row_beside(item, left.len())?;
            rows.push(Expr::Row(self.fit_row(item, &left)?));
        }
        let left = match rows.first() {
            Some(Expr::Row(first)) => self.fit_row(left, first)?,
            _ => left,
        };
        Ok(Expr::InList { operand: Box::new(Expr::Row(left)), list: rows, negated })
    }

    /// The values of the row that stands beside one of that width.
    fn row_beside(&mut self, ast: &'a ast::Expr, width: usize) -> Result<Vec<Expr>> {
        let row = match ast {
            ast::Expr::Tuple(values) => self.row(values)?,
            ast::Expr::Nested(_) => self.chain_or_row(ast)?,
            ast::Expr::Subquery(_) => return Err(Error::not_supported("a query beside a row value, other than in IN")),
            _ => return Err(misused()),
        };
        match row {
            Expr::Row(values) if values.len() == width => Ok(values),
            Expr::Row(values) => Err(Error::new(ErrorKind::ColumnCount { expected: width, found: values.len() })),
            _ => Err(misused()),
        }
    }

    fn compare_rows(&mut self, operator: BinaryOperator, left: Vec<Expr>, right: Vec<Expr>) -> Result<Expr> {
        let mut pairs = Vec::with_capacity(left.len());
        for (left, right) in left.into_iter().zip(right) {
            pairs.push(self.fit_comparison(left, right)?);
        }
        let pair = |(left, right)| Expr::binary(operator, left, right);
        match operator {
            BinaryOperator::Equal | BinaryOperator::Is => Ok(Expr::And(pairs.into_iter().map(pair).collect())),
            BinaryOperator::NotEqual | BinaryOperator::IsNot => Ok(Expr::Or(pairs.into_iter().map(pair).collect())),
            BinaryOperator::Less
            | BinaryOperator::LessOrEqual
            | BinaryOperator::Greater
            | BinaryOperator::GreaterOrEqual => {
                let (left, right) = pairs.into_iter().unzip();
                Ok(Expr::binary(operator, Expr::Row(left), Expr::Row(right)))
            }
            _ => Err(misused()),
        }
    }

    /// The values of a row as they are compared with those of another.
    fn fit_row(&mut self, values: Vec<Expr>, others: &[Expr]) -> Result<Vec<Expr>> {
        values.into_iter().zip(others).map(|(value, other)| self.fit(value, other)).collect()
    }
}

/// The expression, unless it is a row, which is no value by itself.
pub(super) fn refuse_row(expr: Expr) -> Result<Expr> {
    if matches!(expr, Expr::Row(_)) { Err(misused()) } else { Ok(expr) }
}

pub(super) fn misused() -> Error {
    Error::not_supported("a row value here")
        .with_hint("it is compared with another, as in (a, b) > (1, 2), or looked for by IN")
}
