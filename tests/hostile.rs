//! Extremes of rows, keys, transactions and handles: an answer or a clear error, and the database goes on.
//!
//! Sizes are such that the tests take seconds; with `HOSTILE_FULL=1` they are those that somebody hostile would take.

use std::ops::{Bound, ControlFlow};

use manicule::{Database, Direction, KeyRange, Session, Value};

/// A database with one table `t (id, key)` and an index on `key` of that kind, and a session on it.
fn session(index: &str) -> Session {
    let mut session = Session::new(&Database::in_memory());
    session
        .execute(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY, key TEXT); CREATE INDEX t_key ON t {index} (key)"))
        .expect("the table is new");
    session
}

fn count(session: &mut Session, sql: &str, parameters: &[Value<'_>]) -> i64 {
    let rows = session.query(sql, parameters).unwrap_or_else(|error| panic!("{}", error.render(sql)));
    match rows.value(0, 0) {
        Value::Integer(count) => count,
        other => panic!("{other} is no count"),
    }
}

/// A size: the first one, or the second if all that may be wanted is wanted.
fn size<T>(usual: T, full: T) -> T {
    if std::env::var("HOSTILE_FULL").is_ok_and(|full| full != "0") { full } else { usual }
}

const BY_KEY: &str = "SELECT count(*) FROM t WHERE key = ?";

#[test]
fn keys_may_be_empty_and_long_and_alike() {
    for index in ["USING HASH", "USING TREE", ""] {
        let mut session = session(index);
        let prefix = "p".repeat(size(1 << 16, 1 << 20));
        let insert = session.prepare("INSERT INTO t VALUES (?, ?)").expect("the table is there");
        let alike: Vec<String> = (0..6).map(|last| format!("{prefix}{last}")).collect();
        let keys: Vec<&str> = alike.iter().map(String::as_str).chain(["", "p", &prefix]).collect();
        for (id, key) in keys.iter().enumerate() {
            session
                .execute_prepared(&insert, &[Value::from(id as i64), Value::from(*key)])
                .expect("a key of any length");
        }
        for key in &keys {
            assert_eq!(count(&mut session, BY_KEY, &[Value::from(*key)]), 1, "{index}, {} bytes", key.len());
        }
        let beyond = "SELECT count(*) FROM t WHERE key > ?";
        assert_eq!(count(&mut session, beyond, &[Value::from(prefix.as_str())]), 6, "{index}");
        assert_eq!(count(&mut session, BY_KEY, &[Value::from(format!("{prefix}9"))]), 0, "{index}");
    }
}

#[test]
fn a_very_long_key_is_stored_and_found() {
    for index in ["USING HASH", "USING TREE"] {
        let mut session = session(index);
        let key = "k".repeat(size(4 << 20, 64 << 20));
        session.query("INSERT INTO t VALUES (1, ?1)", &[Value::from(key.as_str())]).expect("a row may be long");
        assert_eq!(count(&mut session, BY_KEY, &[Value::from(key.as_str())]), 1);
        let error =
            session.query("INSERT INTO t VALUES (1, ?1)", &[Value::from(key.as_str())]).expect_err("the id is there");
        assert_eq!(error.sqlstate(), "23505");
        assert!(error.to_string().len() < 1_000, "the key is in the message");
    }
    // A literal is bounded; see the limits of the dialect.
    let error = session("").execute(&format!("SELECT '{}'", "k".repeat(17 << 20))).expect_err("a long literal");
    assert_eq!(error.sqlstate(), "54001");
}

#[test]
fn a_key_of_very_many_rows_is_emptied_one_by_one() {
    let doublings = size(12, 20);
    let rows = 1_i64 << doublings;
    for index in ["USING HASH", "USING TREE"] {
        let mut session = session(index);
        session.execute("INSERT INTO t VALUES (0, 'one')").expect("the table is there");
        for doubling in 0..doublings {
            let more = format!("INSERT INTO t SELECT id + {}, key FROM t", 1_i64 << doubling);
            session.execute(&more).expect("the ids are new");
        }
        assert_eq!(count(&mut session, BY_KEY, &[Value::from("one")]), rows);
        let delete = session.prepare("DELETE FROM t WHERE id = ?").expect("the table is there");
        for id in 0..rows {
            session.execute_prepared(&delete, &[Value::from(id)]).expect("nobody else writes");
            if id % size(512, 50_000) == 0 {
                assert_eq!(count(&mut session, BY_KEY, &[Value::from("one")]), rows - 1 - id, "{index}");
            }
        }
        assert_eq!(count(&mut session, BY_KEY, &[Value::from("one")]), 0);
    }
}

#[test]
fn bounds_that_are_the_wrong_way_round_hold_nothing() {
    for index in ["USING TREE", ""] {
        let mut session = session(index);
        session.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'b'), (4, NULL), (5, 'c')").expect("new ids");
        for condition in [
            "key BETWEEN 'c' AND 'a'",
            "key > 'b' AND key < 'b'",
            "key >= 'b' AND key < 'b'",
            "id > 4 AND id < 2",
            "key > 'c' AND key <= 'b'",
        ] {
            assert_eq!(
                count(&mut session, &format!("SELECT count(*) FROM t WHERE {condition}"), &[]),
                0,
                "{condition}"
            );
        }
        let snapshot = session.database().snapshot();
        let view = snapshot.view();
        let table = view.catalog().table("t").expect("the table is there").clone();
        let range = |lower, upper| KeyRange { lower, upper, ..KeyRange::all() };
        for range in [
            range(Bound::Included(Value::from("c")), Bound::Included(Value::from("a"))),
            range(Bound::Excluded(Value::from("b")), Bound::Excluded(Value::from("b"))),
        ] {
            for index in table.indexes.iter().filter(|index| index.name == "t_key") {
                for direction in [Direction::Forward, Direction::Backward] {
                    let found = view.range(index.id, &range, direction, |_, _| ControlFlow::Break(()));
                    assert_eq!(found, ControlFlow::Continue(()));
                }
                assert_eq!(view.estimate_range(index.id, &range), 0);
            }
        }
    }
}

