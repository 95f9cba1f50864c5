//! One value of a row: borrowed from it, or owned.
//!
//! [`Value`] is the only form a column's content takes outside a stored row. `Value<'static>` owns its bytes; a
//! `Value<'a>` read from a [`Row`](crate::Row) borrows them, so that reading a text column allocates nothing.
//!
//! # Order and equality
//!
//! [`Value::compare`] is a total order over all values and the one that indexes use: NULL first, then booleans,
//! numbers (integers and reals compared by their exact numeric value), dates, timestamps, text, blobs. `-0.0` equals
//! `0.0`, and there is one NaN, equal to itself and greater than every other number. Text compares byte by byte.
//! SQL's three-valued comparison, where NULL equals nothing, is made from it in the query crate.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use manicule_index::{IndexKey, TotalF64};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// A signed 64-bit integer.
    Integer,
    /// A 64-bit float.
    Real,
    /// A string of UTF-8.
    Text,
    /// True or false.
    Boolean,
    /// A string of bytes.
    Blob,
    /// A day, counted from 1970-01-01.
    Date,
    /// A moment without a time zone, in microseconds from 1970-01-01 00:00:00.
    Timestamp,
}

impl ColumnType {
    /// The name of the type in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Boolean => "BOOLEAN",
            Self::Blob => "BLOB",
            Self::Date => "DATE",
            Self::Timestamp => "TIMESTAMP",
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value, borrowed from a row or owned.
#[derive(Clone, Debug, Default)]
pub enum Value<'a> {
    /// No value.
    #[default]
    Null,
    /// A signed 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// True or false.
    Boolean(bool),
    /// A string of bytes.
    Blob(Cow<'a, [u8]>),
    /// Days from 1970-01-01.
    Date(i32),
    /// Microseconds from 1970-01-01 00:00:00.
    Timestamp(i64),
}

impl<'a> Value<'a> {
    /// A text value.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// A blob value.
    pub fn blob(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::Blob(bytes.into())
    }

    /// Whether this is NULL.
    #[inline]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The type, or `None` of NULL.
    pub fn column_type(&self) -> Option<ColumnType> {
        Some(match self {
            Self::Null => return None,
            Self::Integer(_) => ColumnType::Integer,
            Self::Real(_) => ColumnType::Real,
            Self::Text(_) => ColumnType::Text,
            Self::Boolean(_) => ColumnType::Boolean,
            Self::Blob(_) => ColumnType::Blob,
            Self::Date(_) => ColumnType::Date,
            Self::Timestamp(_) => ColumnType::Timestamp,
        })
    }

