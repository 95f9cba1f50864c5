//! Regions: pieces of the size of a huge page, alone or in a row, from the kernel and for a while from those who gave them
//! back.
//!
//! Fresh memory is dear where the host of a virtual machine takes back what lies free: a huge page then costs milliseconds at
//! its first touch, a hundred times what it costs to write over one that is at hand. So, as the allocators of programs do,
//! this one *retains* some of what is not in use, up to a [limit](super::set_retained_memory_limit): regions here, each by itself,
//! and pages of regions that are in use in part (`pages.rs`). Who needs several in a row gets a new mapping, to which the kernel
//! moves the pages of retained ones.

use std::alloc::{Layout, handle_alloc_error};
use std::collections::BTreeSet;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// A region: a huge page, and what it is aligned to.
pub(super) const REGION_BYTES: usize = 2 << 20;

/// What is retained at most, unless somebody says otherwise: as much as the heap of the GNU C library may keep at its end.
const LIMIT_DEFAULT: usize = 64 << 20;

static LIMIT: AtomicUsize = AtomicUsize::new(LIMIT_DEFAULT);
/// Bytes of the regions below and of the idle pages of all slabs.
static RETAINED: AtomicUsize = AtomicUsize::new(0);
static FREE: Mutex<Free> = Mutex::new(Free(BTreeSet::new()));

/// See [`retained_memory`](super::retained_memory).
pub(super) fn retained() -> usize {
    // Relaxed: a statistic.
    RETAINED.load(Ordering::Relaxed)
}

/// See [`set_retained_memory_limit`](super::set_retained_memory_limit).
pub(super) fn set_limit(bytes: usize) {
    // Relaxed: the lock orders what is done about it.
    LIMIT.store(bytes, Ordering::Relaxed);
    let mut free = FREE.lock();
    while room().is_none()
        && let Some(region) = free.0.pop_last()
    {
        count_out(REGION_BYTES);
        // SAFETY: nobody uses what is retained, and it is not in the list any more.
        unsafe { unmap(region.cast(), REGION_BYTES) };
    }
}

/// How many bytes may be retained besides those that are; none if they are too many already.
pub(super) fn room() -> Option<usize> {
    // Relaxed: about as much is what is wanted.
    LIMIT.load(Ordering::Relaxed).checked_sub(retained())
}

/// Counts bytes that are retained from now on.
pub(super) fn count_in(bytes: usize) {
    // Relaxed: as in `room`.
    RETAINED.fetch_add(bytes, Ordering::Relaxed);
}

/// Counts bytes that are retained no more.
pub(super) fn count_out(bytes: usize) {
    // Relaxed: as in `room`.
    RETAINED.fetch_sub(bytes, Ordering::Relaxed);
}

/// What is in regions that somebody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Zeros; the kernel brings pages when they are touched.
    Zeros,
    /// What somebody has left there.
    Old,
}

/// Which pages the kernel is asked for, or has given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageSize {
    Small,
    Huge,
}

/// So many regions in a row that nobody uses; retained ones before fresh ones, which have the page size that is asked for.
pub(super) fn take(count: usize, pages: PageSize) -> (*mut u8, Content) {
    let mut free = FREE.lock();
    if count == 1
        && let Some(region) = free.0.pop_first()
    {
        count_out(REGION_BYTES);
        return (region, Content::Old);
    }
    let start = map(count, pages);
    let moved = (0..count).take_while(|at| free.move_one_to(start.wrapping_add(at * REGION_BYTES))).count();
    count_out(moved * REGION_BYTES);
    (start, if moved > 0 { Content::Old } else { Content::Zeros })
}

/// Takes regions back, and retains as many as there is room for; of huge pages only, because whoever gets them next counts on
/// those.
///
/// # Safety
///
/// They came from [`take`], and nobody will touch them again.
pub(super) unsafe fn give_back(start: *mut u8, count: usize, pages: PageSize) {
    let kept = match pages {
        PageSize::Huge => count.min(room().unwrap_or(0) / REGION_BYTES),
        PageSize::Small => 0,
    };
    if kept > 0 {
        count_in(kept * REGION_BYTES);
        FREE.lock().0.extend((0..kept).map(|at| start.wrapping_add(at * REGION_BYTES)));
    }
    if kept < count {
        // SAFETY: as the caller guarantees; these are not in the list.
        unsafe { unmap(start.wrapping_add(kept * REGION_BYTES).cast(), (count - kept) * REGION_BYTES) };
    }
}

