//! Which indexes might help a statement: the ones that an adviser builds on a copy, to ask the router about each.
//!
//! What the statement says of a table's columns is read off its rewritten plan: columns that equal something, columns
//! between bounds, columns to order by. An index has the equal ones first and one of the others behind them. Whether it
//! helps is not decided here.

use manicule_engine::{IndexColumn, IndexMethod, TableId, Value};

use crate::expr::{AggregateCall, AggregateFunction, BinaryOperator, ColumnRef, Expr};
use crate::plan::{Bound, LogicalPlan, SortKey, Statement};
use crate::rewrite::rewrite;
use crate::route::base_column;
use crate::slots::{SlotSet, slots_read};

/// The most columns that equal something, at the head of a proposed key.
const EQUAL_COLUMNS_MAX: usize = 4;
/// The most proposals for one statement.
const PROPOSALS_MAX: usize = 32;

/// An index that might help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The table that it would be of.
    pub table: TableId,
    /// The columns of its key.
    pub columns: Vec<IndexColumn>,
    /// Which questions it would answer.
    pub method: IndexMethod,
}

/// The tables that a statement reads, each once, and the indexes that might help it: in groups that may help only as a
/// whole, such as one index for each alternative of an OR.
pub fn proposals(bound: &Bound) -> (Vec<TableId>, Vec<Vec<Proposal>>) {
    let mut plan = match bound.statement.clone() {
        Statement::Query(query) => query.plan,
        Statement::Insert(insert) => insert.source.plan,
        Statement::Update(update) => update.input,
        Statement::Delete(delete) => delete.input,
    };
    let _ = rewrite(&mut plan);
    let mut reader = Reader::default();
    reader.read_tables(&plan);
    reader.read_plan(&plan);
    let mut tables: Vec<TableId> = reader.tables.iter().map(|table| table.id).collect();
    tables.sort_unstable();
    tables.dedup();
    (tables, reader.proposals())
}

/// What is said of the columns of one table.
#[derive(Debug)]
struct Table {
    id: TableId,
    slot: usize,
    equal: Vec<usize>,
    ranged: Vec<usize>,
    orders: Vec<Vec<IndexColumn>>,
}

/// How a condition speaks of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Equal,
    Ranged,
}

/// Gathers what is said.
#[derive(Debug, Default)]
struct Reader {
    tables: Vec<Table>,
    alternatives: Vec<Vec<Proposal>>,
}

impl Reader {
    /// The tables of a plan and its subqueries.
    fn read_tables(&mut self, plan: &LogicalPlan) {
        plan.for_each_node(&mut |node| {
            if let LogicalPlan::Scan { table, slot } = node {
                let (equal, ranged, orders) = (Vec::new(), Vec::new(), Vec::new());
                self.tables.push(Table { id: *table, slot: *slot, equal, ranged, orders });
            }
            node.for_each_expr(&mut |expr| for_each_subquery(expr, &mut |plan| self.read_tables(plan)));
        });
    }

    fn read_plan(&mut self, plan: &LogicalPlan) {
        plan.for_each_node(&mut |node| {
            match node {
                LogicalPlan::Filter { predicate, .. } => self.read_condition(predicate),
                LogicalPlan::Join { on, .. } => on.iter().for_each(|on| self.read_condition(on)),
                LogicalPlan::Sort { input, keys } => self.read_order(input, keys),
                LogicalPlan::Aggregate { input, aggregates, .. } => {
                    aggregates.iter().filter_map(end_of).for_each(|key| self.read_order(input, &[key]));
                }
                _ => {}
            }
            node.for_each_expr(&mut |expr| for_each_subquery(expr, &mut |plan| self.read_plan(plan)));
        });
    }

