//! What a running statement holds: the current row of each slot, and what all of its parts share.
//!
//! Everything that outlives one row has the lifetime `'v`: the view, the plan and the parameters. A value that is read
//! from a stored row or a constant borrows for `'v` and can be kept without a copy; a value that was computed belongs to
//! the slot that holds it.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use manicule_engine::{Row, RowId, Value, View};
use smallvec::SmallVec;

use crate::context::{Clock, ExecutionContext, Limits, Settings};
use crate::error::{Error, Result};
use crate::execute::{Counter, SubqueryCache};
use crate::physical::{PhysicalPlan, Subplan};

/// Rows between two looks at the limits.
pub(crate) const ROWS_PER_POLL: u32 = 1024;

/// The current row of a relation.
#[derive(Clone, Debug, Default)]
pub(crate) enum Slot<'v> {
    /// No row yet.
    #[default]
    Empty,
    /// A row of a table.
    Stored(RowId, &'v Row),
    /// A row of expressions' values.
    Computed(Vec<Value<'v>>),
    /// The same, kept by a step that will show it again.
    Shared(Rc<[Value<'v>]>),
    /// The row of NULLs that an outer join puts in place of a missing one.
    Nulls,
}

impl<'v> Slot<'v> {
    /// Makes a row of a table the current one.
    #[inline]
    pub(crate) fn store(&mut self, row_id: RowId, row: &'v Row) {
        match self {
            // The usual case has nothing to drop.
            Self::Stored(id, stored) => (*id, *stored) = (row_id, row),
            _ => *self = Self::Stored(row_id, row),
        }
    }

    /// A column's value, borrowed from the slot.
    #[inline]
    pub(crate) fn get(&self, column: usize) -> Value<'_> {
        match self {
            Self::Stored(_, row) => row.get(column),
            Self::Computed(values) => values.get(column).map_or(Value::Null, Value::as_borrowed),
            Self::Shared(values) => values.get(column).map_or(Value::Null, Value::as_borrowed),
            Self::Nulls | Self::Empty => Value::Null,
        }
    }

    /// A column's value that outlives the slot; copies only what was computed.
    pub(crate) fn get_kept(&self, column: usize) -> Value<'v> {
        match self {
            Self::Stored(_, row) => row.get(column),
            Self::Computed(values) => values.get(column).cloned().unwrap_or(Value::Null),
            Self::Shared(values) => values.get(column).cloned().unwrap_or(Value::Null),
            Self::Nulls | Self::Empty => Value::Null,
        }
    }

    /// The row, to be kept and shown again; a computed one is shared from now on rather than copied.
    pub(crate) fn keep(&mut self) -> Self {
        if let Self::Computed(values) = self {
            *self = Self::Shared(Rc::from(std::mem::take(values)));
        }
        self.clone()
    }

    /// An empty list to compute the next row into, with the memory of the last.
    pub(crate) fn take_values(&mut self) -> Vec<Value<'v>> {
        match self {
            Self::Computed(values) => {
                let mut values = std::mem::take(values);
                values.clear();
                values
            }
            _ => Vec::new(),
        }
    }
}

/// The current rows of one query, and the run that it is part of.
#[derive(Debug)]
pub(crate) struct Frame<'r, 'v> {
    pub(crate) slots: SmallVec<[Slot<'v>; 8]>,
    pub(crate) run: &'r Run<'v>,
}

impl<'r, 'v> Frame<'r, 'v> {
    /// A frame without rows.
    pub(crate) fn new(run: &'r Run<'v>, slot_count: usize) -> Self {
        let mut slots = SmallVec::new();
        slots.resize_with(slot_count, Slot::default);
        Self { slots, run }
    }
}

/// What is known so far of each subplan that reads no outer row; empty until the first is run.
#[derive(Debug)]
pub(crate) enum Answers<'v> {
    /// Known while the run lasts.
    OfRun(RefCell<Vec<SubqueryCache<'v>>>),
    /// Known to all runs of a statement, whatever it has changed between them.
    Kept(&'v RefCell<Vec<SubqueryCache<'static>>>),
}

impl<'v> Answers<'v> {
    /// What is known of the subplan at `position`.
    pub(crate) fn get(&self, position: usize) -> Option<Ref<'_, SubqueryCache<'v>>> {
        match self {
            Self::OfRun(answers) => Ref::filter_map(answers.borrow(), |answers| answers.get(position)).ok(),
            Self::Kept(answers) => Ref::filter_map(answers.borrow(), |answers| answers.get(position)).ok(),
        }
    }

