//! Disks that are full or read-only: small file systems in memory, where this user may mount them.

use std::path::Path;
use std::process::{Command, Stdio};

use manicule_engine::Error;

use super::support::{contents, create_items, insert_items, open};

/// A file system in memory, unmounted at the end.
struct Mount {
    directory: tempfile::TempDir,
}

impl Mount {
    /// `None`, and a word about it, where mounting is not allowed.
    fn new(options: &str) -> Option<Self> {
        let mount = Self { directory: tempfile::tempdir().unwrap() };
        let is_mounted = mount.run("mount", &["-t", "tmpfs", "-o", options, "none"]);
        if !is_mounted {
            println!("skipped: this user mounts no file system");
        }
        is_mounted.then_some(mount)
    }

    fn run(&self, command: &str, arguments: &[&str]) -> bool {
        let mut command = Command::new(command);
        let status = command.args(arguments).arg(self.path()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    fn remount(&self, options: &str) {
        assert!(self.run("mount", &["-o", &format!("remount,{options}")]));
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.run("umount", &["-l"]);
    }
}

#[test]
fn full_disk_stops_commits_and_loses_nothing_acknowledged() {
    let Some(mount) = Mount::new("size=1m") else { return };
    let path = mount.path().join("database");
    let database = open(&path).unwrap();
    let table = create_items(&database).unwrap();
    let (commits, error) = (0..)
        .find_map(|commit| {
            let inserted = insert_items(&database, table, commit * 100..commit * 100 + 100);
            inserted.err().map(|error| (commit, error))
        })
        .unwrap();
    assert!(matches!(&error, Error::Poisoned { reason } if reason.contains("space")), "{error}");
    assert!(matches!(insert_items(&database, table, [-1]), Err(Error::Poisoned { .. })));
    let acknowledged = contents(&database);
    assert_eq!(acknowledged["item"].len() as i64, commits * 100, "reads go on");
    drop(database);
    mount.remount("size=64m");
    let found = contents(&open(&path).unwrap());
    assert!(found["item"].len() as i64 == commits * 100 || found["item"].len() as i64 == (commits + 1) * 100);
    assert!(acknowledged["item"].iter().all(|(row_id, row)| found["item"][row_id] == *row));
}

#[test]
fn read_only_file_system_is_refused() {
    let Some(mount) = Mount::new("size=8m") else { return };
    let path = mount.path().join("database");
    let database = open(&path).unwrap();
    create_items(&database).unwrap();
    drop(database);
    mount.remount("ro");
    let error = open(&path).map(|_| ()).unwrap_err();
    assert!(matches!(&error, Error::Io { reason, .. } if reason.contains("Read-only")), "{error}");
    let error = open(mount.path().join("other")).map(|_| ()).unwrap_err();
    assert!(matches!(&error, Error::Io { reason, .. } if reason.contains("Read-only")), "{error}");
    mount.remount("rw");
    assert_eq!(contents(&open(&path).unwrap()).len(), 1);
}
