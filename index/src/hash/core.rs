//! What both indexes share: finding an entry without a store, and changing one under the lock of its group.
//!
//! A change has three steps. [`plan`](Core::plan) looks the key up and remembers the state of its group; the index then
//! runs whatever code of the user's it has to, with no lock held; [`put`](Core::put) or [`take`](Core::take) takes the
//! lock only if the group is as it was planned on, and does some ten stores. Otherwise the plan is made anew.

use std::hash::BuildHasher;
use std::marker::PhantomData;

use super::cell::Cell;
use super::counter::Counter;
use super::group::{Group, LOCK, MOVED, SLOTS, Search, VERSION};
use super::table::{Table, groups_asked_for};
use super::tags::{self, Slots};
use crate::Guard;
use crate::memory::{prefetch, prefetch_to_write};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// How often a thread's stripe of the count passes before the whole is summed, at most.
const SAMPLE_MAX: usize = 64;

/// Groups of a table that lies in a processor's own cache as a whole: 590 kB, where a cell is of 16 bytes.
const SMALL_GROUPS_MAX: usize = 2048;

/// The table and its count, for either kind of cell.
pub(super) struct Core<C: Cell, S> {
    /// The oldest table that holds entries; newer ones hang off it.
    root: AtomicPtr<Table<C>>,
    pub(super) hasher: S,
    pub(super) counter: Counter,
    /// Groups below which the table does not shrink by itself.
    pub(super) floor: AtomicUsize,
    held: PhantomData<C::Held>,
}

// SAFETY: all that is shared is atomic or locked; what cells own may move to, and be dropped on, any thread.
unsafe impl<C: Cell, S: Send> Send for Core<C, S> where C::Held: Send + Sync {}
// SAFETY: as above; readers on several threads refer to the same entries.
unsafe impl<C: Cell, S: Sync> Sync for Core<C, S> where C::Held: Send + Sync {}

/// The change planned was overtaken by another one: plan anew.
#[derive(Debug)]
pub(super) struct Overtaken;

/// A key's place as it was when nobody held its group's lock.
pub(super) struct Plan<'t, C: Cell> {
    table: &'t Table<C>,
    group: Group<'t, C>,
    state: u64,
    tag: u8,
    search: Search<'t, C>,
}

impl<C: Cell> Plan<'_, C> {
    /// The key's entry.
    #[inline]
    pub(super) fn found(&self) -> Option<C::Image> {
        self.search.found
    }
}

impl<C: Cell, S> Core<C, S> {
    /// An empty table that holds `capacity` entries before it grows.
    pub(super) fn new(capacity: usize, hasher: S) -> Self {
        let groups = groups_asked_for(capacity);
        Self {
            root: AtomicPtr::new(Box::into_raw(Box::new(Table::new(groups)))),
            hasher,
            counter: Counter::new(),
            floor: AtomicUsize::new(groups),
            held: PhantomData,
        }
    }

    /// The oldest table that holds entries.
    #[inline]
    pub(super) fn root<'g>(&'g self, _guard: &'g Guard) -> &'g Table<C> {
        // Acquire: pairs with the exchange in `advance_root`.
        // SAFETY: never null; a table that is no longer the root is freed after all guards that could have seen it.
        unsafe { &*self.root.load(Ordering::Acquire) }
    }

    /// Makes `next` the root in place of `table`, whose groups have all moved; gives `table` to free.
    pub(super) fn advance_root(&self, table: &Table<C>) -> *mut Table<C> {
        // Release: pairs with `root`. The one who moved the last group does this, once for each table.
        self.root.swap(table.next_pointer(), Ordering::AcqRel)
    }

    /// What `pick` makes of the entry with this spread hash: it gives nothing for an entry of another key. Loads only: no store,
    /// whatever writers do.
    // A result of one or two words stays in registers, where the image of a cell would go through memory.
    #[inline]
    pub(super) fn find<R>(&self, hash: u64, guard: &Guard, mut pick: impl FnMut(C::Image) -> Option<R>) -> Option<R> {
        let group = self.root(guard).group(hash);
        // Most entries lie there: their line comes at the same time as that of the tags, not after it.
        prefetch(group.preferred_line(hash));
        // Acquire: pairs with `unlock`: of a moved group, the entries are in the next table.
        let state = group.meta.state.load(Ordering::Acquire);
        if state & MOVED != 0 {
            return self.find_slowly(hash, guard, pick);
        }
        for slot in Slots(tags::matching(group.tags(), tags::of_hash(hash))) {
            if let Some(picked) = pick(group.cells[slot as usize & (SLOTS - 1)].load()) {
                if group.is_current(state) {
                    return Some(picked);
                }
                return self.find_slowly(hash, guard, pick);
            }
        }
        // Relaxed: `find_slowly` loads it again.
        if group.meta.overflow.load(Ordering::Relaxed).is_null() {
            return None;
        }
        self.find_slowly(hash, guard, pick)
    }

