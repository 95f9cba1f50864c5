//! The two kinds of node and their memory.
//!
//! ```text
//! Inner   count level skip lock │ words[7]                  line 1: what a search compares
//!         children[8]                                       line 2: where it goes
//!         separators[7]                                     only where words do not tell keys apart
//!
//! Leaf    meta │ words[7]                                   line 1
//!         slots[7] │ skip                                   line 2: a value word, or a pointer to an entry
//! ```
//!
//! The words, separators and header of an inner node never change once it is published; only its child pointers do, under
//! its lock. A slot of a leaf is written once, before [`Meta`] names it; only its value may change later, under the leaf's
//! lock. Freeing a node frees neither the entries nor the separators it points to.

use std::borrow::Borrow;
use std::cmp::Ordering as KeyOrder;

use super::lock::Lock;
use super::meta::Meta;
use super::store::{Cell, Store};
use crate::guard::Guard;
use crate::key::IndexKey;
use crate::reclaim;
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// Entries of a leaf and separators of an inner node, at most.
pub(crate) const KEYS_MAX: usize = 7;
/// Children of an inner node, at most: the order of the tree.
pub(crate) const CHILDREN_MAX: usize = KEYS_MAX + 1;
/// Levels of inner nodes, at most. A node is split when it is full and leaves two halves of four, so that 24 levels need
/// 4^24 insertions.
pub(crate) const LEVELS_MAX: usize = 24;

/// A node of unknown kind; the level of its parent tells which.
pub(crate) struct Node(());

#[repr(C, align(64))]
pub(crate) struct Inner<S: Store> {
    /// Separators; there is one child more.
    pub(crate) count: u8,
    /// 1 above the leaves.
    pub(crate) level: u8,
    pub(crate) window: Window,
    pub(crate) lock: Lock,
    /// Words of the separators, ascending; unused ones are the largest word.
    pub(crate) words: [u64; KEYS_MAX],
    pub(crate) children: [AtomicPtr<Node>; CHILDREN_MAX],
    /// `separators[i]` is at most the smallest key below `children[i + 1]`.
    pub(crate) separators: [S::Separator; KEYS_MAX],
}

/// How many bytes the separators of an inner node share and its words leave out, and whether every key that can come to the
/// node shares them too. On the outer edges of the tree, where no ancestor fences the node in, the search must look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window(u16);

impl Window {
    const OPEN: u16 = 1 << 15;

    /// Every key that comes here shares `skip` bytes.
    pub(crate) fn fenced(skip: usize) -> Self {
        Self(Self::clamp(skip))
    }

    /// The separators share `skip` bytes, a key that comes here need not.
    pub(crate) fn open(skip: usize) -> Self {
        Self(Self::clamp(skip) | Self::OPEN)
    }

    fn clamp(skip: usize) -> u16 {
        u16::try_from(skip).map_or(Self::OPEN - 1, |skip| skip.min(Self::OPEN - 1))
    }

    #[inline]
    pub(crate) fn skip(self) -> usize {
        usize::from(self.0 & !Self::OPEN)
    }

    #[inline]
    fn must_look(self) -> bool {
        self.0 > Self::OPEN
    }
}

#[repr(C, align(64))]
pub(crate) struct Leaf<S: Store> {
    pub(crate) meta: AtomicU64,
    pub(crate) words: [AtomicU64; KEYS_MAX],
    pub(crate) slots: [S::Cell; KEYS_MAX],
    /// Bytes that all keys of the leaf share and the words leave out.
    pub(crate) skip: usize,
}

#[cfg(not(any(loom, feature = "shuttle")))]
const _: () = {
    use super::store::Words;
    assert!(size_of::<Leaf<Words<u64, u64>>>() == 128);
    assert!(size_of::<Inner<Words<u64, u64>>>() == 128);
};

/// A key on its way down: the word is computed again only where the skip changes.
pub(crate) struct Probe<'q, Q: ?Sized> {
    pub(crate) key: &'q Q,
    skip: usize,
    word: u64,
}

impl<'q, Q: IndexKey + ?Sized> Probe<'q, Q> {
    #[inline]
    pub(crate) fn new(key: &'q Q) -> Self {
        Self { key, skip: 0, word: key.word(0) }
    }

    /// The key's word after `skip` bytes.
    #[inline]
    pub(crate) fn word(&mut self, skip: usize) -> u64 {
        if !Q::EXACT && skip != self.skip {
            self.skip = skip;
            self.word = self.key.word(skip);
        }
        self.word
    }
}

/// Where a key is, or would be, in a leaf.
pub(crate) enum Place {
    /// In this slot, which is the `rank`th in order.
    Found { rank: usize, slot: usize },
    /// Nowhere; it would be the `rank`th in order.
    Absent { rank: usize },
}

