//! Values, rows and dates: what goes in comes out, and the order is total.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use manicule_engine::{Error, Row, Value, compare_integer_real, time};
use proptest::prelude::*;

fn any_value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        Just(Value::Null),
        prop_oneof![-3..3_i64, any::<i64>(), Just(i64::MAX), Just(i64::MIN)].prop_map(Value::Integer),
        prop_oneof![(-3..3_i32).prop_map(f64::from), any::<f64>(), Just(f64::NAN), Just(-0.0), Just(9.3e18)]
            .prop_map(Value::Real),
        any::<bool>().prop_map(Value::Boolean),
        "[a-c\u{0}é]{0,4}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::from),
        any::<i32>().prop_map(Value::Date),
        any::<i64>().prop_map(Value::Timestamp),
    ]
}

proptest! {
    #[test]
    fn changed_rows_are_those_of_the_changed_values(
        before in prop::collection::vec(any_value(), 0..8),
        added in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 0..4),
    ) {
        let mut values = before.clone();
        values.resize(before.len() + added, Value::Null);
        let changes: Vec<(usize, Value<'_>)> = match values.len() {
            0 => Vec::new(),
            count => changes.into_iter().map(|(column, value)| (column.index(count), value)).collect(),
        };
        changes.iter().for_each(|(column, value)| values[*column] = value.clone());
        let row = Row::new(&before);
        let changed = row.with_values(values.len(), &changes).unwrap();
        prop_assert_eq!(changed, Row::new(&values));
    }

    #[test]
    fn rows_give_back_what_was_put_in(values in prop::collection::vec(any_value(), 0..20)) {
        let row = Row::new(&values);
        prop_assert_eq!(row.column_count(), values.len());
        for (column, value) in values.iter().enumerate() {
            let found = row.get(column);
            prop_assert_eq!(found.column_type(), value.column_type());
            prop_assert_eq!(&found, value);
            prop_assert_eq!(row.is_null(column), value.is_null());
            let integer = if let Value::Integer(integer) = value { Some(*integer) } else { None };
            prop_assert_eq!(row.integer(column), integer);
            let text = if let Value::Text(text) = value { Some(text.as_bytes()) } else { None };
            prop_assert_eq!(row.text_bytes(column), text);
        }
        prop_assert!(row.get(values.len()).is_null());
        prop_assert_eq!((row.integer(values.len()), row.text_bytes(values.len())), (None, None));
    }

    #[test]
    fn order_is_total_and_agrees_with_equality_and_hash(a in any_value(), b in any_value(), c in any_value()) {
        prop_assert_eq!(a.compare(&b), b.compare(&a).reverse());
        let abbreviated = a.abbreviation().cmp(&b.abbreviation());
        prop_assert!(abbreviated.is_eq() || abbreviated == a.compare(&b), "{:?} {:?}", a, b);
        if a.compare(&b).is_le() && b.compare(&c).is_le() {
            prop_assert!(a.compare(&c).is_le(), "{:?} {:?} {:?}", a, b, c);
        }
        let hasher = RandomState::new();
        if a == b {
            prop_assert_eq!(hasher.hash_one(&a), hasher.hash_one(&b), "{:?} {:?}", a, b);
        }
    }

    #[test]
    fn integers_and_reals_compare_by_exact_value(integer in any::<i64>(), real in -1e19..1e19_f64) {
        let exact = if real.fract() == 0.0 && real.abs() < 1e19 {
            i128::from(integer).cmp(&(real as i128))
        } else {
            i128::from(integer).cmp(&(real.floor() as i128)).then(Ordering::Less)
        };
        prop_assert_eq!(compare_integer_real(integer, real), exact);
    }

    #[test]
    fn dates_count_days_without_a_gap(days in -719_162..2_932_896_i32) {
        let (year, month, day) = time::civil_from_days(days);
        prop_assert_eq!(time::days_from_civil(year, month, day), Some(days));
        let text = Value::Date(days).to_string();
        prop_assert_eq!(time::parse_date(&text), Some(days));
        prop_assert_eq!(time::parse_timestamp(&text), Some(i64::from(days) * time::MICROS_PER_DAY));
    }

    #[test]
    fn timestamps_are_read_as_they_are_written(micros in -62_135_596_800_000_000..253_402_300_799_999_999_i64) {
        prop_assert_eq!(time::parse_timestamp(&Value::Timestamp(micros).to_string()), Some(micros));
    }
}

