//! The database: what all sessions share.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use manicule_index::Registry;

use crate::catalog::Catalog;
use crate::commit::Committer;
use crate::commit_lock::{CommitLock, EndOfWait, WriterPlace};
use crate::error::{Error, Result};
use crate::ids::Timestamp;
use crate::log::Log;
use crate::memory_limit::MemoryLimit;
use crate::snapshots::{OwnedSlot, Slot, SnapshotRegistry};
use crate::state::{State, TableState};
use crate::store::{GroupWrite, LastCommit, catalog_record};
use crate::sync::{AtomicU64, Ordering};
use crate::transaction::{Isolation, Start, Transaction, TransactionOptions};
use crate::view::{View, ViewSource};

/// A database: cheap to clone, shared by all sessions, safe from many threads.
///
/// Readers never wait, for writers or for each other; one transaction commits at a time. Who commits, or changes the schema,
/// waits five seconds at most for a transaction that began as the writer ([`Start::Immediate`]), and gets [`Error::Busy`]
/// then: a thread that is the writer itself would wait for itself. [`waiting_until`](Self::waiting_until) says otherwise.
///
/// ```
/// use manicule_engine::{Column, ColumnType, Database, Row, TableDefinition, Value};
///
/// let database = Database::in_memory();
/// let table = database.create_table(TableDefinition {
///     name: "city".into(),
///     columns: vec![Column::new("name", ColumnType::Text)],
///     primary_key: vec![0],
///     ..TableDefinition::default()
/// })?;
/// let mut transaction = database.begin();
/// transaction.insert(table, Row::new(&[Value::from("Lima")]))?;
/// let before = database.snapshot();
/// transaction.commit()?;
/// assert_eq!(database.snapshot().view().row_count(table), 1);
/// assert!(before.view().scan(table, |_, _| std::ops::ControlFlow::Break(())).is_continue());
/// # Ok::<(), manicule_engine::Error>(())
/// ```
#[derive(Clone)]
pub struct Database {
    pub(crate) inner: Arc<Inner>,
    /// What ends the waits of this handle's commits and changes of the schema; the latter wait for seconds without it.
    pub(crate) end_of_wait: Option<EndOfWait>,
    /// The version of the schema that this handle's changes of it are meant for, if they are for one.
    pub(crate) expected_schema: Option<u64>,
}

/// The shared part of a database.
pub(crate) struct Inner {
    pub(crate) state: ArcSwap<State>,
    /// The catalog's version; changes after everything that belongs to it.
    schema_version: AtomicU64,
    /// The newest commit that is visible. Stored by the holder of the commit lock, or, with a log, by its leader.
    pub(crate) visible: AtomicU64,
    pub(crate) snapshots: SnapshotRegistry,
    /// How many bytes may be held, about.
    pub(crate) memory_limit: MemoryLimit,
    /// The root of all multi indexes.
    pub(crate) registry: Registry,
    pub(crate) commit_lock: CommitLock,
    /// The way to the disk; a database in memory has none.
    pub(crate) log: Option<Arc<Log>>,
}

impl Database {
    /// An empty database in memory.
    pub fn in_memory() -> Self {
        let first = LastCommit { timestamp: Timestamp(0), sum: 0 };
        Self::of(Inner::new(State::default(), Registry::new(), first, None))
    }

    pub(crate) fn of(inner: Inner) -> Self {
        Self { inner: Arc::new(inner), end_of_wait: None, expected_schema: None }
    }

    /// The same database, whose schema is changed through this handle in the caller's own time: a writer that has its
    /// place is waited for however long it takes, until `is_cancelled` says otherwise, and so is an index that is built, or a
    /// table that is rewritten. It is asked some times a second, and every few thousand rows of either, from several threads. Then the change
    /// fails with [`Error::Cancelled`], and nothing of it is there; it never fails with [`Error::Busy`].
    ///
    /// Transactions that begin through the handle wait for a writer five seconds at most, as any other, and no longer than
    /// `is_cancelled` says: then their begin or their commit fails with [`Error::Cancelled`].
    ///
    /// `is_cancelled` must neither change nor close the database: it may be asked under the lock that both wait for.
    #[must_use]
    pub fn waiting_until(&self, is_cancelled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { end_of_wait: Some(EndOfWait(Arc::new(is_cancelled))), ..self.clone() }
    }

