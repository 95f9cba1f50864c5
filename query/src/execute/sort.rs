//! ORDER BY. Stable: rows with equal keys stay in the order in which they came.
//!
//! Where LIMIT wants only the first `k` rows, never more than `2k` are kept: a full buffer is sorted and its second half
//! dropped, and from then on a row that would come after the `k`-th is not kept at all.
//!
//! Where each path of a union has its rows in that order, or by the first keys of it, such a row may also be the last that is
//! read of its path.
//!
//! Rows that come in the order of the first keys are sorted a group at a time, of those that are equal in these keys, and
//! handed out before the next group is read: LIMIT then ends what is below, and only a group is ever kept.
//!
//! What is sorted is not the rows but [`Abbreviated`] keys, several times smaller, which decide most comparisons by themselves.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use manicule_engine::Value;
use smallvec::SmallVec;

use super::rows::Window;
use super::{Flow, Sink, Stop, attempt, run};
use crate::error::Result;
use crate::evaluate::{comparable, compare_values, evaluate_kept};
use crate::frame::{Frame, Slot, values_bytes};
use crate::physical::{NodeKind, Sort, TableScan};
use crate::plan::SortKey;

/// The least number of rows that are kept before a buffer is cut.
const ROWS_MIN: usize = 256;
/// The same where a cut may end a path.
const ROWS_MIN_OF_PATHS: usize = 16;

type Keys<'v> = SmallVec<[Value<'v>; 2]>;
type Slots<'v> = SmallVec<[Slot<'v>; 1]>;

#[derive(Default)]
struct SortedRow<'v> {
    keys: Keys<'v>,
    slots: Slots<'v>,
}

struct Buffer<'v> {
    /// The keys by which the rows of a group are equal.
    group_by: &'v [SortKey],
    /// Those by which they are sorted.
    keys: &'v [SortKey],
    /// Whether equal rows are put in the order of their table, from which the path of a group departs.
    by_row_id: bool,
    /// The slot of the projection right below, which computes it anew for each row.
    computed: Option<usize>,
    rows: Vec<SortedRow<'v>>,
    /// How many rows are wanted.
    wanted: usize,
    /// Whether `rows[wanted - 1]` is the last that may come, as everything before it is sorted.
    is_cut: bool,
    /// What was charged for the rows.
    charged: usize,
}

impl<'v> Buffer<'v> {
    fn new(sort: &'v Sort, wanted: usize) -> Self {
        let (group_by, keys) = sort.keys.split_at(sort.presorted.map_or(0, |presorted| presorted.keys));
        let computed = match &sort.input.kind {
            NodeKind::Project { slot, .. } => Some(*slot),
            _ => None,
        };
        let has_row_ids = matches!(&sort.input.kind, NodeKind::Scan(TableScan { covering: None, .. }));
        let by_row_id = !group_by.is_empty() && has_row_ids;
        Self { group_by, keys, by_row_id, computed, rows: Vec::new(), wanted, is_cut: false, charged: 0 }
    }

