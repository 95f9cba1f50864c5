//! What readers hold of a chain: where it begins, [`ChainPlace`], and a place in it, [`Link`].

use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::node::Head;
use crate::guard::Guard;
use crate::memory::prefetch;
use crate::sync::{AtomicPtr, Ordering};

/// Asks the processor for a node: for its first two lines, which are all of a row of some dozen bytes wherever it lies.
#[inline]
pub(super) fn prefetch_node(node: *const u8) {
    prefetch(node);
    prefetch(node.wrapping_add(64));
}

/// Where a chain begins. Who reads many of them asks the processor for all places, then for all heads, and then reads: so
/// their misses overlap.
pub struct ChainPlace<'a, H: Copy> {
    pub(super) slot: &'a AtomicPtr<Head<H>>,
}

impl<'a, H: Copy> ChainPlace<'a, H> {
    /// Asks the processor for the place, for a [`prefetch_head`](Self::prefetch_head) some loads later.
    #[inline]
    pub fn prefetch(self) {
        prefetch(ptr::from_ref(self.slot));
    }

    /// Asks the processor for the newest node, for a [`head`](Self::head) some loads later.
    #[inline]
    pub fn prefetch_head(self) {
        // Relaxed: a prefetch reads nothing, so there is nothing to be in order with.
        prefetch_node(self.slot.load(Ordering::Relaxed).cast());
    }

    /// The newest value, or `None` if there is none.
    #[inline]
    pub fn head<'g>(self, guard: &'g Guard) -> Option<Link<'g, H>>
    where
        'a: 'g,
    {
        let _ = guard;
        // Pairs with the release store of `push` and `unlink`: the node is seen initialised.
        Link::new(self.slot.load(Ordering::Acquire))
    }
}

impl<H: Copy> Clone for ChainPlace<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: Copy> Copy for ChainPlace<'_, H> {}

impl<H: Copy> fmt::Debug for ChainPlace<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChainPlace").field(&ptr::from_ref(self.slot)).finish()
    }
}

/// A place in a chain: a node and the way to the older ones.
pub struct Link<'g, H: Copy> {
    pub(super) node: NonNull<Head<H>>,
    guard: PhantomData<&'g Guard>,
}

impl<'g, H: Copy> Link<'g, H> {
    /// The caller holds a guard for `'g` and loaded the pointer under it.
    #[inline]
    pub(super) fn new(node: *mut Head<H>) -> Option<Self> {
        NonNull::new(node).map(|node| Self { node, guard: PhantomData })
    }

    #[inline]
    pub(super) fn head(self) -> &'g Head<H> {
        // SAFETY: invariant 3 of the array: a node that was reachable under a guard lives as long as the guard.
        unsafe { self.node.as_ref() }
    }

    /// The header.
    #[inline]
    pub fn header(self) -> H {
        self.head().header()
    }

    /// The bytes.
    #[inline]
    pub fn bytes(self) -> &'g [u8] {
        // SAFETY: as for the head; a node that was pushed does not change.
        unsafe { Head::bytes(self.node) }
    }

    /// Asks the processor for the second line of the node. Where its bytes reach over two lines and the place of what is read is
    /// known from the first, the two misses come together, not one after the other.
    #[inline]
    pub fn prefetch_second_line(self) {
        prefetch(self.node.as_ptr().cast::<u8>().wrapping_add(64));
    }

    /// The next older node.
    #[inline]
    pub fn next(self) -> Option<Self> {
        // Pairs with the release stores of `push` and `unlink`.
        Self::new(self.head().next.load(Ordering::Acquire))
    }
}

impl<H: Copy> Clone for Link<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: Copy> Copy for Link<'_, H> {}

impl<H: Copy + fmt::Debug> fmt::Debug for Link<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("header", &self.header()).field("len", &self.bytes().len()).finish()
    }
}
