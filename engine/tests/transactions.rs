//! What transactions promise, one behaviour a test.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/accounts.rs"]
mod accounts;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use accounts::{account, accounts, integer};
use manicule_engine::{
    Column, ColumnType, Database, Direction, Error, IndexColumn, IndexDefinition, IndexMethod, KeyRange, Row, RowBuf,
    RowId, TableDefinition, TableId, Transaction, Value, View,
};

/// Count and sum of the balances, by scan, by primary key and by the multi index.
fn totals(database: &Database, view: &View<'_>, table: TableId) -> [(u64, i64); 3] {
    let mut totals = [(0, 0); 3];
    let catalog = database.catalog();
    let schema = catalog.table("account").unwrap();
    let mut add = |path: usize, row: &Row| {
        totals[path].0 += 1;
        totals[path].1 += integer(row, 1);
        ControlFlow::<()>::Continue(())
    };
    let _ = view.scan(table, |_, row| add(0, row));
    let _ = view.range(schema.indexes[0].id, &KeyRange::all(), Direction::Forward, |_, row| add(1, row));
    let _ = view.range(schema.indexes[1].id, &KeyRange::all(), Direction::Backward, |_, row| add(2, row));
    totals
}

#[test]
fn sum_is_the_same_in_every_snapshot_under_transfers_by_every_access_path() {
    let (database, table) = accounts(50);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 1..=2_u64 {
            let (database, stop) = (&database, &stop);
            scope.spawn(move || {
                let mut state = seed;
                while !stop.load(Ordering::Relaxed) {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let from = (state >> 33) % 50;
                    let (from, to) = (RowId(from), RowId((from + 1 + (state >> 40) % 49) % 50));
                    // A conflict is as good as a commit here: nothing has changed.
                    let _ = transfer(database, table, from, to);
                }
            });
        }
        let mut reader = database.reader();
        for _ in 0..2000 {
            assert_eq!(totals(&database, &reader.view(), table), [(50, 5000); 3]);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn rows_whose_ids_count_up_are_found_at_every_snapshot_wherever_they_move() {
    let (database, table) = accounts(100);
    let mut snapshots = vec![database.snapshot()];
    let mut commit = |change: &dyn Fn(&mut Transaction, RowId, &Row)| {
        let (before, mut transaction) = (database.snapshot(), database.begin());
        let _: ControlFlow<()> = before.view().scan(table, |row_id, row| {
            change(&mut transaction, row_id, row);
            ControlFlow::Continue(())
        });
        transaction.commit().unwrap();
        snapshots.push(database.snapshot());
    };
    commit(&|transaction, row_id, row| transaction.update(table, row_id, account(integer(row, 0), 200)).unwrap());
    commit(&|transaction, row_id, row| transaction.update(table, row_id, account(integer(row, 0) + 1, 300)).unwrap());
    commit(&|transaction, row_id, row| {
        if integer(row, 0) % 3 == 0 {
            transaction.delete(table, row_id).unwrap();
            transaction.insert(table, account(integer(row, 0), 400)).unwrap();
        }
    });
    commit(&|transaction, row_id, row| {
        if integer(row, 0) % 4 == 0 {
            transaction.delete(table, row_id).unwrap();
        }
    });
    // What did not move in between is where it was at first, as another version.
    commit(&|transaction, row_id, row| transaction.update(table, row_id, account(integer(row, 0) - 1, 500)).unwrap());
    let primary_key = database.catalog().table("account").unwrap().indexes[0].id;
    for snapshot in &snapshots {
        let view = snapshot.view();
        let mut rows = BTreeMap::new();
        let _: ControlFlow<()> = view.scan(table, |row_id, row| {
            rows.insert(integer(row, 0), (row_id, integer(row, 1)));
            ControlFlow::Continue(())
        });
        for id in -1..=101 {
            let mut found = None;
            let _: ControlFlow<()> = view.lookup(primary_key, &[Value::Integer(id)], |row_id, row| {
                assert_eq!(integer(row, 0), id);
                assert_eq!(found.replace((row_id, integer(row, 1))), None);
                ControlFlow::Continue(())
            });
            assert_eq!(found.as_ref(), rows.get(&id), "id {id}");
        }
    }
}

fn transfer(database: &Database, table: TableId, from: RowId, to: RowId) -> Result<(), Error> {
    let mut transaction = database.begin();
    for (row_id, amount) in [(from, -1), (to, 1)] {
        let row = transaction.view().row(table, row_id).map(|row| account(integer(row, 0), integer(row, 1) + amount));
        transaction.update(table, row_id, row.unwrap())?;
    }
    transaction.commit().map(|_| ())
}

#[test]
fn held_snapshot_sees_not_one_of_ten_thousand_commits() {
    let (database, table) = accounts(10);
    let snapshot = database.snapshot();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..10_000 {
                transfer(&database, table, RowId(round % 10), RowId((round + 1) % 10)).unwrap();
            }
        });
        while !writer.is_finished() {
            assert_eq!(totals(&database, &snapshot.view(), table), [(10, 1000); 3]);
            let _: ControlFlow<()> = snapshot.view().scan(table, |_, row| {
                assert_eq!(integer(row, 1), 100);
                ControlFlow::Continue(())
            });
        }
    });
    assert!(database.version_count() < 10 * 4, "a long snapshot keeps only what it can see");
}

