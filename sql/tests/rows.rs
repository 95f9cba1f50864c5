//! Row values: what they mean, and which part of an index they read. Each query is also run as a full scan.

use std::cmp::Ordering;

use manicule_engine::{Database, Row, Value};
use manicule_sql::{Routing, Session};
use proptest::prelude::*;

fn line(row: &Row) -> String {
    row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}

#[track_caller]
fn lines(session: &mut Session, sql: &str, parameters: &[Value<'_>]) -> Vec<String> {
    let rows = session.query(sql, parameters).unwrap_or_else(|error| panic!("{}", error.render(sql)));
    rows.iter().map(line).collect()
}

/// Two thousand rows, ten of each day, some of them of no day; `index` is on them.
fn days(index: &str) -> Session {
    let mut session = Session::new(&Database::in_memory());
    let rows: Vec<String> = (0..2000)
        .map(|id| {
            let day = if id % 200 == 0 { "NULL".to_owned() } else { (id / 10).to_string() };
            format!("({id}, {day}, {}, {})", id % 3, id % 7)
        })
        .collect();
    session
        .execute(&format!(
            "CREATE TABLE t (id INTEGER NOT NULL, day INTEGER, place INTEGER NOT NULL, note INTEGER);
             {index};
             INSERT INTO t VALUES {}",
            rows.join(", ")
        ))
        .expect("the table is new");
    session
}

/// The query gives the rows of a full scan, and its analysis says all of `parts`.
#[track_caller]
fn check(session: &mut Session, (sql, parameters): (&str, &[Value<'_>]), parts: &[&str]) -> Vec<String> {
    session.set_routing(Routing::FullScan);
    let expected = lines(session, sql, parameters);
    session.set_routing(Routing::Automatic);
    assert_eq!(lines(session, sql, parameters), expected, "{sql}");
    let analysis = lines(session, &format!("EXPLAIN ANALYZE {sql}"), parameters).join("\n");
    for part in parts {
        assert!(analysis.contains(part), "no '{part}' for {sql}:\n{analysis}");
    }
    expected
}

#[test]
fn rows_are_compared_as_sqlite_compares_them() {
    let mut session = Session::new(&Database::in_memory());
    for (condition, expected) in [
        ("(1, 2) = (1, 2)", "true"),
        ("(1, 2) = (1, NULL)", "NULL"),
        ("(1, 2) = (2, NULL)", "false"),
        ("(NULL, 1) = (NULL, 2)", "false"),
        ("(1, 2) <> (1, NULL)", "NULL"),
        ("(1, 2) <> (2, NULL)", "true"),
        ("(1, 2) < (1, 3)", "true"),
        ("(1, 2) < (2, NULL)", "true"),
        ("(1, NULL) < (2, 0)", "true"),
        ("(1, 2) < (1, NULL)", "NULL"),
        ("(NULL, 1) < (1, 2)", "NULL"),
        ("(1, 2) <= (1, 2)", "true"),
        ("(1, 2, 3) >= (1, 2, 4)", "false"),
        ("(1, 2, NULL) > (1, 1, 0)", "true"),
        ("NOT (1, 2) > (1, NULL)", "NULL"),
        ("NOT (1, 2) > (1, 2)", "true"),
        ("(1, 2) BETWEEN (1, 0) AND (1, 3)", "true"),
        ("(1, 2) NOT BETWEEN (1, 3) AND (NULL, 0)", "true"),
        ("(1, 2) BETWEEN (0, NULL) AND (1, 2)", "true"),
        ("(abs(-1), 2) BETWEEN (1, 0) AND (1, 1)", "false"),
        ("(1, 2) IS (1, 2)", "true"),
        ("(1, NULL) IS (1, NULL)", "true"),
        ("(1, NULL) IS NOT (1, 2)", "true"),
        ("(1, 2) IN ((1, 2), (3, 4))", "true"),
        ("(abs(1), 2) IN ((2, 2), (1, NULL))", "NULL"),
        ("(1, 2) IN (VALUES (1, 2), (3, 4))", "true"),
        ("(1, NULL) IN (VALUES (1, 2), (3, 4))", "NULL"),
        ("(5, NULL) IN (VALUES (1, 2), (3, 4))", "false"),
        ("(1, 2) NOT IN (VALUES (1, NULL), (3, 4))", "NULL"),
        ("(1, 2) NOT IN (VALUES (2, NULL), (3, 4))", "true"),
        ("(1, 2) IN (SELECT 1, 2 WHERE FALSE)", "false"),
        ("(NULL, 2) IN (SELECT 1, 2 WHERE FALSE)", "false"),
        ("(1, 2) IN ()", "false"),
        ("((1, 2)) = ((1, 2))", "true"),
        ("(count(*), 1) = (1, 1)", "true"),
    ] {
        assert_eq!(lines(&mut session, &format!("SELECT {condition}"), &[]), [expected], "{condition}");
        assert_eq!(
            lines(&mut session, &format!("SELECT CASE WHEN {condition} THEN 1 ELSE 0 END"), &[]),
            [if expected == "true" { "1" } else { "0" }],
            "{condition}"
        );
    }
}

#[test]
fn what_is_no_comparison_of_rows_is_refused() {
    let mut session = Session::new(&Database::in_memory());
    for (expr, sqlstate) in [
        ("(1, 2)", "0A000"),
        ("((1, 2))", "0A000"),
        ("1 = (1, 2)", "0A000"),
        ("(1, 2) = 1", "0A000"),
        ("(1, 2) + (1, 2)", "0A000"),
        ("(1, 2) || 'a' || 'b'", "0A000"),
        ("-(1, 2)", "0A000"),
        ("(1, 2) IS NULL", "0A000"),
        ("(1, 2) IN (1, 2)", "0A000"),
        ("(1, 2) = (SELECT 1, 2)", "0A000"),
        ("((1, 2), 3) = ((1, 2), 3)", "0A000"),
        ("max((1, 2))", "0A000"),
        ("(1, 2) = (1, 2, 3)", "42601"),
        ("(1, 2) IN ((1, 2, 3))", "42601"),
        ("(1, 2) IN (SELECT 1)", "42601"),
        ("1 IN (SELECT 1, 2)", "42601"),
    ] {
        let error = session.query(&format!("SELECT {expr}"), &[]).expect_err(expr);
        assert_eq!(error.sqlstate(), sqlstate, "{expr}: {error}");
    }
}

const PAGE: &str = "SELECT id, note FROM t WHERE (day, id) > (?, ?) ORDER BY day, id LIMIT 3";
const PAGE_BEFORE: &str = "SELECT id, note FROM t WHERE (day, id) < (?, ?) ORDER BY day DESC, id DESC LIMIT 3";

#[test]
fn a_page_is_one_range_of_an_index_that_begins_at_its_row() {
    for index in [
        "CREATE INDEX t_day ON t USING TREE (day, id)",
        "CREATE INDEX t_day ON t USING TREE (day DESC, id DESC)",
        "CREATE UNIQUE INDEX t_day ON t USING TREE (day, id)",
        "CREATE UNIQUE INDEX t_day ON t USING TREE (day DESC, id DESC)",
        "CREATE UNIQUE INDEX t_day ON t (day, id)",
        "CREATE INDEX t_day ON t USING TREE (day, id, note)",
    ] {
        let mut session = days(index);
        let from = [Value::from(50), Value::from(505)];
        let parts = ["range on t using t_day", "actual 3 rows", "bounds: (day, id) > ($1, $2)"];
        assert_eq!(check(&mut session, (PAGE, &from), &parts), ["506,2", "507,3", "508,4"], "{index}");
        let parts = ["range on t using t_day", "actual 3 rows", "bounds: (day, id) < ($1, $2)"];
        assert_eq!(check(&mut session, (PAGE_BEFORE, &from), &parts), ["504,0", "503,6", "502,5"], "{index}");
        // The last of a day, no day, and values that no column holds.
        for (from, expected) in [
            ([Value::from(50), Value::from(509)], vec!["510,6", "511,0", "512,1"]),
            ([Value::from(50), Value::Null], vec!["510,6", "511,0", "512,1"]),
            ([Value::Null, Value::from(5)], vec![]),
            ([Value::from(50.5), Value::from(9)], vec!["510,6", "511,0", "512,1"]),
            ([Value::from(50), Value::from(507.5)], vec!["508,4", "509,5", "510,6"]),
            ([Value::from(199), Value::from(1998)], vec!["1999,4"]),
            ([Value::from("x"), Value::from(1998)], vec![]),
        ] {
            assert_eq!(check(&mut session, (PAGE, &from), &[]), expected, "{index} {from:?}");
            check(&mut session, (PAGE_BEFORE, &from), &[]);
        }
        let sql = "SELECT count(*) FROM t WHERE (day, id) >= (50, 505) AND (day, id) < (51, 512)";
        let parts = ["bounds: (day, id) >= (50, 505) AND (day, id) < (51, 512)", "actual 7 rows"];
        assert_eq!(check(&mut session, (sql, &[]), &parts), ["7"]);
        let sql = "SELECT id, note FROM t WHERE (50, 505) < (day, id) AND day >= 50 ORDER BY day, id LIMIT 1";
        assert_eq!(check(&mut session, (sql, &[]), &["bounds: (day, id) > (50, 505)", "actual 1 row,"]), ["506,2"]);
        let sql = "SELECT id, note FROM t WHERE day >= ? AND (day, id) > (?, ?) ORDER BY day, id LIMIT 1";
        let from = [Value::from(50), Value::from(50), Value::from(505)];
        assert_eq!(check(&mut session, (sql, &from), &["bounds: (day, id) > ($2, $3)", "actual 1 row,"]), ["506,2"]);
    }
}

#[test]
fn pages_follow_one_another_to_the_end() {
    let mut session = days("CREATE INDEX t_day ON t USING TREE (day, id)");
    let page = session.prepare("SELECT day, id FROM t WHERE (day, id) > (?, ?) ORDER BY day, id LIMIT 20").unwrap();
    let (mut from, mut seen) = ([Value::from(-1), Value::from(0)], Vec::new());
    loop {
        let rows = session.query(page.sql(), &from).unwrap();
        let Some(last) = rows.iter().next_back() else { break };
        from = [last.get(0).into_owned(), last.get(1).into_owned()];
        seen.extend(rows.iter().map(line));
    }
    assert_eq!(seen, lines(&mut session, "SELECT day, id FROM t WHERE day IS NOT NULL ORDER BY day, id", &[]));
}

#[test]
fn a_page_may_follow_equal_columns() {
    let mut session = days("CREATE INDEX t_place ON t USING TREE (place, day, id)");
    let sql = "SELECT id, note FROM t WHERE place = ? AND (day, id) > (?, ?) ORDER BY day, id LIMIT 2";
    let from = [Value::from(1), Value::from(50), Value::from(505)];
    let parts = ["bounds: place = $1 AND (day, id) > ($2, $3)", "actual 2 rows"];
    assert_eq!(check(&mut session, (sql, &from), &parts), ["508,4", "511,0"]);
    let sql = "SELECT id, note FROM t WHERE place IN (1, 2) AND (day, id) BETWEEN (50, 505) AND (50, 507) ORDER BY id";
    let parts = ["bounds: place = 1 AND (day, id) >= (50, 505) AND (day, id) <= (50, 507)", "actual 2 rows"];
    assert_eq!(check(&mut session, (sql, &[]), &parts), ["505,1", "506,2"]);
}

#[test]
fn a_page_in_a_transaction_has_its_changes() {
    let mut session = days("CREATE INDEX t_day ON t USING TREE (day, id)");
    session
        .execute("BEGIN; DELETE FROM t WHERE id = 506; INSERT INTO t VALUES (5055, 50, 0, 9), (504, 50, 0, 9)")
        .unwrap();
    let from = [Value::from(50), Value::from(506)];
    let parts = ["range on t using t_day", "actual 3 rows"];
    assert_eq!(check(&mut session, (PAGE, &from), &parts), ["507,3", "508,4", "509,5"]);
    let from = [Value::from(50), Value::from(508)];
    assert_eq!(check(&mut session, (PAGE, &from), &parts), ["509,5", "5055,9", "510,6"]);
    session.execute("ROLLBACK").unwrap();
    assert_eq!(check(&mut session, (PAGE, &from), &parts), ["509,5", "510,6", "511,0"]);
}

#[test]
fn an_index_whose_directions_differ_begins_at_the_first_value() {
    let mut session = days("CREATE INDEX t_day ON t USING TREE (day, id DESC)");
    let from = [Value::from(50), Value::from(505)];
    let parts = ["bounds: day >= $1", "filter: (day, id) > ($1, $2)", "by: id within each day"];
    assert_eq!(check(&mut session, (PAGE, &from), &parts), ["506,2", "507,3", "508,4"]);
    let sql = "SELECT id FROM t WHERE (day, id) > (?, ?) ORDER BY day, id DESC LIMIT 3";
    let parts = ["bounds: day >= $1", "filter: (day, id) > ($1, $2)", "actual 3 rows"];
    assert_eq!(check(&mut session, (sql, &from), &parts), ["509", "508", "507"]);
    // A row of more than the index has.
    let sql = "SELECT id FROM t WHERE (day, place, id) > (?, ?, ?) ORDER BY day, place, id LIMIT 2";
    let from = [Value::from(50), Value::from(1), Value::from(505)];
    assert_eq!(check(&mut session, (sql, &from), &["bounds: day >= $1", "filter"]), ["508", "500"]);
}

#[test]
fn a_null_within_an_upper_bound_is_passed_over() {
    let mut session = Session::new(&Database::in_memory());
    session
        .execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c INTEGER NOT NULL);
             CREATE INDEX t_b ON t USING TREE (a, b);
             CREATE INDEX t_c ON t USING TREE (a, c);
             INSERT INTO t VALUES (1, 1, NULL, 1), (2, 2, NULL, 2), (3, 2, 3, 3), (4, NULL, 1, 1), (5, 2, 9, 9)",
        )
        .unwrap();
    let sql = "SELECT id FROM t WHERE (a, b) < (2, 5) ORDER BY a, b";
    let parts = ["bounds: (a, b) < (2, 5)", "filter: (a, b) < (2, 5)"];
    assert_eq!(check(&mut session, (sql, &[]), &parts), ["1", "3"]);
    let sql = "SELECT id FROM t WHERE (a, c) < (2, 5) ORDER BY a, c";
    assert_eq!(check(&mut session, (sql, &[]), &["bounds: (a, c) < (2, 5)"]), ["1", "2", "3"]);
    let plan = lines(&mut session, &format!("EXPLAIN {sql}"), &[]).join("\n");
    assert!(!plan.contains("filter"), "{plan}");
}

#[test]
fn rows_that_are_equal_are_looked_up() {
    let mut session = days("CREATE INDEX t_day ON t USING HASH (day, note)");
    let parts = ["MultiIndex lookup on t using t_day", "key: day = 50 AND note = 4"];
    assert_eq!(check(&mut session, ("SELECT id FROM t WHERE (note, day) = (4, 50)", &[]), &parts), ["501", "508"]);
    let sql = "SELECT id FROM t WHERE (day, note) IN ((50, 4), (?, ?), (50, 4)) ORDER BY id";
    let from = [Value::from(51), Value::from(0)];
    let parts = ["Union of paths on t", "key: day = 50 AND note = 4", "key: day = $1 AND note = $2"];
    assert_eq!(check(&mut session, (sql, &from), &parts), ["501", "508", "511", "518"]);
    let list: Vec<String> = (0..20).map(|day| format!("({}, {day})", day * 5)).collect();
    let sql = format!("SELECT count(*) FROM t WHERE (day, note) IN ({}, (NULL, 1))", list.join(", "));
    let parts = ["lookup of subquery 1 on t using t_day", "key: (day, note) IN (subquery 1)", "Values, 21 rows"];
    assert_eq!(check(&mut session, (&sql, &[]), &parts), ["12"]);
    let sql = "SELECT id FROM t WHERE (note, day) IN (SELECT note, day + 1 FROM t WHERE id = 508) ORDER BY id";
    let parts = ["lookup of subquery 1 on t using t_day", "key: (t.day, t.note) IN (subquery 1)", "actual 1 row,"];
    assert_eq!(check(&mut session, (sql, &[]), &parts), ["515"]);
    let sql = "SELECT count(*) FROM t AS l JOIN t AS r ON (l.day, l.note) = (r.day, r.note) WHERE l.id IN (501, 502)";
    assert_eq!(check(&mut session, (sql, &[]), &["using t_day"]), ["4"]);
}

#[test]
fn parameters_are_of_the_columns_beside_them() {
    let mut session = Session::new(&Database::in_memory());
    session
        .execute(
            "CREATE TABLE t (day DATE, name TEXT); CREATE INDEX t_day ON t USING TREE (day, name);
             INSERT INTO t VALUES ('2024-01-01', '1'), ('2024-01-01', '2'), ('2024-01-02', '1')",
        )
        .unwrap();
    for condition in [
        "(day, name) > (?, ?)",
        "(?, ?) < (day, name)",
        "(day, name) BETWEEN (?, ?) AND ('2024-01-02', '1') AND (day, name) <> ('2024-01-01', 1)",
        "NOT (day, name) <= (?, ?)",
    ] {
        let sql = format!("SELECT day, name FROM t WHERE {condition} ORDER BY day, name");
        let from = [Value::from("2024-01-01"), Value::from(1)];
        assert_eq!(check(&mut session, (&sql, &from), &[]), ["2024-01-01,2", "2024-01-02,1"], "{condition}");
    }
    for condition in
        ["(day, name) = (?, ?)", "(day, name) IN ((?, ?), ('2025-01-01', 1))", "(?, ?) IN (SELECT day, name FROM t)"]
    {
        let sql = format!("SELECT count(*) > 0 FROM t WHERE {condition}");
        let from = [Value::from("2024-01-02"), Value::from(1)];
        assert_eq!(check(&mut session, (&sql, &from), &[]), ["true"], "{condition}");
    }
}

/// SQL's comparison of two rows by an operator.
fn compared(left: &[Value<'_>], operator: &str, right: &[Value<'_>]) -> Option<bool> {
    let pairs = || {
        left.iter().zip(right).map(|(left, right)| (!left.is_null() && !right.is_null()).then(|| left.compare(right)))
    };
    let equal = || match pairs().any(|pair| pair.is_some_and(Ordering::is_ne)) {
        true => Some(false),
        false => pairs().all(|pair| pair.is_some()).then_some(true),
    };
    let order = || pairs().find(|pair| *pair != Some(Ordering::Equal)).unwrap_or(Some(Ordering::Equal));
    match operator {
        "=" => equal(),
        "<>" => equal().map(|equal| !equal),
        "<" => order().map(Ordering::is_lt),
        "<=" => order().map(Ordering::is_le),
        ">" => order().map(Ordering::is_gt),
        _ => order().map(Ordering::is_ge),
    }
}

fn any_of(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(true)) {
        Some(true)
    } else if parts.contains(&None) {
        None
    } else {
        Some(false)
    }
}

