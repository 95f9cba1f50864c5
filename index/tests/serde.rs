//! The indexes as maps of a format that writes the number of entries before them.

use std::fmt::Debug;

use manicule_index::{HashIndex, TreeIndex, WordHashIndex, WordTreeIndex};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn comes_back<I: Serialize + DeserializeOwned + PartialEq + Debug>(index: &I) {
    let bytes = postcard::to_stdvec(index).expect("an index can be written");
    assert_eq!(postcard::from_bytes::<I>(&bytes).as_ref(), Ok(index));
}

#[test]
fn indexes_come_back_as_they_were() {
    for count in [0, 1, 100_u64] {
        comes_back::<HashIndex<String, u64>>(&(0..count).map(|n| (n.to_string(), n)).collect());
        comes_back::<WordHashIndex<u64, u64>>(&(0..count).map(|n| (n, n * 2)).collect());
        comes_back::<TreeIndex<String, u64>>(&(0..count).map(|n| (n.to_string(), n)).collect());
        comes_back::<WordTreeIndex<u64, u64>>(&(0..count).map(|n| (n, n * 2)).collect());
    }
}

/// What was written may have been made by hand: in no order, and with a key twice.
#[test]
fn a_tree_is_read_from_entries_in_any_order() {
    let bytes = postcard::to_stdvec(&vec![(3_u64, 1_u64), (1, 2), (3, 4)]).unwrap();
    let expected = [(1, 2), (3, 4)];
    assert_eq!(postcard::from_bytes::<TreeIndex<u64, u64>>(&bytes), Ok(expected.into_iter().collect()));
    assert_eq!(postcard::from_bytes::<WordTreeIndex<u64, u64>>(&bytes), Ok(expected.into_iter().collect()));
}
