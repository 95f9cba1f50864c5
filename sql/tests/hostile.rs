//! Text that tries to break the parser, the binder or the process: each gets a clear error, and the next statement works.
//! Tests run on threads with 2 MiB of stack, so that an unbounded recursion ends the process.
//! With `HOSTILE_FULL=1` lists are as long as somebody hostile would make them.

use std::time::{Duration, Instant};

use manicule_engine::{Database, Value};
use manicule_sql::{ErrorKind, Session};

fn session() -> Session {
    let mut session = Session::new(&Database::in_memory());
    session
        .execute("CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y')")
        .expect("the table is new");
    session
}

/// The error's text; panics if the statement works, takes long, or spoils the session.
fn error(sql: &str) -> String {
    let mut session = session();
    let start = Instant::now();
    let error = match session.execute(sql) {
        Ok(outcome) => panic!("no error but {outcome:?} for {}", &sql[..sql.len().min(200)]),
        Err(error) => error,
    };
    assert!(start.elapsed() < Duration::from_secs(20), "{:?} for {}", start.elapsed(), &sql[..sql.len().min(200)]);
    assert!(error.render(sql).len() < 2000);
    assert_eq!(value(&mut session, "SELECT COUNT(*) FROM t"), Value::Integer(2));
    format!("{error} [{}]", error.sqlstate())
}

fn value(session: &mut Session, sql: &str) -> Value<'static> {
    let rows = session.query(sql, &[]).unwrap_or_else(|error| panic!("{error} for {}", &sql[..sql.len().min(200)]));
    rows.value(0, 0).into_owned()
}

#[track_caller]
fn check(sql: &str, expected: &str) {
    let error = error(sql);
    assert!(error.contains(expected), "{error} for {}", &sql[..sql.len().min(200)]);
}

fn repeated(part: &str, count: usize) -> String {
    part.repeat(count)
}

#[test]
fn nested_parentheses_are_bounded() {
    for count in [65, 1_000, 100_000] {
        let sql = format!("SELECT {}1{}", repeated("(", count), repeated(")", count));
        check(&sql, "nested too deeply");
        check(&format!("SELECT {}1", repeated("(", count)), "nested too deeply");
        check(&format!("SELECT * FROM {}t{}", repeated("(", count), repeated(")", count)), "nested too deeply");
    }
}

#[test]
fn moderately_nested_parentheses_work() {
    let sql = format!("SELECT {}1{}", repeated("(", 20), repeated(")", 20));
    assert_eq!(value(&mut session(), &sql), Value::Integer(1));
}

#[test]
fn chains_are_bounded() {
    for operator in ["AND", "OR", "||", "+", "-", "*", "=", "<", "IS NULL OR"] {
        for count in [1_002, 100_000] {
            check(&format!("SELECT 1{}", repeated(&format!(" {operator} 1"), count)), "limit");
        }
    }
    for suffix in ["::int", " IS NULL", " COLLATE BINARY", " IN (1)", " LIKE 'a'", " BETWEEN 1 AND 2", " NOTNULL"] {
        for count in [251, 100_000] {
            check(&format!("SELECT 1{}", repeated(suffix, count)), "limit");
        }
    }
    for prefix in ["NOT ", "- ", "+ ", "~ ", "EXISTS (SELECT ", "CASE WHEN "] {
        for count in [300, 100_000] {
            check(&format!("SELECT {}1", repeated(prefix, count)), "nested too deeply");
        }
    }
}

#[test]
fn long_chains_under_the_limits_work() {
    let mut session = session();
    assert_eq!(value(&mut session, &format!("SELECT 1{}", repeated(" AND 1", 1_000))), Value::Boolean(true));
    assert_eq!(value(&mut session, &format!("SELECT 0{}", repeated(" OR 0", 1_000))), Value::Boolean(false));
    assert_eq!(
        value(&mut session, &format!("SELECT LENGTH('a'{})", repeated(" || 'a'", 1_000))),
        Value::Integer(1_001)
    );
    assert_eq!(value(&mut session, &format!("SELECT 1{}", repeated(" + 1", 250))), Value::Integer(251));
    let sql = format!("SELECT COUNT(*) FROM t WHERE a = 1{}", repeated(" OR a = 1 + 1", 900));
    assert_eq!(value(&mut session, &sql), Value::Integer(2));
    let sql = format!("SELECT 1{}", repeated(" UNION ALL SELECT 1", 499));
    assert_eq!(session.query(&sql, &[]).unwrap().len(), 500);
    let sql = format!("SELECT 1{}", repeated(" UNION SELECT 1", 499));
    assert_eq!(session.query(&sql, &[]).unwrap().len(), 1);
}

