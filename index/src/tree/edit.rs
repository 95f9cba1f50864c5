//! Changes of one entry.
//!
//! An edit finds its leaf, decides what to do by what it finds there, and publishes it by a compare-exchange of the leaf's
//! [`Meta`] against the one that it searched under: whatever happened in between makes it search again. Only where a slot
//! must be written first is the leaf locked, for three stores. No user code runs under the lock, so none can leave it
//! locked.

use std::borrow::Borrow;

use super::lock::Wait;
use super::meta::Meta;
use super::node::{Leaf, Place, Probe};
use super::raw::{Path, RawTree};
use super::store::{Cell, Store};
use crate::guard::Guard;
use crate::key::IndexKey;
use crate::reclaim;
use crate::sync::Ordering;

/// What to do with the entry of a key.
#[derive(Clone, Copy)]
pub(crate) enum Edit<T> {
    /// Nothing.
    Keep,
    /// Insert it, or put it in the place of the one that is there.
    Put(T),
    /// Remove it.
    Remove,
}

/// How an attempt in one leaf ended.
enum Attempt<T> {
    /// The entry before.
    Done(Option<T>),
    /// The entry before, which was one of the last in its leaf.
    Sparse(Option<T>),
    /// The leaf has no unused slot for this entry.
    Full(T),
    /// Somebody else changed the leaf; search it again.
    Retry,
    /// The leaf is being replaced; find the new one.
    Frozen,
    /// The leaf has had all its versions; replace it.
    Worn,
}

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// Does to the entry of `key` what `decide` says of the one that is there, and gives that one back, retired if it was
    /// replaced or removed. `decide` is asked again if that one changes meanwhile, so it must not give up what it put.
    pub(crate) fn edit<'g, Q>(
        &'g self,
        key: &Q,
        mut decide: impl FnMut(Option<S::Slot>) -> Edit<S::Slot>,
        guard: &'g Guard,
    ) -> Option<S::Slot>
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        // Before anything else: destructors are the user's and may panic.
        reclaim::collect(guard);
        let mut probe = Probe::new(key);
        let mut path = Path::new();
        let mut wait = Wait::new();
        // What was decided last, and of what: a change elsewhere in the leaf, perhaps by the user's own closure, asks nobody again.
        let mut decided = None;
        let mut decide = |before: Option<S::Slot>| match decided {
            Some((seen, edit)) if seen == before => edit,
            _ => {
                let edit = decide(before);
                decided = Some((before, edit));
                edit
            }
        };
        loop {
            let Some(leaf) = self.find(&mut probe, &mut path, guard) else {
                match decide(None) {
                    Edit::Keep | Edit::Remove => return None,
                    Edit::Put(_) => self.plant(),
                }
                continue;
            };
            match self.attempt(leaf, &mut probe, &mut decide, guard) {
                Attempt::Done(before) => return before,
                Attempt::Sparse(before) => {
                    self.merge_at(&path, &mut probe, guard);
                    return before;
                }
                Attempt::Full(slot) => {
                    if self.grow(&path, &mut probe, slot, guard) {
                        self.count.add(1);
                        return None;
                    }
                }
                Attempt::Retry => {}
                Attempt::Frozen => wait.turn(),
                Attempt::Worn => self.renew(&path, guard),
            }
        }
    }

    fn attempt<Q>(
        &self,
        leaf: &Leaf<S>,
        probe: &mut Probe<'_, Q>,
        decide: &mut impl FnMut(Option<S::Slot>) -> Edit<S::Slot>,
        guard: &Guard,
    ) -> Attempt<S::Slot>
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let meta = leaf.settled();
        if meta.is_frozen() {
            return Attempt::Frozen;
        }
        if meta.is_worn() {
            return Attempt::Worn;
        }
        match leaf.locate(meta, probe) {
            Place::Found { rank, slot } => {
                let before = leaf.slot(slot);
                let sparse = match decide(Some(before)) {
                    Edit::Keep => return Attempt::Done(Some(before)),
                    Edit::Put(after) if leaf.replace(meta, slot, after) => false,
                    Edit::Remove if leaf.exchange(meta, meta.removed(rank)) => {
                        self.count.subtract(1);
                        Self::is_sparse(meta.removed(rank))
                    }
                    Edit::Put(_) | Edit::Remove => return Attempt::Retry,
                };
                // SAFETY: the exchange took the entry out of the leaf, so it is ours; entries are inserted under the
                // bounds that this asks for.
                unsafe { S::retire_entry(before, guard) };
                if sparse { Attempt::Sparse(Some(before)) } else { Attempt::Done(Some(before)) }
            }
            Place::Absent { rank } => match decide(None) {
                Edit::Keep | Edit::Remove => Attempt::Done(None),
                Edit::Put(after) if meta.used() == Self::LEAF_MAX => Attempt::Full(after),
                Edit::Put(after) => {
                    let word = probe.word(leaf.skip);
                    if !leaf.insert(meta, rank, word, after) {
                        return Attempt::Retry;
                    }
                    self.count.add(1);
                    Attempt::Done(None)
                }
            },
        }
    }
}

