//! Which way a statement takes, and that it reads no more rows than it must. Each is also run as a full scan.

#[path = "support/lines.rs"]
mod lines;

use lines::lines;
use manicule_engine::{Database, Value};
use manicule_sql::{Routing, Session};

/// Two thousand rows: `half` has two values, `tenth` ten, `pair` a thousand; `wanted` asks for three of the pairs.
fn session() -> Session {
    let mut session = Session::new(&Database::in_memory());
    let rows: Vec<String> =
        (0..2000).map(|id| format!("({id}, {}, {}, {}, {})", id % 2, id % 10, id % 1000, id * 7 % 2000)).collect();
    session
        .execute(&format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, half INTEGER, tenth INTEGER, pair INTEGER, mixed INTEGER);
             CREATE INDEX t_half ON t USING HASH (half);
             CREATE INDEX t_tenth ON t (tenth);
             CREATE INDEX t_pair ON t USING HASH (pair);
             CREATE INDEX t_mixed ON t USING TREE (mixed);
             CREATE TABLE wanted (pair INTEGER, name TEXT);
             INSERT INTO t VALUES {};
             INSERT INTO wanted VALUES (3, 'a'), (500, 'b'), (999, 'c'), (NULL, 'd'), (4000, 'e')",
            rows.join(", ")
        ))
        .expect("the tables are new");
    session
}

/// The statement gives these rows whichever way it takes, and its analysis says all of `parts`.
#[track_caller]
fn check(sql: &str, expected: &[&str], parts: &[&str]) {
    let mut session = session();
    for routing in [Routing::FullScan, Routing::Automatic] {
        session.set_routing(routing);
        let mut rows = lines(&mut session, sql);
        if !sql.contains("ORDER BY") {
            rows.sort();
        }
        assert_eq!(rows, expected, "{routing:?}: {sql}");
    }
    let analysis = lines(&mut session, &format!("EXPLAIN ANALYZE {sql}")).join("\n");
    for part in parts {
        assert!(analysis.contains(part), "no '{part}' for {sql}:\n{analysis}");
    }
}

#[test]
fn a_condition_that_keeps_half_of_a_table_is_answered_by_a_scan() {
    let parts = ["Full scan of t", "Not used: t_half (multi) on t: keeps est 1,000 of 2,000 rows"];
    check("SELECT sum(id) FROM t WHERE half = 1", &["1000000"], &parts);
    check("SELECT count(*) FROM t WHERE half = 1 AND tenth = 3", &["200"], &["using t_tenth", "filter: half = 1"]);
}

#[test]
fn half_of_a_table_is_counted_in_the_index() {
    let parts = ["MultiIndex covering lookup on t using t_half", "actual 1,000 rows", "rows read: 0"];
    check("SELECT count(*) FROM t WHERE half = 1", &["1000"], &parts);
    let parts = ["MultiIndex covering lookup of 3 keys on t using t_tenth", "rows read: 0"];
    check("SELECT count(*) FROM t WHERE tenth IN (3, 4, 3)", &["400"], &parts);
    let parts = ["MultiIndex covering range on t using t_mixed", "actual 1 row,", "rows read: 0"];
    check("SELECT EXISTS (SELECT 1 FROM t WHERE mixed > 1990)", &["true"], &parts);
    check("SELECT mixed FROM t WHERE mixed > 1997 ORDER BY mixed", &["1998", "1999"], &parts[..1]);
}

#[test]
fn an_index_is_asked_for_the_few_values_of_a_subquery() {
    let parts = ["lookup of subquery 1 on t using t_pair", "actual 6 rows"];
    let sql = "SELECT id FROM t WHERE pair IN (SELECT pair FROM wanted) ORDER BY id";
    check(sql, &["3", "500", "999", "1003", "1500", "1999"], &parts);
    let sql = "SELECT count(*) FROM t WHERE pair IN (SELECT pair FROM wanted WHERE name = 'b') AND half = 0";
    check(sql, &["2"], &["lookup of subquery 1", "filter: t.half = 0"]);
    // Every value: the rows of the keys are more than a scan.
    check("SELECT count(*) FROM t WHERE pair IN (SELECT pair FROM t)", &["2000"], &[]);
    check(
        "SELECT count(*) FROM t WHERE half IN (SELECT 1)",
        &["1000"],
        &["full scan, where the subquery's rows are many"],
    );
    check("SELECT count(*) FROM t WHERE pair NOT IN (SELECT pair FROM wanted)", &["0"], &["Full scan of t"]);
}

