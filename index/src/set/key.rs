//! What an index of a set is asked for: a key, and a span of keys.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Bound, Deref, RangeBounds};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::key::{IndexKey, KeyBuffer, OrderedWord, prefix_end};

/// The bytes of a key; forty of them stay off the heap.
///
/// A [`KeyEncoder`](crate::KeyEncoder) appends to it, so that the order of the bytes is the order of the columns.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyBytes {
    bytes: SmallVec<[u8; 40]>,
}

impl KeyBytes {
    /// No bytes yet.
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends bytes: all at once, where [`extend`](Extend::extend) takes them one by one.
    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The least key above this one.
    #[must_use]
    pub fn next(mut self) -> Self {
        self.bytes.push(0);
        self
    }

    /// The least key above all that begin with these bytes; `None` if there is none.
    #[must_use]
    pub fn prefix_end(&self) -> Option<Self> {
        prefix_end(self).map(Self::from)
    }
}

impl From<&[u8]> for KeyBytes {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        Self { bytes: SmallVec::from_slice(bytes) }
    }
}

impl From<Vec<u8>> for KeyBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: SmallVec::from_vec(bytes) }
    }
}

impl From<KeyBytes> for Box<[u8]> {
    fn from(key: KeyBytes) -> Self {
        key.bytes.into_vec().into_boxed_slice()
    }
}

impl From<KeyBytes> for Arc<[u8]> {
    fn from(key: KeyBytes) -> Self {
        Self::from(&*key)
    }
}

impl Extend<u8> for KeyBytes {
    #[inline]
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        self.bytes.extend(bytes);
    }
}

impl KeyBuffer for KeyBytes {
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Deref for KeyBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.bytes, f)
    }
}

/// What the keys of an index are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyForm {
    /// Eight bytes whose unsigned order is the order of the keys, or NULL: the fastest. One column of a fixed width.
    Words,
    /// Bytes of any number whose order is the order of the keys, as [`KeyEncoder`](crate::KeyEncoder) makes them.
    Bytes,
}

/// Whether several rows may have a key although the index is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeats {
    /// One row at most.
    No,
    /// Any number of rows, as in SQL where NULL is in the key.
    Yes,
}

/// A key of an index.
///
/// Two keys are equal if their words or bytes are: whether a key [may repeat](Self::may_repeat) has to follow from them.
#[derive(Clone, Debug)]
pub enum Key {
    /// NULL in an index of words; before every word. It may repeat.
    Null,
    /// A word.
    Word(u64),
    /// Bytes, and whether they may repeat.
    Bytes(KeyBytes, Repeats),
}

impl Key {
    /// The key of a value of 64 bits: `Key::word(-5_i64)`, `Key::word(TotalF64::new(0.5))`. Others do not compile, because
    /// the words of `5_i32` and `5_i64` differ, and an index has keys of one type.
    #[inline]
    pub fn word<K: OrderedWord>(value: K) -> Self {
        const { assert!(K::EXACT && K::BITS == 64, "a key is of one width: 5_i64, not 5_i32") };
        Self::Word(value.word(0))
    }

    /// The key of bytes that one row at most may have in a unique index.
    #[inline]
    pub fn bytes(bytes: impl Into<KeyBytes>) -> Self {
        Self::Bytes(bytes.into(), Repeats::No)
    }

    /// The key of bytes that many rows may have in a unique index too, because NULL is in them.
    #[inline]
    pub fn repeating(bytes: impl Into<KeyBytes>) -> Self {
        Self::Bytes(bytes.into(), Repeats::Yes)
    }

    /// Whether several rows may have the key although the index is unique.
    #[inline]
    pub fn may_repeat(&self) -> bool {
        matches!(self, Self::Null | Self::Bytes(_, Repeats::Yes))
    }

    /// What the key is made of.
    pub fn form(&self) -> KeyForm {
        match self {
            Self::Null | Self::Word(_) => KeyForm::Words,
            Self::Bytes(..) => KeyForm::Bytes,
        }
    }

    /// The first eight bytes as a number. Of two keys of one form the one whose number is greater is the greater one.
    #[inline]
    pub(super) fn head(&self) -> u64 {
        match self {
            Self::Null => 0,
            Self::Word(word) => *word,
            Self::Bytes(bytes, _) => bytes.deref().word(0),
        }
    }

