//! Chains of operators, walked in loops: the parser makes `a + b + c …` as deep as it is long.
//!
//! AND and OR become flat nodes; a run of `||` becomes a balanced tree, which is the same because `||` is associative.
//! What is left is at most [`OPERATORS_MAX`](crate::limits::OPERATORS_MAX) deep.

use manicule_engine::Value;
use manicule_query::expr::{BinaryOperator, Expr, Function, TimeFunction, UnaryOperator};
use sqlparser::ast::{self, BinaryOperator as AstOperator};

use super::row::refuse_row;
use super::{Binder, literal};
use crate::error::{Error, Result};
use crate::limits::{TERMS_MAX, too_complex};

impl<'a> Binder<'a> {
    /// Binds a chain of one of AND and OR.
    pub(super) fn logic(&mut self, ast: &'a ast::Expr, operator: &AstOperator) -> Result<Expr> {
        let mut operands = Vec::new();
        let mut rest = ast;
        while let ast::Expr::BinaryOp { left, op, right } = rest
            && op == operator
        {
            operands.push(right.as_ref());
            rest = left.as_ref();
        }
        operands.push(rest);
        let mut bound = Vec::with_capacity(operands.len());
        for operand in operands.into_iter().rev() {
            match (self.expr(operand)?, operator) {
                (Expr::And(inner), AstOperator::And) | (Expr::Or(inner), AstOperator::Or) => bound.extend(inner),
                (operand, _) => bound.push(operand),
            }
        }
        // Equality of row values makes several terms of one.
        if bound.len() > TERMS_MAX + 1 {
            return Err(too_complex("too many terms in one expression", TERMS_MAX));
        }
        Ok(if *operator == AstOperator::And { Expr::And(bound) } else { Expr::Or(bound) })
    }

    /// Binds operators that stand on top of one another on the left side.
    pub(super) fn chain(&mut self, ast: &'a ast::Expr) -> Result<Expr> {
        self.chain_or_row(ast).and_then(refuse_row)
    }

    /// The same, or a row value in parentheses.
    pub(super) fn chain_or_row(&mut self, ast: &'a ast::Expr) -> Result<Expr> {
        let mut links = Vec::new();
        let mut base = ast;
        let mut bound = None;
        while let Some(left) = left_operand(base) {
            links.push(base);
            base = left;
            bound = self.key_of_group(base)?;
            if bound.is_some() {
                break;
            }
        }
        let mut bound = match bound {
            Some(key) => key,
            None => match base {
                ast::Expr::Tuple(values) => self.row(values)?,
                base => self.expr(base)?,
            },
        };
        while let Some(link) = links.pop() {
            if is_concat(link) {
                let mut parts = vec![refuse_row(bound)?, self.right_operand(link)?];
                while links.last().is_some_and(|link| is_concat(link))
                    && let Some(link) = links.pop()
                {
                    parts.push(self.right_operand(link)?);
                }
                bound = balanced_concat(parts);
            } else {
                bound = self.link(link, bound)?;
            }
        }
        Ok(bound)
    }

    fn right_operand(&mut self, link: &'a ast::Expr) -> Result<Expr> {
        match link {
            ast::Expr::BinaryOp { right, .. } => self.expr(right),
            _ => Err(Error::not_supported("this expression")),
        }
    }

