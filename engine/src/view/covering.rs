//! Answers that need nothing but what an index has: how many rows, whether there is one, the columns of the key.
//!
//! Where the table is [all-visible](crate::all_visible) to the view, the entries of an index are its rows and no row is
//! looked at. Otherwise the rows are, as in every other read: the answer is the same, it only costs more.

use std::ops::ControlFlow;

use super::exact::Exact;
use super::{View, reverse};
use crate::ids::{IndexId, RowId, TableId};
use crate::index::Index;
use crate::key::{Key, KeyRef, KeyShape, KeySpan, until};
use crate::range::{Direction, KeyRange};
use crate::read_set::{Read, ReadSet};
use crate::row::Row;
use crate::state::TableState;
use crate::value::Value;

/// How many rows there are, and what it took to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCount {
    /// How many rows there are.
    pub rows: u64,
    /// How many of them were looked at.
    pub rows_read: u64,
}

/// A visible row, as far as it was looked at.
#[derive(Clone, Copy, Debug)]
pub enum Covered<'v, 'k> {
    /// The row: the index alone could not tell whether it is visible.
    Row(&'v Row),
    /// The key of the row's entry in the index.
    Key(IndexKey<'k>),
}

/// The key of an index's entry.
#[derive(Clone, Copy, Debug)]
pub struct IndexKey<'k> {
    shape: &'k KeyShape,
    /// Where it was put together: a copy of what was just written in parts would wait for the parts.
    key: &'k KeyRef<'k>,
    number: i64,
}

impl<'k> IndexKey<'k> {
    /// The value of the key's column at `position`, as the row has it; of a REAL, an equal one. Behind
    /// the last column stands the row's number, if it was [asked for](WithNumber).
    #[inline]
    pub fn value(&self, position: usize) -> Value<'k> {
        if position == self.shape.column_count() {
            return Value::Integer(self.number);
        }
        self.shape.value(*self.key, position)
    }

    /// The value that [`value`](Self::value) gives, if it can be told in a few steps that it is an integer.
    #[inline]
    pub fn integer(&self, position: usize) -> Option<i64> {
        if position == self.shape.column_count() { Some(self.number) } else { self.shape.integer(*self.key) }
    }
}

/// Whether the number of each row is asked for beside its key: [`TableSchema::number`](crate::TableSchema::number).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithNumber {
    /// The key is enough.
    No,
    /// Rows whose number cannot be told are looked at.
    Yes,
}

/// Which entries are asked for.
#[derive(Debug)]
enum Question {
    Key(Key),
    Span(KeySpan),
}

