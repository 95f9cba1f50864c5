//! Opening a database: from the records of a store to tables and indexes in memory.
//!
//! ```text
//! 1 meta        format, last commit, catalog
//! 2 rows        scanned by all threads; count and sum of each table compared with its totals, that of all with the head
//! 3 leftovers   rows of tables that are gone, or that never came to be, removed
//! 4 indexes     built from the rows, one a thread
//! 5 visible     the last commit: everything read is as it was then
//! ```

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
#[cfg(any(feature = "fjall", feature = "redb"))]
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use manicule_index::Registry;
use parking_lot::Mutex;

use crate::catalog::{IndexSchema, TableSchema};
use crate::database::{Database, Inner};
use crate::error::{Error, Result};
use crate::ids::{RowId, Timestamp};
use crate::index::Index;
use crate::log::{Log, sync_regularly};
use crate::row::RowBuf;
use crate::state::{State, TableState};
use crate::store::{
    Durability, GroupWrite, LastCommit, OnDamage, OpenOptions, RecordKey, RowStore, StorageId, Totals, catalog_record,
    decode_row, decode_totals, load_meta, row_keys, storage_keys,
};
use crate::table::Table;
use crate::threads::threads_for;
use crate::transaction::check_row;
use crate::version::version_of;

/// The most threads. More would wait for each other: rows are read by all of them, but put in place by one at a time.
const THREADS_MAX: usize = 8;
/// A table of so many rows is not worth a second thread.
const ROWS_PER_PART_MIN: u64 = ROWS_PER_BATCH as u64;
/// How many rows are put in a table at a time.
const ROWS_PER_BATCH: usize = 1024;
/// How many leftover records are removed at a time.
const REMOVALS_PER_GROUP: usize = 4096;

impl Database {
    /// Opens the database in a directory, or makes one there, with commits that survive the loss of power.
    ///
    /// All rows are read into memory and all indexes built: some seconds for ten million rows.
    ///
    /// ```
    /// use manicule_engine::{Column, ColumnType, Database, Row, TableDefinition, Value};
    ///
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let path = directory.path();
    /// let database = Database::open(path)?;
    /// let table = database.create_table(TableDefinition {
    ///     name: "city".into(),
    ///     columns: vec![Column::new("name", ColumnType::Text)],
    ///     ..TableDefinition::default()
    /// })?;
    /// let mut transaction = database.begin();
    /// transaction.insert(table, Row::new(&[Value::from("Lima")]))?;
    /// transaction.commit()?;
    /// database.close()?;
    ///
    /// let database = Database::open(path)?;
    /// assert_eq!(database.snapshot().view().row_count(table), 1);
    /// # Ok::<(), manicule_engine::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if it is open already, [`Error::Corrupt`] if what is there is not what was written,
    /// [`Error::NewerFormat`], [`Error::Io`]; [`Error::Refused`] if the path is something else, or its store one that was
    /// not asked for or is not in this build.
    #[cfg(any(feature = "fjall", feature = "redb"))]
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// As [`open`](Self::open), with a choice of the store and of what a commit waits for, among other things.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[cfg(any(feature = "fjall", feature = "redb"))]
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        Self::open_store(Box::new(crate::store::FileStore::open(path, options)?), options)
    }

    /// As [`open_with`](Self::open_with), over a store of your own.
    ///
    /// # Errors
    ///
    /// Those of the store, and [`Error::Corrupt`], [`Error::NewerFormat`].
    pub fn open_store(store: Box<dyn RowStore>, options: &OpenOptions) -> Result<Self> {
        let registry = Registry::new();
        let (state, last) = recover(&*store, options, &registry)?;
        let log = Arc::new(Log::new(store, options.durability, last.timestamp));
        if options.durability == Durability::Buffered {
            sync_regularly(&log, options.sync_interval)?;
        }
        let database = Self::of(Inner::new(state, registry, last, Some(log)));
        database.set_memory_limit(options.memory_bytes_max);
        Ok(database)
    }

    /// The last commit that is on disk. Of a database in memory, the last commit.
    pub fn durable_timestamp(&self) -> Timestamp {
        match &self.inner.log {
            Some(log) => log.durable(),
            // Acquire, as a snapshot would: the commit can be read by whoever is told of it.
            None => Timestamp(self.inner.visible.load(Ordering::Acquire)),
        }
    }

    /// Waits until a commit that is visible is on disk. With [`Durability::Sync`] and in memory that is at once.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`] if the disk fails, [`Error::Closed`].
    pub fn wait_durable(&self, timestamp: Timestamp) -> Result<()> {
        self.inner.log.as_ref().map_or(Ok(()), |log| log.wait_durable(timestamp))
    }

    /// Puts everything on disk and gives up the files, after the commit or the change of the schema that is under way. No
    /// commit is taken any more, by any handle; reads go on from memory. Dropping the last handle does the same and tells no
    /// errors.
    ///
    /// # Errors
    ///
    /// [`Error::Poisoned`] if the disk fails now or has failed before. The files are given up even so.
    pub fn close(&self) -> Result<()> {
        self.inner.close()
    }
}

