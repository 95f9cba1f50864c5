//! How long does a CSV file take to import, in the shell and in SQLite?
//!
//! `cargo run --release -p manicule-peers --bin import -- FILE SHELL` runs `.import FILE` of the shell at `SHELL`
//! (`target/release/manicule`) as a process of its own, and beside it an import of the same file into SQLite in memory
//! with one prepared statement in one transaction, types inferred from all values in a first pass, as the shell does.
//! Five rounds, turn by turn; medians and spread. Both count the rows at the end, and must agree.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

const ROUNDS: usize = 5;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Imports a CSV file with the shell and with SQLite, and says how long each took.
#[derive(Debug, Parser)]
#[command(name = "import")]
struct Arguments {
    /// A CSV file with a header; `NA` and the empty field are NULL.
    file: PathBuf,
    /// The shell's program.
    shell: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let (mut shell, mut sqlite) = (Vec::new(), Vec::new());
    let mut rows = 0;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let of_shell = import_with_shell(arguments)?;
        shell.push(begin.elapsed());
        let begin = Instant::now();
        let of_sqlite = import_with_sqlite(&arguments.file)?;
        sqlite.push(begin.elapsed());
        if of_shell != of_sqlite {
            return Err(format!("WRONG: the shell counts {of_shell} rows, SQLite {of_sqlite}").into());
        }
        rows = of_shell;
    }
    println!("{rows} rows of {}", arguments.file.display());
    print("manicule .import, process and all", shell);
    print("SQLite in memory, in process", sqlite);
    Ok(())
}

fn print(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let seconds = |time: Duration| time.as_secs_f64();
    let (least, median, most) = (seconds(times[0]), seconds(times[times.len() / 2]), seconds(times[times.len() - 1]));
    println!("{name:36} {median:.2} s  ({least:.2} to {most:.2})");
}

fn import_with_shell(arguments: &Arguments) -> Result<u64> {
    let import = format!(".import '{}' imported", arguments.file.display());
    let output = Command::new(&arguments.shell)
        .args(["-c", &import, "-c", "SELECT COUNT(*) FROM imported", "--mode", "csv"])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().last().unwrap_or_default().parse()?)
}

fn import_with_sqlite(file: &Path) -> Result<u64> {
    let types = infer(file)?;
    let columns: Vec<String> = types.iter().map(|(name, column_type)| format!("\"{name}\" {column_type}")).collect();
    let mut connection = Connection::open_in_memory()?;
    connection.execute(&format!("CREATE TABLE imported ({})", columns.join(", ")), [])?;
    let transaction = connection.transaction()?;
    let holes = vec!["?"; columns.len()].join(", ");
    let mut insert = transaction.prepare(&format!("INSERT INTO imported VALUES ({holes})"))?;
    let mut reader = csv::Reader::from_path(file)?;
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        insert.execute(params_from_iter(record.iter().zip(&types).map(|(field, (_, kind))| value(field, kind))))?;
    }
    drop(insert);
    transaction.commit()?;
    let count: i64 = connection.query_row("SELECT COUNT(*) FROM imported", [], |row| row.get(0))?;
    Ok(u64::try_from(count)?)
}

/// Name and type of each column: INTEGER, REAL or TEXT, the first that fits all values.
fn infer(file: &Path) -> Result<Vec<(String, &'static str)>> {
    let mut reader = csv::Reader::from_path(file)?;
    let mut types: Vec<(String, &'static str)> =
        reader.headers()?.iter().map(|name| (name.to_owned(), "INTEGER")).collect();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        for (field, (_, column_type)) in record.iter().zip(&mut types).filter(|(field, _)| !is_null(field)) {
            if *column_type == "INTEGER" && field.parse::<i64>().is_err() {
                *column_type = "REAL";
            }
            if *column_type == "REAL" && field.parse::<f64>().is_err() {
                *column_type = "TEXT";
            }
        }
    }
    Ok(types)
}

fn is_null(field: &str) -> bool {
    field.is_empty() || field == "NA"
}

fn value(field: &str, column_type: &str) -> Value {
    match column_type {
        _ if is_null(field) => Value::Null,
        "INTEGER" => field.parse().map_or(Value::Null, Value::Integer),
        "REAL" => field.parse().map_or(Value::Null, Value::Real),
        _ => Value::Text(field.to_owned()),
    }
}
