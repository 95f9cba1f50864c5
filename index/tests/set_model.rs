//! Index sets against a model: random transactions of a small host, and every snapshot compared with its rows.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "set/host.rs"]
mod host;

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use host::{Changes, Columns, DECLARED, Declared, Host, Overlay, Random, Row};
use manicule_index::Direction;
use manicule_index::set::{
    BuildError, IndexId, IndexSet, IndexTransaction, Key, KeyForm, KeySpan, PrepareError, ReadError, Reader, RowId,
    Snapshot, Structure, Visibility,
};

/// Shorter and longer than what a leaf of a tree tells apart by itself.
const NAMES: [&str; 7] =
    ["", "a", "ab", "b\0c", "zz", "twenty-two letters \0 eh", "a good deal longer than the others are"];

fn row(random: &mut Random) -> Row {
    let number = (!random.chance(4)).then(|| random.below(40) as i64 - 20);
    let group = (!random.chance(5)).then(|| random.below(4) as i64);
    let name = (!random.chance(5)).then(|| NAMES[random.below(NAMES.len() as u64) as usize].to_owned());
    Row { number, group, name }
}

/// The entries that an index should have, in order.
fn entries<R: RowId>(rows: &BTreeMap<R, Row>, columns: Columns) -> Vec<(Key, R)> {
    let mut entries: Vec<(Key, R)> = rows.iter().map(|(row_id, row)| (columns.key(row), *row_id)).collect();
    entries.sort();
    entries
}

fn visit_into<T>(found: &mut Vec<T>, item: T) -> ControlFlow<()> {
    found.push(item);
    ControlFlow::Continue(())
}

/// Compares all that a reader can be asked about an index with the rows that it should see.
fn check<R: RowId, V: Visibility<R, u64>>(
    reader: &Reader<'_, R, u64, V>,
    (index, declared): (IndexId, Declared),
    rows: &BTreeMap<R, Row>,
    random: &mut Random,
) {
    let expected = entries(rows, declared.columns);
    let key_of_any = |random: &mut Random| declared.columns.key(&row(random));
    let keys: Vec<Key> = (0..20).map(|_| key_of_any(random)).collect();
    let rows_of = |key: &Key| -> Vec<R> {
        expected.iter().filter(|(other, _)| other == key).map(|(_, row_id)| *row_id).collect()
    };
    let mut many = vec![Vec::new(); keys.len()];
    let _ = reader.lookup_many(index, &keys, |position, row_id| visit_into(&mut many[position], row_id)).unwrap();
    for (key, found) in keys.iter().zip(many) {
        assert_eq!(found, rows_of(key), "{key:?} of {declared:?}, many at once");
        assert_eq!(reader.rows(index, key).unwrap(), rows_of(key), "{key:?} of {declared:?}");
    }
    let span = span(declared.definition.keys, key_of_any(random), key_of_any(random), random.below(6));
    if declared.definition.structure == Structure::Hash {
        assert_eq!(
            reader.range(index, &span, Direction::Ascending, |_, _| ControlFlow::Break(())),
            Err(ReadError::NotOrdered(index))
        );
        return;
    }
    let mut expected: Vec<(Key, R)> = expected.iter().filter(|(key, _)| span.contains(key.as_ref())).cloned().collect();
    let mut found = Vec::new();
    let _ = reader
        .range(index, &span, Direction::Ascending, |key, row_id| visit_into(&mut found, (Key::from(key), row_id)))
        .unwrap();
    assert_eq!(found, expected, "{span:?} of {declared:?}");
    expected.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
    found.clear();
    let _ = reader
        .range(index, &span, Direction::Descending, |key, row_id| visit_into(&mut found, (Key::from(key), row_id)))
        .unwrap();
    assert_eq!(found, expected, "{span:?} of {declared:?}, backwards");
}

