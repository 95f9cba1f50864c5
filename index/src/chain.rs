//! [`ChainArray`]: dense ids, each with a chain of values, newest first.
//!
//! The engine keeps the versions of a row in one: the row id is the place in the array, so finding a row is two
//! dependent loads and no hashing. Readers walk a chain under a [`Guard`], with one acquire load a step; writers take
//! the array's one [`ChainWriter`], push at the head and unlink anywhere.
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

use std::fmt;
use std::ptr;

use parking_lot::{Mutex, MutexGuard};

use crate::guard::Guard;
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// The first segment's slots, as a power of two.
const FIRST_SEGMENT_LOG2: u32 = 10;
/// Enough segments for 2^44 ids, more than memory holds.
const SEGMENT_COUNT: usize = 34;
/// One more than the greatest id.
pub const CHAIN_ID_LIMIT: u64 = (1 << (FIRST_SEGMENT_LOG2 + SEGMENT_COUNT as u32)) - (1 << FIRST_SEGMENT_LOG2);

/// A value of a chain.
struct Node<T> {
    value: T,
    next: AtomicPtr<Node<T>>,
}

/// An array of chains: for each id the values put there, newest first.
pub struct ChainArray<T> {
    /// Segment `k` is null, or a boxed slice of `1024 << k` slots.
    segments: [AtomicPtr<AtomicPtr<Node<T>>>; SEGMENT_COUNT],
    /// One more than the greatest id that ever had a value.
    limit: AtomicU64,
    writer: Mutex<()>,
}

// SAFETY: the array owns its values, and moving it moves them between threads.
unsafe impl<T: Send> Send for ChainArray<T> {}
// SAFETY: shared access hands out `&T` and, through the writer, drops `T` on another thread.
unsafe impl<T: Send + Sync> Sync for ChainArray<T> {}

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

impl<T> ChainArray<T> {
    /// An empty array. It takes memory as ids come into use.
    pub fn new() -> Self {
        Self {
            segments: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
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
    pub fn head<'g>(&'g self, id: u64, guard: &'g Guard) -> Option<Link<'g, T>> {
        let _ = guard;
        let slot = self.slot(id)?;
        // Pairs with the release store of `push` and `unlink`: the node is seen initialised.
        Link::new(slot.load(Ordering::Acquire))
    }

    /// All chains that are not empty, in order of id.
    pub fn iter<'g>(&'g self, guard: &'g Guard) -> impl Iterator<Item = (u64, Link<'g, T>)> + 'g {
        (0..self.limit()).filter_map(move |id| Some((id, self.head(id, guard)?)))
    }

    /// The right to change chains; waits for another writer, never for readers.
    pub fn writer(&self) -> ChainWriter<'_, T> {
        ChainWriter { array: self, _lock: self.writer.lock() }
    }

    /// Bytes of the slots and nodes; not what the values own elsewhere. `nodes` is how many values there are.
    pub fn memory_usage(&self, nodes: usize) -> usize {
        let slots: usize = (0..SEGMENT_COUNT)
            // Relaxed: only whether it is null matters.
            .filter(|segment| !self.segments[*segment].load(Ordering::Relaxed).is_null())
            .map(segment_len)
            .sum();
        slots * size_of::<AtomicPtr<Node<T>>>() + nodes * size_of::<Node<T>>()
    }

    #[inline]
    fn slot(&self, id: u64) -> Option<&AtomicPtr<Node<T>>> {
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
    fn slot_or_allocate(&self, id: u64) -> &AtomicPtr<Node<T>> {
        assert!(id < CHAIN_ID_LIMIT, "a row id is below 2^44");
        let (segment, _) = locate(id);
        // Relaxed: written under the lock that the caller holds.
        if self.segments[segment].load(Ordering::Relaxed).is_null() {
            let slots = zeroed_slots(segment_len(segment));
            // Pairs with the acquire load in `slot`.
            self.segments[segment].store(slots, Ordering::Release);
        }
        self.slot(id).expect("the segment has just been allocated")
    }
}

/// Slots that are all null. Asks the allocator for zeroed memory, so that pages are only taken when they are used.
fn zeroed_slots<T>(len: usize) -> *mut AtomicPtr<Node<T>> {
    #[cfg(not(any(loom, feature = "shuttle")))]
    {
        let slots = Box::<[AtomicPtr<Node<T>>]>::new_zeroed_slice(len);
        // SAFETY: an `AtomicPtr` of all zero bytes is a null pointer.
        let slots = unsafe { slots.assume_init() };
        Box::into_raw(slots).cast()
    }
    #[cfg(any(loom, feature = "shuttle"))]
    {
        let slots: Box<[AtomicPtr<Node<T>>]> = (0..len).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Box::into_raw(slots).cast()
    }
}

impl<T> Default for ChainArray<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for ChainArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainArray").field("limit", &self.limit()).finish_non_exhaustive()
    }
}

impl<T> Drop for ChainArray<T> {
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
fn drop_chain<T>(mut node: *mut Node<T>) {
    while !node.is_null() {
        // SAFETY: each node came from `Box::into_raw` in `push`, is in one chain only, and is unreachable by now.
        let owned = unsafe { Box::from_raw(node) };
        // Relaxed: nobody else is left.
        node = owned.next.load(Ordering::Relaxed);
    }
}

/// A place in a chain: a value and the way to the older ones.
pub struct Link<'g, T> {
    node: &'g Node<T>,
}

impl<'g, T> Link<'g, T> {
    /// The caller holds a guard for `'g` and loaded the pointer under it.
    #[inline]
    fn new(node: *mut Node<T>) -> Option<Self> {
        // SAFETY: invariant 3: a node that was reachable under a guard lives as long as the guard.
        unsafe { node.as_ref() }.map(|node| Self { node })
    }

