//! Versions of a row, and which of them a snapshot sees.
//!
//! A version has only a begin timestamp. It is the one that a snapshot at `t` sees iff it is the newest with
//! `begin <= t`: the next newer one ends it, so an update never touches the version that it replaces. A delete is a
//! version without a row, a tombstone: a row has at least the count of its columns, so no bytes say that there is none.
//! Timestamps are final when a version is installed; one that is not yet visible simply begins after every snapshot.

use manicule_index::{ChainNode, Link};

use crate::ids::Timestamp;
use crate::row::{Row, RowBuf};

/// One stored state of a row in its chain; the header is the timestamp of the commit that made it.
pub(crate) type Version<'g> = Link<'g, Timestamp>;

/// The version that a commit at `timestamp` makes of a row, or of its deletion.
pub(crate) fn version_of(row: Option<RowBuf>, timestamp: Timestamp) -> ChainNode<Timestamp> {
    row.map_or_else(|| ChainNode::new(timestamp, 0, |_| ()), |row| row.into_version(timestamp))
}

/// Bytes of memory that a version with such a row takes.
pub(crate) fn bytes_taken(row: Option<&Row>) -> usize {
    ChainNode::<Timestamp>::memory_usage_of(row.map_or(0, Row::byte_len))
}

/// The row of a version, or `None` if its commit deleted it.
#[inline]
pub(crate) fn row(version: Version<'_>) -> Option<&Row> {
    Row::of_version(version.bytes())
}

/// The row that a snapshot at `timestamp` sees in the chain that starts at `head`.
#[inline]
pub(crate) fn visible(head: Version<'_>, timestamp: Timestamp) -> Option<&Row> {
    let mut link = head;
    while link.header() > timestamp {
        link = link.next()?;
    }
    row(link)
}
