//! GROUP BY and aggregates: which order of the rows makes them easy.

use manicule_engine::{IndexSchema, TableId};

use super::join::HASH_LOOKUP;
use super::order::{OfRows, OrderKey, Wanted, base_column};
use super::{ROW_BY_INDEX, Router};
use crate::error::Result;
use crate::expr::{AggregateCall, AggregateFunction, ColumnRef, Expr};
use crate::physical::{Node, NodeKind};
use crate::plan::{LogicalPlan, SortKey};

/// How many groups there are to a row, where nothing is known.
const GROUPS_SHARE: f64 = 0.1;

/// What is grouped and computed.
pub(super) struct Groups {
    pub(super) group_by: Vec<Expr>,
    pub(super) aggregates: Vec<AggregateCall>,
    pub(super) slot: usize,
}

impl Router<'_, '_> {
    /// Groups. The rows of the first few are asked for in their order. The least or the greatest value of a column is the
    /// first row of an index, where one has that order.
    pub(super) fn plan_aggregate(&mut self, input: LogicalPlan, groups: Groups, wanted: &Wanted) -> Result<Node> {
        let Groups { group_by, aggregates, slot } = groups;
        let order = group_order(&input, &group_by, wanted);
        let is_row_by_row = order.as_ref().is_some_and(|order| self.is_row_by_row(&input, order));
        let end = if group_by.is_empty() { wanted_end(&input, &aggregates) } else { None };
        let input = match end {
            None => {
                let of_rows = wanted_of_rows(&input, &group_by, &aggregates);
                let few = order.as_ref().and_then(|order| self.few_rows(&input, order, wanted));
                let below = match (few, &order) {
                    (Some(limit), Some(order)) => {
                        Wanted { order: order.clone(), limit: Some(limit), of_rows, ..Wanted::default() }
                    }
                    _ => Wanted { of_rows, ..Wanted::default() },
                };
                self.plan(input, &below)?
            }
            Some((key, not_null)) => {
                let input = LogicalPlan::Filter { input: Box::new(input), predicate: not_null };
                let wanted = Wanted { order: vec![key], limit: Some(1.0), ..Wanted::default() };
                let node = self.plan(input, &wanted)?;
                if self.delivers(&node, &wanted.order) {
                    let (input, limit) = (Box::new(node), Some(Expr::literal(1)));
                    self.node(1.0, NodeKind::Limit { input, limit, offset: None })
                } else {
                    node
                }
            }
        };
        let in_order = is_row_by_row || order.is_some_and(|order| self.delivers(&input, &order));
        let rows = if group_by.is_empty() { 1.0 } else { (input.rows * GROUPS_SHARE).max(1.0) };
        let group_by = self.finish_all(group_by)?;
        let aggregates = aggregates
            .into_iter()
            .map(|call| {
                let finish_key = |key: SortKey| Ok(SortKey { expr: self.finish(key.expr)?, ..key });
                Ok(AggregateCall {
                    order_by: call.order_by.into_iter().map(finish_key).collect::<Result<_>>()?,
                    argument: call.argument.map(|argument| self.finish(argument)).transpose()?,
                    separator: call.separator.map(|separator| self.finish(separator)).transpose()?,
                    ..call
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(self.node(rows, NodeKind::Aggregate { input: Box::new(input), group_by, aggregates, slot, in_order }))
    }

    /// Whether each row is a group of its own: a unique key without NULLs is among the keys of the groups.
    fn is_row_by_row(&self, input: &LogicalPlan, order: &[OrderKey]) -> bool {
        let (Some(slot), Some(table)) = (only_table(input), order.first().and_then(|key| table_of(input, key.column)))
        else {
            return false;
        };
        let Some(schema) = self.catalog.table_by_id(table) else { return false };
        let is_key = |column: usize| {
            schema.columns[column].not_null && order.iter().any(|key| key.column == ColumnRef { slot, column })
        };
        let mut unique = schema.indexes.iter().filter(|index| index.unique);
        unique.any(|index| index.columns.iter().all(|column| is_key(column.column)))
    }

    /// About how many rows the wanted groups have, if these are so few of one table that to find them in the order of an
    /// index costs less than to read all rows and to look each up in a table of groups.
    fn few_rows(&self, input: &LogicalPlan, order: &[OrderKey], wanted: &Wanted) -> Option<f64> {
        let (limit, first) = (wanted.limit?, order.first()?);
        if order.iter().any(|key| key.column.slot != first.column.slot) {
            return None;
        }
        let table = table_of(input, first.column)?;
        let (schema, rows) = (self.catalog.table_by_id(table)?, self.view.row_count(table) as f64);
        let has_keys = |index: &&IndexSchema| {
            let is_key = |column: usize| order.iter().any(|key| key.column.column == column);
            index.columns.len() == order.len() && index.columns.iter().all(|column| is_key(column.column))
        };
        let groups = match schema.indexes.iter().find(has_keys) {
            Some(index) => self.view.distinct_keys(index.id) as f64,
            None => rows * GROUPS_SHARE,
        };
        let wanted_rows = limit * rows / groups.max(1.0);
        (wanted_rows * ROW_BY_INDEX <= rows * (1.0 + HASH_LOOKUP)).then_some(wanted_rows)
    }
}

/// The table of a column.
fn table_of(input: &LogicalPlan, column: ColumnRef) -> Option<TableId> {
    let mut table = None;
    input.for_each_node(&mut |node| match node {
        LogicalPlan::Scan { table: id, slot } if *slot == column.slot => table = Some(*id),
        _ => {}
    });
    table
}

/// The order in which the rows of a group come one after another, and the groups as they are wanted; `None` if the groups are
/// not by columns of tables.
fn group_order(input: &LogicalPlan, group_by: &[Expr], wanted: &Wanted) -> Option<Vec<OrderKey>> {
    if group_by.is_empty() {
        return None;
    }
    let mut order = wanted.order.clone();
    let descending = order.last().is_some_and(|key| key.descending);
    let own = group_by.iter().map(|expr| match expr {
        Expr::Column(column) => base_column(input, *column),
        _ => None,
    });
    let own: Vec<_> = own.collect::<Option<_>>()?;
    order.retain(|key| own.contains(&key.column));
    for column in own {
        if !order.iter().any(|key| key.column == column) {
            order.push(OrderKey { column, descending, nulls_first: !descending });
        }
    }
    Some(order)
}

/// What of the rows is wanted: their number, if nothing but rows of one table is counted.
fn wanted_of_rows(input: &LogicalPlan, group_by: &[Expr], aggregates: &[AggregateCall]) -> OfRows {
    let counts = aggregates.iter().all(|call| call.function == AggregateFunction::CountRows);
    if counts && group_by.is_empty() && only_table(input).is_some() { OfRows::Count } else { OfRows::Columns }
}

/// The slot of the only table that is read, with a condition or without.
fn only_table(input: &LogicalPlan) -> Option<usize> {
    match input {
        LogicalPlan::Scan { slot, .. } => Some(*slot),
        LogicalPlan::Filter { input, .. } => match input.as_ref() {
            LogicalPlan::Scan { slot, .. } => Some(*slot),
            _ => None,
        },
        _ => None,
    }
}

/// The order in which the first row has the answer, and that its column is not NULL, if the answer is one MIN or MAX of a
/// column of one table.
fn wanted_end(input: &LogicalPlan, aggregates: &[AggregateCall]) -> Option<(OrderKey, Expr)> {
    let [AggregateCall { function, argument: Some(Expr::Column(column)), .. }] = aggregates else { return None };
    let descending = match function {
        AggregateFunction::Min => false,
        AggregateFunction::Max => true,
        _ => return None,
    };
    let table_slot = only_table(input)?;
    let not_null = Expr::IsNull { operand: Box::new(Expr::Column(*column)), negated: true };
    let key = OrderKey { column: *column, descending, nulls_first: !descending };
    (column.slot == table_slot).then_some((key, not_null))
}
