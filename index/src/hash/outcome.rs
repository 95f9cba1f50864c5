//! What conditional operations ask for and what they answer.

/// What a closure wants done with a key, see [`HashIndex::compute`](crate::HashIndex::compute).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<V> {
    /// Leave everything as it is.
    Keep,
    /// Let the key have this value.
    Put(V),
    /// Let there be no entry of the key.
    Remove,
}

/// What a conditional operation did: the value of the key just before it and just after.
///
/// Both are exact: nobody else changed the key in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed<T> {
    /// The value before; `None` if there was no entry.
    pub before: Option<T>,
    /// The value after; `None` if there is no entry.
    pub after: Option<T>,
}

/// The error of [`HashIndex::try_insert`](crate::HashIndex::try_insert): the key has an entry already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupied<'g, K, V> {
    /// The value that the key has.
    pub current: &'g V,
    /// The key that was not inserted.
    pub key: K,
    /// The value that was not inserted.
    pub value: V,
}

/// The error of [`HashIndex::compare_exchange`](crate::HashIndex::compare_exchange): the key has not the value expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unexpected<'g, V> {
    /// The value that the key has, if it has one.
    pub current: Option<&'g V>,
    /// The value that was not put in its place.
    pub new: V,
}

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
