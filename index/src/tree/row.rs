//! A few items in order, at most `N`: what a plan works with.

use std::ops::{Deref, DerefMut};

/// Items on the stack. Cheaper to fill than a vector that might have to grow.
pub(super) struct Row<T, const N: usize> {
    items: [T; N],
    len: usize,
}

impl<T: Copy, const N: usize> Clone for Row<T, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Copy, const N: usize> Copy for Row<T, N> {}

impl<T: Copy, const N: usize> Row<T, N> {
    /// No items; `filler` is what unused places hold.
    #[inline]
    pub(super) fn new(filler: T) -> Self {
        Self { items: [filler; N], len: 0 }
    }

    /// # Panics
    ///
    /// If there are `N` items, as in the other methods.
    #[inline]
    pub(super) fn push(&mut self, item: T) {
        self.items[self.len] = item;
        self.len += 1;
    }

    #[inline]
    pub(super) fn extend(&mut self, items: impl ExactSizeIterator<Item = T>) {
        let end = self.len + items.len();
        self.items[self.len..end].iter_mut().zip(items).for_each(|(place, item)| *place = item);
        self.len = end;
    }

    #[inline]
    pub(super) fn insert(&mut self, index: usize, item: T) {
        self.items.copy_within(index..self.len, index + 1);
        self.items[index] = item;
        self.len += 1;
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }
}

impl<T, const N: usize> Deref for Row<T, N> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.items[..self.len]
    }
}

impl<T, const N: usize> DerefMut for Row<T, N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items[..self.len]
    }
}
