//! A storage in a directory: the rows in the store that Manicule's own tables are kept in.
//!
//! ```text
//! (0, 0)              the catalog
//! (rows id, row id)   the key and the values of a row
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use gluesql_core::chrono::NaiveDateTime;
use gluesql_core::data::{CustomFunction, Key, Schema, Value};
use gluesql_core::error::{Error, Result};
use manicule_engine::Timestamp;
use manicule_engine::store::{Durability, FileStore, GroupWrite, OpenOptions, RecordKey, RowStore};
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Index, Table};
use crate::commit::Shared;
use crate::row_key::RowKey;
use crate::rows::{RowsId, TableRows};
use crate::transaction::TableChanges;

/// The only form of the records so far.
const FORMAT: u32 = 1;

/// Where the catalog is.
const CATALOG_PLACE: (RowsId, u64) = (0, 0);

/// Where rows outlive the process.
pub(crate) struct File {
    store: FileStore,
}

/// The catalog on disk.
#[derive(Deserialize, Serialize)]
struct CatalogRecord {
    format: u32,
    tables: Vec<TableRecord>,
    functions: Vec<CustomFunction>,
}

#[derive(Deserialize, Serialize)]
struct TableRecord {
    rows: RowsId,
    created: NaiveDateTime,
    schema: Schema,
}

impl File {
    /// Opens a directory, and loads what it has.
    pub(crate) fn open(path: &Path) -> Result<Shared> {
        let store = FileStore::open(path, &OpenOptions::default()).map_err(io)?;
        let timestamp = store.timestamp().0;
        let catalog = load(&store)?;
        // If it was the process that ended, the operating system may still have the last commits in memory alone.
        store.sync().map_err(io)?;
        if catalog.is_none() && timestamp > 0 {
            return Err(Error::StorageMsg(format!("{} has no tables of GlueSQL", path.display())));
        }
        let mut shared = Shared::new(Some(Self { store }));
        let mut catalog = catalog.unwrap_or_default();
        for table in catalog.tables.values_mut() {
            let mut with_indexes = Table::clone(table);
            for index in &table.schema.indexes {
                let built = Arc::new(Index::build(&shared.indexes, table, index.expr.clone(), timestamp)?);
                shared.know_index(&built);
                with_indexes.indexes.insert(index.name.clone(), built);
            }
            *table = Arc::new(with_indexes);
        }
        shared.load(timestamp, catalog);
        Ok(shared)
    }

    /// Puts a commit on disk.
    pub(crate) fn write(
        &self,
        changes: &BTreeMap<RowsId, TableChanges>,
        (before, after): (&Arc<Catalog>, &Arc<Catalog>),
        timestamp: u64,
    ) -> Result<()> {
        let mut group = GroupWrite::default();
        let is_kept = |rows: RowsId| after.tables.values().any(|table| table.rows.id() == rows);
        if !Arc::ptr_eq(before, after) {
            group.put_record(row_key(CATALOG_PLACE.0, CATALOG_PLACE.1), &encode(&record_of(after))?);
            for dropped in before.tables.values().filter(|table| !is_kept(table.rows.id())) {
                let rows = dropped.rows.scan(None, u64::MAX, usize::MAX);
                rows.iter().for_each(|(_, row_id, _)| group.remove(row_key(dropped.rows.id(), *row_id)));
            }
        }
        for (rows, changes) in changes.iter().filter(|(rows, _)| is_kept(**rows)) {
            for (RowKey(key), change) in &changes.by_key {
                let record = row_key(*rows, change.row_id);
                match &change.values {
                    Some(values) => group.put_record(record, &encode(&(key, &**values))?),
                    None => group.remove(record),
                }
            }
        }
        group.commit_at(Timestamp(timestamp));
        self.store.apply(&group.finish(), Durability::Sync).map_err(io)
    }
}

/// Syncs and gives up the directory. What was acknowledged is there already.
impl Drop for File {
    fn drop(&mut self) {
        let _ = self.store.close();
    }
}

fn load(store: &FileStore) -> Result<Option<Catalog>> {
    let mut tables: BTreeMap<RowsId, Arc<TableRows>> = BTreeMap::new();
    let mut catalog = None;
    let mut outcome = Ok(());
    let keys = RecordKey::of_host(0, 0)..RecordKey::of_host(u32::MAX, u64::MAX);
    let mut read = |place: (u32, u64), bytes: &[u8]| -> Result<()> {
        if place == CATALOG_PLACE {
            let loaded = catalog_of(decode(bytes)?)?;
            tables = loaded.tables.values().map(|table| (table.rows.id(), Arc::clone(&table.rows))).collect();
            catalog = Some(loaded);
            return Ok(());
        }
        let rows = tables.get(&place.0).ok_or_else(|| damaged("a row is of no table"))?;
        let (key, values): (Key, Vec<Value>) = decode(bytes)?;
        rows.load(place.1, key, values.into());
        Ok(())
    };
    let scanned = store.scan(keys, &mut |key, bytes| {
        outcome =
            key.host().map_or_else(|| Err(damaged("a record has a key of another kind")), |place| read(place, bytes));
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    scanned.map_err(io)?;
    outcome.map(|()| catalog)
}

fn record_of(catalog: &Catalog) -> CatalogRecord {
    let table = |table: &Arc<Table>| TableRecord {
        rows: table.rows.id(),
        created: table.created,
        schema: table.schema.clone(),
    };
    CatalogRecord {
        format: FORMAT,
        tables: catalog.tables.values().map(table).collect(),
        functions: catalog.functions.values().cloned().collect(),
    }
}

fn catalog_of(record: CatalogRecord) -> Result<Catalog> {
    if record.format != FORMAT {
        return Err(Error::StorageMsg(format!("form {} of the records is not known", record.format)));
    }
    let table = |TableRecord { rows, created, schema }: TableRecord| {
        let rows = Arc::new(TableRows::new(rows));
        (schema.table_name.clone(), Arc::new(Table { schema, created, rows, indexes: BTreeMap::new() }))
    };
    let functions = record.functions.into_iter().map(|function| (function.func_name.to_uppercase(), function));
    Ok(Catalog { tables: record.tables.into_iter().map(table).collect(), functions: functions.collect() })
}

fn row_key(rows: RowsId, row_id: u64) -> RecordKey {
    RecordKey::of_host(rows, row_id)
}

fn encode(record: &impl Serialize) -> Result<Vec<u8>> {
    postcard::to_stdvec(record).map_err(|error| Error::StorageMsg(format!("a record cannot be written: {error}")))
}

fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(damaged)
}

fn damaged(what: impl fmt::Display) -> Error {
    Error::StorageMsg(format!("the storage is damaged: {what}"))
}

fn io(error: manicule_engine::Error) -> Error {
    Error::StorageMsg(error.to_string())
}
