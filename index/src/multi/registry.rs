//! The registry: one root for every multi index of a database.
//!
//! ```text
//! root ──▶ Published { sequence 7, meta, parts: [ ▪ ▪ ▪ ] }
//!                                               │ │ └─ live copy of index 2
//!                                               │ └─── live copy of index 1
//!                                               └───── live copy of index 0
//! ```
//!
//! A commit writes the working copies of the indexes it touches, puts them into the `Published` that was retired last
//! time (or a new one, if a reader still holds that) and swaps the root: that swap is the moment at which every reader
//! sees the whole commit. Nothing before it can be seen, and nothing after it can fail.

use std::any::Any;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::batch::Batch;
use super::copy::IndexCopy;
use super::directory::{Arrangement, Hashed, Ordered, Stored};
use super::handles::{NeverWeak, Part};
use super::index::MultiIndex;
use super::list::ListValue;
use super::root::{LazyBorrow, Root};
use super::slot::IndexWriter;
use super::snapshot::{BorrowedSnapshot, LazySnapshot, Snapshot};
use super::turn::Turn;
use super::writer::{Tenure, Writer};
use crate::IndexKey;

/// The number of a publication: every one is greater than those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

impl Sequence {
    /// The plain number.
    pub fn get(self) -> u64 {
        self.0
    }

    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a writer does when readers hold every copy of an index that it may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenHeld {
    /// Makes one more copy, so that no write ever waits for a reader.
    #[default]
    Clone,
    /// Waits so long for a reader to let go, then gives up with [`Busy`].
    Wait(Duration),
    /// Gives up with [`Busy`] at once.
    Busy,
}

/// Readers hold every copy that the writer may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("readers hold every copy of the index that may be made")
    }
}

impl std::error::Error for Busy {}

/// How many copies of an index there may be, and what happens when they are all held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryOptions {
    pub(super) copies_max: usize,
    pub(super) when_held: WhenHeld,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self { copies_max: 3, when_held: WhenHeld::Clone }
    }
}

impl RegistryOptions {
    /// The most copies of an index that are made before [`when_held`](Self::when_held) decides: at least 2, by default 3.
    #[must_use]
    pub fn copies_max(self, copies_max: usize) -> Self {
        Self { copies_max: copies_max.max(2), ..self }
    }

    /// What to do when readers hold all of them. By default one more copy is made.
    #[must_use]
    pub fn when_held(self, when_held: WhenHeld) -> Self {
        Self { when_held, ..self }
    }
}

/// What a program attaches to a publication.
pub(super) type Meta = Arc<dyn Any + Send + Sync>;

/// One version of everything. Immutable while a reader can reach it.
///
/// Aligned, so that the count of its `Arc` lies on a line that only snapshots touch, and in this order, so that what changes in
/// a registry of one or two indexes lies on one other.
#[derive(Default)]
#[repr(C, align(128))]
pub(super) struct Published {
    pub(super) sequence: Sequence,
    pub(super) meta: Option<Meta>,
    pub(super) parts: SmallVec<[Option<Part>; 5]>,
}

const _: () = assert!(size_of::<Published>() == 128);

// SAFETY: versions are this crate's own, and it makes no weak handles to them.
unsafe impl NeverWeak for Published {}

impl Published {
    /// The live copy of an index at this version, if it existed.
    #[inline]
    pub(super) fn find<K, V, D>(&self, index: &MultiIndex<K, V, D>) -> Option<&IndexCopy<K, V, D>>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        let part = self.parts.get(index.slot)?.as_ref()?;
        let copy: &IndexCopy<K, V, D> = (**part).downcast_ref()?;
        Arc::ptr_eq(&copy.identity, &index.identity).then_some(copy)
    }

    /// The same, to keep beyond this version.
    pub(super) fn find_owned<K, V, D>(&self, index: &MultiIndex<K, V, D>) -> Option<Arc<IndexCopy<K, V, D>>>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        let part = self.parts.get(index.slot)?.clone()?;
        let copy = part.downcast::<IndexCopy<K, V, D>>().ok()?;
        Arc::ptr_eq(&copy.identity, &index.identity).then_some(copy)
    }
}

/// What all handles of a registry share.
pub(super) struct Shared {
    pub(super) root: Root<Published>,
    pub(super) turn: Turn,
    pub(super) options: RegistryOptions,
}

/// The root of the multi indexes of one database: what is published is published for all of them at once.
///
/// A handle, cheap to clone; all clones are the same registry.
///
/// # Examples
/// ```
/// use manicule_index::Registry;
///
/// let registry = Registry::new();
/// let by_city = registry.create_hash::<String, u64>();
/// let by_age = registry.create_ordered::<u32, u64>();
///
/// let before = registry.snapshot();
/// let mut batch = registry.begin();
/// batch.on(&by_city).insert("Oslo".to_owned(), 1);
/// batch.on(&by_age).insert(42, 1);
/// let sequence = batch.commit();
///
/// let after = registry.snapshot();
/// assert_eq!(after.sequence(), sequence);
/// assert!(after.on(&by_city).contains("Oslo") && after.on(&by_age).contains(&42));
/// assert!(!before.on(&by_city).contains("Oslo") && !before.on(&by_age).contains(&42));
/// ```
#[derive(Clone)]
pub struct Registry {
    pub(super) shared: Arc<Shared>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// A registry without indexes.
    pub fn new() -> Self {
        Self::with_options(RegistryOptions::default())
    }

