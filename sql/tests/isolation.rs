//! Levels of isolation in SQL: how they are asked for, and statements that are run again by themselves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use manicule_engine::Database;
use manicule_sql::Session;

fn database() -> (Database, Session) {
    let database = Database::in_memory();
    let mut session = Session::new(&database);
    session
        .execute(
            "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER); INSERT INTO account VALUES (1, 1), (2, 2)",
        )
        .expect("the table is new");
    (database, session)
}

#[track_caller]
fn value(session: &mut Session, sql: &str) -> String {
    let rows = session.query(sql, &[]).unwrap_or_else(|error| panic!("{}", error.render(sql)));
    rows.value(0, 0).to_string()
}

#[track_caller]
fn sqlstate(session: &mut Session, sql: &str) -> &'static str {
    session.execute(sql).expect_err(sql).sqlstate()
}

/// Whether a transaction that `begin` begins is told that what it read was changed.
fn guards_reads(begin: &str) -> bool {
    let (database, mut session) = database();
    session.execute(begin).unwrap();
    assert_eq!(value(&mut session, "SELECT SUM(balance) FROM account"), "3");
    Session::new(&database).execute("UPDATE account SET balance = 5 WHERE id = 1").unwrap();
    session.execute("UPDATE account SET balance = 5 WHERE id = 2").unwrap();
    match session.execute("COMMIT") {
        Ok(_) => false,
        Err(error) => {
            assert!(error.sqlstate() == "40001" && error.is_retryable(), "{error}");
            true
        }
    }
}

#[test]
fn serializable_is_asked_for_in_every_way() {
    for begin in [
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
        "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE",
        "START TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN",
        "SET default_transaction_isolation = serializable; BEGIN",
        "SET default_transaction_isolation = serializable; SAVEPOINT s",
    ] {
        assert!(guards_reads(begin), "{begin}");
    }
    for begin in [
        "BEGIN",
        "BEGIN ISOLATION LEVEL SNAPSHOT",
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        "SET default_transaction_isolation = serializable; BEGIN ISOLATION LEVEL SNAPSHOT",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN; ROLLBACK; BEGIN",
    ] {
        assert!(!guards_reads(begin), "{begin}");
    }
}

#[test]
fn level_is_shown_and_set_before_the_first_read() {
    let (_, mut session) = database();
    assert_eq!(value(&mut session, "SHOW transaction_isolation"), "snapshot");
    session.execute("BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").unwrap();
    assert_eq!(value(&mut session, "SHOW transaction_isolation"), "serializable");
    assert_eq!(sqlstate(&mut session, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT"), "25001");
    session.execute("COMMIT; BEGIN IMMEDIATE; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; COMMIT").unwrap();
    assert_eq!(sqlstate(&mut session, "SET default_transaction_isolation = chaos"), "22023");
    assert_eq!(sqlstate(&mut session, "BEGIN READ ONLY"), "0A000");
    assert_eq!(value(&mut session, "SHOW default_transaction_isolation"), "snapshot");
}

#[test]
fn immediate_transaction_meets_no_conflict_and_others_are_told_to_come_later() {
    let (database, mut session) = database();
    session.execute("BEGIN IMMEDIATE; UPDATE account SET balance = balance + 10 WHERE id = 1").unwrap();
    let mut other = Session::new(&database);
    assert_eq!(value(&mut other, "SELECT balance FROM account WHERE id = 1"), "1", "readers do not wait");
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| other.execute("UPDATE account SET balance = balance + 100 WHERE id = 1").map(drop));
        session.execute("COMMIT").unwrap();
        waits.join().unwrap().expect("it comes after the writer");
    });
    assert_eq!(value(&mut session, "SELECT balance FROM account WHERE id = 1"), "111");
    session.execute("BEGIN EXCLUSIVE; ROLLBACK; BEGIN DEFERRED; ROLLBACK").unwrap();
}

/// Runs a statement many times in each of some threads, at a level.
fn run_in_threads(database: &Database, threads: usize, level: &str, (statement, times): (&str, usize)) {
    let set = format!("SET default_transaction_isolation = {level}");
    let run = |mut session: Session| {
        session.execute(&set).unwrap();
        (0..times).for_each(|_| drop(session.execute(statement).unwrap()));
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| run(Session::new(database)));
        }
    });
}

