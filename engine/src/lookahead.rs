//! Candidates on their way to rows, several at a time.
//!
//! A row lies two dependent loads behind its id, its slot and its newest version, and both are misses in a large table.
//! Candidates of one scan are independent, so the processor is asked for a candidate's slot when it comes, for its version
//! when a few more have come, and it is read when as many again have: the misses overlap with each other and with the work on
//! the rows before, and no row waits for the whole of one.

use std::ops::ControlFlow;

use manicule_index::{ChainPlace, Guard};

use crate::ids::{RowId, Timestamp};
use crate::row::Row;
use crate::table::Table;
use crate::version::visible;

/// How many candidates are on their way at once. More would not fit the processor's queue of misses, and a scan that stops early
/// has asked for that many in vain. A power of two, so that a number's place in the ring is a mask.
const AHEAD: usize = 16;

/// How many candidates come between a candidate and the request for its version: its slot has arrived by then.
const STRIDE: usize = AHEAD / 2;

/// Candidates that were asked for, each with what it takes to check its row.
pub(crate) struct Lookahead<'v, C> {
    table: &'v Table,
    guard: &'v Guard,
    timestamp: Timestamp,
    /// A ring: the candidate with the number `i` lies at `i % AHEAD`.
    entries: [Entry<'v, C>; AHEAD],
    /// The number of the next candidate to be read, and of the next one to come.
    first: usize,
    next: usize,
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
        Self { table, guard, timestamp, entries: [none; AHEAD], first: 0, next: 0 }
    }

    /// Takes a candidate; `visit` gets the visible row of the one that came [`AHEAD`] before, `None` if it has none.
    #[inline]
    pub(crate) fn push<B>(
        &mut self,
        check: C,
        row_id: RowId,
        visit: &mut impl FnMut(C, RowId, Option<&'v Row>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if self.next - self.first == AHEAD {
            self.read_first(visit)?;
        }
        let place = self.table.rows.place(row_id.0);
        place.iter().for_each(|place| place.prefetch());
        self.entries[self.next % AHEAD] = Entry { check, row_id, place };
        self.next += 1;
        if self.next - self.first > STRIDE {
            self.ask_for_version(self.next - 1 - STRIDE);
        }
        ControlFlow::Continue(())
    }

    /// `visit` gets the visible rows of the candidates that are left.
    pub(crate) fn flush<B>(
        &mut self,
        visit: &mut impl FnMut(C, RowId, Option<&'v Row>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if self.next - self.first > 1 {
            let asked_up_to = self.next.saturating_sub(STRIDE);
            (self.first.max(asked_up_to)..self.next).for_each(|number| self.ask_for_version(number));
        }
        while self.first < self.next {
            self.read_first(visit)?;
        }
        ControlFlow::Continue(())
    }

    /// Asks the processor for the newest version of a candidate.
    #[inline]
    fn ask_for_version(&self, number: usize) {
        self.entries[number % AHEAD].place.iter().for_each(|place| place.prefetch_head());
    }

    #[inline]
    fn read_first<B>(&mut self, visit: &mut impl FnMut(C, RowId, Option<&'v Row>) -> ControlFlow<B>) -> ControlFlow<B> {
        let entry = self.entries[self.first % AHEAD];
        self.first += 1;
        let head = entry.place.and_then(|place| place.head(self.guard));
        visit(entry.check, entry.row_id, head.and_then(|head| visible(head, self.timestamp)))
    }
}
