//! What of SQL's many spellings sqlparser accepts for Manicule: SQLite's, with PostgreSQL's casts and nested comments.
//!
//! The parser tries to read a type name before every operand and throws an error away when there is none. Most operands
//! are a number, a string, a plain name, a common function or something in parentheses, so [`Dialect::parse_prefix`] takes
//! those itself.

use std::any::TypeId;

use sqlparser::ast::{CastKind, Expr, ObjectName, Statement, UnaryOperator, Value};
use sqlparser::dialect::{Dialect, Precedence, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// How strongly `||` binds; only signs bind more.
const CONCAT_PRECEDENCE: u8 = 45;

/// The dialect.
#[derive(Debug, Default)]
pub(crate) struct Manicule {
    /// Whether the statement defines a table: in a column's definition the parser reads an expression in another way, up to
    /// the next parenthesis, which is then its own.
    pub(crate) is_definition: bool,
}

impl Dialect for Manicule {
    /// Parts of the parser ask which dialect it is; SQLite's answers are ours.
    fn dialect(&self) -> TypeId {
        TypeId::of::<SQLiteDialect>()
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        matches!(character, '"' | '`' | '[')
    }

    fn is_identifier_start(&self, character: char) -> bool {
        character.is_alphabetic() || character == '_'
    }

    fn is_identifier_part(&self, character: char) -> bool {
        character.is_alphanumeric() || matches!(character, '_' | '$' | '\u{300}'..='\u{36f}')
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_start_transaction_modifier(&self) -> bool {
        true
    }

    fn supports_in_empty_list(&self) -> bool {
        true
    }

    fn supports_limit_comma(&self) -> bool {
        true
    }

    fn supports_asc_desc_in_column_definition(&self) -> bool {
        true
    }

    fn supports_dollar_placeholder(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }

    fn supports_notnull_operator(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn supports_set_stmt_without_operator(&self) -> bool {
        false
    }

    fn parse_statement(&self, parser: &mut Parser<'_>) -> Option<Result<Statement, ParserError>> {
        if !parser.parse_keyword(Keyword::REPLACE) {
            return None;
        }
        let statement = parser.parse_insert(parser.get_current_token().clone());
        Some(statement.map(|mut statement| {
            if let Statement::Insert(insert) = &mut statement {
                insert.replace_into = true;
            }
            statement
        }))
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let operator = match &parser.peek_token_ref().token {
            Token::Number(..) | Token::SingleQuotedString(_) | Token::HexStringLiteral(_) | Token::Placeholder(_) => {
                return Some(parser.parse_value().map(Expr::Value));
            }
            Token::Word(word) if word.quote_style.is_some() || word.keyword == Keyword::NoKeyword => {
                return match &parser.peek_nth_token_ref(1).token {
                    Token::LParen => Some(parse_call(parser)),
                    Token::SingleQuotedString(_) | Token::HexStringLiteral(_) | Token::DoubleQuotedString(_) => None,
                    _ => Some(parser.parse_identifier().map(Expr::Identifier)),
                };
            }
            Token::Word(word) => return parse_keyword(word.keyword, parser),
            Token::LParen if !self.is_definition && !begins_query(parser.peek_nth_token_ref(1)) => {
                return Some(parse_parentheses(parser));
            }
            Token::Minus => UnaryOperator::Minus,
            Token::Plus => UnaryOperator::Plus,
            Token::Tilde => UnaryOperator::BitwiseNot,
            _ => return None,
        };
        parser.advance_token();
        let operand = parser.parse_subexpr(CONCAT_PRECEDENCE);
        Some(operand.map(|operand| Expr::UnaryOp { op: operator, expr: Box::new(operand) }))
    }

    fn parse_infix(&self, parser: &mut Parser<'_>, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        if parser.parse_keyword(Keyword::IS) {
            return Some(parse_is(parser, left, precedence));
        }
        if !is_isnull(&parser.peek_token_ref().token) {
            return None;
        }
        parser.advance_token();
        Some(Ok(Expr::IsNull(Box::new(left.clone()))))
    }

    /// SQLite's order where it differs: LIKE and IS on one level with `=`.
    fn prec_value(&self, precedence: Precedence) -> u8 {
        SQLiteDialect {}.prec_value(match precedence {
            Precedence::Like | Precedence::Is => Precedence::Eq,
            other => other,
        })
    }

    /// The same: signs and `~` above `||`, and that above `*`; `<` above `=`; all bitwise operators on one level.
    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::StringConcat => Some(Ok(CONCAT_PRECEDENCE)),
            Token::Lt | Token::LtEq | Token::Gt | Token::GtEq => Some(Ok(21)),
            Token::Ampersand | Token::Pipe | Token::ShiftLeft | Token::ShiftRight => Some(Ok(23)),
            token if is_isnull(token) => Some(Ok(self.prec_value(Precedence::Is))),
            _ => None,
        }
    }
}

