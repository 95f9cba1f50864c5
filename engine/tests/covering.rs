//! Answers that an index gives alone: right at every snapshot, and without a look at the rows where that can be.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use manicule_engine::{
    Column, ColumnType, Covered, Database, Direction, Error, IndexColumn, IndexDefinition, IndexId, IndexMethod,
    KeyRange, Row, RowBuf, RowCount, RowId, TableDefinition, TableId, Value, View, WithNumber,
};

/// A table `t (id INTEGER PRIMARY KEY, size INTEGER, name TEXT, code INTEGER)`, the code unique or NULL.
struct World {
    database: Database,
    table: TableId,
    indexes: Vec<(IndexId, Vec<usize>)>,
}

const ROWS: u64 = 200;

fn world() -> World {
    let database = Database::in_memory();
    let integer = |name: &str| Column::new(name, ColumnType::Integer);
    let definition = TableDefinition {
        name: "t".into(),
        columns: vec![integer("id"), integer("size"), Column::new("name", ColumnType::Text), integer("code")],
        primary_key: vec![0],
        ..TableDefinition::default()
    };
    let table = database.create_table(definition).unwrap();
    let mut indexes = vec![(database.catalog().table("t").unwrap().indexes[0].id, vec![0])];
    for (name, columns, unique) in [
        ("t_size", vec![1], false),
        ("t_name", vec![2], false),
        ("t_code", vec![3], true),
        ("t_size_name", vec![1, 2], false),
        ("t_name_id", vec![2, 0], true),
    ] {
        let definition = IndexDefinition {
            name: name.into(),
            columns: columns.iter().map(|&column| IndexColumn { column, descending: column == 2 }).collect(),
            unique,
            method: IndexMethod::Tree,
        };
        indexes.push((database.create_index(table, definition).unwrap(), columns));
    }
    let insert = |transaction: &mut manicule_engine::Transaction| {
        (0..ROWS).try_for_each(|id| transaction.insert(table, row(id, id)).map(drop))
    };
    database.run(insert).unwrap();
    World { database, table, indexes }
}

fn row(id: u64, seed: u64) -> RowBuf {
    let name = (!seed.is_multiple_of(5)).then(|| format!("name \0{}", seed % 7));
    let code = (!seed.is_multiple_of(3)).then_some((id * 1000 + seed % 1000) as i64);
    Row::new(&[Value::from(id as i64), Value::from((seed % 11) as i64), Value::from(name), Value::from(code)])
}

impl World {
    /// Each index, whole and by some keys, against the full scan; gives how many keys and how many rows were handed out.
    fn check(&self, view: &View<'_>) -> [u64; 2] {
        let mut handed_out = [0; 2];
        for (index, columns) in &self.indexes {
            let mut expected = Vec::new();
            let _: ControlFlow<()> = view.scan(self.table, |row_id, row| {
                expected.push((columns.iter().map(|&column| row.get(column).into_owned()).collect::<Vec<_>>(), row_id));
                ControlFlow::Continue(())
            });
            expected.sort();
            for with_number in [WithNumber::No, WithNumber::Yes] {
                let looked_at = self.check_covered(view, (*index, columns), with_number);
                if with_number == WithNumber::No {
                    handed_out[0] += expected.len() as u64 - looked_at;
                    handed_out[1] += looked_at;
                }
            }
            let mut found = Vec::new();
            let _: ControlFlow<()> = view.range(*index, &KeyRange::all(), Direction::Backward, |row_id, row| {
                found.push((columns.iter().map(|&column| row.get(column).into_owned()).collect::<Vec<_>>(), row_id));
                ControlFlow::Continue(())
            });
            found.sort();
            assert_eq!(found, expected, "rows of index {index}");
            assert_eq!(self.count_all(view).rows, expected.len() as u64);
            assert_eq!(
                counted(view.count_range(*index, &KeyRange::all(), || ControlFlow::Continue(()))).rows,
                expected.len() as u64,
                "index {index}"
            );
            for (key, _) in expected.iter().step_by(37) {
                let rows = expected.iter().filter(|(other, _)| other == key).count() as u64;
                assert_eq!(
                    counted(view.count(*index, key, || ControlFlow::Continue(()))).rows,
                    rows,
                    "{key:?} of index {index}"
                );
                let mut found = Vec::new();
                let _: ControlFlow<()> = view.lookup(*index, key, |row_id, _| {
                    found.push((key.clone(), row_id));
                    ControlFlow::Continue(())
                });
                if found.len() > 1000 {
                    found.sort();
                }
                assert!(found.iter().eq(expected.iter().filter(|(other, _)| other == key)), "{key:?} of index {index}");
            }
        }
        handed_out
    }

