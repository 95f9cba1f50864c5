//! BEGIN, COMMIT, ROLLBACK and savepoints.

use manicule_engine::{Savepoint, Transaction};

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
}

impl Session {
    pub(super) fn transaction_command(&mut self, command: TransactionCommand) -> Result<()> {
        match command {
            TransactionCommand::Begin => {
                if self.open.is_some() {
                    return Err(Error::transaction_state("a transaction is open already", "25001"));
                }
                self.begin(false);
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
                    self.begin(true);
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

    fn begin(&mut self, is_implicit: bool) {
        let transaction = self.database.begin();
        self.open = Some(Open { transaction, savepoints: Vec::new(), is_implicit });
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
