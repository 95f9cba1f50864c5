//! What can be refused.

use std::fmt;

use super::definition::{IndexId, RowId};
use super::key::Key;
use super::transaction::IndexTransaction;

/// Two rows would have the same key in a unique index.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UniqueViolation {
    /// The index.
    pub index: IndexId,
    /// The key.
    pub key: Key,
}

impl fmt::Display for UniqueViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "two rows would have the same key in unique {}", self.index)
    }
}

impl std::error::Error for UniqueViolation {}

/// Why a read was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no such index, or it is still being built.
    NotFound(IndexId),
    /// The index was built from rows as they were after the snapshot: read them without it.
    SnapshotTooOld(IndexId),
    /// The index has keys of another form than the one that was asked for.
    WrongForm(IndexId),
    /// The index has no order: it answers equality alone.
    NotOrdered(IndexId),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(index) => write!(f, "there is no {index}, or it is still being built"),
            Self::SnapshotTooOld(index) => write!(f, "{index} is younger than the snapshot"),
            Self::WrongForm(index) => write!(f, "{index} has keys of another form"),
            Self::NotOrdered(index) => write!(f, "{index} has no order"),
        }
    }
}

impl std::error::Error for ReadError {}

/// The snapshot that was asked for lies before what a vacuum has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotTooOld;

impl fmt::Display for SnapshotTooOld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what a snapshot of that age sees was vacuumed already")
    }
}

impl std::error::Error for SnapshotTooOld {}

/// Why a transaction was not prepared.
#[derive(Debug)]
#[non_exhaustive]
pub enum PrepareError<R: RowId, T> {
    /// It would give two rows the same key. Trying again does not help, unless one of them changes.
    UniqueViolation(UniqueViolation),
    /// It has a key of another form than its index.
    WrongForm(IndexId),
    /// Indexes were made since it began: it goes on once the host has inserted and removed its entries in them too.
    IndexesCreated {
        /// The transaction, to be prepared again.
        transaction: Box<IndexTransaction<R, T>>,
        /// The indexes, built or being built.
        created: Vec<IndexId>,
    },
}

impl<R: RowId, T> PrepareError<R, T> {
    /// Whether the same transaction can succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::IndexesCreated { .. })
    }
}

impl<R: RowId, T> fmt::Display for PrepareError<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UniqueViolation(violation) => violation.fmt(f),
            Self::WrongForm(index) => write!(f, "{index} has keys of another form"),
            Self::IndexesCreated { created, .. } => {
                write!(f, "{} indexes were made since the transaction began", created.len())
            }
        }
    }
}

impl<R: RowId, T: fmt::Debug> std::error::Error for PrepareError<R, T> {}

impl<R: RowId, T> From<UniqueViolation> for PrepareError<R, T> {
    fn from(violation: UniqueViolation) -> Self {
        Self::UniqueViolation(violation)
    }
}

/// Why an index was not built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// Two rows have the same key.
    UniqueViolation(UniqueViolation),
    /// It was fed a key of another form.
    WrongForm(IndexId),
    /// The index was dropped while it was built.
    Dropped(IndexId),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UniqueViolation(violation) => violation.fmt(f),
            Self::WrongForm(index) => write!(f, "{index} has keys of another form"),
            Self::Dropped(index) => write!(f, "{index} was dropped while it was built"),
        }
    }
}

impl std::error::Error for BuildError {}