    /// The same database, whose schema is changed through this handle only if it has that [version](Self::schema_version)
    /// until the change, which fails with [`Error::SchemaChanged`] otherwise. So the positions of columns, which another
    /// change may have moved, still mean the columns that they were looked up for. An index that has begun to be built is
    /// finished.
    ///
    /// ```
    /// # use manicule_engine::{Column, ColumnType, Database, Error, TableDefinition};
    /// # let database = Database::in_memory();
    /// # let columns = ["a", "b", "c"].map(|name| Column::new(name, ColumnType::Integer)).into();
    /// # let table = database.create_table(TableDefinition { name: "t".into(), columns, ..Default::default() })?;
    /// let catalog = database.catalog();
    /// let b = catalog.table("t").and_then(|table| table.column_index("b")).expect("t has a column b");
    /// database.drop_column(table, 0)?;
    /// let dropped = database.at_schema_version(catalog.version()).drop_column(table, b);
    /// assert!(matches!(dropped, Err(Error::SchemaChanged)));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn at_schema_version(&self, version: u64) -> Self {
        Self { expected_schema: Some(version), ..self.clone() }
    }

    /// A transaction on the snapshot of now.
    pub fn begin(&self) -> Transaction {
        Transaction::new(Arc::clone(&self.inner), Isolation::default(), None, self.end_of_wait.clone())
    }

    /// A transaction on the snapshot of now, with a level of isolation, or as the writer whose commit nobody overtakes.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if another transaction has the writer's place for long, [`Error::Poisoned`] and [`Error::Closed`]
    /// if a writer could not commit; never for a transaction that is not the writer.
    pub fn begin_with(&self, options: TransactionOptions) -> Result<Transaction> {
        let place = match options.start {
            Start::Deferred => None,
            Start::Immediate => Some(WriterPlace::take(&self.inner, self.end_of_wait.as_ref())?),
        };
        Ok(Transaction::new(Arc::clone(&self.inner), options.isolation, place, self.end_of_wait.clone()))
    }

    /// A reader that a session keeps: each of its views is a snapshot of its moment and allocates nothing.
    pub fn reader(&self) -> Reader {
        Reader {
            slot: self.inner.snapshots.register(),
            state: self.inner.state.load_full(),
            inner: Arc::clone(&self.inner),
        }
    }

    /// A snapshot that is kept: everything read through it is of this moment.
    pub fn snapshot(&self) -> Snapshot {
        let slot = self.inner.snapshots.register();
        let mut state = self.inner.state.load_full();
        let timestamp = self.inner.begin_snapshot(&slot, &mut state);
        Snapshot { _slot: slot, state, timestamp, inner: Arc::clone(&self.inner) }
    }

    /// The schema of now.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.inner.state.load().catalog)
    }

    /// The version of the schema of now: one load.
    #[inline]
    pub fn schema_version(&self) -> u64 {
        // Acquire: pairs with the release store in `change_schema`.
        self.inner.schema_version.load(Ordering::Acquire)
    }

    /// Removes all versions and index entries that no snapshot needs any more. Commits do it by and by; this is for
    /// who wants the memory now. Waits for the commit lock.
    pub fn vacuum(&self) {
        self.inner.vacuum();
    }

    /// The bytes that rows and indexes take. O(tables + indexes + keys of non-unique indexes).
    pub fn memory_usage(&self) -> MemoryUsage {
        let state = self.inner.state.load();
        let mut usage = MemoryUsage::default();
        for table in state.tables() {
            usage.tables.push((table.schema.name.clone(), table.table.memory_usage()));
            for (schema, index) in table.schema.indexes.iter().zip(&table.indexes) {
                usage.indexes.push((schema.name.clone(), index.memory_usage()));
            }
        }
        usage
    }

    /// Sets how many bytes rows, indexes and pending changes may take, about; `None` for no limit, as it is at first.
    ///
    /// A commit that would take more gets [`Error::MemoryLimit`](crate::Error::MemoryLimit), and so does a long
    /// transaction while it gathers its changes; one that only deletes goes through. Opening a database, making an
    /// index and changing a table's columns are not limited.
    pub fn set_memory_limit(&self, bytes_max: Option<usize>) {
        self.inner.memory_limit.set(bytes_max);
    }

    /// How many versions of rows are held, visible ones and older ones. O(tables).
    pub fn version_count(&self) -> u64 {
        self.inner.state.load().tables().map(|table| table.table.versions()).sum()
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("visible", &self.inner.visible)
            .field("schema_version", &self.inner.schema_version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn new(state: State, registry: Registry, last: LastCommit, log: Option<Arc<Log>>) -> Self {
        Self {
            schema_version: AtomicU64::new(state.catalog.version()),
            state: ArcSwap::from_pointee(state),
            visible: AtomicU64::new(last.timestamp.0),
            snapshots: SnapshotRegistry::default(),
            memory_limit: MemoryLimit::none(),
            registry,
            commit_lock: CommitLock::new(Committer::new(last)),
            log,
        }
    }

    /// Fails if so many bytes more are too many, also after a vacuum.
    pub(crate) fn check_memory(&self, bytes: usize) -> Result<()> {
        self.check_memory_as_it_is(bytes).or_else(|_| {
            self.vacuum();
            self.check_memory_as_it_is(bytes)
        })
    }

    /// [`check_memory`](Self::check_memory) for who has the commit lock and cannot vacuum.
    pub(crate) fn check_memory_as_it_is(&self, bytes: usize) -> Result<()> {
        let Some(bytes_max) = self.memory_limit.bytes_max() else { return Ok(()) };
        if self.memory_limit.surely_allows(bytes) {
            return Ok(());
        }
        let held = self.memory_usage();
        self.memory_limit.note_counted(held);
        match held.saturating_add(bytes) <= bytes_max {
            true => Ok(()),
            false => Err(Error::MemoryLimit { bytes_max }),
        }
    }

    fn memory_usage(&self) -> usize {
        let state = self.state.load();
        let of_indexes = |table: &TableState| table.indexes.iter().map(|index| index.memory_usage()).sum::<usize>();
        state.tables().map(|table| table.table.memory_usage() + of_indexes(table)).sum()
    }

    /// Gives up the files, after the last commits.
    pub(crate) fn close(&self) -> Result<()> {
        let Some(log) = &self.log else { return Ok(()) };
        // Or the log could be closed under a commit that has installed its versions but not yet appended its records.
        let _committer = self.commit_lock.lock_beside_writer();
        log.close(&self.visible)
    }

    /// Pins `slot` at what is visible now and brings `state` to the schema that belongs to it.
    ///
    /// A change of the schema stores the state, then what is visible, then the version. So a state whose version is
    /// current before and after the pin belongs to the pinned timestamp.
    #[inline]
    pub(crate) fn begin_snapshot(&self, slot: &Slot, state: &mut Arc<State>) -> Timestamp {
        loop {
            // Acquire: pairs with the release store in `change_schema`.
            if state.catalog.version() != self.schema_version.load(Ordering::Acquire) {
                *state = self.state.load_full();
                std::hint::spin_loop();
                continue;
            }
            let timestamp = slot.pin(&self.visible);
            if state.catalog.version() == self.schema_version.load(Ordering::Acquire) {
                return timestamp;
            }
        }
    }

    /// Makes `state` the one that new snapshots see, once it is in the log. The caller holds the commit lock, and all
    /// commits are visible.
    pub(crate) fn change_schema(&self, committer: &mut Committer, mut state: State) -> Result<()> {
        let catalog = Arc::make_mut(&mut state.catalog);
        catalog.version += 1;
        let version = catalog.version;
        let timestamp = committer.next_timestamp();
        if let Some(log) = &self.log {
            let mut group = GroupWrite::default();
            let catalog = catalog_record(&state);
            let mut sum = catalog.sum;
            for table in state.tables() {
                let totals = table.table.totals();
                sum = sum.wrapping_add(totals.sum);
                group.put_totals(table.table.storage(), totals);
            }
            group.put_catalog(&catalog);
            group.commit_with(LastCommit { timestamp, sum });
            log.write_now(group)?;
            committer.set_sum(sum);
        }
        committer.note_installed(timestamp);
        self.state.store(Arc::new(state));
        self.memory_limit.note_unknown();
        // Release: pairs with `Slot::pin`.
        self.visible.store(timestamp.0, Ordering::Release);
        // Release: pairs with the acquire loads in `begin_snapshot`.
        self.schema_version.store(version, Ordering::Release);
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Who wants to know calls `Database::close`.
        let _ = self.close();
    }
}

/// Bytes held, by table and by index.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MemoryUsage {
    /// Name and bytes of each table's rows, all versions.
    pub tables: Vec<(String, usize)>,
    /// Name and bytes of each index, all copies.
    pub indexes: Vec<(String, usize)>,
}

