//! Statements that ask for little and could read much: each reads what it must, by an index where one serves, and gives the
//! rows of a full scan.

#[path = "support/lines.rs"]
mod lines;

use lines::lines;
use manicule_engine::{Database, Value};
use manicule_sql::{Routing, Session};

/// Two tables of two thousand rows, `a` and `b`, and views over them. `skew` is 0 in nine of ten rows.
fn session() -> Session {
    let mut session = Session::new(&Database::in_memory());
    let row = |id: usize| {
        let skew = if id % 10 == 9 { id / 10 % 100 } else { 0 };
        let nul = if id.is_multiple_of(3) { "NULL".to_owned() } else { (id * 7 % 500).to_string() };
        format!("({id}, {}, {}, {skew}, {nul}, 't{}')", id % 200, id % 10, id % 50)
    };
    let rows: Vec<String> = (0..2000).map(row).collect();
    let mut sql = String::new();
    for table in ["a", "b"] {
        sql += &format!(
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY, g INTEGER, k INTEGER, skew INTEGER, nul INTEGER, txt TEXT);
             INSERT INTO {table} VALUES {};
             CREATE INDEX {table}_g ON {table} (g); CREATE INDEX {table}_k ON {table} (k);
             CREATE INDEX {table}_skew ON {table} (skew); CREATE INDEX {table}_nul ON {table} (nul);",
            rows.join(", ")
        );
    }
    sql += "CREATE TABLE few (id INTEGER PRIMARY KEY, g INTEGER);
            INSERT INTO few VALUES (1, 7), (2, 199), (3, NULL), (4, 500);
            CREATE VIEW united AS SELECT id, g, nul, txt FROM a UNION ALL SELECT id, g, nul, txt FROM b WHERE k < 5;
            CREATE VIEW thrice AS SELECT id, g FROM a UNION ALL SELECT id, 3 FROM few UNION ALL SELECT nul, id FROM b;
            CREATE VIEW grouped AS SELECT g, count(*) AS n, sum(a.k) AS s FROM a GROUP BY g;
            CREATE VIEW different AS SELECT DISTINCT g, k FROM a;
            CREATE VIEW joined AS SELECT a.g AS g, count(b.id) AS n FROM a LEFT JOIN b ON b.id = a.id GROUP BY a.g";
    session.execute(&sql).unwrap_or_else(|error| panic!("{}", error.render(&sql)));
    session
}

/// The plan that EXPLAIN ANALYZE shows, after checking that the rows are those of a full scan.
fn analyzed(session: &mut Session, sql: &str) -> String {
    session.set_routing(Routing::FullScan);
    let mut expected = lines(session, sql);
    session.set_routing(Routing::Automatic);
    let mut found = lines(session, sql);
    if !sql.contains("ORDER BY") {
        expected.sort();
        found.sort();
    }
    assert_eq!(found, expected, "{sql}");
    lines(session, &format!("EXPLAIN ANALYZE {sql}")).join("\n")
}

#[test]
fn a_range_without_nulls_has_either_order_of_nulls() {
    let mut session = session();
    for order in ["nul NULLS LAST, id", "nul DESC NULLS FIRST", "nul NULLS LAST"] {
        for condition in ["nul > 5", "nul IS NOT NULL", "nul < 400"] {
            let sql = format!("SELECT nul FROM a WHERE {condition} ORDER BY {order} LIMIT 5");
            let analysis = analyzed(&mut session, &sql);
            assert!(analysis.contains("range on a using a_nul"), "{sql}:\n{analysis}");
        }
    }
    session.execute("CREATE INDEX a_both ON a (nul, txt)").unwrap();
    // The second column has NULLs for all that the bounds of the first one say.
    session.execute("UPDATE a SET txt = NULL WHERE id % 7 = 0").unwrap();
    for order in ["nul NULLS LAST, txt NULLS LAST", "nul NULLS LAST, txt", "nul DESC NULLS FIRST, txt DESC NULLS FIRST"]
    {
        analyzed(&mut session, &format!("SELECT nul, txt FROM a WHERE nul > 5 ORDER BY {order} LIMIT 12"));
    }
    analyzed(&mut session, "SELECT nul, txt FROM a WHERE nul = 14 AND txt > 't1' ORDER BY txt NULLS LAST LIMIT 12");
}

