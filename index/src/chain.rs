//! [`ChainArray`]: dense ids, each with a chain of nodes, newest first.
//!
//! The engine keeps the versions of a row in one: the row id is the place in the array, so finding a row is two
//! dependent loads and no hashing. A node is a small header with bytes behind it: [`ChainNode`]. Readers walk a chain under
//! a [`Guard`], with one acquire load a step; writers take the array's one [`ChainWriter`], push at the head and unlink
//! anywhere.
//!
//! ```text
//! segments ─▶ [ 1024 slots ]                   slot ─▶ newest ─▶ older ─▶ oldest ─▶ ∅
//!          ─▶ [ 2048 slots ]
//!          ─▶ [ 4096 slots ]  …                segment k has 1024 · 2^k slots and never moves
//! ```
//!
//! # Invariants
//!
//! 1. A slot and a `next` pointer are written by the holder of the writer lock alone.
//! 2. A node is initialised before the release store that makes it reachable; readers load with acquire.
//! 3. A node is unlinked by one store and freed when no guard that was live then is left. Its own `next` stays as it
//!    was, so a reader that stands on it goes on along nodes that its guard protects.

mod anchors;
mod link;
mod node;

#[cfg(all(test, loom))]
mod model;

#[cfg(not(any(loom, feature = "shuttle")))]
use std::alloc::alloc_zeroed;
use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::ptr::{self, NonNull};

use parking_lot::{Mutex, MutexGuard};

use crate::guard::Guard;
use crate::memory::prefetch;
use crate::sync::{AtomicPtr, AtomicU64, Ordering};
use anchors::Anchors;
use link::prefetch_node;
use node::Head;

pub use link::{ChainPlace, Link};
pub use node::ChainNode;

/// The first segment's slots, as a power of two.
const FIRST_SEGMENT_LOG2: u32 = if cfg!(loom) { 1 } else { 10 };
/// Enough segments for 2^44 ids, more than memory holds; for 2^28 where an address has 32 bits.
const SEGMENT_COUNT: usize = if usize::BITS > 32 { 34 } else { 18 };
/// One more than the greatest id.
pub const CHAIN_ID_LIMIT: u64 = (1 << (FIRST_SEGMENT_LOG2 + SEGMENT_COUNT as u32)) - (1 << FIRST_SEGMENT_LOG2);

/// An array of chains: for each id the nodes put there, newest first.
///
/// ```
/// use manicule_index::{ChainArray, ChainNode, pin};
///
/// let versions = ChainArray::<u64>::new();
/// let version = |timestamp, text: &str| ChainNode::new(timestamp, text.len(), |bytes| bytes.copy_from_slice(text.as_bytes()));
/// versions.writer().push(7, version(1, "old"));
/// versions.writer().push(7, version(2, "new"));
///
/// let guard = pin();
/// let newest = versions.head(7, &guard).unwrap();
/// assert_eq!((newest.header(), newest.bytes()), (2, &b"new"[..]));
/// assert_eq!(newest.next().unwrap().bytes(), b"old");
/// // Whoever reads at 2 or later needs no more than the newest.
/// let left = versions.writer().prune(7, &guard, |newer, _older| newer > 2, |_| ());
/// assert_eq!((left, versions.head(7, &guard).unwrap().next().is_none()), (1, true));
/// ```
///
/// A node does not outlive the guard that it was read under:
///
/// ```compile_fail,E0505
/// # use manicule_index::{ChainArray, pin};
/// # let versions = ChainArray::<u64>::new();
/// let guard = pin();
/// let newest = versions.head(7, &guard);
/// drop(guard);
/// assert!(newest.is_none());
/// ```
pub struct ChainArray<H: Copy> {
    /// Segment `k` is null, or a boxed slice of `1024 << k` slots.
    segments: [AtomicPtr<AtomicPtr<Head<H>>>; SEGMENT_COUNT],
    anchors: Anchors,
    /// One more than the greatest id that ever had a value.
    limit: AtomicU64,
    writer: Mutex<()>,
}

// SAFETY: the array owns its nodes, and moving it moves them between threads.
unsafe impl<H: Copy + Send> Send for ChainArray<H> {}
// SAFETY: shared access reads nodes and, through the writer, takes and frees them on another thread.
unsafe impl<H: Copy + Send + Sync> Sync for ChainArray<H> {}

