//! Changes of an index set: private until they are prepared, in doubt until they are committed.

use std::cell::OnceCell;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::candidate::{EntryReader, EntryWriter};
use super::definition::{IndexId, RowId};
use super::error::{PrepareError, UniqueViolation};
use super::garbage::Entry;
use super::index_set::{IndexList, IndexSet, SetIndex, Timestamp};
use super::key::Key;
use super::reader::{Reader, Snapshot};
use super::visibility::{At, Visibility};
use super::write_set::{NetWrites, Operation, Outcome, WriteSet};
use crate::multi::{Batch, Registry};

/// The changes of one transaction, seen by nobody else. Dropping it is a rollback.
///
/// Made by [`IndexSet::begin`]; [`prepare`](Self::prepare) is the only way on.
#[must_use = "what is not prepared and committed is rolled back"]
pub struct IndexTransaction<R: RowId, T> {
    set: IndexSet<R, T>,
    /// Indexes with this id and later ones were made after the transaction began.
    known: u32,
    writes: WriteSet<R>,
}

/// A moment in a transaction that it can return to, from [`IndexTransaction::savepoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Savepoint {
    operations: usize,
}

impl<R: RowId, T: Timestamp> IndexTransaction<R, T> {
    pub(super) fn new(set: IndexSet<R, T>) -> Self {
        let known = set.shared.list.load().next_id;
        Self { set, known, writes: WriteSet::new() }
    }

    /// Makes room for so many insertions and removals more: saves time where there are many.
    pub fn reserve(&mut self, additional: usize) {
        self.writes.reserve(additional);
    }

    /// The row has the key from this transaction on.
    pub fn insert(&mut self, index: IndexId, key: Key, row: R) {
        self.writes.push(Operation { index, key, row, outcome: Outcome::Present });
    }

    /// The row has the key no more.
    pub fn remove(&mut self, index: IndexId, key: Key, row: R) {
        self.writes.push(Operation { index, key, row, outcome: Outcome::Absent });
    }

    /// The row has another key, or the same.
    pub fn update(&mut self, index: IndexId, row: R, old: Key, new: Key) {
        if old != new {
            self.remove(index, old, row);
            self.insert(index, new, row);
        }
    }

    /// Whether nothing was inserted or removed.
    pub fn is_empty(&self) -> bool {
        self.writes.len() == 0
    }

    /// Remembers this moment. Constant time.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint { operations: self.writes.len() }
    }

    /// Takes back everything since the savepoint; one that was taken after it means nothing any more. O(n) of what is
    /// taken back, and of what is kept for the next lookup in a [`reader`](Self::reader).
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        self.writes.truncate(savepoint.operations);
    }

    /// Reads the snapshot with this transaction's own changes. `host` answers for the rows as the transaction sees them.
    pub fn reader<'r, V: Visibility<R, T>>(&'r self, snapshot: &'r Snapshot<R, T>, host: &'r V) -> Reader<'r, R, T, V> {
        Reader::new(snapshot, host, Some(&self.writes))
    }

    /// Checks the transaction, and keeps all others from being prepared until this one is committed or dropped. Waits for
    /// them in turn; readers go on.
    ///
    /// Uniqueness is judged by what the transaction comes to, so that keys may be swapped, shifted, or removed and
    /// inserted again. Where a key has another candidate, `host` is asked whether that row's [newest](At::Newest) version
    /// still has it.
    ///
    /// # Errors
    /// [`PrepareError`]; but for [`IndexesCreated`](PrepareError::IndexesCreated), the transaction is rolled back.
    pub fn prepare(mut self, host: &impl Visibility<R, T>) -> Result<Prepared<R, T>, PrepareError<R, T>> {
        let batch = self.set.shared.registry.begin();
        // Nobody makes or drops an index while the batch is there.
        let list = self.set.shared.list.load_full();
        let created: Vec<IndexId> =
            list.indexes.iter().map(|index| index.id).filter(|index| index.0 >= self.known).collect();
        // Also where nothing was written: the host may have changed rows that no index was over until now.
        if !created.is_empty() {
            self.known = list.next_id;
            return Err(PrepareError::IndexesCreated { transaction: Box::new(self), created });
        }
        let Self { set, writes, .. } = self;
        let writes = writes.into_net();
        check(&writes, &list, &set.shared.registry, host)?;
        Ok(Prepared { set, list, batch, writes })
    }
}

