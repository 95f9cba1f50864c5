//! Reads by whole keys.

use std::ops::ControlFlow;

use super::exact::Exact;
use super::{View, either};
use crate::ids::{IndexId, RowId};
use crate::index::{Index, SoleCandidate};
use crate::key::Key;
use crate::read_set::Read;
use crate::row::Row;
use crate::state::TableState;
use crate::value::Value;

/// What a view knows at once of a key.
#[derive(Clone, Copy, Debug)]
pub enum SoleRow<'v> {
    /// No visible row has it.
    None,
    /// This visible row alone has it.
    Row(RowId, &'v Row),
    /// There may be several: [`lookup`](View::lookup) is to be asked.
    Unknown,
}

impl View<'_> {
    /// All visible rows whose key equals `key`, one value for each column of the index, each row once; in order of row
    /// id unless they are more than a thousand.
    ///
    /// The values are fitted to the columns: 3.0 finds 3 in an INTEGER column, 3.5 finds nothing. NULL finds NULL.
    #[inline]
    pub fn lookup<'v, B>(
        &'v self,
        index: IndexId,
        key: &[Value<'_>],
        visit: impl FnMut(RowId, &'v Row) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.lookup_while(index, key, visit, || ControlFlow::Continue(()))
    }

    /// [`lookup`](Self::lookup) that asks `go_on` at each entry of the index that stands for no row of the answer, so that it
    /// can be ended where there are many of them.
    #[inline]
    pub fn lookup_while<'v, B>(
        &'v self,
        index: IndexId,
        key: &[Value<'_>],
        visit: impl FnMut(RowId, &'v Row) -> ControlFlow<B>,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some((state, index)) = self.state.index(index) else { return ControlFlow::Continue(()) };
        let Some(key) = index.shape.of_values(key) else { return ControlFlow::Continue(()) };
        self.note_key(state, index, &key);
        self.visit_key((state, index), &key, either(visit, go_on))
    }

    /// [`lookup`](Self::lookup) for who wants to know nothing but the only row of a key, where that is known at once: in a
    /// unique index, but for a key whose holder has just changed and for a transaction that has changed rows or is
    /// serializable. Leaner than a lookup, which answers where this does not.
    #[inline]
    pub fn lookup_sole(&self, index: IndexId, key: &[Value<'_>]) -> SoleRow<'_> {
        if self.reads.is_some() || self.writes.is_some() {
            return SoleRow::Unknown;
        }
        let Some((state, index)) = self.state.index(index) else { return SoleRow::None };
        match index.shape.integer_word(key) {
            Some(word) => self.sole_row((state, index), &Key::Word(word)),
            None => self.sole_row_of((state, index), key),
        }
    }

    /// [`lookup_sole`](Self::lookup_sole) where the key is not just an integer. Apart, so that that is short.
    #[inline(never)]
    fn sole_row_of<'v>(&'v self, (state, index): (&'v TableState, &'v Index), key: &[Value<'_>]) -> SoleRow<'v> {
        index.shape.of_values(key).map_or(SoleRow::None, |key| self.sole_row((state, index), &key))
    }

    /// The only row with the key among those that the transaction has not changed, where it is known at once.
    #[inline]
    fn sole_row<'v>(&'v self, (state, index): (&'v TableState, &'v Index), key: &Key) -> SoleRow<'v> {
        if !index.unique {
            return SoleRow::Unknown;
        }
        if let Some((row_id, row)) = self.guessed_row((state, index), key) {
            return SoleRow::Row(row_id, row);
        }
        // A word is compared sooner than it is known whether it has to be.
        let exact = if index.shape.has_words() { None } else { Exact::begin(self, state, index) };
        let row_id = match index.sole_candidate(key, &self.guard) {
            SoleCandidate::None => return SoleRow::None,
            SoleCandidate::Row(row_id) => row_id,
            SoleCandidate::Unknown => return SoleRow::Unknown,
        };
        match self.installed(&state.table, row_id) {
            Some(row) if exact.is_some_and(|exact| exact.holds()) || index.shape.matches(row, key) => {
                SoleRow::Row(row_id, row)
            }
            _ => SoleRow::None,
        }
    }

    /// The row that has the key, if it is the one that its unique index guesses.
    #[inline]
    fn guessed_row<'v>(&'v self, (state, index): (&'v TableState, &'v Index), key: &Key) -> Option<(RowId, &'v Row)> {
        let Key::Word(word) = key else { return None };
        let row_id = index.guess(*word, &self.guard)?;
        let row = self.installed(&state.table, row_id)?;
        index.shape.matches(row, key).then_some((row_id, row))
    }

    /// Notes the read of a key, if somebody wants to know.
    #[inline]
    pub(super) fn note_key(&self, state: &TableState, index: &Index, key: &Key) {
        if let Some(reads) = self.reads {
            reads.note(state.schema.id, Read::Key(index.id, key.clone()));
        }
    }

    /// The visible rows with the key; `None` for each entry that stands for none.
    #[inline]
    pub(super) fn visit_key<'v, B>(
        &'v self,
        (state, index): (&'v TableState, &'v Index),
        key: &Key,
        mut visit: impl FnMut(RowId, Option<&'v Row>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some(writes) = self.pending(state.schema.id) {
            let found = self.matches_with_own((state, index), key, writes, |row_id| visit(row_id, None))?;
            return found.into_iter().try_for_each(|(row_id, row)| visit(row_id, Some(row)));
        }
        match self.sole_row((state, index), key) {
            SoleRow::None => ControlFlow::Continue(()),
            SoleRow::Row(row_id, row) => visit(row_id, Some(row)),
            SoleRow::Unknown => self.visit_candidates((state, index), key, visit),
        }
    }

    /// [`visit_key`](Self::visit_key) where a key may have several rows.
    fn visit_candidates<'v, B>(
        &'v self,
        (state, index): (&'v TableState, &'v Index),
        key: &Key,
        mut visit: impl FnMut(RowId, Option<&'v Row>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let exact = Exact::begin(self, state, index);
        let reader = exact.as_ref().map_or_else(|| self.reader(), |exact| exact.reader(self));
        let is_proven = || exact.as_ref().is_some_and(Exact::holds);
        let mut ahead = self.lookahead(state);
        let mut check = |(), row_id, row: Option<&'v Row>| {
            visit(row_id, row.filter(|row| is_proven() || index.shape.matches(row, key)))
        };
        index.candidates(key, reader, |row_id| ahead.push((), row_id, &mut check))?;
        ahead.flush(&mut check)
    }

    /// [`lookup`](Self::lookup) of many keys, in their order; `visit` is told the position of the key. The misses of
    /// different keys overlap. `go_on` is asked as by [`lookup_while`](Self::lookup_while).
    pub fn lookup_many<'v, B>(
        &'v self,
        index: IndexId,
        keys: &[Vec<Value<'_>>],
        mut visit: impl FnMut(usize, RowId, &'v Row) -> ControlFlow<B>,
        mut go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let is_plain = |state: &TableState| self.reads.is_none() && self.pending(state.schema.id).is_none();
        let Some((state, index)) = self.state.index(index).filter(|(state, _)| is_plain(state)) else {
            let mut one = |(position, key): (usize, &Vec<Value<'_>>)| {
                self.lookup_while(index, key, |row_id, row| visit(position, row_id, row), &mut go_on)
            };
            return keys.iter().enumerate().try_for_each(&mut one);
        };
        let encoded = keys.iter().enumerate().filter_map(|(at, key)| Some((at, index.shape.of_values(key)?)));
        let (positions, encoded): (Vec<usize>, Vec<Key>) = encoded.unzip();
        let mut check = |at: usize, row_id, row: Option<&'v Row>| {
            let row = row.filter(|row| index.shape.matches(row, &encoded[at]));
            row.map_or_else(&mut go_on, |row| visit(positions[at], row_id, row))
        };
        let mut ahead = self.lookahead(state);
        index.candidates_many(&encoded, self.reader(), |at, row_id| ahead.push(at, row_id, &mut check))?;
        ahead.flush(&mut check)
    }
}
