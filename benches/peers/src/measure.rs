//! How a figure is taken: threads that start together, and what they may assume.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::record::Sheet;

/// How much of a suite is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Whole,
    /// Only what is drawn against the size.
    Drawn,
}

/// The workloads that are drawn against the size: of the largest sizes no others are run.
pub(crate) const DRAWN: [&str; 20] = [
    "get hit",
    "get miss",
    "get many 16",
    "insert",
    "upsert",
    "mix 95/5",
    "range 100",
    "bytes per entry",
    "sum list 10",
    "add one and publish, list 10",
    "point by primary key",
    "point by non-unique index",
    "range of 100 by secondary index",
    "top 10 by indexed column",
    "indexed join of 1000 keys",
    "full scan with filter",
    "insert with two indexes",
    "read by secondary key",
    "commit one row",
    "open",
];

/// The percentiles of a latency that are kept, under the names that end their workloads.
pub(crate) const PERCENTILES: [(&str, f64); 4] = [("p50", 50.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0)];

/// The size of one run of a suite.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Entries in the structure.
    pub(crate) n: usize,
    pub(crate) threads: usize,
    /// How often every peer is built, measured and torn down.
    pub(crate) rounds: usize,
    /// Operations of one pass on one thread.
    pub(crate) operations: usize,
    pub(crate) scope: Scope,
    /// Only the workloads whose name contains this are run.
    pub(crate) workload: Option<String>,
    /// Only the peers whose name contains this are run.
    pub(crate) peer: Option<String>,
}

impl Plan {
    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.workload.as_ref().is_none_or(|part| workload.contains(part))
            && (self.scope == Scope::Whole || DRAWN.contains(&workload))
    }

    pub(crate) fn wants_peer(&self, peer: &str) -> bool {
        self.peer.as_ref().is_none_or(|part| peer.contains(part))
    }

    /// The peers' places in `round`: everyone comes first once.
    pub(crate) fn rotation(&self, round: usize, peers: usize) -> impl Iterator<Item = usize> {
        (0..peers).map(move |place| (place + round) % peers)
    }
}

/// A line at which the threads of one pass wait for each other, spinning.
pub(crate) struct Start {
    missing: AtomicUsize,
}

impl Start {
    pub(crate) fn wait(&self) {
        // AcqRel with the Acquire load below: what a thread prepared is done before another one starts its clock.
        self.missing.fetch_sub(1, Ordering::AcqRel);
        let mut spins = 0_u32;
        while self.missing.load(Ordering::Acquire) != 0 {
            spins += 1;
            if spins.is_multiple_of(4096) {
                thread::yield_now();
            }
            std::hint::spin_loop();
        }
    }
}

/// Runs `work` on so many threads, each of which waits at the start and measures itself; the mean of their times.
pub(crate) fn parallel(threads: usize, work: impl Fn(usize, &Start) -> Duration + Sync) -> Duration {
    let start = Start { missing: AtomicUsize::new(threads) };
    let (work, start) = (&work, &start);
    let total: Duration = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|t| scope.spawn(move || work(t, start))).collect();
        running.into_iter().map(|thread| thread.join().expect("a peer panicked")).sum()
    });
    total / threads as u32
}

/// Runs `left` and `right` beside each other until `duration` is over; nanoseconds per operation of each.
///
/// Each side does one small batch at a call and says how many operations that was.
pub(crate) fn side_by_side<L, R>(
    duration: Duration,
    left: impl FnOnce(&dyn Fn() -> bool) -> L + Send,
    right: impl FnOnce(&dyn Fn() -> bool) -> R + Send,
) -> (L, R)
where
    L: Send,
    R: Send,
{
    let stopped = AtomicBool::new(false);
    let start = Start { missing: AtomicUsize::new(3) };
    let (stopped, start) = (&stopped, &start);
    let go_on = move || !stopped.load(Ordering::Relaxed);
    thread::scope(|scope| {
        let left = scope.spawn(move || {
            start.wait();
            left(&go_on)
        });
        let right = scope.spawn(move || {
            start.wait();
            right(&go_on)
        });
        start.wait();
        thread::sleep(duration);
        stopped.store(true, Ordering::Relaxed);
        (left.join().expect("a peer panicked"), right.join().expect("a peer panicked"))
    })
}

/// Nanoseconds that one of `operations` took.
pub(crate) fn per_operation(elapsed: Duration, operations: usize) -> f64 {
    elapsed.as_nanos() as f64 / operations.max(1) as f64
}

/// The value below which `percent` of the sorted samples lie.
fn percentile(sorted: &[u64], percent: f64) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    let place = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1] as f64
}

/// Keeps the percentiles of latencies in nanoseconds, each as the workload `name` with the percentile behind it.
pub(crate) fn add_percentiles(sheet: &mut Sheet, (name, peer): (&str, &str), mut latencies: Vec<u64>) {
    latencies.sort_unstable();
    for (label, percent) in PERCENTILES {
        sheet.add(&format!("{name} {label}"), peer, "ns", percentile(&latencies, percent));
    }
}

/// What it costs to hand a cache line from one thread to another, in nanoseconds one way: the best of many short
/// batches, so that a thread that was put aside does not count.
///
/// Virtual machines move their processors: two threads may share a core (some 20 ns) or not even a chip (over 150).
/// Figures of two threads mean nothing without it.
pub(crate) fn line_hand_over() -> f64 {
    const BATCHES: u64 = 100;
    const TRIPS: u64 = 200;
    let line = AtomicU64::new(0);
    // Relaxed: the counter itself is all that travels.
    let bounce = |trips: Range<u64>, own: u64| {
        for trip in trips {
            while line.load(Ordering::Relaxed) != 2 * trip + own {
                std::hint::spin_loop();
            }
            line.store(2 * trip + own + 1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| bounce(0..BATCHES * TRIPS, 1));
        let batch = |number: u64| {
            let begun = Instant::now();
            bounce(number * TRIPS..(number + 1) * TRIPS, 0);
            per_operation(begun.elapsed(), 2 * TRIPS as usize)
        };
        (0..BATCHES).map(batch).fold(f64::INFINITY, f64::min)
    })
}

/// In words what [`line_hand_over`] says about where the two threads ran.
pub(crate) fn distance(nanoseconds: f64) -> &'static str {
    if nanoseconds < 60.0 { "near" } else { "far" }
}

/// Says where the round's threads ran, and keeps it beside the figures.
pub(crate) fn note_round(plan: &Plan, round: usize, sheet: &mut Sheet) {
    if plan.threads < 2 {
        return;
    }
    let nanoseconds = line_hand_over();
    eprintln!("round {}: a cache line is handed over in {nanoseconds:.0} ns ({})", round + 1, distance(nanoseconds));
    sheet.add("cache line hand-over", "~machine", "ns", nanoseconds);
}

/// Complains when a peer gave fewer or more answers than there are.
pub(crate) fn expect_count(peer: &str, workload: &str, found: usize, expected: usize) {
    if found != expected {
        eprintln!("WRONG: {peer}: {workload}: {found} found, {expected} expected");
    }
}
