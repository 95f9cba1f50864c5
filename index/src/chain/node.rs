//! [`ChainNode`]: a header and bytes behind it in one allocation, the element of a chain.
//!
//! A row is one miss away from its slot instead of two: the place that says which snapshots see it is on the same cache
//! line as its first columns.
//!
//! ```text
//! [next: 8][len: 4][header: H][bytes: len]        aligned to eight; so are the bytes
//! ```

use std::alloc::Layout;
use std::fmt;
use std::ptr::{self, NonNull};

use crate::memory::cells::{CELL_ALIGN, CellPlace, Cells};
use crate::sync::AtomicPtr;

static NODES: Cells = Cells::new();

/// What lies before the bytes of a node.
#[repr(C, align(8))]
pub(super) struct Head<H> {
    pub(super) next: AtomicPtr<Head<H>>,
    len: u32,
    header: H,
}

impl<H: Copy> Head<H> {
    /// What a node with `len` bytes takes, head included.
    ///
    /// # Panics
    ///
    /// If that is more than the address space holds, where an address has 32 bits.
    fn layout(len: u32) -> Layout {
        const { assert!(align_of::<Self>() <= CELL_ALIGN) };
        let size = size_of::<Self>().checked_add(len as usize);
        let layout = size.and_then(|size| Layout::from_size_align(size, CELL_ALIGN).ok());
        layout.expect("the node fits the address space")
    }

    #[inline]
    pub(super) fn header(&self) -> H {
        self.header
    }

    /// The bytes behind a head.
    ///
    /// # Safety
    ///
    /// `head` is the head of a node as [`ChainNode::new`] makes it, which is alive and not changed for `'n`.
    #[inline]
    pub(super) unsafe fn bytes<'n>(head: NonNull<Self>) -> &'n [u8] {
        // SAFETY: the node is alive, says the caller.
        let len = unsafe { (*head.as_ptr()).len } as usize;
        // SAFETY: the node's allocation goes on for `len` bytes behind its head.
        let bytes = unsafe { head.as_ptr().add(1) }.cast::<u8>();
        // SAFETY: they were zeroed when the node was made, and nobody changes them for `'n`, says the caller.
        unsafe { std::slice::from_raw_parts(bytes, len) }
    }
}

/// A header and bytes in one allocation; what a [`ChainArray`](super::ChainArray) is made of.
///
/// It belongs to whoever has it until it is pushed; from then on it is shared and never changes.
pub struct ChainNode<H: Copy> {
    /// From `NODES` for the layout of its length; nobody else has it.
    head: NonNull<Head<H>>,
}

// SAFETY: a node owns its header and bytes; moving it moves them between threads.
unsafe impl<H: Copy + Send> Send for ChainNode<H> {}
// SAFETY: shared access only reads the header and the bytes.
unsafe impl<H: Copy + Sync> Sync for ChainNode<H> {}

impl<H: Copy> ChainNode<H> {
    /// A node with `len` bytes, which `fill` gets zeroed and writes.
    ///
    /// # Panics
    ///
    /// If `len` is more than `u32::MAX`.
    pub fn new(header: H, len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let len = u32::try_from(len).expect("a node has at most 4 GiB");
        // SAFETY: a node has a head, so the size is not zero.
        let head = unsafe { NODES.allocate(Head::<H>::layout(len)) }.cast::<Head<H>>();
        // SAFETY: the memory is the head's by size and alignment, and nobody else knows it.
        unsafe { head.write(Head { next: AtomicPtr::new(ptr::null_mut()), len, header }) };
        // SAFETY: the memory goes on for `len` bytes behind the head.
        let bytes = unsafe { head.add(1) }.cast::<u8>();
        // SAFETY: as above; nobody else knows it.
        unsafe { bytes.write_bytes(0, len as usize) };
        // From here on a panic in `fill` drops the node.
        let mut node = Self { head };
        fill(node.bytes_mut());
        node
    }

    /// The header.
    #[inline]
    pub fn header(&self) -> H {
        // SAFETY: the node is alive and its own.
        unsafe { self.head.as_ref() }.header
    }

    /// Changes the header of a node that is not yet pushed.
    pub fn set_header(&mut self, header: H) {
        // SAFETY: the node is alive, and `&mut self` makes it exclusive.
        unsafe { self.head.as_mut() }.header = header;
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the node is alive and unchanged while `self` is borrowed.
        unsafe { Head::bytes(self.head) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.bytes().len();
        // SAFETY: the node's allocation goes on for `len` bytes behind its head.
        let bytes = unsafe { self.head.as_ptr().add(1) }.cast::<u8>();
        // SAFETY: they are initialised, and `&mut self` makes them exclusive.
        unsafe { std::slice::from_raw_parts_mut(bytes, len) }
    }

    /// Bytes of memory that a node with `len` bytes takes; `usize::MAX` where [`new`](Self::new) would panic.
    pub fn memory_usage_of(len: usize) -> usize {
        u32::try_from(len).map_or(usize::MAX, |len| Cells::taken(Head::<H>::layout(len)))
    }

    /// Where the node lies, if it is in a cell.
    pub(super) fn cell(&self) -> Option<CellPlace> {
        // SAFETY: the head is alive.
        let len = unsafe { self.head.as_ref() }.len;
        Cells::place(self.head.cast(), Head::<H>::layout(len))
    }

    /// Gives the node away, to be freed by [`from_raw`](Self::from_raw).
    pub(super) fn into_raw(self) -> NonNull<Head<H>> {
        let head = self.head;
        std::mem::forget(self);
        head
    }

    /// Takes a node back.
    ///
    /// # Safety
    ///
    /// `head` came from [`into_raw`](Self::into_raw), is taken back once, and nobody reaches it any more.
    pub(super) unsafe fn from_raw(head: NonNull<Head<H>>) -> Self {
        Self { head }
    }
}

impl<H: Copy> Clone for ChainNode<H> {
    fn clone(&self) -> Self {
        let bytes = self.bytes();
        Self::new(self.header(), bytes.len(), |copy| copy.copy_from_slice(bytes))
    }
}

impl<H: Copy> Drop for ChainNode<H> {
    fn drop(&mut self) {
        // SAFETY: the head is alive.
        let layout = Head::<H>::layout(unsafe { self.head.as_ref() }.len);
        // SAFETY: the head is initialised and dropped here alone. (It has something to drop only in a model of memory.)
        unsafe { self.head.drop_in_place() };
        // SAFETY: it came from `NODES` for that layout, and nobody else has it.
        unsafe { NODES.free(self.head.cast(), layout) };
    }
}

impl<H: Copy + fmt::Debug> fmt::Debug for ChainNode<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainNode").field("header", &self.header()).field("len", &self.bytes().len()).finish()
    }
}
