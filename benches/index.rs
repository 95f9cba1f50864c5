//! What do the indexes alone cost: a lookup, an insertion with its removal, a range of a hundred?

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use manicule::index::{Registry, WordHashIndex, WordTreeIndex, pin};

const KEYS: u64 = 100_000;

/// Spreads keys, so that neither caches nor trees see them in order.
fn key(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

/// Numbers of keys, far from each other.
fn next(number: &mut u64) -> u64 {
    *number = (*number + 7919) % KEYS;
    *number
}

fn hash(criterion: &mut Criterion) {
    let guard = pin();
    let index = WordHashIndex::<u64, u64>::new();
    for number in 0..KEYS {
        index.insert(key(number), number, &guard);
    }
    let mut group = criterion.benchmark_group("hash");
    let mut number = 0;
    group.bench_function("get", |bencher| bencher.iter(|| index.get(&key(next(&mut number)), &guard)));
    group.bench_function("get what is not there", |bencher| {
        bencher.iter(|| index.get(&key(KEYS + next(&mut number)), &guard));
    });
    group.bench_function("insert and remove", |bencher| {
        bencher.iter(|| {
            let key = key(KEYS + next(&mut number));
            black_box((index.insert(key, 1, &guard), index.remove(&key, &guard)))
        });
    });
    group.finish();
}

fn tree(criterion: &mut Criterion) {
    let guard = pin();
    let index = WordTreeIndex::<u64, u64>::new();
    for number in 0..KEYS {
        index.insert(key(number), number, &guard);
    }
    let mut group = criterion.benchmark_group("tree");
    let mut number = 0;
    group.bench_function("get", |bencher| bencher.iter(|| index.get(&key(next(&mut number)), &guard)));
    group.bench_function("range of 100", |bencher| {
        bencher.iter(|| {
            let from = key(next(&mut number));
            index.range(from.., &guard).take(100).map(|(_, value)| value).fold(0, u64::wrapping_add)
        });
    });
    group.bench_function("insert and remove", |bencher| {
        bencher.iter(|| {
            let key = key(KEYS + next(&mut number));
            black_box((index.insert(key, 1, &guard), index.remove(&key, &guard)))
        });
    });
    group.finish();
}

fn multi(criterion: &mut Criterion) {
    let registry = Registry::new();
    let index = registry.create_hash_from((0..KEYS).map(|number| (key(number / 10), number)));
    let mut group = criterion.benchmark_group("multi");
    let mut number = 0;
    group.bench_function("get a list of ten", |bencher| {
        let snapshot = registry.snapshot();
        bencher.iter(|| {
            let list = snapshot.on(&index).get(&key(next(&mut number) / 10));
            list.map(|list| list.iter().copied().fold(0, u64::wrapping_add))
        });
    });
    group.bench_function("load and get one", |bencher| {
        bencher.iter(|| registry.load().on(&index).get_one(&key(next(&mut number) / 10)).copied());
    });
    group.bench_function("insert, remove and commit", |bencher| {
        bencher.iter(|| {
            let (key, value) = (key(next(&mut number) / 10), KEYS + number);
            let mut batch = registry.begin();
            batch.on(&index).insert(key, value);
            batch.on(&index).remove(&key, &value);
            batch.commit()
        });
    });
    group.finish();
}

criterion_group!(benches, hash, tree, multi);
criterion_main!(benches);
