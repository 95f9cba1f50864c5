//! Which versions were compared: those that `Cargo.lock` holds.

/// The crates that this program is built of, and SQLite itself.
pub(super) fn section() -> String {
    let crates = built_of(include_str!("../../../../Cargo.lock"), env!("CARGO_PKG_NAME"));
    let lines: Vec<String> = crates.into_iter().map(|(name, version)| format!("{name} = \"{version}\"")).collect();
    format!("## Versions\n\n```toml\n{}\nSQLite = \"{}\"\n```\n", lines.join("\n"), rusqlite::version())
}

/// The direct dependencies of a package and their versions.
fn built_of<'l>(lock: &'l str, package: &str) -> Vec<(&'l str, &'l str)> {
    let packages: Vec<(&str, &str, &str)> = lock.split("[[package]]").filter_map(read).collect();
    let version = |name: &str| packages.iter().find(|(known, ..)| *known == name).map_or("unknown", |found| found.1);
    let Some((.., body)) = packages.iter().find(|(name, ..)| *name == package) else { return Vec::new() };
    let dependencies = body.lines().filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\","));
    // Where there are several versions of a crate the one that is meant stands behind its name.
    let both = |dependency: &'l str| match dependency.split_once(' ') {
        Some((name, version)) => (name, version),
        None => (dependency, version(dependency)),
    };
    dependencies.map(both).collect()
}

/// A package's name, version, and all of its text.
fn read(package: &str) -> Option<(&str, &str, &str)> {
    let field = |key: &str| package.lines().find_map(|line| line.strip_prefix(key)?.strip_suffix('"'));
    Some((field("name = \"")?, field("version = \"")?, package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_a_package_is_built_with_is_found_among_several() {
        let lock = "\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.0.0\"\n\n\
                    [[package]]\nname = \"b\"\nversion = \"0.3.1\"\n\n[[package]]\nname = \"mine\"\nversion = \"0.1.0\"\n\
                    dependencies = [\n \"a 2.0.0\",\n \"b\",\n]\n";
        assert_eq!(built_of(lock, "mine"), [("a", "2.0.0"), ("b", "0.3.1")]);
    }

    #[test]
    fn every_peer_has_a_version() {
        let section = section();
        for name in ["scc", "papaya", "evmap", "rusqlite", "SQLite"] {
            assert!(section.contains(&format!("\n{name} = \"")), "{section}");
        }
        assert!(!section.contains("unknown"), "{section}");
    }
}
