//! Several indexes of one registry, against a model: commits touch some of them, readers of every kind come and go at any time,
//! and each sees every index as it was at its version.

use std::collections::BTreeMap;

use manicule_index::{
    Batch, BorrowedSnapshot, IndexSnapshot, MultiIndex, MultiView, Ordered, PostingList, Registry, Snapshot,
};
use proptest::prelude::*;

type Index = MultiIndex<u64, u64, Ordered>;
type View<'v> = MultiView<'v, u64, u64, Ordered>;
/// The entries of one index.
type Entries = BTreeMap<u64, Vec<u64>>;

/// An index and what it should have.
struct Indexed {
    index: Index,
    entries: Entries,
    /// With what is pending.
    written: Entries,
}

#[derive(Clone, Debug)]
enum Step {
    /// Commits so many values of one key to each index whose bit is set.
    Commit {
        indexes: u8,
        key: u64,
        values: u64,
    },
    /// Writes one value of one key to such indexes, for whoever commits next.
    Pend {
        indexes: u8,
        key: u64,
    },
    /// Commits the removal of a key from such indexes.
    Remove {
        indexes: u8,
        key: u64,
    },
    /// Writes to such indexes, and takes it back.
    Rollback {
        indexes: u8,
        key: u64,
    },
    /// Commits nothing but a note.
    Note(u64),
    Create,
    Drop {
        at: usize,
    },
    Hold {
        kind: u8,
    },
    LetGo {
        at: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        7 => (any::<u8>(), 0..20u64).prop_map(|(indexes, key)| Step::Commit { indexes, key, values: 1 }),
        1 => (any::<u8>(), 0..20u64, 1..200u64).prop_map(|(indexes, key, values)| Step::Commit { indexes, key, values }),
        2 => (any::<u8>(), 0..20u64).prop_map(|(indexes, key)| Step::Pend { indexes, key }),
        2 => (any::<u8>(), 0..20u64).prop_map(|(indexes, key)| Step::Remove { indexes, key }),
        1 => (any::<u8>(), 0..20u64).prop_map(|(indexes, key)| Step::Rollback { indexes, key }),
        1 => any::<u64>().prop_map(Step::Note),
        1 => Just(Step::Create),
        1 => any::<usize>().prop_map(|at| Step::Drop { at }),
        6 => (0..3u8).prop_map(|kind| Step::Hold { kind }),
        5 => any::<usize>().prop_map(|at| Step::LetGo { at }),
    ]
}

/// A reader of some kind.
enum Reader<'r> {
    Kept(Snapshot),
    Borrowed(BorrowedSnapshot<'r>),
    One(IndexSnapshot<u64, u64, Ordered>),
}

/// What a reader has to see: its note, the indexes that there were, and none that was removed before.
struct Held<'r> {
    reader: Reader<'r>,
    note: Option<u64>,
    indexes: Vec<(Index, Entries)>,
    gone: Vec<Index>,
}

fn entries(view: View<'_>) -> Entries {
    let sorted = |list: &PostingList<u64>| {
        let mut values: Vec<u64> = list.iter().copied().collect();
        values.sort_unstable();
        values
    };
    view.iter().map(|(key, list)| (*key, sorted(list))).collect()
}

impl Held<'_> {
    fn check(&self) {
        match &self.reader {
            Reader::Kept(snapshot) => self.check_all(|index| snapshot.try_on(index), snapshot.meta()),
            Reader::Borrowed(snapshot) => self.check_all(|index| snapshot.try_on(index), snapshot.meta()),
            Reader::One(snapshot) => {
                let expected = self.indexes.first().map(|(_, expected)| expected);
                assert_eq!(Some(&entries(snapshot.view())), expected);
            }
        }
    }

    fn check_all<'v>(&self, on: impl Fn(&Index) -> Option<View<'v>>, note: Option<&u64>) {
        assert_eq!(note, self.note.as_ref());
        for (index, expected) in &self.indexes {
            assert_eq!(on(index).map(entries).as_ref(), Some(expected));
        }
        assert!(self.gone.iter().all(|index| on(index).is_none()), "it was gone before");
    }
}

