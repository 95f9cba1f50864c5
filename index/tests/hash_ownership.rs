//! Everything is dropped exactly once and not before its last reader; a panic of the user's code leaves the index whole, and
//! keys that lie do no harm.

use std::cell::Cell;
use std::hash::{BuildHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use manicule_index::{Change, HashIndex, WordHashIndex, pin};

/// A value whose drops are counted.
#[derive(Clone, Debug)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Lets the collector run until `expected` values were dropped. That waits for the threads of other tests, which may be
/// pinned and not running.
fn await_drops(drops: &AtomicUsize, expected: usize) {
    let began = Instant::now();
    while drops.load(Ordering::SeqCst) != expected {
        pin().flush();
        std::thread::yield_now();
        let dropped = drops.load(Ordering::SeqCst);
        assert!(began.elapsed() < Duration::from_secs(100), "{dropped} values were dropped, not {expected}");
    }
}

#[test]
fn replaced_removed_and_remaining_values_are_dropped_once() {
    let drops = Arc::new(AtomicUsize::new(0));
    let index = HashIndex::new();
    for round in 0..3 {
        for key in 0..500_u64 {
            index.insert(key, Counted(Arc::clone(&drops)), &pin());
        }
        await_drops(&drops, round * 500);
    }
    (0..100).for_each(|key: u64| assert!(index.remove(&key, &pin()).is_some()));
    await_drops(&drops, 1100);
    assert!(index.try_insert(200, Counted(Arc::clone(&drops)), &pin()).is_err());
    assert_eq!(drops.load(Ordering::SeqCst), 1101, "a value refused is dropped by its owner");
    index.retain(|key, _| *key >= 150, &pin());
    await_drops(&drops, 1151);
    drop(index);
    await_drops(&drops, 1501);
}

#[test]
fn a_guard_keeps_what_was_read_under_it() {
    let drops = Arc::new(AtomicUsize::new(0));
    let index = HashIndex::new();
    index.insert(1, Counted(Arc::clone(&drops)), &pin());
    let guard = pin();
    let value = index.get(&1, &guard).expect("the key was inserted");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            index.remove(&1, &pin());
            (0..1000).for_each(|_| pin().flush());
        });
    });
    assert_eq!(value.0.load(Ordering::SeqCst), 0);
    drop(guard);
    await_drops(&drops, 1);
}

#[test]
fn clearing_and_consuming_drop_every_value_once() {
    let drops = Arc::new(AtomicUsize::new(0));
    let fill = || (0..1000_u64).map(|key| (key, Counted(Arc::clone(&drops)))).collect::<HashIndex<_, _>>();
    let index = fill();
    index.clear(&pin());
    assert!(index.is_empty());
    await_drops(&drops, 1000);
    let mut entries = fill().into_iter();
    let kept: Vec<_> = entries.by_ref().take(300).collect();
    drop(entries);
    await_drops(&drops, 1700);
    drop(kept);
    assert_eq!(drops.load(Ordering::SeqCst), 2000);
}

thread_local! {
    /// Calls of the user's code that are left until one panics.
    static FUSE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// One call of the user's code.
fn burn() {
    FUSE.set(FUSE.get().checked_sub(1).expect("the fuse burnt down"));
}

/// A key all of whose code may panic.
#[derive(Debug)]
struct Fused(u64);

impl Clone for Fused {
    fn clone(&self) -> Self {
        burn();
        Self(self.0)
    }
}

impl PartialEq for Fused {
    fn eq(&self, other: &Self) -> bool {
        burn();
        self.0 == other.0
    }
}

impl Eq for Fused {}

impl Hash for Fused {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn();
        // Few hashes, so that keys are compared often.
        (self.0 % 4).hash(state);
    }
}

