//! The nodes of the tree and the arenas that hold them.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::{Index, IndexMut};

use super::{ORDER, compare};
use crate::IndexKey;
use crate::memory::{prefer_huge_pages, prefetch_to_write};

/// An arena below so many bytes doubles.
const SMALL_BYTES: usize = 32 << 10;

/// Nodes under numbers that stay the same while others come and go.
#[derive(Debug)]
pub(super) struct Arena<N> {
    nodes: Vec<N>,
    free: Vec<u32>,
}

impl<N> Default for Arena<N> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: Vec::new() }
    }
}

impl<N: Clone> Clone for Arena<N> {
    fn clone(&self) -> Self {
        // With room for some more: it is copied because it is about to be written.
        let mut nodes = Vec::with_capacity(self.nodes.len() + 1 + self.nodes.len() / 64);
        prefer_huge_pages(nodes.spare_capacity_mut());
        nodes.extend_from_slice(&self.nodes);
        Self { nodes, free: self.free.clone() }
    }
}

impl<N: Default> Arena<N> {
    /// Bytes of all nodes, free ones too.
    pub(super) fn memory_usage(&self) -> usize {
        self.nodes.capacity() * size_of::<N>() + self.free.capacity() * size_of::<u32>()
    }

    /// Makes room for so many nodes more.
    pub(super) fn reserve(&mut self, node_count: usize) {
        self.nodes.reserve_exact(node_count);
        prefer_huge_pages(self.nodes.spare_capacity_mut());
    }

    pub(super) fn insert(&mut self, node: N) -> u32 {
        if let Some(number) = self.free.pop() {
            self.nodes[number as usize] = node;
            return number;
        }
        if self.nodes.len() == self.nodes.capacity() {
            // A large block is remapped, not copied, and so may grow by little.
            let is_small = self.nodes.len() * size_of::<N>() < SMALL_BYTES;
            self.reserve(4.max(if is_small { self.nodes.len() } else { self.nodes.len() / 12 }));
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("a directory has fewer than 2^32 nodes")
    }

    /// The node of a number, if there is one or was one.
    pub(super) fn get(&self, number: u32) -> Option<&N> {
        self.nodes.get(number as usize)
    }

    pub(super) fn remove(&mut self, number: u32) -> N {
        self.free.push(number);
        std::mem::take(&mut self.nodes[number as usize])
    }

    /// How many nodes there is memory for.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }
}

impl<N> Index<u32> for Arena<N> {
    type Output = N;

    #[inline]
    fn index(&self, number: u32) -> &N {
        &self.nodes[number as usize]
    }
}

impl<N> IndexMut<u32> for Arena<N> {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut N {
        &mut self.nodes[number as usize]
    }
}

/// Up to eight entries. Words behind the last entry are `u64::MAX`, so that they are never less than a searched one.
#[derive(Clone)]
pub(super) struct Leaf<K, T> {
    words: [u64; ORDER],
    entries: [Option<(K, T)>; ORDER],
    len: usize,
}

impl<K, T> Default for Leaf<K, T> {
    fn default() -> Self {
        Self { words: [u64::MAX; ORDER], entries: [const { None }; ORDER], len: 0 }
    }
}

impl<K, T> Leaf<K, T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn word(&self, slot: usize) -> u64 {
        self.words[slot]
    }

    #[inline]
    pub(super) fn entry(&self, slot: usize) -> Option<(&K, &T)> {
        self.entries.get(slot)?.as_ref().map(|(key, value)| (key, value))
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
        self.entries[..self.len].get(from..to).unwrap_or(&[])
    }

    pub(super) fn insert(&mut self, slot: usize, word: u64, entry: (K, T)) {
        self.words[slot..=self.len].rotate_right(1);
        self.entries[slot..=self.len].rotate_right(1);
        self.words[slot] = word;
        self.entries[slot] = Some(entry);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, slot: usize) -> Option<(K, T)> {
        let removed = self.entries[slot].take();
        self.words[slot..self.len].rotate_left(1);
        self.entries[slot..self.len].rotate_left(1);
        self.len -= 1;
        self.words[self.len] = u64::MAX;
        removed
    }

    /// Moves the entries from `slot` on to a new leaf.
    pub(super) fn split(&mut self, slot: usize) -> Self {
        let mut right = Self::default();
        while self.len > slot {
            self.len -= 1;
            let at = self.len - slot;
            right.words[at] = std::mem::replace(&mut self.words[self.len], u64::MAX);
            right.entries[at] = self.entries[self.len].take();
            right.len += 1;
        }
        right
    }

