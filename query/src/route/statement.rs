//! Plans of whole statements.

use manicule_engine::{Catalog, ColumnType, Value, View};

use super::Router;
use super::covering::mark_covering;
use super::order::{Wanted, is_one_row};
use crate::context::{PlanOptions, Routing};
use crate::error::Result;
use crate::expr::Expr;
use crate::physical::{
    AccessPath, Action, DeleteAction, InKey, InsertAction, Node, NodeKind, Output, PhysicalPlan, PointKey, PointLookup,
    PointValue, TableScan, UpdateAction, result_columns,
};
use crate::plan::{Bound, Check, Delete, Insert, LogicalPlan, OnConflict, Returning, Statement, Update};
use crate::rewrite::rewrite;

/// Plans a statement bound to the catalog of `view`.
pub(crate) fn plan_statement(bound: Bound, view: &View<'_>, options: &PlanOptions) -> Result<PhysicalPlan> {
    let mut router = Router::new(view, options.routing);
    let mut rewrites = Vec::new();
    let columns = result_columns(&bound.statement);
    let mut action = match bound.statement {
        Statement::Query(query) => {
            let mut plan = query.plan;
            rewrites = rewrite(&mut plan);
            Action::Query(router.plan_output(plan, columns.len())?)
        }
        Statement::Insert(insert) => router.plan_insert(insert, &mut rewrites)?,
        Statement::Update(update) => router.plan_update(update, &mut rewrites)?,
        Statement::Delete(delete) => router.plan_delete(delete, &mut rewrites)?,
    };
    let mut point = None;
    if let (Action::Query(output), Routing::Automatic) = (&mut action, options.routing) {
        point = point_lookup(output);
        if point.is_none() || !is_by_unique(output, &router.catalog) {
            mark_covering(output, &mut router.subplans, view);
        }
        if let Some(point) = &mut point {
            point.in_key = in_key(output, &point.columns);
        }
    }
    Ok(PhysicalPlan {
        action,
        subplans: router.subplans,
        slot_count: bound.slot_count,
        node_count: router.node_count,
        columns,
        parameters: bound.parameters,
        catalog: router.catalog,
        rewrites,
        table_rows: if point.is_some() { Vec::new() } else { router.table_rows },
        point,
    })
}

impl Router<'_, '_> {
    fn plan_insert(&mut self, insert: Insert, rewrites: &mut Vec<&'static str>) -> Result<Action> {
        let Insert { table, source, on_conflict, checks, returning, slot } = insert;
        let mut plan = source.plan;
        *rewrites = rewrite(&mut plan);
        let source = self.plan_output(plan, source.columns.len())?;
        let on_conflict = match on_conflict {
            OnConflict::Update { columns, assignments, condition, existing } => {
                let assignments = self.finish_assignments(assignments)?;
                let condition = condition.map(|condition| self.finish(condition)).transpose()?;
                OnConflict::Update { columns, assignments, condition, existing }
            }
            other => other,
        };
        let (checks, returning) = (self.finish_checks(checks)?, self.finish_returning(returning)?);
        Ok(Action::Insert(InsertAction { table, source, on_conflict, checks, returning, slot }))
    }

    fn plan_update(&mut self, update: Update, rewrites: &mut Vec<&'static str>) -> Result<Action> {
        let Update { table, slot, input, assignments, checks, returning } = update;
        let input = self.plan_changed_rows(input, rewrites)?;
        let assignments = self.finish_assignments(assignments)?;
        let (checks, returning) = (self.finish_checks(checks)?, self.finish_returning(returning)?);
        Ok(Action::Update(UpdateAction { table, slot, input, assignments, checks, returning }))
    }

    fn plan_delete(&mut self, delete: Delete, rewrites: &mut Vec<&'static str>) -> Result<Action> {
        let Delete { table, slot, input, returning } = delete;
        let input = self.plan_changed_rows(input, rewrites)?;
        let returning = self.finish_returning(returning)?;
        Ok(Action::Delete(DeleteAction { table, slot, input, returning }))
    }