impl Place {
    pub(crate) fn rank(&self) -> usize {
        match self {
            Self::Found { rank, .. } | Self::Absent { rank } => *rank,
        }
    }
}

impl<S: Store> Inner<S> {
    /// The child that may hold the key.
    #[inline]
    pub(crate) fn child_index<Q>(&self, probe: &mut Probe<'_, Q>) -> usize
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let count = usize::from(self.count);
        if S::Key::EXACT {
            let word = probe.word(0);
            return self.words.iter().map(|&other| usize::from(other <= word)).sum::<usize>().min(count);
        }
        let skip = self.window.skip();
        if self.window.must_look() && count > 0 {
            let first = self.separator(0).borrow();
            if probe.key.common(first) < skip {
                return if probe.key < first { 0 } else { count };
            }
        }
        let word = probe.word(skip);
        let most = self.words.iter().map(|&other| usize::from(other <= word)).sum::<usize>().min(count);
        // Those with the key's own word, if any, are the last of these.
        if self.words.get(most.wrapping_sub(1)) != Some(&word) {
            return most;
        }
        self.child_among_equals(word, probe.key, most)
    }

    /// The child that may hold a key whose word is that of separators, of which the last is before `most`: seldom so, but
    /// always where keys have no words.
    #[cold]
    fn child_among_equals<Q>(&self, word: u64, key: &Q, most: usize) -> usize
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let below = self.words[..most].partition_point(|&other| other < word);
        (below..most).find(|&index| self.separator(index).borrow() > key).unwrap_or(most)
    }

    /// The key of separator `index`. Only where words are not exact.
    #[inline]
    pub(crate) fn separator(&self, index: usize) -> &S::Key {
        // SAFETY: the separators below `count` of a node that can be reached are live; they are reclaimed only after
        // every guard under which this node could be reached.
        unsafe { S::separator_key(self.separators[index]) }
    }

    #[inline]
    pub(crate) fn child(&self, index: usize) -> *mut Node {
        // Pairs with the Release store that publishes the child.
        self.children[index].load(Ordering::Acquire)
    }

    pub(crate) fn child_count(&self) -> usize {
        usize::from(self.count) + 1
    }

    pub(crate) fn as_node(&self) -> *mut Node {
        whole(std::ptr::from_ref(self).cast())
    }
}

impl<S: Store> Leaf<S> {
    #[inline]
    pub(crate) fn snapshot(&self) -> Meta {
        // Pairs with the Release store of the writer that published the slots which the word names.
        Meta(self.meta.load(Ordering::Acquire))
    }

    #[inline]
    pub(crate) fn word(&self, slot: usize) -> u64 {
        // Ordered by the load of `meta` that named the slot.
        self.words[slot].load(Ordering::Relaxed)
    }

    /// What slot `slot`, which a snapshot named, holds now.
    #[inline]
    pub(crate) fn slot(&self, slot: usize) -> S::Slot {
        self.slots[slot].load(Ordering::Acquire)
    }

    /// The entry in `slot`.
    ///
    /// # Safety
    ///
    /// A snapshot named the slot, and the leaf was reached under a guard that outlives `'g`.
    #[inline]
    pub(crate) unsafe fn item<'g>(&self, slot: usize) -> S::Item<'g>
    where
        S: 'g,
    {
        // Where entries lie outside the leaf, they know their keys.
        let word = if S::ENTRY_BYTES == 0 { self.word(slot) } else { 0 };
        // SAFETY: as the caller guarantees.
        unsafe { S::item(word, self.slot(slot)) }
    }

    /// The key in `slot`, which a snapshot named. Only where words are not exact.
    #[inline]
    pub(crate) fn key(&self, slot: usize) -> &S::Key {
        // SAFETY: a slot that a snapshot named holds an entry that is reclaimed only after the guard under which this
        // leaf was reached.
        unsafe { S::key(self.slot(slot)) }
    }

    /// What `look` says of the key in `slot`, which a snapshot named. Where words are exact, for who asks with a borrowed form
    /// of the key whose words are not: `[u8]` has the word of `[u8; 4]`, and longer and shorter ones have it too.
    #[inline]
    pub(super) fn look_at_key<T>(&self, slot: usize, look: impl FnOnce(&S::Key) -> T) -> T {
        // SAFETY: as in `key`.
        unsafe { S::look_at_key(self.word(slot), self.slot(slot), look) }
    }

