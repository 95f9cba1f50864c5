//! The index for keys and values that are machine words.

use std::hash::BuildHasher;
use std::marker::PhantomData;

use super::cell::{Cell, WordCell, WordImage};
use super::core::Core;
use crate::Guard;
use crate::word::{Word, WordKey};

/// A concurrent hash index of words, whose reads take no lock and write nothing.
pub struct WordHashIndex<K: WordKey, V: Word, S = ahash::RandomState> {
    core: Core<WordCell<K::Words>, S>,
    entries: PhantomData<(K, V)>,
}

impl<K: WordKey, V: Word> WordHashIndex<K, V> {
    /// An empty index.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty index that holds `capacity` entries before it grows.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { core: Core::new(capacity, ahash::RandomState::new()), entries: PhantomData }
    }
}

impl<K: WordKey, V: Word, S: BuildHasher> WordHashIndex<K, V, S> {
    #[inline]
    fn hash(&self, words: K::Words) -> u64 {
        // SAFETY: the image of words refers to nothing.
        unsafe { WordCell::hash(WordImage { key: words, value: 0 }, &self.core.hasher) }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.core.counter.sum()
    }

    /// The value of `key`.
    #[inline]
    pub fn get(&self, key: &K, guard: &Guard) -> Option<V> {
        let words = key.to_words();
        let image = self.core.find(self.hash(words), guard, |image| image.key == words)?;
        Some(V::from_word(image.value))
    }

    /// Puts `value` under `key`; gives the value it replaces.
    pub fn insert(&self, key: K, value: V, guard: &Guard) -> Option<V> {
        let image = WordImage { key: key.to_words(), value: value.to_word() };
        let hash = self.hash(image.key);
        loop {
            let plan = self.core.plan(hash, guard, |other| other.key == image.key);
            if self.core.put(&plan, image, guard).is_ok() {
                return plan.found().map(|old| V::from_word(old.value));
            }
        }
    }

    /// Takes the entry of `key` out; gives its value.
    pub fn remove(&self, key: &K, guard: &Guard) -> Option<V> {
        let words = key.to_words();
        let hash = self.hash(words);
        loop {
            let plan = self.core.plan(hash, guard, |image| image.key == words);
            let old = plan.found()?;
            if self.core.take(&plan, guard).is_ok() {
                return Some(V::from_word(old.value));
            }
        }
    }
}
