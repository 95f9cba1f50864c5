//! Memory for nodes.
//!
//! Nodes come from chunks of 64 KiB that are carved into cells of one size, aligned to cache lines, without a header each:
//! a general allocator would spend up to half of a 128-byte aligned node on padding. A cell finds its chunk by rounding its
//! address down.
//!
//! Space is given back: a new node goes to the fullest chunk that has room, so that sparse chunks run empty, and an empty
//! chunk goes back to the system. Threads allocate from different shards; a cell is freed to the shard of its chunk, which
//! the collector may do on any thread.
//!
//! Model checkers and sanitizers see each node as an allocation of its own.

#[cfg(any(loom, feature = "shuttle", crossbeam_sanitize))]
pub(crate) use plain::{allocate, free};
#[cfg(not(any(loom, feature = "shuttle", crossbeam_sanitize)))]
pub(crate) use pooled::{allocate, free};

#[cfg(any(loom, feature = "shuttle", crossbeam_sanitize))]
mod plain {
    use crate::tree::node::Node;

    /// Moves `value` into memory of its own.
    pub(crate) fn allocate<N>(value: N) -> *mut Node {
        Box::into_raw(Box::new(value)).cast()
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
    use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
    use std::ptr::{self, null_mut};

    use parking_lot::Mutex;

    use crate::tree::count::{STRIPES, stripe};
    use crate::tree::node::Node;

    const LINE: usize = 64;
    const CHUNK_BYTES: usize = 1 << 16;
    const LAYOUT: Layout = match Layout::from_size_align(CHUNK_BYTES, CHUNK_BYTES) {
        Ok(layout) => layout,
        Err(_) => panic!("a power of two is an alignment"),
    };
    /// Cells of two, three and four lines.
    const CLASSES: usize = 3;
    /// Lists of chunks by how full they are; full ones are in none.
    const FILLS: usize = 4;

    static SHARDS: [[Mutex<Shard>; STRIPES]; CLASSES] =
        [const { [const { Mutex::new(Shard { chunks: [null_mut(); FILLS], empty: null_mut() }) }; STRIPES] }; CLASSES];

    /// The chunks of one cell size that one thread allocates from.
    struct Shard {
        /// Chunks with room, fuller ones in later lists.
        chunks: [*mut Chunk; FILLS],
        /// One chunk without nodes, kept so that a node that comes and goes does not take a chunk along.
        empty: *mut Chunk,
    }

    // SAFETY: a shard owns its chunks, which are plain memory; the mutex lets one thread at a time change them.
    unsafe impl Send for Shard {}

    /// The head of a chunk; cells follow.
    struct Chunk {
        /// Cells that were freed, each pointing to the next.
        freed: *mut Cell,
        next: *mut Chunk,
        previous: *mut Chunk,
        class: usize,
        stripe: usize,
        /// Cells in use.
        used: usize,
        /// Cells that were ever used; the memory behind them is untouched.
        carved: usize,
    }

    /// A freed cell.
    struct Cell {
        next: *mut Cell,
    }

    const fn cell_bytes(class: usize) -> usize {
        (class + 2) * LINE
    }

    /// Cells of a chunk; the first lies behind the head.
    const fn capacity(class: usize) -> usize {
        (CHUNK_BYTES - cell_bytes(class)) / cell_bytes(class)
    }

    const fn class_of<N>() -> usize {
        let lines = size_of::<N>().div_ceil(LINE);
        assert!(align_of::<N>() <= LINE && lines >= 2 && lines < 2 + CLASSES);
        assert!(size_of::<Chunk>() <= 2 * LINE);
        lines - 2
    }

    /// Moves `value` into memory of its own.
    pub(crate) fn allocate<N>(value: N) -> *mut Node {
        let class = const { class_of::<N>() };
        let stripe = stripe();
        let cell = SHARDS[class][stripe].lock().take(class, stripe).cast::<N>();
        // SAFETY: the cell is ours, large enough and aligned for `N`.
        unsafe { ptr::write(cell, value) };
        cell.cast()
    }

    /// Frees the memory of a node, without dropping it.
    ///
    /// # Safety
    ///
    /// `node` came from [`allocate`] with the same type, and nobody will touch it again.
    pub(crate) unsafe fn free<N>(node: *mut Node) {
        const { assert!(!std::mem::needs_drop::<N>()) };
        let class = const { class_of::<N>() };
        let chunk = node.map_addr(|address| address & !(CHUNK_BYTES - 1)).cast::<Chunk>();
        // SAFETY: a node lies in a chunk, whose stripe never changes.
        let stripe = unsafe { (*chunk).stripe };
        let mut shard = SHARDS[class][stripe].lock();
        // SAFETY: the chunk belongs to this shard, which we hold locked; the cell is the caller's to give up.
        unsafe { shard.put_back(chunk, node.cast()) };
    }

    impl Shard {
        /// A cell of the fullest chunk that has one.
        fn take(&mut self, class: usize, stripe: usize) -> *mut Cell {
            let found = self.chunks.iter().rev().copied().find(|chunk| !chunk.is_null());
            let pointer = found.unwrap_or_else(|| self.add_chunk(class, stripe));
            // SAFETY: listed chunks are live and only reached through the locked shard.
            let chunk = unsafe { &mut *pointer };
            let before = chunk.fill();
            let cell = chunk.take(pointer);
            self.relist(pointer, before);
            cell
        }

        /// Lists a chunk without nodes.
        fn add_chunk(&mut self, class: usize, stripe: usize) -> *mut Chunk {
            let mut chunk = std::mem::replace(&mut self.empty, null_mut());
            if chunk.is_null() {
                // SAFETY: the size is not zero.
                chunk = unsafe { alloc(LAYOUT) }.cast();
                if chunk.is_null() {
                    handle_alloc_error(LAYOUT);
                }
                let (next, previous) = (null_mut(), null_mut());
                let head = Chunk { freed: null_mut(), next, previous, class, stripe, used: 0, carved: 0 };
                // SAFETY: the memory is new, large enough and aligned.
                unsafe { ptr::write(chunk, head) };
            }
            self.link(chunk, 0);
            chunk
        }

        /// Takes a cell back.
        ///
        /// # Safety
        ///
        /// `cell` is a cell of `chunk` in use that nobody touches again, and `chunk` belongs to this shard.
        unsafe fn put_back(&mut self, pointer: *mut Chunk, cell: *mut Cell) {
            // SAFETY: the caller guarantees that the chunk is live and only reached through the locked shard.
            let chunk = unsafe { &mut *pointer };
            let before = chunk.fill();
            // SAFETY: the caller gives the cell up.
            unsafe { ptr::write(cell, Cell { next: chunk.freed }) };
            chunk.freed = cell;
            chunk.used -= 1;
            if chunk.used > 0 {
                return self.relist(pointer, before);
            }
            self.unlink(pointer, before);
            let spare = std::mem::replace(&mut self.empty, pointer);
            if !spare.is_null() {
                // SAFETY: the chunk came from the same layout, is in no list, and holds no node.
                unsafe { dealloc(spare.cast(), LAYOUT) };
            }
        }

        /// Moves a chunk to the list it belongs to, if that is not `before`.
        fn relist(&mut self, pointer: *mut Chunk, before: usize) {
            // SAFETY: the chunk belongs to this shard.
            let after = unsafe { &*pointer }.fill();
            if before != after {
                self.unlink(pointer, before);
                self.link(pointer, after);
            }
        }

        fn link(&mut self, pointer: *mut Chunk, fill: usize) {
            let Some(list) = self.chunks.get_mut(fill) else { return };
            let next = std::mem::replace(list, pointer);
            // SAFETY: the chunk belongs to this shard.
            let chunk = unsafe { &mut *pointer };
            chunk.next = next;
            chunk.previous = null_mut();
            if !next.is_null() {
                // SAFETY: as above; it is another chunk.
                unsafe { (*next).previous = pointer };
            }
        }

        fn unlink(&mut self, pointer: *mut Chunk, fill: usize) {
            let Some(list) = self.chunks.get_mut(fill) else { return };
            // SAFETY: the chunk belongs to this shard.
            let chunk = unsafe { &mut *pointer };
            if chunk.previous.is_null() {
                *list = chunk.next;
            } else {
                // SAFETY: as above; it is another chunk.
                unsafe { (*chunk.previous).next = chunk.next };
            }
            if !chunk.next.is_null() {
                // SAFETY: as above; it is another chunk.
                unsafe { (*chunk.next).previous = chunk.previous };
            }
        }
    }

    impl Chunk {
        /// The list that a chunk so full belongs to; `FILLS` if it has no room.
        fn fill(&self) -> usize {
            self.used * FILLS / capacity(self.class)
        }

        /// Gives a free cell; there is one. `pointer` is the chunk itself, with the right to all of its memory.
        fn take(&mut self, pointer: *mut Self) -> *mut Cell {
            self.used += 1;
            if self.freed.is_null() {
                self.carved += 1;
                return pointer.wrapping_byte_add(self.carved * cell_bytes(self.class)).cast();
            }
            let cell = self.freed;
            // SAFETY: a freed cell is ours and was written when it was freed.
            self.freed = unsafe { (*cell).next };
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
