//! Names that are wrong, and what the dialect takes.

use manicule_engine::{Database, Row, Value};
use manicule_sql::Session;

fn session() -> Session {
    let mut session = Session::new(&Database::in_memory());
    session
        .execute(
            "CREATE TABLE flights (id INTEGER PRIMARY KEY, tailnum TEXT, dest TEXT, delay REAL);
             CREATE TABLE planes (tailnum TEXT PRIMARY KEY, seats INTEGER);
             CREATE UNIQUE INDEX ON flights (dest, id);
             INSERT INTO flights VALUES (1, 'N1', 'LAX', 5), (2, 'N2', 'SFO', -1.5), (3, 'N1', 'SFO', NULL);
             INSERT INTO planes VALUES ('N1', 100), ('N3', 3);
             CREATE VIEW late AS SELECT id, dest AS city FROM flights WHERE delay > 0;",
        )
        .expect("the tables are new");
    session
}

#[track_caller]
fn check_error(sql: &str, expected: &[&str]) {
    let mut session = session();
    let error = session.execute(sql).expect_err(sql);
    let rendered = format!("{} {}", error.sqlstate(), error.render(sql));
    for part in expected {
        assert!(rendered.contains(part), "{rendered}");
    }
}

/// The rows as text: values by commas, rows by spaces.
#[track_caller]
fn check(sql: &str, expected: &str) {
    let mut session = session();
    let rows = session.query(sql, &[]).unwrap_or_else(|error| panic!("{}", error.render(sql)));
    let line = |row: &Row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(rows.iter().map(line).collect::<Vec<_>>().join(" "), expected, "{sql}");
}

#[test]
fn unknown_names_come_with_a_suggestion_and_a_place() {
    check_error("SELECT tailnumm FROM flights", &["42703", "1:8", "^^^^^^^^", "did you mean tailnum?"]);
    check_error("SELECT *\nFROM flihgts", &["42P01", "2:6", "did you mean flights?"]);
    check_error("SELECT flights.dset FROM flights", &["42703", "did you mean dest?"]);
    check_error("SELECT f.id FROM flights AS g", &["42P01", "there is no table f"]);
    check_error("SELECT CUONT(*) FROM flights", &["42883", "did you mean COUNT?"]);
    check_error("UPDATE flights SET dets = 'x'", &["42703", "did you mean dest?"]);
    check_error("INSERT INTO flights (ids) VALUES (1)", &["42703", "did you mean id?"]);
    check_error("DROP TABLE plane", &["42P01", "did you mean planes?"]);
    check_error("DROP INDEX flights_pkeu", &["42704", "did you mean flights_pkey?"]);
    check_error("CREATE TABLE t (a BOLEAN)", &["42704", "did you mean BOOLEAN?"]);
    check_error("SELECT \"N1\" FROM flights", &["42703", "single quotes"]);
}

#[test]
fn names_must_mean_one_thing() {
    check_error("SELECT tailnum FROM flights, planes", &["42702", "in more than one table"]);
    check_error("SELECT 1 FROM flights, flights", &["42712"]);
    check_error("CREATE TABLE planes (a INTEGER)", &["42P07"]);
    check_error("DELETE FROM late", &["42809", "is a view"]);
}

#[test]
fn what_does_not_fit_is_refused() {
    check_error("INSERT INTO planes VALUES (1)", &["42601", "2 columns are expected"]);
    check_error("SELECT 1 UNION SELECT 1, 2", &["42601"]);
    check_error("SELECT (SELECT 1, 2)", &["42601"]);
    check_error("SELECT id FROM flights WHERE COUNT(*) > 1", &["42803", "not allowed here"]);
    check_error("SELECT SUM(COUNT(*)) FROM flights", &["42803", "inside another"]);
    check_error("SELECT ABS(1, 2)", &["42883", "1 argument"]);
    check_error("INSERT INTO planes VALUES ('N9', 'many')", &["planes.seats takes INTEGER"]);
    check_error("INSERT INTO planes VALUES ('N1', 1)", &["23505"]);
    check_error("INSERT INTO flights VALUES (1) ON CONFLICT (dest) DO NOTHING", &["42601"]);
    check_error("INSERT INTO planes VALUES ('N1', 1) ON CONFLICT (seats) DO NOTHING", &["42P10"]);
    check_error("SELECT tailnum, MAX(delay) FROM flights", &["42803", "beside MIN and MAX"]);
}