/// No statement fails, and no change is lost.
#[test]
fn statements_of_their_own_are_run_again_until_they_commit() {
    for level in ["snapshot", "serializable"] {
        let (database, mut session) = database();
        run_in_threads(&database, 4, level, ("UPDATE account SET balance = balance + 1 WHERE id = 1", 100));
        assert_eq!(value(&mut session, "SELECT balance FROM account WHERE id = 1"), "401", "{level}");
    }
}

/// Two at once do not see each other's key; who comes second sees it when it is run again.
#[test]
fn statements_of_their_own_that_see_to_conflicts_of_keys_never_meet_one() {
    let next = "(SELECT MAX(n) + 1 FROM turn WHERE n < 60)";
    for (statement, least) in [
        (format!("INSERT INTO turn VALUES ({next}) ON CONFLICT DO NOTHING"), 2),
        (format!("INSERT INTO turn VALUES ({next}) ON CONFLICT (n) DO UPDATE SET n = turn.n"), 2),
        (format!("INSERT INTO turn SELECT {next} WHERE NOT EXISTS (SELECT 1 FROM turn WHERE n = {next})"), 2),
        ("INSERT INTO turn SELECT MAX(n) + 1 FROM turn".to_owned(), 401),
        ("EXPLAIN ANALYZE INSERT INTO turn SELECT MAX(n) + 1 FROM turn".to_owned(), 401),
        ("EXPLAIN ANALYZE UPDATE turn SET n = n + 1".to_owned(), 1),
    ] {
        let (database, mut session) = database();
        session.execute("CREATE TABLE turn (n INTEGER PRIMARY KEY); INSERT INTO turn VALUES (0)").unwrap();
        run_in_threads(&database, 4, "snapshot", (&statement, 100));
        let count = value(&mut session, "SELECT COUNT(*) FROM turn");
        assert!(count.parse::<u64>().is_ok_and(|count| count >= least), "{statement}: {count} rows");
    }
}

#[test]
fn explain_analyze_is_planned_again_when_the_schema_changes() {
    let (database, mut session) = database();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let meddle = || {
            let mut other = Session::new(&database);
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                other.execute("CREATE INDEX balance ON account (balance); DROP INDEX balance").unwrap();
            }
        };
        scope.spawn(meddle);
        let explain = "EXPLAIN ANALYZE UPDATE account SET balance = 1; EXPLAIN ANALYZE SELECT * FROM account";
        let failed = (0..300).find_map(|_| session.execute(explain).err());
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(failed.is_none(), "{failed:?}");
    });
}

/// A key that the transaction could not see is no reason to give up: run again, it finds the row.
#[test]
fn key_of_a_row_that_came_after_the_begin_may_be_tried_again() {
    let (database, mut session) = database();
    let mut other = Session::new(&database);
    let upsert = "INSERT INTO account VALUES (3, 1) ON CONFLICT (id) DO UPDATE SET balance = balance + 1";
    let many = "INSERT INTO account VALUES (3, 1), (4, 1), (5, 1), (6, 1) ON CONFLICT (id) DO UPDATE SET balance = balance + 1";
    for statement in [upsert, many] {
        session.execute(&format!("DELETE FROM account WHERE id > 2; BEGIN; {statement}")).unwrap();
        other.execute(upsert).unwrap();
        let error = session.execute("COMMIT").unwrap_err();
        assert!(error.sqlstate() == "23505" && error.is_retryable(), "{error}");
        session.execute(&format!("BEGIN; {statement}; COMMIT")).unwrap();
        assert_eq!(value(&mut session, "SELECT balance FROM account WHERE id = 3"), "2");
    }
    let error = session.execute("INSERT INTO account VALUES (3, 1)").unwrap_err();
    assert!(error.sqlstate() == "23505" && !error.is_retryable(), "{error}");
}

/// Two at once insert the same number, which the key forbids; in a serial order there are no two at once.
#[test]
fn serializable_statements_of_their_own_have_no_write_skew() {
    let (database, mut session) = database();
    session.execute("CREATE TABLE turn (n INTEGER PRIMARY KEY); INSERT INTO turn VALUES (0)").unwrap();
    run_in_threads(&database, 3, "serializable", ("INSERT INTO turn SELECT MAX(n) + 1 FROM turn", 40));
    assert_eq!(value(&mut session, "SELECT COUNT(*) FROM turn"), "121");
    assert_eq!(value(&mut session, "SELECT MAX(n) FROM turn"), "120");
}
