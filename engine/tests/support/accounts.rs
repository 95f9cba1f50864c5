//! A table of accounts.

use manicule_engine::{
    Column, ColumnType, Database, IndexColumn, IndexDefinition, IndexMethod, Row, RowBuf, TableDefinition, TableId,
    Value,
};

/// A table `account (id INTEGER PRIMARY KEY, balance INTEGER)` with a multi index on the balance.
pub(crate) fn accounts(rows: i64) -> (Database, TableId) {
    let database = Database::in_memory();
    let table = database
        .create_table(TableDefinition {
            name: "account".into(),
            columns: vec![Column::new("id", ColumnType::Integer), Column::new("balance", ColumnType::Integer)],
            primary_key: vec![0],
            ..TableDefinition::default()
        })
        .unwrap();
    let definition = IndexDefinition {
        name: "account_balance".into(),
        columns: vec![IndexColumn { column: 1, descending: false }],
        unique: false,
        method: IndexMethod::Tree,
    };
    database.create_index(table, definition).unwrap();
    let mut transaction = database.begin();
    for id in 0..rows {
        transaction.insert(table, account(id, 100)).unwrap();
    }
    transaction.commit().unwrap();
    (database, table)
}

pub(crate) fn account(id: i64, balance: i64) -> RowBuf {
    Row::new(&[Value::Integer(id), Value::Integer(balance)])
}

pub(crate) fn integer(row: &Row, column: usize) -> i64 {
    match row.get(column) {
        Value::Integer(integer) => integer,
        other => panic!("{other} is no integer"),
    }
}
