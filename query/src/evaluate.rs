//! The value of an expression over the current rows.
//!
//! * **Three-valued logic.** A comparison with NULL is NULL; AND, OR, NOT and IN follow Kleene. A condition passes only if
//!   it is true. Integers and reals are conditions too, true unless they are zero.
//! * **Comparison never fails.** Integers and reals compare by exact value, a boolean beside a number counts as 0 or 1, a
//!   date beside a timestamp as its midnight; otherwise different kinds are ordered by kind, as the indexes order them.
//! * **Nothing is copied that can be borrowed.** A value borrows from its row, from the plan or from the parameters;
//!   only what is computed is owned.

mod arithmetic;
mod cast;
mod compare;
mod condition;
mod function;
mod like;
mod row;

use std::cmp::Ordering;

use manicule_engine::{ColumnType, Value};

pub(crate) use arithmetic::number;
pub use cast::{cast, coerce_for_storage};
pub(crate) use compare::{comparable, compare_values, equal_values};
pub(crate) use row::{equal_rows, evaluate_row};

use crate::context::Clock;
use crate::error::{Error, Result};
use crate::execute::evaluate_subquery;
use crate::expr::{BinaryOperator, ConstantSet, Expr, Function, UnaryOperator};
use crate::frame::{Frame, Run};

/// The most bytes that a single text or blob may have.
pub(crate) const VALUE_BYTES_MAX: usize = 64 << 20;

/// The value of an expression that always has the same.
///
/// # Errors
///
/// Those of its operators, and [`Error::WrongStatementKind`] if it is not constant.
pub fn evaluate_constant(expr: &Expr) -> Result<Value<'static>> {
    if !expr.is_constant() {
        return Err(Error::WrongStatementKind);
    }
    evaluate_now(expr)
}

/// The value that an expression has now which reads no column, no parameter and no query.
///
/// # Errors
///
/// Those of its operators, and [`Error::WrongStatementKind`] if it reads anything.
pub fn evaluate_now(expr: &Expr) -> Result<Value<'static>> {
    if !expr.stands_alone() {
        return Err(Error::WrongStatementKind);
    }
    let clock = Clock::default();
    let run = Run::alone(&clock);
    evaluate(expr, &Frame::new(&run, 0)).map(Value::into_owned)
}

/// Refuses a call whose constants no row could make right.
///
/// # Errors
///
/// [`Error::InvalidArgument`] for a unit of time that there is not, [`Error::OperandType`] for one that is no text.
pub fn check_constants(function: Function, arguments: &[Expr]) -> Result<()> {
    function::check_constants(function, arguments)
}

/// The value of an expression, borrowing from the frame.
#[inline]
pub(crate) fn evaluate<'a, 'v: 'a>(expr: &'v Expr, frame: &'a Frame<'_, 'v>) -> Result<Value<'a>> {
    match expr {
        Expr::Literal(value) => Ok(value.as_borrowed()),
        Expr::Parameter(position) => Ok(frame.run.parameters[*position].as_borrowed()),
        Expr::Column(column) => Ok(frame.slots[column.slot].get(column.column)),
        _ => evaluate_composed(expr, frame),
    }
}

/// An expression with operands. Every arm is one call, so that a deep expression needs little stack.
fn evaluate_composed<'a, 'v: 'a>(expr: &'v Expr, frame: &'a Frame<'_, 'v>) -> Result<Value<'a>> {
    match expr {
        Expr::Literal(_) | Expr::Parameter(_) | Expr::Column(_) => evaluate(expr, frame),
        Expr::Row(_) => unreachable!("a row of values is compared as a whole"),
        Expr::Unary { operator, operand } => unary(*operator, operand, frame),
        Expr::Binary { operator, left, right } => binary(*operator, left, right, frame),
        Expr::And(parts) => logic(parts, frame, false),
        Expr::Or(parts) => logic(parts, frame, true),
        Expr::IsNull { operand, negated } => is_null(operand, *negated, frame),
        Expr::Between { operand, low, high, negated } => between(operand, [low, high], *negated, frame),
        Expr::InList { operand, list, negated } => in_list(operand, list, *negated, frame),
        Expr::InSet { operand, set, negated } => in_set(operand, set, *negated, frame),
        Expr::Like { operand, pattern, escape, negated } => like([operand, pattern], *escape, *negated, frame),
        Expr::Case { operand, branches, otherwise } => case(operand.as_deref(), branches, otherwise.as_deref(), frame),
        Expr::Cast { operand, target } => evaluate_cast(operand, *target, frame),
        Expr::Function { function, arguments } => function::call(*function, arguments, frame),
        Expr::Planned { form, operands, negated, subplan } => {
            evaluate_subquery(*form, operands, *negated, *subplan, frame)
        }
        Expr::InQuery { .. } | Expr::Exists { .. } | Expr::Scalar(_) => {
            unreachable!("the router replaces every subquery by its plan")
        }
    }
}

