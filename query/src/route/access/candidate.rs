//! What one index can do with what is said of its columns.

use std::cmp::Ordering;
use std::ops::Bound;

use manicule_engine::{ColumnType, Direction, IndexColumn, IndexSchema, Value};

use super::terms::{Form, Term, Terms};
use crate::expr::Expr;
use crate::physical::{AccessPath, IndexLookup, IndexMembers, IndexRange, KeyColumn, KeyPart, MembersBy};
use crate::route::region::TableRef;
use crate::route::{Router, SCAN_SHARE};

/// The most keys that lists on several columns of one index may make together.
const KEYS_MAX: usize = 4096;

/// A path that an index offers.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) path: AccessPath,
    pub(super) proven: Vec<usize>,
    pub(super) rows: f64,
    /// How many keys or ranges are looked up.
    pub(super) probes: f64,
    pub(super) is_unique_key: bool,
}

impl Candidate {
    /// Whether the rows that it finds are those of all `conjuncts` conditions, so that the index can count them.
    pub(super) fn is_countable(&self, conjuncts: usize) -> bool {
        matches!(self.path, AccessPath::Lookup(_) | AccessPath::Range(_))
            && (0..conjuncts).all(|conjunct| self.proven.contains(&conjunct))
    }

    /// Whether it is a range of the whole index.
    pub(super) fn is_whole(&self) -> bool {
        matches!(&self.path, AccessPath::Range(range) if range.prefix.is_empty() && range.bounded.is_none())
    }

    /// The same range or ranges, walked in that direction.
    pub(super) fn towards(mut self, direction: Direction) -> Self {
        let ranges = match &mut self.path {
            AccessPath::Union(paths) => paths.as_mut_slice(),
            path => std::slice::from_mut(path),
        };
        for range in ranges {
            if let AccessPath::Range(range) = range {
                range.direction = direction;
            }
        }
        self
    }
}

/// Fewer rows first; of equals the one that proves more, and a whole key before a range.
pub(super) fn compare(left: &Candidate, right: &Candidate) -> Ordering {
    let is_range = |candidate: &Candidate| matches!(candidate.path, AccessPath::Range(_));
    let unknown_unique = |candidate: &Candidate| !candidate.is_unique_key;
    (left.rows.total_cmp(&right.rows))
        .then_with(|| unknown_unique(left).cmp(&unknown_unique(right)))
        .then_with(|| right.proven.len().cmp(&left.proven.len()))
        .then_with(|| is_range(left).cmp(&is_range(right)))
}

impl Router<'_, '_> {
    /// What the index can do, `None` if nothing is said of its first column or nothing that it can answer.
    pub(super) fn candidate(&self, table: &TableRef, index: &IndexSchema, terms: &Terms<'_>) -> Option<Candidate> {
        if let Some(candidate) = self.lookup_candidate(table, index, terms) {
            return Some(candidate);
        }
        if !index.has_tree() {
            return self.members_candidate(table, index, terms);
        }
        let (range, proven) = range_of(table, index, terms);
        if !proven.is_empty() || range.bounded.is_some() {
            return Some(self.estimated(table, index, range, proven));
        }
        self.list_candidate(table, index, terms)
            .or_else(|| self.like_candidate(table, index, terms))
            .or_else(|| self.members_candidate(table, index, terms))
    }

    /// Lookup by each value of a subquery, in a tree of more columns a range for each. It is expected to be run only if it
    /// finds few rows.
    fn members_candidate(&self, table: &TableRef, index: &IndexSchema, terms: &Terms<'_>) -> Option<Candidate> {
        let key = index.columns.first().filter(|_| index.columns.len() == 1 || index.has_tree())?;
        let subplan = terms.on(key.column).find_map(|term| match term.form {
            Form::Among(subplan) => Some(subplan),
            _ => None,
        })?;
        let few = table.rows / SCAN_SHARE;
        let per_key = self.rows_of_one_prefix(index, 1, table.rows);
        let values = self.subplans[subplan].output.root.rows.clamp(1.0, few.max(1.0));
        let column_type = table.schema.columns[key.column].column_type;
        let by = if index.columns.len() == 1 { MembersBy::Key } else { MembersBy::FirstColumn };
        let path = AccessPath::Members(IndexMembers { index: index.id, column_type, subplan, by });
        let rows = (values * per_key).min(few);
        Some(Candidate { path, proven: Vec::new(), rows, probes: values, is_unique_key: false })
    }

