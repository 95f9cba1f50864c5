//! One aggregate of one group, while its rows come.

use std::borrow::Cow;

use ahash::AHashSet;
use manicule_engine::Value;
use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::evaluate::{VALUE_BYTES_MAX, boolean, compare_values, evaluate, evaluate_kept, number, operand_type, truth};
use crate::execute::sort::compare_keys;
use crate::expr::{AggregateCall, AggregateFunction};
use crate::frame::Frame;

/// What an aggregate knows so far.
#[derive(Debug)]
pub(super) struct Accumulator<'v> {
    function: AggregateFunction,
    /// The values so far, where equal ones count once.
    seen: Option<AHashSet<Value<'v>>>,
    state: State<'v>,
}

#[derive(Debug)]
enum State<'v> {
    Count(i64),
    Sum(Sum),
    /// The least or the greatest; NULL before the first.
    Extreme(Value<'v>),
    Concat(Option<String>),
    /// What is put in order before it is one text.
    Ordered(Vec<Part<'v>>),
    /// Whether all or any are true; NULL before the first.
    Truth(Option<bool>),
    Spread(Spread),
}

/// A value of GROUP_CONCAT with the separator before it, and the keys of its place.
#[derive(Debug)]
struct Part<'v> {
    keys: SmallVec<[Value<'v>; 1]>,
    separator: Value<'v>,
    value: Value<'v>,
}

/// How far numbers lie from their mean, by Welford's method: each moves the mean and adds to the squares.
#[derive(Debug, Default)]
struct Spread {
    count: i64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: &Value<'_>, operation: &'static str) -> Result<()> {
        let Some(number) = number(operation, value)? else { return Ok(()) };
        let real = number.to_real();
        self.count += 1;
        let distance = real - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (real - self.mean);
        Ok(())
    }

    /// The mean square of the distances, if there are enough numbers; one is lost where they are a sample.
    fn variance<'a>(&self, lost: i64, operation: &'static str, of: fn(f64) -> f64) -> Result<Value<'a>> {
        match self.count - lost {
            ..=0 => Ok(Value::Null),
            count if self.squares.is_finite() => Ok(Value::Real(of(self.squares / count as f64))),
            _ => Err(Error::RealOverflow { operation }),
        }
    }
}

/// A sum of integers, exact in 128 bits, and of reals, with the lost low digits carried along (Neumaier's sum).
#[derive(Debug, Default)]
struct Sum {
    count: i64,
    integers: i128,
    reals: f64,
    lost: f64,
    has_real: bool,
}

impl Sum {
    fn add(&mut self, value: &Value<'_>, operation: &'static str) -> Result<()> {
        match value {
            Value::Integer(integer) => self.integers += i128::from(*integer),
            Value::Boolean(boolean) => self.integers += i128::from(*boolean),
            Value::Real(real) => self.add_real(*real),
            Value::Text(text) => match text.trim().parse::<i64>() {
                Ok(integer) => self.integers += i128::from(integer),
                Err(_) => self.add_real(number_at_start(text)),
            },
            _ => return Err(operand_type(operation, value)),
        }
        self.count += 1;
        Ok(())
    }

    fn add_real(&mut self, real: f64) {
        let sum = self.reals + real;
        let (larger, smaller) = if self.reals.abs() >= real.abs() { (self.reals, real) } else { (real, self.reals) };
        self.lost += (larger - sum) + smaller;
        self.reals = sum;
        self.has_real = true;
    }

    fn total(&self, operation: &'static str) -> Result<f64> {
        let real = self.integers as f64 + if self.lost.is_finite() { self.reals + self.lost } else { self.reals };
        if real.is_infinite() { Err(Error::RealOverflow { operation }) } else { Ok(real) }
    }
}

/// The number that a text begins with, 0 if it begins with none: what SQLite adds up where a column of texts is summed.
fn number_at_start(text: &str) -> f64 {
    let text = text.trim_start();
    let end =
        text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '+' | '-' | '.' | 'e' | 'E')).unwrap_or(text.len());
    let numbers = (1..=end).rev().filter_map(|end| text[..end].parse::<f64>().ok());
    numbers.into_iter().find(|real| real.is_finite()).unwrap_or(0.0)
}

impl<'v> Accumulator<'v> {
    pub(super) fn new(call: &AggregateCall) -> Self {
        let state = match call.function {
            AggregateFunction::CountRows | AggregateFunction::Count => State::Count(0),
            AggregateFunction::Sum | AggregateFunction::Total | AggregateFunction::Average => {
                State::Sum(Sum::default())
            }
            AggregateFunction::Min | AggregateFunction::Max => State::Extreme(Value::Null),
            AggregateFunction::GroupConcat if !call.order_by.is_empty() => State::Ordered(Vec::new()),
            AggregateFunction::GroupConcat => State::Concat(None),
            AggregateFunction::BoolAnd | AggregateFunction::BoolOr => State::Truth(None),
            AggregateFunction::Deviation
            | AggregateFunction::DeviationOfSample
            | AggregateFunction::Variance
            | AggregateFunction::VarianceOfSample => State::Spread(Spread::default()),
        };
        // The least of all values is the least of the different ones.
        let is_extreme = matches!(state, State::Extreme(_));
        let seen = (call.distinct && !is_extreme).then(AHashSet::new);
        Self { function: call.function, seen, state }
    }

