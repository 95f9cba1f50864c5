//! What the line editor asks while the user types: colours, completions, and whether a statement is whole.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use manicule::{Catalog, Database, TableSchema};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Result};

use crate::lexer::{self, TokenKind};
use crate::output::Mode;
use crate::{backend, batch, command, keywords, text};

const KEYWORD: Style = AnsiColor::Blue.on_default().bold();
const STRING: Style = AnsiColor::Green.on_default();
const NUMBER: Style = AnsiColor::Cyan.on_default();
const COMMENT: Style = Style::new().dimmed();
const COMMAND: Style = AnsiColor::Magenta.on_default();
/// Text longer than this is not coloured: it was pasted, and each key would look at all of it.
const COLOURED_BYTES_MAX: usize = 64 << 10;

/// Knows the catalog, and so what a word may become.
pub(super) struct Helper {
    database: Database,
    files: FilenameCompleter,
}

impl Helper {
    pub(super) fn new(database: Database) -> Self {
        Self { database, files: FilenameCompleter::new() }
    }
}

impl rustyline::Helper for Helper {}

impl Hinter for Helper {
    type Hint = String;
}

impl Validator for Helper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        let input = context.input();
        let is_command = batch::is_command(input) || super::command_in_words(input).is_some();
        let is_whole = input.trim().is_empty() || is_command || backend::is_complete(input);
        Ok(if is_whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Highlighter for Helper {
    fn highlight<'l>(&self, line: &'l str, _position: usize) -> Cow<'l, str> {
        if line.len() > COLOURED_BYTES_MAX {
            return Cow::Borrowed(line);
        }
        if batch::is_command(line) {
            return Cow::Owned(format!("{COMMAND}{line}{COMMAND:#}"));
        }
        let mut coloured = String::with_capacity(line.len() * 2);
        for token in lexer::tokens(line) {
            let text = &line[token.span];
            let style = match token.kind {
                TokenKind::Word if keywords::is_keyword(text) => KEYWORD,
                TokenKind::Text => STRING,
                TokenKind::Number => NUMBER,
                TokenKind::Comment => COMMENT,
                TokenKind::Word | TokenKind::QuotedName | TokenKind::Space | TokenKind::Symbol => Style::new(),
            };
            coloured.push_str(&format!("{style}{text}{style:#}"));
        }
        Cow::Owned(coloured)
    }

    fn highlight_char(&self, _line: &str, _position: usize, _kind: CmdKind) -> bool {
        true
    }
}

impl Completer for Helper {
    type Candidate = Pair;

    fn complete(&self, line: &str, position: usize, context: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        let before = &line[..position];
        let catalog = self.database.catalog();
        if batch::is_command(before) {
            let start = before.find(char::is_whitespace);
            return match (start, before.split_whitespace().next().unwrap_or_default()) {
                (None, _) => Ok((0, pairs(before, command::names()))),
                (Some(_), ".read" | ".import" | ".export" | ".output" | "\\i" | "\\o") if words(before) < 2 => {
                    self.files.complete(line, position, context)
                }
                (Some(_), ".mode") => Ok(complete_word(before, Mode::NAMES.split(", "))),
                (Some(_), ".index") => Ok(complete_word(before, index_names(&catalog))),
                (Some(_), _) => Ok(complete_word(before, table_names(&catalog))),
            };
        }
        Ok(complete_sql(line, before, &catalog))
    }
}

/// How many blanks stand between words, which says which argument is being typed.
fn words(before: &str) -> usize {
    before.split_whitespace().count() - usize::from(!before.ends_with(char::is_whitespace))
}

