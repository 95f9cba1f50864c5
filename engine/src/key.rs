//! Keys: from the values of an index's columns to what the index structures compare.
//!
//! An index over one column of fixed width has *word* keys: eight bytes whose unsigned order is the order of the
//! values, with NULL apart. Every other index has *byte* keys: each column as a self-delimiting, order-preserving byte
//! string, one after the other, so that comparing bytes compares columns from left to right.
//!
//! See [`KeyEncoder`] for the bytes. (A descending word key is stored ascending; the scan turns round.)
//!
//! Values are fitted to the column's type first, because a comparison may name a value the column cannot hold: `x = 3.0`
//! on an INTEGER column is `x = 3`, `x > 3.5` is `x > 3`, and `x = 3.5` has no answer.

mod fit;

use std::borrow::Cow;
use std::ops::Bound;

use manicule_index::set::{KeyForm, Repeats};
use manicule_index::{ColumnOrder, IndexKey, KeyDecoder, KeyEncoder, OrderedWord, TotalF64};
use smallvec::SmallVec;

use crate::catalog::IndexColumn;
use crate::range::{Direction, KeyRange};
use crate::row::Row;
use crate::value::{ColumnType, Value};
use fit::{Fit, fit, fit_lower, fit_upper};

pub(crate) use manicule_index::set::{Key, KeyBytes, KeyRef, KeySpan};

/// The columns of an index's key and how they become a [`Key`].
#[derive(Clone, Debug)]
pub(crate) struct KeyShape {
    columns: SmallVec<[KeyColumn; 4]>,
    /// The one column of an index whose keys are words.
    word: Option<KeyColumn>,
}

#[derive(Clone, Copy, Debug)]
struct KeyColumn {
    column: usize,
    column_type: ColumnType,
    descending: bool,
}

impl KeyShape {
    pub(crate) fn new(columns: &[IndexColumn], type_of: impl Fn(usize) -> ColumnType) -> Self {
        let columns: SmallVec<[KeyColumn; 4]> = columns
            .iter()
            .map(|index_column| KeyColumn {
                column: index_column.column,
                column_type: type_of(index_column.column),
                descending: index_column.descending,
            })
            .collect();
        let word = match columns.as_slice() {
            [column] if has_fixed_width(column.column_type) => Some(*column),
            _ => None,
        };
        Self { columns, word }
    }

    /// How many columns the key has.
    #[inline]
    pub(crate) fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// Whether keys are words.
    pub(crate) fn has_words(&self) -> bool {
        self.word.is_some()
    }

    /// The form of the keys.
    pub(crate) fn form(&self) -> KeyForm {
        if self.has_words() { KeyForm::Words } else { KeyForm::Bytes }
    }

    /// Whether the stored order runs against the index's declared order.
    pub(crate) fn is_stored_reversed(&self) -> bool {
        self.word.is_some_and(|column| column.descending)
    }

    /// The key of a stored row.
    #[inline]
    pub(crate) fn of_row(&self, row: &Row) -> Key {
        if self.has_words() {
            return self.word_of_row(row).map_or(Key::Null, Key::Word);
        }
        let mut bytes = KeyBytes::new();
        let mut repeats = Repeats::No;
        for column in &self.columns {
            let value = row.get(column.column);
            if value.is_null() {
                repeats = Repeats::Yes;
            }
            push(&mut bytes, &value, column.descending);
        }
        Key::Bytes(bytes, repeats)
    }

