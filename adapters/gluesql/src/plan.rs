//! Planning a statement: GlueSQL's own passes, with the one that takes indexes, where they may find something to do.

use gluesql_core::error::Result;
use gluesql_core::plan::{ExprPlan, QueryPlan, StatementPlan, ValuesPlan};
use gluesql_core::planner::{
    fetch_schema_map, plan_aggregate, plan_hash_join, plan_index, plan_primary_key, plan_schemaless, validate,
};
use gluesql_core::store::Planner;

use crate::storage::ManiculeStorage;

impl Planner for ManiculeStorage {
    fn plan(&self, statement: StatementPlan) -> Result<StatementPlan> {
        if self.is_plain_insert(&statement) {
            return Ok(statement);
        }
        let schemas = fetch_schema_map(self, &statement)?;
        validate(&schemas, &statement)?;
        let statement = plan_schemaless(&schemas, statement)?;
        let statement = plan_primary_key(&schemas, statement);
        let statement = plan_index(&schemas, statement);
        let statement = plan_hash_join(&schemas, statement);
        Ok(plan_aggregate(statement))
    }
}

impl ManiculeStorage {
    /// Whether the statement inserts constants into a table with columns, or one that is not there. All passes give such a
    /// statement back as it is: it reads no table and has no expression that one of them rewrites.
    fn is_plain_insert(&self, statement: &StatementPlan) -> bool {
        let StatementPlan::Insert { table_name, source: QueryPlan::Values(ValuesPlan(rows)), .. } = statement else {
            return false;
        };
        let catalog = self.catalog();
        let has_columns = catalog.tables.get(table_name).is_none_or(|table| table.schema.column_defs.is_some());
        has_columns && rows.iter().flatten().all(is_constant)
    }
}

/// Whether an expression is written as a constant, perhaps with a sign or in parentheses.
fn is_constant(expr: &ExprPlan) -> bool {
    match expr {
        ExprPlan::Literal(_) | ExprPlan::Value(_) | ExprPlan::TypedString { .. } => true,
        ExprPlan::UnaryOp { expr, .. } | ExprPlan::Nested(expr) => is_constant(expr),
        _ => false,
    }
}
