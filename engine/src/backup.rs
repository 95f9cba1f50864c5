//! Copies of a database: one snapshot, written to a store of its own.

use std::ops::ControlFlow;
#[cfg(any(feature = "fjall", feature = "redb"))]
use std::path::Path;

use crate::database::{Database, Snapshot};
use crate::error::{Error, Result};
use crate::ids::TableId;
use crate::store::{Durability, GroupWrite, LastCommit, RecordKey, RowStore, Totals, catalog_record};

/// How many rows go to the copy at a time.
const ROWS_PER_GROUP: usize = 4096;

impl Database {
    /// Writes what is visible now to a new database in another directory. Commits and readers go on meanwhile. It works
    /// for a database in memory too, and the copy is opened as any other. It is made with the [default](crate::StoreKind)
    /// store; [`Snapshot::export`] takes one of your choice. O(rows).
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if there is something in the directory already, [`Error::Io`].
    #[cfg(any(feature = "fjall", feature = "redb"))]
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        let store = crate::store::FileStore::open(path, &crate::store::OpenOptions::default())?;
        self.snapshot().export(&store)?;
        store.close()
    }
}

impl Snapshot {
    /// Writes what the snapshot sees to an empty store of any kind: this is how a database moves from one to another.
    /// On return it is on disk there, and the store is still open. O(rows).
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if the store has records, and those of the store. What it has then is no database.
    pub fn export(&self, store: &dyn RowStore) -> Result<()> {
        let mut is_empty = true;
        store.scan(RecordKey::MIN..RecordKey::MAX, &mut |_, _| {
            is_empty = false;
            ControlFlow::Break(())
        })?;
        if !is_empty {
            return Err(Error::Refused { reason: "there is a database already where the copy is to be".to_owned() });
        }
        // A catalog without a head is no database, and not an empty store, which would be opened as a new one.
        let catalog = catalog_record(self.state());
        let mut begun = GroupWrite::default();
        begun.put_catalog(&catalog);
        store.apply(&begun, Durability::Sync)?;
        // The last group makes the rows a database.
        let mut last = GroupWrite::default();
        let mut sum = catalog.sum;
        for table in self.state().tables() {
            let totals = self.export_rows(table.schema.id, store)?;
            sum = sum.wrapping_add(totals.sum);
            last.put_totals(table.table.storage(), totals);
        }
        last.commit_with(LastCommit { timestamp: self.timestamp(), sum });
        store.apply(&last.finish(), Durability::Sync)
    }

    fn export_rows(&self, table: TableId, store: &dyn RowStore) -> Result<Totals> {
        let mut totals = Totals::default();
        let Some(state) = self.state().table(table) else { return Ok(totals) };
        let storage = state.table.storage();
        let mut group = GroupWrite::default();
        let failed = self.view().scan(table, |row_id, row| {
            totals.add(storage, row_id, row);
            group.put_row(storage, row_id, row);
            if group.record_count() < ROWS_PER_GROUP {
                return ControlFlow::Continue(());
            }
            match store.apply(&std::mem::take(&mut group), Durability::Buffered) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        });
        match failed {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => store.apply(&group, Durability::Buffered).map(|()| totals),
        }
    }
}