    /// The value.
    #[inline]
    pub fn value(self) -> &'g T {
        &self.node.value
    }

    /// The next older value.
    #[inline]
    pub fn next(self) -> Option<Self> {
        // Pairs with the release stores of `push` and `unlink`.
        Self::new(self.node.next.load(Ordering::Acquire))
    }
}

impl<T> Clone for Link<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Link<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for Link<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.value.fmt(f)
    }
}

/// The right to change the chains of an array.
#[derive(Debug)]
pub struct ChainWriter<'a, T> {
    array: &'a ChainArray<T>,
    _lock: MutexGuard<'a, ()>,
}

impl<T: Send + Sync + 'static> ChainWriter<'_, T> {
    /// Makes `value` the newest of `id`.
    ///
    /// # Panics
    ///
    /// If `id` is not below [`CHAIN_ID_LIMIT`].
    pub fn push(&mut self, id: u64, value: T) {
        let slot = self.array.slot_or_allocate(id);
        // Relaxed: the lock is held, so this thread or one before it in the lock's order wrote it.
        let next = AtomicPtr::new(slot.load(Ordering::Relaxed));
        let node = Box::into_raw(Box::new(Node { value, next }));
        // Pairs with the acquire load in `head`.
        slot.store(node, Ordering::Release);
        if id >= self.array.limit.load(Ordering::Relaxed) {
            // Pairs with the acquire load in `limit`.
            self.array.limit.store(id + 1, Ordering::Release);
        }
    }

    /// Unlinks each older value of `id` for which `is_needed(newer, value)` is false; `newer` is the value before it
    /// that stays. `unlinked` is told of each. The newest value always stays. Gives how many values are left.
    pub fn prune(
        &mut self,
        id: u64,
        guard: &Guard,
        mut is_needed: impl FnMut(&T, &T) -> bool,
        mut unlinked: impl FnMut(&T),
    ) -> usize {
        let Some(mut newer) = self.array.head(id, guard) else { return 0 };
        let mut left = 1;
        while let Some(link) = newer.next() {
            if is_needed(newer.value(), link.value()) {
                newer = link;
                left += 1;
            } else {
                // Relaxed: read under the lock. Release pairs with the acquire load in `next`: the node after was
                // published by its own push, and release keeps that order for who reads it through this store.
                let after = link.node.next.load(Ordering::Relaxed);
                newer.node.next.store(after, Ordering::Release);
                unlinked(link.value());
                Self::reclaim(link, guard);
            }
        }
        left
    }

    /// Takes away all values of `id`; `unlinked` is told of each.
    pub fn clear(&mut self, id: u64, guard: &Guard, mut unlinked: impl FnMut(&T)) {
        let Some(slot) = self.array.slot(id) else { return };
        let mut link = self.array.head(id, guard);
        // Release for symmetry with `push`; a reader that sees null reads nothing through it.
        slot.store(ptr::null_mut(), Ordering::Release);
        while let Some(removed) = link {
            link = removed.next();
            unlinked(removed.value());
            Self::reclaim(removed, guard);
        }
    }

    /// Frees an unlinked node when the guards of now are gone.
    fn reclaim(link: Link<'_, T>, guard: &Guard) {
        let node = Unlinked(ptr::from_ref(link.node).cast_mut());
        // SAFETY: the node is unlinked, once only, because the writer lock is held; `T` is `Send + 'static`.
        unsafe { guard.defer(move || node.free()) };
    }
}

/// A node that nobody can reach any more but those who are pinned.
struct Unlinked<T>(*mut Node<T>);

impl<T> Unlinked<T> {
    fn free(self) {
        // SAFETY: it came from `Box::into_raw` in `push` and is freed here alone; no guard reaches it by now.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::pin;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    fn values(array: &ChainArray<u64>, id: u64) -> Vec<u64> {
        let guard = pin();
        let mut link = array.head(id, &guard);
        let mut values = Vec::new();
        while let Some(current) = link {
            values.push(*current.value());
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
            array.writer().push(5000, value);
        }
        assert_eq!(values(&array, 5000), [5, 4, 3, 2, 1, 0]);
        let mut gone = Vec::new();
        let left = array.writer().prune(5000, &pin(), |_, value| value % 2 == 0, |value| gone.push(*value));
        assert_eq!((left, values(&array, 5000), gone), (4, vec![5, 4, 2, 0], vec![3, 1]));
        array.writer().clear(5000, &pin(), |_| ());
        assert_eq!(values(&array, 5000), []);
        assert_eq!((array.limit(), values(&array, u64::MAX)), (5001, vec![]));
    }

    /// Counts its drops.
    struct Counted(Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Every value that a reader meets is alive.
    fn check_chain(array: &ChainArray<Counted>, id: u64, drops: &Arc<AtomicUsize>) {
        let guard = pin();
        let mut link = array.head(id, &guard);
        while let Some(current) = link {
            assert!(Arc::ptr_eq(&current.value().0, drops));
            link = current.next();
        }
    }

    #[test]
    fn every_value_is_dropped_once_even_under_readers() {
        let drops = Arc::new(AtomicUsize::new(0));
        let array = ChainArray::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for id in 0..20_000_u64 {
                    let guard = pin();
                    array.writer().push(id % 7, Counted(Arc::clone(&drops)));
                    array.writer().prune(id % 7, &guard, |_, _| false, |_| ());
                }
            });
            scope.spawn(|| (0..20_000_u64).for_each(|id| check_chain(&array, id % 7, &drops)));
        });
        drop(array);
        while drops.load(std::sync::atomic::Ordering::Relaxed) < 20_000 {
            pin().flush();
        }
        assert_eq!(drops.load(std::sync::atomic::Ordering::Relaxed), 20_000);
    }
}