#[test]
fn nulls_at_the_other_end_are_a_range_of_their_own() {
    let mut session = session();
    session
        .execute(
            "CREATE INDEX a_down ON a (nul DESC, txt, id);
             CREATE TABLE some AS SELECT id, nul FROM a WHERE id % 20 < 3; CREATE INDEX some_nul ON some (nul);
             DELETE FROM some WHERE nul > 100; INSERT INTO some VALUES (5000, NULL)",
        )
        .unwrap();
    for (order, part) in [
        ("nul NULLS LAST, txt DESC, id DESC", "Union of paths on a"),
        ("nul DESC NULLS FIRST, txt, id", "Union of paths on a"),
        ("nul NULLS LAST, id", "within each nul"),
        ("nul DESC NULLS FIRST, id DESC", "within each nul"),
        ("nul NULLS LAST, txt DESC NULLS LAST, id", "within each nul"),
        ("nul, id", "within each nul"),
    ] {
        for window in ["LIMIT 5", "LIMIT 3 OFFSET 700", "LIMIT 7 OFFSET 1330"] {
            let sql = format!("SELECT id, nul, txt FROM a ORDER BY {order} {window}");
            let analysis = analyzed(&mut session, &sql);
            assert!(!window.ends_with('5') || analysis.contains(part), "{sql}:\n{analysis}");
        }
        // A condition that no index knows, and one that one does.
        for condition in
            ["id % 3 = 0", "txt > 't3'", "nul IS NULL OR nul > 3", "nul IS NULL OR nul IS NOT NULL", "g = 3"]
        {
            analyzed(&mut session, &format!("SELECT id FROM a WHERE {condition} ORDER BY {order} LIMIT 9"));
        }
    }
    for order in ["nul NULLS LAST", "nul DESC NULLS FIRST", "nul", "nul DESC"] {
        for limit in [1, 20, 60, 1000] {
            analyzed(&mut session, &format!("SELECT nul FROM some ORDER BY {order} LIMIT {limit}"));
            analyzed(
                &mut session,
                &format!("SELECT x.nul FROM some x JOIN a ON a.id = x.id ORDER BY x.{order} LIMIT {limit}"),
            );
            analyzed(
                &mut session,
                &format!("SELECT nul, count(*) FROM some GROUP BY nul ORDER BY {order} LIMIT {limit}"),
            );
        }
    }
    // All rows are sorted as before.
    let analysis = analyzed(&mut session, "SELECT id FROM a ORDER BY nul NULLS LAST, txt DESC, id DESC");
    assert!(!analysis.contains("Union of paths"), "{analysis}");
}

#[test]
fn the_sides_of_union_all_are_counted_in_their_indexes() {
    let mut session = session();
    for (sql, expected) in [
        ("SELECT count(*) FROM (SELECT id FROM a UNION ALL SELECT g FROM b)", "4000"),
        ("SELECT count(*) FROM (SELECT id FROM a UNION ALL SELECT id + 1 FROM b WHERE k IN (2, 3))", "2400"),
    ] {
        let analysis = analyzed(&mut session, sql);
        assert_eq!(lines(&mut session, sql), [expected], "{sql}");
        assert!(analysis.contains("aggregate_sides"), "{sql}:\n{analysis}");
        assert!(!analysis.contains("Full scan") && analysis.contains("rows read: 0"), "{sql}:\n{analysis}");
    }
    for sql in [
        "SELECT count(*), count(g), min(g), max(id) FROM thrice",
        "SELECT count(*), count(g), min(g), max(id) FROM thrice WHERE id < 4",
        "SELECT max(nul) FROM united",
        "SELECT min(nul) FROM united WHERE id < 0",
        "SELECT count(*), max(k) FROM (SELECT id AS k FROM few UNION ALL SELECT g FROM few WHERE id > 9)",
        "SELECT count(DISTINCT g), sum(id), count(*) FROM thrice",
        "SELECT count(*) FROM (SELECT g FROM a UNION SELECT g FROM b)",
        "SELECT count(*) FROM (SELECT g FROM a UNION ALL SELECT g FROM b ORDER BY 1 LIMIT 7)",
        "SELECT count(*) FROM (SELECT g FROM a EXCEPT SELECT g FROM few)",
        "SELECT g, count(*) FROM thrice GROUP BY g ORDER BY g",
        "SELECT id, (SELECT max(few.id) FROM thrice WHERE thrice.g = few.g) FROM few",
        "SELECT id, (SELECT count(*) FROM thrice WHERE thrice.g = few.g) FROM few",
        "SELECT count(*) + max(id) FROM united HAVING count(*) > 3",
    ] {
        analyzed(&mut session, sql);
    }
    let analysis = analyzed(&mut session, "SELECT max(nul) FROM united");
    assert!(analysis.contains("using a_nul, backward  (est 1,800 rows, actual 1 row,"), "{analysis}");
}