#[test]
fn alternatives_are_a_union_of_lookups() {
    let sql = "SELECT id FROM t WHERE pair = 7 OR id = 7 OR mixed BETWEEN 10 AND 12 ORDER BY id";
    let parts = ["Union of paths on t", "using t_pair", "using t_pkey", "using t_mixed"];
    let expected: Vec<String> = (0..2000_i64)
        .filter(|id| id % 1000 == 7 || (10..=12).contains(&(id * 7 % 2000)))
        .map(|id| id.to_string())
        .collect();
    check(sql, &expected.iter().map(String::as_str).collect::<Vec<_>>(), &parts);
}

#[test]
fn the_least_and_the_greatest_value_are_one_row_of_an_index() {
    check("SELECT min(mixed) FROM t", &["0"], &["using t_mixed", "actual 1 row,"]);
    check("SELECT max(mixed) FROM t", &["1999"], &["using t_mixed, backward", "actual 1 row,"]);
    check("SELECT max(mixed) FROM t WHERE mixed < 100", &["99"], &["using t_mixed, backward", "actual 1 row,"]);
}

#[test]
fn a_limit_ends_what_is_below_it() {
    let sql = "SELECT mixed FROM t ORDER BY mixed DESC LIMIT 3";
    check(sql, &["1999", "1998", "1997"], &["using t_mixed, backward  (est 2,000 rows, actual 3 rows"]);
    let sql = "SELECT mixed FROM t WHERE mixed > 50 AND half = 1 ORDER BY mixed LIMIT 2";
    check(sql, &["51", "53"], &["using t_mixed", "actual 2 rows"]);
    check(
        "SELECT count(*) FROM (SELECT 1 FROM t LIMIT 5)",
        &["5"],
        &["Full scan of t, 2,000 rows  (est 2,000 rows, actual 5 rows"],
    );
}

#[test]
fn few_rows_are_joined_by_an_index_and_many_by_a_hash_table() {
    let sql = "SELECT name, count(*) FROM wanted JOIN t ON t.pair = wanted.pair GROUP BY name ORDER BY name";
    check(sql, &["a,2", "b,2", "c,2"], &["Nested loop", "using t_pair", "in 5 loops"]);
    let sql = "SELECT count(*) FROM t AS l JOIN t AS r ON r.id = l.mixed";
    check(sql, &["2000"], &["Hash join"]);
    let sql = "SELECT wanted.name FROM wanted LEFT JOIN t ON t.pair = wanted.pair WHERE t.id IS NULL ORDER BY name";
    check(sql, &["d", "e"], &["Nested loop, left", "using t_pair"]);
}

/// The plan that EXPLAIN ANALYZE shows, after checking that the rows are those of a full scan.
fn analyzed(session: &mut Session, sql: &str) -> String {
    session.set_routing(Routing::FullScan);
    let expected = lines(session, sql);
    session.set_routing(Routing::Automatic);
    assert_eq!(lines(session, sql), expected, "{sql}");
    lines(session, &format!("EXPLAIN ANALYZE {sql}")).join("\n")
}

#[test]
fn the_first_rows_of_a_join_need_no_hash_table() {
    let mut session = session();
    session
        .execute("CREATE TABLE other (id INTEGER PRIMARY KEY, pair INTEGER); INSERT INTO other SELECT id, pair FROM t")
        .unwrap();
    for sql in [
        "SELECT t.id FROM t JOIN other ON other.id = t.id ORDER BY t.id LIMIT 10",
        "SELECT t.id, other.pair FROM t LEFT JOIN other ON other.id = t.id ORDER BY t.id DESC LIMIT 10",
    ] {
        let analysis = analyzed(&mut session, sql);
        assert!(analysis.contains("other_pkey") && !analysis.contains("Hash join"), "{sql}:\n{analysis}");
    }
    // All rows are needed before they can be sorted.
    let analysis = analyzed(
        &mut session,
        "SELECT t.id FROM t JOIN other ON other.id = t.id ORDER BY abs(t.id - 7), t.id LIMIT 10",
    );
    assert!(analysis.contains("Hash join"), "{analysis}");
}

