//! Bad input of every kind: a clear error, no panic, and the database as it was.

use manicule::{Database, Session, Value};

/// A small database, the same for every test.
fn session() -> Session {
    let database = Database::in_memory();
    let mut session = Session::new(&database);
    session
        .execute(
            "CREATE TABLE flights (id INTEGER PRIMARY KEY, tailnum TEXT NOT NULL, distance INTEGER, day DATE);
             CREATE INDEX flights_tailnum ON flights (tailnum);
             INSERT INTO flights VALUES (1, 'N1', 100, DATE '2013-01-01'), (2, 'N2', 9223372036854775807, NULL)",
        )
        .expect("the database can be made");
    session
}

/// All rows, to be compared before and after.
fn rows(session: &mut Session) -> manicule::Rows {
    session.query("SELECT * FROM flights ORDER BY id", &[]).expect("the table is there")
}

/// Runs what must fail with this SQLSTATE and a message with these words; nothing may have changed.
fn check(sql: &str, sqlstate: &str, words: &[&str]) {
    let mut session = session();
    let before = rows(&mut session);
    let shown: String = sql.chars().take(100).collect();
    let Err(error) = session.execute(sql) else { panic!("no error from {shown}") };
    let message = error.render(sql);
    assert_eq!(error.sqlstate(), sqlstate, "{shown}: {message}");
    for word in words {
        assert!(message.contains(word), "no '{word}' in the error of {shown}: {message}");
    }
    assert!(message.len() < 2_000, "the error of {shown} has {} bytes", message.len());
    assert_eq!(rows(&mut session), before, "{shown}");
    let is_well = session.query("SELECT 1 + 1", &[]).map(|rows| rows.value(0, 0) == Value::Integer(2));
    assert!(matches!(is_well, Ok(true)), "the next statement after {shown}");
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    check("SELECT * FROM flihgts", "42P01", &["flihgts", "flights"]);
    check("SELECT talinum FROM flights", "42703", &["talinum", "tailnum", "^^^^^^^"]);
    check("INSERT INTO flights (id, tailnmu) VALUES (3, 'N3')", "42703", &["tailnmu", "tailnum"]);
    check("DROP INDEX flights_tailnumber", "42704", &["flights_tailnumber"]);
}

#[test]
fn wrong_types_are_refused() {
    check("INSERT INTO flights VALUES ('three', 'N3', 1, NULL)", "42804", &["id", "INTEGER", "three"]);
    check("UPDATE flights SET distance = 'far' WHERE id = 1", "42804", &["distance", "INTEGER", "far"]);
    check("INSERT INTO flights VALUES (3, 'N3', 1, '2013-02-30')", "22P02", &["2013-02-30"]);
}

#[test]
fn keys_and_nulls_are_guarded() {
    check("INSERT INTO flights VALUES (3, 'N3', 1, NULL), (1, 'N4', 1, NULL)", "23505", &["flights", "id", "1"]);
    check("UPDATE flights SET id = 2 WHERE id = 1", "23505", &["flights_pkey"]);
    check("INSERT INTO flights VALUES (3, NULL, 1, NULL)", "23502", &["tailnum"]);
    check("INSERT INTO flights (id) VALUES (3)", "23502", &["tailnum"]);
    check("UPDATE flights SET tailnum = NULL", "23502", &["tailnum"]);
}

#[test]
fn arithmetic_fails_loudly() {
    check("SELECT 1 / 0", "22012", &["zero"]);
    check("SELECT distance % 0 FROM flights", "22012", &["zero"]);
    check("SELECT distance + 1 FROM flights", "22003", &[]);
    check("SELECT -9223372036854775807 - 2", "22003", &[]);
    check("SELECT sum(distance) FROM flights", "22003", &[]);
    check("SELECT 9223372036854775808", "22003", &["9223372036854775808"]);
    check("SELECT 1e308 * 10", "22003", &[]);
    check("UPDATE flights SET distance = distance / (id - 2)", "22012", &["zero"]);
}

#[test]
fn broken_text_is_named_by_its_place() {
    check("SELECT 'open", "42601", &["string"]);
    check("SELECT \"open", "42601", &[]);
    check("SELECT 1 /* open", "42601", &["comment"]);
    check("SELEKT 1", "42601", &["SELEKT"]);
    check("SELECT 1\n  FROM flights\n WHERE (id = 1", "42601", &[]);
    check("SELECT\u{a0}1", "42601", &["U+00A0"]);
    check("SELECT 'a\0b'", "42601", &["zero byte"]);
}

#[test]
fn text_that_is_too_deep_or_too_long_is_refused() {
    let nested = |open: &str, close: &str| format!("SELECT {}1{}", open.repeat(100_000), close.repeat(100_000));
    check(&nested("(", ")"), "54001", &[]);
    check(&nested("NOT ", ""), "54001", &[]);
    check(&nested("- ", ""), "54001", &[]);
    check(&nested("CASE WHEN true THEN ", " END"), "54001", &[]);
    check(&format!("SELECT 1{}", " + 1".repeat(100_000)), "54001", &[]);
    check(&format!("SELECT * FROM flights WHERE {} id = 1", "id = 1 AND ".repeat(100_000)), "54001", &[]);
    check(&format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(20_000)), "54001", &[]);
    check(&format!("{}SELECT 1", "/*".repeat(100_000)), "54001", &[]);
}

#[test]
fn a_statement_of_fifty_megabytes_is_refused() {
    check(&format!("SELECT '{}'", "x".repeat(50 << 20)), "54001", &[]);
    check(
        &format!("INSERT INTO flights VALUES (3, 'N3', 1, NULL){}", ", (3, 'N3', 1, NULL)".repeat(2_600_000)),
        "54001",
        &[],
    );
    check(&format!("SELECT {}", "x".repeat(1_000)), "54001", &["name"]);
}

#[test]
fn a_failing_statement_leaves_an_open_transaction_usable() {
    let mut session = session();
    session.execute("BEGIN; INSERT INTO flights VALUES (3, 'N3', 1, NULL)").expect("nobody else writes");
    for sql in
        ["INSERT INTO flights VALUES (4, 'N4', 1, NULL), (3, 'N3', 1, NULL)", "SELECT 1 / 0", "SELECT * FROM nowhere"]
    {
        session.execute(sql).expect_err(sql);
    }
    session.execute("COMMIT").expect("nobody else writes");
    assert_eq!(rows(&mut session).len(), 3);
}
