//! Joins. The left side streams; the right side is read for each of its rows, or once, kept, and perhaps hashed. Of a full
//! join those right rows that have met no partner come last.

use std::ops::ControlFlow;

use ahash::AHashMap;
use manicule_engine::{IndexId, SoleRow, Value};
use smallvec::SmallVec;

use super::path::key_value;
use super::{Flow, Sink, attempt, run};
use crate::error::Result;
use crate::evaluate::{comparable, evaluate_kept, passes};
use crate::expr::Expr;
use crate::frame::{Frame, Slot};
use crate::physical::{AccessPath, HashJoin, IndexLookup, KeyColumn, NestedLoop, Node, NodeKind, RightSide, TableScan};
use crate::plan::JoinKind;

/// Rows that are kept: the same slots of each.
#[derive(Debug)]
struct KeptRows<'v> {
    slots: &'v [usize],
    rows: Vec<Slot<'v>>,
    count: usize,
    /// Whether each row has met a partner, where that is asked for at the end.
    has_partner: Vec<bool>,
}

impl<'v> KeptRows<'v> {
    fn new(slots: &'v [usize]) -> Self {
        Self { slots, rows: Vec::new(), count: 0, has_partner: Vec::new() }
    }

    /// All rows of a loop's right side.
    fn of_loop<'r>(join: &'v NestedLoop, frame: &mut Frame<'r, 'v>) -> Flow<Self> {
        let mut rows = Self::new(&join.right_slots);
        run(&join.right, frame, &mut |frame| attempt(rows.keep(frame)))?;
        ControlFlow::Continue(rows)
    }

    fn keep(&mut self, frame: &mut Frame<'_, 'v>) -> Result<()> {
        for &slot in self.slots {
            if let Slot::Computed(values) = &frame.slots[slot] {
                frame.run.charge_values(values)?;
            }
            self.rows.push(frame.slots[slot].keep());
        }
        self.count += 1;
        frame.run.charge(size_of::<Slot<'_>>() * self.slots.len())
    }

    /// Notes that a row has a partner, if that matters.
    fn pair(&mut self, position: usize, kind: JoinKind) {
        if kind != JoinKind::Full {
            return;
        }
        self.has_partner.resize(self.count, false);
        self.has_partner[position] = true;
    }

    fn show(&self, position: usize, frame: &mut Frame<'_, 'v>) {
        let row = &self.rows[position * self.slots.len()..][..self.slots.len()];
        for (&slot, kept) in self.slots.iter().zip(row) {
            frame.slots[slot] = kept.clone();
        }
    }
}

/// What a left row has met, and the row of NULLs for one that has met nothing.
fn finish_left<'r, 'v>(
    kind: JoinKind,
    matched: bool,
    right_slots: &[usize],
    frame: &mut Frame<'r, 'v>,
    sink: &mut Sink<'_, 'r, 'v>,
) -> Flow {
    if matched || kind == JoinKind::Inner {
        return ControlFlow::Continue(());
    }
    for &slot in right_slots {
        frame.slots[slot] = Slot::Nulls;
    }
    sink(frame)
}

/// The right rows that have met no left row, with NULLs on the left.
fn finish_right<'r, 'v>(
    rows: &KeptRows<'v>,
    left_slots: &[usize],
    frame: &mut Frame<'r, 'v>,
    sink: &mut Sink<'_, 'r, 'v>,
) -> Flow {
    for position in 0..rows.count {
        if rows.has_partner.get(position) == Some(&true) {
            continue;
        }
        attempt(frame.run.tick())?;
        rows.show(position, frame);
        for &slot in left_slots {
            frame.slots[slot] = Slot::Nulls;
        }
        sink(frame)?;
    }
    ControlFlow::Continue(())
}

fn is_pair<'v>(on: Option<&'v Expr>, frame: &Frame<'_, 'v>) -> Result<bool> {
    on.map_or(Ok(true), |on| passes(on, frame))
}