fn span(form: KeyForm, one: Key, other: Key, kind: u64) -> KeySpan {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    let bounds = |low, high| match kind {
        0 => (Bound::Unbounded, Bound::Excluded(high)),
        1 => (Bound::Excluded(low), Bound::Unbounded),
        2 => (Bound::Included(low), Bound::Included(high)),
        _ => (Bound::Excluded(low), Bound::Excluded(high)),
    };
    match (form, low, high, kind) {
        (_, _, _, 5) => KeySpan::all(form),
        (KeyForm::Words, Key::Word(low), Key::Word(high), _) => {
            let span = KeySpan::words(bounds(low, high));
            if kind == 4 { span.with_nulls() } else { span }
        }
        (KeyForm::Bytes, Key::Bytes(low, _), Key::Bytes(high, _), kind) => match kind {
            4 => KeySpan::prefix(&low),
            0 => KeySpan::bytes((Bound::Unbounded, Bound::Excluded(&*high))),
            1 => KeySpan::bytes((Bound::Excluded(&*low), Bound::Unbounded)),
            2 => KeySpan::bytes((Bound::Included(&*low), Bound::Included(&*high))),
            _ => KeySpan::bytes((Bound::Excluded(&*low), Bound::Excluded(&*high))),
        },
        _ => KeySpan::Words { nulls: true, words: None },
    }
}

/// Compares a snapshot over all indexes that it can read.
fn check_snapshot<R: RowId>(host: &Host<R>, snapshot: &Snapshot<R, u64>, random: &mut Random) {
    let rows = host.rows_at(snapshot.timestamp());
    let reader = snapshot.reader(host);
    for index in host.index_ids() {
        check(&reader, index, &rows, random);
    }
}

/// Whether two rows have the same key of a unique index, NULL apart.
fn has_duplicate<R: RowId>(rows: &BTreeMap<R, Row>, declared: &[(IndexId, Declared)]) -> bool {
    declared.iter().filter(|(_, declared)| declared.definition.unique).any(|(_, declared)| {
        let entries = entries(rows, declared.columns);
        entries.windows(2).any(|pair| pair[0].0 == pair[1].0 && !pair[0].0.may_repeat())
    })
}

/// A random transaction with savepoints, checked against what it should see of itself: at the end, and at times before.
fn transact<R: RowId>(host: &Host<R>, row_ids: &[R], random: &mut Random) {
    let at = host.now();
    let snapshot = host.set.snapshot(at).unwrap();
    let mut transaction = host.set.begin();
    let mut changes = Changes::new();
    let mut savepoint = (transaction.savepoint(), changes.clone());
    for _ in 0..random.below(8) {
        match random.below(12) {
            0 => savepoint = (transaction.savepoint(), changes.clone()),
            1 => {
                transaction.rollback_to(savepoint.0);
                changes = savepoint.1.clone();
            }
            2..=4 => {
                let row_id = row_ids[random.below(row_ids.len() as u64) as usize];
                host.write(&mut transaction, &mut changes, at, (row_id, None));
            }
            5 => swap_numbers(host, (&mut transaction, &mut changes), at, random),
            _ => {
                let row_id = row_ids[random.below(row_ids.len() as u64) as usize];
                host.write(&mut transaction, &mut changes, at, (row_id, Some(row(random))));
            }
        }
        if random.chance(4) {
            check_own(host, (&transaction, &changes), &snapshot, random);
        }
    }
    let expected = check_own(host, (&transaction, &changes), &snapshot, random);
    if random.chance(6) {
        return;
    }
    let is_refused = has_duplicate(&expected, &host.index_ids());
    assert_eq!(host.commit(transaction, &changes).is_err(), is_refused, "{changes:?}");
}

/// Compares what a transaction sees with the rows of its snapshot and its own changes, and gives those.
fn check_own<R: RowId>(
    host: &Host<R>,
    (transaction, changes): (&IndexTransaction<R, u64>, &Changes<R>),
    snapshot: &Snapshot<R, u64>,
    random: &mut Random,
) -> BTreeMap<R, Row> {
    let mut expected = host.rows_at(snapshot.timestamp());
    for (row_id, row) in changes {
        match row {
            Some(row) => expected.insert(*row_id, row.clone()),
            None => expected.remove(row_id),
        };
    }
    let overlay = Overlay { host, changes };
    let reader = transaction.reader(snapshot, &overlay);
    for index in host.index_ids() {
        check(&reader, index, &expected, random);
    }
    expected
}

