//! Recorded histories of one key, and whether some order explains them: the algorithm of Wing and Gong.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use super::WordHashIndex;
use crate::Guard;
use crate::outcome::Change;

/// What a thread did to the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Get,
    Insert(u64),
    TryInsert(u64),
    Remove,
    /// From one value to another.
    Exchange(u64, u64),
    /// One more, or removed at an odd value.
    Compute,
}

/// One call, when it began and ended, and the value that it says the key had before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    call: Call,
    before: Option<u64>,
    began: u64,
    ended: u64,
}

/// Moments for histories. Real atomics, so that a scheduler under test does not see them.
static CLOCK: AtomicU64 = AtomicU64::new(0);

/// Does `call` and records it.
pub(super) fn record(index: &WordHashIndex<u64, u64>, key: u64, call: Call, guard: &Guard) -> Operation {
    let began = CLOCK.fetch_add(1, Ordering::SeqCst);
    let before = match call {
        Call::Get => index.get(&key, guard),
        Call::Insert(value) => index.insert(key, value, guard),
        Call::TryInsert(value) => index.try_insert(key, value, guard).err(),
        Call::Remove => index.remove(&key, guard),
        Call::Exchange(old, new) => index.compare_exchange(&key, old, new, guard).map_or_else(|found| found, Some),
        Call::Compute => index.compute(key, computed, guard).before,
    };
    Operation { call, before, began, ended: CLOCK.fetch_add(1, Ordering::SeqCst) }
}

/// What [`Call::Compute`] asks for.
fn computed(before: Option<u64>) -> Change<u64> {
    match before {
        Some(value) if value % 2 == 1 => Change::Remove,
        _ => Change::Put(before.unwrap_or(0) + 1),
    }
}

/// The value after `call`, given the value before it.
fn after(call: Call, before: Option<u64>) -> Option<u64> {
    match call {
        Call::Insert(value) => Some(value),
        Call::TryInsert(value) => before.or(Some(value)),
        Call::Remove => None,
        Call::Exchange(old, new) if before == Some(old) => Some(new),
        Call::Get | Call::Exchange(..) => before,
        Call::Compute => match computed(before) {
            Change::Put(value) => Some(value),
            Change::Keep | Change::Remove => None,
        },
    }
}

/// Whether one order, in which no call comes before another that ended before it began, explains all answers. The key
/// starts absent; at most 64 operations.
pub(super) fn is_linearizable(operations: &[Operation]) -> bool {
    explain(operations, 0, None, &mut HashSet::new())
}

fn explain(operations: &[Operation], done: u64, state: Option<u64>, refuted: &mut HashSet<(u64, Option<u64>)>) -> bool {
    let left = || operations.iter().enumerate().filter(move |(n, _)| done & 1 << n == 0);
    let Some(first_end) = left().map(|(_, operation)| operation.ended).min() else { return true };
    if !refuted.insert((done, state)) {
        return false;
    }
    left().any(|(n, operation)| {
        operation.began < first_end
            && operation.before == state
            && explain(operations, done | 1 << n, after(operation.call, state), refuted)
    })
}

/// The checker itself tells good histories from bad ones.
#[test]
fn the_checker_finds_a_lost_update_and_a_stale_read() {
    let operation = |call, before, began, ended| Operation { call, before, began, ended };
    let insert = operation(Call::Insert(1), None, 0, 3);
    assert!(is_linearizable(&[insert, operation(Call::Get, None, 1, 2), operation(Call::Get, Some(1), 4, 5)]));
    assert!(!is_linearizable(&[insert, operation(Call::Get, None, 4, 5)]));
    assert!(!is_linearizable(&[insert, operation(Call::Insert(2), None, 1, 4)]));
    assert!(!is_linearizable(&[insert, operation(Call::Get, Some(1), 1, 2), operation(Call::Get, None, 3, 4)]));
}

/// Threads of the machine, many short histories, while the table is resized.
#[cfg(not(any(loom, feature = "shuttle")))]
#[test]
fn histories_of_real_threads_are_linearizable() {
    use crate::pin;

    for round in 0..400_u64 {
        let index = WordHashIndex::new();
        let operations = std::sync::Mutex::new(Vec::new());
        let worker = |thread: u64| {
            let mine: Vec<_> = (0..8)
                .map(|n| record(&index, 7, call_for(round.wrapping_mul(31) + thread * 17 + n * 5 + n * n), &pin()))
                .collect();
            operations.lock().unwrap().extend(mine);
        };
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let worker = &worker;
                scope.spawn(move || worker(thread));
            }
            scope.spawn(|| {
                index.reserve(100, &pin());
                index.shrink_to_fit(&pin());
            });
        });
        let operations = operations.into_inner().unwrap();
        assert!(is_linearizable(&operations), "round {round}: {operations:#?}");
    }
}

/// Any call, chosen by a number.
pub(super) fn call_for(number: u64) -> Call {
    match number % 7 {
        0 => Call::Insert(number % 4),
        1 => Call::Remove,
        2 => Call::TryInsert(number % 3),
        3 => Call::Exchange(number % 3, number % 5),
        4 => Call::Compute,
        _ => Call::Get,
    }
}
