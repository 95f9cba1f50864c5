//! Regions: pieces of the size of a huge page, alone or in rows, from the kernel and for a while from those who gave them
//! back.
//!
//! Fresh memory is dear where the host of a virtual machine takes back what lies free: a huge page then costs milliseconds at
//! its first touch, a hundred times what it costs to write over one that is at hand. So, as the allocators of programs do,
//! this one *retains* some of what is not in use, up to a [limit](super::set_retained_memory_limit): rows of regions here, and
//! pages of regions that are in use in part (`pages.rs`).

use std::alloc::{Layout, handle_alloc_error};
use std::collections::BTreeMap;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// A region: a huge page, and what it is aligned to.
pub(super) const REGION_BYTES: usize = 2 << 20;

/// What is retained at most, unless somebody says otherwise: as much as the heap of the GNU C library may keep at its end.
const LIMIT_DEFAULT: usize = 64 << 20;

const PROTECTION: i32 = libc::PROT_READ | libc::PROT_WRITE;
const MAPPING: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

static LIMIT: AtomicUsize = AtomicUsize::new(LIMIT_DEFAULT);
/// Bytes of the rows below and of the idle pages of all slabs.
static RETAINED: AtomicUsize = AtomicUsize::new(0);
static ROWS: Mutex<Rows> = Mutex::new(Rows(BTreeMap::new()));

/// See [`retained_memory`](super::retained_memory).
pub(super) fn retained() -> usize {
    // Relaxed: a statistic.
    RETAINED.load(Ordering::Relaxed)
}

/// See [`set_retained_memory_limit`](super::set_retained_memory_limit).
pub(super) fn set_limit(bytes: usize) {
    // Relaxed: the lock orders what is done about it.
    LIMIT.store(bytes, Ordering::Relaxed);
    let mut rows = ROWS.lock();
    while room().is_none()
        && let Some((start, count)) = rows.0.pop_last()
    {
        count_out(count * REGION_BYTES);
        // SAFETY: nobody uses what is retained, and it is in no list any more.
        unsafe { unmap(start.cast(), count * REGION_BYTES) };
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
    let mut rows = ROWS.lock();
    if let Some(start) = rows.take(count) {
        count_out(count * REGION_BYTES);
        return (start, Content::Old);
    }
    let start = map(count, pages);
    // Single ones are brought together: the kernel moves their pages to other addresses.
    let moved = (0..count).take_while(|at| rows.move_one_to(start.wrapping_add(at * REGION_BYTES))).count();
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
        ROWS.lock().insert(start, kept);
    }
    if kept < count {
        // SAFETY: as the caller guarantees; these are not in the list.
        unsafe { unmap(start.wrapping_add(kept * REGION_BYTES).cast(), (count - kept) * REGION_BYTES) };
    }
}

/// Where rows of regions begin that nobody uses, and how many regions each has; none follows on another.
struct Rows(BTreeMap<*mut u8, usize>);

// SAFETY: the regions are plain memory that belongs to this list; the mutex lets one thread at a time change it.
unsafe impl Send for Rows {}

impl Rows {
    /// The first regions of the shortest row that has so many.
    fn take(&mut self, count: usize) -> Option<*mut u8> {
        let fitting = self.0.iter().filter(|(_, row)| **row >= count);
        let (start, row) = fitting.min_by_key(|(_, row)| **row).map(|(start, row)| (*start, *row))?;
        self.0.remove(&start);
        if row > count {
            self.0.insert(start.wrapping_add(count * REGION_BYTES), row - count);
        }
        Some(start)
    }

    /// Puts the pages of a region in the place of those at another address, where nobody has anything. Whether there was one.
    fn move_one_to(&mut self, address: *mut u8) -> bool {
        const FLAGS: i32 = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        let Some(region) = self.take(1) else { return false };
        let (from, to) = (region.cast(), address.cast::<libc::c_void>());
        // SAFETY: nobody uses either; each is a region and within one mapping, since mappings begin and end with regions.
        if unsafe { libc::mremap(from, REGION_BYTES, REGION_BYTES, FLAGS, to) } != libc::MAP_FAILED {
            return true;
        }
        self.insert(region, 1);
        // What was there may be gone.
        // SAFETY: nobody uses it.
        if unsafe { libc::mmap(to, REGION_BYTES, PROTECTION, MAPPING | libc::MAP_FIXED, -1, 0) } == libc::MAP_FAILED {
            handle_alloc_error(Layout::new::<[u8; REGION_BYTES]>());
        }
        false
    }

    /// Adds regions, as one row with those before and behind them.
    fn insert(&mut self, start: *mut u8, count: usize) {
        let (mut start, mut count) = (start, count);
        if let Some(behind) = self.0.remove(&start.wrapping_add(count * REGION_BYTES)) {
            count += behind;
        }
        if let Some((&before, &row)) = self.0.range(..start).next_back()
            && before.wrapping_add(row * REGION_BYTES) == start
        {
            (start, count) = (before, row + count);
        }
        self.0.insert(start, count);
    }
}

/// Maps regions.
fn map(count: usize, pages: PageSize) -> *mut u8 {
    let bytes = count.checked_mul(REGION_BYTES).expect("the regions fit the address space");
    // One more than is needed holds aligned ones somewhere; the rest is unmapped.
    let whole = bytes.checked_add(REGION_BYTES).expect("the regions fit the address space");
    // SAFETY: a new mapping of its own, at no given address.
    let start = unsafe { libc::mmap(null_mut(), whole, PROTECTION, MAPPING, -1, 0) };
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

    #[test]
    fn rows_of_regions_join_and_part() {
        let at = |region: usize| std::ptr::without_provenance_mut::<u8>((region + 1) * REGION_BYTES);
        let mut rows = Rows(BTreeMap::new());
        rows.insert(at(0), 2);
        rows.insert(at(4), 3);
        assert_eq!(rows.take(4), None);
        assert_eq!(rows.take(1), Some(at(0)), "of the shortest row");
        rows.insert(at(2), 2);
        assert_eq!(rows.0.iter().map(|(start, row)| (*start, *row)).collect::<Vec<_>>(), [(at(1), 6)]);
        rows.insert(at(0), 1);
        assert_eq!(rows.take(7), Some(at(0)));
        assert_eq!(rows.take(1), None);
    }
}
