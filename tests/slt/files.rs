//! Where the corpus lies.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder that `SLT_DIR` names, or else `shared/slt` beside the project's.
pub(crate) fn root(project: &str) -> PathBuf {
    env::var_os("SLT_DIR").map_or_else(|| Path::new(project).join("../shared/slt"), PathBuf::from)
}

/// All `.test` files below a folder.
pub(crate) fn test_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    find_files(directory, &mut files);
    files
}

fn find_files(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            find_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "test") {
            files.push(path);
        }
    }
}
