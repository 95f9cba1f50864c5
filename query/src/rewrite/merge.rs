//! A projection below the joins and conditions of another is merged into it, as a view or a derived table that only picks
//! columns, filters and joins is: conditions then speak of its tables, and its tables are joined by their indexes.
//!
//! What reads the projection reads what its columns are made of instead. That must have the same value and cause no error
//! that there was not:
//!
//! * In the right side of a left join, and in both of a full one, there may be no row, and only a column of such a row is NULL
//!   then.
//! * What is computed is only handed on or aggregated, once: then it is computed for rows for which it was before, and
//!   expressions do not become deeper or larger with each view.
//! * A condition that may fail and that reads a join would be decided before the other conditions of that join are.

use ahash::{AHashMap, AHashSet};

use super::{change_exprs, change_subqueries};
use crate::expr::{ColumnRef, Expr, UnaryOperator};
use crate::plan::{JoinKind, LogicalPlan};
use crate::slots::{SlotSet, slots_given, slots_read};

/// So many relations are joined in one region at most: the work of ordering them is more than linear.
const RELATIONS_MAX: usize = 64;

pub(super) fn merge_projections(plan: &mut LogicalPlan) -> bool {
    merge(plan) | change_subqueries(plan, merge_projections)
}

/// Merges from the bottom up.
fn merge(plan: &mut LogicalPlan) -> bool {
    let mut changed = false;
    plan.for_each_input_mut(&mut |input| changed |= merge(input));
    let LogicalPlan::Project { input, .. } = &*plan else { return changed };
    if !has_projection(input) {
        return changed;
    }
    let room = RELATIONS_MAX.saturating_sub(relations(input));
    let mut merger = Merger { reads: Reads::of(plan), room, merged: AHashMap::new() };
    plan.for_each_input_mut(&mut |input| merger.lift(input, false));
    let merged = merger.merged;
    changed
        | change_exprs(plan, &mut |expr| {
            let Expr::Column(column) = expr else { return false };
            let Some(made_of) = merged.get(&column.slot) else { return false };
            *expr = made_of[column.column].clone();
            true
        })
}

/// Whether there is a projection directly below joins, conditions and groups.
fn has_projection(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Project { .. } => true,
        LogicalPlan::Filter { input, .. } | LogicalPlan::Aggregate { input, .. } => has_projection(input),
        LogicalPlan::Join { left, right, .. } => has_projection(left) || has_projection(right),
        _ => false,
    }
}

/// How many relations are joined.
fn relations(plan: &LogicalPlan) -> usize {
    match plan {
        LogicalPlan::Filter { input, .. } | LogicalPlan::Aggregate { input, .. } => relations(input),
        LogicalPlan::Join { left, right, .. } => relations(left) + relations(right),
        _ => 1,
    }
}

/// Takes projections out of the input of another.
struct Merger {
    reads: Reads,
    /// How many more relations may be joined.
    room: usize,
    /// What the columns of each slot that is no more are made of.
    merged: AHashMap<usize, Vec<Expr>>,
}

impl Merger {
    /// `may_lack`: whether the plan is within a side of an outer join that may have no row.
    fn lift(&mut self, plan: &mut LogicalPlan, may_lack: bool) {
        match plan {
            LogicalPlan::Filter { input, .. } | LogicalPlan::Aggregate { input, .. } => self.lift(input, may_lack),
            LogicalPlan::Join { left, right, kind, .. } => {
                self.lift(left, may_lack || *kind == JoinKind::Full);
                self.lift(right, may_lack || *kind != JoinKind::Inner);
            }
            LogicalPlan::Project { input, expressions, slot } => {
                let more = relations(input) - 1;
                if more <= self.room && self.may_merge(input, expressions, *slot, may_lack) {
                    self.room -= more;
                    self.merged.insert(*slot, std::mem::take(expressions));
                    *plan = std::mem::replace(input, LogicalPlan::Unit);
                }
            }
            _ => {}
        }
    }

    fn may_merge(&self, input: &LogicalPlan, expressions: &[Expr], slot: usize, may_lack: bool) -> bool {
        let below = slots_given(input);
        let may_read = |(column, expr): (usize, &Expr)| {
            let column = ColumnRef { slot, column };
            match expr {
                _ if !self.reads.reads(column) => true,
                Expr::Column(made_of) if below.contains(made_of.slot) => true,
                _ if may_lack => false,
                Expr::Column(_) | Expr::Literal(_) | Expr::Parameter(_) => true,
                computed => self.reads.only_hands_on(column) && !computed.has_subquery() && !computed.is_volatile(),
            }
        };
        // One row without columns is no relation to join.
        if below.is_empty() || has_join(input) && self.reads.may_fail.contains(slot) {
            return false;
        }
        expressions.iter().enumerate().all(may_read)
    }
}

fn has_join(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join { .. } => true,
        LogicalPlan::Filter { input, .. } => has_join(input),
        _ => false,
    }
}

/// What a query reads.
#[derive(Default)]
struct Reads {
    /// Columns that it hands on or aggregates as they are, and whether more than once.
    handed_on: AHashMap<ColumnRef, bool>,
    /// Columns that are read in any other way.
    others: AHashSet<ColumnRef>,
    /// The slots that a condition reads that may fail.
    may_fail: SlotSet,
}

impl Reads {
    fn of(plan: &LogicalPlan) -> Self {
        let mut reads = Self::default();
        plan.for_each_node(&mut |node| {
            let decides = matches!(node, LogicalPlan::Filter { .. } | LogicalPlan::Join { .. });
            node.for_each_expr(&mut |expr| match expr {
                Expr::Column(column) if !decides => {
                    reads.handed_on.entry(*column).and_modify(|again| *again = true).or_insert(false);
                }
                _ => reads.add(expr, decides),
            });
        });
        reads
    }

    /// Adds what an expression reads that is no column alone, or `decides` which rows there are.
    fn add(&mut self, expr: &Expr, decides: bool) {
        for_each_expr(expr, &mut |inner| {
            if let Expr::Column(column) = inner {
                self.others.insert(*column);
            }
        });
        if decides {
            self.add_failing(expr);
        }
    }

    fn add_failing(&mut self, condition: &Expr) {
        match condition {
            Expr::And(parts) => parts.iter().for_each(|part| self.add_failing(part)),
            other if may_fail(other) => self.may_fail.extend(&slots_read(other)),
            _ => {}
        }
    }

    fn reads(&self, column: ColumnRef) -> bool {
        self.others.contains(&column) || self.handed_on.contains_key(&column)
    }

    fn only_hands_on(&self, column: ColumnRef) -> bool {
        !self.others.contains(&column) && self.handed_on.get(&column) == Some(&false)
    }
}

/// Calls `visit` with the expression and all below it, those of subqueries too.
fn for_each_expr(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
    visit(expr);
    expr.for_each_child(&mut |child| for_each_expr(child, visit));
    if let Some(query) = expr.subquery() {
        query.plan.for_each_node(&mut |node| node.for_each_expr(&mut |inner| for_each_expr(inner, visit)));
    }
}

/// Whether there is more in it than columns, constants, comparisons and what joins them.
pub(crate) fn may_fail(expr: &Expr) -> bool {
    let mut found = false;
    for_each_expr(expr, &mut |inner| {
        found |= match inner {
            Expr::Cast { .. } | Expr::Function { .. } => true,
            Expr::Unary { operator, .. } => *operator != UnaryOperator::Not,
            Expr::Binary { operator, .. } => operator.complement().is_none(),
            _ => false,
        }
    });
    found
}
