//! evmap's own headline benchmark: readers and one writer in tight loops over 10,000 keys, uniform and skewed, the
//! writer publishing after every write, every 10 and every 1,000.
//!
//! Readers take a snapshot for each get, as evmap's do. Peers that have nothing to publish run once, as `every 1`.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{MultiPeer, MultiSession};
use crate::key::{draw, skewed_draws};
use crate::measure::Plan;
use crate::record::Sheet;

const KEYS: usize = 10_000;
/// Draws that each thread goes through again and again.
const DRAWS: usize = 1 << 16;
/// Operations between two looks at the clock's flag.
const TURN: usize = 64;

/// One peer's turn: all but one of the plan's threads read.
pub(super) fn run<P: MultiPeer>(plan: &Plan, sheet: &mut Sheet) {
    if !plan.wants("headline") {
        return;
    }
    let uniform: Vec<u64> = (0..DRAWS).map(|step| draw(step, KEYS) as u64).collect();
    let skewed = skewed_draws(DRAWS, KEYS);
    for (spread, draws) in [("uniform", &uniform), ("skewed", &skewed)] {
        for every in [1, 10, 1000] {
            if every > 1 && !P::PUBLISHES {
                continue;
            }
            let (reads, writes) = measure::<P>(plan, draws, every);
            sheet.add(&format!("headline {spread}, every {every}: reads"), P::NAME, "M/s", reads);
            sheet.add(&format!("headline {spread}, every {every}: writes"), P::NAME, "M/s", writes);
        }
    }
}

/// Millions of reads a second over all readers, and of writes.
fn measure<P: MultiPeer>(plan: &Plan, draws: &[u64], every: usize) -> (f64, f64) {
    let peer = P::new();
    peer.with_session(|session| {
        (0..KEYS as u64).for_each(|key| session.add(key, key));
        session.publish();
    });
    let stopped = AtomicBool::new(false);
    let (peer, stopped) = (&peer, &stopped);
    thread::scope(|scope| {
        let reader = |number: usize| scope.spawn(move || reads(peer, draws, number * 1000, stopped));
        let readers: Vec<_> = (1..plan.threads).map(reader).collect();
        let writer = scope.spawn(move || writes(peer, draws, every, stopped));
        thread::sleep(Duration::from_millis(if plan.rounds < 5 { 20 } else { 300 }));
        stopped.store(true, Ordering::Relaxed);
        let reads = readers.into_iter().map(|reader| reader.join().expect("a peer panicked")).sum();
        (reads, writer.join().expect("a peer panicked"))
    })
}

fn reads<P: MultiPeer>(peer: &P, draws: &[u64], offset: usize, stopped: &AtomicBool) -> f64 {
    peer.with_session(|session| {
        session.release();
        let (begun, mut done, mut sum) = (Instant::now(), 0, 0);
        while !stopped.load(Ordering::Relaxed) {
            let keys = (done + offset..done + offset + TURN).map(|step| draws[step % DRAWS]);
            sum += keys.map(|key| session.count_fresh(black_box(key))).sum::<usize>();
            done += TURN;
        }
        black_box(sum);
        done as f64 / begun.elapsed().as_secs_f64() / 1e6
    })
}

fn writes<P: MultiPeer>(peer: &P, draws: &[u64], every: usize, stopped: &AtomicBool) -> f64 {
    peer.with_session(|session| {
        let (begun, mut done) = (Instant::now(), 0);
        while !stopped.load(Ordering::Relaxed) {
            for step in done..done + TURN {
                session.replace(draws[(step + DRAWS / 2) % DRAWS], step as u64);
                if step % every == every - 1 {
                    session.publish();
                }
            }
            done += TURN;
        }
        session.publish();
        done as f64 / begun.elapsed().as_secs_f64() / 1e6
    })
}
