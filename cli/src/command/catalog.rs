//! The commands that show what is in the database.

use std::sync::Arc;

use manicule::{Catalog, MemoryUsage, TableSchema, Value};

use super::{closest, usage};
use crate::error::{Error, Result};
use crate::shell::{Flow, Shell};
use crate::{schema, text};

pub(super) fn tables(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    if !arguments.is_empty() {
        return Err(usage(".tables"));
    }
    let database = shell.backend.database().clone();
    let mut reader = database.reader();
    let view = reader.view();
    let catalog = view.catalog();
    let mut rows: Vec<Vec<Value<'_>>> = catalog
        .tables()
        .map(|table| {
            vec![
                Value::text(table.name.as_str()),
                integer(view.row_count(table.id)),
                integer(table.columns.len() as u64),
                integer(table.indexes.len() as u64),
            ]
        })
        .collect();
    let views = catalog.views();
    rows.extend(views.map(|view| vec![Value::text(view.name.as_str()), Value::Null, Value::Null, Value::Null]));
    shell.write_rows(&["name", "rows", "columns", "indexes"], &rows)?;
    Ok(Flow::Continue)
}

pub(super) fn schema(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    let catalog = shell.backend.database().catalog();
    let mut statements = Vec::new();
    let name = text::unquoted_name(arguments);
    for table in chosen(&catalog, &name)? {
        statements.push(schema::create_table(table));
        statements.extend(table.indexes.iter().filter_map(|index| schema::create_index(table, index)));
    }
    if arguments.is_empty() {
        statements.extend(schema::views_in_order(&catalog).into_iter().map(schema::create_view));
    } else if let Some(view) = catalog.view(&name) {
        statements.push(schema::create_view(view));
    }
    if !statements.is_empty() {
        shell.write_text(&statements.join("\n"))?;
    }
    Ok(Flow::Continue)
}

pub(super) fn indexes(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    let database = shell.backend.database().clone();
    let mut reader = database.reader();
    let view = reader.view();
    let mut rows = Vec::new();
    for table in chosen(view.catalog(), &text::unquoted_name(arguments))? {
        rows.extend(table.indexes.iter().map(|index| {
            vec![
                Value::text(index.name.as_str()),
                Value::text(table.name.as_str()),
                Value::from(schema::key_columns(table, index)),
                Value::text(if index.unique { "unique" } else { "" }),
                Value::text(schema::structures(index)),
                integer(view.distinct_keys(index.id)),
            ]
        }));
    }
    shell.write_rows(&["name", "table", "key", "unique", "structure", "keys"], &rows)?;
    Ok(Flow::Continue)
}

pub(super) fn describe(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    if arguments.is_empty() {
        return tables(shell, arguments);
    }
    let catalog = shell.backend.database().catalog();
    for table in chosen(&catalog, &text::unquoted_name(arguments))? {
        let rows: Vec<Vec<Value<'_>>> = table
            .columns
            .iter()
            .enumerate()
            .map(|(position, column)| {
                let is_key = table.primary_key.contains(&position);
                vec![
                    Value::text(column.name.as_str()),
                    Value::text(column.column_type.name()),
                    Value::text(if column.not_null { "not null" } else { "" }),
                    Value::text(if is_key { "primary key" } else { "" }),
                ]
            })
            .collect();
        shell.write_rows(&["column", "type", "null", "key"], &rows)?;
    }
    indexes(shell, arguments)
}

pub(super) fn stats(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    if !arguments.is_empty() {
        return Err(usage(".stats"));
    }
    let database = shell.backend.database().clone();
    let MemoryUsage { tables, indexes, .. } = database.memory_usage();
    let rows_of = |kind: &'static str, entries: Vec<(String, usize)>| {
        entries.into_iter().map(move |(name, bytes)| {
            vec![Value::from(name), Value::text(kind), integer(bytes as u64), Value::from(text::size(bytes))]
        })
    };
    let total: usize = tables.iter().chain(&indexes).map(|(_, bytes)| bytes).sum();
    let mut rows: Vec<Vec<Value<'_>>> = rows_of("table", tables).chain(rows_of("index", indexes)).collect();
    rows.extend(rows_of("all", vec![("total".to_owned(), total)]));
    shell.write_rows(&["name", "kind", "bytes", "size"], &rows)?;
    Ok(Flow::Continue)
}

/// The table of that name, or all of them without one.
fn chosen<'c>(catalog: &'c Catalog, name: &str) -> Result<Vec<&'c Arc<TableSchema>>> {
    if name.is_empty() {
        return Ok(catalog.tables().collect());
    }
    match catalog.table(name) {
        Some(table) => Ok(vec![table]),
        None if catalog.view(name).is_some() => Ok(Vec::new()),
        None => Err(unknown("table", name, closest(name, catalog.tables().map(|table| table.name.as_str())))),
    }
}

pub(super) fn unknown(what: &str, name: &str, near: Option<&str>) -> Error {
    let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
    Error::Command(format!("there is no {what} {name}{hint}"))
}

fn integer(count: u64) -> Value<'static> {
    Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}
