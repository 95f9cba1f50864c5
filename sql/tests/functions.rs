//! The functions: their values beside SQLite's and PostgreSQL's, NULL, errors, and where they stand.

#[path = "support/empty.rs"]
mod empty;

use empty::{rows, session};
use manicule_engine::Value;

/// Each expression has this value, folded and computed from a row.
#[track_caller]
fn check(expected: &[(&str, &str)]) {
    let mut session = session();
    session.execute("CREATE TABLE one (null_text TEXT); INSERT INTO one VALUES (NULL)").expect("it is new");
    for (expr, value) in expected {
        assert_eq!(rows(&mut session, &format!("SELECT {expr}")), *value, "{expr}");
        let unfolded = format!("SELECT CASE WHEN null_text IS NULL THEN {expr} END FROM one");
        assert_eq!(rows(&mut session, &unfolded), *value, "{expr} over a row");
    }
}

#[track_caller]
fn check_errors(expected: &[(&str, &str)]) {
    let mut session = session();
    for (expr, sqlstate) in expected {
        let error = session.query(&format!("SELECT {expr}"), &[]).expect_err(expr);
        assert_eq!(error.sqlstate(), *sqlstate, "{expr}: {error}");
    }
}

#[test]
fn functions_of_reals_are_sqlites() {
    check(&[
        ("exp(1)", "2.718281828459045"),
        ("ln(2)", "0.6931471805599453"),
        ("log(1000)", "3.0"),
        ("log(2, 8)", "3.0"),
        ("log10(100)", "2.0"),
        ("log2(8)", "3.0"),
        ("pi()", "3.141592653589793"),
        ("degrees(pi())", "180.0"),
        ("radians(180)", "3.141592653589793"),
        ("sin(0)", "0.0"),
        ("cos(0)", "1.0"),
        ("tan(0)", "0.0"),
        ("asin(1)", "1.5707963267948966"),
        ("acos(1)", "0.0"),
        ("atan(1)", "0.7853981633974483"),
        ("atan2(1, -1)", "2.356194490192345"),
        ("trunc(-2.7)", "-2.0"),
        ("typeof(trunc(7))", "integer"),
        // No real number.
        ("ln(0)", "NULL"),
        ("ln(-1)", "NULL"),
        ("log(1, 5)", "NULL"),
        ("log(-2, 5)", "NULL"),
        ("log(2, 0)", "NULL"),
        ("asin(2)", "NULL"),
        ("acos(-1.5)", "NULL"),
    ]);
    check_errors(&[("exp(1000)", "22003"), ("sin('x')", "42804"), ("pi(1)", "42883"), ("log(1, 2, 3)", "42883")]);
}

