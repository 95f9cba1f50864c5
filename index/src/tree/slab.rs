//! Memory for nodes.
//!
//! Nodes come from chunks of a page that are carved into cells of one size, aligned to cache lines, without a header each:
//! a general allocator would spend up to half of a 128-byte aligned node on padding. A cell finds its chunk by rounding its
//! address down.
//!
//! Space is given back: a new node goes to the fullest chunk that has room, so that sparse chunks run empty, and an empty
//! chunk is given back (`pages.rs`). What lingers in a sparse chunk is moved (`relocate.rs`). Threads allocate from
//! different shards; a cell is freed to the shard of its chunk, which the collector may do on any thread.
//!
//! Model checkers and sanitizers see each node as an allocation of its own.

#[cfg(any(loom, feature = "shuttle", crossbeam_sanitize))]
pub(crate) use plain::{allocate, free, is_sparse};
#[cfg(not(any(loom, feature = "shuttle", crossbeam_sanitize)))]
pub(crate) use pooled::{allocate, free, is_sparse};

#[cfg(any(loom, feature = "shuttle", crossbeam_sanitize))]
mod plain {
    use crate::tree::node::Node;

    /// Moves `value` into memory of its own.
    pub(crate) fn allocate<N>(value: N) -> *mut Node {
        Box::into_raw(Box::new(value)).cast()
    }

    /// Whether a node should move elsewhere: always, so that the models see it move.
    ///
    /// # Safety
    ///
    /// None, but in the other module.
    pub(crate) unsafe fn is_sparse(_node: *mut Node) -> bool {
        true
    }

    /// Frees the memory of a node, without dropping it.
    ///
    /// # Safety
    ///
    /// `node` came from [`allocate`] with the same type, and nobody will touch it again.
    pub(crate) unsafe fn free<N>(node: *mut Node) {
        // SAFETY: the caller guarantees that this is the box made by `allocate` and that we are its last user.
        drop(unsafe { Box::from_raw(node.cast::<N>()) });
    }
}

#[cfg(not(any(loom, feature = "shuttle", crossbeam_sanitize)))]
mod pooled {
    use std::cell::Cell;
    use std::ptr::{self, null_mut};
    use std::sync::atomic::{AtomicU32, Ordering};

    use parking_lot::Mutex;

    use crate::tree::count::{STRIPES, stripe};
    use crate::tree::node::Node;
    use crate::tree::pages::{self, PAGE_BYTES};

    const LINE: usize = 64;
    /// A page: small, so that removals leave few nodes in a chunk to wait for.
    const CHUNK_BYTES: usize = PAGE_BYTES;
    /// Cells of two, three and four lines.
    const CLASSES: usize = 3;
    /// Lists of chunks by how full they are; full ones are in none.
    const FILLS: usize = 16;
    const CELLS_A_LIST: usize = 2;

    static SHARDS: [[Mutex<Shard>; STRIPES]; CLASSES] =
        [const { [const { Mutex::new(Shard::new()) }; STRIPES] }; CLASSES];

    /// The chunks of one cell size that one thread allocates from.
    struct Shard {
        /// Chunks with room, fuller ones in later lists.
        chunks: [*mut Chunk; FILLS],
        /// The lists that are not empty, as a mask.
        listed: u32,
        /// One chunk without nodes, kept so that a node that comes and goes does not take a chunk along.
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
        /// Cells that were ever used; the memory behind them is untouched.
        carved: Cell<usize>,
        /// Cells in use.
        used: AtomicU32,
        class: usize,
        stripe: usize,
    }

    /// A freed cell.
    struct Vacant {
        next: *mut Vacant,
    }

    const fn cell_bytes(class: usize) -> usize {
        (class + 2) * LINE
    }

    /// Cells of a chunk.
    const fn capacity(class: usize) -> usize {
        const CAPACITIES: [usize; CLASSES] = [
            (CHUNK_BYTES - LINE) / cell_bytes(0),
            (CHUNK_BYTES - LINE) / cell_bytes(1),
            (CHUNK_BYTES - LINE) / cell_bytes(2),
        ];
        CAPACITIES[class]
    }

    const _: () = assert!(capacity(0) <= FILLS * CELLS_A_LIST);

    const fn class_of<N>() -> usize {
        let lines = size_of::<N>().div_ceil(LINE);
        assert!(align_of::<N>() <= LINE && lines >= 2 && lines < 2 + CLASSES);
        assert!(size_of::<Chunk>() <= LINE);
        lines - 2
    }

    /// The chunk that a node lies in.
    ///
    /// # Safety
    ///
    /// `node` came from [`allocate`] and is not freed before the end of `'a`.
    unsafe fn chunk_of<'a>(node: *mut Node) -> &'a Chunk {
        let chunk = node.map_addr(|address| address & !(CHUNK_BYTES - 1)).cast::<Chunk>();
        // SAFETY: a node lies in a chunk, which lives as long as the node.
        unsafe { &*chunk }
    }

