//! A left join whose NULL rows a later condition throws away is an inner join, and a full join a left one.

use super::change_subqueries;
use crate::expr::{BinaryOperator, Expr, UnaryOperator};
use crate::plan::{JoinKind, LogicalPlan};
use crate::slots::{SlotSet, slots_given, slots_read};

pub(super) fn simplify_outer_joins(plan: &mut LogicalPlan) -> bool {
    simplify(plan, &SlotSet::default()) | change_subqueries(plan, simplify_outer_joins)
}

/// `rejected`: the slots whose row of NULLs some condition above does not let pass.
fn simplify(plan: &mut LogicalPlan, rejected: &SlotSet) -> bool {
    match plan {
        LogicalPlan::Filter { input, predicate } => {
            let mut rejected = rejected.clone();
            rejected.extend(&rejected_by(predicate));
            simplify(input, &rejected)
        }
        LogicalPlan::Join { left, right, kind, on } => {
            let by_condition = on.as_ref().map(rejected_by).unwrap_or_default();
            let becomes_left = *kind == JoinKind::Full && make_left(left, right, rejected);
            if becomes_left {
                *kind = JoinKind::Left;
            }
            let becomes_inner = *kind == JoinKind::Left && slots_given(right).intersects(rejected);
            if becomes_inner {
                *kind = JoinKind::Inner;
            }
            let mut both = rejected.clone();
            both.extend(&by_condition);
            let changed = match kind {
                JoinKind::Inner => simplify(left, &both) | simplify(right, &both),
                JoinKind::Left => simplify(left, rejected) | simplify(right, &by_condition),
                JoinKind::Full => simplify(left, &SlotSet::default()) | simplify(right, &SlotSet::default()),
            };
            changed | becomes_left | becomes_inner
        }
        LogicalPlan::Distinct { input, .. } | LogicalPlan::Sort { input, .. } => simplify(input, rejected),
        other => {
            let mut changed = false;
            other.for_each_input_mut(&mut |input| changed |= simplify(input, &SlotSet::default()));
            changed
        }
    }
}

/// Whether a full join is a left one, as its rows with NULLs on one side are rejected; puts that side on the left.
fn make_left(left: &mut LogicalPlan, right: &mut LogicalPlan, rejected: &SlotSet) -> bool {
    if slots_given(left).intersects(rejected) {
        return true;
    }
    let is_right = slots_given(right).intersects(rejected);
    if is_right {
        std::mem::swap(left, right);
    }
    is_right
}

/// The slots for which the condition is not true where all their columns are NULL.
fn rejected_by(condition: &Expr) -> SlotSet {
    let mut rejected = SlotSet::default();
    for slot in slots_read(condition).iter() {
        if rejects(condition, slot) {
            rejected.insert(slot);
        }
    }
    rejected
}

fn rejects(condition: &Expr, slot: usize) -> bool {
    match condition {
        Expr::And(parts) => parts.iter().any(|part| rejects(part, slot)),
        Expr::Or(parts) => !parts.is_empty() && parts.iter().all(|part| rejects(part, slot)),
        Expr::Binary { operator: BinaryOperator::Is | BinaryOperator::IsNot, .. } => false,
        Expr::IsNull { operand, negated: true } => is_null_with(operand, slot),
        Expr::InList { operand, list, .. } => !list.is_empty() && is_null_with(operand, slot),
        other => is_null_with(other, slot),
    }
}

/// Whether the expression is NULL wherever all columns of the slot are.
fn is_null_with(expr: &Expr, slot: usize) -> bool {
    match expr {
        Expr::Column(column) => column.slot == slot,
        // A comparison of a row of NULLs alone is NULL, whatever it is compared by.
        Expr::Row(values) => values.iter().all(|value| is_null_with(value, slot)),
        Expr::Unary { operator: UnaryOperator::Not | UnaryOperator::Negate | UnaryOperator::BitNot, operand }
        | Expr::Cast { operand, .. } => is_null_with(operand, slot),
        Expr::Binary { operator: BinaryOperator::Is | BinaryOperator::IsNot, .. } => false,
        Expr::Binary { left, right, .. } => is_null_with(left, slot) || is_null_with(right, slot),
        Expr::Like { operand, pattern, .. } => is_null_with(operand, slot) || is_null_with(pattern, slot),
        Expr::Between { operand, .. } => is_null_with(operand, slot),
        _ => false,
    }
}
