//! Reads of a transaction that has changed the table: the installed rows that it has not changed, and its own.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::View;
use crate::ids::RowId;
use crate::index::Index;
use crate::key::{Key, KeyRef, KeySpan};
use crate::range::Direction;
use crate::row::Row;
use crate::state::TableState;
use crate::write_set::{InVain, TableWrites};

/// Rows that answer a lookup.
type Matches<'v> = SmallVec<[(RowId, &'v Row); 8]>;

impl View<'_> {
    /// The rows with the key, the transaction's own among them, each once and in order of row id. `pass_over` gets the
    /// candidates that are none.
    pub(super) fn matches_with_own<'v, B>(
        &'v self,
        (state, index): (&'v TableState, &Index),
        key: &Key,
        writes: &'v TableWrites,
        pass_over: impl FnMut(RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B, Matches<'v>> {
        let mut found = self.installed_matches((state, index), key, writes, pass_over)?;
        let candidates = self.writes.map(|set| set.candidates(state, index, key)).unwrap_or_default();
        found.extend(candidates.iter().filter_map(|row_id| {
            let row = writes.get(row_id)?.row.as_deref()?;
            index.shape.matches(row, key).then_some((*row_id, row))
        }));
        found.sort_unstable_by_key(|(row_id, _)| *row_id);
        ControlFlow::Continue(found)
    }

    /// The installed rows with the key that the transaction has not changed.
    fn installed_matches<'v, B>(
        &'v self,
        (state, index): (&'v TableState, &Index),
        key: &Key,
        writes: &TableWrites,
        mut pass_over: impl FnMut(RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B, Matches<'v>> {
        let mut found = SmallVec::new();
        index.candidates(key, self.reader(), |row_id| {
            if !writes.contains_key(&row_id)
                && let Some(row) = self.installed(&state.table, row_id)
                && index.shape.matches(row, key)
            {
                found.push((row_id, row));
                return ControlFlow::Continue(());
            }
            pass_over(row_id)
        })?;
        ControlFlow::Continue(found)
    }

    /// Visits the rows in the span in the order of their keys, or against it, the transaction's own among them; `None` for
    /// each entry that stands for none.
    pub(super) fn visit_span_with_own<'v, B>(
        &'v self,
        (state, index): (&'v TableState, &'v Index),
        (span, stored): (&KeySpan, Direction),
        writes: &'v TableWrites,
        mut visit: impl FnMut(RowId, Option<&'v Row>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let order = |left: (KeyRef<'_>, RowId), right: (KeyRef<'_>, RowId)| {
            let by_key = left.0.cmp(&right.0);
            let by_key = if stored == Direction::Backward { by_key.reverse() } else { by_key };
            by_key.then(left.1.cmp(&right.1))
        };
        let ordered = self.writes.map(|set| set.ordered(state, index)).unwrap_or_default();
        let own = ordered.within(span, stored).filter(|(key, _)| span.contains(key.as_ref()));
        let mut own = own.filter_map(|(key, id)| Some((key, id, writes.get(&id)?.row.as_deref()?))).peekable();
        let rest = self.writes.map_or_else(|| span.clone(), |set| set.rest(index.id, (span, stored)));
        let mut in_vain = InVain::default();
        let flow = index.range(&rest, stored, self.reader(), |entry, row_id| {
            let installed = if writes.contains_key(&row_id) { None } else { self.installed(&state.table, row_id) };
            let Some(row) = installed.filter(|row| index.shape.matches_entry(row, entry)) else {
                in_vain.pass(|| Key::from(entry));
                return visit(row_id, None);
            };
            in_vain.end();
            while let Some((_, own_id, row)) =
                own.next_if(|(key, own_id, _)| order((key.as_ref(), *own_id), (entry, row_id)).is_lt())
            {
                visit(own_id, Some(row))?;
            }
            visit(row_id, Some(row))
        });
        self.writes.iter().for_each(|set| set.note_in_vain(index.id, (span, stored), std::mem::take(&mut in_vain)));
        flow?;
        own.try_for_each(|(_, row_id, row)| visit(row_id, Some(row)))
    }
}