    /// [`find`](Self::find) where the entry has moved to the next table, may be in a chain, or was overtaken by
    /// another key.
    #[cold]
    #[inline(never)]
    fn find_slowly<R>(&self, hash: u64, guard: &Guard, mut pick: impl FnMut(C::Image) -> Option<R>) -> Option<R> {
        let mut table = self.root(guard);
        loop {
            let group = table.group(hash);
            // Acquire: as in `find`.
            let state = group.meta.state.load(Ordering::Acquire);
            if state & MOVED != 0 {
                table = table.next().expect("a group moves to a next table");
                continue;
            }
            let mut picked = None;
            _ = group.search(hash, |image| {
                picked = pick(image);
                picked.is_some()
            });
            // Where the slot was given to another key while it was read: look again.
            if picked.is_none() || group.is_current(state) {
                return picked;
            }
        }
    }

    /// Whether the table is so small that lookups lose more by asking for memory ahead than by waiting for it.
    #[inline]
    pub(super) fn is_small(&self, guard: &Guard) -> bool {
        self.root(guard).group_count() <= SMALL_GROUPS_MAX
    }

    /// Asks the processor for the header of a hash's group.
    #[inline]
    pub(super) fn prefetch_group(&self, hash: u64, guard: &Guard) {
        let group = self.root(guard).group(hash);
        prefetch(group.meta);
        prefetch(group.preferred_line(hash));
    }

    /// Asks the processor for the cell that [`find`](Self::find) will look at first, and gives its image when the cell
    /// is at hand by now.
    #[inline]
    pub(super) fn prefetch_cell<'g>(&'g self, hash: u64, guard: &'g Guard) -> Option<&'g C> {
        let group = self.root(guard).group(hash);
        let slot = Slots(tags::matching(group.tags(), tags::of_hash(hash))).next()?;
        let cell = &group.cells[slot as usize & (SLOTS - 1)];
        prefetch(cell);
        Some(cell)
    }
}

