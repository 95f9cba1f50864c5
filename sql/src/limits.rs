//! What a statement's text may be, checked before anything is built from it.
//!
//! The parser makes a chain such as `a AND b AND c …` in a loop, but the tree it makes is as deep as the chain is long,
//! and whatever walks, copies or drops that tree recurses. So text is measured while it is split into statements, word
//! by word, before a single node exists. Two measures bound the depth of every tree made from it:
//!
//! * **Terms.** AND, OR and `||` become flat or balanced nodes, so only their number in one list is limited.
//! * **Depth.** Every other operator may add a level; the deepest parenthesis below it adds its own.
//!
//! ```text
//! a + ( b * ( c - d ) ) AND e + f          depth 3: one + one + one; the AND begins a new count
//! ```
//!
//! Lists (`IN (…)`, VALUES, arguments) are flat, of any length: a comma begins a new count.

use crate::error::{Error, ErrorKind, Result};

/// The most bytes of one statement.
pub const STATEMENT_BYTES_MAX: usize = 32 << 20;
/// The most bytes of one string.
pub const STRING_BYTES_MAX: usize = 16 << 20;
/// The most words, numbers, strings and symbols of one statement.
pub const TOKENS_MAX: usize = 4_000_000;
/// The most bytes of a name.
pub const NAME_BYTES_MAX: usize = 128;
/// The most terms that AND, OR or `||` join in one expression.
pub const TERMS_MAX: usize = 1_000;
/// The most operators above one another in an expression, other than AND, OR and `||`.
pub const OPERATORS_MAX: usize = 250;
/// The most queries that UNION, EXCEPT and INTERSECT join.
pub const COMPOUND_MAX: usize = 500;
/// The most parentheses and CASEs inside one another.
pub const PARENTHESES_MAX: usize = 64;
/// The most queries inside one another, those of views counted.
pub const QUERIES_MAX: usize = 24;
/// The most comments inside one another.
pub const COMMENTS_MAX: usize = 32;
/// The most result columns of a query, and columns of a table.
pub const COLUMNS_MAX: usize = 1_024;
/// The most tables in one FROM.
pub const TABLES_MAX: usize = 64;
/// The most queries that the names of views and of queries of WITH stand for in one statement. Each is a part of the plan
/// wherever it is named, so a few that name one another twice would be very many.
pub const NAMED_QUERIES_MAX: usize = 1_000;
/// The most views inside one another.
pub const VIEWS_MAX: usize = 16;

pub(crate) fn too_complex(what: &'static str, limit: usize) -> Error {
    Error::new(ErrorKind::TooComplex { what, limit })
}

/// The measures of a statement as far as it was read.
#[derive(Debug)]
pub(crate) struct Complexity {
    tokens: usize,
    compounds: usize,
    lists: Vec<List>,
    /// The levels that are open now: lists, and the prefixes in them.
    levels: usize,
    levels_max: usize,
}

/// The measures inside one pair of parentheses or one CASE, since the last comma or clause.
#[derive(Clone, Copy, Debug, Default)]
struct List {
    /// AND, OR and `||`.
    terms: usize,
    /// NOT and other words for which the parser recurses.
    prefixes: usize,
    /// BETWEENs that wait for their AND.
    betweens: usize,
    /// Other operators since the last AND or OR.
    operators: usize,
    /// The greatest depth of a parenthesis since then.
    inner: usize,
    /// The greatest depth so far.
    deepest: usize,
}

impl List {
    fn end_operand(&mut self) {
        self.deepest = self.deepest.max(self.operators + self.inner);
        self.operators = 0;
        self.inner = 0;
    }
}

impl Default for Complexity {
    fn default() -> Self {
        Self { tokens: 0, compounds: 0, lists: vec![List::default()], levels: 0, levels_max: 0 }
    }
}

impl Complexity {
    /// Makes it ready for the next statement.
    pub(crate) fn reset(&mut self) {
        self.tokens = 0;
        self.compounds = 0;
        self.lists.clear();
        self.lists.push(List::default());
        self.levels = 0;
        self.levels_max = 0;
    }

    /// How many levels of recursion the statement may take, at most.
    pub(crate) fn levels_max(&self) -> usize {
        self.levels_max
    }