/// Gives two rows each other's numbers: no moment in between is looked at.
fn swap_numbers<R: RowId>(
    host: &Host<R>,
    (transaction, changes): (&mut IndexTransaction<R, u64>, &mut Changes<R>),
    at: u64,
    random: &mut Random,
) {
    let rows: Vec<(R, Row)> =
        host.rows_at(at).into_iter().filter(|(row_id, _)| !changes.contains_key(row_id)).collect();
    if rows.len() < 2 {
        return;
    }
    let first = random.below(rows.len() as u64 - 1) as usize;
    let ((one, one_row), (other, other_row)) = (&rows[first], &rows[first + 1]);
    host.write(transaction, changes, at, (*one, Some(Row { number: other_row.number, ..one_row.clone() })));
    host.write(transaction, changes, at, (*other, Some(Row { number: one_row.number, ..other_row.clone() })));
}

fn run<R: RowId>(row_ids: &[R], seed: u64, rounds: u64) {
    println!("seed {seed}");
    let mut random = Random(seed);
    let host = Host::new(&DECLARED);
    let mut snapshots = Vec::new();
    for _ in 0..rounds {
        transact(&host, row_ids, &mut random);
        match random.below(6) {
            0 => snapshots.push(host.set.snapshot(host.now()).unwrap()),
            1 if !snapshots.is_empty() => {
                let snapshot = snapshots.swap_remove(random.below(snapshots.len() as u64) as usize);
                check_snapshot(&host, &snapshot, &mut random);
            }
            2 => {
                host.set.vacuum(host.now(), &host);
                snapshots.iter().for_each(|snapshot| check_snapshot(&host, snapshot, &mut random));
            }
            _ => {}
        }
    }
    drop(snapshots);
    host.set.vacuum(host.now(), &host);
    only_live_entries_are_left(&host);
}

/// After a vacuum without snapshots every candidate is a row that has the key.
fn only_live_entries_are_left<R: RowId>(host: &Host<R>) {
    let snapshot = host.set.snapshot(host.now()).unwrap();
    let rows = host.rows_at(host.now());
    let reader = snapshot.reader(host);
    let numbers = (-20..20).map(Some).chain([None]);
    let texts = ["", "a", "ab", "b\0c", "zz"].map(|text| Some(text.to_owned())).into_iter().chain([None]);
    let all: Vec<Row> = numbers
        .flat_map(|number| texts.clone().map(move |name| Row { number, group: number.map(|n| n % 4), name }))
        .collect();
    for (index, declared) in host.index_ids() {
        for key in all.iter().map(|row| declared.columns.key(row)) {
            let mut candidates = Vec::new();
            let _ = reader.candidates(index, &key, |row_id| visit_into(&mut candidates, row_id)).unwrap();
            let live = |row_id: &R| rows.get(row_id).is_some_and(|row| declared.columns.key(row) == key);
            assert!(candidates.iter().all(live), "{key:?} of {declared:?} has {candidates:?}");
        }
    }
}

#[test]
fn snapshots_see_their_rows_through_every_index() {
    let row_ids: Vec<u64> = (0..30).chain([u64::MAX]).collect();
    (1..=3).for_each(|seed| run(&row_ids, seed * 0x9e37_79b9, 120));
}

#[test]
fn row_ids_may_be_two_words() {
    let row_ids: Vec<(i64, u64)> = (-9..9).map(|n| (n, u64::MAX)).chain([(-1, u64::MAX), (0, 0)]).collect();
    run(&row_ids, 77, 120);
}

