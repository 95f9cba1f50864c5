//! A thread's handle for many reads, each of the newest version.
//!
//! A [`load`](crate::Registry::load) tells the writer which version is being read, and takes that back. A handle goes on saying so
//! between reads, and a read of it is one load, which sees that there is no newer version.

use std::fmt;
use std::sync::Arc;

use super::directory::{Arrangement, Hashed, Stored};
use super::index::MultiIndex;
use super::list::ListValue;
use super::registry::{Published, Shared};
use super::root::Borrow;
use super::view::MultiView;

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
/// A view lasts until the next one:
/// ```compile_fail,E0499
/// # let index = manicule_index::MultiIndex::<u64, u64>::new_hash();
/// let mut reader = index.reader();
/// let (older, newer) = (reader.view(), reader.view());
/// assert_eq!(older.count(&1), newer.count(&1));
/// ```
pub struct MultiReader<K, V, D = Hashed> {
    index: MultiIndex<K, V, D>,
    last: Option<Borrow<Published, Arc<Shared>>>,
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> MultiReader<K, V, D> {
    pub(super) fn new(index: MultiIndex<K, V, D>) -> Self {
        Self { index, last: None }
    }

    /// The present version of the index: one load where it is the one that was read last.
    ///
    /// # Panics
    /// If the index was removed from its registry.
    #[inline]
    pub fn view(&mut self) -> MultiView<'_, K, V, D> {
        let last = self.last.get_or_insert_with(|| Borrow::new(Arc::clone(&self.index.registry().shared)));
        last.renew();
        MultiView::new(last.find(&self.index).expect("the index is in its registry"))
    }

    /// Lets go of the version that was read last.
    pub fn release(&mut self) {
        self.last = None;
    }
}

impl<K, V, D> Clone for MultiReader<K, V, D> {
    fn clone(&self) -> Self {
        Self { index: self.index.clone(), last: None }
    }
}

impl<K, V, D> fmt::Debug for MultiReader<K, V, D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MultiReader").field("index", &self.index).finish_non_exhaustive()
    }
}