    /// A registry without indexes that treats held copies in its own way.
    pub fn with_options(options: RegistryOptions) -> Self {
        let (root, owner) = Root::new(Published::default());
        let turn = Turn::new(Writer::new(owner, options.copies_max));
        Self { shared: Arc::new(Shared { root, turn, options }) }
    }

    /// Adds an empty index with its keys in a hash table. Waits for the writer of the registry.
    pub fn create_hash<K: Stored + Hash + Eq, V: ListValue>(&self) -> MultiIndex<K, V> {
        self.create_from([])
    }

    /// Adds an empty index with its keys in order. Waits for the writer of the registry.
    pub fn create_ordered<K: Stored + IndexKey, V: ListValue>(&self) -> MultiIndex<K, V, Ordered> {
        self.create_from([])
    }

    /// Adds a hash index that starts with these entries. Waits for the writer of the registry only once it is built.
    pub fn create_hash_from<K, V>(&self, entries: impl IntoIterator<Item = (K, V)>) -> MultiIndex<K, V>
    where
        K: Stored + Hash + Eq,
        V: ListValue,
    {
        self.create_from::<K, V, Hashed>(entries)
    }

    /// Adds an ordered index that starts with these entries, in whatever order they come. Waits for the writer of the
    /// registry only once it is built.
    pub fn create_ordered_from<K, V>(&self, entries: impl IntoIterator<Item = (K, V)>) -> MultiIndex<K, V, Ordered>
    where
        K: Stored + IndexKey,
        V: ListValue,
    {
        self.create_from::<K, V, Ordered>(entries)
    }

    /// Adds an index of either arrangement that starts with these entries.
    pub fn create_from<K, V, D>(&self, entries: impl IntoIterator<Item = (K, V)>) -> MultiIndex<K, V, D>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        let identity = Arc::new(());
        let copy = IndexCopy::<K, V, D>::build(Arc::clone(&identity), entries);
        let mut tenure = Tenure::begin(&*self.shared);
        let slot = tenure.writer().add(Box::new(IndexWriter::new(copy)), &self.shared.root);
        drop(tenure);
        MultiIndex::new(self.clone(), slot, identity)
    }

    /// Takes an index out of the registry, with what is pending on it; whether it was there. Snapshots from before keep
    /// it. Waits for the writer of the registry.
    pub fn remove<K, V, D>(&self, index: &MultiIndex<K, V, D>) -> bool
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        let mut tenure = Tenure::begin(&*self.shared);
        let writer = tenure.writer();
        let exists = writer.find(index).is_some();
        if exists {
            writer.remove(index.slot, &self.shared.root);
        }
        exists
    }

    /// Starts to write: waits until nobody else does, and keeps others from it until the batch is committed or dropped.
    /// Readers never wait, and are never waited for.
    ///
    /// A thread that begins a batch while it has one already waits for itself; [`try_begin`](Self::try_begin) does not.
    pub fn begin(&self) -> Batch {
        Batch::new(Tenure::begin(Arc::clone(&self.shared)))
    }

    /// Starts to write, unless somebody else is writing.
    pub fn try_begin(&self) -> Option<Batch> {
        Tenure::try_begin(Arc::clone(&self.shared)).map(Batch::new)
    }

    /// The present version of every index, to keep as long as it is needed: about 20 ns.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.shared.root.load().to_arc())
    }

    /// The present version of every index, for a moment: about 10 ns.
    #[inline]
    pub fn load(&self) -> BorrowedSnapshot<'_> {
        BorrowedSnapshot::new(self.shared.root.load())
    }

    /// What will be the present version of every index when it is first read.
    #[inline]
    pub fn lazy_snapshot(&self) -> LazySnapshot<'_> {
        LazySnapshot::new(LazyBorrow::new(&self.shared.root))
    }

    /// The sequence of the last publication.
    pub fn sequence(&self) -> Sequence {
        self.load().sequence()
    }

    /// Waits until a sequence is published. It is the caller's business that it ever will be.
    pub fn wait_for(&self, sequence: Sequence) {
        self.shared.turn.wait_for(sequence);
    }

    /// Waits until a sequence is published, but not longer than the limit. Whether it is.
    pub fn wait_for_timeout(&self, sequence: Sequence, limit: Duration) -> bool {
        self.shared.turn.wait_for_timeout(sequence, limit)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Registry").field("sequence", &self.sequence()).finish_non_exhaustive()
    }
}