#[test]
fn dates_that_do_not_exist_are_refused() {
    for text in ["2013-02-29", "2013-13-01", "2013-1-1", "0000-01-01", "2013-01-01x", "２013-01-01", ""] {
        assert_eq!(time::parse_date(text), None, "{text}");
    }
    for text in ["2013-01-01 24:00:00", "2013-01-01 10", "2013-01-01 10:00:00.", "2013-01-01 10:00:61", "é013-01-01"] {
        assert_eq!(time::parse_timestamp(text), None, "{text}");
    }
    assert_eq!(time::parse_timestamp("2013-01-01T10:00:00.5Z"), time::parse_timestamp("2013-01-01 10:00:00.500000"));
}

#[test]
fn reals_are_printed_with_a_point_and_read_back() {
    for (real, text) in [
        (1.0, "1.0"),
        (-0.5, "-0.5"),
        (1e15, "1.0e+15"),
        (1.5e-7, "1.5e-07"),
        (123456.75, "123456.75"),
        (f64::INFINITY, "Inf"),
        (f64::NAN, "NaN"),
    ] {
        assert_eq!(Value::Real(real).to_string(), text);
    }
}

#[test]
fn a_column_is_read_as_the_types_of_its_value_alone() -> Result<(), Error> {
    let values =
        [Value::from(300), 1.5.into(), "é".into(), true.into(), b"\x00\xff".into(), Value::Date(1), Value::Null];
    let row = Row::new(&values);
    assert_eq!((row.read::<i64>(0)?, row.read::<u16>(0)?, row.read::<Option<i32>>(0)?), (300, 300, Some(300)));
    assert_eq!((row.read::<f64>(1)?, row.read::<bool>(3)?), (1.5, true));
    assert_eq!((row.read::<&str>(2)?, row.read::<String>(2)?, row.read::<Cow<str>>(2)?), ("é", "é".into(), "é".into()));
    assert_eq!((row.read::<&[u8]>(4)?, row.read::<Vec<u8>>(4)?), (&[0, 255][..], vec![0, 255]));
    assert_eq!(row.read::<Value>(5)?, Value::Date(1));
    // NULL, and a column that is not there.
    assert_eq!(
        (row.read::<Option<&str>>(6)?, row.read::<Option<f64>>(99)?, row.read::<Value>(99)?),
        (None, None, Value::Null)
    );

    let wrong = |error: Option<Error>| error.map(|error| error.to_string()).unwrap_or_default();
    let told = |column: usize, what: &str| format!("column {column} of the row holds {what}");
    assert_eq!(wrong(row.read::<u8>(0).err()), told(0, "INTEGER 300, which cannot be read as u8"));
    assert_eq!(wrong(row.read::<f64>(0).err()), told(0, "INTEGER 300, which cannot be read as f64"));
    assert_eq!(wrong(row.read::<i64>(1).err()), told(1, "REAL 1.5, which cannot be read as i64"));
    assert_eq!(wrong(row.read::<Vec<u8>>(2).err()), told(2, "TEXT é, which cannot be read as Vec<u8>"));
    assert_eq!(wrong(row.read::<Option<i64>>(5).err()), told(5, "DATE 1970-01-02, which cannot be read as i64"));
    assert_eq!(wrong(row.read::<&str>(6).err()), told(6, "NULL, which cannot be read as &str"));

    // A value with bytes of its own lends them.
    let owned = Value::from("own".to_owned());
    assert_eq!(
        (owned.read::<&str>(), owned.read::<String>(), owned.read::<i64>()),
        (Some("own"), Some("own".into()), None)
    );
    Ok(())
}

#[test]
fn rust_values_become_values_where_nothing_is_lost() {
    let (text, bytes) = ("a".to_owned(), vec![1_u8]);
    let integers = [Value::from(-1_i8), Value::from(-1_i16), Value::from(-1_i32), Value::from(-1_i64)];
    assert!(integers.iter().all(|value| *value == Value::Integer(-1)));
    let integers = [Value::from(u8::MAX), Value::from(u16::MAX), Value::from(u32::MAX)];
    assert_eq!(integers, [Value::Integer(255), Value::Integer(65_535), Value::Integer(4_294_967_295)]);
    assert_eq!([Value::from(0.5_f32), Value::from(0.5)], [Value::Real(0.5), Value::Real(0.5)]);
    assert_eq!([Value::from(&text), Value::from(Cow::Borrowed("a"))], ["a".into(), "a".into()]);
    assert_eq!(
        [Value::from(&bytes), Value::from(&[1_u8])],
        [bytes.as_slice().into(), Cow::Borrowed(&[1_u8][..]).into()]
    );
}
