//! Functions of days and moments. Each also takes a text that says one. Years run from 1 to 9999.

use std::fmt::Write;

use manicule_engine::time::{
    MICROS_PER_DAY, civil_from_days, days_from_civil, parse_date, parse_timestamp, write_date,
};
use manicule_engine::{ColumnType, Value};

use crate::context::Clock;
use crate::error::{Error, Result};
use crate::evaluate::arithmetic::{check_size, integer, text_of};
use crate::evaluate::{cast, operand_type};
use crate::expr::{Expr, Function, TimeFunction};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;

/// The value of a call.
pub(super) fn call<'a>(function: TimeFunction, arguments: &[Value<'_>], clock: &Clock) -> Result<Value<'a>> {
    if arguments.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    let operation = function.name();
    match (function, arguments) {
        (TimeFunction::CurrentTimestamp, _) => Ok(Value::Timestamp(clock.now())),
        (TimeFunction::CurrentDate, _) => Ok(Value::Date(Moment::of_timestamp(clock.now()).days)),
        (TimeFunction::Date, [value]) => cast(value.as_borrowed(), ColumnType::Date).map(Value::into_owned),
        (TimeFunction::Part, [unit, value]) => {
            Moment::of(operation, value)?.part(Unit::of(operation, unit)?).ok_or(Error::DateOverflow { operation })
        }
        (TimeFunction::Trunc, [unit, value]) => {
            let moment = Moment::of(operation, value)?;
            moment.truncated(truncating(operation, unit)?).value(operation)
        }
        (TimeFunction::Format, [format, value]) => {
            let format = text_of(operation, format)?.unwrap_or_default();
            Moment::of(operation, value)?.format(&format).map(Value::from)
        }
        (TimeFunction::Shift, [value, months, days, micros]) => {
            let moment = Moment::of(operation, value)?;
            let part = |value| integer(operation, value).map(Option::unwrap_or_default);
            let moved = moment.shifted(part(months)?, part(days)?, part(micros)?);
            moved.ok_or(Error::DateOverflow { operation })?.value(operation)
        }
        _ => unreachable!("the binder has counted the arguments"),
    }
}

/// Refuses constants that no row could make right: the units of DATE_PART and DATE_TRUNC.
pub(crate) fn check_constants(function: Function, arguments: &[Expr]) -> Result<()> {
    match (function, arguments) {
        (Function::Time(TimeFunction::Part), [Expr::Literal(unit), _]) if !unit.is_null() => {
            Unit::of(function.name(), unit).map(drop)
        }
        (Function::Time(TimeFunction::Trunc), [Expr::Literal(unit), _]) if !unit.is_null() => {
            truncating(function.name(), unit).map(drop)
        }
        _ => Ok(()),
    }
}

/// A part of a moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Year,
    Quarter,
    Month,
    /// From Monday to Sunday; the first of a year is that with its first Thursday.
    Week,
    Day,
    Hour,
    Minute,
    Second,
    /// From Sunday, 0, to Saturday, 6.
    DayOfWeek,
    /// From Monday, 1, to Sunday, 7.
    IsoDayOfWeek,
    /// From 1.
    DayOfYear,
    /// Seconds since 1970-01-01 00:00:00.
    Epoch,
}

impl Unit {
    fn of(operation: &'static str, value: &Value<'_>) -> Result<Self> {
        let name = text_of(operation, value)?.unwrap_or_default();
        Ok(match name.to_ascii_lowercase().as_str() {
            "year" => Self::Year,
            "quarter" => Self::Quarter,
            "month" => Self::Month,
            "week" => Self::Week,
            "day" => Self::Day,
            "hour" => Self::Hour,
            "minute" => Self::Minute,
            "second" => Self::Second,
            "dow" => Self::DayOfWeek,
            "isodow" => Self::IsoDayOfWeek,
            "doy" => Self::DayOfYear,
            "epoch" => Self::Epoch,
            _ => {
                let expected = "year, quarter, month, week, day, hour, minute, second, dow, isodow, doy or epoch";
                return Err(Error::invalid_argument(operation, value, expected));
            }
        })
    }
}

/// A unit that has a beginning.
fn truncating(operation: &'static str, value: &Value<'_>) -> Result<Unit> {
    match Unit::of(operation, value) {
        Ok(Unit::DayOfWeek | Unit::IsoDayOfWeek | Unit::DayOfYear | Unit::Epoch)
        | Err(Error::InvalidArgument { .. }) => {
            let expected = "year, quarter, month, week, day, hour, minute or second";
            Err(Error::invalid_argument(operation, value, expected))
        }
        found => found,
    }
}

/// A day, or a moment of it.
#[derive(Clone, Copy)]
struct Moment {
    days: i32,
    /// Since midnight.
    micros: i64,
    is_date: bool,
}

