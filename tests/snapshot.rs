//! A reader sees one state, whatever is committed meanwhile, and by whichever way it reads.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use manicule::{Database, Direction, KeyRange, Outcome, Routing, Row, Session, Value, View};

const ACCOUNTS: i64 = 200;
const BALANCE: i64 = 1_000;

/// Accounts with a balance each; their owners are few, so that the lists of the index on them are long.
fn accounts() -> Database {
    let database = Database::in_memory();
    let mut session = Session::new(&database);
    let rows: Vec<String> = (0..ACCOUNTS).map(|id| format!("({id}, {}, {BALANCE})", id % 10)).collect();
    session
        .execute(&format!(
            "CREATE TABLE account (id INTEGER PRIMARY KEY, owner INTEGER, balance INTEGER);
             CREATE INDEX account_owner ON account USING HASH (owner);
             CREATE INDEX account_balance ON account USING TREE (balance);
             INSERT INTO account VALUES {}",
            rows.join(",")
        ))
        .expect("the accounts can be made");
    database
}

/// A generator of pseudo-random numbers (xorshift), so that a run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.unsigned_abs()) as i64
    }
}

/// Moves money between two accounts in one transaction; whether it committed.
fn transfer(session: &mut Session, random: &mut Random) -> bool {
    let (from, to, amount) = (random.below(ACCOUNTS), random.below(ACCOUNTS), random.below(50));
    let sql = format!(
        "BEGIN;
         UPDATE account SET balance = balance - {amount} WHERE id = {from};
         UPDATE account SET balance = balance + {amount}, owner = {} WHERE id = {to};
         COMMIT",
        random.below(10)
    );
    match session.execute(&sql) {
        Ok(_) => true,
        Err(error) => {
            assert!(error.is_retryable(), "{error}");
            if session.is_in_transaction() {
                session.execute("ROLLBACK").expect("a transaction is open");
            }
            false
        }
    }
}

/// The same without SQL, by the only writer.
fn transfer_in_engine(database: &Database, random: &mut Random) {
    let amount = random.below(50);
    let mut transaction = database.begin();
    let catalog = database.catalog();
    let table = catalog.table("account").expect("the table is there");
    let key = catalog.index("account_pkey").expect("the index is there").1.id;
    for change in [-amount, amount] {
        let id = Value::Integer(random.below(ACCOUNTS));
        let found = transaction.view().lookup(key, &[id], |row_id, row| ControlFlow::Break((row_id, row.to_owned())));
        let ControlFlow::Break((row_id, row)) = found else { panic!("every account is there") };
        let Value::Integer(balance) = row.get(2) else { panic!("a balance is an integer") };
        let row = Row::new(&[row.get(0), Value::Integer(random.below(10)), Value::Integer(balance + change)]);
        transaction.update(table.id, row_id, row).expect("the row fits its table");
    }
    transaction.commit().expect("nobody else writes");
}

/// The sum of all balances as an access path finds them, and the number of accounts.
type Sum = (i64, i64);

/// The sum by every access path of the engine.
fn sums(view: &View<'_>) -> Vec<(&'static str, Sum)> {
    let catalog = view.catalog();
    let table = catalog.table("account").expect("the table is there");
    let index = |name: &str| catalog.index(name).expect("the index is there").1.id;
    let add = |sum: &mut Sum, balance: Value<'_>| {
        let Value::Integer(balance) = balance else { panic!("a balance is an integer") };
        *sum = (sum.0 + balance, sum.1 + 1);
    };
    let mut sums = Vec::new();

    let mut sum = (0, 0);
    let _ = view.scan::<()>(table.id, |_, row| {
        add(&mut sum, row.get(2));
        ControlFlow::Continue(())
    });
    sums.push(("scan", sum));

    let mut sum = (0, 0);
    for id in 0..ACCOUNTS {
        let _ = view.lookup::<()>(index("account_pkey"), &[Value::Integer(id)], |_, row| {
            add(&mut sum, row.get(2));
            ControlFlow::Continue(())
        });
    }
    sums.push(("hash", sum));

    let mut sum = (0, 0);
    for owner in 0..10 {
        let _ = view.lookup::<()>(index("account_owner"), &[Value::Integer(owner)], |_, row| {
            add(&mut sum, row.get(2));
            ControlFlow::Continue(())
        });
    }
    sums.push(("multi by hash", sum));

    for (name, index) in [("tree", index("account_pkey")), ("multi by order", index("account_balance"))] {
        let mut sum = (0, 0);
        let _ = view.range::<()>(index, &KeyRange::all(), Direction::Forward, |_, row| {
            add(&mut sum, row.get(2));
            ControlFlow::Continue(())
        });
        sums.push((name, sum));
    }
    sums
}

