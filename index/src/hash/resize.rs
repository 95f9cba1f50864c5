//! Growing and shrinking, group by group, done by writers.
//!
//! A resize begins when somebody names a next table. A large one is prepared first: each writer sees to a portion of its memory,
//! while all goes on in the old one. From then on a writer moves its own group before it changes
//! anything there, and undertakes one run of other groups: many at a time, so that all but one in a thousand changes
//! move nothing and a resize is over after a fraction of a percent of the changes that led to it. Nobody waits for
//! anybody's run: a group that is needed is moved on the spot.
//!
//! Moving a group copies its images into the next table, then sets `MOVED` for good. The old cells stay as they are: a
//! reader that came before finds there what was true when it came. When all groups have moved, the next table becomes
//! the root and the old one is freed as a whole once no reader is left.

use std::hash::BuildHasher;

use super::cell::Cell;
use super::core::Core;
use super::group::{Group, MOVED, SLOTS, VERSION};
use super::table::{Table, entries_max, groups_for};
use super::tags::{self, WORD_SLOTS};
use crate::Guard;
use crate::sync::{Ordering, yield_now};

/// Groups that a writer undertakes to move.
const RUN: usize = if cfg!(any(loom, feature = "shuttle")) { 1 } else { 256 };

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
        if !table.is_resizing() && count > entries_max(table.group_count()) {
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
        if table.is_resizing() || count * 1000 >= slots * SPARSE_PER_MILLE {
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
        if !table.is_resizing() && groups != table.group_count() {
            table.replace_by(Box::new(Table::unprepared(groups)));
        }
        self.help_resize(table, guard);
    }

    /// Takes part in resizes until none is under way.
    pub(super) fn finish_resize(&self, guard: &Guard) {
        loop {
            let table = self.root(guard);
            if !table.is_resizing() {
                return;
            }
            let Some(next) = table.next() else {
                if !table.prepare_next() {
                    // Somebody prepares the last of it.
                    yield_now();
                }
                continue;
            };
            for index in 0..table.group_count() {
                self.move_group(table, next, index, guard);
            }
            // Everything has moved; whoever moved the last group is about to advance the root.
            yield_now();
        }
    }

    /// Moves one run of groups, or does one step of the preparation, if a resize of `table` is under way.
    #[cold]
    #[inline(never)]
    pub(super) fn help_resize(&self, table: &Table<C>, guard: &Guard) {
        let Some(next) = table.next() else {
            table.prepare_next();
            return;
        };
        let group_count = table.group_count();
        // Relaxed, here and below: this only shares the work out; the groups' locks keep it correct.
        if table.claimed.load(Ordering::Relaxed) >= group_count {
            return;
        }
        let begin = table.claimed.fetch_add(RUN, Ordering::Relaxed);
        let mut run = Run { table, completed: false };
        let end = (begin + RUN).min(group_count);
        for index in begin.min(end)..end {
            if C::REFERS && index + AHEAD < end {
                // What their cells refer to has come by the time it is their turn.
                table.group_at(index + AHEAD).for_each(|cell| C::prefetch(cell.load()));
            }
            self.move_group(table, next, index, guard);
        }
        run.completed = true;
    }

    /// Moves one group unless it has moved, and ends the resize with the last.
    pub(super) fn move_group(&self, table: &Table<C>, next: &Table<C>, index: usize, guard: &Guard) {
        if !self.copy_group(table, next, index, guard) {
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
    fn copy_group(&self, table: &Table<C>, next: &Table<C>, index: usize, guard: &Guard) -> bool {
        let group = table.group_at(index);
        loop {
            let state = group.unlocked_state();
            if state & MOVED != 0 {
                return false;
            }
            // The user's hasher runs before the lock.
            let hashes = Hashes::of(group, &self.hasher, guard);
            if !group.try_lock(state, state) {
                continue;
            }
            let (count, next_count) = (table.group_count(), next.group_count());
            if next_count == 2 * count {
                fill_pair(next, 2 * index, group, &hashes);
            } else if next_count > count {
                hashes.for_each(group, |hash, image| fill_one(next, hash, image));
            } else {
                fill_shared(next, next.group_at(index / (count / next_count)), group, &hashes);
            }
            group.unlock(state | MOVED);
            return true;
        }
    }
}

/// The hashes of a group's entries, taken before its lock is.
struct Hashes {
    /// By slot.
    slots: [u64; SLOTS],
    chain: Vec<u64>,
}

impl Hashes {
    /// Of a word's cell that changes hands meanwhile this may see halves of two keys; then the lock is not got.
    fn of<C: Cell, S: BuildHasher>(group: Group<'_, C>, hasher: &S, _guard: &Guard) -> Self {
        // SAFETY: the guard keeps every entry that is in a slot now from being freed.
        let hash = |cell: &C| unsafe { C::hash(cell.load(), hasher) };
        let mut slots = [0; SLOTS];
        for slot in group.slots_in_use() {
            slots[slot as usize % SLOTS] = hash(&group.cells[slot as usize % SLOTS]);
        }
        let mut chain = Vec::new();
        group.for_each_in_chain(|cell| chain.push(hash(cell)));
        Self { slots, chain }
    }

    /// Calls `visit` with every entry's hash and image. The caller has got the lock of the group as it was.
    #[inline]
    fn for_each<C: Cell>(&self, group: Group<'_, C>, mut visit: impl FnMut(u64, C::Image)) {
        for slot in group.slots_in_use() {
            visit(self.slots[slot as usize % SLOTS], group.cells[slot as usize % SLOTS].load());
        }
        let mut chain = self.chain.iter();
        group.for_each_in_chain(|cell| {
            visit(*chain.next().expect("no slot changed hands since the hashes were taken"), cell.load());
        });
    }
}

/// Copies a locked group into the two of a table twice the size, of which `first` is the first.
///
/// All keys of the groups they go to come from this one, and nobody goes there before it is marked as moved: there is
/// nobody to lock out.
fn fill_pair<C: Cell>(next: &Table<C>, first: usize, group: Group<'_, C>, hashes: &Hashes) {
    let mut fillers = [Filler::new(next, next.group_at(first)), Filler::new(next, next.group_at(first + 1))];
    hashes.for_each(group, |hash, image| fillers[next.index_of(hash) & 1].add(hash, image));
    fillers.iter().for_each(Filler::publish);
}

/// Copies one entry into a table several times the size, where nobody is to be locked out either.
fn fill_one<C: Cell>(next: &Table<C>, hash: u64, image: C::Image) {
    let mut filler = Filler::new(next, next.group(hash));
    filler.add(hash, image);
    filler.publish();
}

/// Copies a locked group into the one group of a smaller table that it goes to together with others.
fn fill_shared<C: Cell>(next: &Table<C>, target: Group<'_, C>, group: Group<'_, C>, hashes: &Hashes) {
    if group.slots_in_use().0 == 0 && hashes.chain.is_empty() {
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
    hashes.for_each(group, |hash, image| filler.add(hash, image));
    filler.publish();
    target.unlock(changed);
}

/// Fills free slots of a group that nobody else may change, and shows their tags all at once.
struct Filler<'t, C> {
    table: &'t Table<C>,
    group: Group<'t, C>,
    tags: [u64; 2],
    /// A bit for each slot not in use.
    free: u32,
}

impl<'t, C: Cell> Filler<'t, C> {
    #[inline]
    fn new(table: &'t Table<C>, group: Group<'t, C>) -> Self {
        let tags = group.tags();
        Self { table, group, tags, free: tags::matching(tags, 0) }
    }

    #[inline]
    fn add(&mut self, hash: u64, image: C::Image) {
        let Some(slot) = Group::<C>::free_slot(self.free, hash) else { return self.add_to_chain(hash, image) };
        self.free &= !(1 << slot);
        // The byte of a slot not in use is 0.
        let shift = slot % WORD_SLOTS as u32 * 8;
        self.tags[slot as usize / WORD_SLOTS % 2] |= u64::from(tags::of_hash(hash)) << shift;
        self.group.cells[slot as usize % SLOTS].store(image);
    }

    #[cold]
    fn add_to_chain(&self, hash: u64, image: C::Image) {
        // So that the search below finds no slot among the first sixteen.
        self.publish();
        let tag = tags::of_hash(hash);
        let search = self.group.search(hash, |_| false);
        match search.spot {
            Some(spot) => spot.publish(tag, image),
            None => self.table.append(search.tail, tag, image),
        }
    }

    #[inline]
    fn publish(&self) {
        // Release: pairs with the acquire loads of tags by readers.
        self.group.meta.tags[0].store(self.tags[0], Ordering::Release);
        // Release: as above.
        self.group.meta.tags[1].store(self.tags[1], Ordering::Release);
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
