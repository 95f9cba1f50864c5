//! Long posting lists: linear hashing over dense segments.
//!
//! A hash table of values iterates badly, and a vector with a table of positions beside it costs twice the values. So
//! the table's buckets are made large: each is a block of some hundred values, a value's hash says which one
//! holds it, and the buckets split and merge one at a time (Litwin, "Linear hashing", VLDB 1980).
//!
//! ```text
//! segments   [ 12 7 40 … ] [ 3 91 … ] [ 8 5 … ]        dense, fast to iterate
//! repeats    { 7: 1, 91: 4 }                           a HashBag: further occurrences of a value, counted
//! ```
//!
//! Inserting a value costs its hash and a push, removing one its hash and a search of one segment, whatever the length of
//! the list. A value that occurs many times cannot be spread over segments: one that grows large has its values told apart,
//! the first occurrence of each stays, and the others are counted in a hash bag, which is exactly what it is good at. Lists of
//! row ids never have one.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash};
use std::sync::LazyLock;

use ahash::{AHasher, RandomState};
use hashbag::HashBag;

use super::block::{Block, values_max};
use super::iter::ListIter;

/// A segment of so many times the average, or twice as many, and so on, is looked through for repeated values.
const SEGMENT_LARGE: usize = 4;

/// The further occurrences of values.
pub(super) type Repeats<V> = HashBag<V, ListHasher>;

/// A hasher without a size: every list of the process shares one random key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ListHasher;

static LIST_HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl BuildHasher for ListHasher {
    type Hasher = AHasher;

    fn build_hasher(&self) -> AHasher {
        LIST_HASHER.build_hasher()
    }
}

/// A long list. Invariant: there is at least one segment, and a value with repeats is also in its segment.
pub(super) struct Segments<V> {
    segments: Vec<Block<V>>,
    /// Values in the segments.
    dense_len: usize,
    repeats: Option<Box<Repeats<V>>>,
}

impl<V: Clone + Hash> Clone for Segments<V> {
    fn clone(&self) -> Self {
        Self { segments: self.segments.clone(), dense_len: self.dense_len, repeats: self.repeats.clone() }
    }
}

impl<V> Segments<V> {
    /// Bytes of the segments and of the bag of repeats.
    pub(super) fn memory_usage(&self) -> usize {
        let segments: usize = self.segments.iter().map(Block::heap_bytes).sum();
        let repeats = self.repeats.as_ref().map_or(0, |repeats| repeats.set_len() * (size_of::<(V, usize)>() + 1));
        size_of::<Self>() + self.segments.capacity() * size_of::<Block<V>>() + segments + repeats
    }

    pub(super) fn len(&self) -> usize {
        self.dense_len + self.repeats.as_ref().map_or(0, |repeats| repeats.len())
    }

    /// The values, if they are in one segment.
    #[inline]
    pub(super) fn as_slice(&self) -> Option<&[V]> {
        match self.segments.as_slice() {
            [segment] if self.repeats.is_none() => Some(segment),
            _ => None,
        }
    }

    pub(super) fn iter(&self) -> ListIter<'_, V> {
        ListIter::segmented(&self.segments, self.repeats.as_deref(), self.len())
    }

    /// The segment of a hash: the newest halves of the doubling in progress exist only up to `segments.len()`.
    fn segment_of(&self, hash: u64) -> usize {
        let mask = self.segments.len().next_power_of_two() - 1;
        let segment = hash as usize & mask;
        if segment < self.segments.len() { segment } else { segment & (mask >> 1) }
    }

    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        let values: usize = self.segments.iter().map(|segment| segment.heap_bytes() + 16).sum();
        values + self.segments.capacity() * size_of::<Block<V>>() + 16 + size_of::<Self>()
    }
}

impl<V: Eq + Hash> Segments<V> {
    /// Takes over a short list.
    pub(super) fn new(values: Block<V>) -> Self {
        Self { dense_len: values.len(), segments: vec![values], repeats: None }
    }

    pub(super) fn contains(&self, value: &V) -> bool {
        self.segments[self.segment_of(ListHasher.hash_one(value))].position(value).is_some()
    }

    pub(super) fn count(&self, value: &V) -> usize {
        let segment = &self.segments[self.segment_of(ListHasher.hash_one(value))];
        let repeats = self.repeats.as_ref().map_or(0, |repeats| repeats.contains(value));
        repeats + segment.iter().filter(|other| *other == value).count()
    }
}

