//! [`FjallStore`]: the default store, over the log-structured merge tree of fjall.
//!
//! Its log takes a group as one batch, so a commit costs a few kilobytes of sequential writing whatever the table's
//! size; its merging keeps the log short. All records live in one keyspace: a small second one would hold back the
//! removal of old log files. The store is never read while the database runs, so it has no filters and little cache.

use std::fmt;
use std::io;
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fjall::config::FilterPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use parking_lot::RwLock;

use super::directory::{Directory, io_error};
use super::format::{HEAD_KEY, decode_head};
use super::{Durability, GroupWrite, OnDamage, OpenOptions, RecordKey, RowStore};
use crate::error::{Error, Result};
use crate::ids::Timestamp;

const KEYSPACE: &str = "rows";
/// fjall takes a directory without this file for a new one.
const VERSION_FILE: &str = "version";
const CACHE_BYTES: u64 = 8 << 20;
/// Log files are removed when they are merged; replaying more than this would make opening slow.
const LOG_BYTES_MAX: u64 = 128 << 20;

/// A store in a directory of its own, with a lock against a second process.
pub struct FjallStore {
    open: RwLock<Option<Open>>,
    /// The last commit that was applied.
    applied: AtomicU64,
    /// Whether an error was seen, after which nothing may be said to be on disk.
    has_failed: AtomicBool,
}

/// Fields are dropped in this order: the lock goes last.
struct Open {
    rows: Keyspace,
    database: Database,
    directory: Directory,
}

impl fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallStore").field("applied", &self.applied).finish_non_exhaustive()
    }
}

impl FjallStore {
    /// Opens the store in a directory, or makes one in a directory that is empty or not there yet.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`], [`Error::NewerFormat`], [`Error::Refused`] if the path is something else,
    /// [`Error::Corrupt`] unless damage is to be accepted, [`Error::Io`].
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let directory = Directory::open(path.as_ref(), |new| {
            let (database, _) = open_fjall(new, options)?;
            guarded(new, || database.persist(PersistMode::SyncAll))
        })?;
        let path = directory.store();
        if !path.join(VERSION_FILE).exists() {
            return Err(Error::corrupt(format!("{} is lost", path.join(VERSION_FILE).display())));
        }
        let (database, rows) = open_fjall(&path, options)?;
        let head = guarded(&path, || rows.get(HEAD_KEY.as_bytes()))?;
        let head = head.map(|head| decode_head(&head)).transpose()?;
        if options.on_damage == OnDamage::Refuse {
            // A new store has no head before its first commit.
            directory.check_mark(Some(head.unwrap_or(Timestamp(0))))?;
        }
        Ok(Self {
            open: RwLock::new(Some(Open { rows, database, directory })),
            applied: AtomicU64::new(head.map_or(0, |head| head.0)),
            has_failed: AtomicBool::new(false),
        })
    }

    /// The last commit that the store has: 0 if there was none.
    pub fn timestamp(&self) -> Timestamp {
        // Relaxed, as `has_failed`.
        Timestamp(self.applied.load(Ordering::Relaxed))
    }

    fn with_open<T>(&self, work: impl FnOnce(&Open) -> Result<T>) -> Result<T> {
        self.open.read().as_ref().ok_or(Error::Closed).and_then(work)
    }

    /// Notes the failure of a write, after which `close` syncs nothing.
    fn noting_failure<T>(&self, outcome: Result<T>) -> Result<T> {
        // Relaxed: the callers of `apply`, `sync` and `close` come one after the other.
        self.has_failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
        outcome
    }
}

impl Open {
    fn apply(&self, group: &GroupWrite, durability: Durability) -> Result<()> {
        let mode = match durability {
            Durability::Sync => PersistMode::SyncData,
            Durability::Buffered => PersistMode::Buffer,
        };
        let mut batch = self.database.batch().durability(Some(mode));
        for (key, value) in group.records() {
            match value {
                Some(value) => batch.insert(&self.rows, key.as_bytes(), value),
                None => batch.remove(&self.rows, key.as_bytes()),
            }
        }
        guarded(&self.directory.store(), || batch.commit())?;
        match (durability, group.timestamp()) {
            (Durability::Sync, Some(timestamp)) => self.directory.set_mark(timestamp),
            _ => Ok(()),
        }
    }

    fn sync(&self, applied: Timestamp) -> Result<()> {
        guarded(&self.directory.store(), || self.database.persist(PersistMode::SyncData))?;
        self.directory.set_mark(applied)
    }
}

impl RowStore for FjallStore {
    fn apply(&self, group: &GroupWrite, durability: Durability) -> Result<()> {
        self.noting_failure(self.with_open(|open| open.apply(group, durability)))?;
        if let Some(timestamp) = group.timestamp() {
            // Relaxed, as `has_failed`.
            self.applied.store(timestamp.0, Ordering::Relaxed);
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let applied = Timestamp(self.applied.load(Ordering::Relaxed));
        self.noting_failure(self.with_open(|open| open.sync(applied)))
    }

    fn scan(&self, keys: Range<RecordKey>, visit: &mut dyn FnMut(RecordKey, &[u8]) -> ControlFlow<()>) -> Result<()> {
        self.with_open(|open| {
            let path = open.directory.store();
            let mut entries = open.rows.range(keys.start.as_bytes()..keys.end.as_bytes());
            while let Some(entry) = guarded(&path, || entries.next().map(fjall::Guard::into_inner).transpose())? {
                let (key, value) = entry;
                let unknown = || Error::corrupt(format!("{}: a record with the key {key:02x?}", path.display()));
                let key = RecordKey::from_bytes(&key).ok_or_else(unknown)?;
                if visit(key, &value).is_break() {
                    return Ok(());
                }
            }
            Ok(())
        })
    }

    fn close(&self) -> Result<()> {
        let Some(open) = self.open.write().take() else { return Ok(()) };
        if self.has_failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        open.sync(Timestamp(self.applied.load(Ordering::Relaxed)))?;
        open.directory.sync_mark()
    }
}

fn open_fjall(path: &Path, options: &OpenOptions) -> Result<(Database, Keyspace)> {
    guarded(path, || {
        let database = Database::builder(path)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(LOG_BYTES_MAX)
            .worker_threads(1)
            .open()?;
        let rows = database.keyspace(KEYSPACE, || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(options.write_buffer_bytes)
                .filter_policy(FilterPolicy::disabled())
        })?;
        Ok((database, rows))
    })
}

/// Runs a call of fjall. It returns most damage as an error and panics on some.
fn guarded<T>(path: &Path, call: impl FnOnce() -> fjall::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(fjall::Error::Locked)) => Err(Error::Locked { path: path.display().to_string() }),
        Ok(Err(fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)))) if !is_damage(&error) => {
            Err(io_error("use", path, &error))
        }
        Ok(Err(error)) => Err(Error::corrupt(format!("{}: {error}", path.display()))),
        Err(_) => Err(Error::corrupt(format!("{}: its files make no sense", path.display()))),
    }
}

/// Whether an error of the file system says that a file has the wrong content, or is not there.
fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotFound
            | io::ErrorKind::AlreadyExists
    )
}
