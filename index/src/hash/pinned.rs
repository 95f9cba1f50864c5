//! An index together with a guard, for what takes no arguments: `for` loops and `{:?}`.

use std::fmt;
use std::ops::Deref;

use crate::{Guard, pin};

/// An index and a guard under which it is read; made by `index.pin()`.
///
/// ```
/// use manicule_index::HashIndex;
///
/// let index: HashIndex<&str, u64> = [("one", 1)].into_iter().collect();
/// for (key, row_id) in &index.pin() {
///     assert_eq!((*key, *row_id), ("one", 1));
/// }
/// ```
pub struct Pinned<'i, I> {
    index: &'i I,
    guard: Guard,
}

impl<'i, I> Pinned<'i, I> {
    pub(super) fn new(index: &'i I) -> Self {
        Self { index, guard: pin() }
    }

    /// The guard, for the index's own methods.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }
}

impl<I> Deref for Pinned<'_, I> {
    type Target = I;

    fn deref(&self) -> &I {
        self.index
    }
}

impl<I: fmt::Debug> fmt::Debug for Pinned<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.index.fmt(f)
    }
}
