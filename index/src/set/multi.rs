//! The directory of keys that several rows may have: hash or ordered, each a `MultiIndex` of row ids.

use std::borrow::Borrow;
use std::hash::Hash;
use std::ops::{Bound, ControlFlow};

use smallvec::SmallVec;

use super::definition::{RowId, Structure};
use super::statistics::ListShape;
use crate::key::{Direction, IndexKey};
use crate::multi::{Batch, LazySnapshot, MultiIndex, Ordered, PostingList, Registry};
use crate::tree::TreeShape;

/// Whether an entry may be there before it is inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Possible,
    Impossible,
}

/// The longest list of row ids that is put in order before it is visited.
const SORTED_LIST_MAX: usize = 1024;
/// The longest that is put in order on the stack.
const SORTED_ON_STACK: usize = 128;

/// A multi index with either directory.
pub(super) enum MultiEntries<K: MultiKey, R: RowId> {
    Hash(MultiIndex<K, R>),
    Ordered(MultiIndex<K, R, Ordered>),
}

/// What a key of either directory is.
pub(super) trait MultiKey: IndexKey + Hash + Eq + Clone + Send + Sync + 'static {}

impl<K: IndexKey + Hash + Eq + Clone + Send + Sync + 'static> MultiKey for K {}

/// Runs `$body` with `$index` as the index of whichever directory there is.
macro_rules! either {
    ($entries:expr, $index:ident => $body:expr) => {
        match $entries {
            MultiEntries::Hash($index) => $body,
            MultiEntries::Ordered($index) => $body,
        }
    };
}

impl<K: MultiKey, R: RowId> MultiEntries<K, R> {
    /// A multi index that starts with these entries. Waits for the registry's writer only once it is built.
    pub(super) fn from_entries(structure: Structure, entries: Vec<(K, R)>, registry: &Registry) -> Self {
        match structure.has_tree() {
            true => Self::Ordered(registry.create_ordered_from(entries)),
            false => Self::Hash(registry.create_hash_from(entries)),
        }
    }

    /// Takes the index out of its registry.
    pub(super) fn detach(&self, registry: &Registry) {
        either!(self, index => registry.remove(index));
    }

    /// Adds a row to a key's list unless it is there: an update may give a row the key of an older version again.
    pub(super) fn insert(&self, key: K, row: R, batch: &mut Batch, presence: Presence) {
        either!(self, index => {
            let mut editor = batch.on(index);
            match presence {
                Presence::Impossible => drop(editor.insert(key, row)),
                Presence::Possible => drop(editor.insert_distinct(key, row)),
            }
        });
    }

    /// Adds rows to keys' lists in which they are not.
    pub(super) fn extend_new(&self, entries: Vec<(K, R)>, batch: &mut Batch) {
        if !entries.is_empty() {
            either!(self, index => batch.on(index).extend(entries));
        }
    }

    pub(super) fn remove<Q>(&self, key: &Q, row: R, batch: &mut Batch)
    where
        K: Borrow<Q>,
        Q: IndexKey + Hash + Eq + ?Sized,
    {
        either!(self, index => {
            batch.on(index).remove(key, &row);
        });
    }

    /// The rows of one key.
    #[inline]
    pub(super) fn candidates<Q, B>(
        &self,
        key: &Q,
        published: &LazySnapshot<'_>,
        mut visit: impl FnMut(R) -> ControlFlow<B>,
    ) -> ControlFlow<B>
    where
        K: Borrow<Q>,
        Q: IndexKey + Hash + Eq + ?Sized,
    {
        match either!(self, index => published.on(index).get(key)) {
            Some(list) => visit_list(list, &mut visit),
            None => ControlFlow::Continue(()),
        }
    }

