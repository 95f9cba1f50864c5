//! Finishing an expression: its subqueries become plans of their own, its long lists sets.

use std::sync::Arc;

use manicule_engine::Value;

use super::Router;
use super::matches::Matched;
use super::order::Wanted;
use crate::error::Result;
use crate::evaluate::comparable;
use crate::expr::{BinaryOperator, ColumnRef, ConstantSet, Expr, SubqueryForm};
use crate::physical::{AccessPath, IndexLookup, IndexRange, KeyColumn, KeyPart, Output, Subplan};
use crate::plan::{LogicalPlan, OutputColumn, Query};
use crate::slots::outer_slots;

/// From this length on a list of constants is hashed.
const SET_LENGTH_MIN: usize = 8;

impl Router<'_, '_> {
    /// Plans a tree whose first `width` columns are a result.
    pub(super) fn plan_output(&mut self, plan: LogicalPlan, width: usize) -> Result<Output> {
        let slot = plan.output_slot().unwrap_or(0);
        let root = self.plan(plan, &Wanted::default())?;
        Ok(Output { root, width, slot })
    }

    pub(super) fn finish_all(&mut self, exprs: Vec<Expr>) -> Result<Vec<Expr>> {
        exprs.into_iter().map(|expr| self.finish(expr)).collect()
    }

    /// The expression as the executor takes it.
    pub(super) fn finish(&mut self, mut expr: Expr) -> Result<Expr> {
        self.finish_in_place(&mut expr)?;
        Ok(expr)
    }

    fn finish_in_place(&mut self, expr: &mut Expr) -> Result<()> {
        let mut result = Ok(());
        expr.for_each_child_mut(&mut |child| {
            if result.is_ok() {
                result = self.finish_in_place(child);
            }
        });
        result?;
        self.finish_own(expr)
    }

    /// Finishes the expression itself, its operands being finished. Apart, so that a deep expression needs little stack.
    #[inline(never)]
    fn finish_own(&mut self, expr: &mut Expr) -> Result<()> {
        if expr.subquery().is_none() && !matches!(expr, Expr::InList { .. }) {
            return Ok(());
        }
        match std::mem::replace(expr, Expr::And(Vec::new())) {
            Expr::InQuery { operand, query, negated } => {
                *expr = self.planned(SubqueryForm::In, operand.into_values(), negated, *query)?;
            }
            Expr::Exists { query, negated } => {
                *expr = match self.matched(&query) {
                    Some(Matched { outer, query }) => {
                        let outer = self.finish_all(outer)?;
                        self.planned(SubqueryForm::Matches, outer, negated, query)?
                    }
                    None => self.planned(SubqueryForm::Exists, Vec::new(), negated, *query)?,
                };
            }
            Expr::Scalar(query) => {
                *expr = match self.grouped(&query) {
                    Some(Matched { outer, query: by_group }) => {
                        let outer = self.finish_all(outer)?;
                        let groups = self.plan_subquery(SubqueryForm::Scalar, by_group)?;
                        self.subplans[groups].form = SubqueryForm::Grouped { groups };
                        self.planned(SubqueryForm::Grouped { groups }, outer, false, *query)?
                    }
                    None => self.planned(SubqueryForm::Scalar, Vec::new(), false, *query)?,
                };
            }
            Expr::InList { operand, list, negated } if is_set(&list) => {
                *expr = Expr::InSet { operand, set: Arc::new(set_of(list)), negated };
            }
            Expr::InList { operand, list, negated } if is_later_set(&list) => {
                let rows = list.into_iter().map(Expr::into_values).collect();
                *expr = self.planned(SubqueryForm::In, operand.into_values(), negated, query_of(rows))?;
            }
            other => *expr = other,
        }
        Ok(())
    }

