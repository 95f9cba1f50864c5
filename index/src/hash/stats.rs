//! The shape of a hash index.

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
