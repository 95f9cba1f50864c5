//! Random tables, indexes, changes and queries: with indexes or without them, on Manicule or on GlueSQL's own memory
//! storage, the rows are the same.
//!
//! `MANICULE_GLUESQL_CASES` says how many tables are tried.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gluesql_core::prelude::{Glue, Payload, Value};
use gluesql_memory_storage::MemoryStorage;
use manicule_gluesql::ManiculeStorage;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// What indexes are on, and what their keys are compared with.
const EXPRESSIONS: [(&str, &str); 10] = [
    ("a", "integer"),
    ("b", "text"),
    ("c", "float"),
    ("d", "date"),
    ("e", "integer"),
    ("f", "decimal"),
    ("a + e", "integer"),
    ("-a", "integer"),
    ("b || 'x'", "text"),
    ("CAST(a AS TEXT)", "text"),
];
const OPERATORS: [&str; 5] = ["=", "<", "<=", ">", ">="];

#[derive(Clone, Debug)]
enum Step {
    /// A row, one field from each number.
    Insert([u8; 6]),
    /// A column gets another field in the rows that a condition finds.
    Update(usize, u8, Condition),
    Delete(Condition),
    CreateIndex(usize),
    DropIndex(usize),
    Select(Condition),
    SelectInOrder(usize, bool),
    Begin,
    Commit,
    /// A change that is rolled back.
    Undone([u8; 6], Condition),
    Vacuum,
}

#[derive(Clone, Debug)]
struct Condition {
    expression: usize,
    operator: usize,
    operand: u8,
    /// A second comparison, of another expression.
    and: Option<(usize, usize, u8)>,
}

fn conditions() -> impl Strategy<Value = Condition> {
    let and = prop::option::of((0..EXPRESSIONS.len(), 0..OPERATORS.len(), any::<u8>()));
    (0..EXPRESSIONS.len(), 0..OPERATORS.len(), any::<u8>(), and)
        .prop_map(|(expression, operator, operand, and)| Condition { expression, operator, operand, and })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => any::<[u8; 6]>().prop_map(Step::Insert),
        2 => (0..6_usize, any::<u8>(), conditions()).prop_map(|(column, field, when)| Step::Update(column, field, when)),
        1 => conditions().prop_map(Step::Delete),
        3 => (0..EXPRESSIONS.len()).prop_map(Step::CreateIndex),
        1 => (0..EXPRESSIONS.len()).prop_map(Step::DropIndex),
        8 => conditions().prop_map(Step::Select),
        2 => (0..EXPRESSIONS.len(), any::<bool>()).prop_map(|(expression, up)| Step::SelectInOrder(expression, up)),
        1 => Just(Step::Begin),
        1 => Just(Step::Commit),
        1 => (any::<[u8; 6]>(), conditions()).prop_map(|(row, when)| Step::Undone(row, when)),
        1 => Just(Step::Vacuum),
    ];
    vec(step, 1..60)
}

/// A literal of a type, NULL now and then.
fn field(kind: &str, number: u8) -> String {
    let small = i32::from(number % 11) - 5;
    match kind {
        _ if number > 230 => "NULL".to_owned(),
        "integer" => small.to_string(),
        "text" => format!("'{}'", ["", "1", "-1", "2x", "ab", "abx", "b", "ä"][usize::from(number % 8)]),
        "float" => format!("{}", f64::from(small) / 4.0),
        "decimal" => format!("{}", f64::from(small) / 10.0),
        _ => format!("'20{:02}-0{}-11'", number % 5, number % 7 + 1),
    }
}

/// What a value is compared with: never NULL, and dates as dates or as text.
fn operand(kind: &str, number: u8) -> String {
    let literal = field(kind, number % 230);
    if kind == "date" && number.is_multiple_of(2) { format!("DATE {literal}") } else { literal }
}

fn comparison(expression: usize, operator: usize, number: u8) -> String {
    let ((expression, kind), operator) = (EXPRESSIONS[expression], OPERATORS[operator]);
    match (number % 16, operator) {
        (0, _) => format!("{expression} IS NULL"),
        (1, _) => format!("{expression} IS NOT NULL"),
        // GlueSQL's suite wants NULL among what an index has above a value, where a scan leaves it out.
        (_, ">" | ">=") => format!("({expression} {operator} {} AND {expression} IS NOT NULL)", operand(kind, number)),
        (odd, "<" | "<=") if odd % 2 == 1 => {
            let reverse = if operator == "<" { ">" } else { ">=" };
            format!("{} {reverse} {expression}", operand(kind, number))
        }
        // Without an index no decimal is equal to a literal.
        (_, "=") if kind == "decimal" => format!("{expression} = CAST('{}' AS DECIMAL)", operand(kind, number)),
        _ => format!("{expression} {operator} {}", operand(kind, number)),
    }
}

