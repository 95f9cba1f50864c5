//! Access paths: from keys and bounds to rows.

use std::ops::{Bound, ControlFlow};

use ahash::AHashSet;
use manicule_engine::{ColumnType, Direction, KeyRange, Row, RowId, TableId, Value};
use smallvec::SmallVec;

use super::subquery::subquery_rows;
use super::{Flow, Stop, attempt};
use crate::error::Result;
use crate::evaluate::evaluate_kept;
use crate::expr::Expr;
use crate::frame::Frame;
use crate::physical::{AccessPath, IndexLookup, IndexMembers, IndexRange, KeyColumn, KeyPart, MembersBy, TableScan};
use crate::route::{Fit, PROBE, ROW_BY_INDEX, SMALL_TABLE_ROWS, Side, fit, fit_lower, fit_row, fit_upper};

/// What gets the rows of a path.
pub(super) trait Visit<'r, 'v>: FnMut(&mut Frame<'r, 'v>, RowId, &'v Row) -> Flow {}

impl<'r, 'v, V: FnMut(&mut Frame<'r, 'v>, RowId, &'v Row) -> Flow + ?Sized> Visit<'r, 'v> for V {}

/// Calls `visit` for each row that the path finds. Rows that are passed over because they are not visible count as rows, too,
/// so that the statement can be ended among them.
pub(super) fn visit<'r, 'v>(
    scan: &'v TableScan,
    path: &'v AccessPath,
    frame: &mut Frame<'r, 'v>,
    visit: &mut (impl Visit<'r, 'v> + ?Sized),
) -> Flow {
    let run = frame.run;
    let view = run.view();
    match path {
        AccessPath::FullScan => scan_all(scan.table, frame, visit),
        AccessPath::Lookup(lookup) => visit_lookup(lookup, frame, visit),
        AccessPath::Range(range) => {
            let Some(key_range) = attempt(key_range(range, frame))? else { return ControlFlow::Continue(()) };
            let visit = |row_id, row| visit(frame, row_id, row);
            view.range_while(range.index, (&key_range, range.direction), visit, || attempt(run.tick()))
        }
        AccessPath::Members(members) => visit_members(scan, members, frame, visit),
        AccessPath::Union(paths) => {
            visit_union(scan, paths, frame, &mut |frame, row_id, row| visit(frame, row_id, row))
        }
    }
}

/// The rows under each row of a subquery, or all rows where that costs less.
fn visit_members<'r, 'v>(
    scan: &'v TableScan,
    members: &'v IndexMembers,
    frame: &mut Frame<'r, 'v>,
    visit: &mut (impl Visit<'r, 'v> + ?Sized),
) -> Flow {
    let run = frame.run;
    match attempt(few_keys(scan, members, frame))? {
        Some(keys) => match members.by {
            MembersBy::Key => {
                let visit = |_, row_id, row| visit(frame, row_id, row);
                run.view().lookup_many(members.index, &keys, visit, || attempt(run.tick()))
            }
            MembersBy::FirstColumns => keys.into_iter().try_for_each(|key| {
                let range = (&range_of_first(key), Direction::Forward);
                let visit = |row_id, row| visit(frame, row_id, row);
                run.view().range_while(members.index, range, visit, || attempt(run.tick()))
            }),
        },
        None => scan_all(scan.table, frame, visit),
    }
}

/// Every row of a table.
fn scan_all<'r, 'v>(table: TableId, frame: &mut Frame<'r, 'v>, visit: &mut (impl Visit<'r, 'v> + ?Sized)) -> Flow {
    let run = frame.run;
    run.view().scan_while(table, |row_id, row| visit(frame, row_id, row), || attempt(run.tick()))
}

/// The rows of the subquery as keys, in order; `None` as soon as it shows that their rows cost more than a scan.
fn few_keys<'v>(
    scan: &'v TableScan,
    members: &'v IndexMembers,
    frame: &Frame<'_, 'v>,
) -> Result<Option<Vec<Vec<Value<'v>>>>> {
    let view = frame.run.view();
    let cost_max = (view.row_count(scan.table) as f64).max(SMALL_TABLE_ROWS);
    let rows_max = (cost_max / PROBE) as usize;
    let Some(rows) = subquery_rows(members.subplan, rows_max, frame)? else { return Ok(None) };
    let key_of = |row: Vec<Value<'v>>| -> Option<Vec<Value<'v>>> {
        let column = |&(position, column_type): &(usize, ColumnType)| match fit(row[position].clone(), column_type) {
            Fit::Equal(value) => Some(value),
            Fit::After(_) | Fit::Least | Fit::Greatest => None,
        };
        members.columns.iter().map(column).collect()
    };
    let mut keys: Vec<Vec<Value<'v>>> = rows.into_iter().filter_map(key_of).collect();
    keys.sort_unstable();
    // The index may have some of the rows' columns only.
    keys.dedup();
    let mut cost = 0.0;
    for key in &keys {
        let rows = match members.by {
            MembersBy::Key => view.estimate_lookup(members.index, key),
            MembersBy::FirstColumns => view.estimate_range(members.index, &range_of_first(key.clone())),
        };
        cost += PROBE + rows as f64 * ROW_BY_INDEX;
        if cost > cost_max {
            return Ok(None);
        }
    }
    Ok(Some(keys))
}

