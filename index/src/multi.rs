//! Left-right multi-value indexes: [`MultiIndex`], and the [`Registry`] that publishes all of them with one swap.
//!
//! Each index exists in two copies. Readers read the live one, which nobody writes; the writer writes the other one, which
//! nobody reads. Publishing exchanges them, and the copy that was live gets what it lacks before it is written next.
//!
//! ```text
//!            readers                        writer
//!               │                              │ begin, insert, remove …
//!   root ──▶ Published 7 ──▶ live copy      working copy ──▶ operations
//!               ▲                              │
//!               └────────────── commit: one swap of the root, for every index that was touched
//! ```
//!
//! The idea is Ramalhete and Correia's ("Left-Right", 2013), and `evmap` made it known. What is different here is how the
//! writer learns that no reader is left on the retired copy: a reader that reads for a moment names its version in a hazard
//! pointer, which the writer looks at, and one that keeps a snapshot holds an [`Arc`](std::sync::Arc). So when one stays, the
//! writer sees it and takes a third copy instead of waiting. The pointer and its hazards are the file `root`; how the writer
//! writes to what others could have is `handles`, and how it changes hands is `turn`. All the rest is safe code.
//!
//! What users ask is answered at [`MultiIndex`].
//!
//! # Map of the code
//! `list` posting lists · `directory` what a directory is · `hashed`, `ordered` the two of them · `copy` one copy and the
//! operations · `handles` who has a copy · `slot` the copies of one index · `writer` all of them, and the swap · `turn` who may write · `root` the pointer
//! that is swapped, and who reads through it · `registry` what hangs below it · `batch`, `snapshot`, `reader`, `view`, `index` what users hold.

mod list;

mod directory;
mod hashed;
mod ordered;

mod copy;
mod handles;
mod slot;
mod turn;
mod writer;

mod batch;
mod index;
mod reader;
mod registry;
mod root;
mod snapshot;
mod view;

#[cfg(all(test, feature = "shuttle"))]
mod shuttle_multi;

pub use batch::{Batch, Editor, Savepoint};
pub use directory::{Arrangement, Hashed, Lookup, Ordered, Stored};
pub use index::{MultiIndex, Published};
pub use list::{ListIter, ListSlices, ListValue, PostingList, list_memory};
pub use ordered::Range;
pub use reader::MultiReader;
pub use registry::{Busy, Registry, RegistryOptions, Sequence, WhenHeld};
pub use snapshot::{BorrowedSnapshot, IndexSnapshot, LazySnapshot, Snapshot};
pub use view::{Entries, MultiView};
