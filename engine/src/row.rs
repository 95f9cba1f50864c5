//! A stored row: one run of bytes, any column in constant time.
//!
//! ```text
//! [count: u16][kind: u8 × count][padding to 8][slot: 8 bytes × count][bytes of texts and blobs]
//! ```
//!
//! A slot holds the value itself, or the offset and length of its bytes in the tail. The kinds make a row
//! self-describing, so it is read without its schema, and a row written before a column was added simply ends earlier.
//!
//! A [`Row`] is only ever borrowed, as a `str` is; the owned form is [`RowBuf`]. That is a node of a chain of versions, so
//! a commit links the row that a statement made as it is, and a reader finds timestamp and columns on one cache line.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

use manicule_index::{ChainNode, IndexKey, TotalF64};
use ref_cast::RefCast;
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::ids::Timestamp;
use crate::value::{ColumnType, Value};

/// The largest row in bytes: offsets are 32 bits wide.
pub const ROW_BYTES_MAX: usize = u32::MAX as usize;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BOOLEAN: u8 = 4;
const BLOB: u8 = 5;
const DATE: u8 = 6;
const TIMESTAMP: u8 = 7;

/// An immutable row, borrowed.
#[derive(PartialEq, Eq, RefCast)]
#[repr(transparent)]
pub struct Row {
    bytes: [u8],
}

/// An immutable row, owned: one allocation.
///
/// ```
/// use manicule_engine::{Row, RowBuf, Value};
///
/// let row: RowBuf = Row::new(&[Value::from(7), Value::from("seven")]);
/// assert_eq!(row.get(1), Value::from("seven"));
/// ```
#[derive(Clone)]
pub struct RowBuf {
    node: ChainNode<Timestamp>,
}

impl RowBuf {
    /// The row as a version that begins at `timestamp`.
    pub(crate) fn into_version(self, timestamp: Timestamp) -> ChainNode<Timestamp> {
        let mut node = self.node;
        node.set_header(timestamp);
        node
    }

    fn with_bytes(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        Self { node: ChainNode::new(Timestamp(0), len, fill) }
    }
}

impl Deref for RowBuf {
    type Target = Row;

    #[inline]
    fn deref(&self) -> &Row {
        Row::ref_cast(self.node.bytes())
    }
}

impl Borrow<Row> for RowBuf {
    fn borrow(&self) -> &Row {
        self
    }
}

impl ToOwned for Row {
    type Owned = RowBuf;

    fn to_owned(&self) -> RowBuf {
        RowBuf::with_bytes(self.bytes.len(), |bytes| bytes.copy_from_slice(&self.bytes))
    }
}

