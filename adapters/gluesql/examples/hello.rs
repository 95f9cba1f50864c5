//! A table, an index on an expression, and two handles: `cargo run -p manicule-gluesql --example hello`.

use gluesql_core::error::Result;
use gluesql_core::prelude::{Glue, Payload};
use manicule_gluesql::ManiculeStorage;

fn main() -> Result<()> {
    let storage = ManiculeStorage::new();
    let (mut writer, mut reader) = (Glue::new(storage.clone()), Glue::new(storage));
    writer.execute(
        "CREATE TABLE accounts (owner TEXT PRIMARY KEY, balance INTEGER);
         CREATE INDEX by_balance ON accounts (balance);
         INSERT INTO accounts VALUES ('ada', 300), ('bob', 120), ('cyd', 80);",
    )?;

    writer.execute("BEGIN; UPDATE accounts SET balance = 0 WHERE owner = 'ada';")?;
    show("while ada's account is emptied", reader.execute("SELECT * FROM accounts WHERE balance > 100;")?);
    writer.execute("COMMIT;")?;
    show("after that", reader.execute("SELECT * FROM accounts WHERE balance > 100;")?);
    show("poorest first", reader.execute("SELECT * FROM accounts ORDER BY balance;")?);

    // Two that change one row: the second to commit is refused.
    writer.execute("BEGIN; UPDATE accounts SET balance = 1 WHERE owner = 'bob';")?;
    reader.execute("UPDATE accounts SET balance = 2 WHERE owner = 'bob';")?;
    match writer.execute("COMMIT;") {
        Err(refused) => println!("refused: {refused}"),
        Ok(_) => println!("both were let through"),
    }
    Ok(())
}

fn show(what: &str, payloads: Vec<Payload>) {
    for payload in payloads {
        if let Payload::Select { rows, .. } = payload {
            let rows: Vec<String> = rows
                .iter()
                .map(|row| row.iter().map(|value| String::from(value.clone())).collect::<Vec<_>>().join(" "))
                .collect();
            println!("{what}: {}", rows.join(", "));
        }
    }
}
