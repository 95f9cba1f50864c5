//! Groups: whether a query has them, what they are grouped by.

use manicule_query::expr::{AggregateCall, AggregateFunction, ColumnRef, Expr};
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::chain::number_in;
use super::function::aggregate_of;
use super::same::same;
use super::scope::Grouping;
use super::{Binder, KnownType};
use crate::error::{Error, Result};

impl Grouping {
    pub(super) fn new(keys: Vec<Expr>, slot: usize) -> Self {
        Self { keys, aggregates: Vec::new(), slot, is_over_rows: false, has_bare_column: false, has_extreme: false }
    }

    /// The column of the group's row that stands for a column of the rows: the key that it is; otherwise, as SQLite
    /// allows it, one of the group's values, and of all choices the smallest, so that it is always the same.
    pub(super) fn column(&mut self, column: ColumnRef) -> ColumnRef {
        let key = self.keys.iter().position(|key| matches!(key, Expr::Column(key) if *key == column));
        if let Some(key) = key {
            return ColumnRef { slot: self.slot, column: key };
        }
        self.has_bare_column = true;
        self.add_call(AggregateCall::new(AggregateFunction::Min, Some(Expr::Column(column))))
    }

    /// SQLite takes such a column from the row that has the one MIN or MAX of the query; the smallest value would be
    /// another answer without a word.
    pub(super) fn check_bare_columns(&self) -> Result<()> {
        if !self.has_bare_column || !self.has_extreme {
            return Ok(());
        }
        Err(Error::grouping("beside MIN and MAX every column must be in GROUP BY or inside an aggregate")
            .with_hint("write a query for the row: … WHERE x = (SELECT MAX(x) …)"))
    }

    /// The column of an aggregate, which is added unless it is there already.
    pub(super) fn add(&mut self, call: AggregateCall) -> Expr {
        Expr::Column(self.add_call(call))
    }

    fn add_call(&mut self, call: AggregateCall) -> ColumnRef {
        let position = self.aggregates.iter().position(|known| same_call(known, &call)).unwrap_or_else(|| {
            self.aggregates.push(call);
            self.aggregates.len() - 1
        });
        ColumnRef { slot: self.slot, column: self.keys.len() + position }
    }
}

fn same_call(left: &AggregateCall, right: &AggregateCall) -> bool {
    let both = |left: &Option<Expr>, right: &Option<Expr>| match (left, right) {
        (Some(left), Some(right)) => same(left, right),
        (None, None) => true,
        _ => false,
    };
    left.function == right.function
        && left.distinct == right.distinct
        && both(&left.argument, &right.argument)
        && both(&left.separator, &right.separator)
        && left.order_by.len() == right.order_by.len()
        && left.order_by.iter().zip(&right.order_by).all(|(one, other)| {
            (one.descending, one.nulls_first) == (other.descending, other.nulls_first) && same(&one.expr, &other.expr)
        })
}

impl<'a> Binder<'a> {
    /// Binds the keys of GROUP BY: positions and aliases of the select list, or expressions over the rows.
    pub(super) fn group_keys(
        &mut self,
        group_by: &'a ast::GroupByExpr,
        projection: &'a [ast::SelectItem],
    ) -> Result<Vec<Expr>> {
        let ast::GroupByExpr::Expressions(items, modifiers) = group_by else {
            return Err(Error::not_supported("GROUP BY ALL"));
        };
        if !modifiers.is_empty() {
            return Err(Error::not_supported("WITH ROLLUP and the like"));
        }
        let mut keys = Vec::with_capacity(items.len());
        for item in items {
            let key = match number_in(item) {
                Some(digits) => {
                    let position = self.position(digits, projection.len(), "GROUP BY")?;
                    match &projection[position] {
                        ast::SelectItem::UnnamedExpr(expr) | ast::SelectItem::ExprWithAlias { expr, .. } => {
                            self.aliased(expr)?
                        }
                        _ => return Err(Error::not_supported("GROUP BY a position beside *")),
                    }
                }
                None => self.expr(item)?,
            };
            keys.push(key);
        }
        Ok(keys)
    }

