//! Every access path of the engine against a model that is cloned at each commit.
//!
//! The model is a map from row id to values. Random transactions change both; snapshots taken at random are compared
//! later, after many commits, over the full scan and every index: points, ranges both ways, misses.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow, RangeBounds};

use manicule_engine::{
    Column, ColumnType, Database, Direction, Error, IndexColumn, IndexDefinition, IndexId, IndexMethod, KeyRange, Row,
    RowId, Snapshot, TableDefinition, TableId, Transaction, Value, View,
};

/// One row of the model: a unique integer, a text that may be NULL, a real that may be NULL.
type ModelRow = (i64, Option<String>, Option<i64>);
type Model = BTreeMap<RowId, ModelRow>;

/// A small generator with a printed seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }
}

struct World {
    database: Database,
    table: TableId,
    indexes: Vec<(IndexId, usize, bool)>,
}

fn world() -> World {
    let database = Database::in_memory();
    let table = database
        .create_table(TableDefinition {
            name: "t".into(),
            columns: vec![
                Column::new("id", ColumnType::Integer),
                Column::new("name", ColumnType::Text),
                Column::new("size", ColumnType::Real),
            ],
            primary_key: vec![0],
            ..TableDefinition::default()
        })
        .unwrap();
    let primary = database.catalog().table("t").unwrap().indexes[0].id;
    let mut indexes = vec![(primary, 0, true)];
    for (column, method) in
        [(1, IndexMethod::Hash), (1, IndexMethod::Tree), (2, IndexMethod::Hash), (2, IndexMethod::Tree)]
    {
        let index = database.create_index(table, definition(&format!("i{column}{method:?}"), column, method)).unwrap();
        indexes.push((index, column, method == IndexMethod::Tree));
    }
    World { database, table, indexes }
}

fn definition(name: &str, column: usize, method: IndexMethod) -> IndexDefinition {
    let columns = vec![IndexColumn { column, descending: false }];
    IndexDefinition { name: name.into(), columns, unique: false, method }
}

fn values(row: &ModelRow) -> [Value<'static>; 3] {
    [Value::from(row.0), Value::from(row.1.clone()), Value::from(row.2.map(|size| size as f64))]
}

fn rows(view: &View<'_>, table: TableId) -> Vec<(RowId, Vec<Value<'static>>)> {
    let mut rows = Vec::new();
    let _: ControlFlow<()> = view.scan(table, |row_id, row| {
        rows.push((row_id, row.values().map(Value::into_owned).collect()));
        ControlFlow::Continue(())
    });
    rows
}