/// The state of a store's last commit.
fn recover(store: &dyn RowStore, options: &OpenOptions, registry: &Registry) -> Result<(State, LastCommit)> {
    let Some(meta) = load_meta(store)? else {
        let catalog = catalog_record(&State::default());
        let first = LastCommit { timestamp: Timestamp(0), sum: catalog.sum };
        let mut group = GroupWrite::default();
        group.put_catalog(&catalog);
        group.commit_with(first);
        store.apply(&group.finish(), Durability::Sync)?;
        return Ok((State::default(), first));
    };
    let mut tables = load_tables(store, &meta.storages, options.on_damage)?;
    let table_sums = tables.iter().map(|state| state.table.totals().sum);
    let last = LastCommit { timestamp: meta.timestamp, sum: table_sums.fold(meta.catalog_sum, u64::wrapping_add) };
    if options.on_damage == OnDamage::Refuse && meta.sum.is_some_and(|sum| sum != last.sum) {
        return Err(Error::corrupt("parts of the store are older than its last commit"));
    }
    remove_leftovers(store, &tables)?;
    build_indexes(&mut tables, registry)?;
    let mut state = State::with_catalog(meta.catalog);
    for table in tables {
        state.put_table(table);
    }
    match options.on_damage {
        // If it was the process that ended, the operating system may still have the last commits in memory alone.
        OnDamage::Refuse => store.sync()?,
        OnDamage::OpenWithout => {
            let mut group = GroupWrite::default();
            for table in state.tables() {
                group.put_totals(table.table.storage(), table.table.totals());
            }
            group.commit_with(last);
            store.apply(&group.finish(), Durability::Sync)?;
        }
    }
    Ok((state, last))
}

/// A part of a table that one thread loads.
struct Part<'t> {
    table: &'t Table,
    schema: &'t TableSchema,
    row_ids: Range<RowId>,
    totals: Mutex<Totals>,
}

fn load_tables(
    store: &dyn RowStore,
    storages: &[(Arc<TableSchema>, StorageId)],
    on_damage: OnDamage,
) -> Result<Vec<TableState>> {
    let mut expected = Vec::new();
    let mut tables = Vec::new();
    for (schema, storage) in storages {
        expected.push(stored_totals(store, *storage)?);
        let table = Arc::new(Table::new(schema, *storage));
        tables.push(TableState::new(TableSchema::clone(schema), table));
    }
    let parts: Vec<Vec<Part<'_>>> = tables
        .iter()
        .zip(&expected)
        .map(|(state, expected)| {
            let part = |row_ids| Part { table: &state.table, schema: &state.schema, row_ids, totals: Mutex::default() };
            parts_of(expected.map_or(0, |totals| totals.rows)).map(part).collect()
        })
        .collect();
    let jobs: Vec<&Part<'_>> = parts.iter().flatten().collect();
    in_parallel(&jobs, |part| load_part(store, part, on_damage))?;
    for ((parts, state), expected) in parts.iter().zip(&tables).zip(&expected) {
        let mut found = Totals::default();
        parts.iter().for_each(|part| found.merge(*part.totals.lock()));
        if on_damage == OnDamage::Refuse && *expected != Some(found) {
            return Err(wrong_totals(&state.schema, found, *expected));
        }
        state.table.set_checksum(found.sum);
    }
    drop(parts);
    Ok(tables)
}

