//! Vacuum: what no snapshot needs any more goes.
//!
//! A version is needed while an active snapshot lies between its begin and its successor's. What is not is unlinked:
//! at once in a row that is written again, and otherwise by the next commits, a few rows each, from the queue of rows that
//! had something to remove. An index entry goes when no version left in the chain has its key.
//!
//! Where no commit follows, a reader does it that had to look at rows only because of older versions: when it has its
//! answer it clears as many rows, so that it pays twice at most, and whoever asks next has the answer from the index.

use ahash::AHashSet;
use manicule_index::Guard;
use smallvec::SmallVec;

use super::{Committer, Step};
use crate::database::Inner;
use crate::ids::{RowId, TableId, Timestamp};
use crate::index::IndexWriter;
use crate::row::Row;
use crate::snapshots::ActiveSnapshots;
use crate::state::TableState;
use crate::version;

/// The least length of the queue at which it is worth a look.
pub(super) const GARBAGE_LEN_TO_MERGE: usize = 1 << 14;

/// How many queued rows a reader looks at before it lets go of the commit lock for a moment: some 0.1 ms.
const VACUUM_ROWS_PER_SLICE: usize = 256;

/// A row with something to remove once no snapshot before `since` is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Garbage {
    pub(super) since: Timestamp,
    pub(super) table: TableId,
    pub(super) row_id: RowId,
}

impl Inner {
    /// Removes all that no snapshot needs any more.
    pub(crate) fn vacuum(&self) {
        let mut committer = self.commit_lock.lock_beside_writer();
        let active = self.snapshots.active(&self.visible);
        let guard = manicule_index::pin();
        self.vacuum_as(&mut committer, active, usize::MAX, &guard);
        guard.flush();
    }

    /// Looks at up to `limit` rows of the queue, for as long as nobody else has the commit lock.
    pub(crate) fn try_vacuum(&self, mut limit: usize) {
        while limit > 0 {
            let Some(mut committer) = self.commit_lock.try_lock_beside_writer() else { return };
            let active = self.snapshots.active(&self.visible);
            if !active.as_ref().is_some_and(|active| committer.has_garbage_before(active.oldest())) {
                return;
            }
            let slice = limit.min(VACUUM_ROWS_PER_SLICE);
            self.vacuum_as(&mut committer, active, slice, &manicule_index::pin());
            limit -= slice;
        }
    }

    fn vacuum_as(&self, committer: &mut Committer, active: Option<ActiveSnapshots>, limit: usize, guard: &Guard) {
        let current = self.state.load_full();
        let mut step = Step {
            state: &current,
            guard,
            batch: self.registry.begin(),
            active,
            timestamp: committer.installed,
            records: None,
            changed: SmallVec::new(),
        };
        committer.vacuum(&mut step, limit);
        step.publish();
    }
}

impl Committer {
    /// Whether the first row of the queue has something that nobody needs who reads at `oldest` or later.
    fn has_garbage_before(&self, oldest: Timestamp) -> bool {
        self.garbage.front().is_some_and(|garbage| garbage.since <= oldest)
    }

    /// Adds a row to the queue. Under a long snapshot the queue grows with each change; a row that is in it several times
    /// is then kept once, at its newest place, when all of it can go.
    pub(super) fn note_garbage(&mut self, garbage: Garbage) {
        self.garbage.push_back(garbage);
        if self.garbage.len() < self.garbage_len_to_merge {
            return;
        }
        let mut rows = AHashSet::new();
        let newest: Vec<Garbage> =
            self.garbage.drain(..).rev().filter(|garbage| rows.insert((garbage.table, garbage.row_id))).collect();
        self.garbage.extend(newest.into_iter().rev());
        self.garbage_len_to_merge = GARBAGE_LEN_TO_MERGE.max(2 * self.garbage.len());
    }

    /// Looks at no more than `limit` rows of the queue, oldest first.
    pub(super) fn vacuum(&mut self, step: &mut Step<'_>, limit: usize) {
        let Some(oldest) = step.active.as_ref().map(ActiveSnapshots::oldest) else { return };
        for _ in 0..limit {
            let Some(garbage) = self.garbage.pop_front_if(|garbage| garbage.since <= oldest) else { break };
            if let Some(state) = step.state.table(garbage.table) {
                vacuum_row(step, state, garbage.row_id);
                step.note_changed(state);
            }
        }
        if self.garbage.is_empty() {
            // After a large deletion it has room for as many rows.
            self.garbage.shrink_to(GARBAGE_LEN_TO_MERGE);
        }
    }
}

