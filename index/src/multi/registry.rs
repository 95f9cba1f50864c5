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
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::batch::Batch;
use super::copy::IndexCopy;
use super::directory::{Arrangement, Hashed, Ordered, Stored};
use super::index::MultiIndex;
use super::list::ListValue;
use super::slot::{IndexWriter, Part, Slot};
use super::snapshot::{BorrowedSnapshot, Snapshot};
use super::turn::Turn;
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
pub(super) struct Published {
    pub(super) sequence: Sequence,
    pub(super) meta: Option<Meta>,
    parts: Vec<Option<Part>>,
}

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
    pub(super) root: ArcSwap<Published>,
    pub(super) turn: Turn,
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
        let published = Published { sequence: Sequence::default(), meta: None, parts: Vec::new() };
        let turn = Turn::new(Writer::new(options));
        Self { shared: Arc::new(Shared { root: ArcSwap::from_pointee(published), turn }) }
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
        Snapshot::new(self.shared.root.load_full())
    }

    /// The present version of every index, for a moment: about 10 ns. Has to stay on its thread's stack, so to speak: a
    /// thread that keeps more than eight of these pays the price of [`snapshot`](Self::snapshot) for the others.
    #[inline]
    pub fn load(&self) -> BorrowedSnapshot {
        BorrowedSnapshot::new(self.shared.root.load())
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

/// The writer for as long as somebody has it; gives it back when dropped.
pub(super) struct Tenure<P: std::ops::Deref<Target = Shared>> {
    pub(super) shared: P,
    writer: Option<Box<Writer>>,
}

impl<P: std::ops::Deref<Target = Shared>> Tenure<P> {
    pub(super) fn begin(shared: P) -> Self {
        let writer = Some(shared.turn.begin());
        Self { shared, writer }
    }

    pub(super) fn try_begin(shared: P) -> Option<Self> {
        let writer = Some(shared.turn.try_begin()?);
        Some(Self { shared, writer })
    }

    pub(super) fn writer(&mut self) -> &mut Writer {
        self.writer.as_mut().expect("a tenure has the writer until it is dropped")
    }

    pub(super) fn writer_ref(&self) -> &Writer {
        self.writer.as_ref().expect("a tenure has the writer until it is dropped")
    }

    /// Publishes everything that is pending.
    pub(super) fn publish(&mut self) -> Sequence {
        let writer = self.writer.as_mut().expect("a tenure has the writer until it is dropped");
        writer.publish(&self.shared.root)
    }
}

impl<P: std::ops::Deref<Target = Shared>> Drop for Tenure<P> {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.shared.turn.end(writer);
        }
    }
}

/// The one who writes: every index, and what is pending on it.
pub(super) struct Writer {
    options: RegistryOptions,
    slots: Vec<Option<Box<dyn Slot>>>,
    /// Slots that may have pending operations.
    touched: Vec<usize>,
    pub(super) pending_meta: Option<Meta>,
    meta: Option<Meta>,
    sequence: Sequence,
    /// The version before the current one, brought up to date, unless a reader held it.
    spare_root: Option<Arc<Published>>,
    /// How long the pending operations have waited for readers.
    pub(super) waited: Duration,
    savepoint_count: u64,
}

impl Writer {
    fn new(options: RegistryOptions) -> Self {
        Self {
            options,
            slots: Vec::new(),
            touched: Vec::new(),
            pending_meta: None,
            meta: None,
            sequence: Sequence::default(),
            spare_root: None,
            waited: Duration::ZERO,
            savepoint_count: 0,
        }
    }

    pub(super) fn sequence(&self) -> Sequence {
        self.sequence
    }

    pub(super) fn options(&self) -> RegistryOptions {
        self.options
    }

    pub(super) fn next_savepoint(&mut self) -> u64 {
        self.savepoint_count += 1;
        self.savepoint_count
    }

    /// Does something to every slot that may have pending operations.
    pub(super) fn each_touched(&mut self, mut act: impl FnMut(usize, &mut dyn Slot)) {
        for at in &self.touched {
            if let Some(slot) = &mut self.slots[*at] {
                act(*at, &mut **slot);
            }
        }
    }

    pub(super) fn pending_len(&self) -> usize {
        self.touched.iter().filter_map(|at| self.slots[*at].as_ref()).map(|slot| slot.pending_len()).sum()
    }

