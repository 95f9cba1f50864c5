//! redb, a copy-on-write B-tree in one file, with the feature `redb`.
//!
//! A commit writes each page that it touches anew, so a change of a row far from the others costs tens of kilobytes where
//! fjall's costs a few; in return there is no log to replay and nothing to merge.
//!
//! A transaction of redb is on disk, or in this process's memory alone. So a group with a commit is synced whatever is
//! asked for. One without concerns records that no catalog names, and waits for the next sync.

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, ReadableDatabase, TableDefinition};

use super::file::{KeyValueFiles, guarded, use_error};
use super::{Durability, GroupWrite, OpenOptions, RECORD_KEY_BYTES, RecordKey, Visit};
use crate::error::{Error, Result};

const FILE: &str = "rows.redb";
const RECORDS: TableDefinition<'_, &[u8; RECORD_KEY_BYTES], &[u8]> = TableDefinition::new("records");

/// The file of redb in a directory.
pub(super) struct RedbFile {
    database: Database,
    path: PathBuf,
}

impl RedbFile {
    /// Makes the file, on disk, and gives it up.
    pub(super) fn create(directory: &Path, options: &OpenOptions) -> Result<()> {
        let made = std::fs::create_dir(directory);
        made.map_err(|error| super::directory::io_error("make the directory", directory, &error))?;
        let path = directory.join(FILE);
        call(&path, || {
            let creation = builder(options).create(&path)?.begin_write()?;
            creation.open_table(RECORDS)?;
            Ok(creation.commit()?)
        })
    }

    pub(super) fn open(directory: &Path, options: &OpenOptions) -> Result<Self> {
        let path = directory.join(FILE);
        let database = call(&path, || Ok(builder(options).open(&path)?))?;
        Ok(Self { database, path })
    }

    fn write_durably(&self, group: &GroupWrite, durability: redb::Durability) -> Result<()> {
        call(&self.path, || {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(durability)?;
            let mut records = transaction.open_table(RECORDS)?;
            for (key, value) in group.records() {
                match value {
                    Some(value) => records.insert(&key.0, value)?,
                    None => records.remove(&key.0)?,
                };
            }
            drop(records);
            Ok(transaction.commit()?)
        })
    }
}

impl KeyValueFiles for RedbFile {
    fn write(&self, group: &GroupWrite, durability: Durability) -> Result<()> {
        let durability = match (durability, group.timestamp()) {
            (Durability::Buffered, None) => redb::Durability::None,
            _ => redb::Durability::Immediate,
        };
        self.write_durably(group, durability)
    }

    /// An empty transaction that is on disk takes all before it along.
    fn sync(&self) -> Result<()> {
        self.write_durably(&GroupWrite::default(), redb::Durability::Immediate)
    }

    fn scan(&self, keys: Range<RecordKey>, visit: Visit<'_>) -> Result<()> {
        let mut entries = call(&self.path, || {
            let records = self.database.begin_read()?.open_table(RECORDS)?;
            Ok(records.range::<&[u8; RECORD_KEY_BYTES]>(&keys.start.0..&keys.end.0)?)
        })?;
        while let Some((key, value)) = call(&self.path, || Ok(entries.next().transpose()?))? {
            if visit(RecordKey(*key.value()), value.value()) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}

fn builder(options: &OpenOptions) -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(usize::try_from(options.write_buffer_bytes).unwrap_or(usize::MAX));
    builder
}

fn call<T>(path: &Path, call: impl FnOnce() -> std::result::Result<T, redb::Error>) -> Result<T> {
    guarded(path, || {
        call().map_err(|error| match error {
            redb::Error::DatabaseAlreadyOpen => Error::Locked { path: path.display().to_string() },
            redb::Error::Io(error) => use_error(path, &error),
            error @ (redb::Error::PreviousIo | redb::Error::DatabaseClosed | redb::Error::LockPoisoned(_)) => {
                Error::Io { what: format!("cannot use {}", path.display()), reason: error.to_string() }
            }
            error => Error::corrupt(format!("{}: {error}", path.display())),
        })
    })
}