#[test]
fn first_committer_wins_and_the_other_is_told_to_retry() {
    let (database, table) = accounts(1);
    let (mut first, mut second) = (database.begin(), database.begin());
    first.update(table, RowId(0), account(0, 1)).unwrap();
    second.update(table, RowId(0), account(0, 2)).unwrap();
    first.commit().unwrap();
    assert!(second.commit().unwrap_err().is_retryable());
}

#[test]
fn uniqueness_is_judged_by_the_net_effect() {
    let (database, table) = accounts(3);
    let mut swap = database.begin();
    for (row_id, id) in [(0, 1), (1, 2), (2, 0)] {
        swap.update(table, RowId(row_id), account(id, 0)).unwrap();
    }
    swap.check_unique(swap.savepoint()).unwrap();
    swap.commit().unwrap();
    let mut again = database.begin();
    again.delete(table, RowId(0)).unwrap();
    again.insert(table, account(1, 5)).unwrap();
    again.commit().unwrap();
    let mut duplicate = database.begin();
    duplicate.insert(table, account(2, 5)).unwrap();
    assert!(matches!(duplicate.commit(), Err(Error::UniqueViolation { .. })));
}

#[test]
fn a_commit_checks_keys_again_where_the_transaction_could_not_know() {
    let (database, table) = accounts(3);
    let is_refused = |transaction: Transaction| matches!(transaction.commit(), Err(Error::UniqueViolation { .. }));
    // Checked with a change that is undone since.
    let mut undone = database.begin();
    let start = undone.savepoint();
    undone.update(table, RowId(0), account(1, 0)).unwrap();
    let between = undone.savepoint();
    undone.update(table, RowId(1), account(9, 0)).unwrap();
    undone.check_unique(start).unwrap();
    undone.rollback_to(between);
    undone.update(table, RowId(2), account(8, 0)).unwrap();
    assert!(is_refused(undone));
    // Checked before somebody else committed the key.
    let mut overtaken = database.begin();
    let mut other = database.begin();
    let start = overtaken.savepoint();
    overtaken.insert(table, account(7, 0)).unwrap();
    overtaken.check_unique(start).unwrap();
    other.insert(table, account(7, 0)).unwrap();
    other.commit().unwrap();
    assert!(is_refused(overtaken));
    // A row that has kept its key beside one that was given it before, unchecked.
    let mut unchecked = database.begin();
    unchecked.insert(table, account(1, 0)).unwrap();
    let since = unchecked.savepoint();
    unchecked.update(table, RowId(1), account(1, 9)).unwrap();
    assert!(matches!(unchecked.check_unique(since), Err(Error::UniqueViolation { .. })));
    // Checked before there was the index.
    let (database, table) = accounts(0);
    let mut older = database.begin();
    let start = older.savepoint();
    older.insert(table, account(20, -1)).unwrap();
    older.insert(table, account(21, -1)).unwrap();
    older.check_unique(start).unwrap();
    let columns = vec![IndexColumn { column: 1, descending: false }];
    let (name, method) = ("account_of_balance".into(), IndexMethod::Hash);
    database.create_index(table, IndexDefinition { name, columns, unique: true, method }).unwrap();
    assert!(is_refused(older));
}