    /// All keys of the current row, those of its group first.
    fn keys(&self, frame: &Frame<'_, 'v>) -> Result<Keys<'v>> {
        self.group_by.iter().chain(self.keys).map(|key| evaluate_kept(&key.expr, frame)).collect()
    }

    /// Whether a row with these keys is of the next group.
    fn is_complete(&self, keys: &[Value<'v>]) -> bool {
        !self.group_by.is_empty()
            && self.rows.first().is_some_and(|row| compare_keys(self.group_by, keys, &row.keys).is_ne())
    }

    /// Takes the current row of each slot.
    fn take(&self, slots: &[usize], frame: &mut Frame<'_, 'v>) -> Slots<'v> {
        let keep = |&slot: &usize| match self.computed {
            Some(computed) if computed == slot => std::mem::take(&mut frame.slots[slot]),
            _ => frame.slots[slot].keep(),
        };
        slots.iter().map(keep).collect()
    }

    /// Whether neither a row with these keys is wanted, nor one that comes after it in its path.
    fn ends_path(&self, keys: &[Value<'v>], sort: &Sort) -> bool {
        if sort.keys_of_paths == 0 || !self.is_cut {
            return false;
        }
        let of_paths = &sort.keys[..sort.keys_of_paths];
        match compare_keys(of_paths, keys, &self.rows[self.wanted - 1].keys) {
            Ordering::Greater => true,
            Ordering::Equal => of_paths.len() == sort.keys.len(),
            Ordering::Less => false,
        }
    }

    /// Keeps the current row, unless it comes behind those that are wanted.
    fn add(&mut self, keys: Keys<'v>, sort: &'v Sort, frame: &mut Frame<'_, 'v>) -> Result<()> {
        if self.is_cut && !self.by_row_id && self.compare(&keys, &self.rows[self.wanted - 1].keys).is_ge() {
            return Ok(());
        }
        let row = SortedRow { slots: self.take(&sort.slots, frame), keys };
        if self.is_cut && self.by_row_id && self.compare_rows(&row, &self.rows[self.wanted - 1]).is_ge() {
            return Ok(());
        }
        if self.wanted == usize::MAX {
            let bytes = values_bytes(&row.keys) + size_of::<SortedRow<'_>>() + size_of::<Abbreviated>();
            frame.run.charge(bytes)?;
            self.charged += bytes;
        }
        self.rows.push(row);
        let rows_min = if sort.keys_of_paths > 0 { ROWS_MIN_OF_PATHS } else { ROWS_MIN };
        if self.rows.len() >= self.wanted.saturating_mul(2).max(rows_min) {
            self.cut();
        }
        Ok(())
    }

    fn cut(&mut self) {
        let Some(first) = self.keys.first() else { return };
        let mut rows = std::mem::take(&mut self.rows);
        let position = self.group_by.len();
        let abbreviated = |(place, row): (usize, &SortedRow<'_>)| Abbreviated::new(first, &row.keys[position], place);
        let mut order: Vec<Abbreviated> = rows.iter().enumerate().map(abbreviated).collect();
        order.sort_unstable_by(|left, right| {
            let whole = || self.compare_rows(&rows[left.place], &rows[right.place]);
            left.key.cmp(&right.key).then_with(whole).then(left.place.cmp(&right.place))
        });
        order.truncate(self.wanted);
        self.rows = order.iter().map(|row| std::mem::take(&mut rows[row.place])).collect();
        self.is_cut = self.wanted > 0 && self.rows.len() == self.wanted;
    }

    /// Compares two rows of a group by their keys.
    fn compare(&self, left: &[Value<'v>], right: &[Value<'v>]) -> Ordering {
        let position = self.group_by.len();
        compare_keys(self.keys, &left[position..], &right[position..])
    }

    /// The same, and rows that are equal by their places in the table.
    fn compare_rows(&self, left: &SortedRow<'v>, right: &SortedRow<'v>) -> Ordering {
        let by_row_id = || match (left.slots.first(), right.slots.first()) {
            (Some(Slot::Stored(left, _)), Some(Slot::Stored(right, _))) if self.by_row_id => left.cmp(right),
            _ => Ordering::Equal,
        };
        self.compare(&left.keys, &right.keys).then_with(by_row_id)
    }

    /// Hands out what is there, in order.
    fn hand_out<'r>(&mut self, sort: &'v Sort, frame: &mut Frame<'r, 'v>, sink: &mut Sink<'_, 'r, 'v>) -> Flow {
        self.cut();
        if self.wanted != usize::MAX {
            self.wanted = self.wanted.saturating_sub(self.rows.len());
        }
        self.is_cut = false;
        for row in self.rows.drain(..) {
            attempt(frame.run.tick())?;
            for (&slot, kept) in sort.slots.iter().zip(row.slots) {
                frame.slots[slot] = kept;
            }
            sink(frame)?;
        }
        frame.run.discharge(std::mem::take(&mut self.charged));
        ControlFlow::Continue(())
    }
}

/// The beginning of a row's first key, in the order wanted. Two that differ are in the order of their keys; of two that are
/// alike, nothing is known.
struct Abbreviated {
    key: (u8, u64),
    /// Where the row is.
    place: usize,
}

impl Abbreviated {
    fn new(order: &SortKey, value: &Value<'_>, place: usize) -> Self {
        let (kind, word) = comparable(value.as_borrowed()).abbreviation();
        let key = match (value.is_null(), order) {
            (true, SortKey { nulls_first: true, .. }) => (0, 0),
            (true, _) => (u8::MAX, 0),
            (false, SortKey { descending: false, .. }) => (kind, word),
            (false, _) => (!kind, !word),
        };
        Self { key, place }
    }
}

pub(super) fn compare_keys(keys: &[SortKey], left: &[Value<'_>], right: &[Value<'_>]) -> Ordering {
    for (key, (left, right)) in keys.iter().zip(left.iter().zip(right)) {
        let ordering = match (left.is_null(), right.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => {
                if key.nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (false, true) => {
                if key.nulls_first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (false, false) if key.descending => compare_values(right, left),
            (false, false) => compare_values(left, right),
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
    Ordering::Equal
}

pub(super) fn run_sort<'r, 'v>(sort: &'v Sort, frame: &mut Frame<'r, 'v>, sink: &mut Sink<'_, 'r, 'v>) -> Flow {
    let wanted = match &sort.top {
        None => usize::MAX,
        Some((limit, offset)) => {
            let window = attempt(Window::new(Some(limit), offset.as_ref(), frame))?;
            usize::try_from(window.rows_read()).unwrap_or(usize::MAX)
        }
    };
    let mut buffer = Buffer::new(sort, wanted);
    run(&sort.input, frame, &mut |frame| {
        let keys = attempt(buffer.keys(frame))?;
        if buffer.is_complete(&keys) {
            // The steps below go on from the current row.
            let current = buffer.take(&sort.slots, frame);
            buffer.hand_out(sort, frame, sink)?;
            sort.slots.iter().zip(current).for_each(|(&slot, row)| frame.slots[slot] = row);
        }
        if buffer.ends_path(&keys, sort) {
            return ControlFlow::Break(Stop::PathDone);
        }
        attempt(buffer.add(keys, sort, frame))
    })?;
    buffer.hand_out(sort, frame, sink)
}
