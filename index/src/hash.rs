//! Hash indexes: [`HashIndex`] for keys and values of any type, [`WordHashIndex`] for those that fit machine words.

mod boxed;
mod bulk;
mod cell;
mod core;
mod counter;
mod equivalent;
mod group;
mod inline;
mod memory;
mod pinned;
mod resize;
mod scan;
mod stats;
mod table;
mod tags;

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
pub use stats::HashStats;