#[test]
fn a_view_that_is_joined_is_asked_for_the_keys_of_the_join() {
    let mut session = session();
    for (sql, part) in [
        ("SELECT few.id, v.id, v.txt FROM few JOIN united v ON v.g = few.g", "using b_g"),
        ("SELECT few.id, v.id FROM few LEFT JOIN united v ON v.g = few.g", "using b_g"),
        (
            "SELECT few.id, v.id FROM few LEFT JOIN united v ON v.g = few.g AND few.id > 1 AND v.id > few.id",
            "using b_g",
        ),
        ("SELECT few.id, v.n, v.s FROM few JOIN grouped v ON v.g = few.g", "using a_g"),
        ("SELECT few.id, v.n, v.s FROM few LEFT JOIN grouped v ON v.g = few.g AND v.n > 3", "using a_g"),
        ("SELECT few.id, v.k FROM few JOIN different v ON v.g = few.g WHERE few.id < 4", "using a_g"),
        ("SELECT few.id, v.n FROM few LEFT JOIN joined v ON v.g = few.g", "using a_g"),
        ("SELECT few.id, v.n, w.id FROM few JOIN joined v ON v.g = few.g JOIN united w ON w.id = v.n", "using b_pkey"),
        (
            "SELECT few.id, v.id FROM few JOIN (SELECT * FROM a INTERSECT SELECT * FROM b) v ON v.id = few.g",
            "using b_pkey",
        ),
        ("SELECT few.id, a.id, b.id FROM few JOIN (a LEFT JOIN b ON b.id = a.id) ON a.g = few.g", "using a_g"),
    ] {
        let analysis = analyzed(&mut session, sql);
        assert!(analysis.contains(part) && !analysis.contains("Full scan of a"), "{sql}:\n{analysis}");
    }
    // What cannot be asked for a key is hashed.
    for sql in [
        "SELECT few.id, v.g FROM few JOIN (SELECT g FROM a ORDER BY id LIMIT 300) v ON v.g = few.g",
        "SELECT few.id, v.n FROM few JOIN grouped v ON v.n = few.g",
        "SELECT few.id, v.id FROM few LEFT JOIN united v ON v.txt = few.g",
        "SELECT count(*) FROM a JOIN united v ON v.id = a.id",
    ] {
        let analysis = analyzed(&mut session, sql);
        assert!(analysis.contains("Hash join"), "{sql}:\n{analysis}");
    }
}

#[test]
fn keys_that_mostly_find_nothing_are_looked_up() {
    let mut session = session();
    let sql = "SELECT count(*), sum(a.g) FROM a JOIN b ON a.skew = b.id WHERE b.k = 5";
    let analysis = analyzed(&mut session, sql);
    assert!(analysis.contains("using a_skew") && !analysis.contains("Hash join"), "{analysis}");
}

