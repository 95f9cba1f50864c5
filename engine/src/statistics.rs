//! What an index looks like inside: for people who ask why it is slow or large, and for pictures.

use manicule_index::{HashShape, TreeShape};

use crate::ids::IndexId;
use crate::view::View;

/// The shape of one index at some moment: exact while nobody writes. Entries that no snapshot sees any more, and that
/// vacuum has not taken away yet, are in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexStatistics {
    /// Keys, each with one of its row ids.
    pub entries: u64,
    /// Different keys.
    pub keys: u64,
    /// Bytes of all structures, all copies counted.
    pub memory_bytes: usize,
    /// The hash table of a unique index.
    pub hash: Option<HashShape>,
    /// The tree, where there is one.
    pub tree: Option<TreeShape>,
    /// The lists of row ids of an index that is not unique.
    pub lists: Option<ListShape>,
}

/// How long the lists of row ids are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListShape {
    /// At `n`: how many keys have a list of 2ⁿ to 2ⁿ⁺¹ − 1 row ids.
    pub keys_by_length: Vec<u64>,
    /// The length of the longest list.
    pub longest: u64,
}

impl ListShape {
    /// Counts one list.
    pub(crate) fn add(&mut self, length: usize) {
        let Some(position) = length.checked_ilog2() else { return };
        let position = position as usize;
        if self.keys_by_length.len() <= position {
            self.keys_by_length.resize(position + 1, 0);
        }
        self.keys_by_length[position] += 1;
        self.longest = self.longest.max(length as u64);
    }
}

impl IndexStatistics {
    /// Those of an index that is not unique.
    pub(crate) fn of_lists((entries, lists, tree): (u64, ListShape, Option<TreeShape>)) -> Self {
        Self { entries, tree, lists: Some(lists), ..Self::default() }
    }
}

impl View<'_> {
    /// What the index looks like; `None` if there is none of that id. Looks at every node, slot or list.
    pub fn index_statistics(&self, index: IndexId) -> Option<IndexStatistics> {
        self.index_of(index).map(|index| index.statistics(self.reader()))
    }
}