impl<V: Clone + Eq + Hash> Segments<V> {
    pub(super) fn push(&mut self, value: V) {
        let hash = ListHasher.hash_one(&value);
        if self.dense_len >= self.segments.len() * values_max::<V>() {
            self.split();
        }
        let segment = self.segment_of(hash);
        let len = self.segments[segment].len();
        if len >= SEGMENT_LARGE * values_max::<V>() && len.is_power_of_two() {
            self.count_repeats(segment);
        }
        let values = &mut self.segments[segment];
        if values.is_full() {
            values.reserve(8.max(values.len() / 8));
        }
        values.push(value);
        self.dense_len += 1;
    }

    /// Moves all but the first occurrence of each value of a segment to the bag. A panic of the values' code leaves each of
    /// them where it was, or moved.
    fn count_repeats(&mut self, segment: usize) {
        let values = &mut self.segments[segment];
        let mut seen = HashSet::with_capacity_and_hasher(values.len(), ListHasher);
        let repeated: Vec<bool> = values.iter().map(|value| !seen.insert(value)).collect();
        for at in (0..repeated.len()).rev().filter(|at| repeated[*at]) {
            let repeats = self.repeats.get_or_insert_with(|| Box::new(HashBag::with_hasher(ListHasher)));
            // `HashBag::insert` counts before it calls code of the value, which may panic.
            repeats.entry(values[at].clone()).and_modify(|count| *count += 1).or_insert();
            values.swap_remove(at);
            self.dense_len -= 1;
        }
    }

    /// Takes one occurrence away: a repeated one while there are any.
    pub(super) fn remove(&mut self, value: &V) -> Option<V> {
        let segment = self.segment_of(ListHasher.hash_one(value));
        let at = self.segments[segment].position(value)?;
        if let Some(repeats) = &mut self.repeats {
            let removed = take_repeat(repeats, value);
            if repeats.is_empty() {
                self.repeats = None;
            }
            if removed.is_some() {
                return removed;
            }
        }
        let removed = self.segments[segment].swap_remove(at);
        self.dense_len -= 1;
        if self.dense_len < (self.segments.len() - 1) * (values_max::<V>() / 2) {
            self.merge();
        }
        Some(removed)
    }

    /// Moves everything into one block. The list is not used afterwards.
    pub(super) fn drain(&mut self) -> Block<V> {
        let mut values: Block<V> = self.repeats.iter().flat_map(|repeats| repeats.iter()).cloned().collect();
        values.reserve(self.dense_len);
        for segment in &mut self.segments {
            values.append(segment);
        }
        values
    }

    /// Adds a segment and moves to it the values of its parent that now belong there.
    fn split(&mut self) {
        let new = self.segments.len();
        let high_bit = 1 << new.ilog2();
        let parent = new ^ high_bit;
        let moves: Vec<bool> =
            self.segments[parent].iter().map(|value| ListHasher.hash_one(value) as usize & high_bit != 0).collect();
        let moved_len = moves.iter().filter(|moves| **moves).count();
        let mut moved = Block::with_capacity(moved_len + moved_len / 8);
        let kept_len = moves.len() - moved_len;
        let mut kept = Block::with_capacity(kept_len + kept_len / 8);
        for (value, moves) in std::mem::take(&mut self.segments[parent]).into_vec().into_iter().zip(moves) {
            if moves { moved.push(value) } else { kept.push(value) }
        }
        self.segments[parent] = kept;
        self.segments.push(moved);
    }

    /// Undoes the last split.
    fn merge(&mut self) {
        let Some(mut last) = self.segments.pop() else { return };
        let parent = self.segments.len() ^ (1 << self.segments.len().ilog2());
        self.segments[parent].append(&mut last);
    }
}

/// Takes one of the further occurrences of a value away. `HashBag::remove` counts before it searches for the last one again, which
/// a panic or a lie of the value's code may keep it from finding.
fn take_repeat<V: Clone + Eq + Hash>(repeats: &mut Repeats<V>, value: &V) -> Option<V> {
    let (removed, count) = repeats.get(value)?;
    if count == 1 {
        return repeats.take_all(value).map(|(value, _)| value);
    }
    let removed = removed.clone();
    let mut is_taken = false;
    _ = repeats.entry(value.clone()).and_modify(|count| {
        is_taken = *count > 1;
        *count -= usize::from(is_taken);
    });
    is_taken.then_some(removed)
}