/// Segment and place in it of an id.
#[inline]
fn locate(id: u64) -> (usize, usize) {
    let shifted = id + (1 << FIRST_SEGMENT_LOG2);
    let segment = 63 - shifted.leading_zeros();
    ((segment - FIRST_SEGMENT_LOG2) as usize, (shifted - (1 << segment)) as usize)
}

/// How many slots a segment has.
fn segment_len(segment: usize) -> usize {
    1 << (FIRST_SEGMENT_LOG2 as usize + segment)
}

impl<H: Copy> ChainArray<H> {
    /// An empty array. It takes memory as ids come into use.
    pub fn new() -> Self {
        Self {
            segments: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            anchors: Anchors::new(),
            limit: AtomicU64::new(0),
            writer: Mutex::new(()),
        }
    }

    /// One more than the greatest id that ever had a value.
    pub fn limit(&self) -> u64 {
        // Pairs with the release store in `ChainWriter::push`: who sees the limit sees the slots below it.
        self.limit.load(Ordering::Acquire)
    }

    /// The newest value of `id`, or `None` if it has none. Constant time, two dependent loads.
    #[inline]
    pub fn head<'g>(&'g self, id: u64, guard: &'g Guard) -> Option<Link<'g, H>> {
        self.place(id)?.head(guard)
    }

    /// Asks the processor for the lines where the newest node of `id` lies, if ids got their nodes in order and the nodes are of
    /// one size; for a [`head`](Self::head) right after it, whose two misses then come together. Constant time, no miss.
    #[inline]
    pub fn prefetch_probable_head(&self, id: u64) {
        if id < CHAIN_ID_LIMIT
            && let Some(node) = self.anchors.probable(locate(id))
        {
            prefetch_node(node);
        }
    }

    /// Where the chain of `id` begins; `None` if no chain was ever near. Constant time, one load.
    #[inline]
    pub fn place(&self, id: u64) -> Option<ChainPlace<'_, H>> {
        self.slot(id).map(|slot| ChainPlace { slot })
    }

    /// All chains that are not empty, in order of id.
    pub fn iter<'g>(&'g self, guard: &'g Guard) -> ChainIter<'g, H> {
        ChainIter { array: self, guard, next: 0, limit: self.limit(), segment: &[] }
    }

    /// The slots of the segment from `id` on; none where the segment was never needed.
    fn slots_from(&self, id: u64) -> &[AtomicPtr<Head<H>>] {
        let (segment, place) = locate(id);
        // Pairs with the release store in `slot_or_allocate`: the slots are seen zeroed.
        let slots = self.segments[segment].load(Ordering::Acquire);
        if slots.is_null() {
            return &[];
        }
        // SAFETY: a segment that is not null has that many slots, which are initialised and live as long as the array.
        let slots = unsafe { std::slice::from_raw_parts(slots, segment_len(segment)) };
        &slots[place..]
    }

    /// The right to change chains; waits for another writer, never for readers.
    pub fn writer(&self) -> ChainWriter<'_, H> {
        ChainWriter { array: self, _lock: self.writer.lock() }
    }

    /// Bytes of the slots and the anchors. What the nodes take, who pushes them knows: [`ChainNode::memory_usage_of`].
    pub fn memory_usage(&self) -> usize {
        let slots: usize = (0..SEGMENT_COUNT)
            // Relaxed: only whether it is null matters.
            .filter(|segment| !self.segments[*segment].load(Ordering::Relaxed).is_null())
            .map(segment_len)
            .sum();
        slots * size_of::<AtomicPtr<Head<H>>>() + self.anchors.memory_usage()
    }

    #[inline]
    fn slot(&self, id: u64) -> Option<&AtomicPtr<Head<H>>> {
        if id >= CHAIN_ID_LIMIT {
            return None;
        }
        let (segment, place) = locate(id);
        // Pairs with the release store in `slot_or_allocate`: the slots are seen zeroed.
        let slots = self.segments[segment].load(Ordering::Acquire);
        if slots.is_null() {
            return None;
        }
        // SAFETY: `locate` gives a place below the segment's length, and a segment lives as long as the array.
        let slot = unsafe { slots.add(place) };
        // SAFETY: the slot is initialised and only ever accessed as an atomic while the array is shared.
        Some(unsafe { &*slot })
    }

    /// Only the holder of the writer lock calls this.
    fn slot_or_allocate(&self, id: u64) -> &AtomicPtr<Head<H>> {
        assert!(id < CHAIN_ID_LIMIT, "a row id is below {CHAIN_ID_LIMIT}");
        self.try_allocate(locate(id).0).unwrap_or_else(|layout| handle_alloc_error(layout));
        self.slot(id).expect("the segment has just been allocated")
    }

    /// Makes a segment, unless it is there; what it takes if there is no memory. Only the holder of the writer lock calls this.
    fn try_allocate(&self, segment: usize) -> Result<(), Layout> {
        // Relaxed: written under the lock that the caller holds.
        if self.segments[segment].load(Ordering::Relaxed).is_null() {
            let slots = zeroed_slots(segment_len(segment))?;
            // Pairs with the acquire load in `slot`.
            self.segments[segment].store(slots, Ordering::Release);
        }
        Ok(())
    }
}

