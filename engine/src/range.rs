//! What a range scan asks of an index.

use std::ops::Bound;

use crate::value::Value;

/// A range of an index's keys: equality on its first columns, bounds on the next one.
///
/// Bounds speak of values, not of the index's direction. NULL counts as the smallest value, so a comparison, which no
/// NULL satisfies, has the lower bound `Excluded(NULL)`, and `Unbounded` includes the NULLs. An inverted range is empty.
#[derive(Clone, Debug)]
pub struct KeyRange<'a> {
    /// What the first columns equal; it may be empty.
    pub prefix: Vec<Value<'a>>,
    /// The lower bound of the column after the prefix.
    pub lower: Bound<Value<'a>>,
    /// The upper bound of the column after the prefix.
    pub upper: Bound<Value<'a>>,
}

impl KeyRange<'_> {
    /// All keys.
    pub fn all() -> Self {
        Self { prefix: Vec::new(), lower: Bound::Unbounded, upper: Bound::Unbounded }
    }
}

/// The way a range is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// In the index's own order.
    Forward,
    /// Against it.
    Backward,
}
