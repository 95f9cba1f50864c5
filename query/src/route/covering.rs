//! Which scans need no more of their rows than the index has that finds them.

use std::ops::Bound;

use ahash::AHashMap;
use manicule_engine::{TableSchema, View, WithNumber};

use crate::expr::{AggregateCall, Expr};
use crate::physical::{AccessPath, Covering, KeyPart, Node, NodeKind, Output, Subplan, TableScan};

/// The columns that are read of each slot, each once.
#[derive(Default)]
struct ColumnsRead {
    by_slot: AHashMap<usize, Vec<usize>>,
}

/// Marks the scans of a query whose index covers them.
pub(super) fn mark_covering(output: &mut Output, subplans: &mut [Subplan], view: &View<'_>) {
    let mut read = ColumnsRead::default();
    let outputs = std::iter::once(&*output).chain(subplans.iter().map(|subplan| &subplan.output));
    outputs.for_each(|output| {
        read.add_first(output.slot, output.width);
        read.add_node(&output.root);
    });
    let outputs = std::iter::once(output).chain(subplans.iter_mut().map(|subplan| &mut subplan.output));
    outputs.for_each(|output| mark(&mut output.root, &read, view));
}

fn mark(node: &mut Node, read: &ColumnsRead, view: &View<'_>) {
    match &mut node.kind {
        NodeKind::Unit | NodeKind::Values { .. } => {}
        NodeKind::Scan(scan) => {
            let columns = read.by_slot.get(&scan.slot).map_or(&[][..], Vec::as_slice);
            scan.covering =
                view.catalog().table_by_id(scan.table).and_then(|table| covering(table, scan, columns, view));
        }
        NodeKind::Aggregate { input, group_by, aggregates, .. } => {
            mark(input, read, view);
            if group_by.is_empty() && aggregates.iter().all(AggregateCall::counts_rows) {
                mark_counted(input);
            }
        }
        NodeKind::Filter { input, .. }
        | NodeKind::Project { input, .. }
        | NodeKind::Distinct { input, .. }
        | NodeKind::Limit { input, .. } => mark(input, read, view),
        NodeKind::Sort(sort) => mark(&mut sort.input, read, view),
        NodeKind::NestedLoop(join) => {
            mark(&mut join.left, read, view);
            mark(&mut join.right, read, view);
        }
        NodeKind::HashJoin(join) => {
            mark(&mut join.left, read, view);
            mark(&mut join.right, read, view);
        }
        NodeKind::SetOperation(operation) => {
            mark(&mut operation.left, read, view);
            mark(&mut operation.right, read, view);
        }
    }
}

/// Marks a scan of all rows that are only counted: the table knows how many they are.
fn mark_counted(node: &mut Node) {
    if let NodeKind::Scan(scan @ TableScan { path: AccessPath::FullScan, residual: None, .. }) = &mut node.kind {
        scan.covering = Some(Covering { columns: Vec::new(), with_number: WithNumber::No });
    }
}

/// The place in the key of each column that is read, if the key of the scan's index has them all, or all but a number that can
/// be told.
fn covering(table: &TableSchema, scan: &TableScan, columns: &[usize], view: &View<'_>) -> Option<Covering> {
    let index = match &scan.path {
        AccessPath::Lookup(lookup) => table.index(lookup.index)?,
        AccessPath::Range(range) => table.index(range.index)?,
        AccessPath::FullScan | AccessPath::Members(_) | AccessPath::Union(_) => return None,
    };
    let columns = columns.iter().map(|&column| Some((index.covers(table, column)?, column)));
    let columns: Vec<(usize, usize)> = columns.collect::<Option<_>>()?;
    let has_number = columns.iter().any(|(position, _)| *position == index.columns.len());
    if has_number && !view.tells_numbers(scan.table) {
        return None;
    }
    Some(Covering { columns, with_number: if has_number { WithNumber::Yes } else { WithNumber::No } })
}

impl ColumnsRead {
    fn add(&mut self, slot: usize, column: usize) {
        let columns = self.by_slot.entry(slot).or_default();
        if !columns.contains(&column) {
            columns.push(column);
        }
    }

    fn add_first(&mut self, slot: usize, count: usize) {
        (0..count).for_each(|column| self.add(slot, column));
    }

    fn add_expr(&mut self, expr: &Expr) {
        if let Expr::Column(column) = expr {
            self.add(column.slot, column.column);
        }
        expr.for_each_child(&mut |child| self.add_expr(child));
    }

    fn add_exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) {
        exprs.into_iter().for_each(|expr| self.add_expr(expr));
    }

    fn add_path(&mut self, path: &AccessPath) {
        match path {
            AccessPath::FullScan | AccessPath::Members(_) => {}
            AccessPath::Lookup(lookup) => self.add_exprs(lookup.columns.iter().flat_map(|column| &column.values)),
            AccessPath::Range(range) => {
                for (_, part) in &range.prefix {
                    match part {
                        KeyPart::Equals(expr) => self.add_expr(expr),
                        KeyPart::IsNull => {}
                    }
                }
                self.add_exprs(range.lower_rest.iter().chain(&range.upper_rest).map(|(_, expr)| expr));
                for bound in [&range.lower, &range.upper] {
                    match bound {
                        Bound::Included(expr) | Bound::Excluded(expr) => self.add_expr(expr),
                        Bound::Unbounded => {}
                    }
                }
            }
            AccessPath::Union(paths) => paths.iter().for_each(|path| self.add_path(path)),
        }
    }

    /// What a step and those below it read.
    fn add_node(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Unit => {}
            NodeKind::Scan(scan) => {
                self.add_path(&scan.path);
                self.add_exprs(&scan.residual);
            }
            NodeKind::Values { rows, .. } => self.add_exprs(rows.iter().flatten()),
            NodeKind::Filter { input, predicate } => {
                self.add_expr(predicate);
                self.add_node(input);
            }
            NodeKind::NestedLoop(join) => {
                self.add_exprs(&join.on);
                [&join.left, &join.right].into_iter().for_each(|side| self.add_node(side));
            }
            NodeKind::HashJoin(join) => {
                self.add_exprs(join.left_keys.iter().chain(&join.right_keys).chain(&join.on));
                [&join.left, &join.right].into_iter().for_each(|side| self.add_node(side));
            }
            NodeKind::Project { input, expressions, .. } => {
                self.add_exprs(expressions);
                self.add_node(input);
            }
            NodeKind::Aggregate { input, group_by, aggregates, .. } => {
                self.add_exprs(group_by);
                aggregates.iter().for_each(|call| call.for_each_expr(&mut |expr| self.add_exprs([expr])));
                self.add_node(input);
            }
            NodeKind::Distinct { input, columns, slot } => {
                self.add_first(*slot, *columns);
                self.add_node(input);
            }
            NodeKind::Sort(sort) => {
                let of_top = sort.top.iter().flat_map(|(limit, offset)| std::iter::once(limit).chain(offset));
                self.add_exprs(sort.keys.iter().map(|key| &key.expr).chain(of_top));
                self.add_node(&sort.input);
            }
            NodeKind::Limit { input, limit, offset } => {
                self.add_exprs(limit.iter().chain(offset));
                self.add_node(input);
            }
            NodeKind::SetOperation(operation) => {
                self.add_first(operation.left_slot, operation.columns);
                self.add_first(operation.right_slot, operation.columns);
                [&operation.left, &operation.right].into_iter().for_each(|side| self.add_node(side));
            }
        }
    }
}
