//! Subqueries whose only outer rows are in equalities: an EXISTS, or a value made of aggregates. The subquery runs once
//! without them, its rows or groups are hashed by the values that must be equal, and each outer row is looked up. Where an
//! index serves an equality, a lookup for each outer row reads less.

use manicule_engine::Value;

use super::Router;
use super::join::hash_key;
use super::order::Wanted;
use super::region::{Conjunct, TableRef};
use crate::context::Routing;
use crate::expr::Expr;
use crate::plan::{JoinKind, LogicalPlan, OutputColumn, Query};
use crate::rewrite::may_fail;
use crate::slots::{SlotSet, outer_slots, slots_given};

/// A subquery without its equalities.
pub(super) struct Matched {
    /// What an outer row looks up, one value for each column of the query.
    pub(super) outer: Vec<Expr>,
    /// Gives what must be equal to it, and reads no outer row.
    pub(super) query: Query,
}

impl Router<'_, '_> {
    /// The query of an EXISTS as one to be hashed, if that is possible and no index does better.
    pub(super) fn matched(&self, query: &Query) -> Option<Matched> {
        if self.routing == Routing::FullScan || outer_slots(query).is_empty() {
            return None;
        }
        let mut plan = &query.plan;
        // Whether there is a row these do not decide.
        while let LogicalPlan::Distinct { input, .. }
        | LogicalPlan::Limit { input, limit: Some(Expr::Literal(Value::Integer(1..))), offset: None } = plan
        {
            plan = input;
        }
        let LogicalPlan::Project { input, expressions, slot } = plan else { return None };
        let cannot_fail = |expr: &Expr| matches!(expr, Expr::Literal(_) | Expr::Parameter(_) | Expr::Column(_));
        if input.is_volatile() || !expressions.iter().all(cannot_fail) {
            return None;
        }
        let mut keys = Vec::new();
        let rest = take_keys(input.as_ref().clone(), &slots_given(input), &mut keys);
        let (outer, expressions): (Vec<Expr>, Vec<Expr>) = keys.into_iter().unzip();
        let column = OutputColumn { name: String::new(), column_type: None };
        let columns = vec![column; expressions.len()];
        let plan = LogicalPlan::Project { input: Box::new(rest), expressions, slot: *slot };
        let query = Query { plan, columns, outer_slots: Vec::new() };
        let is_possible = !outer.is_empty() && outer_slots(&query).is_empty();
        (is_possible && !self.has_index_for_keys(input)).then_some(Matched { outer, query })
    }

    /// A scalar query of aggregates as one that gives the value of each group, and after it the keys of the group, if that is
    /// possible and no index does better.
    pub(super) fn grouped(&self, query: &Query) -> Option<Matched> {
        if self.routing == Routing::FullScan || outer_slots(query).is_empty() {
            return None;
        }
        let LogicalPlan::Project { input, expressions, slot } = &query.plan else { return None };
        let LogicalPlan::Aggregate { input, group_by, aggregates, slot: groups } = input.as_ref() else { return None };
        if expressions.len() != 1 || !group_by.is_empty() || query.plan.is_volatile() {
            return None;
        }
        let mut keys = Vec::new();
        let rest = take_keys(input.as_ref().clone(), &slots_given(input), &mut keys);
        let (outer, group_by): (Vec<Expr>, Vec<Expr>) = keys.into_iter().unzip();
        // The values of a column are of one type: no two groups equal the same outer value. And where there is no row, the outer
        // value is not computed.
        let may_group = group_by.iter().all(|key| matches!(key, Expr::Column(_))) && !outer.iter().any(may_fail);
        let count = group_by.len();
        let mut expressions = expressions.clone();
        move_columns(&mut expressions[0], *groups, count);
        expressions.extend((0..count).map(|key| Expr::column(*groups, key)));
        let columns = vec![OutputColumn { name: String::new(), column_type: None }; expressions.len()];
        let rest =
            LogicalPlan::Aggregate { input: Box::new(rest), group_by, aggregates: aggregates.clone(), slot: *groups };
        let plan = LogicalPlan::Project { input: Box::new(rest), expressions, slot: *slot };
        let query = Query { plan, columns, outer_slots: Vec::new() };
        let is_possible = may_group && !outer.is_empty() && outer_slots(&query).is_empty();
        (is_possible && !self.has_index_for_keys(input)).then_some(Matched { outer, query })
    }

