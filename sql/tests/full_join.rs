//! FULL JOIN: the answers are SQLite's, or those of a loop over all pairs. Each query is also run as a full scan.

#[path = "support/lines.rs"]
mod lines;

use lines::lines;
use manicule_engine::{Database, Value};
use manicule_sql::{Routing, Session};
use proptest::prelude::*;

/// The rows, a line each, which both ways of routing give.
#[track_caller]
fn rows(session: &mut Session, sql: &str) -> String {
    let [indexed, scanned] = [Routing::Automatic, Routing::FullScan].map(|routing| {
        session.set_routing(routing);
        lines(session, sql).join(" ")
    });
    session.set_routing(Routing::Automatic);
    assert_eq!(indexed, scanned, "{sql}");
    indexed
}

fn session() -> Session {
    let mut session = Session::new(&Database::in_memory());
    session
        .execute(
            "CREATE TABLE l (id INTEGER PRIMARY KEY, x INTEGER, y TEXT);
             CREATE TABLE r (id INTEGER PRIMARY KEY, x INTEGER, z TEXT);
             CREATE TABLE s (x INTEGER, w TEXT);
             CREATE INDEX r_x ON r (x);
             INSERT INTO l VALUES (1, 1, 'a'), (2, 2, 'b'), (3, NULL, 'c'), (4, 2, 'd');
             INSERT INTO r VALUES (1, 2, 'p'), (2, 3, 'q'), (3, NULL, 'r'), (4, 2, 's');
             INSERT INTO s VALUES (1, 'k'), (3, 'm'), (9, 'n'), (NULL, 'o')",
        )
        .expect("the tables are new");
    session
}

#[test]
fn rows_of_both_sides_stay_as_in_sqlite() {
    let mut session = session();
    for (sql, expected) in [
        (
            "SELECT l.id, r.id FROM l FULL JOIN r ON l.x = r.x ORDER BY l.id, r.id",
            "NULL,2 NULL,3 1,NULL 2,1 2,4 3,NULL 4,1 4,4",
        ),
        (
            "SELECT l.id, r.id FROM l FULL OUTER JOIN r ON l.x < r.x AND r.z <> 's' ORDER BY l.id, r.id",
            "NULL,3 NULL,4 1,1 1,2 2,2 3,NULL 4,2",
        ),
        (
            "SELECT l.id, r.id FROM l FULL JOIN r ON l.x = r.x AND l.id = 2 ORDER BY l.id, r.id",
            "NULL,2 NULL,3 1,NULL 2,1 2,4 3,NULL 4,NULL",
        ),
        (
            "SELECT l.id, r.id FROM l FULL JOIN r ON FALSE ORDER BY l.id, r.id",
            "NULL,1 NULL,2 NULL,3 NULL,4 1,NULL 2,NULL 3,NULL 4,NULL",
        ),
        ("SELECT l.id, r.id FROM l FULL JOIN r ON l.x = r.x WHERE l.y = 'b' ORDER BY l.id, r.id", "2,1 2,4"),
        ("SELECT l.id, r.id FROM l FULL JOIN r ON l.x = r.x WHERE r.z = 'q' ORDER BY l.id, r.id", "NULL,2"),
        ("SELECT l.id, r.id FROM l FULL JOIN r ON l.x = r.x WHERE l.y = 'b' AND r.z = 's' ORDER BY l.id, r.id", "2,4"),
        (
            "SELECT l.id, r.id FROM l FULL JOIN r ON l.x = r.x WHERE l.id IS NULL OR r.id IS NULL ORDER BY l.id, r.id",
            "NULL,2 NULL,3 1,NULL 3,NULL",
        ),
        (
            "SELECT l.id, (SELECT count(*) FROM r FULL JOIN s ON r.x = s.x AND s.x > l.x) FROM l ORDER BY l.id",
            "1,7 2,7 3,8 4,7",
        ),
        (
            "SELECT id, EXISTS (SELECT 1 FROM r FULL JOIN s ON r.x = s.x WHERE s.x = l.x) FROM l ORDER BY id",
            "1,true 2,false 3,false 4,false",
        ),
        (
            "SELECT l.id, v.n FROM l FULL JOIN (SELECT x, count(*) AS n FROM r GROUP BY x) AS v ON v.x = l.x ORDER BY l.id, v.n",
            "NULL,1 NULL,1 1,NULL 2,2 3,NULL 4,2",
        ),
        (
            "SELECT l.id, v.n, v.one FROM l FULL JOIN (SELECT x + 1 AS n, 1 AS one FROM r) AS v ON v.n = l.x ORDER BY l.id, v.n",
            "NULL,NULL,1 NULL,3,1 NULL,3,1 NULL,4,1 1,NULL,NULL 2,NULL,NULL 3,NULL,NULL 4,NULL,NULL",
        ),
        ("SELECT l.id, r.id FROM l FULL JOIN r ON l.x = r.x ORDER BY l.id DESC, r.id DESC LIMIT 2", "4,4 4,1"),
        (
            "SELECT l.id, r.id FROM (SELECT * FROM l WHERE id > 9) AS l FULL JOIN r ON l.x = r.x ORDER BY r.id",
            "NULL,1 NULL,2 NULL,3 NULL,4",
        ),
        (
            "SELECT l.id, r.id FROM l FULL JOIN (SELECT * FROM r WHERE id > 9) AS r ON l.x = r.x ORDER BY l.id",
            "1,NULL 2,NULL 3,NULL 4,NULL",
        ),
        (
            "SELECT l.id, r.id, s.w FROM l FULL JOIN (r FULL JOIN s ON r.x = s.x) ON l.x = s.x ORDER BY l.id, r.id, s.w",
            "NULL,NULL,n NULL,NULL,o NULL,1,NULL NULL,2,m NULL,3,NULL NULL,4,NULL 1,NULL,k 2,NULL,NULL 3,NULL,NULL 4,NULL,NULL",
        ),
    ] {
        assert_eq!(rows(&mut session, sql), expected, "{sql}");
    }
}

