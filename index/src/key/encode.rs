//! Compound keys as bytes whose order is the order of the rows.
//!
//! A column is one marker byte, which puts a NULL before (`0x00`) or after (`0xff`) every value, and then the value in a
//! form that compares byte by byte and of which none is a prefix of another:
//!
//! ```text
//! integer   marker 0x80 + n, and the n bytes that it has without leading zeros, big endian
//!           of a negative one 0x7f - n, and the n bytes without leading 0xff
//! float     marker 1, 8 bytes as TotalF64 orders them: one zero, one NaN, which is last
//! bool      marker 1, 0 or 1
//! bytes     marker 1, as they are, 0x00 written 0x00 0xff, and 0x00 0x00 at the end
//! ```
//!
//! So small integers take few bytes, and the first eight bytes of a key, which is what a tree compares first, say much of it.
//! (SQLite's fourth version has integers of a length that the first byte tells.) Descending columns are the same with every bit
//! of the value flipped, of an integer the marker's too. The encoding of leading columns is a prefix of the encoding of all,
//! so that a range over them runs from it to [`prefix_end`].

use memchr::memchr;

use super::{IndexKey, TotalF64};

/// The marker of a NULL that is before every value.
pub(super) const NULL_FIRST: u8 = 0;
/// The marker of a NULL that is after every value.
pub(super) const NULL_LAST: u8 = 0xff;
/// The marker of the integer zero.
pub(super) const ZERO_MARKER: u8 = 0x80;

/// Which way a column of a compound key runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// Where a column's NULLs stand, whichever way the column runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// Before every value.
    #[default]
    First,
    /// After every value.
    Last,
}

/// The order of one column of a compound key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ColumnOrder {
    /// Which way the values run.
    pub direction: Direction,
    /// Where the NULLs stand.
    pub nulls: Nulls,
}

impl ColumnOrder {
    /// Smallest first, NULLs before them.
    pub const ASCENDING: Self = Self { direction: Direction::Ascending, nulls: Nulls::First };
    /// Largest first, NULLs after them: the exact opposite of [`ASCENDING`](Self::ASCENDING).
    pub const DESCENDING: Self = Self { direction: Direction::Descending, nulls: Nulls::Last };
}

/// What a key is encoded into: a `Vec`, or a buffer that keeps short keys off the heap.
pub trait KeyBuffer {
    /// Appends bytes. O(length).
    fn append(&mut self, bytes: &[u8]);
}

impl KeyBuffer for Vec<u8> {
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Appends columns to a key, most significant first.
///
/// ```
/// use manicule_index::{ColumnOrder, KeyEncoder};
///
/// let encode = |name: &str, score: i64| {
///     let mut key = Vec::new();
///     let mut encoder = KeyEncoder::new(&mut key);
///     encoder.push_bytes(name.as_bytes(), ColumnOrder::ASCENDING);
///     encoder.push_i64(score, ColumnOrder::DESCENDING);
///     key
/// };
/// assert!(encode("ann", 2) < encode("ann", 1));
/// assert!(encode("ann", 1) < encode("anna", 3));
/// ```
#[derive(Debug)]
pub struct KeyEncoder<'b, B = Vec<u8>> {
    key: &'b mut B,
}

impl<'b, B: KeyBuffer> KeyEncoder<'b, B> {
    /// Encodes at the end of `key`.
    pub fn new(key: &'b mut B) -> Self {
        Self { key }
    }

    /// Appends a NULL.
    pub fn push_null(&mut self, order: ColumnOrder) {
        self.key.append(&[match order.nulls {
            Nulls::First => NULL_FIRST,
            Nulls::Last => NULL_LAST,
        }]);
    }

    /// Appends a signed integer.
    pub fn push_i64(&mut self, value: i64, order: ColumnOrder) {
        let len = significant_bytes(if value < 0 { !value } else { value } as u64);
        let marker = if value < 0 { ZERO_MARKER - 1 - len as u8 } else { ZERO_MARKER + len as u8 };
        self.push_integer(marker, len, (value as u64, order));
    }

    /// Appends an unsigned integer, which compares with signed ones too.
    pub fn push_u64(&mut self, value: u64, order: ColumnOrder) {
        let len = significant_bytes(value);
        self.push_integer(ZERO_MARKER + len as u8, len, (value, order));
    }

