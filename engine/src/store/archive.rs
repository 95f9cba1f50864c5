//! The archives that fjall keeps its rows and its lists of files in, looked at before it opens them.
//!
//! ```text
//! sections … │ "TOC!", number of sections: u32, sections │ "SFA!", 2 bytes, hash of the contents: u128, their place: u64, 8 bytes
//! ```
//!
//! fjall takes memory for as many sections as the table of contents says before it compares the hash, and a number of
//! billions ends the process. So the hash is compared here.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use super::directory::io_error;
use crate::error::{Error, Result};

const MAGIC: &[u8; 4] = b"SFA!";
const TRAILER_BYTES: usize = 38;

/// Checks the table of contents of each archive in a directory and those below it. One read or two for each file.
///
/// # Errors
///
/// [`Error::Corrupt`] with the name of the file, [`Error::Io`].
pub(super) fn check_archives(path: &Path) -> Result<()> {
    let unreadable = |error| io_error("read the directory", path, &error);
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            check_archives(&path)?;
        } else if !is_whole(&path).map_err(|error| io_error("read", &path, &error))? {
            return Err(Error::corrupt(format!("the table of contents of {}", path.display())));
        }
    }
    Ok(())
}

/// Whether the table of contents is what was written, if the file is an archive.
fn is_whole(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let Some(contents_end) = len.checked_sub(TRAILER_BYTES as u64) else { return Ok(true) };
    let mut trailer = [0; TRAILER_BYTES];
    file.seek(SeekFrom::Start(contents_end))?;
    file.read_exact(&mut trailer)?;
    if !trailer.starts_with(MAGIC) {
        return Ok(true);
    }
    let (hash, rest) = trailer[6..].split_first_chunk().expect("a trailer is longer");
    let (place, _) = rest.split_first_chunk().expect("a trailer is longer");
    let place = u64::from_le_bytes(*place);
    let mut contents = Vec::new();
    file.seek(SeekFrom::Start(place.min(contents_end)))?;
    file.take(contents_end.saturating_sub(place)).read_to_end(&mut contents)?;
    Ok(xxh3_128(&contents) == u128::from_le_bytes(*hash))
}
