//! The directory of a database: its lock, its format, and the timestamp that the store in it must have reached.
//!
//! ```text
//! MANICULE   the format version and the kind of the store, in words
//! LOCK       locked while a process has the database open
//! DURABLE    the last commit that is known to be on disk
//! store/     the store's own files
//! ```
//!
//! `MANICULE` is there before anything else and `store/` comes to be by a rename, so making a database that was
//! interrupted is told from one that lost files.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::checksum::guard_hash;
use super::file::create_files;
use super::format::{FORMAT_VERSION, check_version};
use super::{OpenOptions, StoreKind};
use crate::error::{Error, Result};
use crate::ids::Timestamp;

const FORMAT_FILE: &str = "MANICULE";
const LOCK_FILE: &str = "LOCK";
const MARK_FILE: &str = "DURABLE";
const STORE: &str = "store";
const NEW_STORE: &str = "store.new";
const FORMAT_WORDS: &str = "manicule format ";
const STORE_WORDS: &str = "store ";

const MARK_MAGIC: [u8; 8] = *b"MNCLDUR1";
const MARK_BYTES: usize = 32;
/// How long the mark may stay unsynced while commits go on. It is only ever behind what is on disk, so this bounds what it
/// may miss.
const MARK_SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// An open directory. The lock goes with it, also where a process that was just forked has a copy of its file still.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    kind: StoreKind,
    mark: Mutex<Mark>,
    /// What the mark said when the directory was opened.
    marked: Option<Timestamp>,
    lock: File,
}

#[derive(Debug)]
struct Mark {
    file: File,
    /// When it was synced last, since the directory was opened.
    synced: Option<Instant>,
}

/// An error of a file operation, with what was tried.
pub(crate) fn io_error(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::Io { what: format!("cannot {what} {}", path.display()), reason: error.to_string() }
}

impl Directory {
    /// Opens the directory, or makes it and the files of a new store.
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        if let Some(kind) = options.store.filter(|kind| !kind.is_built()) {
            return Err(not_built(kind, path));
        }
        if path.exists() && !path.is_dir() {
            let reason = format!("{} is a file, and a database is a directory", path.display());
            return Err(Error::Refused { reason });
        }
        fs::create_dir_all(path).map_err(|error| io_error("make the directory", path, &error))?;
        check_content(path)?;
        let lock = lock(&path.join(LOCK_FILE))?;
        let kind = open_format(path, options.store)?;
        let store = path.join(STORE);
        let (file, mark) = open_mark(&path.join(MARK_FILE), store.exists())?;
        if !store.exists() {
            if mark != Some(Timestamp(0)) {
                return Err(Error::corrupt(format!("{} is lost", store.display())));
            }
            create_store(path, kind, options)?;
        }
        let mark_file = Mutex::new(Mark { file, synced: None });
        Ok(Self { path: path.to_path_buf(), kind, mark: mark_file, marked: mark, lock })
    }

    /// Which library keeps the store's files.
    pub(crate) fn kind(&self) -> StoreKind {
        self.kind
    }

    /// Where the store's files are.
    pub(crate) fn store(&self) -> PathBuf {
        self.path.join(STORE)
    }

    /// Compares what the store has with what was on disk once.
    pub(crate) fn check_mark(&self, found: Option<Timestamp>) -> Result<()> {
        let mark = self.path.join(MARK_FILE);
        let Some(marked) = self.marked else { return Err(Error::corrupt(mark.display().to_string())) };
        match found {
            Some(found) if found >= marked => Ok(()),
            _ => {
                let found = found.map_or("no commit".to_owned(), |found| format!("commit {found}"));
                let store = self.store();
                Err(Error::corrupt(format!(
                    "{} ends at {found}, but commit {marked} was on disk once",
                    store.display()
                )))
            }
        }
    }

    /// Notes that a commit is on disk.
    pub(crate) fn set_mark(&self, timestamp: Timestamp) -> Result<()> {
        let mut mark = self.mark.lock();
        let written = write_mark(&mut mark.file, timestamp).and_then(|()| {
            if mark.synced.is_none_or(|synced| synced.elapsed() > MARK_SYNC_INTERVAL) {
                mark.file.sync_data()?;
                mark.synced = Some(Instant::now());
            }
            Ok(())
        });
        written.map_err(|error| io_error("write", &self.path.join(MARK_FILE), &error))
    }

    /// Puts the mark itself on disk.
    pub(crate) fn sync_mark(&self) -> Result<()> {
        let synced = self.mark.lock().file.sync_data();
        synced.map_err(|error| io_error("sync", &self.path.join(MARK_FILE), &error))
    }
}

/// Refuses a directory with something else in it.
fn check_content(path: &Path) -> Result<()> {
    if path.join(FORMAT_FILE).exists() {
        return Ok(());
    }
    let unreadable = |error| io_error("read the directory", path, &error);
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if name == STORE || name == MARK_FILE {
            return Err(Error::corrupt(format!("{} is lost", path.join(FORMAT_FILE).display())));
        }
        if name != LOCK_FILE && name != temporary(FORMAT_FILE).as_str() {
            let reason = format!("{} is no database, and it is not empty", path.display());
            return Err(Error::Refused { reason });
        }
    }
    Ok(())
}

