//! The bytes of records; `docs/format.md` is the same for readers of files.
//!
//! A key is `[kind: u8][a: u32][b: u64]`, big-endian, so that the rows of a table lie together in order of row id. The
//! records of the meta part end in a hash of what is before it; rows are covered by their table's totals. The catalog is
//! a list of rows, each beginning with a word that says what it is: the one encoding of values serves twice.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::catalog_check::check_catalog;
use super::checksum::{Totals, guard_hash};
use super::{LastCommit, RecordKey, RowStore, StorageId};
use crate::catalog::{Catalog, Column, IndexColumn, IndexMethod, IndexSchema, TableSchema, ViewSchema};
use crate::error::{Error, Result};
use crate::ids::{IndexId, RowId, TableId, Timestamp};
use crate::row::{Row, RowBuf};
use crate::state::State;
use crate::value::{ColumnType, Value};

/// The newest format that this version reads, and the one that it writes.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// The first byte of a stored row: the form of the bytes after it.
const ROW_FORMAT: u8 = 1;

const META: u8 = 0;
const ROWS: u8 = 1;
const HOST: u8 = 2;
const TOTALS: u32 = 2;

/// No database has so many commits; what is counted from there would come to an end.
const TIMESTAMP_LIMIT: Timestamp = Timestamp(1 << 62);

/// The head: format version and the last commit.
pub(crate) const HEAD_KEY: RecordKey = key(META, 0, 0);
/// The catalog.
pub(crate) const CATALOG_KEY: RecordKey = key(META, 1, 0);

const COLUMN_TYPES: [ColumnType; 7] = [
    ColumnType::Integer,
    ColumnType::Real,
    ColumnType::Text,
    ColumnType::Boolean,
    ColumnType::Blob,
    ColumnType::Date,
    ColumnType::Timestamp,
];
const METHODS: [(IndexMethod, &str); 3] =
    [(IndexMethod::Hash, "hash"), (IndexMethod::Tree, "tree"), (IndexMethod::HashAndTree, "hash and tree")];

const fn key(kind: u8, a: u32, b: u64) -> RecordKey {
    let [a0, a1, a2, a3] = a.to_be_bytes();
    let [b0, b1, b2, b3, b4, b5, b6, b7] = b.to_be_bytes();
    RecordKey([kind, a0, a1, a2, a3, b0, b1, b2, b3, b4, b5, b6, b7])
}

/// The key of a row.
pub(crate) fn row_key(storage: StorageId, row_id: RowId) -> RecordKey {
    key(ROWS, storage.0, row_id.0)
}

/// The keys of the rows of a storage.
pub(crate) fn row_keys(storage: StorageId, row_ids: Range<RowId>) -> Range<RecordKey> {
    row_key(storage, row_ids.start)..row_key(storage, row_ids.end)
}

/// The key of what the rows of a storage add up to.
pub(crate) fn totals_key(storage: StorageId) -> RecordKey {
    key(META, TOTALS, u64::from(storage.0))
}

/// The key after that.
pub(crate) fn totals_key_after(storage: StorageId) -> RecordKey {
    key(META, TOTALS, u64::from(storage.0) + 1)
}

impl RecordKey {
    /// The key of a record that is not a database's: the host says what the numbers mean. Keys are in order of them.
    pub fn of_host(space: u32, id: u64) -> Self {
        key(HOST, space, id)
    }

    /// The numbers of a host's key.
    pub fn host(self) -> Option<(u32, u64)> {
        let [kind, a0, a1, a2, a3, b @ ..] = self.0;
        (kind == HOST).then(|| (u32::from_be_bytes([a0, a1, a2, a3]), u64::from_be_bytes(b)))
    }

    /// The storage and the row id, if the record is a row.
    pub(crate) fn row(self) -> Option<(StorageId, RowId)> {
        let [kind, a0, a1, a2, a3, b @ ..] = self.0;
        let storage = StorageId(u32::from_be_bytes([a0, a1, a2, a3]));
        (kind == ROWS).then(|| (storage, RowId(u64::from_be_bytes(b))))
    }

