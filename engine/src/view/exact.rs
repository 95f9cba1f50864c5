//! Reads of an index whose entries are exact: each is a row that the view sees, with the entry's key.

use std::cell::OnceCell;

use manicule_index::BorrowedSnapshot;

use super::View;
use crate::all_visible::Since;
use crate::index::{Index, IndexReader};
use crate::key::KeyShape;
use crate::row::Row;
use crate::state::TableState;

/// A read of an index whose entries are exact.
pub(super) struct Exact<'v> {
    state: &'v TableState,
    index: &'v Index,
    since: Since,
    /// The multi indexes, as they were published after it was seen that the table is all-visible.
    published: OnceCell<BorrowedSnapshot>,
}

impl<'v> Exact<'v> {
    /// Begins one, if the table is all-visible to the view and the view has no changes of its own to it.
    #[inline]
    pub(super) fn begin(view: &View<'_>, state: &'v TableState, index: &'v Index) -> Option<Self> {
        let since = state.table.all_visible.to(view.timestamp)?;
        // A dropped index keeps entries that vacuum has taken from the others.
        if index.is_dropped() || view.pending(state.schema.id).is_some() {
            return None;
        }
        let exact = Self { state, index, since, published: OnceCell::new() };
        if !index.unique {
            exact.published.get_or_init(|| view.inner.registry.load());
            return state.table.all_visible.still(since).then_some(exact);
        }
        Some(exact)
    }

    #[inline]
    pub(super) fn reader<'r>(&'r self, view: &'r View<'_>) -> IndexReader<'r> {
        IndexReader { guard: &view.guard, registry: &view.inner.registry, published: &self.published }
    }

    /// Whether all entries that were read so far are exact. What is published does not change any more; the structures of
    /// a unique index do.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        !self.index.unique || self.state.table.all_visible.still(self.since)
    }
}

/// What is left to compare of a candidate's row, once it is there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Claim {
    /// Nothing: the entry was exact when it was read.
    #[default]
    Proven,
    /// That the key is NULL.
    Null,
    /// That the key is this word.
    Word(u64),
}

impl Claim {
    /// Whether a row is as claimed.
    #[inline]
    pub(super) fn holds(self, row: &Row, shape: &KeyShape) -> bool {
        match self {
            Self::Proven => true,
            Self::Null => shape.word_of_row(row).is_none(),
            Self::Word(word) => shape.word_of_row(row) == Some(word),
        }
    }
}
