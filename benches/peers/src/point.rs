//! What every map can be asked: gets, insertions, replacements, removals, and what an entry takes.
//!
//! One round builds a peer, reads it, writes it and takes it down; the rounds of all peers interleave, so only one
//! structure is in memory at a time and all see the same machine. Readers that take a guard hold it for a whole pass
//! of reads, and for 64 operations where there are writes; `get hit, guard per call` takes one for each get.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::allocator::live_bytes;
use crate::key::{Key, KeySet, Portions, draw};
use crate::measure::{PERCENTILES, Plan, add_percentiles, expect_count, parallel, per_operation, side_by_side};
use crate::reclaim::settle;
use crate::record::Sheet;

/// Operations after which a writer, and a reader beside writers, lets go of its guard.
pub(crate) const REFRESH: usize = 64;

/// Who may write to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writers {
    Many,
    /// One, and what it wrote shows when it publishes: no mixes, no two writers.
    One,
}

/// One map under test.
pub(crate) trait PointPeer<K: Key>: Sync + Sized {
    const NAME: &'static str;
    const WRITERS: Writers = Writers::Many;
    /// Whether gets happen under a guard that the caller may hold.
    const GUARDED: bool = false;
    /// Whether building it takes several times as long as the others: it is left out of the largest sizes of a report.
    const IS_SLOW: bool = false;
    /// More threads than this leave the peer out.
    const THREADS_MAX: usize = usize::MAX;

    type Session<'a>: PointSession<K>
    where
        Self: 'a;

    fn new() -> Self;

    /// Bytes that peers of this kind hold and did not ask the program's allocator for.
    fn outside_bytes() -> i64 {
        0
    }

    /// Runs `work` with this thread's handle and guard.
    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R;
}

/// A thread's handle to a map, with its guard.
pub(crate) trait PointSession<K: Key> {
    /// The value, under the guard that the session holds.
    fn get(&self, key: &K) -> Option<u64>;

    /// The value, under a guard of its own.
    fn get_pinned(&self, key: &K) -> Option<u64> {
        self.get(key)
    }

    /// The values of several keys.
    fn get_many(&self, keys: &[K; 16], values: &mut [Option<u64>; 16]) {
        for (key, value) in keys.iter().zip(values) {
            *value = self.get(key);
        }
    }

    /// Puts in a key that is not there.
    fn insert(&mut self, key: K, value: u64);

    /// Replaces the value of a key that is there.
    fn upsert(&mut self, key: K, value: u64);

    /// Takes a key out; whether it was there.
    fn remove(&mut self, key: &K) -> bool;

    /// Lets go of the guard and takes a new one.
    fn refresh(&mut self) {}

    /// Lets go of the guard now and then, in a loop of writes.
    fn pace(&mut self, step: usize) {
        if step % REFRESH == REFRESH - 1 {
            self.refresh();
        }
    }

    /// Shows everything that was written.
    fn finish(&mut self) {}
}

/// The mean time that `work` takes on each thread, with a session and with what `prepare` made before the start. Whatever the
/// passes before have left to be freed is freed first.
pub(crate) fn pass<K: Key, P: PointPeer<K>, T>(
    peer: &P,
    threads: usize,
    prepare: impl Fn(usize) -> T + Sync,
    work: impl Fn(&mut P::Session<'_>, T) + Sync,
) -> Duration {
    settle();
    parallel(threads, |thread, start| {
        let prepared = prepare(thread);
        peer.with_session(|session| {
            start.wait();
            let begun = Instant::now();
            work(session, prepared);
            begun.elapsed()
        })
    })
}

/// All of `items`, beginning at this thread's place: the first part to read and the second.
pub(crate) fn turned<T>(items: &[T], thread: usize, threads: usize) -> [&[T]; 2] {
    let (tail, head) = items.split_at(items.len() * thread / threads);
    [head, tail]
}

/// One round of one peer.
pub(crate) struct Round<'r, K, P> {
    pub(crate) peer: P,
    /// The bytes in use before the peer was made.
    before: i64,
    pub(crate) plan: &'r Plan,
    pub(crate) keys: &'r KeySet<K>,
    sheet: &'r mut Sheet,
}

impl<'r, K: Key, P: PointPeer<K>> Round<'r, K, P> {
    /// Builds the peer.
    pub(crate) fn build(plan: &'r Plan, keys: &'r KeySet<K>, sheet: &'r mut Sheet) -> Self {
        settle();
        let before = live_bytes() + P::outside_bytes();
        let mut round = Round { peer: P::new(), before, plan, keys, sheet };
        round.insert();
        round.count_bytes(plan.n, "bytes per entry");
        round
    }

    /// Whether this number of threads may write to the peer.
    fn may_write(&self) -> bool {
        P::WRITERS == Writers::Many || self.plan.threads == 1
    }

    /// All that needs no order, but for the removal.
    pub(crate) fn points(&mut self) {
        self.reads();
        if self.may_write() {
            self.upsert();
        }
        if P::WRITERS == Writers::Many {
            self.mix("mix 95/5", 20);
            self.mix("mix 50/50", 2);
            self.beside_each_other();
            self.churn();
        }
    }

