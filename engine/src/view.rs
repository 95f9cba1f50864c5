//! What one reader sees at one moment: the visible version of each row, changed by the reader's own write set.
//!
//! A read through an index takes the candidates, asks for each one's visible version, and compares the key again, unless
//! the entries are known to be [exact](crate::all_visible): an entry may stand for another version of the row. Rows that
//! the transaction itself changed are left out there and added from the write set.

mod covering;
mod exact;
mod lookup;
mod own;

use std::cell::Cell;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use manicule_index::{Guard, LazySnapshot};

use crate::catalog::Catalog;
use crate::database::Inner;
use crate::ids::{IndexId, RowId, TableId, Timestamp};
use crate::index::{Index, IndexReader};
use crate::key::{Key, KeyRef, KeySpan, until};
use crate::lookahead::Lookahead;
use crate::range::{Direction, KeyRange};
use crate::read_set::{Read, ReadSet};
use crate::row::Row;
use crate::snapshots::Slot;
use crate::state::{State, TableState};
use crate::table::Table;
use crate::value::Value;
use crate::version::visible;
use crate::write_set::{TableWrites, WriteSet};

pub use covering::{Covered, IndexKey, RowCount, WithNumber};
use exact::{Claim, Exact};
pub use lookup::SoleRow;

/// What one reader sees at one moment.
///
/// Rows are handed out by reference and live as long as the view is borrowed. A view pins its thread: it cannot leave
/// it, and while it lives memory that others free is not given back, so let go of it between statements.
///
/// An id that the view's catalog does not have has no rows.
pub struct View<'s> {
    state: &'s State,
    inner: &'s Inner,
    timestamp: Timestamp,
    guard: Guard,
    published: LazySnapshot<'s>,
    /// A table whose entries in `published` are exact.
    exact_table: Cell<Option<TableId>>,
    writes: Option<&'s WriteSet>,
    /// Where reads are noted, if somebody wants to know.
    reads: Option<&'s ReadSet>,
    /// Unpinned when the view goes, if the snapshot is the view's own.
    own_slot: Option<&'s Slot>,
    /// How many rows were looked at only because the table is not all-visible.
    rows_in_vain: Cell<u64>,
}

/// From so many rows on that a view looked at in vain it clears older versions away in return.
const ROWS_IN_VAIN_MIN: u64 = if cfg!(any(loom, feature = "shuttle")) { 1 } else { 64 };

/// Where a view comes from.
pub(crate) struct ViewSource<'s> {
    pub(crate) state: &'s State,
    pub(crate) inner: &'s Inner,
    pub(crate) timestamp: Timestamp,
    pub(crate) writes: Option<&'s WriteSet>,
    pub(crate) reads: Option<&'s ReadSet>,
    pub(crate) own_slot: Option<&'s Slot>,
}

impl<'s> View<'s> {
    #[inline]
    pub(crate) fn new(source: ViewSource<'s>) -> Self {
        Self {
            state: source.state,
            inner: source.inner,
            timestamp: source.timestamp,
            guard: manicule_index::pin(),
            published: source.inner.registry.lazy_snapshot(),
            exact_table: Cell::new(None),
            writes: source.writes.filter(|writes| !writes.is_empty()),
            reads: source.reads,
            own_slot: source.own_slot,
            rows_in_vain: Cell::new(0),
        }
    }

