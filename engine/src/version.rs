//! Versions of a row, and which of them a snapshot sees.
//!
//! A version has only a begin timestamp. It is the one that a snapshot at `t` sees iff it is the newest with
//! `begin <= t`: the next newer one ends it, so an update never touches the version that it replaces. A delete is a
//! version without a row, a tombstone. Timestamps are final when a version is installed; one that is not yet visible
//! simply begins after every snapshot.

use manicule_index::Link;

use crate::ids::Timestamp;
use crate::row::Row;

/// One stored state of a row.
#[derive(Debug)]
pub(crate) struct Version {
    /// The commit that made it.
    pub(crate) begin: Timestamp,
    /// The row, or `None` if the commit deleted it.
    pub(crate) row: Option<Row>,
}

/// The row that a snapshot at `timestamp` sees in the chain that starts at `head`.
#[inline]
pub(crate) fn visible(head: Link<'_, Version>, timestamp: Timestamp) -> Option<&Row> {
    let mut link = head;
    while link.value().begin > timestamp {
        link = link.next()?;
    }
    link.value().row.as_ref()
}
