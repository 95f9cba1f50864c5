//! How many rows a path finds and a condition keeps.

use std::ops::Bound;

use manicule_engine::{ColumnType, IndexColumn, IndexSchema, KeyRange, TableSchema, Value};

use super::region::{Conjunct, TableRef};
use super::{Fit, Router, Side, fit, fit_lower, fit_row};
use crate::expr::{BinaryOperator, Expr};
use crate::physical::{IndexLookup, IndexRange, KeyPart};

/// The share of rows that an equality keeps, where nothing is known of the column.
const EQUALITY_SHARE: f64 = 0.1;
/// The share of rows that a bound on one side keeps, where nothing is known.
const BOUND_SHARE: f64 = 0.3;
/// The share of an index that a bound which is not known yet keeps: little enough that it is never the reason for a full
/// scan.
const LATER_BOUND_SHARE: f64 = 0.2;
/// The share of rows that bounds on both sides keep, where nothing is known.
const BETWEEN_SHARE: f64 = 0.1;
/// How many keys of a list are asked for, before the rest is taken to be alike.
const PROBES_MAX: usize = 32;

/// What is known of a key's column before the statement runs.
enum Known<'a> {
    Value(Value<'a>),
    /// No row can have it.
    Nothing,
    /// It is known only when the statement runs.
    Later,
}

fn known(expr: &Expr, column_type: ColumnType) -> Known<'_> {
    match expr {
        Expr::Literal(Value::Null) => Known::Nothing,
        Expr::Literal(value) => match fit(value.as_borrowed(), column_type) {
            Fit::Equal(value) => Known::Value(value),
            Fit::After(_) | Fit::Least | Fit::Greatest => Known::Nothing,
        },
        _ => Known::Later,
    }
}

impl Router<'_, '_> {
    /// About how many rows a lookup finds.
    pub(super) fn lookup_rows(&self, index: &IndexSchema, lookup: &IndexLookup, table_rows: f64) -> f64 {
        let keys: f64 = lookup.columns.iter().map(|column| column.values.len() as f64).product();
        let average = if index.unique { 1.0 } else { table_rows / (self.view.distinct_keys(index.id).max(1) as f64) };
        let single = |column: &&crate::physical::KeyColumn| column.values.len() == 1;
        if lookup.columns.len() > 1 && !lookup.columns.iter().all(|column| single(&column)) {
            return (keys * average).min(table_rows);
        }
        if lookup.columns.len() > 1 {
            return self.one_key_rows(index, lookup).unwrap_or(average).min(table_rows);
        }
        // Where the other column has more values than there are keys here, those that are too many find nothing.
        let of_later = |expr| average.min(table_rows / self.distinct_values(expr).unwrap_or(1.0));
        let column = &lookup.columns[0];
        let asked = column.values.len().min(PROBES_MAX);
        let rows: f64 = column.values[..asked]
            .iter()
            .map(|value| match known(value, column.column_type) {
                Known::Value(value) => self.view.estimate_lookup(index.id, &[value]) as f64,
                Known::Nothing => 0.0,
                Known::Later => of_later(value),
            })
            .sum();
        if asked == 0 { 0.0 } else { (rows * keys / asked as f64).min(table_rows) }
    }

    /// About how many values a column of a table has, if an index on it alone knows.
    pub(super) fn distinct_values(&self, expr: &Expr) -> Option<f64> {
        let Expr::Column(column) = expr else { return None };
        let mut indexes = self.tables.get(&column.slot)?.indexes.iter();
        let index = indexes.find(|index| index.columns.len() == 1 && index.columns[0].column == column.column)?;
        Some(self.view.distinct_keys(index.id).max(1) as f64)
    }

    /// About how many rows have a key of several columns, if all of it is known.
    fn one_key_rows(&self, index: &IndexSchema, lookup: &IndexLookup) -> Option<f64> {
        let mut key = Vec::with_capacity(lookup.columns.len());
        for column in &lookup.columns {
            match known(&column.values[0], column.column_type) {
                Known::Value(value) => key.push(value),
                Known::Nothing => return Some(0.0),
                Known::Later => return None,
            }
        }
        Some(self.view.estimate_lookup(index.id, &key) as f64)
    }

    /// About how many rows a range finds.
    pub(super) fn range_rows(&self, table: &TableRef, index: &IndexSchema, range: &IndexRange) -> f64 {
        let mut prefix = Vec::with_capacity(range.prefix.len());
        for (column_type, part) in &range.prefix {
            match part {
                KeyPart::IsNull => prefix.push(Value::Null),
                KeyPart::Equals(expr) => match known(expr, *column_type) {
                    Known::Value(value) => prefix.push(value),
                    Known::Nothing => return 0.0,
                    Known::Later => return self.unknown_prefix_rows(table, index, range),
                },
            }
        }
        let column_type = range.bounded.unwrap_or(ColumnType::Integer);
        let lower = known_bound((&range.lower, &range.lower_rest), |bound, rest| match rest.is_empty() {
            true => fit_lower(bound, column_type, range.skips_nulls).map(|bound| (bound, Vec::new())),
            false => fit_row((bound, column_type), rest, Side::Lower),
        });
        let upper = known_bound((&range.upper, &range.upper_rest), |bound, rest| {
            fit_row((bound, column_type), rest, Side::Upper)
        });
        let unknown = || (Bound::Unbounded, Vec::new());
        let (lower, upper, share) = match (lower, upper) {
            (KnownBound::Nothing, _) | (_, KnownBound::Nothing) => return 0.0,
            (KnownBound::Bound(lower), KnownBound::Bound(upper)) => (lower, upper, 1.0),
            (KnownBound::Bound(lower), KnownBound::Later) => (lower, unknown(), LATER_BOUND_SHARE),
            (KnownBound::Later, KnownBound::Bound(upper)) => (unknown(), upper, LATER_BOUND_SHARE),
            (KnownBound::Later, KnownBound::Later) => (unknown(), unknown(), BETWEEN_SHARE),
        };
        let ((lower, lower_rest), (upper, upper_rest)) = (lower, upper);
        let range = KeyRange { prefix, lower, upper, lower_rest, upper_rest };
        let rows = self.view.estimate_range(index.id, &range) as f64;
        (rows * share).min(table.rows)
    }

