//! Anomalies of concurrent transactions, as scripts: which level forbids which. How a script is written is said in
//! `tests/scripts/isolation/README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use manicule::{Database, Outcome, Row, Session, Value};

/// What is added to the setup so that the same conditions take other ways. No way may change what happens.
const VARIANTS: [&str; 3] = ["", "CREATE INDEX test_value ON test (value);", "SET routing = full_scan;"];

const LEVELS: [&str; 2] = ["snapshot", "serializable"];

/// A statement of one session, and what it gives.
struct Step {
    line: usize,
    session: String,
    sql: String,
    /// By level; under "" what all other levels give.
    expected: BTreeMap<String, String>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/isolation")
}

/// What each script begins with: the statements that their README shows.
fn setup() -> String {
    let readme = fs::read_to_string(directory().join("README.md")).unwrap();
    let block = readme.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next());
    block.expect("the README shows the table").to_owned()
}

/// The scripts, by file name.
fn scripts() -> BTreeMap<String, String> {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "test"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

fn parse(script: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (number, line) in script.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if let Some(expected) = line.strip_prefix("  ") {
            let level = LEVELS.iter().find(|level| expected.starts_with(**level)).map_or("", |level| level);
            let expected = expected[level.len()..].trim_start_matches(": ");
            steps.last_mut().unwrap().expected.insert(level.to_owned(), expected.to_owned());
            continue;
        }
        let (session, sql) = line.split_once(": ").expect("a step is `session: statement`");
        let (session, sql) = (session.to_owned(), sql.to_owned());
        steps.push(Step { line: number + 1, session, sql, expected: BTreeMap::new() });
    }
    steps
}

/// What a statement gives, in the words of the scripts.
fn given(session: &mut Session, sql: &str) -> String {
    match session.execute(sql) {
        Err(error) if error.sqlstate() == "40001" && error.is_retryable() => "conflict".to_owned(),
        Err(error) => format!("error {}", error.sqlstate()),
        Ok(outcomes) => match outcomes.as_slice() {
            [Outcome::Rows(rows)] if rows.is_empty() => "nothing".to_owned(),
            [Outcome::Rows(rows)] => rows.iter().map(show).collect::<Vec<_>>().join(", "),
            _ => "ok".to_owned(),
        },
    }
}

fn show(row: &Row) -> String {
    row.values().map(|value: Value<'_>| value.to_string()).collect::<Vec<_>>().join(" => ")
}

fn run(name: &str, steps: &[Step], level: &str, variant: &str) {
    let database = Database::in_memory();
    Session::new(&database).execute(&setup()).unwrap();
    let is_setting = variant.starts_with("SET");
    if !is_setting {
        Session::new(&database).execute(variant).unwrap();
    }
    let mut sessions: BTreeMap<&str, Session> = BTreeMap::new();
    for step in steps {
        let session = sessions.entry(&step.session).or_insert_with(|| {
            let mut session = Session::new(&database);
            session.execute(if is_setting { variant } else { "" }).unwrap();
            session
        });
        let sql = match step.sql.as_str() {
            "BEGIN" => format!("BEGIN ISOLATION LEVEL {level}"),
            sql => sql.to_owned(),
        };
        let expected = step.expected.get(level).or(step.expected.get("")).map_or("ok", String::as_str);
        let place = format!("{name}.test:{} at {level}, {variant:?}: {sql}", step.line);
        assert_eq!(given(session, &sql), expected, "{place}");
    }
}

#[test]
fn every_anomaly_is_forbidden_by_the_levels_that_forbid_it_by_every_access_path() {
    let scripts = scripts();
    assert!(scripts.len() >= 14, "the scripts are found");
    for (name, script) in &scripts {
        let steps = parse(script);
        for level in LEVELS {
            for variant in VARIANTS {
                run(name, &steps, level, variant);
            }
        }
    }
}

#[test]
fn every_case_of_hermitage_has_its_script() {
    let named: BTreeSet<u32> = scripts()
        .values()
        .flat_map(|script| script.lines().find_map(|line| line.strip_prefix("# Hermitage: ")))
        .flat_map(|cases| cases.split(", ").map(|case| case.parse().unwrap()))
        .collect();
    assert_eq!(named, (1..=20).collect());
}
