//! Scans whose index has all that is read of their rows, and those that only count rows. The engine says for each row
//! whether it had to be looked at; the slot has the row then, and otherwise the columns of the key.

use std::ops::ControlFlow;

use manicule_engine::{Covered, RowCount, RowId, Value};

use super::path::{all_keys, key_range, one_key};
use super::{Flow, attempt, finished};
use crate::error::Result;
use crate::frame::{Frame, Slot};
use crate::physical::{AccessPath, Covering, Node, NodeKind, TableScan};

/// What it took to find a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookedAt {
    IndexAlone,
    Row,
}

/// Calls `visit` for each row that the path finds, with the scan's slot filled.
pub(super) fn fill<'r, 'v>(
    scan: &'v TableScan,
    covering: &'v Covering,
    frame: &mut Frame<'r, 'v>,
    visit_row: &mut dyn FnMut(&mut Frame<'r, 'v>, LookedAt) -> Flow,
) -> Flow {
    let width = covering.columns.iter().map(|(_, column)| column + 1).max().unwrap_or(0);
    visit(scan, covering, frame, |frame, row_id, covered| {
        let slot = &mut frame.slots[scan.slot];
        match covered {
            Covered::Row(row) => {
                slot.store(row_id, row);
                visit_row(frame, LookedAt::Row)
            }
            Covered::Key(key) => {
                let values = slot.computed(width);
                for &(position, column) in &covering.columns {
                    values[column] = key.value(position).into_owned();
                }
                visit_row(frame, LookedAt::IndexAlone)
            }
        }
    })
}

/// Calls `show` for each row that the path finds.
pub(super) fn visit<'r, 'v>(
    scan: &'v TableScan,
    covering: &'v Covering,
    frame: &mut Frame<'r, 'v>,
    mut show: impl FnMut(&mut Frame<'r, 'v>, RowId, Covered<'v, '_>) -> Flow,
) -> Flow {
    let run = frame.run;
    let view = run.view();
    let tick = || attempt(run.tick());
    match &scan.path {
        AccessPath::Lookup(lookup) if lookup.has_one_key() => {
            let Some(key) = attempt(one_key(lookup, frame))? else { return ControlFlow::Continue(()) };
            view.lookup_covered(
                lookup.index,
                (&key, covering.with_number),
                |row_id, covered| show(frame, row_id, covered),
                tick,
            )
        }
        AccessPath::Lookup(lookup) => attempt(all_keys(lookup, frame))?.iter().try_for_each(|key| {
            view.lookup_covered(
                lookup.index,
                (key, covering.with_number),
                |row_id, covered| show(frame, row_id, covered),
                tick,
            )
        }),
        AccessPath::Range(range) => {
            let Some(key_range) = attempt(key_range(range, frame))? else { return ControlFlow::Continue(()) };
            let show = |row_id, covered: Covered<'v, '_>| show(frame, row_id, covered);
            view.range_covered(range.index, (&key_range, range.direction, covering.with_number), show, tick)
        }
        AccessPath::FullScan => unreachable!("the rows of a full scan that is covered are counted"),
        AccessPath::Members(_) | AccessPath::Union(_) => unreachable!("no index covers them"),
    }
}

/// The scan whose rows need only be counted to know how many `node` gives.
pub(super) fn countable(node: &Node) -> Option<&TableScan> {
    match &node.kind {
        NodeKind::Scan(scan @ TableScan { covering: Some(covering), residual: None, .. }) => {
            covering.columns.is_empty().then_some(scan)
        }
        _ => None,
    }
}

/// How many rows a countable scan gives.
pub(super) fn count<'v>(scan: &'v TableScan, frame: &Frame<'_, 'v>) -> Result<RowCount> {
    let view = frame.run.view();
    let tick = || attempt(frame.run.tick());
    frame.run.poll()?;
    let counted = match &scan.path {
        AccessPath::FullScan => view.count_all(scan.table, tick),
        AccessPath::Lookup(lookup) if lookup.has_one_key() => {
            let Some(key) = one_key(lookup, frame)? else { return Ok(RowCount::default()) };
            view.count(lookup.index, &key, tick)
        }
        AccessPath::Lookup(lookup) => all_keys(lookup, frame)?.iter().try_fold(RowCount::default(), |all, key| {
            tick()?;
            let one = view.count(lookup.index, key, tick)?;
            ControlFlow::Continue(RowCount { rows: all.rows + one.rows, rows_read: all.rows_read + one.rows_read })
        }),
        AccessPath::Range(range) => {
            let Some(bounds) = key_range(range, frame)? else { return Ok(RowCount::default()) };
            view.count_range(range.index, &bounds, tick)
        }
        AccessPath::Members(_) | AccessPath::Union(_) => unreachable!("no index covers them"),
    };
    match counted {
        ControlFlow::Continue(counted) => Ok(counted),
        ControlFlow::Break(stop) => finished(ControlFlow::Break(stop)).map(|()| RowCount::default()),
    }
}

impl<'v> Slot<'v> {
    /// A computed row of that many columns to be overwritten, what else was in the slot dropped.
    fn computed(&mut self, width: usize) -> &mut [Value<'v>] {
        if !matches!(self, Self::Computed(values) if values.len() == width) {
            *self = Self::Computed(vec![Value::Null; width]);
        }
        match self {
            Self::Computed(values) => values,
            _ => unreachable!("it has just been made one"),
        }
    }
}
