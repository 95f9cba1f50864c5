//! Sessions: transactions, prepared statements, settings.

#[path = "support/account.rs"]
mod account;

use std::ops::{ControlFlow, Range};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use account::{database, error, rows};
use manicule_engine::store::{GroupWrite, RecordKey, RowStore, Visit};
use manicule_engine::{Database, Durability, OpenOptions, Value};
use manicule_sql::{Error, Outcome, OutputColumn, Prepared, Routing, Session, Sink};

#[test]
fn changes_count_rows_and_return_them() {
    let (_, mut session) = database();
    let outcomes = session
        .execute("UPDATE account SET balance = balance + 1 WHERE owner = 'ann'; DELETE FROM account WHERE id = 2");
    assert_eq!(outcomes.unwrap(), [Outcome::Changed(2), Outcome::Changed(1)]);
    assert_eq!(rows(&mut session, "INSERT INTO account (id, owner) VALUES (9, 'eve') RETURNING id, balance"), "9,0");
    assert_eq!(rows(&mut session, "DELETE FROM account WHERE id = 9 RETURNING *"), "9,eve,0");
    assert_eq!(rows(&mut session, "SELECT id, balance FROM account ORDER BY id"), "1,101 3,8");
}

#[test]
fn a_transaction_is_seen_when_it_is_committed() {
    let (database, mut session) = database();
    let mut other = Session::new(&database);
    session.execute("BEGIN; UPDATE account SET balance = 0 WHERE id = 1").unwrap();
    assert!(session.is_in_transaction());
    assert_eq!(rows(&mut session, "SELECT balance FROM account WHERE id = 1"), "0");
    assert_eq!(rows(&mut other, "SELECT balance FROM account WHERE id = 1"), "100");
    session.execute("COMMIT").unwrap();
    assert_eq!(rows(&mut other, "SELECT balance FROM account WHERE id = 1"), "0");
    session.execute("BEGIN; DELETE FROM account; ROLLBACK").unwrap();
    assert_eq!(rows(&mut session, "SELECT COUNT(*) FROM account"), "3");
}

#[test]
fn a_failed_statement_leaves_its_transaction_as_it_was() {
    let (_, mut session) = database();
    session.execute("BEGIN; INSERT INTO account VALUES (4, 'dan', 1)").unwrap();
    assert!(error(&mut session, "INSERT INTO account VALUES (5, 'x', 1), (4, 'y', 1)").starts_with("23505"));
    assert!(error(&mut session, "INSERT INTO account VALUES (6, 'x', -1)").starts_with("23514"));
    assert!(error(&mut session, "INSERT INTO account (id) VALUES (7)").starts_with("23502"));
    session.execute("COMMIT").unwrap();
    assert_eq!(rows(&mut session, "SELECT id FROM account ORDER BY id"), "1 2 3 4");
}

#[test]
fn savepoints_nest() {
    let (_, mut session) = database();
    session
        .execute(
            "BEGIN; SAVEPOINT a; DELETE FROM account WHERE id = 1; SAVEPOINT b; DELETE FROM account WHERE id = 2;
             ROLLBACK TO b; RELEASE a; COMMIT",
        )
        .unwrap();
    assert_eq!(rows(&mut session, "SELECT id FROM account ORDER BY id"), "2 3");
    assert!(error(&mut session, "BEGIN; SAVEPOINT first; ROLLBACK TO frist").contains("did you mean first?"));
    session.execute("ROLLBACK").unwrap();
    session.execute("SAVEPOINT alone; DELETE FROM account; RELEASE alone").unwrap();
    assert_eq!(rows(&mut session, "SELECT COUNT(*) FROM account"), "0");
}

#[test]
fn transaction_commands_out_of_place_are_errors() {
    let (_, mut session) = database();
    assert!(error(&mut session, "COMMIT").starts_with("25P01"));
    assert!(error(&mut session, "BEGIN; BEGIN").starts_with("25001"));
    assert!(error(&mut session, "CREATE TABLE u (a INTEGER)").contains("inside a transaction"));
    session.execute("ROLLBACK; CREATE TABLE u (a INTEGER)").unwrap();
}

