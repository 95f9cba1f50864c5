//! What SQLite's users write, answered as SQLite answers it: spellings, constraints and their order.

#[path = "support/lines.rs"]
mod lines;

use lines::lines;
use manicule_engine::{Database, Value};
use manicule_sql::{Routing, Session};

fn session() -> Session {
    let mut session = Session::new(&Database::in_memory());
    session
        .execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT NOT NULL, c BOOLEAN UNIQUE);
             INSERT INTO t VALUES (1, NULL, 'x', TRUE), (2, 5, 'y', NULL), (3, 7, 'z', NULL)",
        )
        .expect("the table is new");
    session
}

/// The rows as text, with blanks between them.
#[track_caller]
fn rows(session: &mut Session, sql: &str) -> String {
    lines(session, sql).join(" ")
}

#[track_caller]
fn sqlstate(session: &mut Session, sql: &str) -> &'static str {
    session.execute(sql).expect_err(sql).sqlstate()
}

#[test]
fn is_compares_any_two_operands() {
    let mut session = session();
    assert_eq!(rows(&mut session, "SELECT id FROM t WHERE a IS 5"), "2");
    assert_eq!(rows(&mut session, "SELECT id FROM t WHERE a IS NOT 5 ORDER BY id"), "1 3");
    assert_eq!(rows(&mut session, "SELECT id FROM t WHERE a IS (SELECT NULL)"), "1");
    assert_eq!(
        rows(&mut session, "SELECT id FROM t WHERE a IS NULL AND b IS 'x' OR a IS NOT NULL AND id IS NOT 2"),
        "1 3"
    );
    assert_eq!(rows(&mut session, "SELECT id FROM t WHERE c IS TRUE"), "1");
    assert_eq!(rows(&mut session, "SELECT id FROM t WHERE a IS NOT DISTINCT FROM 7"), "3");
    let found = session.query("SELECT id FROM t WHERE a IS ?", &[Value::from(7)]).unwrap();
    assert_eq!(found.value(0, 0), Value::from(3));
    session.execute("CREATE TABLE u (a INTEGER CHECK (a IS NOT 4))").unwrap();
    assert_eq!(sqlstate(&mut session, "INSERT INTO u VALUES (4)"), "23514");
    session.execute("INSERT INTO u VALUES (5)").unwrap();
    assert_eq!(sqlstate(&mut session, "SELECT 1 IS"), "42601");
    assert_eq!(sqlstate(&mut session, "SELECT 1 IS NOT"), "42601");
}

#[test]
fn a_list_may_begin_with_a_query() {
    let mut session = session();
    assert_eq!(rows(&mut session, "SELECT id FROM t WHERE a IN ((SELECT 5), 7) ORDER BY id"), "2 3");
    assert_eq!(
        rows(&mut session, "SELECT id FROM t WHERE a IN ( (SELECT 4) + 1, (SELECT max(a) FROM t) ) ORDER BY id"),
        "2 3"
    );
    assert_eq!(rows(&mut session, "SELECT id FROM t WHERE a IN ((SELECT 5))"), "2");
    assert_eq!(rows(&mut session, "SELECT id FROM t WHERE a IN ((SELECT 5) UNION SELECT 7) ORDER BY id"), "2 3");
    assert_eq!(rows(&mut session, "SELECT id FROM t WHERE a NOT IN ((1), (SELECT 5))"), "3");
}

#[test]
fn on_conflict_with_a_target_passes_over_that_conflict_alone() {
    let mut session = session();
    let sql = "INSERT INTO t VALUES (1, 9, 'w', NULL) ON CONFLICT (id) DO NOTHING";
    assert_eq!(session.execute(sql).unwrap(), [manicule_sql::Outcome::Changed(0)]);
    assert_eq!(sqlstate(&mut session, "INSERT INTO t VALUES (9, 9, 'w', TRUE) ON CONFLICT (id) DO NOTHING"), "23505");
    let sql = "INSERT INTO t VALUES (9, 9, 'w', TRUE) ON CONFLICT DO NOTHING";
    assert_eq!(session.execute(sql).unwrap(), [manicule_sql::Outcome::Changed(0)]);
    assert_eq!(rows(&mut session, "SELECT count(*) FROM t"), "3");
}

