//! Reading: tables in order of key, and indexes.

use gluesql_core::ast::IndexOperator;
use gluesql_core::data::{Key, Schema, Value};
use gluesql_core::error::{IndexError, Result};
use gluesql_core::executor::Referencing;
use gluesql_core::store::{Index, RowIter, Store};
use manicule_index::Direction;

use crate::key::probes;
use crate::storage::ManiculeStorage;
use crate::transaction::NO_CHANGES;
use crate::view::{IndexScan, TableScan, View};

impl Store for ManiculeStorage {
    fn fetch_schema(&self, table_name: &str) -> Result<Option<Schema>> {
        Ok(self.catalog().tables.get(table_name).map(|table| table.schema.clone()))
    }

    fn fetch_all_schemas(&self) -> Result<Vec<Schema>> {
        Ok(self.catalog().tables.values().map(|table| table.schema.clone()).collect())
    }

    /// GlueSQL's own clones all schemas, for each DELETE.
    fn fetch_referencings(&self, table_name: &str) -> Result<Vec<Referencing>> {
        let catalog = self.catalog();
        let others = catalog.tables.iter().filter(|(name, _)| *name != table_name);
        let references = others.flat_map(|(name, table)| table.schema.foreign_keys.iter().map(move |key| (name, key)));
        let referencing = references.filter(|(_, key)| key.referenced_table_name == table_name);
        Ok(referencing.map(|(name, key)| Referencing { table_name: name.clone(), foreign_key: key.clone() }).collect())
    }

    fn fetch_data(&self, table_name: &str, key: &Key) -> Result<Option<Vec<Value>>> {
        let view = self.view();
        let row = view.catalog.tables.get(table_name).and_then(|table| match &self.transaction {
            Some(open) => open.get(&table.rows, key),
            None => table.rows.get(key, view.timestamp()),
        });
        Ok(row.map(|values| values.to_vec()))
    }

    fn scan_data<'a>(&'a self, table_name: &str) -> Result<RowIter<'a>> {
        let view = self.view();
        let Some(table) = view.catalog.tables.get(table_name) else { return Ok(Box::new(std::iter::empty())) };
        let scan = match &self.transaction {
            Some(open) => open.scan(&table.rows),
            None => TableScan::new(View::clone(&view), table.rows.clone(), NO_CHANGES),
        };
        Ok(Box::new(scan.map(|(key, values)| Ok((key, values.to_vec())))))
    }
}

impl Index for ManiculeStorage {
    fn scan_indexed_data<'a>(
        &'a self,
        table_name: &str,
        index_name: &str,
        asc: Option<bool>,
        cmp_value: Option<(&IndexOperator, Value)>,
    ) -> Result<RowIter<'a>> {
        let view = self.view();
        let table = view.catalog.tables.get(table_name);
        let table = table.ok_or_else(|| IndexError::TableNotFound(table_name.to_owned()))?;
        let index = table.indexes.get(index_name);
        let index = index.ok_or_else(|| IndexError::IndexNameDoesNotExist(index_name.to_owned()))?;
        let direction = if asc == Some(false) { Direction::Descending } else { Direction::Ascending };
        let probes = probes(cmp_value.as_ref().map(|(operator, value)| (*operator, value)));
        let source = (index.clone(), table.rows.clone());
        Ok(Box::new(IndexScan::new(View::clone(&view), self.transaction.as_ref(), source, probes, direction)))
    }
}