fn expected<'m>(model: &'m Model, keep: impl Fn(&[Value<'static>; 3]) -> bool + 'm) -> Vec<RowId> {
    model.iter().filter(|(_, row)| keep(&values(row))).map(|(row_id, _)| *row_id).collect()
}

/// The whole view against the whole model, over every access path.
fn check(world: &World, view: &View<'_>, model: &Model, random: &mut Random) {
    let all: Vec<_> = model.iter().map(|(row_id, row)| (*row_id, values(row).to_vec())).collect();
    assert_eq!(rows(view, world.table), all);
    for (index, column, ordered) in &world.indexes {
        for _ in 0..4 {
            let key = random_value(random, *column);
            let mut found = Vec::new();
            let _: ControlFlow<()> = view.lookup(*index, std::slice::from_ref(&key), |row_id, row| {
                assert_eq!(row.get(*column), key);
                found.push(row_id);
                ControlFlow::Continue(())
            });
            // No equality finds NULL in the primary key's hash: it holds none.
            assert_eq!(found, expected(model, |row| row[*column] == key), "{key} in index {index}");
        }
        if *ordered {
            check_range(view, *index, *column, model, random);
        }
    }
}

fn check_range(view: &View<'_>, index: IndexId, column: usize, model: &Model, random: &mut Random) {
    let bound = |random: &mut Random| match random.below(3) {
        0 => Bound::Unbounded,
        1 => Bound::Included(random_value(random, column)),
        _ => Bound::Excluded(random_value(random, column)),
    };
    let range = KeyRange { prefix: vec![], lower: bound(random), upper: bound(random) };
    let inside = |row: &[Value<'static>; 3]| (range.lower.clone(), range.upper.clone()).contains(&row[column]);
    let mut wanted: Vec<_> =
        expected(model, inside).into_iter().map(|row_id| (values(&model[&row_id])[column].clone(), row_id)).collect();
    wanted.sort();
    for direction in [Direction::Forward, Direction::Backward] {
        let mut found = Vec::new();
        let _: ControlFlow<()> = view.range(index, &range, direction, |row_id, row| {
            found.push((row.get(column).into_owned(), row_id));
            ControlFlow::Continue(())
        });
        assert_eq!(found, wanted, "{range:?} {direction:?}");
        wanted.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
    }
}

fn random_value(random: &mut Random, column: usize) -> Value<'static> {
    values(&random_row(random))[column].clone()
}

fn random_row(random: &mut Random) -> ModelRow {
    let name = (random.below(4) > 0).then(|| format!("name{}", random.below(5)));
    let size = (random.below(4) > 0).then(|| random.below(6) as i64 - 3);
    (random.below(40) as i64, name, size)
}

/// One random statement on both; the model's copy is the transaction's own.
fn step(world: &World, transaction: &mut Transaction, model: &mut Model, random: &mut Random) {
    let savepoint = transaction.savepoint();
    let before = model.clone();
    let target = model.keys().nth(random.below(model.len().max(1) as u64) as usize).copied();
    let row = random_row(random);
    match (random.below(3), target) {
        (0, Some(row_id)) => {
            transaction.delete(world.table, row_id).unwrap();
            model.remove(&row_id);
        }
        (1, Some(row_id)) => {
            transaction.update(world.table, row_id, Row::new(&values(&row))).unwrap();
            model.insert(row_id, row);
        }
        _ => {
            let row_id = transaction.insert(world.table, Row::new(&values(&row))).unwrap();
            model.insert(row_id, row);
        }
    }
    let mut ids: Vec<i64> = model.values().map(|row| row.0).collect();
    ids.sort_unstable();
    let is_unique = ids.windows(2).all(|pair| pair[0] != pair[1]);
    match transaction.check_unique(savepoint) {
        Ok(()) => assert!(is_unique, "a duplicate went unnoticed"),
        Err(Error::UniqueViolation { .. }) => {
            assert!(!is_unique, "a duplicate that is none");
            transaction.rollback_to(savepoint);
            model.clone_from(&before);
        }
        Err(error) => panic!("{error}"),
    }
    if random.below(5) == 0 {
        transaction.rollback_to(savepoint);
        *model = before;
    }
}

fn run(seed: u64, commits: usize) {
    println!("seed {seed}");
    let mut random = Random(seed);
    let world = world();
    let mut model = Model::new();
    let mut kept: Vec<(Snapshot, Model)> = Vec::new();
    for _ in 0..commits {
        let mut transaction = world.database.begin();
        let mut own = model.clone();
        for _ in 0..random.below(6) {
            step(&world, &mut transaction, &mut own, &mut random);
        }
        check(&world, &transaction.view(), &own, &mut random);
        if random.below(6) > 0 {
            transaction.commit().unwrap();
            model = own;
        }
        check(&world, &world.database.snapshot().view(), &model, &mut random);
        if random.below(4) == 0 {
            kept.push((world.database.snapshot(), model.clone()));
        }
        if kept.len() > 6 {
            let (snapshot, then) = kept.swap_remove(random.below(kept.len() as u64) as usize);
            check(&world, &snapshot.view(), &then, &mut random);
        }
    }
    for (snapshot, then) in &kept {
        check(&world, &snapshot.view(), then, &mut random);
    }
    kept.clear();
    world.database.vacuum();
    assert_eq!(world.database.version_count(), model.len() as u64, "versions that nobody needs are gone");
    check(&world, &world.database.snapshot().view(), &model, &mut random);
}

#[test]
fn every_access_path_agrees_with_the_model_at_every_snapshot() {
    for seed in 1..=8 {
        run(seed, 250);
    }
}
