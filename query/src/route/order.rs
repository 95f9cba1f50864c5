//! Orders: which one is wanted, and which one a path has.

use std::ops::Bound;

use manicule_engine::{Direction, IndexSchema, TableSchema};

use crate::expr::{ColumnRef, Expr};
use crate::physical::{AccessPath, IndexRange, KeyPart, TableScan};
use crate::plan::{LogicalPlan, SortKey};

/// The order and the number of rows that the steps above would like to have.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// In terms of tables' columns; empty: any order will do.
    pub(super) order: Vec<OrderKey>,
    /// How many rows are read at most, as far as is known.
    pub(super) limit: Option<f64>,
    /// An order that is good to have in part.
    pub(super) begin: Begin,
    /// What of the rows is wanted.
    pub(super) of_rows: OfRows,
}

/// An order of which the first keys are a gain already: rows are then sorted a group of equal ones at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Begin {
    pub(super) order: Vec<OrderKey>,
    /// How many sorted rows are read at most, as far as is known.
    pub(super) limit: Option<f64>,
}

/// What the steps above want of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OfRows {
    /// Columns.
    #[default]
    Columns,
    /// Their number alone.
    Count,
}

/// A key to order by, a table's column.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderKey {
    pub(super) column: ColumnRef,
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
}

/// The order by `keys` in terms of the columns of the tables below, as far as its first keys are such columns.
pub(super) fn base_order(plan: &LogicalPlan, keys: &[SortKey]) -> Vec<OrderKey> {
    keys.iter()
        .map_while(|key| match &key.expr {
            Expr::Column(column) => Some(OrderKey {
                column: base_column(plan, *column)?,
                descending: key.descending,
                nulls_first: key.nulls_first,
            }),
            _ => None,
        })
        .collect()
}

/// The table's column that `column` is a copy of.
pub(crate) fn base_column(plan: &LogicalPlan, column: ColumnRef) -> Option<ColumnRef> {
    match plan {
        LogicalPlan::Scan { slot, .. } => (*slot == column.slot).then_some(column),
        LogicalPlan::Project { input, expressions, slot } if *slot == column.slot => {
            match expressions.get(column.column)? {
                Expr::Column(column) => base_column(input, *column),
                _ => None,
            }
        }
        LogicalPlan::Aggregate { input, group_by, slot, .. } if *slot == column.slot => {
            match group_by.get(column.column)? {
                Expr::Column(column) => base_column(input, *column),
                _ => None,
            }
        }
        LogicalPlan::Filter { input, .. } | LogicalPlan::Distinct { input, .. } => base_column(input, column),
        // NULLs that an outer join makes come last within their left row, so only left columns keep their order.
        LogicalPlan::Join { left, right, .. } => base_column(left, column).or_else(|| base_column(right, column)),
        LogicalPlan::Limit { .. }
        | LogicalPlan::Sort { .. }
        | LogicalPlan::Project { .. }
        | LogicalPlan::Unit
        | LogicalPlan::Values { .. }
        | LogicalPlan::Aggregate { .. }
        | LogicalPlan::SetOperation { .. } => None,
    }
}

/// Whether the path finds no more than one row, which is in every order.
pub(super) fn is_one_row(table: &TableSchema, path: &AccessPath) -> bool {
    let AccessPath::Lookup(lookup) = path else { return false };
    lookup.has_one_key() && table.index(lookup.index).is_some_and(|index| index.unique)
}

/// Whether the rows that a scan finds come in that order.
pub(super) fn path_delivers(table: &TableSchema, scan: &TableScan, order: &[OrderKey]) -> bool {
    if order.iter().any(|key| key.column.slot != scan.slot) {
        return false;
    }
    match &scan.path {
        AccessPath::FullScan | AccessPath::Members(_) => order.is_empty(),
        AccessPath::Union(_) => {
            let Some((range, nulls)) = walked(&scan.path) else { return order.is_empty() };
            let Some(index) = table.index(range.index) else { return false };
            nulls.is_wanted_by(order) && direction_for(table, index, range, order) == Some(range.direction)
        }
        AccessPath::Lookup(lookup) => {
            let Some(index) = table.index(lookup.index) else { return false };
            let single = |position: usize| lookup.columns[position].values.len() == 1;
            let fixed: Vec<usize> =
                index.columns.iter().enumerate().filter(|(i, _)| single(*i)).map(|(_, c)| c.column).collect();
            is_one_row(table, &scan.path) || order.iter().all(|key| fixed.contains(&key.column.column))
        }
        AccessPath::Range(range) => {
            let Some(index) = table.index(range.index) else { return false };
            direction_for(table, index, range, order) == Some(range.direction)
                || order.iter().all(|key| {
                    index.columns[..range.prefix.len()].iter().any(|fixed| fixed.column == key.column.column)
                })
        }
    }
}

