//! What a transaction has changed: its operations in order, and what they come to.

use std::collections::BTreeMap;
use std::mem;
use std::sync::OnceLock;

use smallvec::SmallVec;

use super::definition::{IndexId, RowId};
use super::key::{Key, KeySpan};

/// So many operations are put in order without anything aside.
const FEW_MAX: usize = 20;

/// Whether a row has a key in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Present,
    Absent,
}

/// One change.
#[derive(Debug)]
pub(super) struct Operation<R> {
    pub(super) index: IndexId,
    pub(super) key: Key,
    pub(super) row: R,
    pub(super) outcome: Outcome,
}

impl<R: RowId> Operation<R> {
    /// The entry that it makes or takes away; operations of one entry follow one another in this order.
    fn entry(&self) -> (IndexId, &Key, R) {
        (self.index, &self.key, self.row)
    }
}

/// What became of the rows of one key, in order of row.
type Outcomes<R> = SmallVec<[(R, Outcome); 1]>;

/// What the operations so far come to, for a reader of them while they go on.
type Own<R> = BTreeMap<IndexId, BTreeMap<Key, Outcomes<R>>>;

/// The changes of a transaction.
#[derive(Debug)]
pub(super) struct WriteSet<R> {
    operations: Vec<Operation<R>>,
    /// Made when the transaction first reads, kept up from then on: most write more than they read.
    own: OnceLock<Own<R>>,
}

impl<R: RowId> WriteSet<R> {
    pub(super) fn new() -> Self {
        Self { operations: Vec::new(), own: OnceLock::new() }
    }

    pub(super) fn push(&mut self, operation: Operation<R>) {
        if let Some(own) = self.own.get_mut() {
            note(own, &operation);
        }
        self.operations.push(operation);
    }

    /// Makes room for so many operations more.
    pub(super) fn reserve(&mut self, additional: usize) {
        self.operations.reserve(additional);
    }

    /// How many operations there are.
    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    /// Takes back all operations but the first `len`. O(1), and O(len) for the next reader.
    pub(super) fn truncate(&mut self, len: usize) {
        if len < self.operations.len() {
            self.operations.truncate(len);
            self.own.take();
        }
    }

    fn own(&self) -> &Own<R> {
        self.own.get_or_init(|| {
            let mut own = Own::new();
            self.operations.iter().for_each(|operation| note(&mut own, operation));
            own
        })
    }

    /// Whether nothing was changed in an index.
    pub(super) fn is_untouched(&self, index: IndexId) -> bool {
        self.operations.is_empty() || !self.own().contains_key(&index)
    }

    /// Whether a row was changed under a key.
    pub(super) fn has_changed(&self, index: IndexId, key: &Key, row: R) -> bool {
        let outcomes = self.own().get(&index).and_then(|keys| keys.get(key));
        outcomes.is_some_and(|outcomes| outcomes.binary_search_by_key(&row, |(row, _)| *row).is_ok())
    }

    /// The rows that a key has gained.
    pub(super) fn gained(&self, index: IndexId, key: &Key) -> impl Iterator<Item = R> {
        self.own().get(&index).and_then(|keys| keys.get(key)).into_iter().flat_map(present)
    }

    /// The entries that an index has gained in a span, in order of key.
    pub(super) fn gained_in(&self, index: IndexId, span: &KeySpan) -> impl Iterator<Item = (&Key, R)> {
        let keys = self.own().get(&index).into_iter().flatten();
        keys.filter(|(key, _)| span.contains(key.as_ref()))
            .flat_map(|(key, outcomes)| present(outcomes).map(move |row| (key, row)))
    }

    /// What all operations come to. O(n log n).
    pub(super) fn into_net(self) -> NetWrites<R> {
        NetWrites::new(self.operations)
    }
}

/// The rows that have the key in the end.
fn present<R: RowId>(outcomes: &Outcomes<R>) -> impl Iterator<Item = R> {
    outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Present).map(|(row, _)| *row)
}

fn note<R: RowId>(own: &mut Own<R>, operation: &Operation<R>) {
    let outcomes = own.entry(operation.index).or_default().entry(operation.key.clone()).or_default();
    match outcomes.binary_search_by_key(&operation.row, |(row, _)| *row) {
        Ok(position) => outcomes[position].1 = operation.outcome,
        Err(position) => outcomes.insert(position, (operation.row, operation.outcome)),
    }
}

/// What a transaction comes to: for each entry that it has changed the last operation, in order of index, key and row.
#[derive(Debug)]
pub(super) struct NetWrites<R> {
    operations: Vec<Operation<R>>,
}

impl<R: RowId> NetWrites<R> {
    fn new(mut operations: Vec<Operation<R>>) -> Self {
        sort(&mut operations);
        operations.dedup_by(|later, earlier| {
            let is_same = later.entry() == earlier.entry();
            if is_same {
                mem::swap(later, earlier);
            }
            is_same
        });
        Self { operations }
    }

    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    /// The operations of each key of each index, in order; none is empty.
    pub(super) fn by_key(&self) -> impl Iterator<Item = &[Operation<R>]> {
        self.operations.chunk_by(|left, right| left.index == right.index && left.key == right.key)
    }
}

/// Puts operations in order of index, key and row; those of one entry stay in the order that they came in.
fn sort<R: RowId>(operations: &mut [Operation<R>]) {
    let by_entry = |left: &Operation<R>, right: &Operation<R>| left.entry().cmp(&right.entry());
    if operations.len() <= FEW_MAX {
        operations.sort_by(by_entry);
        return;
    }
    // By what decides most of them first: operations are large, and keys are dear to compare.
    let head = |operation: &Operation<R>| (operation.index, operation.key.head());
    operations.sort_by_cached_key(head);
    operations.chunk_by_mut(|left, right| head(left) == head(right)).for_each(|run| run.sort_by(by_entry));
}

impl<R> IntoIterator for NetWrites<R> {
    type Item = Operation<R>;
    type IntoIter = std::vec::IntoIter<Operation<R>>;

    fn into_iter(self) -> Self::IntoIter {
        self.operations.into_iter()
    }
}
