//! Indexes of candidates that get entries many at a time, against a model.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use manicule_index::set::{
    CandidateIndex, Entries, EntryReader, EntryWriter, IndexDefinition, Key, KeyForm, KeySpan, Structure,
};
use manicule_index::{Direction, Registry, pin};

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

type Model = BTreeSet<(Key, u64)>;

fn key(form: KeyForm, number: u64) -> Key {
    match (form, number) {
        (KeyForm::Words, 0) => Key::Null,
        (KeyForm::Words, _) => Key::Word(number),
        (KeyForm::Bytes, 0) => Key::repeating(&b"none"[..]),
        (KeyForm::Bytes, _) => {
            let rest = if number.is_multiple_of(3) { ", and a good deal more" } else { "" };
            Key::bytes(format!("key {number:08}{rest}").as_bytes())
        }
    }
}

/// What the index has, in order, by a range or by looking up each key of the model.
fn contents(index: &CandidateIndex<u64>, model: &Model, reader: EntryReader<'_>) -> Vec<(Key, u64)> {
    let mut found = Vec::new();
    let IndexDefinition { structure, keys: form, .. } = index.definition();
    if structure == Structure::Hash {
        let keys: BTreeSet<&Key> = model.iter().map(|(key, _)| key).collect();
        for key in keys {
            let _ = index.candidates(key, reader, |row| -> ControlFlow<()> {
                found.push((key.clone(), row));
                ControlFlow::Continue(())
            });
        }
    } else {
        let _ = index.range(&KeySpan::all(form), Direction::Ascending, reader, |key, row| -> ControlFlow<()> {
            found.push((Key::from(key), row));
            ControlFlow::Continue(())
        });
    }
    found.sort();
    found
}

fn check(definition: IndexDefinition, random: &mut Random) {
    let registry = Registry::new();
    let index: CandidateIndex<u64> = CandidateIndex::new(definition, &registry);
    let mut model = Model::new();
    let (mut next_row, mut next_key) = (0, 1);
    for round in 0..14 {
        let mut entries = Entries::new();
        let len = [1, 9, 300, 1800][random.below(4) as usize];
        // Behind all that is there, among it, or some of both; each key once, or some several times.
        let (among, repeats) = (random.below(3), random.below(2) == 0);
        for _ in 0..len {
            let number = match (among, random.below(2)) {
                (1, _) | (2, 0) => random.below(next_key + 4),
                _ if repeats && random.below(5) == 0 => next_key,
                _ => {
                    next_key += 1 + random.below(3);
                    next_key
                }
            };
            // The words of this row id are those that stand for several candidates.
            let row = if round == 9 && entries.is_empty() { u64::MAX } else { next_row };
            next_row += 1;
            let key = key(definition.keys, number);
            model.insert((key.clone(), row));
            entries.push(key, row);
        }
        entries.sort();
        let guard = pin();
        let mut batch = registry.begin();
        index.extend_new(entries, &mut EntryWriter { guard: &guard, batch: &mut batch });
        batch.commit();
        let published = registry.lazy_snapshot();
        let reader = EntryReader { guard: &guard, published: &published };
        let expected: Vec<_> = model.iter().cloned().collect();
        assert!(contents(&index, &model, reader) == expected, "{definition:?} after {round} rounds");
    }
}

#[test]
fn entries_that_come_many_at_a_time_are_those_that_were_given() {
    let mut random = Random(1);
    for unique in [true, false] {
        for keys in [KeyForm::Words, KeyForm::Bytes] {
            for structure in [Structure::Hash, Structure::Tree, Structure::HashAndTree] {
                (0..4).for_each(|_| check(IndexDefinition { unique, keys, structure }, &mut random));
            }
        }
    }
}

#[test]
fn memory_comes_back_when_entries_go_that_came_many_at_a_time() {
    let registry = Registry::new();
    let definition = IndexDefinition { unique: true, keys: KeyForm::Words, structure: Structure::Hash };
    let index: CandidateIndex<u64> = CandidateIndex::new(definition, &registry);
    let empty = index.memory_usage();
    let guard = pin();
    let mut batch = registry.begin();
    let mut writer = EntryWriter { guard: &guard, batch: &mut batch };
    let entries: Entries<u64> = (0..40_000).map(|number| (Key::Word(number), number)).collect();
    index.extend_new(entries, &mut writer);
    let full = index.memory_usage();
    (0..39_900).for_each(|number| index.remove(&Key::Word(number), number, &mut writer));
    let left = index.memory_usage();
    assert!(left - empty < (full - empty) / 20, "{left} bytes of {full} are left, {empty} to begin with");
}
