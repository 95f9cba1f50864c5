//! Publication of nodes, slots and ids under loom.
//!
//! The epoch is left out, as in the models of the hash. So are the orderings along a chain, which add nothing: what lies behind a
//! node was there before it, so whoever has the node sees it.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::{ChainArray, ChainNode};
use crate::pin;

/// Runs `write`, which may say how far it has come, beside `read`.
fn race(
    write: impl Fn(&ChainArray<usize>, &AtomicUsize) + Sync + Send + Copy + 'static,
    read: impl Fn(&ChainArray<usize>, &AtomicUsize) + Sync + Send + Copy + 'static,
) {
    loom::model(move || {
        let shared = Arc::new((ChainArray::new(), AtomicUsize::new(0)));
        let for_writer = Arc::clone(&shared);
        let writer = thread::spawn(move || write(&for_writer.0, &for_writer.1));
        let reader = thread::spawn(move || read(&shared.0, &shared.1));
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

/// Pushes a node of that number to `id`, after `come` was set to it.
fn push(array: &ChainArray<usize>, come: &AtomicUsize, id: u64, number: usize) {
    come.store(number, Ordering::Relaxed);
    array.writer().push(id, ChainNode::new(number, 0, |_| ()));
}

#[test]
fn loom_chain_who_finds_a_node_sees_what_came_before_it() {
    let write = |array: &ChainArray<usize>, come: &AtomicUsize| (1..=2).for_each(|number| push(array, come, 0, number));
    race(write, |array, come| {
        let guard = pin();
        let Some(link) = array.head(0, &guard) else { return };
        assert!(come.load(Ordering::Relaxed) >= link.header());
        assert_eq!(link.next().map_or(0, |link| link.header()) + 1, link.header());
    });
    race(write, |array, come| {
        for (_, link) in array.iter(&pin()) {
            assert!(come.load(Ordering::Relaxed) >= link.header());
        }
    });
}

/// Ids of two segments, of which the second is made while it is looked for.
#[test]
fn loom_chain_who_sees_the_limit_sees_all_below_it() {
    let write = |array: &ChainArray<usize>, come: &AtomicUsize| (1..=3).for_each(|id| push(array, come, id, 1));
    race(write, |array, _| {
        let guard = pin();
        let limit = array.limit();
        assert!((1..limit).all(|id| array.head(id, &guard).is_some()));
    });
    race(write, |array, come| {
        if array.head(3, &pin()).is_some() {
            assert_eq!(come.load(Ordering::Relaxed), 1);
        }
    });
}

#[test]
fn loom_chain_a_node_that_is_pruned_is_passed() {
    race(
        |array, come| {
            (1..=3).for_each(|number| push(array, come, 0, number));
            array.writer().prune(0, &pin(), |_, older| older != 2, |_| ());
        },
        |array, _| {
            let guard = pin();
            let mut link = array.head(0, &guard);
            let mut numbers = Vec::new();
            while let Some(current) = link {
                numbers.push(current.header());
                link = current.next();
            }
            assert!(matches!(numbers[..], [] | [1] | [2, 1] | [3, 2, 1] | [3, 1]), "{numbers:?}");
        },
    );
}
