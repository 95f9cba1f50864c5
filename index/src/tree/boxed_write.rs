//! The tree of any keys and values: writes.

use std::borrow::Borrow;
use std::ops::RangeBounds;
use std::ptr::addr_of_mut;

use super::append::Batch;
use super::boxed::{TreeIndex, entry_of};
use super::bulk::Builder;
use super::edit::Edit;
use super::entry::Entry;
use super::store::Boxed;
use super::sweep::Broom;
use crate::guard::Guard;
use crate::key::IndexKey;
use crate::outcome::{Change, Changed, Occupied, Unexpected};

/// An entry that is not in the tree yet, and may still wait for its value.
struct Draft<K: IndexKey, V> {
    entry: *mut Entry<K, V>,
    has_value: bool,
}

impl<K: IndexKey, V> Draft<K, V> {
    fn new(key: K) -> Self {
        Self { entry: Entry::allocate(key), has_value: false }
    }

    fn with_value(key: K, value: V) -> Self {
        let mut draft = Self::new(key);
        draft.set(value);
        draft
    }

    /// The key. It stays where it is when the entry goes into the tree, and lives as long as the guard of `'g` even if the
    /// entry is removed at once.
    fn key<'g>(&self, _guard: &'g Guard) -> &'g K {
        // SAFETY: the entry is live, and reclaimed after the guard if ever it was in the tree. If it never is, the draft is
        // dropped by the operation that borrowed the key, which has ended.
        unsafe { &(*self.entry).key }
    }

    /// Gives the entry its value, or another one.
    fn set(&mut self, value: V) -> *mut Entry<K, V> {
        self.drop_value();
        // SAFETY: the draft owns the entry.
        let place = unsafe { addr_of_mut!((*self.entry).value) };
        // SAFETY: the place is uninitialised.
        unsafe { place.write(value) };
        self.has_value = true;
        self.entry
    }

    fn drop_value(&mut self) {
        if std::mem::replace(&mut self.has_value, false) {
            // SAFETY: the draft owns the entry.
            let place = unsafe { addr_of_mut!((*self.entry).value) };
            // SAFETY: the value was initialised and is not used again.
            unsafe { place.drop_in_place() };
        }
    }

    /// Gives key and value back, if it has one.
    fn into_entry(self) -> Option<Entry<K, V>> {
        if !self.has_value {
            return None;
        }
        let entry = self.placed();
        // SAFETY: the entry is whole, and is not in the tree.
        Some(unsafe { Entry::take(entry) })
    }

    /// The tree has it now.
    fn placed(self) -> *mut Entry<K, V> {
        let entry = self.entry;
        std::mem::forget(self);
        entry
    }
}

impl<K: IndexKey, V> Drop for Draft<K, V> {
    fn drop(&mut self) {
        self.drop_value();
        // SAFETY: the draft owns the entry, which is not in the tree.
        let key = unsafe { addr_of_mut!((*self.entry).key) };
        // SAFETY: the key is initialised, and nobody uses it again.
        unsafe { key.drop_in_place() };
        // SAFETY: nothing in it is initialised any more, but its tail.
        unsafe { Entry::deallocate(self.entry) };
    }
}

