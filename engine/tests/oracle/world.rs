//! The table, the model of it, and the comparison of the two.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::{Bound, ControlFlow, RangeBounds};

use manicule_engine::{
    Column, ColumnType, Covered, Database, Direction, IndexColumn, IndexDefinition, IndexId, IndexMethod, KeyRange,
    RowCount, RowId, TableDefinition, TableId, Value, View, WithNumber,
};

/// One row of the model. All but the id may be NULL; the id and the code are unique.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ModelRow {
    pub(super) id: i64,
    pub(super) name: Option<String>,
    pub(super) size: Option<i64>,
    pub(super) code: Option<String>,
}

/// How many ids rows have to choose from.
pub(super) const IDS: u64 = 24;

pub(super) type Model = BTreeMap<RowId, ModelRow>;

impl ModelRow {
    pub(super) fn random(random: &mut Random) -> Self {
        let (name, size, code) = (random.below(6), random.below(8), random.below(30));
        Self {
            id: random.below(IDS) as i64,
            name: (name > 0).then(|| format!("name{name}")),
            size: (size > 1).then(|| size as i64 - 5),
            code: (code > 12).then(|| format!("c{code}")),
        }
    }

    /// One with that id and nothing else.
    pub(super) fn counted(id: u64) -> Self {
        Self { id: id as i64, name: None, size: None, code: None }
    }

    pub(super) fn values(&self) -> [Value<'static>; 4] {
        let size = self.size.map(|size| size as f64);
        [Value::from(self.id), Value::from(self.name.clone()), Value::from(size), Value::from(self.code.clone())]
    }
}

/// Whether no unique key is there twice.
pub(super) fn is_unique(model: &Model) -> bool {
    let ids: BTreeSet<i64> = model.values().map(|row| row.id).collect();
    let codes: Vec<&String> = model.values().filter_map(|row| row.code.as_ref()).collect();
    ids.len() == model.len() && codes.iter().collect::<BTreeSet<_>>().len() == codes.len()
}

/// A small generator (xorshift64*).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }
}

/// An index: its columns, and whether it has an order.
struct Path {
    index: IndexId,
    columns: Vec<usize>,
    descending: bool,
    is_ordered: bool,
}

pub(super) struct World {
    pub(super) database: Database,
    pub(super) table: TableId,
    paths: Vec<Path>,
}

impl World {
    pub(super) fn new() -> Self {
        let database = Database::in_memory();
        let (integer, text) = (ColumnType::Integer, ColumnType::Text);
        let columns = [("id", integer), ("name", text), ("size", ColumnType::Real), ("code", text)];
        let definition = TableDefinition {
            name: "t".into(),
            columns: columns.map(|(name, column_type)| Column::new(name, column_type)).into(),
            primary_key: vec![0],
            unique: vec![vec![3]],
            ..TableDefinition::default()
        };
        let table = database.create_table(definition).expect("the database is empty");
        let schema = database.catalog().table("t").expect("it was made").clone();
        let path = |index, columns, descending, is_ordered| Path { index, columns, descending, is_ordered };
        let mut paths =
            vec![path(schema.indexes[0].id, vec![0], false, true), path(schema.indexes[1].id, vec![3], false, true)];
        for (columns, descending, method) in [
            (vec![1], false, IndexMethod::Hash),
            (vec![1], false, IndexMethod::Tree),
            (vec![2], false, IndexMethod::Hash),
            (vec![2], true, IndexMethod::Tree),
            (vec![2, 1], true, IndexMethod::HashAndTree),
        ] {
            let definition = IndexDefinition {
                name: format!("i{}", paths.len()),
                columns: columns.iter().map(|&column| IndexColumn { column, descending }).collect(),
                unique: false,
                method,
            };
            let index = database.create_index(table, definition).expect("the table is empty");
            paths.push(path(index, columns, descending, method != IndexMethod::Hash));
        }
        Self { database, table, paths }
    }