/// Slots that are all null, or what they take if there is no memory for them. Asks the allocator for zeroed memory, so that
/// pages are only taken when they are used.
fn zeroed_slots<H>(len: usize) -> Result<*mut AtomicPtr<Head<H>>, Layout> {
    #[cfg(not(any(loom, feature = "shuttle")))]
    {
        let layout = Layout::array::<AtomicPtr<Head<H>>>(len).expect("a segment fits the address space");
        // SAFETY: a segment is not empty, and neither is a pointer.
        let slots = unsafe { alloc_zeroed(layout) }.cast::<AtomicPtr<Head<H>>>();
        if slots.is_null() {
            return Err(layout);
        }
        // SAFETY: so many slots were just allocated, and an `AtomicPtr` of all zero bytes is a null pointer.
        crate::memory::prefer_huge_pages(unsafe { std::slice::from_raw_parts(slots, len) });
        Ok(slots)
    }
    #[cfg(any(loom, feature = "shuttle"))]
    {
        let slots: Box<[AtomicPtr<Head<H>>]> = (0..len).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Ok(Box::into_raw(slots).cast())
    }
}

impl<H: Copy> Default for ChainArray<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Copy> fmt::Debug for ChainArray<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainArray").field("limit", &self.limit()).finish_non_exhaustive()
    }
}

impl<H: Copy> Drop for ChainArray<H> {
    fn drop(&mut self) {
        for (index, segment) in self.segments.iter().enumerate() {
            // Relaxed: `&mut self` has happened after every other access.
            let slots = segment.load(Ordering::Relaxed);
            if slots.is_null() {
                continue;
            }
            let slots = ptr::slice_from_raw_parts_mut(slots, segment_len(index));
            // SAFETY: it came from `zeroed_slots` of this length, and nobody else has it any more.
            let slots = unsafe { Box::from_raw(slots) };
            slots.iter().for_each(|slot| drop_chain(slot.load(Ordering::Relaxed)));
        }
    }
}

/// Frees a chain that nobody can reach any more, without recursion.
fn drop_chain<H: Copy>(mut node: *mut Head<H>) {
    while let Some(head) = NonNull::new(node) {
        // SAFETY: the node is alive. Relaxed: nobody else is left.
        node = unsafe { head.as_ref() }.next.load(Ordering::Relaxed);
        // SAFETY: each node came from `into_raw` in `push`, is in one chain only, and is unreachable by now.
        drop(unsafe { ChainNode::from_raw(head) });
    }
}

/// The chains of an array that are not empty, in order of id.
#[derive(Debug)]
pub struct ChainIter<'g, H: Copy> {
    array: &'g ChainArray<H>,
    guard: &'g Guard,
    next: u64,
    limit: u64,
    /// The slots from `next` to the end of its segment; empty at the end of one.
    segment: &'g [AtomicPtr<Head<H>>],
}

