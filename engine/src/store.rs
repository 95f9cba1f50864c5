//! Where committed rows outlive the process: the [`RowStore`] behind a [`Database`](crate::Database) in a directory.
//!
//! Rows are read from memory alone. A store takes *groups* of records, each group whole or not at all, and gives every
//! record back once, when the database is opened; indexes are built anew from the rows. So a store is a sorted map of
//! short keys that can be written in batches, and any embedded key-value store will do.
//!
//! ```text
//! commit ──▶ GroupWrite ──▶ apply ──▶ [ head · catalog · totals of each table · rows ]
//!                                                   │
//! open   ◀── counts and checksums compared ◀── scan ┘
//! ```
//!
//! # Hosts
//!
//! A storage engine with rows of its own may keep them in a store too: its records have the keys of
//! [`RecordKey::of_host`], go there in a [`GroupWrite`] for each commit, and come back from a [`scan`](RowStore::scan). A
//! database and a host do not share a store.
//!
//! # Damage
//!
//! A store may lose records without noticing: a hole in its log ends the replay early, a lost file takes rows with it.
//! Three things outside its own checksums tell. With each group go the totals of the tables that it changed, the count of
//! rows and the sum of a hash of each; what a scan finds must add up to them. The head, which every commit writes, has the
//! sum of all of them and the catalog's, so that no part can be older than the head. And `FileStore` keeps the timestamp of
//! the last durable group in a file beside the store, which the head must have reached. `docs/format.md` says what is
//! left that nobody can tell.
//!
//! # Failure
//!
//! When writing or syncing fails once, nobody knows what is on disk: some systems drop the pages that they could not
//! write and let the next sync succeed. So nothing is tried again. The database refuses further commits, goes on
//! reading, and learns the truth when it is opened anew.

#[cfg(feature = "fjall")]
mod archive;
mod catalog_check;
mod checksum;
#[cfg(any(feature = "fjall", feature = "redb"))]
mod directory;
#[cfg(any(feature = "fjall", feature = "redb"))]
mod file;
#[cfg(feature = "fjall")]
mod fjall;
mod format;
mod kind;
mod memory;
#[cfg(feature = "redb")]
mod redb;

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::time::Duration;

use crate::error::Result;
use crate::ids::{RowId, Timestamp};
use crate::row::Row;

pub(crate) use checksum::{Totals, row_hash};
#[cfg(any(feature = "fjall", feature = "redb"))]
pub use file::FileStore;
pub(crate) use format::{CatalogRecord, catalog_record, decode_row, decode_totals, load_meta};
pub use kind::StoreKind;
pub use memory::MemoryStore;

/// What a commit waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The commit is on disk: it survives the loss of power.
    #[default]
    Sync,
    /// The operating system has the commit: it survives the end of the process, not the loss of power. (redb knows no such
    /// state, and syncs.)
    Buffered,
}

/// What opening does about damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDamage {
    /// Refuse, and name what is damaged.
    #[default]
    Refuse,
    /// Open with the rows that can be read, as the last resort without a backup: rows may be missing, or older than they
    /// were.
    OpenWithout,
}

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Which library keeps the files; `None` for the one that made them, and in a new directory for the
    /// [default](StoreKind::default).
    pub store: Option<StoreKind>,
    /// What a commit waits for.
    pub durability: Durability,
    /// With [`Durability::Buffered`]: how long commits may stay in the operating system's memory.
    pub sync_interval: Duration,
    /// What to do about damage.
    pub on_damage: OnDamage,
    /// How many bytes of its records a store has in memory. fjall gathers so many new ones before it sorts them into a
    /// file, as the database was made with; redb keeps so many of its pages.
    pub write_buffer_bytes: u64,
    /// How many bytes rows, indexes and pending changes may take, as [`Database::set_memory_limit`] sets it once what is
    /// there has been read; `None` for no limit.
    ///
    /// [`Database::set_memory_limit`]: crate::Database::set_memory_limit
    pub memory_bytes_max: Option<usize>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            store: None,
            durability: Durability::default(),
            sync_interval: Duration::from_secs(1),
            on_damage: OnDamage::default(),
            write_buffer_bytes: 64 << 20,
            memory_bytes_max: None,
        }
    }
}

