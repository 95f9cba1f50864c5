//! Skeleton.
use manicule_engine::{ColumnType, Value};

use crate::error::{Error, Result};
use crate::expr::Expr;

/// The value of an expression that reads no column, no parameter and no query.
///
/// # Errors
///
/// Those of its operators, and [`Error::WrongStatementKind`] if it is not constant.
pub fn evaluate_constant(expr: &Expr) -> Result<Value<'static>> {
    match expr {
        Expr::Literal(value) => Ok(value.clone()),
        _ => Err(Error::WrongStatementKind),
    }
}

/// `CAST(value AS target)`.
///
/// # Errors
///
/// [`Error::InvalidCast`] for a text that does not say such a value, [`Error::OutOfRange`], [`Error::OperandType`] where
/// the types have nothing in common.
pub fn cast<'a>(value: Value<'a>, target: ColumnType) -> Result<Value<'a>> {
    let _ = target;
    Ok(value)
}

/// What is stored when `value` is put into a column of type `target`: integers and whole reals become each other, text
/// that says a date or a timestamp becomes it, 0 and 1 become booleans. All else stays as it is, for the engine to judge.
pub fn coerce_for_storage(value: Value<'_>, target: ColumnType) -> Value<'_> {
    let _ = target;
    value
}
