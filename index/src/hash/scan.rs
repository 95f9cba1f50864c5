//! Walking over all entries while they change and the table is resized.
//!
//! A scan goes by hash, not by slot: it remembers the lowest hash that it has not passed. A group of any table covers
//! one range of hashes, so the walk goes on in a larger or smaller table where it left off in another one, and an entry
//! that is there throughout comes exactly once.

use std::hash::BuildHasher;

use super::cell::Cell;
use super::core::Core;
use super::group::MOVED;
use crate::Guard;
use crate::sync::Ordering;

/// How far a scan has come.
#[derive(Clone, Debug)]
pub(super) struct Scan<I> {
    /// The lowest hash that is still to come; nothing after the end.
    position: Option<u64>,
    /// Images of the group at hand that were not handed out yet.
    images: Vec<I>,
}

impl<I: Copy> Scan<I> {
    pub(super) fn new() -> Self {
        Self { position: Some(0), images: Vec::new() }
    }

    /// The next image, in no order that means anything.
    #[inline]
    pub(super) fn next<C, S>(&mut self, core: &Core<C, S>, guard: &Guard) -> Option<I>
    where
        C: Cell<Image = I>,
        S: BuildHasher,
    {
        loop {
            if let Some(image) = self.images.pop() {
                return Some(image);
            }
            self.position = core.collect(self.position?, &mut self.images, guard);
        }
    }
}

impl<C: Cell, S: BuildHasher> Core<C, S> {
    /// Collects the images of the group of `position` whose hash is not below it; gives the next position.
    fn collect(&self, position: u64, images: &mut Vec<C::Image>, guard: &Guard) -> Option<u64> {
        let mut table = self.root(guard);
        let mut last = u64::MAX;
        loop {
            let group = table.group(position);
            let range = table.range_of(position);
            // Acquire: pairs with `unlock`, as in `find`.
            let state = group.meta.state.load(Ordering::Acquire);
            if state & MOVED != 0 {
                // Of what lies behind this group, some may not have moved: the walk comes back for it.
                last = last.min(*range.end());
                table = table.next().expect("a group moves to a next table");
                continue;
            }
            images.clear();
            group.for_each(|cell| images.push(cell.load()));
            if !group.is_current(state) {
                continue;
            }
            let wanted = position..=last.min(*range.end());
            if wanted != range {
                // A group of a table that shrank: part of it was passed already, part comes later.
                // SAFETY: the images were loaded under `guard`.
                images.retain(|image| wanted.contains(&unsafe { C::hash(*image, &self.hasher) }));
            }
            return wanted.end().checked_add(1);
        }
    }
}