    /// Moves `value` into memory of its own.
    #[inline]
    pub(crate) fn allocate<N>(value: N) -> *mut Node {
        let class = const { class_of::<N>() };
        let stripe = stripe();
        let cell = SHARDS[class][stripe].lock().take(class, stripe).cast::<N>();
        // SAFETY: the cell is ours, large enough and aligned for `N`.
        unsafe { ptr::write(cell, value) };
        cell.cast()
    }

    /// Whether the memory around a node is so empty that the node should move, and there is a fuller chunk to move to.
    ///
    /// # Safety
    ///
    /// `node` came from [`allocate`] and is not freed meanwhile.
    pub(crate) unsafe fn is_sparse(node: *mut Node) -> bool {
        // SAFETY: as the caller guarantees.
        let chunk = unsafe { chunk_of(node) };
        // Relaxed: a hint.
        if chunk.used.load(Ordering::Relaxed) as usize * 3 >= capacity(chunk.class) * 2 {
            return false;
        }
        let fullest = SHARDS[chunk.class][stripe()].lock().listed.checked_ilog2();
        fullest.is_some_and(|fill| fill as usize > chunk.fill())
    }

    /// Frees the memory of a node, without dropping it.
    ///
    /// # Safety
    ///
    /// `node` came from [`allocate`] with the same type, and nobody will touch it again.
    pub(crate) unsafe fn free<N>(node: *mut Node) {
        const { assert!(!std::mem::needs_drop::<N>()) };
        let class = const { class_of::<N>() };
        // SAFETY: the node is the caller's, and live until it is put back below.
        let chunk = unsafe { chunk_of(node) };
        let mut shard = SHARDS[class][chunk.stripe].lock();
        // SAFETY: the chunk belongs to this shard, which we hold locked; the cell is the caller's to give up.
        let spare = unsafe { shard.put_back(chunk, node.cast()) };
        drop(shard);
        if !spare.is_null() {
            // SAFETY: the chunk is a page, is in no list, and holds no node.
            unsafe { pages::give_back(spare.cast()) };
        }
    }

    impl Shard {
        const fn new() -> Self {
            Self { chunks: [null_mut(); FILLS], listed: 0, empty: null_mut() }
        }

        /// A cell of the fullest chunk that has one.
        fn take(&mut self, class: usize, stripe: usize) -> *mut Vacant {
            let pointer = match self.listed.checked_ilog2() {
                Some(fill) => self.chunks[fill as usize],
                None => self.add_chunk(class, stripe),
            };
            // SAFETY: listed chunks are live, and the lock is held.
            let chunk = unsafe { &*pointer };
            let before = chunk.fill();
            let cell = chunk.take();
            self.relist(chunk, before);
            cell
        }

        /// Lists a chunk without nodes.
        fn add_chunk(&mut self, class: usize, stripe: usize) -> *mut Chunk {
            let mut pointer = std::mem::replace(&mut self.empty, null_mut());
            if pointer.is_null() {
                pointer = pages::take().cast();
                let none = || Cell::new(null_mut());
                let (carved, used) = (Cell::new(0), AtomicU32::new(0));
                let head = Chunk {
                    whole: pointer,
                    freed: Cell::new(null_mut()),
                    next: none(),
                    previous: none(),
                    carved,
                    used,
                    class,
                    stripe,
                };
                // SAFETY: the memory is new, large enough and aligned.
                unsafe { ptr::write(pointer, head) };
            }
            // SAFETY: the chunk is live, and this shard's.
            self.link(unsafe { &*pointer }, 0);
            pointer
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
            let used = self.used.load(Ordering::Relaxed) as usize;
            if used == capacity(self.class) { FILLS } else { used / CELLS_A_LIST }
        }

        /// Gives a free cell; there is one.
        fn take(&self) -> *mut Vacant {
            // Relaxed: others only take it as a hint.
            self.used.store(self.used.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            let cell = self.freed.get();
            if cell.is_null() {
                let carved = self.carved.replace(self.carved.get() + 1);
                return self.whole.wrapping_byte_add(LINE + carved * cell_bytes(self.class)).cast();
            }
            // SAFETY: a freed cell is ours and was written when it was freed.
            self.freed.set(unsafe { (*cell).next });
            cell
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn cells_are_apart_and_come_back() {
            type Wide = [u64; 24];
            let cells: Vec<_> = (0..2000_u64).map(|n| allocate::<Wide>([n; 24])).collect();
            for (n, cell) in cells.iter().enumerate() {
                assert_eq!(cell.addr() % LINE, 0);
                // SAFETY: the cell was written as this type.
                assert_eq!(unsafe { *cell.cast::<Wide>() }, [n as u64; 24]);
            }
            // SAFETY: each cell is freed once.
            cells.iter().step_by(2).for_each(|&cell| unsafe { free::<Wide>(cell) });
            let again: Vec<_> = (0..1000).map(|_| allocate::<Wide>([7; 24])).collect();
            let reused = again.iter().filter(|cell| cells.contains(cell)).count();
            assert!(reused > 900, "{reused}");
            // SAFETY: each cell is freed once.
            cells.iter().skip(1).step_by(2).chain(&again).for_each(|&cell| unsafe { free::<Wide>(cell) });
        }
    }
}
