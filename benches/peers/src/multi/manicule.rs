//! Ours, with a hash directory and with an ordered one.

use manicule_index::{
    Arrangement, Batch, Editor, Hashed, IndexSnapshot, Lookup, MultiIndex, MultiReader, Ordered, list_memory,
};

use super::{MultiPeer, MultiSession};

/// `MultiIndex<u64, u64>` with a hash directory.
pub(crate) struct ByHash(MultiIndex<u64, u64, Hashed>);

/// `MultiIndex<u64, u64>` with an ordered directory.
pub(crate) struct InOrder(MultiIndex<u64, u64, Ordered>);

/// An index, the thread's handle to it, the snapshot that the thread holds, and what it has written since it last published.
pub(crate) struct Held<'a, D: Arrangement<u64>> {
    index: &'a MultiIndex<u64, u64, D>,
    reader: MultiReader<u64, u64, D>,
    snapshot: Option<IndexSnapshot<u64, u64, D>>,
    batch: Option<Batch>,
    range: fn(&IndexSnapshot<u64, u64, D>, u64, usize) -> u64,
}

impl MultiPeer for ByHash {
    const NAME: &'static str = "manicule";
    const PUBLISHES: bool = true;
    type Session<'a> = Held<'a, Hashed>;

    fn new() -> Self {
        Self(MultiIndex::new_hash())
    }

    fn outside_bytes() -> i64 {
        list_memory() as i64
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Held<'_, Hashed>) -> R) -> R {
        let range = |_: &IndexSnapshot<u64, u64, Hashed>, _, _| unreachable!("a hash directory has no order of keys");
        work(&mut Held::new(&self.0, range))
    }
}

impl MultiPeer for InOrder {
    const NAME: &'static str = "manicule ordered";
    const PUBLISHES: bool = true;
    const ORDERED: bool = true;
    type Session<'a> = Held<'a, Ordered>;

    fn new() -> Self {
        Self(MultiIndex::new_ordered())
    }

    fn outside_bytes() -> i64 {
        list_memory() as i64
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Held<'_, Ordered>) -> R) -> R {
        work(&mut Held::new(&self.0, sum_range))
    }
}

fn sum_range(snapshot: &IndexSnapshot<u64, u64, Ordered>, from: u64, keys: usize) -> u64 {
    let lists = snapshot.view().range::<u64>(from..).take(keys);
    lists.map(|(_, values)| values.iter().sum::<u64>()).fold(0, u64::wrapping_add)
}

impl<'a, D: Arrangement<u64>> Held<'a, D> {
    fn new(index: &'a MultiIndex<u64, u64, D>, range: fn(&IndexSnapshot<u64, u64, D>, u64, usize) -> u64) -> Self {
        Self { index, reader: index.reader(), snapshot: Some(index.snapshot()), batch: None, range }
    }

    /// Where to write: one batch from one publication to the next.
    fn editor(&mut self) -> Editor<'_, u64, u64, D> {
        self.batch.get_or_insert_with(|| self.index.registry().begin()).on(self.index)
    }
}

impl<D: Arrangement<u64> + Lookup<u64, u64>> MultiSession for Held<'_, D> {
    fn count(&self, key: u64) -> usize {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.view().count(&key))
    }

    fn count_fresh(&mut self, key: u64) -> usize {
        self.reader.view().count(&key)
    }

    fn sum(&self, key: u64) -> u64 {
        let list = self.snapshot.as_ref().and_then(|snapshot| snapshot.view().get(&key));
        list.map_or(0, |values| values.iter().sum())
    }

    fn sum_fresh(&mut self, key: u64) -> u64 {
        self.reader.view().get(&key).map_or(0, |values| values.iter().sum())
    }

    fn sum_range(&self, from: u64, keys: usize) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| (self.range)(snapshot, from, keys))
    }

    fn add(&mut self, key: u64, value: u64) {
        self.editor().insert(key, value);
    }

    fn remove(&mut self, key: u64, value: u64) {
        self.editor().remove(&key, &value);
    }

    fn replace(&mut self, key: u64, value: u64) {
        self.editor().replace(key, [value]);
    }

    fn publish(&mut self) {
        self.snapshot = None;
        self.reader.release();
        if let Some(batch) = self.batch.take() {
            batch.commit();
        }
    }

    fn release(&mut self) {
        self.snapshot = None;
        self.reader.release();
    }
}
