//! What an index looks like inside: for people who ask why it is slow or large, and for pictures.

pub use manicule_index::set::{IndexStatistics, ListShape};

use crate::ids::IndexId;
use crate::view::View;

impl View<'_> {
    /// What the index looks like; `None` if there is none of that id. Looks at every node, slot or list.
    pub fn index_statistics(&self, index: IndexId) -> Option<IndexStatistics> {
        self.index_of(index).map(|index| index.statistics(self.reader()))
    }
}