/// Whether it is the word ISNULL, which the parser does not know.
fn is_isnull(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("ISNULL"))
}

/// What stands behind IS: any operand, of which NULL, TRUE and FALSE have a meaning of their own.
fn parse_is(parser: &mut Parser<'_>, left: &Expr, precedence: u8) -> Result<Expr, ParserError> {
    let is_not = parser.parse_keyword(Keyword::NOT);
    let is_distinct = parser.parse_keywords(&[Keyword::DISTINCT, Keyword::FROM]);
    let right = parser.parse_subexpr(precedence)?;
    let left = Box::new(left.clone());
    let constant = match &right {
        Expr::Value(value) => Some(&value.value),
        _ => None,
    };
    Ok(match (constant, is_not != is_distinct) {
        (Some(Value::Null), false) => Expr::IsNull(left),
        (Some(Value::Null), true) => Expr::IsNotNull(left),
        (Some(Value::Boolean(true)), false) => Expr::IsTrue(left),
        (Some(Value::Boolean(true)), true) => Expr::IsNotTrue(left),
        (Some(Value::Boolean(false)), false) => Expr::IsFalse(left),
        (Some(Value::Boolean(false)), true) => Expr::IsNotFalse(left),
        (_, false) => Expr::IsNotDistinctFrom(left, Box::new(right)),
        (_, true) => Expr::IsDistinctFrom(left, Box::new(right)),
    })
}

fn parse_call(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name = parser.parse_identifier()?;
    parser.parse_function(ObjectName::from(vec![name]))
}

/// An operand that begins with one of the words that are common in expressions.
fn parse_keyword(keyword: Keyword, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    match keyword {
        Keyword::NULL => Some(parser.parse_value().map(Expr::Value)),
        Keyword::NOT => {
            parser.advance_token();
            Some(parser.parse_not())
        }
        Keyword::CASE => {
            parser.advance_token();
            Some(parser.parse_case_expr())
        }
        Keyword::CAST => {
            parser.advance_token();
            Some(parser.parse_cast_expr(CastKind::Cast))
        }
        Keyword::ABS
        | Keyword::AVG
        | Keyword::COALESCE
        | Keyword::COUNT
        | Keyword::MAX
        | Keyword::MIN
        | Keyword::NULLIF
        | Keyword::SUM
            if parser.peek_nth_token_ref(1).token == Token::LParen =>
        {
            Some(parse_call(parser))
        }
        _ => None,
    }
}

fn begins_query(token: &TokenWithSpan) -> bool {
    matches!(&token.token, Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH))
}

/// One expression in parentheses, or several.
fn parse_parentheses(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.advance_token();
    let first = parser.parse_expr()?;
    let expr = if parser.consume_token(&Token::Comma) {
        let mut parts = vec![first];
        parts.extend(parser.parse_comma_separated(Parser::parse_expr)?);
        Expr::Tuple(parts)
    } else {
        Expr::Nested(Box::new(first))
    };
    parser.expect_token(&Token::RParen)?;
    Ok(expr)
}
