//! Lookups by something other than the key's own type.

use std::borrow::Borrow;

/// A value that can be looked up among keys of type `K`.
///
/// Every `Q` is one for each `K: Borrow<Q>`: `str` for `String`, `[u8]` for `Vec<u8>`. Implement it to look a composite
/// key up by its borrowed parts, without building the key.
///
/// The law: `q.equivalent(k)` implies that both have the same hash. An implementation that breaks it finds nothing;
/// nothing else goes wrong.
pub trait Equivalent<K: ?Sized> {
    /// Whether `key` is the key that is looked for.
    fn equivalent(&self, key: &K) -> bool;
}

impl<Q: Eq + ?Sized, K: Borrow<Q> + ?Sized> Equivalent<K> for Q {
    #[inline]
    fn equivalent(&self, key: &K) -> bool {
        self == key.borrow()
    }
}