impl<'g, H: Copy> Iterator for ChainIter<'g, H> {
    type Item = (u64, Link<'g, H>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        /// How many nodes ahead the processor is asked for.
        const AHEAD: usize = 8;
        while self.next < self.limit {
            let Some((slot, rest)) = self.segment.split_first() else {
                self.segment = self.array.slots_from(self.next);
                if self.segment.is_empty() {
                    // A segment without slots has no chains.
                    self.next += segment_len(locate(self.next).0) as u64 - locate(self.next).1 as u64;
                }
                continue;
            };
            if let Some(ahead) = rest.get(AHEAD) {
                // Relaxed: a prefetch reads nothing.
                prefetch(ahead.load(Ordering::Relaxed));
            }
            let id = self.next;
            (self.segment, self.next) = (rest, id + 1);
            let _ = self.guard;
            // Pairs with the release store of `push` and `unlink`: the node is seen initialised.
            if let Some(link) = Link::new(slot.load(Ordering::Acquire)) {
                return Some((id, link));
            }
        }
        None
    }
}

/// The right to change the chains of an array.
#[derive(Debug)]
pub struct ChainWriter<'a, H: Copy> {
    array: &'a ChainArray<H>,
    _lock: MutexGuard<'a, ()>,
}

impl<'a, H: Copy + Send + Sync + 'static> ChainWriter<'a, H> {
    /// Takes the memory that a [`push`](Self::push) to `id` needs, but for its node. Whether there is so much, and `id` is below
    /// [`CHAIN_ID_LIMIT`].
    pub fn try_reserve(&mut self, id: u64) -> bool {
        id < CHAIN_ID_LIMIT && self.array.try_allocate(locate(id).0).is_ok()
    }

    /// Makes `node` the newest of `id`. Ids are to be dense: there are slots for all of the segment that an id lies in, which
    /// is as long as all before it, and without memory for them the process aborts, as with a `Vec`.
    ///
    /// # Panics
    ///
    /// If `id` is not below [`CHAIN_ID_LIMIT`].
    pub fn push(&mut self, id: u64, node: ChainNode<H>) {
        let slot = self.array.slot_or_allocate(id);
        // Relaxed: the slot was written by this thread, or by one before it in the order of the lock that is held.
        let newest = slot.load(Ordering::Relaxed);
        self.array.anchors.note(locate(id), newest.is_null(), || node.cell());
        let node = node.into_raw();
        // SAFETY: the node is alive and nobody else knows it yet. Relaxed, for that reason.
        unsafe { node.as_ref() }.next.store(newest, Ordering::Relaxed);
        // Pairs with the acquire load in `head`.
        slot.store(node.as_ptr(), Ordering::Release);
        if id >= self.array.limit.load(Ordering::Relaxed) {
            // Pairs with the acquire load in `limit`.
            self.array.limit.store(id + 1, Ordering::Release);
        }
    }

    /// Unlinks each older node of `id` for which `is_needed(newer, older)` is false; `newer` is the header of the node
    /// before it that stays. `unlinked` is told of each, and may keep it as long as the guard. The newest node always stays.
    /// Gives how many are left.
    pub fn prune<'g>(
        &mut self,
        id: u64,
        guard: &'g Guard,
        mut is_needed: impl FnMut(H, H) -> bool,
        mut unlinked: impl FnMut(Link<'g, H>),
    ) -> usize
    where
        'a: 'g,
    {
        let Some(mut newer) = self.array.head(id, guard) else { return 0 };
        let mut left = 1;
        while let Some(link) = newer.next() {
            if is_needed(newer.header(), link.header()) {
                newer = link;
                left += 1;
            } else {
                // Relaxed: read under the lock. Release pairs with the acquire load in `next`: the node after was
                // published by its own push, and release keeps that order for who reads it through this store.
                let after = link.head().next.load(Ordering::Relaxed);
                newer.head().next.store(after, Ordering::Release);
                unlinked(link);
                Self::reclaim(link, guard);
            }
        }
        left
    }

    /// Takes away all nodes of `id`; `unlinked` is told of each, and may keep it as long as the guard.
    pub fn clear<'g>(&mut self, id: u64, guard: &'g Guard, mut unlinked: impl FnMut(Link<'g, H>))
    where
        'a: 'g,
    {
        let Some(slot) = self.array.slot(id) else { return };
        let mut link = self.array.head(id, guard);
        // Release for symmetry with `push`; a reader that sees null reads nothing through it.
        slot.store(ptr::null_mut(), Ordering::Release);
        while let Some(removed) = link {
            link = removed.next();
            unlinked(removed);
            Self::reclaim(removed, guard);
        }
    }

    /// Frees an unlinked node when the guards of now are gone.
    fn reclaim(link: Link<'_, H>, guard: &Guard) {
        let node = Unlinked(link.node);
        // SAFETY: the node is unlinked, once only, because the writer lock is held; `H` is `Send + 'static`.
        unsafe { guard.defer(move || node.free()) };
    }
}

