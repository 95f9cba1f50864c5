//! Operands: names, constants, parameters, CASE, subqueries.

use manicule_engine::{ColumnType, Value};
use manicule_query::expr::{BinaryOperator, Expr, Function};
use manicule_query::plan::Query;
use sqlparser::ast::{self, BinaryOperator as AstOperator, Ident};

use super::chain::number_in;
use super::scope::Level;
use super::{Binder, is_main, literal};
use crate::error::{Error, ErrorKind, Result};

impl<'a> Binder<'a> {
    /// Binds an expression.
    pub(super) fn expr(&mut self, ast: &'a ast::Expr) -> Result<Expr> {
        if let Some(key) = self.key_of_group(ast)? {
            return Ok(key);
        }
        match ast {
            ast::Expr::BinaryOp { op: operator @ (AstOperator::And | AstOperator::Or), .. } => {
                self.logic(ast, operator)
            }
            ast::Expr::Value(_)
            | ast::Expr::Identifier(_)
            | ast::Expr::CompoundIdentifier(_)
            | ast::Expr::Function(_)
            | ast::Expr::Case { .. } => self.operand(ast),
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => match number_in(expr) {
                Some(digits) => literal::number(&format!("-{digits}")).map(Expr::Literal),
                None => self.chain(ast),
            },
            ast::Expr::UnaryOp { .. }
            | ast::Expr::BinaryOp { .. }
            | ast::Expr::Nested(_)
            | ast::Expr::IsNull(_)
            | ast::Expr::IsNotNull(_)
            | ast::Expr::IsTrue(_)
            | ast::Expr::IsNotTrue(_)
            | ast::Expr::IsFalse(_)
            | ast::Expr::IsNotFalse(_)
            | ast::Expr::IsDistinctFrom(..)
            | ast::Expr::IsNotDistinctFrom(..)
            | ast::Expr::Between { .. }
            | ast::Expr::InList { .. }
            | ast::Expr::InSubquery { .. }
            | ast::Expr::Like { any: false, .. }
            | ast::Expr::ILike { any: false, .. }
            | ast::Expr::Cast { format: None, .. }
            | ast::Expr::Collate { .. } => self.chain(ast),
            _ => self.special(ast),
        }
    }

    /// The column of the group that has `ast` as its key. Plain columns are found by name instead.
    pub(super) fn key_of_group(&mut self, ast: &'a ast::Expr) -> Result<Option<Expr>> {
        let Some(grouping) = self.levels.last_mut().and_then(|level| level.grouping.as_mut()) else {
            return Ok(None);
        };
        let has_expressions = grouping.keys.iter().any(|key| !matches!(key, Expr::Column(_)));
        if grouping.is_over_rows || !has_expressions {
            return Ok(None);
        }
        grouping.is_over_rows = true;
        let bound = self.expr(ast);
        if let Some(grouping) = &mut self.level().grouping {
            grouping.is_over_rows = false;
        }
        Ok(bound.ok().and_then(|bound| self.group_key(&bound)))
    }

    fn operand(&mut self, ast: &'a ast::Expr) -> Result<Expr> {
        match ast {
            ast::Expr::Value(value) => self.value(value),
            ast::Expr::Identifier(ident) => self.name(ident),
            ast::Expr::CompoundIdentifier(parts) => self.compound_name(parts),
            ast::Expr::Function(function) => self.function(function),
            ast::Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            _ => self.special(ast),
        }
    }

    fn value(&mut self, value: &'a ast::ValueWithSpan) -> Result<Expr> {
        match &value.value {
            ast::Value::Placeholder(_) => {
                let position = self.parameters.position(value.span.start).or_else(|| {
                    // The span of `:name` may begin at its name.
                    let mut before = value.span.start;
                    before.column = before.column.saturating_sub(1);
                    self.parameters.position(before)
                });
                position.map(Expr::Parameter).ok_or_else(|| {
                    Error::invalid("a parameter is not allowed here", "42P02").at(self.span_at(value.span.start))
                })
            }
            constant => {
                literal::literal(constant).map(Expr::Literal).map_err(|error| error.at(self.span_at(value.span.start)))
            }
        }
    }

    fn compound_name(&mut self, parts: &'a [Ident]) -> Result<Expr> {
        match parts {
            [column] => self.name(column),
            [table, column] => self.qualified_name(table, column),
            [schema, table, column] if is_main(schema) => self.qualified_name(table, column),
            _ => Err(Error::not_supported("a name of so many parts").at(parts.first().and_then(|p| self.span(p)))),
        }
    }

    fn case(
        &mut self,
        operand: Option<&'a ast::Expr>,
        conditions: &'a [ast::CaseWhen],
        otherwise: Option<&'a ast::Expr>,
    ) -> Result<Expr> {
        let operand = operand.map(|operand| self.expr(operand)).transpose()?;
        let target = operand.as_ref().and_then(|operand| self.fitting_type(operand));
        let mut branches = Vec::with_capacity(conditions.len());
        for branch in conditions {
            let mut condition = self.expr(&branch.condition)?;
            if let Some(target) = target {
                condition = self.fit_to(condition, target)?;
            }
            branches.push((condition, self.expr(&branch.result)?));
        }
        let mut otherwise = otherwise.map(|otherwise| self.expr(otherwise)).transpose()?;
        let results = branches.iter_mut().map(|(_, result)| result).chain(&mut otherwise);
        self.fit_choices(&mut results.collect::<Vec<_>>());
        Ok(Expr::Case { operand: operand.map(Box::new), branches, otherwise: otherwise.map(Box::new) })
    }