#[test]
fn a_row_with_a_forbidden_null_is_refused_before_its_key_is_looked_up() {
    let mut session = session();
    for tail in ["ON CONFLICT DO NOTHING", "ON CONFLICT (id) DO UPDATE SET a = 1 WHERE FALSE"] {
        assert_eq!(sqlstate(&mut session, &format!("INSERT INTO t VALUES (1, 1, NULL, NULL) {tail}")), "23502");
    }
}

#[test]
fn a_change_is_explained_with_what_it_did() {
    let mut session = session();
    let shown = rows(&mut session, "EXPLAIN ANALYZE UPDATE t SET a = 1 WHERE id = 2");
    assert!(shown.contains("Update of t") && shown.contains("changed: 1 row"), "{shown}");
    assert!(shown.contains("lookup on t using t_pkey") && shown.contains("actual 1 row"), "{shown}");
    assert_eq!(rows(&mut session, "SELECT a FROM t WHERE id = 2"), "1");
    session.execute("BEGIN").unwrap();
    let shown = rows(&mut session, "EXPLAIN (ANALYZE, FORMAT JSON) DELETE FROM t WHERE a > 0");
    assert!(shown.contains("\"Changed Rows\":\"2 rows\"") && shown.contains("\"Actual Rows\":2"), "{shown}");
    assert_eq!(rows(&mut session, "SELECT count(*) FROM t"), "1");
    session.execute("ROLLBACK").unwrap();
    let shown = rows(&mut session, "EXPLAIN ANALYZE INSERT INTO t SELECT id + 10, a, b, NULL FROM t");
    assert!(shown.contains("Insert into t") && shown.contains("changed: 3 rows"), "{shown}");
    assert_eq!(rows(&mut session, "SELECT count(*) FROM t"), "6");
    assert_eq!(sqlstate(&mut session, "EXPLAIN ANALYZE INSERT INTO t VALUES (1, 1, 'x', NULL)"), "23505");
    assert_eq!(rows(&mut session, "SELECT count(*) FROM t"), "6");
}

#[test]
fn a_subquery_of_do_update_that_reads_no_outer_row_is_run_once() {
    let check = |sql: &str, expected: &str| {
        let mut session = session();
        session.execute("UPDATE t SET a = 5 + 2 * (id - 1)").unwrap();
        session.execute(&format!("INSERT INTO t (id, a, b) VALUES {sql}")).unwrap();
        assert_eq!(rows(&mut session, "SELECT a FROM t ORDER BY id"), expected, "{sql}");
    };
    let max = "(SELECT max(a) FROM t)";
    let set_max = format!("ON CONFLICT (id) DO UPDATE SET a = {max} + 1");
    check(&format!("(4, 50, 'n'), (1, 0, 'n'), (2, 0, 'n') {set_max}"), "51 51 9 50");
    check(&format!("(1, 0, 'n'), (4, 50, 'n'), (2, 0, 'n') {set_max}"), "10 10 9 50");
    check(&format!("(1, 0, 'n'), (2, 0, 'n') {set_max} WHERE {max} = 9"), "10 10 9");
    let condition = "DO UPDATE SET a = excluded.a + 100 WHERE excluded.a IN (SELECT a FROM t)";
    check(&format!("(1, 7, 'n'), (2, 5, 'n'), (3, 5, 'n') ON CONFLICT (id) {condition}"), "107 105 105");
    let exists = "CASE WHEN EXISTS (SELECT 1 FROM t WHERE a >= 100) THEN -1 ELSE excluded.a END";
    check(&format!("(1, 100, 'n'), (2, 5, 'n') ON CONFLICT (id) DO UPDATE SET a = {exists}"), "100 5 9");
    // Only where it is asked for.
    let late = format!("CASE excluded.a WHEN 0 THEN 1000 ELSE {max} + 1 END");
    check(
        &format!("(1, 0, 'n'), (2, 1, 'n'), (3, 1, 'n') ON CONFLICT (id) DO UPDATE SET a = {late}"),
        "1000 1001 1001",
    );
    // One that reads an outer row is run for each, but not what is in it.
    let others = "(SELECT max(a) FROM t AS u WHERE u.id <> excluded.id)";
    check(&format!("(1, 0, 'n'), (2, 0, 'n') ON CONFLICT (id) DO UPDATE SET a = {others} + 1"), "10 11 9");
    let sum = format!("(SELECT u.a + {max} FROM t AS u WHERE u.id = excluded.id)");
    check(&format!("(1, 0, 'n'), (2, 0, 'n'), (3, 0, 'n') ON CONFLICT (id) DO UPDATE SET a = {sum}"), "14 16 18");
}

