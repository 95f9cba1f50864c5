//! Some neighbouring leaves as one list.
//!
//! ```text
//!   leaves   A: 3 entries    B: 2 entries
//!   places   A2 A0 A1        B0 B4          which leaf, which slot, a byte each, in order
//!            └ low ▸                ◂ high ┘
//! ```
//!
//! A scan that asked leaf by leaf would mispredict the end of each: their numbers of entries are as good as random. Here a leaf
//! is added without a branch, and one loop goes over the entries of all.

use std::ops::Range;

use super::meta::Meta;
use super::node::{CHILDREN_MAX, Leaf};
use super::scan::Way;
use super::store::Store;

/// Entries of as many leaves as one node has, and room to write those of a leaf as one word.
const PLACES: usize = CHILDREN_MAX * size_of::<u64>();
const SLOT_BITS: u32 = 3;
const SLOT_MASK: u8 = (1 << SLOT_BITS) - 1;

/// The entries of at most [`CHILDREN_MAX`] leaves, as they were when the leaves were added. Values are read when they are asked
/// for.
pub(super) struct Stretch<'g, S: Store> {
    leaves: [Option<&'g Leaf<S>>; CHILDREN_MAX],
    count: usize,
    /// A forward scan fills them from the first on, a backward one from the last back.
    places: [u8; PLACES],
    /// The places from `low` to `high` are still to be given; they, and those next to them that were given, are filled.
    low: usize,
    high: usize,
}

impl<S: Store> Clone for Stretch<'_, S> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'g, S: Store> Stretch<'g, S> {
    pub(super) fn new() -> Self {
        Self { leaves: [None; CHILDREN_MAX], count: 0, places: [0; PLACES], low: 0, high: 0 }
    }

    /// Forgets all leaves.
    #[inline]
    pub(super) fn clear<W: Way>(&mut self) {
        let end = if W::FORWARD { 0 } else { PLACES };
        (self.count, self.low, self.high) = (0, end, end);
    }

    /// Adds the next leaf of a scan; there are fewer than [`CHILDREN_MAX`].
    #[inline]
    pub(super) fn push<W: Way>(&mut self, leaf: &'g Leaf<S>, meta: Meta) {
        let number = self.count;
        self.leaves[number] = Some(leaf);
        self.count += 1;
        let places = meta.slot_bytes() | (number as u64 * u64::from_ne_bytes([1 << SLOT_BITS; 8]));
        // What is written beyond the entries of this leaf is written again by the next one.
        let (start, bytes) = if W::FORWARD {
            self.high += meta.len();
            (self.high - meta.len(), places.to_le_bytes())
        } else {
            self.low -= meta.len();
            let shift = u64::BITS - 8 * meta.len() as u32;
            (self.low + meta.len() - size_of::<u64>(), places.wrapping_shl(shift).to_le_bytes())
        };
        self.places[start..start + size_of::<u64>()].copy_from_slice(&bytes);
    }

    /// How many entries are still to be given.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.high - self.low
    }

    /// The places that are still to be given; of a single leaf in a forward scan, its ranks.
    #[inline]
    pub(super) fn places(&self) -> Range<usize> {
        self.low..self.high
    }

    /// Leaves out all but the `count` entries that come first, smallest key first.
    #[inline]
    pub(super) fn keep_first(&mut self, count: usize) {
        self.high = self.high.min(self.low + count);
    }

    /// Leaves out the `count` entries that come first, smallest key first.
    #[inline]
    pub(super) fn skip_first(&mut self, count: usize) {
        self.low = self.high.min(self.low + count);
    }

    /// Leaves out what is not `inside`: in the way's order, all behind some entry. Says whether there was any.
    #[inline]
    pub(super) fn cut<W: Way>(&mut self, inside: impl Fn(&Leaf<S>, usize) -> bool) -> bool {
        let (mut low, mut high) = (self.low, self.high);
        if low == high {
            return false;
        }
        // A comparison may panic: then nothing is left to be given.
        *(if W::FORWARD { &mut self.high } else { &mut self.low }) = if W::FORWARD { low } else { high };
        let inside = |place: usize| {
            // SAFETY: the place was still to be given.
            let (leaf, slot) = unsafe { self.find(place) };
            inside(leaf, slot)
        };
        // Most often all are inside. Else the end is found by halving.
        if inside(if W::FORWARD { high - 1 } else { low }) {
            (self.low, self.high) = (low, high);
            return false;
        }
        while low < high {
            let middle = low.midpoint(high);
            if inside(middle) == W::FORWARD { low = middle + 1 } else { high = middle }
        }
        *(if W::FORWARD { &mut self.high } else { &mut self.low }) = low;
        true
    }

    /// Gives the next entry.
    #[inline]
    pub(super) fn take<W: Way>(&mut self) -> Option<S::Item<'g>> {
        if self.low >= self.high {
            return None;
        }
        let place = if W::FORWARD {
            self.low += 1;
            self.low - 1
        } else {
            self.high -= 1;
            self.high
        };
        // SAFETY: the place was still to be given.
        Some(unsafe { self.item(place) })
    }

    /// The entries that are still to be given, smallest key first.
    #[inline]
    pub(super) fn items(&self) -> impl DoubleEndedIterator<Item = S::Item<'g>> {
        // SAFETY: the places are still to be given.
        self.places().map(|place| unsafe { self.item(place) })
    }

    /// Asks for the memory of the entries, where they lie outside the leaves.
    #[inline]
    pub(super) fn prefetch_entries(&self) {
        if S::ENTRY_BYTES > 0 {
            for place in self.places() {
                // SAFETY: the place is still to be given.
                let (leaf, slot) = unsafe { self.find(place) };
                S::prefetch(leaf.slot(slot));
            }
        }
    }

    /// What was given last in the way's order, or lies before all that is to be given.
    pub(super) fn last<W: Way>(&self) -> Option<(&'g Leaf<S>, usize)> {
        let place = if W::FORWARD { self.low.checked_sub(1) } else { Some(self.high).filter(|&high| high < PLACES) };
        // SAFETY: all places before the next one of the way are filled.
        place.map(|place| unsafe { self.find(place) })
    }

    /// The entry of a place.
    ///
    /// # Safety
    ///
    /// As [`find`](Self::find).
    #[inline]
    unsafe fn item(&self, place: usize) -> S::Item<'g> {
        // SAFETY: as the caller guarantees.
        let (leaf, slot) = unsafe { self.find(place) };
        // SAFETY: a snapshot named the slot when the leaf was added, under the guard of the scan.
        unsafe { leaf.item(slot) }
    }

    /// The leaf and slot of a place.
    ///
    /// # Safety
    ///
    /// The place was filled since the leaves were forgotten.
    #[inline]
    unsafe fn find(&self, place: usize) -> (&'g Leaf<S>, usize) {
        let place = self.places[place % PLACES];
        // SAFETY: a place that was filled names a leaf that was added.
        let leaf = unsafe { self.leaves[usize::from(place >> SLOT_BITS) % CHILDREN_MAX].unwrap_unchecked() };
        (leaf, usize::from(place & SLOT_MASK))
    }
}
