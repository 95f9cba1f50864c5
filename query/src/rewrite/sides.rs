//! COUNT, MIN and MAX of a UNION ALL are put together from those of its sides, which an index may have.

use super::change_subqueries;
use crate::expr::{AggregateCall, AggregateFunction, Expr};
use crate::plan::{LogicalPlan, SetOperationKind};

pub(super) fn aggregate_sides(plan: &mut LogicalPlan) -> bool {
    aggregate(plan) | change_subqueries(plan, aggregate_sides)
}

fn aggregate(plan: &mut LogicalPlan) -> bool {
    let mut changed = false;
    if let LogicalPlan::Aggregate { input, group_by, aggregates, .. } = plan
        && group_by.is_empty()
        && let LogicalPlan::SetOperation { slot, .. } = &**input
        && let Some(together) = together(aggregates, *slot)
        && is_of_projections(input)
    {
        aggregate_within(input, &std::mem::replace(aggregates, together));
        changed = true;
    }
    plan.for_each_input_mut(&mut |input| changed |= aggregate(input));
    changed
}

/// The calls that make the whole of those of the sides, if each of `calls` can be put together.
fn together(calls: &[AggregateCall], slot: usize) -> Option<Vec<AggregateCall>> {
    let put_together = |(column, call): (usize, &AggregateCall)| {
        let function = match call.function {
            AggregateFunction::Min | AggregateFunction::Max => call.function,
            AggregateFunction::CountRows => AggregateFunction::Sum,
            AggregateFunction::Count if !call.distinct => AggregateFunction::Sum,
            _ => return None,
        };
        let is_own = match &call.argument {
            None => true,
            Some(Expr::Column(column)) => column.slot == slot,
            Some(_) => false,
        };
        let argument = Some(Expr::column(slot, column));
        is_own.then(|| AggregateCall::new(function, argument))
    };
    calls.iter().enumerate().map(put_together).collect()
}

/// Whether the sides of a UNION ALL are projections, or are such themselves.
fn is_of_projections(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::SetOperation { kind: SetOperationKind::Union, all: true, left, right, .. } => {
            is_of_projections(left) && is_of_projections(right)
        }
        LogicalPlan::Project { .. } => true,
        _ => false,
    }
}

/// Has each projection of a UNION ALL give one row, the aggregates of its columns, in its own slot.
fn aggregate_within(plan: &mut LogicalPlan, calls: &[AggregateCall]) {
    match plan {
        LogicalPlan::SetOperation { left, right, columns, .. } => {
            aggregate_within(left, calls);
            aggregate_within(right, calls);
            *columns = calls.len();
        }
        LogicalPlan::Project { input, expressions, slot } => {
            let of_side = |argument: &Expr| match argument {
                Expr::Column(column) => expressions[column.column].clone(),
                other => other.clone(),
            };
            let of_side =
                |call: &AggregateCall| AggregateCall { argument: call.argument.as_ref().map(of_side), ..call.clone() };
            let aggregates = calls.iter().map(of_side).collect();
            let input = std::mem::replace(&mut **input, LogicalPlan::Unit);
            *plan = LogicalPlan::Aggregate { input: Box::new(input), group_by: Vec::new(), aggregates, slot: *slot };
        }
        _ => unreachable!("the sides are projections"),
    }
}
