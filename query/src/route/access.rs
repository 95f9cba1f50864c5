//! The path of one table: what its indexes could do with the conditions, and which of them does it.

mod candidate;
mod hull;
mod terms;

use manicule_engine::{IndexId, IndexSchema};

use super::order::{self, Begin, Nulls, OfRows, OrderKey, Wanted};
use super::region::{Conjunct, TableRef};
use super::{PROBE, ROW_BY_COUNT, ROW_BY_INDEX, Router, SCAN_SHARE, group_sort_cost, sort_cost};
use crate::context::Routing;
use crate::error::Result;
use crate::expr::Expr;
use crate::physical::{AccessPath, Node, NodeKind, NotUsed, TableScan};
use crate::slots::SlotSet;
use candidate::Candidate;

/// Up to so many rows a table is too small for its rows' number to say anything against an index.
pub(crate) const SMALL_TABLE_ROWS: f64 = 64.0;

/// A table's chosen path.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) path: AccessPath,
    /// The conditions that the path proves, by their place in the list that was given.
    pub(super) proven: Vec<usize>,
    /// How many rows the path finds.
    pub(super) found: f64,
    /// How many of them pass the other conditions.
    pub(super) rows: f64,
    /// In rows of a full scan.
    pub(super) cost: f64,
    not_used: Vec<(IndexId, NotUsed)>,
}

/// What trees make of lists.
type Lists<'t> = [(&'t IndexSchema, Candidate)];

/// How much of the order wanted an order is.
#[derive(Clone, Copy, Debug)]
enum Extent {
    Whole,
    FirstKeys,
}

impl Access {
    /// Whether the path or a condition reads a row of another table of the region.
    pub(super) fn is_index(&self) -> bool {
        !matches!(self.path, AccessPath::FullScan)
    }
}

impl Router<'_, '_> {
    /// Chooses the path of a table.
    ///
    /// `conjuncts`: all conditions that can be decided once this table's row is there. `unknown`: the slots whose rows are
    /// not there when the table is read, its own among them.
    pub(super) fn choose_access(
        &self,
        table: &TableRef,
        conjuncts: &[&Conjunct],
        unknown: &SlotSet,
        wanted: &Wanted,
    ) -> Access {
        let selectivity: f64 = conjuncts.iter().map(|conjunct| self.selectivity(conjunct)).product();
        let mut access = Access {
            path: AccessPath::FullScan,
            proven: Vec::new(),
            found: table.rows,
            rows: table.rows * selectivity,
            cost: table.rows,
            not_used: Vec::new(),
        };
        if self.routing == Routing::FullScan {
            access.not_used = table.schema.indexes.iter().map(|index| (index.id, NotUsed::Forced)).collect();
            return access;
        }
        let terms = terms::Terms::of(table, conjuncts, unknown);
        let candidates: Vec<Option<Candidate>> =
            table.schema.indexes.iter().map(|index| self.candidate(table, index, &terms)).collect();
        let counts = wanted.of_rows == OfRows::Count && self.view.is_all_visible(table.schema.id);
        let is_counted = |candidate: &Candidate| counts && candidate.is_countable(conjuncts.len());
        let best = candidates
            .iter()
            .flatten()
            .filter(|candidate| is_counted(candidate) || !is_much(candidate, table.rows))
            .min_by(|left, right| candidate::compare(left, right))
            .cloned();
        if let Some(best) = best {
            let row_cost = if is_counted(&best) { ROW_BY_COUNT } else { ROW_BY_INDEX };
            access.take(best, row_cost, self, conjuncts);
        }
        // One row is in every order, and nothing finds fewer.
        if !order::is_one_row(&table.schema, &access.path) {
            self.consider_union(&mut access, table, conjuncts, unknown);
            let is_limited = wanted.limit.or(wanted.begin.limit).is_some();
            let lists = if is_limited { self.lists(table, &terms) } else { Vec::new() };
            if !self.consider_order(&mut access, table, (&terms, &lists), wanted) {
                self.consider_groups(&mut access, table, (&terms, &lists), &wanted.begin);
            }
        }
        access.not_used = reasons(table, &access.path, &candidates, &terms);
        access
    }

