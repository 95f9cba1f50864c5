//! The first rows of a UNION ALL in order are among the first rows of each side in that order.

use manicule_engine::Value;

use super::change_subqueries;
use crate::expr::{ColumnRef, Expr};
use crate::plan::{LogicalPlan, SetOperationKind, SortKey};

/// More rows than this are not sorted twice, on their side and all together.
const ROWS_MAX: i64 = 10_000;

pub(super) fn push_limits_down(plan: &mut LogicalPlan) -> bool {
    push(plan) | change_subqueries(plan, push_limits_down)
}

fn push(plan: &mut LogicalPlan) -> bool {
    let mut changed = false;
    if let LogicalPlan::Limit { input, limit: Some(limit), offset } = plan
        && let LogicalPlan::Sort { input, keys } = input.as_mut()
        && let Some(most) = most_rows(limit, offset.as_ref())
        && let Some(keys) = keys.iter().map(column_key).collect::<Option<Vec<_>>>()
    {
        changed = push_into_sides(input, keys, &most);
    }
    plan.for_each_input_mut(&mut |input| changed |= push(input));
    changed
}

/// How many rows LIMIT and OFFSET read, if that can be said without a computation that may fail.
fn most_rows(limit: &Expr, offset: Option<&Expr>) -> Option<Expr> {
    let offset = match offset {
        None => 0,
        Some(Expr::Literal(Value::Integer(offset @ 0..=ROWS_MAX))) => *offset,
        Some(_) => return None,
    };
    match limit {
        Expr::Literal(Value::Integer(limit @ 0..=ROWS_MAX)) => Some(Expr::literal(limit + offset)),
        Expr::Parameter(_) if offset == 0 => Some(limit.clone()),
        _ => None,
    }
}

/// A key that is a column, with that column.
fn column_key(key: &SortKey) -> Option<(ColumnRef, SortKey)> {
    match &key.expr {
        Expr::Column(column) => Some((*column, key.clone())),
        _ => None,
    }
}

/// Has each side of a UNION ALL give its first rows only; whether there is one and the keys are columns of it.
fn push_into_sides(plan: &mut LogicalPlan, mut keys: Vec<(ColumnRef, SortKey)>, most: &Expr) -> bool {
    match plan {
        LogicalPlan::Project { input, expressions, slot } => {
            for (column, _) in &mut keys {
                match expressions.get(column.column) {
                    Some(Expr::Column(below)) if column.slot == *slot => *column = *below,
                    _ => return false,
                }
            }
            push_into_sides(input, keys, most)
        }
        LogicalPlan::SetOperation { kind: SetOperationKind::Union, all: true, left, right, slot, .. } => {
            if keys.iter().any(|(column, _)| column.slot != *slot) {
                return false;
            }
            [left, right].into_iter().for_each(|side| take_first(side, &keys, most));
            true
        }
        _ => false,
    }
}

/// The first `most` rows of a side.
fn take_first(side: &mut LogicalPlan, keys: &[(ColumnRef, SortKey)], most: &Expr) {
    let slot = side.output_slot().expect("a side of a set operation has columns");
    let key = |(column, key): &(ColumnRef, SortKey)| SortKey { expr: Expr::column(slot, column.column), ..key.clone() };
    let input = Box::new(std::mem::replace(side, LogicalPlan::Unit));
    let input = Box::new(LogicalPlan::Sort { input, keys: keys.iter().map(key).collect() });
    *side = LogicalPlan::Limit { input, limit: Some(most.clone()), offset: None };
}
