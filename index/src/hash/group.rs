//! Sixteen slots under one lock, and a chain of eight more each when those do not suffice.
//!
//! ```text
//! Meta   tags 8 B · tags 8 B · state 8 B · overflow 8 B      two groups to a cache line
//! state  bit 0 LOCK · bit 1 MOVED · bits 2..64 version
//! Block  tags 8 B · next 8 B · 8 cells                       belongs to one group for good
//! ```
//!
//! The version counts insertions and removals: whoever finds it unchanged knows that no slot changed hands. Values
//! replaced in place leave it alone; whoever depends on a value compares the cell itself.

use super::cell::Cell;
use super::tags::{self, Slots, WORD_SLOTS};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, fence, spin_hint, yield_now};

/// Slots of a group without its chain.
pub(super) const SLOTS: usize = 16;

/// A writer changes the group.
pub(super) const LOCK: u64 = 1;
/// The group's entries live in the next table; here nothing changes any more.
pub(super) const MOVED: u64 = 2;
/// One step of the version.
pub(super) const VERSION: u64 = 4;

/// Spins before a waiting writer lets others run: the holder has some ten stores to do, unless it was preempted.
const SPINS_MAX: u32 = 64;

/// The header of a group: half a cache line.
pub(super) struct Meta<C> {
    pub(super) tags: [AtomicU64; 2],
    pub(super) state: AtomicU64,
    pub(super) overflow: AtomicPtr<Block<C>>,
}

#[cfg(not(any(loom, feature = "shuttle")))]
const _: () = assert!(size_of::<Meta<()>>() == 32, "two headers share a cache line and none straddles two");

impl<C> Meta<C> {
    #[cfg(any(loom, feature = "shuttle"))]
    pub(super) fn empty() -> Self {
        Self {
            tags: [AtomicU64::new(0), AtomicU64::new(0)],
            state: AtomicU64::new(0),
            overflow: AtomicPtr::new(std::ptr::null_mut()),
        }
    }
}

/// Eight more slots of one group.
pub(super) struct Block<C> {
    pub(super) tags: AtomicU64,
    pub(super) next: AtomicPtr<Self>,
    pub(super) cells: [C; WORD_SLOTS],
}

impl<C: Cell> Block<C> {
    pub(super) fn empty() -> Self {
        Self {
            tags: AtomicU64::new(0),
            next: AtomicPtr::new(std::ptr::null_mut()),
            cells: std::array::from_fn(|_| C::empty()),
        }
    }
}

/// A group of a table that lives at least as long as `'t`.
pub(super) struct Group<'t, C> {
    pub(super) meta: &'t Meta<C>,
    pub(super) cells: &'t [C; SLOTS],
}

impl<C> Clone for Group<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Group<'_, C> {}

/// One slot: where its tag is and where its cell is.
pub(super) struct Spot<'t, C> {
    tags: &'t AtomicU64,
    slot: u32,
    pub(super) cell: &'t C,
}

impl<C: Cell> Spot<'_, C> {
    /// Fills the slot, which is not in use, and lets readers see it. The caller holds the group's lock.
    pub(super) fn publish(&self, tag: u8, image: C::Image) {
        self.cell.store(image);
        self.set_tag(tag);
    }

    /// Takes the slot out of use. The caller holds the group's lock.
    pub(super) fn withdraw(&self) {
        self.set_tag(0);
    }

    fn set_tag(&self, tag: u8) {
        // Relaxed: the lock's holder alone writes tags.
        let word = tags::with_tag(self.tags.load(Ordering::Relaxed), self.slot, tag);
        // Release: pairs with the acquire loads of tags by readers, who then look at the cell.
        self.tags.store(word, Ordering::Release);
    }
}

/// What a writer learns about a key before it takes the lock.
pub(super) struct Search<'t, C: Cell> {
    /// What the key's slot said, if the key has one.
    pub(super) found: Option<C::Image>,
    /// The key's slot, or one that is not in use.
    pub(super) spot: Option<Spot<'t, C>>,
    /// Where the next block of the chain goes.
    pub(super) tail: &'t AtomicPtr<Block<C>>,
}

