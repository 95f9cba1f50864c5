//! What all handles share, and how a transaction becomes visible.
//!
//! ```text
//! prepare the index entries     from here on nobody else commits
//! look for conflicts            what this transaction has read or changed is as it was
//! write to the store            acknowledged means synced
//! install versions              nobody sees the timestamp yet
//! commit the index entries      whoever will see a row can find it
//! publish                       the timestamp and the catalog, together; then others may commit
//! ```
//!
//! Vacuum goes the other way: entries first, versions after. So an index has, for each row, entries of versions that are
//! there, and a row with one version need not be asked for its key.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use gluesql_core::error::{Error, Result};
use manicule_index::set::{At, IndexId, IndexSet, IndexTransaction, KeyRef, PrepareError, Prepared, Visibility};
use parking_lot::{Mutex, RwLock};

use crate::catalog::{Catalog, Index, Table};
use crate::file::File;
use crate::row_key::RowKey;
use crate::rows::{RowsId, TableRows};
use crate::transaction::{Open, TableChanges};
use crate::view::View;

/// How many replaced versions are left before a commit vacuums.
const REPLACED_MAX: usize = 4096;

/// A storage, without a transaction.
pub(crate) struct Shared {
    pub(crate) indexes: IndexSet<u64, u64>,
    published: RwLock<Published>,
    known_indexes: RwLock<HashMap<IndexId, Arc<Index>>>,
    next_rows_id: AtomicU32,
    garbage: Mutex<Garbage>,
    file: Option<File>,
    /// Whether a write has failed, after which nobody knows what is on disk.
    has_failed: AtomicBool,
}

/// What a reader that begins now sees.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) timestamp: u64,
    pub(crate) catalog: Arc<Catalog>,
}

/// What goes once nobody reads before a timestamp.
#[derive(Default)]
struct Garbage {
    replaced: VecDeque<(u64, Arc<TableRows>, Vec<u64>)>,
    replaced_count: usize,
    dropped: VecDeque<(u64, IndexId)>,
}

impl Shared {
    pub(crate) fn new(file: Option<File>) -> Self {
        Self {
            indexes: IndexSet::new(),
            published: RwLock::new(Published { timestamp: 0, catalog: Arc::default() }),
            known_indexes: RwLock::default(),
            next_rows_id: AtomicU32::new(1),
            garbage: Mutex::default(),
            file,
            has_failed: AtomicBool::new(false),
        }
    }

    /// Goes on from what a store had.
    pub(crate) fn load(&mut self, timestamp: u64, catalog: Catalog) {
        let used = catalog.tables.values().map(|table| table.rows.id()).max().unwrap_or(0);
        self.next_rows_id = AtomicU32::new(used + 1);
        *self.published.get_mut() = Published { timestamp, catalog: Arc::new(catalog) };
    }

    pub(crate) fn published(&self) -> Published {
        self.published.read().clone()
    }

    /// The newest snapshot.
    pub(crate) fn view(&self) -> View {
        loop {
            let Published { timestamp, catalog } = self.published();
            // A vacuum may have gone on since; then there is a newer one.
            if let Ok(snapshot) = self.indexes.snapshot(timestamp) {
                return View { snapshot: Arc::new(snapshot), catalog };
            }
        }
    }

