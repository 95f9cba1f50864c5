//! [`Slab`]: cells of a few sizes.
//!
//! Cells come from chunks of a page that are carved into cells of one size, without a header each: a general allocator
//! would spend up to half of a 128-byte aligned node on padding. A cell finds its chunk by rounding its address down.
//!
//! Space is given back: a new cell comes from the fullest chunk that has room, so that sparse chunks run empty, and an empty
//! chunk is given back (`pages.rs`). Threads allocate from different shards; a cell is freed to the shard of its chunk,
//! which the collector may do on any thread.

use std::cell::Cell;
use std::ptr::{self, null_mut};
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use super::pages::{PAGE_BYTES, Pages};
use crate::stripe::{STRIPES, stripe};

/// Where the first cell of a chunk begins; cells whose size is a multiple of a cache line are aligned to it.
pub(super) const FIRST_CELL: usize = 64;
/// A page: small, so that few cells in use keep a chunk from going back.
const CHUNK_BYTES: usize = PAGE_BYTES;
/// Lists of chunks by how full they are; full ones are in none.
const FILLS: usize = 16;

/// Memory in cells of `CLASSES` sizes.
pub(crate) struct Slab<const CLASSES: usize> {
    cell_bytes: [usize; CLASSES],
    homes: [[Home; STRIPES]; CLASSES],
    pages: Pages,
}

/// A shard, and what may be known of it without its lock.
struct Home {
    shard: Mutex<Shard>,
    /// [`Shard::listed`], as it was when the lock was last let go.
    listed: AtomicU32,
}

/// The chunks of one cell size that one thread allocates from.
struct Shard {
    /// Chunks with room, fuller ones in later lists.
    chunks: [*mut Chunk; FILLS],
    /// The lists that are not empty, as a mask.
    listed: u32,
    /// One chunk without cells in use, kept so that a cell that comes and goes does not take a chunk along.
    empty: *mut Chunk,
}

// SAFETY: a shard owns its chunks, which are plain memory; the mutex lets one thread at a time change them.
unsafe impl Send for Shard {}

/// The head of a chunk; cells follow. But for `used`, which may be read at any time, only the holder of the shard's
/// lock reads and changes what can change.
struct Chunk {
    /// The chunk itself, with the right to all of its memory.
    whole: *mut Chunk,
    /// Cells that were freed, each pointing to the next.
    freed: Cell<*mut Vacant>,
    next: Cell<*mut Chunk>,
    previous: Cell<*mut Chunk>,
    /// Where the memory begins that was never a cell.
    carved: Cell<u16>,
    cell_bytes: u16,
    /// Cells that there is room for.
    capacity: u16,
    class: u8,
    stripe: u8,
    /// Cells in use.
    used: AtomicU32,
    /// By what power of two the cells in use become the number of a list.
    fill_shift: u8,
}

const _: () = assert!(size_of::<Chunk>() <= FIRST_CELL && CHUNK_BYTES <= u16::MAX as usize);

/// A freed cell.
struct Vacant {
    next: *mut Vacant,
}

impl<const CLASSES: usize> Slab<CLASSES> {
    /// A slab without memory. The sizes are multiples of what cells are to be aligned to, at most a cache line, and have
    /// room for a pointer.
    pub(crate) const fn new(cell_bytes: [usize; CLASSES]) -> Self {
        assert!(CLASSES <= 1 << 8 && STRIPES <= 1 << 8);
        let homes = [const { [const { Home { shard: Mutex::new(Shard::new()), listed: AtomicU32::new(0) } }; STRIPES] };
            CLASSES];
        Self { cell_bytes, homes, pages: Pages::new() }
    }

    /// A cell of a class, with whatever is in it.
    #[inline]
    pub(crate) fn allocate(&'static self, class: usize) -> *mut u8 {
        let stripe = stripe();
        let home = &self.homes[class][stripe];
        let mut shard = home.shard.lock();
        let pointer = match shard.listed.checked_ilog2() {
            Some(fill) => shard.chunks[fill as usize],
            None => self.add_chunk(&mut shard, class, stripe),
        };
        // SAFETY: listed chunks are live, and the lock is held.
        let chunk = unsafe { &*pointer };
        let before = chunk.fill();
        let cell = chunk.take();
        shard.relist(chunk, before);
        // Relaxed: a hint.
        home.listed.store(shard.listed, Ordering::Relaxed);
        cell.cast()
    }

    /// Takes a cell back.
    ///
    /// # Safety
    ///
    /// `cell` came from [`allocate`](Self::allocate), and nobody will touch it again.
    pub(crate) unsafe fn free(&'static self, cell: *mut u8) {
        // SAFETY: the cell is the caller's, and live until it is put back below.
        let chunk = unsafe { chunk_of(cell) };
        let home = &self.homes[usize::from(chunk.class)][usize::from(chunk.stripe)];
        let mut shard = home.shard.lock();
        // SAFETY: the chunk belongs to this shard, which we hold locked; the cell is the caller's to give up.
        let spare = unsafe { shard.put_back(chunk, cell.cast()) };
        // Relaxed: a hint.
        home.listed.store(shard.listed, Ordering::Relaxed);
        drop(shard);
        if !spare.is_null() {
            // SAFETY: the chunk is a page, is in no list, and has no cell in use.
            unsafe { self.pages.give_back(spare.cast()) };
        }
    }

