//! Keys against GlueSQL's own comparison.

use std::cmp::Ordering;
use std::net::IpAddr;

use gluesql_core::ast::IndexOperator;
use gluesql_core::chrono::{DateTime, NaiveDate, NaiveTime};
use gluesql_core::data::{Interval, Key as GlueKey, Point, Value};
use manicule_index::set::KeyRef;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{Probe, encode, probes};

/// A number that every type of numbers compares without rounding: quarters, as the type can.
fn exact_number() -> impl Strategy<Value = Value> {
    (-400_i32..400, 0..13_u8).prop_map(|(quarters, kind)| {
        let whole = quarters / 4;
        match kind {
            0 => Value::I8(whole as i8),
            1 => Value::I16(whole as i16),
            2 => Value::I32(whole),
            3 => Value::I64(whole.into()),
            4 => Value::I128(whole.into()),
            5 => Value::U8(whole.unsigned_abs() as u8),
            6 => Value::U16(whole.unsigned_abs() as u16),
            7 => Value::U32(whole.unsigned_abs()),
            8 => Value::U64(whole.unsigned_abs().into()),
            9 => Value::U128(whole.unsigned_abs().into()),
            10 => Value::F32(quarters as f32 / 4.0),
            11 => Value::F64(f64::from(quarters) / 4.0),
            _ => decimal(i128::from(quarters) * 25, 2),
        }
    })
}

fn decimal(mantissa: i128, scale: usize) -> Value {
    let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let text = format!("{}{whole}.{fraction}0", if mantissa < 0 { "-" } else { "" });
    Value::Str(text).cast(&gluesql_core::ast::DataType::Decimal).unwrap()
}

/// Integers of all widths, to their ends, which GlueSQL compares without rounding.
fn integer() -> impl Strategy<Value = Value> {
    let end =
        prop_oneof![any::<i128>(), any::<i64>().prop_map(i128::from), -3..3_i128, Just(1 << 53), Just((1 << 53) + 1)];
    prop_oneof![
        end.prop_map(Value::I128),
        any::<i64>().prop_map(Value::I64),
        prop_oneof![Just(i64::MAX), Just(i64::MAX - 1), Just(i64::MIN), Just((1 << 53) + 1)].prop_map(Value::I64),
        any::<i8>().prop_map(Value::I8),
    ]
}

fn unsigned() -> impl Strategy<Value = Value> {
    prop_oneof![any::<u128>().prop_map(Value::U128), Just(Value::U128(u128::MAX)), Just(Value::U128(u128::MAX - 1))]
}

fn moment() -> impl Strategy<Value = Value> {
    let day = |days: i32| NaiveDate::from_num_days_from_ce_opt(days).unwrap();
    prop_oneof![
        (-800_000..800_000).prop_map(move |days| Value::Date(day(days))),
        (-9_000_000_000_i64..9_000_000_000, 0..2_000_000_000_u32).prop_map(|(seconds, nanoseconds)| {
            Value::Timestamp(DateTime::from_timestamp(seconds, nanoseconds % 1_000_000_000).unwrap().naive_utc())
        }),
        (700_000..700_003).prop_map(move |days| Value::Timestamp(day(days).and_hms_opt(0, 0, 0).unwrap())),
        (700_000..700_003).prop_map(move |days| Value::Date(day(days))),
    ]
}

fn time() -> impl Strategy<Value = Value> {
    (0..86_400_u32, 0..1_000_000_000_u32).prop_map(|(seconds, nanoseconds)| {
        Value::Time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanoseconds).unwrap())
    })
}

fn interval() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(|months| Value::Interval(Interval::Month(months))),
        any::<i64>().prop_map(|microseconds| Value::Interval(Interval::Microsecond(microseconds))),
    ]
}

fn address() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u32>().prop_map(|bits| Value::Inet(IpAddr::V4(bits.into()))),
        any::<u128>().prop_map(|bits| Value::Inet(IpAddr::V6(bits.into()))),
    ]
}

