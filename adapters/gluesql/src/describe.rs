//! What GlueSQL asks besides rows: when a table was made, and functions of the user's.

use std::collections::BTreeMap;

use gluesql_core::data::{CustomFunction as Function, Value};
use gluesql_core::error::Result;
use gluesql_core::store::{CustomFunction, CustomFunctionMut, MetaIter, Metadata};

use crate::storage::ManiculeStorage;

impl Metadata for ManiculeStorage {
    fn scan_table_meta(&self) -> Result<MetaIter> {
        let catalog = self.catalog();
        let tables = catalog.tables.iter().map(|(name, table)| {
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
