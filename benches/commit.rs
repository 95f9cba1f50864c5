//! What does a commit of one row cost, in memory, by the number of indexes?

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use manicule::{
    Column, ColumnType, Database, IndexColumn, IndexDefinition, IndexMethod, Row, TableDefinition, TableId, Value,
};

/// A table with a primary key and `indexes` multi indexes, one on each further column.
fn table(indexes: usize) -> (Database, TableId) {
    let database = Database::in_memory();
    let columns = (0..=indexes).map(|column| Column::new(format!("c{column}"), ColumnType::Integer)).collect();
    let definition = TableDefinition { name: "t".into(), columns, primary_key: vec![0], ..TableDefinition::default() };
    let table = database.create_table(definition).expect("the definition is valid");
    for column in 1..=indexes {
        let columns = vec![IndexColumn { column, descending: false }];
        let definition =
            IndexDefinition { name: format!("i{column}"), columns, unique: false, method: IndexMethod::Hash };
        database.create_index(table, definition).expect("the definition is valid");
    }
    (database, table)
}

fn commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("insert one row and commit");
    for indexes in [0, 1, 3, 7] {
        let (database, table) = table(indexes);
        let mut id = 0;
        group.bench_function(format!("primary key and {indexes} multi indexes"), |bencher| {
            let row = |id: i64| {
                let values: Vec<_> =
                    (0..=indexes as i64).map(|column| Value::from(id / (1 + 9 * column.min(1)))).collect();
                Row::new(&values)
            };
            let next = || {
                id += 1;
                row(id)
            };
            let insert = |row| {
                let mut transaction = database.begin();
                transaction.insert(table, row).expect("the row fits the table");
                transaction.commit().expect("nobody else writes")
            };
            bencher.iter_batched(next, insert, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, commit);
criterion_main!(benches);