#[test]
fn a_long_list_of_pairs_is_hashed() {
    let mut session = session();
    let pairs: Vec<String> = (0..40).map(|n| format!("(g = {} AND {} = k)", n * 5, n % 7)).collect();
    let sql = format!("SELECT id FROM a WHERE {} ORDER BY id", pairs.join(" OR "));
    let analysis = analyzed(&mut session, &sql);
    assert!(analysis.contains("Union of paths") && analysis.contains("EXISTS (subquery 1 of g, k)"), "{analysis}");
    // NULL equals nothing, and what is not known to be false is not true.
    let with_null = format!("{} OR (g = NULL AND k = 1) OR (g = 1 AND k = NULL)", pairs.join(" OR "));
    for sql in [
        format!("SELECT id FROM a WHERE {with_null} ORDER BY id"),
        format!("SELECT id FROM a WHERE NOT ({with_null}) ORDER BY id"),
        format!("SELECT id FROM a WHERE ({with_null}) IS NULL ORDER BY id"),
        format!("SELECT id FROM a WHERE {with_null} OR (g = 5 AND id = 5) ORDER BY id"),
        format!(
            "SELECT a.id, b.id FROM a JOIN b ON {} WHERE a.id = b.id ORDER BY a.id",
            with_null.replace("g =", "a.g =").replace("k", "b.k")
        ),
        format!("DELETE FROM a WHERE {with_null} RETURNING id"),
    ] {
        if sql.starts_with("DELETE") {
            session.execute("BEGIN").unwrap();
            let expected = lines(&mut session, &format!("SELECT id FROM a WHERE {with_null}"));
            assert_eq!(lines(&mut session, &sql), expected);
            session.execute("ROLLBACK").unwrap();
        } else {
            analyzed(&mut session, &sql);
        }
    }
    // Reals, and parameters.
    let pairs = ["(g = ? AND k = ?)"; 10].join(" OR ");
    let sql = format!("SELECT id FROM a WHERE {pairs} ORDER BY id");
    let values: Vec<Value<'_>> =
        (0..10).flat_map(|n| [Value::Real(f64::from(n)), Value::Real(f64::from(n) / 2.0)]).collect();
    let mut found = |routing| {
        session.set_routing(routing);
        session.query(&sql, &values).unwrap().iter().map(|row| row.get(0).to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found(Routing::Automatic), found(Routing::FullScan));
    assert_eq!(found(Routing::Automatic).len(), 10);
}

#[test]
fn a_walk_for_an_order_begins_behind_what_the_condition_leaves_out() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE queue (id INTEGER PRIMARY KEY, state TEXT);
             CREATE INDEX queue_state ON queue (state, id);
             INSERT INTO queue SELECT id, 'new' FROM a",
        )
        .unwrap();
    let analysis = analyzed(&mut session, "SELECT id FROM queue WHERE state = 'new' ORDER BY id LIMIT 1");
    assert!(analysis.contains("using queue_state"), "{analysis}");
}

#[test]
fn a_value_of_aggregates_is_grouped_once() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE plain AS SELECT id, g, k, nul, txt, g / 2.0 AS r FROM a WHERE id < 300;
             UPDATE plain SET g = NULL WHERE id % 11 = 0;
             CREATE TABLE none (x INTEGER)",
        )
        .unwrap();
    for value in [
        "(SELECT count(*) FROM plain WHERE plain.g = b.k)",
        "(SELECT count(*) FROM plain WHERE b.nul = plain.g AND plain.k > 3)",
        "(SELECT COALESCE(sum(plain.id), -1) + count(plain.nul) FROM plain WHERE plain.g = b.g AND plain.k = b.k)",
        "(SELECT max(plain.txt) FROM plain WHERE plain.r = b.k)",
        "(SELECT 'none: ' || count(DISTINCT plain.txt) FROM plain JOIN plain p ON p.id = plain.k WHERE p.g = b.g)",
        "(SELECT count(*) FROM none WHERE none.x = b.id)",
        "(SELECT count(*) FROM none LEFT JOIN plain ON plain.g = b.g)",
        "(SELECT count(*) FROM plain WHERE plain.g = b.k AND plain.id IN (SELECT id FROM few))",
        "CASE WHEN (SELECT min(plain.id) FROM plain WHERE plain.g = b.k) > 3 THEN 'yes' ELSE 'no' END",
    ] {
        let sql = format!("SELECT id, {value} FROM b WHERE id < 250 ORDER BY id");
        let analysis = analyzed(&mut session, &sql);
        let is_grouped = !value.contains("LEFT JOIN");
        assert_eq!(analysis.contains("run once, hashed by"), is_grouped, "{sql}:\n{analysis}");
        analyzed(&mut session, &format!("SELECT count(*) FROM b WHERE {value} > 1"));
    }
    for value in [
        "(SELECT count(*) + b.id FROM plain WHERE plain.g = b.k)",
        "(SELECT sum(plain.id * b.id) FROM plain WHERE plain.g = b.k)",
        "(SELECT count(*) FROM plain WHERE plain.g = b.k GROUP BY plain.k LIMIT 1)",
        "(SELECT count(*) FROM plain WHERE plain.g = b.k HAVING count(*) > 3)",
        "(SELECT count(*) FROM plain WHERE plain.g < b.k)",
        "(SELECT count(*) FROM none WHERE none.x = 1 / (b.id - b.id))",
        "(SELECT count(*) FROM a WHERE a.g = b.k)",
        "(SELECT count(*) FROM plain WHERE plain.g = b.k AND plain.k = (SELECT max(few.id) FROM few WHERE few.g = b.g))",
    ] {
        let analysis = analyzed(&mut session, &format!("SELECT id, {value} FROM b WHERE id < 50 ORDER BY id"));
        assert!(!analysis.contains("hashed by plain") && !analysis.contains("hashed by a."), "{value}:\n{analysis}");
    }
    // What fails for a group that no row asks for does not fail.
    session.execute("INSERT INTO plain (id, g) VALUES (9000, 7000)").unwrap();
    analyzed(
        &mut session,
        "SELECT (SELECT sum(1 / (plain.id - 9000)) FROM plain WHERE plain.g = b.k) FROM b WHERE id < 40",
    );
    // One outer row alone reads no more than its own group.
    let analysis =
        analyzed(&mut session, "SELECT (SELECT count(*) FROM plain WHERE plain.g = b.k) FROM b WHERE id = 7");
    assert!(analysis.contains("actual 0 rows in 0 loops") || analysis.contains("in 0 loops"), "{analysis}");
    // A change of many rows finds what was there before it.
    let sql = "UPDATE plain SET k = (SELECT count(*) FROM plain p WHERE p.g = plain.g) WHERE id < 30 RETURNING k";
    session.execute("BEGIN").unwrap();
    session.set_routing(Routing::FullScan);
    let expected = lines(&mut session, sql);
    session.execute("ROLLBACK").unwrap();
    session.set_routing(Routing::Automatic);
    assert_eq!(lines(&mut session, sql), expected);
}

