//! DISTINCT, UNION, INTERSECT, EXCEPT: rows as values, NULL equal to NULL.

use std::ops::ControlFlow;

use ahash::{AHashMap, AHashSet};
use manicule_engine::Value;
use smallvec::SmallVec;

use super::{Flow, Sink, attempt, run};
use crate::error::Result;
use crate::frame::{Frame, Slot};
use crate::physical::{Node, SetOperation};
use crate::plan::SetOperationKind;

/// A row as its values.
type Tuple<'v> = SmallVec<[Value<'v>; 4]>;

fn tuple<'v>(slot: usize, columns: usize, frame: &Frame<'_, 'v>) -> Tuple<'v> {
    let slot = &frame.slots[slot];
    (0..columns).map(|column| slot.get_kept(column)).collect()
}

/// Adds the row to the set; whether it is new.
fn add<'v>(set: &mut AHashSet<Tuple<'v>>, tuple: &Tuple<'v>, frame: &Frame<'_, 'v>) -> Result<bool> {
    if set.contains(tuple) {
        return Ok(false);
    }
    frame.run.charge_values(tuple)?;
    Ok(set.insert(tuple.clone()))
}

pub(super) fn run_distinct<'r, 'v>(
    input: &'v Node,
    columns: usize,
    slot: usize,
    frame: &mut Frame<'r, 'v>,
    sink: &mut Sink<'_, 'r, 'v>,
) -> Flow {
    let mut seen = AHashSet::new();
    run(input, frame, &mut |frame| {
        let tuple = tuple(slot, columns, frame);
        if attempt(add(&mut seen, &tuple, frame))? { sink(frame) } else { ControlFlow::Continue(()) }
    })
}

pub(super) fn run_set_operation<'r, 'v>(
    operation: &'v SetOperation,
    frame: &mut Frame<'r, 'v>,
    sink: &mut Sink<'_, 'r, 'v>,
) -> Flow {
    match operation.kind {
        SetOperationKind::Union => run_union(operation, frame, sink),
        SetOperationKind::Intersect | SetOperationKind::Except => run_with_right(operation, frame, sink),
    }
}

fn give<'r, 'v>(slot: usize, tuple: Tuple<'v>, frame: &mut Frame<'r, 'v>, sink: &mut Sink<'_, 'r, 'v>) -> Flow {
    let mut values = frame.slots[slot].take_values();
    values.extend(tuple);
    frame.slots[slot] = Slot::Computed(values);
    sink(frame)
}

fn run_union<'r, 'v>(operation: &'v SetOperation, frame: &mut Frame<'r, 'v>, sink: &mut Sink<'_, 'r, 'v>) -> Flow {
    let mut seen = AHashSet::new();
    for (side, slot) in [(&operation.left, operation.left_slot), (&operation.right, operation.right_slot)] {
        run(side, frame, &mut |frame| {
            let tuple = tuple(slot, operation.columns, frame);
            if operation.all || attempt(add(&mut seen, &tuple, frame))? {
                return give(operation.slot, tuple, frame, sink);
            }
            ControlFlow::Continue(())
        })?;
    }
    ControlFlow::Continue(())
}

/// INTERSECT and EXCEPT: the right side is counted first. Without ALL each row comes once at most; with ALL a row of the
/// right side stands for one row of the left.
fn run_with_right<'r, 'v>(operation: &'v SetOperation, frame: &mut Frame<'r, 'v>, sink: &mut Sink<'_, 'r, 'v>) -> Flow {
    let mut counts: AHashMap<Tuple<'v>, usize> = AHashMap::new();
    run(&operation.right, frame, &mut |frame| {
        let tuple = tuple(operation.right_slot, operation.columns, frame);
        if !counts.contains_key(&tuple) {
            attempt(frame.run.charge_values(&tuple))?;
        }
        *counts.entry(tuple).or_default() += 1;
        ControlFlow::Continue(())
    })?;
    let wants_partner = operation.kind == SetOperationKind::Intersect;
    let mut seen = AHashSet::new();
    run(&operation.left, frame, &mut |frame| {
        let tuple = tuple(operation.left_slot, operation.columns, frame);
        let has_partner = match counts.get_mut(&tuple) {
            Some(count) if operation.all => {
                let has_partner = *count > 0;
                *count -= usize::from(has_partner);
                has_partner
            }
            Some(_) => true,
            None => false,
        };
        let is_new = has_partner == wants_partner && (operation.all || attempt(add(&mut seen, &tuple, frame))?);
        if is_new { give(operation.slot, tuple, frame, sink) } else { ControlFlow::Continue(()) }
    })
}