#[test]
fn ten_thousand_transactions_may_be_open() {
    let transactions = size(2_000, 10_000);
    let mut session = session("USING HASH");
    let database = session.database().clone();
    let table = database.catalog().table("t").expect("the table is there").id;
    let mut open = Vec::new();
    for id in 0..transactions {
        let mut transaction = database.begin();
        let row = manicule::Row::new(&[Value::from(id), Value::from("open")]);
        transaction.insert(table, row).expect("the row fits");
        open.push(transaction);
    }
    assert_eq!(count(&mut session, BY_KEY, &[Value::from("open")]), 0);
    for (number, transaction) in open.into_iter().enumerate() {
        match number % 2 {
            0 => drop(transaction.commit().expect("each has a key of its own")),
            _ => transaction.rollback(),
        }
    }
    assert_eq!(count(&mut session, BY_KEY, &[Value::from("open")]), transactions / 2);
}

#[test]
fn a_snapshot_held_through_very_many_updates_sees_its_own_state() {
    let updates = size(3_000, 1_000_000);
    let mut session = session("USING HASH");
    session.execute("INSERT INTO t VALUES (1, 'first'), (2, 'first')").expect("new ids");
    let held = session.database().snapshot();
    let update = session.prepare("UPDATE t SET key = ? WHERE id = 1").expect("the table is there");
    for number in 0..updates {
        session.execute_prepared(&update, &[Value::from(format!("key {}", number % 7))]).expect("nobody else writes");
    }
    {
        let view = held.view();
        let table = view.catalog().table("t").expect("the table is there").clone();
        let index = table.indexes.iter().find(|index| index.name == "t_key").expect("the index is there");
        let mut found = 0;
        let _ = view.lookup(index.id, &[Value::from("first")], |_, _| {
            found += 1;
            ControlFlow::<()>::Continue(())
        });
        assert_eq!(found, 2);
    }
    drop(held);
    assert_eq!(count(&mut session, BY_KEY, &[Value::from("first")]), 1);
}

#[test]
fn the_last_handle_may_be_dropped_inside_a_scan() {
    let mut session = session("");
    session.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')").expect("new ids");
    let snapshot = session.database().snapshot();
    let view = snapshot.view();
    let table = view.catalog().table("t").expect("the table is there").id;
    let mut last = Some(session);
    let mut keys = Vec::new();
    let _ = view.scan(table, |_, row| {
        drop(last.take());
        keys.push(row.get(1).to_string());
        ControlFlow::<()>::Continue(())
    });
    assert_eq!(keys, ["a", "b", "c"]);
}
