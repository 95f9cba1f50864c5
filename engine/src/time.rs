//! Dates and timestamps: counting days and microseconds, reading and writing ISO 8601.
//!
//! The calendar is the proleptic Gregorian one; the conversions are Howard Hinnant's `days_from_civil` and
//! `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>). Years run from 0001 to 9999.

use std::fmt;

/// Microseconds in a day.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Days from 1970-01-01 to a date, or `None` if there is no such date.
pub fn days_from_civil(year: i32, month: u32, day: u32) -> Option<i32> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = i64::from((month + 9) % 12);
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).ok()
}

/// Year, month and day of a count of days from 1970-01-01.
pub fn civil_from_days(days: i32) -> (i32, u32, u32) {
    let shifted = i64::from(days) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Reads `YYYY-MM-DD` as days from 1970-01-01.
pub fn parse_date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i32::try_from(digits(&bytes[0..4])?).ok()?;
    days_from_civil(year, digits(&bytes[5..7])?, digits(&bytes[8..10])?)
}

/// Reads `YYYY-MM-DD HH:MM[:SS[.ffffff]]`, with `T` for the space and `Z` at the end if you like, or a date alone.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let days = i64::from(parse_date(text.get(..10)?)?);
    if text.len() == 10 {
        return Some(days * MICROS_PER_DAY);
    }
    let bytes = text.as_bytes();
    if !matches!(bytes[10], b' ' | b'T') {
        return None;
    }
    Some(days * MICROS_PER_DAY + parse_time(&bytes[11..])?)
}

/// Microseconds of `HH:MM[:SS[.ffffff]]`.
fn parse_time(bytes: &[u8]) -> Option<i64> {
    if bytes.len() < 5 || bytes[2] != b':' {
        return None;
    }
    let (hour, minute) = (digits(&bytes[0..2])?, digits(&bytes[3..5])?);
    let (second, fraction) = match &bytes[5..] {
        [] => (0, 0),
        [b':', rest @ ..] if rest.len() == 2 => (digits(rest)?, 0),
        [b':', rest @ ..] if rest.len() > 3 && rest.len() <= 9 && rest[2] == b'.' => {
            let scale = 10_u32.pow(9 - rest.len() as u32);
            (digits(&rest[..2])?, digits(&rest[3..])? * scale)
        }
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * 1_000_000 + i64::from(fraction))
}

/// The number that `bytes`, one to nine ASCII digits, say.
fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}

/// Writes days from 1970-01-01 as `YYYY-MM-DD`.
///
/// # Errors
///
/// That of the writer.
pub fn write_date(days: i32, f: &mut impl fmt::Write) -> fmt::Result {
    let (year, month, day) = civil_from_days(days);
    write!(f, "{year:04}-{month:02}-{day:02}")
}

/// Writes microseconds from 1970-01-01 as `YYYY-MM-DD HH:MM:SS[.ffffff]`.
///
/// # Errors
///
/// That of the writer.
pub fn write_timestamp(micros: i64, f: &mut impl fmt::Write) -> fmt::Result {
    let days = micros.div_euclid(MICROS_PER_DAY);
    let within = micros.rem_euclid(MICROS_PER_DAY);
    write_date(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }), f)?;
    let seconds = within / 1_000_000;
    write!(f, " {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    match within % 1_000_000 {
        0 => Ok(()),
        fraction => write!(f, ".{fraction:06}"),
    }
}