#[test]
fn row_values_are_bounded() {
    let row = |width: usize| format!("(a{})", repeated(", 1", width - 1));
    let mut session = session();
    let equal = format!("{row} = {row}", row = row(500));
    assert_eq!(value(&mut session, &format!("SELECT COUNT(*) FROM t WHERE {equal} AND {equal}")), Value::Integer(2));
    check(&format!("SELECT COUNT(*) FROM t WHERE {equal} AND {equal} AND {equal}"), "limit 1000");
    check(&format!("SELECT COUNT(*) FROM t WHERE {row} < {row}", row = row(1_025)), "limit 1024");
    check(&format!("SELECT {}1{}", repeated("(1, 2) = (1, ", 100), repeated(")", 100)), "nested too deeply");
    check(&format!("SELECT (1, 1){}", repeated(" = (1, 1)", 300)), "limit 250");
    let lists = repeated(" AND (a, a) IN ((1, 1), (2, 2), (3, 3), (4, 4))", 1_000);
    assert_eq!(value(&mut session, &format!("SELECT COUNT(*) FROM t WHERE 1 = 1{lists}")), Value::Integer(2));
    // What is written once is computed once, or each level would double the work.
    let nested = (0..20).fold("1".to_owned(), |inner, _| {
        format!("CASE WHEN (abs({inner}), 1) BETWEEN (0, 0) AND (2, 2) THEN 1 ELSE 0 END")
    });
    assert_eq!(value(&mut session, &format!("SELECT {nested}")), Value::Integer(1));
    let nested = (0..12).fold("1".to_owned(), |inner, _| format!("(SELECT (a, {inner}) > (0, 0) FROM t WHERE a = 1)"));
    assert_eq!(value(&mut session, &format!("SELECT {nested}")), Value::Boolean(true));
}

#[test]
fn compound_queries_are_bounded() {
    for operator in ["UNION ALL", "UNION", "EXCEPT", "INTERSECT"] {
        check(&format!("SELECT 1{}", repeated(&format!(" {operator} SELECT 1"), 20_000)), "limit 500");
    }
}

#[test]
fn nested_queries_are_bounded() {
    let count = 5_000;
    check(&format!("SELECT {}1{}", repeated("(SELECT ", count), repeated(")", count)), "nested too deeply");
    check(&format!("SELECT * FROM {}t{}", repeated("(SELECT * FROM ", count), repeated(")", count)), "nested");
    check(&format!("SELECT {}1{}", repeated("abs(", count), repeated(")", count)), "nested too deeply");
}

#[test]
fn names_that_stand_for_ever_more_queries_are_bounded() {
    let doubled = |last: usize| {
        let with = |n: usize| format!(", w{n} AS (SELECT l.x FROM w{m} AS l, w{m} AS r)", m = n - 1);
        let withs: String = (1..=last).map(with).collect();
        format!("WITH w0 AS (SELECT 1 AS x){withs} SELECT count(*) FROM w{last}")
    };
    assert_eq!(value(&mut session(), &doubled(6)), Value::Integer(1));
    check(&doubled(20), "limit 1000");
    let mut session = session();
    session.execute("CREATE VIEW v0 AS SELECT a FROM t").unwrap();
    for n in 1..=6 {
        let sql = format!("CREATE VIEW v{n} AS SELECT l.a FROM v{m} AS l JOIN v{m} AS r ON l.a = r.a", m = n - 1);
        session.execute(&sql).unwrap();
    }
    assert_eq!(value(&mut session, "SELECT count(*) FROM v6"), Value::Integer(2));
    let eight = (1..8).map(|n| format!(", v6 AS r{n}")).collect::<String>();
    let error = session.execute(&format!("SELECT count(*) FROM v6{eight}")).unwrap_err();
    assert_eq!(error.sqlstate(), "54001");
    let many = repeated("SELECT x FROM w UNION ALL ", 499);
    let sql = format!("WITH w AS (SELECT 1 AS x) SELECT count(*) FROM ({many} SELECT x FROM w) AS u");
    assert_eq!(value(&mut session, &sql), Value::Integer(500));
}

