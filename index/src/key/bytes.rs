//! Byte strings and text.

use std::sync::Arc;

use super::IndexKey;

/// Eight bytes of `bytes` from `skip` on, big endian, padded with zeros.
#[inline]
fn window(bytes: &[u8], skip: usize) -> u64 {
    let rest = bytes.get(skip..).unwrap_or(&[]);
    if let Some(whole) = rest.first_chunk::<8>() {
        return u64::from_be_bytes(*whole);
    }
    // The last eight bytes end where the string ends: shifting out what lies before `skip` leaves the padded rest.
    if let Some(tail) = bytes.last_chunk::<8>() {
        return u64::from_be_bytes(*tail).checked_shl(8 * (8 - rest.len() as u32)).unwrap_or(0);
    }
    rest.iter().rev().fold(0, |word, &byte| word >> 8 | u64::from(byte) << 56)
}

/// The last eight bytes, or all of them, big endian behind zeros.
#[inline]
fn tail(bytes: &[u8]) -> u64 {
    match bytes.last_chunk::<8>() {
        Some(last) => u64::from_be_bytes(*last),
        None => bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// How many leading bytes `left` and `right` share.
#[inline]
fn shared(left: &[u8], right: &[u8]) -> usize {
    let mut words = 0;
    for (left, right) in left.as_chunks::<8>().0.iter().zip(right.as_chunks::<8>().0) {
        let difference = u64::from_le_bytes(*left) ^ u64::from_le_bytes(*right);
        if difference != 0 {
            return 8 * words + difference.trailing_zeros() as usize / 8;
        }
        words += 1;
    }
    let from = 8 * words;
    from + left[from..].iter().zip(&right[from..]).take_while(|(left, right)| left == right).count()
}

macro_rules! byte_keys {
    ($($type:ty: $bytes:ident),* $(,)?) => {$(
        impl IndexKey for $type {
            const EXACT: bool = false;
            const HAS_TAIL: bool = true;
            #[inline]
            fn word(&self, skip: usize) -> u64 {
                window($bytes(self), skip)
            }
            #[inline]
            fn length(&self) -> usize {
                self.len()
            }
            #[inline]
            fn tail(&self) -> u64 {
                tail($bytes(self))
            }
            #[inline]
            fn common(&self, other: &Self) -> usize {
                shared($bytes(self), $bytes(other))
            }
        }
    )*};
}
byte_keys! {
    str: text, String: text, Box<str>: text, Arc<str>: text,
    [u8]: slice, Vec<u8>: slice, Box<[u8]>: slice, Arc<[u8]>: slice,
}

fn text(text: &str) -> &[u8] {
    text.as_bytes()
}

fn slice(bytes: &[u8]) -> &[u8] {
    bytes
}

impl<const N: usize> IndexKey for [u8; N] {
    const EXACT: bool = N <= 8;
    const NEVER_PANICS: bool = true;
    #[inline]
    fn word(&self, skip: usize) -> u64 {
        window(self, if N <= 8 { 0 } else { skip })
    }
    #[inline]
    fn common(&self, other: &Self) -> usize {
        if N <= 8 { 0 } else { shared(self, other) }
    }
}

impl<K: IndexKey + ?Sized> IndexKey for &K {
    const EXACT: bool = K::EXACT;
    const NEVER_PANICS: bool = K::NEVER_PANICS;
    const BITS: u32 = K::BITS;
    const HAS_TAIL: bool = K::HAS_TAIL;
    #[inline]
    fn length(&self) -> usize {
        K::length(self)
    }
    #[inline]
    fn tail(&self) -> u64 {
        K::tail(self)
    }
    #[inline]
    fn word(&self, skip: usize) -> u64 {
        K::word(self, skip)
    }
    #[inline]
    fn common(&self, other: &Self) -> usize {
        K::common(self, other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_window_ends_where_the_string_ends() {
        assert_eq!(window(b"", 0), 0);
        assert_eq!(window(b"ab", 0), 0x6162 << 48);
        assert_eq!(window(b"ab", 9), 0);
        assert_eq!(window(b"abcdefghi", 8), 0x69 << 56);
        assert_eq!(window(b"abcdefghi", 9), 0);
        assert_eq!(window(b"abcdefghi", 0), 0x6162_6364_6566_6768);
    }

    #[test]
    fn a_tail_is_what_the_string_ends_with() {
        assert_eq!(tail(b""), 0);
        assert_eq!(tail(b"ab"), 0x6162);
        assert_eq!(tail(b"abcdefghi"), 0x6263_6465_6667_6869);
    }

    #[test]
    fn shared_counts_bytes() {
        assert_eq!(shared(b"", b"a"), 0);
        assert_eq!(shared(b"user000000123456", b"user000000123999"), 13);
        assert_eq!(shared(b"abcdefgh", b"abcdefgh!"), 8);
        assert_eq!(shared(b"abcdefgh12345678", b"abcdefgh12245678"), 10);
    }

    proptest! {
        #[test]
        fn words_keep_the_order_after_what_is_shared(
            prefix in proptest::collection::vec(0_u8..3, 0..20),
            left in proptest::collection::vec(0_u8..3, 0..12),
            right in proptest::collection::vec(0_u8..3, 0..12),
        ) {
            let left = [prefix.clone(), left].concat();
            let right = [prefix, right].concat();
            for skip in 0..=left.common(&right) {
                prop_assert!(left >= right || left.word(skip) <= right.word(skip), "{left:?} {right:?} {skip}");
                prop_assert!(left <= right || left.word(skip) >= right.word(skip), "{left:?} {right:?} {skip}");
            }
        }
    }
}
