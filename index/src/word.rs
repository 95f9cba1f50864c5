//! Keys and values that fit machine words and so can lie inline in a table.

use std::hash::{BuildHasher, Hasher};

use crate::sync::{AtomicU64, Ordering};

/// A type of at most eight bytes that goes into an atomic word and back unchanged.
///
/// Implemented for the fixed-width integers, `bool`, `char` and `[u8; 8]`; implement it for a row id of your own. An
/// implementation that breaks the law below gets wrong answers, never undefined behaviour.
///
/// ```
/// use manicule_index::{Word, WordHashIndex, pin};
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// struct RowId(u32);
///
/// impl Word for RowId {
///     fn to_word(self) -> u64 {
///         self.0.into()
///     }
///     fn from_word(word: u64) -> Self {
///         Self(word as u32)
///     }
/// }
///
/// let index = WordHashIndex::<RowId, RowId>::new();
/// index.insert(RowId(1), RowId(7), &pin());
/// assert_eq!(index.get(&RowId(1), &pin()), Some(RowId(7)));
/// ```
pub trait Word: Copy + Send + Sync + 'static {
    /// The word that stands for this value; different values give different words.
    fn to_word(self) -> u64;
    /// The value that `word` stands for; `word` came from [`to_word`](Self::to_word).
    fn from_word(word: u64) -> Self;
}

macro_rules! integer_words {
    ($($type:ty),*) => {$(
        impl Word for $type {
            #[inline]
            fn to_word(self) -> u64 {
                self as u64
            }
            #[inline]
            fn from_word(word: u64) -> Self {
                word as $type
            }
        }
    )*};
}
integer_words!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl Word for bool {
    fn to_word(self) -> u64 {
        u64::from(self)
    }
    fn from_word(word: u64) -> Self {
        word != 0
    }
}

impl Word for char {
    fn to_word(self) -> u64 {
        u64::from(u32::from(self))
    }
    fn from_word(word: u64) -> Self {
        u32::try_from(word).ok().and_then(Self::from_u32).unwrap_or(Self::REPLACEMENT_CHARACTER)
    }
}

impl Word for [u8; 8] {
    fn to_word(self) -> u64 {
        u64::from_ne_bytes(self)
    }
    fn from_word(word: u64) -> Self {
        word.to_ne_bytes()
    }
}

/// A key of one or two words: every [`Word`], every pair of them, `u128`, `i128` and `[u8; 16]`.
///
/// Two keys are equal when their words are; `Hash` and `Eq` of the type itself are never asked.
pub trait WordKey: Copy + Send + Sync + 'static {
    /// `[u64; 1]` or `[u64; 2]`.
    type Words: Words;
    /// The words that stand for this key; different keys give different words.
    fn to_words(self) -> Self::Words;
    /// The key that `words` stand for; they came from [`to_words`](Self::to_words).
    fn from_words(words: Self::Words) -> Self;
}

impl<W: Word> WordKey for W {
    type Words = [u64; 1];
    #[inline]
    fn to_words(self) -> [u64; 1] {
        [self.to_word()]
    }
    #[inline]
    fn from_words(words: [u64; 1]) -> Self {
        Self::from_word(words[0])
    }
}

impl<A: Word, B: Word> WordKey for (A, B) {
    type Words = [u64; 2];
    #[inline]
    fn to_words(self) -> [u64; 2] {
        [self.0.to_word(), self.1.to_word()]
    }
    #[inline]
    fn from_words(words: [u64; 2]) -> Self {
        (A::from_word(words[0]), B::from_word(words[1]))
    }
}

macro_rules! two_words {
    ($($type:ty: $to:path, $from:path;)*) => {$(
        impl WordKey for $type {
            type Words = [u64; 2];
            #[inline]
            fn to_words(self) -> [u64; 2] {
                let bytes = $to(self);
                let (low, high) = bytes.split_at(8);
                let word = |half: &[u8]| u64::from_ne_bytes(half.try_into().expect("half of 16 bytes is 8"));
                [word(low), word(high)]
            }
            #[inline]
            fn from_words(words: [u64; 2]) -> Self {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&words[0].to_ne_bytes());
                bytes[8..].copy_from_slice(&words[1].to_ne_bytes());
                $from(bytes)
            }
        }
    )*};
}
two_words! {
    u128: u128::to_ne_bytes, u128::from_ne_bytes;
    i128: i128::to_ne_bytes, i128::from_ne_bytes;
    [u8; 16]: std::convert::identity, std::convert::identity;
}

/// One or two machine words: `[u64; 1]` or `[u64; 2]`, and nothing else.
pub trait Words: sealed::AtomicWords {}

impl Words for [u64; 1] {}
impl Words for [u64; 2] {}

mod sealed {
    use super::{AtomicU64, BuildHasher, Hasher, Ordering};

    /// Words that can be read while they are written, each one by itself.
    pub trait AtomicWords: Copy + Eq + Send + Sync + std::fmt::Debug + 'static {
        /// The words in shared memory.
        type Atomics: Send + Sync;
        /// Words of zero.
        fn empty() -> Self::Atomics;
        /// Reads each word; who needs them to belong together checks a version afterwards.
        fn load(atomics: &Self::Atomics) -> Self;
        /// Writes each word; who publishes them does so by a later store.
        fn store(self, atomics: &Self::Atomics);
        /// The hash of the words.
        fn hash<S: BuildHasher>(self, hasher: &S) -> u64;
    }

    impl<const N: usize> AtomicWords for [u64; N] {
        type Atomics = [AtomicU64; N];

        fn empty() -> Self::Atomics {
            std::array::from_fn(|_| AtomicU64::new(0))
        }

        #[inline]
        fn load(atomics: &Self::Atomics) -> Self {
            // Relaxed: the caller's fence orders it.
            std::array::from_fn(|n| atomics[n].load(Ordering::Relaxed))
        }

        #[inline]
        fn store(self, atomics: &Self::Atomics) {
            for n in 0..N {
                // Relaxed: the caller publishes it.
                atomics[n].store(self[n], Ordering::Relaxed);
            }
        }

        #[inline]
        fn hash<S: BuildHasher>(self, hasher: &S) -> u64 {
            let mut state = hasher.build_hasher();
            for word in self {
                state.write_u64(word);
            }
            state.finish()
        }
    }
}