    /// Appends a float; `-0.0` equals `0.0`, and NaN equals itself and is the largest.
    pub fn push_f64(&mut self, value: f64, order: ColumnOrder) {
        self.push_fixed(TotalF64::new(value).word(0), order);
    }

    /// Appends a truth value.
    pub fn push_bool(&mut self, value: bool, order: ColumnOrder) {
        self.key.append(&[1, u8::from(value) ^ flip(order)]);
    }

    /// Appends a byte string or a text. O(length).
    pub fn push_bytes(&mut self, bytes: &[u8], order: ColumnOrder) {
        let flip = flip(order);
        self.key.append(&[1]);
        let mut rest = bytes;
        while let Some(zero) = memchr(0, rest) {
            self.append_flipped(&rest[..zero], flip);
            self.key.append(&[flip, 0xff ^ flip]);
            rest = &rest[zero + 1..];
        }
        self.append_flipped(rest, flip);
        self.key.append(&[flip, flip]);
    }

    fn append_flipped(&mut self, bytes: &[u8], flip: u8) {
        if flip == 0 {
            return self.key.append(bytes);
        }
        for part in bytes.chunks(32) {
            let mut flipped = [0; 32];
            flipped.iter_mut().zip(part).for_each(|(flipped, byte)| *flipped = byte ^ flip);
            self.key.append(&flipped[..part.len()]);
        }
    }

    /// The marker and the last `len` bytes of the word.
    fn push_integer(&mut self, marker: u8, len: usize, (word, order): (u64, ColumnOrder)) {
        let mut column = [0; 9];
        column[0] = marker;
        column[1..=len].copy_from_slice(&word.to_be_bytes()[8 - len..]);
        column.iter_mut().for_each(|byte| *byte ^= flip(order));
        self.key.append(&column[..=len]);
    }

    fn push_fixed(&mut self, word: u64, order: ColumnOrder) {
        let mut column = [1; 9];
        column[1..].copy_from_slice(&word.to_be_bytes());
        column[1..].iter_mut().for_each(|byte| *byte ^= flip(order));
        self.key.append(&column);
    }
}

/// How many bytes a number has without leading zeros.
fn significant_bytes(number: u64) -> usize {
    (8 - number.leading_zeros() / 8) as usize
}

/// What every byte of a value is combined with.
pub(super) fn flip(order: ColumnOrder) -> u8 {
    match order.direction {
        Direction::Ascending => 0,
        Direction::Descending => 0xff,
    }
}

