//! NOT moves down to the comparisons, where the router can read it. Three-valued logic allows each step: NOT of NULL is
//! NULL, and so is the complement of a comparison with NULL.

use super::{change_exprs, is_boolean};
use crate::expr::{Expr, UnaryOperator};
use crate::plan::LogicalPlan;

pub(super) fn push_negations_down(plan: &mut LogicalPlan) -> bool {
    change_exprs(plan, &mut |expr| match expr {
        Expr::Unary { operator: UnaryOperator::Not, operand } => {
            let inner = std::mem::replace(operand.as_mut(), Expr::And(Vec::new()));
            let (negated, changed) = negate(inner);
            *expr = negated;
            changed
        }
        _ => false,
    })
}

/// `NOT expr`, and whether it is anything but a NOT around it.
fn negate(expr: Expr) -> (Expr, bool) {
    let negated = match expr {
        Expr::Unary { operator: UnaryOperator::Not, operand } if is_boolean(&operand) => *operand,
        Expr::And(parts) => Expr::Or(parts.into_iter().map(|part| negate(part).0).collect()),
        Expr::Or(parts) => Expr::And(parts.into_iter().map(|part| negate(part).0).collect()),
        Expr::Binary { operator, left, right } => match operator.complement() {
            Some(operator) => Expr::Binary { operator, left, right },
            None => return (Expr::negated(Expr::Binary { operator, left, right }), false),
        },
        Expr::IsNull { operand, negated } => Expr::IsNull { operand, negated: !negated },
        Expr::Between { operand, low, high, negated } => Expr::Between { operand, low, high, negated: !negated },
        Expr::InList { operand, list, negated } => Expr::InList { operand, list, negated: !negated },
        Expr::InSet { operand, set, negated } => Expr::InSet { operand, set, negated: !negated },
        Expr::InQuery { operand, query, negated } => Expr::InQuery { operand, query, negated: !negated },
        Expr::Exists { query, negated } => Expr::Exists { query, negated: !negated },
        Expr::Like { operand, pattern, escape, negated } => Expr::Like { operand, pattern, escape, negated: !negated },
        other => return (Expr::negated(other), false),
    };
    (negated, true)
}