    pub(crate) fn add(&mut self, workload: &str, unit: &'static str, value: f64) {
        if self.plan.wants(workload) {
            self.sheet.add(workload, P::NAME, unit, value);
        }
    }

    fn insert(&mut self) {
        let writers = if P::WRITERS == Writers::One { 1 } else { self.plan.threads };
        let length = self.keys.present.len().div_ceil(writers);
        let portions = Portions::cut(&self.keys.present, writers);
        let prepare = |thread| (thread * length, portions.take(thread));
        let elapsed = pass(&self.peer, writers, prepare, |session, (first, mine)| {
            for (step, key) in mine.into_iter().enumerate() {
                session.insert(key, (first + step) as u64);
                session.pace(step);
            }
            session.finish();
        });
        if writers == self.plan.threads {
            self.add("insert", "ns", per_operation(elapsed, length));
        }
    }

    fn count_bytes(&mut self, entries: usize, workload: &str) {
        settle();
        let bytes = live_bytes() + P::outside_bytes() - self.before;
        self.add(workload, "B", bytes as f64 / entries.max(1) as f64);
    }

    fn reads(&mut self) {
        let (present, absent) = (&self.keys.probes, &self.keys.absent);
        self.read("get hit", present, |session, key| session.get(key));
        if P::GUARDED {
            self.read("get hit, guard per call", present, |session, key| session.get_pinned(key));
        }
        self.read("get miss", absent, |session, key| session.get(key));
        self.get_many();
    }