#[test]
fn the_values_of_a_subquery_are_looked_up_in_a_tree_of_more_columns() {
    let mut session = session();
    session
        .execute(
            "CREATE TABLE replies (post INTEGER, at INTEGER, txt TEXT);
             INSERT INTO replies SELECT g, id, txt FROM a; INSERT INTO replies VALUES (NULL, 7, 'n');
             CREATE INDEX replies_post ON replies (post, at)",
        )
        .unwrap();
    for sql in [
        "SELECT post, at FROM replies WHERE post IN (SELECT g FROM few)",
        "SELECT post, at FROM replies WHERE post IN (SELECT g + 0.0 FROM few) AND txt > 't1'",
        "SELECT at FROM replies WHERE post IN (SELECT g FROM few) ORDER BY at DESC LIMIT 5",
        "SELECT count(*) FROM replies WHERE post IN (SELECT g FROM few WHERE id > 100)",
    ] {
        let analysis = analyzed(&mut session, sql);
        assert!(analysis.contains("lookup of subquery 1 on replies using replies_post"), "{sql}:\n{analysis}");
    }
    let analysis = analyzed(&mut session, "SELECT post, at FROM replies WHERE post IN (SELECT g FROM few)");
    assert!(analysis.contains("actual 20 rows"), "{analysis}");
    analyzed(&mut session, "SELECT count(*) FROM replies WHERE post IN (SELECT g FROM a)");
    analyzed(&mut session, "SELECT count(*) FROM replies WHERE post NOT IN (SELECT g FROM a WHERE g < 150)");
    session.execute("BEGIN; DELETE FROM replies WHERE at % 3 = 0; UPDATE replies SET post = 7 WHERE at = 1").unwrap();
    analyzed(&mut session, "SELECT post, at FROM replies WHERE post IN (SELECT g FROM few)");
}

#[test]
fn a_join_whose_partners_are_few_does_not_begin_with_the_order() {
    let mut session = session();
    let sql = "SELECT a.id FROM a JOIN few ON few.g = a.g WHERE few.id = 2 ORDER BY a.id LIMIT 3";
    let analysis = analyzed(&mut session, sql);
    assert!(analysis.contains("using a_g") && analysis.contains("Sort"), "{analysis}");
    // Where nearly each row has a partner, the first rows are soon there.
    let sql = "SELECT a.id, b.id FROM a JOIN b ON b.id = a.id ORDER BY a.id LIMIT 3";
    let analysis = analyzed(&mut session, sql);
    assert!(analysis.contains("using a_pkey") && !analysis.contains("Sort"), "{analysis}");
}