    /// The whole view against the whole model, over every access path.
    pub(super) fn check(&self, view: &View<'_>, model: &Model, random: &mut Random) {
        let mut rows = Vec::new();
        let _: ControlFlow<()> = view.scan(self.table, |row_id, row| {
            rows.push((row_id, row.values().map(Value::into_owned).collect::<Vec<_>>()));
            ControlFlow::Continue(())
        });
        let all: Vec<_> = model.iter().map(|(row_id, row)| (*row_id, row.values().to_vec())).collect();
        assert_eq!(rows, all);
        assert_eq!(counted(view.count_all(self.table, || ControlFlow::Continue(()))).rows, all.len() as u64);
        for path in &self.paths {
            for _ in 0..3 {
                check_lookup(view, path, model, random);
            }
            if random.below(4) == 0 {
                check_lookup_many(view, path, model, random);
            }
            if path.is_ordered {
                check_range(view, path, model, random);
            }
        }
    }

    /// After a vacuum no index has more keys than the model.
    pub(super) fn check_emptied(&self, model: &Model) {
        let snapshot = self.database.snapshot();
        for path in &self.paths {
            let keys: BTreeSet<Vec<Value<'_>>> = model.values().map(|row| key_of(path, row)).collect();
            let found = snapshot.view().distinct_keys(path.index);
            let without_null = keys.iter().filter(|key| !key.iter().any(Value::is_null)).count() as u64;
            let (least, most) = (without_null, model.len() as u64);
            assert!((least..=most).contains(&found), "{found} keys of {least} to {most} in index {}", path.index);
        }
    }
}

fn key_of(path: &Path, row: &ModelRow) -> Vec<Value<'static>> {
    let values = row.values();
    path.columns.iter().map(|&column| values[column].clone()).collect()
}

fn check_lookup(view: &View<'_>, path: &Path, model: &Model, random: &mut Random) {
    let key = key_of(path, &ModelRow::random(random));
    let mut found = Vec::new();
    let _: ControlFlow<()> = view.lookup(path.index, &key, |row_id, row| {
        let wanted = model.get(&row_id).map(ModelRow::values);
        assert!(wanted.is_some_and(|wanted| row.values().eq(wanted)), "{row_id:?} is as the model says");
        found.push(row_id);
        ControlFlow::Continue(())
    });
    let wanted = model.iter().filter(|(_, row)| key_of(path, row) == key).map(|(row_id, _)| *row_id);
    assert_eq!(found, wanted.collect::<Vec<_>>(), "{key:?} in index {}", path.index);
    let mut covered = Vec::new();
    let visit = |row_id, row: Covered<'_, '_>| {
        assert_eq!(covered_key(path, row), key);
        assert_eq!(number(path, row), model.get(&row_id).map(|row| row.id));
        covered.push(row_id);
        ControlFlow::Continue(())
    };
    let _: ControlFlow<()> =
        view.lookup_covered(path.index, (&key, WithNumber::Yes), visit, || ControlFlow::Continue(()));
    assert_eq!(covered, found, "{key:?} in index {} alone", path.index);
    assert_eq!(counted(view.count(path.index, &key, || ControlFlow::Continue(()))).rows, found.len() as u64);
}

/// The key of a row, from wherever it is.
fn covered_key(path: &Path, covered: Covered<'_, '_>) -> Vec<Value<'static>> {
    match covered {
        Covered::Row(row) => path.columns.iter().map(|&column| row.get(column).into_owned()).collect(),
        Covered::Key(key) => (0..path.columns.len()).map(|position| key.value(position).into_owned()).collect(),
    }
}

/// The id of a row, from wherever it is.
fn number(path: &Path, covered: Covered<'_, '_>) -> Option<i64> {
    match covered {
        Covered::Row(row) => row.integer(0),
        Covered::Key(key) => match key.value(path.columns.len()) {
            Value::Integer(id) => Some(id),
            _ => None,
        },
    }
}