impl MemoryUsage {
    /// The bytes of all tables and indexes together, which [`Database::set_memory_limit`] limits.
    pub fn total(&self) -> usize {
        self.tables.iter().chain(&self.indexes).map(|(_, bytes)| bytes).sum()
    }
}

/// A session's reader.
#[derive(Debug)]
pub struct Reader {
    inner: Arc<Inner>,
    slot: OwnedSlot,
    state: Arc<State>,
}

impl Reader {
    /// What is visible now. Allocates nothing; some ten nanoseconds.
    #[inline]
    pub fn view(&mut self) -> View<'_> {
        let timestamp = self.inner.begin_snapshot(&self.slot, &mut self.state);
        View::new(ViewSource {
            state: &self.state,
            inner: &self.inner,
            timestamp,
            writes: None,
            reads: None,
            own_slot: Some(&self.slot),
        })
    }
}

/// A snapshot that is kept. What it sees stays in memory until it is dropped. A session of SQL gets one by BEGIN.
#[derive(Debug)]
pub struct Snapshot {
    inner: Arc<Inner>,
    /// Where it is known until it is dropped.
    _slot: OwnedSlot,
    state: Arc<State>,
    timestamp: Timestamp,
}

impl Snapshot {
    /// What was visible when the snapshot began.
    pub fn view(&self) -> View<'_> {
        View::new(ViewSource {
            state: &self.state,
            inner: &self.inner,
            timestamp: self.timestamp,
            writes: None,
            reads: None,
            own_slot: None,
        })
    }

    /// What the snapshot holds on to.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The commit up to which the snapshot sees.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }
}