/// A node that nobody can reach any more but those who are pinned.
struct Unlinked<H: Copy>(NonNull<Head<H>>);

impl<H: Copy> Unlinked<H> {
    fn free(self) {
        // SAFETY: it came from `into_raw` in `push` and is freed here alone; no guard reaches it by now.
        drop(unsafe { ChainNode::from_raw(self.0) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::pin;

    fn node(value: u64) -> ChainNode<u64> {
        ChainNode::new(value, value as usize % 40, |bytes| bytes.fill(value as u8))
    }

    /// The values of an id; every byte that a reader meets is its node's.
    fn values(array: &ChainArray<u64>, id: u64) -> Vec<u64> {
        let guard = pin();
        let mut link = array.head(id, &guard);
        let mut values = Vec::new();
        while let Some(current) = link {
            let value = current.header();
            assert_eq!(current.bytes(), node(value).bytes());
            values.push(value);
            link = current.next();
        }
        values
    }

    #[test]
    fn ids_are_spread_over_segments_without_a_gap() {
        assert_eq!(locate(0), (0, 0));
        assert_eq!(locate(1023), (0, 1023));
        assert_eq!(locate(1024), (1, 0));
        assert_eq!(locate(3071), (1, 2047));
        assert_eq!(locate(3072), (2, 0));
        assert_eq!(locate(CHAIN_ID_LIMIT - 1).0, SEGMENT_COUNT - 1);
    }

    #[test]
    fn newest_comes_first_and_pruning_keeps_the_rest_linked() {
        let array = ChainArray::new();
        for value in 0..6 {
            array.writer().push(5000, node(value));
        }
        assert_eq!(values(&array, 5000), [5, 4, 3, 2, 1, 0]);
        let mut gone = Vec::new();
        let left = array.writer().prune(5000, &pin(), |_, value| value % 2 == 0, |link| gone.push(link.header()));
        assert_eq!((left, values(&array, 5000), gone), (4, vec![5, 4, 2, 0], vec![3, 1]));
        array.writer().clear(5000, &pin(), |_| ());
        assert_eq!(values(&array, 5000), []);
        assert_eq!((array.limit(), values(&array, u64::MAX)), (5001, vec![]));
    }

    #[test]
    fn a_node_is_a_header_and_bytes_that_are_its_own() {
        let mut first = node(39);
        let second = first.clone();
        first.set_header(7);
        assert_eq!((first.header(), second.header()), (7, 39));
        assert_eq!(first.bytes(), [39; 39]);
        assert_eq!(first.bytes().as_ptr() as usize % 8, 0);
        assert_eq!(ChainNode::new((), 0, |bytes| assert!(bytes.is_empty())).bytes(), []);
        let filled = std::panic::catch_unwind(|| ChainNode::new(1_u8, 9, |_| panic!("while filling")));
        assert!(filled.is_err());
    }

    #[test]
    fn readers_meet_whole_nodes_while_a_writer_pushes_and_prunes() {
        let array = ChainArray::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for value in 0..20_000_u64 {
                    let guard = pin();
                    array.writer().push(value % 7, node(value));
                    array.writer().prune(value % 7, &guard, |_, _| false, |_| ());
                }
            });
            scope.spawn(|| (0..20_000_u64).for_each(|id| drop(values(&array, id % 7))));
        });
        let left: Vec<_> = (0..7).flat_map(|id| values(&array, id)).collect();
        assert_eq!(left.len(), 7);
    }
}
