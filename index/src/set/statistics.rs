//! What an index looks like inside: for people who ask why it is slow or large, and for pictures.

use super::candidate::{CandidateIndex, EntryReader, Store};
use super::definition::RowId;
use crate::hash::HashShape;
use crate::tree::TreeShape;

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
    pub(super) fn add(&mut self, length: usize) {
        let Some(position) = length.checked_ilog2() else { return };
        let position = position as usize;
        if self.keys_by_length.len() <= position {
            self.keys_by_length.resize(position + 1, 0);
        }
        self.keys_by_length[position] += 1;
        self.longest = self.longest.max(length as u64);
    }
}

impl<R: RowId> CandidateIndex<R> {
    /// What the structures look like. Looks at every node, slot or list.
    pub fn statistics(&self, reader: EntryReader<'_>) -> IndexStatistics {
        let guard = reader.guard;
        let of_lists = |(entries, lists, tree)| IndexStatistics {
            entries,
            tree,
            lists: Some(lists),
            ..IndexStatistics::default()
        };
        let mut statistics = match self.store() {
            Store::UniqueWords { entries, repeated } => IndexStatistics {
                entries: entries.len::<u64>() as u64 + repeated.len_values(reader.published) as u64,
                hash: entries.hash_shape::<u64>(),
                tree: entries.tree_shape::<u64>(guard),
                ..IndexStatistics::default()
            },
            Store::UniqueBytes { entries, repeated } => IndexStatistics {
                entries: entries.len::<[u8]>() as u64 + repeated.len_values(reader.published) as u64,
                hash: entries.hash_shape::<[u8]>(),
                tree: entries.tree_shape::<[u8]>(guard),
                ..IndexStatistics::default()
            },
            Store::Words(multi) => of_lists(multi.shape(reader.published)),
            Store::Bytes(multi) => of_lists(multi.shape(reader.published)),
        };
        statistics.keys = self.distinct_keys(reader);
        statistics.memory_bytes = self.memory_usage();
        statistics
    }
}
