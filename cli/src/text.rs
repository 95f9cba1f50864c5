//! Making values fit for a terminal, and the widths of what is shown.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

/// The text with each control character, and each that reorders text, written as an escape.
///
/// A cell is data: it must not move the cursor, change colours or hide what stands beside it.
pub(crate) fn escape_controls(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            _ if (character as u32) < 0x100 && is_control(character) => {
                write!(escaped, "\\x{:02x}", character as u32).expect("writing to a string does not fail");
            }
            _ if is_control(character) => {
                write!(escaped, "\\u{{{:x}}}", character as u32).expect("writing to a string does not fail");
            }
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

/// The text with controls escaped in each of its lines.
pub(crate) fn escape_lines(text: &str) -> String {
    text.split('\n').map(escape_controls).collect::<Vec<_>>().join("\n")
}

/// Control characters of ASCII and Latin-1, line separators, and those that change the direction of text.
pub(crate) fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
}

/// How many columns of a terminal the text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A count with commas: `27,004`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 row`, `27,004 rows`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A size with its unit: `312 bytes`, `4.2 MiB`.
pub(crate) fn size(bytes: usize) -> String {
    let kibibytes = bytes as f64 / 1024.0;
    match bytes {
        0..1024 => counted(bytes as u64, "byte"),
        1024..1_048_576 => format!("{kibibytes:.1} KiB"),
        _ => format!("{:.1} MiB", kibibytes / 1024.0),
    }
}

/// A name as SQL takes it: in double quotes where it is not a plain lower-case word.
pub(crate) fn quote_name(name: &str) -> Cow<'_, str> {
    let mut characters = name.chars();
    let plain = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_');
    if plain && !crate::keywords::is_reserved(name) { Cow::Borrowed(name) } else { Cow::Owned(quoted_name(name)) }
}

/// A name in double quotes.
pub(crate) fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name as it is, of one in quotes or without.
pub(crate) fn unquoted_name(text: &str) -> Cow<'_, str> {
    for quotes in [["\"", "\""], ["'", "'"], ["`", "`"], ["[", "]"]] {
        let inner = text.strip_prefix(quotes[0]).and_then(|rest| rest.strip_suffix(quotes[1]));
        if let Some(inner) = inner {
            return Cow::Owned(inner.replace(&quotes[1].repeat(2), quotes[1]));
        }
    }
    Cow::Borrowed(text)
}

/// Whether SQL text can say the name.
pub(crate) fn is_sayable(name: &str) -> bool {
    quoted_name(name).len() - 2 <= manicule::limits::NAME_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_escaped_and_the_rest_is_kept() {
        assert_eq!(escape_controls("Zürich 東京 🛫"), "Zürich 東京 🛫");
        assert_eq!(escape_controls("a\u{1b}[31m\tb\nc\u{9b}\u{202e}"), "a\\x1b[31m\\tb\\nc\\x9b\\u{202e}");
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(0, "row"), "0 rows");
        assert_eq!(counted(999, "row"), "999 rows");
        assert_eq!(counted(1_234_567, "row"), "1,234,567 rows");
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(quote_name("tail_num2"), "tail_num2");
        assert_eq!(quote_name("select"), "\"select\"");
        assert_eq!(quote_name("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(quote_name(""), "\"\"");
    }

    #[test]
    fn quotes_are_taken_away() {
        let names = ["a b", "\"a b\"", "'a b'", "`a b`", "[a b]", "\"", "\"\"", "\"a \"\"b\"\"\"", "[a]]]"];
        let expected = ["a b", "a b", "a b", "a b", "a b", "\"", "", "a \"b\"", "a]"];
        assert_eq!(names.map(unquoted_name), expected);
    }
}
