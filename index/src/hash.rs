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
mod outcome;
mod pinned;
mod resize;
mod scan;
mod table;
mod tags;

pub use boxed::{HashIndex, HashIndexIntoIter, HashIndexIter, HashIndexKeys, HashIndexValues};
pub use equivalent::Equivalent;
pub use inline::{WordHashIndex, WordHashIndexIter, WordHashIndexKeys, WordHashIndexValues};
pub use outcome::{Change, Changed, HashStats, Occupied, Unexpected};
pub use pinned::Pinned;