#[test]
fn queries_of_every_clause() {
    check("SELECT dest, COUNT(*) FROM flights GROUP BY dest HAVING COUNT(*) > 1", "SFO,2");
    check("SELECT DISTINCT tailnum FROM flights ORDER BY 1 DESC", "N2 N1");
    check("SELECT id FROM flights ORDER BY delay DESC NULLS FIRST, id", "3 1 2");
    check("SELECT id AS n FROM flights ORDER BY n DESC LIMIT 1 OFFSET 1", "2");
    check("SELECT id FROM flights ORDER BY id LIMIT 1, 1", "2");
    check(
        "SELECT f.id, p.seats FROM flights AS f LEFT JOIN planes AS p ON f.tailnum = p.tailnum ORDER BY 1",
        "1,100 2,NULL 3,100",
    );
    check("SELECT id, seats FROM flights JOIN planes USING (tailnum) ORDER BY id", "1,100 3,100");
    check("SELECT COUNT(*) FROM flights NATURAL JOIN planes", "2");
    check("SELECT * FROM planes NATURAL JOIN flights ORDER BY id", "N1,100,1,LAX,5.0 N1,100,3,SFO,NULL");
    check(
        "SELECT p.tailnum, f.id FROM flights f RIGHT JOIN planes p ON f.tailnum = p.tailnum AND f.id = 1 ORDER BY 1",
        "N1,1 N3,NULL",
    );
    check("SELECT city FROM late", "LAX");
    check("SELECT x FROM (VALUES (2), (1)) AS v (x) ORDER BY x", "1 2");
    check(
        "SELECT id FROM flights WHERE EXISTS (SELECT 1 FROM planes WHERE planes.tailnum = flights.tailnum) ORDER BY id",
        "1 3",
    );
    check("SELECT tailnum FROM planes WHERE tailnum NOT IN (SELECT tailnum FROM flights)", "N3");
    check(
        "SELECT (SELECT seats FROM planes AS p WHERE p.tailnum = f.tailnum) FROM flights AS f ORDER BY id",
        "100 NULL 100",
    );
    check("SELECT 1 UNION SELECT 2 UNION ALL SELECT 2 EXCEPT SELECT 1", "2");
    check("WITH a AS (SELECT id FROM flights), b AS (SELECT id + 10 AS id FROM a) SELECT MAX(id) FROM b", "13");
    check("SELECT CASE dest WHEN 'LAX' THEN 'west' ELSE 'other' END FROM flights WHERE id = 1", "west");
    check("SELECT COALESCE(delay, 0) + 1, NULLIF(id, 3), typeof(x'0aff') FROM flights WHERE id = 3", "1,NULL,blob");
    check("SELECT dest LIKE 's%', dest LIKE 'S\\_%' ESCAPE '\\' FROM flights WHERE id = 2", "true,false");
    check("SELECT id / 2 AS half, COUNT(*) FROM flights GROUP BY half ORDER BY half", "0,1 1,2");
    check("SELECT id / 2 + 1, SUM(id) FROM flights GROUP BY id / 2 ORDER BY 1", "1,1 2,5");
    check("SELECT '1' || (2 * 3), 1 IS NOT NULL, NOT 1 IS NULL, 7 & 3 | 8", "16,true,true,11");
    check("SELECT id FROM flights WHERE id = '2'", "2");
    check("SELECT id, COUNT(*) OVER_ALL FROM flights WHERE id = 1 GROUP BY id", "1,1");
}

#[test]
fn columns_are_named_as_they_are_written() {
    let mut session = session();
    let rows = session.query("SELECT ID, id+1, UPPER( dest ) AS n, abs(id)  FROM flights", &[]).unwrap();
    let names: Vec<&str> = rows.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "id+1", "n", "abs(id)"]);
}

#[test]
fn what_the_catalog_keeps_takes_no_parameters() {
    check_error("CREATE VIEW v AS SELECT id FROM flights WHERE id = ?", &["42P02"]);
    check_error("CREATE TABLE t (a INTEGER DEFAULT ?)", &["42P02"]);
    check_error("CREATE TABLE t AS SELECT ? AS a", &["42P02"]);
    check_error("CREATE TABLE t (a INTEGER CHECK (a > ?1))", &["42P02"]);
    check_error("CREATE TABLE t (a INTEGER DEFAULT (SELECT 1))", &["0A000", "a query in DEFAULT"]);
}

#[test]
fn a_view_is_kept_from_its_as_on() {
    for before in ["v -- as it is\n", "v /* as it's */ ", "\"v\" (\"as b\") "] {
        let mut session = session();
        session.execute(&format!("CREATE VIEW {before}AS SELECT max(id) AS x FROM flights -- it's")).expect(before);
        assert_eq!(session.query("SELECT * FROM v", &[]).expect(before).value(0, 0), 3.into());
    }
}

