//! Databases of fjall and of redb side by side.

use std::fs;
use std::path::Path;

use manicule_engine::store::FileStore;
use manicule_engine::{Database, Error, IndexMethod, OpenOptions, RowId, StoreKind};

use super::support::{contents, create_index, create_items, insert_items, item};

fn options(kind: StoreKind) -> OpenOptions {
    OpenOptions { store: Some(kind), ..OpenOptions::default() }
}

fn filled(path: &Path, kind: StoreKind) -> Database {
    let database = Database::open_with(path, &options(kind)).unwrap();
    let table = create_items(&database).unwrap();
    for commit in 0..10 {
        insert_items(&database, table, commit * 500..commit * 500 + 500).unwrap();
    }
    let mut transaction = database.begin();
    transaction.delete(table, RowId(7)).unwrap();
    transaction.update(table, RowId(8), item(8, 77)).unwrap();
    transaction.commit().unwrap();
    create_index(&database, table, "item_later", 1, IndexMethod::Hash).unwrap();
    database
}

#[test]
fn export_from_one_kind_gives_the_same_rows_in_the_other() {
    for (from, to) in [(StoreKind::Fjall, StoreKind::Redb), (StoreKind::Redb, StoreKind::Fjall)] {
        let directory = tempfile::tempdir().unwrap();
        let (source, copy) = (directory.path().join("source"), directory.path().join("copy"));
        let database = filled(&source, from);
        let store = FileStore::open(&copy, &options(to)).unwrap();
        database.snapshot().export(&store).unwrap();
        let moved = Database::open_store(Box::new(store), &OpenOptions::default()).unwrap();
        let expected = contents(&database);
        assert_eq!((expected["item"].len(), contents(&moved)), (4999, expected.clone()), "{from} to {to}");
        let table = moved.catalog().table("item").unwrap().id;
        insert_items(&moved, table, [9000]).unwrap();
        drop(moved);
        let moved = Database::open(&copy).unwrap();
        assert_eq!(moved.snapshot().view().row_count(table), 5000, "{to}");
        assert_eq!(moved.catalog().table("item").unwrap().indexes.len(), 5);
    }
}

#[test]
fn store_of_the_other_kind_is_refused_by_name_and_found_by_itself() {
    for (made, wanted) in [(StoreKind::Fjall, StoreKind::Redb), (StoreKind::Redb, StoreKind::Fjall)] {
        let directory = tempfile::tempdir().unwrap();
        filled(directory.path(), made).close().unwrap();
        let files = || fs::read_dir(directory.path().join("store")).unwrap().count();
        let files_before = files();
        let error = Database::open_with(directory.path(), &options(wanted)).map(drop).unwrap_err();
        let told = format!("made with the store {made}, not {wanted}: open it with {made}");
        assert!(matches!(&error, Error::Refused { reason } if reason.contains(&told)), "{error}");
        assert_eq!(files(), files_before, "nothing was made");
        let store = FileStore::open(directory.path(), &OpenOptions::default()).unwrap();
        assert_eq!(store.kind(), made);
        drop(store);
        assert_eq!(contents(&Database::open(directory.path()).unwrap())["item"].len(), 4999);
    }
}

#[test]
fn new_directory_gets_fjall_unless_told_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(FileStore::open(directory.path(), &OpenOptions::default()).unwrap().kind(), StoreKind::Fjall);
}
