//! Values that are others each time: the time and random numbers, as defaults, keys, in views and checks.

#[path = "support/empty.rs"]
mod empty;

use empty::{rows, session};
use manicule_engine::store::MemoryStore;
use manicule_engine::{Database, OpenOptions};
use manicule_sql::{Routing, Session};

/// Runs until the clock has moved on.
fn until_another(mut run: impl FnMut() -> String) {
    let first = run();
    let start = std::time::Instant::now();
    while run() == first {
        assert!(start.elapsed().as_secs() < 60, "always {first}");
    }
}

#[test]
fn a_statement_has_one_time_and_the_next_another() {
    let mut session = session();
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)").unwrap();
    let ids: Vec<String> = (0..2000).map(|id| format!("({id})")).collect();
    session.execute(&format!("INSERT INTO t (id) VALUES {}", ids.join(", "))).unwrap();
    assert_eq!(rows(&mut session, "SELECT count(DISTINCT at) FROM t"), "1");
    session.execute("UPDATE t SET at = now()").unwrap();
    assert_eq!(rows(&mut session, "SELECT count(DISTINCT at), min(at) <= now() FROM t"), "1,true");
    let same = "SELECT count(DISTINCT now()), min(now()) = (SELECT max(CURRENT_TIMESTAMP) FROM t),
                       CURRENT_DATE = date(now()), date('now') = CURRENT_DATE FROM t";
    assert_eq!(rows(&mut session, same), "1,true,true,true");
    let prepared = session.prepare("SELECT CURRENT_TIMESTAMP, id FROM t WHERE at <= now() AND id = 5").unwrap();
    until_another(|| format!("{:?}", session.execute_prepared(&prepared, &[]).unwrap()));
    until_another(|| rows(&mut session, "SELECT strftime('%J', 'now')"));
    // Now is later than a fixed day, and told in UTC.
    assert_eq!(rows(&mut session, "SELECT CURRENT_DATE > '2025-01-01', now() > '2025-01-01'"), "true,true");
    assert_eq!(rows(&mut session, "SELECT typeof(CURRENT_DATE), typeof(now())"), "date,timestamp");
}

#[test]
fn what_is_constant_for_a_statement_bounds_a_range() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE, at TIMESTAMP); CREATE INDEX t_day ON t USING TREE (day)",
        )
        .unwrap();
    let ids: Vec<String> = (0..3000).map(|id| format!("({id}, CURRENT_DATE - {id}, now())")).collect();
    session.execute(&format!("INSERT INTO t VALUES {}", ids.join(", "))).unwrap();
    for (condition, bounds, count) in [
        ("day >= CURRENT_DATE - INTERVAL '7 days'", "bounds: day >= CURRENT_DATE - INTERVAL '7 days'", "8"),
        ("day > CURRENT_DATE - 7", "bounds: day > CURRENT_DATE - 7", "7"),
        ("day >= now() - INTERVAL '36 hours'", "bounds: day >= CURRENT_TIMESTAMP - INTERVAL '129600000000 micro", ""),
        (
            "day BETWEEN CURRENT_DATE - 3 AND CURRENT_DATE",
            "bounds: day >= CURRENT_DATE - 3 AND day <= CURRENT_DATE",
            "4",
        ),
        ("CURRENT_DATE = day", "key: day = CURRENT_DATE", "1"),
    ] {
        let sql = format!("SELECT count(*) FROM t WHERE {condition}");
        let plan = rows(&mut session, &format!("EXPLAIN {sql}"));
        assert!(plan.contains("using t_day") && plan.contains(bounds), "{plan}");
        let found = rows(&mut session, &sql);
        session.set_routing(Routing::FullScan);
        assert_eq!(rows(&mut session, &sql), found, "{condition}");
        session.set_routing(Routing::Automatic);
        assert!(count.is_empty() || found == count, "{condition}: {found}");
    }
}

#[test]
fn random_is_another_for_each_row_and_never_a_key() {
    let mut session = session();
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER DEFAULT (random() % 1000))").unwrap();
    let ids: Vec<String> = (0..2000).map(|id| format!("({id})")).collect();
    session.execute(&format!("INSERT INTO t (id) VALUES {}", ids.join(", "))).unwrap();
    assert_eq!(rows(&mut session, "SELECT count(DISTINCT random()) FROM t"), "2000");
    assert_eq!(rows(&mut session, "SELECT count(DISTINCT a) > 100 FROM t"), "true");
    // Of 2,000 throws, all heads or all tails is less likely than anything that happens.
    for from in ["t", "t AS a JOIN t AS b ON a.id = b.id", "t AS a LEFT JOIN t AS b ON a.id = b.id"] {
        let sql = format!("SELECT count(*) BETWEEN 500 AND 1500 FROM {from} WHERE random() > 0");
        assert_eq!(rows(&mut session, &sql), "true", "{from}");
    }
    assert_eq!(
        rows(
            &mut session,
            "SELECT count(*) BETWEEN 500 AND 1500 FROM (SELECT random() AS r FROM t) AS v WHERE r > 0 AND r > 0"
        ),
        "true"
    );
    assert_eq!(
        rows(&mut session, "SELECT count(*) FROM (SELECT random() AS r FROM t) AS v WHERE r > 0 AND r < 0"),
        "0"
    );
    assert_eq!(rows(&mut session, "SELECT count(*) FROM (SELECT random() AS r FROM t) AS v WHERE r <> r"), "0");
    let pairs = "SELECT count(DISTINCT r) FROM (SELECT random() AS r FROM t WHERE id < 3) AS v CROSS JOIN t";
    assert_eq!(rows(&mut session, pairs), "3");
    // A key would be looked up once.
    let each = "FROM t WHERE id = id % 10 + abs(random() % 2)";
    assert_eq!(rows(&mut session, &format!("SELECT count(*) BETWEEN 0 AND 10 {each}")), "true");
    let plan = rows(&mut session, "EXPLAIN SELECT * FROM t WHERE id = abs(random() % 10) AND a >= 0");
    assert!(plan.contains("Full scan of t"), "{plan}");
    let plan = rows(&mut session, "EXPLAIN SELECT * FROM t AS a JOIN t AS b ON a.id = b.id + random() % 2");
    assert!(!plan.contains("key:"), "{plan}");
    // By its name it is the same value.
    let grouped = "SELECT count(DISTINCT g), count(*) FROM (SELECT random() % 3 AS g FROM t GROUP BY g) AS v";
    assert_eq!(rows(&mut session, grouped), "5,5");
    let ordered = "SELECT count(*) FROM (SELECT random() % 1000 AS r FROM t ORDER BY r LIMIT 20) AS v WHERE r > -900";
    assert_eq!(rows(&mut session, ordered), "0");
    // For each outer row anew.
    session.execute("CREATE TABLE o AS SELECT 1 AS one, a FROM t WHERE id < 2").unwrap();
    let exists = "SELECT count(*) BETWEEN 500 AND 1900 FROM t
                  WHERE EXISTS (SELECT 1 FROM o WHERE o.one = 1 + t.id * 0 AND random() > 0)";
    assert_eq!(rows(&mut session, exists), "true");
    let ordered = rows(&mut session, "SELECT id FROM t ORDER BY random() LIMIT 20");
    assert_ne!(ordered, rows(&mut session, "SELECT id FROM t ORDER BY random() LIMIT 20"));
}