#[test]
fn functions_of_texts_are_sqlites_and_postgresqls() {
    check(&[
        ("concat('abcde', 2, NULL, 22)", "abcde222"),
        ("concat(NULL)", ""),
        ("concat_ws(',', 'abcde', 2, NULL, 22)", "abcde,2,22"),
        ("concat_ws(NULL, 'a', 'b')", "NULL"),
        ("left('abcde', 2)", "ab"),
        ("left('abcde', -2)", "abc"),
        ("left('é日x', 2)", "é日"),
        ("left('abc', 9)", "abc"),
        ("left('abc', -9)", ""),
        ("left('abc', -9223372036854775807 - 1)", ""),
        ("right('abcde', 2)", "de"),
        ("right('abcde', -2)", "cde"),
        ("right('abc', 0)", ""),
        ("right('abc', 9)", "abc"),
        ("right('abc', -9223372036854775807 - 1)", ""),
        ("lpad('hi', 5, 'xy')", "xyxhi"),
        ("rpad('hi', 5, 'xy')", "hixyx"),
        ("lpad('hi', 4) || '|'", "  hi|"),
        ("rpad('hi', 4) || '|'", "hi  |"),
        ("lpad('hello', 2)", "he"),
        ("lpad('hi', 5, '')", "hi"),
        ("lpad('hi', -5)", ""),
        ("reverse('aé日')", "日éa"),
        ("repeat('Pg', 4)", "PgPgPgPg"),
        ("repeat('Pg', -1)", ""),
        ("repeat('', 9223372036854775807)", ""),
        ("strpos('high', 'ig')", "2"),
        ("position('om' IN 'Thomas')", "3"),
        ("octet_length('josé')", "5"),
        ("octet_length(x'00ff')", "2"),
        ("unicode('日')", "26085"),
        ("unicode('')", "NULL"),
        ("ascii('x')", "120"),
        ("ascii('')", "0"),
        ("char(65, 26085)", "A日"),
        ("unicode(char(55296))", "65533"),
        ("chr(65)", "A"),
        ("quote('it''s')", "'it''s'"),
        ("quote(NULL)", "NULL"),
        ("quote(1.5)", "1.5"),
        ("quote(x'00ff')", "x'00ff'"),
        ("quote(DATE '2013-01-01')", "DATE '2013-01-01'"),
        ("split_part('abc~@~def~@~ghi', '~@~', 2)", "def"),
        ("split_part('abc,def,ghi,jkl', ',', -2)", "ghi"),
        ("split_part('abc', ',', 3)", ""),
        ("split_part('abc', ',', -3)", ""),
        ("split_part('abc', '', 1)", "abc"),
        ("starts_with('alphabet', 'alph')", "true"),
        ("unhex('4d4E')", "x'4d4e'"),
        ("unhex('4')", "NULL"),
        ("unhex('4g')", "NULL"),
        ("zeroblob(3)", "x'000000'"),
        ("zeroblob(-3)", "x''"),
    ]);
    check_errors(&[
        ("chr(0)", "22023"),
        ("chr(55296)", "22023"),
        ("chr(-1)", "22023"),
        ("split_part('a', ',', 0)", "22023"),
        ("repeat('x', 'y')", "42804"),
        ("reverse(x'00')", "42804"),
        ("lpad('x')", "42883"),
        ("split_part('a', 'b')", "42883"),
        ("starts_with('a', 'b') FILTER (WHERE TRUE)", "42601"),
    ]);
}

#[test]
fn printf_is_sqlites() {
    check(&[
        ("printf('%5d|%-5d|%05d|%+d|% d', 42, 42, -42, 42, 42)", "   42|42   |-0042|+42| 42"),
        ("printf('%x|%X|%#x|%#o|%u', 255, 255, 255, 8, -1)", "ff|FF|0xff|010|18446744073709551615"),
        ("printf('%.5d|%010.5d|%,d|%0,12d', 42, 42, -1234567, 1234567)", "00042|0000000042|-1,234,567|000,001,234,567"),
        ("printf('%d %d %i', 7, 2.9, NULL)", "7 2 0"),
        ("printf('%*d|%-*d|%.*f', 5, 1, 5, 2, 2, 3.14159)", "    1|2    |3.14"),
        (
            "printf('%.2f|%8.3f|%08.2f|%+.1f|%.0f|%f', 3.14159, 2.5, -2.5, 2.25, 2.5, 1e10)",
            "3.14|   2.500|-0002.50|+2.3|3|10000000000.000000",
        ),
        ("printf('%.20f|%.3f|%.1f', 0.1, 1e18, 0.05)", "0.10000000000000000000|1000000000000000000.000|0.1"),
        ("printf('%e|%.3E|%.0e|%.3e', 12345.678, 0.00012345, 15000.0, 0.0)", "1.234568e+04|1.234E-04|2e+04|0.000e+00"),
        (
            "printf('%g|%g|%g|%G|%#g|%.3g', 0.0001, 1e20, 999999.5, 1e-10, 1.5, 0.00001234)",
            "0.0001|1e+20|1e+06|1E-10|1.50000|1.23e-05",
        ),
        ("printf('%5s|%-5s|%.2s|%c|%3c|%z', 'ab', 'ab', 'abc', 'xyz', 'q', 'z')", "   ab|ab   |ab|x|  q|z"),
        ("printf('%q|%Q|%w', 'it''s', 'it''s', 'a\"b')", "it''s|'it''s'|a\"\"b"),
        ("printf('%q|%Q|%w|%s|', NULL, NULL, NULL, NULL)", "(NULL)|NULL|(NULL)||"),
        ("printf('%s %s', 'a')", "a "),
        ("printf('100%% of 5%')", "100% of 5%"),
        ("printf('%lld', 5)", "5"),
        ("printf(NULL, 5)", "NULL"),
        ("format('%s is %d', 'x', 1)", "x is 1"),
    ]);
    check_errors(&[("printf('%y', 1)", "22023"), ("printf('%d', 'x')", "42804"), ("printf('%!f', 1.5)", "22023")]);
}

