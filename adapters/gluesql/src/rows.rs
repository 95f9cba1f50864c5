//! The rows of one table: for each key its versions, oldest first.
//!
//! A row id stands for a key as long as somebody may see a version of it, and is never used again. Versions are put in
//! place by one commit at a time, before readers may see its timestamp, and go once nobody reads before the next one.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use ahash::RandomState;
use gluesql_core::data::{Key, Value};
use manicule_index::set::At;
use parking_lot::RwLock;
use ref_cast::RefCast;
use smallvec::{SmallVec, smallvec};

use crate::row_key::RowKey;

/// The values of a row.
pub(crate) type Row = Arc<[Value]>;

/// The place of a table's rows, in memory and in the store. A table whose rows get another form moves to a new one.
pub(crate) type RowsId = u32;

/// A map from row ids.
pub(crate) type ByRowId<T> = HashMap<u64, T, RandomState>;

/// The rows of a table.
pub(crate) struct TableRows {
    id: RowsId,
    /// The key of the next row that comes without one.
    next_key: AtomicI64,
    next_row_id: AtomicU64,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    row_ids: BTreeMap<RowKey, u64>,
    rows: ByRowId<Versions>,
    /// The last commit that changed a row.
    changed: u64,
}

impl State {
    /// The row id of a key. One behind all others, as a new row often has, costs one comparison.
    fn row_id(&self, key: &Key) -> Option<u64> {
        let key = RowKey::ref_cast(key);
        let (last, _) = self.row_ids.last_key_value()?;
        if key > last { None } else { self.row_ids.get(key).copied() }
    }
}

struct Versions {
    key: Key,
    /// Oldest first; never empty.
    versions: SmallVec<[Version; 1]>,
}

/// One stored state of a row; a tombstone has no values.
struct Version {
    begin: u64,
    values: Option<Row>,
}

impl Versions {
    /// What a snapshot sees.
    fn at(&self, timestamp: u64) -> Option<&Version> {
        self.versions.iter().rfind(|version| version.begin <= timestamp)
    }
}

/// A change of a row: its new values, or none if it is deleted.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) row_id: u64,
    pub(crate) values: Option<Row>,
}

impl TableRows {
    pub(crate) fn new(id: RowsId) -> Self {
        Self { id, next_key: AtomicI64::new(1), next_row_id: AtomicU64::new(1), state: RwLock::default() }
    }

    /// A new place for the rows of a table, without rows; it goes on with the keys.
    pub(crate) fn successor(&self, id: RowsId) -> Self {
        Self { next_key: AtomicI64::new(self.next_key.load(Ordering::Relaxed)), ..Self::new(id) }
    }

    pub(crate) fn id(&self) -> RowsId {
        self.id
    }

