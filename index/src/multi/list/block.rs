//! [`Block`]: the vector of a short posting list, and of a part of a long one.
//!
//! It is what a `Vec` is, but its memory is a cell of a slab. Short lists are read one here and one there: among many keys each
//! is a miss, and in the program's heap, which has small pages, it would miss the TLB too. The length fills the room that a
//! `Vec` spends on counts of 64 bits, so a list in a directory stays as large as its two values inline.

use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::mem::needs_drop;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::slice;

use crate::memory::cells::Cells;

static BLOCKS: Cells = Cells::new();

/// Bytes of memory that the posting lists of up to a kilobyte of all multi indexes in this process hold, with the room between
/// them. On Linux it does not come from the program's allocator. O(1).
#[must_use]
pub fn list_memory() -> usize {
    BLOCKS.held()
}

/// How many values are searched one by one, and lie in one block: as many as 8 KiB hold, whose search takes some 300 ns. Of values
/// that own memory fewer, since to compare one may be a miss.
pub(super) const fn values_max<V>() -> usize {
    const SMALL_MAX: usize = 1024;
    const LARGE_MAX: usize = 128;
    match size_of::<V>() {
        _ if needs_drop::<V>() => LARGE_MAX,
        0..=8 => SMALL_MAX,
        bytes if bytes < 64 => 8 * SMALL_MAX / bytes,
        _ => LARGE_MAX,
    }
}

/// Values in a cell of their own; none while there are no values.
///
/// **Invariant:** the first `len` of `capacity` values are initialised. Unless the capacity or the size of a value is zero,
/// `values` is from `BLOCKS`, for the layout of `capacity` values.
pub(super) struct Block<V> {
    values: NonNull<V>,
    len: u32,
    capacity: u32,
    owned: PhantomData<V>,
}

// SAFETY: a block owns its values; moving it moves them between threads.
unsafe impl<V: Send> Send for Block<V> {}
// SAFETY: shared access only reads the values.
unsafe impl<V: Sync> Sync for Block<V> {}

impl<V> Block<V> {
    /// A block without values and memory.
    pub(super) const fn new() -> Self {
        Self { values: NonNull::dangling(), len: 0, capacity: 0, owned: PhantomData }
    }

    /// A block with room for so many values at least.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let mut block = Self::new();
        block.resize(capacity);
        block
    }

    /// Bytes of memory that it holds.
    pub(super) fn heap_bytes(&self) -> usize {
        match layout::<V>(self.capacity as usize) {
            layout if layout.size() == 0 => 0,
            layout => Cells::taken(layout),
        }
    }

    fn place(&self, at: u32) -> *mut V {
        self.values.as_ptr().wrapping_add(at as usize)
    }

    /// Whether the next value needs more memory.
    pub(super) fn is_full(&self) -> bool {
        self.len == self.capacity
    }

    /// Makes room for so many more values.
    pub(super) fn reserve(&mut self, additional: usize) {
        let wanted = self.len() + additional;
        if wanted > self.capacity as usize {
            self.resize(wanted);
        }
    }

    /// Adds a value. Amortized O(1).
    pub(super) fn push(&mut self, value: V) {
        if self.is_full() {
            // Of large blocks less is left empty; to move one costs little for each value that comes.
            let more = if self.len() < 64 { self.len() / 2 } else { self.len() / 4 };
            self.resize(self.len() + 1 + more);
        }
        // SAFETY: there is room for `len` values and one more, and what lies there is not initialised.
        unsafe { self.place(self.len).write(value) };
        self.len += 1;
    }

    /// Where the value is, or one of its occurrences.
    pub(super) fn position(&self, value: &V) -> Option<usize>
    where
        V: Eq,
    {
        /// Compared without a branch for each, which the compiler makes instructions for several at once where it can.
        const TOGETHER: usize = 16;
        let is_in = |values: &[V]| values.iter().fold(false, |found, other| found | (other == value));
        let first = self.chunks(TOGETHER).position(is_in)? * TOGETHER;
        self[first..].iter().position(|other| other == value).map(|at| first + at)
    }

    /// Takes the last value away.
    pub(super) fn pop(&mut self) -> Option<V> {
        let last = self.len.checked_sub(1)?;
        self.len = last;
        // SAFETY: it was initialised, and from now on it is no value of the block.
        Some(unsafe { self.place(last).read() })
    }

    /// Takes a value away; the last one goes to its place.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    pub(super) fn swap_remove(&mut self, at: usize) -> V {
        let last = self.len().saturating_sub(1);
        self.swap(at, last);
        self.pop().expect("a place below the length is swapped, so there is a value")
    }

    /// Gives memory back once three quarters of it are empty.
    pub(super) fn shrink(&mut self) {
        if self.len() * 4 <= self.capacity as usize {
            self.resize(self.len() * 2);
        }
    }

    /// Moves the values to memory for so many of them at least, or as many as fit what cells there are.
    fn resize(&mut self, capacity: usize) {
        debug_assert!(capacity >= self.len());
        // A cell may have room for more.
        let capacity = match layout::<V>(capacity) {
            wanted if wanted.size() > 0 => Cells::taken(wanted) / size_of::<V>(),
            _ if size_of::<V>() == 0 => u32::MAX as usize,
            _ => 0,
        };
        let new_layout = layout::<V>(capacity);
        let capacity = u32::try_from(capacity).expect("a block has at most four billion values");
        if capacity == self.capacity {
            return;
        }
        let values = match new_layout.size() {
            0 => NonNull::dangling(),
            // SAFETY: the size is not zero.
            _ => unsafe { BLOCKS.allocate(new_layout) }.cast(),
        };
        // SAFETY: both have room for `len` values, and new memory overlaps no other.
        unsafe { ptr::copy_nonoverlapping(self.values.as_ptr(), values.as_ptr(), self.len()) };
        let (old, old_layout) = (self.values, layout::<V>(self.capacity as usize));
        (self.values, self.capacity) = (values, capacity);
        if old_layout.size() > 0 {
            // SAFETY: the memory is from `BLOCKS` for that layout, and its values have moved.
            unsafe { BLOCKS.free(old.cast(), old_layout) };
        }
    }

    /// Moves all values of another block behind its own.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.reserve(other.len());
        // SAFETY: there is room for so many more; they are initialised, and no longer the other block's from the next line on.
        unsafe { ptr::copy_nonoverlapping(other.values.as_ptr(), self.place(self.len), other.len()) };
        self.len += std::mem::take(&mut other.len);
    }

    /// The values as a `Vec`.
    pub(super) fn into_vec(mut self) -> Vec<V> {
        let mut values = Vec::with_capacity(self.len());
        // SAFETY: the vector has room for `len` values; they are initialised, and no longer the block's two lines below, before
        // anything can panic.
        unsafe { ptr::copy_nonoverlapping(self.values.as_ptr(), values.as_mut_ptr(), self.len()) };
        // SAFETY: so many were just copied.
        unsafe { values.set_len(self.len()) };
        self.len = 0;
        values
    }
}