    fn unknown_prefix_rows(&self, table: &TableRef, index: &IndexSchema, range: &IndexRange) -> f64 {
        let rows = self.rows_of_one_prefix((&table.schema, table.rows), index, range.prefix.len());
        let bounds = usize::from(!matches!(range.lower, Bound::Unbounded))
            + usize::from(!matches!(range.upper, Bound::Unbounded));
        let share = [1.0, LATER_BOUND_SHARE, BETWEEN_SHARE][bounds];
        (rows * share).min(table.rows)
    }

    /// About how many rows of a table of `table_rows` have the same first `columns` columns of the index.
    pub(super) fn rows_of_one_prefix(
        &self,
        (schema, table_rows): (&TableSchema, f64),
        index: &IndexSchema,
        columns: usize,
    ) -> f64 {
        let distinct = |index: &IndexSchema| self.view.distinct_keys(index.id).max(1) as f64;
        let is_first = |key: &IndexColumn| index.columns.iter().take(columns).any(|first| first.column == key.column);
        let is_within = |other: &&IndexSchema| other.columns.iter().all(is_first);
        let (mut known, mut most) = (None, table_rows);
        for other in schema.indexes.iter().filter(is_within) {
            let rows = if other.unique { 1.0 } else { table_rows / distinct(other) };
            most = most.min(rows);
            known = known.or((other.columns.len() == columns).then_some(rows));
        }
        // Where no index is on just these columns, each column of the key is taken to tell the rows apart as well as the others.
        let guess = || table_rows / distinct(index).powf(columns as f64 / index.columns.len() as f64);
        known.unwrap_or_else(guess).min(most)
    }

    /// The share of rows that a condition keeps, for want of an index that knows better.
    pub(super) fn selectivity(&self, conjunct: &Conjunct) -> f64 {
        selectivity(&conjunct.expr)
    }
}

fn selectivity(expr: &Expr) -> f64 {
    match expr {
        Expr::Literal(Value::Boolean(true)) => 1.0,
        Expr::Literal(_) => 0.0,
        Expr::Binary { operator, .. } => match operator {
            BinaryOperator::Equal | BinaryOperator::Is => EQUALITY_SHARE,
            BinaryOperator::NotEqual | BinaryOperator::IsNot => 1.0 - EQUALITY_SHARE,
            _ => BOUND_SHARE,
        },
        Expr::And(parts) => parts.iter().map(selectivity).product(),
        Expr::Or(parts) => parts.iter().map(selectivity).sum::<f64>().min(1.0),
        Expr::IsNull { negated, .. } => inverted(EQUALITY_SHARE, *negated),
        Expr::InList { list, negated, .. } => inverted((EQUALITY_SHARE * list.len() as f64).min(0.5), *negated),
        Expr::InSet { set, negated, .. } => inverted((EQUALITY_SHARE * set.values.len() as f64).min(0.5), *negated),
        Expr::Between { negated, .. } => inverted(BETWEEN_SHARE, *negated),
        Expr::Like { negated, .. } => inverted(BOUND_SHARE, *negated),
        Expr::InQuery { .. }
        | Expr::Exists { .. }
        | Expr::Planned { .. }
        | Expr::Scalar(_)
        | Expr::Unary { .. }
        | Expr::Parameter(_)
        | Expr::Column(_)
        | Expr::Row(_)
        | Expr::Case { .. }
        | Expr::Cast { .. }
        | Expr::Function { .. } => 0.5,
    }
}

fn inverted(share: f64, negated: bool) -> f64 {
    if negated { 1.0 - share } else { share }
}

/// A bound of a column, and of those after it where it equals that.
type RowBound<'a> = (Bound<Value<'a>>, Vec<Value<'a>>);

/// What is known of a bound before the statement runs.
enum KnownBound<'a> {
    Bound(RowBound<'a>),
    /// Nothing lies within it.
    Nothing,
    Later,
}

/// Fits a bound by `fit_bound`, if its first value is a constant; the rest counts as far as it is one.
fn known_bound<'e>(
    (bound, rest): (&'e Bound<Expr>, &'e [(ColumnType, Expr)]),
    fit_bound: impl Fn(Bound<Value<'e>>, Vec<(ColumnType, Value<'e>)>) -> Option<RowBound<'e>>,
) -> KnownBound<'e> {
    let constant = match bound {
        Bound::Unbounded => Bound::Unbounded,
        Bound::Included(Expr::Literal(value)) => Bound::Included(value.as_borrowed()),
        Bound::Excluded(Expr::Literal(value)) => Bound::Excluded(value.as_borrowed()),
        Bound::Included(_) | Bound::Excluded(_) => return KnownBound::Later,
    };
    let known = |(column_type, expr): &'e (ColumnType, Expr)| match expr {
        Expr::Literal(value) => Some((*column_type, value.as_borrowed())),
        _ => None,
    };
    fit_bound(constant, rest.iter().map_while(known).collect()).map_or(KnownBound::Nothing, KnownBound::Bound)
}