    /// A key that no row has had.
    pub(crate) fn new_key(&self) -> Key {
        // Relaxed: that all numbers differ is all that is asked.
        Key::I64(self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// The row id of a key, or a new one, and the row as a snapshot sees it.
    pub(crate) fn find(&self, key: &Key, timestamp: u64) -> (u64, Option<Row>) {
        let state = self.state.read();
        let Some(row_id) = state.row_id(key) else {
            // Relaxed, as above.
            return (self.next_row_id.fetch_add(1, Ordering::Relaxed), None);
        };
        let version = state.rows.get(&row_id).and_then(|versions| versions.at(timestamp));
        (row_id, version.and_then(|version| version.values.clone()))
    }

    /// A row as a snapshot sees it.
    pub(crate) fn get(&self, key: &Key, timestamp: u64) -> Option<Row> {
        let state = self.state.read();
        let versions = state.rows.get(&state.row_id(key)?)?;
        versions.at(timestamp)?.values.clone()
    }

    /// Rows by their ids, as a snapshot sees them; those that it does not see are left out.
    pub(crate) fn get_many(&self, row_ids: &[u64], timestamp: u64) -> Vec<(Key, Row)> {
        let state = self.state.read();
        let row = |row_id: &u64| {
            let versions = state.rows.get(row_id)?;
            Some((versions.key.clone(), versions.at(timestamp)?.values.clone()?))
        };
        row_ids.iter().filter_map(row).collect()
    }

    /// Up to `limit` rows after a key, as a snapshot sees them, in order of key.
    pub(crate) fn scan(&self, after: Option<&Key>, timestamp: u64, limit: usize) -> Vec<(Key, u64, Row)> {
        let state = self.state.read();
        let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded(RowKey::ref_cast(after)));
        let row = |(RowKey(key), row_id): (&RowKey, &u64)| {
            Some((key.clone(), *row_id, state.rows.get(row_id)?.at(timestamp)?.values.clone()?))
        };
        state.row_ids.range((start, Bound::Unbounded)).filter_map(row).take(limit).collect()
    }

    /// Whether a row has, at that moment, values that `has_key` says yes to. `has_key` is only asked where the index may
    /// have entries of other versions: they go before the versions do, so a row with one version has those of this one.
    pub(crate) fn has_key(&self, row_id: u64, at: At<u64>, has_key: impl Fn(&[Value]) -> bool) -> bool {
        let state = self.state.read();
        let Some(Versions { versions, .. }) = state.rows.get(&row_id) else { return false };
        let has_key = |version: &Version| version.values.as_deref().is_some_and(&has_key);
        match at {
            At::Snapshot(timestamp) => match &versions[..] {
                [only] => only.begin <= timestamp && only.values.is_some(),
                _ => versions.iter().rfind(|version| version.begin <= timestamp).is_some_and(has_key),
            },
            At::Newest => versions.last().is_some_and(has_key),
            At::Since(timestamp) => {
                let seen = versions.iter().rposition(|version| version.begin <= timestamp).unwrap_or(0);
                versions[seen..].iter().any(has_key)
            }
        }
    }

    /// The last commit that changed a row.
    pub(crate) fn changed(&self) -> u64 {
        self.state.read().changed
    }

    /// Whether a commit after the timestamp has changed one of the rows.
    pub(crate) fn has_newer<'k>(&self, keys: impl Iterator<Item = &'k Key>, timestamp: u64) -> bool {
        let state = self.state.read();
        if state.changed <= timestamp {
            return false;
        }
        let newest = |key| state.rows.get(&state.row_id(key)?)?.versions.last();
        keys.into_iter().filter_map(newest).any(|version| version.begin > timestamp)
    }

    /// Puts the versions of a commit in place. Those with a version before are appended to `replaced`.
    pub(crate) fn install(&self, changes: BTreeMap<RowKey, Change>, timestamp: u64, replaced: &mut Vec<u64>) {
        let State { row_ids, rows, changed } = &mut *self.state.write();
        *changed = timestamp;
        for (key, Change { row_id, values }) in changes {
            let version = Version { begin: timestamp, values };
            match rows.entry(row_id) {
                Entry::Occupied(mut row) => {
                    row.get_mut().versions.push(version);
                    replaced.push(row_id);
                }
                Entry::Vacant(row) if version.values.is_some() => {
                    row_ids.insert(key.clone(), row_id);
                    row.insert(Versions { key: key.0, versions: smallvec![version] });
                }
                Entry::Vacant(_) => {}
            }
        }
    }

    /// Puts a row from the store in place.
    pub(crate) fn load(&self, row_id: u64, key: Key, values: Row) {
        if let Key::I64(number) = key {
            self.next_key.fetch_max(number.saturating_add(1), Ordering::Relaxed);
        }
        self.next_row_id.fetch_max(row_id + 1, Ordering::Relaxed);
        let mut state = self.state.write();
        state.row_ids.insert(RowKey(key.clone()), row_id);
        state.rows.insert(row_id, Versions { key, versions: smallvec![Version { begin: 0, values: Some(values) }] });
    }

    /// Removes versions of a row that nobody sees who reads at the watermark or later.
    pub(crate) fn prune(&self, row_ids: impl Iterator<Item = u64>, watermark: u64) {
        let mut state = self.state.write();
        for row_id in row_ids {
            let Some(row) = state.rows.get_mut(&row_id) else { continue };
            let seen = row.versions.iter().rposition(|version| version.begin <= watermark).unwrap_or(0);
            row.versions.drain(..seen);
            if let [Version { begin, values: None }] = row.versions[..]
                && begin <= watermark
            {
                let key = row.key.clone();
                state.rows.remove(&row_id);
                state.row_ids.remove(RowKey::ref_cast(&key));
            }
        }
    }

    /// How many versions there are.
    pub(crate) fn version_count(&self) -> usize {
        self.state.read().rows.values().map(|row| row.versions.len()).sum()
    }
}

impl fmt::Debug for TableRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableRows").field("id", &self.id).finish_non_exhaustive()
    }
}