    /// Lookup by whole keys.
    fn lookup_candidate(&self, table: &TableRef, index: &IndexSchema, terms: &Terms<'_>) -> Option<Candidate> {
        let (mut columns, mut proven, mut keys) = (Vec::new(), Vec::new(), 1_usize);
        for key in &index.columns {
            let column_type = table.schema.columns[key.column].column_type;
            let (values, term) = values_of(terms, key.column)?;
            keys = keys.saturating_mul(values.len());
            columns.push(KeyColumn { column_type, values });
            proven.push(term.conjunct);
        }
        if index.columns.len() > 1 && keys > KEYS_MAX {
            return None;
        }
        let lookup = IndexLookup { index: index.id, columns };
        let rows = self.lookup_rows(index, &lookup, table.rows);
        let is_unique_key = index.unique;
        Some(Candidate { path: AccessPath::Lookup(lookup), proven, rows, probes: keys as f64, is_unique_key })
    }

    /// A range by what is said of the index's first columns. Without anything it is the whole index.
    pub(super) fn range_candidate(&self, table: &TableRef, index: &IndexSchema, terms: &Terms<'_>) -> Candidate {
        let (range, proven) = range_of(table, index, terms);
        self.estimated(table, index, range, proven)
    }

    fn estimated(&self, table: &TableRef, index: &IndexSchema, range: IndexRange, proven: Vec<usize>) -> Candidate {
        let is_whole = range.prefix.is_empty() && range.bounded.is_none();
        let rows = if is_whole { table.rows } else { self.range_rows(index, &range, table.rows) };
        Candidate { path: AccessPath::Range(range), proven, rows, probes: 1.0, is_unique_key: false }
    }

    /// A list on the first column of a composite tree: a range for each value, as narrow as what is said of the next columns
    /// makes it.
    fn list_candidate(&self, table: &TableRef, index: &IndexSchema, terms: &Terms<'_>) -> Option<Candidate> {
        let first = index.columns[0].column;
        let column_type = table.schema.columns[first].column_type;
        let (values, term) = values_of(terms, first)?;
        if values.len() > KEYS_MAX {
            return None;
        }
        let mut proven = vec![term.conjunct];
        let mut rest = IndexRange::whole(index.id);
        narrow(&mut rest, &mut proven, (table, &index.columns[1..]), terms);
        let range = |value| {
            let mut range = rest.clone();
            range.prefix.insert(0, (column_type, KeyPart::Equals(value)));
            range
        };
        Some(self.union(table, index, values.into_iter().map(range).collect(), proven))
    }

    /// LIKE with a prefix on the first column: a range for each way to write it. It proves nothing, as the rest of the
    /// pattern is still to be matched.
    fn like_candidate(&self, table: &TableRef, index: &IndexSchema, terms: &Terms<'_>) -> Option<Candidate> {
        let ranges = terms.on(index.columns[0].column).find_map(|term| match &term.form {
            Form::Within(ranges) => Some(ranges),
            _ => None,
        })?;
        let range = |(low, high): &(String, Option<String>)| IndexRange {
            lower: Bound::Included(Expr::literal(low.clone())),
            upper: high.clone().map_or(Bound::Unbounded, |high| Bound::Excluded(Expr::literal(high))),
            bounded: Some(ColumnType::Text),
            skips_nulls: true,
            ..IndexRange::whole(index.id)
        };
        Some(self.union(table, index, ranges.iter().map(range).collect(), Vec::new()))
    }

    fn union(
        &self,
        table: &TableRef,
        index: &IndexSchema,
        mut ranges: Vec<IndexRange>,
        proven: Vec<usize>,
    ) -> Candidate {
        let rows = ranges.iter().map(|range| self.range_rows(index, range, table.rows)).sum();
        let probes = ranges.len() as f64;
        let path = match ranges.len() {
            1 => AccessPath::Range(ranges.remove(0)),
            _ => AccessPath::Union(ranges.into_iter().map(AccessPath::Range).collect()),
        };
        Candidate { path, proven, rows, probes, is_unique_key: false }
    }
}

