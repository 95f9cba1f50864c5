//! Re-makes the expected answers of the SQL scripts over the demo's data, with SQLite.
//!
//! `cargo run -p manicule-peers --bin answers` rewrites every `tests/scripts/*.test` in place; with `--check` it only
//! says whether they are up to date; file names after it limit it to those. So the tests themselves need neither
//! SQLite nor a C compiler.
//!
//! # The script format
//!
//! ```text
//! # a comment, anywhere between queries
//! query NAME
//! SELECT …             one statement, on one line or several, without a semicolon
//! ----
//! column,column        the answer: a line of names, then one line for each row
//! value,value
//!                      an empty line, or the end of the file
//! ```
//!
//! * Between `----` and the empty line stand CSV records, separated by `\n`. A field is quoted if it holds a comma, a
//!   quotation mark or a line break, and quotation marks in it are doubled; nothing else is quoted.
//! * NULL is the empty field. A row whose only field is NULL is written `""`, so that no row is an empty line.
//! * An integer is written in decimal. A real is written as the shortest decimal that reads back as the same number,
//!   with at least one digit after the point.
//! * Rows are compared in order: a query whose order matters says ORDER BY, and by so many columns that one order is
//!   left; else it gives at most one row.
//!
//! The data are the files of `cli/data/`, as `--demo` loads them: a column is INTEGER, REAL or TEXT, the first of these that
//! fits all its values, `NA` and the empty field are NULL.

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use flate2::read::GzDecoder;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

/// The first column of each is its primary key.
const TABLES: [(&str, &str); 4] = [
    ("airlines", "airlines.csv"),
    ("airports", "airports.csv"),
    ("planes", "planes.csv"),
    ("flights", "flights_2013_01.csv.gz"),
];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Re-makes the answers of tests/scripts/*.test with SQLite.
#[derive(Debug, Parser)]
#[command(name = "answers")]
struct Arguments {
    /// Only these scripts.
    scripts: Vec<PathBuf>,
    /// Changes nothing; fails if an answer is out of date.
    #[arg(long)]
    check: bool,
    /// The project's root.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))]
    root: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("answers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all scripts are up to date now.
fn run(arguments: &Arguments) -> Result<bool> {
    let connection = load(&arguments.root.join("cli/data"))?;
    let scripts = match arguments.scripts.as_slice() {
        [] => all_scripts(&arguments.root.join("tests/scripts"))?,
        named => named.to_vec(),
    };
    let mut up_to_date = true;
    for path in scripts {
        let script = fs::read_to_string(&path)?;
        let (answered, queries) =
            answer_script(&connection, &script).map_err(|e| format!("{}: {e}", path.display()))?;
        let current = answered == script;
        let state = if current { "up to date" } else { "rewritten" };
        if !arguments.check {
            fs::write(&path, &answered)?;
        }
        up_to_date &= current || !arguments.check;
        println!(
            "{}: {queries} queries, {}",
            path.display(),
            if arguments.check && !current { "out of date" } else { state }
        );
    }
    Ok(up_to_date)
}

fn all_scripts(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "test") {
            scripts.push(path);
        }
    }
    scripts.sort();
    Ok(scripts)
}

/// The script with every answer made anew, and how many there are.
fn answer_script(connection: &Connection, script: &str) -> Result<(String, usize)> {
    let mut out = String::new();
    let mut queries = 0;
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        let Some(name) = line.strip_prefix("query ") else {
            return Err(format!("neither a comment nor a query: {line}").into());
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let sql = block.iter().take_while(|line| **line != "----").copied().collect::<Vec<_>>().join("\n");
        let answer = answer(connection, &sql).map_err(|e| format!("query {name}: {e}"))?;
        out.push_str(&format!("query {name}\n{sql}\n----\n{answer}\n"));
        queries += 1;
    }
    let end = out.trim_end_matches('\n').len();
    out.truncate(end);
    out.push('\n');
    Ok((out, queries))
}

/// The column names and rows of a query, as CSV.
fn answer(connection: &Connection, sql: &str) -> Result<String> {
    let mut statement = connection.prepare(sql)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    csv.write_record(&names)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..names.len() {
            csv.write_field(shown(row.get_ref(column)?)?)?;
        }
        csv.write_record(None::<&[u8]>)?;
    }
    Ok(String::from_utf8(csv.into_inner()?)?)
}

fn shown(value: ValueRef<'_>) -> Result<String> {
    Ok(match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => format!("{real:?}"),
        ValueRef::Text(text) => str::from_utf8(text)?.to_owned(),
        ValueRef::Blob(_) => return Err("a BLOB has no place in an answer".into()),
    })
}

/// A database with the demo's tables.
fn load(data: &Path) -> Result<Connection> {
    let connection = Connection::open_in_memory()?;
    for (table, file) in TABLES {
        let text = read(&data.join(file))?;
        load_table(&connection, table, &text).map_err(|e| format!("{file}: {e}"))?;
    }
    // The answers do not depend on these; the program runs faster with them.
    connection.execute_batch("CREATE INDEX by_tailnum ON flights(tailnum); CREATE INDEX by_dest ON flights(dest);")?;
    Ok(connection)
}

fn read(path: &Path) -> Result<String> {
    let open = || File::open(path).map_err(|e| format!("{}: {e}", path.display()));
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(open()?).read_to_string(&mut text)?;
    } else {
        open()?.read_to_string(&mut text)?;
    }
    Ok(text)
}

fn load_table(connection: &Connection, table: &str, text: &str) -> Result<()> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let rows = reader.records().collect::<std::result::Result<Vec<_>, _>>()?;
    let column = |c: usize| rows.iter().map(move |row| &row[c]).filter(|field| !is_null(field));
    let types: Vec<&str> = (0..names.len()).map(|c| column_type(column(c))).collect();
    let mut columns: Vec<String> = names.iter().zip(&types).map(|(name, kind)| format!("\"{name}\" {kind}")).collect();
    columns[0].push_str(" PRIMARY KEY");
    connection.execute_batch(&format!("CREATE TABLE {table} ({})", columns.join(", ")))?;
    let places = vec!["?"; names.len()].join(", ");
    connection.execute_batch("BEGIN")?;
    let mut insert = connection.prepare(&format!("INSERT INTO {table} VALUES ({places})"))?;
    for row in &rows {
        insert.execute(params_from_iter(row.iter().zip(&types).map(|(field, kind)| value(field, kind))))?;
    }
    drop(insert);
    connection.execute_batch("COMMIT")?;
    Ok(())
}

fn is_null(field: &str) -> bool {
    field.is_empty() || field == "NA"
}

/// The first type that fits all the values.
fn column_type<'f>(fields: impl Iterator<Item = &'f str> + Clone) -> &'static str {
    if fields.clone().all(|field| field.parse::<i64>().is_ok()) {
        "INTEGER"
    } else if fields.clone().all(|field| field.parse::<f64>().is_ok()) {
        "REAL"
    } else {
        "TEXT"
    }
}

fn value(field: &str, kind: &str) -> Value {
    let parsed = match kind {
        _ if is_null(field) => Some(Value::Null),
        "INTEGER" => field.parse().ok().map(Value::Integer),
        "REAL" => field.parse().ok().map(Value::Real),
        _ => None,
    };
    parsed.unwrap_or_else(|| Value::Text(field.to_owned()))
}
