//! The text of one statement into its syntax tree.
//!
//! The text has passed the [limits](crate::limits) when it comes here. Some statements are answered from their first
//! words: those that Manicule does not have, and those that sqlparser does not know.

mod spelling;

use ahash::AHashMap;
use sqlparser::ast::{self, Statement};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::dialect::Manicule;
use crate::error::{Error, ErrorKind, Result, Span};
use crate::limits;

/// For how many tokens there is room from the start.
const TOKENS_AT_ONCE: usize = 1024;

/// How deeply the parser may recurse; see [`stack`](crate::stack) for where it does.
const RECURSION_MAX: usize = 250;

/// A parsed statement.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) command: Command,
    pub(crate) parameters: Parameters,
}

/// What is done with a statement.
#[derive(Debug)]
pub(crate) enum Command {
    /// It is run.
    Run(Box<Statement>),
    /// Its plan is shown.
    Explain {
        /// The statement.
        statement: Box<Statement>,
        /// Whether it is run, too.
        analyze: bool,
        /// Whether the plan is shown as JSON.
        json: bool,
    },
    /// `REINDEX [name]`: checks the name, does nothing else.
    Reindex(Option<String>),
    /// A statement that is accepted and does nothing.
    Nothing,
}

/// The parameters of a statement.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    /// How many values the statement takes.
    pub(crate) count: usize,
    /// The name of each parameter that has one.
    pub(crate) names: Vec<Option<String>>,
    /// The position of the parameter that is written at a place.
    by_place: AHashMap<(u64, u64), usize>,
}

impl Parameters {
    pub(crate) fn position(&self, location: Location) -> Option<usize> {
        self.by_place.get(&(location.line, location.column)).copied()
    }

    fn add(&mut self, text: &str, location: Location) -> Result<()> {
        let position = match text.strip_prefix(['?', '$']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            Some(number) => {
                number
                    .parse::<usize>()
                    .ok()
                    .filter(|number| (1..=limits::COLUMNS_MAX * 32).contains(number))
                    .ok_or_else(|| Error::invalid(format!("there is no parameter {text}"), "42P02"))?
                    - 1
            }
            None if text == "?" => self.count,
            None => match self.names.iter().position(|name| name.as_deref() == Some(text)) {
                Some(position) => position,
                None => {
                    self.names.resize(self.count, None);
                    self.names.push(Some(text.to_owned()));
                    self.count
                }
            },
        };
        self.count = self.count.max(position + 1);
        self.names.resize(self.count, None);
        self.by_place.insert((location.line, location.column), position);
        Ok(())
    }
}

/// Parses the text of one statement.
pub(crate) fn parse_statement(text: &str) -> Result<Parsed> {
    let mut tokens = tokens(text)?;
    let parameters = find_parameters(&tokens).map_err(|(error, location)| error.at(span_at(text, location)))?;
    let command = match leading(&mut tokens, text)? {
        Leading::Command(command) => command,
        Leading::Run => Command::Run(run_parser(tokens, text)?),
        Leading::Explain { analyze, json } => Command::Explain { statement: run_parser(tokens, text)?, analyze, json },
    };
    Ok(Parsed { command, parameters })
}

/// The tokens of a text, in the parser's own words.
fn tokens(text: &str) -> Result<Vec<TokenWithSpan>> {
    // A word and the blank after it are some six bytes; growing would copy the tokens again and again.
    let mut tokens = Vec::with_capacity((text.len() / 3).min(TOKENS_AT_ONCE));
    Tokenizer::new(&Manicule::default(), text)
        .tokenize_with_location_into_buf(&mut tokens)
        .map_err(|error| syntax(text, &error.message, error.location))?;
    spelling::rewrite(&mut tokens);
    Ok(tokens)
}

/// Past its limit of recursion the parser tries other readings, and complains of something else in the end.
pub(crate) fn blame_depth(error: Error, levels: usize) -> Error {
    match error.kind() {
        ErrorKind::Syntax { .. } if levels >= RECURSION_MAX / 4 => {
            limits::too_complex("parts nested too deeply", RECURSION_MAX)
        }
        _ => error,
    }
}

