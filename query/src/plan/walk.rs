//! Ways through a plan: its inputs, its expressions, its slot.

use super::LogicalPlan;
use crate::expr::Expr;

impl LogicalPlan {
    /// Whether it may give other rows each time that it is run over the same ones.
    pub(crate) fn is_volatile(&self) -> bool {
        let mut is_volatile = false;
        self.for_each_node(&mut |node| {
            node.for_each_expr(&mut |expr| {
                let of_subquery = |expr: &Expr| expr.subquery().is_some_and(|query| query.plan.is_volatile());
                is_volatile |= expr.is_volatile() || expr.any(&of_subquery);
            });
        });
        is_volatile
    }

    /// Calls `visit` with each input.
    pub fn for_each_input<'p>(&'p self, visit: &mut dyn FnMut(&'p LogicalPlan)) {
        match self {
            Self::Unit | Self::Scan { .. } | Self::Values { .. } => {}
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::Aggregate { input, .. }
            | Self::Distinct { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. } => visit(input),
            Self::Join { left, right, .. } | Self::SetOperation { left, right, .. } => {
                visit(left);
                visit(right);
            }
        }
    }

    /// Calls `visit` with each input, to be changed.
    pub fn for_each_input_mut(&mut self, visit: &mut dyn FnMut(&mut LogicalPlan)) {
        match self {
            Self::Unit | Self::Scan { .. } | Self::Values { .. } => {}
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::Aggregate { input, .. }
            | Self::Distinct { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. } => visit(input),
            Self::Join { left, right, .. } | Self::SetOperation { left, right, .. } => {
                visit(left);
                visit(right);
            }
        }
    }

    /// Calls `visit` with this node and every node below it; subqueries are not entered.
    pub fn for_each_node<'p>(&'p self, visit: &mut dyn FnMut(&'p LogicalPlan)) {
        visit(self);
        self.for_each_input(&mut |input| input.for_each_node(visit));
    }

    /// Calls `visit` with each expression of this very node.
    pub fn for_each_expr<'p>(&'p self, visit: &mut dyn FnMut(&'p Expr)) {
        match self {
            Self::Unit | Self::Scan { .. } | Self::Distinct { .. } | Self::SetOperation { .. } => {}
            Self::Values { rows, .. } => rows.iter().flatten().for_each(visit),
            Self::Filter { predicate, .. } => visit(predicate),
            Self::Join { on, .. } => on.iter().for_each(visit),
            Self::Project { expressions, .. } => expressions.iter().for_each(visit),
            Self::Aggregate { group_by, aggregates, .. } => {
                group_by.iter().for_each(&mut *visit);
                aggregates.iter().for_each(|call| call.for_each_expr(visit));
            }
            Self::Sort { keys, .. } => keys.iter().for_each(|key| visit(&key.expr)),
            Self::Limit { limit, offset, .. } => limit.iter().chain(offset).for_each(visit),
        }
    }

    /// Calls `visit` with each expression of this very node, to be changed.
    pub fn for_each_expr_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        match self {
            Self::Unit | Self::Scan { .. } | Self::Distinct { .. } | Self::SetOperation { .. } => {}
            Self::Values { rows, .. } => rows.iter_mut().flatten().for_each(visit),
            Self::Filter { predicate, .. } => visit(predicate),
            Self::Join { on, .. } => on.iter_mut().for_each(visit),
            Self::Project { expressions, .. } => expressions.iter_mut().for_each(visit),
            Self::Aggregate { group_by, aggregates, .. } => {
                group_by.iter_mut().for_each(&mut *visit);
                aggregates.iter_mut().for_each(|call| call.for_each_expr_mut(visit));
            }
            Self::Sort { keys, .. } => keys.iter_mut().for_each(|key| visit(&mut key.expr)),
            Self::Limit { limit, offset, .. } => limit.iter_mut().chain(offset).for_each(visit),
        }
    }

    /// The slot that this very node fills.
    pub fn own_slot(&self) -> Option<usize> {
        match self {
            Self::Scan { slot, .. }
            | Self::Values { slot, .. }
            | Self::Project { slot, .. }
            | Self::Aggregate { slot, .. }
            | Self::SetOperation { slot, .. } => Some(*slot),
            Self::Unit
            | Self::Filter { .. }
            | Self::Join { .. }
            | Self::Distinct { .. }
            | Self::Sort { .. }
            | Self::Limit { .. } => None,
        }
    }

    /// The slot whose rows are the result: that of the topmost node that fills one.
    pub fn output_slot(&self) -> Option<usize> {
        match self {
            Self::Filter { input, .. }
            | Self::Distinct { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. } => input.output_slot(),
            _ => self.own_slot(),
        }
    }
}
