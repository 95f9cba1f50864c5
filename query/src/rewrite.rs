//! Equal, better plans: an ordered list of passes, each a pure function of the plan, none of them aware of indexes.
//!
//! | pass | what it makes |
//! |---|---|
//! | `merge_projections` | `SELECT v.x FROM (SELECT a AS x FROM t) v WHERE v.x = 1` → `SELECT a FROM t WHERE a = 1` |
//! | `fold_constants` | `2 * 3` → `6`, `x AND TRUE` → `x`; what fails stays, to fail when and if it runs |
//! | `push_negations_down` | `NOT (a < 1 OR b = 2)` → `a >= 1 AND b <> 2` |
//! | `simplify_ranges` | `a BETWEEN 1 AND 2` → `a >= 1 AND a <= 2`, `a IN (1)` → `a = 1`, a short list of rows → alternatives |
//! | `gather_alternatives` | `a = 1 OR a = 2` → `a IN (1, 2)` |
//! | `simplify_outer_joins` | `l LEFT JOIN r … WHERE r.x = 1` → `l JOIN r … WHERE r.x = 1`, `FULL` → `LEFT` likewise |
//! | `spread_constants` | `a = b AND b = 5` → `a = b AND b = 5 AND a = 5` |
//! | `push_predicates_down` | conditions to the scan, the side of a join or the join itself that they speak of |
//! | `aggregate_sides` | `SELECT count(*) FROM (a UNION ALL b)` → the sum of the counts of `a` and of `b` |
//! | `push_limits_down` | `… UNION ALL … ORDER BY x LIMIT 5` → each side with `ORDER BY x LIMIT 5` of its own |
//!
//! The order matters: projections first, so that all others see what they are made of; negations early, so that comparisons
//! are seen; outer joins before predicates move through them.

mod alternatives;
mod fold;
mod limits;
mod merge;
mod negation;
mod outer;
mod predicates;
mod ranges;
mod sides;
mod spread;

use crate::expr::Expr;
use crate::plan::LogicalPlan;

pub(crate) use merge::may_fail;
pub(crate) use predicates::push_predicates_down;

/// A pass: its name, as EXPLAIN shows it, and the function, which says whether it changed the plan.
pub(crate) struct Pass {
    pub(crate) name: &'static str,
    apply: fn(&mut LogicalPlan) -> bool,
}

/// All passes, in the order in which they run.
pub(crate) const PASSES: [Pass; 10] = [
    Pass { name: "merge_projections", apply: merge::merge_projections },
    Pass { name: "fold_constants", apply: fold::fold_constants },
    Pass { name: "push_negations_down", apply: negation::push_negations_down },
    Pass { name: "simplify_ranges", apply: ranges::simplify_ranges },
    Pass { name: "gather_alternatives", apply: alternatives::gather_alternatives },
    Pass { name: "simplify_outer_joins", apply: outer::simplify_outer_joins },
    Pass { name: "spread_constants", apply: spread::spread_constants },
    Pass { name: "push_predicates_down", apply: predicates::push_predicates_down },
    Pass { name: "aggregate_sides", apply: sides::aggregate_sides },
    Pass { name: "push_limits_down", apply: limits::push_limits_down },
];

/// Runs all passes over a plan and the plans of its subqueries, and gives the names of those that changed something.
pub(crate) fn rewrite(plan: &mut LogicalPlan) -> Vec<&'static str> {
    PASSES.iter().filter(|pass| (pass.apply)(plan)).map(|pass| pass.name).collect()
}

/// Applies `change` to every expression of the plan and of its subqueries, operands before what is made of them.
fn change_exprs(plan: &mut LogicalPlan, change: &mut dyn FnMut(&mut Expr) -> bool) -> bool {
    let mut changed = false;
    plan.for_each_input_mut(&mut |input| changed |= change_exprs(input, change));
    plan.for_each_expr_mut(&mut |expr| changed |= change_expr(expr, change));
    changed
}

fn change_expr(expr: &mut Expr, change: &mut dyn FnMut(&mut Expr) -> bool) -> bool {
    let mut changed = false;
    expr.for_each_child_mut(&mut |child| changed |= change_expr(child, change));
    if let Some(query) = expr.subquery_mut() {
        changed |= change_exprs(&mut query.plan, change);
    }
    change(expr) | changed
}

/// Applies `change` to the plan of every subquery below `plan`, nested ones included by `change` itself.
fn change_subqueries(plan: &mut LogicalPlan, change: fn(&mut LogicalPlan) -> bool) -> bool {
    let mut changed = false;
    plan.for_each_input_mut(&mut |input| changed |= change_subqueries(input, change));
    plan.for_each_expr_mut(&mut |expr| changed |= change_subqueries_of(expr, change));
    changed
}

fn change_subqueries_of(expr: &mut Expr, change: fn(&mut LogicalPlan) -> bool) -> bool {
    let mut changed = false;
    expr.for_each_child_mut(&mut |child| changed |= change_subqueries_of(child, change));
    if let Some(query) = expr.subquery_mut() {
        changed |= change(&mut query.plan);
    }
    changed
}

/// Whether the expression gives a boolean or NULL and nothing else.
fn is_boolean(expr: &Expr) -> bool {
    use crate::expr::{BinaryOperator as Op, SubqueryForm, UnaryOperator};
    match expr {
        Expr::Literal(value) => matches!(value, manicule_engine::Value::Boolean(_)),
        Expr::Unary { operator, .. } => *operator == UnaryOperator::Not,
        Expr::Binary { operator, .. } => matches!(
            operator,
            Op::Equal
                | Op::NotEqual
                | Op::Less
                | Op::LessOrEqual
                | Op::Greater
                | Op::GreaterOrEqual
                | Op::Is
                | Op::IsNot
        ),
        Expr::And(_)
        | Expr::Or(_)
        | Expr::IsNull { .. }
        | Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::InSet { .. }
        | Expr::InQuery { .. }
        | Expr::Exists { .. }
        | Expr::Like { .. } => true,
        Expr::Planned { form: SubqueryForm::Scalar | SubqueryForm::Grouped { .. }, .. } => false,
        Expr::Planned { form: SubqueryForm::In | SubqueryForm::Exists | SubqueryForm::Matches, .. } => true,
        Expr::Parameter(_)
        | Expr::Column(_)
        | Expr::Row(_)
        | Expr::Scalar(_)
        | Expr::Case { .. }
        | Expr::Cast { .. }
        | Expr::Function { .. } => false,
    }
}
