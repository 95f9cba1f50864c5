//! Whether a catalog makes sense. One that a database wrote does; one with a right hash may be somebody else's.

use std::collections::HashSet;
use std::sync::Arc;

use super::StorageId;
use crate::catalog::{Catalog, ID_LIMIT, IndexColumn, TableSchema};
use crate::error::{Error, Result};

/// Checks that names and ids are there once, that ids are below those that come next, and what belongs to each table. Two
/// indexes may have one name in a database of a version that did not look.
///
/// # Errors
///
/// [`Error::Corrupt`] with what makes no sense.
pub(super) fn check_catalog(catalog: &Catalog, storages: &[(Arc<TableSchema>, StorageId)]) -> Result<()> {
    let Catalog { next_table, next_index, next_storage, .. } = *catalog;
    if [next_table, next_index, next_storage].iter().any(|next| *next > ID_LIMIT) {
        return Err(damaged("it has more ids than there are"));
    }
    let tables = || storages.iter().map(|(schema, _)| &**schema);
    let indexes = || tables().flat_map(|schema| &schema.indexes);
    check_names("table", tables().map(|schema| &schema.name).chain(catalog.views().map(|view| &view.name)))?;
    check_ids("table", next_table, tables().map(|schema| schema.id.0))?;
    check_ids("index", next_index, indexes().map(|index| index.id.0))?;
    check_ids("storage", next_storage, storages.iter().map(|(_, storage)| storage.0))?;
    tables().try_for_each(check_table)
}

fn check_names<'n>(what: &str, names: impl Iterator<Item = &'n String>) -> Result<()> {
    let mut known = HashSet::new();
    let mut names = names.filter(|name| !known.insert(name.to_ascii_lowercase()));
    names.next().map_or(Ok(()), |name| Err(damaged(&format!("{what} {name} is there twice"))))
}

fn check_ids(what: &str, next: u32, ids: impl Iterator<Item = u32>) -> Result<()> {
    let mut known = HashSet::new();
    let mut ids = ids.filter(|id| *id >= next || !known.insert(*id));
    ids.next().map_or(Ok(()), |id| Err(damaged(&format!("{what} {id} is there twice, or was never made"))))
}

fn check_table(schema: &TableSchema) -> Result<()> {
    let TableSchema { name, columns, .. } = schema;
    if columns.is_empty() {
        return Err(damaged(&format!("table {name} has no column")));
    }
    check_names(&format!("in table {name}, column"), columns.iter().map(|column| &column.name))?;
    if schema.primary_key.iter().any(|column| *column >= columns.len()) {
        return Err(damaged(&format!("table {name} lacks a column of its primary key")));
    }
    let is_whole = |key: &[IndexColumn]| !key.is_empty() && key.iter().all(|key| key.column < columns.len());
    match schema.indexes.iter().find(|index| !is_whole(&index.columns)) {
        Some(index) => Err(damaged(&format!("table {name} lacks a column of index {}", index.name))),
        None => Ok(()),
    }
}

fn damaged(what: &str) -> Error {
    Error::corrupt(format!("the catalog: {what}"))
}