impl<'t, C: Cell> Group<'t, C> {
    /// The state when nobody held the lock.
    pub(super) fn unlocked_state(&self) -> u64 {
        let mut spins = 0;
        loop {
            // Acquire: pairs with the release store of `unlock`, so that everything done before is seen.
            let state = self.meta.state.load(Ordering::Acquire);
            if state & LOCK == 0 {
                return state;
            }
            spins += 1;
            if spins < SPINS_MAX { spin_hint() } else { yield_now() }
        }
    }

    /// Takes the lock and moves the state to `locked`, if the state is `seen` still: then no slot changed hands since.
    #[inline]
    pub(super) fn try_lock(&self, seen: u64, locked: u64) -> bool {
        debug_assert!(seen & (LOCK | MOVED) == 0, "nobody holds the lock of a state that was planned on");
        // Acquire: pairs with `unlock`. Readers' versions: see `fence_reuse`.
        self.meta.state.compare_exchange(seen, locked | LOCK, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Between the new version and the first store into a slot that may have been used before.
    #[inline]
    pub(super) fn fence_reuse() {
        if C::VALIDATED {
            // Release: pairs with the acquire fence in `is_current`. A reader that sees a word of the new cell sees
            // the new version after it.
            fence(Ordering::Release);
        }
    }

    /// Lets the lock go and leaves `state`.
    #[inline]
    pub(super) fn unlock(&self, state: u64) {
        // Release: pairs with the acquire loads and exchanges of the next lock holder, and, for `MOVED`, with the
        // readers that then go to the next table and must find the entries there.
        self.meta.state.store(state, Ordering::Release);
    }

    /// Whether cells read since `state` was loaded belonged to the keys they seemed to belong to.
    #[inline]
    pub(super) fn is_current(&self, state: u64) -> bool {
        if !C::VALIDATED {
            return true;
        }
        // Acquire: pairs with `fence_reuse`, and with the release store of a replaced value.
        fence(Ordering::Acquire);
        // Relaxed: ordered by the fence. Being locked or moved meanwhile does no harm.
        (self.meta.state.load(Ordering::Relaxed) ^ state) < VERSION
    }

    /// Looks for a key in the group and its chain, and for a free slot: in the line of cells that its hash prefers, if
    /// there is one.
    pub(super) fn search(&self, hash: u64, mut is_it: impl FnMut(C::Image) -> bool) -> Search<'t, C> {
        let (slot, found) = self.search_slots(hash, &mut is_it);
        let mut search = Search { found, spot: slot.map(|slot| self.spot(slot)), tail: &self.meta.overflow };
        let tag = tags::of_hash(hash);
        while search.found.is_none()
            && let Some(block) = self.block_at(search.tail)
        {
            search.tail = &block.next;
            search.look_into(block, tag, &mut is_it);
        }
        search
    }

    /// Looks for a key in the group's own slots: its slot and what it says, or a slot that is free, if there is one.
    #[inline]
    pub(super) fn search_slots(
        &self,
        hash: u64,
        mut is_it: impl FnMut(C::Image) -> bool,
    ) -> (Option<u32>, Option<C::Image>) {
        let words = self.tags();
        for slot in Slots(tags::matching(words, tags::of_hash(hash))) {
            let image = self.cells[slot as usize % SLOTS].load();
            if is_it(image) {
                return (Some(slot), Some(image));
            }
        }
        (Self::free_slot(tags::matching(words, 0), hash), None)
    }

    /// The first slot of the cache line of cells that a hash prefers, so that the line can be asked for before the tags
    /// are known.
    #[inline]
    pub(super) fn preferred_slot(hash: u64) -> u32 {
        let line_slots = (64 / size_of::<C>()).next_power_of_two();
        ((hash >> 16) as u32 % SLOTS as u32) & !(line_slots as u32 - 1)
    }

    /// The address of the line of cells that a hash prefers.
    #[inline]
    pub(super) fn preferred_line(&self, hash: u64) -> *const C {
        &raw const self.cells[Self::preferred_slot(hash) as usize % SLOTS]
    }

    /// One of the `free` slots, given as a mask: in the preferred line if possible.
    #[inline]
    pub(super) fn free_slot(free: u32, hash: u64) -> Option<u32> {
        let preferred = Self::preferred_slot(hash);
        // Sixteen bits, turned so that the preferred slot comes first.
        Slots((free | free << SLOTS) >> preferred).next().map(|slot| (slot + preferred) % SLOTS as u32)
    }

    /// The slot by its number.
    #[inline]
    pub(super) fn spot(&self, slot: u32) -> Spot<'t, C> {
        let slot = slot as usize % SLOTS;
        let tags = &self.meta.tags[slot / WORD_SLOTS];
        Spot { tags, slot: (slot % WORD_SLOTS) as u32, cell: &self.cells[slot] }
    }

