//! What an index of a set is: its name within the set, its keys, and which questions it answers.

use std::fmt;
use std::hash::Hash;

use super::key::KeyForm;
use super::maps::RowWords;
use crate::word::WordKey;

/// What identifies a row: the host's own row id, of one or two words.
///
/// Implemented for every [`WordKey`] that has an order and a hash: all integers, pairs of them, `u128`, `[u8; 16]`.
/// For a type of your own implement [`Word`](crate::Word), or [`WordKey`] for one of two words.
pub trait RowId: WordKey<Words: RowWords> + Ord + Hash + fmt::Debug {}

impl<R: WordKey<Words: RowWords> + Ord + Hash + fmt::Debug> RowId for R {}

/// An index of an [`IndexSet`](super::IndexSet), as long as the set lives; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexId(pub(super) u32);

impl fmt::Display for IndexId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index {}", self.0)
    }
}

/// Which questions an index answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Structure {
    /// Equality alone: the fastest.
    Hash,
    /// Equality, ranges and order.
    Tree,
    /// Both, each by its own structure where the index is unique; the same as [`Tree`](Self::Tree) where it is not.
    HashAndTree,
}

impl Structure {
    /// Whether a unique index has a hash.
    pub(super) fn has_hash(self) -> bool {
        matches!(self, Self::Hash | Self::HashAndTree)
    }

    /// Whether there is an order.
    pub(super) fn has_tree(self) -> bool {
        matches!(self, Self::Tree | Self::HashAndTree)
    }
}

/// What an index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IndexDefinition {
    /// Whether two rows with the same key are refused, unless the key [may repeat](super::Key::may_repeat).
    pub unique: bool,
    /// What its keys are made of.
    pub keys: KeyForm,
    /// Which questions it answers.
    pub structure: Structure,
}
