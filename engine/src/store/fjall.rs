//! fjall, a log-structured merge tree: the default.
//!
//! Its log takes a group as one batch, so a commit costs a few kilobytes of sequential writing whatever the table's
//! size; its merging keeps the log short. All records live in one keyspace: a small second one would hold back the
//! removal of old log files. The store is never read while the database runs, so it has no filters and little cache.

use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use fjall::config::FilterPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::archive::check_archives;
use super::file::{KeyValueFiles, guarded, use_error};
use super::{Durability, GroupWrite, OpenOptions, RecordKey, Visit};
use crate::error::{Error, Result};

const KEYSPACE: &str = "rows";
/// fjall takes a directory without this file for a new one.
const VERSION_FILE: &str = "version";
const CACHE_BYTES: u64 = 8 << 20;
/// Log files are removed when they are merged; replaying more than this would make opening slow.
const LOG_BYTES_MAX: u64 = 128 << 20;

/// The files of fjall in a directory. The keyspace goes before the database that it is of.
pub(super) struct FjallFiles {
    rows: Keyspace,
    database: Database,
    path: PathBuf,
}

impl FjallFiles {
    /// Makes the files, on disk, and gives them up.
    pub(super) fn create(path: &Path, options: &OpenOptions) -> Result<()> {
        let files = Self::open_or_create(path, options)?;
        call(path, || files.database.persist(PersistMode::SyncAll))?;
        drop(files);
        remove_empty_log(path)
    }

    pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        let version = path.join(VERSION_FILE);
        if !version.exists() {
            return Err(Error::corrupt(format!("{} is lost", version.display())));
        }
        check_archives(path)?;
        Self::open_or_create(path, options)
    }

    fn open_or_create(path: &Path, options: &OpenOptions) -> Result<Self> {
        call(path, || {
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
            Ok(Self { rows, database, path: path.to_path_buf() })
        })
    }
}

impl KeyValueFiles for FjallFiles {
    fn write(&self, group: &GroupWrite, durability: Durability) -> Result<()> {
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
        call(&self.path, || batch.commit())
    }

    fn sync(&self) -> Result<()> {
        call(&self.path, || self.database.persist(PersistMode::SyncData))
    }

    fn scan(&self, keys: Range<RecordKey>, visit: Visit<'_>) -> Result<()> {
        let mut entries = self.rows.range(keys.start.as_bytes()..keys.end.as_bytes());
        while let Some((key, value)) = call(&self.path, || entries.next().map(fjall::Guard::into_inner).transpose())? {
            let unknown = || Error::corrupt(format!("{}: a record with the key {key:02x?}", self.path.display()));
            let key = RecordKey::from_bytes(&key).ok_or_else(unknown)?;
            if visit(key, &value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}

/// Removes the log of a store that nothing was written to. fjall extends a log that it finds by every write, and each sync then
/// writes the file's new size as well, which takes half as long again; one that it makes itself has its size from the start.
fn remove_empty_log(path: &Path) -> Result<()> {
    let remove = || {
        for entry in std::fs::read_dir(path)? {
            let log = entry?.path();
            if log.extension().is_some_and(|extension| extension == "jnl") {
                std::fs::remove_file(log)?;
            }
        }
        Ok(())
    };
    remove().map_err(|error: io::Error| use_error(path, &error))
}

fn call<T>(path: &Path, call: impl FnOnce() -> fjall::Result<T>) -> Result<T> {
    guarded(path, || {
        call().map_err(|error| match error {
            fjall::Error::Locked => Error::Locked { path: path.display().to_string() },
            fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => use_error(path, &error),
            error => Error::corrupt(format!("{}: {error}", path.display())),
        })
    })
}