#[test]
fn no_function_makes_more_than_a_value_may_have() {
    check_errors(&[
        ("repeat('x', 100000000)", "54000"),
        ("repeat('x', 9223372036854775807)", "54000"),
        ("lpad('x', 9223372036854775807)", "54000"),
        ("rpad('x', 50000000, '日')", "54000"),
        ("zeroblob(9223372036854775807)", "54000"),
        ("printf('%9223372036854775807d', 1)", "54000"),
        ("printf('%99999999999999999999d', 1)", "54000"),
        ("printf('%.100000000f', 1.5)", "54000"),
        ("printf('%*d', 100000000, 1)", "54000"),
        ("printf('%.100000000c', 'x')", "54000"),
        ("concat(repeat('x', 40000000), repeat('x', 40000000))", "54000"),
    ]);
    check(&[("length(printf('%.100000f', 1.5))", "100002"), ("length(printf('%70000d', 1))", "70000")]);
}

#[test]
fn null_in_gives_null_out() {
    let mut session = session();
    for call in [
        "exp(NULL)",
        "log(NULL, 2)",
        "log(2, NULL)",
        "atan2(NULL, 1)",
        "trunc(NULL)",
        "left(NULL, 1)",
        "left('x', NULL)",
        "right(NULL, 1)",
        "lpad(NULL, 1)",
        "lpad('x', NULL)",
        "lpad('x', 3, NULL)",
        "rpad('x', 3, NULL)",
        "reverse(NULL)",
        "repeat(NULL, 2)",
        "repeat('x', NULL)",
        "octet_length(NULL)",
        "unicode(NULL)",
        "ascii(NULL)",
        "char(65, NULL)",
        "chr(NULL)",
        "split_part(NULL, ',', 1)",
        "split_part('a', NULL, 1)",
        "split_part('a', ',', NULL)",
        "starts_with(NULL, 'a')",
        "starts_with('a', NULL)",
        "unhex(NULL)",
        "zeroblob(NULL)",
        "date(NULL)",
        "extract(year FROM NULL)",
        "date_part(NULL, CURRENT_DATE)",
        "date_trunc('day', NULL)",
        "date_trunc(NULL, CURRENT_DATE)",
        "strftime(NULL, CURRENT_DATE)",
        "strftime('%Y', NULL)",
        "NULL + INTERVAL '1 day'",
    ] {
        assert_eq!(rows(&mut session, &format!("SELECT {call}")), "NULL", "{call}");
    }
}