#[test]
fn what_is_random_is_run_as_often_as_it_is_asked_for() {
    let mut session = session();
    session.execute("CREATE TABLE plain AS SELECT id, g FROM a WHERE id < 200; INSERT INTO few VALUES (5, 7)").unwrap();
    for (sql, expected) in [
        ("SELECT count(DISTINCT (SELECT max(random()) FROM plain WHERE plain.g = b.k)) FROM b WHERE id < 40", "40"),
        (
            "SELECT count(DISTINCT r) FROM few JOIN (SELECT g, random() AS r FROM a) v ON v.g = few.g WHERE v.g = 7",
            "10",
        ),
    ] {
        for routing in [Routing::FullScan, Routing::Automatic] {
            session.set_routing(routing);
            assert_eq!(lines(&mut session, sql), [expected], "{routing:?}: {sql}");
        }
    }
}

/// The first rows of several keys of a compound index: of each key's range no more is read than may be among them.
#[test]
fn the_first_rows_of_several_keys_are_the_first_ones_of_each() {
    let mut session = session();
    session.execute("DROP INDEX a_g; UPDATE a SET txt = NULL WHERE id % 7 = 0").unwrap();
    let conditions = [
        ("k IN (1, 3, 5)", "path"),
        ("k = 9 OR k = 0", "path"),
        ("k IN (4, 4, NULL, 77, 2)", "path"),
        ("k IN (1, 3, 5, 8) AND id % 3 = 0", "path"),
        ("k IN (1, 3, 5) AND g > 20", ""),
        ("k IN (2, 6) AND nul IS NOT NULL", "path"),
        ("(k = 1 OR k = 2) AND id < 0", ""),
    ];
    for (index, orders) in [
        ("(k, g, id)", ["g, id", "g DESC, id DESC", "g, id DESC", "g DESC, id", "g, k, id"]),
        ("(k, g DESC)", ["g DESC, id", "g, id DESC", "g DESC, nul, id", "g, txt DESC, id", "g DESC, k DESC, id"]),
        (
            "(k, txt, id)",
            ["txt, id", "txt DESC, id DESC", "txt NULLS LAST, id", "txt, id DESC", "txt DESC NULLS LAST, id"],
        ),
    ] {
        session.execute(&format!("CREATE INDEX a_both ON a {index}")).unwrap();
        for order in orders {
            for (condition, says) in conditions {
                for window in ["LIMIT 0", "LIMIT 1", "LIMIT 5 OFFSET 7", "LIMIT 400"] {
                    let sql = format!("SELECT * FROM a WHERE {condition} ORDER BY {order} {window}");
                    let analysis = analyzed(&mut session, &sql);
                    let by_path = analysis.contains("first rows of each path only");
                    let is_expected = !says.is_empty() && !order.contains("NULLS") && window == "LIMIT 1";
                    assert!(by_path || !is_expected, "{index}: {sql}\n{analysis}");
                }
            }
        }
        session.execute("DROP INDEX a_both").unwrap();
    }
}