#[test]
fn a_list_on_the_first_column_goes_on_with_the_bounds_of_the_second() {
    let mut session = session();
    session.execute("CREATE INDEX t_both ON t USING TREE (tenth, mixed DESC)").unwrap();
    let sql = "SELECT id FROM t WHERE tenth IN (1, 3, 4) AND mixed BETWEEN 100 AND 120 ORDER BY id";
    let analysis = analyzed(&mut session, sql);
    assert!(analysis.contains("using t_both") && !analysis.contains("filter"), "{analysis}");
    let sql = "SELECT id FROM t WHERE tenth IN (1, NULL, 4) AND mixed IS NULL";
    analyzed(&mut session, sql);
}

#[test]
fn a_long_list_of_parameters_is_hashed_once() {
    let mut session = session();
    let values = [3, 500, 999, 4000, 1, 2, 7, 8].map(Value::Integer);
    let list = vec!["?"; values.len()].join(", ");
    let sql = format!("SELECT name FROM wanted WHERE pair IN ({list}) ORDER BY name");
    let asked = |session: &mut Session, sql: &str, values: &[Value<'_>]| -> Vec<String> {
        session.query(sql, values).unwrap().iter().map(|row| row.get(0).to_string()).collect()
    };
    assert_eq!(asked(&mut session, &sql, &values), ["a", "b", "c", "e"]);
    let plan = session.query(&format!("EXPLAIN {sql}"), &values).unwrap();
    let plan: Vec<String> = plan.iter().map(|row| row.get(0).to_string()).collect();
    assert!(plan.join("\n").contains("pair IN (subquery 1)"), "{plan:?}");
    let sql = format!("SELECT name FROM wanted WHERE pair NOT IN ({list}) ORDER BY name");
    assert_eq!(asked(&mut session, &sql, &values), [""; 0]);
    assert_eq!(asked(&mut session, &sql, &[1, 2, 4, 5, 6, 7, 8, 500].map(Value::Integer)), ["a", "c", "e"]);
    let mut with_null = values.clone();
    with_null[7] = Value::Null;
    assert_eq!(asked(&mut session, &sql, &with_null), [""; 0], "nothing is known not to be NULL");
    // Reals and texts as the column takes them.
    let mixed = [3.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 500.0].map(Value::Real);
    let sql = format!("SELECT name FROM wanted WHERE pair IN ({list}) ORDER BY name");
    assert_eq!(asked(&mut session, &sql, &mixed), ["a", "b"]);
    let texts = ["3", "x", "1", "2", "5", "6", "7", "500"].map(Value::from);
    let short = "SELECT name FROM wanted WHERE pair IN (?, ?, ?, ?) ORDER BY name";
    let expected = asked(&mut session, short, &texts[..4]);
    assert_eq!(asked(&mut session, &sql, &[&texts[..4], &texts[..4]].concat()), expected);
}

#[test]
fn rows_that_offset_passes_over_are_not_computed() {
    let sql = "SELECT 100 / (id - 3) FROM t ORDER BY id LIMIT 2 OFFSET 4";
    check(sql, &["100", "50"], &["rows"]);
}

#[test]
fn a_window_over_columns_is_that_part_of_all_rows() {
    let mut session = session();
    for select in [
        "SELECT mixed FROM t WHERE mixed >= 1900 ORDER BY mixed",
        "SELECT mixed, mixed FROM t WHERE mixed >= 1900 AND mixed % 3 = 1 ORDER BY mixed DESC",
        "SELECT id, pair, mixed FROM t WHERE mixed >= 1900 ORDER BY mixed",
        "SELECT tenth FROM t WHERE mixed >= 1900 AND half = 1 ORDER BY mixed",
    ] {
        let all = lines(&mut session, select);
        assert!(all.len() >= 33, "{select}");
        for (limit, offset) in [(0, 0), (1, 0), (10, 0), (10, 7), (5, 30), (500, 20), (3, 5000)] {
            let found = lines(&mut session, &format!("{select} LIMIT {limit} OFFSET {offset}"));
            let expected: Vec<String> = all.iter().skip(offset).take(limit).cloned().collect();
            assert_eq!(found, expected, "{select}: {limit}, {offset}");
        }
        assert_eq!(lines(&mut session, &format!("{select} LIMIT NULL OFFSET NULL")), all, "{select}");
    }
}