#[test]
fn a_table_made_of_integers_and_reals_holds_both() {
    let mut session = session();
    session.execute("CREATE TABLE u AS SELECT NULL AS v UNION ALL SELECT 1 UNION ALL SELECT 2.5").unwrap();
    session.execute("INSERT INTO u VALUES (0.25)").unwrap();
    assert_eq!(rows(&mut session, "SELECT v FROM u WHERE v > 0.5 ORDER BY v DESC"), "2.5 1.0");
    assert_eq!(rows(&mut session, "SELECT sum(v) FROM u"), "3.75");
    assert_eq!(sqlstate(&mut session, "CREATE TABLE w AS SELECT 1 AS v UNION ALL SELECT 'one'"), "42804");
}

#[test]
fn operators_bind_as_in_sqlite() {
    let mut session = session();
    for (sql, expected) in [
        ("SELECT -1 || 2", "-12"),
        ("SELECT ~1 * 2", "-4"),
        ("SELECT ~1 || 2", "-22"),
        ("SELECT 'abc' LIKE 'a%' = TRUE", "true"),
        ("SELECT 2 = 2 LIKE 3 IS NULL", "false"),
        ("SELECT 1 IS 1 IS 5", "false"),
        ("SELECT 3 IS NOT NULL > 2", "true"),
        ("SELECT 5 IS NOT DISTINCT FROM TRUE, 5 IS DISTINCT FROM NULL", "true,true"),
        ("SELECT NULL ISNULL, 1 << 0 ISNULL", "true,false"),
        ("SELECT id FROM t WHERE a ISNULL", "1"),
        ("SELECT id FROM t WHERE a NOTNULL AND NOT a ISNULL ORDER BY id", "2 3"),
    ] {
        assert_eq!(rows(&mut session, sql), expected, "{sql}");
    }
}

#[test]
fn a_condition_is_a_boolean_whatever_its_parts_are() {
    let mut session = session();
    assert_eq!(rows(&mut session, "SELECT a OR 1 > 2 FROM t ORDER BY id"), "NULL true true");
    assert_eq!(rows(&mut session, "SELECT 7 OR FALSE, 7 AND TRUE, NOT NOT 7"), "true,true,true");
    assert_eq!(sqlstate(&mut session, "SELECT b OR FALSE FROM t"), "42804");
}

#[test]
fn numbers_of_two_kinds_meet_as_in_sqlite() {
    let mut session = session();
    assert_eq!(rows(&mut session, "SELECT 9007199254740993 % 7.0, 9007199254740994.0 % 9007199254740993"), "5.0,1.0");
    assert_eq!(rows(&mut session, "SELECT min(1, 1.0), min(1.0, 1), max(1, 1.0)"), "1.0,1,1");
    let texts = "(SELECT '9007199254740993' AS s UNION ALL SELECT ' 7 ')";
    assert_eq!(rows(&mut session, &format!("SELECT sum(s), sum('2' || 'x') FROM {texts}")), "9007199254741000,4.0");
}

#[test]
fn order_by_takes_the_alias_before_a_column_of_that_name() {
    let mut session = session();
    assert_eq!(rows(&mut session, "SELECT id, a, -id AS a FROM t ORDER BY a"), "3,7,-3 2,5,-2 1,NULL,-1");
    assert_eq!(rows(&mut session, "SELECT *, -id AS a FROM t ORDER BY a DESC LIMIT 1"), "3,7,z,NULL,-3");
    assert_eq!(
        rows(&mut session, "SELECT t.*, u.id FROM t, t AS u WHERE u.id = 4 - t.id ORDER BY id LIMIT 1"),
        "1,NULL,x,true,3"
    );
}