#[test]
fn a_conflict_is_retried_alone_and_told_in_a_transaction() {
    let (database, mut session) = database();
    let mut other = Session::new(&database);
    session.execute("BEGIN; UPDATE account SET balance = balance + 1 WHERE id = 1").unwrap();
    other.execute("UPDATE account SET balance = balance + 10 WHERE id = 1").unwrap();
    let conflict = session.execute("COMMIT").unwrap_err();
    assert!(conflict.is_retryable(), "{conflict}");
    assert!(!session.is_in_transaction());
    let threads = 4;
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut session = Session::new(&database);
                let mut done = 0;
                while done < 25 {
                    match session.execute("UPDATE account SET balance = balance + 1 WHERE id = 2") {
                        Ok(_) => done += 1,
                        Err(error) => assert!(error.is_retryable(), "{error}"),
                    }
                }
            });
        }
    });
    assert_eq!(rows(&mut session, "SELECT balance FROM account WHERE id = 2"), "150");
}

#[test]
fn sessions_move_between_threads() {
    fn moves<T: Send>(_: &T) {}
    moves(&database().1);
}

#[test]
fn prepared_statements_are_shared_and_planned_again() {
    fn is_shared<T: Send + Sync + Clone>(_: &T) {}
    let (database, mut session) = database();
    let prepared = session.prepare("SELECT id, balance FROM account WHERE owner = :owner ORDER BY id").unwrap();
    is_shared::<Prepared>(&prepared);
    assert_eq!(prepared.parameter_count(), 1);
    assert_eq!(prepared.parameter(":owner"), Some(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut session = Session::new(&database);
                assert_eq!(ids(&mut session, &prepared, &[Value::from("ann")]), [1, 3]);
            });
        }
    });
    session.execute("DROP INDEX account_owner; CREATE INDEX other ON account (owner) USING HASH").unwrap();
    assert_eq!(ids(&mut session, &prepared, &[Value::from("bob")]), [2]);
    session.execute("BEGIN; INSERT INTO account VALUES (8, 'bob', 0)").unwrap();
    assert_eq!(ids(&mut session, &prepared, &[Value::from("bob")]), [2, 8]);
    let wrong = session.query_prepared(&prepared, &[], |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(wrong.sqlstate(), "08P01");
}

/// The same statement after a column has become one of another type: what the parameters are fitted to is that.
#[test]
fn prepared_statements_take_parameters_of_the_columns_of_now() {
    let (_, mut session) = database();
    let find = session.prepare("SELECT balance FROM account WHERE id = ?").unwrap();
    assert_eq!(ids(&mut session, &find, &[Value::from("2")]), [50]);
    session
        .execute("DROP TABLE account; CREATE TABLE account (id TEXT PRIMARY KEY, owner TEXT, balance INTEGER)")
        .unwrap();
    session.execute("INSERT INTO account VALUES ('2', 'ann', 10), ('02', 'bob', 20), ('x', 'eve', 30)").unwrap();
    for (id, balance) in [("2", 10), ("02", 20), ("x", 30)] {
        assert_eq!(ids(&mut session, &find, &[Value::from(id)]), [balance], "{id}");
    }
}

/// Changes the schema when it is told the columns.
struct Meddler {
    other: Session,
    columns: usize,
    rows: Vec<String>,
}

