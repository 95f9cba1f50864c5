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

/// Fewer common bytes than this leave enough of a word to tell keys apart.
const SKIP_MIN: usize = 4;

/// How many bytes the words of a node pass over, given its first and its last key.
fn skip_of<K: IndexKey>(first: &K, last: &K) -> u32 {
    let common = first.common(last);
    if common < SKIP_MIN { 0 } else { u32::try_from(common).unwrap_or(u32::MAX) }
}

/// [`skip_of`] where there may be one key, which alone would share all of itself, or none.
fn skip_between<K: IndexKey>(first: Option<&K>, last: Option<&K>) -> u32 {
    match (first, last) {
        (Some(first), Some(last)) if !std::ptr::eq(first, last) => skip_of(first, last),
        _ => 0,
    }
}

/// The words of an inner node's separators.
fn words_after<K: IndexKey>(skip: u32, separators: &[K]) -> [u64; ORDER - 1] {
    std::array::from_fn(|gap| separators.get(gap).map_or(u64::MAX, |separator| separator.word(skip as usize)))
}

/// The word of a key in a node whose keys share `skip` bytes, of which `first` is one; where the key does not share them, on which
/// side of all of them it is.
#[inline]
fn word_in<Q: IndexKey + ?Sized>(skip: u32, first: Option<&Q>, word: u64, key: &Q) -> Result<u64, Ordering> {
    let Some(first) = first.filter(|_| skip > 0) else { return Ok(word) };
    if key.common(first) < skip as usize { Err(key.cmp(first)) } else { Ok(key.word(skip as usize)) }
}

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

    /// Puts an entry in a slot of a leaf that is not full. Code of the keys runs before anything has moved.
    pub(super) fn insert(&mut self, slot: usize, entry: (K, T)) {
        let len = self.len();
        // A key between two others shares what they share.
        if !K::EXACT && (slot == 0 || slot == len) {
            let (first, last) = if slot == 0 { (Some(&entry.0), self.last()) } else { (self.key(0), Some(&entry.0)) };
            self.set_skip(skip_between(first, last));
        }
        let word = entry.0.word(self.skip as usize);
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
        let skip = skip_between(self.key(from), to.checked_sub(1).and_then(|last| self.key(last)));
        let mut words = [u64::MAX; ORDER];
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
        let word = if K::EXACT {
            word
        } else {
            match word_in(self.skip, self.key(0).map(Borrow::borrow), word, key) {
                Ok(word) => word,
                Err(Ordering::Greater) => return (self.len(), false),
                Err(_) => return (0, false),
            }
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

/// Up to eight children. `words[at]` and `separators[at]` belong to the smallest key that may be under
/// `children[at + 1]`; there are no separators where the words alone decide. Spare words are `u64::MAX`.
#[derive(Clone, Debug)]
pub(super) struct Inner<K> {
    words: [u64; ORDER - 1],
    pub(super) children: [u32; ORDER],
    len: u32,
    /// All separators share so many bytes, which their words pass over.
    skip: u32,
    separators: Vec<K>,
}

impl<K> Default for Inner<K> {
    fn default() -> Self {
        Self { words: [u64::MAX; ORDER - 1], children: [0; ORDER], len: 0, skip: 0, separators: Vec::new() }
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
}

impl<K: IndexKey> Inner<K> {
    /// Adds the child at a place other than the first; what separates it from its left neighbour comes with it. Code of the
    /// keys runs before anything has moved, here and below.
    pub(super) fn insert(&mut self, at: usize, word: u64, separator: Option<K>, child: u32) {
        let word = separator.as_ref().map_or(word, |separator| {
            let is_first = at == 1;
            let is_last = at > self.separators.len();
            // A separator between two others shares what they share.
            if is_first || is_last {
                let first = if is_first { Some(separator) } else { self.separators.first() };
                let last = if is_last { Some(separator) } else { self.separators.last() };
                self.set_skip(skip_between(first, last));
            }
            separator.word(self.skip as usize)
        });
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
        let Some(separator) = separator else {
            self.words[gap] = word;
            return;
        };
        let first = if gap == 0 { Some(&separator) } else { self.separators.first() };
        let last = if gap + 1 == self.separators.len() { Some(&separator) } else { self.separators.last() };
        let skip = skip_between(first, last);
        let word = separator.word(skip as usize);
        self.set_skip(skip);
        self.words[gap] = word;
        self.separators[gap] = separator;
    }

    /// Lets the words pass over so many bytes, which all separators share.
    fn set_skip(&mut self, skip: u32) {
        if skip != self.skip {
            self.words = words_after(skip, &self.separators);
            self.skip = skip;
        }
    }

    /// Moves the children from `at` on to a new node; what separated the halves is left over.
    pub(super) fn split(&mut self, at: usize) -> (u64, Option<K>, Self) {
        let len = self.len as usize;
        let mut right = Self::default();
        right.children[..len - at].copy_from_slice(&self.children[at..len]);
        right.len = (len - at) as u32;
        if K::EXACT {
            right.words[..len - 1 - at].copy_from_slice(&self.words[at..len - 1]);
            let word = self.words[at - 1];
            self.words[at - 1..].fill(u64::MAX);
            self.len = at as u32;
            return (word, None, right);
        }
        let halves = [&self.separators[..at - 1], &self.separators[at..]].map(|keys| {
            let skip = skip_between(keys.first(), keys.last());
            (skip, words_after(skip, keys))
        });
        [(self.skip, self.words), (right.skip, right.words)] = halves;
        right.separators = self.separators.split_off(at);
        self.len = at as u32;
        (0, self.separators.pop(), right)
    }

    /// Moves all children of the right neighbour behind the own ones. They must fit.
    pub(super) fn append(&mut self, word: u64, separator: Option<K>, mut right: Self) {
        let word = separator.as_ref().map_or(word, |separator| {
            let skip =
                skip_between(self.separators.first().or(Some(separator)), right.separators.last().or(Some(separator)));
            let word = separator.word(skip as usize);
            right.set_skip(skip);
            self.set_skip(skip);
            word
        });
        let words = std::iter::once(word).chain(right.words);
        for (word, child) in words.zip(right.children).take(right.len as usize) {
            let at = self.len as usize;
            self.words[at - 1] = word;
            self.children[at] = child;
            self.len += 1;
        }
        self.separators.extend(separator);
        self.separators.append(&mut right.separators);
    }

    /// The child that a key belongs under.
    #[inline]
    pub(super) fn child_of<Q: IndexKey + ?Sized>(&self, word: u64, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        let gaps = self.len as usize - 1;
        let word = if K::EXACT {
            word
        } else {
            match word_in(self.skip, self.separators.first().map(Borrow::borrow), word, key) {
                Ok(word) => word,
                Err(Ordering::Greater) => return gaps,
                Err(_) => return 0,
            }
        };
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

#[cfg(test)]
impl<K: IndexKey> Inner<K> {
    pub(super) fn check_words(&self) {
        if !K::EXACT {
            assert_eq!(self.separators.len() + 1, self.len());
            check_words(self.skip, &self.words, &self.separators.iter().collect::<Vec<_>>());
        }
    }
}

#[cfg(test)]
fn check_words<K: IndexKey>(skip: u32, words: &[u64], keys: &[&K]) {
    for (slot, word) in words.iter().enumerate() {
        assert_eq!(*word, keys.get(slot).map_or(u64::MAX, |key| key.word(skip as usize)));
    }
    assert!(keys.windows(2).all(|pair| pair[0].common(pair[1]) >= skip as usize));
}
