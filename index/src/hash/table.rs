//! One table of groups, its chains' blocks, and the link to the table that replaces it.

use std::ops::RangeInclusive;
use std::ptr::NonNull;

use parking_lot::Mutex;

use super::cell::Cell;
use super::group::{Block, Group, SLOTS};
use super::memory::Memory;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// The smallest table. Two, so that a group can always be chosen by a shift.
const GROUPS_MIN: usize = 2;
/// The largest: above it the bits that choose a group would meet those of the tag.
const GROUPS_MAX: usize = if usize::BITS > 32 { 1 << 31 } else { 1 << 24 };
/// Blocks allocated together, at most.
const BLOCKS_AT_ONCE_MAX: usize = 256;

/// The mark of a next table that nobody uses yet.
const PREPARING: usize = 1;

/// An array of groups. A hash chooses its group by its highest bits, so that a group of a table is a run of groups, or
/// a part of one group, of any other.
pub(super) struct Table<C> {
    shift: u32,
    memory: Memory<C>,
    blocks: Mutex<Blocks<C>>,
    /// The table that replaces this one, once a resize has begun; marked by [`PREPARING`] until its memory is there.
    next: AtomicPtr<Self>,
    /// The first portion of the memory that no writer has undertaken to prepare.
    undertaken: AtomicUsize,
    /// Portions that are prepared.
    prepared: AtomicUsize,
    /// The first group that no writer has undertaken to move.
    pub(super) claimed: AtomicUsize,
    /// Groups moved.
    pub(super) moved: AtomicUsize,
}

impl<C: Cell> Table<C> {
    /// An empty table of `group_count` groups, a power of two as [`groups_for`] gives it.
    pub(super) fn new(group_count: usize) -> Self {
        Self::of(Memory::new(group_count))
    }

    /// A table to replace another one, which prepares it.
    pub(super) fn unprepared(group_count: usize) -> Self {
        Self::of(Memory::unprepared(group_count))
    }

    fn of(memory: Memory<C>) -> Self {
        let group_count = memory.group_count();
        debug_assert!(group_count.is_power_of_two() && group_count >= GROUPS_MIN);
        Self {
            shift: u64::BITS - group_count.trailing_zeros(),
            memory,
            blocks: Mutex::new(Blocks { arrays: Vec::new(), used: 0 }),
            next: AtomicPtr::new(std::ptr::null_mut()),
            undertaken: AtomicUsize::new(0),
            prepared: AtomicUsize::new(0),
            claimed: AtomicUsize::new(0),
            moved: AtomicUsize::new(0),
        }
    }