    fn deeper(&mut self) {
        self.levels += 1;
        self.levels_max = self.levels_max.max(self.levels);
    }

    /// A word or sign before an operand for which the parser recurses.
    pub(crate) fn prefix(&mut self) {
        self.list().prefixes += 1;
        self.deeper();
    }

    fn end_operand(&mut self) {
        let list = self.list();
        list.end_operand();
        let prefixes = std::mem::take(&mut list.prefixes);
        self.levels -= prefixes;
    }

    pub(crate) fn token(&mut self) -> Result<()> {
        self.tokens += 1;
        if self.tokens > TOKENS_MAX { Err(too_complex("too many words and symbols", TOKENS_MAX)) } else { Ok(()) }
    }

    pub(crate) fn open(&mut self) -> Result<()> {
        if self.lists.len() > PARENTHESES_MAX {
            return Err(too_complex("parentheses nested too deeply", PARENTHESES_MAX));
        }
        self.deeper();
        self.lists.push(List::default());
        Ok(())
    }

    pub(crate) fn close(&mut self) {
        if self.lists.len() > 1 {
            self.end_operand();
            self.levels -= 1;
        }
        if self.lists.len() > 1
            && let Some(list) = self.lists.pop()
        {
            let outer = self.list();
            outer.inner = outer.inner.max(list.deepest);
        }
    }

    /// A comma or a word that begins a clause.
    pub(crate) fn separator(&mut self) {
        self.end_operand();
        let list = self.list();
        list.terms = 0;
        list.betweens = 0;
    }

    pub(crate) fn operator(&mut self) -> Result<()> {
        let list = self.list();
        list.operators += 1;
        if list.operators + list.inner > OPERATORS_MAX {
            return Err(too_complex("operators nested too deeply", OPERATORS_MAX));
        }
        Ok(())
    }

    /// AND, OR or `||`.
    pub(crate) fn term(&mut self) -> Result<()> {
        self.end_operand();
        let list = self.list();
        list.terms += 1;
        if list.terms > TERMS_MAX { Err(too_complex("too many terms in one expression", TERMS_MAX)) } else { Ok(()) }
    }

    /// Looks at a word that may be a keyword.
    pub(crate) fn word(&mut self, word: &[u8]) -> Result<()> {
        if !(2..=9).contains(&word.len()) {
            return Ok(());
        }
        let mut upper = [0_u8; 9];
        for (to, from) in upper.iter_mut().zip(word) {
            *to = from.to_ascii_uppercase();
        }
        match &upper[..word.len()] {
            b"OR" => self.term(),
            b"AND" => {
                let list = self.list();
                if list.betweens > 0 {
                    list.betweens -= 1;
                    return Ok(());
                }
                self.term()
            }
            b"BETWEEN" => {
                self.list().betweens += 1;
                self.operator()
            }
            b"CASE" => self.open(),
            b"END" => {
                self.close();
                Ok(())
            }
            b"NOT" | b"EXISTS" | b"INTERVAL" | b"ARRAY" | b"STRUCT" | b"MAP" | b"PRIOR" => {
                self.prefix();
                self.operator()
            }
            b"IS" | b"IN" | b"LIKE" | b"ILIKE" | b"GLOB" | b"REGEXP" | b"MATCH" | b"COLLATE" | b"ISNULL"
            | b"NOTNULL" => self.operator(),
            b"UNION" | b"EXCEPT" | b"INTERSECT" => {
                self.separator();
                self.compounds += 1;
                if self.compounds >= COMPOUND_MAX {
                    return Err(too_complex("too many queries joined by UNION, EXCEPT or INTERSECT", COMPOUND_MAX));
                }
                Ok(())
            }
            b"SELECT" | b"FROM" | b"WHERE" | b"GROUP" | b"HAVING" | b"ORDER" | b"LIMIT" | b"ON" | b"SET"
            | b"VALUES" | b"WHEN" | b"THEN" | b"ELSE" | b"JOIN" => {
                self.separator();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn list(&mut self) -> &mut List {
        self.lists.last_mut().expect("the outermost list is never closed")
    }
}
