//! Counting entries without visiting them: for a reader that knows, from elsewhere, that every entry is a row it sees.

use std::borrow::Borrow;
use std::ops::{Bound, ControlFlow};

use super::candidate::{CandidateIndex, EntryReader, Store};
use super::definition::RowId;
use super::key::{Key, KeySpan};
use super::multi::{MultiEntries, MultiKey};
use super::range::{after_null, byte_bounds};
use crate::key::IndexKey;
use crate::multi::LazySnapshot;

impl<R: RowId> CandidateIndex<R> {
    /// How many entries have the key. Exact while nobody writes; of an index that is not unique, always. Constant time,
    /// but for a unique key that has several candidates.
    pub fn count(&self, key: &Key, reader: EntryReader<'_>) -> u64 {
        if !self.definition().unique || key.may_repeat() {
            return self.estimate_lookup(key, reader);
        }
        let mut count = 0;
        let _: ControlFlow<()> = self.candidates(key, reader, |_| {
            count += 1;
            ControlFlow::Continue(())
        });
        count
    }

    /// How many entries lie in the span. Exact while nobody writes; of an index that is not unique, always. An index
    /// without a tree has none in any span. `go_on` is asked after each key, of a unique index after each leaf of keys.
    /// O(log n + different keys in the span), the keys of a unique index a leaf at a time.
    pub fn count_range<B>(
        &self,
        span: &KeySpan,
        reader: EntryReader<'_>,
        mut go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, u64> {
        if !self.definition().structure.has_tree() {
            return ControlFlow::Continue(0);
        }
        let count = match (self.store(), span) {
            (Store::UniqueWords { entries, repeated }, KeySpan::Words { nulls, words }) => {
                let nulls = if *nulls { repeated.count(&None, reader.published) as u64 } else { 0 };
                let Some((lower, upper)) = words else { return ControlFlow::Continue(nulls) };
                nulls + entries.count_range((lower.as_ref(), upper.as_ref()), reader.guard, go_on)?
            }
            (Store::Words(multi), KeySpan::Words { nulls, words }) => {
                let nulls = if *nulls { multi.count(&None, reader.published) as u64 } else { 0 };
                let Some(words) = *words else { return ControlFlow::Continue(nulls) };
                let (lower, upper) = after_null(words);
                nulls + count_lists(multi, (lower.as_ref(), upper.as_ref()), reader.published, go_on)?
            }
            (Store::UniqueBytes { entries, repeated }, KeySpan::Bytes { start, end }) => {
                let bounds = byte_bounds(start, end.as_deref());
                let count = entries.count_range(bounds, reader.guard, &mut go_on)?;
                count + count_lists(repeated, bounds, reader.published, go_on)?
            }
            (Store::Bytes(multi), KeySpan::Bytes { start, end }) => {
                count_lists(multi, byte_bounds(start, end.as_deref()), reader.published, go_on)?
            }
            _ => 0,
        };
        ControlFlow::Continue(count)
    }
}

/// The lengths of all lists in the bounds, added up; asks after each whether to go on.
fn count_lists<K, Q, R, B>(
    multi: &MultiEntries<K, R>,
    bounds: (Bound<&Q>, Bound<&Q>),
    published: &LazySnapshot<'_>,
    mut go_on: impl FnMut() -> ControlFlow<B>,
) -> ControlFlow<B, u64>
where
    K: MultiKey + Borrow<Q>,
    Q: IndexKey + ?Sized,
    R: RowId,
{
    multi.lists(bounds, crate::key::Direction::Ascending, published).try_fold(0, |count, (_, list)| {
        go_on()?;
        ControlFlow::Continue(count + list.len() as u64)
    })
}