    /// A union of lookups for the alternatives of an OR, if it finds fewer rows than what was chosen so far.
    fn consider_union(&self, access: &mut Access, table: &TableRef, conjuncts: &[&Conjunct], unknown: &SlotSet) {
        for conjunct in conjuncts {
            let Expr::Or(parts) = &conjunct.expr else { continue };
            let paths: Option<Vec<Candidate>> =
                parts.iter().map(|part| self.alternative(table, part, unknown)).collect();
            let Some(paths) = paths else { continue };
            let found: f64 = paths.iter().map(|path| path.rows).sum();
            let cost = found * (ROW_BY_INDEX + 1.0) + PROBE * paths.len() as f64;
            let is_small = table.rows <= SMALL_TABLE_ROWS || found * SCAN_SHARE <= table.rows;
            if is_small && cost < access.cost.max(SMALL_TABLE_ROWS) && found < access.found {
                access.path = AccessPath::Union(paths.into_iter().map(|path| path.path).collect());
                access.proven = Vec::new();
                access.rows = access.rows.min(found);
                access.found = found;
                access.cost = cost;
            }
        }
    }

    /// The best path for one alternative of an OR alone.
    fn alternative(&self, table: &TableRef, part: &Expr, unknown: &SlotSet) -> Option<Candidate> {
        let parts: Vec<Conjunct> = part.clone().into_conjuncts().into_iter().map(Conjunct::new).collect();
        let parts: Vec<&Conjunct> = parts.iter().collect();
        let terms = terms::Terms::of(table, &parts, unknown);
        let candidates = table.schema.indexes.iter().filter_map(|index| self.candidate(table, index, &terms));
        candidates.filter(|candidate| !is_much(candidate, table.rows)).min_by(candidate::compare)
    }

    /// A range in the wanted order, if it costs less than sorting what was chosen so far; whether it is taken.
    fn consider_order(
        &self,
        access: &mut Access,
        table: &TableRef,
        (terms, lists): (&terms::Terms<'_>, &Lists<'_>),
        wanted: &Wanted,
    ) -> bool {
        if wanted.order.is_empty() || wanted.order.iter().any(|key| key.column.slot != table.slot) {
            return false;
        }
        let cost_with_sort = access.cost + sort_cost(access.rows, wanted.limit);
        let mut best: Option<(f64, Candidate)> = None;
        // Of walks that cost the same the one that proves more may not become long as other rows come and go.
        let is_better = |(cost, candidate): (f64, &Candidate), (best, than): (f64, &Candidate)| {
            cost < best || cost == best && candidate.proven.len() > than.proven.len()
        };
        for (index, candidate) in self.walks(table, terms, &wanted.order, wanted.limit) {
            let Some((range, _)) = order::walked(&candidate.path) else { continue };
            let Some(direction) = order::direction_for(&table.schema, index, range, &wanted.order) else { continue };
            let cost = walk_cost(access, &candidate, wanted.limit);
            let is_best = best.as_ref().is_none_or(|(best, than)| is_better((cost, &candidate), (*best, than)));
            if cost <= cost_with_sort && is_best {
                best = Some((cost, candidate.towards(direction)));
            }
        }
        let whole = (&*wanted.order, Extent::Whole);
        for (cost, candidate) in self.sorted_unions(access, (table, lists), whole, wanted.limit) {
            if cost <= best.as_ref().map_or(cost_with_sort, |(best, _)| *best) {
                best = Some((cost, candidate));
            }
        }
        let taken = best.is_some();
        if let Some((cost, candidate)) = best {
            access.walk(candidate, cost);
        }
        taken
    }

