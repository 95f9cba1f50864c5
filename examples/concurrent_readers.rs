//! Readers keep their snapshot while a writer commits; none waits for another.
//!
//! `cargo run --release --example concurrent_readers`

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use manicule::{Database, Session, Value};

const COMMITS: u64 = 2_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Database::in_memory();
    let mut session = Session::new(&database);
    session.execute(
        "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER);
         INSERT INTO counter VALUES ('left', 0), ('right', 0)",
    )?;
    let (is_done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| read_until(&database, &is_done, &reads));
        }
        for _ in 0..COMMITS {
            session.execute("UPDATE counter SET value = value + 1").expect("nobody else writes");
        }
        is_done.store(true, Ordering::Relaxed);
    });
    let rows = session.query("SELECT value FROM counter WHERE name = 'left'", &[])?;
    println!("{} commits beside {} reads, none of which saw half of one", rows.value(0, 0), reads.into_inner());
    Ok(())
}

/// Reads until the writer is done. Both rows are of one commit, always, so their sum is even.
fn read_until(database: &Database, is_done: &AtomicBool, reads: &AtomicU64) {
    let mut session = Session::new(database);
    // Relaxed, here and in the writer: the flag and the count carry no data.
    while !is_done.load(Ordering::Relaxed) {
        let rows = session.query("SELECT sum(value) FROM counter", &[]).expect("the query is well formed");
        let Value::Integer(sum) = rows.value(0, 0) else { panic!("a sum of integers is one") };
        assert_eq!(sum % 2, 0);
        reads.fetch_add(1, Ordering::Relaxed);
    }
}
