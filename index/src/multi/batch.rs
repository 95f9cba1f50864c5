//! A batch: one transaction's writes to the indexes of a registry.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
// Not the model's atomics: a static that no protocol rests on.
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use super::directory::{Arrangement, Lookup, Stored};
use super::index::MultiIndex;
use super::list::{ListValue, PostingList};
use super::registry::{Busy, Meta, Sequence, Shared, WhenHeld};
use super::slot::IndexWriter;
use super::view::MultiView;
use super::writer::{Tenure, Writer};

/// The right to write to a registry, and what was written so far.
///
/// Nobody else sees any of it until [`commit`](Self::commit) publishes all of it at once; dropping the batch takes all of
/// it back. One batch at a time exists in a registry. It may be sent to another thread.
///
/// If the code of a key or value panics within an operation on one of them, that operation has not happened, and the batch can go
/// on. (If a destructor panics, it may have happened.)
///
/// # Examples
/// ```
/// use manicule_index::Registry;
///
/// let registry = Registry::new();
/// let index = registry.create_hash::<u64, u64>();
/// let mut batch = registry.begin();
/// batch.on(&index).insert(1, 10);
/// let savepoint = batch.savepoint();
/// batch.on(&index).insert(1, 11);
/// assert_eq!(batch.get(&index, &1).map(|list| list.len()), Some(2));
/// batch.rollback_to(&savepoint);
/// batch.commit();
/// assert_eq!(registry.snapshot().on(&index).count(&1), 1);
/// ```
pub struct Batch {
    tenure: Tenure<Arc<Shared>>,
    /// What was pending at the begin, if anything was.
    begin: Option<Box<Frame>>,
    /// One for each savepoint that can still be returned to.
    savepoints: Vec<Frame>,
}

/// How many savepoints there were, of all registries: so that one of another registry is not taken for one's own.
static SERIALS: AtomicU64 = AtomicU64::new(0);

/// What was pending at some moment.
#[derive(Default)]
struct Frame {
    serial: u64,
    /// The number of pending operations of each slot that had some.
    marks: SmallVec<[(usize, usize); 2]>,
    meta: Option<Meta>,
}

/// A moment in a batch that it can return to, from [`Batch::savepoint`].
#[derive(Debug, PartialEq, Eq)]
pub struct Savepoint {
    serial: u64,
}

impl Batch {
    pub(super) fn new(tenure: Tenure<Arc<Shared>>) -> Self {
        let mut batch = Self { tenure, begin: None, savepoints: Vec::new() };
        if batch.tenure.writer_ref().is_anything_pending() {
            batch.begin = Some(Box::new(batch.frame(0)));
        }
        batch
    }

    /// The index, to write to. If readers hold every copy that may be made, one more is made.
    ///
    /// # Panics
    /// If the index is not in this registry, or was removed from it.
    #[inline]
    pub fn on<K, V, D>(&mut self, index: &MultiIndex<K, V, D>) -> Editor<'_, K, V, D>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        let writer = self.tenure.edit(index, WhenHeld::Clone);
        Editor { writer: writer.expect("a copy can always be made") }
    }

    /// The index, to write to, within the number of copies that the registry's
    /// [options](crate::RegistryOptions::copies_max) allow.
    ///
    /// # Errors
    /// [`Busy`] if readers hold all of them, for as long as [`WhenHeld`] says.
    ///
    /// # Panics
    /// If the index is not in this registry, or was removed from it.
    pub fn try_on<K, V, D>(&mut self, index: &MultiIndex<K, V, D>) -> Result<Editor<'_, K, V, D>, Busy>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        let when_held = self.tenure.shared.options.when_held;
        Ok(Editor { writer: self.tenure.edit(index, when_held)? })
    }

    /// The index with what this batch has written.
    ///
    /// # Panics
    /// If the index is not in this registry, or was removed from it.
    pub fn view<K, V, D>(&self, index: &MultiIndex<K, V, D>) -> MultiView<'_, K, V, D>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        let writer = self.tenure.writer_ref().find(index);
        MultiView::new(writer.expect("the index is in this registry").current())
    }

    /// The values under a key, with what this batch has written.
    ///
    /// # Panics
    /// If the index is not in this registry, or was removed from it.
    pub fn get<K, V, D, Q>(&self, index: &MultiIndex<K, V, D>, key: &Q) -> Option<&PostingList<V>>
    where
        K: Stored,
        V: ListValue,
        D: Lookup<K, Q>,
        Q: ?Sized,
    {
        self.view(index).get(key)
    }

    /// Attaches a value to the next publication and those after it, for [`Snapshot::meta`](crate::Snapshot::meta).
    pub fn set_meta<M: Any + Send + Sync>(&mut self, meta: M) {
        self.tenure.writer().pending_meta = Some(Arc::new(meta));
    }

    /// How many operations are pending in this registry.
    pub fn pending(&self) -> usize {
        self.tenure.writer_ref().pending_len()
    }

    /// The sequence that a commit which changes something will have.
    pub fn next_sequence(&self) -> Sequence {
        self.tenure.writer_ref().sequence().next()
    }

    /// Remembers this moment.
    pub fn savepoint(&mut self) -> Savepoint {
        // Relaxed: that no two are the same is all that matters.
        let serial = SERIALS.fetch_add(1, Ordering::Relaxed) + 1;
        let frame = self.frame(serial);
        self.savepoints.push(frame);
        Savepoint { serial }
    }

    /// Takes back everything since the savepoint. The savepoint can be returned to again; later ones cannot.
    ///
    /// # Panics
    /// If the savepoint is of another batch, or if an earlier one was returned to since.
    pub fn rollback_to(&mut self, savepoint: &Savepoint) {
        let at = self.savepoints.iter().position(|frame| frame.serial == savepoint.serial);
        let at = at.expect("the savepoint is one of this batch and still there");
        self.savepoints.truncate(at + 1);
        rollback(self.tenure.writer(), &self.savepoints[at]);
    }

    /// Publishes everything that is pending with one swap; the sequence that shows it. A batch that has changed nothing
    /// publishes nothing. Waits for nobody.
    pub fn commit(mut self) -> Sequence {
        self.publish()
    }

    /// Commits, and does something more before anybody else can begin a batch.
    pub(crate) fn commit_then(mut self, act: impl FnOnce()) {
        self.publish();
        act();
    }

    fn publish(&mut self) -> Sequence {
        self.begin = None;
        self.tenure.publish()
    }

    /// Takes everything back, as dropping the batch does.
    pub fn rollback(self) {
        drop(self);
    }

    fn frame(&mut self, serial: u64) -> Frame {
        let writer = self.tenure.writer();
        let meta = writer.pending_meta.clone();
        let mut marks = SmallVec::new();
        writer.each_touched(|at, slot| marks.push((at, slot.mark())));
        Frame { serial, marks, meta }
    }
}