    /// Finds the key among those that `meta` names.
    #[inline]
    pub(crate) fn locate<Q>(&self, meta: Meta, probe: &mut Probe<'_, Q>) -> Place
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let word = probe.word(self.skip);
        let (mut below, mut equal) = (0_u32, 0_u32);
        for (slot, other) in self.words.iter().enumerate() {
            let other = other.load(Ordering::Relaxed);
            below |= u32::from(other < word) << slot;
            equal |= u32::from(other == word) << slot;
        }
        let rank = (below & meta.live()).count_ones() as usize;
        let equal = equal & meta.live();
        if equal == 0 {
            return Place::Absent { rank };
        }
        let slot = equal.trailing_zeros() as usize;
        let is_told_by_its_end = S::HAS_TAILS && Q::HAS_TAIL && equal.is_power_of_two();
        if S::Key::EXACT && Q::EXACT || is_told_by_its_end && self.holds(slot, probe.key) {
            return Place::Found { rank, slot };
        }
        self.locate_key(meta, probe.key, rank..rank + equal.count_ones() as usize)
    }

    /// Finds the slot of the key where its rank does not matter.
    #[inline]
    pub(crate) fn find<Q>(&self, meta: Meta, probe: &mut Probe<'_, Q>) -> Option<usize>
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let word = probe.word(self.skip);
        let equal = self
            .words
            .iter()
            .enumerate()
            .fold(0_u32, |equal, (slot, other)| equal | u32::from(other.load(Ordering::Relaxed) == word) << slot);
        let mut equal = equal & meta.live();
        while equal != 0 {
            let slot = equal.trailing_zeros() as usize;
            if S::Key::EXACT && Q::EXACT || self.holds(slot, probe.key) {
                return Some(slot);
            }
            equal &= equal - 1;
        }
        None
    }

    /// Whether the key in `slot`, which a snapshot named and whose word is that of `key`, is `key`, which came to this leaf on
    /// the way down.
    #[inline]
    fn holds<Q>(&self, slot: usize, key: &Q) -> bool
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        if S::HAS_TAILS && Q::HAS_TAIL {
            // SAFETY: as in `key`.
            let (length, tail) = unsafe { S::ending(self.slot(slot)) };
            if length != key.length() || tail != key.tail() {
                return false;
            }
            // They share what the words leave out, what the words say, and the tail: is there anything between?
            if length <= self.skip + size_of::<u64>() * 2 {
                return true;
            }
        }
        self.look_at_key(slot, |other| other.borrow() == key)
    }

    /// Finds the key among the ranks whose words equal its own.
    fn locate_key<Q>(&self, meta: Meta, key: &Q, ranks: std::ops::Range<usize>) -> Place
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let end = ranks.end;
        for rank in ranks {
            let slot = meta.slot(rank);
            match self.look_at_key(slot, |other| other.borrow().cmp(key)) {
                KeyOrder::Less => {}
                KeyOrder::Equal => return Place::Found { rank, slot },
                KeyOrder::Greater => return Place::Absent { rank },
            }
        }
        Place::Absent { rank: end }
    }

    pub(crate) fn as_node(&self) -> *mut Node {
        whole(std::ptr::from_ref(self).cast())
    }
}

/// A node, to be linked or freed. A reference to it gives no right to what does not change in it, nor to the memory around it, so
/// the pointer has the right that was exposed when the node was allocated.
fn whole(node: *const Node) -> *mut Node {
    std::ptr::with_exposed_provenance_mut(node.addr())
}

/// The inner node at `node`.
///
/// # Safety
///
/// `node` is an inner node of a tree of `S`, reached under a guard that outlives `'g`.
#[inline]
pub(crate) unsafe fn inner<'g, S: Store>(node: *mut Node) -> &'g Inner<S> {
    // SAFETY: the caller guarantees that it is one, and the guard that it is not freed. Only atomics in it change.
    unsafe { &*node.cast() }
}

/// The leaf at `node`.
///
/// # Safety
///
/// `node` is a leaf of a tree of `S`, reached under a guard that outlives `'g`.
#[inline]
pub(crate) unsafe fn leaf<'g, S: Store>(node: *mut Node) -> &'g Leaf<S> {
    // SAFETY: the caller guarantees that it is one, and the guard that it is not freed. Only atomics in it change.
    unsafe { &*node.cast() }
}

pub(super) use super::slab::is_sparse;
pub(super) use super::spare::{allocate, allocate_packed, free};

/// Frees the memory of one node when no guard can reach it any more.
///
/// # Safety
///
/// As [`free`], but for readers that are pinned now.
pub(crate) unsafe fn retire<N>(node: *mut Node, guard: &Guard) {
    // SAFETY: the caller unlinked the node; it is plain memory, which any thread may free.
    let reclaim = move || unsafe { free::<N>(node) };
    // SAFETY: the node is unreachable for new readers, and the closure owns its pointer.
    unsafe { reclaim::retire(reclaim, guard) };
}

/// Asks for the two lines of a node before they are needed.
#[inline]
pub(crate) fn prefetch(node: *mut Node) {
    prefetch_line(node.cast_const().cast());
    prefetch_line(node.wrapping_byte_add(64).cast_const().cast());
}

/// Asks for the line at `address`, which need not be valid.
#[inline]
pub(crate) fn prefetch_line(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of any address is allowed and faults never; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