    /// Gets of every probe, by each thread from a place of its own.
    fn read(&mut self, workload: &str, probes: &[K], get: impl Fn(&P::Session<'_>, &K) -> Option<u64> + Sync) {
        if !self.plan.wants(workload) {
            return;
        }
        let threads = self.plan.threads;
        let expected = if std::ptr::eq(probes, self.keys.probes.as_slice()) { probes.len() } else { 0 };
        let elapsed = pass(
            &self.peer,
            threads,
            |thread| turned(probes, thread, threads),
            |session, [head, tail]| {
                let (mut found, mut sum) = (0, 0_u64);
                for value in head.iter().chain(tail).filter_map(|key| get(session, black_box(key))) {
                    found += 1;
                    sum = sum.wrapping_add(value);
                }
                black_box(sum);
                expect_count(P::NAME, workload, found, expected);
            },
        );
        self.add(workload, "ns", per_operation(elapsed, probes.len()));
    }

    fn get_many(&mut self) {
        if !self.plan.wants("get many 16") {
            return;
        }
        let (batches, _) = self.keys.probes.as_chunks::<16>();
        let threads = self.plan.threads;
        let elapsed = pass(
            &self.peer,
            threads,
            |thread| turned(batches, thread, threads),
            |session, [head, tail]| {
                let (mut found, mut sum) = (0, 0_u64);
                let mut values = [None; 16];
                for keys in head.iter().chain(tail) {
                    session.get_many(black_box(keys), &mut values);
                    found += values.iter().flatten().count();
                    sum = values.iter().flatten().fold(sum, |sum, value| sum.wrapping_add(*value));
                }
                black_box(sum);
                expect_count(P::NAME, "get many 16", found, batches.len() * 16);
            },
        );
        self.add("get many 16", "ns", per_operation(elapsed, batches.len() * 16));
    }

    fn upsert(&mut self) {
        if !self.plan.wants("upsert") {
            return;
        }
        let portions = Portions::cut(&self.keys.probes, self.plan.threads);
        let length = self.keys.probes.len().div_ceil(self.plan.threads);
        let elapsed = pass(
            &self.peer,
            self.plan.threads,
            |thread| portions.take(thread),
            |session, mine| {
                for (step, key) in mine.into_iter().enumerate() {
                    session.upsert(key, step as u64);
                    session.pace(step);
                }
                session.finish();
            },
        );
        self.add("upsert", "ns", per_operation(elapsed, length));
    }

    /// Every `period`-th operation replaces a value, the others get one.
    fn mix(&mut self, workload: &str, period: usize) {
        if !self.plan.wants(workload) {
            return;
        }
        let (threads, probes) = (self.plan.threads, &self.keys.probes);
        let prepare = |thread| {
            let [head, tail] = turned(probes, thread, threads);
            let writes: Vec<K> = head.iter().step_by(period).cloned().collect();
            (head.iter().chain(tail), writes.into_iter())
        };
        let elapsed = pass(&self.peer, threads, prepare, |session, (reads, mut writes)| {
            let mut found = 0;
            for (step, key) in reads.enumerate() {
                if step % period == 0
                    && let Some(key) = writes.next()
                {
                    session.upsert(key, step as u64);
                } else {
                    found += usize::from(session.get(black_box(key)).is_some());
                }
                session.pace(step);
            }
            black_box(found);
        });
        self.add(workload, "ns", per_operation(elapsed, probes.len()));
    }

    /// One reader and one writer of the same keys: the cost of each, and whether the reader ever misses a key that is
    /// there throughout.
    fn beside_each_other(&mut self) {
        if self.plan.threads != 2 || !self.plan.wants("beside") {
            return;
        }
        let probes = &self.keys.probes;
        let duration = Duration::from_millis(if self.plan.rounds < 5 { 20 } else { 200 });
        let reader = |go_on: &dyn Fn() -> bool| {
            self.peer.with_session(|session| {
                let (begun, mut gets, mut missed) = (Instant::now(), 0, 0);
                while go_on() {
                    let turn = (gets..gets + REFRESH).map(|step| &probes[step % probes.len()]);
                    missed += turn.filter(|key| session.get(black_box(key)).is_none()).count();
                    gets += REFRESH;
                    session.refresh();
                }
                (per_operation(begun.elapsed(), gets), missed as f64 * 1e6 / gets.max(1) as f64)
            })
        };
        let writer = |go_on: &dyn Fn() -> bool| {
            self.peer.with_session(|session| {
                let (begun, mut writes) = (Instant::now(), 0);
                while go_on() {
                    let turn = (writes..writes + REFRESH).map(|step| &probes[draw(step, probes.len())]);
                    turn.for_each(|key| session.upsert(key.clone(), writes as u64));
                    writes += REFRESH;
                    session.refresh();
                }
                per_operation(begun.elapsed(), writes)
            })
        };
        let ((get, missed), upsert) = side_by_side(duration, reader, writer);
        self.add("get beside a writer", "ns", get);
        self.add("upsert beside a reader", "ns", upsert);
        self.add("missed beside a writer", "per M", missed);
    }

    /// Takes out and puts back keys in turn, without and with a guard that somebody holds all the while.
    fn churn(&mut self) {
        if self.plan.threads != 1 || !self.plan.wants("churn") {
            return;
        }
        settle();
        let elapsed = self.peer.with_session(|session| self.take_out_and_put_back(session));
        self.add("churn", "ns", elapsed);
        if !P::GUARDED {
            return;
        }
        settle();
        let elapsed = self.peer.with_session(|holder| {
            black_box(holder.get(&self.keys.present[0]));
            let elapsed = self.peer.with_session(|session| self.take_out_and_put_back(session));
            black_box(holder.get(&self.keys.present[0]));
            elapsed
        });
        self.add("churn under a guard", "ns", elapsed);
    }

    /// Nanoseconds for one removal and one insertion, over a window of at most 10,000 keys.
    fn take_out_and_put_back(&self, session: &mut P::Session<'_>) -> f64 {
        let window = &self.keys.present[..self.keys.present.len().min(10_000)];
        let pairs = self.plan.operations.min(if self.plan.rounds < 5 { 50_000 } else { 200_000 });
        let mut fresh: Vec<K> = (0..pairs).map(|step| window[step % window.len()].clone()).collect();
        fresh.reverse();
        let begun = Instant::now();
        for step in 0..pairs {
            let place = step % window.len();
            session.remove(&window[place]);
            session.insert(fresh.pop().expect("one key was cloned for each pair"), place as u64);
            session.pace(step);
        }
        per_operation(begun.elapsed(), pairs)
    }

    /// Takes out all but every `period`-th key, and looks at what the rest takes.
    pub(crate) fn remove(mut self, period: usize) {
        let bytes = format!("bytes per entry, 1 of {period} left");
        if !self.may_write() || !(self.plan.wants("remove") || self.plan.wants(&bytes)) {
            return;
        }
        let threads = self.plan.threads;
        let gone = self.keys.present.iter().enumerate().filter(|(place, _)| place % period != 0);
        let gone: Vec<K> = gone.map(|(_, key)| key.clone()).collect();
        let length = gone.len().div_ceil(threads);
        let prepare = |thread: usize| &gone[(thread * length).min(gone.len())..((thread + 1) * length).min(gone.len())];
        let elapsed = pass(&self.peer, threads, prepare, |session, mine| {
            for (step, key) in mine.iter().enumerate() {
                black_box(session.remove(black_box(key)));
                session.pace(step);
            }
            session.finish();
        });
        self.add("remove", "ns", per_operation(elapsed, length));
        let left = self.keys.present.len() - gone.len();
        drop(gone);
        self.count_bytes(left, &bytes);
    }

    /// How long single insertions take while the map grows from nothing.
    pub(crate) fn growth(plan: &Plan, keys: &KeySet<K>, sheet: &mut Sheet) {
        if plan.threads != 1 || !PERCENTILES.iter().any(|(label, _)| plan.wants(&format!("insert {label}"))) {
            return;
        }
        let peer = P::new();
        let mut latencies: Vec<u64> = Vec::with_capacity(plan.n);
        let clones = keys.present.clone();
        peer.with_session(|session| {
            for (step, key) in clones.into_iter().enumerate() {
                let begun = Instant::now();
                session.insert(key, step as u64);
                latencies.push(begun.elapsed().as_nanos() as u64);
                session.pace(step);
            }
            session.finish();
        });
        add_percentiles(sheet, ("insert", P::NAME), latencies);
    }
}