    fn read_condition(&mut self, condition: &Expr) {
        for conjunct in condition.clone().into_conjuncts() {
            if let Expr::Or(parts) = &conjunct {
                self.read_alternatives(parts);
            }
            if let Expr::Binary { left, right, .. } = &conjunct {
                [left, right].into_iter().for_each(|side| self.read_row(side));
            }
            for (slot, column, form) in self.terms(&conjunct) {
                let Some(table) = self.tables.iter_mut().find(|table| table.slot == slot) else { continue };
                let columns = if form == Form::Equal { &mut table.equal } else { &mut table.ranged };
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
        }
    }

    /// A row of columns that is compared with another: its order is that of an index.
    fn read_row(&mut self, row: &Expr) {
        let Expr::Row(values) = row else { return };
        let columns = values.iter().map(|value| match value {
            Expr::Column(column) => Some(*column),
            _ => None,
        });
        let Some(columns) = columns.collect::<Option<Vec<_>>>() else { return };
        let slot = columns[0].slot;
        let is_key =
            |(position, column): (usize, &ColumnRef)| column.slot == slot && !columns[..position].contains(column);
        if let Some(table) = self.tables.iter_mut().find(|table| table.slot == slot)
            && columns.iter().enumerate().all(is_key)
        {
            table.orders.push(columns.iter().map(|column| ascending(column.column)).collect());
        }
    }

    /// One index for each alternative, if there is one for all of them.
    fn read_alternatives(&mut self, parts: &[Expr]) {
        let first = |part: &Expr| {
            let terms = part.clone().into_conjuncts().into_iter().flat_map(|conjunct| self.terms(&conjunct));
            let (slot, column, form) = terms.min_by_key(|(_, _, form)| *form != Form::Equal)?;
            let table = self.tables.iter().find(|table| table.slot == slot)?.id;
            let method = if form == Form::Equal { IndexMethod::Hash } else { IndexMethod::Tree };
            Some(Proposal { table, columns: vec![ascending(column)], method })
        };
        let group: Option<Vec<Proposal>> = parts.iter().map(first).collect();
        if let Some(mut group) = group {
            let mut seen = Vec::new();
            group.retain(|proposal| {
                !seen.contains(proposal) && {
                    seen.push(proposal.clone());
                    true
                }
            });
            self.alternatives.push(group);
        }
    }

    /// The columns of tables that one condition speaks of: slot, column, and how.
    fn terms(&self, conjunct: &Expr) -> Vec<(usize, usize, Form)> {
        let column_of = |expr: &Expr| match expr {
            Expr::Column(column) if self.tables.iter().any(|table| table.slot == column.slot) => {
                Some((column.slot, column.column))
            }
            _ => None,
        };
        let mut terms = Vec::new();
        let mut add = |column: Option<(usize, usize)>, others: &[&Expr], form: Form| {
            let Some((slot, column)) = column else { return };
            let own = SlotSet::of(slot);
            if !others.iter().any(|other| slots_read(other).intersects(&own)) {
                terms.push((slot, column, form));
            }
        };
        match conjunct {
            Expr::Binary { operator, left, right } => {
                if let Some(form) = form_of(*operator) {
                    add(column_of(left), &[&**right], form);
                    add(column_of(right), &[&**left], form);
                }
            }
            Expr::InList { operand, list, negated: false } => {
                add(column_of(operand), &list.iter().collect::<Vec<_>>(), Form::Equal);
            }
            Expr::Like { operand, pattern, negated: false, .. } if has_prefix(pattern) => {
                add(column_of(operand), &[], Form::Ranged);
            }
            Expr::IsNull { operand, .. } => add(column_of(operand), &[], Form::Ranged),
            _ => {}
        }
        terms
    }

    fn read_order(&mut self, input: &LogicalPlan, keys: &[SortKey]) {
        let columns = keys.iter().map(|key| match &key.expr {
            Expr::Column(column) => base_column(input, *column).map(|column| (column, key.descending)),
            _ => None,
        });
        let Some(columns) = columns.collect::<Option<Vec<_>>>() else { return };
        let Some(slot) = columns.first().map(|(column, _)| column.slot) else { return };
        if columns.iter().any(|(column, _)| column.slot != slot) {
            return;
        }
        // A tree is read from either end: what counts is which columns run against the first.
        let first = columns[0].1;
        let order = columns
            .iter()
            .map(|(column, descending)| IndexColumn { column: column.column, descending: *descending != first });
        if let Some(table) = self.tables.iter_mut().find(|table| table.slot == slot) {
            table.orders.push(order.collect());
        }
    }

    fn proposals(self) -> Vec<Vec<Proposal>> {
        let mut groups: Vec<Vec<Proposal>> = Vec::new();
        for table in &self.tables {
            for proposal in table.proposals() {
                if !groups.iter().any(|group| group[..] == [proposal.clone()]) {
                    groups.push(vec![proposal]);
                }
            }
        }
        groups.extend(self.alternatives);
        groups.truncate(PROPOSALS_MAX);
        groups
    }
}

impl Table {
    fn proposals(&self) -> Vec<Proposal> {
        let proposal = |columns: Vec<IndexColumn>, method| Proposal { table: self.id, columns, method };
        let equal: Vec<IndexColumn> = self.equal.iter().take(EQUAL_COLUMNS_MAX).map(|&c| ascending(c)).collect();
        let mut proposals: Vec<Proposal> =
            equal.iter().map(|column| proposal(vec![*column], IndexMethod::Hash)).collect();
        if equal.len() > 1 {
            proposals.push(proposal(equal.clone(), IndexMethod::Hash));
        }
        let behind = self.ranged.iter().map(|&column| vec![ascending(column)]).chain(self.orders.iter().cloned());
        for tail in behind {
            proposals.push(proposal(tail.clone(), IndexMethod::Tree));
            if equal.is_empty() {
                continue;
            }
            let is_equal = |column: &IndexColumn| equal.iter().any(|equal| equal.column == column.column);
            let tail = tail.into_iter().filter(|column| !is_equal(column));
            let columns: Vec<IndexColumn> = equal.iter().copied().chain(tail).collect();
            if columns.len() > equal.len() {
                proposals.push(proposal(columns, IndexMethod::Tree));
            }
        }
        proposals
    }
}

fn ascending(column: usize) -> IndexColumn {
    IndexColumn { column, descending: false }
}

/// Which comparisons an index answers, and how.
fn form_of(operator: BinaryOperator) -> Option<Form> {
    match operator {
        BinaryOperator::Equal | BinaryOperator::Is => Some(Form::Equal),
        BinaryOperator::Less
        | BinaryOperator::LessOrEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterOrEqual => Some(Form::Ranged),
        _ => None,
    }
}

/// The order whose first row has the answer, for MIN and MAX of a column.
fn end_of(call: &AggregateCall) -> Option<SortKey> {
    let descending = match call.function {
        AggregateFunction::Min => false,
        AggregateFunction::Max => true,
        _ => return None,
    };
    let expr = call.argument.clone().filter(|expr| matches!(expr, Expr::Column(_)))?;
    Some(SortKey { expr, descending, nulls_first: !descending })
}

/// Whether a pattern begins with something that is no wildcard.
fn has_prefix(pattern: &Expr) -> bool {
    matches!(pattern, Expr::Literal(Value::Text(text)) if !text.starts_with(['%', '_']) && !text.is_empty())
}

/// Calls `visit` with the plan of each subquery of an expression.
fn for_each_subquery(expr: &Expr, visit: &mut dyn FnMut(&LogicalPlan)) {
    if let Some(query) = expr.subquery() {
        visit(&query.plan);
    }
    expr.for_each_child(&mut |child| for_each_subquery(child, visit));
}
