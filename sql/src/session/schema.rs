//! Making changes of the schema.

use std::ops::ControlFlow;

use manicule_engine::{Column, ColumnType, Row, RowBuf, TableDefinition, TableId, Transaction, Value, View};
use manicule_query::plan::{Bound, OutputColumn};

use super::Session;
use super::compile::plan;
use super::outcome::Report;
use super::setting::Options;
use crate::bind::SchemaChange;
use crate::error::{Error, Result};

impl Session {
    pub(super) fn change_schema(&mut self, change: SchemaChange) -> Result<Report> {
        if let (SchemaChange::DeleteAll(table), Some(open)) = (&change, &mut self.open) {
            let changed = delete_all(&mut open.transaction, *table)?;
            return Ok(Report { changed: Some(changed), ..Report::default() });
        }
        if self.open.is_some() {
            return Err(Error::transaction_state("the schema cannot be changed inside a transaction", "25001")
                .with_hint("COMMIT first: a change of the schema is a transaction of its own"));
        }
        let database = &self.database;
        let mut changed = None;
        match change {
            SchemaChange::CreateTable(definition) => {
                database.create_table(definition)?;
            }
            SchemaChange::CreateTableAs { name, query } => changed = Some(self.create_table_as(name, &query)?),
            SchemaChange::DropTables(tables) => tables.into_iter().try_for_each(|table| database.drop_table(table))?,
            SchemaChange::DeleteAll(table) => {
                changed = Some(database.run(|transaction| delete_all(transaction, table))?);
            }
            SchemaChange::CreateIndex { table, definition } => {
                let limits = self.options.context(&[], &self.token).limits;
                let created = database.create_index_cancellable(table, definition, &|| limits.check().is_err());
                if let Err(manicule_engine::Error::Cancelled) = created {
                    // By which limit, the engine does not know.
                    limits.check()?;
                }
                created?;
            }
            SchemaChange::DropIndexes(indexes) => {
                indexes.into_iter().try_for_each(|index| database.drop_index(index))?
            }
            SchemaChange::CreateView(view) => database.create_view(view)?,
            SchemaChange::DropViews(views) => views.iter().try_for_each(|view| database.drop_view(view))?,
            SchemaChange::AddColumn { table, column } => database.add_column(table, column)?,
            SchemaChange::DropColumn { table, column } => database.drop_column(table, column)?,
            SchemaChange::RenameColumn { table, column, name } => database.rename_column(table, column, &name)?,
            SchemaChange::RenameTable { table, name } => database.rename_table(table, &name)?,
            SchemaChange::Nothing => {}
        }
        Ok(Report { changed, ..Report::default() })
    }

    /// Runs the query, makes a table of its columns, and puts the rows in. A column whose type the query does not tell
    /// gets that of its first value.
    fn create_table_as(&mut self, name: String, bound: &Bound) -> Result<u64> {
        let (columns, rows) = collect(bound, &self.reader.view(), &self.options, &self.token)?;
        let columns: Vec<Column> = columns
            .into_iter()
            .enumerate()
            .map(|(position, column)| {
                let first = || rows.iter().find_map(|row| row.get(position).column_type());
                Column::new(column.name, column.column_type.or_else(first).unwrap_or(ColumnType::Text))
            })
            .collect();
        let types: Vec<ColumnType> = columns.iter().map(|column| column.column_type).collect();
        let table = self.database.create_table(TableDefinition { name, columns, ..TableDefinition::default() })?;
        let filled = self.fill(table, &types, &rows);
        if filled.is_err() {
            self.database.drop_table(table)?;
        }
        filled.map(|()| rows.len() as u64)
    }

    fn fill(&self, table: TableId, types: &[ColumnType], rows: &[RowBuf]) -> Result<()> {
        let mut transaction = self.database.begin();
        let mut values: Vec<Value<'_>> = Vec::with_capacity(types.len());
        for row in rows {
            values.clear();
            for (value, column_type) in row.values().zip(types) {
                values.push(manicule_query::coerce_for_storage(value, *column_type));
            }
            transaction.insert(table, Row::new(&values))?;
        }
        transaction.commit()?;
        Ok(())
    }
}

fn collect(
    bound: &Bound,
    view: &View<'_>,
    options: &Options,
    token: &manicule_query::CancellationToken,
) -> Result<(Vec<OutputColumn>, Vec<RowBuf>)> {
    let planned = plan(bound, view, options.routing, Vec::new())?;
    let mut rows = Vec::new();
    planned.plan.query(view, &options.context(&[], token), |row| {
        rows.push(Row::new(row));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((planned.plan.columns().to_vec(), rows))
}

fn delete_all(transaction: &mut Transaction, table: TableId) -> Result<u64> {
    let mut row_ids = Vec::new();
    let _ = transaction.view().scan(table, |row_id, _| {
        row_ids.push(row_id);
        ControlFlow::<()>::Continue(())
    });
    for row_id in &row_ids {
        transaction.delete(table, *row_id)?;
    }
    Ok(row_ids.len() as u64)
}