/// Few values, so that many are equal, and some that lie between or beyond them.
fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![1 => Just(Value::Null), 4 => (0..4_i64).prop_map(Value::Integer)]
}

fn limit() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        1 => Just(Value::Null),
        6 => (0..4_i64).prop_map(Value::Integer),
        1 => (-1..9_i32).prop_map(|halves| Value::Real(f64::from(halves) / 2.0)),
        1 => Just(Value::from("x")),
    ]
}

fn row<V: Strategy<Value = Value<'static>>>(value: fn() -> V) -> impl Strategy<Value = [Value<'static>; 3]> {
    [value(), value(), value()]
}

const NAMES: [&str; 3] = ["a", "b", "c"];

/// A comparison of rows of some columns, its parameters, and the rows that satisfy it.
#[derive(Clone, Debug)]
struct Condition {
    columns: Vec<usize>,
    operator: &'static str,
    limits: Vec<[Value<'static>; 3]>,
}

impl Condition {
    fn sql(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| NAMES[*column]).collect();
        let names = format!("({})", names.join(", "));
        let row = format!("(?{})", ", ?".repeat(self.columns.len() - 1));
        match self.operator {
            "IN" | "NOT IN" => format!("{names} {} ({})", self.operator, vec![row; self.limits.len()].join(", ")),
            "IN VALUES" => format!("{names} IN (VALUES {})", vec![row; self.limits.len()].join(", ")),
            "IN OUTER" => {
                let values = vec![row; self.limits.len()].join(", ");
                let names: Vec<String> = (0..self.columns.len()).map(|at| format!("v.column{}", at + 1)).collect();
                let outer = self.columns.iter().map(|column| NAMES[*column]).collect::<Vec<_>>().join(", ");
                format!("({outer}) IN (SELECT {} FROM (VALUES {values}) AS v WHERE t.place >= 0)", names.join(", "))
            }
            "BETWEEN" => format!("{names} BETWEEN {row} AND {row}"),
            operator => format!("{names} {operator} {row}"),
        }
    }