/// Parses an expression that the catalog keeps as text.
pub(crate) fn parse_expression(text: &str) -> Result<ast::Expr> {
    let dialect = Manicule::default();
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(RECURSION_MAX).with_tokens_with_locations(tokens(text)?);
    parser.parse_expr().map_err(|error| parser_error(text, error))
}

fn run_parser(tokens: Vec<TokenWithSpan>, text: &str) -> Result<Box<Statement>> {
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
    let is_definition = first.is_some_and(|first| match &first.token {
        Token::Word(word) => matches!(word.keyword, Keyword::CREATE | Keyword::ALTER),
        _ => false,
    });
    let dialect = Manicule { is_definition };
    let mut parser = Parser::new(&dialect).with_recursion_limit(RECURSION_MAX).with_tokens_with_locations(tokens);
    let statement = parser.parse_statement().map_err(|error| parser_error(text, error))?;
    let next = parser.peek_token_ref();
    if next.token != Token::EOF {
        let message = format!("unexpected {}", describe(&next.token.to_string()));
        return Err(syntax(text, &message, next.span.start));
    }
    Ok(Box::new(statement))
}

fn find_parameters(tokens: &[TokenWithSpan]) -> std::result::Result<Parameters, (Error, Location)> {
    let mut parameters = Parameters::default();
    for (position, token) in tokens.iter().enumerate() {
        let location = token.span.start;
        let added = match (&token.token, tokens.get(position + 1).map(|next| &next.token)) {
            (Token::Placeholder(text), _) => parameters.add(text, location),
            (Token::Colon, Some(Token::Word(word))) => parameters.add(&format!(":{}", word.value), location),
            (Token::Colon, Some(Token::Number(number, _))) => parameters.add(&format!("${number}"), location),
            _ => continue,
        };
        added.map_err(|error| (error, location))?;
    }
    Ok(parameters)
}

/// What the first words say.
enum Leading {
    Command(Command),
    Run,
    Explain { analyze: bool, json: bool },
}

fn leading(tokens: &mut Vec<TokenWithSpan>, text: &str) -> Result<Leading> {
    let mut words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let Some(first) = words.next() else { return Ok(Leading::Run) };
    let is_first = |expected: &[&str]| expected.iter().any(|word| spelling::is(first, word));
    if is_first(&["SELECT", "INSERT"]) {
        return Ok(Leading::Run);
    }
    let second = words.next();
    let is_modified = second.is_some_and(|word| spelling::is(word, "TEMP") || spelling::is(word, "TEMPORARY"));
    let object = if is_modified { words.next() } else { second };
    if is_first(&["CREATE", "DROP"]) && object.is_some_and(|object| spelling::is(object, "TRIGGER")) {
        return Err(not_supported("a trigger", text));
    }
    if is_first(&["ATTACH", "DETACH"]) {
        return Err(not_supported("more than one database in a session", text));
    }
    if is_first(&["REINDEX"]) {
        let name = second.map(|name| match &name.token {
            Token::Word(word) => word.value.clone(),
            token => token.to_string(),
        });
        return Ok(Leading::Command(Command::Reindex(name)));
    }
    if is_first(&["VACUUM", "ANALYZE"]) {
        return Ok(Leading::Command(Command::Nothing));
    }
    if is_first(&["EXPLAIN"]) {
        return explain(tokens, text);
    }
    Ok(Leading::Run)
}

fn not_supported(what: &str, text: &str) -> Error {
    Error::not_supported(what).at(Some(Span::new(0, text.find(char::is_whitespace).unwrap_or(text.len()))))
}

/// Takes `EXPLAIN [ANALYZE] [QUERY PLAN] [(ANALYZE, FORMAT JSON)]` off the front.
fn explain(tokens: &mut Vec<TokenWithSpan>, text: &str) -> Result<Leading> {
    let (mut analyze, mut json, mut inside) = (false, false, false);
    let mut taken = 0;
    for token in tokens.iter() {
        let word = token.token.to_string().to_ascii_uppercase();
        match word.as_str() {
            _ if matches!(token.token, Token::Whitespace(_)) => {}
            "(" if !inside => inside = true,
            ")" if inside => inside = false,
            "ANALYZE" => analyze = true,
            "JSON" if inside => json = true,
            "EXPLAIN" | "QUERY" | "PLAN" => {}
            "FORMAT" | "TEXT" | "TRUE" | "ON" | "," if inside => {}
            _ if inside => {
                let message = format!("unexpected {} among the options of EXPLAIN", describe(&word));
                return Err(syntax(text, &message, token.span.start).with_hint("EXPLAIN (ANALYZE, FORMAT JSON) …"));
            }
            _ => break,
        }
        taken += 1;
    }
    tokens.drain(..taken);
    Ok(Leading::Explain { analyze, json })
}