#[test]
fn columns_of_using_are_merged_as_in_sqlite() {
    let mut session = session();
    for (sql, expected) in [
        (
            "SELECT x, l.x, r.x, y, z FROM l FULL JOIN r USING (x) ORDER BY x, l.id, r.id",
            "NULL,NULL,NULL,NULL,r NULL,NULL,NULL,c,NULL 1,1,NULL,a,NULL 2,2,2,b,p 2,2,2,b,s 2,2,2,d,p 2,2,2,d,s 3,NULL,3,NULL,q",
        ),
        (
            "SELECT * FROM l FULL JOIN r USING (x) ORDER BY x, l.id, r.id",
            "NULL,NULL,NULL,3,r 3,NULL,c,NULL,NULL 1,1,a,NULL,NULL 2,2,b,1,p 2,2,b,4,s 4,2,d,1,p 4,2,d,4,s NULL,3,NULL,2,q",
        ),
        (
            "SELECT * FROM l FULL JOIN r USING (x) FULL JOIN s USING (x) ORDER BY x, l.id, r.id, w",
            "NULL,NULL,NULL,NULL,NULL,o NULL,NULL,NULL,3,r,NULL 3,NULL,c,NULL,NULL,NULL 1,1,a,NULL,NULL,k 2,2,b,1,p,NULL 2,2,b,4,s,NULL 4,2,d,1,p,NULL 4,2,d,4,s,NULL NULL,3,NULL,2,q,m NULL,9,NULL,NULL,NULL,n",
        ),
        (
            "SELECT x, w FROM l FULL JOIN r USING (x) LEFT JOIN s USING (x) ORDER BY x, l.id, r.id, w",
            "NULL,NULL NULL,NULL 1,k 2,NULL 2,NULL 2,NULL 2,NULL 3,m",
        ),
        ("SELECT x, w FROM l FULL JOIN r USING (x) JOIN s USING (x) ORDER BY x, l.id, r.id, w", "1,k 3,m"),
        (
            "SELECT x, w FROM l FULL JOIN r USING (x) RIGHT JOIN s USING (x) ORDER BY x, l.id, r.id, w",
            "NULL,o 1,k 3,m 9,n",
        ),
        (
            "SELECT x, count(*), count(l.id), count(r.id) FROM l FULL JOIN r USING (x) GROUP BY x ORDER BY x",
            "NULL,2,1,1 1,1,1,0 2,4,4,4 3,1,0,1",
        ),
        ("SELECT x + 1, count(*) FROM l FULL JOIN r USING (x) GROUP BY x HAVING x > 1 ORDER BY x DESC", "4,1 3,4"),
        ("SELECT x FROM l NATURAL FULL JOIN s ORDER BY x, y, w", "NULL NULL 1 2 2 3 9"),
        ("SELECT count(*) FROM l FULL JOIN r USING (x) WHERE x = 2", "4"),
        ("SELECT max(x), min(x), count(DISTINCT x) FROM l FULL JOIN r USING (x)", "3,1,3"),
    ] {
        assert_eq!(rows(&mut session, sql), expected, "{sql}");
    }
}

