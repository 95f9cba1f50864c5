//! The key of a row, to be compared fast.

use std::cmp::Ordering;

use gluesql_core::data::Key;
use ref_cast::RefCast;

/// A key in GlueSQL's order. Most are integers, and a search compares dozens of them, so these are compared in place.
#[derive(Clone, Debug, PartialEq, Eq, RefCast)]
#[repr(transparent)]
pub(crate) struct RowKey(pub(crate) Key);

impl Ord for RowKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Key::I64(left), Key::I64(right)) => left.cmp(right),
            (left, right) => left.cmp(right),
        }
    }
}

impl PartialOrd for RowKey {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
