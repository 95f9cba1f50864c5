//! What a read gave is the entry itself, not a copy of it, whatever becomes of the table or the tree meanwhile.

use std::sync::Mutex;

use manicule_index::{HashIndex, TreeIndex, pin};

type Values = Mutex<Vec<u64>>;

/// The index grows and shrinks while `held` is read and written; each `get` has to give the same value.
macro_rules! check {
    ($index:expr) => {{
        let (index, guard) = ($index, pin());
        for key in 0..100_u64 {
            index.insert(key, Values::default(), &guard);
        }
        let held: Vec<&Values> = (0..100).map(|key| index.get(&key, &guard).expect("it was inserted")).collect();
        let grow = |value: u64| {
            for (key, values) in (0..).zip(&held) {
                // A vector that moves when it grows: a second copy of it would refer to what was freed.
                values.lock().expect("no holder panics").push(value);
                let found = index.get(&key, &guard).expect("it stays");
                assert!(std::ptr::eq(found, *values), "the value of {key} has moved");
                assert_eq!(found.lock().expect("no holder panics").last(), Some(&value));
            }
        };
        for round in 0..8 {
            for key in 1000..3000 {
                index.insert(key, Values::default(), &guard);
            }
            grow(2 * round);
            index.retain(|key, _| *key < 100, &guard);
            grow(2 * round + 1);
        }
        assert_eq!(index.len(), 100);
        assert!(held.iter().all(|values| values.lock().expect("no holder panics").iter().copied().eq(0..16)));
    }};
}

#[test]
fn a_value_that_changes_by_itself_stays_where_it_is() {
    check!(HashIndex::<u64, Values>::new());
    check!(TreeIndex::<u64, Values>::new());
}
