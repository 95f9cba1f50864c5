//! The handle of one index, and the convenience of an index that is used alone.

use std::any::Any;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::copy::IndexCopy;
use super::directory::{Arrangement, Hashed, Lookup, Ordered, Stored};
use super::list::{ListValue, PostingList};
use super::reader::MultiReader;
use super::registry::{Busy, Meta, Registry, Sequence, Shared, WhenHeld};
use super::slot::IndexWriter;
use super::snapshot::IndexSnapshot;
use super::view::MultiView;
use super::writer::{Tenure, Writer};
use crate::IndexKey;

/// A left-right multi-value index: each key maps to a [`PostingList`] of values.
///
/// A handle, cheap to clone; all clones are the same index. Indexes of a database share a [`Registry`], are written by
/// its [batches](Registry::begin) and read by its [snapshots](Registry::snapshot). An index that is used alone has a
/// registry to itself, and the methods below: the writing ones change what the next [`publish`](Self::publish) will
/// show, the reading ones read what the last one has shown.
///
/// # Examples
/// ```
/// use manicule_index::MultiIndex;
///
/// let index = MultiIndex::new_hash();
/// index.insert("blue", 1);
/// index.insert("blue", 2);
/// assert_eq!(index.count("blue"), 0);
/// let published = index.publish();
/// assert_eq!(index.count("blue"), 2);
/// assert_eq!(index.sequence(), published.sequence);
/// ```
///
/// # What is visible when
/// * Nothing of a [`Batch`](super::Batch) is visible before its commit, except to the batch itself.
/// * `commit` returns after the swap: whoever takes a snapshot later sees all of it, in every index.
/// * A [`Snapshot`](super::Snapshot) shows one version, for as long as it lives. Two loads may show two versions; a lookup in two indexes
///   that has to fit together needs one snapshot for both.
/// * [`MultiIndex::insert`] and its like are pending until [`MultiIndex::publish`] or somebody's commit.
///
/// # What it costs
/// * Every key and value is stored twice; with a single `u64` under each `u64` key about 100 bytes a key together. Every
///   write is done twice.
/// * A reader pays about 10 ns per [`Registry::load`], or 20 ns per [`Registry::snapshot`], and then plain lookups; with a
///   [`MultiReader`] one load.
/// * A publication costs some 0.3 µs, and a look at one cache line for each of the most threads that ever were at one time.
/// * A snapshot that is kept while its index is written twice makes the writer clone the index once: time and memory of
///   one copy. It is a cost per copy held, not per write.
/// * Fixed costs of a commit do not grow with the number of indexes in the registry, unless a reader holds the previous
///   version; then the list of indexes is copied.
///
/// # When not to use it
/// * Unique keys: a `HashIndex` or `TreeIndex` stores them once.
/// * Several threads that write most of the time: there is one writer at a time.
/// * Values that are large: keep them elsewhere, or behind an `Arc`.
///
/// # Questions that users of left-right maps ask
/// *Does `publish` wait for readers?* No. With [`WhenHeld::Clone`], the default, nothing waits. With [`WhenHeld::Wait`] the
/// next write to the index may, for as long as was allowed.
///
/// *Can it deadlock?* Readers take no lock, so taking, keeping, cloning and dropping snapshots in any order and on any thread is
/// safe. Writers take one turn; a thread that begins a second batch while it has one waits for itself, and
/// [`Registry::try_begin`] tells instead.
///
/// *What happens when a reader never lets go?* Its copy stays in memory. The writer goes on with the others.
///
/// *Is a handle per thread needed?* No. Handles and snapshots are `Send`, `Sync` and `Clone`, and may be kept across `await`. A
/// thread that reads single keys in a tight loop is faster with a [`MultiReader`], which keeps the last version between reads.
///
/// *Why do keys and values have to be `Clone`?* Each copy has its own. In return, no value is ever shared between copies by
/// address, and an `Eq` or `Hash` that misbehaves can give wrong answers but not undefined behaviour.
///
/// *Do closures run twice?* No. A predicate runs once, on the copy being written; the other copy gets the outcome.
///
/// *Can I take back what I wrote?* Drop the batch, or return to a [`Savepoint`](super::Savepoint).
///
/// *Do pending operations pile up?* An insertion and a removal that follow each other cancel out, replacements of one key
/// merge, and a copy that lacks more operations than a quarter of its keys is cloned anew rather than caught up: by the
/// publication that leaves it behind, so that whoever wrote much pays for it.
///
/// *Does memory come back?* A copy that is mostly empty is not written again but replaced by a packed clone, and a third copy
/// is freed when it lacks so many operations that a clone would be cheaper. Until then it is kept: where readers come and go,
/// the next one may hold the others again.
pub struct MultiIndex<K, V, D = Hashed> {
    registry: Registry,
    pub(super) slot: usize,
    pub(super) identity: Arc<()>,
    kind: PhantomData<Kind<K, V, D>>,
}

