//! Functions of reals. A result that is no real number is NULL, as in SQLite; one that is infinite is an error.

use manicule_engine::Value;
use smallvec::SmallVec;

use crate::error::Result;
use crate::evaluate::arithmetic::{Number, finite, number};
use crate::expr::MathFunction;

/// The value of a call.
pub(super) fn call<'a>(function: MathFunction, arguments: &[Value<'_>]) -> Result<Value<'a>> {
    let operation = function.name();
    let mut reals: SmallVec<[f64; 2]> = SmallVec::new();
    for argument in arguments {
        match number(operation, argument)? {
            None => return Ok(Value::Null),
            Some(Number::Integer(integer)) if function == MathFunction::Trunc => return Ok(Value::Integer(integer)),
            Some(number) => reals.push(number.to_real()),
        }
    }
    let argument = |position: usize| reals.get(position).copied().unwrap_or_default();
    let real = argument(0);
    let result = match function {
        MathFunction::Exp => real.exp(),
        MathFunction::Ln => logarithm(real, f64::ln),
        MathFunction::Log if reals.len() > 1 => logarithm_to(real, argument(1)),
        MathFunction::Log | MathFunction::Log10 => logarithm(real, f64::log10),
        MathFunction::Log2 => logarithm(real, f64::log2),
        MathFunction::Pi => std::f64::consts::PI,
        MathFunction::Sin => real.sin(),
        MathFunction::Cos => real.cos(),
        MathFunction::Tan => real.tan(),
        MathFunction::Asin => real.asin(),
        MathFunction::Acos => real.acos(),
        MathFunction::Atan => real.atan(),
        MathFunction::Atan2 => real.atan2(argument(1)),
        MathFunction::Degrees => real.to_degrees(),
        MathFunction::Radians => real.to_radians(),
        MathFunction::Trunc => real.trunc(),
    };
    if result.is_nan() { Ok(Value::Null) } else { finite(operation, result) }
}

/// A logarithm of a number above zero.
fn logarithm(real: f64, of: fn(f64) -> f64) -> f64 {
    if real > 0.0 { of(real) } else { f64::NAN }
}

/// The logarithm to a base above one.
fn logarithm_to(base: f64, real: f64) -> f64 {
    if base > 1.0 { logarithm(real, f64::ln) / base.ln() } else { f64::NAN }
}
