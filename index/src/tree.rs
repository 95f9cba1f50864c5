//! Ordered indexes: a B+ tree of order 8 with lock-free reads.
//!
//! ```text
//!                      ┌──────────────┐
//!                      │ ≤ 7 separator│ immutable words, one cache line;
//!                      │ words        │ ≤ 8 children, another
//!                      └┬────┬───────┬┘
//!            ┌──────────┘    │       └──────────┐
//!      ┌─────┴──────┐  ┌─────┴──────┐     ┌─────┴──────┐
//!      │ meta, words│  │ meta, words│  …  │ meta, words│ one word publishes a leaf: which slots are live,
//!      │ slots      │  │ slots      │     │ slots      │ and in which order
//!      └────────────┘  └────────────┘     └────────────┘
//! ```
//!
//! * A **read** goes down immutable words and loads the publishing word of one leaf. It stores nothing, takes no lock, never
//!   starts again, and is sound for every `Ord`: one that lies gets wrong answers only. (`tree/node.rs`, `tree/get.rs`)
//! * A **write** decides by what it found, and publishes it by a compare-exchange of that word. (`tree/edit.rs`)
//! * A **split, merge or append** builds new nodes aside, freezes the old leaf, and publishes by one store; replaced nodes
//!   are reclaimed when no guard can reach them. (`tree/plan.rs`, `tree/commit.rs`; `tree/grow.rs`, `tree/merge.rs`,
//!   `tree/append.rs`)
//! * A **scan** climbs the way that it came; there are no sibling pointers, and both directions are one. (`tree/scan.rs`,
//!   `tree/stretch.rs`)
//!
//! Keys and values are never moved once inserted: splits copy pointers.

mod count;
mod lock;
mod slab;
mod spare;

mod entry;
mod meta;
mod store;

mod node;
mod raw;
mod row;

mod get;
mod range;
mod scan;
mod shape;
mod stretch;

mod commit;
mod edit;
mod plan;

mod estimate;

mod append;
mod bulk;
mod clear;
mod grow;
mod merge;
mod relocate;
mod sweep;

mod boxed;
mod boxed_write;
mod cursor;
#[cfg(feature = "serde")]
mod serde;
mod traits;
mod words;

pub use boxed::{Prefix, Range, RangeRev, TreeIndex};
pub use cursor::{Cursor, WordCursor};
pub use shape::{LevelShape, LevelStats, PrefixKey, TreeShape, TreeStats, node_memory};
pub use words::{WordRange, WordRangeRev, WordTreeIndex};

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, feature = "shuttle"))]
mod shuttle_tests;