/// The row ids of a table of so many rows, in parts that are about equal: row ids are dense but for deleted rows.
fn parts_of(rows: u64) -> impl Iterator<Item = Range<RowId>> {
    let count = threads_for(rows / ROWS_PER_PART_MIN).min(THREADS_MAX) as u64;
    let start = move |part: u64| RowId(rows / count * part);
    (0..count).map(move |part| start(part)..if part + 1 == count { RowId(u64::MAX) } else { start(part + 1) })
}

fn wrong_totals(schema: &TableSchema, found: Totals, expected: Option<Totals>) -> Error {
    let name = &schema.name;
    Error::corrupt(match expected {
        None => format!("the totals of table {name} are lost"),
        Some(expected) if expected.rows != found.rows => {
            format!("table {name} has {} rows, but {} were written", found.rows, expected.rows)
        }
        Some(_) => format!("the rows of table {name} are not those that were written"),
    })
}

/// What the rows of a storage should add up to.
fn stored_totals(store: &dyn RowStore, storage: StorageId) -> Result<Option<Totals>> {
    let mut totals = None;
    let [_, keys] = storage_keys(storage);
    store.scan(keys, &mut |_, bytes| {
        totals = decode_totals(bytes);
        ControlFlow::Break(())
    })?;
    Ok(totals)
}

