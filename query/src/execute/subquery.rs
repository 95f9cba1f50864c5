//! Subqueries in expressions. One that reads no outer row is run once and its answer kept; a correlated one is run for
//! each row, over a frame of its own with the outer rows that it reads. One that is asked for a row of certain values is
//! searched for the first outer row, which may be the only one, and hashed for the second.

use std::cell::Ref;
use std::ops::{ControlFlow, Range};

use ahash::{AHashMap, AHashSet};
use manicule_engine::Value;

use super::join::key;
use super::{Flow, Stop, attempt, finished, run};
use crate::error::Result;
use crate::evaluate::{boolean, comparable, equal_rows, equal_values, evaluate, evaluate_row, negate_if};
use crate::expr::{Expr, SubqueryForm};
use crate::frame::{Answers, Frame, Run, Slot};
use crate::physical::Subplan;

/// What is known of a subquery that reads no outer row.
#[derive(Debug, Default)]
pub(crate) enum SubqueryCache<'v> {
    /// It has not been run.
    #[default]
    Unknown,
    Exists(bool),
    Scalar(Value<'v>),
    Set(ValueSet<'v>),
    RowSet(RowSet<'v>),
    /// It has been searched once.
    Searched,
    Rows(AHashSet<Vec<Value<'v>>>),
    Groups(Groups<'v>),
    /// Reading its groups failed: perhaps those that no outer row asks for.
    NotGrouped,
}

/// The values of a subquery's groups by what is equal in each.
#[derive(Debug, Default)]
pub(crate) struct Groups<'v> {
    values: AHashMap<Vec<Value<'v>>, Value<'v>>,
    /// The value where there is no row, once it is known.
    pub(crate) of_none: Option<Value<'v>>,
}

impl SubqueryCache<'_> {
    /// The same, borrowed from nothing.
    pub(crate) fn into_owned(self) -> SubqueryCache<'static> {
        match self {
            Self::Unknown => SubqueryCache::Unknown,
            Self::Exists(exists) => SubqueryCache::Exists(exists),
            Self::Scalar(value) => SubqueryCache::Scalar(value.into_owned()),
            Self::Set(ValueSet { values, has_null }) => {
                let values = values.into_iter().map(Value::into_owned).collect();
                SubqueryCache::Set(ValueSet { values, has_null })
            }
            Self::RowSet(RowSet { rows, with_null }) => {
                SubqueryCache::RowSet(RowSet { rows: owned(rows), with_null: owned(with_null) })
            }
            Self::Searched => SubqueryCache::Searched,
            Self::Rows(rows) => SubqueryCache::Rows(owned(rows)),
            Self::Groups(_) | Self::NotGrouped => SubqueryCache::NotGrouped,
        }
    }
}

fn owned(rows: AHashSet<Vec<Value<'_>>>) -> AHashSet<Vec<Value<'static>>> {
    rows.into_iter().map(|row| row.into_iter().map(Value::into_owned).collect()).collect()
}

/// The rows of a subquery of one column, to look values up in.
#[derive(Debug, Default)]
pub(crate) struct ValueSet<'v> {
    values: AHashSet<Value<'v>>,
    has_null: bool,
}

impl ValueSet<'_> {
    /// Whether a value is in it; NULL is in no set but is not known to be absent, unless the set is empty.
    fn contains(&self, value: Value<'_>) -> Option<bool> {
        if self.values.is_empty() && !self.has_null {
            return Some(false);
        }
        if value.is_null() {
            return None;
        }
        if self.values.contains(&comparable(value)) {
            return Some(true);
        }
        if self.has_null { None } else { Some(false) }
    }
}

/// The rows of a subquery of several columns, to look rows up in.
#[derive(Debug, Default)]
pub(crate) struct RowSet<'v> {
    rows: AHashSet<Vec<Value<'v>>>,
    with_null: AHashSet<Vec<Value<'v>>>,
}

impl RowSet<'_> {
    /// Whether a row is in it; it is not known to be absent beside one that differs from it in nothing but NULLs. With a NULL
    /// in it, it costs O(rows), and otherwise O(rows with a NULL).
    fn contains(&self, row: &[Value<'_>], frame: &Frame<'_, '_>) -> Result<Option<bool>> {
        let has_null = row.iter().any(Value::is_null);
        if !has_null {
            let sought: Vec<Value<'_>> = row.iter().map(|value| comparable(value.as_borrowed())).collect();
            if self.rows.contains(sought.as_slice()) {
                return Ok(Some(true));
            }
        }
        let without_null = if has_null { Some(&self.rows) } else { None };
        for other in self.with_null.iter().chain(without_null.into_iter().flatten()) {
            frame.run.tick()?;
            if equal_rows(row, other).is_none() {
                return Ok(None);
            }
        }
        Ok(Some(false))
    }
}