/// Something done to an index, with its name.
type NamedOperation = (&'static str, fn(&HashIndex<Fused, u64>));

/// Each way to use an index, with closures that may panic as well.
fn operations() -> Vec<NamedOperation> {
    vec![
        ("get", |index| _ = index.get(&Fused(5), &pin())),
        ("insert", |index| _ = index.insert(Fused(100), 1, &pin())),
        ("replace", |index| _ = index.insert(Fused(5), 1, &pin())),
        ("try_insert", |index| _ = index.try_insert(Fused(5), 1, &pin())),
        ("get_or_insert_with", |index| _ = index.get_or_insert_with(Fused(101), || (burn(), 1).1, &pin())),
        ("upsert", |index| _ = index.upsert(Fused(6), |_| (burn(), 1).1, &pin())),
        ("update", |index| _ = index.update(&Fused(7), |_| (burn(), 1).1, &pin())),
        ("compute", |index| _ = index.compute(Fused(8), |_| (burn(), Change::Remove).1, &pin())),
        ("compare_exchange", |index| _ = index.compare_exchange(Fused(5), &5, 1, &pin())),
        ("remove", |index| _ = index.remove(&Fused(9), &pin())),
        ("remove_if", |index| _ = index.remove_if(&Fused(10), |_, _| (burn(), true).1, &pin())),
        ("retain", |index| index.retain(|key, _| (burn(), key.0 % 7 != 0).1, &pin())),
        ("reserve", |index| index.reserve(1000, &pin())),
        ("shrink", |index| index.shrink_to_fit(&pin())),
        ("clone", |index| _ = index.clone()),
        ("clear", |index| index.clear(&pin())),
    ]
}

/// Whether the index is whole: every key that iteration gives is found, and the count is right.
fn check_whole(index: &HashIndex<Fused, u64>, name: &str) {
    FUSE.set(usize::MAX);
    let guard = pin();
    let keys: Vec<u64> = index.keys(&guard).map(|key| key.0).collect();
    assert_eq!(keys.len(), index.len(), "after a panic in {name}");
    assert!(keys.iter().all(|key| index.contains_key(&Fused(*key), &guard)), "after a panic in {name}");
    assert_eq!(index.insert(Fused(999), 999, &guard), None);
    assert_eq!(index.remove(&Fused(999), &guard).map(|(_, value)| *value), Some(999));
}

/// A hasher for words that may panic, also while a group moves.
#[derive(Clone, Default)]
struct FusedHasher(u64);

impl BuildHasher for FusedHasher {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for FusedHasher {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are single words")
    }
    fn write_u64(&mut self, word: u64) {
        burn();
        self.0 = word;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

#[test]
fn a_panic_while_groups_move_loses_nothing_and_the_resize_ends() {
    std::panic::set_hook(Box::new(|_| {}));
    for fuse in (0..400).step_by(7) {
        FUSE.set(usize::MAX);
        let index = WordHashIndex::<u64, u64, _>::with_hasher(FusedHasher::default());
        (0..200).for_each(|key| assert_eq!(index.insert(key, key, &pin()), None));
        FUSE.set(fuse);
        _ = catch_unwind(AssertUnwindSafe(|| index.reserve(1000, &pin())));
        _ = catch_unwind(AssertUnwindSafe(|| (200..300).for_each(|key| _ = index.insert(key, key, &pin()))));
        FUSE.set(usize::MAX);
        index.insert(1000, 1000, &pin());
        index.remove(&1000, &pin());
        assert_eq!(index.stats().groups_to_move, 0, "a resize ends although one of its threads panicked");
        let mut keys: Vec<u64> = index.keys(&pin()).collect();
        keys.sort_unstable();
        assert!(keys.len() >= 200 && keys.iter().copied().eq(0..keys.len() as u64));
        assert_eq!(index.len(), keys.len());
    }
    _ = std::panic::take_hook();
}

#[test]
fn a_panic_at_any_call_leaves_the_index_whole() {
    std::panic::set_hook(Box::new(|_| {}));
    for (name, operation) in operations() {
        for fuse in 0..200 {
            FUSE.set(usize::MAX);
            let index: HashIndex<Fused, u64> = (0..60).map(|key| (Fused(key), key)).collect();
            FUSE.set(fuse);
            let outcome = catch_unwind(AssertUnwindSafe(|| operation(&index)));
            check_whole(&index, name);
            if outcome.is_ok() {
                break;
            }
        }
    }
    _ = std::panic::take_hook();
}

/// A key whose hash and equality are wrong at every fourth call.
#[derive(Debug)]
struct Liar(u64);

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(1) };
}

fn lies() -> bool {
    let next = CALLS.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    CALLS.set(next);
    (next >> 33).is_multiple_of(4)
}

impl PartialEq for Liar {
    fn eq(&self, other: &Self) -> bool {
        (self.0 == other.0) != lies()
    }
}

impl Eq for Liar {}

impl Hash for Liar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (if lies() { CALLS.get() } else { self.0 }).hash(state);
    }
}

#[test]
fn lying_keys_get_wrong_answers_and_do_no_harm() {
    let (drops, mut made) = (Arc::new(AtomicUsize::new(0)), 0);
    let index = HashIndex::new();
    for round in 0..20_000_u64 {
        let (guard, key) = (pin(), Liar(round % 97));
        match round % 11 {
            0..=5 => {
                made += 1;
                index.insert(key, Counted(Arc::clone(&drops)), &guard);
            }
            6 | 7 => _ = index.remove(&key, &guard),
            8 => _ = index.get(&key, &guard),
            9 if round % 1000 < 11 => index.shrink_to_fit(&guard),
            _ => index.retain(|key, _| key.0 != round % 13, &guard),
        }
    }
    assert_eq!(index.iter(&pin()).count(), index.len());
    index.clear(&pin());
    assert!(index.is_empty());
    drop(index);
    await_drops(&drops, made);
}

#[test]
fn a_capacity_that_no_table_has_is_refused() {
    std::panic::set_hook(Box::new(|_| {}));
    let index: HashIndex<u64, u64> = [(1, 1)].into_iter().collect();
    assert!(catch_unwind(|| HashIndex::<u64, u64>::with_capacity(usize::MAX)).is_err());
    assert!(catch_unwind(|| WordHashIndex::<u64, u64>::with_capacity(usize::MAX)).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| index.reserve(usize::MAX, &pin()))).is_err());
    _ = std::panic::take_hook();
    index.insert(2, 2, &pin());
    assert_eq!(index.stats().groups_to_move, 0, "nothing has begun");
    assert_eq!(index.len(), 2);
}