/// Under loom, the schema of a snapshot: `begin_snapshot` against `change_schema`.
#[cfg(all(test, loom))]
mod models {
    use loom::thread;

    use super::*;

    /// Commit 2 changes the schema and commit 3 a row, while a snapshot begins.
    #[test]
    fn loom_snapshot_has_the_schema_of_its_timestamp() {
        loom::model(|| {
            let last = LastCommit { timestamp: Timestamp(1), sum: 0 };
            let inner = Arc::new(Inner::new(State::default(), Registry::new(), last, None));
            let done = Arc::new(AtomicU64::new(1));
            let mut state = inner.state.load_full();
            let before = state.catalog.version();
            let writer = thread::spawn({
                let (inner, done) = (Arc::clone(&inner), Arc::clone(&done));
                move || {
                    let mut committer = Committer::new(last);
                    done.store(2, Ordering::Relaxed);
                    inner.change_schema(&mut committer, State::default()).expect("there is no log that could fail");
                    done.store(3, Ordering::Relaxed);
                    inner.visible.store(3, Ordering::Release);
                }
            });
            let reader = thread::spawn(move || {
                let slot = inner.snapshots.register();
                let timestamp = inner.begin_snapshot(&slot, &mut state);
                assert!(done.load(Ordering::Relaxed) >= timestamp.0, "what was done before is seen");
                match state.catalog.version() {
                    version if version == before => assert!(timestamp <= Timestamp(2), "{timestamp:?}"),
                    _ => assert!(timestamp >= Timestamp(2), "{timestamp:?}"),
                }
            });
            writer.join().expect("the writer does not panic");
            reader.join().expect("the reader does not panic");
        });
    }
}