#[test]
fn the_first_rows_of_several_keys_are_few() {
    let mut session = session();
    session.execute("DROP INDEX a_g; CREATE INDEX a_both ON a (k, g, id)").unwrap();
    let read = |analysis: &str| -> u64 {
        let line =
            analysis.lines().find(|line| line.contains("Union of paths")).unwrap_or_else(|| panic!("{analysis}"));
        let rows = line.split("actual ").nth(1).and_then(|rest| rest.split(' ').next());
        rows.and_then(|rows| rows.replace(',', "").parse().ok()).unwrap_or_else(|| panic!("{analysis}"))
    };
    let analysis = analyzed(&mut session, "SELECT id FROM a WHERE k IN (1, 3, 5) ORDER BY g, id LIMIT 5");
    assert!((5..=30).contains(&read(&analysis)), "{analysis}");
    let analysis = analyzed(&mut session, "SELECT id FROM a WHERE k IN (1, 3, 5) ORDER BY g, nul, id LIMIT 5");
    assert!((5..=60).contains(&read(&analysis)), "{analysis}");
    // In a transaction that has changed some of them, and with parameters.
    session.execute("BEGIN; UPDATE a SET g = 0 WHERE id IN (1991, 1993); DELETE FROM a WHERE k = 1 AND g = 1").unwrap();
    let page = session.prepare("SELECT id FROM a WHERE k IN (?, ?, ?) ORDER BY g, id LIMIT ?").unwrap();
    for keys in [[1, 3, 5], [3, 3, 1], [5, 70, 5]] {
        let parameters = [Value::from(keys[0]), Value::from(keys[1]), Value::from(keys[2]), Value::from(6)];
        let of = |session: &mut Session| {
            session.query(page.sql(), &parameters).unwrap().iter().map(|row| row.get(0).to_string()).collect::<Vec<_>>()
        };
        session.set_routing(Routing::FullScan);
        let expected = of(&mut session);
        session.set_routing(Routing::Automatic);
        assert_eq!(of(&mut session), expected, "{keys:?}");
        assert_eq!(expected.len(), 6);
    }
}

/// A list on a column after those that are equal is a range for each of its values, if that is much less than one for all.
#[test]
fn a_list_behind_equal_columns_is_a_range_for_each_value() {
    let mut session = session();
    session.execute("CREATE INDEX a_both ON a (k, nul, g, id); DROP INDEX a_g; DROP INDEX a_nul").unwrap();
    for (condition, order, is_union) in [
        ("k = 3 AND nul IN (21, 91)", "id", true),
        ("k = 3 AND nul IN (21, 91) AND g > 1", "g, id LIMIT 3", true),
        ("k = 3 AND nul IN (21, 91, 91, NULL)", "g DESC, id DESC LIMIT 3", true),
        ("k = 3 AND nul IN (21, 91) AND g = 3", "g, id LIMIT 3", true),
        ("k = 3 AND nul IS NULL AND g IN (3, 13)", "id", true),
        ("k IS NULL AND nul IN (21, 91)", "id", false),
        ("k = 3 AND nul > 20 AND g IN (3, 13)", "id", false),
        ("k IN (3, 4) AND nul IN (21, 91)", "id", false),
    ] {
        for columns in ["id, g", "txt", "count(*)"] {
            if columns == "count(*)" && order.contains("LIMIT") {
                continue;
            }
            let order = if columns == "count(*)" { "1" } else { order };
            let analysis =
                analyzed(&mut session, &format!("SELECT {columns} FROM a WHERE {condition} ORDER BY {order}"));
            assert!(!is_union || analysis.contains("Union of paths on a"), "{condition}: {analysis}");
        }
    }
    // What an index covers is not given up for a list that keeps most of a range.
    let most: Vec<String> = (0..30).map(|n| ((21 + 70 * n) % 500).to_string()).collect();
    let sql = format!("SELECT g FROM a WHERE k = 3 AND nul IN ({}) ORDER BY id", most.join(", "));
    let analysis = analyzed(&mut session, &sql);
    assert!(analysis.contains("covering range on a using a_both"), "{analysis}");
}

#[test]
fn a_single_row_is_in_every_order() {
    let mut session = session();
    session
        .execute(
            "CREATE UNIQUE INDEX a_twice ON a (g, id); UPDATE b SET nul = id; CREATE UNIQUE INDEX b_nul2 ON b (nul)",
        )
        .unwrap();
    for (sql, is_sorted) in [
        ("SELECT txt FROM a WHERE id = 77 ORDER BY nul DESC, txt LIMIT 1", false),
        ("SELECT txt FROM a WHERE id = 77 ORDER BY id LIMIT 1", false),
        ("SELECT a.txt, few.g FROM a, few WHERE a.id = 7 AND few.id > 1 ORDER BY a.txt, a.k", false),
        ("SELECT a.txt, few.g FROM a, few WHERE a.id = 7 AND few.id > 1 ORDER BY a.txt, few.g", true),
        ("SELECT txt FROM a WHERE g = 7 AND id = 207 ORDER BY k", false),
        ("SELECT txt FROM b WHERE nul = 99 ORDER BY k, id", false),
        ("SELECT txt FROM a WHERE id IN (77, 7) ORDER BY k, txt", true),
        ("SELECT txt FROM a WHERE g = 7 ORDER BY txt", true),
    ] {
        let analysis = analyzed(&mut session, sql);
        assert_eq!(analysis.contains("Sort"), is_sorted, "{sql}: {analysis}");
        assert!(!sql.contains("id = 77") || analysis.contains("HashIndex lookup"), "{sql}: {analysis}");
    }
    session.execute("INSERT INTO b VALUES (7001, 1, 9, 0, NULL, 'b'), (7000, 1, 8, 0, NULL, 'a')").unwrap();
    let analysis = analyzed(&mut session, "SELECT txt FROM b WHERE nul IS NULL ORDER BY txt");
    assert!(analysis.contains("Sort"), "a unique index has many NULLs: {analysis}");
}

