//! What a slot holds: a value word beside an exact key word, or a pointer to an entry.
//!
//! Both trees are one tree over a [`Store`]. [`Words`] keeps everything inline and gives copies. [`Boxed`] keeps each entry
//! in a box of its own that never moves and never changes, so that a leaf is copied pointer by pointer, references stay
//! valid as long as the guard, and nothing is asked of `V`.

use std::marker::PhantomData;

use super::entry::Entry;
use super::node::KEYS_MAX;
use crate::guard::Guard;
use crate::key::{IndexKey, OrderedWord};
use crate::sync::{AtomicPtr, AtomicU64, Ordering};
use crate::word::Word;

/// An atomic that holds a slot.
pub(crate) trait Cell<T>: Sized {
    fn new(value: T) -> Self;
    /// Cells with these values. Spelled out, because a closure for each would not be inlined.
    #[inline]
    fn each([a, b, c, d, e, f, g]: [T; KEYS_MAX]) -> [Self; KEYS_MAX] {
        [Self::new(a), Self::new(b), Self::new(c), Self::new(d), Self::new(e), Self::new(f), Self::new(g)]
    }
    fn load(&self, ordering: Ordering) -> T;
    fn store(&self, value: T, ordering: Ordering);
}

impl Cell<u64> for AtomicU64 {
    #[inline]
    fn new(value: u64) -> Self {
        Self::new(value)
    }
    #[inline]
    fn load(&self, ordering: Ordering) -> u64 {
        self.load(ordering)
    }
    #[inline]
    fn store(&self, value: u64, ordering: Ordering) {
        self.store(value, ordering);
    }
}

impl<T> Cell<*mut T> for AtomicPtr<T> {
    #[inline]
    fn new(value: *mut T) -> Self {
        Self::new(value)
    }
    #[inline]
    fn load(&self, ordering: Ordering) -> *mut T {
        self.load(ordering)
    }
    #[inline]
    fn store(&self, value: *mut T, ordering: Ordering) {
        self.store(value, ordering);
    }
}

/// How a tree keeps its entries.
pub(crate) trait Store: Sized {
    type Key: IndexKey;
    type Value;
    /// What a slot holds.
    type Slot: Copy + PartialEq;
    type Cell: Cell<Self::Slot>;
    /// What an inner node keeps beside a word, to tell keys of one word apart.
    type Separator: Copy;
    /// An entry as a read gives it.
    type Item<'g>
    where
        Self: 'g;

    /// What an unused slot holds.
    const EMPTY: Self::Slot;
    const NO_SEPARATOR: Self::Separator;
    /// Bytes of an entry outside its leaf.
    const ENTRY_BYTES: usize;
    /// Whether entries say how their keys end.
    const HAS_TAILS: bool;

    /// The line to ask for before the entry in `slot` is read.
    fn prefetch(slot: Self::Slot);

    /// The key of an entry. Only called where words are not exact.
    ///
    /// # Safety
    ///
    /// `slot` was read from a slot that a snapshot named, under a guard that outlives `'g`.
    unsafe fn key<'g>(slot: Self::Slot) -> &'g Self::Key;

    /// The length and the tail of the key of an entry. Only called where entries say so.
    ///
    /// # Safety
    ///
    /// As [`key`](Self::key).
    unsafe fn ending(slot: Self::Slot) -> (usize, u64);

    /// What `look` says of the key in a slot whose word is `word`.
    ///
    /// # Safety
    ///
    /// As [`key`](Self::key).
    unsafe fn look_at_key<T>(word: u64, slot: Self::Slot, look: impl FnOnce(&Self::Key) -> T) -> T;

    /// The entry in a slot whose word is `word`.
    ///
    /// # Safety
    ///
    /// As [`key`](Self::key).
    unsafe fn item<'g>(word: u64, slot: Self::Slot) -> Self::Item<'g>
    where
        Self: 'g;

    /// A key equal to that of an entry.
    fn key_of<'g>(item: Self::Item<'g>) -> Self::Key
    where
        Self: 'g;

    /// A separator equal to the key in `slot`, if words are not exact.
    ///
    /// # Safety
    ///
    /// As [`key`](Self::key).
    unsafe fn separate(slot: Self::Slot) -> Self::Separator;

    /// The key of a separator. Only called where words are not exact.
    ///
    /// # Safety
    ///
    /// `separator` came from [`separate`](Self::separate) and is not reclaimed before the end of `'g`.
    unsafe fn separator_key<'g>(separator: Self::Separator) -> &'g Self::Key;

    /// Drops an entry that no one can reach.
    ///
    /// # Safety
    ///
    /// `slot` owns its entry and is not used again.
    unsafe fn free_entry(slot: Self::Slot);

    /// Drops a separator that no one can reach.
    ///
    /// # Safety
    ///
    /// `separator` is not used again.
    unsafe fn free_separator(separator: Self::Separator);

    /// Drops an entry once no guard can reach it.
    ///
    /// # Safety
    ///
    /// As [`free_entry`](Self::free_entry), but for readers that are pinned now; the entry was inserted under the bounds
    /// `Send + 'static`.
    unsafe fn retire_entry(slot: Self::Slot, guard: &Guard);

    /// Drops a separator once no guard can reach it.
    ///
    /// # Safety
    ///
    /// As [`free_separator`](Self::free_separator), but for readers that are pinned now; `K: Send + 'static`.
    unsafe fn retire_separator(separator: Self::Separator, guard: &Guard);
}

/// Owns nothing, and is invariant in `T`.
type Invariant<T> = PhantomData<fn(T) -> T>;

/// Exact keys and word values, inline.
pub(crate) struct Words<K, V>(Invariant<(K, V)>);