impl PartialEq for RowBuf {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for RowBuf {}

impl fmt::Debug for RowBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Row {
    /// Encodes `values` in column order.
    ///
    /// # Panics
    ///
    /// With more than 65,535 values or more than [`ROW_BYTES_MAX`] bytes, which [`check_size`](Self::check_size) finds.
    #[expect(clippy::new_ret_no_self, reason = "a row is unsized; its owned form is `RowBuf`")]
    pub fn new(values: &[Value<'_>]) -> RowBuf {
        Self::try_new(values).expect("a row has at most 65,535 values and 4 GiB")
    }

    /// [`new`](Self::new) for values that may be too many or too large.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`].
    pub fn try_new(values: &[Value<'_>]) -> Result<RowBuf> {
        let (count, len) = checked_size(values)?;
        let slots = slots_offset(values.len());
        let mut tail = slots + 8 * values.len();
        Ok(RowBuf::with_bytes(len, |bytes| {
            bytes[..2].copy_from_slice(&count.to_le_bytes());
            for (column, value) in values.iter().enumerate() {
                bytes[2 + column] = kind(value);
                bytes[slots + 8 * column..][..8].copy_from_slice(&slot_of(value, tail).to_le_bytes());
                let content = match value {
                    Value::Text(text) => text.as_bytes(),
                    Value::Blob(blob) => blob,
                    _ => continue,
                };
                bytes[tail..][..content.len()].copy_from_slice(content);
                tail += content.len();
            }
        }))
    }

    /// The row with other values in some columns; it reaches to `column_count`, with NULL in columns that it did not reach. Where
    /// the values before and after are all of fixed width, the rest is copied as it lies.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`].
    ///
    /// # Panics
    ///
    /// If a column is not below `column_count`.
    pub fn with_values(&self, column_count: usize, changes: &[(usize, Value<'_>)]) -> Result<RowBuf> {
        let is_fixed = |(column, value): &(usize, Value<'_>)| {
            let before = self.stored(*column).is_some_and(|stored| !matches!(stored.kind, TEXT | BLOB));
            before && !matches!(value, Value::Text(_) | Value::Blob(_))
        };
        if self.column_count() != column_count || !changes.iter().all(is_fixed) {
            let mut values: SmallVec<[Value<'_>; 8]> = (0..column_count).map(|column| self.get(column)).collect();
            changes.iter().for_each(|(column, value)| values[*column] = value.as_borrowed());
            return Self::try_new(&values);
        }
        let slots = slots_offset(column_count);
        Ok(RowBuf::with_bytes(self.bytes.len(), |bytes| {
            bytes.copy_from_slice(&self.bytes);
            for (column, value) in changes {
                bytes[2 + column] = kind(value);
                bytes[slots + 8 * column..][..8].copy_from_slice(&slot_of(value, 0).to_le_bytes());
            }
        }))
    }

    /// Whether the values are not too large for a row.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`].
    pub fn check_size(values: &[Value<'_>]) -> Result<()> {
        checked_size(values).map(drop)
    }

    /// The row of bytes that [`as_bytes`](Self::as_bytes) gave; `None` if they are not a row.
    pub fn from_bytes(bytes: &[u8]) -> Option<RowBuf> {
        let count = usize::from(u16::from_le_bytes(*bytes.first_chunk()?));
        let slots = slots_offset(count);
        let tail = slots + 8 * count;
        let kinds = bytes.get(2..2 + count)?;
        let (slots, _) = bytes.get(slots..tail)?.as_chunks();
        let is_row = kinds.iter().zip(slots).all(|(kind, slot)| {
            let slot = u64::from_le_bytes(*slot);
            let start = (slot >> 32) as usize;
            let content = || bytes.get(start..start + (slot as u32) as usize).filter(|_| start >= tail);
            match *kind {
                TEXT => content().is_some_and(|text| std::str::from_utf8(text).is_ok()),
                BLOB => content().is_some(),
                NULL => slot == 0,
                BOOLEAN => slot <= 1,
                DATE => slot <= u64::from(u32::MAX),
                kind => kind <= TIMESTAMP,
            }
        });
        is_row.then(|| Self::ref_cast(bytes).to_owned())
    }

    /// The row of a version, or `None` if it is the one of a delete.
    #[inline]
    pub(crate) fn of_version(bytes: &[u8]) -> Option<&Self> {
        if bytes.is_empty() { None } else { Some(Self::ref_cast(bytes)) }
    }

    /// How many columns the row has.
    #[inline]
    pub fn column_count(&self) -> usize {
        self.bytes.first_chunk().map_or(0, |count| usize::from(u16::from_le_bytes(*count)))
    }

    /// The value of a column, in constant time; NULL for a column that the row does not reach.
    #[inline]
    pub fn get(&self, column: usize) -> Value<'_> {
        let Some(Stored { kind, slot }) = self.stored(column) else { return Value::Null };
        match kind {
            INTEGER => Value::Integer(slot as i64),
            REAL => Value::Real(f64::from_bits(slot)),
            BOOLEAN => Value::Boolean(slot != 0),
            DATE => Value::Date(slot as i32),
            TIMESTAMP => Value::Timestamp(slot as i64),
            TEXT => self.text(slot),
            BLOB => Value::Blob(Cow::Borrowed(self.tail(slot))),
            _ => Value::Null,
        }
    }

    /// All values in column order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Value<'_>> {
        (0..self.column_count()).map(|column| self.get(column))
    }

    /// The size of the row in bytes.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The encoded row.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The content of a column as it is stored, NULL included; `None` for a column that the row does not reach.
    #[inline]
    pub(crate) fn stored(&self, column: usize) -> Option<Stored> {
        let count = self.column_count();
        if column >= count {
            return None;
        }
        let slot = self.bytes.get(slots_offset(count) + 8 * column..)?.first_chunk()?;
        Some(Stored { kind: *self.bytes.get(2 + column)?, slot: u64::from_le_bytes(*slot) })
    }

    /// The types of all values in column order, `None` for NULL. Cheaper than reading the values.
    pub(crate) fn column_types(&self) -> impl Iterator<Item = Option<ColumnType>> {
        let kinds = self.bytes.get(2..2 + self.column_count()).unwrap_or_default();
        kinds.iter().map(|kind| match *kind {
            INTEGER => Some(ColumnType::Integer),
            REAL => Some(ColumnType::Real),
            TEXT => Some(ColumnType::Text),
            BOOLEAN => Some(ColumnType::Boolean),
            BLOB => Some(ColumnType::Blob),
            DATE => Some(ColumnType::Date),
            TIMESTAMP => Some(ColumnType::Timestamp),
            _ => None,
        })
    }

    /// The integer that a column holds; `None` for NULL and every other kind. Cheaper than reading it as a value.
    #[inline]
    pub fn integer(&self, column: usize) -> Option<i64> {
        let stored = self.stored(column)?;
        (stored.kind == INTEGER).then_some(stored.slot as i64)
    }

    /// The real that a column holds; `None` for NULL and every other kind.
    #[inline]
    pub fn real(&self, column: usize) -> Option<f64> {
        let stored = self.stored(column)?;
        (stored.kind == REAL).then_some(f64::from_bits(stored.slot))
    }

    /// The bytes of the text that a column holds; `None` for NULL and every other kind. Cheaper than reading it as a value,
    /// which makes sure of its characters.
    #[inline]
    pub fn text_bytes(&self, column: usize) -> Option<&[u8]> {
        let stored = self.stored(column)?;
        (stored.kind == TEXT).then(|| self.tail(stored.slot))
    }

    /// Whether a column holds the same value, of the same kind, as in another row. Cheaper than reading both.
    #[inline]
    pub(crate) fn has_same_value(&self, other: &Self, column: usize) -> bool {
        match (self.stored(column), other.stored(column)) {
            (Some(own), Some(others)) if own.kind == others.kind && matches!(own.kind, TEXT | BLOB) => {
                self.tail(own.slot) == other.tail(others.slot)
            }
            (own, others) => own == others,
        }
    }

    /// Whether a column holds NULL; cheaper than reading it.
    #[inline]
    pub fn is_null(&self, column: usize) -> bool {
        self.stored(column).is_none_or(|stored| stored.kind == NULL)
    }

    /// The text of a slot. Apart from `get`, so that this is short enough to be inlined where rows are read.
    #[inline(never)]
    fn text(&self, slot: u64) -> Value<'_> {
        // The bytes came from a `str`; the check is cheaper than an unsafe block is dear.
        Value::Text(Cow::Borrowed(std::str::from_utf8(self.tail(slot)).unwrap_or_default()))
    }

    #[inline]
    fn tail(&self, slot: u64) -> &[u8] {
        let start = (slot >> 32) as usize;
        &self.bytes[start..start + (slot as u32) as usize]
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

/// The content of a column as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    kind: u8,
    slot: u64,
}

impl Stored {
    /// The order-preserving word of a value of fixed width, as [`KeyShape`](crate::key::KeyShape) has it; `None` for NULL,
    /// texts and blobs.
    #[inline]
    pub(crate) fn word(self) -> Option<u64> {
        match self.kind {
            INTEGER | TIMESTAMP => Some((self.slot as i64).word(0)),
            REAL => Some(TotalF64::new(f64::from_bits(self.slot)).word(0)),
            DATE => Some(i64::from(self.slot as i32).word(0)),
            BOOLEAN => Some(self.slot),
            _ => None,
        }
    }
}

/// Where the slots begin, aligned to eight bytes.
#[inline]
fn slots_offset(count: usize) -> usize {
    (2 + count + 7) & !7
}

fn kind(value: &Value<'_>) -> u8 {
    match value {
        Value::Null => NULL,
        Value::Integer(_) => INTEGER,
        Value::Real(_) => REAL,
        Value::Text(_) => TEXT,
        Value::Boolean(_) => BOOLEAN,
        Value::Blob(_) => BLOB,
        Value::Date(_) => DATE,
        Value::Timestamp(_) => TIMESTAMP,
    }
}

/// How many values there are and how many bytes they take as a row.
#[inline]
fn checked_size(values: &[Value<'_>]) -> Result<(u16, usize)> {
    let len = slots_offset(values.len()) + 8 * values.len() + values.iter().map(tail_bytes).sum::<usize>();
    match u16::try_from(values.len()) {
        Ok(count) if len <= ROW_BYTES_MAX => Ok((count, len)),
        Ok(_) => Err(Error::TooLarge { what: "the size of a row in bytes", limit: ROW_BYTES_MAX }),
        Err(_) => Err(Error::TooLarge { what: "the number of values of a row", limit: usize::from(u16::MAX) }),
    }
}

fn tail_bytes(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(blob) => blob.len(),
        _ => 0,
    }
}

fn slot_of(value: &Value<'_>, tail: usize) -> u64 {
    match value {
        Value::Null => 0,
        Value::Integer(integer) | Value::Timestamp(integer) => *integer as u64,
        Value::Real(real) => real.to_bits(),
        Value::Boolean(boolean) => u64::from(*boolean),
        Value::Date(days) => *days as u32 as u64,
        Value::Text(text) => ((tail as u64) << 32) | text.len() as u64,
        Value::Blob(blob) => ((tail as u64) << 32) | blob.len() as u64,
    }
}