    /// The word of a key that is one integer, in a column of integers: what most keys are.
    #[inline]
    pub(crate) fn integer_word(&self, values: &[Value<'_>]) -> Option<u64> {
        match (self.word, values) {
            (Some(KeyColumn { column_type: ColumnType::Integer, .. }), [Value::Integer(integer)]) => {
                Some(integer.word(0))
            }
            _ => None,
        }
    }

    /// The key that equals `values`, or `None` if no row can have it.
    #[inline]
    pub(crate) fn of_values(&self, values: &[Value<'_>]) -> Option<Key> {
        debug_assert_eq!(values.len(), self.columns.len(), "a lookup has one value for each column of the key");
        if let Some(word) = self.integer_word(values) {
            return Some(Key::Word(word));
        }
        match (self.word, values) {
            (Some(column), [value]) => match fit(value, column.column_type) {
                Fit::Exact(value) => Some(word_of(&value).map_or(Key::Null, Key::Word)),
                Fit::JustAbove(_) | Fit::Below | Fit::Above => None,
            },
            (_, values) => self.bytes_of_values(values),
        }
    }

    /// [`of_values`](Self::of_values) where keys are bytes.
    #[inline(never)]
    fn bytes_of_values(&self, values: &[Value<'_>]) -> Option<Key> {
        let mut bytes = KeyBytes::new();
        let mut repeats = Repeats::No;
        for (column, value) in self.columns.iter().zip(values) {
            let Fit::Exact(value) = fit(value, column.column_type) else { return None };
            if value.is_null() {
                repeats = Repeats::Yes;
            }
            push(&mut bytes, &value, column.descending);
        }
        Some(Key::Bytes(bytes, repeats))
    }

    /// Whether a row has the key.
    #[inline]
    pub(crate) fn matches(&self, row: &Row, key: &Key) -> bool {
        match key {
            Key::Word(word) => self.word_of_row(row) == Some(*word),
            Key::Null => self.word_of_row(row).is_none(),
            Key::Bytes(..) => self.matches_bytes(row, key),
        }
    }

    /// Whether two rows have the same values in the key's columns: then they have the same key. That is sooner told than by making
    /// the keys, which may be the same also where values only compare equal.
    #[inline]
    pub(crate) fn has_same_values(&self, left: &Row, right: &Row) -> bool {
        self.columns.iter().all(|column| left.has_same_value(right, column.column))
    }

    /// [`matches`](Self::matches) where keys are bytes. Apart, so that the other is short enough to be inlined where rows are
    /// read.
    #[inline(never)]
    fn matches_bytes(&self, row: &Row, key: &Key) -> bool {
        self.of_row(row) == *key
    }

    /// Whether a row has the key of an entry.
    #[inline]
    pub(crate) fn matches_entry(&self, row: &Row, entry: KeyRef<'_>) -> bool {
        match entry {
            KeyRef::Null => self.word_of_row(row).is_none(),
            KeyRef::Word(word) => self.word_of_row(row) == Some(word),
            KeyRef::Bytes(_) => entry == self.of_row(row),
        }
    }

    /// The key of a row in a word index, `None` for NULL.
    #[inline]
    pub(crate) fn word_of_row(&self, row: &Row) -> Option<u64> {
        row.stored(self.word?.column)?.word()
    }

    /// The value of the column at `position` in a key of this shape.
    #[inline]
    pub(crate) fn value<'k>(&self, key: KeyRef<'k>, position: usize) -> Value<'k> {
        match (key, self.word) {
            (KeyRef::Word(word), Some(column)) => value_of(word, column.column_type),
            (KeyRef::Bytes(bytes), _) => self.value_of_bytes(bytes, position),
            (KeyRef::Null | KeyRef::Word(_), _) => Value::Null,
        }
    }

    /// The value of a key that is the word of an integer.
    #[inline]
    pub(crate) fn integer(&self, key: KeyRef<'_>) -> Option<i64> {
        match (key, self.word) {
            (KeyRef::Word(word), Some(KeyColumn { column_type: ColumnType::Integer, .. })) => {
                Some(i64::from_key_word(word))
            }
            _ => None,
        }
    }

    /// [`value`](Self::value) where keys are bytes.
    fn value_of_bytes<'k>(&self, bytes: &'k [u8], position: usize) -> Value<'k> {
        let mut decoder = KeyDecoder::new(bytes);
        self.columns[..position].iter().for_each(|column| drop(next_value(&mut decoder, *column)));
        next_value(&mut decoder, self.columns[position])
    }

    /// The keys of `range`.
    pub(crate) fn span(&self, range: &KeyRange<'_>) -> KeySpan {
        let mut prefix = KeyBytes::new();
        for (column, value) in self.columns.iter().zip(&range.prefix) {
            let Fit::Exact(value) = fit(value, column.column_type) else { return KeySpan::Empty };
            if self.has_words() {
                let word = word_of(&value);
                return KeySpan::Words {
                    nulls: word.is_none(),
                    words: word.map(|word| (Bound::Included(word), Bound::Included(word))),
                };
            }
            push(&mut prefix, &value, column.descending);
        }
        let Some(column) = self.columns.get(range.prefix.len()) else {
            return KeySpan::Bytes { end: successor(&prefix), start: prefix };
        };
        if self.has_words() {
            let lower = fit_lower(&range.lower, column.column_type);
            let upper = fit_upper(&range.upper, column.column_type);
            return lower.zip(upper).map_or(KeySpan::Empty, |(lower, upper)| word_span(&lower, &upper));
        }
        let columns = &self.columns[range.prefix.len()..];
        let lower = key_bound(prefix.clone(), columns, (&range.lower, &range.lower_rest), Side::Lower);
        let upper = key_bound(prefix.clone(), columns, (&range.upper, &range.upper_rest), Side::Upper);
        let bounds = lower.zip(upper);
        bounds.map_or(KeySpan::Empty, |(lower, upper)| byte_span(&prefix, lower, upper, column.descending))
    }
}

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Lower,
    Upper,
}

