//! The commit: the one place that changes a row and its index entries together.
//!
//! One transaction commits at a time, under the commit lock. Readers never take it.
//!
//! ```text
//! 1 validate    each changed row's newest version began at or before the transaction's snapshot
//!               what a serializable transaction read is as it was (`read_set.rs`)
//!               each new unique key has no other live holder
//! 2 install     link the new versions at their chains' heads (they begin after every snapshot)
//! 3 index       add the entries of the new keys; those of multi indexes are staged
//! 4 publish     one swap for all multi indexes
//! 5 log         with a store: the changes are written and synced, without the commit lock (`log.rs`)
//! 6 visible     visible_ts.store(release): the commit point of all tables and indexes at once
//! ```
//!
//! Whoever sees the timestamp of step 6 sees what steps 2 to 4 did before it: whoever can see a row can find it.
//!
//! While a commit is at step 5 it is *in flight*: others are validated against its versions, and nobody reads them.

mod vacuum;
mod validate;

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use manicule_index::set::Entries;
use manicule_index::{Batch, Guard};
use smallvec::SmallVec;

use crate::commit_lock::{EndOfWait, WriterPlace};
use crate::database::Inner;
use crate::error::Result;
use crate::ids::{RowId, Timestamp};
use crate::index::IndexWriter;
use crate::read_set::ReadSet;
use crate::row::{Row, RowBuf};
use crate::snapshots::ActiveSnapshots;
use crate::state::{State, TableState};
use crate::store::{GroupWrite, LastCommit};
use crate::version::{self, version_of};
use crate::write_set::{IsNew, PendingRow, TableWrites, WriteSet};
use vacuum::{GARBAGE_LEN_TO_MERGE, Garbage, vacuum_row};

/// How many queued rows a commit looks at beyond those that it changed itself.
const VACUUM_ROWS_PER_COMMIT: usize = 16;

/// From so many changed rows of a table on, the entries of new rows are put in order before they are inserted.
const BULK_ROWS_MIN: usize = 64;

/// How many readers' slots a commit looks at, on average.
const SLOTS_PER_COMMIT: usize = 64;

/// What the holder of the commit lock owns.
#[derive(Debug)]
pub(crate) struct Committer {
    /// The last commit; it is visible, or in flight.
    installed: Timestamp,
    /// What the catalog and all rows add up to with it; kept only with a store.
    sum: u64,
    garbage: VecDeque<Garbage>,
    /// The snapshots as they were found last.
    active: Option<ActiveSnapshots>,
    /// How many commits have gone by them since.
    commits_since_active: usize,
    /// At which length of the queue rows that are in it several times are merged.
    garbage_len_to_merge: usize,
    /// Whether somebody has the writer's place.
    pub(crate) is_place_taken: bool,
}

/// A transaction that wants to commit.
pub(crate) struct Attempt<'t> {
    /// The schema that its statements were checked against.
    pub(crate) state: &'t State,
    /// Its snapshot.
    pub(crate) began: Timestamp,
    pub(crate) writes: WriteSet,
    /// What it read, if it is serializable.
    pub(crate) reads: Option<&'t ReadSet>,
    pub(crate) place: Option<WriterPlace>,
    /// What ends its wait for another's place.
    pub(crate) end_of_wait: Option<&'t EndOfWait>,
}

/// What the steps of one commit share.
struct Step<'c> {
    state: &'c State,
    guard: &'c Guard,
    batch: Batch,
    active: Option<ActiveSnapshots>,
    timestamp: Timestamp,
    /// What goes to the log, if there is one.
    records: Option<GroupWrite>,
    /// The tables in which it has changed something.
    changed: SmallVec<[&'c TableState; 2]>,
}

impl<'c> Step<'c> {
    /// Makes the entries of multi indexes reachable.
    fn publish(self) {
        self.batch.commit();
        self.changed.iter().for_each(|state| state.table.note_installed());
    }

    /// Notes that something of a table is changed.
    fn note_changed(&mut self, state: &'c TableState) {
        if self.changed.last().is_none_or(|last| !std::ptr::eq(*last, state)) {
            self.changed.push(state);
        }
    }
}

