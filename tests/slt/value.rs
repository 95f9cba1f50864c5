//! Values as SQLite's own runner prints them.

use manicule::Value;

/// The value under a type letter.
pub(crate) fn print(value: &Value<'_>, letter: char) -> String {
    match (letter, value) {
        (_, Value::Null) => "NULL".to_owned(),
        // As `sqlite3_column_int` gives it: the low 32 bits.
        ('I', value) => (integer(value) as i32).to_string(),
        ('R', value) => fixed(real(value)),
        (_, Value::Boolean(boolean)) => u8::from(*boolean).to_string(),
        (_, value) => text(&value.to_string()),
    }
}

fn integer(value: &Value<'_>) -> i64 {
    match value {
        Value::Integer(integer) => *integer,
        Value::Real(real) => *real as i64,
        Value::Boolean(boolean) => i64::from(*boolean),
        Value::Text(text) => {
            let digits = text.trim_start();
            let end = digits.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(digits.len());
            digits[..end].parse().unwrap_or(0)
        }
        _ => 0,
    }
}

fn real(value: &Value<'_>) -> f64 {
    match value {
        Value::Integer(integer) => *integer as f64,
        Value::Real(real) => *real,
        Value::Boolean(boolean) => f64::from(u8::from(*boolean)),
        Value::Text(text) => text.trim().parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

/// `%.3f`, in which SQLite prints 16 significant digits and zeros after them.
fn fixed(real: f64) -> String {
    const SIGNIFICANT: usize = 16;
    let text = format!("{real:.3}");
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits <= SIGNIFICANT || real.abs() < 1.0 {
        return text;
    }
    let scientific = format!("{:.*e}", SIGNIFICANT - 1, real.abs());
    let (mantissa, exponent) = scientific.split_once('e').expect("it is written in scientific form");
    let exponent: usize = exponent.parse().expect("the number is at least 1");
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    while digits.len() < exponent + 4 {
        digits.push('0');
    }
    let sign = if real < 0.0 { "-" } else { "" };
    format!("{sign}{}.{}", &digits[..exponent + 1], &digits[exponent + 1..exponent + 4])
}

fn text(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    text.bytes().map(|byte| if (b' '..=b'~').contains(&byte) { char::from(byte) } else { '@' }).collect()
}
