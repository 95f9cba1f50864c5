//! Index sets under threads: no reader sees half of a commit, in whichever index it looks, while writers commit, a vacuum
//! removes, and an index is made and dropped.
//!
//! Rows come in blocks of four. Each transaction changes a whole block: its rows get one new group, and each other's
//! numbers. So at every snapshot a block has one group, and every number is there once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "set/host.rs"]
mod host;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use host::{Changes, Columns, DECLARED, Declared, Host, Random, Row};
use manicule_index::Direction;
use manicule_index::set::{IndexId, Key, KeySpan, ReadError, Reader};

const BLOCKS: u64 = 6;
const ROWS_PER_BLOCK: u64 = 4;
const ROWS: u64 = BLOCKS * ROWS_PER_BLOCK;

/// How many commits each writer makes; `SET_COMMITS` says another number.
fn commits() -> u64 {
    std::env::var("SET_COMMITS").ok().and_then(|commits| commits.parse().ok()).unwrap_or(60)
}

fn row(number: i64, group: i64) -> Row {
    Row { number: Some(number), group: Some(group), name: Some(format!("group {group}")) }
}

fn filled() -> Host<u64> {
    let host = Host::new(&DECLARED);
    let mut changes = Changes::new();
    let mut transaction = host.set.begin();
    for row_id in 0..ROWS {
        host.write(&mut transaction, &mut changes, 0, (row_id, Some(row(row_id as i64, 0))));
    }
    host.commit(transaction, &changes).unwrap();
    host
}

/// What those beside the writers did.
#[derive(Default)]
struct Counters {
    reads: AtomicU64,
    built: AtomicU64,
}

impl Counters {
    /// Relaxed, as all counting here: only that it happens some time.
    fn has_both(&self) -> bool {
        self.reads.load(Ordering::Relaxed) > 0 && self.built.load(Ordering::Relaxed) > 0
    }
}

/// Commits to the blocks that are this writer's alone: so often, and until somebody has read and built beside it. Not for
/// ever: one that has found a fault does nothing more.
fn write(host: &Host<u64>, blocks: std::ops::Range<u64>, seed: u64, counters: &Counters) {
    let (mut random, began) = (Random(seed), Instant::now());
    let go_on =
        |commit: &u64| *commit < commits() || (!counters.has_both() && began.elapsed() < Duration::from_secs(100));
    for _ in (0..).take_while(go_on) {
        let block = blocks.start + random.below(blocks.end - blocks.start);
        let row_ids = block * ROWS_PER_BLOCK..(block + 1) * ROWS_PER_BLOCK;
        let now = host.now();
        let rows = host.rows_at(now);
        let mut numbers: Vec<i64> = row_ids.clone().filter_map(|row_id| rows[&row_id].number).collect();
        numbers.rotate_left(1 + random.below(3) as usize);
        let group = random.below(1000) as i64;
        let (mut transaction, mut changes) = (host.set.begin(), Changes::new());
        for (row_id, number) in row_ids.zip(numbers) {
            host.write(&mut transaction, &mut changes, now, (row_id, Some(row(number, group))));
        }
        host.commit(transaction, &changes).unwrap();
    }
}