#[test]
fn parts_of_a_moment_are_postgresqls() {
    check(&[
        ("extract(year FROM TIMESTAMP '2001-02-16 20:38:40')", "2001"),
        ("extract(quarter FROM TIMESTAMP '2001-02-16 20:38:40')", "1"),
        ("extract(month FROM TIMESTAMP '2001-02-16 20:38:40')", "2"),
        ("extract(week FROM TIMESTAMP '2001-02-16 20:38:40')", "7"),
        ("extract(day FROM TIMESTAMP '2001-02-16 20:38:40')", "16"),
        ("extract(hour FROM TIMESTAMP '2001-02-16 20:38:40')", "20"),
        ("EXTRACT(MINUTE FROM TIMESTAMP '2001-02-16 20:38:40')", "38"),
        ("extract(second FROM TIMESTAMP '2001-02-16 20:38:40.5')", "40.5"),
        ("extract(dow FROM TIMESTAMP '2001-02-16 20:38:40')", "5"),
        ("extract(dow FROM DATE '2001-02-18')", "0"),
        ("extract(isodow FROM DATE '2001-02-18')", "7"),
        ("extract(doy FROM TIMESTAMP '2001-02-16 20:38:40')", "47"),
        ("extract(doy FROM DATE '2012-12-31')", "366"),
        ("extract(epoch FROM TIMESTAMP '2001-02-16 20:38:40.12')", "982355920.12"),
        ("extract(epoch FROM TIMESTAMP '1969-12-31 23:59:59')", "-1.0"),
        ("extract(week FROM DATE '2005-01-01')", "53"),
        ("extract(week FROM DATE '2012-12-31')", "1"),
        ("extract(hour FROM DATE '2001-02-16')", "0"),
        ("date_part('day', TIMESTAMP '2001-02-16 20:38:40')", "16"),
        ("date_part('DOW', '2001-02-16')", "5"),
        ("date_trunc('hour', TIMESTAMP '2001-02-16 20:38:40')", "2001-02-16 20:00:00"),
        ("date_trunc('year', TIMESTAMP '2001-02-16 20:38:40')", "2001-01-01 00:00:00"),
        ("date_trunc('quarter', TIMESTAMP '2001-06-16 20:38:40')", "2001-04-01 00:00:00"),
        ("date_trunc('week', TIMESTAMP '2001-02-18 20:38:40')", "2001-02-12 00:00:00"),
        ("date_trunc('second', TIMESTAMP '1960-02-16 20:38:40.9')", "1960-02-16 20:38:40"),
        ("date_trunc('month', DATE '2012-02-29')", "2012-02-01"),
        ("date_trunc('week', DATE '0001-01-01')", "0001-01-01"),
        ("date(TIMESTAMP '2001-02-16 20:38:40')", "2001-02-16"),
        ("date('2001-02-16 20:38')", "2001-02-16"),
    ]);
    check_errors(&[
        ("extract(century FROM DATE '2001-01-01')", "22023"),
        ("date_trunc('epoch', DATE '2001-01-01')", "22023"),
        ("date_part('day', 'no day')", "22P02"),
        ("date_part('day', 5)", "42804"),
        ("date_part(5, DATE '2001-01-01')", "22023"),
        ("date('2001-02-30')", "22P02"),
    ]);
    // Found when the statement is bound, though no row is there.
    let mut session = session();
    session.execute("CREATE TABLE t (day DATE)").unwrap();
    let error = session.query("SELECT date_trunc('fortnight', day) FROM t", &[]).unwrap_err();
    assert_eq!(error.sqlstate(), "22023");
    assert!(error.to_string().contains("'fortnight'"), "{error}");
}

#[test]
fn strftime_is_sqlites() {
    check(&[
        (
            "strftime('%d %f %H %j %m %M %s %S %w %W %Y %%', '2013-12-30 23:59:59.999')",
            "30 59.999 23 364 12 59 1388447999 59 1 52 2013 %",
        ),
        ("strftime('%J', '2013-12-30 23:59:59.999')", "2456657.499999988"),
        ("strftime('%J %s', '0001-01-01')", "1721425.5 -62135596800"),
        ("strftime('%W %w %j', DATE '2012-01-01')", "00 0 001"),
        ("strftime('%f', '2013-01-01 00:00:59.9996')", "59.999"),
        ("strftime('%F %T %R|%e|%k|%l|%I%p|%P', '2013-01-05 00:03:09')", "2013-01-05 00:03:09 00:03| 5| 0|12|12AM|am"),
        ("strftime('%G-%V %g %u %U', DATE '2012-12-31')", "2013-01 13 1 53"),
        ("strftime('día', CURRENT_DATE)", "día"),
    ]);
    check_errors(&[("strftime('%x', CURRENT_DATE)", "22023"), ("strftime('%', CURRENT_DATE)", "22023")]);
}

