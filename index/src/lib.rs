//! Concurrent indexes for database engines: [`HashIndex`], [`TreeIndex`] and [`MultiIndex`].
//!
//! An index maps keys to row ids or to any other value. Reads are lock-free and happen under a [`Guard`] that the
//! caller holds; writers never wait for readers.
#![warn(rust_2018_idioms)]

mod sync;

mod guard;
mod key;
mod word;

mod chain;
mod hash;
mod multi;
mod tree;

// chain
pub use guard::{Guard, pin};
pub use hash::{
    Change, Changed, Equivalent, HashIndex, HashIndexIntoIter, HashIndexIter, HashIndexKeys, HashIndexValues,
    HashStats, Occupied, Pinned, Unexpected, WordHashIndex, WordHashIndexIter, WordHashIndexKeys, WordHashIndexValues,
};
pub use key::IndexKey;
// multi
// tree
pub use word::{Word, WordKey, Words};
