//! The order of joins and the way of each.
//!
//! The smallest relation comes first. Then always the one that keeps the intermediate result smallest, among those that a
//! condition ties to what is there; only where none is tied, a product. Each new relation is joined by whichever costs
//! less: an index lookup for each row that is there, or one pass over it and a hash table; what is no table is run for each
//! row if indexes find its rows. The work is quadratic in the number of relations, so a chain of 64 tables is planned in a
//! moment.

use super::access::{Access, SMALL_TABLE_ROWS};
use super::cost::cost;
use super::order::{Wanted, direction_for};
use super::region::{Conjunct, Other, Relation, TableRef};
use super::{PROBE, ROW_BY_INDEX, Router, sort_cost};
use crate::context::Routing;
use crate::error::Result;
use crate::expr::{BinaryOperator, Expr};
use crate::physical::{AccessPath, HashJoin, IndexRange, NestedLoop, Node, NodeKind, RightSide};
use crate::plan::{JoinKind, LogicalPlan};
use crate::rewrite::{may_fail, push_predicates_down};
use crate::slots::{SlotSet, slots_given};

/// Up to so many wanted rows it pays to begin a join with the table that has their order.
const FEW_ROWS: f64 = 1000.0;
/// What putting a row in a hash table costs, in rows of a full scan.
pub(super) const HASH_INSERT: f64 = 2.0;
/// What looking a row up in a hash table costs.
pub(super) const HASH_LOOKUP: f64 = 1.5;
/// A scan without conditions of more rows than this is read again rather than kept.
const KEPT_ROWS_MAX: f64 = 100_000.0;

/// One way to join a relation to what is there.
struct Step {
    /// How many rows there are then.
    rows: f64,
    cost: f64,
    connected: bool,
}

impl Router<'_, '_> {
    /// Joins the relations of a region.
    pub(super) fn plan_joins(
        &mut self,
        mut relations: Vec<Relation>,
        mut conjuncts: Vec<Conjunct>,
        wanted: &Wanted,
    ) -> Result<Node> {
        let mut missing = SlotSet::default();
        relations.iter().for_each(|relation| missing.extend(&relation.slots()));
        let first = self.first_relation(&relations, &conjuncts, &missing, wanted);
        let relation = relations.remove(first);
        let alone = relations.is_empty();
        let wanted = if alone || matches!(&relation, Relation::Table(_)) { wanted.clone() } else { Wanted::default() };
        let mut unplaced = missing;
        let decided = take_decided(&mut conjuncts, &unplaced, &relation.slots());
        let slots = relation.slots();
        let mut node = self.plan_relation(relation, &decided, &unplaced, &wanted)?;
        let limit = self.limit_of_joined(&node, &wanted);
        unplaced.remove_all(&slots);
        while !relations.is_empty() {
            let next =
                self.next_relation(node.rows, &relations, &Conditions { conjuncts: &conjuncts, unplaced: &unplaced });
            let relation = relations.remove(next);
            let decided = take_decided(&mut conjuncts, &unplaced, &relation.slots());
            let slots = relation.slots();
            let right = Right { relation, kind: JoinKind::Inner, on: decided, limit };
            node = self.join(node, right, &unplaced)?;
            unplaced.remove_all(&slots);
        }
        debug_assert!(conjuncts.is_empty(), "every condition is decided once all relations are there");
        Ok(node)
    }

    /// A left join: the right side's rows must satisfy all of `on` to be partners.
    pub(super) fn plan_left_join(
        &mut self,
        left: LogicalPlan,
        right: LogicalPlan,
        on: Option<Expr>,
        wanted: &Wanted,
    ) -> Result<Node> {
        let left = self.plan(left, wanted)?;
        let limit = self.limit_of_joined(&left, wanted);
        let on: Vec<Conjunct> =
            on.map(Expr::into_conjuncts).unwrap_or_default().into_iter().map(Conjunct::new).collect();
        let unplaced = slots_given(&right);
        let (relation, filter) = self.right_of_left_join(right)?;
        let mut all = filter;
        all.extend(on);
        self.join(left, Right { relation, kind: JoinKind::Left, on: all, limit }, &unplaced)
    }