#[test]
fn a_moment_moves_by_an_interval() {
    check(&[
        ("DATE '2001-09-28' + INTERVAL '1 hour'", "2001-09-28 01:00:00"),
        ("DATE '2001-09-28' + INTERVAL '7 days'", "2001-10-05"),
        ("TIMESTAMP '2001-09-28 01:00:00' + INTERVAL '23 hours'", "2001-09-29 00:00:00"),
        ("TIMESTAMP '2001-09-28 23:00:00' - INTERVAL '23 hours'", "2001-09-28 00:00:00"),
        ("DATE '2001-01-31' + INTERVAL '1 month'", "2001-02-28"),
        ("DATE '2000-01-31' + INTERVAL '1 month'", "2000-02-29"),
        ("DATE '2004-02-29' - INTERVAL '1 year'", "2003-02-28"),
        ("DATE '2001-03-31' - INTERVAL '1 month 1 day'", "2001-02-27"),
        ("DATE '2001-01-01' + INTERVAL '1 year 2 mons 3 days 4 hours 5 mins 6.5 secs'", "2002-03-04 04:05:06.500000"),
        ("DATE '2001-01-01' + INTERVAL '2weeks -1day'", "2001-01-14"),
        ("DATE '2001-01-01' + INTERVAL '3' DAY", "2001-01-04"),
        ("DATE '2001-01-01' + INTERVAL 3 MONTH", "2001-04-01"),
        ("'2001-01-01' + INTERVAL '1 day'", "2001-01-02"),
        ("DATE '2001-01-01' + INTERVAL '1 day' - INTERVAL '1 day' = '2001-01-01'", "true"),
        ("DATE '2001-10-01' - DATE '2001-09-28'", "3"),
        ("DATE '2001-09-28' + 7", "2001-10-05"),
        ("DATE '9999-12-30' + INTERVAL '1 day'", "9999-12-31"),
        ("DATE '0001-01-02' - INTERVAL '1 day'", "0001-01-01"),
    ]);
    check_errors(&[
        ("DATE '9999-12-31' + INTERVAL '1 day'", "22008"),
        ("TIMESTAMP '9999-12-31 23:59:59' + INTERVAL '1 second'", "22008"),
        ("DATE '0001-01-01' - INTERVAL '1 microsecond'", "22007"),
        ("DATE '0001-01-01' - INTERVAL '1 second'", "22008"),
        ("DATE '2001-01-01' + INTERVAL '9223372036854775807 months'", "22008"),
        ("DATE '2001-01-01' + INTERVAL '9223372036854775807 days'", "22008"),
        ("DATE '2001-01-01' + INTERVAL '9223372036854775807 hours'", "22007"),
        ("DATE '2001-01-01' + INTERVAL ''", "22007"),
        ("DATE '2001-01-01' + INTERVAL '3 fortnights'", "22007"),
        ("DATE '2001-01-01' + INTERVAL '1.5 months'", "22007"),
        ("DATE '2001-01-01' + INTERVAL '-9223372036854775808 days'", "22007"),
        ("DATE '2001-01-01' * INTERVAL '1 day'", "0A000"),
        ("INTERVAL '1 day'", "0A000"),
        ("5 + INTERVAL '1 day'", "42804"),
    ]);
}