    /// The storage, if the record is its totals.
    pub(crate) fn totals(self) -> Option<StorageId> {
        let [kind, a0, a1, a2, a3, b @ ..] = self.0;
        let is_totals = kind == META && u32::from_be_bytes([a0, a1, a2, a3]) == TOTALS;
        u32::try_from(u64::from_be_bytes(b)).ok().filter(|_| is_totals).map(StorageId)
    }
}

/// Writes a row's record.
pub(crate) fn encode_row(row: &Row, bytes: &mut Vec<u8>) {
    bytes.push(ROW_FORMAT);
    bytes.extend_from_slice(row.as_bytes());
}

/// Reads a row's record; `None` if it is none.
pub(crate) fn decode_row(bytes: &[u8]) -> Option<RowBuf> {
    match bytes {
        [ROW_FORMAT, row @ ..] => Row::from_bytes(row),
        _ => None,
    }
}

pub(crate) fn encode_head(last: LastCommit, bytes: &mut Vec<u8>) {
    guarded(bytes, |bytes| {
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&last.timestamp.0.to_le_bytes());
        bytes.extend_from_slice(&last.sum.to_le_bytes());
    });
}

/// The last commit in a store, and the sum of everything if the head has it.
pub(crate) fn decode_head(bytes: &[u8]) -> Result<(Timestamp, Option<u64>)> {
    let damaged = || Error::corrupt("the head of the store");
    let payload = unguarded(bytes).ok_or_else(damaged)?;
    let (version, rest) = payload.split_first_chunk().ok_or_else(damaged)?;
    check_version(u32::from_le_bytes(*version))?;
    let (timestamp, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
    let sum = match rest {
        [] => None,
        sum => Some(u64::from_le_bytes(sum.try_into().map_err(|_| damaged())?)),
    };
    Ok((Timestamp(u64::from_le_bytes(*timestamp)), sum))
}

/// Refuses a format that a later version of this software made.
pub(crate) fn check_version(found: u32) -> Result<()> {
    match found <= FORMAT_VERSION {
        true => Ok(()),
        false => Err(Error::NewerFormat { found, supported: FORMAT_VERSION }),
    }
}

pub(crate) fn encode_totals(totals: Totals, bytes: &mut Vec<u8>) {
    guarded(bytes, |bytes| {
        bytes.extend_from_slice(&totals.rows.to_le_bytes());
        bytes.extend_from_slice(&totals.sum.to_le_bytes());
    });
}

pub(crate) fn decode_totals(bytes: &[u8]) -> Option<Totals> {
    let (rows, sum) = unguarded(bytes)?.split_first_chunk()?;
    Some(Totals { rows: u64::from_le_bytes(*rows), sum: u64::from_le_bytes(sum.try_into().ok()?) })
}

/// Writes a payload and its hash.
fn guarded(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    write(bytes);
    let hash = guard_hash(&bytes[start..]);
    bytes.extend_from_slice(&hash.to_le_bytes());
}

/// The payload, if its hash is right.
fn unguarded(bytes: &[u8]) -> Option<&[u8]> {
    let (payload, hash) = bytes.split_last_chunk()?;
    (u64::from_le_bytes(*hash) == guard_hash(payload)).then_some(payload)
}

/// What a store says about itself.
#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) timestamp: Timestamp,
    /// What the catalog and all rows add up to, if the head says it.
    pub(crate) sum: Option<u64>,
    pub(crate) catalog: Catalog,
    /// What the catalog adds to that.
    pub(crate) catalog_sum: u64,
    /// Where the rows of each table of the catalog lie.
    pub(crate) storages: Vec<(Arc<TableSchema>, StorageId)>,
}