#[test]
fn a_default_is_of_its_columns_type() {
    check_error("CREATE TABLE t (a INTEGER DEFAULT 'abc')", &["42804", "t.a takes INTEGER, not TEXT abc"]);
    check_error("ALTER TABLE planes ADD wings INTEGER DEFAULT 'two'", &["42804", "planes.wings takes INTEGER"]);
    check_error("ALTER TABLE planes ADD flies BOOLEAN DEFAULT 2", &["42804", "planes.flies takes BOOLEAN"]);
    let mut session = session();
    for column in ["a INTEGER DEFAULT '12'", "b TEXT DEFAULT 12", "c REAL DEFAULT 12", "d DATE DEFAULT '2013-01-01'"] {
        session.execute(&format!("ALTER TABLE planes ADD {column}")).expect(column);
    }
    session.execute("INSERT INTO planes (tailnum) VALUES ('N9')").unwrap();
    let rows = session.query("SELECT typeof(a), typeof(b), typeof(c), typeof(d) FROM planes", &[]).unwrap();
    let line = |row: &Row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    assert!(rows.iter().all(|row| line(row) == "integer,text,real,date"));
}

#[test]
fn a_name_that_a_check_has_stays() {
    let mut session = session();
    session.execute("CREATE TABLE t (a INTEGER, b INTEGER, c TEXT, CHECK (b > A AND t.b < 10))").unwrap();
    for (change, what) in [
        ("RENAME COLUMN a TO first", "column a is named by CHECK (b > A AND t.b < 10)"),
        ("DROP COLUMN b", "column b is named"),
        ("RENAME TO u", "table t is named"),
    ] {
        let error = session.execute(&format!("ALTER TABLE t {change}")).expect_err(change);
        assert_eq!(error.sqlstate(), "2BP01");
        assert!(error.to_string().contains(what), "{error}");
    }
    session.execute("ALTER TABLE t RENAME COLUMN c TO note; ALTER TABLE t RENAME b TO B").unwrap();
    session.execute("ALTER TABLE t DROP COLUMN note; INSERT INTO t VALUES (1, 2)").unwrap();
    assert_eq!(session.execute("UPDATE t SET b = 1").unwrap_err().sqlstate(), "23514");
}

#[test]
fn operators_that_are_not_there_are_named() {
    for operator in ["GLOB", "MATCH"] {
        let sql = format!("SELECT id FROM flights WHERE dest {operator} 'S*'");
        check_error(&sql, &["42601", &format!("syntax error: unexpected {operator}"), "1:35"]);
    }
}

#[test]
fn what_is_not_there_is_named() {
    let named = "a change inside a query is not supported";
    check_error("WITH f AS (DELETE FROM flights RETURNING id) SELECT id FROM f", &["0A000", named]);
    check_error("SELECT id FROM flights WHERE dest LIKE 'S%' ESCAPE ?", &["22019", "written out"]);
}

#[test]
fn dates_are_of_four_digit_years() {
    check("SELECT DATE '9999-12-30' + 1, DATE '0001-01-02' - 1", "9999-12-31,0001-01-01");
    for sql in ["SELECT DATE '9999-12-31' + 1", "SELECT DATE '0001-01-01' - 1", "SELECT 3000000000 + DATE '2013-01-01'"]
    {
        check_error(sql, &["22008", "out of range of DATE"]);
    }
    let mut session = session();
    let error = session.query("SELECT CAST(? AS TIMESTAMP)", &[Value::Date(i32::MAX)]).unwrap_err();
    assert_eq!(error.sqlstate(), "22003");
    session.execute("CREATE TABLE t (at TIMESTAMP)").unwrap();
    let error = session.query("INSERT INTO t VALUES (?)", &[Value::Date(i32::MAX)]).unwrap_err();
    assert_eq!(error.sqlstate(), "42804");
}

