//! BETWEEN becomes two comparisons where its operand costs nothing to evaluate twice, IN of one value an equality, and IN of
//! few rows alternatives, which the router answers by lookups.

use super::change_exprs;
use crate::expr::{BinaryOperator, Expr};
use crate::plan::LogicalPlan;

/// Up to so many rows of a list become alternatives; more are hashed.
const ALTERNATIVES_MAX: usize = 7;

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
        Expr::InList { operand, list, negated } if is_few_rows(operand, list) => {
            let list = std::mem::take(list);
            let alternatives = list.into_iter().map(|row| equality(operand.values(), row, *negated)).collect();
            let alternatives = if *negated { Expr::and(alternatives) } else { any(alternatives) };
            *expr = alternatives;
            true
        }
        Expr::InList { operand, list, negated } if list.len() == 1 && !matches!(**operand, Expr::Row(_)) => {
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

/// Whether a list is one of rows, and few enough that each may have an equality of its own.
fn is_few_rows(operand: &Expr, list: &[Expr]) -> bool {
    matches!(operand, Expr::Row(_)) && (1..=ALTERNATIVES_MAX).contains(&list.len()) && is_cheap(operand)
}

/// Whether a row has these values, or has not.
fn equality(values: &[Expr], row: Expr, negated: bool) -> Expr {
    let pairs = values.iter().cloned().zip(row.into_values());
    match negated {
        false => Expr::and(pairs.map(|(left, right)| Expr::binary(BinaryOperator::Equal, left, right)).collect()),
        true => any(pairs.map(|(left, right)| Expr::binary(BinaryOperator::NotEqual, left, right)).collect()),
    }
}

/// Any of several, or the only one.
fn any(mut parts: Vec<Expr>) -> Expr {
    if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) }
}

fn is_cheap(expr: &Expr) -> bool {
    match expr {
        Expr::Row(values) => values.iter().all(is_cheap),
        _ => matches!(expr, Expr::Column(_) | Expr::Literal(_) | Expr::Parameter(_)),
    }
}