/// Reads the meta part but for the totals; `None` from a store without a record.
pub(crate) fn load_meta(store: &dyn RowStore) -> Result<Option<Meta>> {
    let mut head = None;
    let mut catalog = None;
    store.scan(RecordKey::MIN..totals_key(StorageId(0)), &mut |key, bytes| {
        match key {
            HEAD_KEY => head = Some(bytes.to_vec()),
            CATALOG_KEY => catalog = Some(bytes.to_vec()),
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    let Some(head) = head else {
        let mut is_empty = true;
        store.scan(RecordKey::MIN..RecordKey::MAX, &mut |_, _| {
            is_empty = false;
            ControlFlow::Break(())
        })?;
        return if is_empty { Ok(None) } else { Err(Error::corrupt("the head of the store is lost")) };
    };
    let (timestamp, sum) = decode_head(&head)?;
    if timestamp >= TIMESTAMP_LIMIT {
        return Err(Error::corrupt(format!("the head of the store is at commit {timestamp}")));
    }
    let bytes = catalog.ok_or_else(|| Error::corrupt("the catalog is lost"))?;
    let decoded = unguarded(&bytes).and_then(decode_catalog);
    let (catalog, storages) = decoded.ok_or_else(|| Error::corrupt("the catalog"))?;
    check_catalog(&catalog, &storages)?;
    Ok(Some(Meta { timestamp, sum, catalog, catalog_sum: guard_hash(&bytes), storages }))
}

/// The catalog as it lies in a store.
#[derive(Debug)]
pub(crate) struct CatalogRecord {
    pub(crate) bytes: Vec<u8>,
    /// Its hash, which is in the sum of everything.
    pub(crate) sum: u64,
}

/// The record of the catalog of a state.
pub(crate) fn catalog_record(state: &State) -> CatalogRecord {
    let mut bytes = Vec::new();
    guarded(&mut bytes, |bytes| encode_catalog(state, bytes));
    CatalogRecord { sum: guard_hash(&bytes), bytes }
}

fn encode_catalog(state: &State, bytes: &mut Vec<u8>) {
    let mut write = |word: &'static str, values: &[Value<'_>]| {
        let mut all = vec![Value::from(word)];
        all.extend(values.iter().map(Value::as_borrowed));
        let row = Row::new(&all);
        let len = u32::try_from(row.byte_len()).expect("a row has at most 4 GiB");
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(row.as_bytes());
    };
    let integer = |number: usize| Value::Integer(number as i64);
    let catalog = &state.catalog;
    let counters = [catalog.next_table, catalog.next_index, catalog.next_storage];
    let mut head = vec![Value::Integer(catalog.version as i64)];
    head.extend(counters.map(|counter| Value::Integer(i64::from(counter))));
    write("catalog", &head);
    for table in state.tables() {
        let schema = &table.schema;
        let (id, storage) = (i64::from(schema.id.0), i64::from(table.table.storage().0));
        write("table", &[Value::Integer(id), Value::Integer(storage), schema.name.as_str().into()]);
        for column in &schema.columns {
            let type_name = column.column_type.name().into();
            let mut values =
                vec![column.name.as_str().into(), type_name, column.not_null.into(), column.default.as_borrowed()];
            values.extend(column.default_sql.as_deref().map(Value::from));
            write("column", &values);
        }
        write("primary key", &schema.primary_key.iter().map(|column| integer(*column)).collect::<Vec<_>>());
        for check in &schema.checks {
            write("check", &[check.as_str().into()]);
        }
        for index in &schema.indexes {
            let method = METHODS.iter().find(|(method, _)| *method == index.method).map_or("", |(_, word)| *word);
            let id = Value::Integer(i64::from(index.id.0));
            write(
                "index",
                &[id, index.name.as_str().into(), method.into(), index.unique.into(), index.constraint.into()],
            );
            for key in &index.columns {
                write("key", &[integer(key.column), key.descending.into()]);
            }
        }
    }
    for view in catalog.views() {
        let mut values = vec![Value::from(view.name.as_str()), Value::from(view.sql.as_str())];
        values.extend(view.columns.iter().map(|column| Value::from(column.as_str())));
        write("view", &values);
    }
}

/// The values of a catalog row, taken one after the other.
struct Fields<'r> {
    row: &'r Row,
    next: usize,
}

impl Fields<'_> {
    fn value(&mut self) -> Option<Value<'static>> {
        let value = (self.next < self.row.column_count()).then(|| self.row.get(self.next).into_owned());
        self.next += 1;
        value
    }

    fn text(&mut self) -> Option<String> {
        match self.value()? {
            Value::Text(text) => Some(text.into_owned()),
            _ => None,
        }
    }

    fn integer<T: TryFrom<i64>>(&mut self) -> Option<T> {
        match self.value()? {
            Value::Integer(integer) => T::try_from(integer).ok(),
            _ => None,
        }
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.value()? {
            Value::Boolean(boolean) => Some(boolean),
            _ => None,
        }
    }

    /// All that are left.
    fn rest<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut all = Vec::new();
        while self.next < self.row.column_count() {
            all.push(read(self)?);
        }
        Some(all)
    }
}