/// Refuses keys of another form than their index, and those that two rows would have.
fn check<R: RowId, T: Timestamp>(
    writes: &NetWrites<R>,
    list: &IndexList<R, T>,
    registry: &Registry,
    host: &impl Visibility<R, T>,
) -> Result<(), PrepareError<R, T>> {
    let (guard, published) = (OnceCell::new(), registry.lazy_snapshot());
    for changed in writes.by_key() {
        let Operation { index, key, .. } = &changed[0];
        let Some(index) = list.get(*index) else { continue };
        if key.form() != index.definition.keys {
            return Err(PrepareError::WrongForm(index.id));
        }
        if index.definition.unique && !key.may_repeat() {
            let reader = EntryReader { guard: guard.get_or_init(crate::pin), published: &published };
            check_unique(index, changed, reader, host)?;
        }
    }
    Ok(())
}

/// Refuses a key that two rows would have; `changed` is what becomes of its rows.
fn check_unique<R: RowId, T: Timestamp>(
    index: &SetIndex<R, T>,
    changed: &[Operation<R>],
    reader: EntryReader<'_>,
    host: &impl Visibility<R, T>,
) -> Result<(), UniqueViolation> {
    let key = &changed[0].key;
    let gained = changed.iter().filter(|operation| operation.outcome == Outcome::Present).count();
    // An index that is being built is not yet unique: that would be for its builder to suffer, not for a writer.
    let Some(entries) = index.entries.get().filter(|_| gained > 0) else { return Ok(()) };
    let is_taken = gained > 1
        || entries
            .candidates(key, reader, |other| {
                let is_holder = changed.binary_search_by_key(&other, |operation| operation.row).is_err()
                    && host.has_key(other, At::Newest, index.id, key.as_ref());
                if is_holder { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .is_break();
    if is_taken { Err(UniqueViolation { index: index.id, key: key.clone() }) } else { Ok(()) }
}

impl<R: RowId, T> fmt::Debug for IndexTransaction<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexTransaction").field("operations", &self.writes.len()).finish_non_exhaustive()
    }
}

/// A transaction that nothing can refuse any more, and the one that commits next. Dropping it is a rollback.
///
/// While it lives the host makes its own part durable and puts its rows' versions in place, so that
/// [`Visibility`] knows of them; then it [commits](Self::commit_then) and lets readers see the timestamp. A
/// thread that prepares another transaction meanwhile waits for itself.
///
/// What is committed is gone, and what is not prepared cannot be committed:
///
/// ```compile_fail,E0382
/// # fn example(prepared: manicule_index::set::Prepared<u64, u64>) {
/// prepared.commit(1);
/// prepared.commit(2);
/// # }
/// ```
///
/// ```compile_fail,E0599
/// # fn example(set: manicule_index::set::IndexSet<u64, u64>) {
/// set.begin().commit(1);
/// # }
/// ```
#[must_use = "what is prepared and not committed is rolled back"]
pub struct Prepared<R: RowId, T> {
    set: IndexSet<R, T>,
    list: Arc<IndexList<R, T>>,
    batch: Batch,
    writes: NetWrites<R>,
}

impl<R: RowId, T: Timestamp> Prepared<R, T> {
    /// Puts the entries in place, in all indexes; those of multi indexes by one swap. Cannot fail.
    ///
    /// `timestamp` is that of the commit: snapshots before it go on finding the entries that it removes. The next
    /// transaction can be prepared as soon as the entries are in place: a host that has no commit lock of its own to keep
    /// it from being seen before this one takes [`commit_then`](Self::commit_then).
    pub fn commit(self, timestamp: T) {
        self.commit_then(timestamp, || {});
    }

    /// As [`commit`](Self::commit); then runs `publish`, which lets readers see the timestamp, before another transaction
    /// can be prepared. So the turn that transactions are prepared in is the host's commit lock too.
    ///
    /// `publish` must not prepare, vacuum, create or drop: it would wait for itself.
    pub fn commit_then(self, timestamp: T, publish: impl FnOnce()) {
        let Self { set, list, mut batch, writes } = self;
        let guard = crate::pin();
        let mut writer = EntryWriter { guard: &guard, batch: &mut batch };
        let mut garbage = set.shared.garbage.lock();
        for Operation { index: id, key, row, outcome } in writes {
            let Some(index) = list.get(id) else { continue };
            match outcome {
                Outcome::Present => {
                    garbage.keep(id, &key, row);
                    index.insert(&key, row, &mut writer);
                }
                Outcome::Absent => garbage.push(timestamp, Entry { index: id, key, row }),
            }
        }
        drop(garbage);
        batch.commit_then(publish);
    }
}

impl<R: RowId, T> fmt::Debug for Prepared<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("operations", &self.writes.len()).finish_non_exhaustive()
    }
}
