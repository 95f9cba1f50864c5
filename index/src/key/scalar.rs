//! Keys of a fixed width: integers, floats, `bool` and `char`.

use std::cmp::Ordering;
use std::fmt;

use super::{IndexKey, OrderedWord};
use crate::word::Word;

const SIGN: u64 = 1 << 63;

macro_rules! unsigned_keys {
    ($($type:ty),*) => {$(
        impl IndexKey for $type {
            const EXACT: bool = true;
            const NEVER_PANICS: bool = true;
            const BITS: u32 = <$type>::BITS;
            #[inline]
            fn word(&self, _skip: usize) -> u64 {
                *self as u64
            }
        }
        impl OrderedWord for $type {
            #[inline]
            fn from_key_word(word: u64) -> Self {
                word as $type
            }
        }
    )*};
}
unsigned_keys!(u8, u16, u32, u64, usize);

macro_rules! signed_keys {
    ($($type:ty as $unsigned:ty),*) => {$(
        impl IndexKey for $type {
            const EXACT: bool = true;
            const NEVER_PANICS: bool = true;
            const BITS: u32 = <$type>::BITS;
            #[inline]
            fn word(&self, _skip: usize) -> u64 {
                (*self as $unsigned ^ (1 << (<$type>::BITS - 1))) as u64
            }
        }
        impl OrderedWord for $type {
            #[inline]
            fn from_key_word(word: u64) -> Self {
                (word as $unsigned ^ (1 << (<$type>::BITS - 1))) as $type
            }
        }
    )*};
}
signed_keys!(i8 as u8, i16 as u16, i32 as u32, i64 as u64, isize as usize);

/// The upper half is the first eight bytes, the lower half the next.
impl IndexKey for u128 {
    const EXACT: bool = false;
    const NEVER_PANICS: bool = true;
    fn word(&self, skip: usize) -> u64 {
        if skip == 0 { (*self >> 64) as u64 } else { *self as u64 }
    }
    fn common(&self, other: &Self) -> usize {
        if *self >> 64 == *other >> 64 { 8 } else { 0 }
    }
}

/// The upper half is the first eight bytes, the lower half the next.
impl IndexKey for i128 {
    const EXACT: bool = false;
    const NEVER_PANICS: bool = true;
    fn word(&self, skip: usize) -> u64 {
        if skip == 0 { (*self >> 64) as u64 ^ SIGN } else { *self as u64 }
    }
    fn common(&self, other: &Self) -> usize {
        if *self >> 64 == *other >> 64 { 8 } else { 0 }
    }
}

impl IndexKey for bool {
    const EXACT: bool = true;
    const NEVER_PANICS: bool = true;
    const BITS: u32 = 1;
    #[inline]
    fn word(&self, _skip: usize) -> u64 {
        u64::from(*self)
    }
}

impl OrderedWord for bool {
    fn from_key_word(word: u64) -> Self {
        word != 0
    }
}

impl IndexKey for char {
    const EXACT: bool = true;
    const NEVER_PANICS: bool = true;
    const BITS: u32 = 32;
    #[inline]
    fn word(&self, _skip: usize) -> u64 {
        u64::from(u32::from(*self))
    }
}

impl OrderedWord for char {
    fn from_key_word(word: u64) -> Self {
        <Self as Word>::from_word(word)
    }
}