    /// Puts one operator on top of its bound left operand.
    fn link(&mut self, ast: &'a ast::Expr, left: Expr) -> Result<Expr> {
        use ast::Expr as Ast;
        if let Expr::Row(values) = left {
            return self.row_link(ast, values);
        }
        match ast {
            Ast::Nested(_) => Ok(left),
            Ast::UnaryOp { op, .. } => unary(*op, left),
            Ast::BinaryOp { op, right, .. } if let Ast::Interval(interval) = right.as_ref() => {
                shifted(left, op, interval)
            }
            Ast::BinaryOp { op, right, .. } => {
                let operator = binary_operator(op)?;
                let right = self.expr(right)?;
                let (left, right) = match is_comparison(operator) {
                    true => self.fit_comparison(left, right)?,
                    false => (left, right),
                };
                Ok(Expr::Binary { operator, left: Box::new(left), right: Box::new(right) })
            }
            Ast::IsNull(_) => Ok(Expr::IsNull { operand: Box::new(left), negated: false }),
            Ast::IsNotNull(_) => Ok(Expr::IsNull { operand: Box::new(left), negated: true }),
            Ast::IsTrue(_) => Ok(is_boolean(left, true, false)),
            Ast::IsNotTrue(_) => Ok(is_boolean(left, true, true)),
            Ast::IsFalse(_) => Ok(is_boolean(left, false, false)),
            Ast::IsNotFalse(_) => Ok(is_boolean(left, false, true)),
            Ast::IsDistinctFrom(_, right) => self.is(left, right, BinaryOperator::IsNot),
            Ast::IsNotDistinctFrom(_, right) => self.is(left, right, BinaryOperator::Is),
            Ast::Between { low, high, negated, .. } => {
                let low = self.expr(low)?;
                let high = self.expr(high)?;
                let (low, high) = (self.fit(low, &left)?, self.fit(high, &left)?);
                let operand = self.fit(left, &low)?;
                Ok(Expr::Between {
                    operand: Box::new(operand),
                    low: Box::new(low),
                    high: Box::new(high),
                    negated: *negated,
                })
            }
            Ast::InList { list, negated, .. } => self.in_list(left, list, *negated),
            Ast::InSubquery { subquery, negated, .. } => self.in_query(left, subquery, *negated),
            Ast::Like { negated, any: false, pattern, escape_char, .. }
            | Ast::ILike { negated, any: false, pattern, escape_char, .. } => {
                self.like(left, pattern, escape_char.as_deref(), *negated)
            }
            Ast::Cast { data_type, format: None, .. } => {
                Ok(Expr::Cast { operand: Box::new(left), target: literal::column_type(data_type)? })
            }
            Ast::Collate { collation, .. } => {
                if collation.to_string().eq_ignore_ascii_case("binary") {
                    return Ok(left);
                }
                Err(Error::not_supported(format!("COLLATE {collation}")))
            }
            _ => Err(Error::not_supported("this operator")),
        }
    }

    fn is(&mut self, left: Expr, right: &'a ast::Expr, operator: BinaryOperator) -> Result<Expr> {
        let right = self.expr(right)?;
        let (left, right) = self.fit_comparison(left, right)?;
        Ok(Expr::Binary { operator, left: Box::new(left), right: Box::new(right) })
    }

    fn in_list(&mut self, left: Expr, list: &'a [ast::Expr], negated: bool) -> Result<Expr> {
        let mut bound = Vec::with_capacity(list.len());
        let target = self.fitting_type(&left);
        for item in list {
            let item = self.expr(item)?;
            bound.push(match target {
                Some(target) => self.fit_to(item, target)?,
                None => item,
            });
        }
        let operand = match bound.first() {
            Some(first) => self.fit(left, first)?,
            None => left,
        };
        Ok(Expr::InList { operand: Box::new(operand), list: bound, negated })
    }

    fn in_query(&mut self, left: Expr, subquery: &'a ast::Query, negated: bool) -> Result<Expr> {
        let query = self.subquery(subquery, Some(1))?;
        let left = match query.columns.first().and_then(|column| column.column_type) {
            Some(target) => self.fit_to(left, target)?,
            None => left,
        };
        Ok(Expr::InQuery { operand: Box::new(left), query: Box::new(query), negated })
    }

    fn like(
        &mut self,
        operand: Expr,
        pattern: &'a ast::Expr,
        escape: Option<&'a ast::Expr>,
        negated: bool,
    ) -> Result<Expr> {
        let pattern = self.expr(pattern)?;
        let escape = match escape {
            None => None,
            Some(escape) => Some(self.escape_character(escape)?),
        };
        Ok(Expr::Like { operand: Box::new(operand), pattern: Box::new(pattern), escape, negated })
    }

    fn escape_character(&mut self, escape: &'a ast::Expr) -> Result<char> {
        if let Expr::Literal(Value::Text(text)) = self.expr(escape)? {
            let mut characters = text.chars();
            if let (Some(character), None) = (characters.next(), characters.next()) {
                return Ok(character);
            }
        }
        Err(Error::invalid("ESCAPE takes a string of one character, written out", "22019"))
    }
}

/// The operand on the left of an operator other than AND and OR.
fn left_operand(ast: &ast::Expr) -> Option<&ast::Expr> {
    use ast::Expr as Ast;
    match ast {
        Ast::BinaryOp { op: AstOperator::And | AstOperator::Or, .. } => None,
        Ast::UnaryOp { op: ast::UnaryOperator::Minus, expr } if number_in(expr).is_some() => None,
        Ast::BinaryOp { left: expr, .. }
        | Ast::UnaryOp { expr, .. }
        | Ast::Nested(expr)
        | Ast::IsNull(expr)
        | Ast::IsNotNull(expr)
        | Ast::IsTrue(expr)
        | Ast::IsNotTrue(expr)
        | Ast::IsFalse(expr)
        | Ast::IsNotFalse(expr)
        | Ast::IsDistinctFrom(expr, _)
        | Ast::IsNotDistinctFrom(expr, _)
        | Ast::Between { expr, .. }
        | Ast::InList { expr, .. }
        | Ast::InSubquery { expr, .. }
        | Ast::Like { any: false, expr, .. }
        | Ast::ILike { any: false, expr, .. }
        | Ast::Cast { expr, format: None, .. }
        | Ast::Collate { expr, .. } => Some(expr),
        _ => None,
    }
}

