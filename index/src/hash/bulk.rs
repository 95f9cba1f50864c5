//! What concerns the table as a whole: its measures, its size on request, and emptying it.

use std::hash::BuildHasher;

use super::cell::Cell;
use super::core::Core;
use super::group::{MOVED, SLOTS, VERSION};
use super::stats::HashStats;
use super::table::{Table, entries_max, groups_asked_for, groups_for};
use crate::sync::Ordering;
use crate::{Guard, pin};

impl<C: Cell, S> Core<C, S> {
    /// The newest table.
    fn newest<'g>(&'g self, guard: &'g Guard) -> &'g Table<C> {
        let mut table = self.root(guard);
        while let Some(next) = table.next() {
            table = next;
        }
        table
    }

    pub(super) fn capacity(&self) -> usize {
        entries_max(self.newest(&pin()).group_count())
    }

    /// Bytes of all tables and of the count.
    pub(super) fn memory_usage(&self) -> usize {
        let guard = pin();
        let tables = std::iter::successors(Some(self.root(&guard)), |table| table.successor());
        self.counter.memory_usage() + tables.map(Table::memory_usage).sum::<usize>()
    }

    /// The shape of the tables; the index adds its own bytes.
    pub(super) fn stats(&self) -> HashStats {
        let guard = pin();
        let (root, newest) = (self.root(&guard), self.newest(&guard));
        // Relaxed: a statistic.
        let moved = root.moved.load(Ordering::Relaxed);
        let groups_to_move = if root.is_resizing() { root.group_count() - moved } else { 0 };
        HashStats {
            entries: self.counter.sum(),
            slots: newest.group_count() * SLOTS,
            overflow_blocks: newest.block_count(),
            groups_to_move,
            memory_bytes: self.memory_usage(),
        }
    }
}

impl<C: Cell, S: BuildHasher> Core<C, S> {
    /// Makes room for `additional` entries more.
    pub(super) fn reserve(&self, additional: usize, guard: &Guard) {
        let groups = groups_asked_for(self.counter.sum().saturating_add(additional));
        // Relaxed: a hint that orders nothing.
        self.floor.fetch_max(groups, Ordering::Relaxed);
        self.make_room(additional, guard);
    }

    /// Makes room for `additional` entries more that are about to come: should they go again, the table shrinks.
    pub(super) fn make_room(&self, additional: usize, guard: &Guard) {
        let groups = groups_asked_for(self.counter.sum().saturating_add(additional));
        self.resize_to(guard, |present| present.max(groups));
    }

    /// Gives back what the entries do not need.
    pub(super) fn shrink_to_fit(&self, guard: &Guard) {
        // Relaxed: as above.
        self.floor.store(0, Ordering::Relaxed);
        self.resize_to(guard, |present| present.min(groups_for(self.counter.sum())));
    }

    /// Resizes until the newest table has as many groups as `wanted` makes of its number.
    fn resize_to(&self, guard: &Guard, wanted: impl Fn(usize) -> usize) {
        loop {
            self.finish_resize(guard);
            let present = self.root(guard).group_count();
            let wanted = wanted(present);
            if wanted == present {
                return;
            }
            self.resize(wanted, guard);
        }
    }

    /// Takes out everything, group by group, and gives `dropped` what each group held.
    pub(super) fn clear(&self, guard: &Guard, mut dropped: impl FnMut(Vec<C::Image>)) {
        let mut position = Some(0);
        while let Some(at) = position {
            let mut images = Vec::new();
            position = self.take_group(at, &mut images, guard);
            if !images.is_empty() {
                dropped(images);
            }
        }
        self.shrink_if_sparse(guard);
    }

    /// Takes everything out of the group of `position` into `images`; gives the next position.
    pub(super) fn take_group(&self, position: u64, images: &mut Vec<C::Image>, guard: &Guard) -> Option<u64> {
        let mut table = self.root(guard);
        let mut last = u64::MAX;
        loop {
            let group = table.group(position);
            // As in a scan: what has moved here from one group says nothing of its neighbours.
            last = last.min(*table.range_of(position).end());
            let state = group.unlocked_state();
            if let Some(next) = table.next() {
                if state & MOVED == 0 {
                    self.move_group(table, next, table.index_of(position), guard);
                }
                table = next;
                continue;
            }
            let changed = state.wrapping_add(VERSION);
            if group.try_lock(state, changed) {
                group.take_all(images);
                group.unlock(changed);
                self.counter.add(0_usize.wrapping_sub(images.len()));
                return last.checked_add(1);
            }
        }
    }
}
