//! Numbers of all types in one order.
//!
//! ```text
//! payload = nearest f64 · place · the exact number, where it is not the one that the float stands for
//! place   = below | at | above what the float stands for: the shortest decimal that reads as it
//! ```
//!
//! Rounding to the nearest float keeps the order, so the rest only has to order numbers with the same one. Most numbers
//! take ten bytes: an integer below 2^53, a float, and a decimal of fifteen digits are at what their float stands for.
//! From 2^53 on a float stands for many integers, so all numbers there have their exact value behind it.

use std::cmp::Ordering;

use manicule_index::set::KeyBytes;

/// From here on neighbouring integers have the same float.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
/// Digits after the point of a decimal, at most.
const SCALE_MAX: u32 = 28;

const BELOW: u8 = 0;
const AT: u8 = 1;
const ABOVE: u8 = 2;

pub(super) fn integer(value: i128, out: &mut KeyBytes) {
    let float = value as f64;
    head(float, AT, out);
    if float.abs() >= EXACT_MAX {
        out.extend(whole(value));
    }
}

pub(super) fn unsigned(value: u128, out: &mut KeyBytes) {
    match i128::try_from(value) {
        Ok(value) => integer(value, out),
        Err(_) => {
            head(value as f64, AT, out);
            out.extend([1].into_iter().chain(value.to_be_bytes()));
        }
    }
}

/// Zero has one key, whatever its sign; what is not a number comes after all that are.
pub(super) fn float(value: f64, out: &mut KeyBytes) {
    head(value, AT, out);
    // A cast beyond the integers gives the last of them, and nothing but the one float is there.
    if value >= 2_f64.powi(127) {
        out.extend([1].into_iter().chain((value as u128).to_be_bytes()));
    } else if value.abs() >= EXACT_MAX {
        out.extend(whole(value as i128));
    }
}

/// A decimal as its digits and how many of them are after the point, and as text.
pub(super) fn decimal(value: (i128, u32), text: &str, out: &mut KeyBytes) {
    let Ok(float) = text.parse::<f64>() else { return };
    let one = 10_i128.pow(value.1.min(SCALE_MAX));
    let fraction = value.0.rem_euclid(one) * 10_i128.pow(SCALE_MAX - value.1.min(SCALE_MAX));
    let exact = whole(value.0.div_euclid(one))
        .into_iter()
        .chain((fraction != 0).then_some(fraction.to_be_bytes()).into_iter().flatten());
    if float.abs() >= EXACT_MAX {
        head(float, AT, out);
        out.extend(exact);
        return;
    }
    match compare(value, digits(float)) {
        Ordering::Less => {
            head(float, BELOW, out);
            out.extend(exact);
        }
        Ordering::Equal => head(float, AT, out),
        Ordering::Greater => {
            head(float, ABOVE, out);
            out.extend(exact);
        }
    }
}

/// The bytes that all keys of numbers, but not those of what is not a number, lie below.
pub(super) fn above_infinity() -> [u8; 9] {
    let mut bytes = [ABOVE; 9];
    bytes[..8].copy_from_slice(&ordered(f64::INFINITY).to_be_bytes());
    bytes
}

fn head(float: f64, place: u8, out: &mut KeyBytes) {
    let mut head = [place; 9];
    head[..8].copy_from_slice(&ordered(float).to_be_bytes());
    out.extend_from_slice(&head);
}

/// A float as a word in its order.
fn ordered(float: f64) -> u64 {
    if float.is_nan() {
        return u64::MAX;
    }
    let bits = (float + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// An integer in seventeen bytes, below those of unsigned ones that it cannot hold.
fn whole(value: i128) -> [u8; 17] {
    let mut bytes = [0; 17];
    bytes[1..].copy_from_slice(&(value ^ i128::MIN).to_be_bytes());
    bytes
}

/// The shortest decimal that reads as the float, which is below 2^53: its digits, and how many are after the point.
fn digits(float: f64) -> (i128, u32) {
    let text = float.to_string();
    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let mantissa = text.chars().filter(|digit| *digit != '.').collect::<String>().parse();
    (mantissa.unwrap_or(0), scale as u32)
}

/// Compares numbers that are close to one another, so that nothing overflows but where the result is plain.
fn compare(left: (i128, u32), right: (i128, u32)) -> Ordering {
    let scale = left.1.max(right.1);
    let scaled = |(mantissa, from): (i128, u32)| 10_i128.checked_pow(scale - from)?.checked_mul(mantissa);
    match (scaled(left), scaled(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => Ordering::Greater,
    }
}