#[test]
fn aggregates_of_truth_and_spread() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE t (g INTEGER, x INTEGER, y REAL);
             INSERT INTO t VALUES (1, 2, 1.5), (1, 4, NULL), (1, 4, 2.5), (2, 5, -1.0), (2, NULL, NULL), (3, NULL, NULL)",
        )
        .unwrap();
    let sql = "SELECT g, bool_and(x > 3), bool_or(x > 3), every(x > 1) FROM t GROUP BY g ORDER BY g";
    assert_eq!(rows(&mut session, sql), "1,false,true,true\n2,true,true,true\n3,NULL,NULL,NULL");
    let sql = "SELECT g, variance(x), var_pop(x), stddev_samp(y), stddev_pop(y) FROM t GROUP BY g ORDER BY g";
    assert_eq!(
        rows(&mut session, sql),
        "1,1.3333333333333333,0.8888888888888888,0.7071067811865476,0.5\n2,NULL,0.0,NULL,0.0\n3,NULL,NULL,NULL,NULL"
    );
    assert_eq!(
        rows(&mut session, "SELECT var_samp(x), stddev(DISTINCT x), bool_or(DISTINCT x > 4) FROM t"),
        "1.5833333333333333,1.5275252316519468,true"
    );
    assert_eq!(rows(&mut session, "SELECT bool_and(x), stddev(x) FROM t WHERE FALSE"), "NULL,NULL");
    for (sql, sqlstate) in [
        ("SELECT stddev('x') FROM t", "42804"),
        ("SELECT bool_and('x') FROM t", "42804"),
        ("SELECT var_pop(y * 1e200) FROM t", "22003"),
        ("SELECT bool_and(x, y) FROM t", "42883"),
    ] {
        assert_eq!(session.query(sql, &[]).expect_err(sql).sqlstate(), sqlstate, "{sql}");
    }
}

#[test]
fn an_aggregate_takes_the_rows_of_its_filter() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, g INTEGER, x INTEGER, s TEXT);
             INSERT INTO t VALUES (1, 1, 10, 'a'), (2, 1, 20, 'b'), (3, 2, NULL, 'c'), (4, 2, 20, 'b')",
        )
        .unwrap();
    let sql = "SELECT g, count(*) FILTER (WHERE x > 10), sum(x) FILTER (WHERE s <> 'b'), min(x) FILTER (WHERE id > 1),
                      group_concat(s, '-') FILTER (WHERE id <> 3), count(DISTINCT x) FILTER (WHERE TRUE), count(*)
               FROM t GROUP BY g ORDER BY g";
    assert_eq!(rows(&mut session, sql), "1,1,10,20,a-b,2,2\n2,1,NULL,20,b,1,2");
    let sql = "SELECT count(*) FILTER (WHERE x > 10), count(*) FILTER (WHERE NULL), total(x) FILTER (WHERE FALSE),
                      sum(x) FILTER (WHERE id IN (SELECT id FROM t WHERE g = 2)) FROM t";
    assert_eq!(rows(&mut session, sql), "2,0,0.0,20");
    let sql =
        "SELECT g FROM t GROUP BY g HAVING count(*) FILTER (WHERE x = 20) = 1 ORDER BY sum(id) FILTER (WHERE x > 0)";
    assert_eq!(rows(&mut session, sql), "1\n2");
    for (sql, sqlstate) in [
        ("SELECT sum(x) FILTER (WHERE count(*) > 1) FROM t", "42803"),
        ("SELECT abs(x) FILTER (WHERE x > 1) FROM t", "42601"),
    ] {
        assert_eq!(session.query(sql, &[]).expect_err(sql).sqlstate(), sqlstate, "{sql}");
    }
}