#[test]
fn joins_in_parentheses_see_only_one_another() {
    let mut session = session();
    session
        .execute("CREATE TABLE u (k INTEGER, a INTEGER); INSERT INTO u VALUES (2, 5), (9, 7); CREATE TABLE w (a INTEGER, v TEXT); INSERT INTO w VALUES (5, 'five')")
        .unwrap();
    assert_eq!(
        rows(&mut session, "SELECT t.id, k, v FROM t LEFT JOIN (u JOIN w USING (a)) ON u.k = t.id ORDER BY t.id"),
        "1,NULL,NULL 2,2,five 3,NULL,NULL"
    );
    assert_eq!(sqlstate(&mut session, "SELECT * FROM t LEFT JOIN (u JOIN w ON w.a = t.a) ON u.k = t.id"), "42P01");
}

#[test]
fn a_column_of_using_stands_where_the_left_table_has_it() {
    let mut session = session();
    session.execute("CREATE TABLE u (v TEXT, id INTEGER); INSERT INTO u VALUES ('two', 2), ('nine', 9)").unwrap();
    session.execute("CREATE TABLE w (id INTEGER, n INTEGER); INSERT INTO w VALUES (9, 90), (8, 80)").unwrap();
    for (sql, expected) in [
        ("SELECT * FROM t RIGHT JOIN u USING (id) ORDER BY id", "2,5,y,NULL,two 9,NULL,NULL,NULL,nine"),
        ("SELECT * FROM u LEFT JOIN t USING (id) ORDER BY id", "two,2,5,y,NULL nine,9,NULL,NULL,NULL"),
        ("SELECT * FROM u JOIN w USING (id)", "nine,9,90"),
        (
            "SELECT * FROM t RIGHT JOIN u USING (id) RIGHT JOIN w USING (id) ORDER BY id",
            "8,NULL,NULL,NULL,NULL,80 9,NULL,NULL,NULL,nine,90",
        ),
        ("SELECT * FROM t NATURAL RIGHT JOIN w ORDER BY id", "8,NULL,NULL,NULL,80 9,NULL,NULL,NULL,90"),
        ("SELECT id, a FROM (SELECT * FROM t RIGHT JOIN u USING (id)) ORDER BY 1", "2,5 9,NULL"),
    ] {
        assert_eq!(rows(&mut session, sql), expected, "{sql}");
    }
}

#[test]
fn numbers_may_be_hexadecimal_or_grouped() {
    let mut session = session();
    for (sql, expected) in [
        ("SELECT id FROM t WHERE id = 0x2", "2"),
        ("SELECT 0x10, 0xFFFFFFFFFFFFFFFF, -0xff, 0x7f + 1, 1_000_000", "16,-1,-255,128,1000000"),
        ("SELECT x'10', typeof(x'10'), typeof(0x10), id FROM t WHERE id = 0x1", "x'10',blob,integer,1"),
    ] {
        assert_eq!(rows(&mut session, sql), expected, "{sql}");
    }
    assert_eq!(sqlstate(&mut session, "SELECT 0x1ffffffffffffffff"), "42601");
    session.execute("CREATE TABLE u (a INTEGER DEFAULT 0x1f, CHECK (a < 0x20)); INSERT INTO u DEFAULT VALUES").unwrap();
    assert_eq!(rows(&mut session, "SELECT a FROM u"), "31");
}

#[test]
fn a_table_made_of_a_query_without_rows_has_the_types_of_its_functions() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE u AS SELECT round(a, 1) AS r, floor(a) AS f, mod(a, 2.5) AS m, substr(b, 2) AS s FROM t WHERE FALSE;
             INSERT INTO u VALUES (1, 2, 3, 4)",
        )
        .unwrap();
    assert_eq!(
        rows(&mut session, "SELECT typeof(r), typeof(f), typeof(m), typeof(s) FROM u"),
        "real,integer,real,text"
    );
    session.execute("CREATE TABLE w AS SELECT mod(id, 2.5) AS m FROM t").unwrap();
    assert_eq!(rows(&mut session, "SELECT m FROM w ORDER BY m"), "0.5 1.0 2.0");
}