#[test]
fn two_transactions_cannot_both_insert_one_key() {
    let (database, table) = accounts(0);
    let (mut first, mut second) = (database.begin(), database.begin());
    first.insert(table, account(7, 0)).unwrap();
    second.insert(table, account(7, 1)).unwrap();
    first.commit().unwrap();
    assert!(matches!(second.commit(), Err(Error::UniqueViolation { .. })));
}

#[test]
fn key_that_another_transaction_took_meanwhile_is_told_from_one_that_was_seen() {
    for count in [1, 5] {
        let (database, table) = accounts(0);
        let mut runs = 0;
        let inserted: Result<bool, Error> = database.run(|transaction| {
            runs += 1;
            if transaction.view().row_count(table) > 0 {
                return Ok(false);
            }
            let mut other = database.begin();
            other.insert(table, account(6 + count, 0))?;
            other.commit()?;
            (7..7 + count).try_for_each(|id| transaction.insert(table, account(id, 1)).map(|_| ()))?;
            Ok(true)
        });
        assert!(matches!(inserted, Ok(false)) && runs == 2, "{inserted:?} after {runs} runs");
        let mut seen = database.begin();
        (7..7 + count).for_each(|id| assert!(seen.insert(table, account(id, 1)).is_ok()));
        match seen.commit() {
            Err(Error::UniqueViolation { is_overtaken: false, key, .. }) => {
                assert_eq!(key[..], [Value::Integer(6 + count)])
            }
            committed => panic!("{committed:?}"),
        }
    }
}

#[test]
fn rows_of_another_form_are_refused_and_nothing_is_lost() {
    let (database, table) = accounts(1);
    let mut transaction = database.begin();
    let bad = [
        Row::new(&[Value::Integer(1)]),
        Row::new(&[Value::from("x"), Value::Null]),
        Row::new(&[Value::Null, Value::Null]),
    ];
    for row in bad {
        transaction.insert(table, row).unwrap_err();
    }
    assert!(!transaction.has_changes());
    assert!(matches!(transaction.update(table, RowId(9), account(9, 9)), Err(Error::NotFound { .. })));
}

#[test]
fn table_that_is_rewritten_is_as_it_was_when_that_is_cancelled() {
    let (database, table) = accounts(2);
    let unwanted = database.waiting_until(|| true);
    let (kept, note) = (Column::new("kept", ColumnType::Text), Column::new("note", ColumnType::Text));
    database.waiting_until(|| false).add_column(table, kept).unwrap();
    let version = database.schema_version();
    let added = unwanted.add_column(table, note);
    assert!(matches!(added, Err(Error::Cancelled)), "{added:?}");
    let dropped = unwanted.drop_column(table, 2);
    assert!(matches!(dropped, Err(Error::Cancelled)), "{dropped:?}");
    assert_eq!((database.schema_version(), database.snapshot().view().row_count(table)), (version, 2));
    database.drop_column(table, 2).unwrap();
    // Without indexes too, whose making is cancelled as well.
    let columns = vec![Column::new("only", ColumnType::Integer)];
    let plain = TableDefinition { name: "plain".into(), columns, ..TableDefinition::default() };
    let plain = database.create_table_with_rows(plain, [Row::new(&[Value::Integer(1)])]).unwrap();
    let added = unwanted.add_column(plain, Column::new("note", ColumnType::Text));
    assert!(matches!(added, Err(Error::Cancelled)), "{added:?}");
}