fn parser_error(text: &str, error: ParserError) -> Error {
    match error {
        ParserError::RecursionLimitExceeded => limits::too_complex("parts nested too deeply", RECURSION_MAX),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            let (message, location) = split_location(&message);
            let word = location.and_then(|location| span_at(text, location)).map(|span| &text[span.range()]);
            let message = match message.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: ")) {
                Some((expected, found)) => format!("expected {expected}, found {}", describe(found)),
                None if message.starts_with("No infix parser for token") => {
                    format!("unexpected {}", describe(word.unwrap_or_default()))
                }
                None => message.to_owned(),
            };
            match location {
                Some(location) => syntax(text, &message, location),
                None => Error::syntax(message).at(Some(Span::new(text.len(), text.len()))),
            }
        }
    }
}

fn describe(token: &str) -> String {
    /// How much of a token is shown.
    const SHOWN_MAX: usize = 40;
    match token {
        "EOF" => "the end of the statement".to_owned(),
        token if token.chars().count() > SHOWN_MAX => token.chars().take(SHOWN_MAX).chain(['…']).collect(),
        token => token.to_owned(),
    }
}

/// Takes `… at Line: 1, Column: 8` apart.
fn split_location(message: &str) -> (&str, Option<Location>) {
    let parts = message.rsplit_once(" at Line: ").and_then(|(message, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((message, Location { line: line.parse().ok()?, column: column.parse().ok()? }))
    });
    match parts {
        Some((message, location)) => (message, Some(location)),
        None => (message, None),
    }
}

fn syntax(text: &str, message: &str, location: Location) -> Error {
    Error::syntax(message).at(span_at(text, location))
}

/// The word at a place of the text.
pub(crate) fn span_at(text: &str, location: Location) -> Option<Span> {
    let start = offset(text, location)?;
    let rest = &text[start..];
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    Some(Span::new(start, start + word.max(rest.chars().next().map_or(0, char::len_utf8))))
}

/// The byte at which a place of the text begins; `None` of the empty place.
pub(crate) fn offset(text: &str, location: Location) -> Option<usize> {
    let line = usize::try_from(location.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(location.column).ok()?.checked_sub(1)?;
    let line_start = match line {
        0 => 0,
        line => text.match_indices('\n').nth(line - 1)?.0 + 1,
    };
    let rest = &text[line_start..];
    Some(line_start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_as_sqlite_does() {
        let parsed = parse_statement("SELECT ?, ?5, ?, :a, $2, :a, :b").unwrap();
        assert_eq!(parsed.parameters.count, 8);
        assert_eq!(parsed.parameters.names[6].as_deref(), Some(":a"));
        assert_eq!(parsed.parameters.names[7].as_deref(), Some(":b"));
    }

    #[test]
    fn explain_options_are_read() {
        for (sql, expected) in [
            ("EXPLAIN SELECT 1", (false, false)),
            ("EXPLAIN ANALYZE SELECT 1", (true, false)),
            ("EXPLAIN (ANALYZE, FORMAT JSON) SELECT 1", (true, true)),
            ("EXPLAIN QUERY PLAN SELECT 1", (false, false)),
        ] {
            match parse_statement(sql).unwrap().command {
                Command::Explain { analyze, json, .. } => assert_eq!((analyze, json), expected, "{sql}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn errors_have_places() {
        let error = parse_statement("SELECT 1 FROM t\n GROUP 2").unwrap_err();
        assert_eq!(error.span(), Some(Span::new(17, 22)), "{error}");
        let error = parse_statement("SELECT (1").unwrap_err();
        assert!(error.to_string().contains("end of the statement"), "{error}");
    }
}
