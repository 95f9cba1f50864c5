//! Leaves: the entries, with the words of their keys beside each other.

use std::borrow::Borrow;
use std::cmp::Ordering;

#[cfg(test)]
use super::skip::check_words;
use super::skip::{skip_between, word_in};
use super::{ORDER, compare};
use crate::IndexKey;
use crate::memory::prefetch_to_write;

/// Up to eight entries. Words behind the last entry are `u64::MAX`, so that they are never less than a searched one.
#[derive(Clone)]
#[repr(C)]
pub(super) struct Leaf<K, T> {
    words: [u64; ORDER],
    len: u32,
    /// All keys share so many bytes, which their words pass over.
    skip: u32,
    entries: [Option<(K, T)>; ORDER],
}

impl<K, T> Default for Leaf<K, T> {
    fn default() -> Self {
        Self { words: [u64::MAX; ORDER], len: 0, skip: 0, entries: [const { None }; ORDER] }
    }
}

impl<K, T> Leaf<K, T> {
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(super) fn entry(&self, slot: usize) -> Option<(&K, &T)> {
        self.entries.get(slot)?.as_ref().map(|(key, value)| (key, value))
    }

    /// The word beside an entry: all of its key, where words are exact.
    pub(super) fn word(&self, slot: usize) -> u64 {
        self.words[slot]
    }

    #[inline]
    pub(super) fn prefetch(&self, slot: usize) {
        if let Some(entry) = self.entries.get(slot) {
            prefetch_to_write(&raw const *entry);
        }
    }

    /// What a search in the leaf reads first.
    #[inline]
    pub(super) fn prefetch_words(&self) {
        prefetch_to_write(&raw const self.words);
    }

    pub(super) fn value_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.entries[slot].as_mut().map(|(_, value)| value)
    }

    /// The entries of some slots, all of them full.
    pub(super) fn run(&self, from: usize, to: usize) -> &[Option<(K, T)>] {
        self.entries[..self.len()].get(from..to).unwrap_or(&[])
    }

    pub(super) fn remove(&mut self, slot: usize) -> Option<(K, T)> {
        let len = self.len();
        let removed = self.entries[slot].take();
        self.words[slot..len].rotate_left(1);
        self.entries[slot..len].rotate_left(1);
        self.words[len - 1] = u64::MAX;
        self.len -= 1;
        removed
    }
}

impl<K: IndexKey, T> Leaf<K, T> {
    fn key(&self, slot: usize) -> Option<&K> {
        self.entry(slot).map(|(key, _)| key)
    }

    /// Puts an entry in a slot of a leaf that is not full; `word` is its key's, if nothing is skipped. Code of the keys runs before
    /// anything has moved, and none where words are exact.
    pub(super) fn insert(&mut self, slot: usize, word: u64, entry: (K, T)) {
        let len = self.len();
        // A key between two others shares what they share.
        if !K::EXACT && (slot == 0 || slot == len) {
            let (first, last) = if slot == 0 { (Some(&entry.0), self.last()) } else { (self.key(0), Some(&entry.0)) };
            self.set_skip(skip_between(first, last));
        }
        let word = if self.skip == 0 { word } else { entry.0.word(self.skip as usize) };
        self.words[slot..=len].rotate_right(1);
        self.entries[slot..=len].rotate_right(1);
        self.words[slot] = word;
        self.entries[slot] = Some(entry);
        self.len += 1;
    }

    fn last(&self) -> Option<&K> {
        self.key(self.len().checked_sub(1)?)
    }

    /// The bytes that the keys from one slot to another share, and their words after those.
    fn words_of(&self, from: usize, to: usize) -> (u32, [u64; ORDER]) {
        let mut words = [u64::MAX; ORDER];
        if K::EXACT {
            words[..to - from].copy_from_slice(&self.words[from..to]);
            return (0, words);
        }
        let skip = skip_between(self.key(from), to.checked_sub(1).and_then(|last| self.key(last)));
        let keys = (from..to).filter_map(|slot| self.key(slot));
        words.iter_mut().zip(keys).for_each(|(word, key)| *word = key.word(skip as usize));
        (skip, words)
    }

    /// Lets the words pass over so many bytes, which all keys share.
    fn set_skip(&mut self, skip: u32) {
        if skip == self.skip {
            return;
        }
        let word = |entry: &Option<(K, T)>| entry.as_ref().map_or(u64::MAX, |(key, _)| key.word(skip as usize));
        self.words = std::array::from_fn(|slot| word(&self.entries[slot]));
        self.skip = skip;
    }

    /// Moves the entries from `slot` on to a new leaf. Code of the keys runs before anything has moved.
    pub(super) fn split(&mut self, slot: usize) -> Self {
        let len = self.len();
        let (left, right) = (self.words_of(0, slot), self.words_of(slot, len));
        let mut moved = Self { len: (len - slot) as u32, skip: right.0, words: right.1, ..Self::default() };
        for (to, from) in moved.entries.iter_mut().zip(&mut self.entries[slot..len]) {
            *to = from.take();
        }
        (self.skip, self.words) = left;
        self.len = slot as u32;
        moved
    }

    /// Moves all entries of the right neighbour behind the own ones. They must fit. Code of the keys runs before anything has
    /// moved.
    pub(super) fn append(&mut self, mut right: Self) {
        if !K::EXACT {
            let (first, last) = (self.key(0).or(right.key(0)), right.last().or(self.last()));
            let skip = skip_between(first, last);
            right.set_skip(skip);
            self.set_skip(skip);
        }
        for (word, entry) in right.words.into_iter().zip(right.entries).take(right.len as usize) {
            let at = self.len();
            self.words[at] = word;
            self.entries[at] = entry;
            self.len += 1;
        }
    }

    /// The slot of the first entry that is not less, and whether it is equal.
    #[inline]
    pub(super) fn search<Q: IndexKey + ?Sized>(&self, word: u64, key: &Q) -> (usize, bool)
    where
        K: Borrow<Q>,
    {
        let word = match word_in(self.skip, self.key(0).map(Borrow::borrow), word, key) {
            Ok(word) => word,
            Err(Ordering::Greater) => return (self.len(), false),
            Err(_) => return (0, false),
        };
        let mut slot: usize = self.words.iter().map(|other| usize::from(*other < word)).sum();
        // A slot behind the last has no entry.
        while slot < ORDER && self.words[slot] == word {
            match self.entry(slot).map_or(Ordering::Greater, |(candidate, _)| compare(candidate, key)) {
                Ordering::Less => slot += 1,
                Ordering::Equal => return (slot, true),
                Ordering::Greater => break,
            }
        }
        (slot, false)
    }
}

#[cfg(test)]
impl<K: IndexKey, T> Leaf<K, T> {
    pub(super) fn check_words(&self) {
        let keys: Vec<&K> = (0..self.len()).filter_map(|slot| self.key(slot)).collect();
        check_words(self.skip, &self.words, &keys);
    }

    pub(super) fn has_distinct_words(&self) -> bool {
        self.words[..self.len()].windows(2).all(|pair| pair[0] < pair[1])
    }
}