impl Sink for Meddler {
    fn columns(&mut self, columns: &[OutputColumn]) -> ControlFlow<()> {
        self.columns = columns.len();
        self.other.execute("ALTER TABLE account ADD COLUMN late INTEGER DEFAULT 0").expect("the column is new");
        self.other.execute("DROP INDEX account_owner; ALTER TABLE account DROP COLUMN owner").expect("both are there");
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: &[Value<'_>]) -> ControlFlow<()> {
        assert_eq!(row.len(), self.columns);
        self.rows.push(row.iter().map(Value::to_string).collect::<Vec<_>>().join(","));
        ControlFlow::Continue(())
    }
}

#[test]
fn schema_that_changes_while_a_statement_begins_is_seen_whole_or_not_at_all() {
    let run = |sql: &str| {
        let (database, mut session) = database();
        let mut sink = Meddler { other: Session::new(&database), columns: 0, rows: Vec::new() };
        let ran = session.run(sql, &[], &mut sink).map(|report| report.changed);
        (ran, sink.rows, rows(&mut session, "SELECT count(*) FROM account"))
    };
    let (ran, found, _) = run("SELECT * FROM account WHERE owner = 'ann' AND balance > 50");
    assert_eq!((ran.unwrap(), found), (None, vec!["1,ann,100".to_owned()]));
    let (ran, found, _) = run("DELETE FROM account WHERE balance > 50 RETURNING balance");
    assert_eq!((ran.unwrap(), found), (Some(1), vec!["100".to_owned()]));
    let (ran, found, count) = run("DELETE FROM account WHERE balance = 7 RETURNING *, 1");
    assert_eq!((ran.unwrap_err().sqlstate(), found.len(), count.as_str()), ("0A000", 0, "3"));
}

/// Both have found their column while a writer holds them off; the second of them must not take the one in its place.
#[test]
fn changes_of_the_schema_mean_the_columns_that_they_name() {
    let (database, mut writer) = database();
    writer
        .execute("CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER, d INTEGER); INSERT INTO t VALUES (1, 2, 3, 4)")
        .unwrap();
    writer.execute("BEGIN IMMEDIATE").unwrap();
    let begun = std::sync::Barrier::new(4);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let change = |sql: &'static str| {
            let (mut session, begun) = (Session::new(&database), &begun);
            scope.spawn(move || {
                begun.wait();
                session.execute(sql).map(drop).map_err(|error| error.sqlstate())
            })
        };
        let changes =
            ["ALTER TABLE t DROP COLUMN a", "ALTER TABLE t DROP COLUMN a", "CREATE INDEX t_d ON t (d)"].map(change);
        begun.wait();
        // Most often all wait by then. A number of yields would take a minute where other processes take each turn.
        let all_have_begun = Instant::now();
        while all_have_begun.elapsed() < Duration::from_millis(100) {
            thread::yield_now();
        }
        writer.execute("COMMIT").unwrap();
        changes.map(|change| change.join().expect("no statement panics")).into()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2, "{outcomes:?}");
    assert!(outcomes.contains(&Err("42703")), "{outcomes:?}");
    assert_eq!(rows(&mut writer, "SELECT * FROM t"), "2,3,4");
    let found = writer.prepare("SELECT b FROM t WHERE d = 4").unwrap();
    assert_eq!(found.via(), "via t_d (multi)");
}