/// Completes the word before the cursor: a column after a table and a dot, a table where one is expected, else any of
/// the columns of the tables that the statement names, the tables, and the keywords.
fn complete_sql(line: &str, before: &str, catalog: &Catalog) -> (usize, Vec<Pair>) {
    let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + char_bytes(before, at));
    let (head, word) = before.split_at(start);
    if let Some(qualifier) = head.strip_suffix('.') {
        let tables = tables_of(line, qualifier, catalog);
        let columns = tables.iter().flat_map(|table| column_names(table));
        return (start, pairs(word, columns));
    }
    let previous = lexer::tokens(head).filter(|token| token.kind == TokenKind::Word).last();
    let previous = previous.map_or(String::new(), |token| head[token.span].to_ascii_uppercase());
    if matches!(previous.as_str(), "FROM" | "JOIN" | "INTO" | "UPDATE" | "TABLE" | "ON") {
        let found = pairs(word, table_names(catalog));
        if !found.is_empty() {
            return (start, found);
        }
    }
    let mentioned = mentioned_tables(line, catalog);
    let columns: Vec<&TableSchema> =
        if mentioned.is_empty() { catalog.tables().map(|table| &**table).collect() } else { mentioned };
    let mut found = pairs(word, columns.into_iter().flat_map(column_names));
    found.extend(pairs(word, table_names(catalog)));
    let is_lower = word.chars().next().is_some_and(char::is_lowercase);
    let keywords: Vec<String> = keywords::KEYWORDS
        .iter()
        .map(|keyword| if is_lower { keyword.to_ascii_lowercase() } else { (*keyword).to_owned() })
        .collect();
    found.extend(pairs(word, keywords.iter().map(String::as_str)));
    (start, found)
}

fn char_bytes(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// The tables that the statement names anywhere, so that columns before FROM complete too.
fn mentioned_tables<'c>(line: &str, catalog: &'c Catalog) -> Vec<&'c TableSchema> {
    let words = lexer::tokens(line).filter(|token| token.kind == TokenKind::Word);
    words.filter_map(|token| catalog.table(&line[token.span])).map(|table| &**table).collect()
}

/// The table that stands before a dot: by its name, or by an alias, for which all tables of the statement are taken.
fn tables_of<'c>(line: &str, before_dot: &str, catalog: &'c Catalog) -> Vec<&'c TableSchema> {
    let start = before_dot.rfind(|c: char| !c.is_alphanumeric() && c != '_');
    let name = &before_dot[start.map_or(0, |at| at + char_bytes(before_dot, at))..];
    match catalog.table(name) {
        Some(table) => vec![table],
        None => mentioned_tables(line, catalog),
    }
}

fn complete_word<'n>(before: &str, names: impl Iterator<Item = &'n str>) -> (usize, Vec<Pair>) {
    let start = before.rfind(char::is_whitespace).map_or(0, |at| at + char_bytes(before, at));
    (start, pairs(&before[start..], names))
}

/// The names that begin with `word`, each once, in order.
fn pairs<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Vec<Pair> {
    let begins = |name: &&str| {
        name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) && name.len() > word.len()
    };
    let mut found: Vec<&str> = names.filter(begins).collect();
    found.sort_unstable();
    found.dedup();
    let replacement = |name: &str| if name.starts_with(['.', '\\']) { name.to_owned() } else { completed(name) };
    found.into_iter().map(|name| Pair { display: name.to_owned(), replacement: replacement(name) }).collect()
}

/// A keyword as it is, a name with quotes where it needs them.
fn completed(name: &str) -> String {
    if keywords::is_keyword(name) { name.to_owned() } else { text::quote_name(name).into_owned() }
}

fn table_names(catalog: &Catalog) -> impl Iterator<Item = &str> {
    catalog.tables().map(|table| table.name.as_str()).chain(catalog.views().map(|view| view.name.as_str()))
}

fn index_names(catalog: &Catalog) -> impl Iterator<Item = &str> {
    catalog.tables().flat_map(|table| table.indexes.iter().map(|index| index.name.as_str()))
}

fn column_names(table: &TableSchema) -> impl Iterator<Item = &str> {
    table.columns.iter().map(|column| column.name.as_str())
}