/// Takes back what has been written since.
fn rollback(writer: &mut Writer, frame: &Frame) {
    writer.pending_meta.clone_from(&frame.meta);
    writer.each_touched(|at, slot| {
        let mark = frame.marks.iter().find(|(marked, _)| *marked == at);
        slot.rollback(mark.map_or(0, |(_, mark)| *mark));
    });
}

impl Drop for Batch {
    fn drop(&mut self) {
        let writer = self.tenure.writer();
        if writer.is_anything_pending() {
            rollback(writer, &self.begin.take().unwrap_or_default());
        }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Batch").field("pending", &self.pending()).finish_non_exhaustive()
    }
}

/// One index within a [`Batch`], to write to. Every operation says what it has changed.
pub struct Editor<'b, K: Stored, V: ListValue, D: Arrangement<K>> {
    writer: &'b mut IndexWriter<K, V, D>,
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> Editor<'_, K, V, D> {
    /// Adds a value under a key, even if it is there already. The number of values under the key now.
    pub fn insert(&mut self, key: K, value: V) -> usize {
        self.writer.change(|writer| writer.insert(key, value))
    }

    /// Adds a value under a key unless it is there already. Whether it was added.
    pub fn insert_distinct(&mut self, key: K, value: V) -> bool {
        self.writer.change(|writer| writer.insert_distinct(key, value))
    }

    /// Takes one occurrence of the value from under the key. Whether there was one.
    pub fn remove<Q: ?Sized>(&mut self, key: &Q, value: &V) -> bool
    where
        D: Lookup<K, Q>,
    {
        self.writer.change(|writer| writer.remove(key, value))
    }

    /// Removes a key with all its values. How many there were. Costs the same however many.
    pub fn remove_key<Q: ?Sized>(&mut self, key: &Q) -> usize
    where
        D: Lookup<K, Q>,
    {
        self.writer.change(|writer| writer.remove_key(key))
    }

    /// Puts these values under the key in place of those that are there; no values remove the key. How many there were.
    pub fn replace(&mut self, key: K, values: impl IntoIterator<Item = V>) -> usize {
        let values = values.into_iter().collect();
        self.writer.change(|writer| writer.replace(key, values))
    }

    /// Removes everything. How many values there were.
    pub fn clear(&mut self) -> usize {
        self.writer.change(IndexWriter::clear)
    }

    /// Keeps only the values for which the predicate holds. It is asked once for each, before anything is removed. How
    /// many were removed. If a key's or value's code panics, some have been removed.
    pub fn retain(&mut self, keep: impl FnMut(&K, &V) -> bool) -> usize {
        self.writer.change(|writer| writer.retain(keep))
    }

    /// Keeps only the values of one key for which the predicate holds. It is asked once for each, before anything is
    /// removed. How many were removed. If a key's or value's code panics, some have been removed.
    pub fn retain_key<Q: ?Sized>(&mut self, key: &Q, mut keep: impl FnMut(&V) -> bool) -> usize
    where
        D: Lookup<K, Q>,
    {
        let list = self.view().get(key);
        let refused: Vec<V> = list.into_iter().flatten().filter(|value| !keep(value)).cloned().collect();
        refused.into_iter().filter(|value| self.remove(key, value)).count()
    }

    /// Adds many entries: those that are many beside what is there in one step, which then counts as one operation, several
    /// times as fast as one by one. If a key's or value's code panics, some of the few, or none of the many, have been added.
    pub fn extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) {
        let entries = entries.into_iter().collect();
        self.writer.change(|writer| writer.extend(entries));
    }

    /// The index as written so far.
    pub fn view(&self) -> MultiView<'_, K, V, D> {
        MultiView::new(self.writer.current())
    }
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> fmt::Debug for Editor<'_, K, V, D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Editor").field("len_keys", &self.view().len_keys()).finish_non_exhaustive()
    }
}
