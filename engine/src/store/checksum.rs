//! What the rows of a table add up to, kept beside them to tell when some are lost.
//!
//! The sum is over a hash of each row with its id, modulo 2^64, so that it does not depend on the order in which rows
//! are met, and an update adds one hash and takes one away. Two rows that change places change it; so does a row in
//! another table.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::StorageId;
use crate::ids::RowId;
use crate::row::Row;

/// How many rows a table has, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) rows: u64,
    pub(crate) sum: u64,
}

impl Totals {
    /// Counts a row.
    pub(crate) fn add(&mut self, storage: StorageId, row_id: RowId, row: &Row) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(row_hash(storage, row_id, row));
    }

    /// Counts the rows of another part of the same table.
    pub(crate) fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// The hash of a row in its place.
pub(crate) fn row_hash(storage: StorageId, row_id: RowId, row: &Row) -> u64 {
    // Row ids are below 2^44; no two rows of the first million tables have the same seed.
    xxh3_64_with_seed(row.as_bytes(), row_id.0 ^ (u64::from(storage.0) << 44))
}

/// The hash that guards a record of the meta part, or a small file.
pub(crate) fn guard_hash(bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, 0)
}