/// Two tables of integers, reals and NULLs, some of them twice, without an index on what is compared, and an empty one.
fn sides() -> Session {
    let mut session = Session::new(&Database::in_memory());
    session
        .execute(
            "CREATE TABLE l (id INTEGER PRIMARY KEY, k INTEGER, b INTEGER, name TEXT);
             CREATE TABLE r (id INTEGER PRIMARY KEY, x REAL, b INTEGER, name TEXT, i INTEGER);
             CREATE TABLE none (x INTEGER);
             CREATE INDEX r_i ON r (i);
             INSERT INTO l VALUES (1, 1, 1, 'a'), (2, 2, 1, 'b'), (3, NULL, 1, 'c'), (4, 2, NULL, 'd'), (5, 7, 2, 'a'),
                (6, 9, 0, NULL);
             INSERT INTO r VALUES (1, 1.0, 1, 'a', 1), (2, 2.0, NULL, 'b', 2), (3, 2.0, 1, 'b', 3), (4, NULL, 1, 'c', 4),
                (5, 2.5, 2, 'a', 5), (6, 7.0, 5, NULL, 6)",
        )
        .expect("the tables are new");
    session
}

#[test]
fn a_correlated_exists_is_hashed_once() {
    let mut session = sides();
    for (condition, expected) in [
        ("EXISTS (SELECT * FROM r WHERE r.x = l.k)", "1 2 4 5"),
        ("NOT EXISTS (SELECT * FROM r WHERE r.x = l.k)", "3 6"),
        ("EXISTS (SELECT 1 FROM r WHERE l.k = r.x AND r.b = 1)", "1 2 4"),
        ("NOT (EXISTS (SELECT DISTINCT b FROM r WHERE r.x = l.k AND r.x > 1.5 LIMIT 1))", "1 3 6"),
        ("EXISTS (SELECT 1 FROM r WHERE r.x = l.k AND r.b = l.b)", "1 2"),
        ("NOT EXISTS (SELECT l.name FROM r WHERE r.x = l.k AND r.name = l.name)", "3 4 5 6"),
        ("EXISTS (SELECT 1 FROM r WHERE r.x * 2 = l.k + 3)", "1 2 4"),
        ("EXISTS (SELECT 1 FROM r JOIN r AS q ON q.id = r.b WHERE r.name = l.name AND q.x = l.b)", "1 2 3 5"),
        ("EXISTS (SELECT 1 FROM r LEFT JOIN none ON none.x = r.b WHERE r.x = l.k AND none.x IS NULL)", "1 2 4 5"),
        ("EXISTS (SELECT 1 FROM none WHERE none.x = l.k)", ""),
        ("NOT EXISTS (SELECT 1 FROM none WHERE none.x = 1 / (l.k - 1))", "1 2 3 4 5 6"),
        ("EXISTS (SELECT 1 FROM r WHERE r.x = l.k AND EXISTS (SELECT 1 FROM l AS m WHERE m.name = r.name))", "1 2 4"),
        ("EXISTS (SELECT b FROM r WHERE r.x = l.k GROUP BY b)", "1 2 4 5"),
        ("CASE WHEN EXISTS (SELECT 1 FROM r WHERE r.x = l.k) THEN l.k > 1 ELSE l.b = 0 END", "2 4 5 6"),
    ] {
        let sql = format!("SELECT id FROM l WHERE {condition} ORDER BY id");
        let analysis = analyzed(&mut session, &sql);
        assert_eq!(lines(&mut session, &sql).join(" "), expected, "{sql}");
        let is_hashed = !sql.contains("GROUP BY");
        assert_eq!(analysis.contains("run once, hashed by"), is_hashed, "{sql}:\n{analysis}");
    }
    // No outer row, no inner one.
    let sql = "SELECT id FROM l WHERE id > 100 AND EXISTS (SELECT 1 FROM r WHERE r.x = l.k AND 1 / (r.b - 1) > 0)";
    assert_eq!(lines(&mut session, sql), [""; 0]);
    // The only outer row ends the search where it finds its partner.
    let sql = "SELECT id FROM l WHERE id = 1 AND EXISTS (SELECT 1 FROM r WHERE r.x = l.k)";
    let analysis = analyzed(&mut session, sql);
    assert!(analysis.contains("Full scan of r, 6 rows  (est 6 rows, actual 1 row,"), "{analysis}");
}

