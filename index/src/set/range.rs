//! Ranges of an index: its entries in order of key, and about how many they are.

use std::ops::{Bound, ControlFlow};

use super::candidate::{CandidateIndex, EntryReader, SharedKey, Store, UniqueBytes};
use super::definition::RowId;
use super::key::{KeyRef, KeySpan};
use super::multi::{MultiEntries, visit_list};
use crate::key::Direction;

impl<R: RowId> CandidateIndex<R> {
    /// All entries with keys in the span, in order of key. An index without a tree has none, nor has a span of another
    /// form.
    pub fn range<B>(
        &self,
        span: &KeySpan,
        direction: Direction,
        reader: EntryReader<'_>,
        mut visit: impl FnMut(KeyRef<'_>, R) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match (self.store(), span) {
            (Store::UniqueWords { repeated: multi, .. } | Store::Words(multi), KeySpan::Words { nulls, words }) => {
                if !self.definition().structure.has_tree() {
                    return ControlFlow::Continue(());
                }
                if *nulls && direction == Direction::Ascending {
                    multi.candidates(&None, reader.published, |row| visit(KeyRef::Null, row))?;
                }
                if let Some(words) = words {
                    self.range_of_words(*words, direction, reader, |word, row| visit(KeyRef::Word(word), row))?;
                }
                if *nulls && direction == Direction::Descending {
                    multi.candidates(&None, reader.published, |row| visit(KeyRef::Null, row))?;
                }
                ControlFlow::Continue(())
            }
            (Store::UniqueBytes { entries, repeated }, KeySpan::Bytes { start, end }) => {
                let bounds = byte_bounds(start, end.as_deref());
                range_merged((entries, repeated), bounds, direction, reader, visit)
            }
            (Store::Bytes(multi), KeySpan::Bytes { start, end }) => {
                let bounds = byte_bounds(start, end.as_deref());
                multi.range(bounds, direction, reader.published, |key, row| visit(KeyRef::Bytes(key), row))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn range_of_words<B>(
        &self,
        words: WordBounds,
        direction: Direction,
        reader: EntryReader<'_>,
        mut visit: impl FnMut(u64, R) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self.store() {
            Store::UniqueWords { entries, .. } => {
                let bounds = (words.0.as_ref(), words.1.as_ref());
                entries.range(bounds, direction, reader.guard, |word: &u64, row| visit(*word, row))
            }
            Store::Words(multi) => {
                let (lower, upper) = after_null(words);
                multi.range((lower.as_ref(), upper.as_ref()), direction, reader.published, |word, row| {
                    word.map_or(ControlFlow::Continue(()), |word| visit(word, row))
                })
            }
            Store::UniqueBytes { .. } | Store::Bytes(_) => ControlFlow::Continue(()),
        }
    }

    /// About how many entries lie in the span. O(log n).
    pub fn estimate_range(&self, span: &KeySpan, reader: EntryReader<'_>) -> u64 {
        match (self.store(), span) {
            (Store::UniqueWords { entries, repeated }, KeySpan::Words { nulls, words }) => {
                let null_entries = if *nulls { repeated.count(&None, reader.published) as u64 } else { 0 };
                null_entries
                    + words.as_ref().map_or(0, |(lower, upper)| {
                        entries.estimate_range((lower.as_ref(), upper.as_ref()), reader.guard)
                    })
            }
            (Store::UniqueBytes { entries, repeated }, KeySpan::Bytes { start, end }) => {
                let bounds = byte_bounds(start, end.as_deref());
                entries.estimate_range(bounds, reader.guard) + repeated.estimate_range(bounds, reader.published)
            }
            (Store::Words(multi), KeySpan::Words { nulls, words }) => {
                let null_entries = if *nulls { multi.count(&None, reader.published) as u64 } else { 0 };
                null_entries
                    + words.map_or(0, |words| {
                        let (lower, upper) = after_null(words);
                        multi.estimate_range((lower.as_ref(), upper.as_ref()), reader.published)
                    })
            }
            (Store::Bytes(multi), KeySpan::Bytes { start, end }) => {
                multi.estimate_range(byte_bounds(start, end.as_deref()), reader.published)
            }
            _ => 0,
        }
    }
}

/// The entries of a unique index and those of its keys that repeat, in one order.
fn range_merged<R: RowId, B>(
    (entries, repeated): (&UniqueBytes<R, R::Words>, &MultiEntries<SharedKey, R>),
    bounds: (Bound<&[u8]>, Bound<&[u8]>),
    direction: Direction,
    reader: EntryReader<'_>,
    mut visit: impl FnMut(KeyRef<'_>, R) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut lists = repeated.lists(bounds, direction, reader.published).peekable();
    entries.range(bounds, direction, reader.guard, |key: &[u8], row| {
        let is_before = |other: &[u8]| match direction {
            Direction::Ascending => other < key,
            Direction::Descending => other > key,
        };
        while let Some((other, list)) = lists.next_if(|(other, _)| is_before(other)) {
            visit_list(list, &mut |row| visit(KeyRef::Bytes(other), row))?;
        }
        visit(KeyRef::Bytes(key), row)
    })?;
    lists.try_for_each(|(key, list)| visit_list(list, &mut |row| visit(KeyRef::Bytes(key), row)))
}

/// Bounds of a byte span; bounds that exclude everything are empty to every structure.
pub(super) fn byte_bounds<'b>(start: &'b [u8], end: Option<&'b [u8]>) -> (Bound<&'b [u8]>, Bound<&'b [u8]>) {
    (Bound::Included(start), end.map_or(Bound::Unbounded, Bound::Excluded))
}

type WordBounds = (Bound<u64>, Bound<u64>);

/// Bounds of words where NULL is a key before all of them.
pub(super) fn after_null((lower, upper): WordBounds) -> (Bound<Option<u64>>, Bound<Option<u64>>) {
    let lower = if lower == Bound::Unbounded { Bound::Excluded(None) } else { lower.map(Some) };
    (lower, upper.map(Some))
}
