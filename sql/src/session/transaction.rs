//! BEGIN, COMMIT, ROLLBACK and savepoints.

use std::mem;

use manicule_engine::{Isolation, Savepoint, Start, Transaction, TransactionOptions};

use super::Session;
use super::compile::TransactionCommand;
use crate::error::{Error, Result};

/// A transaction that waits for its COMMIT.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) transaction: Transaction,
    savepoints: Vec<(String, Savepoint)>,
    /// Whether SAVEPOINT began it, so that the RELEASE of its first savepoint commits.
    is_implicit: bool,
    /// How many statements the session had begun when this was begun, itself counted.
    began_at: u64,
}

/// An error of a transaction's body or of the engine that runs it: whatever can be made of one of ours.
struct Failed<E>(E);

impl<E: From<Error>> From<manicule_engine::Error> for Failed<E> {
    fn from(error: manicule_engine::Error) -> Self {
        Self(Error::from(error).into())
    }
}

/// A session whose transaction does not outlive a body that panics.
struct RolledBack<'s>(&'s mut Session);

impl Drop for RolledBack<'_> {
    fn drop(&mut self) {
        self.0.open = None;
    }
}

impl Session {
    /// Runs `body` between BEGIN and COMMIT. If another transaction was first, everything is run again, and after some attempts
    /// as the writer, which nobody overtakes: conflicts end here. If `body` fails or panics, all that it did is rolled back.
    ///
    /// What `body` does outside of the database it may do several times. It ends the transaction by returning, not by COMMIT.
    /// SET TRANSACTION before it, or as its first statement, chooses the isolation.
    ///
    /// ```
    /// # use manicule_engine::Database;
    /// # use manicule_sql::{Error, Session};
    /// let mut session = Session::new(&Database::in_memory());
    /// session.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER); INSERT INTO account VALUES (1, 70), (2, 0)")?;
    /// let moved = session.transaction(|session| {
    ///     let balance = session.query("SELECT balance FROM account WHERE id = 1", &[])?.value(0, 0).into_owned();
    ///     session.execute_one("UPDATE account SET balance = balance - ? WHERE id = 1", &[balance.as_borrowed()])?;
    ///     session.execute_one("UPDATE account SET balance = balance + ? WHERE id = 2", &[balance.as_borrowed()])?;
    ///     Ok::<_, Error>(balance)
    /// })?;
    /// assert_eq!(moved, 70.into());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What `body` gives; of the commit what is not a conflict; SQLSTATE 25001 if a transaction is open already, 25P01 if `body`
    /// has ended its own.
    pub fn transaction<T, E: From<Error>>(
        &mut self,
        mut body: impl FnMut(&mut Self) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        if self.open.is_some() {
            return Err(already_open().into());
        }
        let isolation = self.next_isolation.take().unwrap_or(self.options.isolation);
        let database = self.waiting.begin(&self.options).clone();
        let result = database.run_with(TransactionOptions { isolation, start: Start::Deferred }, |transaction| {
            // The session has it while the body runs.
            self.open_with(mem::replace(transaction, database.begin()), false);
            let session = RolledBack(self);
            let result = body(session.0);
            let open = session.0.open.take();
            let value = result.map_err(Failed)?;
            *transaction = open.ok_or_else(|| Failed(no_transaction().into()))?.transaction;
            // The commit has a time of its own.
            session.0.waiting.begin(&session.0.options);
            Ok(value)
        });
        result.map_err(|Failed(error)| error)
    }

    pub(super) fn transaction_command(&mut self, command: TransactionCommand) -> Result<()> {
        match command {
            TransactionCommand::Begin { isolation, start } => {
                if self.open.is_some() {
                    return Err(already_open());
                }
                let isolation = isolation.or(self.next_isolation.take()).unwrap_or(self.options.isolation);
                self.begin(TransactionOptions { isolation, start }, false)?;
            }
            TransactionCommand::Commit => {
                let open = self.open.take().ok_or_else(no_transaction)?;
                self.waiting.begin(&self.options);
                self.waiting.explained(open.transaction.commit().map_err(Error::from))?;
            }
            TransactionCommand::Rollback => {
                self.open.take().ok_or_else(no_transaction)?.transaction.rollback();
            }
            TransactionCommand::Savepoint(name) => {
                if self.open.is_none() {
                    let isolation = self.next_isolation.take().unwrap_or(self.options.isolation);
                    self.begin(TransactionOptions { isolation, start: Start::Deferred }, true)?;
                }
                let open = self.open.as_mut().ok_or_else(no_transaction)?;
                let savepoint = open.transaction.savepoint();
                open.savepoints.push((name, savepoint));
            }
            TransactionCommand::Release(name) => return self.release(&name),
            TransactionCommand::RollbackTo(name) => {
                let open = self.open.as_mut().ok_or_else(no_transaction)?;
                let position = open.find(&name)?;
                open.transaction.rollback_to(open.savepoints[position].1);
                // The savepoint itself stays, those after it are gone.
                open.savepoints.truncate(position + 1);
            }
        }
        Ok(())
    }

    fn begin(&mut self, options: TransactionOptions, is_implicit: bool) -> Result<()> {
        let begun = self.waiting.begin(&self.options).begin_with(options).map_err(Error::from);
        let transaction = self.waiting.explained(begun)?;
        self.open_with(transaction, is_implicit);
        Ok(())
    }

    fn open_with(&mut self, transaction: Transaction, is_implicit: bool) {
        self.open = Some(Open { transaction, savepoints: Vec::new(), is_implicit, began_at: self.statement_count });
    }

    /// SET TRANSACTION right after BEGIN is of this transaction, outside of one of the next; SET SESSION CHARACTERISTICS
    /// of all that follow.
    pub(super) fn set_isolation(&mut self, isolation: Isolation, session: bool) -> Result<()> {
        match &mut self.open {
            _ if session => self.options.isolation = isolation,
            None => self.next_isolation = Some(isolation),
            Some(open) if self.statement_count > open.began_at + 1 => {
                return Err(Error::transaction_state("SET TRANSACTION comes before all reads and changes", "25001"));
            }
            Some(open) if open.transaction.isolation() == isolation => {}
            Some(open) => {
                let start = open.transaction.start();
                // The place of a writer is free again before it is taken.
                open.transaction = self.database.begin();
                let begun = self.waiting.begin(&self.options).begin_with(TransactionOptions { isolation, start });
                open.transaction = self.waiting.explained(begun.map_err(Error::from))?;
            }
        }
        Ok(())
    }

    fn release(&mut self, name: &str) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(no_transaction)?;
        let position = open.find(name)?;
        open.savepoints.truncate(position);
        if open.is_implicit && open.savepoints.is_empty() {
            return self.transaction_command(TransactionCommand::Commit);
        }
        Ok(())
    }
}

impl Open {
    fn find(&self, name: &str) -> Result<usize> {
        let position = self.savepoints.iter().rposition(|(known, _)| known.eq_ignore_ascii_case(name));
        position.ok_or_else(|| {
            Error::unknown("savepoint", name).suggesting(name, self.savepoints.iter().map(|(known, _)| known.as_str()))
        })
    }
}

fn already_open() -> Error {
    Error::transaction_state("a transaction is open already", "25001")
}

fn no_transaction() -> Error {
    Error::transaction_state("no transaction is open", "25P01")
}
