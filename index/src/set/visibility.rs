//! The one thing that a host has to answer.

use super::definition::IndexId;
use super::key::KeyRef;

/// At which moment a row is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At<T> {
    /// As the snapshot at this timestamp sees it; to a transaction, with the transaction's own changes.
    Snapshot(T),
    /// As the last commit left it, whoever may see that already; of the transaction that is being prepared, nothing.
    Newest,
    /// As any snapshot at this timestamp or a later one sees it, or will. A vacuum asks it about an entry that a commit at
    /// that timestamp or before has removed, so a host that does not look back may say what it says of the newest.
    Since(T),
}

/// What a host knows and an index does not: which rows a snapshot sees, and what keys they have.
///
/// An index entry is a candidate. Whether the row still has the key, or already, or ever had, is the host's to say.
///
/// # Examples
/// A host that keeps the versions of a row with the timestamps of the commits that made them:
///
/// ```
/// use manicule_index::set::{At, IndexId, Key, KeyRef, Visibility};
///
/// struct Version { begin: u64, age: Option<i64> }
/// struct Rows { versions: Vec<Vec<Version>> } // oldest first
///
/// impl Visibility<u64, u64> for Rows {
///     fn has_key(&self, row: u64, at: At<u64>, _index: IndexId, key: KeyRef<'_>) -> bool {
///         let versions = &self.versions[row as usize];
///         let has_key = |version: &Version| version.age.is_some_and(|age| key == Key::word(age));
///         let seen_at = |at| versions.partition_point(|version| version.begin <= at).checked_sub(1);
///         match at {
///             At::Snapshot(at) => seen_at(at).is_some_and(|seen| has_key(&versions[seen])),
///             At::Newest => versions.last().is_some_and(has_key),
///             At::Since(at) => versions[seen_at(at).unwrap_or(0)..].iter().any(has_key),
///         }
///     }
/// }
/// ```
pub trait Visibility<R, T> {
    /// Whether the row, seen at that moment, has exactly this key in the index. A row that is not there has none.
    ///
    /// It is asked while writers wait, and so must not prepare, commit, vacuum, create or drop: it would wait for itself.
    fn has_key(&self, row: R, at: At<T>, index: IndexId, key: KeyRef<'_>) -> bool;
}

impl<R, T, V: Visibility<R, T> + ?Sized> Visibility<R, T> for &V {
    fn has_key(&self, row: R, at: At<T>, index: IndexId, key: KeyRef<'_>) -> bool {
        (**self).has_key(row, at, index, key)
    }
}
