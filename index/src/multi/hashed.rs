//! The hash directory: open addressing with one tag byte a slot.
//!
//! ```text
//! tags      [ 1a 00 80 3f … ]   eight tags to a word: 00 = empty, 01 = removed, 80..ff = seven bits of the hash
//! groups    [ (k,t) – – (k,t) … ]
//! ```
//!
//! A search starts at the group of eight slots that the hash names and compares its eight tags at once; it goes on to
//! the next group only while there is no empty slot in this one. So a removed slot becomes empty again at once if its
//! group has an empty slot anyway (no search ever went past it), and only otherwise stays marked until the next rehash.
//!
//! The number of groups is any number, not a power of two, and grows by half: between 58 and 88 of 100 slots are full,
//! which is what keeps a single-valued key under 120 bytes in two copies.

use std::borrow::Borrow;
use std::hash::Hash;
use std::slice;

use ahash::RandomState;

use super::directory::{Directory, Hint, Seek, Stored};
use crate::hash::tags::{Slots, matching_word};
use crate::memory::{prefer_huge_pages, prefetch_to_write};

const GROUP_SLOTS: usize = 8;
const EMPTY: u8 = 0;
const REMOVED: u8 = 1;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// A map from keys to `T` in one flat table.
#[derive(Debug)]
pub struct HashDirectory<K, T> {
    /// One word of tags for each group.
    tags: Vec<u64>,
    groups: Vec<Group<K, T>>,
    hasher: RandomState,
    counts: Counts,
}

/// What every insertion and removal changes, on a line of its own: the rest of the directory, which every search reads, stays
/// with the readers' cores until the table grows.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Counts {
    /// Entries.
    len: usize,
    /// Slots that may still become full before the table grows.
    vacant_len: usize,
}

/// The slots of a group. Aligned, so that an entry of 32 bytes, a word and a list, never lies on two cache lines.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Group<K, T>([Option<(K, T)>; GROUP_SLOTS]);

/// A slot with an entry, or the hash of a key that is absent.
#[derive(Debug)]
pub struct Spot {
    hash: u64,
    slot: usize,
}

#[inline]
fn tag_of(hash: u64) -> u8 {
    0x80 | hash as u8
}

#[inline]
fn has_empty(word: u64) -> bool {
    matching_word(word, EMPTY) != 0
}

fn tag_at(word: u64, at: usize) -> u8 {
    (word >> (at * 8)) as u8
}

impl<K, T> HashDirectory<K, T> {
    fn with_groups(group_count: usize, hasher: RandomState) -> Self {
        let mut groups = groups_for(group_count);
        groups.resize_with(group_count, || Group([const { None }; GROUP_SLOTS]));
        let counts = Counts { len: 0, vacant_len: full_len(group_count) };
        Self { tags: vec![0; group_count], groups, hasher, counts }
    }

    fn slot(&self, slot: usize) -> Option<&(K, T)> {
        self.groups[slot / GROUP_SLOTS].0[slot % GROUP_SLOTS].as_ref()
    }

    fn slot_mut(&mut self, slot: usize) -> &mut Option<(K, T)> {
        &mut self.groups[slot / GROUP_SLOTS].0[slot % GROUP_SLOTS]
    }

    fn slots_len(&self) -> usize {
        self.groups.len() * GROUP_SLOTS
    }

    /// Where the search for a hash starts: its high bits scaled to the number of groups.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.tags.len() as u128) >> 64) as usize
    }

    fn next(&self, group: usize) -> usize {
        if group + 1 == self.tags.len() { 0 } else { group + 1 }
    }

    fn set_tag(&mut self, slot: usize, tag: u8) {
        let shift = slot % GROUP_SLOTS * 8;
        let word = &mut self.tags[slot / GROUP_SLOTS];
        *word = *word & !(0xff << shift) | u64::from(tag) << shift;
    }

    fn iter_entries(&self) -> Iter<'_, K, T> {
        Iter { groups: self.groups.iter(), slots: [].iter(), len: self.counts.len }
    }

    /// Puts an entry in the first free slot of its search path. There is one: the table is never full.
    fn place(&mut self, hash: u64, entry: (K, T)) {
        let mut group = self.home(hash);
        while self.tags[group] & HIGH_BITS == HIGH_BITS {
            group = self.next(group);
        }
        let free = !self.tags[group] & HIGH_BITS;
        let slot = group * GROUP_SLOTS + free.trailing_zeros() as usize / 8;
        if tag_at(self.tags[group], slot % GROUP_SLOTS) == EMPTY {
            self.counts.vacant_len -= 1;
        }
        self.set_tag(slot, tag_of(hash));
        *self.slot_mut(slot) = Some(entry);
        self.counts.len += 1;
    }
}