#[test]
fn group_concat_puts_its_values_in_order() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, g INTEGER, s TEXT, n INTEGER);
             CREATE INDEX t_s ON t USING TREE (s);
             INSERT INTO t VALUES (1, 1, 'b', 3), (2, 1, 'a', 2), (3, 2, 'c', NULL), (4, 1, 'c', 1), (5, 2, NULL, 9),
                                  (6, 2, 'a', 4)",
        )
        .unwrap();
    let sql = "SELECT g, group_concat(s ORDER BY s), string_agg(s, '-' ORDER BY n DESC), group_concat(s, '+' ORDER BY n NULLS LAST),
                      group_concat(s, n ORDER BY id), group_concat(DISTINCT s ORDER BY s DESC), count(s ORDER BY n)
               FROM t GROUP BY g ORDER BY g";
    let expected = "1,a,b,c,b-a-c,c+a+b,b2a1c,c,b,a,3\n2,a,c,a-c,a+c,c4a,c,a,2";
    assert_eq!(rows(&mut session, sql), expected);
    let sql = "SELECT group_concat(s, '' ORDER BY s, id DESC) FILTER (WHERE n > 1), group_concat(g, '' ORDER BY n) FROM t WHERE s >= 'a'";
    assert_eq!(rows(&mut session, sql), "aab,21112");
    let sql =
        "SELECT group_concat(x, '' ORDER BY x), group_concat(x, '' ORDER BY x DESC), group_concat(x, '' ORDER BY x)
               FROM (SELECT 1 AS x UNION ALL SELECT 2)";
    assert_eq!(rows(&mut session, sql), "12,21,12");
    assert_eq!(rows(&mut session, "SELECT group_concat(s ORDER BY s) FROM t WHERE FALSE"), "NULL");
    let plan = rows(&mut session, "EXPLAIN SELECT group_concat(s ORDER BY n DESC) FROM t");
    assert!(plan.contains("GROUP_CONCAT(s ORDER BY n DESC)"), "{plan}");
    for (sql, sqlstate) in [
        ("SELECT group_concat(s ORDER BY nothing) FROM t", "42703"),
        ("SELECT group_concat(s ORDER BY count(*)) FROM t", "42803"),
        ("SELECT upper(s ORDER BY s) FROM t", "42601"),
    ] {
        assert_eq!(session.query(sql, &[]).expect_err(sql).sqlstate(), sqlstate, "{sql}");
    }
    session.execute("SET memory_limit = 100000").unwrap();
    let sql =
        "SELECT length(group_concat(a.s || b.s ORDER BY a.id)) FROM t AS a, t AS b, t AS c, t AS d, t AS e, t AS f";
    assert_eq!(session.query(sql, &[]).unwrap_err().sqlstate(), "53200");
}

#[test]
fn days_and_moments_are_compared_with_texts_that_say_them() {
    let mut session = session();
    session.execute("CREATE TABLE t (day DATE); INSERT INTO t VALUES ('2013-01-01'), ('2013-02-03')").unwrap();
    for (condition, count) in [
        ("date_trunc('month', day) = '2013-02-01'", "1"),
        ("date(day) > '2013-01-15'", "1"),
        ("day + 1 = '2013-01-02'", "1"),
        ("'2013-01-02' = day + INTERVAL '1 day'", "1"),
        ("day + INTERVAL '1 hour' BETWEEN '2013-01-01 01:00' AND '2013-01-01 02:00'", "1"),
        ("date(day) IN ('2013-01-01', '2013-02-03')", "2"),
        ("DATE '2013-01-01' = '2013-01-01'", "2"),
    ] {
        assert_eq!(rows(&mut session, &format!("SELECT count(*) FROM t WHERE {condition}")), count, "{condition}");
    }
    let found = session.query("SELECT count(*) FROM t WHERE date(day) = ?", &[Value::from("2013-01-01")]).unwrap();
    assert_eq!(found.value(0, 0), Value::from(1));
    let error = session.query("SELECT count(*) FROM t WHERE date(day) = 'someday'", &[]).unwrap_err();
    assert_eq!(error.sqlstate(), "22P02");
}
