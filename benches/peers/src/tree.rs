//! The tree suite: ordered maps from a key to a `u64`.
//!
//! Beside what every map can be asked: ranges from a random start, forward and backward, whole scans, ascending
//! insertion, bulk loading, and YCSB's workload E. A range adds up the values it meets; no peer is asked to copy keys.

use std::hint::black_box;
use std::time::Instant;

use crate::allocator::live_bytes;
use crate::key::{Key, KeySet, Portions, draw};
use crate::measure::{Plan, Scope, expect_count, note_round, per_operation};
use crate::point::{PointPeer, PointSession, Round, pass, turned};
use crate::reclaim::settle;
use crate::record::Sheet;

mod arctic;
mod bplustree;
mod concurrent_map;
mod congee;
mod ferntree;
mod locked;
mod manicule;
mod masstree;
mod scc;
mod skiplist;

/// The rows of the suite's tables, in order.
const WORKLOADS: &[&str] = &[
    "get hit",
    "get hit, guard per call",
    "get miss",
    "get many 16",
    "range 10",
    "range 100",
    "reverse range 100",
    "full scan",
    "insert",
    "insert ascending",
    "insert p50",
    "insert p99",
    "insert p99.9",
    "insert max",
    "bulk load",
    "upsert",
    "remove",
    "mix 95/5",
    "mix 50/50",
    "ycsb e",
    "churn",
    "churn under a guard",
    "get beside a writer",
    "upsert beside a reader",
    "missed beside a writer",
    "bytes per entry",
    "bytes per entry, ascending",
    "bytes per entry, 1 of 15 left",
];

/// One ordered map under test.
pub(crate) trait TreePeer<K: Key>: for<'a> PointPeer<K, Session<'a>: TreeSession<K>> {
    /// Whether it can go backward.
    const REVERSE: bool = true;

    /// Builds it from sorted entries, if it has a way of its own to do so.
    fn bulk_load(_entries: Vec<(K, u64)>) -> Option<Self> {
        None
    }
}

/// What a range met: how many entries, and the sum of their values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Met {
    pub(crate) entries: usize,
    pub(crate) sum: u64,
}

impl Met {
    pub(crate) fn add(&mut self, value: u64) {
        self.entries += 1;
        self.sum = self.sum.wrapping_add(value);
    }
}

impl FromIterator<u64> for Met {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        values.into_iter().fold(Self::default(), |mut met, value| {
            met.add(value);
            met
        })
    }
}

/// A thread's handle to an ordered map, with its guard.
pub(crate) trait TreeSession<K: Key>: PointSession<K> {
    /// At most `limit` entries, ascending from `from`, which belongs to them.
    fn range(&self, from: &K, limit: usize) -> Met;

    /// At most `limit` entries, descending from `from`, which belongs to them.
    fn range_back(&self, from: &K, limit: usize) -> Met;

    /// Every entry in order.
    fn scan(&self) -> Met;
}

/// A peer as the suite's list holds it.
struct Entry<K> {
    name: &'static str,
    is_slow: bool,
    threads_max: usize,
    round: fn(&Plan, &KeySet<K>, &mut Sheet),
}

impl<K: Key> Entry<K> {
    fn of<P: TreePeer<K>>() -> Self {
        Self { name: P::NAME, is_slow: P::IS_SLOW, threads_max: P::THREADS_MAX, round: round::<K, P> }
    }
}

/// Runs the suite with `u64` keys.
pub(crate) fn run_u64(plan: &Plan) -> Sheet {
    let words = Entry::of::<manicule::Words>();
    let boxed = Entry::of::<manicule::Boxed<u64>>();
    let radix_trees = [Entry::of::<congee::Congee>(), Entry::of::<arctic::Words>()];
    run(plan, [words, boxed].into_iter().chain(radix_trees).chain(any_key()).collect())
}

