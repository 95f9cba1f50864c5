//! Writers that are killed at a random moment: nothing acknowledged is lost, nothing is half there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use manicule_engine::{
    Database, Durability, Error, IndexMethod, OpenOptions, Row, RowBuf, RowId, TableDefinition, TableId, Transaction,
    Value,
};

use super::support::{contents, create_index, integer, integer_column, open, options};

const WRITERS: u64 = 8;
const ACCOUNTS: u64 = 20;
const DIRECTORY: &str = "MANICULE_CRASH_DIRECTORY";
const DURABILITY: &str = "MANICULE_CRASH_DURABILITY";

/// Tables `account (id, balance)`, whose balances always add up to the same, and `progress (writer, commits, echo)`.
fn create_tables(database: &Database) -> Result<(), Error> {
    for (name, columns) in [("account", vec!["id", "balance"]), ("progress", vec!["writer", "commits", "echo"])] {
        let definition = TableDefinition {
            name: name.into(),
            columns: columns.into_iter().map(integer_column).collect(),
            primary_key: vec![0],
            ..TableDefinition::default()
        };
        let table = database.create_table(definition)?;
        create_index(database, table, &format!("{name}_1"), 1, IndexMethod::Tree)?;
        let mut transaction = database.begin();
        match name {
            "account" => {
                for id in 0..ACCOUNTS {
                    transaction.insert(table, integers(&[id as i64, 100]))?;
                }
            }
            _ => {
                for writer in 0..WRITERS {
                    transaction.insert(table, integers(&[writer as i64, 0, 0]))?;
                }
            }
        }
        transaction.commit()?;
    }
    Ok(())
}

fn integers(values: &[i64]) -> RowBuf {
    Row::new(&values.iter().map(|value| Value::Integer(*value)).collect::<Vec<_>>())
}

fn table(database: &Database, name: &str) -> TableId {
    database.catalog().table(name).unwrap().id
}

fn add(transaction: &mut Transaction, table: TableId, row_id: RowId, amounts: &[i64]) -> Result<i64, Error> {
    let view = transaction.view();
    let row = view.row(table, row_id).unwrap();
    let mut values = vec![integer(row, 0)];
    values.extend(amounts.iter().enumerate().map(|(column, amount)| integer(row, column + 1) + amount));
    drop(view);
    transaction.update(table, row_id, integers(&values))?;
    Ok(values[1])
}

/// Moves money between two accounts, and deletes and inserts a row, as one commit; gives its number.
fn work(database: &Database, writer: u64, random: &mut u64) -> Result<i64, Error> {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let (from, to) = ((*random >> 33) % ACCOUNTS, (*random >> 43) % ACCOUNTS);
    let (account, progress) = (table(database, "account"), table(database, "progress"));
    let mut transaction = database.begin();
    add(&mut transaction, account, RowId(from), &[-1])?;
    add(&mut transaction, account, RowId(to), &[1])?;
    let commits = add(&mut transaction, progress, RowId(writer), &[1, 1])?;
    transaction.commit()?;
    Ok(commits)
}

/// Not a test by itself: what the killed process runs.
#[test]
fn writers_that_are_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let durability = match std::env::var(DURABILITY).as_deref() {
        Ok("Buffered") => Durability::Buffered,
        _ => Durability::Sync,
    };
    let sync_interval = Duration::from_secs(3600);
    let options = OpenOptions { durability, sync_interval, ..options() };
    let database = Database::open_with(directory, &options).unwrap();
    if database.catalog().table("progress").is_none() {
        create_tables(&database).unwrap();
    }
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let database = &database;
            scope.spawn(move || work_for_ever(database, writer));
        }
    });
}