/// Removes the versions of a row that no snapshot needs, and the index entries that no version left has.
pub(super) fn vacuum_row(step: &mut Step<'_>, state: &TableState, row_id: RowId) {
    let Some(active) = &step.active else { return };
    let rows = &state.table.rows;
    let mut unlinked: SmallVec<[&Row; 1]> = SmallVec::new();
    let mut unlink = |version| {
        let row = version::row(version);
        state.table.count_unlinked(row);
        unlinked.extend(row);
    };
    let mut writer = rows.writer();
    writer.prune(row_id.0, step.guard, |newer, older| active.sees(older, newer), &mut unlink);
    let is_dead = rows
        .head(row_id.0, step.guard)
        .is_some_and(|head| version::row(head).is_none() && head.next().is_none() && head.header() <= active.oldest());
    if is_dead {
        writer.clear(row_id.0, step.guard, &mut unlink);
    }
    drop(writer);
    for row in unlinked {
        remove_entries(step, state, row_id, row);
    }
}

/// Removes the entries of an unlinked version, but for keys that a version left in the chain has too.
fn remove_entries(step: &mut Step<'_>, state: &TableState, row_id: RowId, unlinked: &Row) {
    let mut writer = IndexWriter { guard: step.guard, batch: &mut step.batch };
    for index in state.written_indexes() {
        let head = state.table.rows.head(row_id.0, step.guard);
        let rows = || std::iter::successors(head, |version| version.next()).filter_map(version::row);
        if rows().any(|row| index.shape().has_same_values(row, unlinked)) {
            continue;
        }
        let key = index.shape().of_row(unlinked);
        if !rows().any(|row| index.shape().matches(row, &key)) {
            index.remove(&key, row_id, &mut writer);
        }
    }
}

#[cfg(all(test, not(loom), not(feature = "shuttle")))]
mod tests {
    use super::*;
    use crate::catalog::Column;
    use crate::database::Database;
    use crate::schema_change::TableDefinition;
    use crate::value::{ColumnType, Value};

    /// A table with so many rows.
    fn filled(database: &Database, name: &str, rows: i64) -> TableId {
        let columns = vec![Column::new("id", ColumnType::Integer)];
        let definition = TableDefinition { name: name.into(), columns, ..Default::default() };
        let rows = (0..rows).map(|id| Row::new(&[Value::Integer(id)]));
        database.create_table_with_rows(definition, rows).expect("the table is new")
    }

    #[test]
    fn queue_gives_its_memory_back_after_a_large_deletion() {
        const ROWS: i64 = 4 * GARBAGE_LEN_TO_MERGE as i64;
        let database = Database::in_memory();
        let table = filled(&database, "item", ROWS);
        let reader = database.snapshot();
        let delete_all = |transaction: &mut crate::Transaction| {
            (0..ROWS as u64).try_for_each(|row_id| transaction.delete(table, RowId(row_id)))
        };
        database.run(delete_all).unwrap();
        let capacity = || database.inner.commit_lock.lock_beside_writer().garbage.capacity();
        assert!(capacity() >= ROWS as usize);
        drop(reader);
        database.vacuum();
        assert!(capacity() <= 2 * GARBAGE_LEN_TO_MERGE, "room for {} rows", capacity());
    }

    #[test]
    fn rows_that_the_queue_has_once_are_cleared_when_the_last_snapshot_goes() {
        const ROWS: u64 = 64;
        let database = Database::in_memory();
        let tables = ["one", "other"].map(|name| filled(&database, name, ROWS as i64));
        let update_all = |transaction: &mut crate::Transaction| {
            let row = || Row::new(&[Value::Integer(7)]);
            let mut all = tables.iter().flat_map(|table| (0..ROWS).map(move |row_id| (*table, RowId(row_id))));
            all.try_for_each(|(table, row_id)| transaction.update(table, row_id, row()))
        };
        let fill_half =
            || (0..GARBAGE_LEN_TO_MERGE / 4 / ROWS as usize).for_each(|_| database.run(update_all).unwrap());
        let first = database.snapshot();
        fill_half();
        let second = database.snapshot();
        fill_half();
        assert_eq!(database.inner.commit_lock.lock_beside_writer().garbage.len() as u64, 2 * ROWS, "each row once");
        drop(first);
        database.vacuum();
        drop(second);
        database.vacuum();
        assert_eq!(database.version_count(), 2 * ROWS);
    }
}
