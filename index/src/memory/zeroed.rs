//! [`Zeroed`]: memory full of zeros.
//!
//! Large pieces come from the kernel itself, whose pages are zero when they are first touched. An allocator that has a freed
//! piece at hand would write all zeros at once: milliseconds for the table of a million entries, and out of one operation's
//! time.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Pieces from this size come from the kernel.
const MAPPED_MIN: usize =
    if cfg!(all(target_os = "linux", not(any(miri, crossbeam_sanitize)))) { 512 << 10 } else { usize::MAX };

/// A piece of memory that is zero at first.
pub(crate) struct Zeroed {
    /// What was asked for, with room for the alignment.
    whole: NonNull<u8>,
    whole_bytes: usize,
    start: NonNull<u8>,
}

impl Zeroed {
    /// So many bytes, at a multiple of `alignment`, which is a power of two.
    ///
    /// # Panics
    ///
    /// Panics when that is more than the address space holds.
    pub(crate) fn new(bytes: usize, alignment: usize) -> Self {
        // A start rounded up by hand: for an alignment larger than its own, an allocator would write the zeros.
        let whole_bytes = bytes.checked_add(alignment).expect("the piece fits the address space");
        let whole = if whole_bytes < MAPPED_MIN { allocate(whole_bytes) } else { mapped::take(whole_bytes) };
        let skipped = whole.align_offset(alignment);
        // SAFETY: the whole is `alignment` bytes longer than what follows the skipped ones.
        let start = unsafe { whole.add(skipped) };
        Self { whole, whole_bytes, start }
    }

    /// Where the bytes begin.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Zeroed {
    fn drop(&mut self) {
        if self.whole_bytes < MAPPED_MIN {
            // SAFETY: it came from `allocate` with this very layout.
            unsafe { dealloc(self.whole.as_ptr(), layout(self.whole_bytes)) }
        } else {
            // SAFETY: it came from `take` with this very size, and goes with us.
            unsafe { mapped::give_back(self.whole, self.whole_bytes) }
        }
    }
}

/// A piece of the program's allocator.
fn allocate(bytes: usize) -> NonNull<u8> {
    let layout = layout(bytes);
    // SAFETY: the layout is not empty, since there is room for the alignment.
    NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// The bytes with the allocator's own alignment.
fn layout(bytes: usize) -> Layout {
    Layout::array::<u128>(bytes.div_ceil(size_of::<u128>())).expect("the piece fits the address space")
}

#[cfg(target_os = "linux")]
mod mapped {
    use std::alloc::handle_alloc_error;
    use std::ptr::{NonNull, null_mut};

    /// Fresh pages.
    pub(super) fn take(bytes: usize) -> NonNull<u8> {
        const PROTECTION: i32 = libc::PROT_READ | libc::PROT_WRITE;
        const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping of its own, at no given address.
        let start = unsafe { libc::mmap(null_mut(), bytes, PROTECTION, FLAGS, -1, 0) };
        if start == libc::MAP_FAILED {
            handle_alloc_error(super::layout(bytes));
        }
        NonNull::new(start.cast()).expect("a mapping is not at address 0")
    }

    /// Gives pages to the kernel.
    ///
    /// # Safety
    ///
    /// They came from [`take`], and nobody will touch them again.
    pub(super) unsafe fn give_back(start: NonNull<u8>, bytes: usize) {
        // SAFETY: as the caller guarantees.
        unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
    }
}

#[cfg(not(target_os = "linux"))]
mod mapped {
    use std::ptr::NonNull;

    pub(super) fn take(_bytes: usize) -> NonNull<u8> {
        unreachable!("no piece is that large here")
    }

    pub(super) unsafe fn give_back(_start: NonNull<u8>, _bytes: usize) {}
}
