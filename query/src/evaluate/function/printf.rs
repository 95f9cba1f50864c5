//! PRINTF, with the conversions of SQLite's: `%[flags][width][.precision]` and one of `d i u x X o e E f g G c s z q Q w %`.
//!
//! Widths count characters. Missing arguments and NULL are 0 or nothing. Of a real sixteen digits are shown, and zeros
//! behind them.

use std::borrow::Cow;
use std::slice::Iter;

use manicule_engine::Value;

use crate::error::{Error, Result};
use crate::evaluate::arithmetic::{check_size, text_of};
use crate::evaluate::operand_type;

/// How many digits of a real mean something.
const DIGITS_MAX: usize = 16;

type Arguments<'v> = Iter<'v, Value<'v>>;

/// The format with each conversion replaced by its argument.
pub(super) fn printf(format: &str, arguments: &[Value<'_>]) -> Result<String> {
    let mut arguments = arguments.iter();
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (conversion, behind) = Conversion::read(&rest[at + 1..], &mut arguments)?;
        conversion.write(arguments.as_slice().first(), &mut out)?;
        if conversion.letter != '%' {
            arguments.next();
        }
        check_size(out.len())?;
        rest = behind;
    }
    check_size(out.len() + rest.len())?;
    out.push_str(rest);
    Ok(out)
}

/// What stands between a percent sign and the letter, and the letter.
struct Conversion<'f> {
    flags: &'f str,
    is_left: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

impl<'f> Conversion<'f> {
    /// Takes a conversion off the front of a format.
    fn read<'v>(format: &'f str, arguments: &mut Arguments<'v>) -> Result<(Self, &'f str)> {
        let flags = format.len() - format.trim_start_matches(['-', '+', ' ', '0', '#', ',', '!']).len();
        let (flags, mut rest) = format.split_at(flags);
        let width = size(&mut rest, arguments)?.unwrap_or(0);
        let precision = match rest.strip_prefix('.') {
            None => None,
            Some(behind) => {
                rest = behind;
                Some(size(&mut rest, arguments)?.unwrap_or(0).unsigned_abs() as usize)
            }
        };
        let rest = rest.trim_start_matches('l');
        // A percent sign at the end is one.
        let letter = rest.chars().next().unwrap_or('%');
        let is_left = flags.contains('-') || width < 0;
        let conversion = Self { flags, is_left, width: width.unsigned_abs() as usize, precision, letter };
        check_size(conversion.width.saturating_add(precision.unwrap_or(0)))?;
        Ok((conversion, rest.get(letter.len_utf8()..).unwrap_or("")))
    }

    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn write(&self, argument: Option<&Value<'_>>, out: &mut String) -> Result<()> {
        let argument = argument.unwrap_or(&Value::Null);
        match self.letter {
            '%' => out.push('%'),
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' => self.write_integer(argument, out)?,
            'e' | 'E' | 'f' | 'g' | 'G' if !self.has('!') => self.write_real(argument, out)?,
            'c' => {
                let first: String = text_of("PRINTF", argument)?.iter().flat_map(|text| text.chars()).take(1).collect();
                self.pad("", &first.repeat(self.precision.unwrap_or(1).max(1)), out);
            }
            's' | 'z' | 'q' | 'Q' | 'w' => self.write_text(argument, out)?,
            _ => {
                let conversion = Value::from(format!("%{}{}", self.flags, self.letter));
                return Err(Error::invalid_argument(
                    "PRINTF",
                    &conversion,
                    "%d %i %u %x %X %o %e %f %g %c %s %q %Q %w %%",
                ));
            }
        }
        Ok(())
    }

    fn write_integer(&self, argument: &Value<'_>, out: &mut String) -> Result<()> {
        let integer = match argument {
            Value::Null => 0,
            Value::Integer(integer) => *integer,
            Value::Boolean(boolean) => i64::from(*boolean),
            Value::Real(real) => *real as i64,
            _ => return Err(operand_type("PRINTF", argument)),
        };
        let is_signed = matches!(self.letter, 'd' | 'i');
        let sign = if is_signed { self.sign(integer < 0) } else { "" };
        let mut digits = match self.letter {
            'd' | 'i' => integer.unsigned_abs().to_string(),
            'u' => (integer as u64).to_string(),
            'x' => format!("{integer:x}"),
            'X' => format!("{integer:X}"),
            _ => format!("{integer:o}"),
        };
        let zeros = if self.has('0') { self.width.saturating_sub(sign.len()) } else { 0 };
        let missing = self.precision.unwrap_or(0).max(zeros).saturating_sub(digits.len());
        digits.insert_str(0, &"0".repeat(missing));
        if is_signed && self.has(',') {
            digits = grouped(&digits);
        }
        let prefix = match self.letter {
            'x' if self.has('#') && integer != 0 => "0x",
            'X' if self.has('#') && integer != 0 => "0X",
            'o' if self.has('#') && integer != 0 => "0",
            _ => sign,
        };
        self.pad("", &format!("{prefix}{digits}"), out);
        Ok(())
    }

    fn write_real(&self, argument: &Value<'_>, out: &mut String) -> Result<()> {
        let real = match argument {
            Value::Null => 0.0,
            Value::Integer(integer) => *integer as f64,
            Value::Boolean(boolean) => f64::from(u8::from(*boolean)),
            Value::Real(real) => *real,
            _ => return Err(operand_type("PRINTF", argument)),
        };
        if real.is_nan() {
            self.pad("", "NaN", out);
            return Ok(());
        }
        let (size, precision) = (real.abs(), self.precision.unwrap_or(6));
        let shown = match self.letter {
            'f' => fixed(size, precision),
            'g' | 'G' if self.has('#') => general_in_full(size, precision.max(1)),
            'g' | 'G' => general(size, precision.max(1)),
            _ => scientific(size, precision),
        };
        let shown = if self.letter.is_uppercase() { shown.to_uppercase() } else { shown };
        self.pad(self.sign(real < 0.0), &shown, out);
        Ok(())
    }

    fn write_text(&self, argument: &Value<'_>, out: &mut String) -> Result<()> {
        let text = match (text_of("PRINTF", argument)?, self.letter) {
            (None, 'Q') => Cow::Borrowed("NULL"),
            (None, 'q' | 'w') => Cow::Borrowed("(NULL)"),
            (text, _) => text.unwrap_or_default(),
        };
        let cut: String = match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.into_owned(),
        };
        let shown = match self.letter {
            'Q' if !argument.is_null() => format!("'{}'", cut.replace('\'', "''")),
            'q' => cut.replace('\'', "''"),
            'w' => cut.replace('"', "\"\""),
            _ => cut,
        };
        check_size(shown.len())?;
        self.pad("", &shown, out);
        Ok(())
    }

    fn sign(&self, is_negative: bool) -> &'static str {
        match is_negative {
            true => "-",
            false if self.has('+') => "+",
            false if self.has(' ') => " ",
            false => "",
        }
    }

    /// Appends to `out` with as many blanks as the width asks for, or zeros behind the sign of a real.
    fn pad(&self, sign: &str, shown: &str, out: &mut String) {
        let missing = self.width.saturating_sub(sign.len() + shown.chars().count());
        let is_real = matches!(self.letter, 'e' | 'E' | 'f' | 'g' | 'G');
        let (before, zeros, after) = match (self.is_left, is_real && self.has('0')) {
            (true, _) => (0, 0, missing),
            (false, true) => (0, missing, 0),
            (false, false) => (missing, 0, 0),
        };
        out.push_str(&" ".repeat(before));
        out.push_str(sign);
        out.push_str(&"0".repeat(zeros));
        out.push_str(shown);
        out.push_str(&" ".repeat(after));
    }
}