#[test]
fn a_second_row_under_a_unique_key_is_refused_and_leaves_nothing() {
    let host = Host::<u64>::new(&DECLARED[..1]);
    let (index, _) = host.index_ids()[0];
    let numbered = |number| Some(Row { number, group: None, name: None });
    let change = |rows: &[(u64, Option<i64>)]| {
        let (mut transaction, mut changes) = (host.set.begin(), Changes::new());
        for (row_id, number) in rows {
            host.write(&mut transaction, &mut changes, host.now(), (*row_id, numbered(*number)));
        }
        host.commit(transaction, &changes)
    };
    change(&[(1, Some(1)), (2, Some(2)), (3, None), (4, None)]).unwrap();
    let violation = change(&[(5, Some(1))]).unwrap_err();
    assert_eq!((violation.index, violation.key), (index, Key::word(1_i64)));
    assert!(change(&[(5, Some(7)), (6, Some(7))]).is_err(), "within one transaction too");
    change(&[(1, Some(2)), (2, Some(1))]).unwrap();
    change(&[(1, Some(3)), (2, Some(2))]).unwrap();
    let snapshot = host.set.snapshot(host.now()).unwrap();
    let reader = snapshot.reader(&host);
    assert_eq!(reader.rows(index, &Key::word(1_i64)).unwrap(), []);
    assert_eq!(reader.rows(index, &Key::word(2_i64)).unwrap(), [2]);
    assert_eq!(reader.rows(index, &Key::Null).unwrap(), [3, 4]);
}

#[test]
fn an_index_is_built_of_rows_while_others_are_committed() {
    for (seed, declared) in DECLARED.iter().enumerate() {
        println!("{declared:?}");
        let mut random = Random(1000 + seed as u64);
        // Uniqueness is not what this is about: the first index refuses what the one that is built would.
        let host = Host::<u64>::new(&[DECLARED[0], DECLARED[4]]);
        let row_ids: Vec<u64> = (0..200).collect();
        (0..60).for_each(|_| transact(&host, &row_ids, &mut random));
        let old = host.set.snapshot(host.now()).unwrap();
        (0..20).for_each(|_| transact(&host, &row_ids, &mut random));

        let builder = host.set.create_index(declared.definition);
        host.indexes.write().unwrap().insert(builder.id(), *declared);
        let at = host.now();
        let readers_meanwhile = host.set.snapshot(at).unwrap();
        let unread = readers_meanwhile.reader(&host).rows(builder.id(), &Key::Null);
        assert_eq!(unread, Err(ReadError::NotFound(builder.id())));
        for (row_id, row) in host.rows_at(at) {
            builder.feed([(declared.columns.key(&row), row_id)]).unwrap();
            if random.chance(4) {
                commit_without_looking(&host, &row_ids, &mut random);
                host.set.vacuum(host.now(), &host);
            }
        }
        let index = builder.finish(at, &host).unwrap();
        let too_old = old.reader(&host).distinct_keys(index);
        assert_eq!(too_old, Err(ReadError::SnapshotTooOld(index)));
        drop(old);
        check_snapshot(&host, &readers_meanwhile, &mut random);
        (0..40).for_each(|_| transact(&host, &row_ids, &mut random));
        check_snapshot(&host, &readers_meanwhile, &mut random);
        check_snapshot(&host, &host.set.snapshot(host.now()).unwrap(), &mut random);
    }
}

#[test]
fn an_index_that_is_fed_all_versions_serves_older_snapshots() {
    let mut random = Random(31);
    let host = Host::<u64>::new(&DECLARED[..1]);
    let row_ids: Vec<u64> = (0..30).collect();
    (0..30).for_each(|_| transact(&host, &row_ids, &mut random));
    let old = host.set.snapshot(host.now()).unwrap();
    (0..30).for_each(|_| transact(&host, &row_ids, &mut random));
    let builder = host.set.create_index_then(DECLARED[1].definition, |index| {
        host.indexes.write().unwrap().insert(index, DECLARED[1]);
    });
    for (row_id, versions) in &*host.rows.read().unwrap() {
        let rows = versions.iter().filter_map(|(_, row)| row.as_ref());
        builder.feed(rows.map(|row| (DECLARED[1].columns.key(row), *row_id))).unwrap();
    }
    builder.finish(old.timestamp(), &host).unwrap();
    check_snapshot(&host, &old, &mut random);
    check_snapshot(&host, &host.set.snapshot(host.now()).unwrap(), &mut random);
}

