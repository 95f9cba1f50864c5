//! The type of a column from its values, and values from their text.
//!
//! Each type is a candidate until a value does not fit it. The empty field and `NA` fit all of them: they are NULL. A
//! number with a leading zero, such as a postcode, is text, and so is an integer past 64 bits, because reading either as
//! a number would lose digits.

use std::borrow::Cow;

use manicule::{ColumnType, Value, time};

/// The types that have not been ruled out, as bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inference {
    candidates: u8,
    /// Whether there was a value at all.
    has_value: bool,
}

/// Candidates in the order of preference: a type comes before those that take all of its values.
const CANDIDATES: [ColumnType; 5] =
    [ColumnType::Boolean, ColumnType::Integer, ColumnType::Real, ColumnType::Date, ColumnType::Timestamp];

impl Default for Inference {
    fn default() -> Self {
        Self { candidates: (1 << CANDIDATES.len()) - 1, has_value: false }
    }
}

impl Inference {
    /// Rules out the types that this value does not fit.
    pub(crate) fn see(&mut self, field: &str) {
        if is_null(field) || (self.has_value && self.candidates == 0) {
            return;
        }
        self.has_value = true;
        let mut fits = false;
        for (bit, candidate) in CANDIDATES.into_iter().enumerate() {
            if self.candidates & (1 << bit) == 0 {
                fits = false;
                continue;
            }
            // Every integer is a real, and every date a timestamp: what fits the one need not be read as the other.
            let is_wider = matches!(candidate, ColumnType::Real | ColumnType::Timestamp);
            fits = fits && is_wider || parse_value(field, candidate).is_some();
            if !fits {
                self.candidates &= !(1 << bit);
            }
        }
    }

    /// The first type that all values fit; TEXT if there is none, or no value.
    pub(crate) fn column_type(self) -> ColumnType {
        let first = CANDIDATES.into_iter().enumerate().find(|(bit, _)| self.candidates & (1 << bit) != 0);
        first.filter(|_| self.has_value).map_or(ColumnType::Text, |(_, candidate)| candidate)
    }
}

/// Whether the field stands for NULL, unless it is text in quotes.
pub(crate) fn is_null(field: &str) -> bool {
    matches!(field.as_bytes(), [] | [b'N', b'A'])
}

/// The field as a value of that type, or `None` if it is none.
pub(crate) fn parse_value(field: &str, column_type: ColumnType) -> Option<Value<'_>> {
    match column_type {
        ColumnType::Integer => parse_integer(field).map(Value::Integer),
        ColumnType::Real => parse_real(field).map(Value::Real),
        ColumnType::Text => Some(Value::Text(Cow::Borrowed(field))),
        ColumnType::Boolean => parse_boolean(field).map(Value::Boolean),
        ColumnType::Blob => parse_blob(field).map(|bytes| Value::Blob(Cow::Owned(bytes))),
        ColumnType::Date => time::parse_date(field).map(Value::Date),
        ColumnType::Timestamp => time::parse_timestamp(field).map(Value::Timestamp),
    }
}

/// The field as INSERT takes a text into a column that is of that type already: `007` and ` 7 ` are integers there, and
/// digits that a real loses are lost. 0 and 1 are booleans, as other databases write them.
pub(crate) fn stored_value(field: &str, column_type: ColumnType) -> Option<Value<'static>> {
    if column_type == ColumnType::Boolean {
        return match field {
            "t" | "T" | "1" => Some(Value::Boolean(true)),
            "f" | "F" | "0" => Some(Value::Boolean(false)),
            _ => None,
        };
    }
    let value = manicule::query::coerce_for_storage(Value::from(field.to_owned()), column_type);
    (value.column_type() == Some(column_type)).then_some(value)
}

/// So many digits are an integer of 64 bits, whichever they are.
const SAFE_DIGITS: usize = 18;

fn parse_integer(field: &str) -> Option<i64> {
    let digits = unsigned(field).as_bytes();
    if digits.is_empty() || digits.len() > 1 && digits[0] == b'0' {
        return None;
    }
    if digits.len() > SAFE_DIGITS {
        let is_plain = digits.iter().all(u8::is_ascii_digit);
        return if is_plain { field.parse().ok() } else { None };
    }
    let mut number = 0;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(byte - b'0');
    }
    Some(if digits.len() < field.len() { -number } else { number })
}

