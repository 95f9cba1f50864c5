//! Keys made of other keys: tuples, `Option`, `Reverse`, and the fallback for any order.

use std::cmp::Reverse;

use super::{IndexKey, OrderedWord};

/// Any `Ord` type as a key. It has no word, so that every comparison looks at the key itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque<T>(pub T);

impl<T: Ord> IndexKey for Opaque<T> {
    const EXACT: bool = false;
    #[inline]
    fn word(&self, _skip: usize) -> u64 {
        0
    }
}

/// The lowest `bits` bits.
const fn mask(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

impl<K: IndexKey> IndexKey for Reverse<K> {
    const EXACT: bool = K::EXACT;
    const NEVER_PANICS: bool = K::NEVER_PANICS;
    const BITS: u32 = K::BITS;
    #[inline]
    fn word(&self, skip: usize) -> u64 {
        !self.0.word(skip) & mask(K::BITS)
    }
    #[inline]
    fn common(&self, other: &Self) -> usize {
        self.0.common(&other.0)
    }
}

impl<K: OrderedWord> OrderedWord for Reverse<K> {
    fn from_key_word(word: u64) -> Self {
        Self(K::from_key_word(!word & mask(K::BITS)))
    }
}

/// `None` sorts first; a full word loses its last bit to the difference.
impl<K: IndexKey> IndexKey for Option<K> {
    const EXACT: bool = K::EXACT && K::BITS < 64;
    const NEVER_PANICS: bool = K::NEVER_PANICS;
    const BITS: u32 = if K::BITS < 64 { K::BITS + 1 } else { 64 };
    #[inline]
    fn word(&self, skip: usize) -> u64 {
        self.as_ref().map_or(0, |key| {
            let word = key.word(skip);
            if K::BITS < 64 { 1 << K::BITS | word } else { 1 << 63 | word >> 1 }
        })
    }
    #[inline]
    fn common(&self, other: &Self) -> usize {
        match (self, other) {
            (Some(left), Some(right)) => left.common(right),
            (None, _) | (_, None) => 0,
        }
    }
}

/// Bits in use when the field `B` follows the field `A`.
const fn pair_bits<A: IndexKey, B: IndexKey>() -> u32 {
    if !A::EXACT || A::BITS + B::BITS > 64 { 64 } else { A::BITS + B::BITS }
}

const fn pair_exact<A: IndexKey, B: IndexKey>() -> bool {
    A::EXACT && B::EXACT && A::BITS + B::BITS <= 64
}

/// The word of field `A`, and behind it as much of `tail`, whose low `tail_bits` are in use, as fits. Nothing may follow a
/// field that its word does not tell whole.
fn pack<A: IndexKey>(head: &A, skip: usize, tail: impl FnOnce() -> u64, tail_bits: u32) -> u64 {
    let word = head.word(skip);
    if !A::EXACT {
        return word << (64 - A::BITS);
    }
    let room = 64 - A::BITS;
    match room {
        0 => word,
        _ if tail_bits <= room => word << (tail_bits % 64) | tail(),
        _ => word << room | tail() >> (tail_bits - room),
    }
}

impl<A: IndexKey> IndexKey for (A,) {
    const EXACT: bool = A::EXACT;
    const NEVER_PANICS: bool = A::NEVER_PANICS;
    const BITS: u32 = A::BITS;
    fn word(&self, skip: usize) -> u64 {
        self.0.word(skip)
    }
    fn common(&self, other: &Self) -> usize {
        self.0.common(&other.0)
    }
}

impl<A: IndexKey, B: IndexKey> IndexKey for (A, B) {
    const EXACT: bool = pair_exact::<A, B>();
    const NEVER_PANICS: bool = A::NEVER_PANICS && B::NEVER_PANICS;
    const BITS: u32 = pair_bits::<A, B>();
    #[inline]
    fn word(&self, skip: usize) -> u64 {
        pack(&self.0, skip, || self.1.word(0), B::BITS)
    }
    fn common(&self, other: &Self) -> usize {
        self.0.common(&other.0)
    }
}

impl<A: IndexKey, B: IndexKey, C: IndexKey> IndexKey for (A, B, C) {
    const EXACT: bool = pair_exact::<A, (B, C)>();
    const NEVER_PANICS: bool = A::NEVER_PANICS && <(B, C)>::NEVER_PANICS;
    const BITS: u32 = pair_bits::<A, (B, C)>();
    #[inline]
    fn word(&self, skip: usize) -> u64 {
        let tail = || pack(&self.1, 0, || self.2.word(0), C::BITS);
        pack(&self.0, skip, tail, pair_bits::<B, C>())
    }
    fn common(&self, other: &Self) -> usize {
        self.0.common(&other.0)
    }
}

impl<A: IndexKey, B: IndexKey, C: IndexKey, D: IndexKey> IndexKey for (A, B, C, D) {
    const EXACT: bool = pair_exact::<A, (B, C, D)>();
    const NEVER_PANICS: bool = A::NEVER_PANICS && <(B, C, D)>::NEVER_PANICS;
    const BITS: u32 = pair_bits::<A, (B, C, D)>();
    #[inline]
    fn word(&self, skip: usize) -> u64 {
        let last = || pack(&self.2, 0, || self.3.word(0), D::BITS);
        let tail = || pack(&self.1, 0, last, pair_bits::<C, D>());
        pack(&self.0, skip, tail, pair_bits::<B, (C, D)>())
    }
    fn common(&self, other: &Self) -> usize {
        self.0.common(&other.0)
    }
}

impl<A: OrderedWord, B: OrderedWord> OrderedWord for (A, B) {
    /// # Panics
    ///
    /// Does not compile where the two fields do not fit one word.
    fn from_key_word(word: u64) -> Self {
        const { assert!(pair_exact::<A, B>(), "both fields must fit one word") };
        (A::from_key_word(word >> (B::BITS % 64)), B::from_key_word(word & mask(B::BITS)))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use proptest::prelude::*;

    use super::*;

    fn check<K: IndexKey + Debug>(left: &K, right: &K) {
        for skip in [0, left.common(right)] {
            assert!(left >= right || left.word(skip) <= right.word(skip), "{left:?} {right:?} {skip}");
            assert!(left <= right || left.word(skip) >= right.word(skip), "{left:?} {right:?} {skip}");
        }
        assert!(!K::EXACT || left == right || left.word(0) != right.word(0), "{left:?} {right:?}");
        assert!(K::BITS == 64 || left.word(0) >> K::BITS == 0, "{left:?}");
    }

    #[test]
    fn narrow_fields_are_packed_whole() {
        let exact = [
            <(u32, u32) as IndexKey>::EXACT,
            <(u8, i16, bool, char) as IndexKey>::EXACT,
            <Option<Reverse<(u16, i32)>> as IndexKey>::EXACT,
            <(u64, u8) as IndexKey>::EXACT,
        ];
        assert_eq!(exact, [true, true, true, false]);
        assert_eq!(<(u32, i32)>::from_key_word((7_u32, -7_i32).word(0)), (7, -7));
        assert_eq!(Reverse::<i8>::from_key_word(Reverse(-3_i8).word(0)), Reverse(-3));
        assert!((1_u8, "b").word(0) > (1_u8, "a").word(0));
    }

    proptest! {
        #[test]
        fn words_of_compound_keys_keep_the_order(
            left: (u8, i32, Option<u16>, i64),
            right: (u8, i32, Option<u16>, i64),
            texts: (String, String),
            same: bool,
        ) {
            let first = if same { left.0 } else { right.0 };
            check(&left, &(first, right.1, right.2, right.3));
            check(&(left.0, left.1), &(first, right.1));
            check(&(left.2, left.3, left.0), &(right.2, right.3, right.0));
            check(&(left.3, left.0), &(right.3, right.0));
            check(&(left.0, Some(&texts.0)), &(first, Some(&texts.1)));
            check(&(Some(&texts.0), left.1), &(Some(&texts.1), right.1));
            check(&Reverse((left.0, left.1)), &Reverse((first, right.1)));
            check(&Some(Reverse(texts.0.clone())), &Some(Reverse(texts.1.clone())));
            check(&Some(texts.0.clone()), &None);
            check(&(Opaque(&texts.0), 1), &(Opaque(&texts.1), 0));
            check(&Some(left.3), &Some(right.3));
        }
    }
}
