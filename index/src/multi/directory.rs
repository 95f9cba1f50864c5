//! What a directory must do, and the two arrangements to choose from.
//!
//! A directory is plain memory with one owner: it is written only while no reader can reach it, so it needs no atomics
//! and no `unsafe`. Writing is split in two: [`Lookup::seek`] runs the key's `Eq`, `Hash` or `Ord` and changes nothing;
//! the [`Directory`]'s `insert` and `remove` then act on the spot that was found. They call the user's code (`Hash` when a
//! table grows, `Clone` when a tree splits) before they change anything, or not at all, so a panic there leaves the
//! directory as it was.

use std::borrow::Borrow;
use std::hash::Hash;

use super::hashed::HashDirectory;
use super::list::{ListValue, PostingList};
use super::ordered::{self, OrderedDirectory, key_order};
use crate::IndexKey;

/// What keys of a [`MultiIndex`](crate::MultiIndex) must be able to do in any arrangement: be duplicated into another
/// copy, and be read by any thread. Implemented for every type that can.
pub trait Stored: Clone + Send + Sync + 'static {}

impl<K: Clone + Send + Sync + 'static> Stored for K {}

/// Keys in a hash table (`K: Hash + Eq`): the fastest lookups, no order.
#[derive(Clone, Copy, Debug)]
pub struct Hashed;

/// Keys in a B+ tree (`K: IndexKey`): lookups, ranges and prefixes, in key order.
#[derive(Clone, Copy, Debug)]
pub struct Ordered;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Hashed {}
    impl Sealed for super::Ordered {}
}

/// How a [`MultiIndex`](crate::MultiIndex) arranges its keys: [`Hashed`] or [`Ordered`].
pub trait Arrangement<K>: sealed::Sealed + Send + Sync + Sized + 'static {
    /// The structure that holds one copy.
    type Directory<T: Stored>: Directory<K, T>;

    /// Whether a directory is as it was when a key's code has panicked in a change of it.
    const IS_WHOLE_AFTER_PANIC: bool;

    /// A directory of these entries.
    fn build<V: ListValue>(entries: Vec<(K, V)>) -> Self::Directory<PostingList<V>>;

    /// Puts entries into the order that [`merge`](Self::merge) wants, those of one key in the order in which they come.
    fn sort<V>(entries: &mut [(K, V)]);

    /// A directory of all that is in another one and of these entries, which are in order. O(n + m).
    fn merge<V: ListValue>(
        directory: &Self::Directory<PostingList<V>>,
        entries: &[(K, V)],
    ) -> Self::Directory<PostingList<V>>;

    /// Whether two keys are the same one.
    fn is_same(one: &K, other: &K) -> bool;

    /// Where the key is, or where it would go.
    fn locate<T: Stored>(directory: &Self::Directory<T>, key: &K) -> Seek<Spot<Self, K, T>>;

    /// [`locate`](Self::locate), cheaper if the key is or would go near the spot that a hint names.
    fn locate_near<T: Stored>(directory: &Self::Directory<T>, key: &K, hint: Hint) -> Seek<Spot<Self, K, T>>;
}

impl<K: Stored + Hash + Eq> Arrangement<K> for Hashed {
    type Directory<T: Stored> = HashDirectory<K, T>;

    const IS_WHOLE_AFTER_PANIC: bool = true;

    fn build<V: ListValue>(entries: Vec<(K, V)>) -> HashDirectory<K, PostingList<V>> {
        let mut directory: HashDirectory<K, PostingList<V>> = HashDirectory::default();
        for (key, value) in entries {
            match directory.seek(&key) {
                Seek::Found(spot) => directory.value_mut(&spot).push(value),
                Seek::Vacant(spot) => directory.insert(spot, key, PostingList::one(value)),
            }
        }
        directory
    }

    fn sort<V>(_entries: &mut [(K, V)]) {}

    fn merge<V: ListValue>(
        directory: &HashDirectory<K, PostingList<V>>,
        entries: &[(K, V)],
    ) -> HashDirectory<K, PostingList<V>> {
        let mut merged = directory.duplicate();
        for (key, value) in entries {
            match merged.seek(key) {
                Seek::Found(spot) => merged.value_mut(&spot).push(value.clone()),
                Seek::Vacant(spot) => merged.insert(spot, key.clone(), PostingList::one(value.clone())),
            }
        }
        merged
    }

    fn is_same(one: &K, other: &K) -> bool {
        one == other
    }

    fn locate<T: Stored>(directory: &HashDirectory<K, T>, key: &K) -> Seek<super::hashed::Spot> {
        directory.seek(key)
    }

    fn locate_near<T: Stored>(directory: &HashDirectory<K, T>, key: &K, _hint: Hint) -> Seek<super::hashed::Spot> {
        directory.seek(key)
    }
}

impl<K: Stored + IndexKey> Arrangement<K> for Ordered {
    type Directory<T: Stored> = OrderedDirectory<K, T>;

    // A split and a merge ask keys for their words once entries have moved, where words alone are not the keys.
    const IS_WHOLE_AFTER_PANIC: bool = K::EXACT || K::NEVER_PANICS;

    fn build<V: ListValue>(mut entries: Vec<(K, V)>) -> OrderedDirectory<K, PostingList<V>> {
        <Self as Arrangement<K>>::sort(&mut entries);
        let key_count = entries.chunk_by(|(one, _), (other, _)| key_order(one, other).is_eq()).count();
        let mut entries = entries.into_iter().peekable();
        let lists = std::iter::from_fn(|| {
            let (key, value) = entries.next()?;
            let mut list = PostingList::one(value);
            while let Some((_, value)) = entries.next_if(|(next, _)| key_order(next, &key).is_eq()) {
                list.push(value);
            }
            Some((key, list))
        });
        OrderedDirectory::build(key_count, lists)
    }

