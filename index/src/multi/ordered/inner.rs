//! Inner nodes: children, and what separates them.

use std::borrow::Borrow;
use std::cmp::Ordering;

use super::ORDER;
#[cfg(test)]
use super::skip::check_words;
use super::skip::{skip_between, word_in};
use crate::IndexKey;

/// The words of an inner node's separators.
fn words_after<K: IndexKey>(skip: u32, separators: &[K]) -> [u64; ORDER - 1] {
    std::array::from_fn(|gap| separators.get(gap).map_or(u64::MAX, |separator| separator.word(skip as usize)))
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
        let word = match word_in(self.skip, self.separators.first().map(Borrow::borrow), word, key) {
            Ok(word) => word,
            Err(Ordering::Greater) => return gaps,
            Err(_) => return 0,
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
impl<K: IndexKey> Inner<K> {
    pub(super) fn check_words(&self) {
        if !K::EXACT {
            assert_eq!(self.separators.len() + 1, self.len());
            check_words(self.skip, &self.words, &self.separators.iter().collect::<Vec<_>>());
        }
    }
}
