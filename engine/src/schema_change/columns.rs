//! Changes of a table's columns.

use std::sync::Arc;

use super::{COLUMN_COUNT_MAX, Change, check_default, check_positions};
use crate::catalog::{Column, TableSchema};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::ids::TableId;
use crate::row::Row;
use crate::value::Value;

impl Database {
    /// Adds a column; the rows that are there get its default. O(rows).
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::AlreadyExists`], [`Error::TooLarge`]; [`Error::TypeMismatch`] for a default of another type
    /// than the column's; [`Error::Refused`] for a NOT NULL column without a default while there are rows.
    pub fn add_column(&self, table: TableId, column: Column) -> Result<()> {
        let mut change = Change::begin(self)?;
        let old = change.table(table)?;
        let mut schema = TableSchema::clone(&old.schema);
        if schema.column_index(&column.name).is_some() {
            return Err(Error::AlreadyExists { what: "column", name: column.name });
        }
        if schema.columns.len() == COLUMN_COUNT_MAX {
            return Err(Error::TooLarge { what: "the number of columns", limit: COLUMN_COUNT_MAX });
        }
        if column.not_null && column.default.is_null() && old.table.live_rows() > 0 {
            let reason = format!("column {} is NOT NULL, has no default, and {} has rows", column.name, schema.name);
            return Err(Error::Refused { reason });
        }
        check_default(&schema.name, &column)?;
        let default = column.default.clone();
        schema.columns.push(column);
        change.replace_rows(&old, schema, |row| {
            Row::new(&row.values().chain([default.as_borrowed()]).collect::<Vec<_>>())
        })?;
        change.finish()
    }

    /// Takes a column out. O(rows).
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Refused`] for the only column, or one that an index uses.
    pub fn drop_column(&self, table: TableId, column: usize) -> Result<()> {
        let mut change = Change::begin(self)?;
        let old = change.table(table)?;
        let mut schema = TableSchema::clone(&old.schema);
        check_positions(&schema.name, schema.columns.len(), [column])?;
        let name = schema.columns[column].name.clone();
        let user = schema.indexes.iter().find(|index| index.columns.iter().any(|key| key.column == column));
        if let Some(index) = user {
            let reason = format!("column {name} is part of index {}; drop the index first", index.name);
            return Err(Error::Refused { reason });
        }
        if schema.columns.len() == 1 {
            return Err(Error::Refused { reason: format!("{name} is the only column of {}", schema.name) });
        }
        schema.columns.remove(column);
        schema.primary_key.iter_mut().for_each(|key| *key -= usize::from(*key > column));
        for key in schema.indexes.iter_mut().flat_map(|index| &mut index.columns) {
            key.column -= usize::from(key.column > column);
        }
        change.replace_rows(&old, schema, |row| {
            let values: Vec<Value<'_>> =
                row.values().enumerate().filter(|(position, _)| *position != column).map(|(_, value)| value).collect();
            Row::new(&values)
        })?;
        change.finish()
    }

    /// Gives a column another name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::AlreadyExists`].
    pub fn rename_column(&self, table: TableId, column: usize, name: &str) -> Result<()> {
        let mut change = Change::begin(self)?;
        let mut state = change.table(table)?;
        let schema = Arc::make_mut(&mut state.schema);
        check_positions(&schema.name, schema.columns.len(), [column])?;
        if schema.column_index(name).is_some_and(|other| other != column) {
            return Err(Error::AlreadyExists { what: "column", name: name.to_owned() });
        }
        schema.columns[column].name = name.to_owned();
        change.state.put_table(state);
        change.finish()
    }
}
