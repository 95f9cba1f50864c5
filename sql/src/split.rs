//! Text into statements: where each begins and ends, and whether the last one is complete.
//!
//! The splitter reads bytes, not trees: it knows strings, quoted names, comments and nothing else, so it is fast on a
//! script of any length and never deep. On its way it measures each statement against the [limits](crate::limits), so
//! that what it hands out is safe to parse. One exception to "a statement ends at its semicolon": the body of CREATE
//! TRIGGER has semicolons of its own and ends at `END;`.

use crate::error::{Error, ErrorKind, Result, Span};
use crate::limits::{COMMENTS_MAX, Complexity, NAME_BYTES_MAX, STATEMENT_BYTES_MAX, STRING_BYTES_MAX, too_complex};

/// One statement of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementText<'t> {
    /// The statement, from its first word to its last, without the semicolon.
    pub text: &'t str,
    /// Where it begins in the whole text, in bytes.
    pub offset: usize,
    /// Whether a semicolon ends it.
    pub is_terminated: bool,
    /// How many levels the parser may recurse.
    pub(crate) levels: usize,
}

/// Splits `text` at its semicolons. Empty statements and comments between statements are passed over, and so is one
/// byte order mark at the start.
///
/// An error of the text (a string without an end, a limit that is passed, a character that no SQL has) is the last item.
///
/// ```
/// let statements: Vec<_> = manicule_sql::split_statements("SELECT 1; ;; SELECT 'a;b' -- c").map(Result::unwrap).collect();
/// assert_eq!(statements[0].text, "SELECT 1");
/// assert_eq!(statements[1].text, "SELECT 'a;b'");
/// assert!(!statements[1].is_terminated);
/// ```
pub fn split_statements(text: &str) -> Statements<'_> {
    let position = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    Statements { text, position, complexity: Complexity::default(), previous: b' ', failed: false }
}

/// Whether `text` can be run as it is: every statement ends with a semicolon, and no string or comment is open. A shell
/// asks for another line until it is.
pub fn is_complete(text: &str) -> bool {
    split_statements(text).all(|statement| match statement {
        Ok(statement) => statement.is_terminated,
        Err(error) => !error.is_incomplete(),
    })
}

/// How many levels the parser may recurse for a text that the catalog keeps, which has passed the limits before.
pub(crate) fn levels_of(text: &str) -> usize {
    let mut levels = split_statements(text).map(|statement| statement.map_or(usize::MAX, |statement| statement.levels));
    levels.next().unwrap_or(0)
}

/// The statements of a text; see [`split_statements`].
#[derive(Debug)]
pub struct Statements<'t> {
    text: &'t str,
    position: usize,
    complexity: Complexity,
    /// The first byte of the token before.
    previous: u8,
    failed: bool,
}

/// How a CREATE TRIGGER is recognized: how far its first words have matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    /// At the first word.
    Start,
    /// After CREATE, TEMP or TEMPORARY.
    Create,
    /// It is one; whether the last word was END.
    Body {
        /// Whether the last word was END.
        ended: bool,
    },
    /// It is none.
    No,
}

impl Trigger {
    fn word(self, word: &[u8]) -> Self {
        let is = |expected: &str| word.eq_ignore_ascii_case(expected.as_bytes());
        match self {
            Self::Start if is("CREATE") => Self::Create,
            Self::Create if is("TEMP") || is("TEMPORARY") => Self::Create,
            Self::Create if is("TRIGGER") => Self::Body { ended: true },
            Self::Body { .. } if is("BEGIN") => Self::Body { ended: false },
            Self::Body { ended } => Self::Body { ended: is("END") || (ended && !is("SELECT")) },
            Self::Start | Self::Create | Self::No => Self::No,
        }
    }
}

impl<'t> Iterator for Statements<'t> {
    type Item = Result<StatementText<'t>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let statement = self.statement();
        self.failed = statement.is_err();
        statement.transpose()
    }
}