    /// An index alone, each key with the id behind it if that is asked for; gives at how many rows it looked.
    fn check_covered(&self, view: &View<'_>, (index, columns): (IndexId, &[usize]), with_number: WithNumber) -> u64 {
        let mut columns = columns.to_vec();
        if with_number == WithNumber::Yes {
            columns.push(0);
        }
        let key_of = |row: &Row| columns.iter().map(|&column| row.get(column).into_owned()).collect();
        let mut expected: Vec<(Vec<Value<'static>>, RowId)> = Vec::new();
        let _: ControlFlow<()> = view.scan(self.table, |row_id, row| {
            expected.push((key_of(row), row_id));
            ControlFlow::Continue(())
        });
        expected.sort();
        let (mut found, mut looked_at) = (Vec::new(), 0);
        let visit = |row_id, covered: Covered<'_, '_>| {
            looked_at += u64::from(matches!(covered, Covered::Row(_)));
            let key = match covered {
                Covered::Row(row) => key_of(row),
                Covered::Key(key) => (0..columns.len()).map(|position| key.value(position).into_owned()).collect(),
            };
            found.push((key, row_id));
            ControlFlow::Continue(())
        };
        let all = (&KeyRange::all(), Direction::Forward, with_number);
        let _: ControlFlow<()> = view.range_covered(index, all, visit, || ControlFlow::Continue(()));
        found.sort();
        assert_eq!(found, expected, "index {index}, {with_number:?}");
        looked_at
    }

    fn count_all(&self, view: &View<'_>) -> RowCount {
        counted(view.count_all(self.table, || ControlFlow::Continue(())))
    }

    fn count_sizes(&self, view: &View<'_>, size: i64) -> RowCount {
        counted(view.count(self.indexes[1].0, &[Value::Integer(size)], || ControlFlow::Continue(())))
    }

    fn change(&self, id: u64, seed: Option<u64>) {
        let change = |transaction: &mut manicule_engine::Transaction| match seed {
            Some(seed) => transaction.update(self.table, RowId(id), row(id, seed)),
            None => transaction.delete(self.table, RowId(id)),
        };
        self.database.run(change).unwrap();
    }
}

const NONE_READ: u64 = 0;

#[test]
fn rows_are_looked_at_while_older_versions_are_there() {
    let world = world();
    let count = |size| world.count_sizes(&world.database.snapshot().view(), size);
    assert_eq!(count(4), RowCount { rows: 18, rows_read: NONE_READ });
    let held = world.database.snapshot();
    world.change(4, Some(5));
    world.change(15, None);
    assert_eq!(count(4), RowCount { rows: 16, rows_read: 16 });
    assert_eq!(world.count_sizes(&held.view(), 4), RowCount { rows: 18, rows_read: 18 });
    world.database.vacuum();
    assert_eq!(count(4).rows_read, 16, "a snapshot holds the old versions");
    drop(held);
    world.database.vacuum();
    assert_eq!(count(4), RowCount { rows: 16, rows_read: NONE_READ });
    assert_eq!(world.check(&world.database.snapshot().view())[1], 0);
}

#[test]
fn new_rows_alone_leave_a_table_all_visible() {
    let world = world();
    let before = world.database.snapshot();
    world.database.run(|transaction| transaction.insert(world.table, row(ROWS, 4)).map(drop)).unwrap();
    let after = world.database.snapshot();
    assert_eq!(world.count_sizes(&after.view(), 4), RowCount { rows: 19, rows_read: NONE_READ });
    assert_eq!(world.count_sizes(&before.view(), 4), RowCount { rows: 18, rows_read: 18 });
    world.check(&before.view());
}

/// A row that has or had another number than those around it is looked at, and those around it with it; where that is so of many,
/// all rows are.
#[test]
fn an_index_tells_the_numbers_of_rows_where_they_count_up() {
    const MANY: u64 = 10 * 512;
    let world = world();
    let tells = || world.database.snapshot().view().tells_numbers(world.table);
    let rows_read_by = |view: &View<'_>| {
        let by =
            |(index, columns): &(IndexId, Vec<usize>)| world.check_covered(view, (*index, columns), WithNumber::Yes);
        let counts: Vec<u64> = world.indexes.iter().map(by).collect();
        assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
        counts[0]
    };
    let rows_read = || {
        world.database.vacuum();
        rows_read_by(&world.database.snapshot().view())
    };
    let insert = |transaction: &mut manicule_engine::Transaction| {
        (ROWS..MANY).try_for_each(|id| transaction.insert(world.table, row(id, id)).map(drop))
    };
    world.database.run(insert).unwrap();
    assert!(tells());
    assert_eq!(rows_read(), 0);
    let renumber = |id: u64, number: u64| {
        let held = world.database.snapshot();
        world.database.run(|transaction| transaction.update(world.table, RowId(id), row(number, id))).unwrap();
        for snapshot in [held, world.database.snapshot()] {
            rows_read_by(&snapshot.view());
        }
    };
    renumber(700, MANY + 700);
    assert!(tells());
    assert_eq!(rows_read(), 512);
    renumber(700, 700);
    assert_eq!(rows_read(), 512, "it is not forgotten that it was another");
    world.change(3, None);
    let mut transaction = world.database.begin();
    transaction.insert(world.table, row(3, 1)).unwrap();
    rows_read_by(&transaction.view());
    transaction.commit().unwrap();
    assert_eq!(rows_read(), 512, "the new row is alone in a block, with a difference of its own");
    renumber(1024, MANY + 1024);
    assert!(!tells());
    assert_eq!(rows_read(), MANY);
}

