//! Equalities of one column joined by OR become one IN.

use super::change_exprs;
use crate::expr::{BinaryOperator, ColumnRef, Expr};
use crate::plan::LogicalPlan;

pub(super) fn gather_alternatives(plan: &mut LogicalPlan) -> bool {
    change_exprs(plan, &mut |expr| {
        let Expr::Or(parts) = expr else { return false };
        let before = parts.len();
        let gathered = gather(std::mem::take(parts));
        let changed = gathered.len() < before;
        *parts = gathered;
        if changed && parts.len() == 1 {
            let only = parts.remove(0);
            *expr = only;
        }
        changed
    })
}

/// One IN for each column that more than one part compares with constants; the other parts as they are.
fn gather(parts: Vec<Expr>) -> Vec<Expr> {
    let mut gathered: Vec<Expr> = Vec::with_capacity(parts.len());
    let mut places: Vec<(ColumnRef, usize)> = Vec::new();
    for part in parts {
        let Some(column) = compared_column(&part) else {
            gathered.push(part);
            continue;
        };
        match places.iter().find(|(known, _)| *known == column) {
            None => {
                places.push((column, gathered.len()));
                gathered.push(part);
            }
            Some(&(_, place)) => {
                let mut list = constants(std::mem::replace(&mut gathered[place], Expr::And(Vec::new())));
                list.extend(constants(part));
                gathered[place] = Expr::InList { operand: Box::new(Expr::Column(column)), list, negated: false };
            }
        }
    }
    gathered
}

/// The column of `column = constant` or `column IN (constants)`.
fn compared_column(expr: &Expr) -> Option<ColumnRef> {
    let is_constant = |expr: &Expr| matches!(expr, Expr::Literal(_) | Expr::Parameter(_));
    match expr {
        Expr::Binary { operator: BinaryOperator::Equal, left, right } => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), constant) | (constant, Expr::Column(column)) if is_constant(constant) => {
                Some(*column)
            }
            _ => None,
        },
        Expr::InList { operand, list, negated: false } => match operand.as_ref() {
            Expr::Column(column) if !list.is_empty() && list.iter().all(is_constant) => Some(*column),
            _ => None,
        },
        _ => None,
    }
}

/// The constants of what [`compared_column`] has seen.
fn constants(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::InList { list, .. } => list,
        Expr::Binary { left, right, .. } => vec![if matches!(*left, Expr::Column(_)) { *right } else { *left }],
        _ => unreachable!("only equalities and lists are gathered"),
    }
}