/// The keys of an index that begin so.
fn range_of_first(prefix: Vec<Value<'_>>) -> KeyRange<'_> {
    KeyRange { prefix, ..KeyRange::all() }
}

fn visit_lookup<'r, 'v>(
    lookup: &'v IndexLookup,
    frame: &mut Frame<'r, 'v>,
    visit: &mut (impl Visit<'r, 'v> + ?Sized),
) -> Flow {
    let run = frame.run;
    let view = run.view();
    let tick = || attempt(run.tick());
    match lookup.columns.as_slice() {
        // The usual case needs no list.
        [KeyColumn { column_type, values }] if values.len() == 1 => {
            let Some(key) = attempt(key_value(&values[0], *column_type, frame))? else {
                return ControlFlow::Continue(());
            };
            let key = std::slice::from_ref(&key);
            return view.lookup_while(lookup.index, key, |row_id, row| visit(frame, row_id, row), tick);
        }
        _ if lookup.has_one_key() => {
            let Some(key) = attempt(one_key(lookup, frame))? else { return ControlFlow::Continue(()) };
            return view.lookup_while(lookup.index, &key, |row_id, row| visit(frame, row_id, row), tick);
        }
        _ => {}
    }
    let keys = attempt(all_keys(lookup, frame))?;
    view.lookup_many(lookup.index, &keys, |_, row_id, row| visit(frame, row_id, row), tick)
}

/// The key of a lookup that has one; `None` if the index can hold no equal one.
pub(super) fn one_key<'v>(lookup: &'v IndexLookup, frame: &Frame<'_, 'v>) -> Result<Option<SmallVec<[Value<'v>; 4]>>> {
    let mut key = SmallVec::new();
    for column in &lookup.columns {
        match key_value(&column.values[0], column.column_type, frame)? {
            Some(value) => key.push(value),
            None => return Ok(None),
        }
    }
    Ok(Some(key))
}

/// Every combination of the columns' values, each once and in order.
pub(super) fn all_keys<'v>(lookup: &'v IndexLookup, frame: &Frame<'_, 'v>) -> Result<Vec<Vec<Value<'v>>>> {
    let mut keys: Vec<Vec<Value<'v>>> = vec![Vec::with_capacity(lookup.columns.len())];
    for column in &lookup.columns {
        let mut values = Vec::with_capacity(column.values.len());
        for expr in &column.values {
            values.extend(key_value(expr, column.column_type, frame)?);
        }
        values.sort_unstable();
        values.dedup();
        if let [value] = values.as_slice() {
            keys.iter_mut().for_each(|key| key.push(value.clone()));
            continue;
        }
        frame.run.charge(keys.len() * values.len() * 64)?;
        let with = |key: &Vec<Value<'v>>, value: &Value<'v>| {
            let mut key = key.clone();
            key.push(value.clone());
            key
        };
        keys = keys.iter().flat_map(|key| values.iter().map(move |value| with(key, value))).collect();
    }
    Ok(keys)
}

