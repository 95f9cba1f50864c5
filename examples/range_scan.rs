//! Ranges without SQL: a tree index of the engine, walked both ways over one snapshot.
//!
//! `cargo run --example range_scan`

use std::ops::{Bound, ControlFlow};

use manicule::{
    Column, ColumnType, Database, Direction, IndexColumn, IndexDefinition, IndexMethod, KeyRange, Row, TableDefinition,
    Value,
};

fn main() -> Result<(), manicule::EngineError> {
    let database = Database::in_memory();
    let table = database.create_table(TableDefinition {
        name: "departures".to_owned(),
        columns: vec![Column::new("id", ColumnType::Integer), Column::new("minute", ColumnType::Integer)],
        primary_key: vec![0],
        ..TableDefinition::default()
    })?;
    let index = database.create_index(
        table,
        IndexDefinition {
            name: "departures_minute".to_owned(),
            columns: vec![IndexColumn { column: 1, descending: false }],
            unique: false,
            method: IndexMethod::Tree,
        },
    )?;

    let mut transaction = database.begin();
    for id in 0..1_000_i64 {
        transaction.insert(table, Row::new(&[Value::Integer(id), Value::Integer(id * 37 % 1_440)]))?;
    }
    transaction.commit()?;

    // The first five departures from 8:00 on, and the last five before 9:00.
    let snapshot = database.snapshot();
    let view = snapshot.view();
    let hour = KeyRange {
        lower: Bound::Included(Value::Integer(8 * 60)),
        upper: Bound::Excluded(Value::Integer(9 * 60)),
        ..KeyRange::all()
    };
    println!("about {} departures between 8:00 and 9:00", view.estimate_range(index, &hour));
    for direction in [Direction::Forward, Direction::Backward] {
        let mut found = Vec::new();
        let _ = view.range(index, &hour, direction, |_, row| {
            found.push(row.get(1).to_string());
            if found.len() < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        assert_eq!(found.len(), 5);
        println!("{direction:?}: minutes {}", found.join(", "));
    }
    Ok(())
}
