//! The writer's handles to one copy of an index.
//!
//! One it always has; the other goes to readers with a version, and comes back when nobody has that version any more. So while
//! versions come and go no count changes, and the line of memory that the counts lie in, like the rest of what readers' cores
//! have fetched of a copy, stays with them.

use std::any::Any;
use std::sync::Arc;

use crate::sync::{Ordering, fence};

/// A handle to a copy, of whatever type, that is part of a version.
pub(super) type Part = Arc<dyn Any + Send + Sync>;

/// What weak handles are never made to.
///
/// # Safety
/// Nobody calls `Arc::downgrade` on an `Arc` of it.
pub(super) unsafe trait NeverWeak {}

/// What is behind a handle, to write, if nobody else has one. [`Arc::get_mut`] without a change of the counts.
#[inline]
pub(super) fn get_mut<T: NeverWeak>(only: &mut Arc<T>) -> Option<&mut T> {
    if Arc::strong_count(only) != 1 {
        return None;
    }
    // SAFETY: there is no other handle, and nobody can make one while this one is borrowed.
    Some(unsafe { get_mut_unchecked(only) })
}

/// # Safety
/// Whoever else has a handle, if anybody, is the caller, who has just looked at the count, and uses none of them meanwhile.
#[inline]
unsafe fn get_mut_unchecked<T: NeverWeak>(handle: &mut Arc<T>) -> &mut T {
    // A fence does not show itself to the sanitizer of threads; the acquire load in here does.
    #[cfg(crossbeam_sanitize)]
    let _: Option<&mut T> = Arc::get_mut(handle);
    // Acquire: pairs with the release by which the last other handle was dropped.
    fence(Ordering::Acquire);
    // SAFETY: the caller sees to it that nobody reaches it through another handle, and there are no weak ones.
    unsafe { &mut *Arc::as_ptr(handle).cast_mut() }
}

/// The writer's own handle to a copy, and the one for readers where no version has it.
pub(super) struct Handles<T> {
    own: Arc<T>,
    part: Option<Part>,
}

impl<T: NeverWeak + Send + Sync + 'static> Handles<T> {
    pub(super) fn new(copy: T) -> Self {
        Self { own: Arc::new(copy), part: None }
    }

    /// The handle to a copy that is part of some version.
    pub(super) fn of_published(own: Arc<T>) -> Self {
        Self { own, part: None }
    }

    /// The copy, to read.
    pub(super) fn get(&self) -> &T {
        &self.own
    }

    /// Whether this is a handle to the same copy.
    pub(super) fn is_of(&self, part: &Part) -> bool {
        is_same(&self.own, part)
    }

    /// Takes a handle back that was part of a version. One of another copy is dropped.
    pub(super) fn take_back(&mut self, part: Part) {
        if self.is_of(&part) {
            self.part = Some(part);
        }
    }

    /// Whether nobody else has a handle.
    pub(super) fn is_free(&self) -> bool {
        // Nobody can make one from nothing: those that are missing here, readers have.
        Arc::strong_count(&self.own) == 1 + usize::from(self.part.is_some())
    }

    /// The copy, to write, if nobody else has a handle.
    #[inline]
    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        if !self.is_free() {
            return None;
        }
        // SAFETY: all handles that there are are here, borrowed exclusively.
        Some(unsafe { get_mut_unchecked(&mut self.own) })
    }

    /// The writer's own handle, and one for readers.
    pub(super) fn publish(self) -> (Arc<T>, Part) {
        let part = self.part.unwrap_or_else(|| Arc::<T>::clone(&self.own));
        (self.own, part)
    }

    /// The writer's own handle.
    pub(super) fn into_own(self) -> Arc<T> {
        self.own
    }
}

/// Whether both are handles to one copy.
pub(super) fn is_same<T>(own: &Arc<T>, part: &Part) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(own), Arc::as_ptr(part))
}
