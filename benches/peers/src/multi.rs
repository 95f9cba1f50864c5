//! The multi suite: maps from a `u64` to many, as the index of a column that is not unique.
//!
//! Entries lie in lists of 10 and of 1,000. A list is read under a snapshot that is held for the whole pass where the
//! peer has such a thing; `…, snapshot per call` takes one for each list. Writers of left-right maps publish every
//! 1,000 operations, unless the workload says otherwise.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::allocator::live_bytes;
use crate::key::{draw, scramble};
use crate::measure::{Plan, Scope, expect_count, note_round, parallel, per_operation};
use crate::reclaim::settle;
use crate::record::Sheet;

mod dashmap;
pub(crate) mod evmap;
pub(crate) mod flashmap;
mod headline;
mod locked;
pub(crate) mod manicule;
mod scc;

/// Operations after which a writer publishes.
const BATCH: usize = 1000;
/// The length of the one long list.
const LONG: usize = 100_000;

/// The rows of the suite's tables, in order; the headline benchmark's follow.
const WORKLOADS: &[&str] = &[
    "insert",
    "get",
    "get, snapshot per call",
    "sum list 10",
    "sum list 10, snapshot per call",
    "sum list 1000",
    "sum list 1000, snapshot per call",
    "range 100 keys",
    "add one, list 10",
    "remove one, list 10",
    "add one, list 1000",
    "remove one, list 1000",
    "remove one, list 100000",
    "add one and publish, list 10",
    "add one and publish, list 1000",
    "bytes per key",
    "bytes per value, list 10",
    "bytes per value, list 1000",
];

/// One map to many values under test.
pub(crate) trait MultiPeer: Sync + Sized {
    const NAME: &'static str;
    /// Whether writes show only when they are published, and readers hold snapshots.
    const PUBLISHES: bool = false;
    /// Whether it has an order of keys.
    const ORDERED: bool = false;
    /// More threads than this leave the peer out.
    const THREADS_MAX: usize = usize::MAX;

    type Session<'a>: MultiSession
    where
        Self: 'a;

    fn new() -> Self;

    /// Bytes that peers of this kind hold and did not ask the program's allocator for.
    fn outside_bytes() -> i64 {
        0
    }

    /// Runs `work` with this thread's handle and snapshot.
    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R;
}

/// A thread's handle to a map to many values.
pub(crate) trait MultiSession {
    /// How many values a key has, under the snapshot that the session holds.
    fn count(&self, key: u64) -> usize;

    /// The same under a snapshot of its own.
    fn count_fresh(&mut self, key: u64) -> usize {
        self.count(key)
    }

    /// The sum of a key's values, under the snapshot that the session holds.
    fn sum(&self, key: u64) -> u64;

    /// The same under a snapshot of its own.
    fn sum_fresh(&mut self, key: u64) -> u64 {
        self.sum(key)
    }

    /// The sum of the values of so many keys from `from` on; only where the peer is ordered.
    fn sum_range(&self, from: u64, keys: usize) -> u64;

    /// Adds one value.
    fn add(&mut self, key: u64, value: u64);

    /// Removes one value.
    fn remove(&mut self, key: u64, value: u64);

    /// Makes this the key's only value.
    fn replace(&mut self, key: u64, value: u64);

    /// Shows what was written. A session that writes lets go of its own snapshot here, or it would wait for itself.
    fn publish(&mut self) {}

    /// Lets go of the snapshot; from now on only the `_fresh` reads see anything.
    fn release(&mut self) {}
}

/// A peer as the suite's list holds it.
struct Entry {
    name: &'static str,
    threads_max: usize,
    round: fn(&Plan, &mut Sheet),
}

impl Entry {
    fn of<P: MultiPeer>() -> Self {
        Self { name: P::NAME, threads_max: P::THREADS_MAX, round: round::<P> }
    }
}

/// Runs the suite.
pub(crate) fn run(plan: &Plan) -> Sheet {
    let peers = [
        Entry::of::<manicule::ByHash>(),
        Entry::of::<manicule::InOrder>(),
        Entry::of::<evmap::Evmap>(),
        Entry::of::<dashmap::DashMap>(),
        Entry::of::<scc::HashMap>(),
        Entry::of::<locked::Locked>(),
        Entry::of::<locked::AloneHash>(),
        Entry::of::<locked::AloneTree>(),
    ];
    let mut sheet = Sheet::new("multi", "u64", plan.n, plan.threads).in_order(WORKLOADS);
    for round in 0..plan.rounds {
        for place in plan.rotation(round, peers.len()) {
            let peer = &peers[place];
            if plan.wants_peer(peer.name) && plan.threads <= peer.threads_max {
                (peer.round)(plan, &mut sheet);
            }
        }
        note_round(plan, round, &mut sheet);
    }
    sheet
}