/// The digits of a number constant.
pub(super) fn number_in(ast: &ast::Expr) -> Option<&str> {
    match ast {
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(digits, _), .. }) => Some(digits),
        _ => None,
    }
}

fn is_concat(ast: &ast::Expr) -> bool {
    matches!(ast, ast::Expr::BinaryOp { op: AstOperator::StringConcat, .. })
}

/// Joins neighbours until one is left.
fn balanced_concat(mut parts: Vec<Expr>) -> Expr {
    while parts.len() > 1 {
        let mut joined = Vec::with_capacity(parts.len().div_ceil(2));
        let mut rest = parts.into_iter();
        while let Some(left) = rest.next() {
            joined.push(match rest.next() {
                Some(right) => {
                    let operator = BinaryOperator::Concat;
                    Expr::Binary { operator, left: Box::new(left), right: Box::new(right) }
                }
                None => left,
            });
        }
        parts = joined;
    }
    parts.pop().unwrap_or(Expr::Literal(Value::Null))
}

fn unary(operator: ast::UnaryOperator, operand: Expr) -> Result<Expr> {
    let operator = match operator {
        ast::UnaryOperator::Plus => return Ok(operand),
        ast::UnaryOperator::Minus => UnaryOperator::Negate,
        ast::UnaryOperator::Not => UnaryOperator::Not,
        ast::UnaryOperator::BitwiseNot => UnaryOperator::BitNot,
        other => return Err(Error::not_supported(format!("the operator {other}"))),
    };
    Ok(Expr::Unary { operator, operand: Box::new(operand) })
}

pub(super) fn binary_operator(operator: &AstOperator) -> Result<BinaryOperator> {
    Ok(match operator {
        AstOperator::Eq => BinaryOperator::Equal,
        AstOperator::NotEq => BinaryOperator::NotEqual,
        AstOperator::Lt => BinaryOperator::Less,
        AstOperator::LtEq => BinaryOperator::LessOrEqual,
        AstOperator::Gt => BinaryOperator::Greater,
        AstOperator::GtEq => BinaryOperator::GreaterOrEqual,
        AstOperator::Plus => BinaryOperator::Add,
        AstOperator::Minus => BinaryOperator::Subtract,
        AstOperator::Multiply => BinaryOperator::Multiply,
        AstOperator::Divide => BinaryOperator::Divide,
        AstOperator::Modulo => BinaryOperator::Remainder,
        AstOperator::StringConcat => BinaryOperator::Concat,
        AstOperator::BitwiseAnd => BinaryOperator::BitAnd,
        AstOperator::BitwiseOr => BinaryOperator::BitOr,
        AstOperator::PGBitwiseShiftLeft => BinaryOperator::ShiftLeft,
        AstOperator::PGBitwiseShiftRight => BinaryOperator::ShiftRight,
        other => return Err(Error::not_supported(format!("the operator {other}"))),
    })
}

/// `left + INTERVAL '…'`, or `-`.
fn shifted(left: Expr, operator: &AstOperator, interval: &ast::Interval) -> Result<Expr> {
    let parts = literal::interval(interval)?;
    let parts = match operator {
        AstOperator::Plus => parts,
        AstOperator::Minus => parts.map(std::ops::Neg::neg),
        other => return Err(Error::not_supported(format!("the operator {other} before an INTERVAL"))),
    };
    let mut arguments = vec![left];
    arguments.extend(parts.map(|part| Expr::Literal(Value::Integer(part))));
    Ok(Expr::Function { function: Function::Time(TimeFunction::Shift), arguments })
}

fn is_comparison(operator: BinaryOperator) -> bool {
    use BinaryOperator::{Equal, Greater, GreaterOrEqual, Is, IsNot, Less, LessOrEqual, NotEqual};
    matches!(operator, Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual | Is | IsNot)
}

/// `operand IS [NOT] TRUE|FALSE`: whether it is not NULL and as true as asked; numbers count as true unless zero.
fn is_boolean(operand: Expr, expected: bool, negated: bool) -> Expr {
    let condition = match expected {
        true => operand,
        false => Expr::Unary { operator: UnaryOperator::Not, operand: Box::new(operand) },
    };
    Expr::Case {
        operand: None,
        branches: vec![(condition, Expr::Literal(Value::Boolean(!negated)))],
        otherwise: Some(Box::new(Expr::Literal(Value::Boolean(negated)))),
    }
}