#[test]
fn half_open_nests_take_no_exponential_time() {
    for part in [
        "(",
        "(1, ",
        "(1, 2) = (",
        "(1, 2) IN ((",
        "CASE ",
        "CASE WHEN ",
        "(SELECT ",
        "abs(",
        "NOT ",
        "CAST(",
        "- (",
        "a IN (",
        "EXISTS (",
    ] {
        for count in [20, 40] {
            error(&format!("SELECT {}", repeated(part, count)));
            error(&format!("SELECT * FROM t WHERE {}", repeated(part, count)));
        }
    }
    for count in [20, 40] {
        error(&format!("SELECT * FROM {}", repeated("(", count)));
        error(&format!("SELECT * FROM {} t JOIN", repeated("(", count)));
    }
}

#[test]
fn a_long_list_works() {
    let is_full = std::env::var("HOSTILE_FULL").is_ok_and(|full| full != "0");
    let items = if is_full { 1_000_000 } else { 20_000 };
    let list: Vec<String> = (0..items).map(|item| item.to_string()).collect();
    let sql = format!("SELECT COUNT(*) FROM t WHERE a IN ({})", list.join(","));
    assert_eq!(value(&mut session(), &sql), Value::Integer(2));
    let list: Vec<String> = (0..items).map(|item| format!("({item}, {item})")).collect();
    let sql = format!("SELECT COUNT(*) FROM t WHERE (a, a + 0) IN ({})", list.join(","));
    assert_eq!(value(&mut session(), &sql), Value::Integer(2));
}

#[test]
fn text_over_the_limits_is_refused() {
    check(&format!("SELECT '{}'", repeated("a", 17 << 20)), "string that is too long");
    check(&format!("SELECT 1 /*x*/ {}", repeated("+ 1111111111 /* y */", 3 << 20)), "limit");
    check(
        &format!(
            "INSERT INTO t VALUES {} (1, 'x')",
            repeated("(1, 'a string of some length, as rows have them'),", 1 << 20)
        ),
        "limit",
    );
    check(&format!("SELECT {} FROM t", repeated("a", 1_000)), "limit 128");
    check(&format!("SELECT \"{}\" FROM t", repeated("a", 1_000)), "limit 128");
    check(&format!("SELECT 1{}", repeated(", 1", 5_000)), "limit 1024");
    check(
        &format!("SELECT * FROM t AS t0{}", (1..100).map(|n| format!(", t AS t{n}")).collect::<String>()),
        "limit 64",
    );
    assert_eq!(value(&mut session(), &format!("SELECT LENGTH('{}')", repeated("a", 1 << 20))), Value::Integer(1 << 20));
}

#[test]
fn open_strings_and_comments_say_where_they_begin() {
    for (sql, place) in [
        ("SELECT 'abc", "1:8"),
        ("SELECT 1;\nSELECT \"abc", "2:8"),
        ("SELECT 1 /* abc", "1:10"),
        ("SELECT 1,\n  /* /* */", "2:3"),
    ] {
        let error = session().execute(sql).unwrap_err();
        assert!(error.is_incomplete(), "{error}");
        assert!(error.render(sql).contains(&format!("--> {place}\n")), "{}", error.render(sql));
    }
    check(&repeated("/*", 100_000), "nested too deeply");
    assert!(session().execute(&format!("{}{} SELECT 1", repeated("/*", 32), repeated("*/", 32))).is_ok());
}

