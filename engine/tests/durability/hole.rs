//! A hole in the log of fjall, which it takes for the log's end.

use manicule_engine::{Database, OnDamage, OpenOptions};

use super::damage::{image, open_damaged};
use super::support::{ImageFile, contents, insert_items};

#[test]
fn hole_in_the_log_is_named_and_opened_without_only_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let (mut image, expected) = image(64 << 20, directory.path());
    let is_log = |file: &&mut ImageFile| file.name.extension().is_some_and(|extension| extension == "jnl");
    let log = image.files.iter_mut().filter(is_log).max_by_key(|file| file.bytes.len()).unwrap();
    let middle = log.bytes.len() / 2;
    log.bytes[middle..middle + 4096].fill(0);
    let error = open_damaged(&image, &expected, "hole").expect("a hole must be noticed");
    println!("{error}");
    let copy = tempfile::tempdir().unwrap();
    image.write(copy.path());
    let options = OpenOptions { on_damage: OnDamage::OpenWithout, ..OpenOptions::default() };
    let database = Database::open_with(copy.path(), &options).unwrap();
    let rest = contents(&database);
    assert!(!rest["item"].is_empty() && rest["item"].len() < expected["item"].len());
    assert!(rest["item"].iter().all(|(row_id, row)| expected["item"][row_id] == *row));
    database.close().unwrap();
    let database = Database::open(copy.path()).unwrap();
    assert_eq!(contents(&database), rest, "it is whole again");
    insert_items(&database, database.catalog().table("item").unwrap().id, [10_000]).unwrap();
    database.close().unwrap();
    assert_eq!(contents(&Database::open(copy.path()).unwrap())["item"].len(), rest["item"].len() + 1);
}
