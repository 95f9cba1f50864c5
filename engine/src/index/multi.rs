//! The directory of an index that is not unique: hash or ordered, each a `MultiIndex` of row ids.

use std::borrow::Borrow;
use std::hash::Hash;
use std::ops::{Bound, ControlFlow};

use manicule_index::{Batch, BorrowedSnapshot, IndexKey, MultiIndex, Ordered, PostingList, Registry, TreeShape};
use smallvec::SmallVec;

use super::unique::Directories;
use crate::ids::RowId;
use crate::range::Direction;
use crate::statistics::ListShape;

/// The longest list of row ids that is put in order before it is visited.
const SORTED_LIST_MAX: usize = 1024;

/// A multi index with either directory.
pub(crate) enum MultiEntries<K: MultiKey> {
    Hash(MultiIndex<K, u64>),
    Ordered(MultiIndex<K, u64, Ordered>),
}

/// What a key of either directory is.
pub(crate) trait MultiKey: IndexKey + Hash + Eq + Clone + Send + Sync + 'static {}

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

impl<K: MultiKey> MultiEntries<K> {
    pub(crate) fn new(directories: Directories, registry: &Registry) -> Self {
        if directories.tree { Self::Ordered(registry.create_ordered()) } else { Self::Hash(registry.create_hash()) }
    }

    /// Takes the index out of its registry.
    pub(crate) fn detach(&self, registry: &Registry) {
        either!(self, index => registry.remove(index));
    }

    /// Adds a value to a key's list unless it is there: an update may give a row the key of an older version again.
    pub(crate) fn insert(&self, key: K, row_id: RowId, batch: &mut Batch) {
        either!(self, index => {
            if !batch.view(index).contains_value(&key, &row_id.0) {
                batch.on(index).insert(key, row_id.0);
            }
        });
    }

    pub(crate) fn remove<Q>(&self, key: &Q, row_id: RowId, batch: &mut Batch)
    where
        K: Borrow<Q>,
        Q: IndexKey + Hash + Eq + ?Sized,
    {
        either!(self, index => {
            batch.on(index).remove(key, &row_id.0);
        });
    }

    /// The values of one key.
    #[inline]
    pub(crate) fn candidates<Q, B>(
        &self,
        key: &Q,
        published: &BorrowedSnapshot,
        mut visit: impl FnMut(RowId) -> ControlFlow<B>,
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

    /// The values of all keys in the bounds, in order; none where there is no order.
    pub(crate) fn range<Q, B>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        direction: Direction,
        published: &BorrowedSnapshot,
        mut visit: impl FnMut(&K, RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let Self::Ordered(index) = self else { return ControlFlow::Continue(()) };
        let view = published.on(index);
        let mut each = |(key, list)| visit_list(list, &mut |row_id| visit(key, row_id));
        match direction {
            Direction::Forward => view.range::<Q>(bounds).try_for_each(&mut each),
            Direction::Backward => view.range_rev::<Q>(bounds).try_for_each(&mut each),
        }
    }

    /// How many values the key has.
    pub(crate) fn count<Q>(&self, key: &Q, published: &BorrowedSnapshot) -> usize
    where
        K: Borrow<Q>,
        Q: IndexKey + Hash + Eq + ?Sized,
    {
        either!(self, index => published.on(index).count(key))
    }

    /// About how many values the keys in the bounds have.
    pub(crate) fn estimate_range<Q>(&self, bounds: (Bound<&Q>, Bound<&Q>), published: &BorrowedSnapshot) -> u64
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let Self::Ordered(index) = self else { return 0 };
        let view = published.on(index);
        let (keys, all_keys, all_values) = (view.count_range_keys::<Q>(bounds), view.len_keys(), view.len_values());
        if all_keys == 0 { 0 } else { (keys as u128 * all_values as u128).div_ceil(all_keys as u128) as u64 }
    }

    pub(crate) fn len_keys(&self, published: &BorrowedSnapshot) -> usize {
        either!(self, index => published.on(index).len_keys())
    }

    /// The number of row ids, the lengths of the lists, and the tree if there is one. O(keys).
    pub(crate) fn shape(&self, published: &BorrowedSnapshot) -> (u64, ListShape, Option<TreeShape>) {
        let mut lists = ListShape::default();
        let entries = either!(self, index => {
            let view = published.on(index);
            view.iter().for_each(|(_, list)| lists.add(list.len()));
            view.len_values() as u64
        });
        let tree = match self {
            Self::Hash(_) => None,
            Self::Ordered(index) => Some(published.on(index).shape()),
        };
        (entries, lists, tree)
    }

    pub(crate) fn memory_usage(&self) -> usize {
        either!(self, index => index.memory_usage())
    }
}

fn visit_list<B>(list: &PostingList<u64>, visit: &mut impl FnMut(RowId) -> ControlFlow<B>) -> ControlFlow<B> {
    if let Some([row_id]) = list.as_slice() {
        return visit(RowId(*row_id));
    }
    if list.len() > SORTED_LIST_MAX || list.iter().is_sorted() {
        return list.iter().try_for_each(|row_id| visit(RowId(*row_id)));
    }
    let mut sorted: SmallVec<[u64; 16]> = list.iter().copied().collect();
    sorted.sort_unstable();
    sorted.iter().try_for_each(|row_id| visit(RowId(*row_id)))
}