#[test]
fn odd_characters_are_named() {
    check("SELECT 1\0", "zero byte");
    check("SELECT 'a\0'", "zero byte");
    check("SELECT\u{a0}1", "U+00A0");
    check("SELECT \u{2003}1", "U+2003");
    check("SELECT \u{1f600}", "U+1F600");
    check("SELECT \u{feff}1", "U+FEFF");
    let mut session = session();
    assert_eq!(value(&mut session, "\u{feff}SELECT 1"), Value::Integer(1));
    assert_eq!(value(&mut session, "SELECT 'é' = 'e\u{301}'"), Value::Boolean(false));
    assert_eq!(value(&mut session, "SELECT UPPER('straße')"), Value::from("STRAßE"));
    assert_eq!(value(&mut session, "SELECT LOWER('İSTANBUL')"), Value::from("İstanbul"));
}

#[test]
fn empty_text_is_nothing() {
    for sql in ["", ";;;", " \n ; -- x\n /* y */ ;", "\u{feff}"] {
        assert!(session().execute(sql).unwrap().is_empty(), "{sql:?}");
    }
    assert!(session().query("", &[]).unwrap().is_empty());
}

#[test]
fn numbers_out_of_range_are_refused() {
    check("SELECT 9223372036854775808", "out of range");
    check("SELECT 99999999999999999999999999", "out of range");
    check("SELECT 1e400", "out of range");
    assert_eq!(value(&mut session(), "SELECT -9223372036854775808"), Value::Integer(i64::MIN));
    check("SELECT 9223372036854775807 + 1", "22003");
    check("SELECT ABS(-9223372036854775808)", "22003");
    check("SELECT -9223372036854775808 / -1", "22003");
    check("SELECT - (-9223372036854775808)", "22003");
    check("SELECT 1 / 0", "22012");
    check("SELECT 1 % 0", "22012");
    check("SELECT 1e308 * 10", "22003");
    check("SELECT SUM(a) FROM (SELECT 9223372036854775807 AS a UNION ALL SELECT 1)", "22003");
    check("SELECT CAST('12abc' AS INTEGER)", "22P02");
    check("SELECT CAST(1e20 AS BIGINT)", "22003");
}

#[test]
fn limits_and_positions_are_checked() {
    check("SELECT a FROM t LIMIT -1", "2201W");
    check("SELECT a FROM t LIMIT 1 OFFSET -1", "2201X");
    check("SELECT a FROM t ORDER BY 99", "42P10");
    check("SELECT a FROM t GROUP BY 99", "42P10");
    check("SELECT a FROM t UNION SELECT a FROM t ORDER BY 0", "42P10");
    let rows = session().query("SELECT a FROM t LIMIT 5 OFFSET 9223372036854775807", &[]).unwrap();
    assert!(rows.is_empty());
}

#[test]
fn matching_and_replacing_stay_bounded() {
    let pattern = repeated("%a", 25);
    let sql = format!("SELECT '{}' LIKE '{pattern}b'", repeated("a", 5_000));
    assert_eq!(value(&mut session(), &sql), Value::Boolean(false));
    let long = repeated("a", 1 << 20);
    check(&format!("SELECT LENGTH(REPLACE('{long}', 'a', '{}'))", &long[..1 << 10]), "larger than");
}

