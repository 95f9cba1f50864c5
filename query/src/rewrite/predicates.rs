//! Each conjunct of a condition moves as far down as what it reads allows: through projections, groups and set operations
//! in terms of what they are made of, to a side of a join, else into the join's own condition.

use super::change_subqueries;
use crate::expr::{ColumnRef, Expr};
use crate::plan::{JoinKind, LogicalPlan};
use crate::slots::{SlotSet, slots_given, slots_read};

pub(crate) fn push_predicates_down(plan: &mut LogicalPlan) -> bool {
    let mut moved = false;
    let whole = std::mem::replace(plan, LogicalPlan::Unit);
    *plan = push(whole, Vec::new(), &mut moved);
    moved | change_subqueries(plan, push_predicates_down)
}

/// The plan with `conjuncts` holding for its rows.
fn push(plan: LogicalPlan, conjuncts: Vec<Expr>, moved: &mut bool) -> LogicalPlan {
    match plan {
        LogicalPlan::Filter { input, predicate } => {
            let mut all = predicate.into_conjuncts();
            all.extend(conjuncts);
            push(*input, all, moved)
        }
        LogicalPlan::Join { left, right, kind: JoinKind::Inner, on } => {
            push_into_inner(*left, *right, on, conjuncts, moved)
        }
        LogicalPlan::Join { left, right, kind: JoinKind::Left, on } => {
            push_into_left(*left, *right, on, conjuncts, moved)
        }
        // A row that a condition takes from one side leaves its partner behind, so none is moved.
        LogicalPlan::Join { left, right, kind: JoinKind::Full, on } => {
            let [left, right] = [left, right].map(|side| Box::new(push(*side, Vec::new(), moved)));
            filtered(LogicalPlan::Join { left, right, kind: JoinKind::Full, on }, conjuncts)
        }
        LogicalPlan::Project { input, expressions, slot } => {
            let (below, above) = split(conjuncts, |conjunct| through(conjunct, slot, &expressions));
            *moved |= !below.is_empty();
            let input = Box::new(push(*input, below, moved));
            filtered(LogicalPlan::Project { input, expressions, slot }, above)
        }
        LogicalPlan::Aggregate { input, group_by, aggregates, slot } => {
            let (below, above) = split(conjuncts, |conjunct| through(conjunct, slot, &group_by));
            *moved |= !below.is_empty();
            let input = Box::new(push(*input, below, moved));
            filtered(LogicalPlan::Aggregate { input, group_by, aggregates, slot }, above)
        }
        LogicalPlan::SetOperation { kind, all, left, right, columns, slot } => {
            let sides = [left.output_slot(), right.output_slot()];
            let outputs = sides.map(|side| {
                (0..columns).filter_map(|column| side.map(|side| Expr::column(side, column))).collect::<Vec<_>>()
            });
            let (to_left, above) = split(conjuncts, |conjunct| {
                through(conjunct, slot, &outputs[1]).and(through(conjunct, slot, &outputs[0]))
            });
            let to_right = to_left.iter().map(|conjunct| moved_over(conjunct, &outputs)).collect();
            *moved |= !to_left.is_empty();
            let left = Box::new(push(*left, to_left, moved));
            let right = Box::new(push(*right, to_right, moved));
            filtered(LogicalPlan::SetOperation { kind, all, left, right, columns, slot }, above)
        }
        LogicalPlan::Sort { input, keys } => {
            LogicalPlan::Sort { input: Box::new(push(*input, conjuncts, moved)), keys }
        }
        LogicalPlan::Distinct { input, columns } => {
            LogicalPlan::Distinct { input: Box::new(push(*input, conjuncts, moved)), columns }
        }
        LogicalPlan::Limit { input, limit, offset } => {
            let input = Box::new(push(*input, Vec::new(), moved));
            filtered(LogicalPlan::Limit { input, limit, offset }, conjuncts)
        }
        leaf @ (LogicalPlan::Unit | LogicalPlan::Scan { .. } | LogicalPlan::Values { .. }) => filtered(leaf, conjuncts),
    }
}

fn filtered(input: LogicalPlan, conjuncts: Vec<Expr>) -> LogicalPlan {
    if conjuncts.is_empty() {
        return input;
    }
    LogicalPlan::Filter { input: Box::new(input), predicate: Expr::and(conjuncts) }
}

/// Those that `rewrite` gives a form for, in that form, and the others as they are.
fn split(conjuncts: Vec<Expr>, rewrite: impl Fn(&Expr) -> Option<Expr>) -> (Vec<Expr>, Vec<Expr>) {
    let (mut below, mut above) = (Vec::new(), Vec::new());
    for conjunct in conjuncts {
        match rewrite(&conjunct) {
            Some(rewritten) => below.push(rewritten),
            None => above.push(conjunct),
        }
    }
    (below, above)
}

