//! What all alternatives of an OR say of a column: `a < 5 OR (a = 5 AND b > 2)` says `a <= 5`.
//!
//! It proves nothing, since the OR is still to be decided for each row, but a range begins or ends there. So pages that are asked
//! for in this way begin where the last one ended, and do not walk an index from its first entry.

use std::borrow::Cow;
use std::ops::Bound;

use manicule_engine::Value;

use super::terms::{Form, Limit, Terms};
use crate::evaluate::compare_values;
use crate::expr::{Expr, Function};
use crate::route::bounds::Side;

/// Of so many bounds whose values are not known yet the outermost is found when the statement runs.
const UNKNOWN_MAX: usize = 3;

/// The bounds of each column that every alternative bounds.
pub(super) fn hull<'c>(alternatives: &[Terms<'_>]) -> Vec<(usize, Form<'c>)> {
    let Some(first) = alternatives.first() else { return Vec::new() };
    let mut columns: Vec<usize> = first.terms.iter().map(|term| term.column).collect();
    columns.sort_unstable();
    columns.dedup();
    let of_column = |column: usize| {
        let form = move |side| {
            let bound = Bound::Included(Cow::Owned(outermost(alternatives, column, side)?));
            let limit = Limit { bound, rest: Vec::new(), is_all: false };
            Some((column, if side == Side::Lower { Form::Lower(limit) } else { Form::Upper(limit) }))
        };
        [Side::Lower, Side::Upper].into_iter().filter_map(form)
    };
    columns.into_iter().flat_map(of_column).collect()
}

/// A bound that the values of a column are within in all alternatives.
fn outermost(alternatives: &[Terms<'_>], column: usize, side: Side) -> Option<Expr> {
    let mut literal: Option<&Value<'static>> = None;
    let mut unknown: Vec<&Expr> = Vec::new();
    for alternative in alternatives {
        for value in alternative.on(column).find_map(|term| bound_by(&term.form, side))? {
            match value {
                // The alternative is never true.
                Expr::Literal(Value::Null) => {}
                Expr::Literal(value) if literal.is_none_or(|so_far| is_outside(value, so_far, side)) => {
                    literal = Some(value);
                }
                Expr::Literal(_) => {}
                value if unknown.iter().any(|other| is_same_parameter(other, value)) => {}
                Expr::Parameter(_) | Expr::Column(_) => unknown.push(value),
                // It might fail, and its alternative never be asked.
                _ => return None,
            }
            if unknown.len() > UNKNOWN_MAX {
                return None;
            }
        }
    }
    let literal = literal.map(|value| Expr::Literal(value.clone()));
    unknown.into_iter().cloned().chain(literal).reduce(|one, other| outer(one, other, side))
}

/// Whether a value lies further out than another.
fn is_outside(value: &Value<'_>, than: &Value<'_>, side: Side) -> bool {
    let ordering = compare_values(value, than);
    if side == Side::Lower { ordering.is_lt() } else { ordering.is_gt() }
}

/// The values one of which bounds a column on that side.
fn bound_by<'f>(form: &'f Form<'_>, side: Side) -> Option<&'f [Expr]> {
    match (form, side) {
        (Form::Equals(value), _) => Some(std::slice::from_ref(*value)),
        (Form::In(list), _) => Some(list),
        (Form::Lower(limit), Side::Lower) | (Form::Upper(limit), Side::Upper) => match &limit.bound {
            Bound::Included(value) | Bound::Excluded(value) => Some(std::slice::from_ref(value.as_ref())),
            Bound::Unbounded => None,
        },
        _ => None,
    }
}

fn is_same_parameter(one: &Expr, other: &Expr) -> bool {
    matches!((one, other), (Expr::Parameter(one), Expr::Parameter(other)) if one == other)
}

/// The one of two values that lies further out; of a value and NULL, the value.
fn outer(one: Expr, other: Expr, side: Side) -> Expr {
    let call = |function, arguments| Expr::Function { function, arguments };
    let not_null = |one: &Expr, other: &Expr| call(Function::Coalesce, vec![one.clone(), other.clone()]);
    let arguments = vec![not_null(&one, &other), not_null(&other, &one)];
    call(if side == Side::Lower { Function::Least } else { Function::Greatest }, arguments)
}
