//! The memory of a table: its groups and its cells, zeroed, in one piece.
//!
//! Fresh pages of the operating system are zero already, so allocating a table touches none of it: a large table costs
//! a page fault where it is first used and no pause when it is made. Large tables ask for huge pages, since every
//! lookup in them would otherwise miss the TLB as well as the cache.

use std::ptr::NonNull;

use super::cell::Cell;
use super::group::{Group, Meta, SLOTS};

pub(super) use layout::Memory;

impl<C: Cell> Memory<C> {
    /// Group number `index`.
    #[inline]
    pub(super) fn group(&self, index: usize) -> Group<'_, C> {
        debug_assert!(index < self.group_count(), "the group lies in the table");
        // SAFETY: the allocation holds `group_count` headers, and callers derive `index` from the table's own shift.
        let meta = unsafe { self.metas().add(index) };
        // SAFETY: the allocation holds `SLOTS` cells for each group.
        let cells = unsafe { self.cells().add(index * SLOTS) };
        // SAFETY: the header lives as long as `self` and holds nothing but atomics.
        let meta = unsafe { meta.as_ref() };
        // SAFETY: so do these `SLOTS` cells; an array of them has the layout of `SLOTS` in a row.
        let cells = unsafe { cells.cast::<[C; SLOTS]>().as_ref() };
        Group { meta, cells }
    }
}

#[cfg(not(any(loom, feature = "shuttle")))]
mod layout {
    use super::{Cell, Meta, NonNull, SLOTS};
    use crate::memory::zeroed::Zeroed;

    /// Both arrays begin at a multiple of a cache line.
    const LINE: usize = 64;

    /// The headers of all groups, then all cells.
    pub(in super::super) struct Memory<C> {
        metas: NonNull<Meta<C>>,
        cells: NonNull<C>,
        group_count: usize,
        /// What the two lie in.
        zeroed: Zeroed,
    }

    impl<C: Cell> Memory<C> {
        /// Memory for `group_count` empty groups.
        ///
        /// # Panics
        ///
        /// Panics when that is more than the address space holds.
        pub(in super::super) fn new(group_count: usize) -> Self {
            Self::of(group_count, Zeroed::new)
        }

        /// [`new`](Self::new), which nobody may use before all [portions](Self::portions) are [prepared](Self::prepare).
        pub(in super::super) fn unprepared(group_count: usize) -> Self {
            Self::of(group_count, Zeroed::unprepared)
        }

        fn of(group_count: usize, zeroed: impl FnOnce(usize) -> Zeroed) -> Self {
            let metas = group_count.checked_mul(size_of::<Meta<C>>()).expect("the table fits the address space");
            let metas = metas.next_multiple_of(LINE);
            let cells = group_count.checked_mul(SLOTS * size_of::<C>()).expect("the table fits the address space");
            let bytes = metas.checked_add(cells).expect("the table fits the address space");
            let zeroed = zeroed(bytes);
            let start = zeroed.start();
            // SAFETY: the headers take `metas` bytes of it.
            let first_cell = unsafe { start.add(metas) };
            Self { metas: start.cast(), cells: first_cell.cast(), group_count, zeroed }
        }

        #[inline]
        pub(super) fn metas(&self) -> NonNull<Meta<C>> {
            self.metas
        }

        #[inline]
        pub(super) fn cells(&self) -> NonNull<C> {
            self.cells
        }

        pub(in super::super) fn group_count(&self) -> usize {
            self.group_count
        }

        pub(in super::super) fn memory_usage(&self) -> usize {
            self.group_count * (size_of::<Meta<C>>() + SLOTS * size_of::<C>()) + LINE
        }

        /// Portions of the memory that are to be prepared.
        pub(in super::super) fn portions(&self) -> usize {
            self.zeroed.portions()
        }

        /// Makes a portion ready for use.
        ///
        /// # Safety
        ///
        /// Nobody uses the portion meanwhile.
        pub(in super::super) unsafe fn prepare(&self, portion: usize) {
            // SAFETY: as the caller guarantees.
            unsafe { self.zeroed.prepare(portion) }
        }
    }
}

/// The atomics of the model checkers are more than their bits, so here every group and cell is made one by one.
#[cfg(any(loom, feature = "shuttle"))]
mod layout {
    use super::{Cell, Meta, NonNull, SLOTS};

    /// The headers of all groups and all cells.
    pub(in super::super) struct Memory<C> {
        metas: NonNull<[Meta<C>]>,
        cells: NonNull<[C]>,
    }

    impl<C: Cell> Memory<C> {
        /// Memory for `group_count` empty groups.
        pub(in super::super) fn new(group_count: usize) -> Self {
            let metas: Box<[Meta<C>]> = (0..group_count).map(|_| Meta::empty()).collect();
            let cells: Box<[C]> = (0..group_count * SLOTS).map(|_| C::empty()).collect();
            Self { metas: NonNull::from(Box::leak(metas)), cells: NonNull::from(Box::leak(cells)) }
        }

        pub(in super::super) fn unprepared(group_count: usize) -> Self {
            Self::new(group_count)
        }

        pub(super) fn metas(&self) -> NonNull<Meta<C>> {
            self.metas.cast()
        }

        pub(super) fn cells(&self) -> NonNull<C> {
            self.cells.cast()
        }

        pub(in super::super) fn group_count(&self) -> usize {
            self.metas.len()
        }

        pub(in super::super) fn memory_usage(&self) -> usize {
            self.group_count() * (size_of::<Meta<C>>() + SLOTS * size_of::<C>())
        }

        /// As in the other module, so that the model of schedules sees a table prepared; loom has enough to explore.
        pub(in super::super) fn portions(&self) -> usize {
            if cfg!(loom) { 0 } else { 2 }
        }

        /// There are no pages here.
        pub(in super::super) unsafe fn prepare(&self, _portion: usize) {}
    }

    impl<C> Drop for Memory<C> {
        fn drop(&mut self) {
            // SAFETY: leaked by `new`, and freed here alone.
            drop(unsafe { Box::from_raw(self.metas.as_ptr()) });
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(self.cells.as_ptr()) });
        }
    }
}