#[test]
fn own_changes_are_counted() {
    let world = world();
    let mut transaction = world.database.begin();
    transaction.insert(world.table, row(ROWS, 4)).unwrap();
    transaction.update(world.table, RowId(4), row(4, 5)).unwrap();
    transaction.delete(world.table, RowId(15)).unwrap();
    assert_eq!(world.count_sizes(&transaction.view(), 4).rows, 17);
    world.check(&transaction.view());
    transaction.commit().unwrap();
    world.check(&world.database.snapshot().view());
}

#[test]
fn all_rows_are_counted_without_a_look_at_them() {
    let world = world();
    assert_eq!(world.count_all(&world.database.snapshot().view()), RowCount { rows: ROWS, rows_read: NONE_READ });
    let held = world.database.snapshot();
    let mut transaction = world.database.begin();
    transaction.insert(world.table, row(ROWS, 1)).unwrap();
    transaction.delete(world.table, RowId(7)).unwrap();
    transaction.delete(world.table, RowId(8)).unwrap();
    assert_eq!(world.count_all(&transaction.view()), RowCount { rows: ROWS - 1, rows_read: ROWS - 1 }, "its own");
    assert_eq!(world.count_all(&world.database.snapshot().view()).rows, ROWS, "nobody else's");
    transaction.commit().unwrap();
    assert_eq!(world.count_all(&held.view()), RowCount { rows: ROWS, rows_read: ROWS }, "as it was");
    assert_eq!(world.count_all(&world.database.snapshot().view()), RowCount { rows: ROWS - 1, rows_read: ROWS - 1 });
    drop(held);
    world.database.vacuum();
    let now = world.database.snapshot();
    assert_eq!(world.count_all(&now.view()), RowCount { rows: ROWS - 1, rows_read: NONE_READ });
    world.database.drop_table(world.table).unwrap();
    assert_eq!(world.count_all(&now.view()).rows, ROWS - 1, "the table that the snapshot has");
    assert_eq!(world.count_all(&world.database.snapshot().view()).rows, 0);
}

#[test]
fn who_looks_at_rows_in_vain_clears_the_way_for_the_next() {
    let world = world();
    let count_ids =
        |view: &View<'_>| counted(view.count_range(world.indexes[0].0, &KeyRange::all(), || ControlFlow::Continue(())));
    let update_all = |transaction: &mut manicule_engine::Transaction| {
        (0..ROWS).try_for_each(|id| transaction.update(world.table, RowId(id), row(id, id + 1)))
    };
    world.database.run(update_all).unwrap();
    let mut reader = world.database.reader();
    assert_eq!(count_ids(&reader.view()), RowCount { rows: ROWS, rows_read: ROWS });
    assert_eq!(count_ids(&reader.view()), RowCount { rows: ROWS, rows_read: NONE_READ });
    assert_eq!(world.database.version_count(), ROWS);

    let held = world.database.snapshot();
    world.database.run(update_all).unwrap();
    for _ in 0..2 {
        assert_eq!(count_ids(&reader.view()).rows_read, ROWS, "a snapshot holds the old versions");
        world.check(&held.view());
    }
    drop(held);
    count_ids(&reader.view());
    assert_eq!(world.check(&reader.view())[1], 0);
}

