//! A small database and ways to look at all of it.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use manicule_engine::{
    Column, ColumnType, Database, Direction, Error, IndexColumn, IndexDefinition, IndexMethod, KeyRange, OpenOptions,
    Row, RowBuf, RowId, TableDefinition, TableId, Value, View,
};

/// How a database is opened with the store that is tested.
pub(super) fn options() -> OpenOptions {
    OpenOptions { store: Some(super::STORE), ..OpenOptions::default() }
}

pub(super) fn open(path: impl AsRef<Path>) -> Result<Database, Error> {
    Database::open_with(path, &options())
}

/// The rows of each table by its name: row id and the row as text.
pub(super) type Contents = BTreeMap<String, BTreeMap<RowId, String>>;

pub(super) fn integer_column(name: &str) -> Column {
    Column::new(name, ColumnType::Integer)
}

/// A table `item (id INTEGER PRIMARY KEY, owner INTEGER, note TEXT UNIQUE)` with multi indexes on `owner` and `note`.
pub(super) fn create_items(database: &Database) -> Result<TableId, Error> {
    let table = database.create_table(TableDefinition {
        name: "item".into(),
        columns: vec![integer_column("id"), integer_column("owner"), Column::new("note", ColumnType::Text)],
        primary_key: vec![0],
        unique: vec![vec![2]],
        checks: vec!["id >= 0".into()],
    })?;
    create_index(database, table, "item_owner", 1, IndexMethod::Tree)?;
    create_index(database, table, "item_note", 2, IndexMethod::Hash)?;
    Ok(table)
}

pub(super) fn create_index(
    database: &Database,
    table: TableId,
    name: &str,
    column: usize,
    method: IndexMethod,
) -> Result<(), Error> {
    let columns = vec![IndexColumn { column, descending: false }];
    database.create_index(table, IndexDefinition { name: name.into(), columns, unique: false, method }).map(drop)
}

pub(super) fn item(id: i64, owner: i64) -> RowBuf {
    Row::new(&[Value::Integer(id), Value::Integer(owner), Value::from(format!("note {id} of {owner}"))])
}

/// Inserts items with these ids in one transaction.
pub(super) fn insert_items(
    database: &Database,
    table: TableId,
    ids: impl IntoIterator<Item = i64>,
) -> Result<(), Error> {
    let mut transaction = database.begin();
    for id in ids {
        transaction.insert(table, item(id, id % 3))?;
    }
    transaction.commit().map(drop)
}

pub(super) fn integer(row: &Row, column: usize) -> i64 {
    match row.get(column) {
        Value::Integer(integer) => integer,
        other => panic!("{other} is no integer"),
    }
}

/// All rows of all tables, read by every access path that there is, which must agree.
pub(super) fn contents(database: &Database) -> Contents {
    let snapshot = database.snapshot();
    let view = snapshot.view();
    let mut contents = Contents::new();
    for schema in view.catalog().clone().tables() {
        let mut rows = BTreeMap::new();
        let _: ControlFlow<()> = view.scan(schema.id, |row_id, row| {
            rows.insert(row_id, format!("{row:?}"));
            ControlFlow::Continue(())
        });
        for index in &schema.indexes {
            check_lookups(&view, schema.id, index.id, &rows);
            if index.has_tree() {
                let mut by_index = BTreeMap::new();
                let _: ControlFlow<()> = view.range(index.id, &KeyRange::all(), Direction::Forward, |row_id, row| {
                    by_index.insert(row_id, format!("{row:?}"));
                    ControlFlow::Continue(())
                });
                assert_eq!(by_index, rows, "by a range of {}", index.name);
            }
        }
        contents.insert(schema.name.clone(), rows);
    }
    contents
}

/// Every row is found by its own key; of many rows, some are tried.
fn check_lookups(view: &View<'_>, table: TableId, index: manicule_engine::IndexId, rows: &BTreeMap<RowId, String>) {
    let schema = view.catalog().table_by_id(table).unwrap();
    let columns: Vec<usize> = schema.index(index).unwrap().columns.iter().map(|column| column.column).collect();
    for row_id in rows.keys().step_by(1 + rows.len() / 100) {
        let row = view.row(table, *row_id).unwrap();
        let key: Vec<Value<'_>> = columns.iter().map(|column| row.get(*column)).collect();
        let found = view.lookup(index, &key, |other, _| match other == *row_id {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        assert!(found.is_break(), "row {row_id} by a lookup");
    }
}

/// The files of a directory, to be written again and again.
pub(super) struct Image {
    pub(super) files: Vec<ImageFile>,
}

/// A file: its bytes without the zeros at its end, and its length with them.
#[derive(Clone)]
pub(super) struct ImageFile {
    pub(super) name: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) len: u64,
}

impl Image {
    pub(super) fn read(directory: &Path) -> Self {
        let mut image = Self { files: Vec::new() };
        image.read_below(directory, Path::new(""));
        image.files.sort_by(|a, b| a.name.cmp(&b.name));
        image
    }

    fn read_below(&mut self, directory: &Path, name: &Path) {
        for entry in fs::read_dir(directory.join(name)).unwrap() {
            let entry = entry.unwrap();
            let name = name.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                self.read_below(directory, &name);
                continue;
            }
            let mut bytes = fs::read(entry.path()).unwrap();
            let len = bytes.len() as u64;
            while bytes.len() >= 4096 && bytes.ends_with(&[0; 4096]) {
                bytes.truncate(bytes.len() - 4096);
            }
            while bytes.last() == Some(&0) {
                bytes.pop();
            }
            self.files.push(ImageFile { name, bytes, len });
        }
    }

    pub(super) fn write(&self, directory: &Path) {
        for file in &self.files {
            let path = directory.join(&file.name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &file.bytes).unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_len(file.len).unwrap();
        }
    }
}