    /// The key by reference.
    #[inline]
    pub fn as_ref(&self) -> KeyRef<'_> {
        match self {
            Self::Null => KeyRef::Null,
            Self::Word(word) => KeyRef::Word(*word),
            Self::Bytes(bytes, _) => KeyRef::Bytes(bytes),
        }
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_ref().cmp(&other.as_ref())
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

/// A key by reference: what a row's key is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyRef<'k> {
    /// NULL in an index of words.
    Null,
    /// A word.
    Word(u64),
    /// Bytes.
    Bytes(&'k [u8]),
}

/// A key that one row at most has, if it has no NULL.
impl From<KeyRef<'_>> for Key {
    fn from(key: KeyRef<'_>) -> Self {
        match key {
            KeyRef::Null => Self::Null,
            KeyRef::Word(word) => Self::Word(word),
            KeyRef::Bytes(bytes) => Self::bytes(bytes),
        }
    }
}

impl PartialEq<Key> for KeyRef<'_> {
    #[inline]
    fn eq(&self, other: &Key) -> bool {
        *self == other.as_ref()
    }
}

/// A span of keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeySpan {
    /// Nothing.
    Empty,
    /// Of an index of words: whether NULL is in, and the words.
    Words {
        /// Whether NULL is in.
        nulls: bool,
        /// The words, if any are in.
        words: Option<(Bound<u64>, Bound<u64>)>,
    },
    /// Of an index of bytes.
    Bytes {
        /// The first key.
        start: KeyBytes,
        /// The least key above all that are in; `None` if there is no such key.
        end: Option<KeyBytes>,
    },
}

impl KeySpan {
    /// Every key of an index of that form.
    pub fn all(form: KeyForm) -> Self {
        match form {
            KeyForm::Words => Self::Words { nulls: true, words: Some((Bound::Unbounded, Bound::Unbounded)) },
            KeyForm::Bytes => Self::Bytes { start: KeyBytes::new(), end: None },
        }
    }

    /// Values of 64 bits within bounds, without NULL: `KeySpan::words(-5_i64..5)`.
    pub fn words<K: OrderedWord>(bounds: impl RangeBounds<K>) -> Self {
        const { assert!(K::EXACT && K::BITS == 64, "a key is of one width: 5_i64, not 5_i32") };
        let (lower, upper) = (bounds.start_bound().map(|key| key.word(0)), bounds.end_bound().map(|key| key.word(0)));
        Self::Words { nulls: false, words: Some((lower, upper)) }
    }

    /// The same span with NULL in it, if it is one of words.
    #[must_use]
    pub fn with_nulls(self) -> Self {
        match self {
            Self::Words { words, .. } => Self::Words { nulls: true, words },
            Self::Empty | Self::Bytes { .. } => self,
        }
    }

    /// Byte keys within bounds: `KeySpan::bytes((Bound::Excluded(&from[..]), Bound::Unbounded))`.
    pub fn bytes(bounds: impl RangeBounds<[u8]>) -> Self {
        let start = match bounds.start_bound() {
            Bound::Unbounded => KeyBytes::new(),
            Bound::Included(bytes) => KeyBytes::from(bytes),
            Bound::Excluded(bytes) => KeyBytes::from(bytes).next(),
        };
        let end = match bounds.end_bound() {
            Bound::Unbounded => None,
            Bound::Included(bytes) => Some(KeyBytes::from(bytes).next()),
            Bound::Excluded(bytes) => Some(KeyBytes::from(bytes)),
        };
        Self::Bytes { start, end }
    }

    /// Byte keys that begin with these bytes: the leading columns of an encoded key.
    pub fn prefix(prefix: &[u8]) -> Self {
        let start = KeyBytes::from(prefix);
        Self::Bytes { end: start.prefix_end(), start }
    }

    /// Whether a key lies in the span.
    pub fn contains(&self, key: KeyRef<'_>) -> bool {
        match (self, key) {
            (Self::Words { nulls, .. }, KeyRef::Null) => *nulls,
            (Self::Words { words, .. }, KeyRef::Word(word)) => words.is_some_and(|words| words.contains(&word)),
            (Self::Bytes { start, end }, KeyRef::Bytes(bytes)) => {
                **start <= *bytes && end.as_ref().is_none_or(|end| *bytes < **end)
            }
            _ => false,
        }
    }

    /// Whether keys of that form can lie in the span.
    pub(super) fn has_form(&self, form: KeyForm) -> bool {
        match self {
            Self::Empty => true,
            Self::Words { .. } => form == KeyForm::Words,
            Self::Bytes { .. } => form == KeyForm::Bytes,
        }
    }
}