impl<S: Store> Leaf<S> {
    /// A snapshot that no writer holds locked.
    pub(super) fn settled(&self) -> Meta {
        let mut wait = Wait::new();
        loop {
            let meta = self.snapshot();
            if !meta.is_locked() {
                return meta;
            }
            wait.turn();
        }
    }

    /// Publishes `after` if nothing happened since `before`.
    pub(super) fn exchange(&self, before: Meta, after: Meta) -> bool {
        // Acquire pairs with the Release of the writer before; Release publishes what this one saw to the next.
        self.meta.compare_exchange(before.0, after.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Puts `after` in a slot that is live in `meta`.
    fn replace(&self, meta: Meta, slot: usize, after: S::Slot) -> bool {
        if !self.exchange(meta, meta.locked()) {
            return false;
        }
        // Release pairs with the Acquire load of a reader of the slot: it sees the entry's content.
        self.slots[slot].store(after, Ordering::Release);
        // Release pairs with the Acquire load of `meta`.
        self.meta.store(meta.touched().0, Ordering::Release);
        true
    }

    /// Fills the next unused slot and makes it the `rank`th.
    pub(super) fn insert(&self, meta: Meta, rank: usize, word: u64, after: S::Slot) -> bool {
        if !self.exchange(meta, meta.locked()) {
            return false;
        }
        let slot = meta.used();
        // Relaxed: nobody reads the slot before `meta` names it.
        self.words[slot].store(word, Ordering::Relaxed);
        self.slots[slot].store(after, Ordering::Relaxed);
        // Release pairs with the Acquire load of `meta`: who sees the rank sees the slot.
        self.meta.store(meta.inserted(rank).0, Ordering::Release);
        true
    }
}

#[cfg(all(test, not(any(loom, feature = "shuttle"))))]
mod tests {
    use crate::guard::pin;
    use crate::sync::Ordering;
    use crate::tree::meta::Meta;
    use crate::tree::node::{Leaf, Probe};
    use crate::tree::store::{Boxed, Store, Words};
    use crate::{TreeIndex, WordTreeIndex};

    /// Lets a leaf have had all versions but so many.
    fn wear<S: Store>(leaf: &Leaf<S>, left: u64) {
        let version = Meta(0).touched().0;
        leaf.meta.store(leaf.snapshot().0 % version + version.wrapping_neg() - version * (left - 1), Ordering::Relaxed);
        assert!(left <= 16 || !leaf.snapshot().is_worn());
    }

    #[test]
    fn a_leaf_gives_way_before_its_versions_begin_anew() {
        let (index, words, guard) = (TreeIndex::<u64, u64>::new(), WordTreeIndex::<u64, u64>::new(), pin());
        for key in 0..5 {
            index.insert(key, key, &guard);
            words.insert(key, key, &guard);
        }
        let old: &Leaf<Boxed<u64, u64>> = index.tree.descend(&mut Probe::new(&3), &guard).unwrap();
        let old_words: &Leaf<Words<u64, u64>> = words.tree.descend(&mut Probe::new(&3), &guard).unwrap();
        wear(old, 20);
        wear(old_words, 20);
        for value in 0..40 {
            assert_eq!(index.insert(3, value, &guard), Some(&if value == 0 { 3 } else { value - 1 }));
            words.insert(3, value, &guard);
        }
        assert!(old.snapshot().is_frozen() && old_words.snapshot().is_frozen(), "they were replaced");
        assert!(!std::ptr::eq(old, index.tree.descend(&mut Probe::new(&3), &guard).unwrap()));
        assert!(index.iter(&guard).map(|(key, value)| (*key, *value)).eq(words.iter(&guard)));
        let leaf: &Leaf<Boxed<u64, u64>> = index.tree.descend(&mut Probe::new(&3), &guard).unwrap();
        wear(leaf, 1);
        index.retain(|key, _| *key != 3, &guard);
        assert!(leaf.snapshot().is_frozen() && !index.contains_key(&3, &guard));
        assert_eq!(index.len(), 4);
    }
}
