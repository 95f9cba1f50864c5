//! Validation: what a transaction read and wrote, against what is installed now. The caller holds the commit lock.

use std::ops::ControlFlow;
use std::sync::Arc;

use manicule_index::Guard;
use manicule_index::set::Entries;
use smallvec::SmallVec;

use super::Attempt;
use crate::database::Inner;
use crate::error::{Error, Result};
use crate::ids::{RowId, TableId, Timestamp};
use crate::index::{Index, IndexReader};
use crate::key::Key;
use crate::row::RowBuf;
use crate::state::{State, TableState};
use crate::transaction::{Holder, unique_violation};
use crate::version;
use crate::write_set::{IsNew, TableWrites};

/// From so many changed rows of a table on, their keys are put in order and looked up together.
const KEYS_TOGETHER_MIN: usize = 4;

impl Inner {
    /// Checks a transaction against what is installed now.
    pub(super) fn validate(&self, current: &State, attempt: &Attempt<'_>, guard: &Guard) -> Result<()> {
        let published = self.registry.lazy_snapshot();
        let reader = IndexReader { guard, published: &published };
        if let Some(reads) = attempt.reads {
            reads.validate((attempt.state, attempt.began), current, reader)?;
        }
        for (table, rows) in attempt.writes.tables().filter(|(_, rows)| !rows.is_empty()) {
            let state = same_table(attempt.state, current, table)?;
            check_conflicts(state, rows, attempt.began, guard)?;
            let is_known = keys_known(attempt, state);
            for index in state.indexes.iter().filter(|index| index.unique && !is_known(index)) {
                check_keys((state, index), rows, attempt.began, reader)?;
            }
        }
        Ok(())
    }
}

/// Says of which indexes the transaction itself has seen that their keys are unique: of those that it knows, if all that was
/// committed to the table it has seen, and has looked since its last change.
fn keys_known<'a>(attempt: &'a Attempt<'_>, now: &TableState) -> impl Fn(&Index) -> bool + 'a {
    let is_seen = attempt.writes.is_unique() && now.table.last_commit() <= attempt.began;
    let before = attempt.state.table(now.schema.id).filter(|_| is_seen);
    move |index| before.is_some_and(|before| before.indexes.iter().any(|known| known.id == index.id))
}

/// The table as it is now, if it is still what the transaction's statements were checked against: a change of its columns
/// makes another.
fn same_table<'c>(began_with: &State, current: &'c State, table: TableId) -> Result<&'c TableState> {
    let before = began_with.table(table);
    let now = current.table(table);
    match (before, now) {
        (Some(before), Some(now)) if Arc::ptr_eq(&before.table, &now.table) => Ok(now),
        _ => Err(Error::Conflict { table: before.map(|state| state.schema.name.clone()).unwrap_or_default() }),
    }
}

/// Whether the newest version of each changed row is one that the transaction's snapshot sees.
fn check_conflicts(state: &TableState, rows: &TableWrites, began: Timestamp, guard: &Guard) -> Result<()> {
    let overtaken = rows.iter().filter(|(_, pending)| pending.is_new == IsNew::No).any(|(row_id, _)| {
        let head = state.table.rows.head(row_id.0, guard);
        head.is_none_or(|head| head.header() > began)
    });
    if overtaken { Err(Error::Conflict { table: state.schema.name.clone() }) } else { Ok(()) }
}

/// Whether the keys of changed rows are free in a unique index, on the net effect of all changes.
fn check_keys(
    (state, index): (&TableState, &Index),
    rows: &TableWrites,
    began: Timestamp,
    reader: IndexReader<'_>,
) -> Result<()> {
    let keys = Keys { state, index, rows, began, reader };
    if rows.len() < KEYS_TOGETHER_MIN { keys.check_few() } else { keys.check_many() }
}

/// The keys that a transaction's changed rows have in a unique index.
struct Keys<'k> {
    state: &'k TableState,
    index: &'k Index,
    rows: &'k TableWrites,
    began: Timestamp,
    reader: IndexReader<'k>,
}

impl Keys<'_> {
    fn check_many(&self) -> Result<()> {
        let Self { state, index, rows, reader, .. } = *self;
        let violation = |(row_id, holder): (RowId, Holder)| match rows.get(&row_id).and_then(|p| p.row.as_ref()) {
            Some(row) => Err(unique_violation(state, index.id, row, holder)),
            None => Ok(()),
        };
        let key_of = |row: &RowBuf| index.shape.of_row(row);
        let keys = rows.iter().filter_map(|(row_id, pending)| Some((key_of(pending.row.as_ref()?), *row_id)));
        let mut entries = Entries::with_capacity(index.shape.form(), rows.len());
        entries.extend(keys.filter(|(key, _)| !key.may_repeat()));
        entries.sort();
        entries.repeated().map_or(Ok(()), |row_id| violation((row_id, Holder::Seen)))?;
        for (keys, row_ids) in entries.chunks() {
            let taken = index.candidates_many(&keys, reader, |at, other| match self.holder(other, &keys[at]) {
                Some(holder) => ControlFlow::Break((row_ids[at], holder)),
                None => ControlFlow::Continue(()),
            });
            taken.break_value().map_or(Ok(()), violation)?;
        }
        Ok(())
    }

    /// [`check_many`](Self::check_many) one by one, which is less work for a few.
    fn check_few(&self) -> Result<()> {
        let mut keys: SmallVec<[Key; 1]> = SmallVec::new();
        for row in self.rows.values().filter_map(|pending| pending.row.as_ref()) {
            let key = self.index.shape.of_row(row);
            if key.may_repeat() {
                continue;
            }
            let holder = || {
                let visit = |other| self.holder(other, &key).map_or(ControlFlow::Continue(()), ControlFlow::Break);
                self.index.candidates(&key, self.reader, visit).break_value()
            };
            let holder = if keys.contains(&key) { Some(Holder::Seen) } else { holder() };
            if let Some(holder) = holder {
                return Err(unique_violation(self.state, self.index.id, row, holder));
            }
            keys.push(key);
        }
        Ok(())
    }

    /// Whether the newest version of a row that is not being changed has the key, and since when.
    fn holder(&self, row_id: RowId, key: &Key) -> Option<Holder> {
        if self.rows.contains_key(&row_id) {
            return None;
        }
        let head = self.state.table.rows.head(row_id.0, self.reader.guard)?;
        let has_key = version::row(head).is_some_and(|row| self.index.shape.matches(row, key));
        has_key.then(|| if head.header() > self.began { Holder::Overtook } else { Holder::Seen })
    }
}