    /// A full join: both sides are read to their ends, and `on` decides which rows are partners and nothing else.
    pub(super) fn plan_full_join(&mut self, left: LogicalPlan, right: LogicalPlan, on: Option<Expr>) -> Result<Node> {
        let [left_slots, right_slots] = [&left, &right].map(slots_given);
        let left = self.plan(left, &Wanted::default())?;
        let right = self.plan(right, &Wanted::default())?;
        let (mut keys, mut rest) = (Vec::new(), Vec::new());
        for conjunct in on.map(Expr::into_conjuncts).unwrap_or_default() {
            match hash_key(&conjunct, &right_slots) {
                Some(key) => keys.push(key),
                None => rest.push(conjunct),
            }
        }
        let rows = left.rows + right.rows;
        let (left_slots, right_slots) = (left_slots.iter().collect(), right_slots.iter().collect());
        self.join_nodes(Sides { left, right, kind: JoinKind::Full, left_slots, right_slots, rows }, keys, rest)
    }

    /// How many rows of the join are wanted at most, if they need not be sorted first, or only a group at a time.
    fn limit_of_joined(&self, left: &Node, wanted: &Wanted) -> Option<f64> {
        if self.delivers(left, &wanted.order) && wanted.limit.is_some() {
            return wanted.limit;
        }
        let (limit, presorted) = wanted.begin.limit.zip(self.presorted(left, &wanted.begin.order))?;
        Some(limit + presorted.group_rows)
    }

    /// The right side of a left join: a table with the conditions on it, or anything else as it is.
    fn right_of_left_join(&mut self, right: LogicalPlan) -> Result<(Relation, Vec<Conjunct>)> {
        match right {
            LogicalPlan::Scan { table, slot } => Ok((Relation::Table(self.table_ref(table, slot)?), Vec::new())),
            LogicalPlan::Filter { input, predicate } if matches!(*input, LogicalPlan::Scan { .. }) => {
                let (relation, _) = self.right_of_left_join(*input)?;
                Ok((relation, predicate.into_conjuncts().into_iter().map(Conjunct::new).collect()))
            }
            other => Ok((Relation::Other(self.plan_other(other, &Wanted::default())?), Vec::new())),
        }
    }

    /// The relation to begin with: the smallest, or the one that has the wanted order where only a few rows are wanted.
    fn first_relation(
        &self,
        relations: &[Relation],
        conjuncts: &[Conjunct],
        missing: &SlotSet,
        wanted: &Wanted,
    ) -> usize {
        if relations.len() == 1 {
            return 0;
        }
        let rows = |relation: &Relation| match relation {
            Relation::Table(table) => {
                let decided = decided(conjuncts, missing, &relation.slots());
                self.choose_access(table, &decided, missing, &Wanted::default()).rows
            }
            Relation::Other(other) => other.node.rows,
        };
        let rows: Vec<f64> = relations.iter().map(rows).collect();
        // The first of equals: what is written first stays first.
        let smallest = (0..relations.len()).min_by(|&left, &right| rows[left].total_cmp(&rows[right])).unwrap_or(0);
        let (Some(key), Some(limit)) = (wanted.order.first(), wanted.limit.filter(|&limit| limit <= FEW_ROWS)) else {
            return smallest;
        };
        let ordered = relations.iter().position(|relation| match relation {
            Relation::Table(table) => table.slot == key.column.slot && self.has_order(table, wanted),
            Relation::Other(_) => false,
        });
        let Some(ordered) = ordered else { return smallest };
        let mut unplaced = missing.clone();
        unplaced.remove_all(&relations[smallest].slots());
        let step = self.step(rows[smallest], &relations[ordered], &Conditions { conjuncts, unplaced: &unplaced });
        // Where few rows have a partner in the smallest relation, a walk in order meets long stretches of others.
        let share = (step.rows / rows[ordered].max(1.0)).clamp(1e-6, 1.0);
        let walk_cost = rows[ordered].min(limit / share) * (ROW_BY_INDEX + PROBE);
        let is_sorted_sooner = step.connected && rows[smallest] + step.cost + sort_cost(step.rows, None) < walk_cost;
        if ordered == smallest || !is_sorted_sooner { ordered } else { smallest }
    }

