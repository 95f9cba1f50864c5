//! ORDER BY. Stable: rows with equal keys stay in the order in which they came.
//!
//! Where LIMIT wants only the first `k` rows, never more than `2k` are kept: a full buffer is sorted and its second half
//! dropped, and from then on a row that would come after the `k`-th is not kept at all.
//!
//! What is sorted is not the rows but [`Abbreviated`] keys, several times smaller, which decide most comparisons by themselves.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use manicule_engine::Value;
use smallvec::SmallVec;

use super::rows::Window;
use super::{Flow, Sink, attempt, run};
use crate::error::Result;
use crate::evaluate::{comparable, compare_values, evaluate_kept};
use crate::frame::{Frame, Slot};
use crate::physical::{NodeKind, Sort};
use crate::plan::SortKey;

/// The least number of rows that are kept before a buffer is cut.
const ROWS_MIN: usize = 256;

#[derive(Default)]
struct SortedRow<'v> {
    keys: SmallVec<[Value<'v>; 2]>,
    slots: SmallVec<[Slot<'v>; 1]>,
}

struct Buffer<'v> {
    keys: &'v [SortKey],
    /// The slot of the projection right below, which computes it anew for each row.
    computed: Option<usize>,
    rows: Vec<SortedRow<'v>>,
    /// How many rows are wanted.
    wanted: usize,
    /// Whether `rows[wanted - 1]` is the last that may come, as everything before it is sorted.
    is_cut: bool,
}

impl<'v> Buffer<'v> {
    fn add(&mut self, sort: &'v Sort, frame: &mut Frame<'_, 'v>) -> Result<()> {
        let mut keys = SmallVec::with_capacity(self.keys.len());
        for key in self.keys {
            keys.push(evaluate_kept(&key.expr, frame)?);
        }
        if self.is_cut && compare_keys(self.keys, &keys, &self.rows[self.wanted - 1].keys).is_ge() {
            return Ok(());
        }
        let keep = |&slot: &usize| match self.computed {
            Some(computed) if computed == slot => std::mem::take(&mut frame.slots[slot]),
            _ => frame.slots[slot].keep(),
        };
        let slots = sort.slots.iter().map(keep).collect();
        if self.wanted == usize::MAX {
            frame.run.charge_values(&keys)?;
            frame.run.charge(size_of::<SortedRow<'_>>() + size_of::<Abbreviated>())?;
        }
        self.rows.push(SortedRow { keys, slots });
        if self.rows.len() >= self.wanted.saturating_mul(2).max(ROWS_MIN) {
            self.cut();
        }
        Ok(())
    }

    fn cut(&mut self) {
        let Some(first) = self.keys.first() else { return };
        let mut rows = std::mem::take(&mut self.rows);
        let abbreviated = |(place, row): (usize, &SortedRow<'_>)| Abbreviated::new(first, &row.keys[0], place);
        let mut order: Vec<Abbreviated> = rows.iter().enumerate().map(abbreviated).collect();
        order.sort_unstable_by(|left, right| {
            let whole = || compare_keys(self.keys, &rows[left.place].keys, &rows[right.place].keys);
            left.key.cmp(&right.key).then_with(whole).then(left.place.cmp(&right.place))
        });
        order.truncate(self.wanted);
        self.rows = order.iter().map(|row| std::mem::take(&mut rows[row.place])).collect();
        self.is_cut = self.wanted > 0 && self.rows.len() == self.wanted;
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

fn compare_keys(keys: &[SortKey], left: &[Value<'_>], right: &[Value<'_>]) -> Ordering {
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
    let computed = match &sort.input.kind {
        NodeKind::Project { slot, .. } => Some(*slot),
        _ => None,
    };
    let mut buffer = Buffer { keys: &sort.keys, computed, rows: Vec::new(), wanted, is_cut: false };
    run(&sort.input, frame, &mut |frame| attempt(buffer.add(sort, frame)))?;
    buffer.cut();
    for row in buffer.rows {
        attempt(frame.run.tick())?;
        for (&slot, kept) in sort.slots.iter().zip(row.slots) {
            frame.slots[slot] = kept;
        }
        sink(frame)?;
    }
    ControlFlow::Continue(())
}