    /// What the table's trees of more columns make of lists.
    fn lists<'t>(&self, table: &'t TableRef, terms: &terms::Terms<'_>) -> Vec<(&'t IndexSchema, Candidate)> {
        let trees = table.schema.indexes.iter().filter(|index| index.columns.len() > 1 && index.has_tree());
        trees.filter_map(|index| Some((index, self.list_candidate(table, index, terms)?))).collect()
    }

    /// Those unions of ranges each of which has an order, and what it costs to read the first rows of each and to sort those.
    fn sorted_unions(
        &self,
        access: &Access,
        (table, lists): (&TableRef, &Lists<'_>),
        (order, extent): (&[OrderKey], Extent),
        limit: Option<f64>,
    ) -> Vec<(f64, Candidate)> {
        let Some(limit) = limit else { return Vec::new() };
        let with_cost = |(index, candidate): &(&IndexSchema, Candidate)| {
            let AccessPath::Union(paths) = &candidate.path else { return None };
            let Some(AccessPath::Range(range)) = paths.first() else { return None };
            let direction = order::direction_for(&table.schema, index, range, order)?;
            let columns = order::columns_of(index, range.prefix.len(), order);
            let group_rows = match extent {
                Extent::Whole => 1.0,
                Extent::FirstKeys => self.rows_of_one_prefix((&table.schema, table.rows), index, columns),
            };
            let share = (access.rows / candidate.rows.max(1.0)).clamp(1e-6, 1.0);
            let read = candidate.rows.min(candidate.probes * (limit / share + group_rows));
            let cost = PROBE * candidate.probes + read * ROW_BY_INDEX + sort_cost(read * share, Some(limit));
            Some((cost, candidate.clone().towards(direction)))
        };
        lists.iter().filter_map(with_cost).collect()
    }

    /// A range that has the first keys of an order, if only a few of the sorted rows are wanted and that costs less; without a
    /// limit, the range that was chosen already, in the direction that has them.
    fn consider_groups(
        &self,
        access: &mut Access,
        table: &TableRef,
        (terms, lists): (&terms::Terms<'_>, &Lists<'_>),
        begin: &Begin,
    ) {
        let of_table = begin.order.iter().take_while(|key| key.column.slot == table.slot).count();
        let order = &begin.order[..of_table];
        if order.is_empty() {
            return;
        }
        let mut cost_min = access.cost + sort_cost(access.rows, begin.limit);
        let mut best: Option<(f64, Candidate)> = None;
        for (index, candidate) in self.walks(table, terms, order, begin.limit) {
            let is_chosen = matches!(&access.path, AccessPath::Range(range) if range.index == index.id);
            if begin.limit.is_none() && !is_chosen {
                continue;
            }
            let Some((range, _)) = order::walked(&candidate.path) else { continue };
            let Some((direction, columns)) = order::beginning(&table.schema, index, range, order) else { continue };
            let group_rows = self.rows_of_one_prefix((&table.schema, table.rows), index, columns).min(candidate.rows);
            let limit = begin.limit.map(|limit| limit + group_rows);
            let walk = walk_cost(access, &candidate, limit);
            let cost = walk + group_sort_cost(access.rows, group_rows, begin.limit);
            if cost < cost_min {
                cost_min = cost;
                best = Some((walk, candidate.towards(direction)));
            }
        }
        for keys in 1..=order.len() {
            let first = (&order[..keys], Extent::FirstKeys);
            for (cost, candidate) in self.sorted_unions(access, (table, lists), first, begin.limit) {
                if cost < cost_min {
                    cost_min = cost;
                    best = Some((cost, candidate));
                }
            }
        }
        if let Some((walk, candidate)) = best {
            access.walk(candidate, walk);
        }
    }

    /// The ranges of the table's trees; of a whole tree also the one that has NULLs where the order has them, if only a few
    /// rows are wanted.
    fn walks<'t>(
        &self,
        table: &'t TableRef,
        terms: &terms::Terms<'_>,
        order: &[OrderKey],
        limit: Option<f64>,
    ) -> Vec<(&'t IndexSchema, Candidate)> {
        let mut walks = Vec::new();
        for index in table.schema.indexes.iter().filter(|index| index.has_tree()) {
            let candidate = self.range_candidate(table, index, terms);
            let first = order.first().filter(|key| key.column.column == index.columns[0].column);
            let apart = first.filter(|_| limit.is_some() && candidate.is_whole()).map(|key| {
                let nulls = if key.nulls_first { Nulls::First } else { Nulls::Last };
                Candidate { path: order::nulls_apart(&table.schema, index, nulls), ..candidate.clone() }
            });
            walks.push((index, candidate));
            walks.extend(apart.map(|apart| (index, apart)));
        }
        walks
    }

    /// The step that reads the table, with the conditions that its path does not prove.
    pub(super) fn scan_node(&mut self, table: &TableRef, access: Access, conjuncts: &[&Conjunct]) -> Result<Node> {
        let mut residual = Vec::new();
        for (position, conjunct) in conjuncts.iter().enumerate() {
            if !access.proven.contains(&position) {
                residual.push(conjunct.expr.clone());
            }
        }
        // Subqueries last: what is cheap may decide.
        residual.sort_by_key(Expr::has_subquery);
        let residual = residual.into_iter().map(|conjunct| self.finish_filter(conjunct)).collect::<Result<Vec<_>>>()?;
        let residual = if residual.is_empty() { None } else { Some(Expr::and(residual)) };
        self.table_rows.push((table.schema.id, table.rows as u64));
        let scan = TableScan {
            table: table.schema.id,
            slot: table.slot,
            path: self.finish_path(access.path)?,
            residual,
            covering: None,
            table_rows: table.rows as u64,
            cost: access.cost,
            not_used: access.not_used,
        };
        Ok(self.node(access.rows, NodeKind::Scan(scan)))
    }
}