/// Whether values of the type become words.
fn has_fixed_width(column_type: ColumnType) -> bool {
    match column_type {
        ColumnType::Integer | ColumnType::Real | ColumnType::Boolean | ColumnType::Date | ColumnType::Timestamp => true,
        ColumnType::Text | ColumnType::Blob => false,
    }
}

/// The order-preserving word of a value of fixed width; `None` of NULL (and of text and blobs, which have none).
#[inline]
fn word_of(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Integer(integer) | Value::Timestamp(integer) => Some(integer.word(0)),
        Value::Real(real) => Some(TotalF64::new(*real).word(0)),
        Value::Boolean(boolean) => Some(u64::from(*boolean)),
        Value::Date(days) => Some(i64::from(*days).word(0)),
        Value::Null | Value::Text(_) | Value::Blob(_) => None,
    }
}

/// The value of a type of fixed width that has this word.
#[inline]
fn value_of(word: u64, column_type: ColumnType) -> Value<'static> {
    match column_type {
        ColumnType::Integer => Value::Integer(i64::from_key_word(word)),
        ColumnType::Timestamp => Value::Timestamp(i64::from_key_word(word)),
        ColumnType::Real => Value::Real(TotalF64::from_key_word(word).get()),
        ColumnType::Boolean => Value::Boolean(word != 0),
        // Its word was made of an i32.
        ColumnType::Date => Value::Date(i64::from_key_word(word) as i32),
        ColumnType::Text | ColumnType::Blob => unreachable!("they have no words"),
    }
}

/// Takes one column off a byte key.
fn next_value<'k>(decoder: &mut KeyDecoder<'k>, column: KeyColumn) -> Value<'k> {
    let order = order_of(column.descending);
    let value = match column.column_type {
        ColumnType::Integer => decoder.next_i64(order).map(Value::Integer),
        ColumnType::Timestamp => decoder.next_i64(order).map(Value::Timestamp),
        ColumnType::Real => decoder.next_f64(order).map(Value::Real),
        ColumnType::Boolean => decoder.next_bool(order).map(Value::Boolean),
        // It was made of an i32.
        ColumnType::Date => decoder.next_i64(order).map(|days| Value::Date(days as i32)),
        ColumnType::Text => decoder.next_bytes(order).map(|bytes| Value::Text(text_of(bytes))),
        ColumnType::Blob => decoder.next_bytes(order).map(Value::Blob),
    };
    value.unwrap_or(Value::Null)
}

fn text_of(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    const OF_A_TEXT: &str = "it was made of a text";
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).expect(OF_A_TEXT)),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).expect(OF_A_TEXT)),
    }
}

fn order_of(descending: bool) -> ColumnOrder {
    if descending { ColumnOrder::DESCENDING } else { ColumnOrder::ASCENDING }
}

/// Appends one column of a byte key.
fn push(bytes: &mut KeyBytes, value: &Value<'_>, descending: bool) {
    let order = order_of(descending);
    let mut encoder = KeyEncoder::new(bytes);
    match value {
        Value::Null => encoder.push_null(order),
        Value::Integer(integer) | Value::Timestamp(integer) => encoder.push_i64(*integer, order),
        Value::Real(real) => encoder.push_f64(*real, order),
        Value::Boolean(boolean) => encoder.push_bool(*boolean, order),
        Value::Date(days) => encoder.push_i64(i64::from(*days), order),
        Value::Text(text) => encoder.push_bytes(text.as_bytes(), order),
        Value::Blob(blob) => encoder.push_bytes(blob, order),
    }
}