pub(super) fn run_nested_loop<'r, 'v>(
    join: &'v NestedLoop,
    frame: &mut Frame<'r, 'v>,
    sink: &mut Sink<'_, 'r, 'v>,
) -> Flow {
    if join.right_side == RightSide::Once {
        return run_kept_loop(join, frame, sink);
    }
    let mut by_key = ByKey::of(&join.right).filter(|_| frame.run.counters.is_none());
    run(&join.left, frame, &mut |frame| {
        let mut matched = false;
        let mut pair = |frame: &mut Frame<'r, 'v>| {
            if !attempt(is_pair(join.on.as_ref(), frame))? {
                return ControlFlow::Continue(());
            }
            matched = true;
            sink(frame)
        };
        match by_key.map_or(ControlFlow::Continue(SoleRow::Unknown), |by_key| by_key.find(frame))? {
            SoleRow::None => {}
            SoleRow::Row(..) => pair(frame)?,
            SoleRow::Unknown => {
                by_key = None;
                run(&join.right, frame, &mut pair)?;
            }
        }
        finish_left(join.kind, matched, &join.right_slots, frame, sink)
    })
}

/// A right side that is the row under one key: most joins find it by a unique index, which knows it at once, and then there is
/// no need to go through the steps of a scan for each left row.
#[derive(Clone, Copy)]
struct ByKey<'v> {
    scan: &'v TableScan,
    index: IndexId,
    column: &'v KeyColumn,
}

impl<'v> ByKey<'v> {
    fn of(right: &'v Node) -> Option<Self> {
        let NodeKind::Scan(scan) = &right.kind else { return None };
        match &scan.path {
            AccessPath::Lookup(IndexLookup { index, columns }) if scan.covering.is_none() => match columns.as_slice() {
                [column] if column.values.len() == 1 => Some(Self { scan, index: *index, column }),
                _ => None,
            },
            _ => None,
        }
    }

    /// Finds the row and puts it in its slot, if that is known at once.
    fn find(self, frame: &mut Frame<'_, 'v>) -> Flow<SoleRow<'v>> {
        let Some(key) = attempt(key_value(&self.column.values[0], self.column.column_type, frame))? else {
            return ControlFlow::Continue(SoleRow::None);
        };
        let found = frame.run.view().lookup_sole(self.index, std::slice::from_ref(&key));
        if let SoleRow::Row(row_id, row) = found {
            attempt(frame.run.tick())?;
            frame.slots[self.scan.slot].store(row_id, row);
            if let Some(residual) = &self.scan.residual
                && !attempt(passes(residual, frame))?
            {
                return ControlFlow::Continue(SoleRow::None);
            }
        }
        ControlFlow::Continue(found)
    }
}

/// The right side is read when the first left row is there, so that an empty left side costs nothing.
fn run_kept_loop<'r, 'v>(join: &'v NestedLoop, frame: &mut Frame<'r, 'v>, sink: &mut Sink<'_, 'r, 'v>) -> Flow {
    let mut kept: Option<KeptRows<'v>> = None;
    run(&join.left, frame, &mut |frame| {
        if kept.is_none() {
            kept = Some(KeptRows::of_loop(join, frame)?);
        }
        let Some(rows) = &mut kept else { return ControlFlow::Continue(()) };
        let mut matched = false;
        for position in 0..rows.count {
            attempt(frame.run.tick())?;
            rows.show(position, frame);
            if attempt(is_pair(join.on.as_ref(), frame))? {
                matched = true;
                rows.pair(position, join.kind);
                sink(frame)?;
            }
        }
        finish_left(join.kind, matched, &join.right_slots, frame, sink)
    })?;
    if join.kind != JoinKind::Full {
        return ControlFlow::Continue(());
    }
    let rows = match kept {
        Some(rows) => rows,
        None => KeptRows::of_loop(join, frame)?,
    };
    finish_right(&rows, &join.left_slots, frame, sink)
}

type Key<'v> = SmallVec<[Value<'v>; 2]>;

