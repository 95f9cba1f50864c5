//! The way back from the bytes of a compound key to its columns.

use std::borrow::Cow;

use memchr::memchr;

use super::encode::{ColumnOrder, NULL_FIRST, NULL_LAST, ZERO_MARKER, flip};
use super::{OrderedWord, TotalF64};

/// Takes the columns of an encoded key off again, most significant first, each as what it was pushed as and with the same
/// order; `None` for a NULL.
///
/// Every value comes back as it was, but for a float, of which there is one zero and one NaN.
///
/// If the key does not have such a column next, they give some value or panic.
///
/// ```
/// use manicule_index::{ColumnOrder, KeyDecoder, KeyEncoder};
///
/// let mut key = Vec::new();
/// let mut encoder = KeyEncoder::new(&mut key);
/// encoder.push_bytes(b"ann", ColumnOrder::ASCENDING);
/// encoder.push_i64(-2, ColumnOrder::DESCENDING);
/// let mut decoder = KeyDecoder::new(&key);
/// assert_eq!(decoder.next_bytes(ColumnOrder::ASCENDING).as_deref(), Some(&b"ann"[..]));
/// assert_eq!(decoder.next_i64(ColumnOrder::DESCENDING), Some(-2));
/// ```
#[derive(Clone, Debug)]
pub struct KeyDecoder<'k> {
    rest: &'k [u8],
}

impl<'k> KeyDecoder<'k> {
    /// Begins at the first column.
    pub fn new(key: &'k [u8]) -> Self {
        Self { rest: key }
    }

    /// Takes a signed integer.
    pub fn next_i64(&mut self, order: ColumnOrder) -> Option<i64> {
        self.next_integer(order).map(|word| word as i64)
    }

    /// Takes an unsigned integer.
    pub fn next_u64(&mut self, order: ColumnOrder) -> Option<u64> {
        self.next_integer(order)
    }

    /// Takes a float.
    pub fn next_f64(&mut self, order: ColumnOrder) -> Option<f64> {
        self.next_fixed(order).map(|word| TotalF64::from_key_word(word).get())
    }

    /// Takes a truth value.
    pub fn next_bool(&mut self, order: ColumnOrder) -> Option<bool> {
        self.has_value().then(|| self.next(1)[0] != flip(order))
    }

    /// Takes a byte string or a text: as it lies in the key, if it is in ascending order and has no zeros. O(length).
    ///
    /// # Panics
    /// If the key has none next.
    pub fn next_bytes(&mut self, order: ColumnOrder) -> Option<Cow<'k, [u8]>> {
        if !self.has_value() {
            return None;
        }
        let flip = flip(order);
        let mut bytes = Cow::Borrowed(&[][..]);
        loop {
            let zero = memchr(flip, self.rest).expect("a byte string has an end");
            let part = self.next(zero);
            if bytes.is_empty() && flip == 0 {
                bytes = Cow::Borrowed(part);
            } else {
                bytes.to_mut().extend(part.iter().map(|byte| byte ^ flip));
            }
            // A zero is followed by what says whether it belongs to the string or ends it.
            if self.next(2)[1] == flip {
                return Some(bytes);
            }
            bytes.to_mut().push(0);
        }
    }

    /// An integer, or the two's complement of a negative one.
    fn next_integer(&mut self, order: ColumnOrder) -> Option<u64> {
        let marker = self.next(1)[0];
        if matches!(marker, NULL_FIRST | NULL_LAST) {
            return None;
        }
        let flip = flip(order);
        let marker = marker ^ flip;
        let is_negative = marker < ZERO_MARKER;
        let len = if is_negative { ZERO_MARKER - 1 - marker } else { marker - ZERO_MARKER };
        let mut word = [if is_negative { 0xff } else { 0 }; 8];
        for (byte, next) in word[8 - usize::from(len)..].iter_mut().zip(self.next(usize::from(len))) {
            *byte = next ^ flip;
        }
        Some(u64::from_be_bytes(word))
    }

    fn next_fixed(&mut self, order: ColumnOrder) -> Option<u64> {
        if !self.has_value() {
            return None;
        }
        let mut word = [0; 8];
        word.copy_from_slice(self.next(8));
        Some(u64::from_be_bytes(word.map(|byte| byte ^ flip(order))))
    }

    /// Takes the marker of a column.
    fn has_value(&mut self) -> bool {
        self.next(1)[0] == 1
    }

    fn next(&mut self, len: usize) -> &'k [u8] {
        let (next, rest) = self.rest.split_at(len);
        self.rest = rest;
        next
    }
}