    /// The same value with bytes of its own; allocates only for borrowed text and blobs.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(integer) => Value::Integer(integer),
            Self::Real(real) => Value::Real(real),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Boolean(boolean) => Value::Boolean(boolean),
            Self::Blob(bytes) => Value::Blob(Cow::Owned(bytes.into_owned())),
            Self::Date(days) => Value::Date(days),
            Self::Timestamp(micros) => Value::Timestamp(micros),
        }
    }

    /// The same value, borrowing from this one.
    #[inline]
    pub fn as_borrowed(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Real(real) => Value::Real(*real),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Boolean(boolean) => Value::Boolean(*boolean),
            Self::Blob(bytes) => Value::Blob(Cow::Borrowed(bytes)),
            Self::Date(days) => Value::Date(*days),
            Self::Timestamp(micros) => Value::Timestamp(*micros),
        }
    }

    /// The total order of the indexes: NULL, booleans, numbers, dates, timestamps, texts, blobs.
    pub fn compare(&self, other: &Value<'_>) -> Ordering {
        match (self, other) {
            (Self::Integer(left), Value::Integer(right)) => left.cmp(right),
            (Self::Real(left), Value::Real(right)) => compare_reals(*left, *right),
            (Self::Integer(left), Value::Real(right)) => compare_integer_real(*left, *right),
            (Self::Real(left), Value::Integer(right)) => compare_integer_real(*right, *left).reverse(),
            (Self::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
            (Self::Blob(left), Value::Blob(right)) => left.cmp(right),
            (Self::Boolean(left), Value::Boolean(right)) => left.cmp(right),
            (Self::Date(left), Value::Date(right)) => left.cmp(right),
            (Self::Timestamp(left), Value::Timestamp(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// The beginning of the value: values of which these differ are in the order of these; of two of which they are alike,
    /// nothing is known. O(1).
    pub fn abbreviation(&self) -> (u8, u64) {
        let word = match self {
            Self::Null => 0,
            // Rounded, which keeps the order among integers and reals.
            Self::Integer(integer) => TotalF64::new(*integer as f64).word(0),
            Self::Real(real) => TotalF64::new(*real).word(0),
            Self::Text(text) => text.word(0),
            Self::Boolean(boolean) => u64::from(*boolean),
            Self::Blob(bytes) => bytes.word(0),
            Self::Date(days) => days.word(0),
            Self::Timestamp(micros) => micros.word(0),
        };
        (self.rank(), word)
    }

    /// The place of the value's kind in the total order.
    #[inline]
    pub(crate) fn rank(&self) -> u8 {
        self.column_type().map_or(0, Self::rank_of_type)
    }

    /// The place of a type's values in the total order; NULL is at 0.
    #[inline]
    pub(crate) fn rank_of_type(column_type: ColumnType) -> u8 {
        match column_type {
            ColumnType::Boolean => 1,
            ColumnType::Integer | ColumnType::Real => 2,
            ColumnType::Date => 3,
            ColumnType::Timestamp => 4,
            ColumnType::Text => 5,
            ColumnType::Blob => 6,
        }
    }
}

/// Orders reals totally: `-0.0` equals `0.0`, NaN equals itself and is the greatest.
pub fn compare_reals(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// Orders an integer and a real by their exact numeric values, with no rounding of either.
pub fn compare_integer_real(integer: i64, real: f64) -> Ordering {
    /// 2^63, the first real above every `i64`.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if real.is_nan() || real >= LIMIT {
        return Ordering::Less;
    }
    if real < -LIMIT {
        return Ordering::Greater;
    }
    // In range, so truncation is exact for the whole part; the fraction decides between equals.
    let whole = real.trunc();
    integer.cmp(&(whole as i64)).then_with(|| compare_reals(0.0, real - whole))
}

/// Equality of [`Value::compare`], so NULL equals NULL.
impl<'b> PartialEq<Value<'b>> for Value<'_> {
    fn eq(&self, other: &Value<'b>) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

impl Eq for Value<'_> {}

impl<'b> PartialOrd<Value<'b>> for Value<'_> {
    fn partial_cmp(&self, other: &Value<'b>) -> Option<Ordering> {
        Some(self.compare(other))
    }
}

impl Ord for Value<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

/// Agrees with equality: an integer and a real of the same value hash alike.
impl Hash for Value<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.rank());
        match self {
            Self::Null => {}
            Self::Integer(integer) => state.write_i64(*integer),
            Self::Real(real) => hash_real(*real, state),
            Self::Text(text) => text.hash(state),
            Self::Boolean(boolean) => state.write_u8(u8::from(*boolean)),
            Self::Blob(bytes) => bytes.hash(state),
            Self::Date(days) => state.write_i32(*days),
            Self::Timestamp(micros) => state.write_i64(*micros),
        }
    }
}

fn hash_real<H: Hasher>(real: f64, state: &mut H) {
    let integer = real as i64;
    if compare_integer_real(integer, real) == Ordering::Equal {
        state.write_i64(integer);
    } else if real.is_nan() {
        state.write_u64(f64::NAN.to_bits());
    } else {
        state.write_u64(real.to_bits());
    }
}

/// Values of the types that hold any number of another.
macro_rules! from_number {
    ($($from:ty => $variant:ident;)*) => {$(
        impl From<$from> for Value<'_> {
            fn from(number: $from) -> Self {
                Self::$variant(number.into())
            }
        }
    )*};
}

from_number! {
    i64 => Integer;
    i32 => Integer;
    i16 => Integer;
    i8 => Integer;
    u32 => Integer;
    u16 => Integer;
    u8 => Integer;
    f64 => Real;
    f32 => Real;
}

impl From<bool> for Value<'_> {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Blob(Cow::Borrowed(bytes))
    }
}

impl<'a, const LEN: usize> From<&'a [u8; LEN]> for Value<'a> {
    fn from(bytes: &'a [u8; LEN]) -> Self {
        Self::Blob(Cow::Borrowed(bytes))
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Blob(Cow::Borrowed(bytes))
    }
}

impl<'a> From<Cow<'a, [u8]>> for Value<'a> {
    fn from(bytes: Cow<'a, [u8]>) -> Self {
        Self::Blob(bytes)
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(Cow::Owned(bytes))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
