//! A host in a few lines: versions of rows by timestamp, as the set's tests need it.
#![allow(clippy::unwrap_used, dead_code, reason = "a test fails by panicking, and not every test uses all of it")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use manicule_index::set::{
    At, IndexDefinition, IndexId, IndexSet, IndexTransaction, Key, KeyBytes, KeyForm, KeyRef, PrepareError, Repeats,
    RowId, Structure, UniqueViolation, Visibility,
};
use manicule_index::{ColumnOrder, KeyEncoder};

/// A small generator with a printed seed (xorshift64*).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }

    pub(crate) fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// A row: two integers and a text, NULL now and then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) number: Option<i64>,
    pub(crate) group: Option<i64>,
    pub(crate) name: Option<String>,
}

/// What an index is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    Number,
    Group,
    NameAndNumber,
    Name,
}

/// One of the host's indexes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    pub(crate) columns: Columns,
    pub(crate) definition: IndexDefinition,
}

pub(crate) const DECLARED: [Declared; 6] = [
    declare(Columns::Number, true, KeyForm::Words, Structure::HashAndTree),
    declare(Columns::Number, true, KeyForm::Words, Structure::Tree),
    declare(Columns::Group, false, KeyForm::Words, Structure::Tree),
    declare(Columns::Group, false, KeyForm::Words, Structure::Hash),
    declare(Columns::NameAndNumber, true, KeyForm::Bytes, Structure::HashAndTree),
    declare(Columns::Name, false, KeyForm::Bytes, Structure::Tree),
];

const fn declare(columns: Columns, unique: bool, keys: KeyForm, structure: Structure) -> Declared {
    Declared { columns, definition: IndexDefinition { unique, keys, structure } }
}

impl Columns {
    pub(crate) fn key(self, row: &Row) -> Key {
        match self {
            Self::Number => row.number.map_or(Key::Null, Key::word),
            Self::Group => row.group.map_or(Key::Null, Key::word),
            Self::Name => {
                let mut bytes = KeyBytes::new();
                push_text(&mut bytes, row.name.as_deref());
                Key::Bytes(bytes, repeats(row.name.is_none()))
            }
            Self::NameAndNumber => {
                let mut bytes = KeyBytes::new();
                push_text(&mut bytes, row.name.as_deref());
                match row.number {
                    Some(number) => KeyEncoder::new(&mut bytes).push_i64(number, ColumnOrder::ASCENDING),
                    None => KeyEncoder::new(&mut bytes).push_null(ColumnOrder::ASCENDING),
                }
                Key::Bytes(bytes, repeats(row.name.is_none() || row.number.is_none()))
            }
        }
    }
}

fn repeats(has_null: bool) -> Repeats {
    if has_null { Repeats::Yes } else { Repeats::No }
}

fn push_text(bytes: &mut KeyBytes, text: Option<&str>) {
    let mut encoder = KeyEncoder::new(bytes);
    match text {
        Some(text) => encoder.push_bytes(text.as_bytes(), ColumnOrder::ASCENDING),
        None => encoder.push_null(ColumnOrder::ASCENDING),
    }
}

/// Versions of one row, oldest first.
type Versions = Vec<(u64, Option<Row>)>;

/// The host: rows with timestamps, and an index set over them.
pub(crate) struct Host<R: RowId> {
    pub(crate) set: IndexSet<R, u64>,
    pub(crate) rows: RwLock<BTreeMap<R, Versions>>,
    pub(crate) visible: AtomicU64,
    /// What each index is over.
    pub(crate) indexes: RwLock<BTreeMap<IndexId, Declared>>,
}

/// What a transaction of the host has changed.
pub(crate) type Changes<R> = BTreeMap<R, Option<Row>>;

impl<R: RowId> Visibility<R, u64> for Host<R> {
    fn has_key(&self, row: R, at: At<u64>, index: IndexId, key: KeyRef<'_>) -> bool {
        let columns = self.indexes.read().unwrap()[&index].columns;
        let rows = self.rows.read().unwrap();
        let Some(versions) = rows.get(&row) else { return false };
        let has_key = |row: &Option<Row>| row.as_ref().is_some_and(|row| key == columns.key(row));
        let seen_at = |at: u64| versions.partition_point(|(begin, _)| *begin <= at).checked_sub(1);
        match at {
            At::Snapshot(at) => seen_at(at).is_some_and(|seen| has_key(&versions[seen].1)),
            At::Newest => versions.last().is_some_and(|(_, row)| has_key(row)),
            At::Since(at) => versions[seen_at(at).unwrap_or(0)..].iter().any(|(_, row)| has_key(row)),
        }
    }
}

