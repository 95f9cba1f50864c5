//! The router: from what is asked to how it is answered.
//!
//! Each table of a query gets an *access path* that finds its candidates, and a *residual*: the part of the condition that
//! the path does not prove. `WHERE tailnum = ? AND month < 6` becomes a lookup in the index on `tailnum` with the residual
//! `month < 6`.
//!
//! # Costs
//!
//! The unit is one row read in a full scan. A row found through an index costs [`ROW_BY_INDEX`] units, as it lies anywhere
//! in memory, and a lookup or the start of a range [`PROBE`]. Rows are counted by asking the indexes themselves
//! (`View::estimate_lookup`, `estimate_range`) where the key is a constant; a key that is not known yet, a parameter or a
//! column of a joined table, is expected to have as many rows as the average key. So a path is kept unless it finds more
//! than a [`SCAN_SHARE`]th of its table: a wrong estimate makes a lookup a little dearer, never a scan of a lookup.
//!
//! Posting lists are not intersected. The rows are in memory, so testing the residual on each row of the shortest list
//! costs less than walking a second list.
//!
//! # Steps
//!
//! 1. [`rewrite`](crate::rewrite) puts each condition beside the scan or join that it speaks of.
//! 2. A region of inner joins is taken apart into tables and conditions, and put together again greedily: the smallest
//!    first, then always the one that keeps the intermediate result smallest ([`join`]).
//! 3. Each table chooses its path ([`access`]), with the columns of the tables before it as known values.
//! 4. ORDER BY, MIN and MAX ask for an order, and the sort is left out where the path has it ([`order`]). Where the path has
//!    the first keys of it, only groups of rows that are equal in these are sorted.

mod access;
mod bounds;
mod cost;
mod covering;
mod estimate;
mod groups;
mod join;
mod matches;
mod order;
mod region;
mod statement;
mod subquery;

use std::sync::Arc;

use ahash::AHashMap;
use manicule_engine::{Catalog, TableId, TableSchema, View};

pub(crate) use access::SMALL_TABLE_ROWS;
pub(crate) use bounds::{Fit, Side, fit, fit_lower, fit_row, fit_upper};
pub(crate) use order::base_column;
pub(crate) use statement::plan_statement;

use crate::context::Routing;
use crate::error::Result;
use crate::expr::Expr;
use crate::physical::{HashJoin, NestedLoop, Node, NodeKind, Presorted, SetOperation, Sort, Subplan, TableScan};
use crate::plan::{JoinKind, LogicalPlan, SortKey};
use crate::slots::slots_given;
use groups::Groups;
use order::{Begin, OrderKey, Wanted};

/// What a row found through an index costs, in rows of a full scan.
pub(crate) const ROW_BY_INDEX: f64 = 3.0;

/// What a lookup or the start of a range costs, in rows of a full scan.
pub(crate) const PROBE: f64 = 4.0;

/// What a row costs that is counted in an index whose entries are exact: such rows are counted a list or a leaf at a time.
pub(crate) const ROW_BY_COUNT: f64 = 0.1;

/// A path that finds more than one in so many rows of its table gives way to the full scan.
const SCAN_SHARE: f64 = 4.0;

/// So many relations of a statement are planned a second time at most, those within one that is among them.
const REPLANS_MAX: usize = 32;

/// What putting rows in order costs, or finding the first `limit` of them.
fn sort_cost(rows: f64, limit: Option<f64>) -> f64 {
    let rows = rows.max(2.0);
    0.3 * rows * limit.unwrap_or(rows).clamp(2.0, rows).log2() + 8.0
}

/// What putting rows in order costs within groups of `group_rows` that come one after the other, or until `limit` are found.
fn group_sort_cost(rows: f64, group_rows: f64, limit: Option<f64>) -> f64 {
    let sorted = limit.map_or(rows, |limit| rows.min(limit + group_rows));
    0.3 * sorted * group_rows.clamp(2.0, rows.max(2.0)).log2() + 8.0
}

/// Makes the steps of one statement.
pub(crate) struct Router<'a, 's> {
    view: &'a View<'s>,
    catalog: Arc<Catalog>,
    routing: Routing,
    subplans: Vec<Subplan>,
    node_count: usize,
    /// What the slots that hold rows of tables hold rows of.
    tables: AHashMap<usize, Arc<TableSchema>>,
    /// The tables that are read, with their row counts.
    table_rows: Vec<(TableId, u64)>,
    /// How many relations may still be planned a second time.
    replans_left: usize,
}

impl<'a, 's> Router<'a, 's> {
    fn new(view: &'a View<'s>, routing: Routing) -> Self {
        Self {
            view,
            catalog: view.catalog().clone(),
            routing,
            subplans: Vec::new(),
            node_count: 0,
            tables: AHashMap::new(),
            table_rows: Vec::new(),
            replans_left: REPLANS_MAX,
        }
    }

    fn node(&mut self, rows: f64, kind: NodeKind) -> Node {
        let id = self.node_count;
        self.node_count += 1;
        Node { id, rows, kind }
    }

