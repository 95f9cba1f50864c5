//! Tables, indexes, a transaction, and the index that each query took.
//!
//! `cargo run --example quickstart`

use manicule::{Database, Session, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Database::in_memory();
    let mut session = Session::new(&database);
    session.execute(
        "CREATE TABLE planes (tailnum TEXT PRIMARY KEY, maker TEXT, seats INTEGER);
         CREATE INDEX planes_maker ON planes USING HASH (maker);
         CREATE INDEX planes_seats ON planes USING TREE (seats);
         INSERT INTO planes VALUES
             ('N14228', 'BOEING', 149), ('N24211', 'BOEING', 149), ('N619AA', 'BOEING', 178),
             ('N668DN', 'BOEING', 178), ('N516JB', 'AIRBUS', 200), ('N829AS', 'CANADAIR', 55)",
    )?;

    // A plan is made once for each text and kept; parameters are values, never text.
    let by_maker = session.prepare("SELECT tailnum, seats FROM planes WHERE maker = ? ORDER BY seats")?;
    for row in &session.execute_prepared(&by_maker, &[Value::from("BOEING")])?.into_rows() {
        let (tailnum, seats): (&str, Option<u32>) = (row.read(0)?, row.read(1)?);
        println!("{tailnum} has {} seats", seats.map_or("unknown".to_owned(), |seats| seats.to_string()));
    }
    println!("found {}", by_maker.via());

    // EXPLAIN says which index is taken, and why not another.
    for condition in ["tailnum = 'N14228'", "seats BETWEEN 100 AND 180", "maker LIKE '%A%'"] {
        println!("\nEXPLAIN … WHERE {condition}");
        for row in &session.query(&format!("EXPLAIN SELECT * FROM planes WHERE {condition}"), &[])? {
            println!("    {}", row.get(0));
        }
    }

    // A transaction is seen whole or not at all.
    session.execute("BEGIN; DELETE FROM planes WHERE maker = 'BOEING'")?;
    let mut other = Session::new(&database);
    let rows = other.query("SELECT count(*) FROM planes", &[])?;
    assert_eq!(rows.value(0, 0), Value::Integer(6));
    session.execute("COMMIT")?;
    let rows = other.query("SELECT count(*) FROM planes", &[])?;
    assert_eq!(rows.value(0, 0), Value::Integer(2));
    println!("\nafter the commit, others see {} planes", rows.value(0, 0));
    Ok(())
}