/// The right side's rows by key; rows of one key are chained in the order in which they came.
#[derive(Debug)]
struct HashTable<'v> {
    rows: KeptRows<'v>,
    /// The first and the last row of each key.
    chains: AHashMap<Key<'v>, (u32, u32)>,
    /// For each row the next of its key.
    next: Vec<u32>,
}

/// The end of a chain.
const END: u32 = u32::MAX;

impl<'v> HashTable<'v> {
    /// All rows of a join's right side.
    fn of<'r>(join: &'v HashJoin, frame: &mut Frame<'r, 'v>) -> Flow<Self> {
        let mut table = Self { rows: KeptRows::new(&join.right_slots), chains: AHashMap::new(), next: Vec::new() };
        run(&join.right, frame, &mut |frame| attempt(table.insert(join, frame)))?;
        ControlFlow::Continue(table)
    }

    fn insert(&mut self, join: &'v HashJoin, frame: &mut Frame<'_, 'v>) -> Result<()> {
        let Some(key) = key(&join.right_keys, &join.nulls_match, frame)? else {
            // It has no partner.
            if join.kind == JoinKind::Full {
                self.rows.keep(frame)?;
                self.next.push(END);
            }
            return Ok(());
        };
        let row =
            u32::try_from(self.rows.count).map_err(|_| crate::error::Error::MemoryLimit { bytes_max: usize::MAX })?;
        frame.run.charge_values(&key)?;
        self.rows.keep(frame)?;
        self.next.push(END);
        let next = &mut self.next;
        self.chains
            .entry(key)
            .and_modify(|(_, last)| {
                next[*last as usize] = row;
                *last = row;
            })
            .or_insert((row, row));
        Ok(())
    }

    /// The first row of a key.
    fn first(&self, key: &Key<'v>) -> Option<usize> {
        self.chains.get(key).map(|&(first, _)| first as usize)
    }

    /// The row after another of its key.
    fn after(&self, position: usize) -> Option<usize> {
        Some(self.next[position]).filter(|&next| next != END).map(|next| next as usize)
    }
}

/// The values of the key, `None` if one is NULL: NULL equals nothing, unless it is said of the key that it equals NULL.
pub(super) fn key<'v>(keys: &'v [Expr], nulls_match: &[bool], frame: &Frame<'_, 'v>) -> Result<Option<Key<'v>>> {
    let mut values = Key::new();
    for (position, expr) in keys.iter().enumerate() {
        let value = evaluate_kept(expr, frame)?;
        if value.is_null() && !nulls_match.get(position).is_some_and(|&matches| matches) {
            return Ok(None);
        }
        values.push(comparable(value));
    }
    Ok(Some(values))
}

pub(super) fn run_hash_join<'r, 'v>(
    join: &'v HashJoin,
    frame: &mut Frame<'r, 'v>,
    sink: &mut Sink<'_, 'r, 'v>,
) -> Flow {
    let mut built: Option<HashTable<'v>> = None;
    run(&join.left, frame, &mut |frame| {
        if built.is_none() {
            built = Some(HashTable::of(join, frame)?);
        }
        let Some(table) = &mut built else { return ControlFlow::Continue(()) };
        let mut matched = false;
        if let Some(key) = attempt(key(&join.left_keys, &join.nulls_match, frame))? {
            let mut row = table.first(&key);
            while let Some(position) = row {
                attempt(frame.run.tick())?;
                table.rows.show(position, frame);
                if attempt(is_pair(join.on.as_ref(), frame))? {
                    matched = true;
                    table.rows.pair(position, join.kind);
                    sink(frame)?;
                }
                row = table.after(position);
            }
        }
        finish_left(join.kind, matched, &join.right_slots, frame, sink)
    })?;
    if join.kind != JoinKind::Full {
        return ControlFlow::Continue(());
    }
    let table = match built {
        Some(table) => table,
        None => HashTable::of(join, frame)?,
    };
    finish_right(&table.rows, &join.left_slots, frame, sink)
}
