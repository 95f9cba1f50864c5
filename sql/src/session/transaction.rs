//! BEGIN, COMMIT, ROLLBACK and savepoints.

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

impl Session {
    pub(super) fn transaction_command(&mut self, command: TransactionCommand) -> Result<()> {
        match command {
            TransactionCommand::Begin { isolation, start } => {
                if self.open.is_some() {
                    return Err(Error::transaction_state("a transaction is open already", "25001"));
                }
                let isolation = isolation.or(self.next_isolation.take()).unwrap_or(self.options.isolation);
                self.begin(TransactionOptions { isolation, start }, false)?;
            }
            TransactionCommand::Commit => {
                let open = self.open.take().ok_or_else(no_transaction)?;
                open.transaction.commit()?;
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
        let transaction = self.database.begin_with(options)?;
        self.open = Some(Open { transaction, savepoints: Vec::new(), is_implicit, began_at: self.statement_count });
        Ok(())
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
                open.transaction = self.database.begin_with(TransactionOptions { isolation, start })?;
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

fn no_transaction() -> Error {
    Error::transaction_state("no transaction is open", "25P01")
}