    pub(crate) fn new_rows_id(&self) -> RowsId {
        // Relaxed: that all differ is all that is asked.
        self.next_rows_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn know_index(&self, index: &Arc<Index>) {
        self.known_indexes.write().insert(index.id, Arc::clone(index));
    }

    /// Takes an index away that no catalog names, or none that anybody sees.
    pub(crate) fn forget_index(&self, index: IndexId) {
        self.indexes.drop_index(index);
        self.known_indexes.write().remove(&index);
    }

    /// Makes the changes of a transaction durable and visible, all or none. The catalog after it.
    ///
    /// # Errors
    /// A conflict, after which the transaction may be run again; or what the store says, after which nothing is
    /// committed any more.
    pub(crate) fn commit(&self, open: Open) -> Result<Arc<Catalog>> {
        if open.is_unchanged() {
            return Ok(open.base);
        }
        let Open { view, base, entries, changes, made, .. } = open;
        let prepared = self.prepare(entries)?;
        let before = self.published();
        check_conflicts((&view, &base), &changes, &before.catalog)?;
        let catalog = merged(&base, &view.catalog, &before.catalog);
        let timestamp = before.timestamp + 1;
        self.write_file(&changes, (&before.catalog, &catalog), timestamp)?;
        let mut garbage = self.garbage.lock();
        for (_, table) in changes {
            let mut replaced = Vec::new();
            table.rows.install(table.by_key, timestamp, &mut replaced);
            garbage.replaced_count += replaced.len();
            if !replaced.is_empty() {
                garbage.replaced.push_back((timestamp, table.rows, replaced));
            }
        }
        let indexes = indexes_of(&before.catalog).chain(made.ids.iter().copied());
        let kept: HashSet<IndexId> = indexes_of(&catalog).collect();
        garbage.dropped.extend(indexes.filter(|index| !kept.contains(index)).map(|index| (timestamp, index)));
        let is_vacuum_due = garbage.replaced_count >= REPLACED_MAX || !garbage.dropped.is_empty();
        drop(garbage);
        let published = Published { timestamp, catalog: Arc::clone(&catalog) };
        prepared.commit_then(timestamp, || *self.published.write() = published);
        made.keep();
        drop((view, base));
        if is_vacuum_due {
            self.vacuum();
        }
        Ok(catalog)
    }

    /// Takes the writers' turn.
    fn prepare(&self, mut entries: IndexTransaction<u64, u64>) -> Result<Prepared<u64, u64>> {
        loop {
            entries = match entries.prepare(self) {
                Ok(prepared) => return Ok(prepared),
                // Its own, or those of tables that it does not write to, or there is a conflict: that is seen next.
                Err(PrepareError::IndexesCreated { transaction, .. }) => *transaction,
                Err(error) => return Err(Error::StorageMsg(error.to_string())),
            };
        }
    }

    fn write_file(
        &self,
        changes: &BTreeMap<RowsId, TableChanges>,
        (before, after): (&Arc<Catalog>, &Arc<Catalog>),
        timestamp: u64,
    ) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        // Relaxed: commits come one after the other.
        if self.has_failed.load(Ordering::Relaxed) {
            return Err(Error::StorageMsg("an earlier write has failed: open the storage anew".to_owned()));
        }
        let written = file.write(changes, (before, after), timestamp);
        self.has_failed.store(written.is_err(), Ordering::Relaxed);
        written
    }

    /// Removes what nobody sees any more.
    pub(crate) fn vacuum(&self) {
        let watermark = self.indexes.watermark(self.published.read().timestamp);
        self.indexes.vacuum(watermark, self);
        let mut garbage = self.garbage.lock();
        while let Some((_, rows, replaced)) = garbage.replaced.pop_front_if(|(since, ..)| *since <= watermark) {
            garbage.replaced_count -= replaced.len();
            rows.prune(replaced.into_iter(), watermark);
        }
        let mut dropped = Vec::new();
        while let Some((_, index)) = garbage.dropped.pop_front_if(|(since, _)| *since <= watermark) {
            dropped.push(index);
        }
        // Without the lock: dropping waits for the writers' turn, and who has that may wait for the lock.
        drop(garbage);
        dropped.into_iter().for_each(|index| self.forget_index(index));
    }
}

impl Visibility<u64, u64> for Shared {
    fn has_key(&self, row_id: u64, at: At<u64>, index: IndexId, key: KeyRef<'_>) -> bool {
        let index_of = self.known_indexes.read().get(&index).cloned();
        index_of.is_some_and(|known| known.has_key(row_id, at, index, key))
    }
}