/// One peer's turn.
fn round<P: MultiPeer>(plan: &Plan, sheet: &mut Sheet) {
    for length in [10, 1000] {
        if length == 1000 && plan.scope == Scope::Drawn {
            continue;
        }
        let mut round = Round::<P>::build(plan, sheet, length);
        if length == 10 {
            round.read("get", |session, key| session.count(key) as u64, |_, length| length);
            if P::PUBLISHES {
                round.read_fresh(
                    "get, snapshot per call",
                    |session, key| session.count_fresh(key) as u64,
                    |_, length| length,
                );
            }
            round.ranges();
        }
        let name = format!("sum list {length}");
        round.read(&name, |session, key| session.sum(key), list_sum);
        if P::PUBLISHES {
            round.read_fresh(&format!("{name}, snapshot per call"), |session, key| session.sum_fresh(key), list_sum);
        }
        if plan.threads == 1 {
            round.add_and_remove();
        }
    }
    if plan.threads == 1 {
        singles::<P>(plan, sheet);
        long_list::<P>(plan, sheet);
    } else {
        headline::run::<P>(plan, sheet);
    }
}

/// The value at `place` of the list of `key`: unlike every other list's.
fn value(key: u64, place: u64) -> u64 {
    key << 20 | place
}

/// The sum of the values of a list as it is built.
fn list_sum(key: u64, length: u64) -> u64 {
    length * (key << 20) + length * (length - 1) / 2
}

/// One round of one peer, with lists of one length.
struct Round<'r, P> {
    peer: P,
    plan: &'r Plan,
    sheet: &'r mut Sheet,
    keys: u64,
    length: u64,
}

impl<'r, P: MultiPeer> Round<'r, P> {
    /// Fills the lists in turn, as rows come to a table: every list gets its first value, then every list its second.
    fn build(plan: &'r Plan, sheet: &'r mut Sheet, length: u64) -> Self {
        let keys = (plan.n as u64 / length).max(1);
        settle();
        let before = live_bytes() + P::outside_bytes();
        let peer = P::new();
        let begun = Instant::now();
        peer.with_session(|session| {
            for entry in 0..keys * length {
                let number = entry % keys;
                session.add(key_of(number), value(number, entry / keys));
                if entry as usize % BATCH == BATCH - 1 {
                    session.publish();
                }
            }
            session.publish();
        });
        let elapsed = begun.elapsed();
        let mut round = Self { peer, plan, sheet, keys, length };
        if length == 10 {
            round.add("insert", "ns", per_operation(elapsed, (keys * length) as usize));
        }
        settle();
        let bytes = (live_bytes() + P::outside_bytes() - before) as f64 / (keys * length) as f64;
        round.add(&format!("bytes per value, list {length}"), "B", bytes);
        round
    }

    fn add(&mut self, workload: &str, unit: &'static str, value: f64) {
        if self.plan.wants(workload) {
            self.sheet.add(workload, P::NAME, unit, value);
        }
    }

