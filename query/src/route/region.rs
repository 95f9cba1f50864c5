//! A region of inner joins and filters, taken apart into its relations and its conditions.

use std::sync::Arc;

use manicule_engine::{TableId, TableSchema, Value};

use super::Router;
use super::order::Wanted;
use crate::context::Routing;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::physical::{Node, NodeKind};
use crate::plan::{JoinKind, LogicalPlan};
use crate::slots::{SlotSet, slots_given, slots_read};

/// A condition that must be true, and the slots that it reads.
#[derive(Clone, Debug)]
pub(super) struct Conjunct {
    pub(super) expr: Expr,
    pub(super) slots: SlotSet,
}

impl Conjunct {
    pub(super) fn new(expr: Expr) -> Self {
        let slots = slots_read(&expr);
        Self { expr, slots }
    }
}

/// A table with the slot of its rows.
#[derive(Clone, Debug)]
pub(super) struct TableRef {
    pub(super) schema: Arc<TableSchema>,
    pub(super) slot: usize,
    pub(super) rows: f64,
}

/// A relation of a region.
pub(super) enum Relation {
    /// A table: its path is chosen when it is known what stands before it.
    Table(TableRef),
    /// Anything else; planned already, until it is put in its place.
    Other(Other),
}

/// A relation that is no table.
pub(super) struct Other {
    pub(super) node: Box<Node>,
    pub(super) slots: SlotSet,
    /// What it was planned from, where it may be planned again for each row of what stands before it.
    pub(super) plan: Option<LogicalPlan>,
}

impl Relation {
    pub(super) fn slots(&self) -> SlotSet {
        match self {
            Self::Table(table) => SlotSet::of(table.slot),
            Self::Other(other) => other.slots.clone(),
        }
    }
}

impl Router<'_, '_> {
    /// Plans a region: its relations in the best order, each condition as soon as it can be decided.
    pub(super) fn plan_region(&mut self, plan: LogicalPlan, wanted: &Wanted) -> Result<Node> {
        let (mut relations, mut conjuncts) = (Vec::new(), Vec::new());
        self.take_apart(plan, wanted, &mut relations, &mut conjuncts)?;
        let never = |conjunct: &Conjunct| match &conjunct.expr {
            Expr::Literal(value) => matches!(value, Value::Null | Value::Boolean(false) | Value::Integer(0)),
            _ => false,
        };
        if conjuncts.iter().any(never) {
            // One row that no one sees: the values of no row.
            let slot = relations.iter().flat_map(|relation| relation.slots().iter().collect::<Vec<_>>()).next();
            return Ok(self.node(0.0, NodeKind::Values { rows: Vec::new(), slot: slot.unwrap_or(0) }));
        }
        // What may be another value each time is decided for each row of the whole.
        for conjunct in conjuncts.iter_mut().filter(|conjunct| conjunct.expr.is_volatile()) {
            relations.iter().for_each(|relation| conjunct.slots.extend(&relation.slots()));
        }
        conjuncts.iter_mut().try_for_each(|conjunct| self.plan_members(&mut conjunct.expr))?;
        self.plan_joins(relations, conjuncts, wanted)
    }

    /// What stands lower is decided first: it may be what keeps a condition above from failing.
    fn take_apart(
        &mut self,
        plan: LogicalPlan,
        wanted: &Wanted,
        relations: &mut Vec<Relation>,
        conjuncts: &mut Vec<Conjunct>,
    ) -> Result<()> {
        match plan {
            LogicalPlan::Filter { input, predicate } => {
                self.take_apart(*input, wanted, relations, conjuncts)?;
                conjuncts.extend(predicate.into_conjuncts().into_iter().map(Conjunct::new));
                Ok(())
            }
            LogicalPlan::Join { left, right, kind: JoinKind::Inner, on } => {
                // With something beside it, the order of a part is not the order of the whole, and all of it may be read.
                self.take_apart(*left, &Wanted::default(), relations, conjuncts)?;
                self.take_apart(*right, &Wanted::default(), relations, conjuncts)?;
                conjuncts.extend(on.into_iter().flat_map(Expr::into_conjuncts).map(Conjunct::new));
                Ok(())
            }
            LogicalPlan::Scan { table, slot } => {
                relations.push(Relation::Table(self.table_ref(table, slot)?));
                Ok(())
            }
            other => {
                relations.push(Relation::Other(self.plan_other(other, wanted)?));
                Ok(())
            }
        }
    }

    /// A table of the statement, noted as what its slot holds rows of.
    pub(super) fn table_ref(&mut self, table: TableId, slot: usize) -> Result<TableRef> {
        let schema = self.catalog.table_by_id(table).cloned().ok_or(Error::CatalogChanged)?;
        let rows = self.view.row_count(table) as f64;
        self.tables.insert(slot, schema.clone());
        Ok(TableRef { schema, slot, rows })
    }

    /// Plans a relation that is no table.
    pub(super) fn plan_other(&mut self, plan: LogicalPlan, wanted: &Wanted) -> Result<Other> {
        let slots = slots_given(&plan);
        let again = (self.routing == Routing::Automatic && !plan.is_volatile()).then(|| plan.clone());
        let subplans = self.subplans.len();
        let node = match plan {
            LogicalPlan::Join { left, right, kind: JoinKind::Left, on } => {
                self.plan_left_join(*left, *right, on, wanted)?
            }
            LogicalPlan::Join { left, right, kind: JoinKind::Full, on } => self.plan_full_join(*left, *right, on)?,
            other => self.plan(other, wanted)?,
        };
        // A subquery is planned once.
        let again = again.filter(|_| self.subplans.len() == subplans);
        Ok(Other { node: Box::new(node), slots, plan: again })
    }
}
