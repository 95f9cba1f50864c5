//! Candidates on their way to rows, several at a time.
//!
//! A row lies two dependent loads behind its id, its slot and its newest version, and both are misses in a large table.
//! Candidates of one scan are independent, so the processor is asked for the slots as they come, then for the versions of
//! a handful, and by the time the first one is read most of them have arrived: the misses overlap instead of adding up.

use std::ops::ControlFlow;

use manicule_index::{ChainPlace, Guard};

use crate::ids::{RowId, Timestamp};
use crate::row::Row;
use crate::table::Table;
use crate::version::visible;

/// How many rows are asked for at once. More would not fit the processor's queue of misses, and a scan that stops early has
/// asked for that many in vain.
const AHEAD: usize = 16;

/// Candidates that were asked for, each with what it takes to check its row.
pub(crate) struct Lookahead<'v, C> {
    table: &'v Table,
    guard: &'v Guard,
    timestamp: Timestamp,
    entries: [Entry<'v, C>; AHEAD],
    len: usize,
}

/// A candidate, and where its versions are.
#[derive(Clone, Copy)]
struct Entry<'v, C> {
    check: C,
    row_id: RowId,
    place: Option<ChainPlace<'v, Timestamp>>,
}

impl<'v, C: Copy + Default> Lookahead<'v, C> {
    /// For rows as a snapshot at `timestamp` sees them.
    #[inline]
    pub(crate) fn new(table: &'v Table, timestamp: Timestamp, guard: &'v Guard) -> Self {
        let none = Entry { check: C::default(), row_id: RowId(0), place: None };
        Self { table, guard, timestamp, entries: [none; AHEAD], len: 0 }
    }

    /// Takes a candidate; when there are enough, `visit` gets the visible rows of them all, `None` for one that has none.
    #[inline]
    pub(crate) fn push<B>(
        &mut self,
        check: C,
        row_id: RowId,
        visit: &mut impl FnMut(C, RowId, Option<&'v Row>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let place = self.table.rows.place(row_id.0);
        place.iter().for_each(|place| place.prefetch());
        self.entries[self.len] = Entry { check, row_id, place };
        self.len += 1;
        if self.len == AHEAD { self.flush(visit) } else { ControlFlow::Continue(()) }
    }

    /// `visit` gets the visible rows of the candidates that are left.
    pub(crate) fn flush<B>(
        &mut self,
        visit: &mut impl FnMut(C, RowId, Option<&'v Row>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let entries = &self.entries[..self.len];
        self.len = 0;
        if entries.len() > 1 {
            entries.iter().filter_map(|entry| entry.place).for_each(ChainPlace::prefetch_head);
        }
        for entry in entries {
            let head = entry.place.and_then(|place| place.head(self.guard));
            visit(entry.check, entry.row_id, head.and_then(|head| visible(head, self.timestamp)))?;
        }
        ControlFlow::Continue(())
    }
}
