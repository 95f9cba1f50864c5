//! [`FileStore`]: a store in a directory, with the files of fjall or of redb.
//!
//! What both need is here and in `directory.rs`: the lock, the format, the mark of the last durable commit, and that
//! nothing is written after a failure. `fjall.rs` and `redb.rs` know their libraries and nothing else.

use std::fmt;
use std::io;
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;

use super::directory::{Directory, io_error};
#[cfg(feature = "fjall")]
use super::fjall::FjallFiles;
use super::format::{CATALOG_KEY, HEAD_KEY, decode_head};
#[cfg(feature = "redb")]
use super::redb::RedbFile;
use super::{Durability, GroupWrite, OnDamage, OpenOptions, RecordKey, RowStore, StoreKind, Visit};
use crate::error::{Error, Result};
use crate::ids::Timestamp;

/// The files of a library that keeps a sorted map. Calls follow the rules of [`RowStore`]; dropping gives the files up.
pub(super) trait KeyValueFiles: Send + Sync {
    /// As [`RowStore::apply`].
    fn write(&self, group: &GroupWrite, durability: Durability) -> Result<()>;

    /// As [`RowStore::sync`].
    fn sync(&self) -> Result<()>;

    /// As [`RowStore::scan`].
    fn scan(&self, keys: Range<RecordKey>, visit: Visit<'_>) -> Result<()>;
}

/// A store in a directory of its own, with a lock against a second process.
pub struct FileStore {
    open: RwLock<Option<Open>>,
    kind: StoreKind,
    /// The last commit that was applied.
    applied: AtomicU64,
    /// Whether an error was seen, after which nothing may be said to be on disk.
    has_failed: AtomicBool,
}

/// Fields are dropped in this order: the lock goes last.
struct Open {
    files: Option<Box<dyn KeyValueFiles>>,
    directory: Directory,
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("FileStore");
        debug.field("kind", &self.kind).field("applied", &self.applied).finish_non_exhaustive()
    }
}

impl FileStore {
    /// Opens the store in a directory, or makes one in a directory that is empty or not there yet.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`], [`Error::NewerFormat`]; [`Error::Refused`] if the path is something else, if the store is of
    /// another kind than the one that was asked for, or of one that is not in this build; [`Error::Corrupt`] unless damage
    /// is to be accepted; [`Error::Io`].
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let directory = Directory::open(path.as_ref(), options)?;
        let kind = directory.kind();
        let mut open = Open { files: None, directory };
        let files = open.files.insert(open_files(kind, &open.directory.store(), options)?);
        let head = head(&**files)?;
        if options.on_damage == OnDamage::Refuse {
            // A new store has no head before its first commit.
            open.directory.check_mark(Some(head.unwrap_or(Timestamp(0))))?;
        }
        Ok(Self {
            open: RwLock::new(Some(open)),
            kind,
            applied: AtomicU64::new(head.map_or(0, |head| head.0)),
            has_failed: AtomicBool::new(false),
        })
    }

    /// Which library keeps the files.
    pub fn kind(&self) -> StoreKind {
        self.kind
    }

    /// The last commit that the store has: 0 if there was none.
    pub fn timestamp(&self) -> Timestamp {
        // Relaxed, as `has_failed`.
        Timestamp(self.applied.load(Ordering::Relaxed))
    }

    fn with_open<T>(&self, work: impl FnOnce(&dyn KeyValueFiles, &Directory) -> Result<T>) -> Result<T> {
        let open = self.open.read();
        let open = open.as_ref().ok_or(Error::Closed)?;
        work(open.files.as_deref().ok_or(Error::Closed)?, &open.directory)
    }

    /// Notes the failure of a write, after which `close` syncs nothing.
    fn noting_failure<T>(&self, outcome: Result<T>) -> Result<T> {
        // Relaxed: the callers of `apply`, `sync` and `close` come one after the other.
        self.has_failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
        outcome
    }
}

impl RowStore for FileStore {
    fn apply(&self, group: &GroupWrite, durability: Durability) -> Result<()> {
        let mark = group.timestamp().filter(|_| durability == Durability::Sync);
        self.noting_failure(self.with_open(|files, directory| {
            files.write(group, durability)?;
            mark.map_or(Ok(()), |timestamp| directory.set_mark(timestamp))
        }))?;
        if let Some(timestamp) = group.timestamp() {
            // Relaxed, as `has_failed`.
            self.applied.store(timestamp.0, Ordering::Relaxed);
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        self.noting_failure(self.with_open(|files, directory| {
            files.sync()?;
            directory.set_mark(self.timestamp())
        }))
    }

    fn scan(&self, keys: Range<RecordKey>, visit: Visit<'_>) -> Result<()> {
        self.with_open(|files, _| files.scan(keys, visit))
    }

    fn close(&self) -> Result<()> {
        if self.open.read().is_none() {
            return Ok(());
        }
        let synced = match self.has_failed.load(Ordering::Relaxed) {
            true => Ok(()),
            false => self.sync().and_then(|()| self.with_open(|_, directory| directory.sync_mark())),
        };
        *self.open.write() = None;
        synced
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let files = self.files.take();
        // A library that gives damaged files up may panic too.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(files)));
    }
}

/// Makes the files of a new store in a directory that is not there yet.
pub(super) fn create_files(kind: StoreKind, path: &Path, options: &OpenOptions) -> Result<()> {
    match kind {
        #[cfg(feature = "fjall")]
        StoreKind::Fjall => FjallFiles::create(path, options),
        #[cfg(feature = "redb")]
        StoreKind::Redb => RedbFile::create(path, options),
        #[cfg(not(all(feature = "fjall", feature = "redb")))]
        kind => Err(super::directory::not_built(kind, path)),
    }
}

fn open_files(kind: StoreKind, path: &Path, options: &OpenOptions) -> Result<Box<dyn KeyValueFiles>> {
    match kind {
        #[cfg(feature = "fjall")]
        StoreKind::Fjall => Ok(Box::new(FjallFiles::open(path, options)?)),
        #[cfg(feature = "redb")]
        StoreKind::Redb => Ok(Box::new(RedbFile::open(path, options)?)),
        #[cfg(not(all(feature = "fjall", feature = "redb")))]
        kind => Err(super::directory::not_built(kind, path)),
    }
}

/// The last commit, if there was one.
fn head(files: &dyn KeyValueFiles) -> Result<Option<Timestamp>> {
    let mut head = None;
    files.scan(HEAD_KEY..CATALOG_KEY, &mut |key, bytes| {
        head = (key == HEAD_KEY).then(|| decode_head(bytes).map(|(timestamp, _)| timestamp));
        ControlFlow::Break(())
    })?;
    head.transpose()
}

/// Runs a call of a library. They return most damage as an error and panic on some.
pub(super) fn guarded<T>(path: &Path, call: impl FnOnce() -> Result<T>) -> Result<T> {
    let outcome = catch_unwind(AssertUnwindSafe(call));
    outcome.unwrap_or_else(|_| Err(Error::corrupt(format!("{}: its files make no sense", path.display()))))
}

/// An error of the file system below a library: damage if it says that a file has the wrong content, or is not there.
pub(super) fn use_error(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::NotFound
        | io::ErrorKind::AlreadyExists => Error::corrupt(format!("{}: {error}", path.display())),
        _ => io_error("use", path, error),
    }
}