/// Room for so many groups; a large table asks for huge pages.
fn groups_for<K, T>(group_count: usize) -> Vec<Group<K, T>> {
    let mut groups = Vec::with_capacity(group_count);
    prefer_huge_pages(groups.spare_capacity_mut());
    groups
}

/// How many slots of so many groups may be full: seven eighths, so that every search meets an empty one.
fn full_len(group_count: usize) -> usize {
    group_count * 7
}

impl<K: Hash, T> HashDirectory<K, T> {
    /// Moves every entry to a new table, which is half as large again unless much of this one was removed slots. Hashes
    /// all keys before it moves any.
    fn grow(&mut self) {
        let group_count = self.tags.len();
        let grown = if self.counts.len * 4 > group_count * GROUP_SLOTS * 3 {
            group_count + group_count.div_ceil(2)
        } else {
            group_count
        };
        let hashes: Vec<u64> = self.iter_entries().map(|(key, _)| self.hasher.hash_one(key)).collect();
        let table = Self::with_groups(grown.max(1), self.hasher.clone());
        let entries = std::mem::replace(self, table).groups.into_iter().flat_map(|group| group.0).flatten();
        for (hash, entry) in hashes.into_iter().zip(entries) {
            self.place(hash, entry);
        }
    }
}

impl<K: Hash + Eq, T> HashDirectory<K, T> {
    #[inline]
    fn find<Q: Hash + Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        let mut group = self.home(hash);
        loop {
            let word = *self.tags.get(group)?;
            for at in Slots(matching_word(word, tag_of(hash))) {
                let slot = group * GROUP_SLOTS + at as usize;
                match self.slot(slot) {
                    Some((candidate, _)) if candidate.borrow() == key => return Some(slot),
                    _ => {}
                }
            }
            if has_empty(word) {
                return None;
            }
            group = self.next(group);
        }
    }

    /// The entry of a key. O(1).
    #[inline]
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<(&K, &T)>
    where
        K: Borrow<Q>,
    {
        let slot = self.find(self.hasher.hash_one(key), key)?;
        self.slot(slot).map(|(key, value)| (key, value))
    }

    pub(super) fn seek<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Seek<Spot>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        match self.find(hash, key) {
            Some(slot) => Seek::Found(Spot { hash, slot }),
            None => Seek::Vacant(Spot { hash, slot: usize::MAX }),
        }
    }
}

impl<K: Clone, T: Clone> Clone for HashDirectory<K, T> {
    fn clone(&self) -> Self {
        let mut groups = groups_for(self.groups.len());
        groups.extend_from_slice(&self.groups);
        let (tags, hasher) = (self.tags.clone(), self.hasher.clone());
        Self { tags, groups, hasher, counts: self.counts }
    }
}

impl<K, T> Default for HashDirectory<K, T> {
    fn default() -> Self {
        Self::with_groups(0, RandomState::new())
    }
}

impl<K: Stored + Hash + Eq, T: Stored> Directory<K, T> for HashDirectory<K, T> {
    type Spot = Spot;
    type Iter<'a> = Iter<'a, K, T>;

    fn with_capacity(key_count: usize) -> Self {
        Self::with_groups(key_count.div_ceil(full_len(1)), RandomState::new())
    }

    fn duplicate(&self) -> Self {
        if !self.is_wasteful() {
            return self.clone();
        }
        let mut packed = Self::with_groups(self.counts.len.div_ceil(full_len(1)), RandomState::new());
        for (key, value) in self.iter() {
            packed.place(packed.hasher.hash_one(key), (key.clone(), value.clone()));
        }
        packed
    }

    fn empty_like(&self) -> Self {
        Self::with_groups(0, self.hasher.clone())
    }

    fn len(&self) -> usize {
        self.counts.len
    }

    fn memory_usage(&self) -> usize {
        self.tags.capacity() * size_of::<u64>() + self.groups.capacity() * size_of::<Group<K, T>>()
    }

    fn is_wasteful(&self) -> bool {
        self.slots_len() > 1024 && self.counts.len * 5 < self.slots_len()
    }

    #[inline]
    fn entry(&self, spot: &Spot) -> (&K, &T) {
        let (key, value) = self.slot(spot.slot).expect("a key was found in this slot");
        (key, value)
    }

    #[inline]
    fn hint_of(spot: &Spot) -> Hint {
        Hint(spot.slot as u64)
    }

