//! ORDER BY beside a stable sort of the same rows by the standard library, with values of every type in one column.

use std::cmp::Ordering;
use std::ops::Range;

use manicule_engine::time::MICROS_PER_DAY;
use manicule_engine::{Database, Value};
use manicule_sql::Session;
use proptest::prelude::*;

/// How ORDER BY takes a column.
#[derive(Clone, Copy, Debug)]
struct By {
    descending: bool,
    nulls_first: bool,
}

impl By {
    fn sql(self) -> String {
        let direction = if self.descending { "DESC" } else { "ASC" };
        let nulls = if self.nulls_first { "FIRST" } else { "LAST" };
        format!("{direction} NULLS {nulls}")
    }

    fn compare(self, left: &Value<'_>, right: &Value<'_>) -> Ordering {
        match (left.is_null(), right.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if self.nulls_first => Ordering::Less,
            (false, true) if !self.nulls_first => Ordering::Less,
            (true, false) | (false, true) => Ordering::Greater,
            (false, false) if self.descending => comparable(right).compare(&comparable(left)),
            (false, false) => comparable(left).compare(&comparable(right)),
        }
    }
}

/// As the dialect compares it: a boolean beside numbers as one, a date beside timestamps as its midnight.
fn comparable<'a>(value: &'a Value<'_>) -> Value<'a> {
    match value {
        Value::Boolean(boolean) => Value::Integer(i64::from(*boolean)),
        Value::Date(days) => Value::Timestamp(i64::from(*days) * MICROS_PER_DAY),
        other => other.as_borrowed(),
    }
}

/// Values that are often equal, often nearly so, and sometimes neither.
fn value() -> impl Strategy<Value = Value<'static>> {
    const EXACT: i64 = 1 << 53;
    prop_oneof![
        Just(Value::Null),
        (-3..4_i64).prop_map(Value::Integer),
        (EXACT - 2..EXACT + 3).prop_map(Value::Integer),
        any::<i64>().prop_map(Value::Integer),
        (-4..5_i32).prop_map(|halves| Value::Real(f64::from(halves) / 2.0)),
        prop_oneof![Just(-0.0), Just(EXACT as f64), Just(f64::MAX), Just(f64::MIN)].prop_map(Value::Real),
        "[ab\0é]{0,10}".prop_map(|text| Value::Text(text.into())),
        "commonly[ab]{0,3}".prop_map(|text| Value::Text(text.into())),
        prop::collection::vec(any::<u8>(), 0..10).prop_map(|bytes| Value::Blob(bytes.into())),
        any::<bool>().prop_map(Value::Boolean),
        (-2..3_i32).prop_map(Value::Date),
        (-2..3_i64).prop_map(|days| Value::Timestamp(days * MICROS_PER_DAY / 2)),
    ]
}

fn rows(count: Range<usize>) -> impl Strategy<Value = Vec<(Value<'static>, Value<'static>)>> {
    prop::collection::vec((value(), value()), count)
}

fn by() -> impl Strategy<Value = By> {
    any::<(bool, bool)>().prop_map(|(descending, nulls_first)| By { descending, nulls_first })
}

/// Few values, so that many are equal.
fn small() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![1 => Just(Value::Null), 3 => (0..4_i64).prop_map(Value::Integer)]
}