#[test]
fn a_constant_fits_a_column_over_groups_as_over_rows() {
    let mut session = session();
    session.execute("CREATE TABLE u (i INTEGER, s TEXT, d DATE); INSERT INTO u VALUES (1, '1', '2013-01-01'), (2, '2', '2013-01-02'), (2, '10', '2013-01-02')").unwrap();
    for (sql, expected) in [
        ("SELECT d FROM u GROUP BY d HAVING d >= '2013-01-02'", "2013-01-02"),
        ("SELECT d, d IN ('2013-01-01') FROM u GROUP BY d ORDER BY d", "2013-01-01,true 2013-01-02,false"),
        (
            "SELECT CASE d WHEN '2013-01-01' THEN 'first' ELSE 'other' END AS n, count(*) FROM u GROUP BY d ORDER BY n",
            "first,1 other,2",
        ),
        ("SELECT i, count(*) FROM u GROUP BY i HAVING i = '2'", "2,2"),
        ("SELECT s FROM u GROUP BY s HAVING s > 1 ORDER BY s", "10 2"),
        ("SELECT CAST(s AS INTEGER) AS n FROM u GROUP BY n HAVING CAST(s AS INTEGER) = '10'", "10"),
        (
            "SELECT d FROM u GROUP BY d HAVING (SELECT count(*) FROM u AS v WHERE v.d = u.d AND u.d > '2013-01-01') = 2",
            "2013-01-02",
        ),
        // An aggregate is no column: a number is no text.
        ("SELECT max(i) = '2', max(s) = 2 FROM u", "false,false"),
    ] {
        assert_eq!(rows(&mut session, sql), expected, "{sql}");
    }
    let sql = "SELECT count(*) FROM u GROUP BY d HAVING d > ?";
    assert_eq!(session.query(sql, &[Value::from("2013-01-01")]).unwrap().value(0, 0), Value::from(2));
}