    /// Whether some tree of the table has the wanted order.
    fn has_order(&self, table: &TableRef, wanted: &Wanted) -> bool {
        self.routing == Routing::Automatic
            && wanted.order.iter().all(|key| key.column.slot == table.slot)
            && table
                .schema
                .indexes
                .iter()
                .filter(|index| index.has_tree())
                .any(|index| direction_for(&table.schema, index, &IndexRange::whole(index.id), &wanted.order).is_some())
    }

    fn next_relation(&self, left_rows: f64, relations: &[Relation], conditions: &Conditions<'_>) -> usize {
        let steps = relations.iter().map(|relation| self.step(left_rows, relation, conditions));
        let best = steps.enumerate().min_by(|(_, left), (_, right)| {
            (right.connected.cmp(&left.connected))
                .then_with(|| left.rows.total_cmp(&right.rows))
                .then_with(|| left.cost.total_cmp(&right.cost))
        });
        best.map_or(0, |(relation, _)| relation)
    }

    fn step(&self, left_rows: f64, relation: &Relation, conditions: &Conditions<'_>) -> Step {
        let slots = relation.slots();
        let decided = decided(conditions.conjuncts, conditions.unplaced, &slots);
        let connected = decided.iter().any(|conjunct| !conjunct.slots.is_subset(&slots));
        match relation {
            Relation::Table(table) => {
                let each = self.choose_access(table, &decided, conditions.unplaced, &Wanted::default());
                Step { rows: left_rows * each.rows, cost: left_rows * each.cost, connected }
            }
            Relation::Other(Other { node, .. }) => {
                let share: f64 = decided.iter().map(|conjunct| self.selectivity(conjunct)).product();
                Step { rows: left_rows * node.rows * share, cost: node.rows, connected }
            }
        }
    }

    /// The first relation, with the conditions on it alone.
    fn plan_relation(
        &mut self,
        relation: Relation,
        decided: &[Conjunct],
        unplaced: &SlotSet,
        wanted: &Wanted,
    ) -> Result<Node> {
        match relation {
            Relation::Table(table) => {
                let decided: Vec<&Conjunct> = decided.iter().collect();
                let access = self.choose_access(&table, &decided, unplaced, wanted);
                self.scan_node(&table, access, &decided)
            }
            Relation::Other(Other { node, .. }) => {
                self.filtered(*node, decided.iter().map(|conjunct| conjunct.expr.clone()).collect())
            }
        }
    }

    fn filtered(&mut self, node: Node, conjuncts: Vec<Expr>) -> Result<Node> {
        if conjuncts.is_empty() {
            return Ok(node);
        }
        let predicate = self.finish(Expr::and(conjuncts))?;
        let rows = node.rows * 0.3;
        Ok(self.node(rows, NodeKind::Filter { input: Box::new(node), predicate }))
    }

    /// Joins a relation to what is there, in the cheapest way.
    fn join(&mut self, left: Node, right: Right, unplaced: &SlotSet) -> Result<Node> {
        let Right { relation, kind, on, limit } = right;
        match relation {
            Relation::Table(table) => {
                let join = TableJoin { table: &table, on: on.iter().collect(), kind, unplaced, limit };
                self.join_table(left, join)
            }
            Relation::Other(other) => self.join_other(left, other, OtherJoin { kind, on, limit }),
        }
    }