/// The value of a subquery.
pub(crate) fn evaluate_subquery<'a, 'v: 'a>(
    form: SubqueryForm,
    operands: &'v [Expr],
    negated: bool,
    position: usize,
    frame: &'a Frame<'_, 'v>,
) -> Result<Value<'a>> {
    let subplan = &frame.run.subplans[position];
    if form == SubqueryForm::Matches {
        return Ok(Value::Boolean(has_match(operands, position, frame)? != negated));
    }
    if let SubqueryForm::Grouped { groups } = form {
        return of_group(operands, (position, groups), frame);
    }
    if operands.len() > 1 {
        let row = evaluate_row(operands, frame)?;
        return Ok(boolean(negate_if(is_row_among(&row, position, frame)?, negated)));
    }
    let operand = operands.first().map(|operand| evaluate(operand, frame)).transpose()?;
    if !subplan.outer_slots.is_empty() {
        return Ok(match form {
            SubqueryForm::Scalar => scalar(subplan, frame)?,
            SubqueryForm::Exists => Value::Boolean(exists(subplan, frame)? != negated),
            SubqueryForm::In => boolean(negate_if(is_among(operand.unwrap_or_default(), subplan, frame)?, negated)),
            SubqueryForm::Matches | SubqueryForm::Grouped { .. } => unreachable!("it has been answered"),
        });
    }
    let answer = run_once(form, position, frame)?;
    Ok(match &*answer {
        SubqueryCache::Unknown
        | SubqueryCache::Searched
        | SubqueryCache::Rows(_)
        | SubqueryCache::RowSet(_)
        | SubqueryCache::Groups(_)
        | SubqueryCache::NotGrouped => unreachable!("the answer has just been put there"),
        SubqueryCache::Exists(exists) => Value::Boolean(*exists != negated),
        SubqueryCache::Scalar(value) => value.clone(),
        SubqueryCache::Set(set) => boolean(negate_if(set.contains(operand.unwrap_or_default()), negated)),
    })
}

/// The answer of a subquery that reads no outer row; runs it unless its answer is there.
fn run_once<'f, 'v>(
    form: SubqueryForm,
    position: usize,
    frame: &'f Frame<'_, 'v>,
) -> Result<Ref<'f, SubqueryCache<'v>>> {
    let answers = &frame.run.answers;
    if let Some(known) = answers.get(position).filter(|answer| !matches!(**answer, SubqueryCache::Unknown)) {
        return Ok(known);
    }
    let subplan = &frame.run.subplans[position];
    let answer = match form {
        SubqueryForm::Scalar => SubqueryCache::Scalar(scalar(subplan, frame)?),
        SubqueryForm::Exists => SubqueryCache::Exists(exists(subplan, frame)?),
        SubqueryForm::In if subplan.output.width > 1 => SubqueryCache::RowSet(row_set(subplan, frame)?),
        SubqueryForm::In => SubqueryCache::Set(set(subplan, frame)?),
        SubqueryForm::Matches => SubqueryCache::Rows(rows(subplan, frame)?),
        SubqueryForm::Grouped { .. } => unreachable!("it reads outer rows"),
    };
    answers.set(position, frame.run.subplans.len(), answer);
    Ok(answers.get(position).expect("the answer has just been put there"))
}

/// The different rows without NULL of a subquery that reads no outer row and is asked by IN, in no order; `None` if there are
/// more than `rows_max`.
pub(super) fn subquery_rows<'v>(
    position: usize,
    rows_max: usize,
    frame: &Frame<'_, 'v>,
) -> Result<Option<Vec<Vec<Value<'v>>>>> {
    Ok(match &*run_once(SubqueryForm::In, position, frame)? {
        SubqueryCache::Set(set) if set.values.len() <= rows_max => {
            Some(set.values.iter().map(|value| vec![value.clone()]).collect())
        }
        SubqueryCache::RowSet(set) if set.rows.len() <= rows_max => Some(set.rows.iter().cloned().collect()),
        _ => None,
    })
}

