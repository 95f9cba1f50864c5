//! Schemas as the SQL that makes them.

use std::collections::HashSet;

use manicule::{Catalog, IndexMethod, IndexSchema, TableSchema, Value, ViewSchema};

use crate::lexer::{self, TokenKind};
use crate::text::{quote_name, unquoted_name};

/// The CREATE TABLE of a table, with its constraints.
pub(crate) fn create_table(table: &TableSchema) -> String {
    let mut lines: Vec<String> =
        table.columns.iter().enumerate().map(|(column, _)| column_line(table, column)).collect();
    if !table.primary_key.is_empty() {
        let key: Vec<_> = table.primary_key.iter().map(|&column| quote_name(&table.columns[column].name)).collect();
        lines.push(format!("    PRIMARY KEY ({})", key.join(", ")));
    }
    for index in &table.indexes {
        let is_primary = index.columns.iter().map(|part| part.column).eq(table.primary_key.iter().copied());
        if index.constraint && !is_primary {
            lines.push(format!("    UNIQUE ({})", key_columns(table, index)));
        }
    }
    lines.extend(table.checks.iter().map(|check| format!("    CHECK ({check})")));
    format!("CREATE TABLE {} (\n{}\n);", quote_name(&table.name), lines.join(",\n"))
}

fn column_line(table: &TableSchema, position: usize) -> String {
    let column = &table.columns[position];
    let mut line = format!("    {} {}", quote_name(&column.name), column.column_type);
    if column.not_null && !table.primary_key.contains(&position) {
        line.push_str(" NOT NULL");
    }
    let default = column.default_sql.as_ref().map(|sql| format!("({sql})"));
    if let Some(default) = default.or_else(|| (!column.default.is_null()).then(|| literal(&column.default))) {
        line.push_str(" DEFAULT ");
        line.push_str(&default);
    }
    line
}

/// The CREATE INDEX of an index; `None` of one that a constraint makes.
pub(crate) fn create_index(table: &TableSchema, index: &IndexSchema) -> Option<String> {
    if index.constraint {
        return None;
    }
    let unique = if index.unique { "UNIQUE " } else { "" };
    let method = match index.method {
        IndexMethod::Hash => " USING HASH",
        IndexMethod::Tree => " USING TREE",
        IndexMethod::HashAndTree => "",
    };
    let (name, on) = (quote_name(&index.name), quote_name(&table.name));
    Some(format!("CREATE {unique}INDEX {name} ON {on}{method} ({});", key_columns(table, index)))
}

/// The CREATE VIEW of a view.
pub(crate) fn create_view(view: &ViewSchema) -> String {
    let columns: Vec<_> = view.columns.iter().map(|name| quote_name(name)).collect();
    let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
    format!("CREATE VIEW {}{columns} AS {};", quote_name(&view.name), view.sql)
}

/// All views, each after those that its query reads: none can be made before them.
pub(crate) fn views_in_order(catalog: &Catalog) -> Vec<&ViewSchema> {
    let mut waiting: Vec<(&ViewSchema, HashSet<String>)> =
        catalog.views().map(|view| (&**view, names_in(&view.sql))).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let reads_another = |(view, names): &(&ViewSchema, HashSet<String>)| {
            let others = waiting.iter().filter(|(other, _)| other.name != view.name);
            others.into_iter().any(|(other, _)| names.contains(&other.name.to_ascii_lowercase()))
        };
        // There is a circle only where a column has the name of a view.
        let next = waiting.iter().position(|candidate| !reads_another(candidate)).unwrap_or(0);
        ordered.push(waiting.remove(next).0);
    }
    ordered
}

/// The names in a query that may be those of tables, in lower case: after FROM, JOIN, a comma or a bracket.
fn names_in(sql: &str) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut before = "";
    for token in lexer::tokens(sql) {
        let text = &sql[token.span];
        match token.kind {
            TokenKind::Space | TokenKind::Comment => continue,
            TokenKind::Word | TokenKind::QuotedName if is_before_table(before) => {
                names.insert(unquoted_name(text).to_ascii_lowercase());
            }
            _ => {}
        }
        before = text;
    }
    names
}

fn is_before_table(text: &str) -> bool {
    ["FROM", "JOIN", ",", "("].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The columns of an index's key: `year, month DESC`.
pub(crate) fn key_columns(table: &TableSchema, index: &IndexSchema) -> String {
    let columns = index.columns.iter().map(|part| {
        let name = quote_name(&table.columns[part.column].name);
        if part.descending { format!("{name} DESC") } else { name.into_owned() }
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// The structures that an index has, in words.
pub(crate) fn structures(index: &IndexSchema) -> &'static str {
    match (index.unique, index.method) {
        (true, IndexMethod::Hash) => "HashIndex",
        (true, IndexMethod::Tree) => "TreeIndex",
        (true, IndexMethod::HashAndTree) => "HashIndex and TreeIndex",
        (false, IndexMethod::Hash) => "MultiIndex, hash directory",
        (false, IndexMethod::Tree) => "MultiIndex, ordered directory",
        (false, IndexMethod::HashAndTree) => "MultiIndex, both directories",
    }
}

/// A value as SQL text reads it.
fn literal(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Date(_) => format!("DATE '{value}'"),
        Value::Timestamp(_) => format!("TIMESTAMP '{value}'"),
        _ => value.to_string(),
    }
}