#[test]
fn an_exists_that_an_index_serves_is_looked_up() {
    let mut session = sides();
    let analysis =
        analyzed(&mut session, "SELECT id FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.i = l.k) ORDER BY id");
    assert!(analysis.contains("run for each outer row") && analysis.contains("using r_i"), "{analysis}");
    let sql = "SELECT id FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.i < 3 AND r.x = l.k) ORDER BY id";
    let analysis = analyzed(&mut session, sql);
    assert!(analysis.contains("hashed by r.x") && analysis.contains("using r_i"), "{analysis}");
}

#[test]
fn a_hashed_exists_sees_what_its_statement_may_see() {
    let mut session = sides();
    let twice = "SELECT 1 FROM l AS m WHERE m.k = excluded.k AND m.id <> 10";
    session.execute("INSERT INTO l VALUES (10, 0, 0, 'x'), (11, 0, 0, 'y'), (12, 0, 0, 'z')").unwrap();
    session
        .execute(&format!(
            "INSERT INTO l VALUES (10, 50, 0, 'x'), (11, 50, 0, 'y'), (12, 50, 0, 'z') ON CONFLICT (id) DO UPDATE SET
             k = CASE WHEN EXISTS ({twice}) THEN -1 ELSE excluded.k END"
        ))
        .unwrap();
    assert_eq!(lines(&mut session, "SELECT k FROM l WHERE id >= 10 ORDER BY id"), ["50", "50", "-1"]);
    let changed = "UPDATE l SET k = k + 1 WHERE EXISTS (SELECT 1 FROM l AS m WHERE m.k = l.k + 1)";
    session.execute(changed).unwrap();
    assert_eq!(lines(&mut session, "SELECT k FROM l WHERE id <= 2 ORDER BY id"), ["2", "2"]);
}

#[test]
fn the_first_groups_are_read_in_the_order_of_an_index() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE g (id INTEGER PRIMARY KEY, k REAL, name TEXT, v INTEGER);
             CREATE INDEX g_k ON g USING TREE (k);
             CREATE INDEX g_both ON g USING TREE (name, k DESC);
             INSERT INTO g SELECT id, CASE WHEN pair > 5 THEN pair / 2 ELSE NULL END, CAST(tenth AS TEXT), mixed FROM t",
        )
        .unwrap();
    let in_order = "Aggregate, group by group";
    for (sql, actual) in [
        ("SELECT k, count(*) FROM g GROUP BY k ORDER BY k LIMIT 5", "using g_k  (est 2,000 rows, actual 29 rows"),
        ("SELECT k, sum(v) FROM g GROUP BY k ORDER BY k DESC LIMIT 2 OFFSET 1", "using g_k, backward"),
        ("SELECT count(*), sum(n) FROM (SELECT count(*) AS n FROM g GROUP BY v, id LIMIT 5)", "actual 6 rows"),
        ("SELECT g.k, count(*), min(v) FROM g WHERE v > 10 GROUP BY k ORDER BY k LIMIT 3", "using g_k"),
        (
            "SELECT name, k, count(DISTINCT v) FROM g GROUP BY k, name ORDER BY name DESC, k LIMIT 4",
            "using g_both, backward",
        ),
        ("SELECT k + 1, count(*) FROM g GROUP BY k HAVING k > 7 AND count(*) > 1 ORDER BY k LIMIT 3", "using g_k"),
        ("SELECT x.k, (SELECT count(*) FROM wanted) FROM (SELECT k FROM g) AS x GROUP BY k ORDER BY k LIMIT 3", "g_k"),
        ("SELECT k, count(*) FROM g JOIN wanted ON wanted.pair < g.id GROUP BY k ORDER BY k LIMIT 2", "g_k"),
        // The order is there anyway.
        ("SELECT k, count(*) FROM g WHERE k < 20 GROUP BY k ORDER BY k", "using g_k"),
        ("SELECT name, sum(v) FROM g WHERE name = '3' AND k < 50 GROUP BY name", "using g_both"),
        ("SELECT id, max(v) FROM g GROUP BY id ORDER BY id DESC LIMIT 5", "using g_pkey, backward"),
    ] {
        let analysis = analyzed(&mut session, sql);
        let is_right = analysis.contains(in_order) && analysis.contains(actual) && !analysis.contains("Sort");
        assert!(is_right, "{sql}:\n{analysis}");
    }
    // Any five groups, whole.
    let sql = "SELECT k, count(*) FROM g GROUP BY k LIMIT 5";
    let analysis = lines(&mut session, &format!("EXPLAIN ANALYZE {sql}")).join("\n");
    assert!(analysis.contains("actual 29 rows"), "{analysis}");
    assert_eq!(lines(&mut session, sql), ["NULL,12", "3.0,4", "4.0,4", "5.0,4", "6.0,4"]);
    // Hashing all rows costs less.
    for sql in [
        "SELECT k, count(*) FROM g GROUP BY k ORDER BY k",
        "SELECT k, count(*) FROM g GROUP BY k ORDER BY k LIMIT 450",
        "SELECT k, count(*) FROM g GROUP BY k ORDER BY count(*) DESC, k LIMIT 5",
        "SELECT k, v, count(*) FROM g GROUP BY k, v ORDER BY k, v LIMIT 5",
    ] {
        let analysis = analyzed(&mut session, sql);
        assert!(analysis.contains("Hash aggregate"), "{sql}:\n{analysis}");
    }
    // Nothing is grouped to nothing.
    session.execute("DELETE FROM g").unwrap();
    assert_eq!(lines(&mut session, "SELECT k, count(*) FROM g GROUP BY k ORDER BY k LIMIT 5"), [""; 0]);
}

