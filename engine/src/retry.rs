//! Running a transaction again until it commits.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::database::Database;
use crate::error::Error;
use crate::transaction::{Start, Transaction, TransactionOptions};

/// How often a transaction is run at most; the last time as the writer.
const ATTEMPTS_MAX: u32 = 6;

/// The longest pause after the first attempt; each further one may be twice as long.
const PAUSE_MAX: Duration = Duration::from_micros(20);

impl Database {
    /// Runs `body` in a transaction and commits it. If another transaction was first, everything is run again, and
    /// after some attempts as the writer, which nobody overtakes: conflicts end here.
    ///
    /// ```
    /// # use manicule_engine::{Column, ColumnType, Database, Error, Row, RowId, TableDefinition, Value};
    /// # let database = Database::in_memory();
    /// # let columns = vec![Column::new("count", ColumnType::Integer)];
    /// # let table = database.create_table(TableDefinition { name: "visit".into(), columns, ..Default::default() })?;
    /// # let row_id = database.run(|transaction| transaction.insert(table, Row::new(&[Value::Integer(0)])))?;
    /// let count = database.run(|transaction| {
    ///     let row = transaction.view().row(table, row_id).map(|row| row.get(0).into_owned());
    ///     let Some(Value::Integer(count)) = row else { return Ok(0) };
    ///     transaction.update(table, row_id, Row::new(&[Value::Integer(count + 1)]))?;
    ///     Ok(count + 1)
    /// })?;
    /// assert_eq!(count, 1);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What `body` gives, after a rollback, and of the commit what is not a conflict.
    pub fn run<T, E: From<Error>>(
        &self,
        body: impl FnMut(&mut Transaction) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        self.run_with(TransactionOptions::default(), body)
    }

    /// [`run`](Self::run) with options.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and as [`begin_with`](Self::begin_with).
    pub fn run_with<T, E: From<Error>>(
        &self,
        options: TransactionOptions,
        mut body: impl FnMut(&mut Transaction) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut attempt = 1;
        loop {
            let mut transaction = self.begin_with(of_attempt(options, attempt))?;
            let value = body(&mut transaction)?;
            match transaction.commit() {
                Err(error) if error.is_overtaken() && attempt < ATTEMPTS_MAX => {}
                result => return result.map(|_| value).map_err(E::from),
            }
            back_off(attempt);
            attempt += 1;
        }
    }
}

/// The options of an attempt: the last one cannot be overtaken.
fn of_attempt(options: TransactionOptions, attempt: u32) -> TransactionOptions {
    if attempt < ATTEMPTS_MAX { options } else { TransactionOptions { start: Start::Immediate, ..options } }
}

/// Waits a while, so that those who met do not meet again; how long is left to chance.
fn back_off(attempt: u32) {
    let longest = PAUSE_MAX.saturating_mul(1 << attempt.min(16));
    let chance = RandomState::new().hash_one(attempt) as u32;
    std::thread::sleep(longest.mul_f64(f64::from(chance) / f64::from(u32::MAX)));
}