/// The part of a span that a walk has passed when it stands at `last`.
pub(crate) fn until(span: KeySpan, last: &Key, direction: Direction) -> KeySpan {
    match (span, last, direction) {
        (KeySpan::Words { nulls: true, .. }, Key::Null, Direction::Forward) => {
            KeySpan::Words { nulls: true, words: None }
        }
        (KeySpan::Words { nulls, words: Some((start, _)) }, Key::Word(word), Direction::Forward) => {
            KeySpan::Words { nulls, words: Some((start, Bound::Included(*word))) }
        }
        (KeySpan::Words { words: Some((_, end)), .. }, Key::Word(word), Direction::Backward) => {
            KeySpan::Words { nulls: false, words: Some((Bound::Included(*word), end)) }
        }
        (KeySpan::Bytes { start, end }, Key::Bytes(last, _), Direction::Forward) => {
            KeySpan::Bytes { start, end: successor(last).or(end) }
        }
        (KeySpan::Bytes { end, .. }, Key::Bytes(last, _), Direction::Backward) => {
            KeySpan::Bytes { start: last.clone(), end }
        }
        (span, _, _) => span,
    }
}

/// The least byte string above all that begin with `prefix`; `None` if there is none.
fn successor(prefix: &KeyBytes) -> Option<KeyBytes> {
    prefix.prefix_end()
}

fn word_span(lower: &Bound<Value<'_>>, upper: &Bound<Value<'_>>) -> KeySpan {
    let nulls = matches!(lower, Bound::Unbounded | Bound::Included(Value::Null));
    let start = match lower {
        Bound::Included(value) => word_of(value).map_or(Bound::Unbounded, Bound::Included),
        Bound::Excluded(value) => word_of(value).map_or(Bound::Unbounded, Bound::Excluded),
        Bound::Unbounded => Bound::Unbounded,
    };
    let end = match upper {
        Bound::Included(Value::Null) => return KeySpan::Words { nulls, words: None },
        Bound::Included(value) => word_of(value).map_or(Bound::Unbounded, Bound::Included),
        Bound::Excluded(value) => word_of(value).map_or(Bound::Unbounded, Bound::Excluded),
        Bound::Unbounded => Bound::Unbounded,
    };
    KeySpan::Words { nulls, words: Some((start, end)) }
}

/// The bytes of a bound on `columns`, which follow the prefix; `None` if nothing lies within it.
fn key_bound(
    prefix: KeyBytes,
    columns: &[KeyColumn],
    (first, rest): (&Bound<Value<'_>>, &[Value<'_>]),
    side: Side,
) -> Option<Bound<KeyBytes>> {
    let (first, included) = match first {
        Bound::Unbounded => return Some(Bound::Unbounded),
        Bound::Included(value) => (value, true),
        Bound::Excluded(value) => (value, false),
    };
    let mut key = prefix;
    for (position, value) in std::iter::once(first).chain(rest).enumerate() {
        let in_order = |column: &&KeyColumn| column.descending == columns[0].descending;
        let Some(column) = columns.get(position).filter(in_order) else { return Some(Bound::Included(key)) };
        let below = match (fit(value, column.column_type), side) {
            (Fit::Exact(value), _) => {
                push(&mut key, &value, column.descending);
                continue;
            }
            (Fit::JustAbove(value), _) => value,
            (Fit::Below, _) => Value::Null,
            (Fit::Above, Side::Lower) if position == 0 => return None,
            (Fit::Above, Side::Upper) if position == 0 => return Some(Bound::Unbounded),
            (Fit::Above, Side::Lower) => return Some(Bound::Excluded(key)),
            (Fit::Above, Side::Upper) => return Some(Bound::Included(key)),
        };
        // It lies between this value and the next, so no key equals it and the rest does not matter.
        push(&mut key, &below, column.descending);
        return Some(if side == Side::Lower { Bound::Excluded(key) } else { Bound::Included(key) });
    }
    Some(if included { Bound::Included(key) } else { Bound::Excluded(key) })
}