#[test]
fn a_join_by_is_finds_null_for_null_in_a_hash_table() {
    let mut session = sides();
    for (sql, expected) in [
        ("SELECT l.id, r.id FROM l JOIN r ON l.k IS r.x ORDER BY 1, 2", "1,1 2,2 2,3 3,4 4,2 4,3 5,6"),
        (
            "SELECT l.id, r.id FROM l LEFT JOIN r ON r.x IS NOT DISTINCT FROM l.k ORDER BY 1, 2",
            "1,1 2,2 2,3 3,4 4,2 4,3 5,6 6,NULL",
        ),
        ("SELECT l.id, r.id FROM l JOIN r ON l.k IS r.x AND l.b = r.b ORDER BY 1, 2", "1,1 2,3 3,4"),
        ("SELECT l.id, r.id FROM l JOIN r ON l.k = r.x AND l.b IS r.b ORDER BY 1, 2", "1,1 2,3 4,2"),
        ("SELECT l.id, r.id FROM l JOIN r ON l.k IS r.x AND l.name IS r.name ORDER BY 1, 2", "1,1 2,2 2,3 3,4"),
        ("SELECT l.id, none.x FROM l LEFT JOIN none ON none.x IS l.k WHERE l.id > 4 ORDER BY 1", "5,NULL 6,NULL"),
    ] {
        let analysis = analyzed(&mut session, sql);
        assert_eq!(lines(&mut session, sql).join(" ").replace(", ", ","), expected, "{sql}");
        assert!(analysis.contains("Hash join") && analysis.contains(" IS "), "{sql}:\n{analysis}");
    }
    // EXISTS by IS is not hashed, and finds the same.
    let sql = "SELECT id FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.x IS l.k) ORDER BY id";
    analyzed(&mut session, sql);
    assert_eq!(lines(&mut session, sql), ["1", "2", "3", "4", "5"]);
}

#[test]
fn a_hashed_exists_counts_its_memory() {
    let mut session = session();
    session.execute("CREATE TABLE other AS SELECT mixed AS n FROM t").unwrap();
    let sql = "SELECT count(*) FROM t WHERE NOT EXISTS (SELECT 1 FROM other WHERE other.n = t.mixed)";
    session.execute("SET memory_limit = 20000").unwrap();
    let error = session.query(sql, &[]).unwrap_err();
    assert_eq!(error.sqlstate(), "53200", "{}", error.render(sql));
    session.execute("SET memory_limit = 1000000").unwrap();
    assert_eq!(lines(&mut session, sql), ["0"]);
}