/// What it costs to walk a range until `limit` rows have passed all conditions.
fn walk_cost(access: &Access, candidate: &Candidate, limit: Option<f64>) -> f64 {
    let share = (access.rows / candidate.rows.max(1.0)).clamp(1e-6, 1.0);
    let read = limit.map_or(candidate.rows, |limit| candidate.rows.min(limit / share));
    PROBE + read * ROW_BY_INDEX
}

impl Access {
    /// Walks a range for its order.
    fn walk(&mut self, candidate: Candidate, cost: f64) {
        self.rows = self.rows.min(candidate.rows);
        self.found = candidate.rows;
        self.cost = cost;
        self.path = candidate.path;
        self.proven = candidate.proven;
    }

    fn take(&mut self, candidate: Candidate, row_cost: f64, router: &Router<'_, '_>, conjuncts: &[&Conjunct]) {
        let rest: f64 = (0..conjuncts.len())
            .filter(|position| !candidate.proven.contains(position))
            .map(|position| router.selectivity(conjuncts[position]))
            .product();
        self.rows = candidate.rows * rest;
        self.found = candidate.rows;
        self.cost = PROBE * candidate.probes + candidate.rows * row_cost;
        self.path = candidate.path;
        self.proven = candidate.proven;
    }
}

/// Whether a path finds so much of its table that reading all of it is cheaper. With the values of a subquery that is seen
/// when they are there.
fn is_much(candidate: &Candidate, table_rows: f64) -> bool {
    if matches!(candidate.path, AccessPath::Members(_)) {
        return false;
    }
    let unique_key = candidate.is_unique_key && candidate.probes <= 1.0;
    !unique_key && table_rows > SMALL_TABLE_ROWS && candidate.rows * SCAN_SHARE > table_rows
}

/// For each index that the path does not use, why.
fn reasons(
    table: &TableRef,
    path: &AccessPath,
    candidates: &[Option<Candidate>],
    terms: &terms::Terms<'_>,
) -> Vec<(IndexId, NotUsed)> {
    let mut reasons = Vec::new();
    for (index, candidate) in table.schema.indexes.iter().zip(candidates) {
        if uses(path, index.id) {
            continue;
        }
        let reason = match candidate {
            Some(candidate) if is_much(candidate, table.rows) => NotUsed::KeepsMuch { rows: candidate.rows },
            Some(candidate) => NotUsed::FindsMore { rows: candidate.rows },
            None if !index.has_tree() && terms.mentions(index.columns[0].column) => NotUsed::EqualityOnly,
            None => NotUsed::NoPredicate,
        };
        reasons.push((index.id, reason));
    }
    reasons
}

/// Whether a path reads that index.
fn uses(path: &AccessPath, index: IndexId) -> bool {
    match path {
        AccessPath::FullScan => false,
        AccessPath::Lookup(lookup) => lookup.index == index,
        AccessPath::Range(range) => range.index == index,
        AccessPath::Members(members) => members.index == index,
        AccessPath::Union(paths) => paths.iter().any(|path| uses(path, index)),
    }
}