    /// The writer's side of an index of this registry.
    pub(super) fn find<K, V, D>(&self, index: &MultiIndex<K, V, D>) -> Option<&IndexWriter<K, V, D>>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        let writer: &IndexWriter<K, V, D> = self.slots.get(index.slot)?.as_ref()?.as_any().downcast_ref()?;
        Arc::ptr_eq(writer.identity(), &index.identity).then_some(writer)
    }

    /// The writer's side of an index of this registry, ready to be written.
    pub(super) fn edit<K, V, D>(
        &mut self,
        index: &MultiIndex<K, V, D>,
        when_held: WhenHeld,
    ) -> Result<&mut IndexWriter<K, V, D>, Busy>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        assert!(self.find(index).is_some(), "the index is not in this registry, or not any more");
        let copies_max = self.options.copies_max;
        let slot = self.slots[index.slot].as_mut().expect("the slot was found above").as_any_mut();
        let writer: &mut IndexWriter<K, V, D> = slot.downcast_mut().expect("the type was found above");
        if writer.prepare(copies_max).is_none() {
            let start = Instant::now();
            let prepared = prepare_held(writer, copies_max, when_held);
            self.waited += start.elapsed();
            prepared?;
        }
        if !self.touched.contains(&index.slot) {
            self.touched.push(index.slot);
        }
        Ok(writer)
    }

    /// Whether every pending index would have a copy for the next write.
    pub(super) fn has_room(&mut self) -> bool {
        let copies_max = self.options.copies_max;
        let mut has_room = true;
        self.each_touched(|_, slot| has_room &= slot.has_room(copies_max));
        has_room
    }

    fn add(&mut self, slot: Box<dyn Slot>, root: &ArcSwap<Published>) -> usize {
        let at = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[at] = Some(slot);
        self.publish_structure(root);
        at
    }

    fn remove(&mut self, at: usize, root: &ArcSwap<Published>) {
        self.slots[at] = None;
        self.touched.retain(|touched| *touched != at);
        self.publish_structure(root);
    }

    /// Publishes which indexes there are, without what is pending on them.
    fn publish_structure(&mut self, root: &ArcSwap<Published>) {
        self.sequence = self.sequence.next();
        self.spare_root = None;
        root.store(Arc::new(self.describe()));
    }

    fn describe(&self) -> Published {
        let parts = self.slots.iter().map(|slot| slot.as_ref().map(|slot| slot.live())).collect();
        Published { sequence: self.sequence, meta: self.meta.clone(), parts }
    }

    /// Publishes everything that is pending with one swap. Publishes nothing if nothing is.
    fn publish(&mut self, root: &ArcSwap<Published>) -> Sequence {
        let slots = &mut self.slots;
        self.touched.retain(|at| slots[*at].as_ref().is_some_and(|slot| slot.pending_len() > 0));
        self.waited = Duration::ZERO;
        if self.touched.is_empty() && self.pending_meta.is_none() {
            return self.sequence;
        }
        self.sequence = self.sequence.next();
        if let Some(meta) = self.pending_meta.take() {
            self.meta = Some(meta);
        }
        self.each_touched(|_, slot| slot.publish());
        let mut next = self.spare_root.take();
        let published = match next.as_mut().and_then(Arc::get_mut) {
            Some(spare) => {
                self.update(spare);
                next.take()
            }
            None => None,
        };
        let published = published.unwrap_or_else(|| Arc::new(self.describe()));
        let mut retired = root.swap(published);
        if let Some(spare) = Arc::get_mut(&mut retired) {
            self.update(spare);
            self.spare_root = Some(retired);
        }
        self.each_touched(|_, slot| slot.settle());
        self.touched.clear();
        self.sequence
    }

    /// Brings a version that is not published up to date. It lacks no index but those that are being published.
    fn update(&self, published: &mut Published) {
        published.sequence = self.sequence;
        published.meta.clone_from(&self.meta);
        for at in &self.touched {
            published.parts[*at] = self.slots[*at].as_ref().map(|slot| slot.live());
        }
    }
}

/// Finds a working copy although readers hold those that were allowed.
fn prepare_held<K, V, D>(writer: &mut IndexWriter<K, V, D>, copies_max: usize, when_held: WhenHeld) -> Result<(), Busy>
where
    K: Stored,
    V: ListValue,
    D: Arrangement<K>,
{
    match when_held {
        WhenHeld::Clone => writer.prepare(usize::MAX).ok_or(Busy),
        WhenHeld::Busy => Err(Busy),
        WhenHeld::Wait(limit) => {
            let deadline = Instant::now() + limit;
            while Instant::now() < deadline {
                pause();
                if writer.prepare(copies_max).is_some() {
                    return Ok(());
                }
            }
            Err(Busy)
        }
    }
}

/// Lets readers run. They do not tell when they let go of a copy, so that letting go costs them nothing.
fn pause() {
    if cfg!(feature = "shuttle") {
        crate::sync::spin_hint();
    } else {
        std::thread::sleep(Duration::from_micros(50));
    }
}
