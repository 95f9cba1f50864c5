//! UPDATE and DELETE, and what INSERT shares with them: CHECK and RETURNING.

use std::sync::Arc;

use manicule_engine::TableSchema;
use manicule_query::expr::{ColumnRef, Expr};
use manicule_query::plan::{Check, Delete, LogicalPlan, OutputColumn, Returning, Update};
use sqlparser::ast::{self, AssignmentTarget, FromTable, SelectItem, TableFactor, TableWithJoins, UpdateTableFromKind};

use super::from::{inner_join, refuse_same_names};
use super::scope::Columns;
use super::{Binder, names, object_ident};
use crate::error::{Error, Result};
use crate::parse::{self, Parameters};
use crate::split::levels_of;
use crate::stack::with_room_for;

/// The table that a statement changes, under the name that the statement gives it.
pub(super) struct Target<'a> {
    pub(super) table: &'a Arc<TableSchema>,
    pub(super) name: &'a str,
}

impl<'a> Binder<'a> {
    pub(super) fn update(&mut self, update: &'a ast::Update) -> Result<Update> {
        let refused = [
            ("UPDATE OR …", update.or.is_some()),
            ("UPDATE FROM … SET", matches!(update.from, Some(UpdateTableFromKind::BeforeSet(_)))),
            ("UPDATE … ORDER BY", !update.order_by.is_empty()),
            ("UPDATE … LIMIT", update.limit.is_some()),
            ("OUTPUT", update.output.is_some()),
        ];
        refuse(&refused)?;
        let target = self.target(&update.table)?;
        let slot = self.table_slot(target.table);
        let from = match &update.from {
            Some(UpdateTableFromKind::AfterSet(from)) => from.as_slice(),
            Some(UpdateTableFromKind::BeforeSet(_)) | None => &[],
        };
        let bound = self.in_level(|binder| {
            let input = binder.changed_rows(&target, slot, from, update.selection.as_ref())?;
            Ok((input, binder.assignments(target.table, &update.assignments)?))
        })?;
        let (input, assignments) = bound.0;
        let returning = self.returning_of(&target, slot, update.returning.as_deref())?;
        let checks = self.checks(target.table, slot)?;
        Ok(Update { table: target.table.id, slot, input, assignments, checks, returning })
    }

    pub(super) fn delete(&mut self, delete: &'a ast::Delete) -> Result<Delete> {
        let refused = [
            ("DELETE from several tables", !delete.tables.is_empty()),
            ("DELETE … ORDER BY", !delete.order_by.is_empty()),
            ("DELETE … LIMIT", delete.limit.is_some()),
            ("OUTPUT", delete.output.is_some()),
        ];
        refuse(&refused)?;
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        let [table] = tables.as_slice() else { return Err(Error::not_supported("DELETE from several tables")) };
        let target = self.target(table)?;
        let slot = self.table_slot(target.table);
        let using = delete.using.as_deref().unwrap_or_default();
        let (input, _) =
            self.in_level(|binder| binder.changed_rows(&target, slot, using, delete.selection.as_ref()))?;
        let returning = self.returning_of(&target, slot, delete.returning.as_deref())?;
        Ok(Delete { table: target.table.id, slot, input, returning })
    }