    /// The rows of all keys in the bounds, in order; none where there is no order.
    pub(super) fn range<Q, B>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        direction: Direction,
        published: &LazySnapshot<'_>,
        mut visit: impl FnMut(&K, R) -> ControlFlow<B>,
    ) -> ControlFlow<B>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let Self::Ordered(index) = self else { return ControlFlow::Continue(()) };
        let view = published.on(index);
        // Loops, as what is done with an entry is not inlined into `try_for_each`.
        match direction {
            Direction::Ascending => {
                for (key, list) in view.range::<Q>(bounds) {
                    visit_list(list, &mut |row| visit(key, row))?;
                }
            }
            Direction::Descending => {
                for (key, list) in view.range_rev::<Q>(bounds) {
                    visit_list(list, &mut |row| visit(key, row))?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// The lists of all keys in the bounds, in order; none where there is no order.
    pub(super) fn lists<'p, Q>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        direction: Direction,
        published: &'p LazySnapshot<'_>,
    ) -> impl Iterator<Item = (&'p K, &'p PostingList<R>)> + use<'p, K, R, Q>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let (mut forward, mut backward) = (None, None);
        if let Self::Ordered(index) = self {
            let range = published.on(index).range::<Q>(bounds);
            match direction {
                Direction::Ascending => forward = Some(range),
                Direction::Descending => backward = Some(range.rev()),
            }
        }
        forward.into_iter().flatten().chain(backward.into_iter().flatten())
    }

    /// How many rows the key has.
    pub(super) fn count<Q>(&self, key: &Q, published: &LazySnapshot<'_>) -> usize
    where
        K: Borrow<Q>,
        Q: IndexKey + Hash + Eq + ?Sized,
    {
        either!(self, index => published.on(index).count(key))
    }

    /// About how many rows the keys in the bounds have.
    pub(super) fn estimate_range<Q>(&self, bounds: (Bound<&Q>, Bound<&Q>), published: &LazySnapshot<'_>) -> u64
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let Self::Ordered(index) = self else { return 0 };
        let view = published.on(index);
        let (keys, all_keys, all_rows) = (view.count_range_keys::<Q>(bounds), view.len_keys(), view.len_values());
        if all_keys == 0 { 0 } else { (keys as u128 * all_rows as u128).div_ceil(all_keys as u128) as u64 }
    }

    pub(super) fn len_keys(&self, published: &LazySnapshot<'_>) -> usize {
        either!(self, index => published.on(index).len_keys())
    }

    pub(super) fn len_values(&self, published: &LazySnapshot<'_>) -> usize {
        either!(self, index => published.on(index).len_values())
    }

    /// The number of rows, the lengths of the lists, and the tree if there is one. O(keys).
    pub(super) fn shape(&self, published: &LazySnapshot<'_>) -> (u64, ListShape, Option<TreeShape>) {
        let mut lists = ListShape::default();
        either!(self, index => published.on(index).iter().for_each(|(_, list)| lists.add(list.len())));
        let tree = match self {
            Self::Hash(_) => None,
            Self::Ordered(index) => Some(published.on(index).shape()),
        };
        (self.len_values(published) as u64, lists, tree)
    }

    pub(super) fn memory_usage(&self) -> usize {
        either!(self, index => index.memory_usage())
    }
}

/// The rows of a list, in order unless they are many.
#[inline]
pub(super) fn visit_list<R: RowId, B>(
    list: &PostingList<R>,
    visit: &mut impl FnMut(R) -> ControlFlow<B>,
) -> ControlFlow<B> {
    // What a range has most often.
    if let Some(row) = list.single() {
        return visit(*row);
    }
    match list.as_slice() {
        Some(rows) if rows.is_sorted() => {
            for row in rows {
                visit(*row)?;
            }
            ControlFlow::Continue(())
        }
        _ => visit_unsorted(list, visit),
    }
}

/// [`visit_list`] of a list that has to be put in order, or is long.
#[inline(never)]
fn visit_unsorted<R: RowId, B>(list: &PostingList<R>, visit: &mut impl FnMut(R) -> ControlFlow<B>) -> ControlFlow<B> {
    if list.len() > SORTED_LIST_MAX {
        return list.iter().try_for_each(|row| visit(*row));
    }
    let mut sorted: SmallVec<[R; SORTED_ON_STACK]> = list.iter().copied().collect();
    sorted.sort_unstable();
    sorted.iter().try_for_each(|row| visit(*row))
}