    /// A position in the select list, counted from 0.
    pub(super) fn position(&self, digits: &str, columns: usize, clause: &str) -> Result<usize> {
        let position = digits.parse::<usize>().ok().filter(|position| (1..=columns).contains(position));
        position.map(|position| position - 1).ok_or_else(|| {
            Error::invalid(format!("{clause} {digits}: the query has {columns} columns, counted from 1"), "42P10")
        })
    }

    /// The types of the columns of a group's row.
    pub(super) fn group_types(&self, grouping: &Grouping) -> Vec<KnownType> {
        let keys = grouping.keys.iter().map(|key| self.type_of(key));
        keys.chain(grouping.aggregates.iter().map(|call| self.aggregate_type(call))).collect()
    }
}

/// Whether an expression calls an aggregate, not counting the queries inside it. Walks with a stack of its own.
pub(super) fn has_aggregate(ast: &ast::Expr) -> bool {
    let mut pending = vec![ast];
    while let Some(ast) = pending.pop() {
        match ast {
            ast::Expr::Function(function) => {
                if aggregate_of(function).is_some() {
                    return true;
                }
                push_arguments(&function.args, &mut pending);
            }
            other => push_operands(other, &mut pending),
        }
    }
    false
}

fn push_arguments<'a>(arguments: &'a FunctionArguments, pending: &mut Vec<&'a ast::Expr>) {
    if let FunctionArguments::List(list) = arguments {
        pending.extend(list.args.iter().filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        }));
    }
}

fn push_operands<'a>(ast: &'a ast::Expr, pending: &mut Vec<&'a ast::Expr>) {
    use ast::Expr as Ast;
    match ast {
        Ast::BinaryOp { left, right, .. } | Ast::IsDistinctFrom(left, right) | Ast::IsNotDistinctFrom(left, right) => {
            pending.extend([left.as_ref(), right.as_ref()]);
        }
        Ast::UnaryOp { expr, .. }
        | Ast::Nested(expr)
        | Ast::IsNull(expr)
        | Ast::IsNotNull(expr)
        | Ast::IsTrue(expr)
        | Ast::IsNotTrue(expr)
        | Ast::IsFalse(expr)
        | Ast::IsNotFalse(expr)
        | Ast::InSubquery { expr, .. }
        | Ast::Cast { expr, .. }
        | Ast::Ceil { expr, .. }
        | Ast::Floor { expr, .. }
        | Ast::Extract { expr, .. }
        | Ast::Collate { expr, .. } => pending.push(expr),
        Ast::Between { expr, low, high, .. } => pending.extend([expr.as_ref(), low.as_ref(), high.as_ref()]),
        Ast::Like { expr, pattern, .. } | Ast::ILike { expr, pattern, .. } => {
            pending.extend([expr.as_ref(), pattern.as_ref()]);
        }
        Ast::Tuple(values) => pending.extend(values),
        Ast::InList { expr, list, .. } => {
            pending.push(expr);
            pending.extend(list);
        }
        Ast::Case { operand, conditions, else_result, .. } => {
            pending.extend(operand.as_deref());
            pending.extend(else_result.as_deref());
            pending.extend(conditions.iter().flat_map(|branch| [&branch.condition, &branch.result]));
        }
        Ast::Substring { expr, substring_from, substring_for, .. } => {
            pending.push(expr);
            pending.extend(substring_from.as_deref());
            pending.extend(substring_for.as_deref());
        }
        Ast::Trim { expr, trim_what, trim_characters, .. } => {
            pending.push(expr);
            pending.extend(trim_what.as_deref());
            pending.extend(trim_characters.iter().flatten());
        }
        Ast::Position { expr, r#in } => pending.extend([expr.as_ref(), r#in.as_ref()]),
        _ => {}
    }
}
