//! Hash indexes: [`HashIndex`] for keys and values of any type, [`WordHashIndex`] for those that fit machine words.
//!
//! One table serves both. They differ in what a slot holds (see [`cell`]): a pointer to an immutable entry, or the words
//! themselves.
//!
//! ```text
//! Core ─root─▶ Table ──next──▶ Table            a next one only while a resize is under way
//!              │
//!              ├─ meta   [ tags 16 B · state 8 B · overflow 8 B ] [ … ] …      one for each group, two to a line
//!              └─ cells  [ 16 cells ] [ 16 cells ] …
//!                                     overflow ─▶ block of 8 slots ─▶ block …
//!
//! hash   63 ─────────── chooses the group ─┐      31……24 tag     20……16 preferred line of cells
//! ```
//!
//! # Reading
//!
//! A read loads the group's state, the sixteen tags, and the cells whose tag is that of the key; it asks for the line of
//! cells that the key most likely lies in before it has seen the tags, so that the two cache misses overlap. It stores
//! nothing and waits for nobody. Why its answer is right:
//!
//! 1. Eight tags are loaded by one load: a true snapshot. A key does not move from slot to slot within a table; a key
//!    that is there throughout is in one slot and is seen. If a read sees it in no slot, there was a moment during the
//!    read when it was in none.
//! 2. Replacing a value is one store. There is no moment between the old value and the new one.
//! 3. A slot may be given to another key while it is read. A boxed entry says for itself whose it is, and the epoch keeps
//!    it alive. Words are written after the group's version has been raised, with a release fence between; a reader that
//!    sees one of them sees the new version after its own acquire fence, and looks again. There is no odd version to wait
//!    for: while a slot changes hands its tag is 0.
//! 4. `MOVED` is set after a group's entries were copied to the next table, and never cleared; the old cells stay as they
//!    are. A reader that saw the group unmoved finds there what was true when it looked; one that sees it moved goes on to
//!    the next table, and finds the entries there.
//!
//! # Writing
//!
//! A group's lock is one bit of its state and covers its chain of blocks. A change is *planned* without it, all code of
//! the user's included (`Eq`, `Hash`, closures, `Clone`, drops); the lock is then taken by an exchange that succeeds only
//! if the version is still that of the plan. What is left to do under the lock is some ten stores, none of which can
//! panic. Only one lock is held at a time, but for a group that moves: that one first, then one of the next table.
//!
//! # Growing and shrinking
//!
//! The highest bits of a hash choose the group, so that a group of one table is two groups of a table twice its size, or
//! half a group of one half its size. Writers move groups ([`resize`]); iterations go by hash ([`scan`]) and so do not
//! mind. A table grows when 29 of 32 slots are in use on average, which leaves few groups with a chain, and shrinks when
//! 3 of 10 are. Keys with equal hashes, by accident or malice, end in one chain: a list, and nothing worse.

mod boxed;
mod bulk;
mod cell;
mod core;
mod counter;
mod equivalent;
mod group;
mod inline;
pub(crate) mod memory;
mod pinned;
mod resize;
mod scan;
#[cfg(feature = "serde")]
mod serial;
mod stats;
mod table;
pub(crate) mod tags;

#[cfg(test)]
mod history;
#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, feature = "shuttle", not(loom)))]
mod schedule;

pub use boxed::{HashIndex, HashIndexIntoIter, HashIndexIter, HashIndexKeys, HashIndexValues};
pub use equivalent::Equivalent;
pub use inline::{WordHashIndex, WordHashIndexIter, WordHashIndexKeys, WordHashIndexValues};
pub use pinned::Pinned;
pub use stats::{HashShape, HashStats};

pub use crate::memory::zeroed::table_memory;
