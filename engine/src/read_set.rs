//! What a serializable transaction has read, as predicates, and whether reading again would find the same.
//!
//! Each read is noted as the question that was asked, not as the rows that answered it: the whole table, a key of an
//! index, a range of keys, a row id. So a row that was not there is guarded too, and there are no phantoms.
//!
//! # Validation
//!
//! The commit asks the questions again, of what is installed now. A candidate whose newest version began after the
//! transaction's snapshot, and whose old or new key answers the question, is a conflict. If there is none, every read
//! would give now what it gave then, so the transaction is one that ran in the single moment of its commit: the order of
//! commits is a serial order. Nothing is missed, because the index has the entries of both versions (the superset rule, for
//! the old one the transaction's own snapshot holds it).
//!
//! A transaction that only reads is valid as it is. It is one that ran in the moment of its snapshot, which is a place in
//! the same order.
//!
//! What it costs: nobody but the serializable transactions pays. Their commit asks every question a second time, under the
//! commit lock, unless the table has not been written since.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use ahash::AHashSet;

use crate::error::{Error, Result};
use crate::ids::{IndexId, RowId, TableId, Timestamp};
use crate::index::{Index, IndexReader};
use crate::key::{Key, KeySpan};
use crate::row::Row;
use crate::state::{State, TableState};
use crate::version::{self, visible};

/// How many questions about one table are kept apart; with more, the whole table counts as read.
const READS_PER_TABLE_MAX: usize = 1 << 16;

/// What a transaction has read.
#[derive(Debug, Default)]
pub(crate) struct ReadSet {
    tables: RefCell<BTreeMap<TableId, TableReads>>,
}

/// What a transaction has read of one table.
#[derive(Debug)]
enum TableReads {
    Some(AHashSet<Read>),
    Whole,
}

/// A question to one table.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Read {
    /// The row of that id.
    Row(RowId),
    /// The rows with a key.
    Key(IndexId, Key),
    /// The rows with keys in a range.
    Span(IndexId, KeySpan),
}

impl ReadSet {
    /// Notes that all rows of a table were read.
    pub(crate) fn note_table(&self, table: TableId) {
        self.tables.borrow_mut().insert(table, TableReads::Whole);
    }

    /// Notes a read of some rows of a table.
    pub(crate) fn note(&self, table: TableId, read: Read) {
        let mut tables = self.tables.borrow_mut();
        let reads = tables.entry(table).or_insert_with(|| TableReads::Some(AHashSet::new()));
        if let TableReads::Some(some) = reads {
            some.insert(read);
            if some.len() > READS_PER_TABLE_MAX {
                *reads = TableReads::Whole;
            }
        }
    }

    /// Checks that all reads of the snapshot at `began` would give the same now.
    pub(crate) fn validate(&self, began: (&State, Timestamp), current: &State, reader: IndexReader<'_>) -> Result<()> {
        for (table, reads) in self.tables.borrow().iter() {
            // An id that the transaction's catalog does not have has no rows, then as now.
            let Some(before) = began.0.table(*table) else { continue };
            let now = current.table(*table).filter(|now| Arc::ptr_eq(&before.table, &now.table));
            let is_overtaken = now.is_none_or(|now| {
                now.table.last_commit() > began.1
                    && reads.are_overtaken(&Present { state: now, began: began.1, reader })
            });
            if is_overtaken {
                return Err(Error::Conflict { table: before.schema.name.clone() });
            }
        }
        Ok(())
    }
}

impl TableReads {
    fn are_overtaken(&self, present: &Present<'_>) -> bool {
        match self {
            Self::Whole => true,
            Self::Some(reads) => reads.iter().any(|read| present.overtakes(read)),
        }
    }
}

/// A table as it is now, seen by a transaction that began earlier.
struct Present<'p> {
    state: &'p TableState,
    began: Timestamp,
    reader: IndexReader<'p>,
}

impl Present<'_> {
    /// Whether the read would find something else.
    fn overtakes(&self, read: &Read) -> bool {
        match read {
            Read::Row(row_id) => self.has_changed(*row_id, |_| true),
            // An index that is gone cannot be asked.
            Read::Key(index, key) => self.index(*index).is_none_or(|index| {
                let has_key = |row: &Row| index.shape.matches(row, key);
                index.candidates(key, self.reader, |row_id| self.stop_if_changed(row_id, has_key)).is_break()
            }),
            Read::Span(index, span) => self.index(*index).is_none_or(|index| {
                let visit_entry =
                    |row_id| self.stop_if_changed(row_id, |row| span.contains(index.shape.of_row(row).as_ref()));
                let direction = crate::range::Direction::Forward;
                index.range(span, direction, self.reader, |_, row_id| visit_entry(row_id)).is_break()
            }),
        }
    }

    fn index(&self, id: IndexId) -> Option<&Index> {
        self.state.indexes.iter().find(|index| index.id == id).map(Arc::as_ref)
    }

    fn stop_if_changed(&self, row_id: RowId, answers: impl Fn(&Row) -> bool) -> ControlFlow<()> {
        if self.has_changed(row_id, answers) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Whether a row has another version than the transaction sees, and either of them answers the question.
    fn has_changed(&self, row_id: RowId, answers: impl Fn(&Row) -> bool) -> bool {
        let Some(head) = self.state.table.rows.head(row_id.0, self.reader.guard) else { return false };
        head.header() > self.began
            && (version::row(head).is_some_and(&answers) || visible(head, self.began).is_some_and(&answers))
    }
}
