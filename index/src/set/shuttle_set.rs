//! Making an index beside writers under the shuttle scheduler: whatever the order of registering, beginning, writing,
//! preparing and committing, the index has every row.
//!
//! Scheduled are the writers' turn and the steps of the host between the set's operations.

use std::sync::{Arc, Mutex, PoisonError};

use shuttle::thread;

use super::*;

const ROUNDS: usize = 500;
const WRITERS: u64 = 2;

/// Rows that are their own key. What the host knows is never held across a switch.
#[derive(Default)]
struct Host {
    rows: Mutex<Vec<u64>>,
    index: Mutex<Option<IndexId>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Visibility<u64, ()> for Host {
    fn has_key(&self, row: u64, _at: At<()>, _index: IndexId, key: KeyRef<'_>) -> bool {
        locked(&self.rows).contains(&row) && key == Key::Word(row)
    }
}

fn commit_row(set: &IndexSet<u64, ()>, host: &Host, row: u64) {
    let mut transaction = set.begin();
    thread::yield_now();
    let known = *locked(&host.index);
    known.into_iter().for_each(|index| transaction.insert(index, Key::Word(row), row));
    thread::yield_now();
    let prepared = loop {
        match transaction.prepare(host) {
            Ok(prepared) => break prepared,
            Err(PrepareError::IndexesCreated { transaction: told, created }) => {
                transaction = *told;
                created.into_iter().for_each(|index| transaction.insert(index, Key::Word(row), row));
            }
            Err(other) => panic!("{other}"),
        }
    };
    locked(&host.rows).push(row);
    thread::yield_now();
    prepared.commit(());
}

#[test]
fn shuttle_set_index_made_beside_writers_has_every_row() {
    shuttle::check_random(
        || {
            let (set, host) = (IndexSet::<u64, ()>::new(), Arc::new(Host::default()));
            let writers: Vec<_> = (0..WRITERS)
                .map(|row| {
                    let (set, host) = (set.clone(), Arc::clone(&host));
                    thread::spawn(move || commit_row(&set, &host, row))
                })
                .collect();
            let definition = IndexDefinition { unique: false, keys: KeyForm::Words, structure: Structure::Hash };
            let builder = set.create_index_then(definition, |index| {
                thread::yield_now();
                *locked(&host.index) = Some(index);
                thread::yield_now();
            });
            thread::yield_now();
            let rows = locked(&host.rows).clone();
            builder.feed(rows.into_iter().map(|row| (Key::Word(row), row))).expect("the keys are words");
            thread::yield_now();
            let index = builder.finish((), &*host).expect("the index is not unique");
            writers.into_iter().for_each(|writer| writer.join().expect("the writer does not panic"));
            let snapshot = set.snapshot(()).expect("nothing is vacuumed");
            let reader = snapshot.reader(&*host);
            for row in 0..WRITERS {
                assert_eq!(reader.rows(index, &Key::Word(row)).expect("the index is built"), [row]);
            }
        },
        ROUNDS,
    );
}
