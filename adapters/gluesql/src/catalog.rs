//! The names of a storage: tables with their schemas and indexes, and functions. Each transaction has the catalog of its
//! snapshot, and changes a copy of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use gluesql_core::ast::Expr;
use gluesql_core::chrono::NaiveDateTime;
use gluesql_core::data::{CustomFunction, Schema, Value};
use gluesql_core::error::{Error, Result};
use gluesql_core::executor::{RowContext, evaluate_stateless};
use gluesql_core::plan::{ExprPlan, plan_scalar_expr};
use manicule_index::set::{
    At, BuildError, IndexDefinition, IndexId, IndexSet, Key, KeyForm, KeyRef, Structure, Visibility,
};

use crate::key::encode;
use crate::rows::TableRows;

/// How many rows are fed to an index that is made at a time.
const FED_ROWS: usize = 4096;

/// All names, as of one commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) tables: BTreeMap<String, Arc<Table>>,
    /// By their names in upper case.
    pub(crate) functions: BTreeMap<String, CustomFunction>,
}

/// A table as it is defined; another definition is another `Table`, over the same rows unless their form changes.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) schema: Schema,
    pub(crate) created: NaiveDateTime,
    pub(crate) rows: Arc<TableRows>,
    /// By the names that they have in the schema.
    pub(crate) indexes: BTreeMap<String, Arc<Index>>,
}

impl Table {
    /// The names of the columns; none if the table has no schema.
    pub(crate) fn columns(&self) -> Vec<String> {
        self.schema.column_defs.iter().flatten().map(|column| column.name.clone()).collect()
    }

    /// Whether GlueSQL reads other rows of the table to check a new one.
    pub(crate) fn has_unique_columns(&self) -> bool {
        let columns = self.schema.column_defs.iter().flatten();
        columns.filter_map(|column| column.unique.as_ref()).any(|unique| !unique.is_primary)
    }
}

/// An index on an expression.
pub(crate) struct Index {
    pub(crate) id: IndexId,
    rows: Arc<TableRows>,
    expr: ExprPlan,
    columns: Vec<String>,
    /// Where the column is, if the expression is nothing but one.
    column: Option<usize>,
}

impl Index {
    fn new(id: IndexId, rows: Arc<TableRows>, expr: Expr, columns: Vec<String>) -> Self {
        let expr = plan_scalar_expr(expr);
        let column = match &expr {
            ExprPlan::Identifier(name) => columns.iter().position(|column| column == name),
            _ => None,
        };
        Self { id, rows, expr, columns, column }
    }

    /// Makes an index of a table's rows as a snapshot sees them, for readers at it and later. O(n log n).
    ///
    /// # Errors
    /// That of [`key`](Self::key), for any of the rows.
    pub(crate) fn build(set: &IndexSet<u64, u64>, table: &Table, expr: Expr, timestamp: u64) -> Result<Self> {
        let definition = IndexDefinition { unique: false, keys: KeyForm::Bytes, structure: Structure::Tree };
        let builder = set.create_index(definition);
        let index = Self::new(builder.id(), Arc::clone(&table.rows), expr, table.columns());
        let not_built = |error: BuildError| Error::StorageMsg(format!("the index was not built: {error}"));
        let mut after = None;
        loop {
            let rows = table.rows.scan(after.as_ref(), timestamp, FED_ROWS);
            let Some((last, ..)) = rows.last() else { break };
            after = Some(last.clone());
            let entries = rows.iter().map(|(_, row_id, values)| Ok((index.key(values)?, *row_id)));
            builder.feed(entries.collect::<Result<Vec<_>>>()?).map_err(not_built)?;
        }
        builder.finish(timestamp, &index).map_err(not_built)?;
        Ok(index)
    }

    /// The same index under another definition of its table.
    pub(crate) fn renamed(&self, expr: Expr, columns: Vec<String>) -> Self {
        Self::new(self.id, Arc::clone(&self.rows), expr, columns)
    }

    /// The key of a row.
    ///
    /// # Errors
    /// What GlueSQL says of an expression that has no value for the row.
    pub(crate) fn key(&self, values: &[Value]) -> Result<Key> {
        if let Some(value) = self.column.and_then(|at| values.get(at)) {
            return Ok(Key::bytes(encode(value)));
        }
        let context = RowContext::RefVecData { columns: &self.columns, values };
        let value: Value = evaluate_stateless(Some(context), &self.expr)?.try_into()?;
        Ok(Key::bytes(encode(&value)))
    }
}

impl Visibility<u64, u64> for Index {
    fn has_key(&self, row_id: u64, at: At<u64>, _index: IndexId, key: KeyRef<'_>) -> bool {
        // A version whose expression has no value was refused when it was written.
        self.rows.has_key(row_id, at, |values| self.key(values).is_ok_and(|own| key == own))
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("id", &self.id).field("expr", &self.expr).finish_non_exhaustive()
    }
}