fn load_part(store: &dyn RowStore, part: &Part<'_>, on_damage: OnDamage) -> Result<()> {
    let mut batch: Vec<(RowId, RowBuf)> = Vec::with_capacity(ROWS_PER_BATCH);
    let mut outcome = Ok(());
    let storage = part.table.storage();
    store.scan(row_keys(storage, part.row_ids.clone()), &mut |key, bytes| {
        match part.read_row(key, bytes) {
            Some(row) => batch.push(row),
            None if on_damage == OnDamage::OpenWithout => {}
            None => outcome = Err(Error::corrupt(format!("record {key:?} of table {}", part.schema.name))),
        }
        if batch.len() == ROWS_PER_BATCH && outcome.is_ok() {
            outcome = part.put_rows(&mut batch, on_damage);
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome.and_then(|()| part.put_rows(&mut batch, on_damage))
}

impl Part<'_> {
    /// The row of a record, if it is one of the table.
    fn read_row(&self, key: RecordKey, bytes: &[u8]) -> Option<(RowId, RowBuf)> {
        let (_, row_id) = key.row()?;
        let row = decode_row(bytes).filter(|row| check_row(self.schema, row).is_ok())?;
        Some((row_id, row))
    }

    /// Puts rows in the table, which nobody reads yet. They begin before every commit.
    fn put_rows(&self, batch: &mut Vec<(RowId, RowBuf)>, on_damage: OnDamage) -> Result<()> {
        self.reserve_places(batch, on_damage)?;
        let mut totals = Totals::default();
        batch.iter().for_each(|(row_id, row)| totals.add(self.table.storage(), *row_id, row));
        self.totals.lock().merge(totals);
        let mut writer = self.table.rows.writer();
        for (row_id, row) in batch.drain(..) {
            self.table.count_installed(row_id, Some(&row), false);
            self.table.reserve_row_id(row_id);
            writer.push(row_id.0, version_of(Some(row), Timestamp(0)));
        }
        Ok(())
    }

    /// Takes memory for the places of rows: that of one whose id is far from all others may take more than there is.
    fn reserve_places(&self, batch: &mut Vec<(RowId, RowBuf)>, on_damage: OnDamage) -> Result<()> {
        let mut writer = self.table.rows.writer();
        let mut far = None;
        batch.retain(|(row_id, _)| {
            let has_place = writer.try_reserve(row_id.0);
            far = far.or_else(|| (!has_place).then_some(*row_id));
            has_place
        });
        match far.filter(|_| on_damage == OnDamage::Refuse) {
            Some(row_id) => {
                let name = &self.schema.name;
                Err(Error::corrupt(format!("row {row_id} of table {name}: there is no memory for so many rows")))
            }
            None => Ok(()),
        }
    }
}

/// Removes what lies outside the tables of the catalog: a change of the schema moved rows to another storage and had no
/// time to remove the old ones, or wrote new ones and did not get as far as its commit.
fn remove_leftovers(store: &dyn RowStore, tables: &[TableState]) -> Result<()> {
    let known: BTreeSet<StorageId> = tables.iter().map(|state| state.table.storage()).collect();
    let mut unknown = BTreeSet::new();
    let [_, first_totals] = storage_keys(StorageId(0));
    store.scan(first_totals.start..row_keys(StorageId(0), RowId(0)..RowId(0)).start, &mut |key, _| {
        unknown.extend(key.totals());
        ControlFlow::Continue(())
    })?;
    // From one known storage to the next, so that no known row is read.
    let mut start = row_keys(StorageId(0), RowId(0)..RowId(0)).start;
    loop {
        let mut found = None;
        store.scan(start..RecordKey::MAX, &mut |key, _| {
            found = key.row().map(|(storage, _)| storage);
            ControlFlow::Break(())
        })?;
        let Some(storage) = found else { break };
        unknown.insert(storage);
        let Some(next) = storage.0.checked_add(1) else { break };
        start = row_keys(StorageId(next), RowId(0)..RowId(0)).start;
    }
    unknown.difference(&known).try_for_each(|storage| {
        clear_storage(store, *storage, |group| store.apply(&group.finish(), Durability::Buffered))
    })
}

/// Removes all records of a storage, some thousands at a time; `apply` writes each group.
pub(crate) fn clear_storage(
    store: &dyn RowStore,
    storage: StorageId,
    mut apply: impl FnMut(GroupWrite) -> Result<()>,
) -> Result<()> {
    for keys in storage_keys(storage) {
        let mut start = keys.start;
        loop {
            let mut group = GroupWrite::default();
            let mut last = start;
            store.scan(start..keys.end, &mut |key, _| {
                group.remove(key);
                last = key;
                if group.record_count() < REMOVALS_PER_GROUP {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
            let is_last = group.record_count() < REMOVALS_PER_GROUP;
            if group.record_count() > 0 {
                apply(group)?;
            }
            if is_last {
                break;
            }
            start = last;
        }
    }
    Ok(())
}

/// Builds all indexes of all tables.
fn build_indexes(tables: &mut [TableState], registry: &Registry) -> Result<()> {
    struct Job<'t> {
        state: &'t TableState,
        schema: &'t IndexSchema,
        index: OnceLock<Arc<Index>>,
    }
    let jobs: Vec<Job<'_>> = tables
        .iter()
        .flat_map(|state| state.schema.indexes.iter().map(move |schema| Job { state, schema, index: OnceLock::new() }))
        .collect();
    in_parallel(&jobs, |job| {
        let index = Index::of_rows(job.schema, job.state, registry, &|| false);
        let index = index.map_err(|error| Error::corrupt(format!("a key that was unique is not: {error}")))?;
        job.index.get_or_init(|| Arc::new(index));
        Ok(())
    })?;
    let mut built = jobs.into_iter().filter_map(|job| job.index.into_inner()).collect::<Vec<_>>().into_iter();
    for state in tables {
        state.indexes = built.by_ref().take(state.schema.indexes.len()).collect();
    }
    Ok(())
}

/// Does all jobs, a few at a time. The first error in order of the jobs is the one that is returned.
fn in_parallel<J: Sync>(jobs: &[J], work: impl Fn(&J) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let run = || {
        loop {
            // Relaxed: only that each number is drawn once matters.
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(position) else { return };
            if let Err(error) = work(job) {
                failures.lock().push((position, error));
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads_for(jobs.len() as u64).min(THREADS_MAX)).map(|_| scope.spawn(run)).collect();
        run();
        drop(others);
    });
    let first = failures.into_inner().into_iter().min_by_key(|(position, _)| *position);
    first.map_or(Ok(()), |(_, error)| Err(error))
}