macro_rules! total_floats {
    ($($(#[$doc:meta])* $name:ident($float:ty, $bits:ty)),*) => {$(
        $(#[$doc])*
        ///
        /// There is one zero (`-0.0` becomes `0.0`) and one NaN, which sorts last and equals itself.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name {
            // The order-preserving form: all bits flipped below zero, the sign bit alone from zero on.
            ordered: $bits,
        }

        impl $name {
            const SIGN: $bits = 1 << (<$bits>::BITS - 1);

            /// The key for `value`.
            #[inline]
            #[must_use]
            pub fn new(value: $float) -> Self {
                let canonical = if value.is_nan() {
                    <$float>::NAN.abs()
                } else if value == 0.0 {
                    0.0
                } else {
                    value
                };
                let bits = canonical.to_bits();
                Self { ordered: if bits & Self::SIGN == 0 { bits | Self::SIGN } else { !bits } }
            }

            /// The float that this key stands for.
            #[inline]
            #[must_use]
            pub fn get(self) -> $float {
                let bits = if self.ordered & Self::SIGN == 0 { !self.ordered } else { self.ordered ^ Self::SIGN };
                <$float>::from_bits(bits)
            }
        }

        impl PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            #[inline]
            fn cmp(&self, other: &Self) -> Ordering {
                self.ordered.cmp(&other.ordered)
            }
        }

        impl From<$float> for $name {
            fn from(value: $float) -> Self {
                Self::new(value)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.get(), f)
            }
        }

        impl IndexKey for $name {
            const EXACT: bool = true;
            const NEVER_PANICS: bool = true;
            const BITS: u32 = <$bits>::BITS;
            #[inline]
            fn word(&self, _skip: usize) -> u64 {
                u64::from(self.ordered)
            }
        }

        impl OrderedWord for $name {
            #[inline]
            fn from_key_word(word: u64) -> Self {
                Self { ordered: word as $bits }
            }
        }
    )*};
}
total_floats!(
    /// An `f64` in a total order.
    TotalF64(f64, u64),
    /// An `f32` in a total order.
    TotalF32(f32, u32)
);

#[cfg(test)]
mod tests {
    use super::*;

    fn check<K: OrderedWord + fmt::Debug>(ascending: &[K]) {
        for pair in ascending.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
            assert!(pair[0].word(0) < pair[1].word(0), "{pair:?}");
        }
        for &key in ascending {
            assert!(K::from_key_word(key.word(0)) == key, "{key:?}");
            assert!(K::BITS == 64 || key.word(0) >> K::BITS == 0, "{key:?}");
        }
    }

    #[test]
    fn words_of_scalars_keep_the_order() {
        check(&[0_u8, 1, 127, 128, 255]);
        check(&[i8::MIN, -1, 0, 1, i8::MAX]);
        check(&[i32::MIN, -1, 0, 1, i32::MAX]);
        check(&[i64::MIN, -1, 0, 1, i64::MAX]);
        check(&[isize::MIN, -1, 0, 1, isize::MAX]);
        check(&[0, 1, u64::MAX / 2, u64::MAX]);
        check(&[false, true]);
        check(&['\0', 'a', '\u{d7ff}', '\u{e000}', char::MAX]);
        check(
            &[f64::NEG_INFINITY, f64::MIN, -1.0, -5e-324, 0.0, 5e-324, 1.0, f64::MAX, f64::INFINITY, f64::NAN]
                .map(TotalF64::new),
        );
        check(&[f32::NEG_INFINITY, -1.0, 0.0, 1e-45, f32::INFINITY, f32::NAN].map(TotalF32::new));
    }

    #[test]
    fn floats_have_one_zero_and_one_nan() {
        assert_eq!(TotalF64::new(-0.0), TotalF64::new(0.0));
        assert_eq!(TotalF64::new(-f64::NAN), TotalF64::new(f64::from_bits(0x7ff0_0000_0000_0001)));
        assert!(TotalF64::new(-f64::NAN).get().is_nan());
        assert_eq!(format!("{:?}", TotalF64::new(-1.5)), "-1.5");
    }

    #[test]
    fn wide_integers_share_their_upper_half() {
        assert_eq!(1_u128.common(&2), 8);
        assert_eq!(1_u128.common(&(1 << 64)), 0);
        assert!(1_u128.word(8) < 2_u128.word(8));
        assert!((-1_i128).word(0) < 0_i128.word(0));
        assert!((-2_i128).word(8) < (-1_i128).word(8));
    }
}