/// The conjunct in terms of what the columns of `slot` are made of; `None` if it reads a column that has no such form,
/// or has a subquery or a value that is another each time on either side, or reads no column of the slot at all (a group
/// without rows still has a row).
fn through(conjunct: &Expr, slot: usize, made_of: &[Expr]) -> Option<Expr> {
    let unmovable = conjunct.any(&|expr| match expr {
        Expr::Column(column) if column.slot == slot => {
            made_of.get(column.column).is_none_or(|expr| expr.has_subquery() || expr.is_volatile())
        }
        other => other.subquery().is_some(),
    });
    if unmovable || conjunct.is_volatile() || !slots_read(conjunct).contains(slot) {
        return None;
    }
    let mut rewritten = conjunct.clone();
    substitute(&mut rewritten, &|column| (column.slot == slot).then(|| made_of[column.column].clone()));
    Some(rewritten)
}

fn substitute(expr: &mut Expr, replacement: &dyn Fn(ColumnRef) -> Option<Expr>) {
    if let Expr::Column(column) = expr {
        if let Some(new) = replacement(*column) {
            *expr = new;
        }
        return;
    }
    expr.for_each_child_mut(&mut |child| substitute(child, replacement));
}

/// A conjunct over the left side's output in terms of the right side's.
fn moved_over(conjunct: &Expr, outputs: &[Vec<Expr>; 2]) -> Expr {
    let mut moved = conjunct.clone();
    substitute(&mut moved, &|column| {
        let position = outputs[0].iter().position(|output| matches!(output, Expr::Column(left) if *left == column))?;
        Some(outputs[1][position].clone())
    });
    moved
}

/// Where a conjunct belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Both,
}

/// A conjunct that reads neither side belongs to the left one: it decides soonest there. One that may be another value each
/// time is of each pair.
fn side_of(conjunct: &Expr, left: &SlotSet, right: &SlotSet) -> Side {
    if conjunct.is_volatile() {
        return Side::Both;
    }
    let read = slots_read(conjunct);
    match (read.intersects(left), read.intersects(right)) {
        (_, false) => Side::Left,
        (false, true) => Side::Right,
        (true, true) => Side::Both,
    }
}

fn push_into_inner(
    left: LogicalPlan,
    right: LogicalPlan,
    on: Option<Expr>,
    mut conjuncts: Vec<Expr>,
    moved: &mut bool,
) -> LogicalPlan {
    *moved |= !conjuncts.is_empty();
    if let Some(on) = on {
        conjuncts.splice(0..0, on.into_conjuncts());
    }
    let (left_slots, right_slots) = (slots_given(&left), slots_given(&right));
    let (mut to_left, mut to_right, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for conjunct in conjuncts {
        match side_of(&conjunct, &left_slots, &right_slots) {
            Side::Left => to_left.push(conjunct),
            Side::Right => to_right.push(conjunct),
            Side::Both => both.push(conjunct),
        }
    }
    LogicalPlan::Join {
        left: Box::new(push(left, to_left, moved)),
        right: Box::new(push(right, to_right, moved)),
        kind: JoinKind::Inner,
        on: (!both.is_empty()).then(|| Expr::and(both)),
    }
}

/// A condition above filters the left side before the join, if it speaks of nothing else; a condition of the join filters
/// the right side.
fn push_into_left(
    left: LogicalPlan,
    right: LogicalPlan,
    on: Option<Expr>,
    conjuncts: Vec<Expr>,
    moved: &mut bool,
) -> LogicalPlan {
    let (left_slots, right_slots) = (slots_given(&left), slots_given(&right));
    let is_left = |conjunct: &Expr| side_of(conjunct, &left_slots, &right_slots) == Side::Left;
    let is_right = |conjunct: &Expr| side_of(conjunct, &left_slots, &right_slots) == Side::Right;
    let (to_left, above): (Vec<_>, Vec<_>) = conjuncts.into_iter().partition(is_left);
    let on = on.map(Expr::into_conjuncts).unwrap_or_default();
    let (to_right, on): (Vec<_>, Vec<_>) = on.into_iter().partition(is_right);
    *moved |= !to_left.is_empty() || !to_right.is_empty();
    let join = LogicalPlan::Join {
        left: Box::new(push(left, to_left, moved)),
        right: Box::new(push(right, to_right, moved)),
        kind: JoinKind::Left,
        on: (!on.is_empty()).then(|| Expr::and(on)),
    };
    filtered(join, above)
}
