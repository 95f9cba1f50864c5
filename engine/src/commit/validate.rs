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
use crate::state::{State, TableState};
use crate::transaction::unique_violation;
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
            for index in state.indexes.iter().filter(|index| index.unique) {
                check_keys(state, index, rows, reader)?;
            }
        }
        Ok(())
    }
}

/// The table as it is now, if it is still what the transaction's statements were checked against.
fn same_table<'c>(began_with: &State, current: &'c State, table: TableId) -> Result<&'c TableState> {
    let before = began_with.table(table);
    let now = current.table(table);
    match (before, now) {
        (Some(before), Some(now))
            if Arc::ptr_eq(&before.table, &now.table)
                && (Arc::ptr_eq(before, now) || before.schema.columns.len() == now.schema.columns.len()) =>
        {
            Ok(now)
        }
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
fn check_keys(state: &TableState, index: &Index, rows: &TableWrites, reader: IndexReader<'_>) -> Result<()> {
    if rows.len() < KEYS_TOGETHER_MIN {
        return check_few_keys(state, index, rows, reader);
    }
    let violation = |row_id: RowId| match rows.get(&row_id).and_then(|pending| pending.row.as_ref()) {
        Some(row) => Err(unique_violation(state, index.id, row)),
        None => Ok(()),
    };
    let keys = rows.iter().filter_map(|(row_id, pending)| Some((index.shape.of_row(pending.row.as_ref()?), *row_id)));
    let mut entries: Entries<RowId> = keys.filter(|(key, _)| !key.may_repeat()).collect();
    entries.sort();
    entries.repeated().map_or(Ok(()), violation)?;
    for (keys, row_ids) in entries.chunks() {
        let taken = index.candidates_many(&keys, reader, |at, other| {
            match is_other_holder(state, index, rows, (other, &keys[at]), reader) {
                true => ControlFlow::Break(row_ids[at]),
                false => ControlFlow::Continue(()),
            }
        });
        taken.break_value().map_or(Ok(()), violation)?;
    }
    Ok(())
}

/// [`check_keys`] one by one, which is less work for a few.
fn check_few_keys(state: &TableState, index: &Index, rows: &TableWrites, reader: IndexReader<'_>) -> Result<()> {
    let mut keys: SmallVec<[Key; 1]> = SmallVec::new();
    for row in rows.values().filter_map(|pending| pending.row.as_ref()) {
        let key = index.shape.of_row(row);
        if key.may_repeat() {
            continue;
        }
        let is_taken = keys.contains(&key)
            || index
                .candidates(&key, reader, |other| match is_other_holder(state, index, rows, (other, &key), reader) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                })
                .is_break();
        if is_taken {
            return Err(unique_violation(state, index.id, row));
        }
        keys.push(key);
    }
    Ok(())
}

/// Whether a row that is not being changed has the key.
fn is_other_holder(
    state: &TableState,
    index: &Index,
    rows: &TableWrites,
    (row_id, key): (RowId, &Key),
    reader: IndexReader<'_>,
) -> bool {
    !rows.contains_key(&row_id) && newest_has_key(state, index, row_id, key, reader)
}

/// Whether the newest version of a row is live and has the key.
fn newest_has_key(state: &TableState, index: &Index, row_id: RowId, key: &Key, reader: IndexReader<'_>) -> bool {
    let head = state.table.rows.head(row_id.0, reader.guard);
    head.and_then(version::row).is_some_and(|row| index.shape.matches(row, key))
}