/// What an index on a column alone knows of it counts where the value comes later, for an index on more columns too.
#[test]
fn an_order_behind_a_parameter_is_an_index_s() {
    let mut session = session();
    session.execute("CREATE INDEX a_gid ON a (g, id); CREATE INDEX a_tkg ON a (txt, k, g)").unwrap();
    for (sql, part) in [
        ("SELECT txt FROM a WHERE g = ? ORDER BY id DESC LIMIT 2", "range on a using a_gid, backward  (est 10 rows"),
        ("SELECT txt FROM a WHERE g = ?", "lookup on a using a_g  (est 10 rows"),
        ("SELECT nul FROM a WHERE txt = ? AND k = ? ORDER BY g LIMIT 2", "range on a using a_tkg"),
        ("SELECT a.nul FROM few JOIN a ON a.g = few.g", "lookup on a using a_g  (est 10 rows"),
    ] {
        let parameters = vec![Value::from(7); sql.matches('?').count()];
        let plan = session.query(&format!("EXPLAIN {sql}"), &parameters).unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0).to_string()).collect();
        assert!(plan.join("\n").contains(part), "{sql}: {plan:#?}");
    }
}

/// A lookup under LIMIT hands out the first of the rows that it has without, whatever says how many.
#[test]
fn the_first_rows_under_a_key() {
    let mut session = session();
    session.execute("CREATE UNIQUE INDEX a_twice ON a (id, k); BEGIN; UPDATE b SET txt = 'x' WHERE id < 1000").unwrap();
    let of = |session: &mut Session, sql: &str, parameters: &[Value<'_>]| {
        let prepared = session.prepare(sql).unwrap();
        let mut found: Vec<String> = Vec::new();
        let on_row = |row: &[Value<'_>]| {
            found.push(format!("{row:?}"));
            std::ops::ControlFlow::Continue(())
        };
        session.query_prepared(&prepared, parameters, on_row).map(|()| found)
    };
    for (select, key) in [
        ("SELECT txt FROM a WHERE id = ?", 77),
        ("SELECT txt, g FROM a WHERE id = ?", 5000),
        ("SELECT txt FROM a WHERE k = 7 AND id = ?", 77),
        ("SELECT txt, id FROM a WHERE g = ?", 7),
        ("SELECT g FROM a WHERE g = ?", 7),
        ("SELECT txt, id FROM b WHERE g = ?", 7),
    ] {
        let key = Value::from(key);
        let all = of(&mut session, select, std::slice::from_ref(&key)).unwrap();
        for (limit, rows) in [
            ("0", 0),
            ("1", 1),
            ("4", 4),
            ("500", 500),
            ("2.0", 2),
            ("NULL", 500),
            ("1 + 1", 2),
            ("-1", -1),
            ("'a'", -1),
        ] {
            let value = session.query(&format!("SELECT {limit}"), &[]).unwrap().value(0, 0).into_owned();
            let literal = of(&mut session, &format!("{select} LIMIT {limit}"), std::slice::from_ref(&key));
            let parameter = of(&mut session, &format!("{select} LIMIT ?"), &[key.clone(), value]);
            for found in [literal, parameter] {
                match usize::try_from(rows) {
                    Ok(rows) => assert_eq!(found.unwrap(), all[..rows.min(all.len())], "{select} LIMIT {limit}"),
                    Err(_) => {
                        assert_eq!(found.map_err(|error| error.sqlstate()), Err("2201W"), "{select} LIMIT {limit}")
                    }
                }
            }
        }
    }
}
