//! Arenas: nodes by number.

use std::ops::{Index, IndexMut};

use crate::memory::prefer_huge_pages;

/// An arena below so many bytes doubles.
const SMALL_BYTES: usize = 32 << 10;

/// Nodes under numbers that stay the same while others come and go.
#[derive(Debug)]
pub(super) struct Arena<N> {
    nodes: Vec<N>,
    free: Vec<u32>,
}

impl<N> Default for Arena<N> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: Vec::new() }
    }
}

impl<N: Clone> Clone for Arena<N> {
    fn clone(&self) -> Self {
        // With room for some more: it is copied because it is about to be written.
        let mut nodes = Vec::with_capacity(self.nodes.len() + 1 + self.nodes.len() / 64);
        prefer_huge_pages(nodes.spare_capacity_mut());
        nodes.extend_from_slice(&self.nodes);
        Self { nodes, free: self.free.clone() }
    }
}

impl<N: Default> Arena<N> {
    /// Bytes of all nodes, free ones too.
    pub(super) fn memory_usage(&self) -> usize {
        self.nodes.capacity() * size_of::<N>() + self.free.capacity() * size_of::<u32>()
    }

    /// Makes room for so many nodes more.
    pub(super) fn reserve(&mut self, node_count: usize) {
        self.nodes.reserve_exact(node_count);
        prefer_huge_pages(self.nodes.spare_capacity_mut());
    }

    pub(super) fn insert(&mut self, node: N) -> u32 {
        if let Some(number) = self.free.pop() {
            self.nodes[number as usize] = node;
            return number;
        }
        if self.nodes.len() == self.nodes.capacity() {
            // A large block is remapped, not copied, and so may grow by little.
            let is_small = self.nodes.len() * size_of::<N>() < SMALL_BYTES;
            self.reserve(4.max(if is_small { self.nodes.len() } else { self.nodes.len() / 12 }));
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("a directory has fewer than 2^32 nodes")
    }

    /// The node of a number, if there is one or was one.
    pub(super) fn get(&self, number: u32) -> Option<&N> {
        self.nodes.get(number as usize)
    }

    pub(super) fn remove(&mut self, number: u32) -> N {
        self.free.push(number);
        std::mem::take(&mut self.nodes[number as usize])
    }

    /// How many nodes there is memory for.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }
}

impl<N> Index<u32> for Arena<N> {
    type Output = N;

    #[inline]
    fn index(&self, number: u32) -> &N {
        &self.nodes[number as usize]
    }
}

impl<N> IndexMut<u32> for Arena<N> {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut N {
        &mut self.nodes[number as usize]
    }
}