fn byte_span(prefix: &KeyBytes, lower: Bound<KeyBytes>, upper: Bound<KeyBytes>, descending: bool) -> KeySpan {
    // A descending column's bytes are inverted, so its greatest value comes first.
    let (first, last) = if descending { (upper, lower) } else { (lower, upper) };
    let start = match first {
        Bound::Unbounded => Some(prefix.clone()),
        Bound::Included(key) => Some(key),
        Bound::Excluded(key) => successor(&key),
    };
    let end = match last {
        Bound::Unbounded => successor(prefix),
        Bound::Included(key) => successor(&key),
        Bound::Excluded(key) => Some(key),
    };
    match start {
        Some(start) if end.as_ref().is_none_or(|end| start < *end) => KeySpan::Bytes { start, end },
        _ => KeySpan::Empty,
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;
    use proptest::prelude::*;

    fn shape(types: &[ColumnType], descending: &[bool]) -> KeyShape {
        let columns: Vec<IndexColumn> =
            (0..types.len()).map(|column| IndexColumn { column, descending: descending[column] }).collect();
        KeyShape::new(&columns, |column| types[column])
    }

    fn any_value(column_type: ColumnType) -> BoxedStrategy<Value<'static>> {
        let value = match column_type {
            ColumnType::Integer => prop_oneof![-3..3_i64, any::<i64>()].prop_map(Value::Integer).boxed(),
            ColumnType::Real => {
                prop_oneof![(-3..3_i32).prop_map(f64::from), any::<f64>()].prop_map(Value::Real).boxed()
            }
            _ => prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xff), any::<u8>()], 0..5)
                .prop_map(Value::from)
                .boxed(),
        };
        prop_oneof![1 => Just(Value::Null), 6 => value].boxed()
    }

    fn satisfies(value: &Value<'_>, lower: &Bound<Value<'_>>, upper: &Bound<Value<'_>>) -> bool {
        let above = match lower {
            Bound::Unbounded => true,
            Bound::Included(bound) => value >= bound,
            Bound::Excluded(bound) => value > bound,
        };
        let below = match upper {
            Bound::Unbounded => true,
            Bound::Included(bound) => value <= bound,
            Bound::Excluded(bound) => value < bound,
        };
        above && below
    }

    fn any_bound(value: BoxedStrategy<Value<'static>>) -> BoxedStrategy<Bound<Value<'static>>> {
        prop_oneof![
            1 => Just(Bound::Unbounded),
            3 => value.clone().prop_map(Bound::Included),
            3 => value.prop_map(Bound::Excluded),
        ]
        .boxed()
    }

    const TYPES: [ColumnType; 3] = [ColumnType::Integer, ColumnType::Real, ColumnType::Blob];

    proptest! {
        #[test]
        fn order_of_keys_is_order_of_columns(
            left in (any_value(TYPES[0]), any_value(TYPES[1]), any_value(TYPES[2])),
            right in (any_value(TYPES[0]), any_value(TYPES[1]), any_value(TYPES[2])),
            descending in any::<[bool; 3]>(),
        ) {
            let shape = shape(&TYPES, &descending);
            let (left, right) = ([left.0, left.1, left.2], [right.0, right.1, right.2]);
            let by_columns = (0..3)
                .map(|column| {
                    let order = left[column].compare(&right[column]);
                    if descending[column] { order.reverse() } else { order }
                })
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal);
            let by_keys = shape.of_row(&Row::new(&left)).cmp(&shape.of_row(&Row::new(&right)));
            prop_assert_eq!(by_columns, by_keys);
        }

        #[test]
        fn keys_give_the_values_back(
            row in (any_value(TYPES[0]), any_value(TYPES[1]), any_value(TYPES[2])),
            descending in any::<[bool; 3]>(),
        ) {
            let row = [row.0, row.1, row.2];
            let shape_of_all = shape(&TYPES, &descending);
            let key = shape_of_all.of_row(&Row::new(&row));
            for column in 0..3 {
                prop_assert_eq!(&shape_of_all.value(key.as_ref(), column), &row[column]);
                let alone = shape(&TYPES[column..=column], &descending);
                let key = alone.of_row(&Row::new(&row[column..=column]));
                prop_assert_eq!(&alone.value(key.as_ref(), 0), &row[column]);
            }
        }

        #[test]
        fn spans_hold_exactly_the_values_within_bounds(
            kind in 0..3_usize,
            values in prop::collection::vec(prop_oneof![any_value(TYPES[0]), any_value(TYPES[1]), any_value(TYPES[2])], 1..20),
            lower in any_bound(prop_oneof![any_value(TYPES[0]), any_value(TYPES[1]), any_value(TYPES[2])].boxed()),
            upper in any_bound(prop_oneof![any_value(TYPES[0]), any_value(TYPES[1]), any_value(TYPES[2])].boxed()),
            descending in any::<bool>(),
        ) {
            let shape = shape(&TYPES[kind..=kind], &[descending]);
            let span = shape.span(&KeyRange { lower: lower.clone(), upper: upper.clone(), ..KeyRange::all() });
            for value in values.iter().filter(|value| value.column_type().is_none_or(|found| found == TYPES[kind])) {
                let key = shape.of_row(&Row::new(std::slice::from_ref(value)));
                prop_assert_eq!(span.contains(key.as_ref()), satisfies(value, &lower, &upper), "{:?}", value);
            }
        }
    }

    /// Values of any of the types, of which most do not fit a certain column.
    fn any_kind() -> BoxedStrategy<Value<'static>> {
        prop_oneof![any_value(TYPES[0]), any_value(TYPES[1]), any_value(TYPES[2])].boxed()
    }

    proptest! {
        #[test]
        fn bounds_of_rows_hold_exactly_the_rows_within(
            rows in prop::collection::vec((any_value(TYPES[0]), any_value(TYPES[1]), any_value(TYPES[2])), 1..20),
            (first, rest) in (any_kind(), prop::collection::vec(any_kind(), 0..3)),
            (included, is_lower, descending) in any::<(bool, bool, bool)>(),
            fixed in prop::option::of(-3..3_i64),
        ) {
            let shape = shape(&TYPES, &[descending; 3]);
            let bound = if included { Bound::Included(first.clone()) } else { Bound::Excluded(first.clone()) };
            let skipped = usize::from(fixed.is_some());
            let mut range = KeyRange { prefix: fixed.map(Value::Integer).into_iter().collect(), ..KeyRange::all() };
            if is_lower {
                (range.lower, range.lower_rest) = (bound, rest.clone());
            } else {
                (range.upper, range.upper_rest) = (bound, rest.clone());
            }
            let span = shape.span(&range);
            let limit: Vec<Value<'_>> = std::iter::once(first).chain(rest).take(3 - skipped).collect();
            let is_cut = range.lower_rest.len() + range.upper_rest.len() > 2 - skipped;
            for (a, b, c) in rows {
                let row = [a, b, c];
                let ordering = row[skipped..][..limit.len()].cmp(&limit);
                let is_beyond = if is_lower { ordering.is_gt() } else { ordering.is_lt() };
                let is_within = (is_beyond || ordering.is_eq() && (included || is_cut))
                    && fixed.is_none_or(|fixed| row[0] == Value::Integer(fixed));
                let key = shape.of_row(&Row::new(&row));
                prop_assert_eq!(span.contains(key.as_ref()), is_within, "{:?} in {:?}", row, range);
            }
        }
    }

    #[test]
    fn a_bound_of_rows_ends_where_the_direction_turns() {
        let turning = shape(&TYPES, &[false, true, true]);
        let rest = vec![Value::from(2.0), Value::Null];
        let range = KeyRange { lower: Bound::Excluded(Value::from(1)), lower_rest: rest, ..KeyRange::all() };
        let span = turning.span(&range);
        for (row, is_within) in [([0, 9], false), ([1, 1], true), ([1, 9], true), ([2, 0], true)] {
            let row = [Value::from(row[0]), Value::from(row[1] as f64), Value::Null];
            assert_eq!(span.contains(turning.of_row(&Row::new(&row)).as_ref()), is_within, "{row:?}");
        }
    }

    #[test]
    fn lookup_values_are_fitted_to_the_column() {
        let integers = shape(&[ColumnType::Integer], &[false]);
        assert_eq!(integers.of_values(&[Value::Real(3.0)]), integers.of_values(&[Value::Integer(3)]));
        assert_eq!(integers.of_values(&[Value::Real(3.5)]), None);
        assert_eq!(integers.of_values(&[Value::from("3")]), None);
        let reals = shape(&[ColumnType::Real], &[false]);
        assert_eq!(reals.of_values(&[Value::Integer(i64::MAX)]), None, "no real is 2^63 - 1");
        assert_eq!(reals.of_values(&[Value::Real(-0.0)]), reals.of_values(&[Value::Integer(0)]));
    }
}
