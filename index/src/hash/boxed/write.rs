//! Changing a [`HashIndex`].

use std::hash::{BuildHasher, Hash};

use super::{Entry, HashIndex, read};
use crate::Guard;
use crate::hash::core::Overtaken;
use crate::hash::equivalent::Equivalent;
use crate::outcome::{Change, Changed, Occupied, Unexpected};
use crate::reclaim;

/// An entry that is not published yet.
struct Draft<K, V>(*mut Entry<K, V>);

impl<K, V> Draft<K, V> {
    fn new(hash: u64, key: K, value: V) -> Self {
        Self(Box::into_raw(Box::new(Entry { hash, key, value })))
    }

    /// The entry, for its owner.
    fn entry(&self) -> &Entry<K, V> {
        // SAFETY: made by `Box::into_raw` and given to nobody.
        unsafe { &*self.0 }
    }

    /// The entry belongs to the index from here on.
    fn published(self) {
        std::mem::forget(self);
    }

    /// Takes key and value out again.
    fn into_parts(self) -> (K, V) {
        // SAFETY: made by `Box::into_raw` and given to nobody; `forget` keeps the drop below from doing this again.
        let entry = unsafe { Box::from_raw(self.0) };
        std::mem::forget(self);
        (entry.key, entry.value)
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
    // SAFETY: whoever took it out of its slot calls this, once, and no guard that could have seen it is left.
    let reclaim = move || drop(unsafe { Box::from_raw(entry) });
    // SAFETY: `K` and `V` are `Send` and `'static` wherever an index can be changed.
    unsafe { reclaim::retire(reclaim, guard) };
}

impl<K, V, S> HashIndex<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher,
{
    /// Puts `value` under `key`; gives the value that it replaces, whose key goes with it. O(1).
    ///
    /// A reader finds the old value or the new one, at no moment none.
    pub fn insert<'g>(&'g self, key: K, value: V, guard: &'g Guard) -> Option<&'g V> {
        let hash = self.hash(&key);
        let draft = Draft::new(hash, key, value);
        loop {
            let plan = self.plan(hash, &draft.entry().key, guard);
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

    /// Puts `value` under `key` if there is no entry yet; gives the value as it lies in the index.
    ///
    /// # Errors
    ///
    /// Gives the value that is there, and key and value back, if there is an entry.
    pub fn try_insert<'g>(&'g self, key: K, value: V, guard: &'g Guard) -> Result<&'g V, Occupied<'g, K, V>> {
        let hash = self.hash(&key);
        let draft = Draft::new(hash, key, value);
        loop {
            let plan = self.plan(hash, &draft.entry().key, guard);
            if let Some(current) = plan.found() {
                let (key, value) = draft.into_parts();
                // SAFETY: `plan` loaded it from a slot under `guard`.
                return Err(Occupied { current: unsafe { &read(current).value }, key, value });
            }
            if self.core.put(&plan, draft.0, guard).is_ok() {
                let inserted = draft.0;
                draft.published();
                // SAFETY: it is in a slot, or was since `guard` was made.
                return Ok(unsafe { &read(inserted).value });
            }
        }
    }

    /// The value of `key`, or that of `make` if there is none. `make` runs at most once; what it made is dropped if
    /// another thread's value came first.
    pub fn get_or_insert_with<'g>(&'g self, key: K, make: impl FnOnce() -> V, guard: &'g Guard) -> &'g V {
        if let Some(entry) = self.find(&key, guard) {
            return &entry.value;
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
        K: Clone,
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let Some(entry) = self.find(key, guard) else { return Changed { before: None, after: None } };
        let change = |before: Option<&V>| before.map_or(Change::Keep, |before| Change::Put(value(before)));
        self.compute(entry.key.clone(), change, guard)
    }

    /// Lets `change` decide what becomes of `key`, given the value it has.
    ///
    /// `change` may run more than once when other threads change the key; what its last run asked for is what happened.
    /// No lock is held while it runs, so it may use the index; but if it changes `key` each time, it runs for ever.
    pub fn compute<'g>(
        &'g self,
        mut key: K,
        mut change: impl FnMut(Option<&V>) -> Change<V>,
        guard: &'g Guard,
    ) -> Changed<&'g V> {
        let hash = self.hash(&key);
        // What was asked for, and of which entry: a change elsewhere in the group, perhaps by the closure itself, asks nobody again.
        let mut asked = None;
        loop {
            let plan = self.plan(hash, &key, guard);
            let found = plan.found();
            // SAFETY: `plan` loaded it from a slot under `guard`.
            let before: Option<&'g V> = found.map(|entry| unsafe { &read(entry).value });
            let asked_for = match asked.take() {
                Some((seen, asked_for)) if seen == found => asked_for,
                _ => change(before),
            };
            let after = match (asked_for, before) {
                (Change::Keep, _) | (Change::Remove, None) => return Changed { before, after: before },
                (Change::Remove, Some(_)) => {
                    if self.core.take(&plan, guard).is_err() {
                        asked = Some((found, Change::Remove));
                        continue;
                    }
                    None
                }
                (Change::Put(value), _) => {
                    let draft = Draft::new(hash, key, value);
                    if let Err(Overtaken) = self.core.put(&plan, draft.0, guard) {
                        let parts = draft.into_parts();
                        (key, asked) = (parts.0, Some((found, Change::Put(parts.1))));
                        continue;
                    }
                    let inserted = draft.0;
                    draft.published();
                    // SAFETY: it is in a slot, or was since `guard` was made.
                    Some(unsafe { &read(inserted).value })
                }
            };
            if let Some(old) = found {
                retire(old, guard);
            }
            return Changed { before, after };
        }
    }