impl<'t> Statements<'t> {
    /// The next statement that is not empty.
    fn statement(&mut self) -> Result<Option<StatementText<'t>>> {
        self.complexity.reset();
        let mut start = None;
        let mut end = self.position;
        let mut trigger = Trigger::Start;
        while let Some(&byte) = self.text.as_bytes().get(self.position) {
            let at = self.position;
            if self.skip_blank(byte)? {
                continue;
            }
            if byte == b';' && !matches!(trigger, Trigger::Body { ended: false }) {
                self.position += 1;
                match start {
                    Some(start) => return Ok(Some(self.cut(start, end, true))),
                    None => continue,
                }
            }
            let start = *start.get_or_insert(at);
            let word = self.token(byte).map_err(|error| error.at(Some(Span::new(at, at + 1))))?;
            trigger = word.map_or(trigger, |(from, to)| trigger.word(&self.text.as_bytes()[from..to]));
            end = self.position;
            if end - start > STATEMENT_BYTES_MAX {
                let error = too_complex("too many bytes", STATEMENT_BYTES_MAX);
                return Err(error.at(Some(Span::new(start, start))));
            }
        }
        Ok(start.map(|start| self.cut(start, end, false)))
    }

    fn cut(&self, start: usize, end: usize, is_terminated: bool) -> StatementText<'t> {
        let levels = self.complexity.levels();
        StatementText { text: &self.text[start..end], offset: start, is_terminated, levels }
    }

    /// Passes over white space or a comment; whether there was one.
    fn skip_blank(&mut self, byte: u8) -> Result<bool> {
        let bytes = self.text.as_bytes();
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.position += 1,
            b'-' if bytes.get(self.position + 1) == Some(&b'-') => {
                let rest = &bytes[self.position..];
                self.position += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
            }
            b'/' if bytes.get(self.position + 1) == Some(&b'*') => self.skip_comment()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn skip_comment(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        let start = self.position;
        let mut depth = 0_usize;
        while self.position < bytes.len() {
            match &bytes[self.position..] {
                [b'/', b'*', ..] => {
                    depth += 1;
                    self.position += 2;
                    if depth > COMMENTS_MAX {
                        let error = too_complex("comments nested too deeply", COMMENTS_MAX);
                        return Err(error.at(Some(Span::new(start, start + 2))));
                    }
                }
                [b'*', b'/', ..] => {
                    depth -= 1;
                    self.position += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => self.position += 1,
            }
        }
        Err(Error::new(ErrorKind::Unterminated { what: "comment" }).at(Some(Span::new(start, start + 2))))
    }

    /// Passes over one token; the place of a word.
    fn token(&mut self, byte: u8) -> Result<Option<(usize, usize)>> {
        self.complexity.token()?;
        let previous = std::mem::replace(&mut self.previous, byte);
        match byte {
            b'\'' => self.quoted(b'\'', "string", STRING_BYTES_MAX)?,
            b'"' => self.quoted(b'"', "quoted name", NAME_BYTES_MAX)?,
            b'`' => self.quoted(b'`', "quoted name", NAME_BYTES_MAX)?,
            b'[' => self.quoted(b']', "quoted name", NAME_BYTES_MAX)?,
            b'(' => self.symbol(1, Complexity::open)?,
            b')' => self.symbol(1, |complexity| {
                complexity.close();
                Ok(())
            })?,
            b',' => self.symbol(1, |complexity| {
                complexity.separator();
                Ok(())
            })?,
            b'|' if self.text.as_bytes().get(self.position + 1) == Some(&b'|') => self.symbol(2, Complexity::term)?,
            b'<' | b'>' | b'=' | b'!' | b':' => self.comparison(byte)?,
            b'+' | b'-' | b'~' => self.symbol(1, |complexity| {
                // After another sign it stands before an operand.
                if previous != b')' && !is_word(previous) {
                    complexity.prefix();
                }
                complexity.operator()
            })?,
            b'*' | b'/' | b'%' | b'&' | b'|' | b'^' => self.symbol(1, Complexity::operator)?,
            0 => return Err(Error::syntax("a zero byte is not allowed in SQL text")),
            _ if is_word(byte) => return self.word().map(Some),
            _ if byte.is_ascii() => self.position += 1,
            _ => return self.unicode(),
        }
        Ok(None)
    }

    fn symbol(&mut self, bytes: usize, count: impl FnOnce(&mut Complexity) -> Result<()>) -> Result<()> {
        self.position += bytes;
        count(&mut self.complexity)
    }

    /// `<`, `<=`, `<>`, `<<`, `==`, `::` and the like: one operator. A single `:` begins a parameter.
    fn comparison(&mut self, first: u8) -> Result<()> {
        let second = self.text.as_bytes().get(self.position + 1).copied();
        let is_double = match first {
            b':' => second == Some(b':'),
            _ => matches!(second, Some(b'=' | b'<' | b'>')),
        };
        self.position += if is_double { 2 } else { 1 };
        if first == b':' && !is_double { Ok(()) } else { self.complexity.operator() }
    }

    fn quoted(&mut self, quote: u8, what: &'static str, bytes_max: usize) -> Result<()> {
        let bytes = self.text.as_bytes();
        let start = self.position;
        self.position += 1;
        loop {
            let rest = &bytes[self.position..];
            let Some(at) = rest.iter().position(|&byte| byte == quote) else {
                self.position = bytes.len();
                return Err(Error::new(ErrorKind::Unterminated { what }));
            };
            self.position += at + 1;
            if bytes.get(self.position) != Some(&quote) {
                break;
            }
            self.position += 1;
        }
        if self.position - start - 2 > bytes_max {
            return Err(too_long(what, bytes_max));
        }
        if bytes[start..self.position].contains(&0) {
            return Err(Error::syntax("a zero byte is not allowed in SQL text; write it in a blob: x'00'"));
        }
        Ok(())
    }

    fn word(&mut self) -> Result<(usize, usize)> {
        let bytes = self.text.as_bytes();
        let start = self.position;
        while self.position < bytes.len() {
            match bytes[self.position] {
                byte if is_word(byte) => self.position += 1,
                byte if !byte.is_ascii() && self.letter() => {}
                _ => break,
            }
        }
        if self.position - start > NAME_BYTES_MAX && !bytes[start].is_ascii_digit() {
            return Err(too_long("name", NAME_BYTES_MAX));
        }
        self.complexity.word(&bytes[start..self.position])?;
        Ok((start, self.position))
    }

    /// Passes over a letter or digit outside ASCII; whether there was one.
    fn letter(&mut self) -> bool {
        let letter = self.text[self.position..].chars().next().filter(|c| c.is_alphanumeric() || is_mark(*c));
        self.position += letter.map_or(0, char::len_utf8);
        letter.is_some()
    }

    /// A character outside ASCII that begins a token: a letter, or an error that names it.
    fn unicode(&mut self) -> Result<Option<(usize, usize)>> {
        let character = self.text[self.position..].chars().next().unwrap_or_default();
        if character.is_alphabetic() {
            return self.word().map(Some);
        }
        let kind = if character.is_whitespace() { "white space" } else { "the character" };
        let error = Error::syntax(format!("{kind} U+{:04X} is not allowed here", u32::from(character)));
        let end = self.position + character.len_utf8();
        Err(error.at(Some(Span::new(self.position, end))).with_hint("write an ordinary space, or quote the name"))
    }
}

fn too_long(what: &'static str, bytes_max: usize) -> Error {
    too_complex(if what == "string" { "a string that is too long" } else { "a name that is too long" }, bytes_max)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte == b'@'
}

/// Combining marks, which decomposed letters carry.
fn is_mark(character: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        split_statements(text).map(|statement| statement.unwrap().text).collect()
    }

    #[test]
    fn semicolons_in_strings_names_and_comments_do_not_split() {
        assert_eq!(
            texts("SELECT ';' ; SELECT \";\" -- ; \n ; /* ; /* ; */ */ SELECT [;]"),
            ["SELECT ';'", "SELECT \";\"", "SELECT [;]"]
        );
        assert!(texts(" ;; ; -- nothing").is_empty());
        assert_eq!(texts("\u{feff}SELECT 1"), ["SELECT 1"]);
    }

    #[test]
    fn a_trigger_ends_at_its_end() {
        let sql = "CREATE TEMP TRIGGER a UPDATE ON t BEGIN SELECT 1; SELECT 2; END; SELECT 3; DROP TRIGGER a; SELECT 4";
        assert_eq!(texts(sql).len(), 4);
    }

    #[test]
    fn incomplete_text_is_told_apart_from_wrong_text() {
        assert!(is_complete("SELECT 1;"));
        assert!(is_complete(""));
        for text in ["SELECT 1", "SELECT '", "SELECT 1; /* a", "SELECT \"a"] {
            assert!(!is_complete(text), "{text}");
        }
        assert!(is_complete("SELECT \u{a0}1"));
    }

    #[test]
    fn a_space_that_is_none_is_named() {
        let error = split_statements("SELECT\u{a0}1").next().unwrap().unwrap_err();
        assert!(error.to_string().contains("U+00A0"), "{error}");
    }
}