    /// Makes the steps that give the rows of `plan`; `wanted` says in which order and how many they are wanted, where that
    /// can be had for nothing.
    fn plan(&mut self, plan: LogicalPlan, wanted: &Wanted) -> Result<Node> {
        match plan {
            LogicalPlan::Unit => Ok(self.node(1.0, NodeKind::Unit)),
            LogicalPlan::Scan { .. } | LogicalPlan::Filter { .. } | LogicalPlan::Join { .. } => {
                self.plan_region(plan, wanted)
            }
            LogicalPlan::Values { rows, slot } => {
                let rows: Vec<Vec<Expr>> =
                    rows.into_iter().map(|row| self.finish_all(row)).collect::<Result<Vec<_>>>()?;
                Ok(self.node(rows.len() as f64, NodeKind::Values { rows, slot }))
            }
            LogicalPlan::Project { input, expressions, slot } => {
                let input = Box::new(self.plan(*input, wanted)?);
                let expressions = self.finish_all(expressions)?;
                Ok(self.node(input.rows, NodeKind::Project { input, expressions, slot }))
            }
            LogicalPlan::Aggregate { input, group_by, aggregates, slot } => {
                self.plan_aggregate(*input, Groups { group_by, aggregates, slot }, wanted)
            }
            LogicalPlan::Distinct { input, columns } => {
                let slot = input.output_slot().expect("DISTINCT stands above a node with columns");
                let input = Box::new(self.plan(*input, wanted)?);
                Ok(self.node(input.rows, NodeKind::Distinct { input, columns, slot }))
            }
            LogicalPlan::Sort { input, keys } => self.plan_sort(*input, keys, wanted),
            LogicalPlan::Limit { input, limit, offset } => self.plan_limit(*input, limit, offset),
            LogicalPlan::SetOperation { .. } => self.plan_set_operation(plan),
        }
    }

    /// Rows are sorted before they are projected where the keys are there already: a row of a table is kept by reference, and
    /// past a LIMIT nothing is computed.
    fn plan_sort(&mut self, input: LogicalPlan, keys: Vec<SortKey>, wanted: &Wanted) -> Result<Node> {
        let below = match &input {
            LogicalPlan::Project { expressions, slot, .. } => keys_below(&keys, expressions, *slot),
            _ => None,
        };
        match (input, below) {
            (LogicalPlan::Project { input, expressions, slot }, Some(keys)) => {
                let input = Box::new(LogicalPlan::Sort { input, keys });
                self.plan(LogicalPlan::Project { input, expressions, slot }, wanted)
            }
            (input, _) => self.plan_sort_here(input, keys, wanted),
        }
    }

    fn plan_sort_here(&mut self, input: LogicalPlan, keys: Vec<SortKey>, wanted: &Wanted) -> Result<Node> {
        let begin = order::base_order(&input, &keys);
        let order = if begin.len() == keys.len() { begin.clone() } else { Vec::new() };
        let slots: Vec<usize> = match input.output_slot() {
            Some(slot) => vec![slot],
            None => slots_given(&input).iter().collect(),
        };
        // What is sorted here is read to its end.
        let limit = wanted.limit.filter(|_| !order.is_empty());
        let below = Wanted { order, limit, begin: Begin { order: begin, limit: wanted.limit }, ..Wanted::default() };
        let input = self.plan(input, &below)?;
        let presorted = self.presorted(&input, &below.begin.order);
        if presorted.is_some_and(|presorted| presorted.keys == keys.len()) {
            return Ok(input);
        }
        let keys = keys
            .into_iter()
            .map(|key| Ok(SortKey { expr: self.finish(key.expr)?, ..key }))
            .collect::<Result<Vec<_>>>()?;
        let keys_of_paths = match &input.kind {
            NodeKind::Scan(scan) if presorted.is_none() => {
                let table = self.catalog.table_by_id(scan.table);
                table.map_or(0, |table| order::keys_of_each_path(table, scan, &below.begin.order))
            }
            _ => 0,
        };
        let rows = input.rows;
        let sort = Sort { input: Box::new(input), keys, presorted, keys_of_paths, slots, top: None };
        Ok(self.node(rows, NodeKind::Sort(sort)))
    }

    /// The first keys by which the rows of `node` come in order.
    fn presorted(&self, node: &Node, order: &[OrderKey]) -> Option<Presorted> {
        let keys = (1..=order.len()).rev().find(|&keys| self.delivers(node, &order[..keys]))?;
        Some(Presorted { keys, group_rows: self.group_rows(node, &order[..keys]) })
    }

