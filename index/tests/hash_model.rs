//! Both hash indexes agree with a `HashMap`, and with themselves under several threads.

use std::collections::HashMap;

use manicule_index::{HashIndex, WordHashIndex, pin};

/// A cheap generator with a fixed seed: the tests take the same path each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn agrees_with_a_hash_map_while_it_grows_and_shrinks() {
    let (boxed, inline, mut model) = (HashIndex::new(), WordHashIndex::new(), HashMap::new());
    let mut random = Random(0x1234_5678_9abc_def1);
    for round in 0..60_000_u64 {
        let guard = pin();
        // First more insertions than removals, then the other way round.
        let insert = random.below(10) < if round % 30_000 < 15_000 { 8 } else { 2 };
        let key = random.below(8000);
        if insert {
            let old = model.insert(key, round);
            assert_eq!(boxed.insert(key, round, &guard).copied(), old);
            assert_eq!(inline.insert(key, round, &guard), old);
        } else {
            let old = model.remove(&key);
            assert_eq!(boxed.remove(&key, &guard).map(|(_, value)| *value), old);
            assert_eq!(inline.remove(&key, &guard), old);
        }
        let probe = random.below(8000);
        assert_eq!(boxed.get(&probe, &guard), model.get(&probe));
        assert_eq!(inline.get(&probe, &guard), model.get(&probe).copied());
        assert_eq!((boxed.len(), inline.len()), (model.len(), model.len()));
    }
}

/// One thread's share of the test below.
fn insert_and_remove(thread: u64, index: &WordHashIndex<u64, u64>, boxed: &HashIndex<String, u64>) {
    for round in 0..3_u64 {
        for key in (0..3000).map(|n| n * 4 + thread) {
            let guard = pin();
            assert_eq!(index.insert(key, round, &guard), None);
            assert!(boxed.insert(key.to_string(), round, &guard).is_none());
        }
        for key in (0..3000).map(|n| n * 4 + thread) {
            let guard = pin();
            assert_eq!(index.get(&key, &guard), Some(round));
            assert_eq!(index.remove(&key, &guard), Some(round));
            assert_eq!(boxed.remove(key.to_string().as_str(), &guard).map(|(_, value)| *value), Some(round));
        }
    }
}

#[test]
fn threads_with_keys_of_their_own_lose_nothing() {
    let (index, boxed) = (WordHashIndex::new(), HashIndex::new());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (index, boxed) = (&index, &boxed);
            scope.spawn(move || insert_and_remove(thread, index, boxed));
        }
    });
    assert_eq!((index.len(), boxed.len()), (0, 0));
}
