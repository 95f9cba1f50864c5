//! INSERT: rows of some columns into whole rows, and what happens to a row whose key is taken.

use std::sync::Arc;

use manicule_engine::TableSchema;
use manicule_query::expr::{ColumnRef, Expr};
use manicule_query::plan::{Insert, LogicalPlan, OnConflict, OutputColumn, Query};
use sqlparser::ast::{self, ConflictTarget, OnConflictAction, OnInsert, SetExpr, SqliteOnConflict, TableObject};

use super::change::refuse;
use super::scope::{Columns, Relation};
use super::{Binder, object_ident};
use crate::error::{Error, ErrorKind, Result};

impl<'a> Binder<'a> {
    pub(super) fn insert(&mut self, insert: &'a ast::Insert) -> Result<Insert> {
        let refused = [
            ("INSERT … SET", !insert.assignments.is_empty()),
            ("INSERT OVERWRITE", insert.overwrite),
            ("PARTITION", insert.partitioned.is_some() || !insert.after_columns.is_empty()),
            ("OUTPUT", insert.output.is_some()),
        ];
        refuse(&refused)?;
        let TableObject::TableName(name) = &insert.table else {
            return Err(Error::not_supported("INSERT into anything but a table"));
        };
        let table = self.table(name)?;
        let shown = match &insert.table_alias {
            Some(alias) => alias.alias.value.as_str(),
            None => object_ident(name)?.value.as_str(),
        };
        let columns = self.insert_columns(table, &insert.columns)?;
        let source = match &insert.source {
            None => self.default_row(table)?,
            Some(query) => self.source(table, &columns, query)?,
        };
        let slot = self.table_slot(table);
        let on_conflict = self.on_conflict(insert, table, shown, slot)?;
        let checks = self.checks(table, slot)?;
        let (returning, _) = self.in_level(|binder| {
            binder.push_relation(shown, slot, Columns::Table(table.clone()));
            binder.returning(insert.returning.as_deref())
        })?;
        Ok(Insert { table: table.id, source, on_conflict, checks, returning, slot })
    }

