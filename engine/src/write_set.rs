//! A transaction's pending changes: private until the commit installs them.
//!
//! Nothing uncommitted enters a chain or an index, so rolling back is dropping the write set, and going back to a
//! savepoint is undoing the newest entries of it.

mod ordered;
mod passed;
mod table_writes;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use ahash::RandomState;
use smallvec::SmallVec;

use crate::ids::{IndexId, RowId, TableId};
use crate::index::Index;
use crate::key::{Key, KeySpan};
use crate::range::Direction;
use crate::row::{Row, RowBuf};
use crate::state::{State, TableState};
use crate::version::bytes_taken;

pub(crate) use ordered::OrderedKeys;
pub(crate) use passed::InVain;
use passed::Passed;
pub(crate) use table_writes::TableWrites;

/// What a change takes besides its row: its places in the write set, or its version and its entries when it is installed.
const BYTES_PER_CHANGE: usize = 128;

/// The changes of a transaction.
#[derive(Debug, Default)]
pub(crate) struct WriteSet {
    /// In order of table; most transactions write to one.
    tables: SmallVec<[(TableId, TableWrites); 1]>,
    undo: SmallVec<[Undo; 1]>,
    /// With so many of the changes every unique key was there once, as the transaction sees it.
    unique_len: Cell<usize>,
    /// Bytes that the rows take that are put, replaced ones among them.
    row_bytes: usize,
    /// For each index that was asked, in their order, the keys of changed rows.
    overlays: RefCell<Vec<(IndexId, Overlay)>>,
    /// The same in order of key, for each index that was asked for a range.
    ordered: RefCell<Vec<(IndexId, Arc<OrderedKeys>)>>,
    /// What walks of indexes have passed over in vain.
    passed: RefCell<Passed>,
}

/// Rows that may have a key.
pub(crate) type Candidates = SmallVec<[RowId; 2]>;

/// The keys of a table's changed rows in one index, by their hashes, which are a third of their size. Like the index itself
/// it may name a row that has another key, and never lacks one.
///
/// Rows that a program numbers come with ever higher keys. As long as they do, the highest one answers, and none is hashed.
#[derive(Debug, Default)]
struct Overlay {
    /// How many changes are in.
    len: usize,
    /// The highest key and its row, while each change had a higher one than those before. Nothing else is in.
    ascending: Option<(u64, RowId)>,
    /// Whether changes are hashed, since one was not higher.
    is_hashed: bool,
    hasher: RandomState,
    /// The first row of each hash.
    rows: HashMap<u64, RowId, BuildHasherDefault<IsHash>>,
    /// The others, of which there are few where keys are unique.
    more: HashMap<u64, Candidates, BuildHasherDefault<IsHash>>,
}

impl Overlay {
    /// Takes a changed row while they ascend. Whether this one has gone on so.
    fn ascend(&mut self, key: &Key, row_id: RowId) -> bool {
        let Key::Word(word) = *key else { return false };
        let goes_on =
            self.ascending.is_none_or(|(highest, holder)| word > highest || (word, row_id) == (highest, holder));
        if goes_on {
            self.ascending = Some((word, row_id));
        }
        goes_on
    }

    /// The rows with a key, where it is known without a hash.
    fn highest(&self, key: &Key) -> Option<Candidates> {
        let Key::Word(word) = *key else { return None };
        match self.ascending {
            Some((highest, _)) if highest > word => None,
            Some((highest, row_id)) if highest == word => Some(Candidates::from_iter([row_id])),
            _ => Some(Candidates::new()),
        }
    }

    fn insert(&mut self, key: &Key, row_id: RowId) {
        let hash = self.hasher.hash_one(key);
        let first = *self.rows.entry(hash).or_insert(row_id);
        if first != row_id {
            let more = self.more.entry(hash).or_default();
            if !more.contains(&row_id) {
                more.push(row_id);
            }
        }
    }

    /// Takes the last change back: the row has `before` for a key again, or none.
    fn undo(&mut self, row_id: RowId, after: Option<Key>, before: Option<Key>) {
        match (self.is_hashed, before) {
            // The highest key stays above all others.
            (false, None) => {}
            (false, Some(_)) => *self = Self::default(),
            (true, before) => {
                after.iter().for_each(|key| self.remove(key, row_id));
                before.iter().for_each(|key| self.insert(key, row_id));
            }
        }
    }

    fn remove(&mut self, key: &Key, row_id: RowId) {
        let hash = self.hasher.hash_one(key);
        let mut more = self.more.remove(&hash).unwrap_or_default();
        if self.rows.get(&hash) == Some(&row_id) {
            match more.pop() {
                Some(next) => self.rows.insert(hash, next),
                None => self.rows.remove(&hash),
            };
        } else {
            more.retain(|other| *other != row_id);
        }
        if !more.is_empty() {
            self.more.insert(hash, more);
        }
    }

    fn candidates(&self, key: &Key) -> Candidates {
        let hash = self.hasher.hash_one(key);
        let Some(first) = self.rows.get(&hash) else { return Candidates::new() };
        let mut candidates = self.more.get(&hash).cloned().unwrap_or_default();
        candidates.push(*first);
        candidates
    }
}