    /// What has a syntax of its own.
    fn special(&mut self, ast: &'a ast::Expr) -> Result<Expr> {
        match ast {
            ast::Expr::Exists { subquery, negated } => {
                let query = self.subquery(subquery, None)?;
                Ok(Expr::Exists { query: Box::new(query), negated: *negated })
            }
            ast::Expr::Subquery(query) => Ok(Expr::Scalar(Box::new(self.subquery(query, Some(1))?))),
            ast::Expr::Substring { expr, substring_from, substring_for, .. } => {
                let start = substring_from.as_deref();
                let mut arguments = vec![self.expr(expr)?];
                arguments.push(match start {
                    Some(start) => self.expr(start)?,
                    None => Expr::Literal(Value::Integer(1)),
                });
                if let Some(length) = substring_for {
                    arguments.push(self.expr(length)?);
                }
                Ok(Expr::Function { function: Function::Substring, arguments })
            }
            ast::Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                self.trim(*trim_where, trim_what.as_deref(), expr, trim_characters.as_deref())
            }
            ast::Expr::Ceil { expr, .. } => self.one_argument(Function::Ceil, expr),
            ast::Expr::Floor { expr, .. } => self.one_argument(Function::Floor, expr),
            ast::Expr::Position { expr, r#in } => {
                let arguments = vec![self.expr(r#in)?, self.expr(expr)?];
                Ok(Expr::Function { function: Function::Instr, arguments })
            }
            ast::Expr::TypedString(typed) => self.typed_string(typed),
            ast::Expr::Extract { field, expr, .. } => self.extract(field, expr),
            ast::Expr::Interval(_) => {
                Err(Error::not_supported("an INTERVAL other than behind + and -").with_hint("x + INTERVAL '3 days'"))
            }
            ast::Expr::Tuple(_) => Err(super::row::misused()),
            _ => Err(Error::not_supported("this expression")),
        }
    }

    fn one_argument(&mut self, function: Function, argument: &'a ast::Expr) -> Result<Expr> {
        Ok(Expr::Function { function, arguments: vec![self.expr(argument)?] })
    }

    fn trim(
        &mut self,
        side: Option<ast::TrimWhereField>,
        what: Option<&'a ast::Expr>,
        expr: &'a ast::Expr,
        characters: Option<&'a [ast::Expr]>,
    ) -> Result<Expr> {
        let function = match side {
            None | Some(ast::TrimWhereField::Both) => Function::Trim,
            Some(ast::TrimWhereField::Leading) => Function::TrimStart,
            Some(ast::TrimWhereField::Trailing) => Function::TrimEnd,
        };
        let mut arguments = vec![self.expr(expr)?];
        for argument in what.into_iter().chain(characters.into_iter().flatten()) {
            arguments.push(self.expr(argument)?);
        }
        if arguments.len() > 2 {
            let kind = ErrorKind::ArgumentCount {
                function: "TRIM".into(),
                expected: "1 or 2 arguments",
                found: arguments.len(),
            };
            return Err(Error::new(kind));
        }
        Ok(Expr::Function { function, arguments })
    }

    /// `DATE '2024-01-31'`.
    fn typed_string(&mut self, typed: &'a ast::TypedString) -> Result<Expr> {
        let target = literal::column_type(&typed.data_type)?;
        let value = literal::literal(&typed.value.value)?;
        manicule_query::cast(value, target)
            .map(|value| Expr::Literal(value.into_owned()))
            .map_err(|error| Error::from(error).at(self.span_at(typed.value.span.start)))
    }

    /// A query inside an expression, of a given width if one is asked for.
    pub(super) fn subquery(&mut self, query: &'a ast::Query, columns: Option<usize>) -> Result<Query> {
        let bound = self.query(query)?.0;
        match columns {
            Some(expected) if bound.columns.len() != expected => {
                Err(Error::new(ErrorKind::ColumnCount { expected, found: bound.columns.len() }))
            }
            _ => Ok(bound),
        }
    }

    /// A constant or parameter as it is compared with values of the type.
    pub(super) fn fit_to(&mut self, expr: Expr, target: ColumnType) -> Result<Expr> {
        match expr {
            Expr::Literal(_) | Expr::Parameter(_) => self.fit_type(expr, target),
            other => Ok(other),
        }
    }

    /// An expression that reads no column, as LIMIT takes.
    pub(super) fn constant_expr(&mut self, ast: &'a ast::Expr) -> Result<Expr> {
        let hidden = std::mem::replace(&mut self.levels, vec![Level::default()]);
        let bound = self.expr(ast);
        self.levels = hidden;
        let expr = bound?;
        if let Expr::Parameter(_) = expr {
            return self.fit_to(expr, ColumnType::Integer);
        }
        Ok(expr)
    }

    /// `left = right` of two columns, as USING makes it.
    pub(super) fn equal(left: Expr, right: Expr) -> Expr {
        Expr::Binary { operator: BinaryOperator::Equal, left: Box::new(left), right: Box::new(right) }
    }
}