    /// Puts `new` in the place of `current`; gives the value replaced.
    ///
    /// # Errors
    ///
    /// Gives the value that is there, if any, and `new` back, if it does not equal `current`.
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
        let hash = self.hash(&key);
        let draft = Draft::new(hash, key, new);
        loop {
            let plan = self.plan(hash, &draft.entry().key, guard);
            let found = plan.found();
            // SAFETY: `plan` loaded it from a slot under `guard`.
            let value: Option<&'g V> = found.map(|entry| unsafe { &read(entry).value });
            let (Some(old), Some(value)) = (found, value.filter(|value| *value == current)) else {
                return Err(Unexpected { current: value, new: draft.into_parts().1 });
            };
            if self.core.put(&plan, draft.0, guard).is_ok() {
                draft.published();
                retire(old, guard);
                return Ok(value);
            }
        }
    }

    /// Takes the entry of `key` out; gives it. O(1).
    pub fn remove<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<(&'g K, &'g V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.remove_if(key, |_, _| true, guard)
    }

    /// Takes the entry of `key` out if `condition` holds for it; gives the entry if it was taken out.
    ///
    /// `condition` may run more than once when other threads change the key.
    pub fn remove_if<'g, Q>(
        &'g self,
        key: &Q,
        condition: impl FnMut(&K, &V) -> bool,
        guard: &'g Guard,
    ) -> Option<(&'g K, &'g V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.remove_hashed(self.hash(key), key, condition, guard)
    }

    fn remove_hashed<'g, Q>(
        &'g self,
        hash: u64,
        key: &Q,
        mut condition: impl FnMut(&K, &V) -> bool,
        guard: &'g Guard,
    ) -> Option<(&'g K, &'g V)>
    where
        Q: Equivalent<K> + ?Sized,
    {
        // As in `compute`.
        let mut held = None;
        loop {
            let plan = self.plan(hash, key, guard);
            let found = plan.found()?;
            // SAFETY: `plan` loaded it from a slot under `guard`.
            let entry: &'g Entry<K, V> = unsafe { read(found) };
            if held != Some(found) && !condition(&entry.key, &entry.value) {
                return None;
            }
            held = Some(found);
            if self.core.take(&plan, guard).is_ok() {
                retire(found, guard);
                return Some((&entry.key, &entry.value));
            }
        }
    }

    /// Takes out every entry for which `keep` does not hold. O(n).
    ///
    /// Entries inserted meanwhile may or may not be asked about. An entry whose value is replaced meanwhile is asked about
    /// again.
    pub fn retain(&self, mut keep: impl FnMut(&K, &V) -> bool, guard: &Guard) {
        for entry in self.entries(guard) {
            if !keep(&entry.key, &entry.value) {
                let refused = |key: &K, value: &V| std::ptr::eq(value, &raw const entry.value) || !keep(key, value);
                self.remove_hashed(entry.hash, &entry.key, refused, guard);
            }
        }
    }

    /// Takes all entries out, group by group: entries inserted meanwhile may stay. O(capacity).
    pub fn clear(&self, guard: &Guard) {
        // One deferral for each group: no reader is held up for long by what it happens to reclaim.
        self.core.clear(guard, |entries| {
            let reclaim = move || {
                for entry in entries {
                    // SAFETY: `clear` took it out of its slot and gave it to nobody else; no guard of that time is left.
                    drop(unsafe { Box::from_raw(entry) });
                }
            };
            // SAFETY: as in `retire`.
            unsafe { reclaim::retire(reclaim, guard) };
        });
    }
}
