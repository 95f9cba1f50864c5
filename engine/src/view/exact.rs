//! Reads of an index whose entries are exact: each is a row that the view sees, with the entry's key.

use manicule_index::LazySnapshot;

use super::View;
use crate::all_visible::Since;
use crate::index::{Index, IndexReader};
use crate::key::KeyShape;
use crate::row::Row;
use crate::state::TableState;

/// A read of an index whose entries are exact.
pub(super) struct Exact<'v> {
    state: &'v TableState,
    source: Source<'v>,
}

/// Where the entries come from.
enum Source<'v> {
    /// A unique index, which is changed in place: its entries are exact for as long as the table is all-visible since then.
    /// Beside them, what was published after that.
    InPlace(Since, LazySnapshot<'v>),
    /// What the view has of the multi indexes; it was published when the table was all-visible.
    View,
    /// The same, but loaded now: the view's is older.
    Own(LazySnapshot<'v>),
}

impl<'v> Exact<'v> {
    /// Begins one, if the table is all-visible to the view and the view has no changes of its own to it.
    #[inline]
    pub(super) fn begin(view: &View<'v>, state: &'v TableState, index: &Index) -> Option<Self> {
        let table = state.schema.id;
        let is_known = !index.unique && view.exact_table.get() == Some(table);
        let since = if is_known { None } else { Some(state.table.all_visible.to(view.timestamp)?) };
        // A dropped index keeps entries that vacuum has taken from the others.
        if index.is_dropped() || view.pending(table).is_some() {
            return None;
        }
        let source = match since {
            None => Source::View,
            Some(since) if index.unique => Source::InPlace(since, view.inner.registry.lazy_snapshot()),
            Some(since) => Self::published(view, state, since)?,
        };
        Some(Self { state, source })
    }

    /// What is published now, if it is exact; the view keeps it if it has nothing yet.
    fn published(view: &View<'v>, state: &TableState, since: Since) -> Option<Source<'v>> {
        let own = view.published.is_loaded().then(|| view.inner.registry.lazy_snapshot());
        own.as_ref().unwrap_or(&view.published).load();
        if !state.table.all_visible.still(since) {
            return None;
        }
        if own.is_none() {
            view.exact_table.set(Some(state.schema.id));
        }
        Some(own.map_or(Source::View, Source::Own))
    }

    #[inline]
    pub(super) fn reader<'r>(&'r self, view: &'r View<'_>) -> IndexReader<'r> {
        let published = match &self.source {
            Source::View => &view.published,
            Source::InPlace(_, published) | Source::Own(published) => published,
        };
        IndexReader { guard: &view.guard, published }
    }

    /// Whether all entries that were read so far are exact. What is published does not change any more.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        match self.source {
            Source::InPlace(since, _) => self.state.table.all_visible.still(since),
            Source::View | Source::Own(_) => true,
        }
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
