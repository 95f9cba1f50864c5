//! What one column is known to equal, every column equal to it equals too: a constant reaches both sides of a join.

use super::change_subqueries;
use crate::expr::{BinaryOperator, ColumnRef, Expr};
use crate::plan::{JoinKind, LogicalPlan};

pub(super) fn spread_constants(plan: &mut LogicalPlan) -> bool {
    spread(plan, Place::Top) | change_subqueries(plan, spread_constants)
}

/// Whether a node is the top of a region of inner joins and filters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Within,
}

fn spread(plan: &mut LogicalPlan, place: Place) -> bool {
    let in_region = matches!(plan, LogicalPlan::Filter { .. } | LogicalPlan::Join { kind: JoinKind::Inner, .. });
    let below = if in_region { Place::Within } else { Place::Top };
    let mut changed = false;
    plan.for_each_input_mut(&mut |input| changed |= spread(input, below));
    if !in_region || place == Place::Within {
        return changed;
    }
    let mut classes = Classes::default();
    collect(plan, &mut classes);
    let new = classes.new_equalities();
    if new.is_empty() {
        return changed;
    }
    let input = std::mem::replace(plan, LogicalPlan::Unit);
    *plan = LogicalPlan::Filter { input: Box::new(input), predicate: Expr::and(new) };
    true
}

/// The equalities that hold for every row of the region.
fn collect(plan: &LogicalPlan, classes: &mut Classes) {
    match plan {
        LogicalPlan::Filter { input, predicate } => {
            classes.add(predicate);
            collect(input, classes);
        }
        LogicalPlan::Join { left, right, kind: JoinKind::Inner, on } => {
            on.iter().for_each(|on| classes.add(on));
            collect(left, classes);
            collect(right, classes);
        }
        _ => {}
    }
}

/// Columns that are equal, and constants that they equal.
#[derive(Default)]
struct Classes {
    classes: Vec<Vec<ColumnRef>>,
    constants: Vec<(ColumnRef, Expr)>,
}

impl Classes {
    fn add(&mut self, condition: &Expr) {
        match condition {
            Expr::And(parts) => parts.iter().for_each(|part| self.add(part)),
            Expr::Binary { operator: BinaryOperator::Equal, left, right } => match (left.as_ref(), right.as_ref()) {
                (Expr::Column(left), Expr::Column(right)) => self.unite(*left, *right),
                (Expr::Column(column), constant @ (Expr::Literal(_) | Expr::Parameter(_)))
                | (constant @ (Expr::Literal(_) | Expr::Parameter(_)), Expr::Column(column)) => {
                    self.constants.push((*column, constant.clone()));
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn unite(&mut self, left: ColumnRef, right: ColumnRef) {
        let place = |classes: &[Vec<ColumnRef>], column| classes.iter().position(|class| class.contains(&column));
        match (place(&self.classes, left), place(&self.classes, right)) {
            (None, None) => self.classes.push(vec![left, right]),
            (Some(class), None) => self.classes[class].push(right),
            (None, Some(class)) => self.classes[class].push(left),
            (Some(first), Some(second)) if first != second => {
                let moved = self.classes.swap_remove(first.max(second));
                self.classes[first.min(second)].extend(moved);
            }
            (Some(_), Some(_)) => {}
        }
    }

    /// `column = constant` for each column of a class with a constant that has none of its own.
    fn new_equalities(&self) -> Vec<Expr> {
        let has_constant = |column: &ColumnRef| self.constants.iter().any(|(known, _)| known == column);
        let mut new = Vec::new();
        for class in &self.classes {
            let Some((_, constant)) = self.constants.iter().find(|(column, _)| class.contains(column)) else {
                continue;
            };
            for column in class.iter().filter(|column| !has_constant(column)) {
                new.push(Expr::binary(BinaryOperator::Equal, Expr::Column(*column), constant.clone()));
            }
        }
        new
    }
}
