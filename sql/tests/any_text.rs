//! Random text and damaged statements: nothing panics, nothing hangs, the session goes on.
//!
//! `SQL_TEXTS=100000` runs more of each; the seed of a failing text is printed.

#[path = "support/any_text.rs"]
mod any_text;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use any_text::run;
use manicule_sql::split_statements;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn one<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const WORDS: [&str; 96] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT",
    "OFFSET",
    "DISTINCT",
    "AS",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "USING",
    "UNION",
    "UNION ALL",
    "EXCEPT",
    "INTERSECT",
    "WITH",
    "VALUES",
    "INSERT INTO",
    "UPDATE",
    "SET",
    "DELETE FROM",
    "CREATE TABLE",
    "CREATE INDEX",
    "CREATE VIEW",
    "DROP TABLE",
    "ALTER TABLE",
    "ADD COLUMN",
    "PRIMARY KEY",
    "UNIQUE",
    "CHECK",
    "DEFAULT",
    "NOT NULL",
    "ON CONFLICT",
    "DO UPDATE",
    "DO NOTHING",
    "RETURNING",
    "EXPLAIN",
    "ANALYZE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "AND",
    "OR",
    "NOT",
    "IN",
    "IS",
    "NULL",
    "LIKE",
    "ESCAPE",
    "BETWEEN",
    "EXISTS",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "INTEGER",
    "TEXT",
    "REAL",
    "DATE",
    "TRUE",
    "count",
    "max",
    "sum",
    "substr",
    "replace",
    "flights",
    "airports",
    "planes",
    "id",
    "tailnum",
    "dest",
    "dep_time",
    "distance",
    "faa",
    "name",
    "x",
    "t",
    "excluded",
    "9223372036854775807",
    "-1",
    "0",
    "1.5e300",
    "'N14228'",
    "''",
    "'2013-01-01'",
    "x'00ff'",
    "?1",
    "$2",
    "\"id\"",
];

const SIGNS: [&str; 24] = [
    "(", ")", "(", ")", ",", ";", ".", "*", "+", "-", "/", "%", "=", "<", ">=", "<>", "||", "::", "<<", "~", "'", "/*",
    "--", "\u{a0}",
];

fn soup(random: &mut Random) -> String {
    let mut text = random.one(&["SELECT", "INSERT INTO", "UPDATE flights SET", "DELETE FROM", "CREATE", ""]).to_owned();
    for _ in 0..random.below(40) {
        text.push_str(if random.below(8) == 0 { "" } else { " " });
        text.push_str(if random.below(3) == 0 { random.one(&SIGNS) } else { random.one(&WORDS) });
    }
    text
}

/// The statements of the dialect's page.
fn statements() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dialect.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let blocks: Vec<&str> = page.split("```sql").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    blocks
        .iter()
        .flat_map(|block| split_statements(block))
        .map(|statement| statement.expect("the page is well formed").text.to_owned())
        .collect()
}

/// A statement with some of its words taken away, doubled, exchanged, or followed by words of another.
fn damaged(random: &mut Random, statements: &[String]) -> String {
    let words = |text: &str| text.split_inclusive([' ', ',', '(', ')', '.']).map(str::to_owned).collect::<Vec<_>>();
    let mut parts = words(&statements[random.below(statements.len())]);
    for _ in 0..1 + random.below(4) {
        if parts.is_empty() {
            break;
        }
        let place = random.below(parts.len());
        match random.below(6) {
            0 => drop(parts.remove(place)),
            1 => parts.insert(place, parts[place].clone()),
            2 => {
                let other = random.below(parts.len());
                parts.swap(place, other);
            }
            3 => parts[place] = format!("{} ", random.one(&WORDS)),
            4 => parts.insert(place, random.one(&SIGNS).to_owned()),
            _ => {
                let other = words(&statements[random.below(statements.len())]);
                let from = random.below(other.len());
                parts.truncate(place);
                parts.extend_from_slice(&other[from..]);
            }
        }
    }
    parts.concat()
}

/// Runs so many texts; a panic is said with the text that it came from.
fn run_all(mut text: impl FnMut(&mut Random) -> String) {
    let count = std::env::var("SQL_TEXTS").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    for seed in 0..count {
        let text = text(&mut Random(seed));
        let ran = catch_unwind(AssertUnwindSafe(|| run(&text)));
        assert!(ran.is_ok(), "seed {seed}: {text:?}");
    }
}

#[test]
fn words_in_any_order_do_no_harm() {
    run_all(soup);
}

#[test]
fn damaged_statements_do_no_harm() {
    let statements = statements();
    assert!(statements.len() > 35);
    run_all(|random| damaged(random, &statements));
}

#[test]
fn the_corpus_of_the_fuzzer_does_no_harm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/sql");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the corpus is there") {
        let text = fs::read_to_string(entry.expect("the folder can be read").path()).expect("the corpus is text");
        run(&text);
        count += 1;
    }
    assert!(count >= 40, "only {count} texts");
}
