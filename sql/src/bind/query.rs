//! Whole queries: WITH, set operations, VALUES, ORDER BY over a result, LIMIT.

use manicule_query::expr::{ColumnRef, Expr};
use manicule_query::plan::{LogicalPlan, OutputColumn, Query, SetOperationKind, SortKey};
use sqlparser::ast::{self, LimitClause, OrderByExpr, OrderByKind, SetExpr, SetOperator, SetQuantifier};

use super::chain::number_in;
use super::scope::{Columns, With};
use super::{Binder, KnownType};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{COLUMNS_MAX, QUERIES_MAX, too_complex};

/// A query without its name in the statement: its plan, its columns, and the slot that they are in.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) plan: LogicalPlan,
    pub(super) columns: Vec<OutputColumn>,
    pub(super) slot: usize,
}

/// How often one set operation may follow another in one chain.
const SET_CHANGES_MAX: usize = 50;

/// Which set operation stands between two queries.
type SetOperation = (SetOperationKind, bool);

impl<'a> Binder<'a> {
    /// Binds a query; gives the slot of its result, too.
    pub(super) fn query(&mut self, query: &'a ast::Query) -> Result<(Query, usize)> {
        if query.fetch.is_some() || !query.locks.is_empty() || query.for_clause.is_some() {
            return Err(Error::not_supported("FETCH and FOR"));
        }
        if self.shared.queries >= QUERIES_MAX {
            return Err(too_complex("queries nested too deeply", QUERIES_MAX));
        }
        let withs = self.withs.len();
        if let Some(with) = &query.with {
            self.push_withs(with)?;
        }
        self.shared.queries += 1;
        let bound = self.in_level(|binder| binder.query_body(query));
        self.shared.queries -= 1;
        self.withs.truncate(withs);
        let (body, outer_slots) = bound?;
        Ok((Query { plan: body.plan, columns: body.columns, outer_slots }, body.slot))
    }

    pub(super) fn push_withs(&mut self, with: &'a ast::With) -> Result<()> {
        if with.recursive {
            return Err(Error::not_supported("WITH RECURSIVE"));
        }
        self.withs.extend(with.cte_tables.iter().map(|cte| With { cte }));
        Ok(())
    }

