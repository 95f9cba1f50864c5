//! What a plan is expected to cost, in rows of a full scan: the router's own figures, added up over the steps.

use super::join::{HASH_INSERT, HASH_LOOKUP};
use super::{group_sort_cost, sort_cost};
use crate::expr::{Expr, SubqueryForm};
use crate::physical::{Action, Node, NodeKind, PhysicalPlan, RightSide};

impl PhysicalPlan {
    /// What running it is expected to cost: 1 is a row read in a full scan. Good for comparing two plans of one statement;
    /// a subquery that depends on the row around it counts once for each row of the largest table that is read around it.
    pub fn cost(&self) -> f64 {
        let root = match &self.action {
            Action::Query(output) => &output.root,
            Action::Insert(insert) => &insert.source.root,
            Action::Update(update) => &update.input,
            Action::Delete(delete) => &delete.input,
        };
        let outer_rows = most_rows(root);
        let subplans = self.subplans.iter().map(|subplan| {
            let is_once = subplan.outer_slots.is_empty() || matches!(subplan.form, SubqueryForm::Grouped { .. });
            let times = if is_once { 1.0 } else { outer_rows };
            cost(&subplan.output.root) * times
        });
        cost(root) + subplans.sum::<f64>()
    }
}

/// What running a step and those below it is expected to cost.
pub(super) fn cost(node: &Node) -> f64 {
    match &node.kind {
        NodeKind::Unit => 0.0,
        NodeKind::Scan(scan) => scan.cost,
        NodeKind::Values { rows, .. } => rows.len() as f64,
        NodeKind::Filter { input, .. } | NodeKind::Project { input, .. } | NodeKind::Limit { input, .. } => cost(input),
        NodeKind::Aggregate { input, .. } | NodeKind::Distinct { input, .. } => cost(input) + input.rows,
        NodeKind::Sort(sort) => {
            let top = sort.top.as_ref().and_then(|(limit, _)| match limit {
                Expr::Literal(manicule_engine::Value::Integer(limit)) => Some(*limit as f64),
                _ => None,
            });
            let rows = sort.input.rows;
            cost(&sort.input)
                + match sort.presorted {
                    None => sort_cost(rows, top),
                    Some(presorted) => group_sort_cost(rows, presorted.group_rows, top),
                }
        }
        NodeKind::NestedLoop(join) => {
            let times = match join.right_side {
                RightSide::EachTime => join.left.rows.max(1.0),
                RightSide::Once => 1.0,
            };
            cost(&join.left) + times * cost(&join.right)
        }
        NodeKind::HashJoin(join) => {
            cost(&join.left) + cost(&join.right) + HASH_INSERT * join.right.rows + HASH_LOOKUP * join.left.rows
        }
        NodeKind::SetOperation(operation) => {
            let rows = operation.left.rows + operation.right.rows;
            cost(&operation.left) + cost(&operation.right) + rows
        }
    }
}

/// The most rows that any step below gives.
fn most_rows(node: &Node) -> f64 {
    node.inputs().into_iter().map(most_rows).fold(node.rows.max(1.0), f64::max)
}