fn parse_real(field: &str) -> Option<f64> {
    let digits = unsigned(field).as_bytes();
    let is_number = matches!(digits.first(), Some(b'0'..=b'9' | b'.'))
        && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let has_leading_zero = digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit();
    if !is_number || has_leading_zero {
        return None;
    }
    // Digits alone are an integer, and one that has no place in 64 bits would lose some as a real.
    if digits.iter().all(u8::is_ascii_digit) && parse_integer(field).is_none() {
        return None;
    }
    field.parse().ok().filter(|real: &f64| real.is_finite())
}

/// The field without its minus.
fn unsigned(field: &str) -> &str {
    match field.as_bytes() {
        [b'-', ..] => &field[1..],
        _ => field,
    }
}

fn parse_boolean(field: &str) -> Option<bool> {
    if field.eq_ignore_ascii_case("true") {
        Some(true)
    } else if field.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Pairs of hexadecimal digits, with or without `x'…'` around them.
fn parse_blob(field: &str) -> Option<Vec<u8>> {
    let digits = field.strip_prefix("x'").and_then(|rest| rest.strip_suffix('\'')).unwrap_or(field).as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(fields: &[&str]) -> ColumnType {
        let mut inference = Inference::default();
        fields.iter().for_each(|field| inference.see(field));
        inference.column_type()
    }

    #[test]
    fn the_narrowest_type_that_fits_all_values_is_taken() {
        assert_eq!(inferred(&["1", "-20", "NA", "0"]), ColumnType::Integer);
        assert_eq!(inferred(&["1", "2.5", ""]), ColumnType::Real);
        assert_eq!(inferred(&["1e3", "-.5"]), ColumnType::Real);
        assert_eq!(inferred(&["true", "FALSE"]), ColumnType::Boolean);
        assert_eq!(inferred(&["true", "1"]), ColumnType::Text);
        assert_eq!(inferred(&["2013-01-01", "2013-12-31"]), ColumnType::Date);
        assert_eq!(inferred(&["2013-01-01", "2013-01-01T10:00:00Z"]), ColumnType::Timestamp);
        assert_eq!(inferred(&["2013-02-30"]), ColumnType::Text);
        assert_eq!(inferred(&["1", "x"]), ColumnType::Text);
    }

    #[test]
    fn what_would_lose_digits_stays_text() {
        assert_eq!(inferred(&["02134"]), ColumnType::Text);
        assert_eq!(inferred(&["-007"]), ColumnType::Text);
        assert_eq!(inferred(&["9223372036854775807"]), ColumnType::Integer);
        assert_eq!(inferred(&["9223372036854775808"]), ColumnType::Text);
        assert_eq!(inferred(&["1e400"]), ColumnType::Text);
        assert_eq!(inferred(&["nan", "inf"]), ColumnType::Text);
        assert_eq!(inferred(&["1.2.3"]), ColumnType::Text);
        assert_eq!(inferred(&["-"]), ColumnType::Text);
    }

    #[test]
    fn integers_are_those_of_64_bits_in_their_shortest_form() {
        for integer in [0, 1, -1, 9, 10, -10, 999_999_999_999_999_999, -999_999_999_999_999_999, i64::MAX, i64::MIN] {
            assert_eq!(parse_integer(&integer.to_string()), Some(integer));
            assert_eq!(parse_real(&integer.to_string()), Some(integer as f64));
        }
        for text in [
            "",
            "-",
            "00",
            "-00",
            "-01",
            "+1",
            "1 ",
            "0x1",
            "--1",
            "1-",
            "9223372036854775808",
            "-9223372036854775809",
            "１",
        ] {
            assert_eq!(parse_integer(text), None, "{text}");
            assert_eq!(parse_real(text), None, "{text}");
        }
    }

    #[test]
    fn wider_types_are_kept_while_narrower_ones_fit() {
        assert_eq!(inferred(&["1", "2", "x"]), ColumnType::Text);
        assert_eq!(inferred(&["1", "2.5", "2013-01-01"]), ColumnType::Text);
        assert_eq!(inferred(&["0001-01-01", "9999-12-31", "2013-01-01 00:00:00.5"]), ColumnType::Timestamp);
        assert_eq!(inferred(&["1", "true"]), ColumnType::Text);
    }

    #[test]
    fn a_column_of_nulls_is_text() {
        assert_eq!(inferred(&["", "NA"]), ColumnType::Text);
        assert_eq!(inferred(&[]), ColumnType::Text);
    }
}