    /// Joins what is no table: by one pass and a hash table, or with the conditions of the join put into it, for each row that
    /// is there.
    fn join_other(&mut self, left: Node, other: Other, join: OtherJoin) -> Result<Node> {
        let Other { node, slots, plan } = other;
        let OtherJoin { kind, on, limit } = join;
        let right_slots: Vec<usize> = slots.iter().collect();
        // What may fail must not be decided before what else there is to decide.
        let (within, rest): (Vec<_>, Vec<_>) =
            on.iter().partition(|conjunct| !conjunct.expr.has_subquery() && !may_fail(&conjunct.expr));
        if let Some(right) = self.planned_for_each(plan, &within, &slots)? {
            let partners = right.rows.clamp(1e-6, 1.0);
            let left_rows = limit.map_or(left.rows, |limit| left.rows.min(limit / partners));
            let each_cost = left_rows.max(1.0) * cost(&right).max(PROBE);
            let once_cost = cost(&node).max(SMALL_TABLE_ROWS) + HASH_INSERT * node.rows + HASH_LOOKUP * left_rows;
            if each_cost <= once_cost {
                let rows = left.rows * right.rows.max(if kind == JoinKind::Left { 1.0 } else { 0.0 });
                let on = self.finish_on(rest.into_iter().map(|conjunct| conjunct.expr.clone()).collect())?;
                let (left, right, right_side) = (Box::new(left), Box::new(right), RightSide::EachTime);
                let left_slots = Vec::new();
                let join = NestedLoop { left, right, kind, on, left_slots, right_slots, right_side };
                return Ok(self.node(rows, NodeKind::NestedLoop(join)));
            }
        }
        let (keys, rest): (Vec<_>, Vec<_>) =
            on.into_iter().partition(|conjunct| hash_key(&conjunct.expr, &slots).is_some());
        let rows = left.rows.max(node.rows);
        let rest = rest.into_iter().map(|conjunct| conjunct.expr).collect();
        let keys = keys.iter().filter_map(|conjunct| hash_key(&conjunct.expr, &slots)).collect();
        self.join_nodes(Sides { left, right: *node, kind, left_slots: Vec::new(), right_slots, rows }, keys, rest)
    }

    /// The plan with conditions of the join moved into it, if indexes then find all of its rows.
    fn planned_for_each(
        &mut self,
        plan: Option<LogicalPlan>,
        within: &[&Conjunct],
        slots: &SlotSet,
    ) -> Result<Option<Node>> {
        let Some(plan) = plan.filter(|_| within.iter().any(|conjunct| reads_other(conjunct, slots))) else {
            return Ok(None);
        };
        if self.replans_left == 0 {
            return Ok(None);
        }
        self.replans_left -= 1;
        let predicate = Expr::and(within.iter().map(|conjunct| conjunct.expr.clone()).collect());
        let mut plan = LogicalPlan::Filter { input: Box::new(plan), predicate };
        push_predicates_down(&mut plan);
        let node = self.plan(plan, &Wanted::default())?;
        Ok(is_found_by_indexes(&node).then_some(node))
    }

    fn finish_on(&mut self, on: Vec<Expr>) -> Result<Option<Expr>> {
        if on.is_empty() { Ok(None) } else { Ok(Some(self.finish(Expr::and(on))?)) }
    }

    /// Joins a table: by its index for each row that is there, or by one pass and a hash table.
    fn join_table(&mut self, left: Node, join: TableJoin<'_>) -> Result<Node> {
        let own = SlotSet::of(join.table.slot);
        let each = self.choose_access(join.table, &join.on, join.unplaced, &Wanted::default());
        let has_key = join.on.iter().any(|conjunct| hash_key(&conjunct.expr, &own).is_some());
        if !has_key {
            return self.nested_loop_table(left, join, each);
        }
        let alone: Vec<&Conjunct> = join.on.iter().filter(|conjunct| !reads_other(conjunct, &own)).copied().collect();
        let once = self.choose_access(join.table, &alone, join.unplaced, &Wanted::default());
        // For the first few rows of the join few of the left side are read, but all that go into a hash table.
        let partners = each.rows.clamp(1e-6, 1.0);
        let left_rows = join.limit.map_or(left.rows, |limit| left.rows.min(limit / partners));
        let each_cost = left_rows.max(1.0) * each.cost.max(PROBE);
        // A table that is small now may not be so when the plan runs again.
        let hash_cost = once.cost.max(SMALL_TABLE_ROWS) + HASH_INSERT * once.rows + HASH_LOOKUP * left_rows;
        if each.is_index() && each_cost <= hash_cost {
            return self.nested_loop_table(left, join, each);
        }
        self.hash_join_table(left, join, once, &alone)
    }

