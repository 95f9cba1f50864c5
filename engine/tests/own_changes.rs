//! What a transaction sees of its own changes, through every access path.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/accounts.rs"]
mod accounts;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use accounts::{account, accounts, integer};
use manicule_engine::{
    Column, ColumnType, Database, Direction, IndexColumn, IndexDefinition, IndexId, IndexMethod, KeyRange, Row, RowBuf,
    RowId, TableDefinition, TableId, Value, View,
};

/// One long transaction, whose keys mostly rise: after each change, or some, it sees the rows of a model, and a key that is there
/// twice is found out at once, and gone with the savepoint.
#[test]
fn pending_keys_are_unique_in_whatever_order_they_come() {
    for seed in 1..40_u64 {
        let (database, table) = accounts(20);
        let primary = database.catalog().table("account").unwrap().indexes[0].id;
        let mut transaction = database.begin();
        let mut rows: Vec<(RowId, i64)> = Vec::new();
        let _ = transaction.view().scan(table, |row_id, row| {
            rows.push((row_id, integer(row, 0)));
            ControlFlow::<()>::Continue(())
        });
        let (mut state, mut next) = (seed, 20);
        let mut draw = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..120 {
            let savepoint = transaction.savepoint();
            let before = rows.clone();
            for _ in 0..[1, 1, 1, 1, 2, 3][draw(6)] {
                match draw(12) {
                    0 => {
                        let (row_id, _) = rows.swap_remove(draw(rows.len()));
                        transaction.delete(table, row_id).unwrap();
                    }
                    1 | 2 => {
                        let at = draw(rows.len());
                        let id = [rows[at].1, rows[draw(rows.len())].1, draw(200) as i64][draw(3)];
                        transaction.update(table, rows[at].0, account(id, 1)).unwrap();
                        rows[at].1 = id;
                    }
                    seldom => {
                        let id = match seldom {
                            3 => draw(200) as i64,
                            4 => next,
                            _ => next + 1 + draw(3) as i64,
                        };
                        next = next.max(id);
                        rows.push((transaction.insert(table, account(id, 1)).unwrap(), id));
                    }
                }
            }
            let mut ids: Vec<i64> = rows.iter().map(|(_, id)| *id).collect();
            ids.sort_unstable();
            let is_unique = ids.windows(2).all(|pair| pair[0] != pair[1]);
            assert_eq!(transaction.check_unique(savepoint).is_ok(), is_unique, "seed {seed}: {ids:?}");
            if !is_unique || draw(8) == 0 {
                transaction.rollback_to(savepoint);
                rows = before;
            }
            // The newest row most often: what was asked for of an older one is remembered.
            let newest = rows.len() - 1;
            let (row_id, id) = rows[if draw(30) == 0 { draw(rows.len()) } else { newest }];
            let mut found = Vec::new();
            let _ = transaction.view().lookup(primary, &[Value::Integer(id)], |row_id, _| {
                found.push(row_id);
                ControlFlow::<()>::Continue(())
            });
            assert_eq!(found, [row_id], "seed {seed}: {id}");
        }
        transaction.commit().unwrap();
        let mut expected: Vec<i64> = rows.iter().map(|(_, id)| *id).collect();
        expected.sort_unstable();
        let mut committed = Vec::new();
        let _ = database.reader().view().range(primary, &KeyRange::all(), Direction::Forward, |_, row| {
            committed.push(integer(row, 0));
            ControlFlow::<()>::Continue(())
        });
        assert_eq!(committed, expected, "seed {seed}");
    }
}

/// Changes, ranges and savepoints by turns: whatever was looked at before, a range has the rows of a model, in its order.
#[test]
fn ranges_have_the_pending_rows_after_each_change_and_each_rollback() {
    for seed in 1..40_u64 {
        let (database, table) = accounts(8);
        let indexes: Vec<_> =
            database.catalog().table("account").unwrap().indexes.iter().map(|index| index.id).collect();
        let mut transaction = database.begin();
        let mut rows: BTreeMap<RowId, [i64; 2]> = (0..8).map(|id| (RowId(id as u64), [id, 100])).collect();
        let mut savepoints = vec![(transaction.savepoint(), rows.clone())];
        let mut state = seed;
        let mut draw = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..150 {
            let row_id = rows.keys().copied().nth(draw(rows.len().max(1)));
            let (id, balance) = (draw(30) as i64, 95 + draw(10) as i64);
            match (draw(10), row_id) {
                (0, Some(row_id)) => {
                    transaction.delete(table, row_id).unwrap();
                    rows.remove(&row_id);
                }
                (1..=3, Some(row_id)) => {
                    transaction.update(table, row_id, account(id, balance)).unwrap();
                    rows.insert(row_id, [id, balance]);
                }
                (4, _) => savepoints.push((transaction.savepoint(), rows.clone())),
                (5, _) => {
                    let (savepoint, before) = savepoints.split_off(draw(savepoints.len())).swap_remove(0);
                    transaction.rollback_to(savepoint);
                    rows = before.clone();
                    savepoints.push((savepoint, before));
                }
                _ => {
                    rows.insert(transaction.insert(table, account(id, balance)).unwrap(), [id, balance]);
                }
            }
            let (column, direction) = (draw(2), [Direction::Forward, Direction::Backward][draw(2)]);
            let least = [draw(30), 95 + draw(10)][column] as i64;
            let range = KeyRange { lower: std::ops::Bound::Included(Value::Integer(least)), ..KeyRange::all() };
            let mut found = Vec::new();
            let _ = transaction.view().range(indexes[column], &range, direction, |row_id, row| {
                found.push((integer(row, column), row_id));
                ControlFlow::<()>::Continue(())
            });
            let all = rows.iter().map(|(row_id, row)| (row[column], *row_id)).filter(|(value, _)| *value >= least);
            let mut expected: Vec<(i64, RowId)> = all.collect();
            expected.sort_unstable();
            if direction == Direction::Backward {
                expected.sort_by_key(|(value, _)| std::cmp::Reverse(*value));
            }
            assert_eq!(found, expected, "seed {seed}, column {column}, {direction:?}");
        }
    }
}