/// Whether a row is among those of a subquery.
fn is_row_among<'v>(row: &[Value<'_>], position: usize, frame: &Frame<'_, 'v>) -> Result<Option<bool>> {
    let subplan = &frame.run.subplans[position];
    if subplan.outer_slots.is_empty() {
        let answer = run_once(SubqueryForm::In, position, frame)?;
        let SubqueryCache::RowSet(set) = &*answer else { unreachable!("the answer has just been put there") };
        return set.contains(row, frame);
    }
    let mut found = Some(false);
    for_each_row(subplan, frame, &mut |other| {
        let other: Vec<Value<'_>> = (0..subplan.output.width).map(|column| other.get(column)).collect();
        match equal_rows(row, &other) {
            Some(true) => {
                found = Some(true);
                return ControlFlow::Break(Stop::Done);
            }
            Some(false) => {}
            None => found = None,
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn row_set<'v>(subplan: &'v Subplan, frame: &Frame<'_, 'v>) -> Result<RowSet<'v>> {
    let mut set = RowSet::default();
    for_each_row(subplan, frame, &mut |row| {
        let row: Vec<Value<'v>> = (0..subplan.output.width).map(|column| comparable(row.get_kept(column))).collect();
        let rows = if row.iter().any(Value::is_null) { &mut set.with_null } else { &mut set.rows };
        if !rows.contains(&row) {
            attempt(frame.run.charge_values(&row))?;
            rows.insert(row);
        }
        ControlFlow::Continue(())
    })?;
    Ok(set)
}

/// Whether the subquery has a row of the operands' values. They are not looked at where it has no row.
fn has_match<'v>(operands: &'v [Expr], position: usize, frame: &Frame<'_, 'v>) -> Result<bool> {
    let Run { answers, subplans, .. } = frame.run;
    let subplan = &subplans[position];
    // Another run of the statement may find other rows.
    if matches!(answers, Answers::Kept(_)) {
        return search(operands, subplan, frame);
    }
    let has_rows = answers.get(position).map(|answer| match &*answer {
        SubqueryCache::Unknown => None,
        SubqueryCache::Rows(rows) => Some(!rows.is_empty()),
        _ => Some(true),
    });
    match has_rows.flatten() {
        None => {
            answers.set(position, subplans.len(), SubqueryCache::Searched);
            return search(operands, subplan, frame);
        }
        Some(false) => return Ok(false),
        Some(true) => {}
    }
    if answers.get(position).is_some_and(|answer| matches!(*answer, SubqueryCache::Searched)) {
        let rows = rows(subplan, frame)?;
        let is_empty = rows.is_empty();
        answers.set(position, subplans.len(), SubqueryCache::Rows(rows));
        if is_empty {
            return Ok(false);
        }
    }
    let Some(sought) = key(operands, &[], frame)? else { return Ok(false) };
    Ok(answers
        .get(position)
        .is_some_and(|answer| matches!(&*answer, SubqueryCache::Rows(rows) if rows.contains(sought.as_slice()))))
}

/// The value of a subquery of aggregates: run for the first outer row, which may be the only one, then looked up.
fn of_group<'v>(operands: &'v [Expr], (position, groups): (usize, usize), frame: &Frame<'_, 'v>) -> Result<Value<'v>> {
    let Run { answers, subplans, .. } = frame.run;
    let subplan = &subplans[position];
    // Another run of the statement may find other rows.
    if matches!(answers, Answers::Kept(_)) {
        return scalar(subplan, frame);
    }
    let is_first = answers.get(position).is_none_or(|answer| matches!(*answer, SubqueryCache::Unknown));
    if is_first {
        answers.set(position, subplans.len(), SubqueryCache::Searched);
        return scalar(subplan, frame);
    }
    if answers.get(position).is_some_and(|answer| matches!(*answer, SubqueryCache::Searched)) {
        let values = values_of_groups(&subplans[groups], frame);
        let groups = values.map(|values| SubqueryCache::Groups(Groups { values, of_none: None }));
        answers.set(position, subplans.len(), groups.unwrap_or(SubqueryCache::NotGrouped));
    }
    let sought = key(operands, &[], frame)?;
    let known = answers.get(position).and_then(|answer| match &*answer {
        SubqueryCache::Groups(Groups { values, of_none }) => {
            sought.and_then(|sought| values.get(sought.as_slice())).or(of_none.as_ref()).cloned()
        }
        _ => None,
    });
    if let Some(known) = known {
        return Ok(known);
    }
    let value = scalar(subplan, frame)?;
    answers.note_none(position, &value);
    Ok(value)
}

