//! Growing and shrinking, group by group, done by writers.
//!
//! A resize begins when somebody names a next table. From then on a writer moves its own group before it changes
//! anything there, and undertakes one run of other groups: many at a time, so that all but one in a thousand changes
//! move nothing and a resize is over after a fraction of a percent of the changes that led to it. Nobody waits for
//! anybody's run: a group that is needed is moved on the spot.
//!
//! Moving a group copies its images into the next table, then sets `MOVED` for good. The old cells stay as they are: a
//! reader that came before finds there what was true when it came. When all groups have moved, the next table becomes
//! the root and the old one is freed as a whole once no reader is left.

use std::hash::BuildHasher;

use smallvec::SmallVec;

use super::cell::Cell;
use super::core::Core;
use super::group::{Group, MOVED, SLOTS, VERSION};
use super::table::{Table, entries_max, groups_for};
use super::tags;
use crate::Guard;
use crate::sync::{Ordering, yield_now};

/// Groups that a writer undertakes to move.
const RUN: usize = if cfg!(any(loom, feature = "shuttle")) { 1 } else { 512 };

/// How many groups ahead of the one that moves the entries are asked for.
const AHEAD: usize = 2;

/// A table shrinks when fewer than this part of a thousand slots is in use. Growth leaves it at 453, so that an index
/// at its limit does not go back and forth.
const SPARSE_PER_MILLE: usize = 300;

impl<C: Cell, S: BuildHasher> Core<C, S> {
    /// Begins to grow if the count is above what the table should hold.
    #[cold]
    #[inline(never)]
    pub(super) fn grow_if_full(&self, guard: &Guard) {
        let table = self.root(guard);
        let count = self.counter.sum();
        if table.next().is_none() && count > entries_max(table.group_count()) {
            self.resize(groups_for(count).max(table.group_count() * 2), guard);
        }
    }

    /// Begins to shrink if the count is far below what the table can hold.
    #[cold]
    #[inline(never)]
    pub(super) fn shrink_if_sparse(&self, guard: &Guard) {
        let table = self.root(guard);
        let count = self.counter.sum();
        let slots = table.group_count() * SLOTS;
        if table.next().is_some() || count * 1000 >= slots * SPARSE_PER_MILLE {
            return;
        }
        // A third more than there are, or the first insertions would make it grow again.
        // Relaxed: a hint that orders nothing.
        let groups = groups_for(count + count / 3).max(self.floor.load(Ordering::Relaxed));
        if groups < table.group_count() {
            self.resize(groups, guard);
        }
    }

    /// Begins to move everything to a table of `groups`, unless a resize is under way, and takes part in it.
    pub(super) fn resize(&self, groups: usize, guard: &Guard) {
        let table = self.root(guard);
        if table.next().is_none() && groups != table.group_count() {
            table.replace_by(Box::new(Table::new(groups)));
        }
        self.help_resize(table, guard);
    }

    /// Takes part in resizes until none is under way.
    pub(super) fn finish_resize(&self, guard: &Guard) {
        loop {
            let table = self.root(guard);
            let Some(next) = table.next() else { return };
            for index in 0..table.group_count() {
                self.move_group(table, next, index, guard);
            }
            // Everything has moved; whoever moved the last group is about to advance the root.
            yield_now();
        }
    }

    /// Moves one run of groups, if a resize of `table` is under way.
    #[cold]
    #[inline(never)]
    pub(super) fn help_resize(&self, table: &Table<C>, guard: &Guard) {
        let Some(next) = table.next() else { return };
        let group_count = table.group_count();
        // Relaxed, here and below: this only shares the work out; the groups' locks keep it correct.
        if table.claimed.load(Ordering::Relaxed) >= group_count {
            return;
        }
        let begin = table.claimed.fetch_add(RUN, Ordering::Relaxed);
        let mut run = Run { table, completed: false };
        let end = (begin + RUN).min(group_count);
        for index in begin.min(end)..end {
            if index + AHEAD < end {
                // What their cells refer to has come by the time it is their turn.
                table.group_at(index + AHEAD).for_each(|cell| C::prefetch(cell.load()));
            }
            self.move_group(table, next, index, guard);
        }
        run.completed = true;
    }

    /// Moves one group unless it has moved, and ends the resize with the last.
    pub(super) fn move_group(&self, table: &Table<C>, next: &Table<C>, index: usize, guard: &Guard) {
        if !self.copy_group(table, next, index) {
            return;
        }
        // Release and acquire: whoever counts the last group has all others behind it.
        if table.moved.fetch_add(1, Ordering::AcqRel) + 1 < table.group_count() {
            return;
        }
        let table = self.advance_root(table);
        // SAFETY: the table came from `Box::into_raw`; its cells own nothing any more, the next table's do.
        let reclaim = move || drop(unsafe { Box::from_raw(table) });
        // SAFETY: every group has moved and the root leads past the table, so that no new reader finds it.
        unsafe { guard.defer(reclaim) };
    }