impl<K: OrderedWord, V: Word> Store for Words<K, V> {
    type Key = K;
    type Value = V;
    type Slot = u64;
    type Cell = AtomicU64;
    type Separator = ();
    type Item<'g> = (K, V);

    const EMPTY: u64 = 0;
    const NO_SEPARATOR: () = ();
    const ENTRY_BYTES: usize = 0;
    const HAS_TAILS: bool = false;

    fn prefetch(_slot: u64) {}

    unsafe fn key<'g>(_slot: u64) -> &'g K {
        unreachable!("exact words are never followed by a look at the key")
    }

    unsafe fn ending(_slot: u64) -> (usize, u64) {
        unreachable!("there are no entries")
    }

    #[inline]
    unsafe fn look_at_key<T>(word: u64, _slot: u64, look: impl FnOnce(&K) -> T) -> T {
        look(&K::from_key_word(word))
    }

    #[inline]
    unsafe fn item<'g>(word: u64, slot: u64) -> (K, V)
    where
        Self: 'g,
    {
        (K::from_key_word(word), V::from_word(slot))
    }

    fn key_of<'g>((key, _): (K, V)) -> K
    where
        Self: 'g,
    {
        key
    }

    unsafe fn separate(_slot: u64) {}

    unsafe fn separator_key<'g>((): ()) -> &'g K {
        unreachable!("exact words are never followed by a look at the key")
    }

    unsafe fn free_entry(_slot: u64) {}
    unsafe fn free_separator((): ()) {}
    unsafe fn retire_entry(_slot: u64, _guard: &Guard) {}
    unsafe fn retire_separator((): (), _guard: &Guard) {}
}

/// Any keys and values, each entry in a box of its own.
pub(crate) struct Boxed<K, V>(Invariant<(K, V)>);

impl<K: IndexKey + Clone, V> Store for Boxed<K, V> {
    type Key = K;
    type Value = V;
    type Slot = *mut Entry<K, V>;
    type Cell = AtomicPtr<Entry<K, V>>;
    type Separator = *mut K;
    type Item<'g>
        = (&'g K, &'g V)
    where
        Self: 'g;

    const EMPTY: Self::Slot = std::ptr::null_mut();
    const NO_SEPARATOR: *mut K = std::ptr::null_mut();
    const ENTRY_BYTES: usize = Entry::<K, V>::BYTES;
    const HAS_TAILS: bool = K::HAS_TAIL;

    #[inline]
    fn prefetch(slot: Self::Slot) {
        super::node::prefetch_line(slot.cast_const().cast());
    }

    #[inline]
    unsafe fn key<'g>(slot: Self::Slot) -> &'g K {
        // SAFETY: the caller read a published slot: it points to an entry that outlives the caller's guard.
        unsafe { &(*slot).key }
    }

    #[inline]
    unsafe fn ending(slot: Self::Slot) -> (usize, u64) {
        // SAFETY: the caller read a published slot: it points to an entry that outlives the caller's guard.
        let length = unsafe { (*slot).key.length() };
        // SAFETY: as above.
        (length, unsafe { Entry::tail(slot) })
    }

    #[inline]
    unsafe fn look_at_key<T>(_word: u64, slot: Self::Slot, look: impl FnOnce(&K) -> T) -> T {
        // SAFETY: the caller read a published slot: it points to an entry that outlives the caller's guard.
        look(unsafe { &(*slot).key })
    }

    #[inline]
    unsafe fn item<'g>(_word: u64, slot: Self::Slot) -> (&'g K, &'g V)
    where
        Self: 'g,
    {
        // SAFETY: the caller read a published slot: it points to an entry that outlives the caller's guard.
        let entry = unsafe { &*slot };
        (&entry.key, &entry.value)
    }

    fn key_of<'g>((key, _): (&'g K, &'g V)) -> K
    where
        Self: 'g,
    {
        key.clone()
    }

    unsafe fn separate(slot: Self::Slot) -> *mut K {
        if K::EXACT {
            return Self::NO_SEPARATOR;
        }
        // SAFETY: as the caller guarantees.
        let key = unsafe { Self::key(slot) };
        Box::into_raw(Box::new(key.clone()))
    }

    #[inline]
    unsafe fn separator_key<'g>(separator: *mut K) -> &'g K {
        // SAFETY: the caller guarantees that it came from `separate` (not null, words not being exact) and lives.
        unsafe { &*separator }
    }

    unsafe fn free_entry(slot: Self::Slot) {
        // SAFETY: the caller owns the entry, which is whole.
        drop(unsafe { Entry::take(slot) });
    }

    unsafe fn free_separator(separator: *mut K) {
        if !separator.is_null() {
            // SAFETY: the caller owns the separator, which came from the box made in `separate`.
            drop(unsafe { Box::from_raw(separator) });
        }
    }

    unsafe fn retire_entry(slot: Self::Slot, guard: &Guard) {
        // SAFETY: the caller unlinked the entry and owns it.
        let reclaim = move || unsafe { Self::free_entry(slot) };
        // SAFETY: no new reader can reach the entry; it is `Send + 'static` as the caller guarantees.
        unsafe { crate::reclaim::retire(reclaim, guard) };
    }

    unsafe fn retire_separator(separator: *mut K, guard: &Guard) {
        if !separator.is_null() {
            // SAFETY: the caller unlinked the separator and owns it.
            let reclaim = move || unsafe { Self::free_separator(separator) };
            // SAFETY: no new reader can reach the separator; it is `Send + 'static` as the caller guarantees.
            unsafe { crate::reclaim::retire(reclaim, guard) };
        }
    }
}
