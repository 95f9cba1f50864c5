//! What a transaction has changed: its operations in order, and what they come to.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::definition::{IndexId, RowId};
use super::key::{Key, KeySpan};

/// Whether a row has a key in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Present,
    Absent,
}

/// One change.
#[derive(Clone, Debug)]
pub(super) struct Operation<R> {
    pub(super) index: IndexId,
    pub(super) key: Key,
    pub(super) row: R,
    pub(super) outcome: Outcome,
}

/// What became of the rows of one key, in order of row.
pub(super) type Outcomes<R> = SmallVec<[(R, Outcome); 1]>;

/// The changes of a transaction.
#[derive(Clone, Debug)]
pub(super) struct WriteSet<R> {
    operations: Vec<Operation<R>>,
    net: BTreeMap<IndexId, BTreeMap<Key, Outcomes<R>>>,
}

impl<R: RowId> WriteSet<R> {
    pub(super) fn new() -> Self {
        Self { operations: Vec::new(), net: BTreeMap::new() }
    }

    pub(super) fn push(&mut self, operation: Operation<R>) {
        note(&mut self.net, &operation);
        self.operations.push(operation);
    }

    /// How many operations there are.
    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    /// Takes back all operations but the first `len`. O(len).
    pub(super) fn truncate(&mut self, len: usize) {
        if len < self.operations.len() {
            self.operations.truncate(len);
            self.net.clear();
            self.operations.iter().for_each(|operation| note(&mut self.net, operation));
        }
    }

    /// Whether nothing was changed in an index.
    pub(super) fn is_untouched(&self, index: IndexId) -> bool {
        !self.net.contains_key(&index)
    }

    /// What became of a row under a key, if it was changed there.
    pub(super) fn outcome(&self, index: IndexId, key: &Key, row: R) -> Option<Outcome> {
        let outcomes = self.net.get(&index)?.get(key)?;
        let position = outcomes.binary_search_by_key(&row, |(row, _)| *row).ok()?;
        Some(outcomes[position].1)
    }

    /// The rows that a key has gained.
    pub(super) fn gained(&self, index: IndexId, key: &Key) -> impl Iterator<Item = R> {
        self.net.get(&index).and_then(|keys| keys.get(key)).into_iter().flat_map(present)
    }

    /// The entries that an index has gained in a span, in order of key.
    pub(super) fn gained_in(&self, index: IndexId, span: &KeySpan) -> impl Iterator<Item = (&Key, R)> {
        let keys = self.net.get(&index).into_iter().flatten();
        keys.filter(|(key, _)| span.contains(key.as_ref()))
            .flat_map(|(key, outcomes)| present(outcomes).map(move |row| (key, row)))
    }

    /// The keys that were changed in each index, and what became of their rows.
    pub(super) fn net(&self) -> impl Iterator<Item = (IndexId, &Key, &Outcomes<R>)> {
        self.net.iter().flat_map(|(index, keys)| keys.iter().map(|(key, outcomes)| (*index, key, outcomes)))
    }
}

/// The rows that have the key in the end.
pub(super) fn present<R: RowId>(outcomes: &Outcomes<R>) -> impl Iterator<Item = R> {
    outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Present).map(|(row, _)| *row)
}

fn note<R: RowId>(net: &mut BTreeMap<IndexId, BTreeMap<Key, Outcomes<R>>>, operation: &Operation<R>) {
    let outcomes = net.entry(operation.index).or_default().entry(operation.key.clone()).or_default();
    match outcomes.binary_search_by_key(&operation.row, |(row, _)| *row) {
        Ok(position) => outcomes[position].1 = operation.outcome,
        Err(position) => outcomes.insert(position, (operation.row, operation.outcome)),
    }
}
