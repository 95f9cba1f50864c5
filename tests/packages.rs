//! What goes to the registry is whole: each crate has its licences and a page of its own, and needs no file outside of its folder.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The folders of the crates that are published.
fn packages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("it is there");
    let members =
        manifest.lines().find_map(|line| line.strip_prefix("members = [")).expect("the workspace has members");
    let members = members.split('"').skip(1).step_by(2).map(|member| root.join(member));
    let is_published = |folder: &PathBuf| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a member has a manifest");
        !manifest.contains("publish = false")
    };
    std::iter::once(root.to_owned()).chain(members).filter(is_published).collect()
}

/// All sources below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            match path.is_dir() {
                true => folders.push(path),
                false => sources.push(path),
            }
        }
    }
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources
}

/// How many folders above its own a relative path goes.
fn rise(path: &str) -> usize {
    Path::new(path).components().take_while(|part| *part == Component::ParentDir).count()
}

#[test]
fn every_crate_has_its_licences_and_a_page() {
    let packages = packages();
    assert!(packages.len() >= 7, "{packages:?}");
    for folder in packages {
        for file in ["LICENSE-MIT", "LICENSE-APACHE", "README.md"] {
            let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
            assert!(!text.is_empty(), "{} has no {file}", folder.display());
        }
    }
}

#[test]
fn no_source_takes_in_a_file_from_outside_its_crate() {
    let mut found = 0;
    for folder in packages() {
        for source in sources(&folder.join("src")) {
            let text = fs::read_to_string(&source).expect("it can be read");
            let depth = source.strip_prefix(&folder).expect("it lies below").components().count() - 1;
            for taken in text.split("include_").skip(1) {
                let Some(path) = taken.split('"').nth(1).filter(|_| taken.starts_with(['s', 'b'])) else { continue };
                found += 1;
                assert!(rise(path) <= depth, "{} takes in {path}, which is not packaged", source.display());
            }
        }
    }
    assert!(found >= 10, "only {found} were found");
}