impl Moment {
    fn of(operation: &'static str, value: &Value<'_>) -> Result<Self> {
        match value {
            Value::Date(days) => Ok(Self::of_date(*days)),
            Value::Timestamp(micros) => Ok(Self::of_timestamp(*micros)),
            Value::Text(text) => {
                let text = text.trim();
                let date = parse_date(text).map(Self::of_date);
                date.or_else(|| parse_timestamp(text).map(Self::of_timestamp))
                    .ok_or_else(|| Error::invalid_cast(value, ColumnType::Timestamp))
            }
            _ => Err(operand_type(operation, value)),
        }
    }

    fn of_date(days: i32) -> Self {
        Self { days, micros: 0, is_date: true }
    }

    fn of_timestamp(micros: i64) -> Self {
        // 2^63 microseconds are 106,751,991 days, well within 32 bits.
        let days = micros.div_euclid(MICROS_PER_DAY) as i32;
        Self { days, micros: micros.rem_euclid(MICROS_PER_DAY), is_date: false }
    }

    /// As a value, if its year has four digits.
    fn value<'a>(self, operation: &'static str) -> Result<Value<'a>> {
        if !(1..=9999).contains(&civil_from_days(self.days).0) {
            return Err(Error::DateOverflow { operation });
        }
        Ok(match self.is_date {
            true => Value::Date(self.days),
            false => Value::Timestamp(i64::from(self.days) * MICROS_PER_DAY + self.micros),
        })
    }

    /// Days since the last Monday.
    fn since_monday(self) -> i32 {
        (i64::from(self.days) + 3).rem_euclid(7) as i32
    }

    /// Days since the last Sunday.
    fn since_sunday(self) -> i32 {
        (i64::from(self.days) + 4).rem_euclid(7) as i32
    }

    /// Days since the first of January.
    fn since_new_year(self) -> Option<i32> {
        Some(self.days - days_from_civil(civil_from_days(self.days).0, 1, 1)?)
    }

    /// The year and the number of the week that the day lies in, which is the year of its Thursday.
    fn iso_week(self) -> Option<(i32, i32)> {
        let thursday = Self::of_date(self.days.checked_add(3 - self.since_monday())?);
        Some((civil_from_days(thursday.days).0, thursday.since_new_year()? / 7 + 1))
    }

    /// A part of it; `None` beyond the years that there are.
    fn part<'a>(self, unit: Unit) -> Option<Value<'a>> {
        let (year, month, day) = civil_from_days(self.days);
        let integer = |number: i64| Some(Value::Integer(number));
        match unit {
            Unit::Year => integer(i64::from(year)),
            Unit::Quarter => integer(i64::from(month.div_ceil(3))),
            Unit::Month => integer(i64::from(month)),
            Unit::Week => integer(i64::from(self.iso_week()?.1)),
            Unit::Day => integer(i64::from(day)),
            Unit::Hour => integer(self.micros / MICROS_PER_HOUR),
            Unit::Minute => integer(self.micros / MICROS_PER_MINUTE % 60),
            Unit::Second => Some(Value::Real((self.micros % MICROS_PER_MINUTE) as f64 / 1e6)),
            Unit::DayOfWeek => integer(i64::from(self.since_sunday())),
            Unit::IsoDayOfWeek => integer(i64::from(self.since_monday()) + 1),
            Unit::DayOfYear => integer(i64::from(self.since_new_year()?) + 1),
            Unit::Epoch => {
                let micros = i128::from(self.days) * i128::from(MICROS_PER_DAY) + i128::from(self.micros);
                Some(Value::Real(micros as f64 / 1e6))
            }
        }
    }

    /// The beginning of the unit, one of those that have one.
    fn truncated(self, unit: Unit) -> Self {
        let (_, month, day) = civil_from_days(self.days);
        let first_of_month = self.days - (day as i32 - 1);
        // The first of a month at most eleven months earlier, always of the same year.
        let back = |months: u32| Self::of_date(first_of_month).shifted(-i64::from(months), 0, 0);
        let days = match unit {
            Unit::Year => back(month - 1).map(|moment| moment.days),
            Unit::Quarter => back((month - 1) % 3).map(|moment| moment.days),
            Unit::Month => Some(first_of_month),
            Unit::Week => Some(self.days - self.since_monday()),
            _ => Some(self.days),
        };
        let length = match unit {
            Unit::Hour => MICROS_PER_HOUR,
            Unit::Minute => MICROS_PER_MINUTE,
            Unit::Second => MICROS_PER_SECOND,
            _ => MICROS_PER_DAY,
        };
        // What is beyond the years that there are stays, and is refused.
        Self { days: days.unwrap_or(self.days), micros: self.micros - self.micros % length, ..self }
    }

    /// Later by so much: months first, the day at most the last of its month, then days, then microseconds. A day that is
    /// moved by whole days stays one. `None` beyond the years that there are.
    fn shifted(self, months: i64, days: i64, micros: i64) -> Option<Self> {
        let (year, month, day) = civil_from_days(self.days);
        let month = (i64::from(year) * 12 + i64::from(month) - 1).checked_add(months)?;
        let year = i32::try_from(month.div_euclid(12)).ok()?;
        let month = month.rem_euclid(12) as u32 + 1;
        let first = (1..=day).rev().find_map(|day| days_from_civil(year, month, day))?;
        let micros_of_day = self.micros.checked_add(micros)?;
        let days = i64::from(first).checked_add(days)?.checked_add(micros_of_day.div_euclid(MICROS_PER_DAY))?;
        Some(Self {
            days: i32::try_from(days).ok()?,
            micros: micros_of_day.rem_euclid(MICROS_PER_DAY),
            is_date: self.is_date && micros == 0,
        })
    }

    /// STRFTIME.
    fn format(self, format: &str) -> Result<String> {
        let mut out = String::new();
        let mut rest = format.chars();
        while let Some(character) = rest.next() {
            match character {
                '%' => self.write(rest.next(), &mut out)?,
                other => out.push(other),
            }
            check_size(out.len())?;
        }
        Ok(out)
    }

    /// What a letter behind a percent sign stands for.
    fn write(self, letter: Option<char>, out: &mut String) -> Result<()> {
        const OPERATION: &str = "STRFTIME";
        let (year, month, day) = civil_from_days(self.days);
        let (hour, minute) = (self.micros / MICROS_PER_HOUR, self.micros / MICROS_PER_MINUTE % 60);
        let (second, within) = (self.micros / MICROS_PER_SECOND % 60, self.micros % MICROS_PER_MINUTE);
        let hour_of_half = (hour + 11) % 12 + 1;
        let overflow = || Error::DateOverflow { operation: OPERATION };
        let since_new_year = || self.since_new_year().ok_or_else(overflow);
        let iso_week = || self.iso_week().ok_or_else(overflow);
        let written = match letter {
            Some('d') => write!(out, "{day:02}"),
            Some('e') => write!(out, "{day:2}"),
            Some('f') => {
                let millis = ((within + 500) / 1000).min(59_999);
                write!(out, "{:02}.{:03}", millis / 1000, millis % 1000)
            }
            Some('F') => write_date(self.days, out),
            Some('G') => write!(out, "{:04}", iso_week()?.0),
            Some('g') => write!(out, "{:02}", iso_week()?.0 % 100),
            Some('H') => write!(out, "{hour:02}"),
            Some('I') => write!(out, "{hour_of_half:02}"),
            Some('j') => write!(out, "{:03}", since_new_year()? + 1),
            Some('J') => {
                let days = i128::from(self.days) * i128::from(MICROS_PER_DAY) + i128::from(self.micros);
                out.push_str(&super::printf::general(days as f64 / MICROS_PER_DAY as f64 + 2_440_587.5, 16));
                Ok(())
            }
            Some('k') => write!(out, "{hour:2}"),
            Some('l') => write!(out, "{hour_of_half:2}"),
            Some('m') => write!(out, "{month:02}"),
            Some('M') => write!(out, "{minute:02}"),
            Some('p') => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
            Some('P') => write!(out, "{}", if hour < 12 { "am" } else { "pm" }),
            Some('R') => write!(out, "{hour:02}:{minute:02}"),
            Some('s') => {
                let seconds = i64::from(self.days) * (MICROS_PER_DAY / MICROS_PER_SECOND);
                write!(out, "{}", seconds + self.micros / MICROS_PER_SECOND)
            }
            Some('S') => write!(out, "{second:02}"),
            Some('T') => write!(out, "{hour:02}:{minute:02}:{second:02}"),
            Some('u') => write!(out, "{}", self.since_monday() + 1),
            Some('U') => write!(out, "{:02}", (since_new_year()? + 7 - self.since_sunday()) / 7),
            Some('V') => write!(out, "{:02}", iso_week()?.1),
            Some('w') => write!(out, "{}", self.since_sunday()),
            Some('W') => write!(out, "{:02}", (since_new_year()? + 7 - self.since_monday()) / 7),
            Some('Y') => write!(out, "{year:04}"),
            Some('%') => write!(out, "%"),
            other => {
                let given = Value::from(other.map_or_else(|| "%".to_owned(), |letter| format!("%{letter}")));
                let expected = "%d %e %f %F %G %g %H %I %j %J %k %l %m %M %p %P %R %s %S %T %u %U %V %w %W %Y %%";
                return Err(Error::invalid_argument(OPERATION, &given, expected));
            }
        };
        written.expect("writing to a string does not fail");
        Ok(())
    }
}