    /// Whether values are given to [`add_kept`](Self::add_kept), as they may be kept, or to [`add`](Self::add).
    pub(super) fn keeps_values(&self) -> bool {
        self.seen.is_some() || matches!(self.state, State::Extreme(_) | State::Concat(_) | State::Ordered(_))
    }

    /// Counts rows.
    pub(super) fn add_rows(&mut self, rows: u64) {
        if let State::Count(count) = &mut self.state {
            *count += rows as i64;
        }
    }

    /// Takes a value that need not be kept; NULL is passed over.
    pub(super) fn add(&mut self, value: &Value<'_>) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        match &mut self.state {
            State::Count(count) => *count += 1,
            State::Sum(sum) => sum.add(value, self.function.name())?,
            State::Spread(spread) => spread.add(value, self.function.name())?,
            State::Truth(so_far) => {
                let value = truth(value)?;
                *so_far = match (self.function, *so_far, value) {
                    (_, None, value) => value,
                    (AggregateFunction::BoolAnd, Some(one), other) => Some(one && other == Some(true)),
                    (_, Some(one), other) => Some(one || other == Some(true)),
                };
            }
            State::Extreme(_) | State::Concat(_) | State::Ordered(_) => unreachable!("these keep their values"),
        }
        Ok(())
    }

    /// Takes a value that may be kept; NULL is passed over, and so is one that is there already where equal ones count once.
    pub(super) fn add_kept(&mut self, value: Value<'v>, call: &'v AggregateCall, frame: &Frame<'_, 'v>) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        if let Some(seen) = &mut self.seen {
            if seen.contains(&value) {
                return Ok(());
            }
            frame.run.charge_values(std::slice::from_ref(&value))?;
            seen.insert(value.clone());
        }
        match &mut self.state {
            State::Count(_) | State::Sum(_) | State::Truth(_) | State::Spread(_) => self.add(&value),
            State::Extreme(best) => {
                let ordering = compare_values(&value, best);
                let is_better =
                    if self.function == AggregateFunction::Min { ordering.is_lt() } else { ordering.is_gt() };
                if is_better || best.is_null() {
                    *best = value;
                }
                Ok(())
            }
            State::Concat(text) => {
                let separator = match &call.separator {
                    Some(separator) => evaluate(separator, frame)?,
                    None => Value::from(","),
                };
                concat(text, &value, &separator)
            }
            State::Ordered(parts) => {
                let keys = call.order_by.iter().map(|key| evaluate_kept(&key.expr, frame));
                let keys = keys.collect::<Result<SmallVec<_>>>()?;
                let separator = match &call.separator {
                    Some(separator) => evaluate_kept(separator, frame)?,
                    None => Value::from(","),
                };
                frame.run.charge_values(&keys)?;
                frame.run.charge_values(std::slice::from_ref(&value))?;
                frame.run.charge(size_of::<Part<'_>>())?;
                parts.push(Part { keys, separator, value });
                Ok(())
            }
        }
    }

    /// The aggregate's value.
    pub(super) fn finish(self, call: &AggregateCall) -> Result<Value<'v>> {
        let operation = self.function.name();
        match self.state {
            State::Count(count) => Ok(Value::Integer(count)),
            State::Extreme(best) => Ok(best),
            State::Concat(text) => Ok(text.map_or(Value::Null, |text| Value::Text(Cow::Owned(text)))),
            State::Ordered(mut parts) => {
                parts.sort_by(|left, right| compare_keys(&call.order_by, &left.keys, &right.keys));
                let mut text = None;
                parts.iter().try_for_each(|part| concat(&mut text, &part.value, &part.separator))?;
                Ok(text.map_or(Value::Null, |text| Value::Text(Cow::Owned(text))))
            }
            State::Truth(truth) => Ok(boolean(truth)),
            State::Spread(spread) => match self.function {
                AggregateFunction::Variance => spread.variance(0, operation, |variance| variance),
                AggregateFunction::VarianceOfSample => spread.variance(1, operation, |variance| variance),
                AggregateFunction::Deviation => spread.variance(0, operation, f64::sqrt),
                _ => spread.variance(1, operation, f64::sqrt),
            },
            State::Sum(sum) => match self.function {
                AggregateFunction::Total => sum.total(operation).map(Value::Real),
                _ if sum.count == 0 => Ok(Value::Null),
                AggregateFunction::Average => Ok(Value::Real(sum.total(operation)? / sum.count as f64)),
                _ if sum.has_real => sum.total(operation).map(Value::Real),
                _ => i64::try_from(sum.integers).map(Value::Integer).map_err(|_| Error::IntegerOverflow { operation }),
            },
        }
    }
}

fn concat(text: &mut Option<String>, value: &Value<'_>, separator: &Value<'_>) -> Result<()> {
    use std::fmt::Write;
    let is_first = text.is_none();
    let text = text.get_or_insert_default();
    for part in [separator, value].into_iter().skip(usize::from(is_first)) {
        match part {
            Value::Null => {}
            Value::Text(part) => text.push_str(part),
            other => write!(text, "{other}").expect("writing to a string does not fail"),
        }
    }
    if text.len() > VALUE_BYTES_MAX {
        return Err(Error::ValueTooLarge { bytes_max: VALUE_BYTES_MAX });
    }
    Ok(())
}
