//! BETWEEN becomes two comparisons where its operand costs nothing to evaluate twice, IN of one value an equality.

use super::change_exprs;
use crate::expr::{BinaryOperator, Expr};
use crate::plan::LogicalPlan;

pub(super) fn simplify_ranges(plan: &mut LogicalPlan) -> bool {
    change_exprs(plan, &mut simplify)
}

fn simplify(expr: &mut Expr) -> bool {
    match expr {
        Expr::Between { operand, low, high, negated } if is_cheap(operand) => {
            let [low, high] = [low, high].map(|bound| std::mem::replace(bound.as_mut(), Expr::And(Vec::new())));
            let operand = operand.as_ref().clone();
            let compare = |operator, bound| Expr::binary(operator, operand.clone(), bound);
            *expr = if *negated {
                Expr::Or(vec![compare(BinaryOperator::Less, low), compare(BinaryOperator::Greater, high)])
            } else {
                Expr::And(vec![
                    compare(BinaryOperator::GreaterOrEqual, low),
                    compare(BinaryOperator::LessOrEqual, high),
                ])
            };
            true
        }
        Expr::InList { operand, list, negated } if list.len() == 1 => {
            let operator = if *negated { BinaryOperator::NotEqual } else { BinaryOperator::Equal };
            let operand = std::mem::replace(operand.as_mut(), Expr::And(Vec::new()));
            *expr = Expr::binary(operator, operand, list.remove(0));
            true
        }
        Expr::And(parts) if parts.iter().any(|part| matches!(part, Expr::And(_))) => {
            *expr = Expr::and(std::mem::take(parts));
            true
        }
        _ => false,
    }
}

fn is_cheap(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(_) | Expr::Literal(_) | Expr::Parameter(_))
}
