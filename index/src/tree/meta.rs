//! The word that publishes a leaf.
//!
//! ```text
//! bit 63          36  35     34     33  31  30  28  27     21  20                    0
//!    │   version    │ FROZEN│ LOCKED│ used │  len  │   live    │ slot of rank 6 … rank 0 │
//! ```
//!
//! One load of it is a snapshot of the leaf: which slots hold entries, and in which order. `live` says the first a second
//! time, as a mask for the search. Slots are claimed in ascending order and never again: `used` of them were. Every change
//! raises the version, so that a compare-exchange proves that nothing happened since the load. A leaf gives way to a copy
//! before its versions begin anew: who slept meanwhile would take it for what it was.

use super::node::KEYS_MAX;

const RANK_BITS: u32 = 3;
const RANK_MASK: u64 = (1 << RANK_BITS) - 1;
const LIVE_SHIFT: u32 = RANK_BITS * KEYS_MAX as u32;
const LIVE_MASK: u64 = (1 << KEYS_MAX) - 1;
const LEN_SHIFT: u32 = LIVE_SHIFT + KEYS_MAX as u32;
const USED_SHIFT: u32 = LEN_SHIFT + RANK_BITS;
const LOCKED: u64 = 1 << (USED_SHIFT + RANK_BITS);
const FROZEN: u64 = LOCKED << 1;
const VERSION: u64 = FROZEN << 1;
/// From this version on the leaf is worn. One step raises the version by no more than the number of its entries.
const WORN: u64 = VERSION.wrapping_neg() - VERSION * 15;
const ORDER_MASK: u64 = (1 << LIVE_SHIFT) - 1;
/// Rank `i` in slot `i`.
const SORTED: u64 = 0o6543210;

/// A snapshot of a leaf.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta(pub(crate) u64);

impl Meta {
    /// `len` entries in the first slots, in order.
    pub(crate) fn sorted(len: usize) -> Self {
        let len = len as u64;
        let order = SORTED & ((1 << (u64::from(RANK_BITS) * len)) - 1);
        Self(order | ((1 << len) - 1) << LIVE_SHIFT | len << LEN_SHIFT | len << USED_SHIFT)
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        (self.0 >> LEN_SHIFT & RANK_MASK) as usize
    }

    /// Slots that were ever claimed.
    #[inline]
    pub(crate) fn used(self) -> usize {
        (self.0 >> USED_SHIFT & RANK_MASK) as usize
    }

    /// The slots that hold entries, as a mask.
    #[inline]
    pub(crate) fn live(self) -> u32 {
        (self.0 >> LIVE_SHIFT & LIVE_MASK) as u32
    }

    /// The slot of the `rank`th entry in order.
    #[inline]
    pub(crate) fn slot(self, rank: usize) -> usize {
        // The mask is there for the optimizer: it proves the slot to be in bounds but for the value 7, which no
        // published word holds.
        (self.0 >> (RANK_BITS as usize * rank) & RANK_MASK) as usize
    }

    /// The slots in order, a byte each, the first in the lowest; 0 behind the last.
    #[inline]
    pub(crate) fn slot_bytes(self) -> u64 {
        // Four and three slots, then two each, then one each are moved apart.
        let order = self.order();
        let fours = order & 0o7777 | (order >> 12) << 32;
        let pairs = fours & 0x003f_0000_003f | (fours & 0x0fc0_0000_0fc0) << 10;
        pairs & 0x0007_0007_0007_0007 | (pairs & 0x0038_0038_0038_0038) << 5
    }

    /// The slots in order, three bits each.
    #[inline]
    pub(crate) fn order(self) -> u64 {
        self.0 & ORDER_MASK
    }

    /// Whether the slots were filled in ascending order of keys.
    pub(crate) fn is_sorted(self) -> bool {
        self.order() == Self::sorted(self.len()).order()
    }

    /// Whether the slots were filled in descending order of keys.
    pub(crate) fn is_reversed(self) -> bool {
        (0..self.len()).all(|rank| self.slot(rank) == self.len() - 1 - rank)
    }

    /// Whether this is one of the versions after which the surroundings are looked at.
    pub(crate) fn is_due(self) -> bool {
        (self.0 / VERSION).is_multiple_of(2)
    }

    /// Whether the leaf is to be replaced before it is changed: few versions are left.
    pub(crate) fn is_worn(self) -> bool {
        self.0 >= WORN
    }

    pub(crate) fn is_locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    pub(crate) fn is_frozen(self) -> bool {
        self.0 & FROZEN != 0
    }

    #[must_use]
    pub(crate) fn locked(self) -> Self {
        Self(self.0 | LOCKED)
    }

    #[must_use]
    pub(crate) fn frozen(self) -> Self {
        Self(self.0 | FROZEN)
    }

    /// The same entries, one version later.
    #[must_use]
    pub(crate) fn touched(self) -> Self {
        Self(self.0.wrapping_add(VERSION))
    }

    /// The next unused slot becomes the `rank`th entry.
    #[must_use]
    pub(crate) fn inserted(self, rank: usize) -> Self {
        let slot = self.used() as u64;
        let shift = RANK_BITS * rank as u32;
        let order = self.order();
        let before = order & ((1 << shift) - 1);
        let after = (order >> shift) << (shift + RANK_BITS);
        let rest = self.0 & !ORDER_MASK | 1 << (u64::from(LIVE_SHIFT) + slot);
        Self((rest | before | slot << shift | after) + (1 << LEN_SHIFT) + (1 << USED_SHIFT)).touched()
    }

    /// The `rank`th entry is gone; its slot stays claimed.
    #[must_use]
    pub(crate) fn removed(self, rank: usize) -> Self {
        let shift = RANK_BITS * rank as u32;
        let order = self.order();
        let before = order & ((1 << shift) - 1);
        let after = (order >> (shift + RANK_BITS)) << shift;
        let rest = self.0 & !ORDER_MASK & !(1 << (LIVE_SHIFT as usize + self.slot(rank)));
        Self((rest | before | after) - (1 << LEN_SHIFT)).touched()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(meta: Meta) -> Vec<usize> {
        (0..meta.len()).map(|rank| meta.slot(rank)).collect()
    }

    #[test]
    fn ranks_follow_insertions_and_removals() {
        let meta = Meta::sorted(2).inserted(0).inserted(3).inserted(1);
        assert_eq!(slots(meta), [2, 4, 0, 1, 3]);
        assert_eq!((meta.len(), meta.used(), meta.live()), (5, 5, 0b11111));
        let meta = meta.removed(2).removed(0);
        assert_eq!(slots(meta), [4, 1, 3]);
        assert_eq!((meta.len(), meta.used(), meta.live()), (3, 5, 0b11010));
        assert_eq!(meta.slot_bytes().to_le_bytes(), [4, 1, 3, 0, 0, 0, 0, 0]);
        assert_eq!(Meta::sorted(7).slot_bytes().to_le_bytes(), [0, 1, 2, 3, 4, 5, 6, 0]);
        assert!(!meta.is_sorted() && Meta::sorted(7).is_sorted());
        assert_eq!(slots(Meta::sorted(7)), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(slots(Meta::sorted(6).inserted(0)), [6, 0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn flags_and_versions_leave_the_entries_alone() {
        let meta = Meta::sorted(7);
        assert!(meta.locked().is_locked() && !meta.locked().is_frozen());
        assert!(meta.frozen().is_frozen() && !meta.frozen().is_locked());
        assert!(meta.touched() != meta && slots(meta.touched()) == slots(meta));
        assert_eq!(slots(Meta(meta.0 | !(VERSION - 1)).touched()), slots(meta));
    }
}