#[test]
fn index_made_later_serves_snapshots_that_began_before_it() {
    let (database, table) = accounts(2);
    let before = database.snapshot();
    transfer(&database, table, RowId(0), RowId(1)).unwrap();
    let index = database
        .create_index(
            table,
            IndexDefinition {
                name: "later".into(),
                columns: vec![IndexColumn { column: 1, descending: true }],
                unique: true,
                method: IndexMethod::HashAndTree,
            },
        )
        .unwrap();
    let count = |view: &View<'_>, balance: i64| {
        let mut rows = 0;
        let _: ControlFlow<()> = view.lookup(index, &[Value::Integer(balance)], |_, _| {
            rows += 1;
            ControlFlow::Continue(())
        });
        rows
    };
    assert_eq!(count(&database.snapshot().view(), 99), 1);
    assert_eq!(count(&before.view(), 99), 0, "the older snapshot has no such index, and no such row");
    assert!(matches!(
        {
            let mut transaction = database.begin();
            transaction.insert(table, account(5, 99)).unwrap();
            transaction.commit()
        },
        Err(Error::UniqueViolation { .. })
    ));
}

#[test]
fn columns_come_and_go_while_older_snapshots_keep_theirs() {
    let (database, table) = accounts(2);
    let before = database.snapshot();
    database
        .add_column(table, Column { default: Value::from("new"), ..Column::new("note", ColumnType::Text) })
        .unwrap();
    let after = database.snapshot();
    assert_eq!(after.view().row(table, RowId(0)).unwrap().get(2), Value::from("new"));
    assert_eq!(before.view().row(table, RowId(0)).unwrap().column_count(), 2);
    assert!(matches!(database.drop_column(table, 0), Err(Error::Refused { .. })), "the primary key uses it");
    database.drop_column(table, 2).unwrap();
    assert_eq!(totals(&database, &database.snapshot().view(), table), [(2, 200); 3]);
    let required = || Column { not_null: true, ..Column::new("required", ColumnType::Integer) };
    assert!(
        matches!(database.add_column(table, required()), Err(Error::Refused { .. })),
        "what would rows have there?"
    );
    database.run(|transaction| delete_all(transaction, table)).unwrap();
    database.add_column(table, required()).unwrap();
    database.rename_column(table, 2, "Required").unwrap();
    assert!(matches!(database.rename_column(table, 2, "ID"), Err(Error::AlreadyExists { .. })));
    database.rename_table(table, "Account").unwrap();
    assert_eq!(database.catalog().tables().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["Account"]);
    let [primary, balance] = [0, 1].map(|index| database.catalog().table("account").unwrap().indexes[index].id);
    assert!(matches!(database.drop_indexes(&[balance, primary]), Err(Error::Refused { .. })), "a constraint made it");
    assert_eq!(database.catalog().table("account").unwrap().indexes.len(), 2, "all of them or none");
}

#[test]
fn table_that_was_rewritten_is_a_conflict_even_where_it_has_as_many_columns() {
    let (database, table) = accounts(2);
    database.add_column(table, Column::new("note", ColumnType::Text)).unwrap();
    let row = || Row::new(&[Value::Integer(0), Value::Integer(7), Value::from("kept")]);
    let mut transaction = database.begin();
    transaction.update(table, RowId(0), row()).unwrap();
    database.drop_column(table, 2).unwrap();
    database.add_column(table, Column::new("size", ColumnType::Integer)).unwrap();
    assert!(matches!(transaction.commit(), Err(Error::Conflict { .. })));
    assert_eq!(totals(&database, &database.snapshot().view(), table), [(2, 200); 3]);
}