fn condition(condition: &Condition) -> String {
    let first = comparison(condition.expression, condition.operator, condition.operand);
    match condition.and {
        Some((expression, operator, operand)) => format!("{first} AND {}", comparison(expression, operator, operand)),
        None => first,
    }
}

/// The storage with indexes, and the one without.
struct Pair {
    manicule: Glue<ManiculeStorage>,
    memory: Glue<MemoryStorage>,
    next_id: i64,
    indexes: Vec<usize>,
    is_open: bool,
}

impl Pair {
    fn new(key: &str) -> Self {
        let mut pair = Self {
            manicule: Glue::new(ManiculeStorage::new()),
            memory: Glue::new(MemoryStorage::default()),
            next_id: 0,
            indexes: Vec::new(),
            is_open: false,
        };
        let columns = "a INTEGER NULL, b TEXT NULL, c FLOAT NULL, d DATE NULL, e INTEGER NULL, f DECIMAL NULL";
        pair.both(&format!("CREATE TABLE t (id INTEGER {key}, {columns})"));
        pair
    }

    fn alone(&mut self, sql: &str) {
        self.manicule.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn both(&mut self, sql: &str) {
        let expected = self.memory.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(self.manicule.execute(sql).as_ref(), Ok(&expected), "{sql}");
    }

    /// The rows in any order.
    fn select(&mut self, sql: &str) {
        let sorted = |payloads: Vec<Payload>| {
            let mut rows: Vec<String> = rows_of(payloads).iter().map(|row| format!("{row:?}")).collect();
            rows.sort();
            rows
        };
        let expected = sorted(self.memory.execute(sql).unwrap());
        assert_eq!(sorted(self.manicule.execute(sql).unwrap()), expected, "{sql}; indexes {:?}", self.indexes);
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Insert(row) => {
                let row = self.row(*row);
                self.both(&format!("INSERT INTO t VALUES {row}"));
            }
            Step::Update(column, number, when) => {
                let (column, kind) = EXPRESSIONS[*column];
                self.both(&format!("UPDATE t SET {column} = {} WHERE {}", field(kind, *number), condition(when)));
            }
            Step::Delete(when) => self.both(&format!("DELETE FROM t WHERE {}", condition(when))),
            Step::CreateIndex(expression) if !self.indexes.contains(expression) => {
                self.indexes.push(*expression);
                self.alone(&format!("CREATE INDEX i{expression} ON t ({})", EXPRESSIONS[*expression].0));
            }
            Step::DropIndex(expression) if self.indexes.contains(expression) => {
                self.indexes.retain(|other| other != expression);
                self.alone(&format!("DROP INDEX t.i{expression}"));
            }
            Step::CreateIndex(_) | Step::DropIndex(_) => {}
            Step::Select(when) => self.select(&format!("SELECT * FROM t WHERE {}", condition(when))),
            Step::SelectInOrder(expression, is_up) => {
                let (expression, direction) = (EXPRESSIONS[*expression].0, if *is_up { "ASC" } else { "DESC" });
                self.both(&format!("SELECT {expression} FROM t ORDER BY {expression} {direction}"));
            }
            Step::Begin | Step::Commit if self.is_open => {
                self.is_open = false;
                self.alone("COMMIT");
            }
            Step::Begin => {
                self.is_open = true;
                self.alone("BEGIN");
            }
            Step::Undone(row, when) if !self.is_open => {
                let row = self.row(*row);
                let when = condition(when);
                self.alone(&format!("BEGIN; INSERT INTO t VALUES {row}; DELETE FROM t WHERE {when}; ROLLBACK"));
            }
            Step::Commit | Step::Undone(..) => {}
            Step::Vacuum => self.manicule.storage.vacuum(),
        }
    }

    fn row(&mut self, numbers: [u8; 6]) -> String {
        self.next_id += 1;
        let fields: Vec<String> =
            EXPRESSIONS.iter().zip(numbers).map(|((_, kind), number)| field(kind, number)).collect();
        format!("({}, {})", (self.next_id * 7) % 101, fields.join(", "))
    }
}

fn rows_of(payloads: Vec<Payload>) -> Vec<Vec<Value>> {
    payloads
        .into_iter()
        .flat_map(|payload| match payload {
            Payload::Select { rows, .. } => rows,
            other => panic!("{other:?} is no rows"),
        })
        .collect()
}

#[test]
fn every_query_has_the_rows_that_it_has_without_indexes() {
    let cases = std::env::var("MANICULE_GLUESQL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let run = runner.run(&(any::<bool>(), steps()), |(has_key, steps)| {
        let mut pair = Pair::new(if has_key { "PRIMARY KEY" } else { "" });
        steps.iter().for_each(|step| pair.run(step));
        pair.select("SELECT * FROM t");
        for expression in pair.indexes.clone() {
            let expression = EXPRESSIONS[expression].0;
            pair.both(&format!("SELECT {expression} FROM t ORDER BY {expression}"));
        }
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}