    /// The commit up to which the view sees.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The schema that the view sees.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.state.catalog
    }

    /// The visible row of that id. Constant time.
    #[inline]
    pub fn row(&self, table: TableId, row_id: RowId) -> Option<&Row> {
        if let Some(pending) = self.pending(table).and_then(|writes| writes.get(&row_id)) {
            return pending.row.as_deref();
        }
        if let Some(reads) = self.reads {
            reads.note(table, Read::Row(row_id));
        }
        self.installed(&self.state.table(table)?.table, row_id)
    }

    /// All visible rows, in order of row id.
    pub fn scan<'v, B>(
        &'v self,
        table: TableId,
        visit: impl FnMut(RowId, &'v Row) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.scan_while(table, visit, || ControlFlow::Continue(()))
    }

    /// [`scan`](Self::scan) that asks `go_on` at each row that is not visible, so that it can be ended where there are many of
    /// them and none that is.
    pub fn scan_while<'v, B>(
        &'v self,
        table: TableId,
        visit: impl FnMut(RowId, &'v Row) -> ControlFlow<B>,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.visit_all(table, either(visit, go_on))
    }

    /// All visible rows, in order of row id; `None` for each row that is not visible.
    fn visit_all<'v, B>(
        &'v self,
        table: TableId,
        mut visit: impl FnMut(RowId, Option<&'v Row>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(state) = self.state.table(table) else { return ControlFlow::Continue(()) };
        if let Some(reads) = self.reads {
            reads.note_table(table);
        }
        let mut installed = state.table.rows.iter(&self.guard).map(|(id, head)| (RowId(id), head));
        let Some(writes) = self.pending(table) else {
            return installed.try_for_each(|(row_id, head)| visit(row_id, visible(head, self.timestamp)));
        };
        let mut pending = writes.iter().peekable();
        for (row_id, head) in installed {
            while let Some((own, change)) = pending.next_if(|(own, _)| **own < row_id) {
                visit(*own, change.row.as_deref())?;
            }
            let row = match pending.next_if(|(own, _)| **own == row_id) {
                Some((_, change)) => change.row.as_deref(),
                None => visible(head, self.timestamp),
            };
            visit(row_id, row)?;
        }
        pending.try_for_each(|(own, change)| visit(*own, change.row.as_deref()))
    }

    /// Candidates on their way to rows of a table.
    #[inline]
    fn lookahead<'v, C: Copy + Default>(&'v self, state: &'v TableState) -> Lookahead<'v, C> {
        Lookahead::new(&state.table, self.timestamp, &self.guard)
    }

    /// All visible rows in the range, in order of key; rows with equal keys in order of row id unless they are more than
    /// a thousand, or NULLs of a unique index. An index without a tree has no order and so no ranges: it gives nothing.
    pub fn range<'v, B>(
        &'v self,
        index: IndexId,
        range: &KeyRange<'_>,
        direction: Direction,
        visit: impl FnMut(RowId, &'v Row) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.range_while(index, (range, direction), visit, || ControlFlow::Continue(()))
    }

    /// [`range`](Self::range) that asks `go_on` at each entry of the index that stands for no row of the answer, so that it can
    /// be ended where there are many of them.
    pub fn range_while<'v, B>(
        &'v self,
        index: IndexId,
        (range, direction): (&KeyRange<'_>, Direction),
        visit: impl FnMut(RowId, &'v Row) -> ControlFlow<B>,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some((state, index)) = self.state.index(index) else { return ControlFlow::Continue(()) };
        let span = index.shape.span(range);
        let stored = if index.shape.is_stored_reversed() { reverse(direction) } else { direction };
        let mut visit = either(visit, go_on);
        let Some(reads) = self.reads else { return self.visit_span((state, index), &span, stored, visit) };
        let mut last = None;
        let flow = self.visit_span((state, index), &span, stored, |row_id, row| {
            last = row.or(last);
            visit(row_id, row)
        });
        let passed = match last.filter(|_| flow.is_break()) {
            Some(last) => until(span, &index.shape.of_row(last), stored),
            None => span,
        };
        reads.note(state.schema.id, Read::Span(index.id, passed));
        flow
    }

    /// The visible rows with keys in the span, in the order in which the index stores them, or against it; `None` for each
    /// entry that stands for none.
    fn visit_span<'v, B>(
        &'v self,
        (state, index): (&'v TableState, &'v Index),
        span: &KeySpan,
        stored: Direction,
        mut visit: impl FnMut(RowId, Option<&'v Row>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some(writes) = self.pending(state.schema.id) {
            return self.visit_span_with_own((state, index), (span, stored), writes, visit);
        }
        let exact = Exact::begin(self, state, index);
        let reader = exact.as_ref().map_or_else(|| self.reader(), |exact| exact.reader(self));
        let mut ahead = self.lookahead(state);
        let is_proven = || exact.as_ref().is_some_and(Exact::holds);
        let mut check = |claim: Claim, row_id, row: Option<&'v Row>| {
            visit(row_id, row.filter(|row| is_proven() || claim.holds(row, &index.shape)))
        };
        index.range(span, stored, reader, |entry, row_id| {
            let claim = match entry {
                KeyRef::Null => Claim::Null,
                KeyRef::Word(word) => Claim::Word(word),
                KeyRef::Bytes(_) if is_proven() => Claim::Proven,
                KeyRef::Bytes(_) => {
                    // The bytes are the index's own for the moment only.
                    ahead.flush(&mut check)?;
                    let row = self.installed(&state.table, row_id);
                    return check(Claim::Proven, row_id, row.filter(|row| index.shape.matches_entry(row, entry)));
                }
            };
            ahead.push(claim, row_id, &mut check)
        })?;
        ahead.flush(&mut check)
    }

    /// Whether a row other than `row_id` has a key that does not repeat. It is a read like any other.
    pub(crate) fn has_other_holder(&self, state: &TableState, index: &Index, (row_id, key): (RowId, &Key)) -> bool {
        self.note_key(state, index, key);
        let writes = self.pending(state.schema.id);
        let is_installed = index.candidates(key, self.reader(), |other| {
            let is_holder = other != row_id
                && writes.is_none_or(|writes| !writes.contains_key(&other))
                && self.installed(&state.table, other).is_some_and(|row| index.shape.matches(row, key));
            if is_holder { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let is_pending = |(writes, set): (&TableWrites, &WriteSet)| {
            set.candidates(state, index, key).iter().filter(|other| **other != row_id).any(|other| {
                let row = writes.get(other).and_then(|pending| pending.row.as_deref());
                row.is_some_and(|row| index.shape.matches(row, key))
            })
        };
        is_installed.is_break() || writes.zip(self.writes).is_some_and(is_pending)
    }

    /// About how many rows the table has. Constant time.
    pub fn row_count(&self, table: TableId) -> u64 {
        self.state.table(table).map_or(0, |state| state.table.live_rows())
    }

    /// About how many rows have that key. Constant time.
    pub fn estimate_lookup(&self, index: IndexId, key: &[Value<'_>]) -> u64 {
        let Some((_, index)) = self.state.index(index) else { return 0 };
        index.shape.of_values(key).map_or(0, |key| index.estimate_lookup(&key, self.reader()))
    }

    /// About how many rows lie in the range. O(log n).
    pub fn estimate_range(&self, index: IndexId, range: &KeyRange<'_>) -> u64 {
        let Some((_, index)) = self.state.index(index) else { return 0 };
        index.estimate_range(&index.shape.span(range), self.reader())
    }

    /// About how many different keys the index has. Constant time.
    pub fn distinct_keys(&self, index: IndexId) -> u64 {
        self.state.index(index).map_or(0, |(_, index)| index.distinct_keys(self.reader()))
    }

    /// Clears away older versions, as many as rows were looked at because of some.
    #[cold]
    fn clear_in_return(&mut self) {
        // What was read of the multi indexes is let go of first: it would have to be copied.
        self.published.release();
        self.inner.try_vacuum(usize::try_from(self.rows_in_vain.get()).unwrap_or(usize::MAX));
    }

    /// The transaction's own changes to a table.
    #[inline]
    fn pending(&self, table: TableId) -> Option<&'s TableWrites> {
        self.writes?.table(table)
    }

    /// The visible version of a row, without the transaction's own changes.
    #[inline]
    pub(crate) fn installed<'v>(&'v self, table: &'v Table, row_id: RowId) -> Option<&'v Row> {
        table.rows.prefetch_probable_head(row_id.0);
        let head = table.rows.head(row_id.0, &self.guard)?;
        head.prefetch_second_line();
        visible(head, self.timestamp)
    }

    /// The index, without its table.
    pub(crate) fn index_of(&self, index: IndexId) -> Option<&Index> {
        self.state.index(index).map(|(_, index)| index)
    }

    #[inline]
    pub(crate) fn reader(&self) -> IndexReader<'_> {
        IndexReader { guard: &self.guard, published: &self.published }
    }
}

impl Drop for View<'_> {
    #[inline]
    fn drop(&mut self) {
        self.own_slot.iter().for_each(|slot| slot.unpin());
        if self.rows_in_vain.get() >= ROWS_IN_VAIN_MIN {
            self.clear_in_return();
        }
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}

/// What gets the rows of an answer, and is asked to go on at what is none.
#[inline]
fn either<'v, B>(
    mut visit: impl FnMut(RowId, &'v Row) -> ControlFlow<B>,
    mut go_on: impl FnMut() -> ControlFlow<B>,
) -> impl FnMut(RowId, Option<&'v Row>) -> ControlFlow<B> {
    move |row_id, row| match row {
        Some(row) => visit(row_id, row),
        None => go_on(),
    }
}

fn reverse(direction: Direction) -> Direction {
    match direction {
        Direction::Forward => Direction::Backward,
        Direction::Backward => Direction::Forward,
    }
}