/// Many keys at once, more than are looked up together, some of them twice: the rows of each, key by key.
fn check_lookup_many(view: &View<'_>, path: &Path, model: &Model, random: &mut Random) {
    let keys: Vec<Vec<Value<'_>>> = (0..40).map(|_| key_of(path, &ModelRow::random(random))).collect();
    let mut found = Vec::new();
    let visit = |position, row_id, _: &_| {
        found.push((position, row_id));
        ControlFlow::Continue(())
    };
    let _: ControlFlow<()> = view.lookup_many(path.index, &keys, visit, || ControlFlow::Continue(()));
    let rows_of = |(position, key): (usize, &Vec<Value<'_>>)| {
        let rows = model.iter().filter(|(_, row)| key_of(path, row) == *key);
        rows.map(|(row_id, _)| (position, *row_id)).collect::<Vec<_>>()
    };
    assert_eq!(found, keys.iter().enumerate().flat_map(rows_of).collect::<Vec<_>>());
}

/// A range of the last column of the index, the columns before it equal.
fn check_range(view: &View<'_>, path: &Path, model: &Model, random: &mut Random) {
    let mut prefix = key_of(path, &ModelRow::random(random));
    let bound = |random: &mut Random| {
        let value = key_of(path, &ModelRow::random(random)).pop().expect("a key has a column");
        match random.below(3) {
            0 => Bound::Unbounded,
            1 => Bound::Included(value),
            _ => Bound::Excluded(value),
        }
    };
    let (lower, upper) = (bound(random), bound(random));
    prefix.pop();
    let inside = |row: &ModelRow| {
        let mut key = key_of(path, row);
        let last = key.pop().expect("a key has a column");
        key == prefix && (lower.clone(), upper.clone()).contains(&last)
    };
    let mut wanted: Vec<_> =
        model.iter().filter(|(_, row)| inside(row)).map(|(row_id, row)| (key_of(path, row), *row_id)).collect();
    let range = KeyRange { prefix: prefix.clone(), lower: lower.clone(), upper: upper.clone(), ..KeyRange::all() };
    for direction in [Direction::Forward, Direction::Backward] {
        let is_falling = path.descending != (direction == Direction::Backward);
        wanted.sort_by(|left, right| {
            let by_key = if is_falling { right.0.cmp(&left.0) } else { left.0.cmp(&right.0) };
            by_key.then(left.1.cmp(&right.1))
        });
        let mut found = Vec::new();
        let _: ControlFlow<()> = view.range(path.index, &range, direction, |row_id, row| {
            found.push((path.columns.iter().map(|&column| row.get(column).into_owned()).collect::<Vec<_>>(), row_id));
            ControlFlow::Continue(())
        });
        let mut covered = Vec::new();
        let visit = |row_id, row: Covered<'_, '_>| {
            covered.push((covered_key(path, row), row_id));
            ControlFlow::Continue(())
        };
        let _: ControlFlow<()> =
            view.range_covered(path.index, (&range, direction, WithNumber::No), visit, || ControlFlow::Continue(()));
        assert_eq!(covered, found, "{range:?} {direction:?} of index {} alone", path.index);
        assert_eq!(
            counted(view.count_range(path.index, &range, || ControlFlow::Continue(()))).rows,
            found.len() as u64
        );
        // The NULLs of a unique index have no order among themselves.
        for nulls in found.chunk_by_mut(|one, other| path.columns == [3] && one.0 == other.0) {
            nulls.sort();
        }
        assert_eq!(found, wanted, "{range:?} {direction:?} of index {}", path.index);
    }
}

/// What was counted without an end before the end.
fn counted(flow: ControlFlow<Infallible, RowCount>) -> RowCount {
    match flow {
        ControlFlow::Continue(counted) => counted,
        ControlFlow::Break(never) => match never {},
    }
}
