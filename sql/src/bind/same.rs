//! Whether two bound expressions are the same expression.

use manicule_query::expr::Expr;

/// Whether the two would always give the same value: the same shape over the same columns. Two subqueries never do.
pub(super) fn same(left: &Expr, right: &Expr) -> bool {
    use Expr::{
        And, Between, Binary, Case, Cast, Column, Function, InList, IsNull, Like, Literal, Or, Parameter, Row, Unary,
    };
    match (left, right) {
        (Literal(left), Literal(right)) => left.column_type() == right.column_type() && left == right,
        (Parameter(left), Parameter(right)) => left == right,
        (Column(left), Column(right)) => left == right,
        (Unary { operator: one, operand: left }, Unary { operator: other, operand: right }) => {
            one == other && same(left, right)
        }
        (Binary { operator: one, left: a, right: b }, Binary { operator: other, left: c, right: d }) => {
            one == other && same(a, c) && same(b, d)
        }
        (And(left), And(right)) | (Or(left), Or(right)) | (Row(left), Row(right)) => all_same(left, right),
        (IsNull { operand: left, negated: one }, IsNull { operand: right, negated: other }) => {
            one == other && same(left, right)
        }
        (
            Between { operand: a, low: b, high: c, negated: one },
            Between { operand: d, low: e, high: f, negated: other },
        ) => one == other && same(a, d) && same(b, e) && same(c, f),
        (InList { operand: a, list: b, negated: one }, InList { operand: c, list: d, negated: other }) => {
            one == other && same(a, c) && all_same(b, d)
        }
        (
            Like { operand: a, pattern: b, escape: one, negated: with },
            Like { operand: c, pattern: d, escape: other, negated: without },
        ) => one == other && with == without && same(a, c) && same(b, d),
        (Case { operand: a, branches: b, otherwise: c }, Case { operand: d, branches: e, otherwise: f }) => {
            both_same(a.as_deref(), d.as_deref())
                && both_same(c.as_deref(), f.as_deref())
                && b.len() == e.len()
                && b.iter().zip(e).all(|(one, other)| same(&one.0, &other.0) && same(&one.1, &other.1))
        }
        (Cast { operand: left, target: one }, Cast { operand: right, target: other }) => {
            one == other && same(left, right)
        }
        (Function { function: one, arguments: left }, Function { function: other, arguments: right }) => {
            one == other && all_same(left, right)
        }
        _ => false,
    }
}

fn all_same(left: &[Expr], right: &[Expr]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
}

fn both_same(left: Option<&Expr>, right: Option<&Expr>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => same(left, right),
        (None, None) => true,
        _ => false,
    }
}
