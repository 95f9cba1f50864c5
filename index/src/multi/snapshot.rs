//! Readers' fixed views: of a whole registry, or of one index.

use std::fmt;
use std::sync::Arc;

use super::copy::IndexCopy;
use super::directory::{Arrangement, Stored};
use super::index::MultiIndex;
use super::list::ListValue;
use super::registry::{Published, Sequence};
use super::root::{Borrow, LazyBorrow, Root};
use super::view::MultiView;

macro_rules! read_published {
    ($name:literal, $snapshot:ty) => {
        impl $snapshot {
            /// The sequence of the publication that this shows.
            pub fn sequence(&self) -> Sequence {
                self.published.sequence
            }

            /// What was attached to the publication with [`Batch::set_meta`](crate::Batch::set_meta), if it is an `M`.
            pub fn meta<M: Send + Sync + 'static>(&self) -> Option<&M> {
                (**self.published.meta.as_ref()?).downcast_ref()
            }

            /// The index as it was then.
            ///
            /// # Panics
            /// If the index was not in the registry then; see [`try_on`](Self::try_on).
            #[inline]
            pub fn on<K, V, D>(&self, index: &MultiIndex<K, V, D>) -> MultiView<'_, K, V, D>
            where
                K: Stored,
                V: ListValue,
                D: Arrangement<K>,
            {
                self.try_on(index).expect("the index was in the registry when the snapshot was taken")
            }

            /// The index as it was then, if it was in the registry.
            #[inline]
            pub fn try_on<K, V, D>(&self, index: &MultiIndex<K, V, D>) -> Option<MultiView<'_, K, V, D>>
            where
                K: Stored,
                V: ListValue,
                D: Arrangement<K>,
            {
                self.published.find(index).map(MultiView::new)
            }
        }

        impl fmt::Debug for $snapshot {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.debug_struct($name).field("sequence", &self.sequence()).finish_non_exhaustive()
            }
        }
    };
}

/// One version of every index of a registry, for as long as it is kept, on any thread and across any `await`.
///
/// Keeping it blocks nobody; it costs the memory of the copies it holds, which the writer replaces by clones.
#[derive(Clone)]
pub struct Snapshot {
    published: Arc<Published>,
}

impl Snapshot {
    pub(super) fn new(published: Arc<Published>) -> Self {
        Self { published }
    }
}

read_published!("Snapshot", Snapshot);

/// One version of every index of a registry, for one lookup or one batch of them.
///
/// Half as expensive to get as a [`Snapshot`], and nothing that other threads' reads meet.
pub struct BorrowedSnapshot<'r> {
    published: Borrow<Published, &'r Root<Published>>,
}

impl<'r> BorrowedSnapshot<'r> {
    #[inline]
    pub(super) fn new(published: Borrow<Published, &'r Root<Published>>) -> Self {
        Self { published }
    }

    /// The same version, to keep.
    pub fn into_snapshot(self) -> Snapshot {
        Snapshot::new(self.published.to_arc())
    }
}

read_published!("BorrowedSnapshot", BorrowedSnapshot<'_>);

/// One version of every index of a registry: the one that is present when it is first read. Costs nothing before.
///
/// # Examples
/// ```
/// let registry = manicule_index::Registry::new();
/// let lazy = registry.lazy_snapshot();
/// let index = registry.create_hash::<u64, u64>();
/// assert!(lazy.try_on(&index).is_some(), "it was not read before");
/// ```
/// It cannot outlive the registry's handle:
/// ```compile_fail,E0597
/// let lazy;
/// let registry = manicule_index::Registry::new();
/// lazy = registry.lazy_snapshot();
/// ```
pub struct LazySnapshot<'r> {
    published: LazyBorrow<'r, Published>,
}

impl<'r> LazySnapshot<'r> {
    #[inline]
    pub(super) fn new(published: LazyBorrow<'r, Published>) -> Self {
        Self { published }
    }

    /// Whether it was read already, and does not change any more.
    #[inline]
    pub fn is_loaded(&self) -> bool {
        self.published.is_loaded()
    }

    /// Lets go of what was read: the next read is of the version that is present then.
    pub fn release(&mut self) {
        self.published.release();
    }

    /// Sees to it that it does not change any more.
    #[inline]
    pub fn load(&self) {
        let _: &Published = &self.published;
    }
}

read_published!("LazySnapshot", LazySnapshot<'_>);

/// One version of one index. Holds no copy of the registry's other indexes, so a long scan should use this.
pub struct IndexSnapshot<K: Stored, V: ListValue, D: Arrangement<K>> {
    copy: Arc<IndexCopy<K, V, D>>,
    sequence: Sequence,
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> IndexSnapshot<K, V, D> {
    pub(super) fn new(copy: Arc<IndexCopy<K, V, D>>, sequence: Sequence) -> Self {
        Self { copy, sequence }
    }

    /// The sequence of the registry when the snapshot was taken.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The index as it was then.
    pub fn view(&self) -> MultiView<'_, K, V, D> {
        MultiView::new(&self.copy)
    }
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> Clone for IndexSnapshot<K, V, D> {
    fn clone(&self) -> Self {
        Self { copy: Arc::clone(&self.copy), sequence: self.sequence }
    }
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> fmt::Debug for IndexSnapshot<K, V, D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IndexSnapshot").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}
