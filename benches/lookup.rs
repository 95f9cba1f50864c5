//! What does a prepared SELECT cost by each access path?
//!
//! A table of 100,000 rows; each iteration runs one prepared statement with another key and reads what it gives.

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{Criterion, criterion_group, criterion_main};
use manicule::{Database, Session, Value};

const ROWS: i64 = 100_000;

/// `t (id PRIMARY KEY, code UNIQUE text, grp with ten rows each, pad)`.
fn session() -> Session {
    let mut session = Session::new(&Database::in_memory());
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT UNIQUE, grp INTEGER, pad TEXT);
                 CREATE INDEX t_grp_hash ON t USING HASH (grp);";
    session.execute(setup).expect("the schema is valid");
    let insert = session.prepare("INSERT INTO t VALUES (?, ?, ?, 'some sixty bytes of text that nobody looks at')");
    let insert = insert.expect("the statement is valid");
    session.execute("BEGIN").expect("no transaction is open");
    for id in 0..ROWS {
        let row = [Value::from(id), Value::from(format!("code{id:08}")), Value::from(id % (ROWS / 10))];
        session.execute_prepared(&insert, &row).expect("the keys are unique");
    }
    session.execute("COMMIT").expect("nobody else writes");
    session
}

fn lookup(criterion: &mut Criterion) {
    let mut session = session();
    let mut group = criterion.benchmark_group("prepared");
    for (name, sql) in [
        ("primary key", "SELECT grp FROM t WHERE id = ?"),
        ("multi index, ten rows", "SELECT id FROM t WHERE grp = ?"),
        ("range of 100", "SELECT grp FROM t WHERE id >= ? LIMIT 100"),
        ("first by order", "SELECT id FROM t WHERE id > ? ORDER BY id LIMIT 1"),
    ] {
        let prepared = session.prepare(sql).expect("the statement is valid");
        let mut key = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                key = (key + 7919) % (ROWS / 10);
                let each = |row: &[Value<'_>]| {
                    black_box(row);
                    ControlFlow::Continue(())
                };
                session.query_prepared(&prepared, &[Value::from(key)], each).expect("the query is valid")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, lookup);
criterion_main!(benches);