/// The value of an expression that outlives the current rows; copies only what was computed.
pub(crate) fn evaluate_kept<'v>(expr: &'v Expr, frame: &Frame<'_, 'v>) -> Result<Value<'v>> {
    match expr {
        Expr::Literal(value) => Ok(value.as_borrowed()),
        Expr::Parameter(position) => Ok(frame.run.parameters[*position].as_borrowed()),
        Expr::Column(column) => Ok(frame.slots[column.slot].get_kept(column.column)),
        _ => evaluate(expr, frame).map(Value::into_owned),
    }
}

/// Whether a row passes a predicate: neither false nor NULL does.
#[inline]
pub(crate) fn passes<'v>(predicate: &'v Expr, frame: &Frame<'_, 'v>) -> Result<bool> {
    match predicate {
        Expr::And(parts) => {
            for part in parts {
                if !passes(part, frame)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Expr::Or(parts) => {
            for part in parts {
                if passes(part, frame)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => match condition::holds(predicate, frame) {
            Some(holds) => Ok(holds),
            None => Ok(truth(&evaluate(predicate, frame)?)? == Some(true)),
        },
    }
}

/// Whether a row violates a CHECK: only false does.
pub(crate) fn violates<'v>(predicate: &'v Expr, frame: &Frame<'_, 'v>) -> Result<bool> {
    Ok(truth(&evaluate(predicate, frame)?)? == Some(false))
}

/// A value as a condition, `None` for NULL.
pub(crate) fn truth(value: &Value<'_>) -> Result<Option<bool>> {
    match value {
        Value::Null => Ok(None),
        Value::Boolean(boolean) => Ok(Some(*boolean)),
        Value::Integer(integer) => Ok(Some(*integer != 0)),
        Value::Real(real) => Ok(Some(*real != 0.0)),
        Value::Text(_) | Value::Blob(_) | Value::Date(_) | Value::Timestamp(_) => {
            Err(operand_type("a condition", value))
        }
    }
}

/// A truth value as a value.
pub(crate) fn boolean<'a>(truth: Option<bool>) -> Value<'a> {
    truth.map_or(Value::Null, Value::Boolean)
}

/// NOT, where it was written.
pub(crate) fn negate_if(truth: Option<bool>, negated: bool) -> Option<bool> {
    truth.map(|truth| truth != negated)
}

/// The error of an operation on a value that it does not take; NULL never gets here.
pub(crate) fn operand_type(operation: &'static str, value: &Value<'_>) -> Error {
    let found = value.column_type().expect("NULL is an operand of every operation");
    Error::OperandType { operation, found }
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (None, _) | (_, None) => None,
    }
}

/// AND if `decisive` is false, OR if it is true: the first part with that value decides.
fn logic<'a, 'v: 'a>(parts: &'v [Expr], frame: &'a Frame<'_, 'v>, decisive: bool) -> Result<Value<'a>> {
    let mut unknown = false;
    for part in parts {
        match truth(&evaluate(part, frame)?)? {
            Some(truth) if truth == decisive => return Ok(Value::Boolean(decisive)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { Value::Null } else { Value::Boolean(!decisive) })
}

fn unary<'a, 'v: 'a>(operator: UnaryOperator, operand: &'v Expr, frame: &'a Frame<'_, 'v>) -> Result<Value<'a>> {
    let operand = evaluate(operand, frame)?;
    match operator {
        UnaryOperator::Not => Ok(boolean(negate_if(truth(&operand)?, true))),
        UnaryOperator::Negate => arithmetic::negate(operand),
        UnaryOperator::BitNot => arithmetic::bit_not(operand),
    }
}

fn is_null<'a, 'v: 'a>(operand: &'v Expr, negated: bool, frame: &'a Frame<'_, 'v>) -> Result<Value<'a>> {
    Ok(Value::Boolean(evaluate(operand, frame)?.is_null() != negated))
}

fn between<'a, 'v: 'a>(
    operand: &'v Expr,
    [low, high]: [&'v Expr; 2],
    negated: bool,
    frame: &'a Frame<'_, 'v>,
) -> Result<Value<'a>> {
    if let Expr::Row(values) = operand {
        return row::between(values, [low, high], frame).map(|within| boolean(negate_if(within, negated)));
    }
    let operand = evaluate(operand, frame)?;
    let above = compare(BinaryOperator::GreaterOrEqual, &operand, &evaluate(low, frame)?);
    let below = compare(BinaryOperator::LessOrEqual, &operand, &evaluate(high, frame)?);
    Ok(boolean(negate_if(and(above, below), negated)))
}

fn like<'a, 'v: 'a>(
    [operand, pattern]: [&'v Expr; 2],
    escape: Option<char>,
    negated: bool,
    frame: &'a Frame<'_, 'v>,
) -> Result<Value<'a>> {
    let (operand, pattern) = (evaluate(operand, frame)?, evaluate(pattern, frame)?);
    Ok(boolean(negate_if(like::like(&operand, &pattern, escape)?, negated)))
}

fn evaluate_cast<'a, 'v: 'a>(operand: &'v Expr, target: ColumnType, frame: &'a Frame<'_, 'v>) -> Result<Value<'a>> {
    cast(evaluate(operand, frame)?, target)
}

fn binary<'a, 'v: 'a>(
    operator: BinaryOperator,
    left: &'v Expr,
    right: &'v Expr,
    frame: &'a Frame<'_, 'v>,
) -> Result<Value<'a>> {
    if let (Expr::Row(left), Expr::Row(right)) = (left, right) {
        return row::compare(operator, left, right, frame).map(boolean);
    }
    let left = evaluate(left, frame)?;
    let right = evaluate(right, frame)?;
    match operator {
        BinaryOperator::Equal
        | BinaryOperator::NotEqual
        | BinaryOperator::Less
        | BinaryOperator::LessOrEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterOrEqual => Ok(boolean(compare(operator, &left, &right))),
        BinaryOperator::Is => Ok(Value::Boolean(equal_values(&left, &right))),
        BinaryOperator::IsNot => Ok(Value::Boolean(!equal_values(&left, &right))),
        BinaryOperator::Concat => arithmetic::concat(&left, &right),
        BinaryOperator::Add
        | BinaryOperator::Subtract
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Remainder => arithmetic::calculate(operator, left, right, frame.run.settings),
        BinaryOperator::BitAnd | BinaryOperator::BitOr | BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => {
            arithmetic::bits(operator, left, right)
        }
    }
}

