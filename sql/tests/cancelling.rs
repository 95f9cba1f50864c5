//! Statements that are cancelled, or whose time is up, end soon and leave nothing behind.

#[path = "support/account.rs"]
mod account;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use account::{database, error, rows};
use manicule_engine::Value;
use manicule_sql::{CancellationToken, OutputColumn, Session, Sink};

/// A query of 3^16 rows.
fn endless() -> String {
    let tables: Vec<String> = (0..16).map(|number| format!("account AS a{number}")).collect();
    let sum: Vec<String> = (0..16).map(|number| format!("a{number}.balance")).collect();
    format!("SELECT COUNT(*) FROM {} WHERE {} < 0", tables.join(", "), sum.join(" + "))
}

#[test]
fn a_statement_ends_when_its_time_is_up() {
    let (_, mut session) = database();
    session.execute("SET statement_timeout = 20").unwrap();
    assert!(error(&mut session, &endless()).starts_with("57014"));
}

#[test]
fn a_change_of_the_schema_waits_for_a_writer_until_its_time_is_up() {
    let (database, mut session) = database();
    session.execute("CREATE TABLE gone (a INTEGER, b INTEGER); CREATE VIEW seen AS SELECT 1").unwrap();
    let mut writer = Session::new(&database);
    let changes = [
        "CREATE INDEX balance ON account (balance)",
        "CREATE TABLE new (a INTEGER)",
        "CREATE TABLE filled AS SELECT * FROM account",
        "CREATE VIEW more AS SELECT 2",
        "ALTER TABLE gone ADD COLUMN c INTEGER",
        "ALTER TABLE gone DROP COLUMN b",
        "ALTER TABLE gone RENAME COLUMN a TO first",
        "ALTER TABLE gone RENAME TO left_behind",
        "DROP TABLE left_behind",
        "DROP INDEX balance",
        "DROP VIEW seen",
    ];
    for change in changes {
        writer.execute("BEGIN IMMEDIATE").unwrap();
        session.execute("SET statement_timeout = 60").unwrap();
        let version = database.schema_version();
        assert!(error(&mut session, change).starts_with("57014"), "{change}");
        assert_eq!(database.schema_version(), version, "{change}");
        writer.execute("ROLLBACK").unwrap();
        session.execute("SET statement_timeout = 0").unwrap();
        session.execute(change).unwrap();
    }
}

/// Runs something while another thread cancels the session.
fn cancelling<T>(session: &mut Session, run: impl FnOnce(&mut Session) -> T) -> T {
    let handle = session.cancel_handle();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        // Again and again, as a token that is cancelled before the statement begins is forgotten.
        scope.spawn(|| {
            while !is_done.load(Ordering::Acquire) {
                handle.cancel();
                thread::yield_now();
            }
        });
        let result = run(session);
        is_done.store(true, Ordering::Release);
        result
    })
}

#[test]
fn a_change_of_the_schema_that_waits_for_a_writer_can_be_cancelled() {
    let (database, mut session) = database();
    let mut writer = Session::new(&database);
    writer.execute("BEGIN IMMEDIATE").unwrap();
    let cancelled = cancelling(&mut session, |session| session.execute("DROP TABLE account"));
    assert_eq!(cancelled.unwrap_err().sqlstate(), "57014");
    writer.execute("ROLLBACK").unwrap();
    session.execute("DROP TABLE account").unwrap();
}

#[test]
fn whoever_waits_for_a_writer_can_be_cancelled_and_has_a_time() {
    let (database, mut session) = database();
    let mut writer = Session::new(&database);
    let change = "UPDATE account SET balance = 0 WHERE id = 1";
    for waits in [change, "BEGIN IMMEDIATE", "COMMIT", "EXPLAIN ANALYZE DELETE FROM account"] {
        let before = match waits {
            "COMMIT" => format!("BEGIN; {change}"),
            _ => String::new(),
        };
        for cancels in [true, false] {
            session.execute(&before).unwrap();
            writer.execute("BEGIN IMMEDIATE").unwrap();
            let error = if cancels {
                cancelling(&mut session, |session| session.execute(waits)).unwrap_err()
            } else {
                session.execute("SET statement_timeout = 60").unwrap();
                session.execute(waits).unwrap_err()
            };
            assert_eq!(error.sqlstate(), "57014", "{waits}: {error}");
            assert_eq!(error.to_string().contains("cancelled"), cancels, "{waits}: {error}");
            assert!(!session.is_in_transaction(), "{waits}");
            session.execute("SET statement_timeout = 0").unwrap();
            writer.execute("ROLLBACK").unwrap();
            assert_eq!(rows(&mut session, "SELECT count(*), sum(balance) FROM account"), "3,157", "{waits}");
        }
    }
    session.execute(change).unwrap();
    assert_eq!(rows(&mut session, "SELECT sum(balance) FROM account"), "57");
}

#[test]
fn a_running_statement_is_cancelled_from_another_thread() {
    let (_, mut session) = database();
    let cancelled = cancelling(&mut session, |session| session.execute(&endless()));
    assert_eq!(cancelled.unwrap_err().sqlstate(), "57014");
    assert_eq!(rows(&mut session, "SELECT COUNT(*) FROM account"), "3");
}