/// Runs the suite with strings of 20 bytes.
pub(crate) fn run_string(plan: &Plan) -> Sheet {
    let first = [Entry::of::<manicule::Boxed<String>>(), Entry::of::<arctic::Strings>()];
    run(plan, first.into_iter().chain(any_key()).collect())
}

fn any_key<K>() -> Vec<Entry<K>>
where
    K: Key + ::concurrent_map::Minimum + ::ferntree::OptimisticRead,
{
    vec![
        Entry::of::<scc::TreeIndex<K>>(),
        Entry::of::<skiplist::SkipList<K>>(),
        Entry::of::<masstree::Masstree>(),
        Entry::of::<ferntree::Ferntree<K>>(),
        Entry::of::<bplustree::BPlusTree<K>>(),
        Entry::of::<concurrent_map::ConcurrentMap<K>>(),
        Entry::of::<locked::Locked<K>>(),
        Entry::of::<locked::Alone<K>>(),
    ]
}

fn run<K: Key>(plan: &Plan, peers: Vec<Entry<K>>) -> Sheet {
    let keys = KeySet::new(plan.n, plan.operations);
    let mut sheet = Sheet::new("tree", K::NAME, plan.n, plan.threads).in_order(WORKLOADS);
    for round in 0..plan.rounds {
        for place in plan.rotation(round, peers.len()) {
            let peer = &peers[place];
            let is_able = plan.threads <= peer.threads_max && !(peer.is_slow && plan.scope == Scope::Drawn);
            if plan.wants_peer(peer.name) && is_able {
                (peer.round)(plan, &keys, &mut sheet);
            }
        }
        note_round(plan, round, &mut sheet);
    }
    sheet
}

/// One peer's turn.
fn round<K: Key, P: TreePeer<K>>(plan: &Plan, keys: &KeySet<K>, sheet: &mut Sheet) {
    let mut round = Round::<K, P>::build(plan, keys, sheet);
    round.points();
    round.ranges();
    round.ycsb_e();
    round.remove(15);
    Round::<K, P>::growth(plan, keys, sheet);
    ascending::<K, P>(plan, keys, sheet);
}

/// The direction of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