#[test]
fn a_default_may_be_computed_anew_for_each_row() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE DEFAULT CURRENT_DATE, due DATE DEFAULT (CURRENT_DATE + INTERVAL '7 days'),
                             at TIMESTAMP NOT NULL DEFAULT now(), text TEXT DEFAULT (strftime('%Y', 'now') || upper('x')));
             INSERT INTO t (id) VALUES (1);
             INSERT INTO t VALUES (3, DEFAULT, DEFAULT, DEFAULT, DEFAULT);
             INSERT INTO t (id) SELECT 4",
        )
        .unwrap();
    let sql = "SELECT count(*) FROM t WHERE day = CURRENT_DATE AND due = day + 7 AND date(at) = day
               AND text = strftime('%YX', day)";
    assert_eq!(rows(&mut session, sql), "3");
    session.execute("CREATE TABLE alone (at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)").unwrap();
    let insert = session.prepare("INSERT INTO alone DEFAULT VALUES RETURNING at").unwrap();
    until_another(|| format!("{:?}", session.execute_prepared(&insert, &[]).unwrap()));
    session.execute("ALTER TABLE alone ADD COLUMN day DATE NOT NULL DEFAULT CURRENT_DATE").unwrap();
    session.execute("INSERT INTO alone DEFAULT VALUES").unwrap();
    assert_eq!(rows(&mut session, "SELECT count(DISTINCT day), max(day) = CURRENT_DATE FROM alone"), "1,true");
    for sql in [
        "CREATE TABLE wrong (day DATE DEFAULT CURRENT_TIMESTAMP)",
        "CREATE TABLE wrong (n INTEGER DEFAULT CURRENT_DATE)",
    ] {
        assert_eq!(session.execute(sql).expect_err(sql).sqlstate(), "42804", "{sql}");
    }
}

#[test]
fn checks_views_and_defaults_with_functions_are_there_after_reopening() {
    let store = MemoryStore::default();
    let open =
        || Session::new(&Database::open_store(Box::new(store.clone()), &OpenOptions::default()).expect("it is sound"));
    let run = |session: &mut Session| {
        let count: i64 = rows(session, "SELECT count(*) FROM t").parse().unwrap();
        session.execute("INSERT INTO t (name) VALUES ('abc')").unwrap();
        for (sql, sqlstate) in [
            ("INSERT INTO t (name, day) VALUES ('abc', CURRENT_DATE - INTERVAL '2 months')", "23514"),
            ("INSERT INTO t (name, day) VALUES ('abc', CURRENT_DATE + 1)", "23514"),
            ("INSERT INTO t (name) VALUES ('a')", "23514"),
        ] {
            assert_eq!(session.execute(sql).expect_err(sql).sqlstate(), sqlstate, "{sql}");
        }
        let expected = format!("{},{},c,abc  ", count + 1, count + 1);
        let sql =
            "SELECT count(*), sum(recent), max(last), max(padded) FROM v WHERE year = extract(year FROM CURRENT_DATE)";
        assert_eq!(rows(session, sql), expected);
        assert_eq!(rows(session, "SELECT count(DISTINCT code) = count(*) FROM t"), "true");
    };
    {
        let mut session = open();
        session
            .execute(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT CHECK (octet_length(name) > 1 AND position('b' IN name) > 0),
                                 day DATE DEFAULT CURRENT_DATE, code INTEGER DEFAULT (random()),
                                 CHECK (day BETWEEN CURRENT_DATE - INTERVAL '1' MONTH AND CURRENT_DATE),
                                 CHECK (extract(year FROM day) > 2000));
                 CREATE VIEW v AS SELECT extract(year FROM day) AS year, count(*) FILTER (WHERE day > now() - INTERVAL '3 days') AS recent,
                                         max(right(name, 1)) AS last, max(rpad(name, 5)) AS padded FROM t GROUP BY id, day",
            )
            .unwrap();
        run(&mut session);
    }
    for _ in 0..2 {
        run(&mut open());
    }
}