    fn hash_join_table(
        &mut self,
        left: Node,
        join: TableJoin<'_>,
        access: Access,
        alone: &[&Conjunct],
    ) -> Result<Node> {
        let own = SlotSet::of(join.table.slot);
        let (mut keys, mut rest) = (Vec::new(), Vec::new());
        for conjunct in join.on.iter().filter(|conjunct| reads_other(conjunct, &own)) {
            match hash_key(&conjunct.expr, &own) {
                Some(key) => keys.push(key),
                None => rest.push(conjunct.expr.clone()),
            }
        }
        let matches = self.rows_per_key(join.table, &keys);
        let rows = left.rows * (access.rows * matches / join.table.rows.max(1.0)).min(access.rows.max(1.0));
        let right = self.scan_node(join.table, access, alone)?;
        let (left_slots, right_slots) = (Vec::new(), vec![join.table.slot]);
        self.join_nodes(Sides { left, right, kind: join.kind, left_slots, right_slots, rows }, keys, rest)
    }

    /// About how many rows of the table have one key of the join.
    fn rows_per_key(&self, table: &TableRef, keys: &[HashKey]) -> f64 {
        let mut rows = table.rows;
        for HashKey { left, right, .. } in keys {
            if matches!(right, Expr::Column(_)) {
                let distinct =
                    self.distinct_values(right).map(|own| own.max(self.distinct_values(left).unwrap_or(1.0)));
                rows = rows.min(distinct.map_or(table.rows * 0.1, |distinct| table.rows / distinct));
            }
        }
        rows
    }

    /// For each row that is there the table is read by its path. A full scan, with what speaks of the table alone, is read
    /// once and kept.
    fn nested_loop_table(&mut self, left: Node, join: TableJoin<'_>, each: Access) -> Result<Node> {
        let own = SlotSet::of(join.table.slot);
        let rows = left.rows * each.rows.max(if join.kind == JoinKind::Left { 1.0 } else { 0.0 });
        let (inner, outer, access) = if each.is_index() {
            (join.on, Vec::new(), each)
        } else {
            let (inner, outer): (Vec<_>, Vec<_>) = join.on.iter().partition(|conjunct| !reads_other(conjunct, &own));
            let access = self.choose_access(join.table, &inner, join.unplaced, &Wanted::default());
            (inner, outer, access)
        };
        let is_kept = !access.is_index() && (!inner.is_empty() || join.table.rows <= KEPT_ROWS_MAX);
        let right_side = if is_kept { RightSide::Once } else { RightSide::EachTime };
        let right = self.scan_node(join.table, access, &inner)?;
        let on: Vec<Expr> = outer.iter().map(|conjunct| conjunct.expr.clone()).collect();
        let on = self.finish_on(on)?;
        let (left, right, right_slots) = (Box::new(left), Box::new(right), vec![join.table.slot]);
        let join = NestedLoop { left, right, kind: join.kind, on, left_slots: Vec::new(), right_slots, right_side };
        Ok(self.node(rows, NodeKind::NestedLoop(join)))
    }

    /// A hash join by `keys`, or a nested loop over kept rows where there are none.
    fn join_nodes(&mut self, sides: Sides, keys: Vec<HashKey>, rest: Vec<Expr>) -> Result<Node> {
        let Sides { left, right, kind, left_slots, right_slots, rows } = sides;
        let on = self.finish_on(rest)?;
        let (left, right) = (Box::new(left), Box::new(right));
        if keys.is_empty() {
            let right_side = RightSide::Once;
            let rows = left.rows * right.rows;
            let join = NestedLoop { left, right, kind, on, left_slots, right_slots, right_side };
            return Ok(self.node(rows, NodeKind::NestedLoop(join)));
        }
        let nulls_match = keys.iter().map(|key| key.nulls_match).collect();
        let (left_keys, right_keys) = keys.into_iter().map(|key| (key.left, key.right)).unzip();
        let join = HashJoin { left, right, kind, left_keys, right_keys, nulls_match, on, left_slots, right_slots };
        Ok(self.node(rows, NodeKind::HashJoin(join)))
    }
}