impl Inner {
    /// Commits what a transaction has changed.
    pub(crate) fn commit(&self, mut attempt: Attempt<'_>) -> Result<Timestamp> {
        let mut committer = self.commit_lock.lock(attempt.place.take(), attempt.end_of_wait)?;
        self.log.as_ref().map_or(Ok(()), |log| log.check())?;
        let current = self.state.load();
        let guard = manicule_index::pin();
        if let Err(error) = self.validate(&current, &attempt, &guard) {
            drop(guard);
            let installed = committer.installed;
            drop(committer);
            self.wait_visible(installed);
            return Err(error);
        }
        let mut step = Step {
            state: &current,
            guard: &guard,
            batch: self.registry.begin(),
            active: committer.take_active(self, &attempt.writes),
            timestamp: committer.next_timestamp(),
            records: self.log.as_ref().map(|_| GroupWrite::default()),
            changed: SmallVec::new(),
        };
        let changed = attempt.writes.len();
        for (table, rows) in attempt.writes.into_tables() {
            // Validation has seen that the table is there.
            if let Some(state) = current.table(table) {
                committer.install(&mut step, state, rows);
            }
        }
        committer.vacuum(&mut step, 2 * changed + VACUUM_ROWS_PER_COMMIT);
        let (timestamp, records) = (step.timestamp, step.records.take());
        if let Some(active) = step.active.take() {
            committer.active = Some(active);
        }
        step.publish();
        committer.note_installed(timestamp);
        let sum = committer.sum;
        match (&self.log, records) {
            (Some(log), Some(mut records)) => {
                records.commit_with(LastCommit { timestamp, sum });
                log.append(records);
                // Neither other commits nor reclaiming memory wait for the disk.
                drop(committer);
                drop(guard);
                log.wait_written(timestamp, &self.visible)?;
            }
            // Release: pairs with the acquire load in `Slot::pin`.
            _ => self.visible.store(timestamp.0, Ordering::Release),
        }
        Ok(timestamp)
    }

    /// Waits for commits in flight. A transaction that was refused because of one begins again after it, not before.
    fn wait_visible(&self, installed: Timestamp) {
        if let Some(log) = &self.log {
            // Whether they succeed is their committers' concern.
            let _ = log.wait_written(installed, &self.visible);
        }
    }

    /// Waits for commits in flight with the commit lock held, so that there are none afterwards.
    pub(crate) fn finish_commits(&self, committer: &Committer) -> Result<()> {
        self.log.as_ref().map_or(Ok(()), |log| {
            log.check()?;
            log.wait_written(committer.installed, &self.visible)
        })
    }
}

impl Committer {
    /// One who has committed nothing yet; all before is visible.
    pub(crate) fn new(last: LastCommit) -> Self {
        let LastCommit { timestamp: installed, sum } = last;
        Self {
            installed,
            sum,
            garbage: VecDeque::new(),
            active: None,
            commits_since_active: 0,
            garbage_len_to_merge: GARBAGE_LEN_TO_MERGE,
            is_place_taken: false,
        }
    }

    /// The last commit; it is visible, or in flight.
    pub(crate) fn installed(&self) -> Timestamp {
        self.installed
    }

    /// The timestamp of the next commit.
    pub(crate) fn next_timestamp(&self) -> Timestamp {
        Timestamp(self.installed.0 + 1)
    }

    /// Notes that a commit has its versions and entries in place.
    pub(crate) fn note_installed(&mut self, timestamp: Timestamp) {
        self.installed = timestamp;
    }

    /// Says what the catalog and all rows add up to after a change of the schema.
    pub(crate) fn set_sum(&mut self, sum: u64) {
        self.sum = sum;
    }

    /// The active snapshots, if there may be anything to vacuum: those of some commits ago if there are so many readers
    /// that looking at them each time would cost more than the commit.
    fn take_active(&mut self, inner: &Inner, writes: &WriteSet) -> Option<ActiveSnapshots> {
        if self.garbage.is_empty() && writes.are_all_new() {
            return None;
        }
        let known = self.active.take();
        if known.as_ref().is_some_and(|known| self.commits_since_active < known.slot_count() / SLOTS_PER_COMMIT) {
            self.commits_since_active += 1;
            return known;
        }
        self.commits_since_active = 0;
        inner.snapshots.active(&inner.visible).or(known)
    }