/// A word that is a hash already.
#[derive(Clone, Copy, Debug, Default)]
struct IsHash(u64);

impl Hasher for IsHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// What a transaction makes of a row.
#[derive(Debug)]
pub(crate) struct PendingRow {
    /// The row, or `None` if it is deleted.
    pub(crate) row: Option<RowBuf>,
    /// Whether the row is there only since this transaction.
    pub(crate) is_new: IsNew,
}

impl PendingRow {
    /// Takes the place of a change, which it gives. Whether the row is new does not change by it.
    fn replace(&mut self, later: Self) -> Self {
        let is_new = self.is_new;
        std::mem::replace(self, Self { is_new, ..later })
    }
}

/// Whether a row began in this transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IsNew {
    No,
    Yes,
}

/// What was there before a change.
#[derive(Debug)]
struct Undo {
    table: TableId,
    row_id: RowId,
    before: Option<PendingRow>,
}

impl WriteSet {
    /// Whether nothing is changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.undo.is_empty()
    }

    /// How many changes were made: the place of a savepoint.
    pub(crate) fn len(&self) -> usize {
        self.undo.len()
    }

    /// About how many bytes the changes take.
    pub(crate) fn memory_usage(&self) -> usize {
        self.row_bytes + self.undo.len() * BYTES_PER_CHANGE
    }

    /// Whether some row was added or given another state, so that memory is needed for it.
    pub(crate) fn has_rows(&self) -> bool {
        self.row_bytes > 0
    }

    /// The changed rows of a table, if there are any.
    pub(crate) fn table(&self, table: TableId) -> Option<&TableWrites> {
        let at = self.find(table).ok()?;
        Some(&self.tables[at].1).filter(|writes| !writes.is_empty())
    }

    fn find(&self, table: TableId) -> Result<usize, usize> {
        self.tables.binary_search_by_key(&table, |(table, _)| *table)
    }

    fn table_mut(&mut self, table: TableId) -> &mut TableWrites {
        let at = self.find(table).unwrap_or_else(|at| {
            self.tables.insert(at, (table, TableWrites::default()));
            at
        });
        &mut self.tables[at].1
    }

    /// Whether no row is changed that was there before.
    pub(crate) fn are_all_new(&self) -> bool {
        self.tables.iter().all(|(_, writes)| writes.values().all(|pending| pending.is_new == IsNew::Yes))
    }

    /// The changed rows of each table.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (TableId, &TableWrites)> {
        self.tables.iter().map(|(table, writes)| (*table, writes))
    }

    /// The changed rows, to be taken apart by the commit.
    pub(crate) fn into_tables(self) -> impl Iterator<Item = (TableId, TableWrites)> {
        self.tables.into_iter()
    }

    /// The rows that changes after the first `since` touched, some of them perhaps more than once.
    fn touched_since(&self, since: usize) -> impl Iterator<Item = (TableId, RowId)> {
        self.undo.iter().skip(since).map(|undo| (undo.table, undo.row_id))
    }

    /// The rows that changes after the first `since` have given a state, as they are now, and whether the change was the
    /// first one to a row that others see.
    pub(crate) fn written_since(&self, since: usize) -> impl Iterator<Item = (TableId, RowId, &Row, bool)> {
        self.undo.iter().skip(since).filter_map(|Undo { table, row_id, before }| {
            let PendingRow { row, is_new } = self.table(*table)?.get(row_id)?;
            Some((*table, *row_id, row.as_deref()?, before.is_none() && *is_new == IsNew::No))
        })
    }

    /// Whether the first `since` changes are known to have left unique keys unique, as the transaction saw them.
    pub(crate) fn was_unique(&self, since: usize) -> bool {
        since <= self.unique_len.get()
    }

    /// Notes that the changes after the first `since` leave unique keys unique, as the transaction sees them.
    pub(crate) fn note_unique(&self, since: usize) {
        if self.was_unique(since) {
            self.unique_len.set(self.undo.len());
        }
    }

    /// Whether all changes together are known to leave unique keys unique, as the transaction sees them.
    pub(crate) fn is_unique(&self) -> bool {
        self.unique_len.get() == self.undo.len()
    }

    /// The changed rows that may have the key, each once.
    pub(crate) fn candidates(&self, state: &TableState, index: &Index, key: &Key) -> Candidates {
        let table = state.schema.id;
        let mut overlays = self.overlays.borrow_mut();
        let at = overlays.binary_search_by_key(&index.id, |(id, _)| *id).unwrap_or_else(|at| {
            overlays.insert(at, (index.id, Overlay::default()));
            at
        });
        let overlay = &mut overlays[at].1;
        let changed = |since: usize| {
            let touched = self.touched_since(since).filter(|(touched, _)| *touched == table);
            let row_of = |row_id| self.table(table).and_then(|writes| writes.get(&row_id)?.row.as_ref());
            touched.filter_map(move |(_, row_id)| Some((index.shape.of_row(row_of(row_id)?), row_id)))
        };
        if !overlay.is_hashed && changed(overlay.len).all(|(key, row_id)| overlay.ascend(&key, row_id)) {
            overlay.len = self.undo.len();
            if let Some(candidates) = overlay.highest(key) {
                return candidates;
            }
        }
        let since = if std::mem::replace(&mut overlay.is_hashed, true) { overlay.len } else { 0 };
        changed(since).for_each(|(key, row_id)| overlay.insert(&key, row_id));
        overlay.len = self.undo.len();
        overlay.candidates(key)
    }

    /// Puts a row in the place of the one before.
    pub(crate) fn put(&mut self, table: TableId, row_id: RowId, row: Option<RowBuf>, is_new: IsNew) {
        self.row_bytes += row.as_ref().map_or(0, |row| bytes_taken(Some(row)));
        let before = self.table_mut(table).insert(row_id, PendingRow { row, is_new });
        self.undo.push(Undo { table, row_id, before });
    }

    /// The keys of a table's changed rows in one index, in order.
    pub(crate) fn ordered(&self, state: &TableState, index: &Index) -> Arc<OrderedKeys> {
        let mut all = self.ordered.borrow_mut();
        let at = all.binary_search_by_key(&index.id, |(id, _)| *id).unwrap_or_else(|at| {
            all.insert(at, (index.id, Arc::default()));
            at
        });
        let ordered = &mut all[at].1;
        if ordered.len < self.undo.len() {
            // A walk that still has it began after the last change, and so there is none now.
            Arc::make_mut(ordered).catch_up(self, state, index);
        }
        ordered.clone()
    }

    /// The part of a span of an index that may have entries of rows that this transaction sees and has not changed.
    pub(crate) fn rest(&self, index: IndexId, walk: (&KeySpan, Direction)) -> KeySpan {
        self.passed.borrow().rest(index, walk)
    }

    /// Notes what a walk of that has met before the first such entry.
    pub(crate) fn note_in_vain(&self, index: IndexId, walk: (&KeySpan, Direction), in_vain: InVain) {
        if let Some(last) = in_vain.last() {
            self.passed.borrow_mut().note(index, walk, last, self.undo.len());
        }
    }

    /// Undoes all changes but the first `len`.
    pub(crate) fn truncate(&mut self, len: usize, state: &State) {
        self.passed.get_mut().truncate(len);
        if len < self.unique_len.get() {
            // Between two checks a key may have been there twice.
            self.unique_len.set(0);
        }
        while self.undo.len() > len {
            let Some(undo) = self.undo.pop() else { return };
            self.undo_keys(&undo, state);
            let writes = self.table_mut(undo.table);
            let undone = match undo.before {
                Some(before) => writes.insert(undo.row_id, before),
                None => writes.remove(undo.row_id),
            };
            self.row_bytes -= undone.and_then(|undone| undone.row).map_or(0, |row| bytes_taken(Some(&row)));
        }
    }

    /// Takes the keys of a change back that is about to be undone, where they were looked at. Not all keys anew: who goes
    /// back to a savepoint again and again would pay for all changes each time.
    fn undo_keys(&mut self, undo: &Undo, state: &State) {
        let (mut overlays, mut ordered) = (std::mem::take(&mut self.overlays), std::mem::take(&mut self.ordered));
        let after = self.table(undo.table).and_then(|writes| writes.get(&undo.row_id)?.row.as_deref());
        let before = undo.before.as_ref().and_then(|before| before.row.as_deref());
        let len = self.undo.len();
        let index_of = |id| state.index(id).filter(|(table, _)| table.schema.id == undo.table);
        for (id, overlay) in overlays.get_mut().iter_mut().filter(|(_, overlay)| overlay.len > len) {
            overlay.len = len;
            let Some((_, index)) = index_of(*id) else { continue };
            let key = |row: &Row| index.shape.of_row(row);
            overlay.undo(undo.row_id, after.map(key), before.map(key));
        }
        for (id, ordered) in ordered.get_mut().iter_mut().filter(|(_, ordered)| ordered.len > len) {
            let ordered = Arc::make_mut(ordered);
            ordered.len = len;
            let Some((_, index)) = index_of(*id) else { continue };
            after.iter().for_each(|row| ordered.remove(&index.shape.of_row(row), undo.row_id));
            before.iter().for_each(|row| ordered.insert(index.shape.of_row(row), undo.row_id));
        }
        (self.overlays, self.ordered) = (overlays, ordered);
    }

    /// How many changes are in the keys that lookups of an index looked at, and in those of ranges.
    #[cfg(test)]
    pub(crate) fn keys_seen(&self, index: IndexId) -> [usize; 2] {
        let (overlays, ordered) = (self.overlays.borrow(), self.ordered.borrow());
        let lookups = overlays.iter().find(|(id, _)| *id == index).map_or(0, |(_, overlay)| overlay.len);
        [lookups, ordered.iter().find(|(id, _)| *id == index).map_or(0, |(_, ordered)| ordered.len)]
    }
}