/// The conditions that are not decided yet, and the slots that are not there yet.
struct Conditions<'c> {
    conjuncts: &'c [Conjunct],
    unplaced: &'c SlotSet,
}

/// A table to be joined.
struct TableJoin<'c> {
    table: &'c TableRef,
    on: Vec<&'c Conjunct>,
    kind: JoinKind,
    unplaced: &'c SlotSet,
    limit: Option<f64>,
}

/// What joins something that is no table.
struct OtherJoin {
    kind: JoinKind,
    on: Vec<Conjunct>,
    limit: Option<f64>,
}

/// A relation to be joined.
struct Right {
    relation: Relation,
    kind: JoinKind,
    on: Vec<Conjunct>,
    /// How many rows of the join are wanted at most, as far as is known.
    limit: Option<f64>,
}

/// Two planned sides.
struct Sides {
    left: Node,
    right: Node,
    kind: JoinKind,
    /// Those that are NULL beside a right row without a partner, where such rows stay.
    left_slots: Vec<usize>,
    right_slots: Vec<usize>,
    rows: f64,
}

/// Whether all that a condition reads is there once `slots` are.
fn is_decided(conjunct: &Conjunct, unplaced: &SlotSet, slots: &SlotSet) -> bool {
    conjunct.slots.iter().all(|slot| slots.contains(slot) || !unplaced.contains(slot))
}

fn decided<'c>(conjuncts: &'c [Conjunct], unplaced: &SlotSet, slots: &SlotSet) -> Vec<&'c Conjunct> {
    conjuncts.iter().filter(|conjunct| is_decided(conjunct, unplaced, slots)).collect()
}

fn take_decided(conjuncts: &mut Vec<Conjunct>, unplaced: &SlotSet, slots: &SlotSet) -> Vec<Conjunct> {
    let (decided, rest) =
        std::mem::take(conjuncts).into_iter().partition(|conjunct| is_decided(conjunct, unplaced, slots));
    *conjuncts = rest;
    decided
}

/// Whether a condition reads more than `slots`.
fn reads_other(conjunct: &Conjunct, slots: &SlotSet) -> bool {
    !conjunct.slots.is_subset(slots)
}

/// Whether no table below is read as a whole.
fn is_found_by_indexes(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scan(scan) => !matches!(scan.path, AccessPath::FullScan),
        _ => node.inputs().into_iter().all(is_found_by_indexes),
    }
}

/// An equality between the right side's slots and others.
pub(super) struct HashKey {
    pub(super) left: Expr,
    pub(super) right: Expr,
    /// Whether NULL equals NULL.
    pub(super) nulls_match: bool,
}

/// The condition as an equality between the right side's slots and others.
pub(super) fn hash_key(expr: &Expr, right_slots: &SlotSet) -> Option<HashKey> {
    let Expr::Binary { operator: operator @ (BinaryOperator::Equal | BinaryOperator::Is), left, right } = expr else {
        return None;
    };
    let nulls_match = *operator == BinaryOperator::Is;
    if [left, right].iter().any(|side| side.has_subquery() || side.is_volatile()) {
        return None;
    }
    let [left_reads, right_reads] = [left, right].map(|side| crate::slots::slots_read(side));
    let is_right = |reads: &SlotSet| !reads.is_empty() && reads.is_subset(right_slots);
    if is_right(&right_reads) && !left_reads.is_empty() && !left_reads.intersects(right_slots) {
        Some(HashKey { left: left.as_ref().clone(), right: right.as_ref().clone(), nulls_match })
    } else if is_right(&left_reads) && !right_reads.is_empty() && !right_reads.intersects(right_slots) {
        Some(HashKey { left: right.as_ref().clone(), right: left.as_ref().clone(), nulls_match })
    } else {
        None
    }
}