/// The host as one of its transactions sees it.
pub(crate) struct Overlay<'h, R: RowId> {
    pub(crate) host: &'h Host<R>,
    pub(crate) changes: &'h Changes<R>,
}

impl<R: RowId> Visibility<R, u64> for Overlay<'_, R> {
    fn has_key(&self, row: R, at: At<u64>, index: IndexId, key: KeyRef<'_>) -> bool {
        match self.changes.get(&row) {
            Some(changed) => {
                let columns = self.host.indexes.read().unwrap()[&index].columns;
                changed.as_ref().is_some_and(|row| key == columns.key(row))
            }
            None => self.host.has_key(row, at, index, key),
        }
    }
}

impl<R: RowId + Debug> Host<R> {
    /// A host with these indexes, still without rows.
    pub(crate) fn new(declared: &[Declared]) -> Self {
        let host = Self {
            set: IndexSet::new(),
            rows: RwLock::default(),
            visible: AtomicU64::new(0),
            indexes: RwLock::default(),
        };
        for declared in declared {
            let builder = host.set.create_index(declared.definition);
            host.indexes.write().unwrap().insert(builder.id(), *declared);
            builder.finish(0, &host).unwrap();
        }
        host
    }

    pub(crate) fn now(&self) -> u64 {
        self.visible.load(Ordering::Acquire)
    }

    pub(crate) fn index_ids(&self) -> Vec<(IndexId, Declared)> {
        self.indexes.read().unwrap().iter().map(|(index, declared)| (*index, *declared)).collect()
    }

    /// The rows that a snapshot sees.
    pub(crate) fn rows_at(&self, at: u64) -> BTreeMap<R, Row> {
        let rows = self.rows.read().unwrap();
        let seen = |versions: &Versions| versions.iter().rfind(|(begin, _)| *begin <= at)?.1.clone();
        rows.iter().filter_map(|(row_id, versions)| Some((*row_id, seen(versions)?))).collect()
    }

    /// Notes what becomes of a row, in all indexes.
    pub(crate) fn write(
        &self,
        transaction: &mut IndexTransaction<R, u64>,
        changes: &mut Changes<R>,
        at: u64,
        row: (R, Option<Row>),
    ) {
        let (row_id, new) = row;
        let old = changes.get(&row_id).cloned().unwrap_or_else(|| self.rows_at(at).get(&row_id).cloned());
        for (index, declared) in self.index_ids() {
            note(transaction, (index, declared), row_id, (old.as_ref(), new.as_ref()));
        }
        changes.insert(row_id, new);
    }

    /// Notes the changes of a transaction in indexes that were made since it began.
    fn catch_up(
        &self,
        mut transaction: IndexTransaction<R, u64>,
        created: &[IndexId],
        changes: &Changes<R>,
    ) -> IndexTransaction<R, u64> {
        let before = self.rows_at(self.now());
        for index in self.index_ids().into_iter().filter(|(index, _)| created.contains(index)) {
            for (row_id, new) in changes {
                note(&mut transaction, index, *row_id, (before.get(row_id), new.as_ref()));
            }
        }
        transaction
    }

    /// Commits as a host does, entries of indexes that were made meanwhile among them; the transaction's snapshot is the
    /// newest, because one at a time writes.
    pub(crate) fn commit(
        &self,
        mut transaction: IndexTransaction<R, u64>,
        changes: &Changes<R>,
    ) -> Result<u64, UniqueViolation> {
        let prepared = loop {
            transaction = match transaction.prepare(self) {
                Ok(prepared) => break prepared,
                Err(PrepareError::UniqueViolation(violation)) => return Err(violation),
                Err(PrepareError::IndexesCreated { transaction, created }) => {
                    self.catch_up(*transaction, &created, changes)
                }
                Err(other) => panic!("{other}"),
            };
        };
        let timestamp = self.now() + 1;
        for (row_id, row) in changes {
            self.rows.write().unwrap().entry(*row_id).or_default().push((timestamp, row.clone()));
        }
        prepared.commit_and(timestamp, || self.visible.store(timestamp, Ordering::Release));
        Ok(timestamp)
    }
}

fn note<R: RowId>(
    transaction: &mut IndexTransaction<R, u64>,
    (index, declared): (IndexId, Declared),
    row_id: R,
    states: (Option<&Row>, Option<&Row>),
) {
    match states {
        (Some(old), Some(new)) => {
            transaction.update(index, row_id, declared.columns.key(old), declared.columns.key(new));
        }
        (Some(old), None) => transaction.remove(index, declared.columns.key(old), row_id),
        (None, Some(new)) => transaction.insert(index, declared.columns.key(new), row_id),
        (None, None) => {}
    }
}