#[test]
fn a_scan_of_rows_that_it_does_not_see_can_be_cancelled() {
    let (database, mut session) = database();
    session.execute("CREATE TABLE later (id INTEGER); BEGIN").unwrap();
    let values: Vec<String> = (0..3000).map(|id| format!("({id})")).collect();
    Session::new(&database).execute(&format!("INSERT INTO later VALUES {}", values.join(", "))).unwrap();
    let prepared = session.prepare("SELECT 1 UNION ALL SELECT id FROM later").unwrap();
    let (handle, mut row_count) = (session.cancel_handle(), 0);
    let cancelled = session.query_prepared(&prepared, &[], |_| {
        row_count += 1;
        handle.cancel();
        ControlFlow::Continue(())
    });
    assert_eq!((cancelled.unwrap_err().sqlstate(), row_count), ("57014", 1));
    session.execute("ROLLBACK").unwrap();
}

#[test]
fn a_read_of_an_index_whose_rows_it_does_not_see_can_be_cancelled() {
    let (database, mut session) = database();
    let create = "CREATE TABLE later (id INTEGER, kind INTEGER, size INTEGER, note TEXT);
                  CREATE INDEX later_kind ON later USING HASH (kind); CREATE INDEX later_size ON later USING TREE (size)";
    session.execute(create).unwrap();
    let values = |ids: std::ops::Range<i64>| {
        let row = |id: i64| format!("({id}, {}, {id}, 'a')", if id % 8 == 0 { 0 } else { id });
        ids.map(row).collect::<Vec<_>>().join(", ")
    };
    session.execute(&format!("INSERT INTO later VALUES {}; BEGIN", values(0..512))).unwrap();
    Session::new(&database).execute(&format!("INSERT INTO later VALUES {}", values(512..12_000))).unwrap();
    let mut check = |sql: &str, via: &str| {
        let prepared = session.prepare(sql).unwrap();
        assert!(prepared.via().contains(via), "{sql}: {}", prepared.via());
        let handle = session.cancel_handle();
        let cancelled = session.query_prepared(&prepared, &[], |_| {
            handle.cancel();
            ControlFlow::Continue(())
        });
        assert_eq!(cancelled.expect_err(sql).sqlstate(), "57014", "{sql}");
    };
    check("SELECT note FROM later WHERE kind = 0", "via later_kind (multi)");
    for read in [
        "SELECT id FROM later WHERE kind = 0 AND note = 'b'",
        "SELECT count(*) FROM later WHERE kind = 0",
        "SELECT kind FROM later WHERE kind = 0",
        "SELECT id FROM later WHERE kind IN (0, 7)",
        "SELECT id FROM later WHERE kind IN (SELECT 0)",
        "SELECT l.id FROM account AS a JOIN later AS l ON l.kind = a.balance - 100 WHERE a.id = 1",
    ] {
        check(&format!("SELECT 1 UNION ALL {read}"), "later_kind (multi");
    }
    for read in [
        "SELECT id FROM later WHERE size BETWEEN 512 AND 2000",
        "SELECT size FROM later WHERE size BETWEEN 512 AND 2000",
        "SELECT count(*) FROM later WHERE size BETWEEN 512 AND 2000",
    ] {
        check(&format!("SELECT 1 UNION ALL {read}"), "later_size (multi");
    }
}

#[test]
fn rows_that_were_gathered_first_are_cancelled_while_they_are_handed_out() {
    let (_, mut session) = database();
    session.execute("CREATE TABLE many (id INTEGER)").unwrap();
    let values: Vec<String> = (0..6000).map(|id| format!("({id})")).collect();
    session.execute(&format!("INSERT INTO many VALUES {}", values.join(", "))).unwrap();
    for sql in ["SELECT id FROM many ORDER BY id + 0 DESC", "SELECT id, count(*) FROM many GROUP BY id"] {
        let prepared = session.prepare(sql).unwrap();
        let (handle, mut row_count) = (session.cancel_handle(), 0);
        let cancelled = session.query_prepared(&prepared, &[], |_| {
            row_count += 1;
            handle.cancel();
            ControlFlow::Continue(())
        });
        assert_eq!(cancelled.expect_err(sql).sqlstate(), "57014", "{sql}");
        assert!(row_count < 3000, "{sql}: {row_count} rows");
    }
}

/// Cancels the statement that gives it a row.
struct Canceller(CancellationToken);

impl Sink for Canceller {
    fn columns(&mut self, _: &[OutputColumn]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn row(&mut self, _: &[Value<'_>]) -> ControlFlow<()> {
        self.0.cancel();
        ControlFlow::Continue(())
    }
}

#[test]
fn a_change_that_is_cancelled_after_its_rows_were_found_is_undone() {
    let (_, mut session) = database();
    session.execute("BEGIN").unwrap();
    for sql in [
        "UPDATE account SET balance = balance + 1 RETURNING id",
        "DELETE FROM account RETURNING id",
        "INSERT INTO account VALUES (4, 'cat', 0) RETURNING id",
        "INSERT INTO account VALUES (1, 'cat', 0) ON CONFLICT (id) DO UPDATE SET balance = 0 RETURNING id",
    ] {
        let mut sink = Canceller(session.cancel_handle());
        assert_eq!(session.run(sql, &[], &mut sink).expect_err(sql).sqlstate(), "57014", "{sql}");
        assert_eq!(rows(&mut session, "SELECT count(*), sum(balance) FROM account"), "3,157", "{sql}");
    }
}