    /// The block that `link` names.
    #[inline]
    pub(super) fn block_at(&self, link: &AtomicPtr<Block<C>>) -> Option<&'t Block<C>> {
        // Acquire: pairs with the release store in `Table::append`.
        // SAFETY: blocks are freed with their table, which outlives `'t`.
        unsafe { link.load(Ordering::Acquire).as_ref() }
    }

    /// Takes all slots out of use and gives what they held. The caller holds the lock.
    pub(super) fn take_all(&self, images: &mut Vec<C::Image>) {
        self.for_each(|cell| images.push(cell.load()));
        // Release, here and below: as in `Spot::set_tag`.
        self.meta.tags[0].store(0, Ordering::Release);
        self.meta.tags[1].store(0, Ordering::Release);
        let mut link = &self.meta.overflow;
        while let Some(block) = self.block_at(link) {
            block.tags.store(0, Ordering::Release);
            link = &block.next;
        }
    }

    /// The tags of the sixteen slots: of each eight as they were at one moment.
    #[inline]
    pub(super) fn tags(&self) -> [u64; 2] {
        // Acquire: pairs with `Spot::set_tag`.
        [self.meta.tags[0].load(Ordering::Acquire), self.meta.tags[1].load(Ordering::Acquire)]
    }

    /// The slots in use, without those of the chain.
    #[inline]
    pub(super) fn slots_in_use(&self) -> Slots {
        Slots(tags::matching(self.tags(), 0) ^ 0xffff)
    }

    /// Calls `visit` with the cell of every slot in use, in an order that changes only when slots change hands.
    #[inline]
    pub(super) fn for_each(&self, mut visit: impl FnMut(&'t C)) {
        for slot in self.slots_in_use() {
            visit(&self.cells[slot as usize]);
        }
        self.for_each_in_chain(visit);
    }

    /// [`for_each`](Self::for_each) of the chain alone.
    #[inline]
    pub(super) fn for_each_in_chain(&self, mut visit: impl FnMut(&'t C)) {
        let mut link = &self.meta.overflow;
        while let Some(block) = self.block_at(link) {
            // Acquire: pairs with `Spot::set_tag`.
            for slot in Slots(tags::occupied_word(block.tags.load(Ordering::Acquire))) {
                visit(&block.cells[slot as usize]);
            }
            link = &block.next;
        }
    }
}

impl<'t, C: Cell> Search<'t, C> {
    /// Looks at the eight slots of a block.
    fn look_into(&mut self, block: &'t Block<C>, tag: u8, is_it: &mut impl FnMut(C::Image) -> bool) {
        let spot = |slot| Spot { tags: &block.tags, slot, cell: &block.cells[slot as usize] };
        // Acquire: pairs with `Spot::set_tag`.
        let word = block.tags.load(Ordering::Acquire);
        for slot in Slots(tags::matching_word(word, tag)) {
            let image = spot(slot).cell.load();
            if is_it(image) {
                self.found = Some(image);
                self.spot = Some(spot(slot));
                return;
            }
        }
        if self.spot.is_none() {
            self.spot = Slots(tags::matching_word(word, 0)).next().map(spot);
        }
    }
}
