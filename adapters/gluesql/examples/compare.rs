//! This storage beside GlueSQL's sled storage, which has indexes, and its memory storage, which has none:
//! `cargo run --release -p manicule-gluesql --example compare [ROWS] [PART OF A WORKLOAD'S NAME]`.
//!
//! The same statements through GlueSQL, interleaved; for each the median of several turns, and the least and the most.
//! Statements are prepared from text each time, as a client would send them.

#![allow(deprecated, reason = "the sled storage is what there is to compare with")]

use std::time::{Duration, Instant};

use gluesql_core::prelude::{Glue, Payload};
use gluesql_core::store::{GStore, GStoreMut, Planner};
use gluesql_memory_storage::MemoryStorage;
use gluesql_sled_storage::{SledStorage, sled};
use manicule_gluesql::ManiculeStorage;

const ROWS: usize = 100_000;
/// Rows in one INSERT.
const BATCH: usize = 1_000;
const TURNS: usize = 7;
/// Queries in one turn, where a query is fast.
const QUERIES: usize = 200;

/// A storage as the comparison sees it.
trait Peer {
    fn name(&self) -> &'static str;
    fn has_indexes(&self) -> bool;
    fn run(&mut self, sql: &str) -> usize;
}

struct Storage<S: GStore + GStoreMut + Planner> {
    name: &'static str,
    has_indexes: bool,
    glue: Glue<S>,
}

impl<S: GStore + GStoreMut + Planner> Peer for Storage<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn has_indexes(&self) -> bool {
        self.has_indexes
    }

    /// How many rows come back.
    fn run(&mut self, sql: &str) -> usize {
        let payloads = self.glue.execute(sql).unwrap_or_else(|error| panic!("{}: {sql:.80}: {error}", self.name));
        payloads.iter().map(|payload| if let Payload::Select { rows, .. } = payload { rows.len() } else { 0 }).sum()
    }
}

fn main() {
    let rows = std::env::args().nth(1).and_then(|rows| rows.parse().ok()).unwrap_or(ROWS);
    let directory = tempfile::tempdir().expect("a directory for the storages on disk");
    let on_disk = ManiculeStorage::open(directory.path().join("manicule")).expect("a new storage");
    let sled = sled::Config::default().path(directory.path().join("sled"));
    let sled = SledStorage::try_from(sled).expect("a new storage");
    let mut peers: Vec<Box<dyn Peer>> = vec![
        Box::new(Storage { name: "manicule, memory", has_indexes: true, glue: Glue::new(ManiculeStorage::new()) }),
        Box::new(Storage { name: "manicule, synced", has_indexes: true, glue: Glue::new(on_disk) }),
        Box::new(Storage { name: "sled, not synced", has_indexes: true, glue: Glue::new(sled) }),
        Box::new(Storage { name: "memory, no index", has_indexes: false, glue: Glue::new(MemoryStorage::default()) }),
    ];
    for peer in &mut peers {
        peer.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c FLOAT)");
        if peer.has_indexes() {
            peer.run("CREATE INDEX by_a ON t (a)");
            peer.run("CREATE INDEX by_b ON t (b)");
        }
    }
    insert(&mut peers, rows);
    let one = |turn: usize, query: usize| (turn * QUERIES + query) * 7919 % rows;
    measure(&mut peers, "point select by an index, 1 row", QUERIES, |turn, query| {
        format!("SELECT * FROM t WHERE b = 'name{}'", one(turn, query))
    });
    measure(&mut peers, "range by an index, 100 rows", QUERIES / 4, |turn, query| {
        format!("SELECT * FROM t WHERE a >= {} LIMIT 100", one(turn, query).min(rows.saturating_sub(200)))
    });
    measure(&mut peers, "first 10 in order of an index", QUERIES / 4, |_, _| {
        "SELECT * FROM t ORDER BY a LIMIT 10".into()
    });
    measure(&mut peers, "point select by primary key", QUERIES, |turn, query| {
        format!("SELECT * FROM t WHERE id = {}", one(turn, query))
    });
    measure(&mut peers, "scan of all, 1 row", 1, |turn, _| format!("SELECT * FROM t WHERE c = {turn}.5"));
    measure(&mut peers, "update of 1 row, two indexes", 10, |turn, query| {
        format!("UPDATE t SET a = a + {rows} WHERE id = {}", one(turn, query))
    });
}

/// All rows, a thousand at a time, with two indexes where there are indexes.
fn insert(peers: &mut [Box<dyn Peer>], rows: usize) {
    let mut times = vec![Vec::new(); peers.len()];
    for first in (0..rows).step_by(BATCH) {
        let values: Vec<String> = (first..rows.min(first + BATCH))
            .map(|id| format!("({id}, {}, 'name{id}', {id}.5)", id * 7919 % rows))
            .collect();
        let sql = format!("INSERT INTO t VALUES {}", values.join(", "));
        for (peer, times) in peers.iter_mut().zip(&mut times) {
            let start = Instant::now();
            peer.run(&sql);
            times.push(start.elapsed() / values.len() as u32);
        }
    }
    report("insert of a row, two indexes", peers, times);
}

fn measure(peers: &mut [Box<dyn Peer>], what: &str, queries: usize, sql: impl Fn(usize, usize) -> String) {
    if std::env::args().nth(2).is_some_and(|wanted| !what.contains(&wanted)) {
        return;
    }
    let mut times = vec![Vec::new(); peers.len()];
    for turn in 0..TURNS {
        let mut found = Vec::new();
        for (peer, times) in peers.iter_mut().zip(&mut times) {
            // Without an index a query reads the whole table: fewer of them say as much.
            let queries = if peer.has_indexes() { queries } else { queries.min(2) };
            let start = Instant::now();
            let rows: usize = (0..queries).map(|query| peer.run(&sql(turn, query))).sum();
            times.push(start.elapsed() / queries as u32);
            found.push(rows / queries);
        }
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{what}: {found:?} rows");
    }
    report(what, peers, times);
}

fn report(what: &str, peers: &[Box<dyn Peer>], times: Vec<Vec<Duration>>) {
    println!("{what}");
    for (peer, mut times) in peers.iter().zip(times) {
        times.sort();
        let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
        println!("  {:<18} {:>10.1?}   ({least:.1?} to {most:.1?})", peer.name(), median);
    }
}
