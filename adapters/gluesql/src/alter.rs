//! ALTER TABLE. Names change in the catalog alone; a column more or less moves the rows to a new place.

use std::sync::Arc;

use gluesql_core::ast::{ColumnDef, Expr, Function};
use gluesql_core::data::Value;
use gluesql_core::error::{AlterError, AlterTableError, Result};
use gluesql_core::executor::evaluate_stateless;
use gluesql_core::plan::plan_scalar_expr;
use gluesql_core::store::AlterTable;

use crate::catalog::Table;
use crate::storage::ManiculeStorage;
use crate::transaction::Open;

impl AlterTable for ManiculeStorage {
    fn rename_schema(&mut self, table_name: &str, new_table_name: &str) -> Result<()> {
        self.change(|open| {
            let mut table = Table::clone(&*table_of(open, table_name)?);
            if new_table_name != table_name && open.table(new_table_name).is_some() {
                return Err(AlterError::TableAlreadyExists(new_table_name.to_owned()).into());
            }
            new_table_name.clone_into(&mut table.schema.table_name);
            open.catalog().tables.remove(table_name);
            open.define(table);
            Ok(())
        })
    }

    fn rename_column(&mut self, table_name: &str, old_column_name: &str, new_column_name: &str) -> Result<()> {
        self.change(|open| {
            let mut table = Table::clone(&*table_of(open, table_name)?);
            let columns = columns_of(&mut table, table_name)?;
            if columns.iter().any(|column| column.name == new_column_name) {
                return Err(AlterTableError::AlreadyExistingColumn(new_column_name.to_owned()).into());
            }
            let column = columns.iter_mut().find(|column| column.name == old_column_name);
            new_column_name.clone_into(&mut column.ok_or(AlterTableError::RenamingColumnNotFound)?.name);
            let names = table.columns();
            for index in &mut table.schema.indexes {
                rename_in(&mut index.expr, old_column_name, new_column_name);
                if let Some(made) = table.indexes.get_mut(&index.name) {
                    *made = Arc::new(made.renamed(index.expr.clone(), names.clone()));
                }
            }
            open.define(table);
            Ok(())
        })
    }

    fn add_column(&mut self, table_name: &str, column_def: &ColumnDef) -> Result<()> {
        self.change(|open| {
            let table = table_of(open, table_name)?;
            let mut altered = Table::clone(&table);
            let columns = columns_of(&mut altered, table_name)?;
            if columns.iter().any(|column| column.name == column_def.name) {
                return Err(AlterTableError::AlreadyExistingColumn(column_def.name.clone()).into());
            }
            let value = match (&column_def.default, column_def.nullable) {
                (Some(expr), nullable) => {
                    let expr = plan_scalar_expr(expr.clone());
                    evaluate_stateless(None, &expr)?.try_into_value(&column_def.data_type, nullable)?
                }
                (None, true) => Value::Null,
                (None, false) => return Err(AlterTableError::DefaultValueRequired(column_def.clone()).into()),
            };
            columns.push(column_def.clone());
            open.rebuild_table(&table, altered.schema, |values| values.push(value.clone()))
        })
    }

    fn drop_column(&mut self, table_name: &str, column_name: &str, if_exists: bool) -> Result<()> {
        self.change(|open| {
            let table = table_of(open, table_name)?;
            let mut altered = Table::clone(&table);
            let columns = columns_of(&mut altered, table_name)?;
            let Some(position) = columns.iter().position(|column| column.name == column_name) else {
                let missing = || AlterTableError::DroppingColumnNotFound(column_name.to_owned()).into();
                return if if_exists { Ok(()) } else { Err(missing()) };
            };
            columns.remove(position);
            open.rebuild_table(&table, altered.schema, |values| {
                if position < values.len() {
                    values.remove(position);
                }
            })
        })
    }
}

fn table_of(open: &Open, name: &str) -> Result<Arc<Table>> {
    open.table(name).cloned().ok_or_else(|| AlterTableError::TableNotFound(name.to_owned()).into())
}

fn columns_of<'t>(table: &'t mut Table, name: &str) -> Result<&'t mut Vec<ColumnDef>> {
    let columns = table.schema.column_defs.as_mut();
    columns.ok_or_else(|| AlterTableError::SchemalessTableFound(name.to_owned()).into())
}

/// Renames a column in the expression of an index. The expressions are those that GlueSQL accepts in one.
fn rename_in(expr: &mut Expr, old: &str, new: &str) {
    match expr {
        Expr::Identifier(name) if name == old => new.clone_into(name),
        Expr::Nested(expr) | Expr::UnaryOp { expr, .. } => rename_in(expr, old, new),
        Expr::BinaryOp { left, right, .. } => {
            rename_in(left, old, new);
            rename_in(right, old, new);
        }
        Expr::Function(function) => {
            if let Function::Cast { expr, .. } = &mut **function {
                rename_in(expr, old, new);
            }
        }
        _ => {}
    }
}
