//! What one index can do with what is said of its columns.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Bound;

use manicule_engine::{ColumnType, Direction, IndexColumn, IndexSchema, Value};

use super::terms::{Form, Limit, Term, Terms};
use crate::expr::Expr;
use crate::physical::{AccessPath, IndexLookup, IndexMembers, IndexRange, KeyColumn, KeyPart, MembersBy};
use crate::route::region::TableRef;
use crate::route::{PROBE, ROW_BY_INDEX, Router, SCAN_SHARE};

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
            let range = self.estimated(table, index, range, proven);
            let list = self.list_candidate(table, index, terms).filter(|list| is_much_narrower(list, &range));
            return Some(list.unwrap_or(range));
        }
        self.list_candidate(table, index, terms)
            .or_else(|| self.like_candidate(table, index, terms))
            .or_else(|| self.members_candidate(table, index, terms))
    }

    /// Lookup by each row of a subquery, in a tree of more columns a range for each. It is expected to be run only if it finds
    /// few rows.
    fn members_candidate(&self, table: &TableRef, index: &IndexSchema, terms: &Terms<'_>) -> Option<Candidate> {
        let (subplan, columns) = terms.on(index.columns[0].column).find_map(|term| match term.form {
            Form::Among { subplan, .. } => Some((subplan, members_columns(table, index, terms, subplan)?)),
            _ => None,
        })?;
        let few = table.rows / SCAN_SHARE;
        let per_key = self.rows_of_one_prefix((&table.schema, table.rows), index, columns.len());
        let values = self.subplans[subplan].output.root.rows.clamp(1.0, few.max(1.0));
        let by = if columns.len() == index.columns.len() { MembersBy::Key } else { MembersBy::FirstColumns };
        let path = AccessPath::Members(IndexMembers { index: index.id, columns, subplan, by });
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
        let rows = if is_whole { table.rows } else { self.range_rows(table, index, &range) };
        Candidate { path: AccessPath::Range(range), proven, rows, probes: 1.0, is_unique_key: false }
    }

    /// A list on the first column of a composite tree, or on the first after those that are known: a range for each value, as
    /// narrow as what is said of the next columns makes it.
    pub(super) fn list_candidate(&self, table: &TableRef, index: &IndexSchema, terms: &Terms<'_>) -> Option<Candidate> {
        let fixed = index.columns.iter().take_while(|key| fixed_by(terms, key.column).is_some()).count();
        let listed = index.columns.get(fixed)?.column;
        let column_type = table.schema.columns[listed].column_type;
        let (values, term) = values_of(terms, listed)?;
        if values.len() > KEYS_MAX {
            return None;
        }
        let mut proven = vec![term.conjunct];
        let (mut before, mut rest) = (IndexRange::whole(index.id), IndexRange::whole(index.id));
        narrow(&mut before, &mut proven, (table, &index.columns[..fixed]), terms);
        narrow(&mut rest, &mut proven, (table, &index.columns[fixed + 1..]), terms);
        let range = |value| {
            let mut range = rest.clone();
            let first = before.prefix.iter().cloned().chain([(column_type, KeyPart::Equals(value))]);
            range.prefix.splice(0..0, first);
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
        let rows = ranges.iter().map(|range| self.range_rows(table, index, range)).sum();
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
    for (position, key) in columns.iter().enumerate() {
        let column_type = table.schema.columns[key.column].column_type;
        let Some((part, conjunct)) = fixed_by(terms, key.column) else {
            set_bounds(range, proven, (table, &columns[position..]), terms);
            break;
        };
        range.prefix.push((column_type, part));
        proven.push(conjunct);
    }
}

/// The one value that a column has, and the condition that says so.
fn fixed_by(terms: &Terms<'_>, column: usize) -> Option<(KeyPart, usize)> {
    terms.on(column).find_map(|term| match &term.form {
        Form::Equals(value) => Some((KeyPart::Equals((*value).clone()), term.conjunct)),
        Form::IsNull => Some((KeyPart::IsNull, term.conjunct)),
        _ => None,
    })
}

/// Whether a union finds so much less than one range that this outweighs that no index covers it.
fn is_much_narrower(union: &Candidate, range: &Candidate) -> bool {
    const TIMES: f64 = 4.0;
    let cost = |candidate: &Candidate| PROBE * candidate.probes + candidate.rows * ROW_BY_INDEX;
    cost(union) * TIMES <= cost(range)
}

/// Where the rows of a subquery have the value of each column of an index, or of the first ones of a tree.
fn members_columns(
    table: &TableRef,
    index: &IndexSchema,
    terms: &Terms<'_>,
    of: usize,
) -> Option<Vec<(usize, ColumnType)>> {
    let column = |key: &IndexColumn| {
        let position = terms.on(key.column).find_map(|term| match term.form {
            Form::Among { subplan, position } if subplan == of => Some(position),
            _ => None,
        })?;
        Some((position, table.schema.columns[key.column].column_type))
    };
    let columns: Vec<_> = index.columns.iter().map_while(column).collect();
    (columns.len() == index.columns.len() || index.has_tree()).then_some(columns)
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

/// Takes the tightest lower and the tightest upper bound of the first of these columns, as far as can be told.
fn set_bounds(
    range: &mut IndexRange,
    proven: &mut Vec<usize>,
    (table, columns): (&TableRef, &[IndexColumn]),
    terms: &Terms<'_>,
) {
    let (mut lower, mut upper) = (End::default(), End::default());
    let mut bounded = false;
    for term in terms.on(columns[0].column) {
        match &term.form {
            Form::Lower(limit) => lower.tighten(End::of(limit, term, (table, columns)), Ordering::Greater),
            Form::Upper(limit) => {
                let mut end = End::of(limit, term, (table, columns));
                // NULL is the least value of the index, but no comparison with it is true.
                let may_be_null = |(column, _): &(usize, &Expr)| !table.schema.columns[*column].not_null;
                end.proves = end.proves.filter(|_| !limit.rest.iter().any(may_be_null));
                upper.tighten(end, Ordering::Less);
            }
            Form::IsNotNull => proven.push(term.conjunct),
            Form::Equals(_) | Form::In(_) | Form::IsNull | Form::Among { .. } | Form::Within(_) => continue,
        }
        bounded = true;
    }
    if !bounded {
        return;
    }
    // Each of these conditions is false or NULL for NULL.
    range.skips_nulls = true;
    range.bounded = Some(table.schema.columns[columns[0].column].column_type);
    proven.extend(lower.proves.into_iter().chain(upper.proves));
    (range.lower, range.lower_rest) = (lower.bound, lower.rest);
    (range.upper, range.upper_rest) = (upper.bound, upper.rest);
}

/// One end of a range.
struct End {
    bound: Bound<Expr>,
    rest: Vec<(ColumnType, Expr)>,
    /// The condition that it proves.
    proves: Option<usize>,
}

impl Default for End {
    fn default() -> Self {
        Self { bound: Bound::Unbounded, rest: Vec::new(), proves: None }
    }
}

impl End {
    /// A limit as far as the columns of an index follow one another as those of its row do, all in one direction.
    fn of(limit: &Limit<'_>, term: &Term<'_>, (table, columns): (&TableRef, &[IndexColumn])) -> Self {
        let follows = |((column, _), key): &(&(usize, &Expr), &IndexColumn)| {
            key.column == *column && key.descending == columns[0].descending
        };
        let rest: Vec<(ColumnType, Expr)> = limit
            .rest
            .iter()
            .zip(&columns[1..])
            .take_while(follows)
            .map(|((column, value), _)| (table.schema.columns[*column].column_type, (*value).clone()))
            .collect();
        if rest.len() == limit.rest.len() {
            return Self {
                bound: limit.bound.clone().map(Cow::into_owned),
                rest,
                proves: limit.is_all.then_some(term.conjunct),
            };
        }
        let bound = match limit.bound.clone() {
            Bound::Included(value) | Bound::Excluded(value) => Bound::Included(value.into_owned()),
            Bound::Unbounded => Bound::Unbounded,
        };
        Self { bound, rest, proves: None }
    }

    /// Takes the other end, if it lies further inwards.
    fn tighten(&mut self, other: Self, inwards: Ordering) {
        if is_tighter(&other, self, inwards) {
            *self = other;
        }
    }

    /// Its constant, if it is known yet.
    fn value(&self) -> Option<&Value<'static>> {
        match &self.bound {
            Bound::Included(Expr::Literal(value)) | Bound::Excluded(Expr::Literal(value)) if !value.is_null() => {
                Some(value)
            }
            _ => None,
        }
    }

    /// How far inwards it lies among the ends with its value.
    fn rank(&self) -> usize {
        match &self.bound {
            _ if !self.rest.is_empty() => 1,
            Bound::Excluded(_) => 2,
            Bound::Included(_) | Bound::Unbounded => 0,
        }
    }
}

/// Whether an end is tighter than the one before it: any is tighter than none, of two constants the one further in. Where a
/// constant is not known yet, the end of more columns is taken, and of two with as many the first stays.
fn is_tighter(new: &End, old: &End, inwards: Ordering) -> bool {
    if matches!(old.bound, Bound::Unbounded) {
        return true;
    }
    match (new.value(), old.value()) {
        (Some(new_value), Some(old_value)) => match crate::evaluate::compare_values(new_value, old_value) {
            Ordering::Equal => new.rank() > old.rank(),
            ordering => ordering == inwards,
        },
        _ => new.rest.len() > old.rest.len(),
    }
}