/// The value of each group, which comes before the keys of the group.
fn values_of_groups<'v>(subplan: &'v Subplan, frame: &Frame<'_, 'v>) -> Result<AHashMap<Vec<Value<'v>>, Value<'v>>> {
    let mut values = AHashMap::new();
    for_each_row(subplan, frame, &mut |row| {
        if let Some(key) = row_key(1..subplan.output.width, row) {
            let value = row.get_kept(0);
            attempt(frame.run.charge_values(&key))?;
            attempt(frame.run.charge_values(std::slice::from_ref(&value)))?;
            values.insert(key, value);
        }
        ControlFlow::Continue(())
    })?;
    Ok(values)
}

/// Looks through the rows of a subquery for one of the operands' values.
fn search<'v>(operands: &'v [Expr], subplan: &'v Subplan, outer: &Frame<'_, 'v>) -> Result<bool> {
    let (mut sought, mut found) = (None, false);
    for_each_row(subplan, outer, &mut |row| {
        if sought.is_none() {
            sought = attempt(key(operands, &[], outer))?;
        }
        found = row_key(0..subplan.output.width, row)
            .zip(sought.as_ref())
            .is_some_and(|(row, sought)| row == sought.as_slice());
        if found || sought.is_none() { ControlFlow::Break(Stop::Done) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

/// The rows of a subquery that have no NULL.
fn rows<'v>(subplan: &'v Subplan, frame: &Frame<'_, 'v>) -> Result<AHashSet<Vec<Value<'v>>>> {
    let mut rows = AHashSet::new();
    for_each_row(subplan, frame, &mut |row| {
        if let Some(key) = row_key(0..subplan.output.width, row)
            && !rows.contains(&key)
        {
            attempt(frame.run.charge_values(&key))?;
            rows.insert(key);
        }
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

/// The values of a row's columns in the form in which they are compared, `None` if one is NULL.
fn row_key<'v>(columns: Range<usize>, row: &Slot<'v>) -> Option<Vec<Value<'v>>> {
    let values = columns.map(|column| row.get_kept(column));
    values.map(|value| (!value.is_null()).then(|| comparable(value))).collect()
}

/// Runs a subquery over a frame of its own; `visit` gets the first column of each row.
fn for_each<'v>(subplan: &'v Subplan, outer: &Frame<'_, 'v>, visit: &mut dyn FnMut(Value<'v>) -> Flow) -> Result<()> {
    let has_column = subplan.output.width > 0;
    for_each_row(subplan, outer, &mut |row| visit(if has_column { row.get_kept(0) } else { Value::Null }))
}

/// Runs a subquery over a frame of its own; `visit` gets each row.
fn for_each_row<'v>(
    subplan: &'v Subplan,
    outer: &Frame<'_, 'v>,
    visit: &mut dyn FnMut(&Slot<'v>) -> Flow,
) -> Result<()> {
    let mut frame = Frame::new(outer.run, outer.run.slot_count);
    for &slot in &subplan.outer_slots {
        frame.slots[slot] = outer.slots[slot].clone();
    }
    let slot = subplan.output.slot;
    finished(run(&subplan.output.root, &mut frame, &mut |frame| visit(&frame.slots[slot])))
}

fn scalar<'v>(subplan: &'v Subplan, frame: &Frame<'_, 'v>) -> Result<Value<'v>> {
    let mut first = Value::Null;
    for_each(subplan, frame, &mut |value| {
        first = value;
        ControlFlow::Break(Stop::Done)
    })?;
    Ok(first)
}

fn exists<'v>(subplan: &'v Subplan, frame: &Frame<'_, 'v>) -> Result<bool> {
    let mut exists = false;
    for_each(subplan, frame, &mut |_| {
        exists = true;
        ControlFlow::Break(Stop::Done)
    })?;
    Ok(exists)
}

fn set<'v>(subplan: &'v Subplan, frame: &Frame<'_, 'v>) -> Result<ValueSet<'v>> {
    let mut set = ValueSet::default();
    for_each(subplan, frame, &mut |value| {
        if value.is_null() {
            set.has_null = true;
        } else {
            attempt(frame.run.charge_values(std::slice::from_ref(&value)))?;
            set.values.insert(comparable(value));
        }
        ControlFlow::Continue(())
    })?;
    Ok(set)
}

/// Whether a value is among the rows, found out row by row.
fn is_among<'v>(value: Value<'_>, subplan: &'v Subplan, frame: &Frame<'_, 'v>) -> Result<Option<bool>> {
    let mut found = Some(false);
    for_each(subplan, frame, &mut |row| {
        if value.is_null() || row.is_null() {
            found = None;
        } else if equal_values(&value, &row) {
            found = Some(true);
            return ControlFlow::Break(Stop::Done);
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