/// A commit, and what everything that it leaves in the store adds up to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastCommit {
    pub(crate) timestamp: Timestamp,
    /// The sum of the hashes of the catalog and of all rows, modulo 2^64; 0 in a store of a host.
    pub(crate) sum: u64,
}

/// The place in a store where the rows of one table lie. A table whose rows are written in another form moves to a new
/// one, so that the old rows are there until the new ones are whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StorageId(pub(crate) u32);

/// The key of a record: thirteen bytes, compared as bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey([u8; RECORD_KEY_BYTES]);

/// How long the key of a record is.
pub(crate) const RECORD_KEY_BYTES: usize = 13;

impl RecordKey {
    /// The least key.
    pub const MIN: Self = Self([0; RECORD_KEY_BYTES]);
    /// A key that is greater than every record's.
    pub const MAX: Self = Self([0xff; RECORD_KEY_BYTES]);

    /// The bytes of the key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key of these bytes, or `None` if they are not as many as a key has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a scan calls with each record: its key and its value.
pub type Visit<'v> = &'v mut dyn FnMut(RecordKey, &[u8]) -> ControlFlow<()>;

/// Keeps records. All that a database asks of its disk.
///
/// One thread at a time calls [`apply`](Self::apply), [`sync`](Self::sync) and [`close`](Self::close); others may
/// [`scan`](Self::scan) meanwhile, records that nobody is writing. After an error of `apply` or `sync` nothing but
/// `close` is called.
pub trait RowStore: Send + Sync + fmt::Debug {
    /// Writes all records of a group, or, should the process or the machine end, none of them; groups that were applied
    /// before are never lost without this one. With [`Durability::Sync`] they are all on disk on return.
    ///
    /// # Errors
    ///
    /// Whatever the disk says. What is there then is unknown until the store is opened again.
    fn apply(&self, group: &GroupWrite, durability: Durability) -> Result<()>;

    /// Puts all groups that were applied on disk.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    fn sync(&self) -> Result<()>;

    /// Visits the records with keys in the range, in order of key.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io), and [`Error::Corrupt`](crate::Error::Corrupt) if what is there is not what was
    /// written.
    fn scan(&self, keys: Range<RecordKey>, visit: Visit<'_>) -> Result<()>;

    /// Syncs, unless an error came before, and gives up the files. Later calls find the store closed and do nothing.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    fn close(&self) -> Result<()>;
}

/// Records that are written together: the changes of one commit, or of several that share a sync.
#[derive(Clone, Debug, Default)]
pub struct GroupWrite {
    last: Option<LastCommit>,
    /// How many groups were appended; more than one may write a key twice.
    parts: usize,
    bytes: Vec<u8>,
    records: Vec<Record>,
}

/// A record: its value in the bytes of the group, or nothing if the key is removed.
#[derive(Clone, Debug)]
struct Record {
    key: RecordKey,
    value: Option<Range<usize>>,
}

impl GroupWrite {
    /// The last commit of the group; `None` if it changes nothing that can be seen.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.last.map(|last| last.timestamp)
    }

    /// The records, each key once: its new value, or `None` if it is to be removed.
    pub fn records(&self) -> impl ExactSizeIterator<Item = (RecordKey, Option<&[u8]>)> {
        self.records.iter().map(|record| (record.key, record.value.clone().map(|range| &self.bytes[range])))
    }

    /// Puts a record in place of the one before, if there is one. The bytes are the host's own.
    pub fn put_record(&mut self, key: RecordKey, value: &[u8]) {
        self.put(key, |bytes| bytes.extend_from_slice(value));
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_none() && self.records.is_empty()
    }

    pub(crate) fn record_count(&self) -> usize {
        self.records.len()
    }

    /// Puts a row in place of the one before, if there is one.
    pub(crate) fn put_row(&mut self, storage: StorageId, row_id: RowId, row: &Row) {
        self.put(format::row_key(storage, row_id), |bytes| format::encode_row(row, bytes));
    }

