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
//! # What is visible when
//! * Nothing of a [`Batch`] is visible before its commit, except to the batch itself.
//! * `commit` returns after the swap: whoever takes a snapshot later sees all of it, in every index.
//! * A [`Snapshot`] shows one version, for as long as it lives. Two loads may show two versions; a lookup in two indexes
//!   that has to fit together needs one snapshot for both.
//! * [`MultiIndex::insert`] and its like are pending until [`MultiIndex::publish`] or somebody's commit.
//!
//! # What it costs
//! * Every key and value is stored twice; with a single `u64` under each `u64` key about 100 bytes a key together. Every
//!   write is done twice.
//! * A reader pays about 10 ns per [`Registry::load`], or 20 ns per [`Registry::snapshot`], and then plain lookups; with a
//!   [`MultiReader`] one load.
//! * A publication costs some 0.3 µs, and a look at one cache line for each of the most threads that ever were at one time.
//! * A snapshot that is kept while its index is written twice makes the writer clone the index once: time and memory of
//!   one copy. It is a cost per copy held, not per write.
//! * Fixed costs of a commit do not grow with the number of indexes in the registry, unless a reader holds the previous
//!   version; then the list of indexes is copied.
//!
//! # When not to use it
//! * Unique keys: a `HashIndex` or `TreeIndex` stores them once.
//! * Several threads that write most of the time: there is one writer at a time.
//! * Values that are large: keep them elsewhere, or behind an `Arc`.
//!
//! # Questions that users of left-right maps ask
//! *Does `publish` wait for readers?* No. With [`WhenHeld::Clone`], the default, nothing waits. With [`WhenHeld::Wait`] the
//! next write to the index may, for as long as was allowed.
//!
//! *Can it deadlock?* Readers take no lock, so taking, keeping, cloning and dropping snapshots in any order and on any thread is
//! safe. Writers take one turn; a thread that begins a second batch while it has one waits for itself, and
//! [`Registry::try_begin`] tells instead.
//!
//! *What happens when a reader never lets go?* Its copy stays in memory. The writer goes on with the others.
//!
//! *Is a handle per thread needed?* No. Handles and snapshots are `Send`, `Sync` and `Clone`, and may be kept across `await`. A
//! thread that reads single keys in a tight loop is faster with a [`MultiReader`], which keeps the last version between reads.
//!
//! *Why do keys and values have to be `Clone`?* Each copy has its own. In return, no value is ever shared between copies by
//! address, and an `Eq` or `Hash` that misbehaves can give wrong answers but not undefined behaviour.
//!
//! *Do closures run twice?* No. A predicate runs once, on the copy being written; the other copy gets the outcome.
//!
//! *Can I take back what I wrote?* Drop the batch, or return to a [`Savepoint`].
//!
//! *Do pending operations pile up?* An insertion and a removal that follow each other cancel out, replacements of one key
//! merge, and a copy that lacks more operations than a quarter of its keys is cloned anew rather than caught up: by the
//! publication that leaves it behind, so that whoever wrote much pays for it.
//!
//! *Does memory come back?* A copy that is mostly empty is not written again but replaced by a packed clone, and a third copy
//! is freed when it lacks so many operations that a clone would be cheaper. Until then it is kept: where readers come and go,
//! the next one may hold the others again.
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
