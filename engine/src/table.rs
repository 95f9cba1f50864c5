//! The rows of a table: a chain of versions for each row id.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use manicule_index::ChainArray;

use crate::all_visible::AllVisible;
use crate::catalog::TableSchema;
use crate::ids::{RowId, Timestamp};
use crate::numbering::Numbering;
use crate::row::Row;
use crate::store::{StorageId, Totals, row_hash};
use crate::version::bytes_taken;

/// The rows of a table. Only the commit changes them.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) rows: ChainArray<Timestamp>,
    /// Since when each row has one version alone.
    pub(crate) all_visible: AllVisible,
    /// What the rows' numbers are.
    pub(crate) numbering: Numbering,
    /// Where the rows lie in the store, if there is one.
    storage: StorageId,
    next_row_id: AtomicU64,
    /// The greatest number that a row has, has had or was given since the table is in memory; at least 0.
    greatest_number: AtomicI64,
    /// The newest commit that changed a row.
    last_commit: AtomicU64,
    /// Rows whose newest version is no tombstone.
    live_rows: AtomicI64,
    /// Versions in all chains.
    versions: AtomicI64,
    /// Bytes that they take.
    version_bytes: AtomicI64,
    /// The sum of the hashes of the newest versions' rows; kept only with a store.
    checksum: AtomicU64,
}

// All counters are relaxed: they are independent numbers, and nothing is read through them.
impl Table {
    /// A table without rows.
    pub(crate) fn new(schema: &TableSchema, storage: StorageId) -> Self {
        Self {
            rows: ChainArray::new(),
            all_visible: AllVisible::new(),
            numbering: Numbering::new(schema.number()),
            storage,
            next_row_id: AtomicU64::new(0),
            greatest_number: AtomicI64::new(0),
            last_commit: AtomicU64::new(0),
            live_rows: AtomicI64::new(0),
            versions: AtomicI64::new(0),
            version_bytes: AtomicI64::new(0),
            checksum: AtomicU64::new(0),
        }
    }

    /// Where the rows lie in the store.
    pub(crate) fn storage(&self) -> StorageId {
        self.storage
    }

    /// Takes a row id that the table had in an earlier life.
    pub(crate) fn reserve_row_id(&self, row_id: RowId) {
        self.next_row_id.fetch_max(row_id.0 + 1, Ordering::Relaxed);
    }

    /// A row id that nobody has had.
    pub(crate) fn allocate_row_id(&self) -> RowId {
        RowId(self.next_row_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Notes the number of a row, so that no other is given it.
    #[inline]
    pub(crate) fn note_number(&self, row: &Row) {
        let number = self.numbering.number_of(row).unwrap_or(0);
        if number > self.greatest_number.load(Ordering::Relaxed) {
            self.greatest_number.fetch_max(number, Ordering::Relaxed);
        }
    }

    /// A number greater than all that were noted or given before, and than `after`; `None` if there is none left.
    pub(crate) fn allocate_number(&self, after: i64) -> Option<i64> {
        let next = |greatest: i64| greatest.max(after).checked_add(1);
        let before = self.greatest_number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        next(before)
    }

    /// Notes that a commit is about to change rows. The caller holds the commit lock.
    pub(crate) fn note_commit(&self, timestamp: Timestamp) {
        self.all_visible.begin_change();
        self.last_commit.store(timestamp.0, Ordering::Relaxed);
    }

    /// Notes that the changes of a commit or a vacuum are in place, in all indexes too. The caller holds the commit lock.
    pub(crate) fn note_installed(&self) {
        // There is one version for each row whose newest version is no tombstone, so there is nothing else.
        if self.versions() == self.live_rows() {
            self.all_visible.end_change(self.last_commit());
        }
    }

    /// The newest commit that changed a row, to somebody who holds the commit lock.
    pub(crate) fn last_commit(&self) -> Timestamp {
        Timestamp(self.last_commit.load(Ordering::Relaxed))
    }

    /// Counts a version that is installed over one with a row (`replaced`) or without, before it is visible.
    pub(crate) fn count_installed(&self, row_id: RowId, row: Option<&Row>, replaced: bool) {
        row.iter().for_each(|row| {
            self.numbering.note(row_id, row);
            self.note_number(row);
        });
        self.live_rows.fetch_add(i64::from(row.is_some()) - i64::from(replaced), Ordering::Relaxed);
        self.versions.fetch_add(1, Ordering::Relaxed);
        self.version_bytes.fetch_add(bytes_taken(row) as i64, Ordering::Relaxed);
    }

    /// Takes the change of a row into the sum of hashes.
    pub(crate) fn hash_installed(&self, row_id: RowId, row: Option<&Row>, before: Option<&Row>) {
        let hash = |row: Option<&Row>| row.map_or(0, |row| row_hash(self.storage, row_id, row));
        self.checksum.fetch_add(hash(row).wrapping_sub(hash(before)), Ordering::Relaxed);
    }

    /// Says what the hashes of the rows add up to.
    pub(crate) fn set_checksum(&self, sum: u64) {
        self.checksum.store(sum, Ordering::Relaxed);
    }

    /// What the newest versions add up to, in flight or visible.
    pub(crate) fn totals(&self) -> Totals {
        Totals { rows: self.live_rows(), sum: self.checksum.load(Ordering::Relaxed) }
    }

    /// Counts a version that was unlinked.
    pub(crate) fn count_unlinked(&self, row: Option<&Row>) {
        self.versions.fetch_sub(1, Ordering::Relaxed);
        self.version_bytes.fetch_sub(bytes_taken(row) as i64, Ordering::Relaxed);
    }

    /// About how many rows there are.
    pub(crate) fn live_rows(&self) -> u64 {
        u64::try_from(self.live_rows.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// How many versions there are.
    pub(crate) fn versions(&self) -> u64 {
        u64::try_from(self.versions.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Bytes of slots, versions and rows.
    pub(crate) fn memory_usage(&self) -> usize {
        let versions = usize::try_from(self.version_bytes.load(Ordering::Relaxed)).unwrap_or(0);
        self.rows.memory_usage() + self.numbering.memory_usage() + versions
    }
}
