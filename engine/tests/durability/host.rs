//! A host's records in a store.

use std::ops::ControlFlow;

use manicule_engine::Timestamp;
use manicule_engine::store::{Durability, FileStore, GroupWrite, RecordKey, RowStore};

use super::support::{open, options};

fn records(store: &FileStore) -> Vec<((u32, u64), Vec<u8>)> {
    let mut records = Vec::new();
    let keys = RecordKey::of_host(0, 0)..RecordKey::of_host(u32::MAX, u64::MAX);
    let scanned = store.scan(keys, &mut |key, bytes| {
        records.push((key.host().unwrap(), bytes.to_vec()));
        ControlFlow::Continue(())
    });
    scanned.map(|()| records).unwrap()
}

#[test]
fn records_of_a_host_come_back_in_order_with_the_last_commit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = FileStore::open(&path, &options()).unwrap();
    assert_eq!((store.timestamp(), records(&store)), (Timestamp(0), Vec::new()));
    for (timestamp, put, removed) in [(1, (2, 1), None), (2, (1, u64::MAX), None), (3, (2, 300), Some((2, 1)))] {
        let mut group = GroupWrite::default();
        group.put_record(RecordKey::of_host(put.0, put.1), &[timestamp as u8]);
        removed.into_iter().for_each(|(space, id)| group.remove(RecordKey::of_host(space, id)));
        group.commit_at(Timestamp(timestamp));
        store.apply(&group.finish(), Durability::Sync).unwrap();
    }
    store.close().unwrap();
    drop(store);

    assert!(open(&path).is_err(), "these are no tables of a database");
    let store = FileStore::open(&path, &options()).unwrap();
    assert_eq!(store.timestamp(), Timestamp(3));
    assert_eq!(records(&store), [((1, u64::MAX), vec![2]), ((2, 300), vec![3])]);
}