#[test]
fn a_full_join_is_hashed_and_becomes_what_its_conditions_leave_of_it() {
    let mut session = session();
    for (sql, parts) in [
        (
            "SELECT * FROM l FULL JOIN r ON l.x = r.x AND l.y < r.z",
            ["Hash join, full", "key: l.x = r.x", "on: l.y < r.z"],
        ),
        ("SELECT * FROM l FULL JOIN r ON l.x < r.x", ["Nested loop, full", "on: l.x < r.x", "actual 7 rows"]),
        (
            "SELECT * FROM l FULL JOIN r ON l.x = r.x WHERE l.y = 'b'",
            ["Nested loop, left", "using r_x", "filter: l.y = 'b'"],
        ),
        ("SELECT * FROM l FULL JOIN r ON l.id = r.x WHERE r.x = 3", ["Nested loop, left", "l_pkey", "key: r.x = 3"]),
        ("SELECT * FROM l FULL JOIN r ON l.x = r.x WHERE l.x > 1 AND r.id = 1", ["r_pkey", "l.x > 1", "actual 2 rows"]),
        ("SELECT * FROM r FULL JOIN l ON l.x = r.x ORDER BY r.id LIMIT 3", ["Hash join, full", "Sort", "by: r.id"]),
    ] {
        let plan = session.query(&format!("EXPLAIN ANALYZE {sql}"), &[]).expect(sql);
        let plan: Vec<String> = plan.iter().map(|row| row.get(0).to_string()).collect();
        for part in parts {
            assert!(plan.join("\n").contains(part), "no '{part}' for {sql}:\n{}", plan.join("\n"));
        }
    }
}

#[test]
fn a_merged_column_is_one_of_both_sides() {
    let mut session = session();
    let sql = "SELECT id FROM l FULL JOIN r USING (x)";
    assert_eq!(session.query(sql, &[]).unwrap_err().sqlstate(), "42702", "id is ambiguous");
    let sql = "SELECT x, (SELECT count(*) FROM s WHERE s.x = t.x) FROM (SELECT x FROM l FULL JOIN r USING (x)) AS t ORDER BY x";
    assert_eq!(rows(&mut session, sql), "NULL,0 NULL,0 1,1 2,0 2,0 2,0 2,0 3,1");
    let sql =
        "SELECT l.id, (SELECT count(*) FROM s WHERE s.x = x) FROM l FULL JOIN r USING (x) ORDER BY l.id, r.id LIMIT 1";
    assert_eq!(rows(&mut session, sql), "NULL,3", "the x of the query where it is in FROM");
    let sql = "SELECT y, (SELECT w FROM s AS o (x2, w) WHERE o.x2 = x) FROM l FULL JOIN r USING (x)";
    assert!(session.query(sql, &[]).is_err(), "a table has its own names");
    let sql = "SELECT x, (SELECT w FROM (SELECT x AS k, w FROM s) AS o WHERE k = x) FROM l FULL JOIN r USING (x) ORDER BY x, y, z";
    assert_eq!(rows(&mut session, sql), "NULL,NULL NULL,NULL 1,k 2,NULL 2,NULL 2,NULL 2,NULL 3,m");
    session.execute("CREATE VIEW v AS SELECT x, y, z FROM l FULL JOIN r USING (x)").unwrap();
    assert_eq!(rows(&mut session, "SELECT x, y, z FROM v WHERE x = 3 OR y = 'a' ORDER BY x"), "1,a,NULL 3,NULL,q");
    let sql = "SELECT l.x FROM l LEFT JOIN v ON v.x = l.x AND v.z = 'p' WHERE v.y IS NULL ORDER BY l.id";
    assert_eq!(rows(&mut session, sql), "1 NULL");
}

#[test]
fn a_full_join_ends_at_its_limits() {
    let mut session = session();
    session.execute("CREATE TABLE many (n INTEGER)").unwrap();
    let list: Vec<String> = (0..3000).map(|n| format!("({n})")).collect();
    session.execute(&format!("INSERT INTO many VALUES {}", list.join(","))).unwrap();
    session.execute("SET statement_timeout = 50").unwrap();
    let sql = "SELECT count(*) FROM many AS a FULL JOIN many AS b ON a.n + b.n < 0";
    assert_eq!(session.query(sql, &[]).unwrap_err().sqlstate(), "57014");
}

