//! A view gives what a table with its rows gives, whatever reads it, and whichever way it takes.

use manicule_engine::{Database, Row};
use manicule_sql::{Routing, Session};

/// Views of four columns each: what may be merged into the query that reads it, what must not, and what may at times.
const VIEWS: [(&str, &str); 14] = [
    ("plain", "SELECT id, k AS x, u AS y, txt AS z FROM t WHERE k <> 0"),
    ("nested", "SELECT id, x, y, z FROM plain WHERE y > 3"),
    ("computed", "SELECT id, k + 1 AS x, COALESCE(u, 0) AS y, txt || '!' AS z FROM t"),
    ("again", "SELECT id, x, x * 2 AS y, z FROM computed WHERE y < 9"),
    ("constant", "SELECT id, 2 AS x, u AS y, 'c' AS z FROM t WHERE u < 5"),
    ("joined", "SELECT t.id AS id, o.k AS x, t.u AS y, o.txt AS z FROM t JOIN o ON t.k = o.k WHERE o.u <> 1"),
    ("outer_joined", "SELECT t.id AS id, o.k AS x, o.u AS y, o.txt AS z FROM t LEFT JOIN o ON t.id = o.id"),
    (
        "mixed",
        "SELECT t.id AS id, v.x, v.y, COALESCE(w.z, 'none') AS z
               FROM t LEFT JOIN constant v ON v.id = t.id LEFT JOIN plain w ON w.id = t.id",
    ),
    ("counted", "SELECT id, (SELECT count(*) FROM o WHERE o.k = t.k) AS x, u AS y, txt AS z FROM t"),
    ("distinct_rows", "SELECT DISTINCT k AS id, u AS x, k AS y, 'd' AS z FROM t"),
    ("grouped", "SELECT k AS id, count(*) AS x, max(u) AS y, min(txt) AS z FROM t GROUP BY k HAVING count(*) > 1"),
    ("united", "SELECT id, k AS x, u AS y, txt AS z FROM t UNION ALL SELECT id, u, k, txt FROM o"),
    ("limited", "SELECT id, k AS x, u AS y, txt AS z FROM t ORDER BY id LIMIT 7"),
    ("lone", "SELECT 1 AS id, 2 AS x, NULL AS y, 'one' AS z"),
];

const OUTPUTS: [&str; 7] = [
    "SELECT * FROM {}",
    "SELECT a.id, b.x + b.y, COALESCE(b.z, '?'), b.x, b.x FROM {}",
    "SELECT count(*), count(b.x), sum(b.x), min(b.z), max(a.y) FROM {}",
    "SELECT DISTINCT a.x, b.x FROM {}",
    "SELECT b.x, count(*), max(b.y) FROM {} GROUP BY b.x",
    "SELECT a.id, (SELECT count(*) FROM o WHERE o.k = b.x AND o.id > a.id) FROM {}",
    "SELECT q.x, q.y FROM (SELECT a.x AS x, b.y AS y, b.z AS z FROM {}) q WHERE q.z IS NULL OR q.y > 2",
];

const JOINS: [&str; 7] = [
    "{v} a JOIN {w} b ON b.id = a.id",
    "{v} a LEFT JOIN {w} b ON b.id = a.id",
    "{v} a LEFT JOIN {w} b ON b.x = a.x AND b.y > 1",
    "{v} a LEFT JOIN {w} b ON b.z = a.z AND a.y = 2",
    "{v} a RIGHT JOIN {w} b ON b.id = a.y",
    "o LEFT JOIN {v} a ON a.id = o.id LEFT JOIN {w} b ON b.x = a.x AND b.id = o.id",
    "o LEFT JOIN ({v} a JOIN {w} b ON b.x = a.x) ON a.id = o.id",
];

const CONDITIONS: [&str; 12] = [
    "TRUE",
    "a.id = 3",
    "b.id = 3",
    "b.x > 1 AND a.id < 9",
    "b.y IS NULL",
    "b.z = 'c'",
    "a.x + b.y > 4",
    "b.x IN (1, 2, 3) OR a.z = 'c'",
    "EXISTS (SELECT 1 FROM o WHERE o.k = b.x AND o.u > 1)",
    "a.id IN (SELECT o.id FROM o WHERE o.u = b.y)",
    "COALESCE(b.x, 7) = 7",
    "NOT (b.z IS NULL OR a.x = 2)",
];

fn session() -> Session {
    let mut session = Session::new(&Database::in_memory());
    let rows = |factor: usize, count: usize| {
        let number = |value: usize| if value == 0 { "NULL".to_owned() } else { (value - 1).to_string() };
        let row = |id: usize| format!("({id}, {}, {}, 't{}')", number(id * factor % 7), number(id * 3 % 5), id % 4);
        (0..count).map(row).collect::<Vec<_>>().join(", ")
    };
    let mut sql = String::from("CREATE TABLE t (id INTEGER PRIMARY KEY, u INTEGER, k INTEGER, txt TEXT);");
    sql += "CREATE TABLE o (id INTEGER PRIMARY KEY, u INTEGER, k INTEGER, txt TEXT);";
    sql += "CREATE INDEX t_k ON t (k); CREATE INDEX o_k ON o USING HASH (k);";
    sql += &format!("INSERT INTO t VALUES {}; INSERT INTO o VALUES {};", rows(2, 24), rows(5, 15));
    for (name, query) in VIEWS {
        sql += &format!("CREATE VIEW {name} AS {query}; CREATE TABLE {name}_rows AS SELECT * FROM {name};");
    }
    session.execute(&sql).unwrap_or_else(|error| panic!("{}", error.render(&sql)));
    session
}

fn sorted(session: &mut Session, sql: &str) -> Vec<String> {
    let rows = session.query(sql, &[]).unwrap_or_else(|error| panic!("{}", error.render(sql)));
    let line = |row: &Row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(",");
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn a_view_gives_what_a_table_with_its_rows_gives() {
    let mut session = session();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut pick = |count: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 32) as usize % count
    };
    for _ in 0..600 {
        let views = [VIEWS[pick(VIEWS.len())].0, VIEWS[pick(VIEWS.len())].0];
        let (output, join) = (OUTPUTS[pick(OUTPUTS.len())], JOINS[pick(JOINS.len())]);
        let condition = CONDITIONS[pick(CONDITIONS.len())];
        let query = |suffix: &str| {
            let [first, second] = views.map(|view| format!("{view}{suffix}"));
            let from = join.replace("{v}", &first).replace("{w}", &second);
            output.replace("{}", &format!("{from} WHERE {condition}"))
        };
        session.set_routing(Routing::FullScan);
        let expected = sorted(&mut session, &query("_rows"));
        for routing in [Routing::FullScan, Routing::Automatic] {
            session.set_routing(routing);
            assert_eq!(sorted(&mut session, &query("")), expected, "{routing:?}: {}", query(""));
        }
    }
}