fn work_for_ever(database: &Database, writer: u64) {
    let mut random = writer + u64::from(std::process::id());
    loop {
        match work(database, writer, &mut random) {
            // One write a line, so that a line is there whole or not at all.
            Ok(commits) => std::io::stdout().write_all(format!("\nack {writer} {commits}\n").as_bytes()).unwrap(),
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
}

/// The last commit of each writer.
pub(super) type Commits = [i64; WRITERS as usize];

/// A process of writers, and what it has acknowledged so far.
pub(super) struct Writers {
    child: Child,
    acknowledged: Arc<[AtomicI64; WRITERS as usize]>,
    reader: Option<JoinHandle<()>>,
    first: Receiver<()>,
}

impl Writers {
    pub(super) fn start(directory: &Path, durability: Durability) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "durability::crash::writers_that_are_killed", "--nocapture"])
            .env(DIRECTORY, directory)
            .env(DURABILITY, format!("{durability:?}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let acknowledged: Arc<[AtomicI64; WRITERS as usize]> = Arc::default();
        let (sender, first) = std::sync::mpsc::channel();
        let told = Arc::clone(&acknowledged);
        let reader = std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let Some(words) = line.strip_prefix("ack ") else { continue };
                let (writer, commits) = words.split_once(' ').unwrap();
                told[writer.parse::<usize>().unwrap()].store(commits.parse().unwrap(), Ordering::SeqCst);
                let _ = sender.send(());
            }
        });
        Self { child, acknowledged, reader: Some(reader), first }
    }

    /// Waits until somebody has committed.
    pub(super) fn wait_for_first(&self) {
        self.first.recv_timeout(Duration::from_secs(60)).expect("the writers begin to commit");
    }

    /// Waits until the process has ended by itself.
    pub(super) fn wait(&mut self) {
        self.child.wait().unwrap();
    }

    pub(super) fn acknowledged(&self) -> Commits {
        std::array::from_fn(|writer| self.acknowledged[writer].load(Ordering::SeqCst))
    }

    /// Kills the process; gives what it acknowledged until then.
    pub(super) fn kill(mut self) -> Commits {
        self.end();
        self.reader.take().into_iter().for_each(|reader| reader.join().unwrap());
        self.acknowledged()
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// Also where a test fails: or they would go on in a directory that is being removed.
impl Drop for Writers {
    fn drop(&mut self) {
        self.end();
    }
}

/// What is there in a database whose writers ended at some moment: whole transactions, all that were acknowledged among
/// them. Gives the last commit of each writer.
pub(super) fn check_survivors(database: &Database, acknowledged: Commits) -> Commits {
    let found = contents(database);
    let Some(progress) = found.get("progress").filter(|rows| !rows.is_empty()) else {
        assert_eq!(acknowledged, Commits::default(), "the tables were not there yet");
        return acknowledged;
    };
    assert_eq!(found["account"].len() as u64, ACCOUNTS);
    assert_eq!(progress.len() as u64, WRITERS);
    let snapshot = database.snapshot();
    let view = snapshot.view();
    let accounts = table(database, "account");
    let balances = (0..ACCOUNTS).map(|id| integer(view.row(accounts, RowId(id)).unwrap(), 1));
    assert_eq!(balances.sum::<i64>(), 100 * ACCOUNTS as i64, "a transfer is half there");
    std::array::from_fn(|writer| {
        let row = view.row(table(database, "progress"), RowId(writer as u64)).unwrap();
        let commits = integer(row, 1);
        assert_eq!(commits, integer(row, 2));
        assert!(commits >= acknowledged[writer], "writer {writer}: {commits} commits of {}", acknowledged[writer]);
        commits
    })
}

/// A number that differs from run to run, and is printed.
pub(super) fn seed() -> u64 {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    seed
}

/// The next random number below a limit.
pub(super) fn next_below(random: &mut u64, limit: u64) -> u64 {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*random >> 40) % limit
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there_after_kill() {
    let rounds: u64 = std::env::var("CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    let mut random = seed();
    let directory = tempfile::tempdir().unwrap();
    let mut before = Commits::default();
    for round in 0..rounds {
        let writers = Writers::start(directory.path(), Durability::Sync);
        // Every third time it is killed while it opens, recovering from the kill before.
        if round % 3 != 2 {
            writers.wait_for_first();
        }
        std::thread::sleep(Duration::from_millis(next_below(&mut random, 50)));
        let acknowledged = writers.kill();
        let database = open(directory.path()).unwrap();
        let least = std::array::from_fn(|writer| acknowledged[writer].max(before[writer]));
        before = check_survivors(&database, least);
    }
    println!("commits that survived {rounds} kills: {before:?}");
    assert!(rounds < 4 || before.iter().sum::<i64>() > 0);
}

#[test]
fn second_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path()).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::crash::writers_that_are_killed", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("Locked"), "{told}");
    create_tables(&database).unwrap();
}