/// How many of the first keys of an order each path has of a scan that is a union of ranges.
pub(super) fn keys_of_each_path(table: &TableSchema, scan: &TableScan, order: &[OrderKey]) -> usize {
    let AccessPath::Union(paths) = &scan.path else { return 0 };
    let have = |order: &[OrderKey]| {
        paths.iter().all(|path| match path {
            AccessPath::Range(range) => table
                .index(range.index)
                .is_some_and(|index| direction_for(table, index, range, order) == Some(range.direction)),
            _ => false,
        })
    };
    let of_scan = order.iter().take_while(|key| key.column.slot == scan.slot).count();
    (1..=of_scan).rev().find(|&keys| have(&order[..keys])).unwrap_or(0)
}

/// Where the NULLs of an index's first column are in a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nulls {
    /// Where the index has them.
    InPlace,
    /// Before all others, in a range of their own.
    First,
    /// After all others, in a range of their own.
    Last,
}

impl Nulls {
    /// Whether an order has them there, as far as that matters.
    pub(super) fn is_wanted_by(self, order: &[OrderKey]) -> bool {
        match self {
            Self::InPlace => true,
            Self::First => order.first().is_none_or(|key| key.nulls_first),
            Self::Last => order.first().is_none_or(|key| !key.nulls_first),
        }
    }
}

/// The walk of a whole index that has the NULLs of its first column at the other end.
pub(super) fn nulls_apart(table: &TableSchema, index: &IndexSchema, nulls: Nulls) -> AccessPath {
    let column_type = table.columns[index.columns[0].column].column_type;
    let rest = IndexRange { bounded: Some(column_type), skips_nulls: true, ..IndexRange::whole(index.id) };
    let of_nulls = IndexRange { prefix: vec![(column_type, KeyPart::IsNull)], ..IndexRange::whole(index.id) };
    let ranges = if nulls == Nulls::First { [of_nulls, rest] } else { [rest, of_nulls] };
    AccessPath::Union(ranges.map(AccessPath::Range).into())
}

/// The range that a path walks, and where the NULLs of the index's first column are if all of it is walked.
pub(super) fn walked(path: &AccessPath) -> Option<(&IndexRange, Nulls)> {
    let is_of_nulls = |range: &IndexRange| matches!(range.prefix.as_slice(), [(_, KeyPart::IsNull)]) && is_open(range);
    let is_rest = |range: &IndexRange| range.prefix.is_empty() && range.skips_nulls && is_open(range);
    match path {
        AccessPath::Range(range) => Some((range, Nulls::InPlace)),
        AccessPath::Union(paths) => match paths.as_slice() {
            [AccessPath::Range(first), AccessPath::Range(second)]
                if first.index == second.index && first.direction == second.direction =>
            {
                let [first_is, second_is] =
                    [(first, second), (second, first)].map(|(a, b)| is_of_nulls(a) && is_rest(b));
                if first_is {
                    Some((second, Nulls::First))
                } else if second_is {
                    Some((first, Nulls::Last))
                } else {
                    None
                }
            }
            _ => None,
        },
        AccessPath::FullScan | AccessPath::Lookup(_) | AccessPath::Members(_) => None,
    }
}

fn is_open(range: &IndexRange) -> bool {
    matches!((&range.lower, &range.upper), (Bound::Unbounded, Bound::Unbounded))
}

/// The direction in which a range of a tree has that order; `None` if neither does.
pub(super) fn direction_for(
    table: &TableSchema,
    index: &IndexSchema,
    range: &IndexRange,
    order: &[OrderKey],
) -> Option<Direction> {
    let (prefix, mut rest) = index.columns.split_at(range.prefix.len());
    let mut direction = None;
    for key in order {
        if prefix.iter().any(|column| column.column == key.column.column) {
            continue;
        }
        let (next, after) = rest.split_first()?;
        let is_first = rest.len() + prefix.len() == index.columns.len();
        let lacks_nulls = table.columns[next.column].not_null || is_first && range.skips_nulls;
        rest = after;
        if next.column != key.column.column {
            return None;
        }
        // NULLs are the smallest values of an index.
        let nulls_agree = key.nulls_first != key.descending || lacks_nulls;
        let needed = if next.descending == key.descending { Direction::Forward } else { Direction::Backward };
        if !nulls_agree || direction.is_some_and(|direction| direction != needed) {
            return None;
        }
        direction = Some(needed);
    }
    Some(direction.unwrap_or(Direction::Forward))
}

/// The direction in which a range of a tree has as many of the first keys of that order as can be, and how many of the
/// tree's columns are then the same in a group; `None` if it has no more than those with one value in the range.
pub(super) fn beginning(
    table: &TableSchema,
    index: &IndexSchema,
    range: &IndexRange,
    order: &[OrderKey],
) -> Option<(Direction, usize)> {
    let fixed = range.prefix.len();
    let known = |keys| direction_for(table, index, range, &order[..keys]).map(|direction| (direction, keys));
    let (direction, keys) = (1..=order.len()).rev().find_map(known)?;
    let columns = columns_of(index, fixed, &order[..keys]);
    (columns > fixed).then_some((direction, columns))
}

/// How many of the first columns of a tree are the same where an order that it has is.
pub(super) fn columns_of(index: &IndexSchema, fixed: usize, order: &[OrderKey]) -> usize {
    let is_fixed = |key: &&OrderKey| index.columns[..fixed].iter().any(|column| column.column == key.column.column);
    fixed + order.len() - order.iter().filter(is_fixed).count()
}