    fn plan_limit(&mut self, input: LogicalPlan, limit: Option<Expr>, offset: Option<Expr>) -> Result<Node> {
        let count = |expr: &Option<Expr>| match expr {
            Some(Expr::Literal(manicule_engine::Value::Integer(count))) => Some(*count as f64),
            // A number that is not known yet is expected to be small.
            Some(_) => Some(100.0),
            None => None,
        };
        let most = count(&limit).map(|limit| limit + count(&offset).unwrap_or(0.0));
        let mut input = self.plan(input, &Wanted { limit: most, ..Wanted::default() })?;
        let limit = limit.map(|limit| self.finish(limit)).transpose()?;
        let offset = offset.map(|offset| self.finish(offset)).transpose()?;
        let sorted = match &mut input.kind {
            NodeKind::Project { input, .. } => &mut input.kind,
            kind => kind,
        };
        if let (NodeKind::Sort(sort), Some(limit)) = (sorted, &limit) {
            sort.top = Some((limit.clone(), offset.clone()));
        }
        let rows = most.map_or(input.rows, |most| input.rows.min(most.max(0.0)));
        // Rows that OFFSET passes over are not computed.
        if let NodeKind::Project { input, expressions, slot } = input.kind {
            let input = Box::new(self.node(rows, NodeKind::Limit { input, limit, offset }));
            return Ok(self.node(rows, NodeKind::Project { input, expressions, slot }));
        }
        Ok(self.node(rows, NodeKind::Limit { input: Box::new(input), limit, offset }))
    }

    fn plan_set_operation(&mut self, plan: LogicalPlan) -> Result<Node> {
        let LogicalPlan::SetOperation { kind, all, left, right, columns, slot } = plan else {
            unreachable!("only set operations are planned here")
        };
        let slot_of = |side: &LogicalPlan| side.output_slot().expect("a side of a set operation has columns");
        let (left_slot, right_slot) = (slot_of(&left), slot_of(&right));
        let left = Box::new(self.plan(*left, &Wanted::default())?);
        let right = Box::new(self.plan(*right, &Wanted::default())?);
        let rows = match kind {
            crate::plan::SetOperationKind::Union => left.rows + right.rows,
            crate::plan::SetOperationKind::Intersect => left.rows.min(right.rows),
            crate::plan::SetOperationKind::Except => left.rows,
        };
        let operation = SetOperation { kind, all, left, right, left_slot, right_slot, columns, slot };
        Ok(self.node(rows, NodeKind::SetOperation(operation)))
    }

    /// About how many rows of `node` are equal in an order that it has.
    fn group_rows(&self, node: &Node, order: &[OrderKey]) -> f64 {
        match &node.kind {
            NodeKind::Scan(TableScan { table, path, table_rows, .. }) => {
                let Some((range, _)) = order::walked(path) else { return node.rows };
                let Some(table) = self.catalog.table_by_id(*table) else { return node.rows };
                let rows = table.index(range.index).map_or(node.rows, |index| {
                    let columns = order::columns_of(index, range.prefix.len(), order);
                    self.rows_of_one_prefix((table, *table_rows as f64), index, columns)
                });
                rows.min(node.rows)
            }
            NodeKind::Filter { input, .. }
            | NodeKind::Project { input, .. }
            | NodeKind::Distinct { input, .. }
            | NodeKind::Limit { input, .. } => self.group_rows(input, order).min(node.rows),
            NodeKind::NestedLoop(NestedLoop { left, .. }) | NodeKind::HashJoin(HashJoin { left, .. }) => {
                self.group_rows(left, order) * (node.rows / left.rows.max(1.0)).max(1.0)
            }
            _ => node.rows,
        }
    }

    /// Whether the rows of `node` come in that order.
    fn delivers(&self, node: &Node, order: &[OrderKey]) -> bool {
        match &node.kind {
            NodeKind::Scan(scan) => {
                let Some(table) = self.catalog.table_by_id(scan.table) else { return false };
                order::path_delivers(table, scan, order)
            }
            NodeKind::Filter { input, .. }
            | NodeKind::Project { input, .. }
            | NodeKind::Distinct { input, .. }
            | NodeKind::Limit { input, .. } => self.delivers(input, order),
            // A group comes where its rows are.
            NodeKind::Aggregate { input, in_order: true, .. } => self.delivers(input, order),
            // Right rows without a partner come last.
            NodeKind::NestedLoop(NestedLoop { kind: JoinKind::Full, .. })
            | NodeKind::HashJoin(HashJoin { kind: JoinKind::Full, .. }) => order.is_empty(),
            NodeKind::NestedLoop(join) => self.delivers(&join.left, order),
            NodeKind::HashJoin(join) => self.delivers(&join.left, order),
            NodeKind::Unit
            | NodeKind::Values { .. }
            | NodeKind::Aggregate { .. }
            | NodeKind::Sort(_)
            | NodeKind::SetOperation(_) => order.is_empty(),
        }
    }
}

/// The keys in terms of what a projection reads, if they are columns of it that it only hands on.
fn keys_below(keys: &[SortKey], expressions: &[Expr], slot: usize) -> Option<Vec<SortKey>> {
    let below = |key: &SortKey| match &key.expr {
        Expr::Column(column) if column.slot == slot => match expressions.get(column.column)? {
            expr @ Expr::Column(_) => Some(SortKey { expr: expr.clone(), ..*key }),
            _ => None,
        },
        Expr::Column(_) => Some(key.clone()),
        _ => None,
    };
    keys.iter().map(below).collect()
}
