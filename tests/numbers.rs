//! Rows that come without their INTEGER PRIMARY KEY are given a number.

use std::path::Path;

use manicule::{Database, Row, Session};

/// The rows as text.
#[track_caller]
fn rows(session: &mut Session, sql: &str) -> String {
    let rows = session.query(sql, &[]).unwrap_or_else(|error| panic!("{}", error.render(sql)));
    let line = |row: &Row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    rows.iter().map(line).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn error(session: &mut Session, sql: &str) -> String {
    let error = session.execute(sql).expect_err(sql);
    format!("{} {error}", error.sqlstate())
}

fn database() -> (Database, Session) {
    let database = Database::in_memory();
    let mut session = Session::new(&database);
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'none')").expect("the table is new");
    (database, session)
}

#[test]
fn every_form_of_insert_counts_up() {
    let (_, mut session) = database();
    assert_eq!(rows(&mut session, "INSERT INTO t (name) VALUES ('a'), ('b') RETURNING *"), "1,a 2,b");
    assert_eq!(rows(&mut session, "INSERT INTO t VALUES (NULL, 'c') RETURNING id"), "3");
    assert_eq!(rows(&mut session, "INSERT INTO t DEFAULT VALUES RETURNING *"), "4,none");
    assert_eq!(rows(&mut session, "INSERT INTO t (name) SELECT name FROM t WHERE id < 3 RETURNING *"), "5,a 6,b");
    assert_eq!(rows(&mut session, "INSERT OR REPLACE INTO t VALUES (NULL, 'd') RETURNING id"), "7");
    let upsert = "INSERT INTO t VALUES (?1, 'e') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING *";
    assert_eq!(rows(&mut session, &upsert.replace("?1", "NULL")), "8,e");
    assert_eq!(rows(&mut session, &upsert.replace("?1", "1")), "1,e");
    assert_eq!(rows(&mut session, "SELECT COUNT(*), MIN(id), MAX(id) FROM t"), "8,1,8");
}

#[test]
fn given_numbers_count_too() {
    let (_, mut session) = database();
    assert_eq!(rows(&mut session, "INSERT INTO t (id) VALUES (5), (NULL), (2), (NULL) RETURNING id"), "5 6 2 7");
    session.execute("BEGIN; INSERT INTO t (id) VALUES (20)").unwrap();
    assert_eq!(rows(&mut session, "INSERT INTO t (name) VALUES ('x') RETURNING id"), "21");
    session.execute("COMMIT; UPDATE t SET id = 100 WHERE id = 2").unwrap();
    assert_eq!(rows(&mut session, "INSERT INTO t (name) VALUES ('x') RETURNING id"), "101");
    session.execute("DELETE FROM t WHERE id > 20").unwrap();
    assert_eq!(rows(&mut session, "INSERT INTO t (name) VALUES ('x') RETURNING id"), "102", "none is given again");
    session.execute("CREATE TABLE below (id INTEGER PRIMARY KEY); INSERT INTO below VALUES (-7)").unwrap();
    assert_eq!(rows(&mut session, "INSERT INTO below DEFAULT VALUES RETURNING id"), "1");
}

#[test]
fn transactions_side_by_side_get_different_numbers() {
    let (database, mut session) = database();
    let mut other = Session::new(&database);
    session.execute("BEGIN; INSERT INTO t (name) VALUES ('a')").unwrap();
    other.execute("BEGIN; INSERT INTO t (name) VALUES ('b')").unwrap();
    session.execute("COMMIT").unwrap();
    other.execute("COMMIT").unwrap();
    session.execute("BEGIN; INSERT INTO t (name) VALUES ('lost'); ROLLBACK").unwrap();
    session.execute("INSERT INTO t (name) VALUES ('c')").unwrap();
    assert_eq!(rows(&mut session, "SELECT * FROM t ORDER BY id"), "1,a 2,b 4,c");
}

#[test]
fn numbers_go_on_after_opening_and_in_a_table_that_is_rewritten() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("numbers-reopened");
    let _ = std::fs::remove_dir_all(&path);
    for opened in 0..3 {
        let database = Database::open(&path).unwrap();
        let mut session = Session::new(&database);
        session.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)").unwrap();
        session.execute("INSERT INTO t (name) VALUES ('a'), ('b')").unwrap();
        session.execute(&format!("ALTER TABLE t ADD COLUMN c{opened} INTEGER")).unwrap();
        session.execute("INSERT INTO t (name) VALUES ('c')").unwrap();
        let last = 3 * (opened + 1);
        assert_eq!(rows(&mut session, "SELECT COUNT(*), MAX(id) FROM t"), format!("{last},{last}"));
        session.execute("CREATE TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY); DROP TABLE gone").unwrap();
        database.close().unwrap();
    }
}

#[test]
fn what_is_no_number_is_asked_for() {
    let (_, mut session) = database();
    session
        .execute(
            "CREATE TABLE named (name TEXT PRIMARY KEY); CREATE TABLE pairs (a INTEGER, b INTEGER, PRIMARY KEY (a, b))",
        )
        .unwrap();
    assert_eq!(error(&mut session, "INSERT INTO named VALUES (NULL)"), "23502 column named.name takes no NULL");
    assert_eq!(error(&mut session, "INSERT INTO pairs (a) VALUES (1)"), "23502 column pairs.b takes no NULL");
    session.execute("INSERT INTO t (name) VALUES ('a')").unwrap();
    assert_eq!(error(&mut session, "UPDATE t SET id = NULL"), "23502 column t.id takes no NULL");
    for (sql, message) in [
        ("CREATE TABLE u (id TEXT PRIMARY KEY AUTOINCREMENT)", "42P16 AUTOINCREMENT is for an INTEGER PRIMARY KEY"),
        ("CREATE TABLE u (id INTEGER AUTOINCREMENT)", "42P16 AUTOINCREMENT is for an INTEGER PRIMARY KEY"),
    ] {
        assert_eq!(error(&mut session, sql), message);
    }
    session.execute("INSERT INTO t (id) VALUES (9223372036854775807)").unwrap();
    assert_eq!(
        error(&mut session, "INSERT INTO t (name) VALUES ('b')"),
        "2200H the numbers of t.id have come to 9223372036854775807: give the row one"
    );
    session.execute("INSERT INTO t VALUES (7, 'b')").unwrap();
    assert_eq!(rows(&mut session, "SELECT COUNT(*) FROM t"), "3");
}
