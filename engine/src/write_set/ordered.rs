//! The keys of a table's changed rows in one index, in order, for ranges.
//!
//! Made when a range is first asked for, and kept up to date from then on: a transaction that changes rows and reads ranges by
//! turns pays for what it has changed since it asked last, not for all its changes each time.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::iter::from_fn;
use std::ops::Bound;

use smallvec::SmallVec;

use super::WriteSet;
use crate::ids::RowId;
use crate::index::Index;
use crate::key::{Key, KeySpan};
use crate::range::Direction;
use crate::state::TableState;

/// The keys in order, each with its rows in order of row id.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderedKeys {
    /// How many changes are in.
    pub(super) len: usize,
    rows: BTreeMap<Key, SmallVec<[RowId; 2]>>,
}

impl OrderedKeys {
    /// Takes the changes in that were made since the last time.
    pub(super) fn catch_up(&mut self, set: &WriteSet, state: &TableState, index: &Index) {
        let table = state.schema.id;
        let Some(writes) = set.table(table) else { return };
        let changes = || set.undo.iter().skip(self.len).filter(|undo| undo.table == table);
        let before = changes().filter_map(|undo| Some((undo.before.as_ref()?.row.as_deref()?, undo.row_id)));
        let before: Vec<(Key, RowId)> = before.map(|(row, row_id)| (index.shape.of_row(row), row_id)).collect();
        let after = changes().filter_map(|undo| Some((writes.get(&undo.row_id)?.row.as_deref()?, undo.row_id)));
        let mut after: Vec<(Key, RowId)> = after.map(|(row, row_id)| (index.shape.of_row(row), row_id)).collect();
        // A map takes many keys soonest in their order.
        after.sort_unstable();
        before.iter().for_each(|(key, row_id)| self.remove(key, *row_id));
        after.into_iter().for_each(|(key, row_id)| self.insert(key, row_id));
        self.len = set.len();
    }

    pub(super) fn insert(&mut self, key: Key, row_id: RowId) {
        let rows = self.rows.entry(key).or_default();
        if let Err(at) = rows.binary_search(&row_id) {
            rows.insert(at, row_id);
        }
    }

    pub(super) fn remove(&mut self, key: &Key, row_id: RowId) {
        let Some(rows) = self.rows.get_mut(key) else { return };
        if let Ok(at) = rows.binary_search(&row_id) {
            rows.remove(at);
        }
        if rows.is_empty() {
            self.rows.remove(key);
        }
    }

    /// The keys in the span, with their rows, in order of key or against it; the rows of one key always in order.
    pub(crate) fn within<'o>(
        &'o self,
        span: &KeySpan,
        direction: Direction,
    ) -> impl Iterator<Item = (&'o Key, RowId)> + use<'o> {
        let mut keys = bounds(span).map(|bounds| self.rows.range(bounds));
        let mut next = move |keys: &mut Range<'o, Key, _>| match direction {
            Direction::Forward => keys.next(),
            Direction::Backward => keys.next_back(),
        };
        let keys = from_fn(move || keys.as_mut().and_then(&mut next));
        keys.flat_map(|(key, rows): (&Key, &SmallVec<[RowId; 2]>)| rows.iter().map(move |row_id| (key, *row_id)))
    }
}

/// The least and the greatest key of a span; `None` if it has none.
fn bounds(span: &KeySpan) -> Option<(Bound<Key>, Bound<Key>)> {
    let (lower, upper) = match span {
        KeySpan::Empty => return None,
        KeySpan::Words { nulls: true, words: None } => (Bound::Included(Key::Null), Bound::Included(Key::Null)),
        KeySpan::Words { nulls: false, words: None } => return None,
        KeySpan::Words { nulls, words: Some((lower, upper)) } => {
            let lower = if *nulls { Bound::Included(Key::Null) } else { at_least(lower) };
            (lower, upper.map(Key::Word))
        }
        KeySpan::Bytes { start, end } => {
            let end = end.clone().map_or(Bound::Unbounded, |end| Bound::Excluded(Key::bytes(end)));
            (Bound::Included(Key::bytes(start.clone())), end)
        }
    };
    let is_some = match (&lower, &upper) {
        (Bound::Included(lower), Bound::Included(upper)) => lower <= upper,
        (Bound::Included(lower) | Bound::Excluded(lower), Bound::Included(upper) | Bound::Excluded(upper)) => {
            lower < upper
        }
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
    };
    is_some.then_some((lower, upper))
}

/// A lower bound of words, NULL being below all of them.
fn at_least(lower: &Bound<u64>) -> Bound<Key> {
    match lower {
        Bound::Unbounded => Bound::Excluded(Key::Null),
        bound => bound.map(Key::Word),
    }
}
