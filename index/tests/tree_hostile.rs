//! Keys that panic, keys that lie, and histories that must be explained.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU64, AtomicUsize};
use std::thread;
use std::time::{Duration, Instant};

use manicule_index::{IndexKey, TreeIndex, WordTreeIndex, pin};

thread_local! {
    /// How many more questions a key answers before it panics.
    static PATIENCE: Cell<u32> = const { Cell::new(u32::MAX) };
    /// Whether answers are wrong now and then; the state of the dice.
    static LIES: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A key that counts its instances and answers as badly as it is told to.
#[derive(Debug)]
struct Hostile(u32, Arc<AtomicUsize>);

impl Hostile {
    fn new(key: u32, live: &Arc<AtomicUsize>) -> Self {
        live.fetch_add(1, atomic::Ordering::Relaxed);
        Self(key, live.clone())
    }

    /// Loses patience; says whether to lie.
    fn ask() -> bool {
        let left = PATIENCE.get();
        assert!(left > 0, "out of patience");
        PATIENCE.set(left - 1);
        LIES.get().is_some_and(|dice| {
            let dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            LIES.set(Some(dice));
            dice >> 60 == 0
        })
    }
}

impl Clone for Hostile {
    fn clone(&self) -> Self {
        Self::ask();
        Self::new(self.0, &self.1)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.1.fetch_sub(1, atomic::Ordering::Relaxed);
    }
}

impl PartialEq for Hostile {
    fn eq(&self, other: &Self) -> bool {
        (self.0 == other.0) != Self::ask()
    }
}

impl Eq for Hostile {}

impl PartialOrd for Hostile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hostile {
    fn cmp(&self, other: &Self) -> Ordering {
        if Self::ask() { other.0.cmp(&self.0) } else { self.0.cmp(&other.0) }
    }
}

impl IndexKey for Hostile {
    const EXACT: bool = false;

    fn word(&self, skip: usize) -> u64 {
        if Self::ask() {
            return u64::from(self.0) << 32;
        }
        let bytes = self.0.to_be_bytes();
        bytes[skip.min(4)..].iter().fold(0, |word, &byte| (word << 8) | (u64::from(byte) / 2))
    }

    fn common(&self, other: &Self) -> usize {
        if Self::ask() { 9 } else { ((self.0 ^ other.0).leading_zeros() / 8) as usize }
    }
}

/// Waits until the collector has dropped everything.
fn wait_for_none(live: &AtomicUsize) {
    let begun = Instant::now();
    while live.load(atomic::Ordering::Relaxed) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(100), "{} keys are left", live.load(atomic::Ordering::Relaxed));
        pin().flush();
        thread::sleep(Duration::from_micros(100));
    }
}

/// Runs `operation` with keys that panic at the `patience`th question; says whether they did.
fn impatiently(patience: u32, operation: impl FnOnce()) -> bool {
    PATIENCE.set(patience);
    let result = catch_unwind(AssertUnwindSafe(operation));
    PATIENCE.set(u32::MAX);
    result.is_err()
}

#[test]
fn panicking_keys_lose_nothing_and_leak_nothing() {
    let live = Arc::new(AtomicUsize::new(0));
    let key = |key| Hostile::new(key, &live);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut panics = 0;
    for patience in 0..60 {
        let index = TreeIndex::<Hostile, u32, 4>::with_order();
        for number in (0..40).map(|number| number * 7 % 40) {
            panics += usize::from(impatiently(patience, || assert!(index.insert(key(number), 1, &pin()).is_none())));
            index.insert(key(number), 2, &pin());
        }
        let guard = pin();
        assert!(index.iter(&guard).map(|(key, value)| (key.0, *value)).eq((0..40).map(|number| (number, 2))));
        drop(guard);
        for number in (0..40).filter(|number| number % 5 > 0) {
            let probe = key(number);
            panics += usize::from(impatiently(patience, || assert!(index.remove(&probe, &pin()).is_some())));
            index.remove(&probe, &pin());
        }
        panics += usize::from(impatiently(patience, || assert!(index.range(key(3)..key(30), &pin()).count() < 9)));
        panics += usize::from(impatiently(patience, || drop(index.clone())));
        let more = || (50..90).map(|number| (key(number), 2));
        panics += usize::from(impatiently(patience, || index.append_sorted(more(), &pin())));
        assert!(index.range(key(50).., &pin()).map(|(key, _)| key.0).eq((50..).take(index.len() - 8)));
        index.append_sorted(more(), &pin());
        assert_eq!(index.remove_range(key(50).., &pin()), 40);
        let guard = pin();
        assert!(index.iter(&guard).map(|(key, _)| key.0).eq((0..40).step_by(5)));
        assert_eq!(index.len(), 8);
    }
    std::panic::set_hook(hook);
    assert!(panics > 500, "{panics}");
    wait_for_none(&live);
}

#[test]
fn a_range_in_which_a_key_panicked_gives_nothing_from_beyond_its_bounds() {
    let live = Arc::new(AtomicUsize::new(0));
    let key = |key| Hostile::new(key, &live);
    let index: TreeIndex<Hostile, u32, 4> = TreeIndex::with_order();
    (0..250).for_each(|number| assert!(index.insert(key(number), number, &pin()).is_none()));
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let guard = pin();
    let (mut panics, mut beyond) = (0, Vec::new());
    for patience in 0..60 {
        let (mut forward, mut backward) =
            (index.range(key(50)..key(170), &guard), index.range_rev(key(50)..key(170), &guard));
        let mut given = Vec::new();
        panics += usize::from(impatiently(patience, || given.extend(forward.by_ref().map(|(_, value)| *value))));
        panics += usize::from(impatiently(patience, || given.extend(backward.by_ref().map(|(_, value)| *value))));
        given.extend(forward.chain(backward).map(|(_, value)| *value));
        beyond.extend(given.into_iter().filter(|value| !(50..170).contains(value)));
    }
    std::panic::set_hook(hook);
    assert!(panics > 20, "{panics}");
    assert_eq!(beyond, []);
}

