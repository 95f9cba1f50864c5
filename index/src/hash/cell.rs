//! What one slot of the table holds: the only place where the two indexes differ.
//!
//! A [`WordCell`] holds key and value themselves, in atomic words. A [`BoxedCell`] holds a pointer to an immutable
//! [`Entry`], so that a reader can be given a reference. The table moves *images* of cells about (the words, or the
//! pointer) and never an entry under somebody's reference.

use std::hash::BuildHasher;
use std::marker::PhantomData;

use crate::memory::prefetch;
use crate::sync::{AtomicPtr, AtomicU64, Ordering};
use crate::word::Words;

/// A slot's content, written under the lock of its group and read by anybody at any time.
///
/// # Safety
///
/// The all-zero bit pattern is the same cell as [`empty`](Cell::empty), unless a model checker takes the place of the
/// atomics.
pub(crate) unsafe trait Cell: Sized {
    /// All that a cell says at one moment.
    type Image: Copy;
    /// What the cells own, for the auto traits and the drop check of the index.
    type Held;
    /// Whether a reader must make sure, after reading a cell, that its slot was not given to another key meanwhile.
    const VALIDATED: bool;
    /// Whether an image refers to memory elsewhere.
    const REFERS: bool;

    /// A cell that was never used.
    fn empty() -> Self;
    /// Reads the cell, whoever writes it at the same time.
    fn load(&self) -> Self::Image;
    /// Fills a cell whose slot is not in use. The caller holds the group's lock and publishes the slot's tag after.
    fn store(&self, image: Self::Image);
    /// Replaces the value under the same key, in one step that publishes what `image` refers to. The caller holds the
    /// group's lock.
    fn replace(&self, image: Self::Image);
    /// Whether nothing was replaced between two loads of one slot.
    fn is_same(left: Self::Image, right: Self::Image) -> bool;
    /// Asks the processor for what `image` refers to.
    fn prefetch(image: Self::Image);
    /// The spread hash of the image's key.
    ///
    /// # Safety
    ///
    /// What `image` refers to is not freed: it was loaded under a guard that is still held, or the caller has the
    /// index to itself.
    unsafe fn hash<S: BuildHasher>(image: Self::Image, hasher: &S) -> u64;
    /// Drops what `image` owns.
    ///
    /// # Safety
    ///
    /// Nobody else refers to it, now or later, and nobody drops it twice.
    unsafe fn release(image: Self::Image);
}

/// Makes every bit of a hash count: the group is chosen by the highest bits, and weak hashers leave those alike.
#[inline]
pub(super) fn spread(hash: u64) -> u64 {
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A key of one or two words and a value of one, inline.
pub(crate) struct WordCell<W: Words> {
    key: W::Atomics,
    value: AtomicU64,
}

/// What a [`WordCell`] says.
pub(crate) struct WordImage<W> {
    pub(crate) key: W,
    pub(crate) value: u64,
}

impl<W: Words> Clone for WordImage<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: Words> Copy for WordImage<W> {}

// SAFETY: atomic words are zero when their bytes are.
unsafe impl<W: Words> Cell for WordCell<W> {
    type Image = WordImage<W>;
    type Held = ();
    const VALIDATED: bool = true;
    const REFERS: bool = false;

    fn empty() -> Self {
        Self { key: W::empty(), value: AtomicU64::new(0) }
    }

    #[inline]
    fn load(&self) -> WordImage<W> {
        // Relaxed: the reader's acquire fence before it compares versions orders these loads, and pairs with the
        // release fence of the writer that reuses the slot and with the release store in `replace`.
        WordImage { key: W::load(&self.key), value: self.value.load(Ordering::Relaxed) }
    }

    #[inline]
    fn store(&self, image: WordImage<W>) {
        // Relaxed: published by the release store of the tag; see `load` for readers that come too late.
        image.key.store(&self.key);
        self.value.store(image.value, Ordering::Relaxed);
    }

    #[inline]
    fn replace(&self, image: WordImage<W>) {
        // Release: pairs with the acquire fence of a reader that gets this value.
        self.value.store(image.value, Ordering::Release);
    }

    #[inline]
    fn is_same(left: WordImage<W>, right: WordImage<W>) -> bool {
        left.value == right.value && left.key == right.key
    }

    #[inline]
    fn prefetch(_image: WordImage<W>) {}

    #[inline]
    unsafe fn hash<S: BuildHasher>(image: WordImage<W>, hasher: &S) -> u64 {
        spread(image.key.hash(hasher))
    }

    unsafe fn release(_image: WordImage<W>) {}
}

/// A key with its value and its hash, which never change once published.
#[derive(Debug)]
pub(crate) struct Entry<K, V> {
    /// The spread hash: growing the table runs no user code, and most unequal keys are told apart by it.
    pub(crate) hash: u64,
    pub(crate) key: K,
    pub(crate) value: V,
}

/// A pointer to an entry.
pub(crate) struct BoxedCell<K, V> {
    entry: AtomicPtr<Entry<K, V>>,
    held: PhantomData<(K, V)>,
}

// SAFETY: a null pointer has the all-zero bit pattern.
unsafe impl<K, V> Cell for BoxedCell<K, V> {
    type Image = *mut Entry<K, V>;
    type Held = (K, V);
    const VALIDATED: bool = false;
    const REFERS: bool = true;

    fn empty() -> Self {
        Self { entry: AtomicPtr::new(std::ptr::null_mut()), held: PhantomData }
    }

    #[inline]
    fn load(&self) -> *mut Entry<K, V> {
        // Acquire: pairs with the release stores below, also for a reader with an old tag whose slot was reused.
        self.entry.load(Ordering::Acquire)
    }

    #[inline]
    fn store(&self, entry: *mut Entry<K, V>) {
        // Release: pairs with `load`.
        self.entry.store(entry, Ordering::Release);
    }

    #[inline]
    fn replace(&self, entry: *mut Entry<K, V>) {
        self.store(entry);
    }

    #[inline]
    fn is_same(left: *mut Entry<K, V>, right: *mut Entry<K, V>) -> bool {
        left == right
    }

    #[inline]
    fn prefetch(entry: *mut Entry<K, V>) {
        prefetch(entry);
    }

    #[inline]
    unsafe fn hash<S: BuildHasher>(entry: *mut Entry<K, V>, _hasher: &S) -> u64 {
        // SAFETY: the caller guarantees that the entry is not freed; published entries are never written.
        unsafe { (*entry).hash }
    }

    unsafe fn release(entry: *mut Entry<K, V>) {
        // SAFETY: entries come from `Box::into_raw`, and the caller hands over the last pointer to this one.
        drop(unsafe { Box::from_raw(entry) });
    }
}