type DecodedCatalog = (Catalog, Vec<(Arc<TableSchema>, StorageId)>);

fn decode_catalog(mut bytes: &[u8]) -> Option<DecodedCatalog> {
    let mut catalog = Catalog::default();
    let mut tables: Vec<(TableSchema, StorageId)> = Vec::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk()?;
        let (row, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        bytes = rest;
        let row = Row::from_bytes(row)?;
        let mut fields = Fields { row: &row, next: 0 };
        match fields.text()?.as_str() {
            "catalog" => {
                catalog.version = fields.integer()?;
                catalog.next_table = fields.integer()?;
                catalog.next_index = fields.integer()?;
                catalog.next_storage = fields.integer()?;
            }
            "table" => tables.push(decode_table(&mut fields)?),
            "view" => {
                let (name, sql) = (fields.text()?, fields.text()?);
                let view = ViewSchema { columns: fields.rest(Fields::text)?, name, sql };
                catalog.views.insert(view.name.to_ascii_lowercase(), Arc::new(view));
            }
            word => decode_part(word, &mut tables.last_mut()?.0, &mut fields)?,
        }
    }
    let storages: Vec<_> = tables.into_iter().map(|(schema, storage)| (Arc::new(schema), storage)).collect();
    for (schema, _) in &storages {
        catalog.tables.insert(schema.name.to_ascii_lowercase(), Arc::clone(schema));
    }
    Some((catalog, storages))
}

fn decode_table(fields: &mut Fields<'_>) -> Option<(TableSchema, StorageId)> {
    let (id, storage) = (TableId(fields.integer()?), StorageId(fields.integer()?));
    let schema = TableSchema {
        id,
        name: fields.text()?,
        columns: Vec::new(),
        primary_key: Vec::new(),
        checks: Vec::new(),
        indexes: Vec::new(),
    };
    Some((schema, storage))
}

/// A part of the table that came last.
fn decode_part(word: &str, schema: &mut TableSchema, fields: &mut Fields<'_>) -> Option<()> {
    match word {
        "column" => {
            let (name, type_name) = (fields.text()?, fields.text()?);
            let column_type = COLUMN_TYPES.into_iter().find(|column_type| column_type.name() == type_name)?;
            let (not_null, default) = (fields.boolean()?, fields.value()?);
            let default_sql = fields.rest(Fields::text)?.pop();
            schema.columns.push(Column { name, column_type, not_null, default, default_sql });
        }
        "primary key" => schema.primary_key = fields.rest(Fields::integer)?,
        "check" => schema.checks.push(fields.text()?),
        "index" => {
            let (id, name, method) = (IndexId(fields.integer()?), fields.text()?, fields.text()?);
            let method = METHODS.into_iter().find(|(_, word)| *word == method)?.0;
            let (unique, constraint) = (fields.boolean()?, fields.boolean()?);
            schema.indexes.push(IndexSchema { id, name, columns: Vec::new(), unique, method, constraint });
        }
        "key" => {
            let key = IndexColumn { column: fields.integer()?, descending: fields.boolean()? };
            schema.indexes.last_mut()?.columns.push(key);
        }
        _ => return None,
    }
    Some(())
}