/// A table of these rows with an index on the first column and perhaps more.
fn indexed(rows: &[(Value<'_>, Value<'_>, Value<'_>)], columns: &str) -> Session {
    let mut session = Session::new(&Database::in_memory());
    session
        .execute(&format!(
            "CREATE TABLE t (place INTEGER, x INTEGER, y INTEGER, z INTEGER);
             CREATE INDEX t_x ON t ({columns})"
        ))
        .expect("the table is new");
    for (place, (x, y, z)) in rows.iter().enumerate() {
        let row = [Value::from(place as i64), x.as_borrowed(), y.as_borrowed(), z.as_borrowed()];
        session.query("INSERT INTO t VALUES (?, ?, ?, ?)", &row).expect("the row fits");
    }
    session
}

proptest! {
    #[test]
    fn rows_come_in_order_and_equal_ones_as_they_were(
        rows in prop_oneof![3 => rows(1..60), 1 => rows(300..400)],
        (first, second) in (by(), by()),
        window in prop::option::of((0..70_usize, 0..10_usize)),
    ) {
        let values: Vec<String> = (0..rows.len()).map(|place| format!("(?, ?, {place})")).collect();
        let parameters: Vec<Value<'_>> = rows.iter().flat_map(|(x, y)| [x.as_borrowed(), y.as_borrowed()]).collect();
        let limit = window.map_or(String::new(), |(limit, offset)| format!(" LIMIT {limit} OFFSET {offset}"));
        let (by_x, by_y) = (first.sql(), second.sql());
        let sql = format!(
            "SELECT place FROM (VALUES {}) AS v(x, y, place) ORDER BY x {by_x}, y {by_y}{limit}",
            values.join(", ")
        );
        let mut expected: Vec<usize> = (0..rows.len()).collect();
        expected.sort_by(|&left, &right| {
            let ((left_x, left_y), (right_x, right_y)) = (&rows[left], &rows[right]);
            first.compare(left_x, right_x).then_with(|| second.compare(left_y, right_y))
        });
        let (limit, offset) = window.unwrap_or((usize::MAX, 0));
        let expected: Vec<Value<'_>> =
            expected.into_iter().skip(offset).take(limit).map(|place| Value::from(place as i64)).collect();
        let found = Session::new(&Database::in_memory()).query(&sql, &parameters).expect("the query is right");
        let found: Vec<Value<'_>> = found.iter().map(|row| row.get(0)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn groups_that_an_index_gives_are_sorted_as_the_whole(
        rows in prop::collection::vec((small(), small(), small()), 1..60),
        keys in (by(), by(), by()),
        (limit, offset) in (prop::option::of(0..30_usize), 0..10_usize),
        (least, third) in any::<(bool, bool)>(),
    ) {
        // An index in whose groups rows do not come in the order of the table.
        let mut session = indexed(&rows, if least { "x" } else { "x, place DESC" });
        let (by_x, by_y, by_z) = (keys.0.sql(), keys.1.sql(), keys.2.sql());
        let condition = if least { " WHERE x >= 1" } else { "" };
        let last = if third { format!(", z {by_z}") } else { String::new() };
        let window = limit.map_or(String::new(), |limit| format!(" LIMIT {limit} OFFSET {offset}"));
        let sql = format!("SELECT place FROM t{condition} ORDER BY x {by_x}, y {by_y}{last}{window}");
        let mut expected: Vec<usize> =
            (0..rows.len()).filter(|&place| !least || matches!(rows[place].0, Value::Integer(1..))).collect();
        expected.sort_by(|&left, &right| {
            let (left, right) = (&rows[left], &rows[right]);
            let by_z = || if third { keys.2.compare(&left.2, &right.2) } else { Ordering::Equal };
            keys.0.compare(&left.0, &right.0).then_with(|| keys.1.compare(&left.1, &right.1)).then_with(by_z)
        });
        let (skipped, taken) = limit.map_or((0, usize::MAX), |limit| (offset, limit));
        let expected: Vec<Value<'_>> =
            expected.into_iter().skip(skipped).take(taken).map(|place| Value::from(place as i64)).collect();
        let found = session.query(&sql, &[]).expect("the query is right");
        let found: Vec<Value<'_>> = found.iter().map(|row| row.get(0)).collect();
        prop_assert_eq!(found, expected, "{}", sql);
    }

    #[test]
    fn the_first_rows_of_a_union_are_those_of_its_sides(
        (left, right) in (prop::collection::vec(small(), 1..30), prop::collection::vec(small(), 1..30)),
        by in by(),
        (limit, offset) in (0..30_usize, prop::option::of(0..10_usize)),
    ) {
        let side = |values: &[Value<'_>], start| {
            let rows = values.iter().enumerate().map(|(place, value)| format!("({value}, {})", start + place));
            let rows: Vec<String> = rows.collect();
            format!("SELECT * FROM (VALUES {}) AS v(x, place)", rows.join(", "))
        };
        let (from_left, from_right) = (side(&left, 0), side(&right, left.len()));
        let skipped = offset.map_or(String::new(), |offset| format!(" OFFSET {offset}"));
        let sql = format!(
            "SELECT place FROM ({from_left} UNION ALL {from_right}) AS u ORDER BY x {} LIMIT {limit}{skipped}",
            by.sql()
        );
        let values = [left, right].concat();
        let mut expected: Vec<usize> = (0..values.len()).collect();
        expected.sort_by(|&left, &right| by.compare(&values[left], &values[right]));
        let expected: Vec<Value<'_>> = expected
            .into_iter()
            .skip(offset.unwrap_or(0))
            .take(limit)
            .map(|place| Value::from(place as i64))
            .collect();
        let found = Session::new(&Database::in_memory()).query(&sql, &[]).expect("the query is right");
        let found: Vec<Value<'_>> = found.iter().map(|row| row.get(0)).collect();
        prop_assert_eq!(found, expected, "{}", sql);
    }
}
