//! Running one file.

use std::collections::HashMap;

use manicule::{Database, Error, Routing, Row, Session};
use md5::{Digest, Md5};

use crate::record::{Kind, Record, Sort};
use crate::value::print;

/// What came of a file.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) unsupported: usize,
    pub(crate) wrong: usize,
    /// What was wrong, and the first of what was unsupported.
    pub(crate) notes: Vec<String>,
}

/// How a record ended, when not as it should.
#[derive(Debug)]
pub(crate) enum Failure {
    Unsupported(Error),
    Wrong { what: String, sqlstate: Option<&'static str> },
}

impl Failure {
    pub(crate) fn wrong(what: String) -> Self {
        Self::Wrong { what, sqlstate: None }
    }
}

/// How many notes of a file are kept.
const NOTES_MAX: usize = 5;

/// Who answers.
pub(crate) trait Engine {
    fn statement(&mut self, sql: &str) -> Result<(), Failure>;

    /// The rows of a query, each value printed under its letter of `types`.
    fn query(&mut self, sql: &str, types: &str) -> Result<Vec<Vec<String>>, Failure>;
}

/// Runs the records of a file against a database that is empty.
pub(crate) fn run_records(name: &str, records: &[Record<'_>], queries_max: usize, engine: &mut dyn Engine) -> Tally {
    let mut file = File { engine, labels: HashMap::new() };
    let mut tally = Tally::default();
    let mut queries = 0;
    for record in records {
        if matches!(record.kind, Kind::Halt) || queries >= queries_max {
            break;
        }
        queries += usize::from(matches!(record.kind, Kind::Query { .. }));
        match file.run(record) {
            Ok(()) => tally.passed += 1,
            Err(Failure::Unsupported(error)) => {
                tally.unsupported += 1;
                if tally.unsupported == 1 {
                    tally.notes.push(format!("{name}:{}: unsupported: {error}", record.line));
                }
            }
            Err(Failure::Wrong { what, .. }) => {
                tally.wrong += 1;
                if tally.wrong <= NOTES_MAX {
                    tally.notes.push(format!("{name}:{}: {what}", record.line));
                }
            }
        }
    }
    tally
}

/// A session on a database of its own.
pub(crate) fn session(routing: Routing) -> Session {
    let mut session = Session::new(&Database::in_memory());
    session.execute("SET division_by_zero = 'null'").expect("the setting exists");
    session.set_routing(routing);
    session
}

impl Engine for Session {
    fn statement(&mut self, sql: &str) -> Result<(), Failure> {
        self.execute(sql).map(|_| ()).map_err(|error| failure(error, sql))
    }

    fn query(&mut self, sql: &str, types: &str) -> Result<Vec<Vec<String>>, Failure> {
        let rows = Session::query(self, sql, &[]).map_err(|error| failure(error, sql))?;
        check_width(sql, rows.columns().len(), types)?;
        let print_row =
            |row: &Row| row.values().zip(types.chars()).map(|(value, letter)| print(&value, letter)).collect();
        Ok(rows.iter().map(print_row).collect())
    }
}

/// Whether a result has a column for each letter.
pub(crate) fn check_width(sql: &str, width: usize, types: &str) -> Result<(), Failure> {
    if width == types.len() {
        return Ok(());
    }
    Err(Failure::wrong(format!("{width} columns instead of {}: {sql}", types.len())))
}

struct File<'e, 't> {
    engine: &'e mut dyn Engine,
    /// The hash of the result that each label had.
    labels: HashMap<&'t str, String>,
}

impl<'t> File<'_, 't> {
    fn run(&mut self, record: &Record<'t>) -> Result<(), Failure> {
        match &record.kind {
            Kind::Halt => Ok(()),
            Kind::Statement { sql, is_error } => match (self.engine.statement(sql), is_error) {
                (Ok(_), false) | (Err(_), true) => Ok(()),
                (Ok(_), true) => Err(Failure::wrong(format!("no error for {sql}"))),
                (Err(failure), false) => Err(failure),
            },
            Kind::Query { sql, types, sort, label, expected } => {
                let values = match self.values(sql, types, *sort) {
                    // A query whose values are out of range is recorded as one without a result.
                    Err(Failure::Wrong { sqlstate: Some("22003"), .. }) if expected.is_empty() => return Ok(()),
                    values => values?,
                };
                if let Some(label) = label {
                    let hash = hash(&values);
                    let known = self.labels.entry(label).or_insert_with(|| hash.clone());
                    if *known != hash {
                        return Err(Failure::wrong(format!("not the result that {label} had before: {sql}")));
                    }
                }
                check(sql, &values, expected)
            }
        }
    }

    fn values(&mut self, sql: &str, types: &str, sort: Sort) -> Result<Vec<String>, Failure> {
        let mut printed = self.engine.query(sql, types)?;
        if sort == Sort::Rows {
            printed.sort();
        }
        let mut values: Vec<String> = printed.into_iter().flatten().collect();
        if sort == Sort::Values {
            values.sort();
        }
        Ok(values)
    }
}

fn failure(error: Error, sql: &str) -> Failure {
    match error.sqlstate() {
        "0A000" => Failure::Unsupported(error),
        sqlstate => Failure::Wrong { what: format!("{error}: {sql}"), sqlstate: Some(sqlstate) },
    }
}

fn check(sql: &str, values: &[String], expected: &[&str]) -> Result<(), Failure> {
    let hashed = match expected {
        [line] => line.split_once(" values hashing to "),
        _ => None,
    };
    let is_same = match hashed {
        Some((count, expected)) => count.parse() == Ok(values.len()) && hash(values) == expected,
        None => values.iter().map(String::as_str).eq(expected.iter().copied()),
    };
    if is_same {
        return Ok(());
    }
    let shown = &values[..values.len().min(12)];
    Err(Failure::wrong(format!("{sql}  expected {expected:?}\n  found {} values {shown:?}", values.len())))
}

/// MD5 over the values, a line each.
fn hash(values: &[String]) -> String {
    let mut md5 = Md5::new();
    for value in values {
        md5.update(value.as_bytes());
        md5.update(b"\n");
    }
    md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