    fn parameters(&self) -> Vec<Value<'static>> {
        let used = match self.operator {
            "IN" | "NOT IN" | "IN VALUES" | "IN OUTER" => self.limits.len(),
            "BETWEEN" => 2,
            _ => 1,
        };
        self.limits[..used].iter().flat_map(|limit| limit[..self.columns.len()].to_vec()).collect()
    }

    fn holds(&self, row: &[Value<'_>; 3]) -> bool {
        let row: Vec<Value<'_>> = self.columns.iter().map(|column| row[*column].clone()).collect();
        let by = |operator, limit: &[Value<'_>; 3]| compared(&row, operator, &limit[..row.len()]);
        let is_in = || any_of(self.limits.iter().map(|limit| by("=", limit)));
        let found = match self.operator {
            "IN" | "IN VALUES" | "IN OUTER" => is_in(),
            "NOT IN" => is_in().map(|found| !found),
            "BETWEEN" => any_of([by("<", &self.limits[0]), by(">", &self.limits[1])].into_iter()).map(|out| !out),
            operator => by(operator, &self.limits[0]),
        };
        found == Some(true)
    }
}

fn condition() -> impl Strategy<Value = Condition> {
    let columns =
        prop::sample::select(vec![vec![0, 1], vec![0, 1, 2], vec![1, 0], vec![1, 2], vec![0, 0], vec![2, 1, 0]]);
    let operators = ["=", "<>", "<", "<=", ">", ">=", "BETWEEN", "IN", "NOT IN", "IN VALUES", "IN OUTER"];
    let limits = prop_oneof![prop::collection::vec(row(limit), 2..4), prop::collection::vec(row(limit), 8..10)];
    (columns, prop::sample::select(operators.to_vec()), limits).prop_map(|(columns, operator, limits)| Condition {
        columns,
        operator,
        limits,
    })
}

const INDEXES: [&str; 9] = [
    "CREATE INDEX i ON t USING TREE (a, b)",
    "CREATE INDEX i ON t USING TREE (a DESC, b DESC)",
    "CREATE INDEX i ON t USING TREE (a, b DESC, c)",
    "CREATE UNIQUE INDEX i ON t (a, b, c, place)",
    "CREATE INDEX i ON t USING HASH (a, b)",
    "CREATE INDEX i ON t USING TREE (a)",
    "CREATE INDEX i ON t USING TREE (b DESC, a DESC, c)",
    "CREATE INDEX i ON t (b); CREATE INDEX j ON t USING TREE (a, b, c)",
    "CREATE INDEX i ON t USING TREE (c DESC, b DESC, a DESC)",
];

proptest! {
    #[test]
    fn every_path_gives_the_rows_that_compare(
        rows in prop::collection::vec(row(value), 1..80),
        index in prop::sample::select(INDEXES.to_vec()),
        (first, second) in (condition(), prop::option::of(condition())),
        (descending, limit) in (any::<bool>(), prop::option::of(0..10_usize)),
        own in 0..40_usize,
    ) {
        let mut session = Session::new(&Database::in_memory());
        session
            .execute(&format!("CREATE TABLE t (place INTEGER NOT NULL, a INTEGER, b INTEGER, c INTEGER); {index}"))
            .expect("the table is new");
        // The last rows are those of an open transaction, which has deleted the first.
        let own = own.min(rows.len());
        for (place, [a, b, c]) in rows.iter().enumerate() {
            if place == rows.len() - own {
                session.execute("BEGIN").expect("there is none");
            }
            let row = [Value::from(place as i64), a.clone(), b.clone(), c.clone()];
            session.query("INSERT INTO t VALUES (?, ?, ?, ?)", &row).expect("the row fits");
        }
        if own > 0 {
            session.execute("DELETE FROM t WHERE place = 0").expect("it is there");
        }
        let conditions: Vec<&Condition> = std::iter::once(&first).chain(&second).collect();
        let direction = if descending { " DESC" } else { "" };
        let window = limit.map_or(String::new(), |limit| format!(" LIMIT {limit}"));
        let sql = format!(
            "SELECT place FROM t WHERE {} ORDER BY a{direction}, b{direction}, c{direction}, place{window}",
            conditions.iter().map(|condition| condition.sql()).collect::<Vec<_>>().join(" AND ")
        );
        let parameters: Vec<Value<'_>> = conditions.iter().flat_map(|condition| condition.parameters()).collect();
        let mut expected: Vec<usize> = (usize::from(own > 0)..rows.len())
            .filter(|&place| conditions.iter().all(|condition| condition.holds(&rows[place])))
            .collect();
        expected.sort_by(|&left, &right| {
            let ordering = rows[left].cmp(&rows[right]);
            if descending { ordering.reverse() } else { ordering }
        });
        let expected: Vec<String> =
            expected.into_iter().take(limit.unwrap_or(usize::MAX)).map(|place| place.to_string()).collect();
        for routing in [Routing::Automatic, Routing::FullScan] {
            session.set_routing(routing);
            prop_assert_eq!(lines(&mut session, &sql, &parameters), expected.clone(), "{:?} {} {:?}", routing, &sql, &parameters);
        }
        let mut text = String::new();
        let mut values = parameters.iter();
        for part in sql.split_inclusive('?') {
            text.push_str(part.trim_end_matches('?'));
            match values.next() {
                Some(Value::Text(value)) => text.push_str(&format!("'{value}'")),
                Some(value) => text.push_str(&value.to_string()),
                None => {}
            }
        }
        session.set_routing(Routing::Automatic);
        prop_assert_eq!(lines(&mut session, &text, &[]), expected, "{}", text);
    }
}

#[test]
fn a_page_written_with_or_begins_at_its_row() {
    for index in ["CREATE INDEX t_day ON t USING TREE (day, id)", "CREATE INDEX t_day ON t USING TREE (day)"] {
        let mut session = days(index);
        let sql = "SELECT id FROM t WHERE day > 50 OR (day = 50 AND id > 505) ORDER BY day, id LIMIT 3";
        assert_eq!(check(&mut session, (sql, &[]), &["bounds: day >= 50", "using t_day"]), ["506", "507", "508"]);
        let sql = "SELECT id FROM t WHERE (day = 50 AND id < 505) OR day < 50 ORDER BY day DESC, id DESC LIMIT 3";
        assert_eq!(check(&mut session, (sql, &[]), &["bounds: day <= 50", "using t_day"]), ["504", "503", "502"]);
        // Parameters: in the same place, in two of which one may be NULL, and such as no value of the column equals.
        let sql = "SELECT id FROM t WHERE day > $1 OR (day = $1 AND id > $2) ORDER BY day, id LIMIT 3";
        let from = [Value::from(50), Value::from(505)];
        assert_eq!(check(&mut session, (sql, &from), &["bounds: day >= $1"]), ["506", "507", "508"]);
        let sql = "SELECT id FROM t WHERE day > ? OR (day = ? AND id > ?) ORDER BY day, id LIMIT 3";
        let page = |day: Value<'static>, same: Value<'static>| [day, same, Value::from(505)];
        for (from, expected) in [
            (page(Value::from(50), Value::from(50)), vec!["506", "507", "508"]),
            (page(Value::from(50), Value::Null), vec!["510", "511", "512"]),
            (page(Value::Null, Value::from(50)), vec!["506", "507", "508"]),
            (page(Value::Null, Value::Null), vec![]),
            (page(Value::from(50.5), Value::from(49.5)), vec!["510", "511", "512"]),
            (page(Value::from("x"), Value::from(50)), vec!["506", "507", "508"]),
        ] {
            let parts: &[&str] = if expected.is_empty() { &[] } else { &["bounds: day >= ", "using t_day"] };
            assert_eq!(check(&mut session, (sql, &from), parts), expected, "{index} {from:?}");
        }
    }
}

#[test]
fn alternatives_bound_a_column_only_if_all_of_them_do() {
    let mut session = days("CREATE INDEX t_day ON t USING TREE (day, id)");
    for (condition, bounds) in [
        ("day BETWEEN 3 AND 5 AND note = 1 OR day IN (9, 7) AND note = 2", "bounds: day >= 3 AND day <= 9"),
        ("(day > 190 AND note = 1) OR (day = 180 AND note < 3) OR (NULL < day)", "bounds: day >= 180"),
        ("day > 5 OR note = 1", "filter: day > 5 OR note = 1"),
        ("day IS NULL OR day > 190 AND note = 3", "filter: day IS NULL OR"),
        ("day > 190 AND note = 1 OR id = 7", "filter: "),
        ("day > 0 OR note > 7 AND day > 1 / 0", "filter: "),
    ] {
        let sql = format!("SELECT id FROM t WHERE {condition} ORDER BY day, id LIMIT 3");
        check(&mut session, (&sql, &[]), &[bounds]);
    }
}
