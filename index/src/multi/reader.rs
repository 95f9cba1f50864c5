//! A thread's handle for many reads, each of the newest version.
//!
//! A [`load`](crate::Registry::load) tells the writer which version is being read, and takes that back: two atomic read-modify-writes
//! for each read. A handle keeps the version that it read last, and a read of it is one load, which sees that there is none newer.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};

use super::directory::{Arrangement, Hashed, Stored};
use super::index::MultiIndex;
use super::list::ListValue;
use super::registry::{Published, Shared};
use super::view::MultiView;

/// The root, as the cache wants it.
#[derive(Clone)]
struct Root(Arc<Shared>);

impl Deref for Root {
    type Target = ArcSwap<Published>;

    fn deref(&self) -> &ArcSwap<Published> {
        &self.0.root
    }
}

/// Reads an index again and again, always its newest version, at a third of what [`MultiIndex::get`] costs beyond the lookup. From
/// [`MultiIndex::reader`]; one for each thread.
///
/// Between two reads it keeps the version that it has read last. That blocks nobody, but while it is idle the writer makes
/// one more copy of each index that changes: a handle that will not be used for a while should [`release`](Self::release) it.
///
/// # Examples
/// ```
/// use manicule_index::MultiIndex;
///
/// let index = MultiIndex::<u64, u64>::new_hash();
/// let mut reader = index.reader();
/// assert_eq!(reader.view().count(&1), 0);
/// index.insert(1, 10);
/// index.publish();
/// assert_eq!(reader.view().count(&1), 1);
/// ```
pub struct MultiReader<K, V, D = Hashed> {
    index: MultiIndex<K, V, D>,
    root: Root,
    last: Option<Cache<Root, Arc<Published>>>,
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> MultiReader<K, V, D> {
    pub(super) fn new(index: MultiIndex<K, V, D>) -> Self {
        let root = Root(Arc::clone(&index.registry().shared));
        Self { index, root, last: None }
    }

    /// The present version of the index: one load where it is the one that was read last.
    ///
    /// # Panics
    /// If the index was removed from its registry.
    #[inline]
    pub fn view(&mut self) -> MultiView<'_, K, V, D> {
        let root = &self.root;
        let published = self.last.get_or_insert_with(|| Cache::new(root.clone())).load();
        MultiView::new(published.find(&self.index).expect("the index is in its registry"))
    }

    /// Lets go of the version that was read last.
    pub fn release(&mut self) {
        self.last = None;
    }
}

impl<K, V, D> Clone for MultiReader<K, V, D> {
    fn clone(&self) -> Self {
        Self { index: self.index.clone(), root: self.root.clone(), last: None }
    }
}

impl<K, V, D> fmt::Debug for MultiReader<K, V, D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MultiReader").field("index", &self.index).finish_non_exhaustive()
    }
}