    fn target(&self, table: &'a TableWithJoins) -> Result<Target<'a>> {
        match &table.relation {
            TableFactor::Table { name, alias, args: None, .. } if table.joins.is_empty() => {
                let table = self.table(name)?;
                let name = match alias {
                    Some(alias) => alias.name.value.as_str(),
                    None => object_ident(name)?.value.as_str(),
                };
                Ok(Target { table, name })
            }
            _ => Err(Error::not_supported("a change of anything but one table")),
        }
    }

    /// The rows of the target that are changed, beside those of other tables that they meet. The joins among these do not see
    /// the target.
    fn changed_rows(
        &mut self,
        target: &Target<'a>,
        slot: usize,
        others: &'a [TableWithJoins],
        selection: Option<&'a ast::Expr>,
    ) -> Result<LogicalPlan> {
        let others = if others.is_empty() { None } else { Some(self.from(others)?) };
        self.push_relation(target.name, slot, Columns::Table(target.table.clone()));
        // It comes first, as what is changed.
        self.level().relations.rotate_right(1);
        refuse_same_names(self.level())?;
        let scan = LogicalPlan::Scan { table: target.table.id, slot };
        let input = match others {
            None => scan,
            Some(others) => inner_join(scan, others),
        };
        match selection {
            None => Ok(input),
            Some(predicate) => Ok(LogicalPlan::Filter { input: Box::new(input), predicate: self.expr(predicate)? }),
        }
    }

    /// Binds RETURNING over the changed table alone: of the rows that its rows have met nothing is kept.
    fn returning_of(
        &mut self,
        target: &Target<'a>,
        slot: usize,
        items: Option<&'a [SelectItem]>,
    ) -> Result<Option<Returning>> {
        let bound = self.in_level(|binder| {
            binder.push_relation(target.name, slot, Columns::Table(target.table.clone()));
            binder.returning(items)
        });
        bound.map(|(returning, _)| returning)
    }

    /// Binds SET. Where a column is set more than once the last value counts, as in SQLite.
    pub(super) fn assignments(
        &mut self,
        table: &TableSchema,
        assignments: &'a [ast::Assignment],
    ) -> Result<Vec<(usize, Expr)>> {
        let mut bound: Vec<(usize, Expr)> = Vec::with_capacity(assignments.len());
        for assignment in assignments {
            let AssignmentTarget::ColumnName(name) = &assignment.target else {
                return Err(Error::not_supported("SET of several columns at once"));
            };
            let ident =
                name.0.last().and_then(|part| part.as_ident()).ok_or_else(|| Error::syntax("SET needs a column"))?;
            let column = self.column_of(table, ident)?;
            let value = self.expr(&assignment.value)?;
            let value = self.fit_stored(value, table.columns[column].column_type)?;
            bound.retain(|(other, _)| *other != column);
            bound.push((column, value));
        }
        Ok(bound)
    }

    /// Binds a table's CHECK constraints over its new row in `slot`.
    pub(super) fn checks(&mut self, table: &Arc<TableSchema>, slot: usize) -> Result<Vec<Check>> {
        let mut checks = Vec::with_capacity(table.checks.len());
        for sql in &table.checks {
            let predicate = self.check_text(table, slot, sql)?;
            checks.push(Check { sql: sql.clone(), predicate });
        }
        Ok(checks)
    }

    /// Binds the text of a CHECK over a row in `slot`.
    pub(super) fn check_text(&mut self, table: &Arc<TableSchema>, slot: usize, sql: &str) -> Result<Expr> {
        with_room_for(levels_of(sql), || {
            let ast = parse::parse_expression(sql).map_err(Error::without_span)?;
            let parameters = Parameters::default();
            self.with_text(sql, &parameters, |binder| binder.check(table, slot, &ast))
        })
    }

    fn check(&mut self, table: &Arc<TableSchema>, slot: usize, ast: &'a ast::Expr) -> Result<Expr> {
        let bound = self.in_level(|binder| {
            binder.push_relation(&table.name, slot, Columns::Table(table.clone()));
            binder.expr(ast)
        });
        bound.map(|(predicate, _)| predicate)
    }

    /// Binds RETURNING over the relations of the level.
    pub(super) fn returning(&mut self, items: Option<&'a [SelectItem]>) -> Result<Option<Returning>> {
        let Some(items) = items else { return Ok(None) };
        let mut returning = Returning { expressions: Vec::new(), columns: Vec::new() };
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = match expr {
                        ast::Expr::Identifier(ident) => ident.value.clone(),
                        other => self.written(other, items.len()),
                    };
                    self.push_returning(&mut returning, expr, name)?;
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.push_returning(&mut returning, expr, alias.value.clone())?;
                }
                SelectItem::Wildcard(_) => self.push_all(&mut returning),
                _ => return Err(Error::not_supported("this item of RETURNING")),
            }
        }
        Ok(Some(returning))
    }

    fn push_returning(&mut self, returning: &mut Returning, expr: &'a ast::Expr, name: String) -> Result<()> {
        let bound = self.expr(expr)?;
        returning.columns.push(OutputColumn { name, column_type: self.type_of(&bound) });
        returning.expressions.push(bound);
        Ok(())
    }

    fn push_all(&mut self, returning: &mut Returning) {
        let Some(relation) = self.level().relations.first() else { return };
        let slot = relation.slot;
        let names: Vec<String> = relation.columns.names().map(str::to_owned).collect();
        for (column, name) in names.into_iter().enumerate() {
            let expr = Expr::Column(ColumnRef { slot, column });
            returning.columns.push(OutputColumn { name, column_type: self.type_of(&expr) });
            returning.expressions.push(expr);
        }
    }

    /// The text of the only item of RETURNING; among several each is written as the parser would.
    fn written(&self, expr: &ast::Expr, items: usize) -> String {
        let upper = self.text.to_ascii_uppercase();
        match upper.rfind("RETURNING").filter(|_| items == 1) {
            Some(at) => names::items(&self.text[at + "RETURNING".len()..]).first().map_or("", |text| text).to_owned(),
            None => expr.to_string(),
        }
    }
}

pub(super) fn refuse(refused: &[(&'static str, bool)]) -> Result<()> {
    match refused.iter().find(|(_, is_there)| *is_there) {
        Some((what, _)) => Err(Error::not_supported(*what)),
        None => Ok(()),
    }
}
