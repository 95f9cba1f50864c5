//! Left-right multi-value indexes.
mod batch;
mod copy;
mod directory;
mod hashed;
mod index;
mod list;
mod ordered;
mod registry;
mod slot;
mod snapshot;
mod turn;
mod view;

pub use batch::{Batch, Editor, Savepoint};
pub use directory::{Arrangement, Hashed, Lookup, Ordered, Stored};
pub use index::{MultiIndex, Published};
pub use list::{ListIter, ListSlices, ListValue, PostingList};
pub use ordered::Range;
pub use registry::{Busy, Registry, RegistryOptions, Sequence, WhenHeld};
pub use snapshot::{BorrowedSnapshot, IndexSnapshot, Snapshot};
pub use view::{Entries, MultiView};