#[test]
fn a_text_is_a_date_beside_whatever_gives_dates() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE u (id INTEGER, d DATE); INSERT INTO u VALUES (1, '2013-01-01'), (2, '2013-01-02'), (3, NULL)",
        )
        .unwrap();
    for (sql, expected) in [
        ("SELECT max(d) > '2013-01-01', min(d) IN ('2013-01-01') FROM u", "true,true"),
        ("SELECT count(*) FROM u HAVING max(d) = '2013-01-02'", "3"),
        ("SELECT id FROM u WHERE (SELECT max(d) FROM u) = '2013-01-02' AND id = 1", "1"),
        ("SELECT id FROM u WHERE CASE WHEN id > 1 THEN d END = '2013-01-02'", "2"),
        ("SELECT id FROM u WHERE d + 1 BETWEEN '2013-01-03' AND '2013-01-09'", "2"),
        ("SELECT id FROM u ORDER BY coalesce(d, '2013-01-01'), id DESC", "3 1 2"),
        ("SELECT id FROM u ORDER BY CASE id WHEN 3 THEN '1999-01-01' ELSE d END", "3 1 2"),
        ("SELECT max(d, '2013-01-02'), min(d, '2013-01-02') FROM u WHERE id = 1", "2013-01-02,2013-01-01"),
        ("SELECT coalesce(d, 'never') FROM u WHERE id > 1 ORDER BY id", "2013-01-02 never"),
    ] {
        assert_eq!(rows(&mut session, sql), expected, "{sql}");
    }
    let sql = "SELECT count(*) FROM u HAVING max(d) = ?";
    assert_eq!(session.query(sql, &[Value::from("2013-01-02")]).unwrap().value(0, 0), Value::from(3));
    assert_eq!(sqlstate(&mut session, "SELECT max(d) > 'soon' FROM u"), "22P02");
}
#[test]
fn a_change_may_begin_with_the_queries_that_it_reads() {
    let mut session = session();
    for (sql, expected) in [
        (
            "WITH w (x) AS (SELECT max(id) FROM t) INSERT INTO t (id, a, b) SELECT x + 1, x, 'w' FROM w RETURNING id, a",
            "4,3",
        ),
        (
            "WITH w AS (SELECT 9 AS x), v AS (SELECT x + 1 AS y FROM w)
             INSERT INTO t (id, a, b) VALUES ((SELECT y FROM v), (SELECT x FROM w), 'v')",
            "",
        ),
        (
            "WITH w AS (SELECT 100 AS x) INSERT INTO t (id, b) VALUES (1, 'q')
             ON CONFLICT (id) DO UPDATE SET a = (SELECT x FROM w) RETURNING id, (SELECT x + 1 FROM w)",
            "1,101",
        ),
        (
            "WITH w AS (SELECT id, a * 2 AS twice FROM t WHERE a IS NOT NULL)
             UPDATE t SET a = (SELECT twice FROM w WHERE w.id = t.id) WHERE id IN (SELECT id FROM w) RETURNING id, a",
            "1,200 2,10 3,14 4,6 10,18",
        ),
        // The table is what is changed, whatever else has its name.
        ("WITH t AS (SELECT 2 AS id) DELETE FROM t WHERE id IN (SELECT id FROM t) RETURNING id", "2"),
        ("WITH w AS (SELECT 10 AS id) DELETE FROM t WHERE id IN w RETURNING id", "10"),
        (
            "WITH w AS (SELECT 3 AS id UNION SELECT 4) DELETE FROM t WHERE EXISTS (SELECT 1 FROM w WHERE w.id = t.id)",
            "",
        ),
        ("SELECT id, a, b FROM t", "1,200,x"),
    ] {
        assert_eq!(rows(&mut session, sql), expected, "{sql}");
    }
    let sql = "WITH w AS (SELECT ? AS id) UPDATE t SET a = ? WHERE id = (SELECT id FROM w) RETURNING a";
    let changed = session.query(sql, &[Value::from(1), Value::from("7")]).unwrap();
    assert_eq!(changed.value(0, 0), Value::from(7));
    let plan = rows(&mut session, "EXPLAIN WITH w AS (SELECT 1 AS id) DELETE FROM t WHERE id IN (SELECT id FROM w)");
    assert!(plan.contains("Delete from t") && plan.contains("lookup of subquery 1 on t using t_pkey"), "{plan}");
    for sql in [
        "WITH w AS (DELETE FROM t RETURNING id) SELECT * FROM w",
        "WITH RECURSIVE w AS (SELECT 1) DELETE FROM t",
        "CREATE TABLE u AS WITH w AS (SELECT 1) DELETE FROM t RETURNING id",
        "SELECT * FROM (WITH w AS (SELECT 1) DELETE FROM t RETURNING id) AS d",
    ] {
        assert_eq!(sqlstate(&mut session, sql), "0A000", "{sql}");
    }
    assert_eq!(sqlstate(&mut session, "WITH w AS (SELECT 1 AS id) DELETE FROM w"), "42P01");
    assert_eq!(sqlstate(&mut session, "WITH w AS (SELECT x) DELETE FROM t WHERE id IN w"), "42703");
    assert_eq!(
        sqlstate(&mut session, "WITH w AS (SELECT 1 AS id) DELETE FROM t; DELETE FROM t WHERE id IN w"),
        "42P01"
    );
}