fn ids(session: &mut Session, prepared: &Prepared, parameters: &[Value<'_>]) -> Vec<i64> {
    let mut ids = Vec::new();
    session
        .query_prepared(prepared, parameters, |row| {
            ids.extend(match row[0] {
                Value::Integer(id) => Some(id),
                _ => None,
            });
            ControlFlow::Continue(())
        })
        .expect("the statement was prepared");
    ids
}

#[test]
fn a_batch_of_parameters_is_run_in_order() {
    let (_, mut session) = database();
    let insert = session.prepare("INSERT INTO account VALUES (?1, ?2, ?1 * 10)").unwrap();
    for (id, owner) in [(10, "eve"), (11, "fay")] {
        let outcome = session.execute_prepared(&insert, &[Value::from(id), Value::from(owner)]).unwrap();
        assert_eq!(outcome, Outcome::Changed(1));
    }
    let find = session.prepare("SELECT balance FROM account WHERE id = ?").unwrap();
    let mut found = Vec::new();
    let parameters = [[Value::from(11)], [Value::from(99)], [Value::from("10")]];
    let parameters: Vec<&[Value<'_>]> = parameters.iter().map(|list| list.as_slice()).collect();
    session
        .query_many(&find, &parameters, |position, row| {
            found.push((position, row[0].to_string()));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(found, [(0, "110".to_owned()), (2, "100".to_owned())]);
}

#[test]
fn parameters_take_the_types_of_their_columns() {
    let (_, mut session) = database();
    session
        .execute("CREATE TABLE day (d DATE, n REAL); INSERT INTO day VALUES ('2024-01-31', 1), ('2024-02-01', 2.5)")
        .unwrap();
    let count = |session: &mut Session, sql: &str, value: Value<'static>| {
        session.query(sql, &[value]).unwrap().value(0, 0).into_owned()
    };
    let sql = "SELECT COUNT(*) FROM day WHERE d >= $1";
    assert_eq!(count(&mut session, sql, Value::from("2024-02-01")), Value::Integer(1));
    assert_eq!(count(&mut session, "SELECT COUNT(*) FROM day WHERE n = ?", Value::from("2.5")), Value::Integer(1));
    let wrong = session.query(sql, &[Value::from("tomorrow")]).unwrap_err();
    assert_eq!(wrong.sqlstate(), "22P02");
}

#[test]
fn both_routings_give_the_same_rows() {
    let (_, mut session) = database();
    let sql = "SELECT id FROM account WHERE owner = 'ann' AND id BETWEEN 2 AND 5";
    let routed = rows(&mut session, sql);
    session.set_routing(Routing::FullScan);
    assert_eq!(rows(&mut session, sql), routed);
    assert_eq!(rows(&mut session, "SHOW routing"), "full_scan");
}

#[test]
fn settings_are_set_and_shown() {
    let (_, mut session) = database();
    assert!(error(&mut session, "SELECT 1 / 0").starts_with("22012"));
    session.execute("SET division_by_zero = 'null'").unwrap();
    assert_eq!(rows(&mut session, "SELECT 1 / 0, 1 % 0"), "NULL,NULL");
    assert!(error(&mut session, "SET division_by_zer = 'null'").contains("did you mean division_by_zero?"));
}

#[test]
fn a_statement_that_drops_several_things_is_one_change() {
    let (database, mut session) = database();
    let create = "CREATE TABLE one (a INTEGER, b INTEGER); CREATE TABLE two (a INTEGER); CREATE INDEX one_a ON one (a);
        CREATE INDEX one_b ON one (b); CREATE VIEW v AS SELECT 1; CREATE VIEW w AS SELECT 2";
    session.execute(create).unwrap();
    for drop in ["DROP INDEX one_a, one_b", "DROP TABLE one, two", "DROP VIEW v, w"] {
        let version = database.schema_version();
        session.execute(drop).unwrap();
        assert_eq!(database.schema_version(), version + 1, "{drop}");
    }
    let version = database.schema_version();
    session.execute("CREATE TABLE filled AS SELECT * FROM account").unwrap();
    assert_eq!(database.schema_version(), version + 1, "nobody sees it empty");
}

#[test]
fn no_two_indexes_have_one_name() {
    let (database, mut session) = database();
    let sql = "CREATE TABLE old (id INTEGER PRIMARY KEY); ALTER TABLE old RENAME TO older;
        CREATE TABLE old (a_b INTEGER UNIQUE, a INTEGER, b INTEGER, id INTEGER PRIMARY KEY, UNIQUE (a, b));
        CREATE INDEX taken_pkey ON older (id); CREATE TABLE taken (id INTEGER PRIMARY KEY)";
    session.execute(sql).unwrap();
    let catalog = database.catalog();
    let mut names: Vec<&str> =
        catalog.tables().flat_map(|table| &table.indexes).map(|index| index.name.as_str()).collect();
    names.sort_unstable();
    let expected = "account_owner account_pkey old_a_b_key old_a_b_key1 old_pkey old_pkey1 taken_pkey taken_pkey1";
    assert_eq!(names.join(" "), expected);
    session.execute("DROP INDEX taken_pkey").unwrap();
    assert!(error(&mut session, "INSERT INTO taken VALUES (1), (1)").contains("taken_pkey1"));
}

#[test]
fn truncate_is_done_whole_or_not_at_all() {
    let (database, mut session) = database();
    let values: Vec<String> = (4..3000).map(|id| format!("({id}, 'cat')")).collect();
    session.execute(&format!("INSERT INTO account (id, owner) VALUES {}", values.join(", "))).unwrap();
    session.execute("BEGIN; INSERT INTO account VALUES (0, 'dog', 1)").unwrap();
    database.set_memory_limit(Some(1));
    assert!(error(&mut session, "TRUNCATE account").starts_with("53200"));
    database.set_memory_limit(None);
    assert_eq!(rows(&mut session, "SELECT count(*) FROM account"), "3000");
    session.execute("COMMIT").unwrap();
    assert_eq!(rows(&mut session, "SELECT count(*) FROM account"), "3000");
}

/// A disk that is full from the second commit on.
#[derive(Debug, Default)]
struct FullDisk {
    groups: std::sync::atomic::AtomicUsize,
}

impl RowStore for FullDisk {
    fn apply(&self, _: &GroupWrite, _: Durability) -> manicule_engine::Result<()> {
        if self.groups.fetch_add(1, Ordering::Relaxed) < 2 {
            return Ok(());
        }
        Err(manicule_engine::Error::Io { what: "cannot write".into(), reason: "the disk is full".into() })
    }

    fn sync(&self) -> manicule_engine::Result<()> {
        Ok(())
    }

    fn scan(&self, _: Range<RecordKey>, _: Visit<'_>) -> manicule_engine::Result<()> {
        Ok(())
    }

    fn close(&self) -> manicule_engine::Result<()> {
        Ok(())
    }
}

#[test]
fn a_failing_disk_is_told_from_a_defect() {
    let database = Database::open_store(Box::new(FullDisk::default()), &OpenOptions::default()).expect("it is empty");
    let mut session = Session::new(&database);
    session.execute("CREATE TABLE t (a INTEGER)").expect("there is room");
    for _ in 0..2 {
        let told = error(&mut session, "INSERT INTO t VALUES (1)");
        assert!(told.starts_with("58030") && told.contains("the disk is full"), "{told}");
    }
    assert_eq!(rows(&mut session, "SELECT count(*) FROM t"), "0", "reads go on");
}

/// Lets another session change the row that a transaction changes, at its first attempts.
fn overtake(database: &Database, overtaken: &mut u32, times: u32) {
    if *overtaken < times {
        *overtaken += 1;
        let taken = Session::new(database).execute("UPDATE account SET balance = balance + 1000 WHERE id = 1");
        assert!(taken.is_ok(), "{taken:?}");
    }
}

#[test]
fn a_transaction_that_was_overtaken_is_run_again() {
    let (database, mut session) = database();
    let mut overtaken = 0;
    let seen = session.transaction(|session| {
        let seen = rows(session, "SELECT balance FROM account WHERE id = 1");
        session.execute("UPDATE account SET balance = balance - 1 WHERE id = 1")?;
        overtake(&database, &mut overtaken, 3);
        Ok::<_, Error>(seen)
    });
    assert_eq!(seen.unwrap(), "3100");
    assert_eq!(rows(&mut session, "SELECT balance FROM account WHERE id = 1"), "3099");
    assert!(!session.is_in_transaction());

    // The last attempt is the writer, so it is not overtaken; who would do it waits and gives up.
    let mut attempts = 0;
    let committed = session.transaction(|session| {
        attempts += 1;
        session.execute("UPDATE account SET balance = 0 WHERE id = 1")?;
        if attempts < 6 {
            Session::new(&database).execute("UPDATE account SET balance = balance + 1 WHERE id = 1")?;
        }
        Ok::<_, Error>(())
    });
    assert!(committed.is_ok() && attempts == 6, "{committed:?} after {attempts}");

    // What was read counts where it is asked for.
    session.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").unwrap();
    overtaken = 0;
    let sum = session.transaction(|session| {
        let sum = rows(session, "SELECT sum(balance) FROM account");
        session.execute("UPDATE account SET balance = 1 WHERE id = 3")?;
        overtake(&database, &mut overtaken, 1);
        Ok::<_, Error>(sum)
    });
    assert_eq!(sum.unwrap(), "1057");
}

#[test]
fn a_transaction_whose_body_fails_or_panics_is_rolled_back() {
    let (_, mut session) = database();
    let failed: Result<(), Box<dyn std::error::Error>> = session.transaction(|session| {
        session.execute("DELETE FROM account")?;
        Err("not today".into())
    });
    assert_eq!(failed.unwrap_err().to_string(), "not today");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        session.transaction(|session| -> Result<(), Error> {
            session.execute("DELETE FROM account")?;
            panic!("not today either")
        })
    }));
    assert!(panicked.is_err() && !session.is_in_transaction());
    assert_eq!(rows(&mut session, "SELECT count(*) FROM account"), "3");

    let state = |result: Result<(), Error>| result.unwrap_err().sqlstate();
    assert_eq!(state(session.transaction(|session| session.execute("DELETE FROM account; COMMIT").map(drop))), "25P01");
    assert_eq!(rows(&mut session, "SELECT count(*) FROM account"), "0");
    session.execute("BEGIN").unwrap();
    assert_eq!(state(session.transaction(|_| Ok(()))), "25001");
    assert!(session.is_in_transaction());
}