/// Checks what one reader sees, index by index.
fn check(reader: &Reader<'_, u64, u64, Host<u64>>, indexes: &[(IndexId, Declared)]) {
    let mut groups: BTreeMap<u64, Vec<Key>> = BTreeMap::new();
    for (index, declared) in indexes {
        match declared.columns {
            Columns::Number => {
                let mut holders: Vec<u64> = (0..ROWS as i64)
                    .flat_map(|number| {
                        let rows = reader.rows(*index, &Key::word(number)).unwrap();
                        assert_eq!(rows.len(), 1, "number {number} is there once");
                        rows
                    })
                    .collect();
                holders.sort_unstable();
                assert!(holders.into_iter().eq(0..ROWS), "every row has a number");
            }
            _ => {
                let span = KeySpan::all(declared.definition.keys);
                let each = |key: manicule_index::set::KeyRef<'_>, row_id: u64| {
                    if declared.columns != Columns::NameAndNumber {
                        groups.entry(row_id).or_default().push(Key::from(key));
                    }
                    ControlFlow::<()>::Continue(())
                };
                match reader.range(*index, &span, Direction::Ascending, each) {
                    Ok(_) | Err(ReadError::NotOrdered(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
    assert_eq!(groups.len() as u64, ROWS, "every row has a group");
    let groups: Vec<_> = groups.into_values().collect();
    for block in groups.chunks(ROWS_PER_BLOCK as usize) {
        assert!(block.iter().all(|keys| *keys == block[0] && keys.len() == 2), "a block has one group: {block:?}");
    }
}

fn read(host: &Host<u64>, indexes: &[(IndexId, Declared)], stop: &AtomicBool, counters: &Counters) {
    // Relaxed: only that it stops some time.
    while !stop.load(Ordering::Relaxed) {
        let Ok(snapshot) = host.set.snapshot(host.now()) else { continue };
        // Twice: a snapshot stays what it is while commits and vacuums go on.
        for _ in 0..2 {
            check(&snapshot.reader(host), indexes);
            counters.reads.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Makes an index over and over, and compares it with another one that was always there.
fn build(host: &Host<u64>, stop: &AtomicBool, counters: &Counters) {
    while !stop.load(Ordering::Relaxed) {
        let builder = host.set.create_index_then(DECLARED[1].definition, |index| {
            host.indexes.write().unwrap().insert(index, DECLARED[1]);
        });
        let at = host.now();
        let rows = host.rows_at(at);
        std::thread::scope(|scope| {
            for part in 0..2 {
                let (rows, builder) = (&rows, &builder);
                scope.spawn(move || {
                    let part = rows.iter().filter(|(row_id, _)| **row_id % 2 == part);
                    builder.feed(part.map(|(row_id, row)| (Columns::Number.key(row), *row_id))).unwrap();
                });
            }
        });
        let index = builder.finish(at, host).unwrap();
        let at = host.now();
        if let Ok(snapshot) = host.set.snapshot(at) {
            let reader = snapshot.reader(host);
            let numbers = (0..ROWS as i64).filter(|number| reader.rows(index, &Key::word(*number)).unwrap().len() == 1);
            assert_eq!(numbers.count() as u64, ROWS);
        }
        assert!(host.set.drop_index(index));
        counters.built.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn no_reader_sees_half_of_a_commit() {
    let host = filled();
    let indexes = host.index_ids();
    let (stop, counters) = (AtomicBool::new(false), Counters::default());
    std::thread::scope(|scope| {
        let (host, indexes, stop, counters) = (&host, &indexes, &stop, &counters);
        let writers = [
            scope.spawn(move || write(host, 0..BLOCKS / 2, 1, counters)),
            scope.spawn(move || write(host, BLOCKS / 2..BLOCKS, 2, counters)),
        ];
        scope.spawn(move || read(host, indexes, stop, counters));
        scope.spawn(move || read(host, indexes, stop, counters));
        let builder = scope.spawn(move || build(host, stop, counters));
        let vacuum = scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                host.set.vacuum(host.now(), host);
                std::thread::yield_now();
            }
        });
        let results = writers.map(|writer| writer.join());
        stop.store(true, Ordering::Relaxed);
        results.into_iter().for_each(|result| result.unwrap());
        vacuum.join().unwrap();
        builder.join().unwrap();
    });
    let Counters { reads, built } = &counters;
    println!("{} reads, {} indexes built", reads.load(Ordering::Relaxed), built.load(Ordering::Relaxed));
    assert!(counters.has_both());
    let snapshot = host.set.snapshot(host.now()).unwrap();
    check(&snapshot.reader(&host), &indexes);
}