/// The smallest byte string above every string that starts with `prefix`; `None` if there is no such string.
///
/// ```
/// use manicule_index::prefix_end;
///
/// assert_eq!(prefix_end(b"user"), Some(b"uses".to_vec()));
/// assert_eq!(prefix_end(b"a\xff"), Some(b"b".to_vec()));
/// assert_eq!(prefix_end(b"\xff"), None);
/// ```
#[must_use]
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::cmp::Ordering;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::KeyDecoder;
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    enum Column {
        Null,
        Integer(i64),
        Float(f64),
        Bytes(Vec<u8>),
        Bool(bool),
    }

    fn rank(column: &Column, order: ColumnOrder) -> u8 {
        match (column, order.nulls) {
            (Column::Null, Nulls::First) => 0,
            (Column::Null, Nulls::Last) => 2,
            _ => 1,
        }
    }

    fn compare(left: &Column, right: &Column, order: ColumnOrder) -> Ordering {
        let by_rank = rank(left, order).cmp(&rank(right, order));
        let by_value = match (left, right) {
            (Column::Integer(left), Column::Integer(right)) => left.cmp(right),
            (Column::Float(left), Column::Float(right)) => TotalF64::new(*left).cmp(&TotalF64::new(*right)),
            (Column::Bytes(left), Column::Bytes(right)) => left.cmp(right),
            (Column::Bool(left), Column::Bool(right)) => left.cmp(right),
            _ => Ordering::Equal,
        };
        by_rank.then(match order.direction {
            Direction::Ascending => by_value,
            Direction::Descending => by_value.reverse(),
        })
    }

    fn encode(row: &[(Column, ColumnOrder)]) -> Vec<u8> {
        let mut key = Vec::new();
        let mut encoder = KeyEncoder::new(&mut key);
        for (column, order) in row {
            match column {
                Column::Null => encoder.push_null(*order),
                Column::Integer(value) => encoder.push_i64(*value, *order),
                Column::Float(value) => encoder.push_f64(*value, *order),
                Column::Bytes(value) => encoder.push_bytes(value, *order),
                Column::Bool(value) => encoder.push_bool(*value, *order),
            }
        }
        key
    }

    fn orders() -> impl Strategy<Value = ColumnOrder> {
        (any::<bool>(), any::<bool>()).prop_map(|(descending, last)| ColumnOrder {
            direction: if descending { Direction::Descending } else { Direction::Ascending },
            nulls: if last { Nulls::Last } else { Nulls::First },
        })
    }

    /// Two values of one column type, often equal or nearly so.
    fn columns() -> impl Strategy<Value = (Column, Column)> {
        let byte = || prop_oneof![Just(0), Just(1), Just(0xff), any::<u8>()];
        let bytes = || prop_oneof![4 => vec(byte(), 0..6), 1 => vec(1..=0xff_u8, 30..70)];
        let nullable = |column: Column, null: u8| if null == 0 { Column::Null } else { column };
        prop_oneof![
            (-2..2_i64, -2..2_i64).prop_map(|(l, r)| (Column::Integer(l), Column::Integer(r))),
            (any::<(i64, i64)>(), 0..64_u32, 0..64_u32)
                .prop_map(|((l, r), by_l, by_r)| (Column::Integer(l >> by_l), Column::Integer(r >> by_r))),
            (any::<i64>(), 0..64_u32, -2..2_i64).prop_map(|(l, by, beside)| {
                (Column::Integer(l >> by), Column::Integer((l >> by).saturating_add(beside)))
            }),
            any::<(f64, f64)>().prop_map(|(l, r)| (Column::Float(l), Column::Float(r))),
            any::<(bool, bool)>().prop_map(|(l, r)| (Column::Bool(l), Column::Bool(r))),
            (bytes(), bytes()).prop_map(|(l, r)| (Column::Bytes(l), Column::Bytes(r))),
        ]
        .prop_flat_map(move |(left, right)| {
            (0..4_u8, 0..4_u8).prop_map(move |(l, r)| (nullable(left.clone(), l), nullable(right.clone(), r)))
        })
    }

    proptest! {
        #[test]
        fn encoded_rows_compare_as_the_rows_do(row in vec((columns(), orders()), 1..4)) {
            let left: Vec<_> = row.iter().map(|((left, _), order)| (left.clone(), *order)).collect();
            let right: Vec<_> = row.iter().map(|((_, right), order)| (right.clone(), *order)).collect();
            let expected =
                row.iter().map(|((left, right), order)| compare(left, right, *order)).fold(Ordering::Equal, Ordering::then);
            prop_assert_eq!(encode(&left).cmp(&encode(&right)), expected);
        }

        #[test]
        fn columns_come_back_as_they_were(row in vec((columns(), orders()), 1..4)) {
            let row: Vec<_> = row.into_iter().map(|((column, _), order)| (column, order)).collect();
            let key = encode(&row);
            let mut decoder = KeyDecoder::new(&key);
            for (column, order) in row {
                match column {
                    Column::Null => prop_assert_eq!(decoder.next_i64(order), None),
                    Column::Integer(value) => prop_assert_eq!(decoder.next_i64(order), Some(value)),
                    Column::Float(value) => {
                        let float = decoder.next_f64(order).map(TotalF64::new);
                        prop_assert_eq!(float, Some(TotalF64::new(value)));
                    }
                    Column::Bytes(value) => prop_assert_eq!(decoder.next_bytes(order).map(Cow::into_owned), Some(value)),
                    Column::Bool(value) => prop_assert_eq!(decoder.next_bool(order), Some(value)),
                }
            }
        }

        #[test]
        fn prefix_end_is_above_the_prefix_alone(prefix: Vec<u8>, tail: Vec<u8>, other: Vec<u8>) {
            if let Some(end) = prefix_end(&prefix) {
                prop_assert!([prefix.clone(), tail].concat() < end);
                prop_assert!(other.starts_with(&prefix) || other < prefix || other >= end);
            }
        }
    }
}
