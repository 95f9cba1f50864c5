//! The loss of power, and a disk that fails a sync and then claims success: an ext4 of its own on a file in memory, where
//! this user may mount one.
//!
//! The power is cut by the file system's own shutdown: it stops at once, without writing what it has in memory, and the
//! next mount replays its journal, as after a real loss.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use manicule_engine::{Durability, Error, StoreKind};

use super::STORE;
use super::crash::{Commits, Writers, check_survivors, next_below, seed};
use super::support::{Image, create_items, insert_items, open};

/// Stops a file system: `EXT4_IOC_SHUTDOWN` without writing the journal out, on a file in it.
const SHUTDOWN: &str =
    r#"open(F, "<", $ARGV[0]) or die; my $flags = pack("I", 2); ioctl(F, 0x8004587d, $flags) or die"#;

/// A directory with an image of a file system, and the place where it is mounted.
struct Disk {
    directory: tempfile::TempDir,
}

impl Disk {
    /// An empty file system. `None`, and a word about it, where that is not allowed.
    fn new() -> Option<Self> {
        let disk = Self { directory: tempfile::tempdir().unwrap() };
        let is_made =
            run("mount", &["-t", "tmpfs", "-o", "size=200m", "none", &text(disk.directory.path())]) && disk.format();
        if !is_made {
            println!("skipped: this user mounts no ext4 on a loop device");
        }
        is_made.then_some(disk)
    }

    fn format(&self) -> bool {
        std::fs::create_dir(self.mount_point()).unwrap();
        // Blocks of the image are taken when they are written.
        File::create(self.image()).unwrap().set_len(512 << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", "-J", "size=8", &text(&self.image())])
            && self.mount()
            && File::create(self.mount_point().join("gate")).is_ok_and(|gate| gate.sync_all().is_ok())
            && run("perl", &["-e", "1"])
    }

    fn mount(&self) -> bool {
        run("mount", &["-o", "loop", &text(&self.image()), &text(&self.mount_point())])
    }

    /// Cuts the power. Nothing that is not on disk yet will ever be.
    fn cut_power(&self) {
        assert!(run("perl", &["-e", SHUTDOWN, &text(&self.mount_point().join("gate"))]), "the file system stops");
    }

    /// Mounts what is on disk. Nobody has the file system open.
    fn restart(&self) {
        assert!(run("umount", &[&text(&self.mount_point())]) && self.mount(), "the disk is mounted again");
    }

    fn image(&self) -> PathBuf {
        self.directory.path().join("image")
    }

    fn mount_point(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    fn database(&self) -> PathBuf {
        self.mount_point().join("database")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["-l", &text(&self.mount_point())]);
        run("umount", &["-l", &text(self.directory.path())]);
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn run(command: &str, arguments: &[&str]) -> bool {
    let status = Command::new(command).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs the writers for a while and cuts the power; gives what was acknowledged before that.
fn run_and_cut(disk: &Disk, durability: Durability, run_for: Duration) -> Commits {
    let writers = Writers::start(&disk.database(), durability);
    writers.wait_for_first();
    std::thread::sleep(run_for);
    // What comes later may be told by a sync that was under way.
    let acknowledged = writers.acknowledged();
    disk.cut_power();
    writers.kill();
    disk.restart();
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there_when_power_is_lost() {
    let rounds: u64 = std::env::var("POWER_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let Some(disk) = Disk::new() else { return };
    let mut random = seed();
    let mut before = Commits::default();
    for _ in 0..rounds {
        let run_for = Duration::from_millis(next_below(&mut random, 60));
        let acknowledged = run_and_cut(&disk, Durability::Sync, run_for);
        let database = open(disk.database()).unwrap();
        before = check_survivors(&database, std::array::from_fn(|writer| acknowledged[writer].max(before[writer])));
        database.close().unwrap();
    }
    println!("commits that survived {rounds} losses of power: {before:?}");
    assert!(before.iter().sum::<i64>() > 0);
}

/// Without a sync the power takes commits with it: the test above tests something. (redb syncs them all the same.)
#[test]
fn power_takes_what_was_not_synced() {
    let Some(disk) = Disk::new() else { return };
    let acknowledged = run_and_cut(&disk, Durability::Buffered, Duration::from_millis(50));
    assert!(acknowledged.iter().sum::<i64>() > 0);
    let found = match open(disk.database()) {
        // What is left is whole all the same.
        Ok(database) => check_survivors(&database, Commits::default()),
        Err(Error::Corrupt { .. }) => Commits::default(),
        Err(error) => panic!("{error}"),
    };
    let is_lost = found.iter().sum::<i64>() < acknowledged.iter().sum::<i64>();
    assert_eq!(is_lost, STORE == StoreKind::Fjall, "{found:?} of {acknowledged:?}");
}

#[test]
fn mark_of_a_closed_database_survives_the_loss_of_power() {
    let Some(disk) = Disk::new() else { return };
    let database = open(disk.database()).unwrap();
    let table = create_items(&database).unwrap();
    database.close().unwrap();
    drop(database);
    let yesterday = Image::read(&disk.database().join("store"));
    let database = open(disk.database()).unwrap();
    // The mark is not synced with each of them.
    (0..5).for_each(|id| insert_items(&database, table, [id]).unwrap());
    let last = database.durable_timestamp();
    database.close().unwrap();
    drop(database);
    disk.cut_power();
    disk.restart();
    std::fs::remove_dir_all(disk.database().join("store")).unwrap();
    yesterday.write(&disk.database().join("store"));
    let told = format!("commit {last} was on disk once");
    let opened = open(disk.database()).map(drop);
    assert!(matches!(&opened, Err(Error::Corrupt { what }) if what.contains(&told)), "{opened:?}");
}

/// The blocks of the disk run out below the file system: writing them back fails, one sync says so, the next one claims
/// success with the data gone. So there must not be a next one. Where the disk has lost what it had said to have, the loss is
/// named and not served: the system lives on and writes the mark of the last commit.
#[test]
fn disk_that_fails_a_sync_and_then_claims_success_loses_nothing_in_silence() {
    let Some(disk) = Disk::new() else { return };
    let mut writers = Writers::start(&disk.database(), Durability::Sync);
    writers.wait_for_first();
    let filler = disk.directory.path().join("filler");
    let filled = std::io::copy(&mut std::io::repeat(1), &mut File::create(&filler).unwrap());
    assert!(filled.is_err(), "the memory below the disk is full");
    // They end by themselves: all of them are told that the database takes no commit any more.
    writers.wait();
    let acknowledged = writers.kill();
    std::fs::remove_file(&filler).unwrap();
    disk.restart();
    match open(disk.database()) {
        Ok(database) => println!("{acknowledged:?} acknowledged, found {:?}", check_survivors(&database, acknowledged)),
        Err(error @ Error::Corrupt { .. }) => println!("{acknowledged:?} acknowledged, {error}"),
        Err(error) => panic!("{error}"),
    }
}