#[test]
fn lying_keys_do_no_harm() {
    let live = Arc::new(AtomicUsize::new(0));
    let key = |key| Hostile::new(key, &live);
    for seed in 0..30 {
        let index = TreeIndex::<Hostile, u32, 4>::with_order();
        LIES.set(Some(seed));
        for number in (0..400).map(|number| number * 7 % 100) {
            let guard = pin();
            index.insert(key(number), number, &guard);
            index.get(&key(number + 1), &guard);
            index.remove(&key(number / 2), &guard);
            assert!(index.iter(&guard).count() <= 400);
            assert!(index.range_rev(key(10)..=key(60), &guard).count() <= 400);
        }
        index.append_sorted((50..150).map(|number| (key(number), number)), &pin());
        index.retain(|_, value| value % 3 == 0, &pin());
        LIES.set(None);
        let guard = pin();
        let count = index.iter(&guard).count();
        assert_eq!(index.len(), count);
        drop(index);
    }
    wait_for_none(&live);
}

/// A key that is compared only where words are equal, which is everywhere, and refuses one comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusing(u32);

const REFUSED: u32 = 1000;

impl PartialOrd for Refusing {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Refusing {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!(self.0 != REFUSED && other.0 != REFUSED, "refused");
        self.0.cmp(&other.0)
    }
}

impl IndexKey for Refusing {
    const EXACT: bool = false;

    fn word(&self, _skip: usize) -> u64 {
        0
    }
}

#[test]
fn a_cursor_whose_seek_panicked_gives_no_entry_that_is_gone() {
    let (index, guard) = (TreeIndex::<Refusing, u32>::new(), pin());
    (0..7).for_each(|key| assert!(index.insert(Refusing(key), key, &guard).is_none()));
    let mut cursor = index.upper_bound(Bound::<&Refusing>::Unbounded);
    assert_eq!(cursor.peek_prev(), Some((&Refusing(6), &6)));
    // What lay in the first slot is gone, but the slot still says where it was.
    (0..3).for_each(|key| assert!(index.remove(&Refusing(key), &guard).is_some()));
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let sought = catch_unwind(AssertUnwindSafe(|| cursor.seek(Bound::Included(&Refusing(REFUSED)))));
    std::panic::set_hook(hook);
    assert!(sought.is_err());
    assert!(cursor.prev().is_none_or(|(key, _)| (3..7).contains(&key.0)), "an entry that was removed before the seek");
    cursor.seek(Bound::Included(&Refusing(5)));
    assert_eq!(cursor.next(), Some((&Refusing(5), &5)));
    assert_eq!(cursor.prev(), Some((&Refusing(5), &5)));
}

/// One operation on one key, with the ticks at which it began and ended.
#[derive(Debug, Clone, Copy)]
struct Event {
    key: u64,
    begin: u64,
    end: u64,
    action: Action,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Get(Option<u64>),
    Insert(u64, Option<u64>),
    Remove(Option<u64>),
}

impl Action {
    /// The value after, if the action explains itself by the value before.
    fn apply(self, before: Option<u64>) -> Option<Option<u64>> {
        let (seen, after) = match self {
            Self::Get(seen) => (seen, before),
            Self::Insert(value, seen) => (seen, Some(value)),
            Self::Remove(seen) => (seen, None),
        };
        (seen == before).then_some(after)
    }
}

/// Wing and Gong: some order of the events respects their times and explains what they saw.
fn is_linearizable(pending: &mut Vec<Event>, value: Option<u64>) -> bool {
    let Some(first_end) = pending.iter().map(|event| event.end).min() else { return true };
    for index in 0..pending.len() {
        let event = pending[index];
        if event.begin > first_end {
            continue;
        }
        let Some(after) = event.action.apply(value) else { continue };
        pending.remove(index);
        if is_linearizable(pending, after) {
            return true;
        }
        pending.insert(index, event);
    }
    false
}

#[test]
fn histories_are_linearizable() {
    const KEYS: u64 = 12;
    let rounds = if cfg!(debug_assertions) { 60 } else { 300 };
    for round in 0..rounds {
        let index = WordTreeIndex::<u64, u64, 4>::with_order();
        let clock = AtomicU64::new(0);
        let tick = || clock.fetch_add(1, atomic::Ordering::SeqCst);
        let work = |thread: u64| {
            let mut dice = round * 3 + thread + 1;
            (0..60)
                .map(|step| {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let (key, value) = ((dice >> 33) % KEYS, thread << 32 | step);
                    let begin = tick();
                    let action = match (dice >> 50) % 5 {
                        0 | 1 => Action::Insert(value, index.insert(key, value, &pin())),
                        2 | 3 => Action::Remove(index.remove(&key, &pin())),
                        _ => Action::Get(index.get(&key, &pin())),
                    };
                    Event { key, begin, end: tick(), action }
                })
                .collect::<Vec<_>>()
        };
        let histories = thread::scope(|scope| {
            let threads = [0, 1, 2].map(|thread| scope.spawn(move || work(thread)));
            threads.map(|thread| thread.join().expect("no operation panics"))
        });
        let mut by_key: HashMap<u64, Vec<Event>> = HashMap::new();
        histories.into_iter().flatten().for_each(|event| by_key.entry(event.key).or_default().push(event));
        for mut events in by_key.into_values() {
            events.sort_by_key(|event| event.begin);
            assert!(is_linearizable(&mut events, None), "{events:#?}");
        }
    }
}
