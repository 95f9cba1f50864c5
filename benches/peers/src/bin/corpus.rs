//! How long does SQLite's own corpus of tests take us, and how long SQLite?
//!
//! `cargo run --release -p manicule-peers --bin corpus` runs each `.test` file under `../shared/slt`, or under the folder
//! that `SLT_DIR` names, against a session of ours and then against SQLite in memory, in one process. It prints for each
//! directory the processor seconds of both, what the checking of the answers takes included, which is the same for both;
//! `--files` prints each file, `--only TEXT` runs the files whose path has it.
//!
//! Our side, and the checking of both, has the shell's allocator; SQLite has its own caches over that of the C library.

#![forbid(unsafe_code)]

#[path = "../../../../tests/slt/files.rs"]
mod files;
#[path = "../../../../tests/slt/record.rs"]
mod record;
#[path = "../../../../tests/slt/run.rs"]
mod run;
#[path = "../../../../tests/slt/value.rs"]
mod value;

use std::fs;
use std::process::ExitCode;

use clap::Parser;
use manicule::{Routing, Value};
use mimalloc::MiMalloc;
use record::{Record, records};
use run::{Engine, Failure, check_width, run_records, session};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Runs SQLite's corpus of tests on Manicule and on SQLite and tells the time of both.
#[derive(Debug, Parser)]
#[command(name = "corpus")]
struct Arguments {
    /// Only the files whose path has this text.
    #[arg(long, default_value = "")]
    only: String,
    /// Prints each file.
    #[arg(long)]
    files: bool,
}

/// Processor seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Seconds {
    ours: f64,
    theirs: f64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let root = files::root(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut files = files::test_files(&root);
    files.retain(|file| file.to_string_lossy().contains(&arguments.only));
    if files.is_empty() {
        println!("no .test files under {}; set SLT_DIR", root.display());
        return ExitCode::FAILURE;
    }
    files.sort();
    let (mut directories, mut total, mut wrong) = (Vec::<(String, Seconds)>::new(), Seconds::default(), 0);
    println!("{:<40} {:>9} {:>9} {:>6}", "", "Manicule", "SQLite", "ratio");
    for file in &files {
        let Ok(text) = fs::read_to_string(file) else { continue };
        let name = file.strip_prefix(&root).unwrap_or(file).to_string_lossy().into_owned();
        let records = records(&text);
        let seconds = Seconds {
            ours: timed(&name, &records, &mut session(Routing::Automatic), &mut wrong),
            theirs: timed(&name, &records, &mut Sqlite::new(), &mut wrong),
        };
        if arguments.files {
            line(&name, seconds);
        }
        add(&mut total, seconds);
        let directory = name.split('/').take(2).collect::<Vec<_>>().join("/");
        match directories.last_mut().filter(|(name, _)| *name == directory) {
            Some((_, sum)) => add(sum, seconds),
            None => directories.push((directory, seconds)),
        }
    }
    directories.iter().for_each(|(name, seconds)| line(name, *seconds));
    line("total", total);
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The processor seconds of a file; what comes out wrong is printed and counted.
fn timed(name: &str, records: &[Record<'_>], engine: &mut dyn Engine, wrong: &mut usize) -> f64 {
    let begin = processor_seconds();
    let tally = run_records(name, records, usize::MAX, engine);
    let seconds = processor_seconds() - begin;
    *wrong += tally.wrong;
    if tally.wrong > 0 {
        tally.notes.iter().for_each(|note| println!("{note}"));
    }
    seconds
}

/// How long this thread has run.
fn processor_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn add(sum: &mut Seconds, seconds: Seconds) {
    sum.ours += seconds.ours;
    sum.theirs += seconds.theirs;
}

fn line(name: &str, Seconds { ours, theirs }: Seconds) {
    // Of less than ten milliseconds a ratio says nothing.
    let ratio = if theirs < 0.01 { String::new() } else { format!("{:.2}", ours / theirs) };
    println!("{name:<40} {ours:>9.3} {theirs:>9.3} {ratio:>6}");
}

/// SQLite with a database in memory.
struct Sqlite(Connection);

impl Sqlite {
    fn new() -> Self {
        Self(Connection::open_in_memory().expect("SQLite opens in memory"))
    }
}

impl Engine for Sqlite {
    fn statement(&mut self, sql: &str) -> Result<(), Failure> {
        self.0.execute_batch(sql).map_err(|error| failure(&error, sql))
    }

    fn query(&mut self, sql: &str, types: &str) -> Result<Vec<Vec<String>>, Failure> {
        let mut statement = self.0.prepare(sql).map_err(|error| failure(&error, sql))?;
        check_width(sql, statement.column_count(), types)?;
        let print_row = |row: &rusqlite::Row<'_>| {
            let print = |(column, letter)| value::print(&value_of(row.get_ref_unwrap(column)), letter);
            Ok(types.chars().enumerate().map(print).collect())
        };
        let rows = statement.query_map([], print_row).map_err(|error| failure(&error, sql))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| failure(&error, sql))
    }
}

fn failure(error: &rusqlite::Error, sql: &str) -> Failure {
    let what = error.to_string();
    let sqlstate = (what == "integer overflow").then_some("22003");
    Failure::Wrong { what: format!("{what}: {sql}"), sqlstate }
}

fn value_of(value: ValueRef<'_>) -> Value<'_> {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => Value::Blob(bytes.into()),
    }
}
