//! Entries of any keys and values, each in memory of its own.
//!
//! Behind an entry whose key has a [tail](IndexKey::tail) lies that tail. With the word in the leaf it tells most keys that a
//! lookup asks for from any other one without a look at the bytes that the key points to, which would be one more cache miss.

use std::mem::MaybeUninit;
use std::ptr::addr_of_mut;

use crate::key::IndexKey;

/// One entry, which never moves and never changes.
pub(crate) struct Entry<K, V> {
    pub(crate) key: K,
    pub(crate) value: V,
}

/// An entry and the tail of its key.
#[repr(C)]
struct Tailed<K, V> {
    entry: MaybeUninit<Entry<K, V>>,
    tail: u64,
}

impl<K: IndexKey, V> Entry<K, V> {
    /// Bytes of an entry in memory.
    pub(super) const BYTES: usize = if K::HAS_TAIL { size_of::<Tailed<K, V>>() } else { size_of::<Self>() };

    /// An entry that waits for its value.
    pub(super) fn allocate(key: K) -> *mut Self {
        let entry: *mut Self = if K::HAS_TAIL {
            let tail = key.tail();
            Box::into_raw(Box::new(Tailed::<K, V> { entry: MaybeUninit::uninit(), tail })).cast()
        } else {
            Box::into_raw(Box::<Self>::new_uninit()).cast()
        };
        // SAFETY: there is room for an entry.
        let place = unsafe { addr_of_mut!((*entry).key) };
        // SAFETY: the place is ours and uninitialised.
        unsafe { place.write(key) };
        entry
    }

    /// Gives the memory of an entry back, and drops nothing.
    ///
    /// # Safety
    ///
    /// `entry` came from [`allocate`](Self::allocate), and nobody uses it any more.
    pub(super) unsafe fn deallocate(entry: *mut Self) {
        if K::HAS_TAIL {
            // SAFETY: so it was allocated; nobody uses it, says the caller.
            drop(unsafe { Box::from_raw(entry.cast::<Tailed<K, V>>()) });
        } else {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(entry.cast::<MaybeUninit<Self>>()) });
        }
    }

    /// Takes a whole entry out of its memory, which goes back.
    ///
    /// # Safety
    ///
    /// As [`deallocate`](Self::deallocate); the entry has its value.
    pub(super) unsafe fn take(entry: *mut Self) -> Self {
        // SAFETY: the entry is whole, and nobody reads it again.
        let taken = unsafe { entry.read() };
        // SAFETY: as the caller guarantees.
        unsafe { Self::deallocate(entry) };
        taken
    }

    /// The tail of the key, which has one.
    ///
    /// # Safety
    ///
    /// `entry` came from [`allocate`](Self::allocate) and is not freed meanwhile.
    #[inline]
    pub(super) unsafe fn tail(entry: *mut Self) -> u64 {
        debug_assert!(K::HAS_TAIL, "only such entries have room for it");
        // SAFETY: so it was allocated, and the tail never changes.
        unsafe { (*entry.cast::<Tailed<K, V>>()).tail }
    }
}
