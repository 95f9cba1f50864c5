//! Changing a [`WordHashIndex`].

use std::hash::BuildHasher;

use super::{WordHashIndex, WordImage};
use crate::Guard;
use crate::outcome::{Change, Changed};
use crate::word::{Word, WordKey};

impl<K: WordKey, V: Word, S: BuildHasher> WordHashIndex<K, V, S> {
    /// Puts `value` under `key`; gives the value that it replaces. O(1).
    ///
    /// A reader finds the old value or the new one, at no moment none.
    pub fn insert(&self, key: K, value: V, guard: &Guard) -> Option<V> {
        let image = WordImage { key: key.to_words(), value: value.to_word() };
        let hash = self.hash(image.key);
        loop {
            let plan = self.plan(hash, image.key, guard);
            if self.core.put(&plan, image, guard).is_ok() {
                return plan.found().map(|old| V::from_word(old.value));
            }
        }
    }

    /// Puts `value` under `key` if there is no entry yet.
    ///
    /// # Errors
    ///
    /// Gives the value that is there, if there is one.
    pub fn try_insert(&self, key: K, value: V, guard: &Guard) -> Result<(), V> {
        match self.compute(key, |before| before.map_or(Change::Put(value), |_| Change::Keep), guard).before {
            None => Ok(()),
            Some(current) => Err(current),
        }
    }

    /// The value of `key`, or that of `make`, from now on its value, if there is none. `make` runs at most once.
    pub fn get_or_insert_with(&self, key: K, make: impl FnOnce() -> V, guard: &Guard) -> V {
        if let Some(value) = self.get(&key, guard) {
            return value;
        }
        let made = make();
        self.try_insert(key, made, guard).map_or_else(|current| current, |()| made)
    }

    /// Puts under `key` what `value` makes of the value it has, or of `None`.
    ///
    /// `value` may run more than once when other threads change the key; what its last run gave is what happened.
    pub fn upsert(&self, key: K, mut value: impl FnMut(Option<V>) -> V, guard: &Guard) -> Changed<V> {
        self.compute(key, |before| Change::Put(value(before)), guard)
    }

    /// Replaces the value of `key`, if it has one, by what `value` makes of it.
    ///
    /// `value` may run more than once, as in [`upsert`](Self::upsert).
    pub fn update(&self, key: &K, mut value: impl FnMut(V) -> V, guard: &Guard) -> Changed<V> {
        self.compute(*key, |before| before.map_or(Change::Keep, |before| Change::Put(value(before))), guard)
    }

    /// Lets `change` decide what becomes of `key`, given the value it has.
    ///
    /// `change` may run more than once when other threads change the key; what its last run asked for is what happened.
    /// No lock is held while it runs, so it may use the index; but if it changes `key` each time, it runs for ever.
    pub fn compute(&self, key: K, mut change: impl FnMut(Option<V>) -> Change<V>, guard: &Guard) -> Changed<V> {
        let words = key.to_words();
        let hash = self.hash(words);
        // What was asked for, and of which value: a change elsewhere in the group, perhaps by the closure itself, asks nobody again.
        let mut asked = None;
        loop {
            let plan = self.plan(hash, words, guard);
            let found = plan.found().map(|image| image.value);
            let before = found.map(V::from_word);
            let asked_for = match asked {
                Some((seen, asked_for)) if seen == found => asked_for,
                _ => change(before),
            };
            let (after, done) = match (asked_for, before) {
                (Change::Keep, _) | (Change::Remove, None) => (before, Ok(())),
                (Change::Remove, Some(_)) => (None, self.core.take(&plan, guard)),
                (Change::Put(value), _) => {
                    let image = WordImage { key: words, value: value.to_word() };
                    (Some(value), self.core.put(&plan, image, guard))
                }
            };
            if done.is_ok() {
                return Changed { before, after };
            }
            asked = Some((found, asked_for));
        }
    }

    /// Puts `new` in the place of `current`; gives the value replaced, which is `current`.
    ///
    /// # Errors
    ///
    /// Gives the value that is there, if any, if it is not `current`.
    pub fn compare_exchange(&self, key: &K, current: V, new: V, guard: &Guard) -> Result<V, Option<V>> {
        let expected = current.to_word();
        let is_expected = |before: Option<V>| before.is_some_and(|before| before.to_word() == expected);
        let exchange = |before| if is_expected(before) { Change::Put(new) } else { Change::Keep };
        match self.compute(*key, exchange, guard).before {
            Some(before) if before.to_word() == expected => Ok(before),
            before => Err(before),
        }
    }

    /// Takes the entry of `key` out; gives its value. O(1).
    pub fn remove(&self, key: &K, guard: &Guard) -> Option<V> {
        self.remove_if(key, |_| true, guard)
    }

    /// Takes the entry of `key` out if `condition` holds for its value; gives the value if it was taken out.
    ///
    /// `condition` may run more than once when other threads change the key.
    pub fn remove_if(&self, key: &K, mut condition: impl FnMut(V) -> bool, guard: &Guard) -> Option<V> {
        let words = key.to_words();
        let hash = self.hash(words);
        // As in `compute`.
        let mut held = None;
        loop {
            let plan = self.plan(hash, words, guard);
            let found = plan.found()?.value;
            let value = V::from_word(found);
            if held != Some(found) && !condition(value) {
                return None;
            }
            held = Some(found);
            if self.core.take(&plan, guard).is_ok() {
                return Some(value);
            }
        }
    }

    /// Takes out every entry for which `keep` does not hold. O(n).
    ///
    /// Entries inserted meanwhile may or may not be asked about. An entry whose value is replaced meanwhile is asked about
    /// again.
    pub fn retain(&self, mut keep: impl FnMut(K, V) -> bool, guard: &Guard) {
        for (key, value) in self.iter(guard) {
            if !keep(key, value) {
                let refused = value.to_word();
                self.remove_if(&key, |value| value.to_word() == refused || !keep(key, value), guard);
            }
        }
    }

    /// Takes all entries out, group by group: entries inserted meanwhile may stay. O(capacity).
    pub fn clear(&self, guard: &Guard) {
        self.core.clear(guard, drop);
    }
}