/// What so many values take.
fn layout<V>(count: usize) -> Layout {
    let count = if size_of::<V>() == 0 { 0 } else { count };
    Layout::array::<V>(count).expect("a block fits the address space")
}

impl<V> Deref for Block<V> {
    type Target = [V];

    #[inline]
    fn deref(&self) -> &[V] {
        // SAFETY: the first `len` values are initialised, and the block is borrowed.
        unsafe { slice::from_raw_parts(self.values.as_ptr(), self.len as usize) }
    }
}

impl<V> DerefMut for Block<V> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [V] {
        // SAFETY: the first `len` values are initialised, and the block is borrowed for this alone.
        unsafe { slice::from_raw_parts_mut(self.values.as_ptr(), self.len as usize) }
    }
}

impl<V> Drop for Block<V> {
    fn drop(&mut self) {
        /// Frees the memory even if the drop of a value panics.
        struct Memory<V>(NonNull<V>, Layout);
        impl<V> Drop for Memory<V> {
            fn drop(&mut self) {
                if self.1.size() > 0 {
                    // SAFETY: it is from `BLOCKS` for that layout, and its values are dropped.
                    unsafe { BLOCKS.free(self.0.cast(), self.1) };
                }
            }
        }
        let _memory = Memory(self.values, layout::<V>(self.capacity as usize));
        // SAFETY: the values are initialised, and nobody sees the block any more.
        unsafe { ptr::drop_in_place(&raw mut **self) };
    }
}

impl<V> Default for Block<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// A copy with room for some more: lists are copied because they are about to be written, and the first write to an
/// exact copy would move it.
impl<V: Clone> Clone for Block<V> {
    fn clone(&self) -> Self {
        let mut copy = Self::with_capacity(self.len() + 1 + self.len() / 8);
        self.iter().for_each(|value| copy.push(value.clone()));
        copy
    }
}

impl<V> FromIterator<V> for Block<V> {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        let values = values.into_iter();
        let mut block = Self::with_capacity(values.size_hint().0);
        values.for_each(|value| block.push(value));
        block
    }
}

impl<V: fmt::Debug> fmt::Debug for Block<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn values_of_any_size_and_alignment_come_back() {
        #[repr(align(64))]
        #[derive(Clone, Debug, PartialEq)]
        struct Aligned(u8);

        fn check<V: Clone + fmt::Debug + PartialEq>(value: impl Fn(u8) -> V) {
            let mut block: Block<V> = (0..5).map(&value).collect();
            (5..40).for_each(|n| block.push(value(n)));
            assert_eq!(block.as_ptr().addr() % align_of::<V>(), 0);
            assert_eq!(block.swap_remove(0), value(0));
            assert_eq!((block.pop(), block.len()), (Some(value(38)), 38));
            let copy = block.clone();
            while block.len() > 3 {
                block.pop();
                block.shrink();
            }
            assert_eq!(*block, [value(39), value(1), value(2)]);
            assert_eq!(copy.into_vec()[37], value(37));
        }
        check(|_| ());
        check(|n| n);
        check(u64::from);
        check(Aligned);
        check(|n| n.to_string());
        check(|n| [n; 500]);
    }

    #[test]
    fn each_value_is_dropped_once() {
        let value = Rc::new(());
        let mut block: Block<Rc<()>> = (0..20).map(|_| Rc::clone(&value)).collect();
        let mut copy = block.clone();
        drop(block.swap_remove(3));
        assert_eq!(Rc::strong_count(&value), 1 + 19 + 20);
        block.append(&mut copy);
        assert_eq!((block.len(), copy.len(), Rc::strong_count(&value)), (39, 0, 1 + 39));
        let values = block.clone().into_vec();
        drop(block);
        assert_eq!(Rc::strong_count(&value), 1 + values.len());
        drop(values);
        assert_eq!(Rc::strong_count(&value), 1);
    }
}
