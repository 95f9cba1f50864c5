//! Constants are calculated once. An expression that fails is left as it is: it may never be reached.

use manicule_engine::Value;

use super::{change_exprs, is_boolean};
use crate::evaluate::evaluate_constant;
use crate::expr::Expr;
use crate::plan::LogicalPlan;

pub(super) fn fold_constants(plan: &mut LogicalPlan) -> bool {
    change_exprs(plan, &mut fold)
}

/// Folds one node whose operands are folded.
fn fold(expr: &mut Expr) -> bool {
    match expr {
        Expr::Literal(_) | Expr::Parameter(_) | Expr::Column(_) | Expr::Row(_) => false,
        Expr::And(parts) => match fold_logic(parts, false) {
            Folded::Unchanged => false,
            Folded::To(folded) => {
                *expr = folded;
                true
            }
            Folded::Shorter => true,
        },
        Expr::Or(parts) => match fold_logic(parts, true) {
            Folded::Unchanged => false,
            Folded::To(folded) => {
                *expr = folded;
                true
            }
            Folded::Shorter => true,
        },
        _ => fold_calculation(expr),
    }
}

fn fold_calculation(expr: &mut Expr) -> bool {
    let mut constant = expr.subquery().is_none() && !matches!(expr, Expr::Planned { .. });
    expr.for_each_child(&mut |child| constant &= matches!(child, Expr::Literal(_)));
    if !constant {
        return false;
    }
    match evaluate_constant(expr) {
        Ok(value) => {
            *expr = Expr::Literal(value);
            true
        }
        Err(_) => false,
    }
}

enum Folded {
    Unchanged,
    Shorter,
    To(Expr),
}

/// AND if `decisive` is false, OR if it is true: a part with that value decides, one with the other value says nothing.
fn fold_logic(parts: &mut Vec<Expr>, decisive: bool) -> Folded {
    let is = |part: &Expr, wanted: bool| matches!(part, Expr::Literal(Value::Boolean(value)) if *value == wanted);
    if parts.iter().any(|part| is(part, decisive)) {
        return Folded::To(Expr::literal(decisive));
    }
    let before = parts.len();
    parts.retain(|part| !is(part, !decisive));
    match parts.as_slice() {
        [] => Folded::To(Expr::literal(!decisive)),
        [only] if is_boolean(only) => Folded::To(parts.remove(0)),
        _ if parts.len() < before => Folded::Shorter,
        _ => Folded::Unchanged,
    }
}
