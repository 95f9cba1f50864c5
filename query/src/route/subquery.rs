//! Finishing an expression: its subqueries become plans of their own, its long lists sets.

use std::sync::Arc;

use manicule_engine::Value;

use super::Router;
use super::matches::Matched;
use super::order::Wanted;
use crate::error::Result;
use crate::evaluate::comparable;
use crate::expr::{ConstantSet, Expr, SubqueryForm};
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
                *expr = self.planned(SubqueryForm::In, vec![*operand], negated, *query)?;
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
            Expr::Scalar(query) => *expr = self.planned(SubqueryForm::Scalar, Vec::new(), false, *query)?,
            Expr::InList { operand, list, negated } if is_set(&list) => {
                *expr = Expr::InSet { operand, set: Arc::new(set_of(list)), negated };
            }
            Expr::InList { operand, list, negated } if is_later_set(&list) => {
                *expr = self.planned(SubqueryForm::In, vec![*operand], negated, query_of(list))?;
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
                if matches!(**operand, Expr::Column(_)) && outer_slots(query).is_empty() =>
            {
                self.finish_own(expr)
            }
            _ => Ok(()),
        }
    }

    fn planned(&mut self, form: SubqueryForm, operands: Vec<Expr>, negated: bool, query: Query) -> Result<Expr> {
        let outer_slots = outer_slots(&query).iter().collect();
        let output = self.plan_output(query.plan, query.columns.len())?;
        self.subplans.push(Subplan { form, output, outer_slots });
        Ok(Expr::Planned { form, operands, negated, subplan: self.subplans.len() - 1 })
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

/// Whether a list is one of constants once the parameters are known.
fn is_later_set(list: &[Expr]) -> bool {
    list.len() >= SET_LENGTH_MIN && list.iter().all(|item| matches!(item, Expr::Literal(_) | Expr::Parameter(_)))
}

/// The list as a subquery, whose values are hashed once, when the statement runs.
fn query_of(list: Vec<Expr>) -> Query {
    let rows = list.into_iter().map(|item| vec![item]).collect();
    // A subquery that reads no outer row has all slots for itself.
    let plan = LogicalPlan::Values { rows, slot: 0 };
    Query { plan, columns: vec![OutputColumn { name: String::new(), column_type: None }], outer_slots: Vec::new() }
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
