//! The publish suite: how long a writer of a left-right map waits when it shows what it wrote.
//!
//! One value of ten keys is replaced, then published, again and again: with nobody reading, with two readers in tight
//! loops, and with one reader that keeps a snapshot for a millisecond at a time. The latencies of a whole run are one
//! sample; the table shows percentiles of them.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::key::draw;
use crate::measure::{Plan, add_percentiles};
use crate::multi::{MultiPeer, MultiSession};
use crate::record::Sheet;

/// The writer and two readers at most, whatever the plan says.
pub(crate) const THREADS: usize = 3;
/// Keys replaced between two publications.
const TOUCHED: usize = 10;
/// How long the sleeping reader keeps a snapshot, and how long it does without.
const NAP: Duration = Duration::from_millis(1);

/// Who reads meanwhile.
#[derive(Clone, Copy, Debug)]
enum Readers {
    None,
    Busy,
    Asleep,
}

impl Readers {
    fn name(self) -> &'static str {
        match self {
            Self::None => "no reader",
            Self::Busy => "two busy readers",
            Self::Asleep => "a sleeping reader",
        }
    }
}

struct Entry {
    name: &'static str,
    round: fn(&Plan, &mut Sheet),
}

/// Runs the suite.
pub(crate) fn run(plan: &Plan) -> Sheet {
    let peers = [
        Entry { name: "manicule", round: round::<crate::multi::manicule::ByHash> },
        Entry { name: "evmap", round: round::<crate::multi::evmap::Evmap> },
        Entry { name: "flashmap", round: round::<crate::multi::flashmap::Flashmap> },
    ];
    let mut sheet = Sheet::new("publish", "u64", plan.n, THREADS);
    for round in 0..plan.rounds {
        for place in plan.rotation(round, peers.len()) {
            let peer = &peers[place];
            if plan.wants_peer(peer.name) {
                (peer.round)(plan, &mut sheet);
            }
        }
    }
    sheet
}

fn round<P: MultiPeer>(plan: &Plan, sheet: &mut Sheet) {
    let keys = plan.n;
    let peer = P::new();
    peer.with_session(|session| {
        (0..keys as u64).for_each(|key| session.add(key, key));
        session.publish();
    });
    for readers in [Readers::None, Readers::Busy, Readers::Asleep] {
        let latencies = measure(&peer, plan, readers);
        add_percentiles(sheet, (&format!("{},", readers.name()), P::NAME), latencies);
    }
}

/// The latency of each publication, in nanoseconds.
fn measure<P: MultiPeer>(peer: &P, plan: &Plan, readers: Readers) -> Vec<u64> {
    let stopped = AtomicBool::new(false);
    let (keys, stopped) = (plan.n, &stopped);
    thread::scope(|scope| {
        match readers {
            Readers::None => {}
            Readers::Busy => (0..2).for_each(|number| {
                scope.spawn(move || read_busily(peer, keys, number, stopped));
            }),
            Readers::Asleep => {
                scope.spawn(move || read_asleep(peer, stopped));
            }
        }
        let duration = Duration::from_millis(if plan.rounds < 5 { 30 } else { 1000 });
        let latencies = peer.with_session(|session| publish_for(session, keys, duration));
        stopped.store(true, Ordering::Relaxed);
        latencies
    })
}

fn publish_for(session: &mut impl MultiSession, keys: usize, duration: Duration) -> Vec<u64> {
    let mut latencies = Vec::with_capacity(1 << 20);
    session.release();
    let begun = Instant::now();
    let mut step = 0;
    while begun.elapsed() < duration {
        for _ in 0..TOUCHED {
            session.replace(draw(step, keys) as u64, step as u64);
            step += 1;
        }
        let publishing = Instant::now();
        session.publish();
        latencies.push(publishing.elapsed().as_nanos() as u64);
    }
    latencies
}

fn read_busily<P: MultiPeer>(peer: &P, keys: usize, number: usize, stopped: &AtomicBool) {
    peer.with_session(|session| {
        session.release();
        let mut step = number;
        while !stopped.load(Ordering::Relaxed) {
            black_box(session.sum_fresh(draw(step, keys) as u64));
            step += 2;
        }
    });
}

/// A session takes its snapshot when it begins.
fn read_asleep<P: MultiPeer>(peer: &P, stopped: &AtomicBool) {
    while !stopped.load(Ordering::Relaxed) {
        peer.with_session(|session| {
            black_box(session.sum(0));
            thread::sleep(NAP);
            black_box(session.sum(0));
        });
        thread::sleep(NAP);
    }
}