#[test]
fn a_snapshot_does_not_change_while_ten_thousand_transactions_commit() {
    let database = accounts();
    let snapshot = database.snapshot();
    let rows_of = |view: &View<'_>| {
        let table = view.catalog().table("account").expect("the table is there").id;
        let mut rows = Vec::new();
        let _ = view.scan::<()>(table, |row_id, row| {
            rows.push((row_id, row.to_owned()));
            ControlFlow::Continue(())
        });
        rows
    };
    let before = rows_of(&snapshot.view());
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random(0x9E37_79B9_7F4A_7C15);
            (0..10_000).for_each(|_| transfer_in_engine(&database, &mut random));
            // Release pairs with the acquire of the reader's loop.
            is_done.store(true, Ordering::Release);
        });
        let mut reads = 0;
        // Acquire pairs with the release of the writer.
        while !is_done.load(Ordering::Acquire) || reads < 3 {
            let view = snapshot.view();
            assert_eq!(rows_of(&view), before, "after {reads} reads");
            for (path, sum) in sums(&view) {
                assert_eq!(sum, (ACCOUNTS * BALANCE, ACCOUNTS), "by {path}");
            }
            reads += 1;
        }
    });
    assert_ne!(rows_of(&database.snapshot().view()), before, "the transfers changed something");
}

#[test]
fn the_sum_is_the_same_in_every_snapshot_by_every_access_path() {
    let database = accounts();
    let (is_done, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let writers = [1, 2].map(|seed| {
            let (database, reads) = (&database, &reads);
            scope.spawn(move || write_beside(database, seed, reads))
        });
        let readers = [(); 2].map(|()| scope.spawn(|| read_until(&database, &is_done, &reads)));
        let commits = writers.map(thread::ScopedJoinHandle::join);
        // Release pairs with the acquires of the readers.
        is_done.store(true, Ordering::Release);
        let commits: usize = commits.map(|commits| commits.expect("the writer is well")).iter().sum();
        readers.into_iter().for_each(|reader| reader.join().expect("the reader is well"));
        // Relaxed: the threads are joined.
        let reads = reads.load(Ordering::Relaxed);
        assert!(commits > 0 && reads > 0, "{commits} commits, {reads} reads");
    });
}

/// Transfers until somebody has read beside it, 400 times at least; gives how many were committed. Not for ever: a reader
/// that has found a fault reads no more.
fn write_beside(database: &Database, seed: u64, reads: &AtomicUsize) -> usize {
    let (mut session, mut random) = (Session::new(database), Random(seed));
    let began = Instant::now();
    // Relaxed: only that it happens some time.
    let is_alone = || reads.load(Ordering::Relaxed) == 0 && began.elapsed() < Duration::from_secs(100);
    let transfers = (0..).take_while(|number| *number < 400 || is_alone());
    transfers.filter(|_| transfer(&mut session, &mut random)).count()
}

/// Checks sums until the writers are done, in the engine and in SQL.
fn read_until(database: &Database, is_done: &AtomicBool, reads: &AtomicUsize) {
    const QUERIES: [&str; 4] = [
        "SELECT sum(balance), count(*) FROM account",
        "SELECT sum(balance), count(*) FROM account WHERE id BETWEEN 0 AND 199",
        "SELECT sum(balance), count(*) FROM account WHERE owner IN (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)",
        "SELECT sum(balance), count(*) FROM account WHERE balance < 1000 OR balance >= 1000",
    ];
    let mut session = Session::new(database);
    let mut reader = database.reader();
    // Acquire pairs with the release after the writers.
    while !is_done.load(Ordering::Acquire) {
        let view = reader.view();
        for (path, sum) in sums(&view) {
            assert_eq!(sum, (ACCOUNTS * BALANCE, ACCOUNTS), "by {path}");
        }
        drop(view);
        for (routing, sql) in QUERIES.map(|sql| [(Routing::Automatic, sql), (Routing::FullScan, sql)]).concat() {
            session.set_routing(routing);
            let rows = session.query(sql, &[]).expect("the query is well formed");
            let found = (rows.value(0, 0), rows.value(0, 1));
            assert_eq!(found, (Value::Integer(ACCOUNTS * BALANCE), Value::Integer(ACCOUNTS)), "{sql}, {routing:?}");
        }
        reads.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_transaction_sees_its_own_changes_and_nobody_else_does() {
    let database = accounts();
    let (mut mine, mut other) = (Session::new(&database), Session::new(&database));
    mine.execute("BEGIN; UPDATE account SET owner = 77 WHERE id = 5").expect("nobody else writes");
    let count = |session: &mut Session| {
        let rows = session.query("SELECT count(*) FROM account WHERE owner = 77", &[]).expect("it is well formed");
        rows.value(0, 0) == Value::Integer(1)
    };
    assert!(count(&mut mine) && !count(&mut other));
    mine.execute("ROLLBACK").expect("a transaction is open");
    assert!(!count(&mut mine));
    let outcomes =
        mine.execute("BEGIN; UPDATE account SET owner = 77 WHERE id = 5; COMMIT").expect("nobody else writes");
    assert_eq!(outcomes[1], Outcome::Changed(1));
    assert!(count(&mut mine) && count(&mut other));
}