/// Ties a handle to its types without owning any of them.
type Kind<K, V, D> = fn() -> (K, V, D);

/// What a publication has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The sequence that shows everything written before.
    pub sequence: Sequence,
    /// How long the writes since the last publication have waited for readers: never, unless
    /// [`WhenHeld::Wait`] was asked for.
    pub waited: Duration,
}

impl<K: Stored + Hash + Eq, V: ListValue> MultiIndex<K, V> {
    /// An index of its own with its keys in a hash table.
    pub fn new_hash() -> Self {
        Registry::new().create_hash()
    }
}

impl<K: Stored + IndexKey, V: ListValue> MultiIndex<K, V> {
    /// An index of its own with its keys in order.
    pub fn new_ordered() -> MultiIndex<K, V, Ordered> {
        Registry::new().create_ordered()
    }
}

impl<K, V, D> MultiIndex<K, V, D> {
    pub(super) fn new(registry: Registry, slot: usize, identity: Arc<()>) -> Self {
        Self { registry, slot, identity, kind: PhantomData }
    }

    /// The registry that the index is in.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The sequence of the last publication.
    pub fn sequence(&self) -> Sequence {
        self.registry.sequence()
    }

    /// Waits until a sequence is published. It is the caller's business that it ever will be.
    pub fn wait_for(&self, sequence: Sequence) {
        self.registry.wait_for(sequence);
    }

    /// How many operations the next publication will publish, in the whole registry. Waits for the writer's turn.
    pub fn pending(&self) -> usize {
        Tenure::begin(&*self.registry.shared).writer_ref().pending_len()
    }

    /// Publishes everything that is pending in the registry with one swap. Waits for the writer's turn, but for no reader.
    pub fn publish(&self) -> Published {
        let shared = &*self.registry.shared;
        publish(Tenure::begin(shared).writer(), shared)
    }

    /// Publishes everything that is pending, unless readers hold so many copies that the next write could not have one.
    /// Then the writes stay pending.
    ///
    /// # Errors
    /// [`Busy`] if readers do, or if somebody else has the writer's turn.
    pub fn try_publish(&self) -> Result<Published, Busy> {
        let shared = &*self.registry.shared;
        let mut tenure = Tenure::try_begin(shared).ok_or(Busy)?;
        let writer = tenure.writer();
        if writer.has_room(&shared.root) { Ok(publish(writer, shared)) } else { Err(Busy) }
    }

    /// Attaches a value to the next publication and those after it.
    pub fn set_meta<M: Any + Send + Sync>(&self, meta: M) {
        let meta: Meta = Arc::new(meta);
        Tenure::begin(&*self.registry.shared).writer().pending_meta = Some(meta);
    }

    /// What was last attached to a publication, if it is an `M`.
    pub fn meta<M: Any + Send + Sync>(&self) -> Option<Arc<M>> {
        self.registry.shared.root.load().meta.clone()?.downcast().ok()
    }
}

fn publish(writer: &mut Writer, shared: &Shared) -> Published {
    let waited = writer.waited;
    Published { sequence: writer.publish(&shared.root), waited }
}

/// Writing: what is written is pending until the next [`publish`](Self::publish), from whichever handle. Each operation
/// takes the writer's turn for itself; a [batch](Registry::begin) takes it once for many. So code of a key or value, its destructor
/// too, must not write to the registry: it would wait for itself.
///
/// All panic if the index was removed from its registry.
impl<K: Stored, V: ListValue, D: Arrangement<K>> MultiIndex<K, V, D> {
    fn write<R>(&self, act: impl FnOnce(&mut IndexWriter<K, V, D>) -> R) -> R {
        let shared = &*self.registry.shared;
        let mut tenure = Tenure::begin(shared);
        let writer = tenure.writer();
        if let when_held @ WhenHeld::Wait(_) = shared.options.when_held {
            // `Busy` has no place in these results: when the wait was in vain, a copy is made.
            let _ = writer.edit(self, when_held, &shared.root);
        }
        self.edit(writer).change(act)
    }

