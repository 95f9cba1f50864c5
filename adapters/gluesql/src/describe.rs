//! What GlueSQL asks besides rows: the planner's passes, when a table was made, and functions of the user's.

use std::collections::BTreeMap;

use gluesql_core::data::{CustomFunction as Function, Value};
use gluesql_core::error::Result;
use gluesql_core::plan::StatementPlan;
use gluesql_core::planner::{
    fetch_schema_map, plan_aggregate, plan_hash_join, plan_index, plan_primary_key, plan_schemaless, validate,
};
use gluesql_core::store::{CustomFunction, CustomFunctionMut, MetaIter, Metadata, Planner};

use crate::storage::ManiculeStorage;

/// GlueSQL's own passes, with the one that takes indexes.
impl Planner for ManiculeStorage {
    fn plan(&self, statement: StatementPlan) -> Result<StatementPlan> {
        let schemas = fetch_schema_map(self, &statement)?;
        validate(&schemas, &statement)?;
        let statement = plan_schemaless(&schemas, statement)?;
        let statement = plan_primary_key(&schemas, statement);
        let statement = plan_index(&schemas, statement);
        let statement = plan_hash_join(&schemas, statement);
        Ok(plan_aggregate(statement))
    }
}

impl Metadata for ManiculeStorage {
    fn scan_table_meta(&self) -> Result<MetaIter> {
        let view = self.view();
        let tables = view.catalog.tables.iter().map(|(name, table)| {
            Ok((name.clone(), BTreeMap::from([("CREATED".to_owned(), Value::Timestamp(table.created))])))
        });
        Ok(Box::new(tables.collect::<Vec<_>>().into_iter()))
    }
}

impl CustomFunction for ManiculeStorage {
    fn fetch_function<'a>(&'a self, func_name: &str) -> Result<Option<&'a Function>> {
        let catalog = self.transaction.as_ref().map_or(&self.known, |open| &open.view.catalog);
        Ok(catalog.functions.get(&func_name.to_uppercase()))
    }

    fn fetch_all_functions(&self) -> Result<Vec<&Function>> {
        let catalog = self.transaction.as_ref().map_or(&self.known, |open| &open.view.catalog);
        Ok(catalog.functions.values().collect())
    }
}

impl CustomFunctionMut for ManiculeStorage {
    fn insert_function(&mut self, func: Function) -> Result<()> {
        self.change(|open| {
            open.catalog().functions.insert(func.func_name.to_uppercase(), func);
            Ok(())
        })
    }

    fn delete_function(&mut self, func_name: &str) -> Result<()> {
        self.change(|open| {
            open.catalog().functions.remove(&func_name.to_uppercase());
            Ok(())
        })
    }
}