/// Regions that nobody uses. Those that follow on each other may be of different mappings, so they are not one piece to a
/// pointer.
struct Free(BTreeSet<*mut u8>);

// SAFETY: the regions are plain memory that belongs to this list; the mutex lets one thread at a time change it.
unsafe impl Send for Free {}

impl Free {
    /// Puts the pages of a region in the place of those at another address, where nobody has anything. Whether there was one.
    fn move_one_to(&mut self, address: *mut u8) -> bool {
        const FLAGS: i32 = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        let Some(region) = self.0.pop_first() else { return false };
        let (from, to) = (region.cast(), address.cast::<libc::c_void>());
        // SAFETY: nobody uses either; each is a region and within one mapping, since mappings begin and end with regions.
        if unsafe { libc::mremap(from, REGION_BYTES, REGION_BYTES, FLAGS, to) } != libc::MAP_FAILED {
            return true;
        }
        // A kernel that has run out in the middle may have taken away what was at the other address, and by now somebody else may
        // be there; one that does not offer the call has done nothing.
        if std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOMEM) {
            handle_alloc_error(Layout::new::<[u8; REGION_BYTES]>());
        }
        self.0.insert(region);
        false
    }
}

/// Maps regions.
fn map(count: usize, pages: PageSize) -> *mut u8 {
    const PROTECTION: i32 = libc::PROT_READ | libc::PROT_WRITE;
    const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let bytes = count.checked_mul(REGION_BYTES).expect("the regions fit the address space");
    // One more than is needed holds aligned ones somewhere; the rest is unmapped.
    let whole = bytes.checked_add(REGION_BYTES).expect("the regions fit the address space");
    // SAFETY: a new mapping of its own, at no given address.
    let start = unsafe { libc::mmap(null_mut(), whole, PROTECTION, FLAGS, -1, 0) };
    if start == libc::MAP_FAILED {
        handle_alloc_error(Layout::array::<u8>(bytes).unwrap_or(Layout::new::<[u8; REGION_BYTES]>()));
    }
    let before = start.addr().next_multiple_of(REGION_BYTES) - start.addr();
    let first = start.wrapping_byte_add(before);
    if before > 0 {
        // SAFETY: the part of the new mapping before the regions, which nobody uses.
        unsafe { unmap(start, before) };
    }
    // SAFETY: the part behind them, which is not empty.
    unsafe { unmap(first.wrapping_byte_add(bytes), REGION_BYTES - before) };
    if pages == PageSize::Huge {
        // A kernel that knows no huge pages says no, which does no harm.
        // SAFETY: the regions are mapped and ours.
        unsafe { libc::madvise(first, bytes, libc::MADV_HUGEPAGE) };
    }
    first.cast()
}

/// Gives pages to the kernel, with their addresses.
///
/// # Safety
///
/// They came from [`map`], and nobody will touch them again.
unsafe fn unmap(start: *mut libc::c_void, bytes: usize) {
    // SAFETY: as the caller guarantees.
    unsafe { libc::munmap(start, bytes) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pattern that tells each page of each region.
    fn word(region: usize, page: usize) -> u64 {
        (region << 32 | page) as u64 + 1
    }

    #[test]
    fn regions_in_a_row_are_ours_from_end_to_end_whichever_were_free() {
        const WORDS: usize = REGION_BYTES / size_of::<u64>();
        let singles: Vec<*mut u8> = (0..5).map(|_| take(1, PageSize::Huge).0).collect();
        // SAFETY: each is given back once.
        singles.iter().for_each(|&region| unsafe { give_back(region, 1, PageSize::Huge) });
        let (row, _) = take(7, PageSize::Huge);
        assert_eq!(row.addr() % REGION_BYTES, 0);
        let single = take(1, PageSize::Huge).0;
        assert!(single < row || single >= row.wrapping_add(7 * REGION_BYTES), "nobody else has a part of it");
        // SAFETY: seven regions are ours.
        let words = unsafe { std::slice::from_raw_parts_mut(row.cast::<u64>(), 7 * WORDS) };
        for region in 0..7 {
            (0..WORDS).step_by(512).for_each(|at| words[region * WORDS + at] = word(region, at));
        }
        for region in 0..7 {
            assert!((0..WORDS).step_by(512).all(|at| words[region * WORDS + at] == word(region, at)));
        }
        // SAFETY: each is given back once.
        unsafe { give_back(single, 1, PageSize::Huge) };
        // SAFETY: as above.
        unsafe { give_back(row, 7, PageSize::Huge) };
    }
}
