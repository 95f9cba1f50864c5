//! Reads of a transaction that has changed the table: the installed rows that it has not changed, and its own.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::View;
use crate::ids::RowId;
use crate::index::Index;
use crate::key::{Key, KeySpan};
use crate::range::Direction;
use crate::row::Row;
use crate::state::TableState;
use crate::write_set::TableWrites;

impl View<'_> {
    /// The rows with the key, the transaction's own among them, each once and in order of row id.
    pub(super) fn matches_with_own<'v>(
        &'v self,
        state: &'v TableState,
        index: &Index,
        key: &Key,
        writes: &'v TableWrites,
    ) -> SmallVec<[(RowId, &'v Row); 8]> {
        let mut found = self.installed_matches(state, index, key, writes);
        let candidates = self.writes.map(|set| set.candidates(state, index, key)).unwrap_or_default();
        found.extend(candidates.iter().filter_map(|row_id| {
            let row = writes.get(row_id)?.row.as_deref()?;
            index.shape.matches(row, key).then_some((*row_id, row))
        }));
        found.sort_unstable_by_key(|(row_id, _)| *row_id);
        found.dedup_by_key(|(row_id, _)| *row_id);
        found
    }

    /// The installed rows with the key that the transaction has not changed.
    fn installed_matches<'v>(
        &'v self,
        state: &'v TableState,
        index: &Index,
        key: &Key,
        writes: &TableWrites,
    ) -> SmallVec<[(RowId, &'v Row); 8]> {
        let mut found = SmallVec::new();
        let _: ControlFlow<()> = index.candidates(key, self.reader(), |row_id| {
            if !writes.contains_key(&row_id)
                && let Some(row) = self.installed(&state.table, row_id)
                && index.shape.matches(row, key)
            {
                found.push((row_id, row));
            }
            ControlFlow::Continue(())
        });
        found
    }

    /// The rows in the span with their keys, the transaction's own among them, in no order.
    pub(super) fn matches_in_span<'v>(
        &'v self,
        state: &'v TableState,
        index: &Index,
        span: &KeySpan,
        writes: &'v TableWrites,
    ) -> Vec<(Key, RowId, &'v Row)> {
        let mut found = Vec::new();
        let _: ControlFlow<()> = index.range(span, Direction::Forward, self.reader(), |entry, row_id| {
            if !writes.contains_key(&row_id)
                && let Some(row) = self.installed(&state.table, row_id)
            {
                let key = index.shape.of_row(row);
                if entry == key {
                    found.push((key, row_id, row));
                }
            }
            ControlFlow::Continue(())
        });
        let own = writes.iter().filter_map(|(row_id, change)| Some((*row_id, change.row.as_deref()?)));
        found.extend(
            own.map(|(row_id, row)| (index.shape.of_row(row), row_id, row))
                .filter(|(key, _, _)| span.contains(key.as_ref())),
        );
        found
    }
}
