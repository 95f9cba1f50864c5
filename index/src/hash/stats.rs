//! The shape of a hash index.

use super::cell::Cell;
use super::core::Core;
use super::group::{Group, MOVED, SLOTS};
use super::tags::{self, WORD_SLOTS};
use crate::guard::pin;
use crate::sync::Ordering;

/// The shape of a hash index at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashStats {
    /// Entries.
    pub entries: usize,
    /// Slots of the newest table, chains apart.
    pub slots: usize,
    /// Blocks of eight slots in chains, where a group had to hold more than sixteen entries.
    pub overflow_blocks: usize,
    /// Groups of sixteen slots that a resize has still to move; 0 when none is under way.
    pub groups_to_move: usize,
    /// Bytes as [`memory_usage`](crate::HashIndex::memory_usage) counts them.
    pub memory_bytes: usize,
}

/// How the entries of a hash index are spread at some moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashShape {
    /// At `n`: how many groups of sixteen slots have `n` entries, those in their chains counted too.
    pub groups_by_entries: Vec<usize>,
    /// At `n`: how many entries lie behind `n` blocks of a chain. A lookup of an entry at 0 looks at its group alone.
    pub entries_by_blocks: Vec<usize>,
}

impl HashShape {
    /// Counts one group.
    fn add<C: Cell>(&mut self, group: Group<'_, C>) {
        let mut entries = SLOTS - tags::matching(group.tags(), 0).count_ones() as usize;
        raise(&mut self.entries_by_blocks, 0, entries);
        let (mut link, mut blocks) = (&group.meta.overflow, 0);
        while let Some(block) = group.block_at(link) {
            // Relaxed: a statistic.
            let free = tags::matching_word(block.tags.load(Ordering::Relaxed), 0).count_ones() as usize;
            blocks += 1;
            raise(&mut self.entries_by_blocks, blocks, WORD_SLOTS - free);
            entries += WORD_SLOTS - free;
            link = &block.next;
        }
        raise(&mut self.groups_by_entries, entries, 1);
    }
}

/// Adds to the count at `position`; the list grows to have it.
fn raise(counts: &mut Vec<usize>, position: usize, more: usize) {
    if counts.len() <= position {
        counts.resize(position + 1, 0);
    }
    counts[position] += more;
}

impl<C: Cell, S> Core<C, S> {
    /// Looks at every group that has not moved, of all tables.
    pub(super) fn shape(&self) -> HashShape {
        let guard = pin();
        let mut shape = HashShape::default();
        let mut table = Some(self.root(&guard));
        while let Some(present) = table {
            for index in 0..present.group_count() {
                let group = present.group_at(index);
                // Relaxed: a statistic.
                if group.meta.state.load(Ordering::Relaxed) & MOVED == 0 {
                    shape.add(group);
                }
            }
            table = present.next();
        }
        shape
    }
}