/// Any of the 26 variants, but with numbers that are compared without rounding.
fn value() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        exact_number(),
        "[a-c\0ä]{0,4}".prop_map(Value::Str),
        vec(0..3_u8, 0..4).prop_map(Value::Bytea),
        address(),
        moment(),
        time(),
        interval(),
        any::<u128>().prop_map(Value::Uuid),
        (0..3_i8, 0..3_i8).prop_map(|(x, y)| Value::Point(Point::new(x.into(), y.into()))),
        Just(Value::Null),
    ];
    let tree = leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::List),
            btree_map("[ab]{0,2}", inner, 0..3).prop_map(Value::Map),
        ]
    });
    tree.boxed()
}

/// Two values of one kind, or any two.
fn pairs() -> impl Strategy<Value = (Value, Value)> {
    let two = |strategy: BoxedStrategy<Value>| (strategy.clone(), strategy);
    let decimals = (any::<i64>(), 0..19_usize).prop_map(|(mantissa, scale)| decimal(mantissa.into(), scale));
    let long = (any::<i64>(), 0..1_000_i128).prop_map(|(high, low)| decimal(i128::from(high) * 1_000 + low, 21));
    let near = (0..100_i128).prop_map(|last| decimal(1_000_000_000_000_000_000_000_000 + last, 24));
    prop_oneof![
        two(exact_number().boxed()),
        two(integer().boxed()),
        two(unsigned().boxed()),
        two(any::<f64>().prop_map(Value::F64).boxed()),
        two(any::<f32>().prop_map(Value::F32).boxed()),
        two(prop_oneof![decimals, long, near].boxed()),
        two(moment().boxed()),
        two(time().boxed()),
        two(interval().boxed()),
        two(address().boxed()),
        two(any::<String>().prop_map(Value::Str).boxed()),
        two(value()),
    ]
}

fn has_order(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Map(_) | Value::Point(_))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn keys_are_in_the_order_of_values((left, right) in pairs()) {
        let keys = encode(&left).cmp(&encode(&right));
        if let Some(order) = left.evaluate_cmp(&right) {
            prop_assert_eq!(keys, order);
        } else if !has_order(&left) || !has_order(&right) {
            prop_assert_eq!(keys == Ordering::Equal, left == right);
        }
    }

    /// GlueSQL sorts by keys of its own.
    #[test]
    fn keys_are_in_the_order_that_gluesql_sorts_in((left, right) in pairs()) {
        let is_zero = |value: &Value| value.is_zero();
        let is_one_type = left.get_type() == right.get_type() || left.get_type().is_none() || right.get_type().is_none();
        let sorted = GlueKey::try_from(&left).ok().zip(GlueKey::try_from(&right).ok());
        if let Some((own, other)) = sorted.filter(|_| is_one_type && !(is_zero(&left) && is_zero(&right))) {
            prop_assert_eq!(encode(&left).cmp(&encode(&right)), own.cmp(&other));
        }
    }

    #[test]
    fn probes_find_what_compares_so((left, right) in pairs()) {
        let key = encode(&left);
        for (operator, orders) in [
            (IndexOperator::Eq, &[Ordering::Equal][..]),
            (IndexOperator::Lt, &[Ordering::Less]),
            (IndexOperator::LtEq, &[Ordering::Less, Ordering::Equal]),
            (IndexOperator::Gt, &[Ordering::Greater]),
            (IndexOperator::GtEq, &[Ordering::Greater, Ordering::Equal]),
        ] {
            let is_found = probes(Some((&operator, &right))).iter().any(|probe| match probe {
                Probe::Key(found) => KeyRef::Bytes(&key) == *found,
                Probe::Span(span) => span.contains(KeyRef::Bytes(&key)),
            });
            let order = match (&left, &right) {
                (Value::Null, Value::Null) => Some(Ordering::Equal),
                (Value::Null, _) => Some(Ordering::Greater),
                (_, Value::Null) => Some(Ordering::Less),
                _ if has_order(&right) => left.evaluate_cmp(&right),
                _ => (operator == IndexOperator::Eq && left == right).then_some(Ordering::Equal),
            };
            // A text or an integer may also stand for an address, a time and so on.
            if order.is_some() || std::mem::discriminant(&left) == std::mem::discriminant(&right) {
                prop_assert_eq!(is_found, order.is_some_and(|order| orders.contains(&order)), "{:?}", operator);
            }
        }
    }
}