impl View<'_> {
    /// Whether an answer from an index of the table alone looks at no row, as it is now: each row has one version, and the
    /// view sees it and has not changed any.
    pub fn is_all_visible(&self, table: TableId) -> bool {
        let state = self.state.table(table).filter(|_| self.pending(table).is_none());
        state.is_some_and(|state| state.table.all_visible.to(self.timestamp).is_some())
    }

    /// Whether the indexes of a table can tell the [number](crate::TableSchema::number) of nearly each row: where numbers count
    /// up as rows are inserted, and are not changed.
    pub fn tells_numbers(&self, table: TableId) -> bool {
        self.state.table(table).is_some_and(|state| state.table.numbering.is_mostly_even())
    }

    /// How many visible rows the table has: [`scan`](Self::scan) for who wants no more. Constant time where no row has to
    /// be looked at; otherwise `go_on` is asked at each, and at each that is not visible.
    pub fn count_all<B>(&self, table: TableId, mut go_on: impl FnMut() -> ControlFlow<B>) -> ControlFlow<B, RowCount> {
        if let Some(state) = self.state.table(table).filter(|_| self.pending(table).is_none())
            && let Some(since) = state.table.all_visible.to(self.timestamp)
        {
            let rows = state.table.live_rows();
            if state.table.all_visible.still(since) {
                self.reads.iter().for_each(|reads| reads.note_table(table));
                return ControlFlow::Continue(RowCount { rows, rows_read: 0 });
            }
        }
        let mut rows = 0;
        self.visit_all(table, |_, row| {
            rows += u64::from(row.is_some());
            go_on()
        })?;
        self.note_in_vain(table, rows);
        ControlFlow::Continue(RowCount { rows, rows_read: rows })
    }

    /// How many visible rows have the key: [`lookup`](Self::lookup) for who wants no more. Constant time where no row has
    /// to be looked at; otherwise `go_on` is asked at each entry.
    pub fn count<B>(
        &self,
        index: IndexId,
        key: &[Value<'_>],
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, RowCount> {
        let Some((state, index)) = self.state.index(index) else { return ControlFlow::Continue(RowCount::default()) };
        let Some(key) = index.shape.of_values(key) else { return ControlFlow::Continue(RowCount::default()) };
        self.count_rows((state, index), &Question::Key(key), go_on)
    }

    /// How many visible rows lie in the range: [`range`](Self::range) for who wants no more. O(log n + different keys)
    /// where no row has to be looked at. `go_on` is asked at each key or entry, at least at every eighth.
    pub fn count_range<B>(
        &self,
        index: IndexId,
        range: &KeyRange<'_>,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, RowCount> {
        let Some((state, index)) = self.state.index(index) else { return ControlFlow::Continue(RowCount::default()) };
        self.count_rows((state, index), &Question::Span(index.shape.span(range)), go_on)
    }

    /// [`lookup`](Self::lookup) for who needs no more of a row than the index has; rows that have to be looked at anyway
    /// are given as such. `go_on` is asked as by [`lookup_while`](Self::lookup_while).
    pub fn lookup_covered<'v, B>(
        &'v self,
        index: IndexId,
        (key, with_number): (&[Value<'_>], WithNumber),
        visit: impl FnMut(RowId, Covered<'v, '_>) -> ControlFlow<B>,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some((state, index)) = self.state.index(index) else { return ControlFlow::Continue(()) };
        let Some(key) = index.shape.of_values(key) else { return ControlFlow::Continue(()) };
        self.note_key(state, index, &key);
        self.visit_covered((state, index), (&Question::Key(key), Direction::Forward, with_number), visit, go_on)
    }

    /// [`range`](Self::range) for who needs no more of a row than the index has; rows that have to be looked at anyway are
    /// given as such. `go_on` is asked as by [`range_while`](Self::range_while).
    pub fn range_covered<'v, B>(
        &'v self,
        index: IndexId,
        (range, direction, with_number): (&KeyRange<'_>, Direction, WithNumber),
        mut visit: impl FnMut(RowId, Covered<'v, '_>) -> ControlFlow<B>,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some((state, index)) = self.state.index(index) else { return ControlFlow::Continue(()) };
        let question = Question::Span(index.shape.span(range));
        let stored = if index.shape.is_stored_reversed() { reverse(direction) } else { direction };
        let Some(reads) = self.reads else {
            return self.visit_covered((state, index), (&question, stored, with_number), visit, go_on);
        };
        let mut last = None;
        let visit = |row_id, covered: Covered<'v, '_>| {
            last = Some(match &covered {
                Covered::Row(row) => index.shape.of_row(row),
                Covered::Key(key) => Key::from(*key.key),
            });
            visit(row_id, covered)
        };
        let flow = self.visit_covered((state, index), (&question, stored, with_number), visit, go_on);
        question.note_until(last.filter(|_| flow.is_break()).as_ref(), stored, (state, index), reads);
        flow
    }

    fn count_rows<B>(
        &self,
        (state, index): (&TableState, &Index),
        question: &Question,
        mut go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, RowCount> {
        if let Some(reads) = self.reads {
            question.note_until(None, Direction::Forward, (state, index), reads);
        }
        if let Some(exact) = Exact::begin(self, state, index) {
            let rows = match question {
                Question::Key(key) => index.count(key, exact.reader(self)),
                Question::Span(span) => index.count_range(span, exact.reader(self), &mut go_on)?,
            };
            if exact.holds() {
                return ControlFlow::Continue(RowCount { rows, rows_read: 0 });
            }
        }
        let mut rows = 0;
        self.visit_rows((state, index), (question, Direction::Forward), |_, row| {
            rows += u64::from(row.is_some());
            go_on()
        })?;
        self.note_in_vain(state.schema.id, rows);
        ControlFlow::Continue(RowCount { rows, rows_read: rows })
    }

    /// Notes that rows of a table were looked at that would not have been had each one version alone.
    fn note_in_vain(&self, table: TableId, rows: u64) {
        if self.pending(table).is_none() {
            self.rows_in_vain.set(self.rows_in_vain.get() + rows);
        }
    }

    fn visit_covered<'v, B>(
        &'v self,
        (state, index): (&'v TableState, &'v Index),
        (question, stored, with_number): (&Question, Direction, WithNumber),
        mut visit: impl FnMut(RowId, Covered<'v, '_>) -> ControlFlow<B>,
        mut go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let numbering = &state.table.numbering;
        let tells_all = with_number == WithNumber::No || numbering.is_mostly_even();
        let exact = if tells_all { Exact::begin(self, state, index) } else { None };
        let Some(exact) = exact else {
            let mut rows = 0;
            let flow = self.visit_rows((state, index), (question, stored), |row_id, row| {
                let Some(row) = row else { return go_on() };
                rows += 1;
                visit(row_id, Covered::Row(row))
            });
            if tells_all {
                self.note_in_vain(state.schema.id, rows);
            }
            return flow;
        };
        let numbers = (with_number == WithNumber::Yes).then(|| numbering.numbers());
        let mut is_exact = true;
        // One call of `visit`, so that it is compiled into the loop over the entries.
        let mut each = |key: KeyRef<'_>, row_id| {
            is_exact = is_exact && exact.holds();
            let number = numbers.map_or(Some(0), |numbers| numbers.of(row_id));
            let covered = match number.filter(|_| is_exact) {
                Some(number) => Covered::Key(IndexKey { shape: &index.shape, key: &key, number }),
                None => match self.row_of_entry((state, index), key, row_id) {
                    Some(row) => Covered::Row(row),
                    None => return go_on(),
                },
            };
            visit(row_id, covered)
        };
        match question {
            Question::Key(key) => index.candidates(key, exact.reader(self), |row_id| each(key.as_ref(), row_id)),
            Question::Span(span) => index.range(span, stored, exact.reader(self), each),
        }
    }

    /// The visible row of an entry that alone does not tell whether there is one.
    #[cold]
    #[inline(never)]
    fn row_of_entry<'v>(
        &'v self,
        (state, index): (&'v TableState, &'v Index),
        key: KeyRef<'_>,
        row_id: RowId,
    ) -> Option<&'v Row> {
        self.installed(&state.table, row_id).filter(|row| index.shape.matches_entry(row, key))
    }

    fn visit_rows<'v, B>(
        &'v self,
        (state, index): (&'v TableState, &'v Index),
        (question, stored): (&Question, Direction),
        visit: impl FnMut(RowId, Option<&'v Row>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match question {
            Question::Key(key) => self.visit_key((state, index), key, visit),
            Question::Span(span) => self.visit_span((state, index), span, stored, visit),
        }
    }
}

impl Question {
    /// Notes the question, of a span only the part up to `last` if the walk ended there.
    fn note_until(
        &self,
        last: Option<&Key>,
        stored: Direction,
        (state, index): (&TableState, &Index),
        reads: &ReadSet,
    ) {
        let read = match (self, last) {
            (Self::Key(key), _) => Read::Key(index.id, key.clone()),
            (Self::Span(span), None) => Read::Span(index.id, span.clone()),
            (Self::Span(span), Some(last)) => Read::Span(index.id, until(span.clone(), last, stored)),
        };
        reads.note(state.schema.id, read);
    }
}