    /// Whether the memory around a cell is so empty that what is in it should move, and there is a fuller chunk to move to.
    ///
    /// # Safety
    ///
    /// `cell` came from [`allocate`](Self::allocate) and is not freed meanwhile.
    pub(crate) unsafe fn is_sparse(&'static self, cell: *mut u8) -> bool {
        // SAFETY: as the caller guarantees.
        let chunk = unsafe { chunk_of(cell) };
        // Relaxed: a hint.
        if chunk.used.load(Ordering::Relaxed) * 3 >= u32::from(chunk.capacity) * 2 {
            return false;
        }
        // Relaxed: a hint.
        let fullest = self.homes[usize::from(chunk.class)][stripe()].listed.load(Ordering::Relaxed).checked_ilog2();
        fullest.is_some_and(|fill| fill as usize > chunk.fill())
    }

    /// Bytes that the slab holds.
    pub(crate) fn held(&self) -> usize {
        self.pages.held()
    }

    /// Lists a chunk without cells in use.
    #[cold]
    fn add_chunk(&self, shard: &mut Shard, class: usize, stripe: usize) -> *mut Chunk {
        let mut pointer = std::mem::replace(&mut shard.empty, null_mut());
        if pointer.is_null() {
            pointer = self.pages.take().cast();
            let cell_bytes = self.cell_bytes[class];
            let capacity = (CHUNK_BYTES - FIRST_CELL) / cell_bytes;
            let head = Chunk {
                whole: pointer,
                freed: Cell::new(null_mut()),
                next: Cell::new(null_mut()),
                previous: Cell::new(null_mut()),
                carved: Cell::new(FIRST_CELL as u16),
                cell_bytes: cell_bytes as u16,
                capacity: capacity as u16,
                class: class as u8,
                stripe: stripe as u8,
                used: AtomicU32::new(0),
                fill_shift: (capacity / FILLS).checked_ilog2().map_or(0, |log2| log2 as u8 + 1),
            };
            // SAFETY: the memory is new, large enough and aligned.
            unsafe { ptr::write(pointer, head) };
        }
        // SAFETY: the chunk is live, and this shard's.
        shard.link(unsafe { &*pointer }, 0);
        pointer
    }
}

/// The chunk that a cell lies in.
///
/// # Safety
///
/// `cell` came from [`Slab::allocate`] and is not freed before the end of `'a`.
unsafe fn chunk_of<'a>(cell: *mut u8) -> &'a Chunk {
    let chunk = cell.map_addr(|address| address & !(CHUNK_BYTES - 1)).cast::<Chunk>();
    // SAFETY: a cell lies in a chunk, which lives as long as the cell.
    unsafe { &*chunk }
}

impl Shard {
    const fn new() -> Self {
        Self { chunks: [null_mut(); FILLS], listed: 0, empty: null_mut() }
    }

    /// Takes a cell back; gives a chunk that is not needed any more, or null.
    ///
    /// # Safety
    ///
    /// `cell` is a cell of `chunk` in use that nobody touches again, and `chunk` belongs to this shard.
    unsafe fn put_back(&mut self, chunk: &Chunk, cell: *mut Vacant) -> *mut Chunk {
        let before = chunk.fill();
        // SAFETY: the caller gives the cell up.
        unsafe { ptr::write(cell, Vacant { next: chunk.freed.get() }) };
        chunk.freed.set(cell);
        // Relaxed: others only take it as a hint.
        let used = chunk.used.load(Ordering::Relaxed) - 1;
        chunk.used.store(used, Ordering::Relaxed);
        if used > 0 {
            self.relist(chunk, before);
            return null_mut();
        }
        self.unlink(chunk, before);
        std::mem::replace(&mut self.empty, chunk.whole)
    }

    /// Moves a chunk to the list it belongs to, if that is not `before`.
    fn relist(&mut self, chunk: &Chunk, before: usize) {
        let after = chunk.fill();
        if before != after {
            self.unlink(chunk, before);
            self.link(chunk, after);
        }
    }

    fn link(&mut self, chunk: &Chunk, fill: usize) {
        let Some(list) = self.chunks.get_mut(fill) else { return };
        self.listed |= 1 << fill;
        let next = std::mem::replace(list, chunk.whole);
        chunk.next.set(next);
        chunk.previous.set(null_mut());
        // SAFETY: listed chunks are live.
        if let Some(next) = unsafe { next.as_ref() } {
            next.previous.set(chunk.whole);
        }
    }

    fn unlink(&mut self, chunk: &Chunk, fill: usize) {
        let Some(list) = self.chunks.get_mut(fill) else { return };
        let (next, previous) = (chunk.next.get(), chunk.previous.get());
        // SAFETY: listed chunks are live.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next.set(next),
            None => *list = next,
        }
        if list.is_null() {
            self.listed &= !(1 << fill);
        }
        // SAFETY: listed chunks are live.
        if let Some(next) = unsafe { next.as_ref() } {
            next.previous.set(previous);
        }
    }
}