#[test]
fn a_default_is_of_its_columns_type() {
    let (database, table) = accounts(2);
    let wrong = || Column { default: Value::from("none"), ..Column::new("count", ColumnType::Integer) };
    assert!(matches!(database.add_column(table, wrong()), Err(Error::TypeMismatch { .. })));
    let definition = TableDefinition { name: "wrong".into(), columns: vec![wrong()], ..TableDefinition::default() };
    assert!(matches!(database.create_table(definition), Err(Error::TypeMismatch { .. })));
    assert_eq!(database.catalog().tables().count(), 1);
}

#[test]
fn deleted_rows_leave_nothing_behind() {
    let (database, table) = accounts(100);
    let mut transaction = database.begin();
    for row_id in 0..100 {
        transaction.delete(table, RowId(row_id)).unwrap();
    }
    transaction.commit().unwrap();
    database.vacuum();
    assert_eq!(database.version_count(), 0);
    let view = database.snapshot();
    let catalog = database.catalog();
    for index in &catalog.table("account").unwrap().indexes {
        assert_eq!(view.view().distinct_keys(index.id), 0, "{}", index.name);
    }
}

#[test]
fn commits_that_only_insert_clear_away_what_others_left() {
    let (database, table) = accounts(100);
    let reader = database.snapshot();
    database.run(|transaction| (0..100).try_for_each(|row_id| transaction.delete(table, RowId(row_id)))).unwrap();
    drop(reader);
    for id in 0..20 {
        database.run(|transaction| transaction.insert(table, account(id, 0)).map(drop)).unwrap();
    }
    assert_eq!(database.version_count(), 20);
}

/// Nobody has asked for [`Transaction::check_unique`] before.
#[test]
fn key_that_is_twice_in_one_transaction_is_refused_by_its_commit() {
    let database = Database::in_memory();
    let columns = vec![Column::new("number", ColumnType::Integer), Column::new("text", ColumnType::Text)];
    let definition =
        TableDefinition { name: "t".into(), columns, unique: vec![vec![0], vec![1]], ..TableDefinition::default() };
    let table = database.create_table(definition).unwrap();
    let row = |number: Option<i64>, text: Option<String>| Row::new(&[Value::from(number), Value::from(text)]);
    for count in [2, 3, 20] {
        let commit = |last: RowBuf| {
            let mut transaction = database.begin();
            for number in 1..count {
                transaction.insert(table, row(Some(number), Some(number.to_string()))).unwrap();
            }
            transaction.insert(table, last).unwrap();
            // NULL may be there as often as it likes.
            transaction.insert(table, row(None, None)).unwrap();
            transaction.commit()
        };
        for (last, index) in [(row(Some(1), None), "t_number_key"), (row(None, Some("1".into())), "t_text_key")] {
            let Err(Error::UniqueViolation { index: refused, key, is_overtaken, .. }) = commit(last) else {
                panic!("{count} rows, two of them with one key of {index}")
            };
            assert_eq!((refused.as_str(), key[0].to_string().as_str(), is_overtaken), (index, "1", false));
        }
        commit(row(None, None)).unwrap();
        database.run(|transaction| delete_all(transaction, table)).unwrap();
    }
}

fn delete_all(transaction: &mut Transaction, table: TableId) -> Result<(), Error> {
    let mut row_ids = Vec::new();
    let _: ControlFlow<()> = transaction.view().scan(table, |row_id, _| {
        row_ids.push(row_id);
        ControlFlow::Continue(())
    });
    row_ids.into_iter().try_for_each(|row_id| transaction.delete(table, row_id))
}