impl<K: Key, P: TreePeer<K>> Round<'_, K, P> {
    fn ranges(&mut self) {
        self.range("range 10", Direction::Forward, 10);
        self.range("range 100", Direction::Forward, 100);
        if P::REVERSE {
            self.range("reverse range 100", Direction::Backward, 100);
        }
        self.scan();
    }

    /// Ranges of `limit` entries from keys that are there; nanoseconds for a whole range.
    fn range(&mut self, workload: &str, direction: Direction, limit: usize) {
        if !self.plan.wants(workload) {
            return;
        }
        let threads = self.plan.threads;
        let probes = &self.keys.probes[..self.keys.probes.len().div_ceil(limit / 4)];
        let elapsed = pass(
            &self.peer,
            threads,
            |thread| turned(probes, thread, threads),
            |session, [head, tail]| {
                let mut sum = 0_u64;
                for from in head.iter().chain(tail) {
                    let met = match direction {
                        Direction::Forward => session.range(black_box(from), limit),
                        Direction::Backward => session.range_back(black_box(from), limit),
                    };
                    sum = sum.wrapping_add(met.sum);
                }
                black_box(sum);
            },
        );
        self.check_range(workload, direction, limit);
        self.add(workload, "ns", per_operation(elapsed, probes.len()));
    }

    /// One range from the middle has to be as long as it was asked to be, and to begin with the key it was given.
    fn check_range(&self, workload: &str, direction: Direction, limit: usize) {
        if self.plan.n < 64 * limit {
            return;
        }
        let mut sample: Vec<&K> = self.keys.probes.iter().take(1000).collect();
        sample.sort();
        let middle = sample[sample.len() / 2];
        self.peer.with_session(|session| {
            let range = |limit| match direction {
                Direction::Forward => session.range(middle, limit),
                Direction::Backward => session.range_back(middle, limit),
            };
            expect_count(P::NAME, workload, range(limit).entries, limit);
            let first = range(1).sum;
            if session.get(middle) != Some(first) {
                eprintln!("WRONG: {}: {workload}: does not begin with the key it was asked for", P::NAME);
            }
        });
    }

    /// All entries in order; nanoseconds an entry.
    fn scan(&mut self) {
        if !self.plan.wants("full scan") {
            return;
        }
        let expected = self.keys.present.len();
        let elapsed = pass(
            &self.peer,
            self.plan.threads,
            |_| (),
            |session, ()| {
                expect_count(P::NAME, "full scan", black_box(session.scan()).entries, expected);
            },
        );
        self.add("full scan", "ns", per_operation(elapsed, expected));
    }

    /// YCSB's workload E: 95 % ranges of 1 to 100 entries, 5 % insertions of new keys, which are taken out again after.
    fn ycsb_e(&mut self) {
        if !self.plan.wants("ycsb e") {
            return;
        }
        let threads = self.plan.threads;
        let probes = &self.keys.probes[..self.keys.probes.len().div_ceil(16)];
        let portions = Portions::cut(&self.keys.absent[..probes.len()], threads);
        let prepare = |thread| {
            let [head, tail] = turned(probes, thread, threads);
            (head.iter().chain(tail), portions.take(thread).into_iter())
        };
        let elapsed = pass(&self.peer, threads, prepare, |session, (starts, mut fresh)| {
            let mut sum = 0_u64;
            for (step, from) in starts.enumerate() {
                if step % 20 == 0
                    && let Some(key) = fresh.next()
                {
                    session.insert(key, step as u64);
                } else {
                    sum = sum.wrapping_add(session.range(black_box(from), 1 + draw(step, 100)).sum);
                }
                session.pace(step);
            }
            black_box(sum);
        });
        self.peer.with_session(|session| {
            for key in &self.keys.absent[..probes.len()] {
                session.remove(key);
            }
        });
        self.add("ycsb e", "ns", per_operation(elapsed, probes.len()));
    }
}

/// Insertion in order, by each thread every `threads`-th key, and bulk loading where there is such a thing.
fn ascending<K: Key, P: TreePeer<K>>(plan: &Plan, keys: &KeySet<K>, sheet: &mut Sheet) {
    if !plan.wants("insert ascending") && !plan.wants("bulk load") {
        return;
    }
    let mut sorted = keys.present.clone();
    sorted.sort_unstable();
    settle();
    let before = live_bytes() + P::outside_bytes();
    let peer = P::new();
    let length = sorted.len().div_ceil(plan.threads);
    let prepare = |thread| sorted.iter().skip(thread).step_by(plan.threads).cloned().collect::<Vec<K>>();
    let elapsed = pass(&peer, plan.threads, prepare, |session, mine| {
        for (step, key) in mine.into_iter().enumerate() {
            session.insert(key, step as u64);
            session.pace(step);
        }
    });
    sheet.add("insert ascending", P::NAME, "ns", per_operation(elapsed, length));
    settle();
    let bytes = live_bytes() + P::outside_bytes() - before;
    sheet.add("bytes per entry, ascending", P::NAME, "B", bytes as f64 / plan.n as f64);
    drop(peer);
    if plan.threads == 1 {
        bulk_load::<K, P>(sorted, sheet);
    }
}

fn bulk_load<K: Key, P: TreePeer<K>>(sorted: Vec<K>, sheet: &mut Sheet) {
    let n = sorted.len();
    let entries: Vec<(K, u64)> = sorted.into_iter().zip(0..).collect();
    let begun = Instant::now();
    let loaded = P::bulk_load(entries);
    let elapsed = begun.elapsed();
    if black_box(loaded).is_some() {
        sheet.add("bulk load", P::NAME, "ns", per_operation(elapsed, n));
    }
}