impl<K, V, const ORDER: usize> TreeIndex<K, V, ORDER>
where
    K: IndexKey + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Puts `value` under `key` and gives the value that was there, whose key goes with it. One atomic step: no reader misses the
    /// key meanwhile.
    pub fn insert<'g>(&'g self, key: K, value: V, guard: &'g Guard) -> Option<&'g V> {
        let draft = Draft::with_value(key, value);
        let before = self.tree.edit(draft.key(guard), |_| Edit::Put(draft.entry), guard);
        draft.placed();
        // SAFETY: read under the guard.
        before.map(|entry| unsafe { &entry_of(entry).value })
    }

    /// Puts `value` under `key` if there is none.
    ///
    /// # Errors
    ///
    /// [`Occupied`] gives the value that is there, and key and value back.
    ///
    /// # Panics
    ///
    /// Only if a key does.
    pub fn try_insert<'g>(&'g self, key: K, value: V, guard: &'g Guard) -> Result<&'g V, Occupied<'g, K, V>> {
        let draft = Draft::with_value(key, value);
        let put = |current: Option<_>| if current.is_some() { Edit::Keep } else { Edit::Put(draft.entry) };
        match self.tree.edit(draft.key(guard), put, guard) {
            // SAFETY: the entry is in the tree, or was under this guard.
            None => Ok(unsafe { &entry_of(draft.placed()).value }),
            Some(current) => {
                let Entry { key, value } = draft.into_entry().expect("the draft was made with a value");
                // SAFETY: read under the guard.
                Err(Occupied { current: unsafe { &entry_of(current).value }, key, value })
            }
        }
    }

    /// The value under `key`, which `make` makes if there is none.
    pub fn get_or_insert_with<'g>(&'g self, key: K, make: impl FnOnce() -> V, guard: &'g Guard) -> &'g V {
        if let Some(value) = self.get(&key, guard) {
            return value;
        }
        match self.try_insert(key, make(), guard) {
            Ok(value) => value,
            Err(occupied) => occupied.current,
        }
    }

    /// Puts under `key` what `value` makes of the value it has, or of `None`.
    ///
    /// `value` may run more than once when other threads change the key; what its last run gave is what happened.
    pub fn upsert<'g>(&'g self, key: K, mut value: impl FnMut(Option<&V>) -> V, guard: &'g Guard) -> Changed<&'g V> {
        self.compute(key, |before| Change::Put(value(before)), guard)
    }

    /// Replaces the value of `key`, if it has one, by what `value` makes of it. Clones the stored key.
    ///
    /// `value` may run more than once, as in [`upsert`](Self::upsert).
    pub fn update<'g, Q>(&'g self, key: &Q, mut value: impl FnMut(&V) -> V, guard: &'g Guard) -> Changed<&'g V>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let Some((key, _)) = self.get_key_value(key, guard) else { return Changed { before: None, after: None } };
        let change = |before: Option<&V>| before.map_or(Change::Keep, |before| Change::Put(value(before)));
        self.compute(key.clone(), change, guard)
    }

    /// Lets `change` decide what becomes of `key`, given the value it has.
    ///
    /// `change` may run more than once when other threads change the key; what its last run asked for is what happened.
    /// No lock is held while it runs, so it may use the index; but if it changes `key` each time, it runs for ever.
    pub fn compute<'g>(
        &'g self,
        key: K,
        mut change: impl FnMut(Option<&V>) -> Change<V>,
        guard: &'g Guard,
    ) -> Changed<&'g V> {
        let mut draft = Draft::new(key);
        let key = draft.key(guard);
        let mut last = Edit::Keep;
        let decide = |current: Option<_>| {
            // SAFETY: read under the guard.
            let before = current.map(|entry| unsafe { &entry_of(entry).value });
            last = match change(before) {
                Change::Keep => Edit::Keep,
                Change::Put(value) => Edit::Put(draft.set(value)),
                Change::Remove => Edit::Remove,
            };
            last
        };
        let before = self.tree.edit(key, decide, guard);
        // SAFETY: read under the guard.
        let before = before.map(|entry| unsafe { &entry_of(entry).value });
        let after = match last {
            Edit::Keep => before,
            Edit::Remove => None,
            // SAFETY: the entry is in the tree, or was under this guard.
            Edit::Put(_) => Some(unsafe { &entry_of(draft.placed()).value }),
        };
        Changed { before, after }
    }

    /// Puts `new` in the place of `current`; gives the value replaced.
    ///
    /// # Errors
    ///
    /// Gives the value that is there, if any, and `new` back, if it does not equal `current`.
    ///
    /// # Panics
    ///
    /// Only if a key or a value does.
    pub fn compare_exchange<'g>(
        &'g self,
        key: K,
        current: &V,
        new: V,
        guard: &'g Guard,
    ) -> Result<&'g V, Unexpected<'g, V>>
    where
        V: PartialEq,
    {
        let draft = Draft::with_value(key, new);
        let mut put = false;
        let exchange = |found: Option<_>| {
            // SAFETY: read under the guard.
            put = found.is_some_and(|entry| unsafe { &entry_of::<K, V>(entry).value } == current);
            if put { Edit::Put(draft.entry) } else { Edit::Keep }
        };
        let found = self.tree.edit(draft.key(guard), exchange, guard);
        // SAFETY: read under the guard.
        let found = found.map(|entry| unsafe { &entry_of(entry).value });
        match found {
            Some(replaced) if put => {
                draft.placed();
                Ok(replaced)
            }
            _ => {
                let new = draft.into_entry().expect("the draft was made with a value").value;
                Err(Unexpected { current: found, new })
            }
        }
    }

    /// Removes the entry of `key` and gives it.
    pub fn remove<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<(&'g K, &'g V)>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        self.remove_if(key, |_, _| true, guard)
    }

    /// Removes the entry of `key` if `condition` holds for it; gives the entry if it went.
    ///
    /// `condition` may run more than once when other threads change the key.
    pub fn remove_if<'g, Q>(
        &'g self,
        key: &Q,
        mut condition: impl FnMut(&K, &V) -> bool,
        guard: &'g Guard,
    ) -> Option<(&'g K, &'g V)>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut removed = false;
        let decide = |current: Option<_>| {
            removed = current.is_some_and(|entry| {
                // SAFETY: read under the guard.
                let Entry { key, value } = unsafe { entry_of(entry) };
                condition(key, value)
            });
            if removed { Edit::Remove } else { Edit::Keep }
        };
        let entry = self.tree.edit(key, decide, guard)?;
        // SAFETY: read under the guard.
        let Entry { key, value } = unsafe { entry_of(entry) };
        removed.then_some((key, value))
    }

    /// Removes the entries inside `bounds` and gives their number. Each leaf is one atomic step, the whole is not: entries
    /// that come meanwhile may stay. O(entries inside).
    pub fn remove_range<Q, R>(&self, bounds: R, guard: &Guard) -> usize
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        self.tree.sweep(bounds, &mut Sweep { doomed: |_: &K, _: &V| true }, guard)
    }

    /// Removes every entry for which `keep` does not hold. O(n).
    ///
    /// Entries inserted meanwhile may or may not be asked about. An entry whose value is replaced meanwhile is asked about
    /// again before it goes.
    pub fn retain(&self, mut keep: impl FnMut(&K, &V) -> bool, guard: &Guard) {
        let doomed = |key: &K, value: &V| !keep(key, value);
        self.tree.sweep::<K, _, _>(.., &mut Sweep { doomed }, guard);
    }

    /// Removes the entry with the smallest key and gives it. A smaller key that is inserted meanwhile may stay.
    pub fn pop_first<'g>(&'g self, guard: &'g Guard) -> Option<(&'g K, &'g V)> {
        loop {
            let (key, _) = self.first(guard)?;
            if let Some(entry) = self.remove(key, guard) {
                return Some(entry);
            }
        }
    }

    /// Removes the entry with the largest key and gives it. A larger key that is inserted meanwhile may stay.
    pub fn pop_last<'g>(&'g self, guard: &'g Guard) -> Option<(&'g K, &'g V)> {
        loop {
            let (key, _) = self.last(guard)?;
            if let Some(entry) = self.remove(key, guard) {
                return Some(entry);
            }
        }
    }

    /// Removes every entry that is there when it begins; entries that come meanwhile may stay. O(n).
    pub fn clear(&self, guard: &Guard) {
        self.tree.clear(guard);
    }

    /// Builds an index from entries in ascending order, several times as fast as by insertions and with full leaves. Of
    /// entries with equal keys the last one counts. O(n).
    ///
    /// # Panics
    ///
    /// If a key is smaller than the one before.
    pub fn from_sorted(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut builder = Builder::<Boxed<K, V>, ORDER>::new();
        for (key, value) in entries {
            let draft = Draft::with_value(key, value);
            // SAFETY: the draft lends its entry.
            let key = unsafe { &entry_of(draft.entry).key };
            // SAFETY: the builder owns the entry, and lends it.
            let last = builder.last().map(|(_, entry)| unsafe { &entry_of(entry).key });
            assert!(last <= Some(key), "the entries must be sorted by key");
            if last == Some(key) {
                let replaced = builder.replace_last(draft.placed());
                // SAFETY: the builder gave the entry up, which is whole.
                drop(replaced.map(|entry| unsafe { Entry::take(entry) }));
                continue;
            }
            builder.push(key.word(0), draft.entry);
            draft.placed();
        }
        let mut index = Self::with_order();
        builder.finish(&mut index.tree);
        index
    }

    /// Inserts entries in the order in which they come. Those that ascend beyond the largest key go in some fifty at a time:
    /// they fill one leaf after the other to the brim and cost little more than in [`from_sorted`](Self::from_sorted). Others
    /// are inserted one by one; of entries with equal keys the last one counts.
    ///
    /// Whoever sees an entry finds from then on those that came before it. Up to some fifty entries that the iterator gave
    /// are not inserted yet when it is asked for the next one, and are dropped if it panics.
    pub fn append_sorted(&self, entries: impl IntoIterator<Item = (K, V)>, guard: &Guard) {
        let mut batch = Batch::new(&self.tree, guard);
        for (key, value) in entries {
            let draft = Draft::with_value(key, value);
            let key = draft.key(guard);
            // SAFETY: the batch owns the entry, and lends it.
            let in_order = batch.last().is_none_or(|(_, last)| unsafe { &entry_of(last).key } < key);
            if batch.is_full() || !in_order {
                batch.insert(|_, entry| EntryKey(entry));
            }
            batch.push(key.word(0), draft.entry);
            draft.placed();
        }
        batch.insert(|_, entry| EntryKey(entry));
    }
}

/// Takes what `doomed` says.
struct Sweep<F> {
    doomed: F,
}

impl<K: IndexKey + Clone, V, F: FnMut(&K, &V) -> bool> Broom<Boxed<K, V>> for Sweep<F> {
    type Key = EntryKey<K, V>;

    fn takes(&mut self, _word: u64, entry: *mut Entry<K, V>) -> bool {
        // SAFETY: the sweep reads entries under its guard.
        let Entry { key, value } = unsafe { entry_of(entry) };
        (self.doomed)(key, value)
    }

    fn key(&self, _word: u64, entry: *mut Entry<K, V>) -> EntryKey<K, V> {
        EntryKey(entry)
    }
}

/// The key of an entry that a sweep read, or that is being inserted. It lives inside that operation only, and so under its
/// guard.
struct EntryKey<K, V>(*mut Entry<K, V>);

impl<K, V> Borrow<K> for EntryKey<K, V> {
    fn borrow(&self) -> &K {
        // SAFETY: a sweep reads entries under its guard, a batch owns them or has put them into the tree under its own; neither
        // lets a key out.
        unsafe { &entry_of(self.0).key }
    }
}