/// The value as the index holds it; `None` if the index can hold no equal one.
pub(super) fn key_value<'v>(
    expr: &'v Expr,
    column_type: ColumnType,
    frame: &Frame<'_, 'v>,
) -> Result<Option<Value<'v>>> {
    let value = evaluate_kept(expr, frame)?;
    if value.is_null() {
        return Ok(None);
    }
    Ok(match fit(value, column_type) {
        Fit::Equal(value) => Some(value),
        Fit::After(_) | Fit::Least | Fit::Greatest => None,
    })
}

/// The range as the index takes it; `None` if nothing lies in it.
pub(super) fn key_range<'v>(range: &'v IndexRange, frame: &Frame<'_, 'v>) -> Result<Option<KeyRange<'v>>> {
    let mut prefix = Vec::with_capacity(range.prefix.len());
    for (column_type, part) in &range.prefix {
        match part {
            KeyPart::IsNull => prefix.push(Value::Null),
            KeyPart::Equals(expr) => match key_value(expr, *column_type, frame)? {
                Some(value) => prefix.push(value),
                None => return Ok(None),
            },
        }
    }
    let Some(column_type) = range.bounded else {
        return Ok(Some(KeyRange { prefix, ..KeyRange::all() }));
    };
    let lower = match range.lower_rest.as_slice() {
        [] => fit_lower(bound(&range.lower, frame)?, column_type, range.skips_nulls).map(|bound| (bound, Vec::new())),
        rest => fit_row((bound(&range.lower, frame)?, column_type), row_rest(rest, frame)?, Side::Lower),
    };
    let upper = match range.upper_rest.as_slice() {
        [] => fit_upper(bound(&range.upper, frame)?, column_type).map(|bound| (bound, Vec::new())),
        rest => fit_row((bound(&range.upper, frame)?, column_type), row_rest(rest, frame)?, Side::Upper),
    };
    Ok(lower.zip(upper).map(|((lower, lower_rest), (upper, upper_rest))| KeyRange {
        prefix,
        lower,
        upper,
        lower_rest,
        upper_rest,
    }))
}

/// The values of a bound's rest.
fn row_rest<'v>(rest: &'v [(ColumnType, Expr)], frame: &Frame<'_, 'v>) -> Result<Vec<(ColumnType, Value<'v>)>> {
    rest.iter().map(|(column_type, expr)| Ok((*column_type, evaluate_kept(expr, frame)?))).collect()
}

fn bound<'v>(bound: &'v Bound<Expr>, frame: &Frame<'_, 'v>) -> Result<Bound<Value<'v>>> {
    Ok(match bound {
        Bound::Unbounded => Bound::Unbounded,
        Bound::Included(expr) => Bound::Included(evaluate_kept(expr, frame)?),
        Bound::Excluded(expr) => Bound::Excluded(evaluate_kept(expr, frame)?),
    })
}

/// The rows of several paths, each once. A path may be such a union itself, so what gets the rows has one type here.
fn visit_union<'r, 'v>(
    scan: &'v TableScan,
    paths: &'v [AccessPath],
    frame: &mut Frame<'r, 'v>,
    visit_row: &mut dyn Visit<'r, 'v>,
) -> Flow {
    let mut seen: AHashSet<RowId> = AHashSet::new();
    let mut once = |frame: &mut Frame<'r, 'v>, row_id, row| {
        if !seen.insert(row_id) {
            return ControlFlow::Continue(());
        }
        attempt(frame.run.charge(16))?;
        visit_row(frame, row_id, row)
    };
    for path in paths {
        match visit(scan, path, frame, &mut once as &mut dyn Visit<'r, 'v>) {
            ControlFlow::Break(Stop::PathDone) => {}
            flow => flow?,
        }
    }
    ControlFlow::Continue(())
}