#[test]
fn a_value_of_a_type_known_late_becomes_its_columns() {
    let mut session = session();
    session.execute("CREATE TABLE t (a INTEGER, b TEXT, c REAL)").unwrap();
    let values = [Value::from("5"), Value::from(6), Value::from("7")];
    session.query("INSERT INTO t SELECT ?, ?, ?", &values).unwrap();
    session.execute("INSERT INTO t VALUES (coalesce('5', 1), iif(1, 6, 'x'), coalesce('7', 1))").unwrap();
    session.execute("INSERT INTO t SELECT id, 6, 7 FROM flights WHERE id = 9 UNION SELECT '5', 6, '7'").unwrap();
    session.execute("INSERT INTO t VALUES (coalesce(' 5.0 ', 1), coalesce(6, 'x'), coalesce('7e0', 1))").unwrap();
    session.execute("INSERT INTO t VALUES (1, 'x', 1.5)").unwrap();
    session.execute("UPDATE t SET a = iif(b = 'x', '5', 5), b = iif(b = 'x', 6, b), c = iif(b = 'x', '7', c)").unwrap();
    let rows = session.query("SELECT a, b, c, typeof(a), typeof(b), typeof(c) FROM t", &[]).unwrap();
    let line = |row: &Row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(rows.iter().map(line).collect::<Vec<_>>(), ["5,6,7.0,integer,text,real"; 5]);
    for column in ["a", "c"] {
        let sql = format!("INSERT INTO t ({column}) SELECT ?");
        let error = session.query(&sql, &[Value::from("nan")]).unwrap_err();
        assert_eq!(error.sqlstate(), "42804");
    }
}

#[test]
fn a_parameter_is_fitted_to_each_column_that_it_meets() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE t (n INTEGER, s TEXT);
             CREATE INDEX t_n ON t (n); CREATE INDEX t_s ON t (s);
             INSERT INTO t VALUES (1, 'x'), (2, '5'), (5, '05')",
        )
        .unwrap();
    let found = |session: &mut Session, sql: &str, value: Value<'static>| {
        let rows = session.query(sql, &[value]).unwrap_or_else(|error| panic!("{}", error.render(sql)));
        rows.iter().map(|row| row.get(0).to_string()).collect::<Vec<_>>().join(" ")
    };
    for value in [Value::from(5), Value::from("5")] {
        assert_eq!(found(&mut session, "SELECT n FROM t WHERE s = ?1 OR n = ?1 ORDER BY n", value.clone()), "2 5");
        assert_eq!(found(&mut session, "SELECT n FROM t WHERE n >= :x AND s < :x", value), "5");
    }
    assert_eq!(found(&mut session, "SELECT n FROM t WHERE n = ?1 OR s = ?1", Value::from("05")), "5");
    let sql = "INSERT INTO t VALUES ($1, $1) RETURNING n || s";
    assert_eq!(found(&mut session, sql, Value::from(7)), "77");
    assert_eq!(
        found(&mut session, "UPDATE t SET s = ?1, n = ?1 WHERE n = 7 RETURNING n || s", Value::from("08")),
        "808"
    );
    let prepared = session.prepare(sql).unwrap();
    assert_eq!(prepared.parameter_count(), 1);
    for values in [&[][..], &[Value::from(1), Value::from(1)]] {
        let error = session.execute_prepared(&prepared, values).unwrap_err();
        assert!(error.to_string().contains("has 1 parameter"), "{error}");
    }
}

#[test]
fn changes_of_every_kind() {
    let mut session = session();
    let mut rows = |sql: &str| {
        let rows = session.query(sql, &[]).unwrap_or_else(|error| panic!("{}", error.render(sql)));
        let line = |row: &Row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",");
        rows.iter().map(line).collect::<Vec<_>>().join(" ")
    };
    let upsert = "INSERT INTO planes VALUES ('N1', 1), ('N5', 5) ON CONFLICT (tailnum) DO UPDATE SET seats = seats + excluded.seats RETURNING *";
    assert_eq!(rows(upsert), "N1,101 N5,5");
    assert_eq!(rows("INSERT INTO planes VALUES ('N1', 1) ON CONFLICT DO NOTHING RETURNING *"), "");
    assert_eq!(rows("INSERT OR REPLACE INTO planes VALUES ('N1', 7) RETURNING seats"), "7");
    assert_eq!(
        rows("INSERT INTO planes (seats, tailnum) SELECT id, dest FROM flights WHERE id < 3 RETURNING tailnum"),
        "LAX SFO"
    );
    rows("CREATE TABLE copy AS SELECT id, delay FROM flights");
    rows("ALTER TABLE copy ADD COLUMN note TEXT DEFAULT 'none'");
    rows("ALTER TABLE copy RENAME COLUMN note TO remark");
    rows("ALTER TABLE copy DROP COLUMN delay");
    rows("ALTER TABLE copy RENAME TO copied");
    assert_eq!(rows("SELECT * FROM copied ORDER BY id"), "1,none 2,none 3,none");
    rows("CREATE INDEX IF NOT EXISTS copied_id ON copied USING HASH (id)");
    assert!(rows("EXPLAIN SELECT * FROM copied WHERE id = 2").contains("copied_id"));
    assert!(rows("EXPLAIN (FORMAT JSON) SELECT * FROM copied").starts_with('['));
    rows("DROP TABLE IF EXISTS copied");
    rows("DROP TABLE IF EXISTS copied");
}