    /// Whether the path of some table, chosen for each outer row, would be by one of the equalities.
    fn has_index_for_keys(&self, plan: &LogicalPlan) -> bool {
        let (mut tables, mut conjuncts) = (Vec::new(), Vec::new());
        plan.for_each_node(&mut |node| match node {
            LogicalPlan::Scan { table, slot } => tables.push((*table, *slot)),
            LogicalPlan::Filter { predicate, .. } | LogicalPlan::Join { on: Some(predicate), .. } => {
                conjuncts.extend(predicate.clone().into_conjuncts().into_iter().map(Conjunct::new));
            }
            _ => {}
        });
        let inner = slots_given(plan);
        tables.into_iter().any(|(table, slot)| {
            let Some(schema) = self.catalog.table_by_id(table).cloned() else { return false };
            let table = TableRef { schema, slot, rows: self.view.row_count(table) as f64 };
            let reads_no_other = |conjunct: &&Conjunct| {
                conjunct.slots.contains(slot) && conjunct.slots.iter().all(|read| read == slot || !inner.contains(read))
            };
            let conjuncts: Vec<&Conjunct> = conjuncts.iter().filter(reads_no_other).collect();
            let access = self.choose_access(&table, &conjuncts, &inner, &Wanted::default());
            access.proven.iter().any(|&position| equality(&conjuncts[position].expr, &inner).is_some())
        })
    }
}

/// Has an expression read the columns of a slot that many places later.
fn move_columns(expr: &mut Expr, slot: usize, places: usize) {
    match expr {
        Expr::Column(column) if column.slot == slot => column.column += places,
        _ => expr.for_each_child_mut(&mut |child| move_columns(child, slot, places)),
    }
}

/// The plan without the equalities between its rows and outer ones, which become `keys`: outer side, own side.
fn take_keys(plan: LogicalPlan, inner: &SlotSet, keys: &mut Vec<(Expr, Expr)>) -> LogicalPlan {
    match plan {
        LogicalPlan::Filter { input, predicate } => {
            let input = take_keys(*input, inner, keys);
            match without_keys(predicate, inner, keys) {
                Some(predicate) => LogicalPlan::Filter { input: Box::new(input), predicate },
                None => input,
            }
        }
        LogicalPlan::Join { left, right, kind: JoinKind::Inner, on } => LogicalPlan::Join {
            left: Box::new(take_keys(*left, inner, keys)),
            right: Box::new(take_keys(*right, inner, keys)),
            kind: JoinKind::Inner,
            on: on.and_then(|on| without_keys(on, inner, keys)),
        },
        LogicalPlan::Join { left, right, kind: JoinKind::Left, on } => {
            LogicalPlan::Join { left: Box::new(take_keys(*left, inner, keys)), right, kind: JoinKind::Left, on }
        }
        other => other,
    }
}

/// The outer and the own side of an equality.
fn equality(expr: &Expr, inner: &SlotSet) -> Option<(Expr, Expr)> {
    let key = hash_key(expr, inner).filter(|key| !key.nulls_match)?;
    Some((key.left, key.right))
}

fn without_keys(predicate: Expr, inner: &SlotSet, keys: &mut Vec<(Expr, Expr)>) -> Option<Expr> {
    let mut rest = Vec::new();
    for conjunct in predicate.into_conjuncts() {
        match equality(&conjunct, inner) {
            Some(key) => keys.push(key),
            None => rest.push(conjunct),
        }
    }
    if rest.is_empty() { None } else { Some(Expr::and(rest)) }
}
