//! Keys that can be ordered by one machine word first.

/// A key of an ordered index: any `Ord` type with an order-preserving eight-byte word.
///
/// The tree compares words and looks at the key itself only where two words are equal and [`EXACT`](Self::EXACT) is
/// false.
///
/// The law: for every `skip` for which both keys agree in their first `skip` bytes (0 always does), `a < b` implies
/// `a.word(skip) <= b.word(skip)`; and if `EXACT`, `a.word(0) == b.word(0)` implies `a == b`. An implementation that breaks
/// it gets wrong answers, never undefined behaviour.
pub trait IndexKey: Ord {
    /// Whether the word says everything: equal words mean equal keys.
    const EXACT: bool;

    /// The first eight bytes, in an order-preserving form, after `skip` bytes that are known to be common. Keys that are
    /// not byte strings ignore `skip`.
    fn word(&self, skip: usize) -> u64;
}

macro_rules! unsigned_keys {
    ($($type:ty),*) => {$(
        impl IndexKey for $type {
            const EXACT: bool = true;
            #[inline]
            fn word(&self, _skip: usize) -> u64 {
                *self as u64
            }
        }
    )*};
}
unsigned_keys!(u8, u16, u32, u64, usize);