    /// Steps 2 and 3 for the changed rows of a table.
    fn install<'c>(&mut self, step: &mut Step<'c>, state: &'c TableState, rows: TableWrites) {
        state.table.note_commit(step.timestamp);
        step.note_changed(state);
        let is_bulk = rows.len() >= BULK_ROWS_MIN;
        if is_bulk {
            insert_sorted(step, state, &rows);
        }
        let before = state.table.totals();
        for (row_id, pending) in rows.into_rows() {
            let has_entries = is_bulk && pending.is_new == IsNew::Yes;
            self.install_row(step, state, (row_id, pending), has_entries);
        }
        if let Some(records) = &mut step.records {
            let totals = state.table.totals();
            self.sum = self.sum.wrapping_add(totals.sum.wrapping_sub(before.sum));
            records.put_totals(state.table.storage(), totals);
        }
    }

    /// Steps 2 and 3 for a row, whose entries may have been inserted before.
    fn install_row(
        &mut self,
        step: &mut Step<'_>,
        state: &TableState,
        (row_id, pending): (RowId, PendingRow),
        has_entries: bool,
    ) {
        if pending.is_new == IsNew::Yes && pending.row.is_none() {
            return;
        }
        let rows = &state.table.rows;
        let head = rows.head(row_id.0, step.guard);
        let has_older = head.and_then(|head| head.next()).is_some();
        let before = head.and_then(version::row);
        if !has_entries {
            insert_entries(step, state, (row_id, &pending), before);
        }
        state.table.count_installed(row_id, pending.row.as_deref(), before.is_some());
        if let Some(records) = &mut step.records {
            state.table.hash_installed(row_id, pending.row.as_deref(), before);
            match &pending.row {
                Some(row) => records.put_row(state.table.storage(), row_id, row),
                None => records.remove_row(state.table.storage(), row_id),
            }
        }
        rows.writer().push(row_id.0, version_of(pending.row, step.timestamp));
        if pending.is_new == IsNew::No {
            let garbage = Garbage { since: step.timestamp, table: state.schema.id, row_id };
            // The version before is needed until the new one is visible.
            if has_older {
                vacuum_row(step, state, row_id);
            }
            self.note_garbage(garbage);
        }
    }
}

/// Stages the entries of a row's new keys, before the row moves into its version; nobody sees either before step 6.
fn insert_entries(
    step: &mut Step<'_>,
    state: &TableState,
    (row_id, pending): (RowId, &PendingRow),
    before: Option<&Row>,
) {
    let Some(row) = &pending.row else { return };
    let mut writer = IndexWriter { guard: step.guard, batch: &mut step.batch };
    for index in state.written_indexes() {
        let key = || index.shape().of_row(row);
        if pending.is_new == IsNew::Yes {
            index.insert_new(&key(), row_id, &mut writer);
        } else if before.is_none_or(|before| !index.shape().has_same_values(before, row)) {
            index.insert(&key(), row_id, &mut writer);
        }
    }
}

/// Stages the entries of all rows that are new, index by index and in order of key: neighbours among many entries lie in
/// the same leaf or list, which is then at hand.
fn insert_sorted(step: &mut Step<'_>, state: &TableState, rows: &TableWrites) {
    let new = || rows.iter().filter(|(_, pending)| pending.is_new == IsNew::Yes);
    let mut writer = IndexWriter { guard: step.guard, batch: &mut step.batch };
    for index in state.written_indexes() {
        let key_of = |row: &RowBuf| index.shape().of_row(row);
        let mut entries = Entries::with_capacity(index.shape().form(), rows.len());
        entries.extend(new().filter_map(|(row_id, pending)| Some((key_of(pending.row.as_ref()?), *row_id))));
        entries.sort();
        index.extend_new(entries, &mut writer);
    }
}