#[test]
fn an_index_on_the_first_keys_leaves_groups_to_be_sorted() {
    let sorted = "by: id DESC within each tenth";
    let sql = "SELECT id FROM t ORDER BY tenth, id DESC LIMIT 3";
    check(
        sql,
        &["1990", "1980", "1970"],
        &[sorted, "Sort, first rows only", "using t_tenth  (est 2,000 rows, actual 201 rows"],
    );
    let sql = "SELECT id, pair FROM t ORDER BY tenth DESC, pair, id LIMIT 2 OFFSET 399";
    let parts = ["by: pair, id within each tenth", "using t_tenth, backward", "actual 601 rows"];
    check(sql, &["1998,998", "7,7"], &parts);
    let sql = "SELECT id, pair FROM t ORDER BY tenth DESC, pair, id LIMIT 2 OFFSET 199";
    check(sql, &["1999,999", "8,8"], &parts[..2]);
    // NULLs that the index has at its other end, and the keys of no index.
    check("SELECT id FROM t ORDER BY tenth NULLS LAST, id LIMIT 1", &["0"], &["by: id within each tenth"]);
    check("SELECT id FROM t ORDER BY half, id LIMIT 1", &["0"], &["Full scan of t"]);
    // Without a limit only a range that is chosen already.
    let sql = "SELECT id FROM t WHERE mixed BETWEEN 3 AND 5 ORDER BY mixed DESC, pair + half";
    check(sql, &["1715", "572", "1429"], &["by: pair + half within each mixed", "using t_mixed, backward"]);
    let sql = "SELECT count(*) FROM (SELECT id FROM t ORDER BY tenth, id)";
    check(sql, &["2000"], &["by: tenth, id\n", "Full scan of t"]);
}

#[test]
fn groups_of_a_join_are_sorted_and_the_join_goes_on_where_it_was() {
    let sql = "SELECT t.id, other.id FROM t JOIN t AS other ON other.pair = t.pair
               ORDER BY t.mixed, other.id DESC LIMIT 7";
    let expected = ["0,1000", "0,0", "1143,1143", "1143,143", "286,1286", "286,286", "1429,1429"];
    check(sql, &expected, &["within each t.mixed", "Nested loop", "actual 9 rows"]);
}

#[test]
fn a_group_at_a_time_is_kept() {
    let sql = "SELECT count(*) FROM (SELECT id FROM t WHERE mixed >= 0 AND mixed < 400 ORDER BY mixed, pair)";
    let mut session = session();
    let plan = lines(&mut session, &format!("EXPLAIN {sql}")).join("\n");
    assert!(plan.contains("by: pair within each mixed"), "{plan}");
    session.execute("SET memory_limit = 4000").expect("it is a setting");
    assert_eq!(lines(&mut session, sql), ["400"]);
}

#[test]
fn each_side_of_a_union_all_gives_its_first_rows() {
    let both =
        "(SELECT id, pair AS p, mixed AS m FROM t UNION ALL SELECT mixed, half, id FROM t UNION ALL SELECT 5, 6, -1)";
    let sql = format!("SELECT m, id FROM {both} ORDER BY m LIMIT 3 OFFSET 1");
    let parts =
        ["push_limits_down", "using t_mixed  (est 2,000 rows, actual 4 rows", "Union all  (est 8 rows, actual 8 rows"];
    check(&sql, &["0,0", "0,0", "1,1143"], &parts);
    let sql = format!("SELECT p FROM {both} AS both ORDER BY m DESC, id LIMIT 2");
    check(&sql, &["857", "1"], &["using t_mixed, backward", "actual 3 rows"]);
    // Not where the keys are computed, or where rows of both sides may be one.
    let sql = format!("SELECT id FROM {both} ORDER BY m + 1, id LIMIT 1");
    check(&sql, &["5"], &["actual 4,001 rows"]);
    check(
        "SELECT half FROM t UNION SELECT id FROM t ORDER BY half LIMIT 2",
        &["0", "1"],
        &["Union  (est 4,000 rows, actual 2,000 rows"],
    );
    // Without an order the first side is enough.
    let sql = "SELECT id FROM (SELECT id FROM t UNION ALL SELECT half FROM t) LIMIT 2 OFFSET 1";
    check(sql, &["1", "2"], &["actual 3 rows", "actual 0 rows"]);
}