/// Conditions over `l (a, b)` and `r (c, d)`, and what they are; no row is all NULLs.
type Side = Option<(Option<i64>, Option<i64>)>;
type Predicate = (&'static str, fn(Side, Side) -> Option<bool>);

fn first(side: Side) -> Option<i64> {
    side.and_then(|side| side.0)
}

fn second(side: Side) -> Option<i64> {
    side.and_then(|side| side.1)
}

fn equal(left: Option<i64>, right: Option<i64>) -> Option<bool> {
    Some(left? == right?)
}

fn less(left: Option<i64>, right: Option<i64>) -> Option<bool> {
    Some(left? < right?)
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    if left == Some(false) || right == Some(false) { Some(false) } else { Some(left? && right?) }
}

const ON: [Predicate; 8] = [
    ("l.a = r.c", |l, r| equal(first(l), first(r))),
    ("l.a = r.c AND l.b < r.d", |l, r| and(equal(first(l), first(r)), less(second(l), second(r)))),
    ("l.a < r.c", |l, r| less(first(l), first(r))),
    ("l.a IS r.c", |l, r| Some(first(l) == first(r))),
    ("l.a = r.c AND l.b = r.d AND l.b = 1", |l, r| {
        and(and(equal(first(l), first(r)), equal(second(l), second(r))), equal(second(l), Some(1)))
    }),
    ("r.d = 2", |_, r| equal(second(r), Some(2))),
    ("TRUE", |_, _| Some(true)),
    ("l.a = r.c AND 1 = 2", |_, _| Some(false)),
];

const WHERE: [Predicate; 8] = [
    ("TRUE", |_, _| Some(true)),
    ("l.a IS NULL", |l, _| Some(first(l).is_none())),
    ("r.c IS NULL", |_, r| Some(first(r).is_none())),
    ("l.a = 1", |l, _| equal(first(l), Some(1))),
    ("r.d > 1", |_, r| less(Some(1), second(r))),
    ("l.a = 1 AND r.c = 1", |l, r| and(equal(first(l), Some(1)), equal(first(r), Some(1)))),
    ("l.b = r.d", |l, r| equal(second(l), second(r))),
    ("(l.a, l.b) IN ((1, 1), (2, 2), (1, 2))", |l, _| {
        let [a, b] = [first(l), second(l)];
        let pairs = [(1, 1), (2, 2), (1, 2)].map(|(x, y)| and(equal(a, Some(x)), equal(b, Some(y))));
        if pairs.contains(&Some(true)) {
            Some(true)
        } else if pairs.contains(&None) {
            None
        } else {
            Some(false)
        }
    }),
];

fn table() -> impl Strategy<Value = Vec<(Option<i64>, Option<i64>)>> {
    prop::collection::vec((prop::option::of(0..4_i64), prop::option::of(0..4_i64)), 0..12)
}

proptest! {
    #[test]
    fn every_way_gives_the_pairs_and_the_rows_without_one(
        (left, right) in (table(), table()),
        on in prop::sample::select(ON.to_vec()),
        condition in prop::sample::select(WHERE.to_vec()),
        index in prop::sample::select(vec!["r (c)", "l (a)", "r USING TREE (d, c)", "l USING HASH (a, b)"]),
    ) {
        let mut session = Session::new(&Database::in_memory());
        session
            .execute(&format!(
                "CREATE TABLE l (place INTEGER, a INTEGER, b INTEGER); CREATE TABLE r (place INTEGER, c INTEGER, d INTEGER);
                 CREATE INDEX i ON {index}"
            ))
            .expect("the tables are new");
        for (table, rows) in [("l", &left), ("r", &right)] {
            for (place, (first, second)) in rows.iter().enumerate() {
                let row = [Value::from(place as i64), Value::from(*first), Value::from(*second)];
                session.query(&format!("INSERT INTO {table} VALUES (?, ?, ?)"), &row).expect("the row fits");
            }
        }
        let is_pair = |l: usize, r: usize| on.1(Some(left[l]), Some(right[r])) == Some(true);
        let mut pairs: Vec<(Option<usize>, Option<usize>)> = Vec::new();
        for l in 0..left.len() {
            let partners: Vec<_> = (0..right.len()).filter(|&r| is_pair(l, r)).collect();
            pairs.extend(partners.iter().map(|&r| (Some(l), Some(r))));
            pairs.extend(partners.is_empty().then_some((Some(l), None)));
        }
        let alone = (0..right.len()).filter(|&r| !(0..left.len()).any(|l| is_pair(l, r)));
        pairs.extend(alone.map(|r| (None, Some(r))));
        pairs.retain(|(l, r)| condition.1(l.map(|l| left[l]), r.map(|r| right[r])) == Some(true));
        pairs.sort_unstable();
        let shown = |place: Option<usize>| place.map_or("NULL".to_owned(), |place| place.to_string());
        let expected: Vec<String> = pairs.into_iter().map(|(l, r)| format!("{},{}", shown(l), shown(r))).collect();
        let sql = format!(
            "SELECT l.place, r.place FROM l FULL JOIN r ON {} WHERE {} ORDER BY l.place, r.place",
            on.0, condition.0
        );
        prop_assert_eq!(rows(&mut session, &sql), expected.join(" "), "{}", sql);
    }
}