    /// Reads lists drawn at random under the session's snapshot, and compares what comes out with what was put in.
    fn read(
        &mut self,
        workload: &str,
        read: impl Fn(&mut P::Session<'_>, u64) -> u64 + Sync,
        expected: impl Fn(u64, u64) -> u64,
    ) {
        self.read_prepared(workload, |_| {}, read, expected);
    }

    /// The same without the session's snapshot: below it, another one may cost less than it would alone.
    fn read_fresh(
        &mut self,
        workload: &str,
        read: impl Fn(&mut P::Session<'_>, u64) -> u64 + Sync,
        expected: impl Fn(u64, u64) -> u64,
    ) {
        self.read_prepared(workload, |session| session.release(), read, expected);
    }

    fn read_prepared(
        &mut self,
        workload: &str,
        prepare: impl Fn(&mut P::Session<'_>) + Sync,
        read: impl Fn(&mut P::Session<'_>, u64) -> u64 + Sync,
        expected: impl Fn(u64, u64) -> u64,
    ) {
        if !self.plan.wants(workload) {
            return;
        }
        let values = if workload.starts_with("get") { 1 } else { self.length as usize };
        let lists = (self.plan.operations / values).max(1 << 13);
        let drawn: Vec<u64> = (0..lists).map(|step| draw(step, self.keys as usize) as u64).collect();
        let wanted = drawn.iter().fold(0_u64, |sum, key| sum.wrapping_add(expected(*key, self.length)));
        let probes: Vec<u64> = drawn.into_iter().map(key_of).collect();
        let elapsed = parallel(self.plan.threads, |_, start| {
            self.peer.with_session(|session| {
                prepare(session);
                start.wait();
                let begun = Instant::now();
                let sum = probes.iter().fold(0_u64, |sum, key| sum.wrapping_add(read(session, black_box(*key))));
                let elapsed = begun.elapsed();
                expect_count(P::NAME, workload, sum as usize, wanted as usize);
                elapsed
            })
        });
        self.add(workload, "ns", per_operation(elapsed, lists));
    }

    /// A hundred keys in order from a random one, and the sum of all their values.
    fn ranges(&mut self) {
        if !P::ORDERED || !self.plan.wants("range 100 keys") {
            return;
        }
        let ranges = (self.plan.operations / 1000).max(1 << 8);
        let elapsed = parallel(self.plan.threads, |_, start| {
            self.peer.with_session(|session| {
                start.wait();
                let begun = Instant::now();
                let from = |step| key_of(draw(step, self.keys as usize) as u64);
                let sums = (0..ranges).map(|step| session.sum_range(black_box(from(step)), 100));
                black_box(sums.fold(0_u64, u64::wrapping_add));
                begun.elapsed()
            })
        });
        self.add("range 100 keys", "ns", per_operation(elapsed, ranges));
    }

    /// One more value for a random list, and the same values taken out again, batch by batch and one by one.
    fn add_and_remove(&mut self) {
        let length = self.length;
        let (add, remove) = self.write_pass(BATCH);
        self.add(&format!("add one, list {length}"), "ns", add);
        self.add(&format!("remove one, list {length}"), "ns", remove);
        if P::PUBLISHES {
            let (add, _) = self.write_pass(1);
            self.add(&format!("add one and publish, list {length}"), "ns", add);
        }
    }

    /// Nanoseconds for an addition and for a removal, when every `batch` of them is published.
    fn write_pass(&self, batch: usize) -> (f64, f64) {
        let writes = (self.plan.operations / 8).max(1 << 10);
        let key = |step| key_of(draw(step, self.keys as usize) as u64);
        let fresh = |step| value(1 << 40, step as u64);
        let pass = |session: &mut P::Session<'_>, write: fn(&mut P::Session<'_>, u64, u64)| {
            let begun = Instant::now();
            for step in 0..writes {
                write(session, key(step), fresh(step));
                if step % batch == batch - 1 {
                    session.publish();
                }
            }
            session.publish();
            per_operation(begun.elapsed(), writes)
        };
        self.peer.with_session(|session| {
            let added = pass(session, |session, key, value| session.add(key, value));
            (added, pass(session, |session, key, value| session.remove(key, value)))
        })
    }
}

/// Keys are spread over all words, in the order of their numbers.
fn key_of(number: u64) -> u64 {
    number << 32
}

/// What a key takes that has one value only.
fn singles<P: MultiPeer>(plan: &Plan, sheet: &mut Sheet) {
    if !plan.wants("bytes per key") {
        return;
    }
    settle();
    let before = live_bytes() + P::outside_bytes();
    let keys = plan.n as u64;
    let peer = P::new();
    peer.with_session(|session| {
        for number in 0..keys {
            session.add(scramble(number), number);
            if number as usize % BATCH == BATCH - 1 {
                session.publish();
            }
        }
        session.publish();
    });
    settle();
    sheet.add("bytes per key", P::NAME, "B", (live_bytes() + P::outside_bytes() - before) as f64 / keys as f64);
}

/// One value taken out of a list of 100,000 beside the other lists.
fn long_list<P: MultiPeer>(plan: &Plan, sheet: &mut Sheet) {
    const REMOVALS: usize = 500;
    if plan.n < LONG || !plan.wants("remove one, list 100000") {
        return;
    }
    let peer = P::new();
    let elapsed: Duration = peer.with_session(|session| {
        (0..LONG as u64).for_each(|place| session.add(7, value(7, place)));
        session.publish();
        let gone: Vec<u64> = (0..REMOVALS).map(|step| value(7, (step * (LONG / REMOVALS)) as u64)).collect();
        let begun = Instant::now();
        gone.iter().for_each(|value| session.remove(7, *value));
        session.publish();
        begun.elapsed()
    });
    sheet.add("remove one, list 100000", P::NAME, "ns", per_operation(elapsed, REMOVALS));
}