    /// The search for a vacant spot costs little more than the hash, which the insertion needs.
    #[inline]
    fn hint_of_vacant(_spot: &Spot) -> Hint {
        Hint::UNKNOWN
    }

    #[inline]
    fn spot_at(&self, hint: Hint) -> Option<Spot> {
        let slot = usize::try_from(hint.0).ok()?;
        let is_full = self.groups.get(slot / GROUP_SLOTS)?.0[slot % GROUP_SLOTS].is_some();
        // Only the insertion of a key needs its hash.
        is_full.then_some(Spot { hash: 0, slot })
    }

    #[inline]
    fn prefetch(&self, hint: Hint) {
        let Ok(slot) = usize::try_from(hint.0) else { return };
        if let Some(group) = self.groups.get(slot / GROUP_SLOTS) {
            prefetch_to_write(&raw const group.0[slot % GROUP_SLOTS]);
        }
    }

    #[inline]
    fn value_mut(&mut self, spot: &Spot) -> &mut T {
        &mut self.slot_mut(spot.slot).as_mut().expect("a key was found in this slot").1
    }

    fn insert(&mut self, spot: Spot, key: K, value: T) {
        if self.counts.vacant_len == 0 {
            self.grow();
        }
        self.place(spot.hash, (key, value));
    }

    fn remove(&mut self, spot: Spot) -> (K, T) {
        let entry = self.slot_mut(spot.slot).take().expect("a key was found in this slot");
        let freed = if has_empty(self.tags[spot.slot / GROUP_SLOTS]) {
            self.counts.vacant_len += 1;
            EMPTY
        } else {
            REMOVED
        };
        self.set_tag(spot.slot, freed);
        self.counts.len -= 1;
        entry
    }

    fn iter(&self) -> Iter<'_, K, T> {
        self.iter_entries()
    }
}

/// The entries of a [`HashDirectory`], in the order of the table.
#[derive(Debug)]
pub struct Iter<'a, K, T> {
    groups: slice::Iter<'a, Group<K, T>>,
    slots: slice::Iter<'a, Option<(K, T)>>,
    len: usize,
}

impl<K, T> Clone for Iter<'_, K, T> {
    fn clone(&self) -> Self {
        Self { groups: self.groups.clone(), slots: self.slots.clone(), len: self.len }
    }
}

impl<'a, K, T> Iterator for Iter<'a, K, T> {
    type Item = (&'a K, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.slots.find_map(|slot| slot.as_ref()) {
                self.len -= 1;
                return Some((key, value));
            }
            self.slots = self.groups.next()?.0.iter();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn insert(directory: &mut HashDirectory<u64, u64>, key: u64, value: u64) -> Option<u64> {
        match directory.seek(&key) {
            Seek::Found(spot) => Some(std::mem::replace(directory.value_mut(&spot), value)),
            Seek::Vacant(spot) => {
                directory.insert(spot, key, value);
                None
            }
        }
    }

    fn remove(directory: &mut HashDirectory<u64, u64>, key: u64) -> Option<u64> {
        match directory.seek(&key) {
            Seek::Found(spot) => Some(directory.remove(spot).1),
            Seek::Vacant(_) => None,
        }
    }

    proptest! {
        #[test]
        fn directory_agrees_with_a_hash_map(ops in prop::collection::vec((0..3u8, 0..200u64), 0..800)) {
            let mut directory = HashDirectory::default();
            let mut model = HashMap::new();
            for (at, (op, key)) in ops.into_iter().enumerate() {
                if op == 0 {
                    prop_assert_eq!(remove(&mut directory, key), model.remove(&key));
                } else {
                    prop_assert_eq!(insert(&mut directory, key, at as u64), model.insert(key, at as u64));
                }
                prop_assert_eq!(directory.get(&key).map(|(_, value)| value), model.get(&key));
                prop_assert_eq!(directory.len(), model.len());
            }
            prop_assert_eq!(directory.iter().map(|(key, value)| (*key, *value)).collect::<HashMap<_, _>>(), model);
        }
    }

    #[test]
    fn churn_does_not_grow_the_table() {
        let mut directory = HashDirectory::with_capacity(1000);
        for key in 0..100_000 {
            insert(&mut directory, key, key);
            if key >= 500 {
                remove(&mut directory, key - 500);
            }
        }
        assert!(directory.slots_len() <= 1500, "{} slots", directory.slots_len());
    }

    #[test]
    fn table_is_at_least_half_full_after_growth() {
        let mut directory = HashDirectory::default();
        for key in 0..50_000 {
            insert(&mut directory, key, key);
            assert!(key < 1000 || directory.counts.len * 100 >= directory.slots_len() * 58);
        }
    }
}
