//! What a range scan asks of an index.

use std::ops::Bound;

use crate::value::Value;

/// A range of an index's keys: equality on its first columns, bounds on the next one, or on several as on a row of values.
///
/// Bounds speak of values, not of the index's direction. NULL counts as the smallest value, so a comparison, which no
/// NULL satisfies, has the lower bound `Excluded(NULL)`, and `Unbounded` includes the NULLs. An inverted range is empty.
///
/// A bound with a rest is one of rows: where the column after the prefix equals it, the next column is compared with the
/// first of the rest, and so on. With the lower bound `Excluded(5)` and the rest `[7]` the range begins behind the last key
/// of `(5, 7)`. Such columns must have one direction, for only then do their keys lie side by side: a rest is looked at up
/// to the first column that the index does not have, or has in the other direction, and the range may then hold more.
#[derive(Clone, Debug)]
pub struct KeyRange<'a> {
    /// What the first columns equal; it may be empty.
    pub prefix: Vec<Value<'a>>,
    /// The lower bound of the column after the prefix.
    pub lower: Bound<Value<'a>>,
    /// The upper bound of the column after the prefix.
    pub upper: Bound<Value<'a>>,
    /// The lower bound of the columns after that one, where it equals its own.
    pub lower_rest: Vec<Value<'a>>,
    /// The upper bound of the columns after that one, where it equals its own.
    pub upper_rest: Vec<Value<'a>>,
}

impl KeyRange<'_> {
    /// All keys.
    pub fn all() -> Self {
        Self {
            prefix: Vec::new(),
            lower: Bound::Unbounded,
            upper: Bound::Unbounded,
            lower_rest: Vec::new(),
            upper_rest: Vec::new(),
        }
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