/// The registry, what it should show now, and which indexes it has had.
struct World<'r> {
    registry: &'r Registry,
    indexes: Vec<Indexed>,
    note: Option<u64>,
    gone: Vec<Index>,
}

impl<'r> World<'r> {
    /// Writes to each index whose bit is set.
    fn write(&mut self, mask: u8, mut write: impl FnMut(&mut Batch, &mut Indexed)) -> Batch {
        let mut batch = self.registry.begin();
        let indexes = self.indexes.iter_mut().enumerate().filter(|(at, _)| mask >> (at % 8) & 1 == 1);
        indexes.for_each(|(_, indexed)| write(&mut batch, indexed));
        batch
    }

    /// Commits this, and what was pending before.
    fn commit(&mut self, batch: Batch) {
        batch.commit();
        self.indexes.iter_mut().for_each(|indexed| indexed.entries.clone_from(&indexed.written));
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Commit { indexes, key, values } => {
                let batch = self.write(indexes, |batch, indexed| {
                    let list = indexed.written.entry(key).or_default();
                    for value in 0..values {
                        batch.on(&indexed.index).insert(key, value);
                        list.push(value);
                    }
                    list.sort_unstable();
                });
                self.commit(batch);
            }
            Step::Pend { indexes, key } => {
                for (_, indexed) in self.indexes.iter_mut().enumerate().filter(|(at, _)| indexes >> (at % 8) & 1 == 1) {
                    indexed.index.insert(key, 7);
                    let list = indexed.written.entry(key).or_default();
                    list.push(7);
                    list.sort_unstable();
                }
            }
            Step::Remove { indexes, key } => {
                let batch = self.write(indexes, |batch, indexed| {
                    let removed = batch.on(&indexed.index).remove_key(&key);
                    assert_eq!(removed, indexed.written.remove(&key).map_or(0, |values| values.len()));
                });
                self.commit(batch);
            }
            Step::Rollback { indexes, key } => {
                let write = |batch: &mut Batch, indexed: &mut Indexed| {
                    batch.on(&indexed.index).replace(key, [1, 2, 3]);
                };
                self.write(indexes, write).rollback();
            }
            Step::Note(number) => {
                let mut batch = self.registry.begin();
                batch.set_meta(number);
                self.commit(batch);
                self.note = Some(number);
            }
            Step::Create if self.indexes.len() < 8 => {
                let index = self.registry.create_ordered();
                self.indexes.push(Indexed { index, entries: Entries::new(), written: Entries::new() });
            }
            Step::Drop { at } if !self.indexes.is_empty() => {
                let Indexed { index, .. } = self.indexes.remove(at % self.indexes.len());
                assert!(self.registry.remove(&index));
                self.gone.push(index);
            }
            _ => {}
        }
    }

    fn hold(&self, kind: u8) -> Held<'r> {
        let reader = match (kind, self.indexes.first()) {
            (0, _) | (2, None) => Reader::Kept(self.registry.snapshot()),
            (2, Some(first)) => Reader::One(first.index.snapshot()),
            _ => Reader::Borrowed(self.registry.load()),
        };
        let indexes = self.indexes.iter().map(|indexed| (indexed.index.clone(), indexed.entries.clone())).collect();
        Held { reader, note: self.note, indexes, gone: self.gone.clone() }
    }
}

fn run(steps: Vec<Step>) {
    let registry = Registry::new();
    let mut world = World { registry: &registry, indexes: Vec::new(), note: None, gone: Vec::new() };
    let mut held: Vec<Held<'_>> = Vec::new();
    for step in [vec![Step::Create; 3], steps].concat() {
        match step {
            Step::Hold { kind } => held.push(world.hold(kind)),
            Step::LetGo { at } if !held.is_empty() => held.swap_remove(at % held.len()).check(),
            _ => world.apply(&step),
        }
        world.hold(1).check();
    }
    held.iter().for_each(Held::check);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_reader_sees_every_index_at_its_version(steps in prop::collection::vec(step(), 0..120)) {
        run(steps);
    }
}