#[test]
fn counting_ends_when_it_is_told_to() {
    let world = world();
    let after = |calls: u32| {
        let mut calls_left = calls;
        move || {
            calls_left -= 1;
            if calls_left == 0 { ControlFlow::Break(calls) } else { ControlFlow::Continue(()) }
        }
    };
    for has_older_versions in [false, true] {
        let _held = world.database.snapshot();
        let snapshot = world.database.snapshot();
        let view = snapshot.view();
        for (index, columns) in &world.indexes {
            let counted = view.count_range(*index, &KeyRange::all(), after(3));
            assert_eq!(counted, ControlFlow::Break(3), "{columns:?}, {has_older_versions}");
        }
        assert_eq!(view.count_all(world.table, after(3)).is_break(), has_older_versions);
        let by_size = view.count(world.indexes[1].0, &[Value::Integer(4)], after(3));
        assert_eq!(by_size.is_break(), has_older_versions);
        drop(view);
        world.change(1, Some(2));
    }
}

#[test]
fn an_index_that_was_dropped_is_not_believed() {
    let world = world();
    world.change(4, Some(5));
    let held = world.database.snapshot();
    world.database.drop_index(world.indexes[1].0).unwrap();
    // Takes the old version away, and its entries from the indexes that are left.
    world.database.vacuum();
    assert_eq!(world.count_sizes(&held.view(), 4).rows, 17);
    world.check(&held.view());
}

#[test]
fn an_index_made_beside_older_versions_is_exact_once_they_are_gone() {
    let mut world = world();
    let held = world.database.snapshot();
    (0..ROWS).for_each(|id| world.change(id, Some(id + 1)));
    let columns = vec![IndexColumn { column: 1, descending: true }];
    let definition = IndexDefinition { name: "later".into(), columns, unique: false, method: IndexMethod::Tree };
    world.indexes.push((world.database.create_index(world.table, definition).unwrap(), vec![1]));
    assert_eq!(world.check(&world.database.snapshot().view())[0], 0);
    drop(held);
    world.database.vacuum();
    assert_eq!(world.check(&world.database.snapshot().view())[1], 0);
}

#[test]
fn readers_beside_writers_find_and_count_what_their_snapshot_sees() {
    let world = world();
    let rounds = std::env::var("COVERING_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    let is_over = AtomicBool::new(false);
    let handed_out = [AtomicU64::new(0), AtomicU64::new(0)];
    let write = |writer: u64| {
        let mut random = writer + 1;
        while !is_over.load(Ordering::Relaxed) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (id, seed, kind) = ((random >> 33) % ROWS, random >> 45, (random >> 60) % 8);
            let mut transaction = world.database.begin();
            let changed = match kind {
                0 => transaction.delete(world.table, RowId(id)).and_then(|()| {
                    // The same key in another row.
                    transaction.insert(world.table, row(id, seed)).map(drop)
                }),
                1 => transaction.insert(world.table, row(ROWS + (random >> 20) % ROWS, seed)).map(drop),
                _ => transaction.update(world.table, RowId(id), row(id, seed)),
            };
            let done = changed.and_then(|()| transaction.commit().map(drop));
            let is_expected = matches!(
                done,
                Ok(()) | Err(Error::Conflict { .. } | Error::NotFound { .. } | Error::UniqueViolation { .. })
            );
            assert!(is_expected, "{done:?}");
            world.database.vacuum();
        }
    };
    let read = || {
        let mut reader = world.database.reader();
        let held = world.database.snapshot();
        for round in 0..rounds {
            let found = world.check(&reader.view());
            handed_out.iter().zip(found).for_each(|(all, found)| {
                all.fetch_add(found, Ordering::Relaxed);
            });
            if round % 16 == 0 {
                world.check(&held.view());
            }
        }
    };
    std::thread::scope(|scope| {
        let writers = [0, 1].map(|writer| scope.spawn(move || write(writer)));
        let readers = [0, 1].map(|_| scope.spawn(read));
        let readers = readers.map(std::thread::ScopedJoinHandle::join);
        is_over.store(true, Ordering::Relaxed);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        readers.into_iter().for_each(|reader| reader.unwrap());
    });
    world.database.vacuum();
    assert_eq!(world.check(&world.database.snapshot().view())[1], 0);
    println!("{handed_out:?} keys and rows");
}

/// What was counted without an end before the end.
fn counted(flow: ControlFlow<Infallible, RowCount>) -> RowCount {
    match flow {
        ControlFlow::Continue(counted) => counted,
        ControlFlow::Break(never) => match never {},
    }
}
