//! Which way a statement takes, and that it reads no more rows than it must. Each is also run as a full scan.

use manicule_engine::Database;
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

fn lines(session: &mut Session, sql: &str) -> Vec<String> {
    let rows = session.query(sql, &[]).unwrap_or_else(|error| panic!("{}", error.render(sql)));
    let line = |row: &manicule_engine::Row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    rows.iter().map(line).collect()
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