    /// Notes the value of a grouped subplan where there is no row, if its groups are known.
    pub(crate) fn note_none(&self, position: usize, value: &Value<'v>) {
        if let Self::OfRun(answers) = self
            && let Some(SubqueryCache::Groups(groups)) = answers.borrow_mut().get_mut(position)
        {
            groups.of_none = Some(value.clone());
        }
    }

    /// Notes the answer of one of `count` subplans.
    pub(crate) fn set(&self, position: usize, count: usize, answer: SubqueryCache<'v>) {
        match self {
            Self::OfRun(answers) => put(&mut answers.borrow_mut(), position, count, answer),
            Self::Kept(answers) => put(&mut answers.borrow_mut(), position, count, answer.into_owned()),
        }
    }
}

fn put<'a>(answers: &mut Vec<SubqueryCache<'a>>, position: usize, count: usize, answer: SubqueryCache<'a>) {
    answers.resize_with(count, SubqueryCache::default);
    answers[position] = answer;
}

/// What all parts of a running statement share.
#[derive(Debug)]
pub(crate) struct Run<'v> {
    view: Option<&'v View<'v>>,
    pub(crate) subplans: &'v [Subplan],
    pub(crate) slot_count: usize,
    pub(crate) parameters: &'v [Value<'v>],
    pub(crate) settings: Settings,
    limits: &'v Limits<'v>,
    pub(crate) clock: &'v Clock,
    pub(crate) answers: Answers<'v>,
    /// What EXPLAIN ANALYZE counts, for each node of the plan.
    pub(crate) counters: Option<RefCell<Vec<Counter>>>,
    memory_bytes: Cell<usize>,
    rows_to_poll: Cell<u32>,
}

/// The limits of a run that has none.
static NO_LIMITS: Limits<'static> = Limits { token: None, deadline: None, memory_bytes_max: None };

impl<'v> Run<'v> {
    /// A run of a plan over a view.
    pub(crate) fn new(
        plan: &'v PhysicalPlan,
        view: &'v View<'v>,
        context: &'v ExecutionContext<'v>,
        parameters: &'v [Value<'v>],
    ) -> Self {
        Self {
            view: Some(view),
            subplans: &plan.subplans,
            slot_count: plan.slot_count,
            parameters,
            settings: context.settings,
            limits: &context.limits,
            ..Self::alone(&context.clock)
        }
    }

    /// A run that reads no row.
    pub(crate) fn alone(clock: &'v Clock) -> Self {
        Self {
            view: None,
            subplans: &[],
            slot_count: 0,
            parameters: &[],
            settings: Settings::default(),
            limits: &NO_LIMITS,
            clock,
            answers: Answers::OfRun(RefCell::default()),
            counters: None,
            memory_bytes: Cell::new(0),
            rows_to_poll: Cell::new(ROWS_PER_POLL),
        }
    }

    /// The snapshot that is read.
    #[inline]
    pub(crate) fn view(&self) -> &'v View<'v> {
        self.view.expect("a constant expression reads no table")
    }

    /// Counts a row; now and then looks whether the run must end.
    #[inline]
    pub(crate) fn tick(&self) -> Result<()> {
        match self.rows_to_poll.get() {
            0 => self.poll(),
            rows => {
                self.rows_to_poll.set(rows - 1);
                Ok(())
            }
        }
    }

    /// Looks whether the run must end.
    #[cold]
    #[inline(never)]
    pub(crate) fn poll(&self) -> Result<()> {
        self.rows_to_poll.set(ROWS_PER_POLL);
        self.limits.check()
    }

    /// Counts memory that is kept until the run ends.
    pub(crate) fn charge(&self, bytes: usize) -> Result<()> {
        let total = self.memory_bytes.get().saturating_add(bytes);
        self.memory_bytes.set(total);
        match self.limits.memory_bytes_max {
            Some(bytes_max) if total > bytes_max => Err(Error::MemoryLimit { bytes_max }),
            _ => Ok(()),
        }
    }

    /// Counts the memory of kept values.
    pub(crate) fn charge_values(&self, values: &[Value<'_>]) -> Result<()> {
        self.charge(values_bytes(values))
    }

    /// Counts memory that was charged as free again.
    pub(crate) fn discharge(&self, bytes: usize) {
        self.memory_bytes.set(self.memory_bytes.get().saturating_sub(bytes));
    }
}

/// About how many bytes kept values take.
pub(crate) fn values_bytes(values: &[Value<'_>]) -> usize {
    24 + values.iter().map(value_bytes).sum::<usize>()
}

/// About how many bytes a kept value takes.
fn value_bytes(value: &Value<'_>) -> usize {
    size_of::<Value<'_>>()
        + match value {
            Value::Text(std::borrow::Cow::Owned(text)) => text.len(),
            Value::Blob(std::borrow::Cow::Owned(bytes)) => bytes.len(),
            _ => 0,
        }
}
