//! What does each layer above the indexes add to a lookup of one row: the engine, the plan, the text?

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{Criterion, criterion_group, criterion_main};
use manicule::{Database, Session, Value};

const ROWS: i64 = 100_000;
const SQL: &str = "SELECT grp FROM t WHERE id = ?";

/// `t (id PRIMARY KEY, grp)`.
fn database() -> Database {
    let database = Database::in_memory();
    let mut session = Session::new(&database);
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, grp INTEGER); BEGIN").expect("the schema is valid");
    let insert = session.prepare("INSERT INTO t VALUES (?, ?)").expect("the statement is valid");
    for id in 0..ROWS {
        let row = [Value::from(id), Value::from(id % 100)];
        session.execute_prepared(&insert, &row).expect("the keys are unique");
    }
    session.execute("COMMIT").expect("nobody else writes");
    database
}

fn layers(criterion: &mut Criterion) {
    let database = database();
    let mut id = 0;
    let mut next = move || {
        id = (id + 7919) % ROWS;
        Value::from(id)
    };
    let mut group = criterion.benchmark_group("one row by its key");
    let mut reader = database.reader();
    let index = database.catalog().index("t_pkey").expect("a primary key has an index").1.id;
    group.bench_function("engine: a view and its lookup", |bencher| {
        bencher.iter(|| {
            let view = reader.view();
            let _: ControlFlow<()> = view.lookup(index, &[next()], |_, row| {
                black_box(row.get(1));
                ControlFlow::Continue(())
            });
        });
    });
    let mut session = Session::new(&database);
    let prepared = session.prepare(SQL).expect("the statement is valid");
    group.bench_function("query: a prepared statement", |bencher| {
        bencher.iter(|| {
            let each = |row: &[Value<'_>]| {
                black_box(row);
                ControlFlow::Continue(())
            };
            session.query_prepared(&prepared, &[next()], each).expect("the query is valid")
        });
    });
    group.bench_function("sql: a text that was seen before", |bencher| {
        bencher.iter(|| session.query(SQL, &[next()]).expect("the query is valid"));
    });
    let mut number = 0;
    group.bench_function("sql: a new text, parsed, bound and planned", |bencher| {
        bencher.iter(|| {
            number += 1;
            session.query(&format!("SELECT grp FROM t WHERE id = {number}"), &[]).expect("the query is valid")
        });
    });
    group.finish();
}

criterion_group!(benches, layers);
criterion_main!(benches);
