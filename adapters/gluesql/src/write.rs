//! Changing rows, and making and dropping tables and indexes.

use gluesql_core::ast::OrderByExpr;
use gluesql_core::chrono::Utc;
use gluesql_core::data::{Key, Schema, SchemaIndex, SchemaIndexOrd, Value};
use gluesql_core::error::{IndexError, Result};
use gluesql_core::store::{IndexMut, StoreMut};

use crate::catalog::Table;
use crate::storage::ManiculeStorage;
use crate::transaction::Open;

impl StoreMut for ManiculeStorage {
    /// A table with that name keeps its rows if their form and the indexes stay: so GlueSQL takes foreign keys away. Else it goes.
    fn insert_schema(&mut self, schema: &Schema) -> Result<()> {
        self.change(|open| match open.table(&schema.table_name) {
            Some(table) if has_form(table, schema) => {
                let table = Table { schema: schema.clone(), ..Table::clone(table) };
                open.define(table);
                Ok(())
            }
            _ => open.create_table(schema.clone()),
        })
    }

    fn delete_schema(&mut self, table_name: &str) -> Result<()> {
        self.change(|open| {
            open.catalog().tables.remove(table_name);
            Ok(())
        })
    }

    fn append_data(&mut self, table_name: &str, rows: Vec<Vec<Value>>) -> Result<()> {
        self.write(table_name, |table| rows.into_iter().map(|values| (table.rows.new_key(), Some(values))).collect())
    }

    fn insert_data(&mut self, table_name: &str, rows: Vec<(Key, Vec<Value>)>) -> Result<()> {
        self.write(table_name, |_| rows.into_iter().map(|(key, values)| (key, Some(values))).collect())
    }

    fn delete_data(&mut self, table_name: &str, keys: Vec<Key>) -> Result<()> {
        self.write(table_name, |_| keys.into_iter().map(|key| (key, None)).collect())
    }
}

impl ManiculeStorage {
    fn write(&mut self, table: &str, rows: impl FnOnce(&Table) -> Vec<(Key, Option<Vec<Value>>)>) -> Result<()> {
        self.change(|open| {
            let table = table_of(open, table)?;
            open.write(&table, rows(&table))
        })
    }
}

impl IndexMut for ManiculeStorage {
    fn create_index(&mut self, table_name: &str, index_name: &str, column: &OrderByExpr) -> Result<()> {
        self.change(|open| {
            if table_of(open, table_name)?.indexes.contains_key(index_name) {
                return Err(IndexError::IndexNameAlreadyExists(index_name.to_owned()).into());
            }
            let index = SchemaIndex {
                name: index_name.to_owned(),
                expr: column.expr.clone(),
                order: SchemaIndexOrd::Both,
                created: Utc::now().naive_utc(),
            };
            open.create_index(table_name, index)
        })
    }

    fn drop_index(&mut self, table_name: &str, index_name: &str) -> Result<()> {
        self.change(|open| {
            let mut table = Table::clone(&*table_of(open, table_name)?);
            if table.indexes.remove(index_name).is_none() {
                return Err(IndexError::IndexNameDoesNotExist(index_name.to_owned()).into());
            }
            table.schema.indexes.retain(|index| index.name != index_name);
            open.define(table);
            Ok(())
        })
    }
}

fn table_of(open: &Open, name: &str) -> Result<std::sync::Arc<Table>> {
    let table = open.table(name).cloned();
    table.ok_or_else(|| IndexError::TableNotFound(name.to_owned()).into())
}

/// Whether rows and indexes of the table are as the schema says.
fn has_form(table: &Table, schema: &Schema) -> bool {
    table.schema.column_defs == schema.column_defs && table.schema.indexes == schema.indexes
}
