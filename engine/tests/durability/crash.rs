//! Writers that are killed at a random moment: nothing acknowledged is lost, nothing is half there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use manicule_engine::{Database, Error, IndexMethod, Row, RowBuf, RowId, TableDefinition, TableId, Transaction, Value};

use super::support::{contents, create_index, integer, integer_column};

const WRITERS: u64 = 4;
const ACCOUNTS: u64 = 20;
const DIRECTORY: &str = "MANICULE_CRASH_DIRECTORY";

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
    let database = Database::open(directory).unwrap();
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

/// Runs the writers for a while; gives the last commit that each acknowledged.
fn run_and_kill(directory: &Path, run_for: Duration, counted_from_first: bool) -> [i64; WRITERS as usize] {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::crash::writers_that_are_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = [0; WRITERS as usize];
    let (first, started) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let Some(words) = line.strip_prefix("ack ") else { continue };
                let (writer, commits) = words.split_once(' ').unwrap();
                acknowledged[writer.parse::<usize>().unwrap()] = commits.parse().unwrap();
                let _ = first.send(());
            }
            acknowledged
        });
        if counted_from_first {
            started.recv_timeout(Duration::from_secs(30)).expect("the writers begin to commit");
        }
        std::thread::sleep(run_for);
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap()
    })
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there_after_kill() {
    let rounds: u64 = std::env::var("CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    let mut random = u64::from(std::process::id());
    println!("seed {random}, {rounds} rounds");
    let directory = tempfile::tempdir().unwrap();
    let mut commits_before = [0; WRITERS as usize];
    for round in 0..rounds {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Every third time it is killed while it opens, recovering from the kill before.
        let acknowledged = run_and_kill(directory.path(), Duration::from_millis((random >> 40) % 50), round % 3 != 2);
        let database = Database::open(directory.path()).unwrap();
        let found = contents(&database);
        let Some(progress) = found.get("progress").filter(|rows| !rows.is_empty()) else {
            assert_eq!(acknowledged, [0; WRITERS as usize], "the tables were not there yet");
            continue;
        };
        assert_eq!(found["account"].len() as u64, ACCOUNTS);
        assert_eq!(progress.len() as u64, WRITERS);
        let snapshot = database.snapshot();
        let view = snapshot.view();
        let accounts = table(&database, "account");
        let balances = (0..ACCOUNTS).map(|id| integer(view.row(accounts, RowId(id)).unwrap(), 1));
        assert_eq!(balances.sum::<i64>(), 100 * ACCOUNTS as i64, "a transfer is half there");
        for writer in 0..WRITERS as usize {
            let row = view.row(table(&database, "progress"), RowId(writer as u64)).unwrap();
            let commits = integer(row, 1);
            assert_eq!(commits, integer(row, 2));
            let least = acknowledged[writer].max(commits_before[writer]);
            assert!(commits >= least, "round {round}: writer {writer} has {commits} commits of {least}");
            commits_before[writer] = commits;
        }
    }
    println!("commits that survived: {commits_before:?}");
    assert!(rounds < 4 || commits_before.iter().sum::<i64>() > 0);
}

#[test]
fn second_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path()).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::crash::writers_that_are_killed", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("Locked"), "{told}");
    create_tables(&database).unwrap();
}
