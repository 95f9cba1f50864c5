//! Parts of a statement as they are written: the items of a select list, which name the result's columns where no alias
//! does, and the query of a view.

/// The texts of the items, given the text from its SELECT on.
pub(super) fn items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut scanner = Scanner { text, position: 0, depth: 0 };
    let mut start = None;
    let mut end = 0;
    loop {
        let before = scanner.position;
        let Some(token) = scanner.token() else { break };
        match token {
            Token::Word(word) if scanner.depth == 0 && is_before_list(word) && start.is_none() => continue,
            Token::Word(word) if scanner.depth == 0 && is_after_list(word) => break,
            Token::End => break,
            Token::Comma => {
                items.push(start.map_or("", |start| &text[start..end]));
                start = None;
                continue;
            }
            Token::Word(_) | Token::Other => {}
            Token::Blank => continue,
        }
        start.get_or_insert(before);
        end = scanner.position;
    }
    items.push(start.map_or("", |start| &text[start..end]));
    items
}

/// The text of a view's query: what follows the first AS outside parentheses.
pub(super) fn after_as(text: &str) -> Option<&str> {
    let mut scanner = Scanner { text, position: 0, depth: 0 };
    while let Some(token) = scanner.token() {
        if matches!(token, Token::Word(word) if scanner.depth == 0 && word.eq_ignore_ascii_case("AS")) {
            return Some(text[scanner.position..].trim());
        }
    }
    None
}

enum Token<'t> {
    Word(&'t str),
    Comma,
    Blank,
    /// A closing parenthesis that the list did not open, or a semicolon.
    End,
    Other,
}

struct Scanner<'t> {
    text: &'t str,
    position: usize,
    depth: usize,
}

impl<'t> Scanner<'t> {
    fn token(&mut self) -> Option<Token<'t>> {
        let rest = &self.text[self.position..];
        let first = rest.chars().next()?;
        let (bytes, token) = match first {
            '\'' | '"' | '`' => (1 + rest[1..].find(first).map_or(rest.len() - 1, |at| at + 1), Token::Other),
            '[' => (rest.find(']').map_or(rest.len(), |at| at + 1), Token::Other),
            '(' => {
                self.depth += 1;
                (1, Token::Other)
            }
            ')' if self.depth == 0 => (1, Token::End),
            ')' => {
                self.depth -= 1;
                (1, Token::Other)
            }
            ';' => (1, Token::End),
            ',' if self.depth == 0 => (1, Token::Comma),
            _ if first.is_whitespace() => (first.len_utf8(), Token::Blank),
            _ if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), Token::Blank),
            _ if rest.starts_with("/*") => (rest.find("*/").map_or(rest.len(), |at| at + 2), Token::Blank),
            _ if is_word(first) => {
                let bytes = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                (bytes, Token::Word(&rest[..bytes]))
            }
            _ => (first.len_utf8(), Token::Other),
        };
        self.position += bytes;
        Some(token)
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '.'
}

fn is_before_list(word: &str) -> bool {
    ["SELECT", "DISTINCT", "ALL"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

fn is_after_list(word: &str) -> bool {
    const KEYWORDS: [&str; 9] = ["FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT"];
    KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_cut_at_their_commas() {
        assert_eq!(
            items("SELECT DISTINCT a + 1, f(a, b) , 'x, y' || c FROM t, u"),
            ["a + 1", "f(a, b)", "'x, y' || c"]
        );
        assert_eq!(items("SELECT 1) AS x, y"), ["1"]);
        assert_eq!(items("select count ( * ) /* all, of it */ ;"), ["count ( * )"]);
        assert_eq!(items("SELECT (SELECT a FROM t), b WHERE"), ["(SELECT a FROM t)", "b"]);
    }
}