impl Drop for Directory {
    fn drop(&mut self) {
        // If it fails, closing the file does the same.
        let _ = self.lock.unlock();
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(|error| io_error("open", path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(io_error("lock", path, &error)),
    }
}

/// The error for a library that is not in this build.
pub(super) fn not_built(kind: StoreKind, path: &Path) -> Error {
    let path = path.display();
    Error::Refused {
        reason: format!("{path} needs the store {kind}, which this build lacks: enable the feature `{kind}`"),
    }
}

/// Reads the format, or writes it in a new directory; gives the kind of the store.
fn open_format(path: &Path, wanted: Option<StoreKind>) -> Result<StoreKind> {
    let file = path.join(FORMAT_FILE);
    let bytes = match fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let kind = wanted.unwrap_or_default();
            return write_format(path, kind).map(|()| kind);
        }
        Err(error) => return Err(io_error("read", &file, &error)),
    };
    let kind = decode_format(&bytes)?.ok_or_else(|| Error::corrupt(file.display().to_string()))?;
    match wanted {
        Some(wanted) if wanted != kind => {
            let path = path.display();
            let reason =
                format!("{path} was made with the store {kind}, not {wanted}: open it with {kind} and export it");
            Err(Error::Refused { reason })
        }
        _ if !kind.is_built() => Err(not_built(kind, path)),
        _ => Ok(kind),
    }
}

/// The kind of the store, or `None` if the bytes are damaged. A database without the word is older than the choice.
fn decode_format(bytes: &[u8]) -> Result<Option<StoreKind>> {
    let Some(text) = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix('\n')) else { return Ok(None) };
    let (format, store) = text.split_once('\n').map_or((text, None), |(format, store)| (format, Some(store)));
    let version = format.strip_prefix(FORMAT_WORDS).and_then(|version| version.parse().ok());
    let Some(version) = version.filter(|version| *version > 0) else { return Ok(None) };
    check_version(version)?;
    Ok(store.map_or(Some(StoreKind::Fjall), |store| store.strip_prefix(STORE_WORDS).and_then(StoreKind::from_name)))
}

fn write_format(path: &Path, kind: StoreKind) -> Result<()> {
    let (new, name) = (path.join(temporary(FORMAT_FILE)), path.join(FORMAT_FILE));
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(format!("{FORMAT_WORDS}{FORMAT_VERSION}\n{STORE_WORDS}{kind}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &name)?;
        sync_directory(path)
    });
    written.map_err(|error| io_error("write", &name, &error))
}

fn temporary(name: &str) -> String {
    format!("{name}.new")
}

/// Opens the mark and reads it: `None` if what is there is no mark. Only a directory without a store may lack it.
fn open_mark(path: &Path, has_store: bool) -> Result<(File, Option<Timestamp>)> {
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| io_error("open", path, &error))?;
    let mut bytes = Vec::new();
    let read = Read::by_ref(&mut file).take(MARK_BYTES as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| io_error("read", path, &error))?;
    if bytes.is_empty() && !has_store {
        let written = write_mark(&mut file, Timestamp(0)).and_then(|()| file.sync_all());
        written.map_err(|error| io_error("write", path, &error))?;
        return Ok((file, Some(Timestamp(0))));
    }
    Ok((file, decode_mark(&bytes)))
}

fn decode_mark(bytes: &[u8]) -> Option<Timestamp> {
    let bytes: &[u8; MARK_BYTES] = bytes.try_into().ok()?;
    let (payload, hash) = bytes.split_last_chunk()?;
    let (magic, rest) = payload.split_first_chunk()?;
    let (timestamp, _) = rest.split_first_chunk()?;
    let is_whole = *magic == MARK_MAGIC && u64::from_le_bytes(*hash) == guard_hash(payload);
    is_whole.then(|| Timestamp(u64::from_le_bytes(*timestamp)))
}

/// One write of 32 bytes within one sector: it is there whole or not at all.
fn write_mark(file: &mut File, timestamp: Timestamp) -> io::Result<()> {
    let mut bytes = [0; MARK_BYTES];
    bytes[..8].copy_from_slice(&MARK_MAGIC);
    bytes[8..16].copy_from_slice(&timestamp.0.to_le_bytes());
    let hash = guard_hash(&bytes[..24]);
    bytes[24..].copy_from_slice(&hash.to_le_bytes());
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&bytes)
}

/// Makes a store beside its place and moves it there when it is whole.
fn create_store(path: &Path, kind: StoreKind, options: &OpenOptions) -> Result<()> {
    let (new, store) = (path.join(NEW_STORE), path.join(STORE));
    let failed = |error: io::Error| io_error("make", &store, &error);
    if new.exists() {
        fs::remove_dir_all(&new).map_err(failed)?;
    }
    create_files(kind, &new, options)?;
    sync_directory(&new).and_then(|()| fs::rename(&new, &store)).and_then(|()| sync_directory(path)).map_err(failed)
}

/// Puts the names in a directory on disk.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
