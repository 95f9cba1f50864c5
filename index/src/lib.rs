//! Concurrent indexes for database engines, to be used alone: readers take no lock, write nothing that others read, and wait for
//! nobody.
//!
//! | | a key has | order | a read gives |
//! |---|---|---|---|
//! | [`HashIndex`], [`WordHashIndex`] | one value | none | a reference, or a copy of a word |
//! | [`TreeIndex`], [`WordTreeIndex`] | one value | by key: ranges, prefixes, cursors | the same |
//! | [`MultiIndex`], by hash or ordered | a list of values | none, or by key | a list, of one published version |
//! | [`set::IndexSet`] | row ids of a host | by what the host asks for | rows that the host's snapshot sees |
//!
//! The *word* variants are for keys and values of a machine word or two, such as row ids: entries lie in the table or in the leaf
//! itself. The others take keys and values of any type, which never move: a reference lives as long as the guard.
//!
//! ```
//! use manicule_index::{MultiIndex, TreeIndex, WordHashIndex, pin};
//!
//! // A unique key: the row id of each account.
//! let by_id = WordHashIndex::<u64, u64>::new();
//! // One pin serves any number of reads and writes of any number of indexes.
//! let guard = pin();
//! assert_eq!(by_id.insert(4711, 0, &guard), None);
//! assert_eq!(by_id.get(&4711, &guard), Some(0));
//!
//! // A key with an order.
//! let by_name = TreeIndex::new();
//! for (row, name) in ["grace", "ada", "alan"].into_iter().enumerate() {
//!     by_name.insert(name.to_string(), row, &guard);
//! }
//! let a: Vec<&usize> = by_name.prefix("a", &guard).map(|(_, row)| row).collect();
//! assert_eq!(a, [&1, &2]);
//!
//! // A key that many rows have. Nobody sees a change before it is published, and then all of them.
//! let by_city = MultiIndex::new_hash();
//! by_city.insert("London", 1);
//! by_city.insert("London", 2);
//! let before = by_city.snapshot();
//! by_city.publish();
//! assert_eq!((before.view().count("London"), by_city.count("London")), (0, 2));
//! ```
//!
//! # Guards
//! A [`Guard`] says that its thread is reading: nothing that it may have been handed is freed while it lives. [`pin`] costs some
//! nanoseconds, so one is taken for a query and not for a lookup. It belongs to its thread; a guard that lives long delays
//! the freeing of memory in all indexes, so a loop that goes on for long calls [`Guard::repin`] now and then. [`MultiIndex`] needs no
//! guard: its snapshots are values that may be kept, cloned and sent.
//!
//! # Several indexes, one commit
//! Hash and tree indexes change in place, entry by entry, and each change is linearizable. [`MultiIndex`]es that were made by one
//! [`Registry`] are written by [batches](Registry::begin), and one swap publishes what a batch did to all of them; a
//! [`Snapshot`] shows all of them as of one moment. [`set`] goes further, for a host with rows and timestamps of its own: unique and
//! multi indexes that commit together, with old entries kept for as long as a snapshot needs them.
//!
//! # Your code in ours
//! `Hash`, `Eq`, `Ord`, `Clone`, closures and destructors run under no lock of a hash or tree index and may use the same one; what a
//! [`MultiIndex`] calls while it is written has the writer's turn, and may read it. One that panics leaves the index whole; one that
//! lies gets wrong answers, and never undefined behaviour. A closure may be asked again if another thread changes the entry
//! meanwhile; what its last answer says is what happens.
//!
//! # Memory
//! All structures give memory back after deletions. Nodes, tables and posting lists lie in pages that this crate asks the kernel for, in huge
//! ones where it has them: [`table_memory`], [`node_memory`] and [`list_memory`] say how many bytes, and `memory_usage` of an
//! index what it takes of them. Some of what comes free is kept for later: [`retained_memory`] says how much, and
//! [`set_retained_memory_limit`] how much at most.
//!
//! # Features
//! `serde`: the indexes of one value a key can be serialized.
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
    ColumnOrder, Direction, IndexKey, KeyBuffer, KeyDecoder, KeyEncoder, Nulls, Opaque, OrderedWord, TotalF32,
    TotalF64, prefix_end,
};
pub use memory::{retained_memory, set_retained_memory_limit};
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
