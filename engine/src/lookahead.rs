//! Candidates on their way to rows, several at a time.
//!
//! A row lies two dependent loads behind its id, its slot and its newest version, and both are misses in a large table.
//! Candidates of one scan are independent, so the processor is asked for the slots as they come, then for the versions of
//! a handful, and by the time the first one is read most of them have arrived: the misses overlap instead of adding up.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use crate::ids::RowId;
use crate::table::Table;

/// How many rows are asked for at once. More would not fit the processor's queue of misses, and a scan that stops early has
/// asked for that many in vain.
const AHEAD: usize = 16;

/// Candidates that were asked for, each with what it takes to check its row.
pub(crate) struct Lookahead<'t, K> {
    table: &'t Table,
    entries: SmallVec<[(K, RowId); AHEAD]>,
}

impl<'t, K> Lookahead<'t, K> {
    pub(crate) fn new(table: &'t Table) -> Self {
        Self { table, entries: SmallVec::new() }
    }

    /// Takes a candidate; when there are enough, `visit` gets them all.
    #[inline]
    pub(crate) fn push<B>(
        &mut self,
        key: K,
        row_id: RowId,
        visit: &mut impl FnMut(K, RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.table.rows.prefetch_slot(row_id.0);
        self.entries.push((key, row_id));
        if self.entries.len() == AHEAD { self.flush(visit) } else { ControlFlow::Continue(()) }
    }

    /// `visit` gets the candidates that are left.
    pub(crate) fn flush<B>(&mut self, visit: &mut impl FnMut(K, RowId) -> ControlFlow<B>) -> ControlFlow<B> {
        if self.entries.len() > 1 {
            self.entries.iter().for_each(|(_, row_id)| self.table.rows.prefetch_head(row_id.0));
        }
        self.entries.drain(..).try_for_each(|(key, row_id)| visit(key, row_id))
    }
}