    fn query_body(&mut self, query: &'a ast::Query) -> Result<Body> {
        let order_by = order_items(query)?;
        let mut body = match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, order_by)?,
            other => {
                let body = self.set_expr(other)?;
                self.order_result(body, order_by)?
            }
        };
        if let Some(clause) = &query.limit_clause {
            body.plan = self.limit(body.plan, clause)?;
        }
        Ok(body)
    }

    fn limit(&mut self, plan: LogicalPlan, clause: &'a LimitClause) -> Result<LogicalPlan> {
        let (limit, offset) = match clause {
            LimitClause::LimitOffset { limit, offset, limit_by } if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            LimitClause::LimitOffset { .. } => return Err(Error::not_supported("LIMIT … BY")),
            LimitClause::OffsetCommaLimit { offset, limit } => (Some(limit), Some(offset)),
        };
        if limit.is_none() && offset.is_none() {
            return Ok(plan);
        }
        let limit = limit.map(|limit| self.constant_expr(limit)).transpose()?;
        let offset = offset.map(|offset| self.constant_expr(offset)).transpose()?;
        Ok(LogicalPlan::Limit { input: Box::new(plan), limit, offset })
    }

    /// Binds what may stand on either side of UNION.
    pub(super) fn set_expr(&mut self, ast: &'a SetExpr) -> Result<Body> {
        match ast {
            SetExpr::Select(select) => self.select(select, &[]),
            SetExpr::Query(query) => {
                let (query, slot) = self.query(query)?;
                Ok(Body { plan: query.plan, columns: query.columns, slot })
            }
            SetExpr::Values(values) => self.values(values),
            SetExpr::SetOperation { .. } => self.set_operation(ast),
            _ => Err(Error::not_supported("a change inside a query")),
        }
    }

    /// Binds a chain of set operations, which the parser makes as deep as it is long on the left side. Runs of the same
    /// operation become balanced trees, so that only a change of the operation adds a level.
    fn set_operation(&mut self, ast: &'a SetExpr) -> Result<Body> {
        let mut links = Vec::new();
        let mut rest = ast;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = rest {
            links.push((set_operation_kind(*op, *set_quantifier)?, right.as_ref()));
            rest = left;
        }
        let mut run = vec![self.set_expr(rest)?];
        let mut run_operation = None;
        let mut changes = 0;
        for (operation, right) in links.into_iter().rev() {
            if run.len() > 1 && run_operation != Some(operation) {
                changes += 1;
                if changes > SET_CHANGES_MAX {
                    return Err(too_complex("too many changes between UNION, EXCEPT and INTERSECT", SET_CHANGES_MAX));
                }
                run = vec![self.join_run(run, run_operation)?];
            }
            run_operation = Some(operation);
            run.push(self.set_expr(right)?);
        }
        self.join_run(run, run_operation)
    }

    /// Joins neighbours in pairs until one is left, which is the same for UNION, UNION ALL and INTERSECT; and
    /// `a EXCEPT b EXCEPT c` is `a EXCEPT (b UNION ALL c)`.
    fn join_run(&mut self, mut run: Vec<Body>, operation: Option<SetOperation>) -> Result<Body> {
        if let Some((SetOperationKind::Except, all)) = operation
            && run.len() > 2
        {
            let rest = run.split_off(1);
            let rest = self.join_run(rest, Some((SetOperationKind::Union, true)))?;
            run.push(rest);
            return self.join_run(run, Some((SetOperationKind::Except, all)));
        }
        while run.len() > 1 {
            let mut joined = Vec::with_capacity(run.len().div_ceil(2));
            let mut rest = run.into_iter();
            while let Some(left) = rest.next() {
                joined.push(match (rest.next(), operation) {
                    (Some(right), Some(operation)) => self.join_sets(operation, left, right)?,
                    _ => left,
                });
            }
            run = joined;
        }
        Ok(run.pop().expect("a chain of set operations has a first query"))
    }

    fn join_sets(&mut self, (kind, all): SetOperation, left: Body, right: Body) -> Result<Body> {
        let width = left.columns.len();
        if right.columns.len() != width {
            return Err(Error::new(ErrorKind::ColumnCount { expected: width, found: right.columns.len() })
                .with_hint("both sides of UNION, EXCEPT and INTERSECT have the same number of columns"));
        }
        let mut columns = left.columns;
        for (column, right) in columns.iter_mut().zip(&right.columns) {
            if column.column_type != right.column_type {
                column.column_type = None;
            }
        }
        let slot = self.new_slot(columns.iter().map(|column| column.column_type).collect());
        let (left, right) = (Box::new(left.plan), Box::new(right.plan));
        let plan = LogicalPlan::SetOperation { kind, all, left, right, columns: width, slot };
        Ok(Body { plan, columns, slot })
    }

    fn values(&mut self, values: &'a ast::Values) -> Result<Body> {
        let width = values.rows.first().map_or(0, |row| row.content.len());
        check_width(width)?;
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            let row = &row.content;
            if row.len() != width {
                return Err(Error::new(ErrorKind::ColumnCount { expected: width, found: row.len() }));
            }
            let mut bound = Vec::with_capacity(width);
            for value in row {
                bound.push(self.expr(value)?);
            }
            rows.push(bound);
        }
        let types: Vec<KnownType> = (0..width).map(|column| self.values_type(&rows, column)).collect();
        let columns = types
            .iter()
            .enumerate()
            .map(|(position, &column_type)| OutputColumn { name: format!("column{}", position + 1), column_type })
            .collect();
        let slot = self.new_slot(types);
        Ok(Body { plan: LogicalPlan::Values { rows, slot }, columns, slot })
    }

    /// The type that all rows agree on.
    fn values_type(&self, rows: &[Vec<Expr>], column: usize) -> KnownType {
        let first = self.type_of(rows.first()?.get(column)?)?;
        rows.iter().all(|row| self.type_of(&row[column]) == Some(first)).then_some(first)
    }

    /// ORDER BY over the columns of a result: names, positions and expressions of them.
    fn order_result(&mut self, body: Body, order_by: &'a [OrderByExpr]) -> Result<Body> {
        if order_by.is_empty() {
            return Ok(body);
        }
        let names = body.columns.iter().map(|column| column.name.clone()).collect();
        let (keys, outer) = self.in_level(|binder| {
            binder.push_relation("", body.slot, Columns::Named(names));
            let mut keys = Vec::with_capacity(order_by.len());
            for item in order_by {
                let expr = match number_in(&item.expr) {
                    Some(digits) => {
                        let column = binder.position(digits, body.columns.len(), "ORDER BY")?;
                        Expr::Column(ColumnRef { slot: body.slot, column })
                    }
                    None => binder.expr(&item.expr)?,
                };
                keys.push(sort_key(expr, item)?);
            }
            Ok(keys)
        })?;
        debug_assert!(outer.iter().all(|slot| *slot != body.slot), "the result is not an outer query of its own order");
        Ok(Body { plan: LogicalPlan::Sort { input: Box::new(body.plan), keys }, ..body })
    }
}

/// Refuses results that are too wide.
pub(super) fn check_width(width: usize) -> Result<()> {
    if width > COLUMNS_MAX { Err(too_complex("too many columns", COLUMNS_MAX)) } else { Ok(()) }
}

fn order_items(query: &ast::Query) -> Result<&[OrderByExpr]> {
    match &query.order_by {
        None => Ok(&[]),
        Some(ast::OrderBy { kind: OrderByKind::Expressions(items), .. }) => Ok(items),
        Some(_) => Err(Error::not_supported("ORDER BY ALL")),
    }
}

/// NULLs count as the smallest values unless something else is said.
pub(super) fn sort_key(expr: Expr, item: &OrderByExpr) -> Result<SortKey> {
    let descending = match &item.options.sort {
        None | Some(ast::OrderBySort::Asc) => false,
        Some(ast::OrderBySort::Desc) => true,
        Some(_) => return Err(Error::not_supported("ORDER BY … USING")),
    };
    Ok(SortKey { expr, descending, nulls_first: item.options.nulls_first.unwrap_or(!descending) })
}

fn set_operation_kind(operator: SetOperator, quantifier: SetQuantifier) -> Result<SetOperation> {
    let kind = match operator {
        SetOperator::Union => SetOperationKind::Union,
        SetOperator::Except | SetOperator::Minus => SetOperationKind::Except,
        SetOperator::Intersect => SetOperationKind::Intersect,
    };
    match quantifier {
        SetQuantifier::All => Ok((kind, true)),
        SetQuantifier::None | SetQuantifier::Distinct => Ok((kind, false)),
        _ => Err(Error::not_supported("a set operation BY NAME")),
    }
}
