//! Concurrent indexes for database engines: [`HashIndex`], [`TreeIndex`] and [`MultiIndex`].
//!
//! An index maps keys to row ids or to any other value. Reads are lock-free and happen under a [`Guard`] that the
//! caller holds; writers never wait for readers.
//!
//! [`set`] puts them together for a storage engine that has rows and timestamps of its own.
#![warn(rust_2018_idioms)]

mod sync;

#[cfg_attr(
    any(loom, feature = "shuttle", crossbeam_sanitize),
    allow(dead_code, reason = "there each node is an allocation of its own")
)]
mod memory;
mod stripe;

mod guard;
mod key;
mod outcome;
mod reclaim;
mod word;

mod chain;
mod hash;
mod multi;
mod tree;

pub mod set;

pub use chain::{CHAIN_ID_LIMIT, ChainArray, ChainIter, ChainNode, ChainPlace, ChainWriter, Link};
pub use guard::{Guard, pin};
pub use hash::{
    Equivalent, HashIndex, HashIndexIntoIter, HashIndexIter, HashIndexKeys, HashIndexValues, HashShape, HashStats,
    Pinned, WordHashIndex, WordHashIndexIter, WordHashIndexKeys, WordHashIndexValues, table_memory,
};
pub use key::{
    ColumnOrder, Direction, IndexKey, KeyDecoder, KeyEncoder, Nulls, Opaque, OrderedWord, TotalF32, TotalF64,
    prefix_end,
};
pub use multi::{
    Arrangement, Batch, BorrowedSnapshot, Busy, Editor, Entries, Hashed, IndexSnapshot, LazySnapshot, ListIter,
    ListSlices, ListValue, Lookup, MultiIndex, MultiReader, MultiView, Ordered, PostingList, Published,
    Range as MultiRange, Registry, RegistryOptions, Savepoint, Sequence, Snapshot, Stored, WhenHeld, list_memory,
};
pub use outcome::{Change, Changed, Occupied, Unexpected};
pub use tree::{
    Cursor, LevelShape, LevelStats, Prefix, PrefixKey, Range, RangeRev, TreeIndex, TreeShape, TreeStats, WordCursor,
    WordRange, WordRangeRev, WordTreeIndex, node_memory,
};
pub use word::{Word, WordKey, Words};