impl Chunk {
    /// The list that a chunk so full belongs to; `FILLS` if it has no room.
    fn fill(&self) -> usize {
        // Relaxed: only the holder of the lock needs it exact, and wrote it last.
        let used = self.used.load(Ordering::Relaxed);
        if used == u32::from(self.capacity) { FILLS } else { (used >> self.fill_shift) as usize }
    }

    /// Gives a free cell; there is one.
    fn take(&self) -> *mut Vacant {
        // Relaxed: others only take it as a hint.
        self.used.store(self.used.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let cell = self.freed.get();
        if cell.is_null() {
            let carved = self.carved.replace(self.carved.get() + self.cell_bytes);
            return self.whole.wrapping_byte_add(usize::from(carved)).cast();
        }
        // SAFETY: a freed cell is ours and was written when it was freed.
        self.freed.set(unsafe { (*cell).next });
        cell
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn cells_are_apart_and_come_back() {
        static SLAB: Slab<3> = Slab::new([32, 192, 1008]);
        for (class, bytes, align) in [(0, 32, 16), (1, 192, 64), (2, 1008, 16)] {
            let cells: Vec<_> = (0..6000).map(|_| SLAB.allocate(class)).collect();
            for (n, cell) in cells.iter().enumerate() {
                assert_eq!(cell.addr() % align, 0);
                // SAFETY: the cell is ours and that large.
                unsafe { cell.write_bytes(n as u8, bytes) };
            }
            for (n, cell) in cells.iter().enumerate() {
                // SAFETY: the cell was written in its whole size.
                let content = unsafe { std::slice::from_raw_parts(*cell, bytes) };
                assert!(content.iter().all(|byte| *byte == n as u8));
            }
            // SAFETY: each cell is freed once.
            cells.iter().step_by(2).for_each(|&cell| unsafe { SLAB.free(cell) });
            let again: Vec<_> = (0..3000).map(|_| SLAB.allocate(class)).collect();
            let known: HashSet<_> = cells.iter().collect();
            let reused = again.iter().filter(|cell| known.contains(cell)).count();
            assert!(reused > 2900, "{reused}");
            let full = SLAB.held();
            // SAFETY: each cell is freed once.
            cells.iter().skip(1).step_by(2).chain(&again).for_each(|&cell| unsafe { SLAB.free(cell) });
            assert!(SLAB.held() < full, "pages come back");
        }
    }

    /// A cell with a byte that it is full of.
    struct Filled {
        cell: *mut u8,
        class: usize,
        byte: u8,
    }

    // SAFETY: whoever has it has the memory.
    unsafe impl Send for Filled {}

    const FILLED_BYTES: [usize; 3] = [32, 192, 1008];
    static FILLED: Slab<3> = Slab::new(FILLED_BYTES);

    impl Filled {
        fn new(class: usize, byte: u8) -> Self {
            let cell = FILLED.allocate(class);
            // SAFETY: the cell is ours and that large.
            unsafe { cell.write_bytes(byte, FILLED_BYTES[class]) };
            Self { cell, class, byte }
        }

        fn free(self) {
            // SAFETY: the cell was written in its whole size.
            let content = unsafe { std::slice::from_raw_parts(self.cell, FILLED_BYTES[self.class]) };
            assert!(content.iter().all(|byte| *byte == self.byte));
            // SAFETY: each cell is freed once.
            unsafe { FILLED.free(self.cell) };
        }
    }

    /// Fills cells and frees any that are there: in waves, so that regions fill and run empty.
    fn churn(seed: u64, shelf: &Mutex<Vec<Filled>>) {
        let mut dice = seed;
        for step in 0..25_000_u64 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let fills_of_eight = if (step / 5000).is_multiple_of(2) { 7 } else { 1 };
            if (dice >> 40) % 8 < fills_of_eight {
                let filled = Filled::new((dice >> 33) as usize % 3, (dice >> 50) as u8);
                shelf.lock().push(filled);
                continue;
            }
            let mut shelf = shelf.lock();
            if let Some(last) = shelf.len().checked_sub(1) {
                let filled = shelf.swap_remove((dice >> 20) as usize % (last + 1));
                drop(shelf);
                filled.free();
            }
        }
    }

    #[test]
    fn cells_that_change_hands_between_threads_keep_what_is_in_them() {
        let shelf = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            (1..5).for_each(|seed| {
                drop(scope.spawn({
                    let shelf = &shelf;
                    move || churn(seed, shelf)
                }))
            })
        });
        let left: usize = shelf.lock().iter().map(|filled| FILLED_BYTES[filled.class]).sum();
        assert!(left > 0 && left <= FILLED.held(), "{left} bytes in cells, {} held", FILLED.held());
        shelf.into_inner().into_iter().for_each(Filled::free);
        // What may stay: an empty chunk for each class and stripe, and a few pages.
        assert!(FILLED.held() <= (3 * STRIPES + 32) * PAGE_BYTES, "{} bytes", FILLED.held());
    }
}
