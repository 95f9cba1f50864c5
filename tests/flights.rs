//! The scripts of `tests/scripts` on the demo's data: each query gives the answer that SQLite gave, by the route that
//! the router takes and by full scans alone, in memory and in a durable database that was closed and opened again.

#[path = "support/demo.rs"]
mod demo;

use std::fs;
use std::path::Path;

use manicule::{Database, Routing, Session, Value};

/// A query of a script and its answer, as CSV records.
struct Query {
    name: String,
    sql: String,
    answer: Vec<String>,
}

#[test]
fn every_query_gives_the_recorded_answer_by_every_route() {
    check_all(&demo::database());
}

#[test]
fn every_query_gives_the_recorded_answer_after_the_database_was_reopened() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flights-reopened");
    // What an earlier run left.
    let _ = fs::remove_dir_all(&folder);
    let database = Database::open(&folder).expect("a new database");
    demo::fill(&database);
    drop(database);
    check_all(&Database::open(&folder).expect("the database that was made"));
    fs::remove_dir_all(&folder).expect("the folder is the test's own");
}

/// Runs every query of every script, routed and as a full scan.
fn check_all(database: &Database) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut query_count = 0;
    let mut wrong = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the scripts are there")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "test")) {
        let script = fs::read_to_string(&path).expect("a script is text");
        for query in queries(&script) {
            query_count += 1;
            for routing in [Routing::Automatic, Routing::FullScan] {
                if let Err(difference) = check(database, &query, routing) {
                    wrong.push(format!("{} {}, {routing:?}:\n{difference}", path.display(), query.name));
                }
            }
        }
    }
    assert!(query_count >= 40, "only {query_count} queries were found");
    assert!(wrong.is_empty(), "{} of {query_count} differ\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Runs the query by this routing and compares.
fn check(database: &Database, query: &Query, routing: Routing) -> Result<(), String> {
    let mut session = Session::new(database);
    session.set_routing(routing);
    let rows = session.query(&query.sql, &[]).map_err(|error| error.render(&query.sql))?;
    let names: Vec<String> = rows.columns().iter().map(|column| field(&Value::text(column.name.as_str()))).collect();
    let mut found = vec![names.join(",")];
    for row in &rows {
        let fields: Vec<String> = row.values().map(|value| field(&value)).collect();
        // A row of one empty field is written as two quotation marks, so that no row is an empty line.
        found.push(if fields == [""] { "\"\"".to_owned() } else { fields.join(",") });
    }
    match (0..found.len().max(query.answer.len())).find(|&line| found.get(line) != query.answer.get(line)) {
        None => Ok(()),
        Some(line) => Err(format!(
            "{}\nline {line} is {:?}, expected {:?}; {} lines, expected {}",
            query.sql,
            found.get(line),
            query.answer.get(line),
            found.len(),
            query.answer.len()
        )),
    }
}

/// A value as the scripts write it.
fn field(value: &Value<'_>) -> String {
    let text = match value {
        Value::Null => String::new(),
        // The shortest decimal that reads back as the same number, with a digit after the point.
        Value::Real(real) => format!("{real:?}"),
        // SQLite has no booleans: they are 1 and 0.
        Value::Boolean(boolean) => u8::from(*boolean).to_string(),
        _ => value.to_string(),
    };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// Takes a script apart; `benches/peers/src/bin/answers.rs` describes the format.
fn queries(script: &str) -> Vec<Query> {
    let mut queries = Vec::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("query ") else {
            assert!(line.is_empty() || line.starts_with('#'), "neither a comment nor a query: {line}");
            continue;
        };
        let mut block = lines.by_ref().take_while(|line| !line.is_empty());
        let sql: Vec<&str> = block.by_ref().take_while(|line| *line != "----").collect();
        let answer = records(&block.collect::<Vec<_>>().join("\n"));
        queries.push(Query { name: name.to_owned(), sql: sql.join("\n"), answer });
    }
    queries
}

/// CSV text as its records; a quoted field may hold a line break.
fn records(text: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        match records.last_mut().filter(|_| is_open) {
            Some(last) => {
                last.push('\n');
                last.push_str(line);
            }
            None => records.push(line.to_owned()),
        }
        is_open ^= line.matches('"').count() % 2 == 1;
    }
    records
}
