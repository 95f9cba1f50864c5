//! `LIKE`: one pass over text and pattern with one point to go back to, so no pattern needs more than linear space or
//! more than `text × pattern` steps.

use std::str::Chars;

use manicule_engine::Value;

use super::arithmetic::text_of;
use crate::error::Result;

/// Whether the operand is like the pattern, `None` if either is NULL. ASCII letters match in either case.
pub(super) fn like(operand: &Value<'_>, pattern: &Value<'_>, escape: Option<char>) -> Result<Option<bool>> {
    let (Some(text), Some(pattern)) = (text_of("LIKE", operand)?, text_of("LIKE", pattern)?) else {
        return Ok(None);
    };
    Ok(Some(matches(&text, &pattern, escape)))
}

/// One element of a pattern.
enum Element {
    Any,
    One,
    Exactly(char),
    /// An escape character with nothing behind it: matches nothing.
    Dangling,
}

fn next_element(pattern: &mut Chars<'_>, escape: Option<char>) -> Option<Element> {
    let character = pattern.next()?;
    Some(if Some(character) == escape {
        pattern.next().map_or(Element::Dangling, Element::Exactly)
    } else {
        match character {
            '%' => Element::Any,
            '_' => Element::One,
            other => Element::Exactly(other),
        }
    })
}

/// Whether the whole text matches. On a mismatch the last `%` takes one more character: the ones before it need no
/// second look, as they have taken as little as they could.
pub(crate) fn matches(text: &str, pattern: &str, escape: Option<char>) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    let mut back: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let mut rest = pattern.clone();
        let matched = match next_element(&mut rest, escape) {
            Some(Element::Any) => {
                pattern = rest;
                back = Some((text.clone(), pattern.clone()));
                continue;
            }
            None if text.as_str().is_empty() => return true,
            None | Some(Element::Dangling) => false,
            Some(Element::One) => text.next().is_some(),
            Some(Element::Exactly(expected)) => {
                text.next().is_some_and(|character| character.eq_ignore_ascii_case(&expected))
            }
        };
        if matched {
            pattern = rest;
            continue;
        }
        let Some((from, after)) = &mut back else { return false };
        if from.next().is_none() {
            return false;
        }
        (text, pattern) = (from.clone(), after.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_texts() {
        for (text, pattern, expected) in [
            ("abc", "ABC", true),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "a_c", true),
            ("abc", "a_", false),
            ("", "%", true),
            ("", "_", false),
            ("é", "_", true),
            ("É", "é", false),
            ("aXbXc", "a%x%c", true),
            ("mississippi", "%iss%ip%i", true),
            ("50%", "50!%", true),
            ("505", "50!%", false),
            ("a", "a!", false),
        ] {
            assert_eq!(matches(text, pattern, Some('!')), expected, "{text:?} LIKE {pattern:?}");
        }
    }

    #[test]
    fn many_wildcards_take_polynomial_time() {
        let text = "a".repeat(20_000);
        let pattern = "%a".repeat(25) + "b";
        assert!(!matches(&text, &pattern, None));
    }
}