fn commit_without_looking(host: &Host<u64>, row_ids: &[u64], random: &mut Random) {
    let (mut transaction, mut changes) = (host.set.begin(), Changes::new());
    let row_id = row_ids[random.below(row_ids.len() as u64) as usize];
    let new = (!random.chance(3)).then(|| row(random));
    host.write(&mut transaction, &mut changes, host.now(), (row_id, new));
    let _ = host.commit(transaction, &changes);
}

#[test]
fn a_transaction_learns_of_an_index_that_was_made_meanwhile() {
    let host = Host::<u64>::new(&[]);
    let mut transaction = host.set.begin();
    let mut changes = Changes::new();
    let first = host.set.create_index(DECLARED[0].definition);
    let created_id = first.id();
    host.indexes.write().unwrap().insert(created_id, DECLARED[0]);
    transaction.insert(created_id, Key::word(1_i64), 1);
    changes.insert(1, Some(Row { number: Some(1), group: None, name: None }));
    let Err(PrepareError::IndexesCreated { transaction, created }) = transaction.prepare(&host) else {
        panic!("the index is new to the transaction");
    };
    assert_eq!(created, [created_id]);
    assert_eq!(host.set.indexes(), [], "it is not built");
    host.commit(*transaction, &changes).unwrap();
    first.finish(0, &host).unwrap();
    check_snapshot(&host, &host.set.snapshot(1).unwrap(), &mut Random(5));
}

#[test]
fn a_transaction_that_began_before_an_index_was_registered_learns_of_it() {
    let host = Host::<u64>::new(&[]);
    let mut changes = Changes::new();
    let mut began = None;
    let builder = host.set.create_index_then(DECLARED[0].definition, |index| {
        // The host does not know the index yet, so it notes nothing in it: nor in any other, but has a row to commit.
        let mut transaction = host.set.begin();
        let row = Row { number: Some(1), group: None, name: None };
        host.write(&mut transaction, &mut changes, 0, (1, Some(row)));
        host.indexes.write().unwrap().insert(index, DECLARED[0]);
        began = Some(transaction);
    });
    host.commit(began.unwrap(), &changes).unwrap();
    builder.finish(0, &host).unwrap();
    check_snapshot(&host, &host.set.snapshot(1).unwrap(), &mut Random(5));
}

#[test]
fn a_unique_build_that_fails_leaves_nothing_behind() {
    let host = Host::<u64>::new(&[]);
    let builder = host.set.create_index(DECLARED[0].definition);
    let failed = builder.id();
    host.indexes.write().unwrap().insert(failed, DECLARED[0]);
    for row_id in [1, 2] {
        let mut transaction = host.set.begin();
        let row = Row { number: Some(1), group: None, name: None };
        transaction.insert(failed, Key::word(1_i64), row_id);
        host.commit(transaction, &Changes::from([(row_id, Some(row))])).unwrap();
    }
    let Err(BuildError::UniqueViolation(violation)) = builder.finish(0, &host) else {
        panic!("two rows have the number 1");
    };
    assert_eq!((violation.index, violation.key), (failed, Key::word(1_i64)));
    assert_eq!(host.set.indexes(), []);
    assert!(!host.set.drop_index(failed), "it is gone already");
    drop(host.set.create_index(DECLARED[2].definition));
    assert_eq!(host.set.indexes(), [], "a builder that is dropped is given up");
}

#[test]
fn an_index_that_is_dropped_while_it_is_built_is_not_finished() {
    let host = Host::<u64>::new(&[]);
    let set = IndexSet::<u64, u64>::new();
    for declared in DECLARED {
        let builder = set.create_index(declared.definition);
        let index = builder.id();
        assert!(set.drop_index(index));
        assert_eq!(builder.finish(0, &host), Err(BuildError::Dropped(index)));
        assert!(!set.drop_index(index));
    }
    assert_eq!((set.indexes().len(), set.memory_usage()), (0, 0));
}

