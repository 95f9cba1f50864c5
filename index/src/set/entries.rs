//! Entries on their way into an index, many at a time.

use std::iter::{Chain, Map};
use std::vec;

use smallvec::SmallVec;

use super::definition::RowId;
use super::key::{Key, KeyForm};

/// Entries of one index. Words lie apart from other keys: they take a quarter of the memory, and are put in order several
/// times as fast.
#[derive(Clone, Debug)]
pub struct Entries<R> {
    pub(super) words: Vec<(u64, R)>,
    pub(super) others: Vec<(Key, R)>,
}

/// How many keys [`Entries::chunks`] gives at a time: misses of so many overlap, and they are cheap to move.
const CHUNK: usize = 8;

impl<R: RowId> Entries<R> {
    /// No entries.
    pub const fn new() -> Self {
        Self { words: Vec::new(), others: Vec::new() }
    }

    /// No entries, with room for so many of an index whose keys have this form.
    pub fn with_capacity(form: KeyForm, len: usize) -> Self {
        match form {
            KeyForm::Words => Self { words: Vec::with_capacity(len), others: Vec::new() },
            KeyForm::Bytes => Self { words: Vec::new(), others: Vec::with_capacity(len) },
        }
    }

    /// Adds one. Amortized O(1).
    #[inline]
    pub fn push(&mut self, key: Key, row: R) {
        match key {
            Key::Word(word) => self.words.push((word, row)),
            other => self.others.push((other, row)),
        }
    }

    /// How many there are. O(1).
    pub fn len(&self) -> usize {
        self.words.len() + self.others.len()
    }

    /// Whether there are none. O(1).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those whose keys are words. O(1).
    pub fn words(&self) -> &[(u64, R)] {
        &self.words
    }

    /// Puts them in order of key, and of row where keys are equal. O(n log n).
    pub fn sort(&mut self) {
        self.words.sort_unstable();
        self.others.sort_unstable();
    }

    /// A row of entries [in order](Self::sort) whose key another row has too. O(n).
    pub fn repeated(&self) -> Option<R> {
        let of_words = self.words.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1);
        of_words.or_else(|| self.others.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1))
    }

    /// All of them, in order if they are: some keys at a time, each with its row.
    pub fn chunks(&self) -> impl Iterator<Item = (SmallVec<[Key; CHUNK]>, SmallVec<[R; CHUNK]>)> {
        let words =
            self.words.chunks(CHUNK).map(|some| some.iter().map(|(word, row)| (Key::Word(*word), *row)).unzip());
        words.chain(self.others.chunks(CHUNK).map(|some| some.iter().cloned().unzip()))
    }

    /// Takes others over.
    pub(super) fn append(&mut self, mut others: Self) {
        if self.is_empty() {
            *self = others;
            return;
        }
        self.words.append(&mut others.words);
        self.others.append(&mut others.others);
    }
}

/// In order, if they are.
impl<R: RowId> IntoIterator for Entries<R> {
    type Item = (Key, R);
    type IntoIter = Chain<Map<vec::IntoIter<(u64, R)>, fn((u64, R)) -> (Key, R)>, vec::IntoIter<(Key, R)>>;

    fn into_iter(self) -> Self::IntoIter {
        let of_word: fn((u64, R)) -> (Key, R) = |(word, row)| (Key::Word(word), row);
        self.words.into_iter().map(of_word).chain(self.others)
    }
}

impl<R: RowId> Default for Entries<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: RowId> Extend<(Key, R)> for Entries<R> {
    fn extend<I: IntoIterator<Item = (Key, R)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, row)| self.push(key, row));
    }
}

impl<R: RowId> FromIterator<(Key, R)> for Entries<R> {
    fn from_iter<I: IntoIterator<Item = (Key, R)>>(entries: I) -> Self {
        let mut all = Self::new();
        all.extend(entries);
        all
    }
}