    fn plan_changed_rows(&mut self, mut input: LogicalPlan, rewrites: &mut Vec<&'static str>) -> Result<Node> {
        *rewrites = rewrite(&mut input);
        self.plan(input, &Wanted::default())
    }

    fn finish_assignments(&mut self, assignments: Vec<(usize, Expr)>) -> Result<Vec<(usize, Expr)>> {
        assignments.into_iter().map(|(column, expr)| Ok((column, self.finish(expr)?))).collect()
    }

    fn finish_checks(&mut self, checks: Vec<Check>) -> Result<Vec<Check>> {
        checks.into_iter().map(|check| Ok(Check { predicate: self.finish(check.predicate)?, ..check })).collect()
    }

    fn finish_returning(&mut self, returning: Option<Returning>) -> Result<Option<Returning>> {
        let finish =
            |returning: Returning| Ok(Returning { expressions: self.finish_all(returning.expressions)?, ..returning });
        returning.map(finish).transpose()
    }
}

/// The short way of a plan that is nothing but the columns of the rows under one whole key, or of the first of them.
fn point_lookup(output: &Output) -> Option<PointLookup> {
    let ProjectedScan { scan, expressions, limit } = projected_scan(output)?;
    let (AccessPath::Lookup(lookup), None) = (&scan.path, &scan.residual) else { return None };
    let limit = match limit {
        Some(limit) => Some(point_value(limit)?),
        None => None,
    };
    let columns = expressions[..output.width]
        .iter()
        .map(|expr| match expr {
            Expr::Column(column) if column.slot == scan.slot => Some(column.column),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?;
    let key = lookup
        .columns
        .iter()
        .map(|column| {
            let value = match column.values.as_slice() {
                // A text given for a date must be read first.
                [Expr::Parameter(_)] if matches!(column.column_type, ColumnType::Date | ColumnType::Timestamp) => {
                    return None;
                }
                [value] => point_value(value)?,
                _ => return None,
            };
            Some(PointKey { column_type: column.column_type, value })
        })
        .collect::<Option<Vec<_>>>()?;
    Some(PointLookup { index: lookup.index, key, columns, in_key: None, limit })
}

/// A value that is known without a row, if it is that simple.
fn point_value(expr: &Expr) -> Option<PointValue> {
    match expr {
        Expr::Parameter(position) => Some(PointValue::Parameter(*position)),
        Expr::Literal(value) if !matches!(value, Value::Null) => Some(PointValue::Literal(value.clone())),
        _ => None,
    }
}

/// A query that is `Project(Scan)`, or `Project(Limit(Scan))` without an OFFSET.
struct ProjectedScan<'o> {
    scan: &'o TableScan,
    expressions: &'o [Expr],
    limit: Option<&'o Expr>,
}

fn projected_scan(output: &Output) -> Option<ProjectedScan<'_>> {
    let NodeKind::Project { input, expressions, .. } = &output.root.kind else { return None };
    let (input, limit) = match &input.kind {
        NodeKind::Limit { input, limit, offset: None } => (input, limit.as_ref()),
        _ => (input, None),
    };
    let NodeKind::Scan(scan) = &input.kind else { return None };
    Some(ProjectedScan { scan, expressions, limit })
}

/// Whether the scan of a point lookup is by a unique index.
fn is_by_unique(output: &Output, catalog: &Catalog) -> bool {
    let Some(ProjectedScan { scan, .. }) = projected_scan(output) else { return false };
    catalog.table_by_id(scan.table).is_some_and(|table| is_one_row(table, &scan.path))
}

/// Where the index of a point lookup has the columns, if its scan is marked as covered.
fn in_key(output: &Output, columns: &[usize]) -> Option<InKey> {
    let covering = projected_scan(output)?.scan.covering.as_ref()?;
    let positions = columns.iter().map(|column| covering.position(*column)).collect();
    Some(InKey { positions, with_number: covering.with_number })
}