#[test]
fn a_change_may_read_the_rows_of_other_tables() {
    for routing in [Routing::Automatic, Routing::FullScan] {
        let mut session = session();
        session.set_routing(routing);
        session
            .execute(
                "CREATE TABLE u (id INTEGER, x INTEGER); CREATE TABLE w (x INTEGER, name TEXT);
                 INSERT INTO u VALUES (1, 10), (2, 20), (2, 20), (9, 90), (NULL, 0);
                 INSERT INTO w VALUES (10, 'ten'), (20, 'twenty')",
            )
            .unwrap();
        for (sql, expected) in [
            ("UPDATE t SET a = x FROM u WHERE u.id = t.id RETURNING id, a", "1,10 2,20"),
            (
                "UPDATE t SET a = u.x + t.a, b = name FROM u JOIN w USING (x)
                 WHERE u.id = t.id AND t.a >= 20 RETURNING *",
                "2,40,twenty,NULL",
            ),
            (
                "UPDATE t AS l SET b = r.b FROM t AS r WHERE r.id = l.id + 1 AND l.id < 3 RETURNING id, b",
                "1,twenty 2,z",
            ),
            (
                "UPDATE t SET a = n FROM (SELECT id, count(*) AS n FROM u GROUP BY id) AS g
                 WHERE g.id = t.id RETURNING id, a",
                "1,1 2,2",
            ),
            ("WITH g AS (SELECT 3 AS k) UPDATE t SET a = k FROM g WHERE id = k RETURNING a", "3"),
            ("UPDATE t SET a = 0 FROM u WHERE u.id = 77 RETURNING id", ""),
            (
                "UPDATE t SET a = coalesce(w.x, 1) FROM u LEFT JOIN w ON w.x = u.x AND w.name = 'ten'
                 WHERE u.id = t.id RETURNING id, a",
                "1,10 2,1",
            ),
            ("SELECT * FROM t", "1,10,twenty,true 2,1,z,NULL 3,3,z,NULL"),
            // PostgreSQL's.
            ("DELETE FROM t USING u, w WHERE u.id = t.id AND w.x = u.x AND w.name = 'twenty' RETURNING t.id", "2"),
            ("DELETE FROM t USING w RETURNING *", "1,10,twenty,true 3,3,z,NULL"),
        ] {
            let mut found: Vec<String> = rows(&mut session, sql).split(' ').map(str::to_owned).collect();
            found.sort();
            assert_eq!(found.join(" "), expected, "{routing:?}: {sql}");
        }
    }
}

#[test]
fn a_change_by_other_tables_is_a_join_and_what_it_may_name_is_known() {
    let mut session = session();
    session.execute("CREATE TABLE u (id INTEGER, a INTEGER); INSERT INTO u VALUES (2, 9), (2, 9), (3, 8)").unwrap();
    let plan = rows(&mut session, "EXPLAIN ANALYZE UPDATE t SET a = u.a FROM u WHERE u.id = t.id");
    assert!(plan.contains("changed: 2 rows") && plan.contains("Hash join  (est 1 row, actual 3 rows"), "{plan}");
    let plan = rows(&mut session, "EXPLAIN DELETE FROM t USING u WHERE u.id = t.id AND u.id = 9");
    assert!(plan.contains("Delete from t") && plan.contains("lookup on t using t_pkey"), "{plan}");
    assert_eq!(rows(&mut session, "SELECT id, a FROM t"), "1,NULL 2,9 3,8");
    let by_parameter = "UPDATE t SET a = ? FROM u WHERE u.id = t.id AND u.a = ?";
    assert_eq!(session.query(by_parameter, &[Value::from("5"), Value::from("8")]).map(|rows| rows.len()).ok(), Some(0));
    assert_eq!(rows(&mut session, "SELECT id, a FROM t"), "1,NULL 2,9 3,5");
    for (sql, state) in [
        ("UPDATE t SET a = 1 FROM t WHERE t.id = 1", "42712"),
        ("UPDATE t SET a = 1 FROM u WHERE a = 1", "42702"),
        ("UPDATE t SET a = 1 FROM u WHERE u.id = t.id RETURNING u.a", "42P01"),
        ("DELETE FROM t USING u JOIN u AS o ON o.id = t.id", "42P01"),
        ("DELETE FROM t USING none", "42P01"),
    ] {
        assert_eq!(sqlstate(&mut session, sql), state, "{sql}");
    }
    assert_eq!(
        rows(&mut session, "DELETE FROM t USING u JOIN u AS o USING (id) WHERE t.id = u.id RETURNING t.id"),
        "2 3"
    );
}