#[test]
fn results_are_read_by_name_and_type() {
    let (_, mut session) = database();
    let by_owner = session.prepare("SELECT id AS Number, owner FROM account WHERE owner = ? ORDER BY id").unwrap();
    let outcome = session.execute_prepared(&by_owner, &[Value::from("ann")]).unwrap();
    assert_eq!(outcome.changed(), 2);
    let rows = outcome.into_rows();
    assert_eq!((rows.column_index("number"), rows.column_index("balance")), (Some(0), None));
    assert_eq!(rows.get(1).map(|row| row.read::<u8>(0).unwrap()), Some(3));
    assert!(rows.get(2).is_none());
    let read = || -> Result<bool, Error> { Ok(rows.get(0).expect("there are two").read(1)?) };
    let error = read().unwrap_err();
    assert_eq!(error.to_string(), "column 1 of the row holds TEXT ann, which cannot be read as bool");
    assert_eq!(error.sqlstate(), "42804");

    let delete = session.prepare("DELETE FROM account WHERE owner = 'ann'").unwrap();
    let outcome = session.execute_prepared(&delete, &[]).unwrap();
    assert_eq!(outcome.changed(), 2);
    assert!(outcome.into_rows().is_empty());
    assert_eq!(session.execute("BEGIN").unwrap()[0].changed(), 0);
}

