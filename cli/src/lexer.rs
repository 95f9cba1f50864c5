//! A light view of SQL text: enough to colour a line and to complete a word, no more.
//!
//! The parser is in `manicule-sql`; this one never fails, so that it can look at half-typed lines. It knows quotes,
//! comments, words and numbers.

use std::ops::Range;

/// What a piece of SQL text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A name or a keyword.
    Word,
    /// A number.
    Number,
    /// A string in single quotes.
    Text,
    /// A name in double quotes, backticks or square brackets.
    QuotedName,
    /// `-- …` or `/* … */`.
    Comment,
    /// White space.
    Space,
    /// Anything else: an operator, a bracket, a placeholder.
    Symbol,
}

/// A piece of SQL text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: TokenKind,
    /// Where it is, in bytes.
    pub(crate) span: Range<usize>,
}

/// All tokens of `sql`; their spans cover it without a gap.
pub(crate) fn tokens(sql: &str) -> impl Iterator<Item = Token> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        let token = token_at(sql, start)?;
        start = token.span.end;
        Some(token)
    })
}

/// The token that begins at `start`.
fn token_at(sql: &str, start: usize) -> Option<Token> {
    let rest = &sql[start..];
    let first = rest.chars().next()?;
    let (kind, length) = match first {
        '\'' => quoted(rest, '\'', TokenKind::Text),
        '"' | '`' => quoted(rest, first, TokenKind::QuotedName),
        '[' => quoted(rest, ']', TokenKind::QuotedName),
        '-' if rest.starts_with("--") => match rest.find('\n') {
            Some(end) => (TokenKind::Comment, end + 1),
            None => (TokenKind::Comment, rest.len()),
        },
        '/' if rest.starts_with("/*") => block_comment(rest),
        _ if first.is_whitespace() => (TokenKind::Space, prefix(rest, char::is_whitespace)),
        _ if first.is_ascii_digit() => (TokenKind::Number, prefix(rest, |c| c.is_ascii_alphanumeric() || c == '.')),
        _ if first.is_alphabetic() || first == '_' => {
            (TokenKind::Word, prefix(rest, |c| c.is_alphanumeric() || c == '_'))
        }
        _ => (TokenKind::Symbol, first.len_utf8()),
    };
    Some(Token { kind, span: start..start + length })
}

/// The length of the longest prefix of such characters.
fn prefix(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}

/// A quoted piece. A doubled quote stands for itself, so that it opens the next piece of the same string.
fn quoted(rest: &str, quote: char, kind: TokenKind) -> (TokenKind, usize) {
    let mut from = 1;
    while let Some(found) = rest[from..].find(quote) {
        from += found + 1;
        if !rest[from..].starts_with(quote) {
            return (kind, from);
        }
        from += 1;
    }
    (kind, rest.len())
}

/// A comment in `/* … */`, which may hold others.
fn block_comment(rest: &str) -> (TokenKind, usize) {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at + 1 < bytes.len() {
        match (bytes[at], bytes[at + 1]) {
            (b'/', b'*') => (depth, at) = (depth + 1, at + 2),
            (b'*', b'/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return (TokenKind::Comment, at);
        }
    }
    (TokenKind::Comment, rest.len())
}

/// Whether the statement shows a plan.
pub(crate) fn is_explain(sql: &str) -> bool {
    let first = tokens(sql).find(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment));
    first.is_some_and(|token| sql[token.span].eq_ignore_ascii_case("EXPLAIN"))
}

/// How many values a statement takes. Its parameters are numbered as SQLite does it: `?3`, `$3` and `:3` are the third, `?`
/// and a name that is new are one more than there were.
pub(crate) fn parameter_count(sql: &str) -> usize {
    let mut count = 0;
    let mut names = Vec::new();
    let mut before = "";
    let mut tokens = tokens(sql).peekable();
    while let Some(token) = tokens.next() {
        let mark = &sql[token.span];
        // `::` is a cast.
        let is_mark = matches!(mark, "?" | "$") || mark == ":" && before != ":";
        before = mark;
        if !is_mark {
            continue;
        }
        match tokens.peek().map(|next| (next.kind, &sql[next.span.clone()])) {
            Some((TokenKind::Number, number)) => count = count.max(number.parse().unwrap_or(0)),
            _ if mark == "?" => count += 1,
            Some((TokenKind::Word, name)) if !names.contains(&(mark, name)) => {
                names.push((mark, name));
                count += 1;
            }
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cover_the_text() {
        let sql = "SELECT 'a;''b', \"q\", 1.5e3 /* ; /* */ */ -- é\n; 'open";
        let found: Vec<Token> = tokens(sql).collect();
        let text: String = found.iter().map(|token| &sql[token.span.clone()]).collect();
        assert_eq!(text, sql);
        let kinds: Vec<TokenKind> =
            found.iter().map(|token| token.kind).filter(|kind| *kind != TokenKind::Space).collect();
        use TokenKind::{Comment, Number, QuotedName, Symbol, Text, Word};
        assert_eq!(kinds, [Word, Text, Symbol, QuotedName, Symbol, Number, Comment, Comment, Symbol, Text]);
    }

    #[test]
    fn placeholders_are_counted_outside_of_strings() {
        assert_eq!(parameter_count("SELECT '?', ? WHERE a = ? -- ?"), 2);
        assert_eq!(parameter_count("SELECT `?`, [?], \"?\", ?"), 1);
        assert_eq!(parameter_count("SELECT $2, $1, '$9'"), 2);
        assert_eq!(parameter_count("SELECT ?1 + ?1"), 1);
        assert_eq!(parameter_count("SELECT ?, ?5, ?, :a, $2, :a, :b, a::TEXT"), 8);
        assert_eq!(parameter_count("SELECT 1::INTEGER, ':a'"), 0);
    }
}