/// The session with three views: of one table, of an inner join and of a left join.
fn session_with_views() -> Session {
    let mut session = session();
    session
        .execute(
            "CREATE VIEW odd AS SELECT id, pair AS p, mixed, 1 AS one, tenth + 1 AS next FROM t WHERE half <> 0;
             CREATE VIEW both AS SELECT a.id AS first, b.id AS second, b.half AS h FROM t a JOIN t b ON b.id = a.mixed;
             CREATE VIEW named AS SELECT w.name AS name, t.id AS id FROM wanted w LEFT JOIN t ON t.pair = w.pair",
        )
        .expect("the names are new");
    session
}

#[test]
fn the_tables_of_a_view_are_read_by_their_indexes() {
    let mut session = session_with_views();
    for (sql, parts) in [
        ("SELECT w.name, v.id FROM wanted w LEFT JOIN odd v ON v.p = w.pair ORDER BY 1, 2", &["t_pair", "in 5"][..]),
        ("SELECT w.name, v.next FROM wanted w JOIN odd v ON v.p = w.pair ORDER BY 1, 2", &["t_pair", "in 5"]),
        ("SELECT w.name, v.second FROM wanted w JOIN both v ON v.first = w.pair ORDER BY 1", &["t_pkey", "in 3 loops"]),
        (
            "SELECT w.name, q.m FROM wanted w LEFT JOIN (SELECT mixed AS m, id AS i FROM odd) q ON q.i = w.pair",
            &["in 5"],
        ),
        ("SELECT name FROM named WHERE id = 999", &["simplify_outer_joins", "using t_pkey"]),
        ("SELECT max(mixed) FROM odd", &["using t_mixed, backward"]),
        ("SELECT w.name FROM wanted w WHERE EXISTS (SELECT 1 FROM both v WHERE v.first = w.pair)", &["in 5 loops"]),
    ] {
        let analysis = analyzed(&mut session, sql);
        for part in ["merge_projections"].iter().chain(parts) {
            assert!(analysis.contains(part), "no '{part}' for {sql}:\n{analysis}");
        }
        assert!(!analysis.contains("Full scan of t"), "{sql}:\n{analysis}");
    }
}

#[test]
fn what_a_view_computes_is_null_where_an_outer_join_has_no_row() {
    let mut session = session_with_views();
    for (column, expected) in [("one", ["a,1", "b,NULL", "c,1"]), ("next", ["a,4", "b,NULL", "c,10"])] {
        let sql =
            format!("SELECT w.name, v.{column} FROM wanted w LEFT JOIN odd v ON v.id = w.pair ORDER BY 1 LIMIT 3");
        assert_eq!(lines(&mut session, &sql), expected);
    }
}

#[test]
fn what_a_view_leaves_out_fails_in_no_condition_above_it() {
    let mut session = session_with_views();
    session.execute("CREATE TABLE twelfths (q INTEGER); INSERT INTO twelfths VALUES (12), (1)").unwrap();
    session
        .execute("CREATE VIEW differ AS SELECT a.id AS id, b.half AS h FROM t a JOIN t b ON b.id = a.mixed AND a.half + b.half = 2")
        .unwrap();
    for view in ["(SELECT id, half AS h FROM t WHERE half <> 0)", "differ"] {
        for sql in [
            format!("SELECT count(*) FROM twelfths JOIN {view} v ON q = 12 / v.h"),
            format!("SELECT count(*) FROM twelfths JOIN {view} v ON v.id = q AND 12 / v.h > q"),
            format!("SELECT count(*) FROM twelfths LEFT JOIN {view} v ON q = 12 / v.h AND v.id > 0 WHERE q = 12"),
            format!("SELECT count(*) FROM {view} v WHERE EXISTS (SELECT 1 FROM twelfths WHERE q = 12 / v.h)"),
        ] {
            analyzed(&mut session, &sql);
        }
    }
}