#[test]
fn a_closed_database_says_so() {
    let store = Box::new(manicule_engine::store::MemoryStore::default());
    let database = Database::open_store(store, &OpenOptions::default()).unwrap();
    let mut session = Session::new(&database);
    session.execute("CREATE TABLE t (a INTEGER)").unwrap();
    database.close().unwrap();
    assert_eq!(error(&mut session, "INSERT INTO t VALUES (1)"), "57P01 the database is closed");
    let closed = session.execute("INSERT INTO t VALUES (1)").unwrap_err();
    assert!(matches!(closed.engine(), Some(manicule_engine::Error::Closed)));
    assert!(session.execute("SELECT nothing FROM t").unwrap_err().engine().is_none());
}

#[test]
fn one_statement_with_parameters_tells_what_it_changed() {
    let (_, mut session) = database();
    let ann = [Value::from("ann")];
    let changed = |outcome: Result<Outcome, Error>| outcome.unwrap().changed();
    assert_eq!(changed(session.execute_one("UPDATE account SET balance = 1 WHERE owner = ?", &ann)), 2);
    let rows = session.execute_one("DELETE FROM account WHERE owner = ? RETURNING id", &ann).unwrap().into_rows();
    assert_eq!(rows.len(), 2);
    assert_eq!(session.execute_one("BEGIN;", &[]).unwrap(), Outcome::Done);
    assert_eq!(session.execute_one("COMMIT; BEGIN", &[]).unwrap_err().sqlstate(), "42601");
}

#[test]
fn messages_of_large_values_are_short() {
    let mut session = Session::new(&Database::in_memory());
    session.execute("CREATE TABLE t (a INTEGER, b TEXT UNIQUE, c BLOB UNIQUE)").unwrap();
    let insert = "INSERT INTO t VALUES (?, ?, ?)";
    let (text, bytes) = (Value::from("é".repeat(100_000)), Value::from(vec![1; 100_000]));
    session.execute_one(insert, &[1.into(), text.as_borrowed(), bytes.as_borrowed()]).unwrap();
    for row in [
        [text.as_borrowed(), Value::Null, Value::Null],
        [1.into(), text.clone(), Value::Null],
        [1.into(), Value::Null, bytes],
    ] {
        let told = session.execute_one(insert, &row).unwrap_err().to_string();
        assert!(
            told.contains('…') && told.len() < 200,
            "{} bytes: {}",
            told.len(),
            told.chars().take(200).collect::<String>()
        );
    }
}
