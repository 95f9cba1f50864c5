//! Values as SQL text prints them.

use std::fmt;

use crate::time;
use crate::value::Value;

/// As a result cell shows it: text without quotes, a real with at least one decimal, a blob as `x'…'`, NULL as `NULL`.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Real(real) => write_real(*real, f),
            Self::Text(text) => f.write_str(text),
            Self::Boolean(boolean) => write!(f, "{boolean}"),
            Self::Blob(bytes) => {
                f.write_str("x'")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("'")
            }
            Self::Date(days) => time::write_date(*days, f),
            Self::Timestamp(micros) => time::write_timestamp(*micros, f),
        }
    }
}

/// The shortest digits that read back as the same real, with a decimal point or an exponent.
///
/// # Errors
///
/// That of the writer.
pub fn write_real(real: f64, f: &mut impl fmt::Write) -> fmt::Result {
    let size = real.abs();
    if !real.is_finite() {
        f.write_str(if real.is_nan() {
            "NaN"
        } else if real > 0.0 {
            "Inf"
        } else {
            "-Inf"
        })
    } else if size != 0.0 && !(1e-4..1e15).contains(&size) {
        let text = format!("{real:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let point = if digits.contains('.') { "" } else { ".0" };
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
        write!(f, "{digits}{point}e{sign}{exponent:0>2}")
    } else {
        write!(f, "{real:?}")
    }
}