/// A range: equal on as many first columns as are known, between bounds on the next; and the conditions that it proves.
fn range_of(table: &TableRef, index: &IndexSchema, terms: &Terms<'_>) -> (IndexRange, Vec<usize>) {
    let (mut range, mut proven) = (IndexRange::whole(index.id), Vec::new());
    narrow(&mut range, &mut proven, (table, &index.columns), terms);
    (range, proven)
}

/// Narrows a range by what is said of the columns that follow in its index.
fn narrow(
    range: &mut IndexRange,
    proven: &mut Vec<usize>,
    (table, columns): (&TableRef, &[IndexColumn]),
    terms: &Terms<'_>,
) {
    for key in columns {
        let column_type = table.schema.columns[key.column].column_type;
        let fixed = terms.on(key.column).find_map(|term| match &term.form {
            Form::Equals(value) => Some((KeyPart::Equals((*value).clone()), term.conjunct)),
            Form::IsNull => Some((KeyPart::IsNull, term.conjunct)),
            _ => None,
        });
        let Some((part, conjunct)) = fixed else {
            set_bounds(range, terms, key.column, column_type, proven);
            break;
        };
        range.prefix.push((column_type, part));
        proven.push(conjunct);
    }
}

/// The values that a column must be one of; an equality before a list.
fn values_of<'t, 'c>(terms: &'t Terms<'c>, column: usize) -> Option<(Vec<Expr>, &'t Term<'c>)> {
    let equality = terms.on(column).find_map(|term| match &term.form {
        Form::Equals(value) => Some((vec![(*value).clone()], term)),
        _ => None,
    });
    let list = || {
        terms.on(column).find_map(|term| match &term.form {
            Form::In(list) => Some((list.to_vec(), term)),
            _ => None,
        })
    };
    equality.or_else(list)
}

/// Takes the tightest lower and the tightest upper bound of a column, as far as can be told.
fn set_bounds(
    range: &mut IndexRange,
    terms: &Terms<'_>,
    column: usize,
    column_type: ColumnType,
    proven: &mut Vec<usize>,
) {
    let (mut lower_by, mut upper_by) = (None, None);
    let mut bounded = false;
    for term in terms.on(column) {
        match &term.form {
            Form::Lower(bound) if is_tighter(bound, &range.lower, Ordering::Greater) => {
                range.lower = bound.cloned();
                lower_by = Some(term.conjunct);
            }
            Form::Upper(bound) if is_tighter(bound, &range.upper, Ordering::Less) => {
                range.upper = bound.cloned();
                upper_by = Some(term.conjunct);
            }
            Form::IsNotNull => proven.push(term.conjunct),
            Form::Lower(_) | Form::Upper(_) => {}
            Form::Equals(_) | Form::In(_) | Form::IsNull | Form::Among(_) | Form::Within(_) => continue,
        }
        bounded = true;
    }
    if !bounded {
        return;
    }
    // Each of these conditions is false or NULL for NULL.
    range.skips_nulls = true;
    range.bounded = Some(column_type);
    proven.extend(lower_by.into_iter().chain(upper_by));
}

/// Whether a bound is tighter than the one before it: any is tighter than none, of two constants the one further in. A
/// constant that is not known yet stays the first.
fn is_tighter(new: &Bound<&Expr>, old: &Bound<Expr>, inwards: Ordering) -> bool {
    let value = |expr: &Expr| match expr {
        Expr::Literal(value) if !value.is_null() => Some(value.clone()),
        _ => None,
    };
    let (new_value, new_excludes): (Option<Value<'_>>, bool) = match new {
        Bound::Unbounded => return false,
        Bound::Included(expr) => (value(expr), false),
        Bound::Excluded(expr) => (value(expr), true),
    };
    let (old_value, old_excludes) = match old {
        Bound::Unbounded => return true,
        Bound::Included(expr) => (value(expr), false),
        Bound::Excluded(expr) => (value(expr), true),
    };
    match (new_value, old_value) {
        (Some(new), Some(old)) => match crate::evaluate::compare_values(&new, &old) {
            Ordering::Equal => new_excludes && !old_excludes,
            ordering => ordering == inwards,
        },
        _ => false,
    }
}