/// A table `job (id INTEGER UNIQUE, state TEXT, name TEXT UNIQUE)` with an index on `(state, id)`, and its indexes.
fn jobs(count: i64) -> (Database, TableId, [IndexId; 3]) {
    let database = Database::in_memory();
    let columns = vec![
        Column::new("id", ColumnType::Integer),
        Column::new("state", ColumnType::Text),
        Column::new("name", ColumnType::Text),
    ];
    let definition = TableDefinition { name: "job".into(), columns, ..TableDefinition::default() };
    let table = database.create_table(definition).unwrap();
    let index = |name: &str, columns: &[usize], unique| {
        let columns = columns.iter().map(|&column| IndexColumn { column, descending: false }).collect();
        let definition = IndexDefinition { name: name.into(), columns, unique, method: IndexMethod::Tree };
        database.create_index(table, definition).unwrap()
    };
    let indexes = [index("job_id", &[0], true), index("job_state", &[1, 0], false), index("job_name", &[2], true)];
    let mut transaction = database.begin();
    for id in 0..count {
        transaction.insert(table, job(id, "new")).unwrap();
    }
    transaction.commit().unwrap();
    (database, table, indexes)
}

fn job(id: i64, state: &str) -> RowBuf {
    let name = if id % 9 == 5 { Value::Null } else { Value::from(format!("job {id:05}")) };
    Row::new(&[Value::Integer(id), Value::from(state), name])
}

/// The first row of a range, and how many entries that stand for no row were met before it.
fn first(view: &View<'_>, index: IndexId, range: (&KeyRange<'_>, Direction)) -> (Option<i64>, usize) {
    let (mut found, mut in_vain) = (None, 0);
    let _ = view.range_while(
        index,
        range,
        |_, row| {
            found = Some(integer(row, 0));
            ControlFlow::Break(())
        },
        || {
            in_vain += 1;
            ControlFlow::Continue(())
        },
    );
    (found, in_vain)
}

#[test]
fn a_queue_in_one_transaction_does_not_pass_over_its_past_each_time() {
    let range = |state: Option<&'static str>| match state {
        None => KeyRange { lower: std::ops::Bound::Excluded(Value::Null), ..KeyRange::all() },
        Some(state) => KeyRange { prefix: vec![Value::from(state)], ..KeyRange::all() },
    };
    for (at, state) in [(0, None), (1, Some("new")), (2, None)] {
        for direction in [Direction::Forward, Direction::Backward] {
            let (database, table, indexes) = jobs(600);
            let mut transaction = database.begin();
            let mut waiting: Vec<i64> = (0..600).filter(|id| at != 2 || id % 9 != 5).collect();
            if direction == Direction::Forward {
                waiting.reverse();
            }
            let mut met = 0;
            let mut savepoint = (transaction.savepoint(), waiting.clone());
            for step in 0..400 {
                let (found, in_vain) = first(&transaction.view(), indexes[at], (&range(state), direction));
                assert_eq!(found, waiting.pop(), "{direction:?} by {at}, step {step}");
                met += in_vain;
                let mut key = Vec::new();
                let _ = transaction.view().lookup(indexes[0], &[Value::from(found.unwrap())], |row_id, _| {
                    key.push(row_id);
                    ControlFlow::<()>::Continue(())
                });
                match (step % 3, at) {
                    (0, 1) => transaction.update(table, key[0], job(found.unwrap(), "done")).unwrap(),
                    _ => transaction.delete(table, key[0]).unwrap(),
                }
                // What is undone is there again, and what was before it is not.
                match step {
                    50 => savepoint = (transaction.savepoint(), waiting.clone()),
                    100 | 220 => {
                        transaction.rollback_to(savepoint.0);
                        waiting = savepoint.1.clone();
                    }
                    _ => {}
                }
            }
            assert!(met < 400 * 20, "{direction:?} by {at}: {met} entries in vain");
            // A row of its own in front of all that is gone.
            let (id, last) = if direction == Direction::Forward { (-7, "job -") } else { (10_000, "job ~") };
            transaction.insert(table, Row::new(&[Value::from(id), Value::from("new"), Value::from(last)])).unwrap();
            let view = transaction.view();
            assert_eq!(first(&view, indexes[at], (&range(state), direction)).0, Some(id), "{direction:?} by {at}");
        }
    }
}
