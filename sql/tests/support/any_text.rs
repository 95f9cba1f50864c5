//! Any text as SQL against a small database: it may be refused, it may not panic, hang or spoil the session.
//!
//! The tests of `sql/tests/any_text.rs` and the fuzz target `fuzz/fuzz_targets/sql.rs` share this.

use std::time::{Duration, Instant};

use manicule_engine::{Database, Value};
use manicule_sql::{Session, split_statements};

/// The demo's tables with a few rows each, so that its scripts find what they ask for.
const SCHEMA: &str = "
CREATE TABLE airlines (carrier TEXT PRIMARY KEY, name TEXT);
CREATE TABLE airports (
    faa TEXT PRIMARY KEY, name TEXT, lat REAL, lon REAL, alt INTEGER, tz INTEGER, dst TEXT, tzone TEXT);
CREATE TABLE planes (
    tailnum TEXT PRIMARY KEY, year INTEGER, type TEXT, manufacturer TEXT, model TEXT, engines INTEGER, seats INTEGER,
    speed INTEGER, engine TEXT);
CREATE TABLE flights (
    id INTEGER PRIMARY KEY, year INTEGER, month INTEGER, day INTEGER, dep_time INTEGER, sched_dep_time INTEGER,
    dep_delay INTEGER, arr_time INTEGER, sched_arr_time INTEGER, arr_delay INTEGER, carrier TEXT, flight INTEGER,
    tailnum TEXT, origin TEXT, dest TEXT, air_time INTEGER, distance INTEGER, hour INTEGER, minute INTEGER,
    time_hour TIMESTAMP);
CREATE INDEX flights_tailnum ON flights USING HASH (tailnum);
CREATE INDEX flights_dest ON flights (dest, distance DESC);
CREATE INDEX flights_dep_time ON flights USING TREE (dep_time);
INSERT INTO airlines VALUES ('UA', 'United'), ('AA', NULL);
INSERT INTO airports (faa, name, lat, alt) VALUES ('EWR', 'Newark', 40.7, 18), ('IAH', 'Houston', 30, NULL);
INSERT INTO planes (tailnum, year, seats) VALUES ('N14228', 1999, 149), ('N24211', NULL, 149);
INSERT INTO flights (id, dep_time, dep_delay, carrier, tailnum, origin, dest, distance, time_hour) VALUES
    (1, 517, 2, 'UA', 'N14228', 'EWR', 'IAH', 1400, '2013-01-01 05:00:00'),
    (2, 533, NULL, 'UA', 'N24211', 'LGA', 'IAH', 1416, NULL),
    (3, NULL, -4, 'AA', NULL, 'JFK', 'MIA', 1089, '2013-01-02 05:00:00');
";

/// What a statement may use.
const LIMITS: &str = "SET statement_timeout = 500; SET memory_limit = 33554432";

/// After so long the statements of one text hang.
const HANGS: Duration = Duration::from_secs(20);

/// Runs the statements of a text, all but those that change the limits.
///
/// # Panics
///
/// If a statement panics or hangs, its error is unreadable, or the session is unusable afterwards.
pub(crate) fn run(text: &str) {
    let mut session = Session::new(&Database::in_memory());
    session.execute(SCHEMA).expect("the schema is well formed");
    session.execute(LIMITS).expect("the settings exist");
    let start = Instant::now();
    for statement in split_statements(text) {
        let Ok(statement) = statement else { break };
        if statement.text.trim_start().get(..3).is_some_and(|word| word.eq_ignore_ascii_case("set")) {
            continue;
        }
        if let Err(error) = session.execute(statement.text) {
            assert_eq!(error.sqlstate().len(), 5, "{error}");
            assert!(error.render(statement.text).len() < 10_000, "a long error");
        }
    }
    assert!(start.elapsed() < HANGS, "it took {:?}", start.elapsed());
    let answer = session.query("SELECT 1 + 1", &[]).expect("the next statement works");
    assert_eq!(answer.value(0, 0), Value::Integer(2));
}