    /// The group of a hash.
    #[inline]
    pub(super) fn group(&self, hash: u64) -> Group<'_, C> {
        #[expect(clippy::cast_possible_truncation, reason = "the shift leaves as many bits as choose a group")]
        self.memory.group((hash >> self.shift) as usize)
    }

    /// The group by its number.
    pub(super) fn group_at(&self, index: usize) -> Group<'_, C> {
        self.memory.group(index)
    }

    /// The number of the group of a hash.
    pub(super) fn index_of(&self, hash: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "as in `group`")]
        let index = (hash >> self.shift) as usize;
        index
    }

    /// The hashes of the group of `hash`.
    pub(super) fn range_of(&self, hash: u64) -> RangeInclusive<u64> {
        let first = hash >> self.shift << self.shift;
        first..=first | ((1 << self.shift) - 1)
    }

    pub(super) fn group_count(&self) -> usize {
        self.memory.group_count()
    }

    /// Whether a resize is under way, or is being prepared.
    #[inline]
    pub(super) fn is_resizing(&self) -> bool {
        // Acquire: as in `next`.
        !self.next.load(Ordering::Acquire).is_null()
    }

    /// The table that replaces this one.
    #[inline]
    pub(super) fn next(&self) -> Option<&Self> {
        // Acquire: pairs with the exchanges in `replace_by` and `prepare_next`.
        let next = self.next.load(Ordering::Acquire);
        if next.addr() & PREPARING != 0 {
            return None;
        }
        // SAFETY: a table is freed only after its predecessor, and not while a reader of either is pinned.
        unsafe { next.as_ref() }
    }

    /// Names the table that replaces this one, if none is named yet.
    pub(super) fn replace_by(&self, next: Box<Self>) {
        let is_ready = next.memory.portions() == 0;
        let next = Box::into_raw(next);
        let marked = if is_ready { next } else { next.map_addr(|address| address | PREPARING) };
        // Release: pairs with `next`.
        let raced =
            self.next.compare_exchange(std::ptr::null_mut(), marked, Ordering::Release, Ordering::Relaxed).is_err();
        if raced {
            // SAFETY: it was never shared.
            drop(unsafe { Box::from_raw(next) });
        }
    }

    /// Prepares a portion of the next table's memory, if there is one left; whoever prepares the last lets the table be used.
    /// Whether there was one.
    ///
    /// So no operation waits for the kernel to bring more than a portion. Nobody waits for anybody: until the table can be used,
    /// all goes on in this one.
    #[cold]
    pub(super) fn prepare_next(&self) -> bool {
        // Acquire: pairs with `replace_by`.
        let marked = self.next.load(Ordering::Acquire);
        if marked.addr() & PREPARING == 0 {
            return false;
        }
        let Some(next) = self.successor() else { return false };
        let portions = next.memory.portions();
        // Relaxed, here and below: this only shares the work out.
        if next.undertaken.load(Ordering::Relaxed) >= portions {
            return false;
        }
        let portion = next.undertaken.fetch_add(1, Ordering::Relaxed);
        if portion >= portions {
            return false;
        }
        // SAFETY: the table is not used before all portions are prepared, and this one is prepared by nobody else.
        unsafe { next.memory.prepare(portion) };
        // Release and acquire: whoever counts the last portion has all others behind it.
        if next.prepared.fetch_add(1, Ordering::AcqRel) + 1 == portions {
            // Release: pairs with `next`.
            _ = self.next.compare_exchange(marked, self.next_pointer(), Ordering::Release, Ordering::Relaxed);
        }
        true
    }

    /// The next table, also one that is being prepared.
    pub(super) fn successor(&self) -> Option<&Self> {
        // SAFETY: as in `next`.
        unsafe { self.next_pointer().as_ref() }
    }

    /// The pointer behind [`successor`](Self::successor), for the one who frees it.
    pub(super) fn next_pointer(&self) -> *mut Self {
        // Acquire: pairs with `replace_by`.
        self.next.load(Ordering::Acquire).map_addr(|address| address & !PREPARING)
    }

    /// Adds a block with one entry at the end of a chain. The caller holds the lock of its group.
    pub(super) fn append(&self, tail: &AtomicPtr<Block<C>>, tag: u8, image: C::Image) {
        let block = self.blocks.lock().take();
        // SAFETY: blocks live as long as their table, and this one is in nobody else's hands yet.
        let first = unsafe { block.as_ref() };
        first.cells[0].store(image);
        // Relaxed: published by the store below.
        first.tags.store(u64::from(tag), Ordering::Relaxed);
        // Release: pairs with `Group::block_at`.
        tail.store(block.as_ptr(), Ordering::Release);
    }

    /// Bytes of the table and its blocks.
    pub(super) fn memory_usage(&self) -> usize {
        let blocks = self.blocks.lock().allocated() * size_of::<Block<C>>();
        size_of::<Self>() + self.memory.memory_usage() + blocks
    }

    /// Blocks in chains.
    pub(super) fn block_count(&self) -> usize {
        let blocks = self.blocks.lock();
        let last = blocks.arrays.last().map_or(0, |array| array.len());
        blocks.allocated() - last + blocks.used
    }
}

/// How many groups hold `entries` at the highest load, 29 of 32 slots.
pub(super) fn groups_for(entries: usize) -> usize {
    let groups = (entries as u128 * 32).div_ceil(SLOTS as u128 * 29).next_power_of_two();
    usize::try_from(groups).unwrap_or(GROUPS_MAX).clamp(GROUPS_MIN, GROUPS_MAX)
}

/// As [`groups_for`], for a number that the user has asked for.
///
/// # Panics
///
/// If no table holds so many.
pub(super) fn groups_asked_for(entries: usize) -> usize {
    assert!(entries <= entries_max(GROUPS_MAX), "no hash index holds {entries} entries");
    groups_for(entries)
}

/// How many entries `groups` hold at the highest load.
pub(super) fn entries_max(groups: usize) -> usize {
    groups * (SLOTS * 29 / 32) + groups * (SLOTS * 29 % 32) / 32
}

/// The blocks of a table's chains, allocated many at a time and freed with the table.
struct Blocks<C> {
    arrays: Vec<NonNull<[Block<C>]>>,
    /// Blocks of the last array that are in use.
    used: usize,
}

impl<C: Cell> Blocks<C> {
    /// A block that nobody uses.
    fn take(&mut self) -> NonNull<Block<C>> {
        if self.arrays.last().is_none_or(|array| array.len() == self.used) {
            let count = (self.allocated() + 1).min(BLOCKS_AT_ONCE_MAX);
            let array: Box<[Block<C>]> = (0..count).map(|_| Block::empty()).collect();
            self.arrays.push(NonNull::from(Box::leak(array)));
            self.used = 0;
        }
        let array = self.arrays.last().expect("an array was pushed when there was none");
        // SAFETY: `used` is below the length of the array.
        let block = unsafe { array.cast::<Block<C>>().add(self.used) };
        self.used += 1;
        block
    }

    fn allocated(&self) -> usize {
        self.arrays.iter().map(|array| array.len()).sum()
    }
}

impl<C> Drop for Blocks<C> {
    fn drop(&mut self) {
        for array in &self.arrays {
            // SAFETY: leaked by `take`; the table goes, and with it everybody who could reach a block.
            drop(unsafe { Box::from_raw(array.as_ptr()) });
        }
    }
}
