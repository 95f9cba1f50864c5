//! Spellings of SQLite's that the parser does not know, put into words that it does.
//!
//! | SQLite | the parser |
//! |---|---|
//! | `IN table` | `IN (SELECT * FROM table)` |
//! | `IN ((SELECT …), b)` | `IN (+(SELECT …), b)`: it would take the first item for the whole query |
//! | `INDEXED BY index`, `NOT INDEXED` | nothing: they only give advice |
//! | `0x1f` | `31`: it would take the number for a blob, `x'1f'` |

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Which of the spellings a text has.
#[derive(Debug, Default)]
struct Found {
    advice: bool,
    table: bool,
    nested_list: bool,
}

impl Found {
    fn any(&self) -> bool {
        self.advice || self.table || self.nested_list
    }
}

/// Looks through the tokens once, which is all that most texts need.
fn find(tokens: &[TokenWithSpan]) -> Found {
    let mut found = Found::default();
    let mut has_position = false;
    // IN stands one or two tokens before.
    let (mut after_in, mut after_list) = (false, false);
    for token in tokens {
        let (was_in, was_list) = (after_in, after_list);
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::Word(word) => {
                let keyword = if word.quote_style.is_none() { word.keyword } else { Keyword::NoKeyword };
                found.table |= was_in;
                found.advice |= is(token, "INDEXED");
                has_position |= keyword == Keyword::POSITION;
                (after_in, after_list) = (keyword == Keyword::IN, false);
            }
            Token::LParen => {
                found.nested_list |= was_list;
                (after_in, after_list) = (false, was_in);
            }
            _ => (after_in, after_list) = (false, false),
        }
    }
    // `POSITION(a IN b)` has an IN of its own.
    found.table &= !has_position;
    found
}

/// Puts the tokens into the parser's words. Blanks may be lost.
pub(super) fn rewrite(tokens: &mut Vec<TokenWithSpan>) {
    tokens.iter_mut().for_each(rewrite_hexadecimal);
    let found = find(tokens);
    if !found.any() {
        return;
    }
    let old = std::mem::take(tokens);
    let mut rest = old.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).peekable();
    while let Some(token) = rest.next() {
        if is(&token, "INDEXED") {
            match rest.peek() {
                Some(next) if is(next, "BY") => drop((rest.next(), rest.next())),
                _ => drop(tokens.pop()),
            }
            continue;
        }
        let is_in = found.table && is(&token, "IN");
        tokens.push(token);
        if let Some(table) = rest.next_if(|next| is_in && matches!(next.token, Token::Word(_))) {
            let span = table.span;
            let word = |word: &str| TokenWithSpan { token: Token::make_keyword(word), span };
            let sign = |token: Token| TokenWithSpan { token, span };
            tokens.extend([sign(Token::LParen), word("SELECT"), sign(Token::Mul), word("FROM"), table]);
            tokens.push(sign(Token::RParen));
        }
    }
    if found.nested_list {
        mark_lists(tokens);
    }
}

/// Writes a hexadecimal number in decimal; 64 bits, of which the first is the sign. A blob has one more sign around its digits.
fn rewrite_hexadecimal(token: &mut TokenWithSpan) {
    let Token::HexStringLiteral(digits) = &token.token else { return };
    let columns = token.span.end.column.saturating_sub(token.span.start.column);
    if columns != digits.chars().count() as u64 + 2 {
        return;
    }
    let number = match u64::from_str_radix(&digits.replace('_', ""), 16) {
        Ok(bits) => bits.cast_signed().to_string(),
        Err(_) => format!("0x{digits}"),
    };
    token.token = Token::Number(number, false);
}

/// Puts a plus before the first item of each list of IN that begins with a query in parentheses. There are no blanks.
fn mark_lists(tokens: &mut Vec<TokenWithSpan>) {
    let begins = |rest: &[TokenWithSpan]| {
        is(&rest[0], "IN") && rest[1..3].iter().all(|token| token.token == Token::LParen) && is_list(&rest[2..])
    };
    let places: Vec<usize> =
        (0..tokens.len().saturating_sub(3)).filter(|&place| begins(&tokens[place..])).map(|place| place + 2).collect();
    let mut places = places.into_iter().peekable();
    let old = std::mem::take(tokens);
    for (place, token) in old.into_iter().enumerate() {
        if places.next_if_eq(&place).is_some() {
            tokens.push(TokenWithSpan { token: Token::Plus, span: token.span });
        }
        tokens.push(token);
    }
}

/// Whether tokens that begin with a parenthesis are the items of a list, of which the first is a query, and not a part of a
/// longer query.
fn is_list(tokens: &[TokenWithSpan]) -> bool {
    let first = tokens.iter().find(|token| token.token != Token::LParen);
    if !first.is_some_and(|first| ["SELECT", "WITH", "VALUES"].iter().any(|word| is(first, word))) {
        return false;
    }
    let mut depth = 0_usize;
    for (position, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            let goes_on = ["UNION", "EXCEPT", "INTERSECT", "ORDER", "LIMIT", "OFFSET"];
            return tokens.get(position + 1).is_some_and(|next| !goes_on.iter().any(|word| is(next, word)));
        }
    }
    false
}

/// Whether a token is that word, not quoted.
pub(super) fn is(token: &TokenWithSpan, expected: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}