/// Refuses a transaction that another one, committed since it began, has taken the ground from.
fn check_conflicts(
    (view, base): (&View, &Catalog),
    changes: &BTreeMap<RowsId, TableChanges>,
    now: &Catalog,
) -> Result<()> {
    let (own, since) = (&*view.catalog, view.timestamp());
    let is_newer = |table: &Arc<Table>| table.rows.changed() > since;
    let made = own.tables.keys().filter(|name| !base.tables.contains_key(*name));
    for name in base.tables.keys().chain(made) {
        let (before, after, current) = (base.tables.get(name), own.tables.get(name), now.tables.get(name));
        let is_redefined = !is_same(before, after);
        let has_changes = after.or(before).is_some_and(|table| changes.contains_key(&table.rows.id()));
        if !is_redefined && !has_changes {
            continue;
        }
        if !is_same(before, current) {
            return Err(conflict(name, "was defined anew"));
        }
        if is_redefined && before.is_some_and(is_newer) {
            return Err(conflict(name, "has changed while its definition was"));
        }
        let is_other = |other: &str| !is_same(base.tables.get(other), now.tables.get(other));
        if related(name, after, now).any(is_other) {
            return Err(conflict(name, "refers to a table, or is referred to by one, that was defined anew"));
        }
        let Some(table) = after.filter(|_| has_changes) else { continue };
        let keys =
            changes.get(&table.rows.id()).into_iter().flat_map(|changes| changes.by_key.keys().map(|RowKey(key)| key));
        if table.rows.has_newer(keys, since) || table.has_unique_columns() && is_newer(table) {
            return Err(conflict(name, "has rows that were changed meanwhile"));
        }
        if related(name, after, now).any(|other| now.tables.get(other).is_some_and(is_newer)) {
            return Err(conflict(name, "refers to rows, or is referred to by rows, that were changed meanwhile"));
        }
    }
    let functions = base.functions.keys().chain(own.functions.keys());
    for name in functions {
        let (before, after) = (base.functions.get(name), own.functions.get(name));
        if before != after && before != now.functions.get(name) {
            return Err(Error::StorageMsg(format!("conflict: the function {name} was changed meanwhile")));
        }
    }
    Ok(())
}

/// The tables that GlueSQL reads to check the foreign keys of this one, if it is still there, and those to it.
fn related<'c>(name: &'c str, table: Option<&'c Arc<Table>>, catalog: &'c Catalog) -> impl Iterator<Item = &'c str> {
    let foreign_keys = table.into_iter().flat_map(|table| &table.schema.foreign_keys);
    let referred = foreign_keys.map(|key| key.referenced_table_name.as_str());
    let referring = catalog
        .tables
        .iter()
        .filter(move |(_, other)| other.schema.foreign_keys.iter().any(|key| key.referenced_table_name == name));
    referred.chain(referring.map(|(other, _)| other.as_str()))
}

/// The newest catalog with the changes of a transaction, which are in no conflict with it.
fn merged(base: &Arc<Catalog>, own: &Arc<Catalog>, now: &Arc<Catalog>) -> Arc<Catalog> {
    if Arc::ptr_eq(base, own) {
        return Arc::clone(now);
    }
    let mut merged = Catalog::clone(now);
    for name in base.tables.keys().chain(own.tables.keys()) {
        match (base.tables.get(name), own.tables.get(name)) {
            (before, after) if is_same(before, after) => {}
            (_, Some(table)) => drop(merged.tables.insert(name.clone(), Arc::clone(table))),
            (_, None) => drop(merged.tables.remove(name)),
        }
    }
    for name in base.functions.keys().chain(own.functions.keys()) {
        match (base.functions.get(name), own.functions.get(name)) {
            (before, after) if before == after => {}
            (_, Some(function)) => drop(merged.functions.insert(name.clone(), function.clone())),
            (_, None) => drop(merged.functions.remove(name)),
        }
    }
    Arc::new(merged)
}

fn is_same(left: Option<&Arc<Table>>, right: Option<&Arc<Table>>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => Arc::ptr_eq(left, right),
        (None, None) => true,
        _ => false,
    }
}

fn indexes_of(catalog: &Catalog) -> impl Iterator<Item = IndexId> {
    catalog.tables.values().flat_map(|table| table.indexes.values()).map(|index| index.id)
}

fn conflict(table: &str, what: &str) -> Error {
    Error::StorageMsg(format!("conflict: the table {table} {what}"))
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("timestamp", &self.published.read().timestamp).finish_non_exhaustive()
    }
}