#[test]
fn special_reals_compare_as_documented() {
    let mut session = session();
    assert_eq!(value(&mut session, "SELECT -0.0 = 0.0"), Value::Boolean(true));
    assert_eq!(value(&mut session, "SELECT CAST('NaN' AS REAL) = CAST('NaN' AS REAL)"), Value::Boolean(true));
    assert_eq!(
        value(&mut session, "SELECT COUNT(DISTINCT x) FROM (SELECT 0.0 AS x UNION ALL SELECT -0.0)"),
        Value::Integer(1)
    );
    for index in ["", "CREATE INDEX r_x ON r USING HASH (x)", "CREATE INDEX r_x ON r USING TREE (x)"] {
        session.execute("CREATE TABLE r (id INTEGER, x REAL)").unwrap();
        session.execute(index).unwrap();
        let rows = "(1, CAST('NaN' AS REAL)), (2, 0.0), (3, -0.0), (4, -CAST('NaN' AS REAL)), (5, 1e308), (6, NULL)";
        session.execute(&format!("INSERT INTO r VALUES {rows}")).unwrap();
        for (condition, ids) in [
            ("x = 0.0", "2,3"),
            ("x = -0.0", "2,3"),
            ("x = CAST('NaN' AS REAL)", "1,4"),
            ("x >= 0.0", "2,3,5,1,4"),
            ("x > 1e308", "1,4"),
            ("x < CAST('NaN' AS REAL)", "2,3,5"),
        ] {
            let sql =
                format!("SELECT GROUP_CONCAT(id) FROM (SELECT id FROM r WHERE {condition} ORDER BY x, id) AS ordered");
            assert_eq!(value(&mut session, &sql), Value::from(ids), "{condition} {index}");
        }
        assert_eq!(value(&mut session, "SELECT COUNT(DISTINCT x) FROM r"), Value::Integer(3));
        session.execute("DROP TABLE r").unwrap();
    }
    session.execute("CREATE TABLE r (x REAL UNIQUE); INSERT INTO r VALUES (0.0), (CAST('NaN' AS REAL))").unwrap();
    for same in ["-0.0", "CAST('NaN' AS REAL)"] {
        let error = session.execute(&format!("INSERT INTO r VALUES ({same})")).unwrap_err();
        assert_eq!(error.sqlstate(), "23505", "{same}");
    }
}

#[test]
fn duplicate_columns_are_refused() {
    check("CREATE TABLE u (a INTEGER, A TEXT)", "42701");
    check("INSERT INTO t (a, a) VALUES (1, 2)", "42701");
}

#[test]
fn what_is_not_there_is_said_to_be_unsupported() {
    for sql in [
        "CREATE TRIGGER x UPDATE ON t BEGIN SELECT 1; END",
        "WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT * FROM x",
        "CREATE TABLE u (a INTEGER REFERENCES t (a))",
        "SELECT SUM(a) OVER () FROM t",
        "SELECT SUM(a) WITHIN GROUP (ORDER BY a) FROM t",
        "GRANT ALL ON t TO x",
        "ATTACH 'x' AS y",
    ] {
        check(sql, "0A000");
    }
}

#[test]
fn errors_of_the_parser_are_errors() {
    let mut session = session();
    for sql in
        ["SELEC 1", "SELECT", "SELECT FROM", "SELECT 1 1 1", "INSERT t", "FROM t", ")", "SELECT * FROM t WHERE", "'"]
    {
        let error = session.execute(sql).unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Syntax { .. } | ErrorKind::Unterminated { .. } | ErrorKind::NotSupported { .. }
            ),
            "{sql}: {error:?}"
        );
    }
}

#[test]
fn rows_that_nobody_could_keep_are_refused() {
    let mut session = session();
    let values = [("a", 16), ("b", 64), ("c", 128), ("d", 480)].map(|(letter, count)| letter.repeat(count));
    let [a, b, c, d] = values;
    let large = format!("replace(replace(replace('{a}', 'a', '{b}'), 'b', '{c}'), 'c', '{d}')");
    session.execute(&format!("CREATE TABLE large AS SELECT {large} AS r")).expect("60 MiB are taken");
    let list = |of: &dyn Fn(usize) -> String| (0..72).map(of).collect::<Vec<_>>().join(", ");
    let columns = list(&|column| format!("c{column} TEXT"));
    session.execute(&format!("CREATE TABLE wide ({columns}); INSERT INTO wide (c0) VALUES ('x')")).expect("it is new");
    let repeated = list(&|_| "r".to_owned());
    for sql in [
        format!("SELECT {repeated} FROM large"),
        format!("CREATE TABLE huge AS SELECT {repeated} FROM large"),
        format!("INSERT INTO wide SELECT {repeated} FROM large"),
    ] {
        let error = session.execute(&sql).expect_err(&sql[..50]);
        assert_eq!(error.sqlstate(), "54000", "{error} for {}", &sql[..50]);
    }
    assert_eq!(value(&mut session, "SELECT COUNT(*) FROM wide"), Value::Integer(1));
}