impl<C: Cell, S: BuildHasher> Core<C, S> {
    /// Finds the place of a key, as a writer must know it. Helps a resize that is under way.
    // Always inlined, as what is done with a plan: out of line, a plan goes through memory twice, which costs as many
    // instructions as the search.
    #[inline(always)]
    pub(super) fn plan<'g>(
        &'g self,
        hash: u64,
        guard: &'g Guard,
        mut is_it: impl FnMut(C::Image) -> bool,
    ) -> Plan<'g, C> {
        let table = self.root(guard);
        let group = table.group(hash);
        // Most changes go there. Both lines are asked for to be written: read first, they would come twice from a
        // processor that wrote them last.
        prefetch_to_write(group.meta);
        prefetch_to_write(group.preferred_line(hash));
        if !table.is_resizing() {
            // Acquire: as in `unlocked_state`.
            let state = group.meta.state.load(Ordering::Acquire);
            if state & (LOCK | MOVED) == 0 {
                let (slot, found) = group.search_slots(hash, &mut is_it);
                let tail = &group.meta.overflow;
                // Acquire: as in `block_at`.
                let is_all = found.is_some() || tail.load(Ordering::Acquire).is_null();
                if is_all && group.is_current(state) {
                    let search = Search { found, spot: slot.map(|slot| group.spot(slot)), tail };
                    return Plan { table, group, state, tag: tags::of_hash(hash), search };
                }
            }
        }
        self.plan_slowly(hash, guard, is_it)
    }

    /// [`plan`](Self::plan) where a resize is under way, another writer changes the group, or it has a chain.
    #[cold]
    #[inline(never)]
    fn plan_slowly<'g>(&'g self, hash: u64, guard: &'g Guard, mut is_it: impl FnMut(C::Image) -> bool) -> Plan<'g, C> {
        self.help_resize(self.root(guard), guard);
        let mut table = self.root(guard);
        loop {
            let group = table.group(hash);
            let state = group.unlocked_state();
            if let Some(next) = table.next() {
                if state & MOVED == 0 {
                    self.move_group(table, next, table.index_of(hash), guard);
                }
                table = next;
                continue;
            }
            debug_assert!(state & MOVED == 0, "the next table of a moved group is named");
            let search = group.search(hash, &mut is_it);
            if group.is_current(state) {
                return Plan { table, group, state, tag: tags::of_hash(hash), search };
            }
        }
    }

    /// Puts `image` in the place of the key's entry, or into a free slot if it has none.
    #[inline(always)]
    pub(super) fn put(&self, plan: &Plan<'_, C>, image: C::Image, guard: &Guard) -> Result<(), Overtaken> {
        let Plan { group, state, search, .. } = plan;
        let (Some(spot), Some(seen)) = (&search.spot, search.found) else { return self.insert(plan, image, guard) };
        if !group.try_lock(*state, *state) {
            return Err(Overtaken);
        }
        let unchanged = C::is_same(spot.cell.load(), seen);
        if unchanged {
            spot.cell.replace(image);
        }
        group.unlock(*state);
        if unchanged { Ok(()) } else { Err(Overtaken) }
    }

    /// Fills a free slot.
    #[inline(always)]
    fn insert(&self, plan: &Plan<'_, C>, image: C::Image, guard: &Guard) -> Result<(), Overtaken> {
        let changed = plan.state.wrapping_add(VERSION);
        if !plan.group.try_lock(plan.state, changed) {
            return Err(Overtaken);
        }
        Group::<C>::fence_reuse();
        match &plan.search.spot {
            Some(spot) => spot.publish(plan.tag, image),
            None => plan.table.append(plan.search.tail, plan.tag, image),
        }
        plan.group.unlock(changed);
        let count = self.counter.add(1);
        if plan.search.spot.is_none() || count & sample_mask(plan.table) == 0 {
            self.grow_if_full(guard);
        }
        Ok(())
    }

    /// Takes the key's entry, which was found, out of its slot.
    #[inline(always)]
    pub(super) fn take(&self, plan: &Plan<'_, C>, guard: &Guard) -> Result<(), Overtaken> {
        let (Some(spot), Some(seen)) = (&plan.search.spot, plan.search.found) else { return Err(Overtaken) };
        let changed = plan.state.wrapping_add(VERSION);
        if !plan.group.try_lock(plan.state, changed) {
            return Err(Overtaken);
        }
        if !C::is_same(spot.cell.load(), seen) {
            plan.group.unlock(plan.state);
            return Err(Overtaken);
        }
        spot.withdraw();
        plan.group.unlock(changed);
        if self.counter.add(0_usize.wrapping_sub(1)) & sample_mask(plan.table) == 0 {
            self.shrink_if_sparse(guard);
        }
        Ok(())
    }
}

/// The stripe's count is looked at when these bits of it are 0: seldom in a large table, always in the smallest.
fn sample_mask<C: Cell>(table: &Table<C>) -> usize {
    (table.group_count() / 2).min(SAMPLE_MAX) - 1
}

impl<C: Cell, S> Drop for Core<C, S> {
    fn drop(&mut self) {
        let mut pointer = self.root.load(Ordering::Acquire);
        while !pointer.is_null() {
            // SAFETY: the index is dropped, so nobody else uses its tables; each was made by `Box::into_raw`.
            let table = unsafe { Box::from_raw(pointer) };
            for index in 0..table.group_count() {
                let group = table.group_at(index);
                // Of a moved group, the next table owns the entries.
                if group.meta.state.load(Ordering::Acquire) & MOVED == 0 {
                    // SAFETY: every entry is in one group that has not moved, and in one slot of it.
                    group.for_each(|cell| unsafe { C::release(cell.load()) });
                }
            }
            pointer = table.next_pointer();
            if table.next().is_none() && !pointer.is_null() {
                // One that is not prepared: nothing in it is an entry.
                // SAFETY: as above.
                drop(unsafe { Box::from_raw(pointer) });
                break;
            }
        }
    }
}