/// A comparison, `None` if either side is NULL.
fn compare(operator: BinaryOperator, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    if left.is_null() || right.is_null() {
        return None;
    }
    Some(holds(operator, compare_values(left, right)))
}

/// Whether a comparison of two values in that order is true.
fn holds(operator: BinaryOperator, ordering: Ordering) -> bool {
    match operator {
        BinaryOperator::Equal => ordering.is_eq(),
        BinaryOperator::NotEqual => ordering.is_ne(),
        BinaryOperator::Less => ordering.is_lt(),
        BinaryOperator::LessOrEqual => ordering.is_le(),
        BinaryOperator::Greater => ordering.is_gt(),
        BinaryOperator::GreaterOrEqual => ordering.is_ge(),
        _ => unreachable!("only comparisons are compared"),
    }
}

fn in_list<'a, 'v: 'a>(
    operand: &'v Expr,
    list: &'v [Expr],
    negated: bool,
    frame: &'a Frame<'_, 'v>,
) -> Result<Value<'a>> {
    if let Expr::Row(values) = operand {
        return row::in_list(values, list, frame).map(|found| boolean(negate_if(found, negated)));
    }
    let operand = evaluate(operand, frame)?;
    let mut found = Some(false);
    for item in list {
        match compare(BinaryOperator::Equal, &operand, &evaluate(item, frame)?) {
            Some(true) => return Ok(Value::Boolean(!negated)),
            Some(false) => {}
            None => found = None,
        }
    }
    Ok(boolean(negate_if(found, negated)))
}

fn in_set<'a, 'v: 'a>(
    operand: &'v Expr,
    set: &ConstantSet,
    negated: bool,
    frame: &'a Frame<'_, 'v>,
) -> Result<Value<'a>> {
    let operand = evaluate(operand, frame)?;
    let found = if operand.is_null() {
        if set.values.is_empty() && !set.has_null { Some(false) } else { None }
    } else if set.values.contains(&comparable(operand)) {
        Some(true)
    } else if set.has_null {
        None
    } else {
        Some(false)
    };
    Ok(boolean(negate_if(found, negated)))
}

fn case<'a, 'v: 'a>(
    operand: Option<&'v Expr>,
    branches: &'v [(Expr, Expr)],
    otherwise: Option<&'v Expr>,
    frame: &'a Frame<'_, 'v>,
) -> Result<Value<'a>> {
    let operand = operand.map(|operand| evaluate(operand, frame)).transpose()?;
    for (when, then) in branches {
        let when = evaluate(when, frame)?;
        let taken = match &operand {
            Some(operand) => compare(BinaryOperator::Equal, operand, &when),
            None => truth(&when)?,
        };
        if taken == Some(true) {
            return evaluate(then, frame);
        }
    }
    otherwise.map_or(Ok(Value::Null), |otherwise| evaluate(otherwise, frame))
}
