//! Pages for the slab.
//!
//! On Linux they are cut from regions of the size of a huge page, and the kernel is asked for one: a tree is read one node
//! here and one there, and without huge pages nearly every node would miss the TLB as well as the cache, which costs a
//! third of all lookups in a tree of a million entries. The first region takes small pages, so that a small index stays
//! small. A page without nodes goes back to the kernel, but for a few that are kept; its address stays ours.
//!
//! Elsewhere, and under Miri, pages come from the program's allocator.

pub(super) use source::{give_back, held, take};

/// The size of a page and what it is aligned to.
pub(super) const PAGE_BYTES: usize = 1 << 12;

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod source {
    use std::alloc::{Layout, handle_alloc_error};
    use std::ptr::null_mut;

    use parking_lot::Mutex;

    use super::PAGE_BYTES;

    /// A region: a huge page, and what it is aligned to.
    const REGION_BYTES: usize = 2 << 20;
    /// Pages without nodes that are kept at least, and as a part of all that are held.
    const IDLE_MIN: usize = 16;
    const IDLE_PART: usize = 64;

    static PAGES: Mutex<Pages> = Mutex::new(Pages {
        idle: Vec::new(),
        returned: Vec::new(),
        fresh: null_mut(),
        fresh_count: 0,
        held: 0,
        is_first: true,
    });

    struct Pages {
        /// Pages without nodes.
        idle: Vec<*mut u8>,
        /// Pages whose memory the kernel has back.
        returned: Vec<*mut u8>,
        /// Where the untouched rest of the last region begins, and its pages.
        fresh: *mut u8,
        fresh_count: usize,
        /// Pages with nodes, and idle ones.
        held: usize,
        is_first: bool,
    }

    // SAFETY: the pages are plain memory that belongs to this list; the mutex lets one thread at a time change it.
    unsafe impl Send for Pages {}

    /// A page that nobody uses.
    pub(in super::super) fn take() -> *mut u8 {
        let mut pages = PAGES.lock();
        if let Some(page) = pages.idle.pop() {
            return page;
        }
        pages.held += 1;
        if let Some(page) = pages.returned.pop() {
            return page;
        }
        if pages.fresh_count == 0 {
            pages.fresh = map(!pages.is_first);
            pages.fresh_count = REGION_BYTES / PAGE_BYTES;
            pages.is_first = false;
        }
        pages.fresh_count -= 1;
        let next = pages.fresh.wrapping_add(PAGE_BYTES);
        std::mem::replace(&mut pages.fresh, next)
    }

    /// Takes a page back.
    ///
    /// # Safety
    ///
    /// The page came from [`take`], and nobody will touch it again.
    pub(in super::super) unsafe fn give_back(page: *mut u8) {
        let mut pages = PAGES.lock();
        pages.idle.push(page);
        // Two for one, so that what is kept shrinks with what is held.
        for _ in 0..2 {
            if pages.idle.len() > IDLE_MIN.max(pages.held / IDLE_PART) {
                pages.return_one();
            }
        }
    }

    impl Pages {
        /// Gives the memory of an idle page to the kernel.
        fn return_one(&mut self) {
            let Some(page) = self.idle.pop() else { return };
            // SAFETY: the page is ours, mapped, private, and holds nothing.
            let result = unsafe { libc::madvise(page.cast(), PAGE_BYTES, libc::MADV_DONTNEED) };
            if result == 0 {
                self.held -= 1;
                self.returned.push(page);
            } else {
                self.idle.push(page);
            }
        }
    }

    /// Bytes of all pages that hold nodes or are kept.
    pub(in super::super) fn held() -> usize {
        PAGES.lock().held * PAGE_BYTES
    }

    /// Maps a region.
    fn map(huge: bool) -> *mut u8 {
        const PROTECTION: i32 = libc::PROT_READ | libc::PROT_WRITE;
        const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // Twice as much as is needed holds an aligned region somewhere; the rest is unmapped.
        // SAFETY: a new mapping of its own, at no given address.
        let start = unsafe { libc::mmap(null_mut(), 2 * REGION_BYTES, PROTECTION, FLAGS, -1, 0) };
        if start == libc::MAP_FAILED {
            handle_alloc_error(Layout::new::<[u8; REGION_BYTES]>());
        }
        let before = start.addr().next_multiple_of(REGION_BYTES) - start.addr();
        let region = start.wrapping_byte_add(before);
        let after = REGION_BYTES - before;
        if before > 0 {
            // SAFETY: the part of the new mapping before the region, which nobody uses.
            unsafe { libc::munmap(start, before) };
        }
        if after > 0 {
            // SAFETY: the part behind it.
            unsafe { libc::munmap(region.wrapping_byte_add(REGION_BYTES), after) };
        }
        if huge {
            // A kernel that knows no huge pages says no, which does no harm.
            // SAFETY: the region is mapped and ours.
            unsafe { libc::madvise(region, REGION_BYTES, libc::MADV_HUGEPAGE) };
        }
        region.cast()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn pages_are_apart_writable_and_come_back() {
            let taken: Vec<_> = (0..1500).map(|_| take()).collect();
            let mut sorted = taken.clone();
            sorted.sort();
            assert!(sorted.windows(2).all(|pair| pair[1].addr() - pair[0].addr() >= PAGE_BYTES));
            for &page in &taken {
                assert_eq!(page.addr() % PAGE_BYTES, 0);
                // SAFETY: the page is ours.
                unsafe { page.write_bytes(7, PAGE_BYTES) };
            }
            let before = held();
            // SAFETY: each page is given back once.
            taken.iter().for_each(|&page| unsafe { give_back(page) });
            assert!(held() < before, "most pages go back to the kernel");
            let again: Vec<_> = (0..1500).map(|_| take()).collect();
            for &page in &again {
                // SAFETY: the page is ours.
                unsafe { page.write(1) };
            }
            // SAFETY: each page is given back once.
            again.iter().for_each(|&page| unsafe { give_back(page) });
        }
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", not(miri))))]
mod source {
    use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::PAGE_BYTES;

    const LAYOUT: Layout = match Layout::from_size_align(PAGE_BYTES, PAGE_BYTES) {
        Ok(layout) => layout,
        Err(_) => panic!("a power of two is an alignment"),
    };

    static HELD: AtomicUsize = AtomicUsize::new(0);

    /// A page that nobody uses.
    pub(in super::super) fn take() -> *mut u8 {
        // SAFETY: the size is not zero.
        let page = unsafe { alloc(LAYOUT) };
        if page.is_null() {
            handle_alloc_error(LAYOUT);
        }
        // Relaxed: the count orders nothing.
        HELD.fetch_add(PAGE_BYTES, Ordering::Relaxed);
        page
    }

    /// Takes a page back.
    ///
    /// # Safety
    ///
    /// The page came from [`take`], and nobody will touch it again.
    pub(in super::super) unsafe fn give_back(page: *mut u8) {
        HELD.fetch_sub(PAGE_BYTES, Ordering::Relaxed);
        // SAFETY: the page came from the same layout.
        unsafe { dealloc(page, LAYOUT) };
    }

    /// Bytes of all pages that hold nodes.
    pub(in super::super) fn held() -> usize {
        HELD.load(Ordering::Relaxed)
    }
}