    fn edit<'w>(&self, writer: &'w mut Writer) -> &'w mut IndexWriter<K, V, D> {
        let edited = writer.edit(self, WhenHeld::Clone, &self.registry.shared.root);
        edited.expect("a copy can always be made")
    }

    /// Adds a value under a key, even if it is there already. The number of values under the key now.
    pub fn insert(&self, key: K, value: V) -> usize {
        self.write(|writer| writer.insert(key, value))
    }

    /// Adds a value under a key unless it is there already, pending or published. Whether it was added.
    pub fn insert_distinct(&self, key: K, value: V) -> bool {
        self.write(|writer| writer.insert_distinct(key, value))
    }

    /// Takes one occurrence of the value from under the key. Whether there was one.
    pub fn remove<Q: ?Sized>(&self, key: &Q, value: &V) -> bool
    where
        D: Lookup<K, Q>,
    {
        self.write(|writer| writer.remove(key, value))
    }

    /// Removes a key with all its values. How many there were.
    pub fn remove_key<Q: ?Sized>(&self, key: &Q) -> usize
    where
        D: Lookup<K, Q>,
    {
        self.write(|writer| writer.remove_key(key))
    }

    /// Puts these values under the key in place of those that are there; no values remove the key. How many there were.
    pub fn replace(&self, key: K, values: impl IntoIterator<Item = V>) -> usize {
        let values: PostingList<V> = values.into_iter().collect();
        self.write(|writer| writer.replace(key, values))
    }

    /// Removes everything. How many values there were.
    pub fn clear(&self) -> usize {
        self.write(IndexWriter::clear)
    }

    /// Keeps only the values for which the predicate holds; it is asked once for each. How many were removed. The
    /// predicate must not write to the registry: it would wait for itself.
    pub fn retain(&self, keep: impl FnMut(&K, &V) -> bool) -> usize {
        self.write(|writer| writer.retain(keep))
    }

    /// Adds many entries: those that are many beside what is there in one step, several times as fast as one by one.
    pub fn extend(&self, entries: impl IntoIterator<Item = (K, V)>) {
        let entries = entries.into_iter().collect();
        self.write(|writer| writer.extend(entries));
    }
}

/// Reading: each call reads what is published at that moment. Two calls may see two versions; a
/// [snapshot](Self::snapshot) or [`read`](Self::read) keeps them together.
///
/// All panic if the index was removed from its registry.
impl<K: Stored, V: ListValue, D: Arrangement<K>> MultiIndex<K, V, D> {
    /// The present version of this index, to keep as long as it is needed. Holds no copy of other indexes.
    ///
    /// # Panics
    /// If the index was removed from its registry.
    pub fn snapshot(&self) -> IndexSnapshot<K, V, D> {
        let published = self.registry.shared.root.load();
        let copy: Option<Arc<IndexCopy<K, V, D>>> = published.find_owned(self);
        IndexSnapshot::new(copy.expect("the index is in its registry"), published.sequence)
    }

    /// A handle for a thread that reads often: each read is of the version of that moment, for a fraction of what one by
    /// [`get`](Self::get) costs.
    pub fn reader(&self) -> MultiReader<K, V, D> {
        MultiReader::new(self.clone())
    }

    /// Reads the present version of this index.
    ///
    /// # Examples
    /// ```
    /// # use manicule_index::MultiIndex;
    /// # let index = MultiIndex::<u64, u64>::new_hash();
    /// let sum: u64 = index.read(|view| view.get(&1).into_iter().flatten().sum());
    /// ```
    #[inline]
    pub fn read<R>(&self, act: impl FnOnce(MultiView<'_, K, V, D>) -> R) -> R {
        act(self.registry.load().on(self))
    }

    /// Reads the list of a key.
    #[inline]
    pub fn get<Q: ?Sized, R>(&self, key: &Q, act: impl FnOnce(&PostingList<V>) -> R) -> Option<R>
    where
        D: Lookup<K, Q>,
    {
        self.read(|view| view.get(key).map(act))
    }

    /// Some value under a key: the only one, where there is one.
    pub fn get_one<Q: ?Sized>(&self, key: &Q) -> Option<V>
    where
        D: Lookup<K, Q>,
    {
        self.read(|view| view.get_one(key).cloned())
    }

    /// Whether there is a value under the key.
    pub fn contains<Q: ?Sized>(&self, key: &Q) -> bool
    where
        D: Lookup<K, Q>,
    {
        self.read(|view| view.contains(key))
    }

    /// Whether this value is under this key.
    pub fn contains_value<Q: ?Sized>(&self, key: &Q, value: &V) -> bool
    where
        D: Lookup<K, Q>,
    {
        self.read(|view| view.contains_value(key, value))
    }

    /// How many values are under the key.
    pub fn count<Q: ?Sized>(&self, key: &Q) -> usize
    where
        D: Lookup<K, Q>,
    {
        self.read(|view| view.count(key))
    }

    /// Bytes of the index as it is between commits, with two copies: not the log between them, nor further copies that
    /// readers hold on to. O(keys).
    pub fn memory_usage(&self) -> usize {
        self.read(|view| 2 * view.memory_usage())
    }

    /// How many keys there are. O(1).
    pub fn len_keys(&self) -> usize {
        self.read(|view| view.len_keys())
    }

    /// How many values there are under all keys. O(1).
    pub fn len_values(&self) -> usize {
        self.read(|view| view.len_values())
    }
}

impl<K, V, D> Clone for MultiIndex<K, V, D> {
    fn clone(&self) -> Self {
        Self::new(self.registry.clone(), self.slot, Arc::clone(&self.identity))
    }
}

impl<K, V, D> fmt::Debug for MultiIndex<K, V, D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MultiIndex").field("slot", &self.slot).finish_non_exhaustive()
    }
}