    /// Removes a row.
    pub(crate) fn remove_row(&mut self, storage: StorageId, row_id: RowId) {
        self.remove(format::row_key(storage, row_id));
    }

    /// Says what the rows of a table add up to after this group.
    pub(crate) fn put_totals(&mut self, storage: StorageId, totals: Totals) {
        self.put(format::totals_key(storage), |bytes| format::encode_totals(totals, bytes));
    }

    /// Replaces the catalog by an encoded one.
    pub(crate) fn put_catalog(&mut self, catalog: &CatalogRecord) {
        self.put(format::CATALOG_KEY, |bytes| bytes.extend_from_slice(&catalog.bytes));
    }

    /// Makes the group that of a commit; the last thing before it is [finished](Self::finish).
    pub fn commit_at(&mut self, timestamp: Timestamp) {
        self.commit_with(LastCommit { timestamp, sum: 0 });
    }

    /// The same of a database, with what everything adds up to then.
    pub(crate) fn commit_with(&mut self, last: LastCommit) {
        self.last = Some(last);
        self.parts = 1;
    }

    /// Takes the records of a later group in.
    pub(crate) fn append(&mut self, later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&later.bytes);
        self.records.extend(later.records.into_iter().map(|record| Record {
            key: record.key,
            value: record.value.map(|range| range.start + offset..range.end + offset),
        }));
        self.last = later.last.or(self.last);
        self.parts += later.parts;
    }

    /// Makes the group ready to be applied: each key once, the last value of it, and the head of the whole group.
    #[must_use]
    pub fn finish(mut self) -> Self {
        if let Some(last) = self.last {
            self.put(format::HEAD_KEY, |bytes| format::encode_head(last, bytes));
        }
        if self.parts > 1 {
            // The sort is stable, so the last of a run of equal keys is the newest; it is moved to the run's front.
            self.records.sort_by_key(|record| record.key);
            self.records.reverse();
            self.records.dedup_by_key(|record| record.key);
            self.records.reverse();
        }
        self
    }

    /// Removes a record of any kind.
    pub fn remove(&mut self, key: RecordKey) {
        self.records.push(Record { key, value: None });
    }

    fn put(&mut self, key: RecordKey, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.records.push(Record { key, value: Some(start..self.bytes.len()) });
    }
}

/// The keys of all records of a storage: its rows and its totals.
pub(crate) fn storage_keys(storage: StorageId) -> [Range<RecordKey>; 2] {
    let totals = format::totals_key(storage);
    [format::row_keys(storage, RowId(0)..RowId(u64::MAX)), totals..format::totals_key_after(storage)]
}

/// The keys of the rows of a storage with ids in a range.
pub(crate) fn row_keys(storage: StorageId, row_ids: Range<RowId>) -> Range<RecordKey> {
    format::row_keys(storage, row_ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn group_of_several_commits_has_each_key_once_with_its_last_value() {
        let row = |value: i64| Row::new(&[Value::Integer(value)]);
        let mut group = GroupWrite::default();
        for commit in 1..=3 {
            let mut one = GroupWrite::default();
            one.put_row(StorageId(1), RowId(7), &row(commit));
            one.put_row(StorageId(1), RowId(commit as u64 + 10), &row(commit));
            if commit == 3 {
                one.remove_row(StorageId(1), RowId(11));
            }
            one.commit_at(Timestamp(commit as u64));
            group.append(one);
        }
        let group = group.finish();
        let rows: Vec<(RecordKey, Option<crate::row::RowBuf>)> =
            group.records().skip(1).map(|(key, value)| (key, value.map(|value| decode_row(value).unwrap()))).collect();
        let key = |row_id| format::row_key(StorageId(1), RowId(row_id));
        assert_eq!(group.timestamp(), Some(Timestamp(3)));
        assert_eq!(group.records().next().unwrap().0, format::HEAD_KEY);
        assert_eq!(rows, [(key(7), Some(row(3))), (key(11), None), (key(12), Some(row(2))), (key(13), Some(row(3)))]);
    }
}