    /// Plans the subqueries of `column IN (query)` that read no outer row, so that an index may be asked for their values.
    pub(super) fn plan_members(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::And(parts) | Expr::Or(parts) => parts.iter_mut().try_for_each(|part| self.plan_members(part)),
            Expr::InQuery { operand, query, negated: false }
                if has_columns(operand) && outer_slots(query).is_empty() =>
            {
                self.finish_in_place(expr)
            }
            Expr::InList { operand, list, negated: false }
                if matches!(**operand, Expr::Row(_)) && has_columns(operand) && is_later_set(list) =>
            {
                self.finish_in_place(expr)
            }
            _ => Ok(()),
        }
    }

    /// A condition of a filter as the executor takes it. A long OR of rows of constants is hashed, `(a = 1 AND b = 2) OR
    /// (a = 3 AND b = 4) OR …`: where it is NULL it is false then, which is the same to a filter.
    pub(super) fn finish_filter(&mut self, mut condition: Expr) -> Result<Expr> {
        if let Expr::Or(alternatives) = &mut condition
            && let Some((operands, rows)) = rows_of_constants(alternatives)
        {
            return self.planned(SubqueryForm::Matches, operands, false, query_of(rows));
        }
        self.finish(condition)
    }

    fn planned(&mut self, form: SubqueryForm, operands: Vec<Expr>, negated: bool, query: Query) -> Result<Expr> {
        let subplan = self.plan_subquery(form, query)?;
        Ok(Expr::Planned { form, operands, negated, subplan })
    }

    /// Plans a subquery; gives its position.
    fn plan_subquery(&mut self, form: SubqueryForm, query: Query) -> Result<usize> {
        let outer_slots = outer_slots(&query).iter().collect();
        let output = self.plan_output(query.plan, query.columns.len())?;
        self.subplans.push(Subplan { form, output, outer_slots });
        Ok(self.subplans.len() - 1)
    }

    /// Finishes the expressions of a path.
    pub(super) fn finish_path(&mut self, path: AccessPath) -> Result<AccessPath> {
        Ok(match path {
            AccessPath::FullScan => AccessPath::FullScan,
            AccessPath::Lookup(lookup) => {
                let columns = lookup
                    .columns
                    .into_iter()
                    .map(|column| Ok(KeyColumn { values: self.finish_all(column.values)?, ..column }))
                    .collect::<Result<Vec<_>>>()?;
                AccessPath::Lookup(IndexLookup { columns, ..lookup })
            }
            AccessPath::Range(range) => AccessPath::Range(self.finish_range(range)?),
            AccessPath::Members(members) => AccessPath::Members(members),
            AccessPath::Union(paths) => {
                AccessPath::Union(paths.into_iter().map(|path| self.finish_path(path)).collect::<Result<Vec<_>>>()?)
            }
        })
    }

    fn finish_range(&mut self, mut range: IndexRange) -> Result<IndexRange> {
        use std::ops::Bound;
        for (_, part) in &mut range.prefix {
            if let KeyPart::Equals(expr) = part {
                self.finish_in_place(expr)?;
            }
        }
        for (_, expr) in range.lower_rest.iter_mut().chain(&mut range.upper_rest) {
            self.finish_in_place(expr)?;
        }
        for bound in [&mut range.lower, &mut range.upper] {
            if let Bound::Included(expr) | Bound::Excluded(expr) = bound {
                self.finish_in_place(expr)?;
            }
        }
        Ok(range)
    }
}

fn is_set(list: &[Expr]) -> bool {
    list.len() >= SET_LENGTH_MIN && list.iter().all(|item| matches!(item, Expr::Literal(_)))
}

/// Whether an operand of IN is a column, or a row with one.
fn has_columns(operand: &Expr) -> bool {
    operand.values().iter().any(|value| matches!(value, Expr::Column(_)))
}

/// Whether a list is one of constants, or of rows of them, once the parameters are known.
fn is_later_set(list: &[Expr]) -> bool {
    list.len() >= SET_LENGTH_MIN && list.iter().all(|item| item.values().iter().all(is_constant))
}

fn is_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(_) | Expr::Parameter(_))
}

/// The columns that each of many alternatives compares with constants, and these, if all of them compare the same ones.
fn rows_of_constants(alternatives: &[Expr]) -> Option<(Vec<Expr>, Vec<Vec<Expr>>)> {
    if alternatives.len() < SET_LENGTH_MIN {
        return None;
    }
    let mut columns: Vec<ColumnRef> = Vec::new();
    let mut rows = Vec::with_capacity(alternatives.len());
    for alternative in alternatives {
        let Expr::And(parts) = alternative else { return None };
        let mut row = parts.iter().map(column_and_constant).collect::<Option<Vec<_>>>()?;
        row.sort_by_key(|(column, _)| *column);
        if rows.is_empty() {
            columns = row.iter().map(|(column, _)| *column).collect();
        }
        if !row.iter().map(|(column, _)| column).eq(&columns) {
            return None;
        }
        rows.push(row.into_iter().map(|(_, constant)| constant).collect());
    }
    Some((columns.into_iter().map(Expr::Column).collect(), rows))
}

fn column_and_constant(expr: &Expr) -> Option<(ColumnRef, Expr)> {
    let Expr::Binary { operator: BinaryOperator::Equal, left, right } = expr else { return None };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), constant) | (constant, Expr::Column(column)) if is_constant(constant) => {
            Some((*column, constant.clone()))
        }
        _ => None,
    }
}

/// Rows of constants as a subquery that is hashed once, when the statement runs.
fn query_of(rows: Vec<Vec<Expr>>) -> Query {
    let column = OutputColumn { name: String::new(), column_type: None };
    let columns = vec![column; rows.first().map_or(0, Vec::len)];
    // A subquery that reads no outer row has all slots for itself.
    Query { plan: LogicalPlan::Values { rows, slot: 0 }, columns, outer_slots: Vec::new() }
}

fn set_of(list: Vec<Expr>) -> ConstantSet {
    let mut set = ConstantSet::default();
    for item in list {
        match item {
            Expr::Literal(Value::Null) => set.has_null = true,
            Expr::Literal(value) => {
                set.values.insert(comparable(value));
            }
            _ => unreachable!("only lists of constants become sets"),
        }
    }
    set
}