/// A width or a precision: digits, or `*` for the next argument. What is too large for anything is as large as can be.
fn size<'v>(format: &mut &str, arguments: &mut Arguments<'v>) -> Result<Option<i64>> {
    if let Some(rest) = format.strip_prefix('*') {
        *format = rest;
        return match arguments.next() {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Integer(integer)) => Ok(Some(*integer)),
            Some(other) => Err(operand_type("PRINTF", other)),
        };
    }
    let digits = format.len() - format.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = format.split_at(digits);
    *format = rest;
    Ok((digits > 0).then(|| number.parse().unwrap_or(i64::MAX)))
}

/// With commas between thousands.
fn grouped(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The first digits of a real, as many as asked for and mean something, and the power of ten of the first.
fn digits_of(size: f64, digits: usize) -> (String, i32) {
    let shown = format!("{size:.*e}", digits.clamp(1, DIGITS_MAX) - 1);
    let (digits, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    (digits.replace('.', ""), exponent.parse().unwrap_or(0))
}

/// With so many digits behind the point.
fn fixed(size: f64, precision: usize) -> String {
    let (_, exponent) = digits_of(size, DIGITS_MAX);
    let wanted = i64::from(exponent) + 1 + precision as i64;
    if wanted < 0 {
        return with_point("", precision, 0);
    }
    if wanted <= DIGITS_MAX as i64 {
        let rounded = match super::round(&Value::Real(size), &Value::Integer(precision as i64)) {
            Ok(Value::Real(rounded)) => rounded,
            _ => size,
        };
        return format!("{rounded:.*}", precision.min(400)) + &"0".repeat(precision.saturating_sub(400));
    }
    let (digits, exponent) = digits_of(size, DIGITS_MAX);
    with_point(&digits, precision, i64::from(exponent) + 1)
}

/// Digits with zeros on either side, so that so many stand before the point and behind it.
fn with_point(digits: &str, precision: usize, before: i64) -> String {
    let mut all = "0".repeat(usize::try_from(1 - before).unwrap_or(0)) + digits;
    let point = usize::try_from(before).unwrap_or(0).max(1);
    all.push_str(&"0".repeat((point + precision).saturating_sub(all.len())));
    let (whole, fraction) = all[..point + precision].split_at(point);
    if precision == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// As short as it can be with so many digits.
pub(super) fn general(size: f64, digits: usize) -> String {
    let shown = general_in_full(size, digits);
    let (number, power) = shown.split_at(shown.find('e').unwrap_or(shown.len()));
    if !number.contains('.') {
        return shown;
    }
    format!("{}{power}", number.trim_end_matches('0').trim_end_matches('.'))
}

/// With so many digits, and a power of ten where there would be too many zeros.
fn general_in_full(size: f64, digits: usize) -> String {
    let (_, exponent) = digits_of(size, digits);
    if exponent < -4 || i64::from(exponent) >= digits as i64 {
        return scientific(size, digits - 1);
    }
    fixed(size, usize::try_from(digits as i64 - 1 - i64::from(exponent)).unwrap_or(0))
}

/// With one digit before the point, so many behind it, and the power of ten.
fn scientific(size: f64, precision: usize) -> String {
    let (digits, exponent) = digits_of(size, precision.saturating_add(1));
    let number = with_point(&digits, precision, 1);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{number}e{sign}{:02}", exponent.unsigned_abs())
}
