//! Making changes of the schema.

use std::ops::ControlFlow;

use manicule_engine::{Column, ColumnType, Database, Row, RowBuf, TableDefinition, TableId, Transaction, Value, View};
use manicule_query::Limits;
use manicule_query::plan::{Bound, OutputColumn};

use super::Session;
use super::compile::{Compiled, Given, plan};
use super::outcome::Report;
use super::setting::Options;
use crate::bind::SchemaChange;
use crate::error::{Error, Result};
use crate::split::StatementText;

/// After how many deleted rows TRUNCATE looks whether it is still wanted.
const ROWS_PER_CHECK: usize = 1024;

impl Session {
    /// Changes the schema. If another change was first, names are looked up again.
    pub(super) fn change_schema(
        &mut self,
        statement: StatementText<'_>,
        (mut change, mut version): (SchemaChange, u64),
    ) -> Result<Report> {
        loop {
            let overtaken = match self.change_schema_at(version, change) {
                Err(error) if error.is_overtaken() => error,
                outcome => return outcome,
            };
            (change, version) = match self.compile(statement)? {
                (Compiled::Schema(again), version) => (*again, version),
                _ => return Err(overtaken),
            };
        }
    }

    /// Changes the schema if it has that version still.
    fn change_schema_at(&mut self, version: u64, change: SchemaChange) -> Result<Report> {
        if let (SchemaChange::DeleteAll(table), Some(open)) = (&change, &mut self.open) {
            let limits = self.options.context(&[], &self.token).limits;
            let savepoint = open.transaction.savepoint();
            let changed = delete_all(&mut open.transaction, *table, &limits);
            if changed.is_err() {
                open.transaction.rollback_to(savepoint);
            }
            return Ok(Report { changed: Some(changed?), ..Report::default() });
        }
        if self.open.is_some() {
            return Err(Error::transaction_state("the schema cannot be changed inside a transaction", "25001")
                .with_hint("COMMIT first: a change of the schema is a transaction of its own"));
        }
        // A writer is waited for as long as the statement may take.
        let mut database = self.waiting.begin(&self.options).clone();
        // The query of CREATE TABLE AS is run before; what is left of it are names.
        if !matches!(change, SchemaChange::CreateTableAs { .. }) {
            database = database.at_schema_version(version);
        }
        let changed = self.waiting.explained(self.change_schema_of(&database, change))?;
        Ok(Report { changed, ..Report::default() })
    }

    /// Makes the change through a handle of the database; gives how many rows it changed, if that is what it does.
    fn change_schema_of(&self, database: &Database, change: SchemaChange) -> Result<Option<u64>> {
        match change {
            SchemaChange::CreateTable(definition) => {
                database.create_table(definition)?;
            }
            SchemaChange::CreateTableAs { name, query } => {
                return self.create_table_as(database, name, *query).map(Some);
            }
            SchemaChange::DropTables(tables) => database.drop_tables(&tables)?,
            SchemaChange::DeleteAll(table) => {
                let limits = self.options.context(&[], &self.token).limits;
                return database.run(|transaction| delete_all(transaction, table, &limits)).map(Some);
            }
            SchemaChange::CreateIndex { table, definition } => {
                database.create_index(table, definition)?;
            }
            SchemaChange::DropIndexes(indexes) => database.drop_indexes(&indexes)?,
            SchemaChange::CreateView(view) => database.create_view(view)?,
            SchemaChange::DropViews(views) => database.drop_views(&views)?,
            SchemaChange::AddColumn { table, column } => database.add_column(table, column)?,
            SchemaChange::DropColumn { table, column } => database.drop_column(table, column)?,
            SchemaChange::RenameColumn { table, column, name } => database.rename_column(table, column, &name)?,
            SchemaChange::RenameTable { table, name } => database.rename_table(table, &name)?,
            SchemaChange::Nothing => {}
        }
        Ok(None)
    }

    /// Runs the query, makes a table of its columns, and puts the rows in. A column whose type the query does not tell
    /// gets that of its first value.
    fn create_table_as(&self, database: &Database, name: String, bound: Bound) -> Result<u64> {
        let (columns, rows) = collect(bound, &self.database.snapshot().view(), &self.options, &self.token)?;
        let columns: Vec<Column> = columns
            .into_iter()
            .enumerate()
            .map(|(position, column)| {
                let types = || rows.iter().filter_map(|row| row.get(position).column_type()).reduce(common_type);
                Column::new(column.name, column.column_type.or_else(types).unwrap_or(ColumnType::Text))
            })
            .collect();
        let types: Vec<ColumnType> = columns.iter().map(|column| column.column_type).collect();
        let count = rows.len() as u64;
        let stored = rows.iter().map(|row| {
            let columns = row.values().zip(&types);
            let values: Vec<Value<'_>> =
                columns.map(|(value, of)| manicule_query::coerce_for_storage(value, *of)).collect();
            Row::new(&values)
        });
        database.create_table_with_rows(TableDefinition { name, columns, ..TableDefinition::default() }, stored)?;
        Ok(count)
    }
}

/// A type for the values of both, if there is one; a value that it does not take is named when it is put in.
fn common_type(left: ColumnType, right: ColumnType) -> ColumnType {
    match (left, right) {
        (ColumnType::Integer, ColumnType::Real) => ColumnType::Real,
        _ => left,
    }
}

fn collect(
    bound: Bound,
    view: &View<'_>,
    options: &Options,
    token: &manicule_query::CancellationToken,
) -> Result<(Vec<OutputColumn>, Vec<RowBuf>)> {
    let planned = plan(bound, view, options.routing, Given::default())?;
    let mut rows = Vec::new();
    planned.plan.query(view, &options.context(&[], token), |row| {
        rows.push(Row::new(row));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((planned.plan.columns().to_vec(), rows))
}

fn delete_all(transaction: &mut Transaction, table: TableId, limits: &Limits<'_>) -> Result<u64> {
    let mut row_ids = Vec::new();
    let _ = transaction.view().scan(table, |row_id, _| {
        row_ids.push(row_id);
        ControlFlow::<()>::Continue(())
    });
    for some in row_ids.chunks(ROWS_PER_CHECK) {
        limits.check()?;
        some.iter().try_for_each(|row_id| transaction.delete(table, *row_id))?;
    }
    Ok(row_ids.len() as u64)
}