    /// Moves all entries of the right neighbour behind the own ones. They must fit.
    pub(super) fn append(&mut self, right: Self) {
        for (word, entry) in right.words.into_iter().zip(right.entries).take(right.len) {
            self.words[self.len] = word;
            self.entries[self.len] = entry;
            self.len += 1;
        }
    }
}

impl<K: IndexKey, T> Leaf<K, T> {
    /// The slot of the first entry that is not less, and whether it is equal.
    #[inline]
    pub(super) fn search<Q: IndexKey + ?Sized>(&self, word: u64, key: &Q) -> (usize, bool)
    where
        K: Borrow<Q>,
    {
        let mut slot: usize = self.words.iter().map(|other| usize::from(*other < word)).sum();
        // Not `len`, which would be one more cache line: a slot behind the last has no entry.
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

/// Up to eight children. `words[at]` and `separators[at]` belong to the smallest key that may be under
/// `children[at + 1]`; there are no separators where the words alone decide. Spare words are `u64::MAX`.
#[derive(Clone, Debug)]
pub(super) struct Inner<K> {
    words: [u64; ORDER - 1],
    pub(super) children: [u32; ORDER],
    len: u32,
    separators: Vec<K>,
}

impl<K> Default for Inner<K> {
    fn default() -> Self {
        Self { words: [u64::MAX; ORDER - 1], children: [0; ORDER], len: 0, separators: Vec::new() }
    }
}

impl<K> Inner<K> {
    pub(super) fn new(child: u32) -> Self {
        let mut inner = Self { len: 1, ..Self::default() };
        inner.children[0] = child;
        inner
    }

    /// How many children there are.
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// Adds the child at a place other than the first; what separates it from its left neighbour comes with it.
    pub(super) fn insert(&mut self, at: usize, word: u64, separator: Option<K>, child: u32) {
        self.words[at - 1..self.len as usize].rotate_right(1);
        self.children[at..=self.len as usize].rotate_right(1);
        self.words[at - 1] = word;
        self.children[at] = child;
        if let Some(separator) = separator {
            self.separators.insert(at - 1, separator);
        }
        self.len += 1;
    }

    /// Says anew what separates two neighbours.
    pub(super) fn set_gap(&mut self, gap: usize, word: u64, separator: Option<K>) {
        self.words[gap] = word;
        if let Some(separator) = separator {
            self.separators[gap] = separator;
        }
    }

    /// Takes a child away, with what separates it from its left neighbour (the first child: from its right one).
    pub(super) fn remove(&mut self, at: usize) -> (u64, Option<K>) {
        let len = self.len as usize;
        self.children[at..len].rotate_left(1);
        self.len -= 1;
        let gap = at.saturating_sub(1);
        if len < 2 {
            return (u64::MAX, None);
        }
        let word = self.words[gap];
        self.words[gap..len - 1].rotate_left(1);
        self.words[len - 2] = u64::MAX;
        let separator = (gap < self.separators.len()).then(|| self.separators.remove(gap));
        (word, separator)
    }

    /// Moves the children from `at` on to a new node; what separated the halves is left over.
    pub(super) fn split(&mut self, at: usize) -> (u64, Option<K>, Self) {
        let len = self.len as usize;
        let mut right = Self::default();
        right.children[..len - at].copy_from_slice(&self.children[at..len]);
        right.words[..len - 1 - at].copy_from_slice(&self.words[at..len - 1]);
        right.len = (len - at) as u32;
        let word = self.words[at - 1];
        self.words[at - 1..].fill(u64::MAX);
        self.len = at as u32;
        let separator = if self.separators.is_empty() {
            None
        } else {
            right.separators = self.separators.split_off(at);
            self.separators.pop()
        };
        (word, separator, right)
    }

    /// Moves all children of the right neighbour behind the own ones. They must fit.
    pub(super) fn append(&mut self, word: u64, separator: Option<K>, right: Self) {
        let mut gap = Some((word, separator));
        let mut separators = right.separators.into_iter();
        for at in 0..right.len as usize {
            let (word, separator) = gap.take().unwrap_or_else(|| (right.words[at - 1], separators.next()));
            self.insert(self.len as usize, word, separator, right.children[at]);
        }
    }
}

impl<K: IndexKey> Inner<K> {
    /// The child that a key belongs under.
    #[inline]
    pub(super) fn child_of<Q: IndexKey + ?Sized>(&self, word: u64, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        let gaps = self.len as usize - 1;
        let mut child: usize = self.words.iter().map(|other| usize::from(*other < word)).sum();
        if K::EXACT {
            return child + usize::from(child < gaps && self.words[child] == word);
        }
        while child < gaps && self.words[child] == word && self.separators[child].borrow() <= key {
            child += 1;
        }
        child
    }
}
