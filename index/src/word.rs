//! Keys and values that fit one machine word and so can lie inline in a table.

/// A type of at most eight bytes that goes into an atomic word and back unchanged.
///
/// Implemented for the fixed-width integers, `bool`, `char` and `[u8; 8]`; implement it for a row id of your own. An
/// implementation that breaks the law below gets wrong answers, never undefined behaviour.
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