    fn sort<V>(entries: &mut [(K, V)]) {
        entries.sort_by(|(one, _), (other, _)| key_order(one, other));
    }

    fn merge<V: ListValue>(
        directory: &OrderedDirectory<K, PostingList<V>>,
        entries: &[(K, V)],
    ) -> OrderedDirectory<K, PostingList<V>> {
        ordered::merge(directory, entries)
    }

    fn is_same(one: &K, other: &K) -> bool {
        one.cmp(other).is_eq()
    }

    fn locate<T: Stored>(directory: &OrderedDirectory<K, T>, key: &K) -> Seek<super::ordered::Spot> {
        directory.seek(key)
    }

    fn locate_near<T: Stored>(directory: &OrderedDirectory<K, T>, key: &K, hint: Hint) -> Seek<super::ordered::Spot> {
        directory.seek_near(key, hint)
    }
}

/// Arrangements in which a key can be found by its borrowed form `Q`, as in a `HashMap` or a `BTreeMap`: `String` by
/// `str`, `Box<[u8]>` by `[u8]`. The borrowed form must have the same hash, order and word.
pub trait Lookup<K, Q: ?Sized>: Arrangement<K> {
    /// The entry of a key.
    fn get<'a, T: Stored>(directory: &'a Self::Directory<T>, key: &Q) -> Option<(&'a K, &'a T)>;

    /// Where the key is, or where it would go.
    fn seek<T: Stored>(directory: &Self::Directory<T>, key: &Q) -> Seek<Spot<Self, K, T>>;
}

/// A place in the directory of an arrangement.
pub(super) type Spot<D, K, T> = <<D as Arrangement<K>>::Directory<T> as Directory<K, T>>::Spot;

impl<K: Stored + Hash + Eq + Borrow<Q>, Q: Hash + Eq + ?Sized> Lookup<K, Q> for Hashed {
    #[inline]
    fn get<'a, T: Stored>(directory: &'a HashDirectory<K, T>, key: &Q) -> Option<(&'a K, &'a T)> {
        directory.get(key)
    }

    #[inline]
    fn seek<T: Stored>(directory: &HashDirectory<K, T>, key: &Q) -> Seek<super::hashed::Spot> {
        directory.seek(key)
    }
}

impl<K: Stored + IndexKey + Borrow<Q>, Q: IndexKey + ?Sized> Lookup<K, Q> for Ordered {
    #[inline]
    fn get<'a, T: Stored>(directory: &'a OrderedDirectory<K, T>, key: &Q) -> Option<(&'a K, &'a T)> {
        directory.get(key)
    }

    #[inline]
    fn seek<T: Stored>(directory: &OrderedDirectory<K, T>, key: &Q) -> Seek<super::ordered::Spot> {
        directory.seek(key)
    }
}

/// The result of looking for a key in order to change its entry.
#[derive(Debug)]
pub enum Seek<S> {
    /// The key is here.
    Found(S),
    /// The key is absent and would go here.
    Vacant(S),
}

/// The number of a spot where a key was found or put in another copy: where it is looked for first. Nothing depends on its
/// being there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint(pub(super) u64);

impl Hint {
    /// No directory has this spot.
    pub(super) const UNKNOWN: Self = Self(u64::MAX);
}

/// One copy of a map from keys to `T`: a [`HashDirectory`] or an [`OrderedDirectory`].
pub trait Directory<K, T>: Default + Send + Sync + 'static {
    /// Where an entry is, or would go. Valid until the directory changes.
    type Spot;

    /// Every entry.
    type Iter<'a>: Iterator<Item = (&'a K, &'a T)> + Clone
    where
        Self: 'a,
        K: 'a,
        T: 'a;

    /// A directory with room for so many keys.
    fn with_capacity(key_count: usize) -> Self;

    /// A copy with the same entries in the same places, or a packed one if much memory is wasted.
    fn duplicate(&self) -> Self;

    /// An empty directory in which keys will have the same spots as in another one made from a copy of this one.
    fn empty_like(&self) -> Self;

    /// How many keys there are. O(1).
    fn len(&self) -> usize;

    /// Bytes of the directory itself, not of what keys and values own elsewhere. O(1).
    fn memory_usage(&self) -> usize;

    /// Whether most of the memory is empty, so that a clone, which packs, would be much smaller.
    fn is_wasteful(&self) -> bool;

    /// The entry at a spot where a key was found.
    fn entry(&self, spot: &Self::Spot) -> (&K, &T);

    /// The number of a spot where a key was found, which is the same in copies that have seen the same operations.
    fn hint_of(spot: &Self::Spot) -> Hint;

    /// The number of a vacant spot, likewise, or [`Hint::UNKNOWN`] where it would not help.
    fn hint_of_vacant(spot: &Self::Spot) -> Hint;

    /// The spot that a hint names, if some key was there when the hint was taken, and is.
    fn spot_at(&self, hint: Hint) -> Option<Self::Spot>;

    /// Has the entry that a hint names brought near, to be written soon.
    fn prefetch(&self, hint: Hint);

    /// What the key at the spot maps to.
    fn value_mut(&mut self, spot: &Self::Spot) -> &mut T;

    /// Puts a new key at a vacant spot.
    fn insert(&mut self, spot: Self::Spot, key: K, value: T);

    /// Takes the entry at the spot away.
    fn remove(&mut self, spot: Self::Spot) -> (K, T);

    /// Every entry, in key order where there is one.
    fn iter(&self) -> Self::Iter<'_>;
}
