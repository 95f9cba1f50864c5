//! Closures that use the index which asks them.

use manicule_index::{Change, Guard, HashIndex, TreeIndex, WordHashIndex, WordTreeIndex, pin};

const KEYS: u64 = 60;

/// Has a closure asked by every operation that asks one; each time it inserts an entry nearby, replaces one and removes one. Nothing
/// becomes of its own key, so it must be asked once. `entry` stands for what `remove_if` gives: a value, or key and value.
macro_rules! check {
    ($index:expr, $one:expr, |$($entry:tt),+|) => {{
        let (index, guard) = ($index, pin());
        let guard: &Guard = &guard;
        let disturb = |calls: &mut u32, key: u64| {
            *calls += 1;
            assert_eq!(*calls, 1, "nothing has become of {key}");
            index.insert(key + KEYS, 1, guard);
            index.insert(key + KEYS + 1, 2, guard);
            index.remove(&(key + KEYS), guard);
            1
        };
        for key in 0..KEYS {
            let calls = &mut 0;
            if key % 4 > 1 {
                index.insert(key, 0, guard);
            }
            let after = match key % 4 {
                0 => index.upsert(key, |_| disturb(calls, key), guard).after,
                1 => Some(index.get_or_insert_with(key, || disturb(calls, key), guard)),
                2 => index.update(&key, |_| disturb(calls, key), guard).after,
                _ => index.compute(key, |_| Change::Put(disturb(calls, key)), guard).after,
            };
            assert_eq!((after, index.get(&key, guard)), (Some($one), Some($one)));
        }
        for key in 0..KEYS {
            let calls = &mut 0;
            if key % 2 == 0 {
                let removed = index.compute(
                    key,
                    |_| match disturb(calls, key) {
                        1 => Change::Remove,
                        _ => Change::Keep,
                    },
                    guard,
                );
                assert_eq!((removed.before, removed.after), (Some($one), None));
            } else {
                assert!(index.remove_if(&key, |$($entry),+| disturb(calls, key) == 1, guard).is_some());
            }
            assert_eq!(index.get(&key, guard), None);
        }
        assert_eq!(index.iter(guard).count(), index.len());
    }};
}

#[test]
fn a_closure_that_changes_other_keys_is_asked_once() {
    check!(HashIndex::<u64, u64>::new(), &1, |_, _|);
    check!(WordHashIndex::<u64, u64>::new(), 1, |_|);
    check!(TreeIndex::<u64, u64>::new(), &1, |_, _|);
    check!(WordTreeIndex::<u64, u64>::new(), 1, |_|);
}
