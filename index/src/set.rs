//! The index layer of a storage engine that has rows, row ids and timestamps of its own: [`IndexSet`].
//!
//! The host owns rows, row ids, timestamps and durability. The set owns entries: for each index, which row has which key.
//! It commits the entries of all its indexes together, keeps those that an older snapshot still needs, refuses a second
//! row under a unique key, and builds an index while writers go on.
//!
//! # Visibility
//! An entry says that *some* version of a row that somebody may still see has the key. It says neither which version nor
//! to whom: it is a *candidate*. The host says the rest, through the one trait that it implements, [`Visibility`]: whether
//! a row, as a snapshot sees it, has a key. [`Reader::lookup`] and [`range`](Reader::range) ask it and give rows;
//! [`candidates`](Reader::candidates) does not, and is for a host that reads the row anyway and compares the key itself.
//!
//! The rule that makes this right is the *superset rule*: an index may have entries that nobody needs, and never lacks one
//! that somebody may see. So entries come before the rows are visible, and go after the last snapshot that sees them.
//!
//! # Commit
//! ```text
//! host                                             set
//! transaction = set.begin()
//! transaction.insert(index, key, row) …            notes it; nobody sees it
//! prepared = transaction.prepare(&rows)?           the writers' turn: unique keys are checked, others wait
//! writes its rows, durably, with a new timestamp   (if that fails: drop the prepared, and nothing has happened)
//! prepared.commit_then(timestamp, || …)            entries are in place, in all indexes: cannot fail
//!     lets readers see the timestamp               and now the next transaction has its turn
//! ```
//!
//! A reader at a timestamp therefore finds the entries of all commits up to it, in every index. Entries that a commit
//! removes stay until [`IndexSet::vacuum`] is told that nobody reads before it; a [`Snapshot`] holds it off.
//!
//! What the set cannot know is whether two transactions change one *row*: the host refuses the second of them before it
//! prepares it, or the keys that it removes are not those that the row has.
//!
//! Each step is a value that the next one consumes. So a transaction that was not prepared cannot be committed, and one
//! whose outcome is forgotten is rolled back when it is dropped.
//!
//! # Example
//! A table of people in memory, whose newest version alone is kept, so that its timestamp is `()`:
//!
//! ```
//! use std::collections::HashMap;
//! use manicule_index::Direction;
//! use manicule_index::set::{
//!     At, IndexDefinition, IndexId, IndexSet, Key, KeyForm, KeyRef, KeySpan, Structure, Visibility,
//! };
//!
//! #[derive(Default)]
//! struct People {
//!     ages: HashMap<u64, i64>,
//! }
//!
//! impl Visibility<u64, ()> for People {
//!     fn has_key(&self, row: u64, _at: At<()>, _index: IndexId, key: KeyRef<'_>) -> bool {
//!         self.ages.get(&row).is_some_and(|age| key == Key::word(*age))
//!     }
//! }
//!
//! let mut people = People::default();
//! let set = IndexSet::<u64, ()>::new();
//! let definition = IndexDefinition { unique: false, keys: KeyForm::Words, structure: Structure::Tree };
//! let by_age = set.create_index(definition).finish((), &people)?;
//!
//! let mut transaction = set.begin();
//! for (row, age) in [(1, 36_i64), (2, 41), (3, 36)] {
//!     transaction.insert(by_age, Key::word(age), row);
//! }
//! let prepared = transaction.prepare(&people)?;
//! people.ages.extend([(1, 36), (2, 41), (3, 36)]);
//! prepared.commit(());
//!
//! let snapshot = set.snapshot(())?;
//! let reader = snapshot.reader(&people);
//! assert_eq!(reader.rows(by_age, &Key::word(36_i64))?, [1, 3]);
//! let over_forty = KeySpan::words(40_i64..);
//! let _ = reader.range(by_age, &over_forty, Direction::Ascending, |_key, row| {
//!     assert_eq!(row, 2);
//!     std::ops::ControlFlow::<()>::Continue(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Making an index
//! [`IndexSet::create_index`] gives an [`IndexBuilder`], and from then on every commit is noted for the index. The host
//! feeds it the keys of the rows that are there, from any number of threads, and finishes it: no writer waits for more
//! than the last of what was noted. A transaction that began before learns of the index when it is prepared
//! ([`PrepareError::IndexesCreated`]), notes its keys in it, and goes on. Two rows with one key fail the build, never a
//! writer, and leave nothing behind.
//!
//! # What it costs
//! * A lookup in a unique index is one probe of a lock-free hash, or one descent of a tree, and one question to the host.
//! * One transaction at a time is prepared; others wait for it, and for a thousand entries of a vacuum or a build.
//! * An entry that is removed stays in memory, and is met by lookups of its key, until it is vacuumed.
//!
//! # Map of the code
//! `definition`, `key`, `entries`, `visibility` what hosts say · `unique`, `maps`, `multi` the structures · `candidate`, `count` one index
//! of them · `build` building one while writers go on · `write_set`, `transaction` changes · `garbage` what has to go ·
//! `index_set`, `builder`, `reader` what hosts hold.

mod definition;
mod entries;
mod key;
mod visibility;

mod candidate;
mod count;
mod maps;
mod multi;
mod range;
mod unique;

mod build;
mod error;
mod garbage;
mod write_set;

mod builder;
mod index_set;
mod reader;
mod statistics;
mod transaction;

pub use build::{IndexBuild, LoadedIndex};
pub use builder::IndexBuilder;
pub use candidate::{CandidateIndex, EntryReader, EntryWriter};
pub use definition::{IndexDefinition, IndexId, RowId, Structure};
pub use entries::Entries;
pub use error::{BuildError, PrepareError, ReadError, SnapshotTooOld, UniqueViolation};
pub use index_set::{IndexSet, Timestamp};
pub use key::{Key, KeyBytes, KeyForm, KeyRef, KeySpan, Repeats};
pub use reader::{Reader, Snapshot};
pub use statistics::{IndexStatistics, ListShape};
pub use transaction::{IndexTransaction, Prepared, Savepoint};
pub use unique::{Candidates, SoleCandidate};
pub use visibility::{At, Visibility};

#[cfg(all(test, feature = "shuttle"))]
mod shuttle_set;
