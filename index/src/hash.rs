//! Hash indexes: [`HashIndex`] for keys and values of any type, [`WordHashIndex`] for those that fit machine words.

mod boxed;
mod cell;
mod core;
mod counter;
mod equivalent;
mod group;
mod inline;
mod memory;
mod resize;
mod scan;
mod table;
mod tags;

pub use boxed::HashIndex;
pub use equivalent::Equivalent;
pub use inline::WordHashIndex;