#[test]
fn keys_of_another_form_are_refused() {
    let host = Host::<u64>::new(&DECLARED[..1]);
    let (index, _) = host.index_ids()[0];
    let mut transaction = host.set.begin();
    transaction.insert(index, Key::bytes(&b"a"[..]), 1);
    assert!(matches!(transaction.prepare(&host), Err(PrepareError::WrongForm(wrong)) if wrong == index));
    let snapshot = host.set.snapshot(0).unwrap();
    let reader = snapshot.reader(&host);
    assert_eq!(reader.rows(index, &Key::bytes(&b"a"[..])), Err(ReadError::WrongForm(index)));
    let mixed = [Key::word(1_i64), Key::bytes(&b"a"[..])];
    let found = reader.lookup_many(index, &mixed, |_, _| ControlFlow::Break(()));
    assert_eq!(found, Err(ReadError::WrongForm(index)));
    let span = KeySpan::prefix(b"a");
    assert_eq!(reader.estimate_range(index, &span), Err(ReadError::WrongForm(index)));
    let builder = host.set.create_index(DECLARED[4].definition);
    assert_eq!(builder.feed([(Key::Null, 1)]), Err(BuildError::WrongForm(builder.id())));
}

#[test]
fn a_reader_keeps_an_index_that_is_dropped() {
    let host = Host::<u64>::new(&DECLARED);
    let mut random = Random(3);
    (0..40).for_each(|_| transact(&host, &(0..20).collect::<Vec<u64>>(), &mut random));
    let snapshot = host.set.snapshot(host.now()).unwrap();
    let reader = snapshot.reader(&host);
    for (index, _) in host.index_ids() {
        assert!(host.set.drop_index(index));
    }
    host.set.vacuum(host.now(), &host);
    let rows = host.rows_at(host.now());
    for index in host.index_ids() {
        check(&reader, index, &rows, &mut random);
        assert_eq!(snapshot.reader(&host).distinct_keys(index.0), Err(ReadError::NotFound(index.0)));
    }
    drop(reader);
    host.set.vacuum(host.now(), &host);
    assert_eq!(host.set.memory_usage(), 0);
}

#[test]
fn a_snapshot_holds_vacuum_off_and_none_is_given_behind_it() {
    let host = Host::<u64>::new(&DECLARED[..1]);
    let put = |number| {
        let (mut transaction, mut changes) = (host.set.begin(), Changes::new());
        let row = Row { number: Some(number), group: None, name: None };
        host.write(&mut transaction, &mut changes, host.now(), (1, Some(row)));
        host.commit(transaction, &changes).unwrap()
    };
    put(1);
    let old = host.set.snapshot(1).unwrap();
    put(2);
    put(3);
    assert_eq!(host.set.vacuum(3, &host), 0, "the old snapshot reads 1, and 2 is not known to be unseen");
    check_snapshot(&host, &old, &mut Random(9));
    assert_eq!(host.set.watermark(3), 1, "where the old snapshot reads");
    drop(old);
    assert_eq!(host.set.watermark(3), 3);
    assert!(host.set.snapshot(2).is_err(), "whoever was told the watermark may rely on it");
    assert_eq!(host.set.vacuum(3, &host), 2);
    assert_eq!(host.set.watermark(1), 3, "what is gone stays gone");
    assert!(host.set.snapshot(2).is_err());
    assert!(host.set.snapshot(3).is_ok());
}

/// Whoever takes the next timestamp from the newest visible one takes each once, and none is seen before the one below.
#[test]
fn each_commit_of_several_writers_has_a_timestamp_of_its_own() {
    let host = Host::<u64>::new(&DECLARED[..1]);
    let commits = &|row_id: u64| {
        let commit = |number| {
            let (mut transaction, mut changes) = (host.set.begin(), Changes::new());
            let row = Row { number: Some(number), group: None, name: None };
            host.write(&mut transaction, &mut changes, host.now(), (row_id, Some(row)));
            host.commit(transaction, &changes).unwrap()
        };
        (0..200).map(|round| commit(row_id as i64 * 1000 + round)).collect::<Vec<u64>>()
    };
    let mut timestamps = std::thread::scope(|scope| {
        let writers = [1, 2, 3].map(|row_id| scope.spawn(move || commits(row_id)));
        writers.map(|writer| writer.join().unwrap()).concat()
    });
    timestamps.sort_unstable();
    assert_eq!(timestamps, (1..=600).collect::<Vec<u64>>());
    assert_eq!(host.now(), 600);
}
