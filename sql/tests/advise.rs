//! `Session::advise`: what it proposes helps, by the router's own word, and it proposes nothing where nothing helps.

use manicule_engine::Database;
use manicule_sql::{Advice, Session};

const ROWS: usize = 600;

/// `t (id PRIMARY KEY, a: 50 values, b: 10 values, c: all different, s: text)` and `u (id PRIMARY KEY, t_a, note)`.
fn session() -> Session {
    let mut session = Session::new(&Database::in_memory());
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c INTEGER, s TEXT);
                  CREATE TABLE u (id INTEGER PRIMARY KEY, t_a INTEGER, note TEXT);
                  CREATE VIEW v AS SELECT id, a FROM t WHERE b = 3;
                  CREATE TABLE \"my table\" (\"order\" INTEGER, x INTEGER);";
    session.execute(schema).expect("the statement is valid");
    let row = |id: usize| format!("({id}, {}, {}, {}, 's{id}')", id % 50, id / 7 % 10, id * 7919 % 100_003);
    let rows = |row: &dyn Fn(usize) -> String| (0..ROWS).map(row).collect::<Vec<_>>().join(",");
    session.execute(&format!("INSERT INTO t VALUES {}", rows(&row))).expect("the statement is valid");
    session
        .execute(&format!("INSERT INTO u VALUES {}", rows(&|id| format!("({id}, {}, 'n')", id % 200))))
        .expect("the statement is valid");
    session
        .execute(&format!("INSERT INTO \"my table\" VALUES {}", rows(&|id| format!("({id}, {id})"))))
        .expect("the statement is valid");
    session
}

/// The advice for a statement: its indexes are really created, and then the real plan is the one that was promised.
fn check(sql: &str, expected: &[&str]) -> Advice {
    let mut session = session();
    let plain = sql.trim_start_matches("EXPLAIN ");
    let before = session.prepare(plain).expect("the statement is valid").via();
    let advice = session.advise(sql).expect("the statement is valid");
    assert_eq!(advice.statements, expected, "{sql}: {advice:?}");
    assert_eq!(advice.now.via, before, "{sql}");
    for statement in &advice.statements {
        session.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    assert_eq!(session.prepare(plain).expect("the statement is valid").via(), advice.then.via, "{sql}");
    if expected.is_empty() {
        assert_eq!(advice.now.cost, advice.then.cost);
    } else {
        assert!(advice.then.cost * 2.0 <= advice.now.cost, "{sql}: {advice:?}");
        let again = session.advise(sql).expect("the statement is valid");
        assert!(again.statements.is_empty(), "{sql}: {again:?}");
    }
    assert!(advice.samples.is_empty());
    advice
}

#[test]
fn equality_asks_for_a_hash() {
    let advice = check("SELECT id FROM t WHERE a = 5", &["CREATE INDEX t_a ON t USING HASH (a)"]);
    assert_eq!(advice.now.cost, ROWS as f64);
    assert_eq!(advice.then.via, "via t_a (multi, covering)");
    check("SELECT id FROM t WHERE a = ? AND id > 3", &["CREATE INDEX t_a ON t USING HASH (a)"]);
    check("DELETE FROM t WHERE a = 5", &["CREATE INDEX t_a ON t USING HASH (a)"]);
    check("EXPLAIN SELECT id FROM t WHERE a IN (5, 6)", &["CREATE INDEX t_a ON t USING HASH (a)"]);
}

#[test]
fn a_page_asks_for_an_index_of_its_row() {
    let sql = "SELECT s FROM t WHERE (b, c) > (9, 90000) AND (b, b) > (1, 1)";
    check(sql, &["CREATE INDEX t_b_c ON t USING TREE (b, c)"]);
}

#[test]
fn equal_columns_come_before_the_range_and_the_order() {
    check("SELECT id FROM t WHERE c BETWEEN 100 AND 400", &["CREATE INDEX t_c ON t USING TREE (c)"]);
    check("SELECT id FROM t WHERE b = 3 AND c < 5000", &["CREATE INDEX t_b_c ON t USING TREE (b, c)"]);
    check("SELECT id FROM t WHERE b = 3 ORDER BY c LIMIT 5", &["CREATE INDEX t_b_c ON t USING TREE (b, c)"]);
    check("SELECT c FROM t ORDER BY c DESC LIMIT 3", &["CREATE INDEX t_c ON t USING TREE (c)"]);
    check("SELECT max(c) FROM t", &["CREATE INDEX t_c ON t USING TREE (c)"]);
    check("SELECT id FROM t WHERE s LIKE 's59%'", &["CREATE INDEX t_s ON t USING TREE (s)"]);
}

#[test]
fn joins_subqueries_and_alternatives_are_looked_into() {
    check("SELECT u.note FROM t JOIN u ON u.t_a = t.c WHERE t.id = 7", &["CREATE INDEX u_t_a ON u USING HASH (t_a)"]);
    check("SELECT id FROM v WHERE a = 5", &["CREATE INDEX t_a ON t USING HASH (a)"]);
    check(
        "SELECT id FROM t WHERE id = (SELECT count(*) FROM u WHERE t_a = 5)",
        &["CREATE INDEX u_t_a ON u USING HASH (t_a)"],
    );
    check(
        "SELECT id FROM t WHERE a = 5 OR c = 17",
        &["CREATE INDEX t_a ON t USING HASH (a)", "CREATE INDEX t_c ON t USING HASH (c)"],
    );
}

#[test]
fn names_are_free_and_quoted() {
    check(
        "SELECT x FROM \"my table\" WHERE \"order\" = 5",
        &["CREATE INDEX \"my table_order\" ON \"my table\" USING HASH (\"order\")"],
    );
    let mut session = session();
    session.execute("CREATE INDEX t_a ON t USING HASH (b)").unwrap();
    let advice = session.advise("SELECT id FROM t WHERE a = 5").unwrap();
    assert_eq!(advice.statements, ["CREATE INDEX t_a_2 ON t USING HASH (a)"]);
}

#[test]
fn there_may_be_nothing_to_gain() {
    check("SELECT a FROM t WHERE id = 5", &[]);
    check("SELECT count(*) FROM t", &[]);
    check("SELECT id FROM t WHERE b <> 3", &[]);
    check("SELECT id FROM t WHERE a + 1 = 5", &[]);
    check("SELECT 1", &[]);
    // Half of the table by any index costs more than the table.
    check("SELECT id FROM t WHERE c > 50000", &[]);
    let mut session = session();
    assert!(session.advise("CREATE TABLE w (a INTEGER)").is_err());
    assert!(session.advise("SELECT nothing FROM t").is_err());
    assert!(session.advise("SELECT 1; SELECT 2").is_err());
}

#[test]
fn the_database_stays_as_it_was_and_own_changes_are_seen() {
    let mut session = session();
    let version = session.database().catalog().version();
    session.execute("BEGIN; DELETE FROM t WHERE id >= 50").unwrap();
    // Fifty rows are read as they lie.
    assert_eq!(session.advise("SELECT id FROM t WHERE a = 5").unwrap().now.cost, 50.0);
    session.execute("ROLLBACK").unwrap();
    assert_eq!(session.advise("SELECT id FROM t WHERE a = 5").unwrap().now.cost, ROWS as f64);
    assert_eq!(session.database().catalog().version(), version);
}
