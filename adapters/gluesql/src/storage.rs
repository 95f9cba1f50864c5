//! [`ManiculeStorage`]: a handle on a storage, with at most one transaction of its own.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use gluesql_core::error::{Error, Result};
use gluesql_core::store::Transaction;

use crate::catalog::Catalog;
use crate::commit::Shared;
use crate::file::File;
use crate::transaction::Open;
use crate::view::View;

/// A GlueSQL storage whose indexes are Manicule's: rows with versions, snapshots for readers, and indexes on expressions
/// that GlueSQL's planner uses.
///
/// A value is a handle. Clones share the rows, and each has a transaction of its own: it reads the snapshot that it began
/// with and its own changes. Of two transactions that change the same row, or one the definition of a table whose rows
/// the other changes, the second to commit is refused; its statements may be run again. Dropping a handle rolls its
/// transaction back.
pub struct ManiculeStorage {
    pub(crate) shared: Arc<Shared>,
    pub(crate) transaction: Option<Open>,
    /// The catalog after the last transaction, for what has to be borrowed from the handle.
    pub(crate) known: Arc<Catalog>,
}

impl ManiculeStorage {
    /// An empty storage in memory.
    pub fn new() -> Self {
        Self::over(Shared::new(None))
    }

    /// Opens the storage in a directory, or makes one in a directory that is empty or not there yet. A commit is on disk
    /// when it returns. Rows are in memory too; indexes are built anew here, in O(n log n).
    ///
    /// # Errors
    ///
    /// [`Error::StorageMsg`] if the directory is in use, is something else, is damaged, or cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::over(File::open(path.as_ref())?))
    }

    fn over(shared: Shared) -> Self {
        let known = shared.published().catalog;
        Self { shared: Arc::new(shared), transaction: None, known }
    }

    /// Removes versions and index entries that no transaction can see any more. It happens by itself, a few thousand
    /// commits apart; O(changes since).
    pub fn vacuum(&self) {
        self.shared.vacuum();
    }

    /// How many versions of rows there are: one for each row and one for each change that was not vacuumed yet. O(rows).
    pub fn version_count(&self) -> usize {
        self.catalog().tables.values().map(|table| table.rows.version_count()).sum()
    }

    /// What this handle sees now.
    pub(crate) fn view(&self) -> Cow<'_, View> {
        self.transaction.as_ref().map_or_else(|| Cow::Owned(self.shared.view()), |open| Cow::Borrowed(&open.view))
    }

    /// The names that this handle sees now.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.transaction.as_ref().map_or_else(|| self.shared.published().catalog, |open| Arc::clone(&open.view.catalog))
    }

    /// Runs a change in the transaction, or in one of its own.
    pub(crate) fn change<T>(&mut self, change: impl FnOnce(&mut Open) -> Result<T>) -> Result<T> {
        if let Some(open) = &mut self.transaction {
            return change(open);
        }
        self.begin(true)?;
        let outcome = self.transaction.as_mut().map_or_else(|| Err(no_transaction("change")), change);
        match &outcome {
            Ok(_) => self.commit()?,
            Err(_) => self.rollback()?,
        }
        outcome
    }
}

impl Transaction for ManiculeStorage {
    fn begin(&mut self, autocommit: bool) -> Result<bool> {
        match &self.transaction {
            Some(_) if !autocommit => Err(Error::StorageMsg("nested transaction is not supported".to_owned())),
            Some(open) => Ok(open.autocommit),
            None => {
                self.transaction = Some(Open::new(&self.shared, autocommit));
                Ok(autocommit)
            }
        }
    }

    fn rollback(&mut self) -> Result<()> {
        self.transaction.take().map(drop).ok_or_else(|| no_transaction("rollback"))
    }

    fn commit(&mut self) -> Result<()> {
        let open = self.transaction.take().ok_or_else(|| no_transaction("commit"))?;
        self.known = self.shared.commit(open)?;
        Ok(())
    }
}

fn no_transaction(to: &str) -> Error {
    Error::StorageMsg(format!("no transaction to {to}"))
}

impl Default for ManiculeStorage {
    fn default() -> Self {
        Self::new()
    }
}

/// Another handle on the same storage, without a transaction.
impl Clone for ManiculeStorage {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), transaction: None, known: self.shared.published().catalog }
    }
}

impl fmt::Debug for ManiculeStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManiculeStorage").field("in_transaction", &self.transaction.is_some()).finish_non_exhaustive()
    }
}