    /// Copies a group's images into the next table and marks it moved; whether this call did it.
    fn copy_group(&self, table: &Table<C>, next: &Table<C>, index: usize) -> bool {
        let group = table.group_at(index);
        loop {
            let state = group.unlocked_state();
            if state & MOVED != 0 {
                return false;
            }
            // The user's hasher runs before the lock. Of a word's cell that changes hands meanwhile it may see halves
            // of two keys; then the lock is not got.
            let mut hashes = SmallVec::<[u64; SLOTS]>::new();
            // SAFETY: the caller is pinned, so that no entry that is in a slot now is freed.
            group.for_each(|cell| hashes.push(unsafe { C::hash(cell.load(), &self.hasher) }));
            if !group.try_lock(state, state) {
                continue;
            }
            let first = hashes.first().copied().unwrap_or_default();
            match next.group_count().cmp(&table.group_count()) {
                std::cmp::Ordering::Less => fill_shared(next, group, &hashes, next.group(first)),
                _ => fill_fresh(next, group, &hashes),
            }
            group.unlock(state | MOVED);
            return true;
        }
    }
}

/// Copies a locked group into a larger table.
///
/// All keys of the groups they go to come from this one, and nobody goes there before it is marked as moved: there is
/// nobody to lock out.
fn fill_fresh<C: Cell>(next: &Table<C>, group: Group<'_, C>, hashes: &[u64]) {
    let Some(first) = hashes.first() else { return };
    // Twice the groups is the rule: this group's two come in pairs.
    let pair = next.index_of(*first) & !1;
    let mut fillers = [Filler::new(next, next.group_at(pair)), Filler::new(next, next.group_at(pair + 1))];
    let mut hashes = hashes.iter();
    group.for_each(|cell| {
        let hash = *hashes.next().expect("no slot changed hands since the hashes were taken");
        let index = next.index_of(hash);
        if index & !1 == pair {
            fillers[index & 1].add(hash, cell.load());
        } else {
            let mut filler = Filler::new(next, next.group_at(index));
            filler.add(hash, cell.load());
            filler.publish();
        }
    });
    fillers.iter().for_each(Filler::publish);
}

/// Copies a locked group into the one group of a smaller table that it goes to together with others.
fn fill_shared<C: Cell>(next: &Table<C>, group: Group<'_, C>, hashes: &[u64], target: Group<'_, C>) {
    if hashes.is_empty() {
        return;
    }
    let changed = loop {
        let state = target.unlocked_state();
        let changed = state.wrapping_add(VERSION);
        debug_assert!(state & MOVED == 0, "a table is not replaced before all entries have come to it");
        if target.try_lock(state, changed) {
            break changed;
        }
    };
    Group::<C>::fence_reuse();
    let mut filler = Filler::new(next, target);
    let mut hashes = hashes.iter();
    group.for_each(|cell| filler.add(*hashes.next().expect("as in `fill_fresh`"), cell.load()));
    filler.publish();
    target.unlock(changed);
}

/// Fills free slots of a group that nobody else may change, and shows their tags all at once.
struct Filler<'t, C> {
    table: &'t Table<C>,
    group: Group<'t, C>,
    tags: [u8; SLOTS],
    /// A bit for each slot not in use.
    free: u32,
}

impl<'t, C: Cell> Filler<'t, C> {
    #[inline]
    fn new(table: &'t Table<C>, group: Group<'t, C>) -> Self {
        let words = group.tags();
        Self { table, group, tags: tags::to_bytes(words), free: tags::matching(words, 0) }
    }

    #[inline]
    fn add(&mut self, hash: u64, image: C::Image) {
        if let Some(slot) = Group::<C>::free_slot(self.free, hash) {
            self.free &= !(1 << slot);
            self.tags[slot as usize % SLOTS] = tags::of_hash(hash);
            self.group.cells[slot as usize % SLOTS].store(image);
        } else {
            self.add_to_chain(hash, image);
        }
    }

    #[cold]
    fn add_to_chain(&self, hash: u64, image: C::Image) {
        // So that the search below finds no slot among the first sixteen.
        self.publish();
        let tag = tags::of_hash(hash);
        let search = self.group.search(hash, |_| false);
        match search.free {
            Some(spot) => spot.publish(tag, image),
            None => self.table.append(search.tail, tag, image),
        }
    }

    #[inline]
    fn publish(&self) {
        for (word, tags) in self.group.meta.tags.iter().zip(tags::from_bytes(self.tags)) {
            // Release: pairs with the acquire loads of tags by readers.
            word.store(tags, Ordering::Release);
        }
    }
}

/// A run of groups being moved. If the user's hasher panics in it, others go over all the groups once more.
struct Run<'t, C: Cell> {
    table: &'t Table<C>,
    completed: bool,
}

impl<C: Cell> Drop for Run<'_, C> {
    fn drop(&mut self) {
        if !self.completed {
            self.table.claimed.store(0, Ordering::Relaxed);
        }
    }
}
