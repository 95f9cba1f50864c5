//! GROUP BY: one accumulator for each aggregate of each group, groups in the order in which they first came. Where the rows
//! of a group come one after another, there is one group at a time.

mod accumulator;

use std::ops::ControlFlow;

use ahash::AHashMap;
use manicule_engine::Value;
use smallvec::SmallVec;

use super::{Flow, Sink, attempt, counter, covering, run};
use crate::error::Result;
use crate::evaluate::{evaluate, evaluate_kept};
use crate::expr::{AggregateCall, Expr};
use crate::frame::{Frame, Slot};
use crate::physical::{Node, TableScan};
use accumulator::Accumulator;

/// What is grouped and how.
pub(super) struct Grouping<'v> {
    pub(super) input: &'v Node,
    pub(super) group_by: &'v [Expr],
    pub(super) aggregates: &'v [AggregateCall],
    pub(super) slot: usize,
    pub(super) in_order: bool,
}

impl<'v> Grouping<'v> {
    /// The keys of the row's group.
    fn keys(&self, frame: &Frame<'_, 'v>) -> Result<Keys<'v>> {
        self.group_by.iter().map(|expr| evaluate_kept(expr, frame)).collect()
    }

    /// The scan below, where all that is asked is how many rows it gives.
    fn counted_scan(&self) -> Option<&'v TableScan> {
        let only_counts = self.group_by.is_empty() && self.aggregates.iter().all(AggregateCall::counts_rows);
        if only_counts { covering::countable(self.input) } else { None }
    }
}

type Keys<'v> = SmallVec<[Value<'v>; 2]>;

/// The accumulators of the groups, group after group.
#[derive(Default)]
struct Groups<'v> {
    places: AHashMap<Keys<'v>, usize>,
    keys: Vec<Keys<'v>>,
    accumulators: Vec<Accumulator<'v>>,
}

impl<'v> Groups<'v> {
    /// Where the accumulators of the row's group begin.
    fn place(&mut self, grouping: &Grouping<'v>, frame: &Frame<'_, 'v>) -> Result<usize> {
        if grouping.group_by.is_empty() {
            return Ok(0);
        }
        let keys = grouping.keys(frame)?;
        if let Some(&place) = self.places.get(&keys) {
            return Ok(place);
        }
        frame.run.charge_values(&keys)?;
        frame.run.charge(grouping.aggregates.len() * size_of::<Accumulator<'_>>())?;
        let place = self.accumulators.len();
        self.open(keys.clone(), grouping.aggregates);
        self.places.insert(keys, place);
        Ok(place)
    }

    fn open(&mut self, keys: Keys<'v>, aggregates: &[AggregateCall]) {
        self.keys.push(keys);
        self.accumulators.extend(aggregates.iter().map(Accumulator::new));
    }

    /// Adds a row to the group whose accumulators begin there.
    fn add(&mut self, place: usize, grouping: &Grouping<'v>, frame: &Frame<'_, 'v>) -> Result<()> {
        for (call, accumulator) in grouping.aggregates.iter().zip(&mut self.accumulators[place..]) {
            let Some(argument) = &call.argument else {
                accumulator.add_rows(1);
                continue;
            };
            if accumulator.keeps_values() {
                let value = evaluate_kept(argument, frame)?;
                accumulator.add_kept(value, call, frame)?;
            } else {
                accumulator.add(&evaluate(argument, frame)?)?;
            }
        }
        Ok(())
    }

    /// Hands the groups on and forgets them.
    fn hand_out<'r>(
        &mut self,
        grouping: &Grouping<'v>,
        frame: &mut Frame<'r, 'v>,
        sink: &mut Sink<'_, 'r, 'v>,
    ) -> Flow {
        let mut accumulators = self.accumulators.drain(..);
        for keys in self.keys.drain(..) {
            attempt(frame.run.tick())?;
            let mut values = frame.slots[grouping.slot].take_values();
            values.extend(keys);
            for call in grouping.aggregates {
                let accumulator = accumulators.next().expect("each call of a group has one");
                values.push(attempt(accumulator.finish(call))?);
            }
            frame.slots[grouping.slot] = Slot::Computed(values);
            sink(frame)?;
        }
        ControlFlow::Continue(())
    }
}

pub(super) fn run_aggregate<'r, 'v>(
    grouping: Grouping<'v>,
    frame: &mut Frame<'r, 'v>,
    sink: &mut Sink<'_, 'r, 'v>,
) -> Flow {
    let mut groups = Groups::default();
    if grouping.group_by.is_empty() {
        groups.open(Keys::new(), grouping.aggregates);
    }
    match grouping.counted_scan() {
        Some(scan) => {
            let found = counter::counted(grouping.input, frame, || covering::count(scan, frame));
            let found = attempt(found)?;
            groups.accumulators.iter_mut().for_each(|accumulator| accumulator.add_rows(found.rows));
        }
        None if grouping.in_order => run(grouping.input, frame, &mut |frame| {
            let keys = attempt(grouping.keys(frame))?;
            if groups.keys.last() != Some(&keys) {
                groups.hand_out(&grouping, frame, sink)?;
                groups.open(keys, grouping.aggregates);
            }
            attempt(groups.add(0, &grouping, frame))
        })?,
        None => run(grouping.input, frame, &mut |frame| {
            let place = attempt(groups.place(&grouping, frame))?;
            attempt(groups.add(place, &grouping, frame))
        })?,
    }
    groups.hand_out(&grouping, frame, sink)
}
