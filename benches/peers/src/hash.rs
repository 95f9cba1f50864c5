//! The hash suite: unordered maps from a key to a `u64`.

use crate::key::{Key, KeySet};
use crate::measure::{Plan, Scope, note_round};
use crate::point::{PointPeer, Round};
use crate::record::Sheet;

mod dashmap;
mod evmap;
mod flashmap;
mod flurry;
mod kovan;
mod leapfrog;
mod locked;
mod manicule;
mod papaya;
mod scc;

/// The rows of the suite's tables, in order.
const WORKLOADS: &[&str] = &[
    "get hit",
    "get hit, guard per call",
    "get miss",
    "get many 16",
    "insert",
    "insert p50",
    "insert p99",
    "insert p99.9",
    "insert max",
    "upsert",
    "remove",
    "mix 95/5",
    "mix 50/50",
    "churn",
    "churn under a guard",
    "get beside a writer",
    "upsert beside a reader",
    "missed beside a writer",
    "bytes per entry",
    "bytes per entry, 1 of 16 left",
];

/// A peer as the suite's list holds it.
struct Entry<K> {
    name: &'static str,
    is_slow: bool,
    threads_max: usize,
    round: fn(&Plan, &KeySet<K>, &mut Sheet),
}

impl<K: Key> Entry<K> {
    fn of<P: PointPeer<K>>() -> Self {
        Self { name: P::NAME, is_slow: P::IS_SLOW, threads_max: P::THREADS_MAX, round: round::<K, P> }
    }
}

/// Runs the suite with `u64` keys.
pub(crate) fn run_u64(plan: &Plan) -> Sheet {
    let words = Entry::of::<manicule::Words>();
    let boxed = Entry::of::<manicule::Boxed<u64>>();
    let leapfrog = Entry::of::<leapfrog::Leapfrog>();
    run(plan, [words, boxed, leapfrog].into_iter().chain(any_key()).collect())
}

/// Runs the suite with strings of 20 bytes.
pub(crate) fn run_string(plan: &Plan) -> Sheet {
    run(plan, std::iter::once(Entry::of::<manicule::Boxed<String>>()).chain(any_key()).collect())
}

fn any_key<K>() -> Vec<Entry<K>>
where
    K: Key + ::evmap::StableHashEq + ::flashmap::TrustedHashEq,
{
    vec![
        Entry::of::<scc::HashIndex<K>>(),
        Entry::of::<scc::HashMap<K>>(),
        Entry::of::<kovan::Chained<K>>(),
        Entry::of::<kovan::Hopscotch<K>>(),
        Entry::of::<papaya::Papaya<K>>(),
        Entry::of::<dashmap::DashMap<K>>(),
        Entry::of::<flurry::Flurry<K>>(),
        Entry::of::<flashmap::Flashmap<K>>(),
        Entry::of::<evmap::Evmap<K>>(),
        Entry::of::<locked::Locked<K>>(),
        Entry::of::<locked::Alone<K>>(),
    ]
}

fn run<K: Key>(plan: &Plan, peers: Vec<Entry<K>>) -> Sheet {
    let keys = KeySet::new(plan.n, plan.operations);
    let mut sheet = Sheet::new("hash", K::NAME, plan.n, plan.threads).in_order(WORKLOADS);
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
fn round<K: Key, P: PointPeer<K>>(plan: &Plan, keys: &KeySet<K>, sheet: &mut Sheet) {
    let mut round = Round::<K, P>::build(plan, keys, sheet);
    round.points();
    round.remove(16);
    Round::<K, P>::growth(plan, keys, sheet);
}