    /// The positions of the named columns; all columns where none is named.
    fn insert_columns(&self, table: &TableSchema, names: &'a [ast::ObjectName]) -> Result<Vec<usize>> {
        if names.is_empty() {
            return Ok((0..table.columns.len()).collect());
        }
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let ident = object_ident(name)?;
            let column = self.column_of(table, ident)?;
            if columns.contains(&column) {
                let message = format!("column {} is named more than once", ident.value);
                return Err(Error::invalid(message, "42701").at(self.span(ident)));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    /// `DEFAULT VALUES`.
    fn default_row(&mut self, table: &TableSchema) -> Result<Query> {
        let rows = vec![self.defaults(table)?];
        let slot = self.table_slot(table);
        Ok(query(LogicalPlan::Values { rows, slot }, table))
    }

    fn source(&mut self, table: &TableSchema, columns: &[usize], query_ast: &'a ast::Query) -> Result<Query> {
        let is_plain = query_ast.with.is_none() && query_ast.order_by.is_none() && query_ast.limit_clause.is_none();
        if let SetExpr::Values(values) = query_ast.body.as_ref()
            && is_plain
        {
            return self.rows(table, columns, values);
        }
        let (source, from) = self.query(query_ast)?;
        check_count(columns, source.columns.len())?;
        let mut expressions = self.defaults(table)?;
        for (position, &column) in columns.iter().enumerate() {
            let value = Expr::Column(ColumnRef { slot: from, column: position });
            expressions[column] = self.fit_stored(value, table.columns[column].column_type)?;
        }
        let slot = self.table_slot(table);
        Ok(query(LogicalPlan::Project { input: Box::new(source.plan), expressions, slot }, table))
    }

    fn rows(&mut self, table: &TableSchema, columns: &[usize], values: &'a ast::Values) -> Result<Query> {
        let mut rows = Vec::with_capacity(values.rows.len());
        let all = *columns == (0..table.columns.len()).collect::<Vec<_>>();
        let defaults = self.defaults(table)?;
        let (bound, _) = self.in_level(|binder| {
            for row in &values.rows {
                check_count(columns, row.content.len())?;
                let mut bound = match all {
                    true => Vec::with_capacity(columns.len()),
                    false => defaults.clone(),
                };
                for (&column, value) in columns.iter().zip(&row.content) {
                    let value = match is_default(value) {
                        true => defaults[column].clone(),
                        false => binder.insert_value(table, column, value)?,
                    };
                    match all {
                        true => bound.push(value),
                        false => bound[column] = value,
                    }
                }
                rows.push(bound);
            }
            Ok(rows)
        })?;
        let slot = self.table_slot(table);
        Ok(query(LogicalPlan::Values { rows: bound, slot }, table))
    }

    fn insert_value(&mut self, table: &TableSchema, column: usize, value: &'a ast::Expr) -> Result<Expr> {
        let bound = self.expr(value)?;
        self.fit_stored(bound, table.columns[column].column_type)
    }

    fn on_conflict(
        &mut self,
        insert: &'a ast::Insert,
        table: &Arc<TableSchema>,
        shown: &str,
        slot: usize,
    ) -> Result<OnConflict> {
        let on = match (&insert.on, insert.or, insert.replace_into) {
            (None, _, true) | (None, Some(SqliteOnConflict::Replace), _) => return Ok(OnConflict::Replace),
            (None, Some(SqliteOnConflict::Ignore), _) => {
                return Ok(OnConflict::DoNothing { columns: Vec::new() });
            }
            (None, None | Some(SqliteOnConflict::Abort), _) => return Ok(OnConflict::Fail),
            (None, Some(_), _) => return Err(Error::not_supported("INSERT OR FAIL and INSERT OR ROLLBACK")),
            (Some(OnInsert::OnConflict(on)), None, false) => on,
            (Some(_), ..) => return Err(Error::not_supported("this ON clause of INSERT")),
        };
        let columns = self.conflict_columns(table, on.conflict_target.as_ref())?;
        let OnConflictAction::DoUpdate(update) = &on.action else { return Ok(OnConflict::DoNothing { columns }) };
        let existing = self.table_slot(table);
        let (bound, _) = self.in_level(|binder| {
            binder.push_relation(shown, existing, Columns::Table(table.clone()));
            binder.level().relations.push(Relation {
                name: "excluded".to_owned(),
                slot,
                columns: Columns::Table(table.clone()),
                is_qualified_only: true,
            });
            let assignments = binder.assignments(table, &update.assignments)?;
            let condition = update.selection.as_ref().map(|condition| binder.expr(condition)).transpose()?;
            Ok((assignments, condition))
        })?;
        let (assignments, condition) = bound;
        Ok(OnConflict::Update { columns, assignments, condition, existing })
    }

    /// The columns of ON CONFLICT, which must be those of a unique index.
    fn conflict_columns(&self, table: &TableSchema, target: Option<&'a ConflictTarget>) -> Result<Vec<usize>> {
        let idents = match target {
            None => return Ok(Vec::new()),
            Some(ConflictTarget::Columns(idents)) => idents,
            Some(ConflictTarget::OnConstraint(_)) => return Err(Error::not_supported("ON CONFLICT ON CONSTRAINT")),
        };
        let mut columns = Vec::with_capacity(idents.len());
        for ident in idents {
            columns.push(self.column_of(table, ident)?);
        }
        let is_key = table.indexes.iter().filter(|index| index.unique).any(|index| {
            index.columns.len() == columns.len() && index.columns.iter().all(|key| columns.contains(&key.column))
        });
        if is_key {
            return Ok(columns);
        }
        Err(Error::invalid("no unique index has the columns of ON CONFLICT", "42P10").at(self.span(&idents[0])))
    }
}

fn query(plan: LogicalPlan, table: &TableSchema) -> Query {
    let columns = table.columns.iter();
    let columns = columns
        .map(|column| OutputColumn { name: column.name.clone(), column_type: Some(column.column_type) })
        .collect();
    Query { plan, columns, outer_slots: Vec::new() }
}

/// Whether it is the word DEFAULT.
fn is_default(value: &ast::Expr) -> bool {
    match value {
        ast::Expr::Identifier(ident) => ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"),
        _ => false,
    }
}

fn check_count(columns: &[usize], found: usize) -> Result<()> {
    if columns.len() == found {
        return Ok(());
    }
    Err(Error::new(ErrorKind::ColumnCount { expected: columns.len(), found }))
}
