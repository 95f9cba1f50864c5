//! A disk that claims to have written all of a commit and has written some: the rest is not served beside what is older.

use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex};

use manicule_engine::store::{GroupWrite, MemoryStore, RecordKey, RowStore};
use manicule_engine::{
    Column, Database, Durability, Error, IndexMethod, OpenOptions, Result, Row, RowId, TableDefinition, Value,
};

use super::support::{Contents, contents, create_index, create_items, insert_items, integer_column};

/// Notes every group.
#[derive(Debug, Default)]
struct NotingStore {
    store: MemoryStore,
    groups: Arc<Mutex<Vec<GroupWrite>>>,
}

impl RowStore for NotingStore {
    fn apply(&self, group: &GroupWrite, durability: Durability) -> Result<()> {
        self.groups.lock().unwrap().push(group.clone());
        self.store.apply(group, durability)
    }

    fn sync(&self) -> Result<()> {
        self.store.sync()
    }

    fn scan(&self, keys: Range<RecordKey>, visit: &mut dyn FnMut(RecordKey, &[u8]) -> ControlFlow<()>) -> Result<()> {
        self.store.scan(keys, visit)
    }

    fn close(&self) -> Result<()> {
        self.store.close()
    }
}

/// The part of a store that a record is in: head, catalog, or the rows and totals of one storage.
fn part(key: RecordKey) -> Vec<u8> {
    match *key.as_bytes() {
        [0, 0, 0, 0, 2, _, _, _, _, ref storage @ ..] | [1, ref storage @ .., _, _, _, _, _, _, _, _] => {
            storage.to_vec()
        }
        ref meta => meta.to_vec(),
    }
}

/// Commits to two tables, and changes of the schema; all that was written, and what there was after each step.
fn history() -> (Vec<GroupWrite>, Vec<Contents>) {
    let store = NotingStore::default();
    let groups = Arc::clone(&store.groups);
    let database = Database::open_store(Box::new(store), &OpenOptions::default()).unwrap();
    let mut states = vec![contents(&database)];
    let items = create_items(&database).unwrap();
    let other = TableDefinition { name: "other".into(), columns: vec![integer_column("n")], ..Default::default() };
    let other = database.create_table(other).unwrap();
    for round in 0..3 {
        insert_items(&database, items, round * 5..round * 5 + 5).unwrap();
        states.push(contents(&database));
        let mut transaction = database.begin();
        transaction.insert(other, Row::new(&[Value::Integer(round)])).unwrap();
        transaction.commit().unwrap();
        states.push(contents(&database));
        let mut transaction = database.begin();
        transaction.delete(items, RowId(round as u64)).unwrap();
        transaction.insert(other, Row::new(&[Value::Integer(-round)])).unwrap();
        transaction.commit().unwrap();
        states.push(contents(&database));
    }
    database.add_column(items, Column { default: Value::Integer(7), ..integer_column("seven") }).unwrap();
    states.push(contents(&database));
    create_index(&database, items, "item_seven", 3, IndexMethod::Tree).unwrap();
    insert_items_with_seven(&database);
    states.push(contents(&database));
    drop(database);
    (Arc::into_inner(groups).unwrap().into_inner().unwrap(), states)
}

fn insert_items_with_seven(database: &Database) {
    let table = database.catalog().table("item").unwrap().id;
    let mut transaction = database.begin();
    let row = [Value::Integer(900), Value::Integer(1), Value::from("last"), Value::Integer(8)];
    transaction.insert(table, Row::new(&row)).unwrap();
    transaction.commit().unwrap();
}

/// Writes the groups, but for the lost part of one of them, as a store whose head may be newer than the rest.
fn written_but(groups: &[GroupWrite], lost: (usize, &[u8])) -> MemoryStore {
    let store = MemoryStore::default();
    for (position, group) in groups.iter().enumerate() {
        let mut kept = GroupWrite::default();
        for (key, value) in group.records().filter(|(key, _)| position != lost.0 || part(*key) != lost.1) {
            match value {
                Some(value) => kept.put_record(key, value),
                None => kept.remove(key),
            }
        }
        store.apply(&kept, Durability::Sync).unwrap();
    }
    store
}

#[test]
fn part_of_a_commit_that_is_lost_is_named_whatever_came_after_it() {
    let (groups, states) = history();
    let (mut cases, mut named) = (0, 0);
    for (position, group) in groups.iter().enumerate() {
        let mut parts: Vec<Vec<u8>> = group.records().map(|(key, _)| part(key)).collect();
        parts.sort();
        parts.dedup();
        for part in parts {
            for end in position + 1..=groups.len() {
                cases += 1;
                let store = written_but(&groups[..end], (position, &part));
                match Database::open_store(Box::new(store), &OpenOptions::default()) {
                    // What was lost has been written again since, or was not needed any more.
                    Ok(database) => {
                        let found = contents(&database);
                        let is_whole = states.contains(&found) || found.values().all(|rows| rows.is_empty());
                        assert!(is_whole, "group {position} without {part:?}, to {end}: {found:?}");
                    }
                    Err(Error::Corrupt { .. }) => named += 1,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
    println!("{cases} losses, {named} of them named");
    assert!(named > 100, "{named} of {cases}");
}