/// Rows of two tables have the same ids and the same keys.
#[test]
fn rollback_to_a_savepoint_takes_back_the_keys_of_its_table_alone() {
    let (database, table) = accounts(0);
    let columns = ["id", "balance"].map(|name| Column::new(name, ColumnType::Integer)).into();
    let definition = TableDefinition { name: "other".into(), columns, primary_key: vec![0], ..Default::default() };
    let other = database.create_table(definition).unwrap();
    let primary_key = |name: &str| database.catalog().table(name).unwrap().indexes[0].id;
    let mut transaction = database.begin();
    for id in [9, 6] {
        transaction.insert(table, account(id, 0)).unwrap();
    }
    transaction.insert(other, account(9, 0)).unwrap();
    let ids = |transaction: &Transaction, name: &str| {
        let (mut ranged, mut found) = (Vec::new(), Vec::new());
        let (view, index) = (transaction.view(), primary_key(name));
        let _: ControlFlow<()> = view.range(index, &KeyRange::all(), Direction::Forward, |_, row| {
            ranged.push(integer(row, 0));
            ControlFlow::Continue(())
        });
        for id in 0..10 {
            let _: ControlFlow<()> = view.lookup(index, &[Value::Integer(id)], |_, row| {
                found.push(integer(row, 0));
                ControlFlow::Continue(())
            });
        }
        assert_eq!(ranged, found, "{name}");
        ranged
    };
    let savepoint = transaction.savepoint();
    transaction.insert(other, account(6, 0)).unwrap();
    assert_eq!((ids(&transaction, "account"), ids(&transaction, "other")), (vec![6, 9], vec![6, 9]));
    transaction.rollback_to(savepoint);
    assert_eq!((ids(&transaction, "account"), ids(&transaction, "other")), (vec![6, 9], vec![9]));
}

#[test]
fn keys_keep_their_columns_when_one_before_them_is_dropped() {
    let database = Database::in_memory();
    let columns = ["note", "id", "size"].map(|name| Column::new(name, ColumnType::Integer)).into();
    let unique = vec![vec![2]];
    let definition = TableDefinition { name: "t".into(), columns, primary_key: vec![1], unique, ..Default::default() };
    let table = database.create_table(definition).unwrap();
    let row = |values: &[i64]| Row::new(&values.iter().map(|value| Value::Integer(*value)).collect::<Vec<_>>());
    database.run(|transaction| transaction.insert(table, row(&[1, 2, 3])).map(drop)).unwrap();
    database.drop_column(table, 0).unwrap();
    let schema = database.catalog().table("t").unwrap().clone();
    assert_eq!((&schema.primary_key[..], schema.number()), (&[0][..], Some(0)));
    let columns: Vec<usize> = schema.indexes.iter().map(|index| index.columns[0].column).collect();
    assert_eq!(columns, [0, 1]);
    for twice in [[2, 4], [4, 3]] {
        let refused: Result<_, Error> = database.run(|transaction| transaction.insert(table, row(&twice)));
        assert!(matches!(refused, Err(Error::UniqueViolation { .. })), "{twice:?}");
    }
}

#[test]
fn number_of_a_pending_row_is_given_to_nobody() {
    let (database, table) = accounts(3);
    let next = || database.begin().next_number(table, 0).unwrap();
    assert_eq!([next(), next()], [3, 4]);
    let mut transaction = database.begin();
    transaction.update(table, RowId(0), account(100, 0)).unwrap();
    assert_eq!(next(), 101);
    transaction.insert(table, account(200, 0)).unwrap();
    assert_eq!([next(), database.begin().next_number(table, 500).unwrap(), next()], [201, 501, 502]);
}

#[test]
fn numbers_go_on_after_those_of_rows_that_a_table_was_made_with() {
    let database = Database::in_memory();
    let columns = vec![Column::new("id", ColumnType::Integer)];
    let definition = TableDefinition { name: "t".into(), columns, primary_key: vec![0], ..TableDefinition::default() };
    let rows = [7, 3].map(|id| Row::new(&[Value::Integer(id)]));
    let table = database.create_table_with_rows(definition, rows).unwrap();
    assert_eq!(database.begin().next_number(table, 0).unwrap(), 8);
}
