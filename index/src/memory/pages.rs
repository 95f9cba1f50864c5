//! Pages for a slab.
//!
//! On Linux they are cut from regions of the size of a huge page, and the kernel is asked for one: a tree is read one node
//! here and one there, as are rows, and without huge pages nearly every one would miss the TLB as well as the cache, which
//! costs a third of all lookups among a million. The first region takes small pages, so that a small index stays small. A
//! region without cells goes back as a whole (`regions.rs`). Pages without cells of others are kept as long as there is
//! room for what is retained, but for a few that always are; then they go to the kernel one by one, and small pages are what
//! comes when they are used again.
//!
//! The first page that is free is taken: what is made in order lies in order in memory that was used before, too.
//!
//! Elsewhere, and under Miri, pages come from the program's allocator.

pub(super) use source::Pages;

/// The size of a page and what it is aligned to.
pub(super) const PAGE_BYTES: usize = 1 << 12;

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod source {
    use std::collections::{BTreeMap, BTreeSet};
    use std::ops::Range;
    use std::ptr::null_mut;

    use parking_lot::Mutex;

    use super::PAGE_BYTES;
    use crate::memory::regions::{self, PageSize, REGION_BYTES};

    /// Pages without cells that are kept at least, whatever is retained elsewhere, and as a part of all that are in use.
    const IDLE_MIN: usize = 16;
    const IDLE_PART: usize = 64;

    /// The pages of one slab.
    pub(in super::super) struct Pages(Mutex<State>);

    struct State {
        /// Pages without cells in use.
        idle: BTreeSet<*mut u8>,
        /// Pages whose memory the kernel has back.
        returned: BTreeSet<*mut u8>,
        /// How many pages of each region have cells in use.
        used: BTreeMap<*mut u8, usize>,
        /// Where the untouched rest of the last region begins, and its pages.
        fresh: *mut u8,
        fresh_count: usize,
        /// Pages with cells in use.
        held: usize,
        /// The first region, which has small pages.
        first: *mut u8,
    }

    // SAFETY: the pages are plain memory that belongs to this list; the mutex lets one thread at a time change it.
    unsafe impl Send for State {}

    impl Pages {
        pub(in super::super) const fn new() -> Self {
            Self(Mutex::new(State {
                idle: BTreeSet::new(),
                returned: BTreeSet::new(),
                used: BTreeMap::new(),
                fresh: null_mut(),
                fresh_count: 0,
                held: 0,
                first: null_mut(),
            }))
        }

        /// A page that nobody uses.
        pub(in super::super) fn take(&self) -> *mut u8 {
            let mut state = self.0.lock();
            let page = state.take();
            *state.used.entry(region_of(page)).or_default() += 1;
            page
        }

        /// Takes a page back.
        ///
        /// # Safety
        ///
        /// The page came from [`take`](Self::take), and nobody will touch it again.
        pub(in super::super) unsafe fn give_back(&self, page: *mut u8) {
            let mut state = self.0.lock();
            state.put_back(page);
            // Two for one, so that what is kept shrinks with what is held.
            for _ in 0..2 {
                if regions::room().is_none() && state.idle.len() > IDLE_MIN.max(state.held / IDLE_PART) {
                    state.return_one();
                }
            }
        }

        /// Bytes of all pages that hold cells in use.
        pub(in super::super) fn held(&self) -> usize {
            self.0.lock().held * PAGE_BYTES
        }
    }

    impl State {
        fn take(&mut self) -> *mut u8 {
            self.held += 1;
            if let Some(page) = self.idle.pop_first() {
                regions::count_out(PAGE_BYTES);
                return page;
            }
            if let Some(page) = self.returned.pop_first() {
                return page;
            }
            if self.fresh_count == 0 {
                let is_first = self.first.is_null();
                self.fresh = regions::take(1, if is_first { PageSize::Small } else { PageSize::Huge }).0;
                self.fresh_count = REGION_BYTES / PAGE_BYTES;
                if is_first {
                    self.first = self.fresh;
                }
            }
            self.fresh_count -= 1;
            let next = self.fresh.wrapping_add(PAGE_BYTES);
            std::mem::replace(&mut self.fresh, next)
        }

        /// Takes a page back, and gives its region back if none of it is in use any more.
        fn put_back(&mut self, page: *mut u8) {
            self.held -= 1;
            self.idle.insert(page);
            regions::count_in(PAGE_BYTES);
            let region = region_of(page);
            let used = self.used.entry(region).or_default();
            *used -= 1;
            let is_being_cut = self.fresh_count > 0 && region_of(self.fresh) == region;
            if *used > 0 || is_being_cut {
                return;
            }
            self.used.remove(&region);
            let pages = region..region.wrapping_add(REGION_BYTES);
            regions::count_out(take_all(&mut self.idle, &pages) * PAGE_BYTES);
            // A huge page of which a part went back is one no more.
            let is_broken = take_all(&mut self.returned, &pages) > 0;
            let pages = if is_broken || region == self.first { PageSize::Small } else { PageSize::Huge };
            // SAFETY: all of the region was cut, and no page of it is in use or in a list.
            unsafe { regions::give_back(region, 1, pages) };
        }

        /// Gives the memory of an idle page to the kernel.
        fn return_one(&mut self) {
            let Some(page) = self.idle.pop_last() else { return };
            // SAFETY: the page is mapped, private and ours, and nobody uses it.
            if unsafe { libc::madvise(page.cast(), PAGE_BYTES, libc::MADV_DONTNEED) == 0 } {
                regions::count_out(PAGE_BYTES);
                self.returned.insert(page);
            } else {
                self.idle.insert(page);
            }
        }
    }

    /// Takes all pages within a range out of a set; gives how many they were.
    fn take_all(set: &mut BTreeSet<*mut u8>, range: &Range<*mut u8>) -> usize {
        let pages: Vec<*mut u8> = set.range(range.clone()).copied().collect();
        pages.iter().for_each(|page| _ = set.remove(page));
        pages.len()
    }

    /// The region that a page was cut from.
    fn region_of(page: *mut u8) -> *mut u8 {
        page.map_addr(|address| address & !(REGION_BYTES - 1))
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

    /// The pages of one slab, counted in bytes.
    pub(in super::super) struct Pages(AtomicUsize);

    impl Pages {
        pub(in super::super) const fn new() -> Self {
            Self(AtomicUsize::new(0))
        }

        /// A page that nobody uses.
        pub(in super::super) fn take(&self) -> *mut u8 {
            // SAFETY: the size is not zero.
            let page = unsafe { alloc(LAYOUT) };
            if page.is_null() {
                handle_alloc_error(LAYOUT);
            }
            // Relaxed: the count orders nothing.
            self.0.fetch_add(PAGE_BYTES, Ordering::Relaxed);
            page
        }

        /// Takes a page back.
        ///
        /// # Safety
        ///
        /// The page came from [`take`](Self::take), and nobody will touch it again.
        pub(in super::super) unsafe fn give_back(&self, page: *mut u8) {
            self.0.fetch_sub(PAGE_BYTES, Ordering::Relaxed);
            // SAFETY: the page came from the same layout.
            unsafe { dealloc(page, LAYOUT) };
        }

        /// Bytes of all pages that hold cells.
        pub(in super::super) fn held(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_apart_writable_and_come_back() {
        let pages = Pages::new();
        let taken: Vec<_> = (0..1500).map(|_| pages.take()).collect();
        let mut sorted = taken.clone();
        sorted.sort();
        assert!(sorted.windows(2).all(|pair| pair[1].addr() - pair[0].addr() >= PAGE_BYTES));
        for &page in &taken {
            assert_eq!(page.addr() % PAGE_BYTES, 0);
            // SAFETY: the page is ours.
            unsafe { page.write_bytes(7, PAGE_BYTES) };
        }
        assert_eq!(pages.held(), taken.len() * PAGE_BYTES);
        // SAFETY: each page is given back once.
        taken.iter().for_each(|&page| unsafe { pages.give_back(page) });
        assert_eq!(pages.held(), 0);
        let again: Vec<_> = (0..1500).map(|_| pages.take()).collect();
        let neighbours = again.windows(2).filter(|pair| pair[0].wrapping_add(PAGE_BYTES) == pair[1]).count();
        assert!(neighbours > 1400, "they come in order: {neighbours}");
        for &page in &again {
            // SAFETY: the page is ours.
            unsafe { page.write(1) };
        }
        // SAFETY: each page is given back once.
        again.iter().for_each(|&page| unsafe { pages.give_back(page) });
    }
}
