//! Records that add up and were never written by a database: a program that writes the store by itself, or damage that is
//! opened all the same. Each is refused by name, or left out when that is asked for.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use manicule_engine::store::{GroupWrite, MemoryStore, RecordKey, RowStore};
use manicule_engine::{
    Database, Durability, Error, OnDamage, OpenOptions, Row, RowBuf, TableDefinition, Value, ViewSchema,
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::support::{contents, create_items, insert_items, integer_column};

/// The records of a store, taken apart.
struct Forgery {
    timestamp: u64,
    catalog: Vec<RowBuf>,
    /// By storage and row id.
    rows: BTreeMap<(u32, u64), Vec<u8>>,
    /// In the place of the count of rows in the totals.
    row_count: Option<u64>,
}

fn hash(bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, 0)
}

fn guarded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(hash(&bytes).to_le_bytes());
    bytes
}

fn key(kind: u8, a: u32, b: u64) -> RecordKey {
    RecordKey::from_bytes(&[&[kind][..], &a.to_be_bytes(), &b.to_be_bytes()].concat()).unwrap()
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A value of a catalog row that is to be another.
fn with(row: &Row, at: usize, value: impl Into<Value<'static>>) -> RowBuf {
    let mut values: Vec<Value<'static>> = row.values().map(Value::into_owned).collect();
    values[at] = value.into();
    Row::new(&values)
}

impl Forgery {
    /// Two tables, the first with ten items.
    fn new() -> Self {
        let store = MemoryStore::default();
        let database = Database::open_store(Box::new(store.clone()), &OpenOptions::default()).unwrap();
        let items = create_items(&database).unwrap();
        insert_items(&database, items, 0..10).unwrap();
        let columns = vec![integer_column("n")];
        let other = TableDefinition { name: "other".into(), columns, ..Default::default() };
        database.create_table(other).unwrap();
        let view = ViewSchema { name: "v".into(), columns: vec![], sql: "SELECT 1".into() };
        database.create_view(view).unwrap();
        database.close().unwrap();
        Self::read(&store)
    }

    fn read(store: &MemoryStore) -> Self {
        let mut forgery = Self { timestamp: 0, catalog: Vec::new(), rows: BTreeMap::new(), row_count: None };
        let mut visit = |key: RecordKey, bytes: &[u8]| {
            match *key.as_bytes() {
                [0, 0, 0, 0, 0, ..] => forgery.timestamp = number(&bytes[4..12]),
                [0, 0, 0, 0, 1, ..] => forgery.catalog = catalog_rows(&bytes[..bytes.len() - 8]),
                [1, a0, a1, a2, a3, ref b @ ..] => {
                    let row_id = b.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
                    forgery.rows.insert((u32::from_be_bytes([a0, a1, a2, a3]), row_id), bytes[1..].to_vec());
                }
                _ => {}
            }
            ControlFlow::Continue(())
        };
        store.scan(RecordKey::MIN..RecordKey::MAX, &mut visit).unwrap();
        forgery
    }

    /// Replaces a value of the first catalog row with that word, or of the last one with a word like `table other`.
    fn change(&mut self, word: &str, at: usize, value: impl Into<Value<'static>>) {
        let (word, is_last) = word.strip_suffix(" other").map_or((word, false), |word| (word, true));
        let mut rows = self.catalog.iter_mut().filter(|row| row.get(0) == Value::from(word));
        let row = if is_last { rows.next_back() } else { rows.next() }.unwrap();
        *row = with(row, at, value);
    }

    /// Takes all catalog rows with these words out.
    fn drop_all(&mut self, words: &[&str]) {
        self.catalog.retain(|row| words.iter().all(|word| row.get(0) != Value::from(*word)));
    }

    /// A store with these records, whose sums and hashes are right.
    fn store(&self) -> MemoryStore {
        let mut group = GroupWrite::default();
        let mut catalog = Vec::new();
        for row in &self.catalog {
            catalog.extend((row.byte_len() as u32).to_le_bytes());
            catalog.extend(row.as_bytes());
        }
        let catalog = guarded(catalog);
        group.put_record(key(0, 1, 0), &catalog);
        let mut sum = hash(&catalog);
        for table in self.catalog.iter().filter(|row| row.get(0) == Value::from("table")) {
            let Value::Integer(storage) = table.get(2) else { panic!("a storage is a number") };
            let rows = self.rows.iter().filter(|((of, _), _)| i64::from(*of) == storage);
            let hash_of =
                |(storage, row_id): (u32, u64), row: &[u8]| xxh3_64_with_seed(row, row_id ^ (u64::from(storage) << 44));
            let table_sum = rows.clone().fold(0_u64, |sum, (place, row)| sum.wrapping_add(hash_of(*place, row)));
            let row_count = self.row_count.unwrap_or(rows.count() as u64);
            let totals = [row_count.to_le_bytes(), table_sum.to_le_bytes()].concat();
            group.put_record(key(0, 2, storage as u64), &guarded(totals));
            sum = sum.wrapping_add(table_sum);
        }
        for ((storage, row_id), row) in &self.rows {
            group.put_record(key(1, *storage, *row_id), &[&[1], &row[..]].concat());
        }
        let head = [&1_u32.to_le_bytes()[..], &self.timestamp.to_le_bytes(), &sum.to_le_bytes()].concat();
        group.put_record(key(0, 0, 0), &guarded(head));
        let store = MemoryStore::default();
        store.apply(&group, Durability::Sync).unwrap();
        store
    }

    fn open_with(&self, on_damage: OnDamage) -> Result<Database, Error> {
        Database::open_store(Box::new(self.store()), &OpenOptions { on_damage, ..OpenOptions::default() })
    }
}

fn catalog_rows(mut bytes: &[u8]) -> Vec<RowBuf> {
    let mut rows = Vec::new();
    while !bytes.is_empty() {
        let (row, rest) = bytes[4..].split_at(number(&bytes[..4]) as usize);
        rows.push(Row::from_bytes(row).unwrap());
        bytes = rest;
    }
    rows
}

/// That a forgery is refused as damage whose name has these words in it.
fn check(words: &str, forge: impl Fn(&mut Forgery)) {
    let mut forgery = Forgery::new();
    forge(&mut forgery);
    match forgery.open_with(OnDamage::Refuse) {
        Err(Error::Corrupt { what }) if what.contains(words) => {}
        outcome => panic!("{words}: {outcome:?}"),
    }
}

#[test]
fn records_that_are_made_as_ours_are_opened() {
    let database = Forgery::new().open_with(OnDamage::Refuse).unwrap();
    assert_eq!(contents(&database).values().map(BTreeMap::len).sum::<usize>(), 10);
}

#[test]
fn catalog_that_makes_no_sense_is_refused() {
    check("the catalog", |forgery| forgery.change("column", 2, "INTEGRE"));
    check("the catalog", |forgery| forgery.change("index", 3, "skip list"));
    check("the catalog", |forgery| forgery.change("index", 0, "indx"));
    check("storage 0 ", |forgery| forgery.change("table other", 2, 0));
    check("storage 70 ", |forgery| forgery.change("table other", 2, 70));
    check("table 0 ", |forgery| forgery.change("table other", 1, 0));
    check("table 4000000 ", |forgery| forgery.change("table other", 1, 4_000_000));
    check("table ITEM is there twice", |forgery| forgery.change("table other", 3, "ITEM"));
    check("table Item is there twice", |forgery| forgery.change("view", 1, "Item"));
    check("column owner is there twice", |forgery| forgery.change("column", 1, "owner"));
    check("index 1 ", |forgery| forgery.change("index", 1, 1));
    check("index 4000000 ", |forgery| forgery.change("index", 1, 4_000_000));
    check("lacks a column of index item_pkey", |forgery| forgery.change("key", 1, 3));
    check("lacks a column of index item_pkey", |forgery| forgery.drop_all(&["key"]));
    check("lacks a column of its primary key", |forgery| forgery.change("primary key", 1, 3));
    check("has no column", |forgery| forgery.drop_all(&["column", "index", "key", "primary key"]));
    check("table 0 ", |forgery| forgery.drop_all(&["catalog"]));
    for counter in 2..5 {
        check(" 0 is there twice, or was never made", |forgery| forgery.change("catalog", counter, 0));
        check("more ids than there are", |forgery| forgery.change("catalog", counter, i64::from(u32::MAX)));
    }
}

#[test]
fn numbers_that_nothing_can_be_added_to_are_refused() {
    for timestamp in [u64::MAX, u64::MAX - 1, 1 << 62] {
        check(&format!("commit {timestamp}"), |forgery| forgery.timestamp = timestamp);
    }
    check("18446744073709551615 were written", |forgery| forgery.row_count = Some(u64::MAX));
}

#[test]
fn what_was_opened_without_its_lost_rows_is_whole_from_then_on() {
    let store = Forgery::new().store();
    let mut lost = GroupWrite::default();
    lost.remove(key(1, 0, 3));
    store.apply(&lost, Durability::Sync).unwrap();
    let open =
        |on_damage| Database::open_store(Box::new(store.clone()), &OpenOptions { on_damage, ..OpenOptions::default() });
    match open(OnDamage::Refuse) {
        Err(Error::Corrupt { what }) => assert_eq!(what, "table item has 9 rows, but 10 were written"),
        opened => panic!("{opened:?}"),
    }
    let rest = contents(&open(OnDamage::OpenWithout).unwrap());
    assert_eq!(rest["item"].len(), 9);
    assert_eq!(contents(&open(OnDamage::Refuse).unwrap()), rest);
}

#[test]
fn rows_of_another_form_than_their_table_are_refused_or_left_out() {
    let misfits: [&[Value<'_>]; 5] = [
        &[Value::from(77)],
        &[Value::from(77), Value::from(7), Value::from("a"), Value::from("b")],
        &[Value::from(77), Value::from("seven"), Value::from("a")],
        &[Value::from(77), Value::Real(7.0), Value::from("a")],
        &[Value::Null, Value::from(7), Value::from("a")],
    ];
    for misfit in misfits {
        let forge = |forgery: &mut Forgery| drop(forgery.rows.insert((0, 10), Row::new(misfit).as_bytes().to_vec()));
        check("record 0100000000000000000000000a of table item", forge);
        let mut forgery = Forgery::new();
        forge(&mut forgery);
        let database = forgery.open_with(OnDamage::OpenWithout).unwrap();
        assert_eq!(contents(&database)["item"].len(), 10, "{misfit:?}");
    }
}

#[test]
fn bytes_that_no_value_has_are_no_row() {
    let bytes_of = |value: Value<'_>, slot: u64| {
        let mut bytes = Row::new(&[value]).as_bytes().to_vec();
        bytes[8..16].copy_from_slice(&slot.to_le_bytes());
        bytes
    };
    // They would be equal to a value that has another key.
    assert!(Row::from_bytes(&bytes_of(Value::Boolean(true), 1)).is_some());
    assert!(Row::from_bytes(&bytes_of(Value::Boolean(true), 2)).is_none());
    assert!(Row::from_bytes(&bytes_of(Value::Date(0), 1 << 32)).is_none());
    assert!(Row::from_bytes(&bytes_of(Value::Null, 1)).is_none());
}

/// Where the kernel says yes to everything, there is memory for it until it is used.
#[cfg(target_os = "linux")]
#[test]
fn row_far_from_all_others_is_refused_where_there_is_no_memory_for_its_place() {
    let overcommit = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap_or_default();
    if overcommit.trim() == "1" {
        return;
    }
    for row_id in [(1_u64 << 43) + 1, (1 << 44) - 1024, u64::MAX - 1] {
        let forge = |forgery: &mut Forgery| {
            forgery.rows.insert((1, row_id), Row::new(&[Value::from(7)]).as_bytes().to_vec());
        };
        check(&format!("row {row_id} of table other"), forge);
        let mut forgery = Forgery::new();
        forge(&mut forgery);
        let database = forgery.open_with(OnDamage::OpenWithout).unwrap();
        assert_eq!(contents(&database)["other"].len(), 0);
    }
}
