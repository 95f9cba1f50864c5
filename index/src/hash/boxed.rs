//! The index for keys and values of any type.

use std::hash::{BuildHasher, Hash};

use super::cell::{BoxedCell, Entry, spread};
use super::core::Core;
use super::equivalent::Equivalent;
use crate::Guard;

/// A concurrent hash index whose reads take no lock and write nothing.
pub struct HashIndex<K, V, S = ahash::RandomState> {
    core: Core<BoxedCell<K, V>, S>,
}

/// An entry that is not published yet.
struct Draft<K, V>(*mut Entry<K, V>);

impl<K, V> Draft<K, V> {
    fn new(hash: u64, key: K, value: V) -> Self {
        Self(Box::into_raw(Box::new(Entry { hash, key, value })))
    }

    /// The entry, which from here on belongs to the index.
    fn published(self) {
        std::mem::forget(self);
    }
}

impl<K, V> Drop for Draft<K, V> {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw` and given to nobody.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// Drops an entry that was taken out of the index once nobody reads it.
fn retire<K: 'static, V: 'static>(entry: *mut Entry<K, V>, guard: &Guard) {
    // SAFETY: who took it out of its slot calls this, once; `K` and `V` may be dropped anywhere, any time later.
    unsafe { guard.defer(move || drop(Box::from_raw(entry))) };
}

/// The entry behind a pointer that was loaded under the guard of `'g`.
///
/// # Safety
///
/// `entry` was loaded from a slot under a guard that lives as long as `'g`.
#[inline]
unsafe fn read<'g, K, V>(entry: *mut Entry<K, V>) -> &'g Entry<K, V> {
    // SAFETY: an entry is retired through a guard after it left its slot, and published entries are never written.
    unsafe { &*entry }
}

impl<K, V> HashIndex<K, V> {
    /// An empty index.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty index that holds `capacity` entries before it grows.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, ahash::RandomState::new())
    }
}

impl<K, V, S> HashIndex<K, V, S> {
    /// An empty index that hashes by `hasher`.
    pub fn with_hasher(hasher: S) -> Self {
        Self::with_capacity_and_hasher(0, hasher)
    }

    /// An empty index that holds `capacity` entries before it grows and hashes by `hasher`.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self { core: Core::new(capacity, hasher) }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.core.counter.sum()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K, V, S> HashIndex<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher,
{
    #[inline]
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        spread(self.core.hasher.hash_one(key))
    }

    #[inline]
    fn find<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<&'g Entry<K, V>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hash(key);
        let entry = self.core.find(hash, guard, |entry| {
            // SAFETY: `find` loaded it from a slot under `guard`.
            let entry: &Entry<K, V> = unsafe { read(entry) };
            entry.hash == hash && key.equivalent(&entry.key)
        });
        // SAFETY: as above.
        entry.map(|entry| unsafe { read(entry) })
    }

    /// The value of `key`.
    #[inline]
    pub fn get<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<&'g V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.find(key, guard).map(|entry| &entry.value)
    }

    /// Whether there is an entry of `key`.
    #[inline]
    pub fn contains_key<Q>(&self, key: &Q, guard: &Guard) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.find(key, guard).is_some()
    }

    /// Puts `value` under `key`; gives the value it replaces.
    pub fn insert<'g>(&'g self, key: K, value: V, guard: &'g Guard) -> Option<&'g V> {
        let hash = self.hash(&key);
        let draft = Draft::new(hash, key, value);
        loop {
            let plan = self.core.plan(hash, guard, |entry| {
                // SAFETY: `plan` loaded it from a slot under `guard`; the draft is ours.
                let (entry, draft): (&Entry<K, V>, &Entry<K, V>) = unsafe { (read(entry), read(draft.0)) };
                entry.hash == hash && entry.key == draft.key
            });
            if self.core.put(&plan, draft.0, guard).is_err() {
                continue;
            }
            draft.published();
            let old = plan.found()?;
            retire(old, guard);
            // SAFETY: it was in a slot under `guard`.
            return Some(unsafe { &read(old).value });
        }
    }

    /// Takes the entry of `key` out; gives it.
    pub fn remove<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<(&'g K, &'g V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hash(key);
        loop {
            let plan = self.core.plan(hash, guard, |entry| {
                // SAFETY: `plan` loaded it from a slot under `guard`.
                let entry: &Entry<K, V> = unsafe { read(entry) };
                entry.hash == hash && key.equivalent(&entry.key)
            });
            let old = plan.found()?;
            if self.core.take(&plan, guard).is_ok() {
                retire(old, guard);
                // SAFETY: it was in a slot under `guard`.
                let entry = unsafe { read(old) };
                return Some((&entry.key, &entry.value));
            }
        }
    }
}
