//! One copy of an index, and the operations that bring another copy to the same state.
//!
//! Operations are resolved: they say what did change, not what was asked for. Applying one to the other copy therefore
//! runs no predicate and no caller's iterator a second time; undoing one is just as plain.
//!
//! An operation is logged with a *hint*, where its key was found or put. Copies that have seen the same operations have the
//! same shape, so the other copy looks there first, and searches only if the key is elsewhere.

use std::borrow::Cow;
use std::sync::Arc;

use super::directory::{Arrangement, Directory, Hint, Seek, Spot, Stored};
use super::handles::NeverWeak;
use super::list::{ListValue, PostingList};

/// The directory of an index.
pub(super) type ListDirectory<K, V, D> = <D as Arrangement<K>>::Directory<PostingList<V>>;

/// One copy of an index: read by many or written by one, never both.
pub(super) struct IndexCopy<K: Stored, V: ListValue, D: Arrangement<K>> {
    /// The same in every copy of an index and in every handle, and in no other index.
    pub(super) identity: Arc<()>,
    pub(super) directory: ListDirectory<K, V, D>,
    pub(super) value_count: ValueCount,
}

// SAFETY: copies are this crate's own, and it makes no weak handles to them.
unsafe impl<K: Stored, V: ListValue, D: Arrangement<K>> NeverWeak for IndexCopy<K, V, D> {}

/// How many values there are under all keys: on a line of its own, because every write changes it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct ValueCount(pub(super) usize);

/// How many operations ahead an entry is asked for.
const PREFETCH_AHEAD: usize = 8;

/// What happened to one copy.
#[derive(Clone)]
pub(super) enum Operation<K, V: ListValue> {
    /// The value was added to the key's list.
    Insert(K, V),
    /// One occurrence of the value was taken from the key's list.
    Remove(K, V),
    /// The key's list was exchanged for this one value.
    ReplaceOne(K, V),
    /// The key's list was exchanged for another one; an empty list stands for an absent key.
    Replace(K, Box<PostingList<V>>),
    /// Everything was removed.
    Clear,
    /// Many values were added; see [`Arrangement::merge`].
    Merge(Arc<Vec<(K, V)>>),
}

/// An operation, and where its key was found.
#[derive(Clone)]
pub(super) struct Logged<K, V: ListValue> {
    pub(super) operation: Operation<K, V>,
    pub(super) hint: Hint,
}

/// What operations have taken out of a copy, so that they can be undone: a list for each `ReplaceOne` and `Replace`, and
/// everything for each `Clear` and `Merge`.
pub(super) struct TakenOut<K: Stored, V: ListValue, D: Arrangement<K>> {
    pub(super) lists: Vec<PostingList<V>>,
    pub(super) all: Vec<(ListDirectory<K, V, D>, usize)>,
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> Default for TakenOut<K, V, D> {
    fn default() -> Self {
        Self { lists: Vec::new(), all: Vec::new() }
    }
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> IndexCopy<K, V, D> {
    pub(super) fn build(identity: Arc<()>, entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries: Vec<(K, V)> = entries.into_iter().collect();
        let value_count = ValueCount(entries.len());
        Self { identity, directory: D::build(entries), value_count }
    }

    /// A second copy, packed.
    pub(super) fn duplicate(&self) -> Self {
        Self {
            identity: Arc::clone(&self.identity),
            directory: self.directory.duplicate(),
            value_count: self.value_count,
        }
    }

    /// Where the key is, or where it would go.
    #[inline]
    fn locate(&self, key: &K, hint: Hint) -> Seek<Spot<D, K, PostingList<V>>> {
        match self.directory.spot_at(hint) {
            Some(spot) if D::is_same(self.directory.entry(&spot).0, key) => Seek::Found(spot),
            _ => D::locate_near(&self.directory, key, hint),
        }
    }

    /// Adds a value. The length of the key's list now, and where the key was or went.
    #[inline]
    pub(super) fn insert(&mut self, key: Cow<'_, K>, value: V, hint: Hint) -> (usize, Hint) {
        let inserted = match self.locate(&key, hint) {
            Seek::Found(spot) => {
                let list = self.directory.value_mut(&spot);
                list.push(value);
                (list.len(), ListDirectory::<K, V, D>::hint_of(&spot))
            }
            Seek::Vacant(spot) => {
                let hint = ListDirectory::<K, V, D>::hint_of_vacant(&spot);
                self.directory.insert(spot, key.into_owned(), PostingList::one(value));
                (1, hint)
            }
        };
        self.value_count.0 += 1;
        inserted
    }

    /// Adds a value unless it is in the key's list. Where the key was or went, if it was added.
    pub(super) fn insert_distinct(&mut self, key: &K, value: &V) -> Option<Hint> {
        let hint = match D::locate(&self.directory, key) {
            Seek::Found(spot) if self.directory.entry(&spot).1.contains(value) => return None,
            Seek::Found(spot) => {
                self.directory.value_mut(&spot).push(value.clone());
                ListDirectory::<K, V, D>::hint_of(&spot)
            }
            Seek::Vacant(spot) => {
                let hint = ListDirectory::<K, V, D>::hint_of_vacant(&spot);
                self.directory.insert(spot, key.clone(), PostingList::one(value.clone()));
                hint
            }
        };
        self.value_count.0 += 1;
        Some(hint)
    }

    /// Exchanges the list of a key; an empty one stands for an absent key. The list that it had, and where the key was or went.
    #[inline]
    pub(super) fn replace(&mut self, key: Cow<'_, K>, list: PostingList<V>, hint: Hint) -> (PostingList<V>, Hint) {
        let added = list.len();
        let (old, hint) = match self.locate(&key, hint) {
            Seek::Found(spot) => {
                let hint = ListDirectory::<K, V, D>::hint_of(&spot);
                if added == 0 {
                    (self.directory.remove(spot).1, hint)
                } else {
                    (std::mem::replace(self.directory.value_mut(&spot), list), hint)
                }
            }
            Seek::Vacant(_) if added == 0 => (list, Hint::UNKNOWN),
            Seek::Vacant(spot) => {
                let hint = ListDirectory::<K, V, D>::hint_of_vacant(&spot);
                self.directory.insert(spot, key.into_owned(), list);
                (PostingList::new(), hint)
            }
        };
        self.value_count.0 = (self.value_count.0 + added).saturating_sub(old.len());
        (old, hint)
    }

    /// Adds many values, in a directory of its own. What there was before, and how many values.
    pub(super) fn merge(&mut self, entries: &[(K, V)]) -> (ListDirectory<K, V, D>, usize) {
        let merged = D::merge(&self.directory, entries);
        let count = self.value_count.0;
        self.value_count.0 += entries.len();
        (std::mem::replace(&mut self.directory, merged), count)
    }

    /// Takes one occurrence of a value away, and the key with the last one.
    pub(super) fn remove(&mut self, key: &K, value: &V, hint: Hint) {
        let Seek::Found(spot) = self.locate(key, hint) else { return };
        let list = self.directory.value_mut(&spot);
        if list.remove(value).is_none() {
            return;
        }
        if list.is_empty() {
            self.directory.remove(spot);
        }
        self.value_count.0 = self.value_count.0.saturating_sub(1);
    }

    /// Brings this copy one operation forward.
    #[inline]
    pub(super) fn apply(&mut self, Logged { operation, hint }: Logged<K, V>) {
        match operation {
            Operation::Insert(key, value) => {
                self.insert(Cow::Owned(key), value, hint);
            }
            Operation::Remove(key, value) => self.remove(&key, &value, hint),
            Operation::ReplaceOne(key, value) => {
                self.replace(Cow::Owned(key), PostingList::one(value), hint);
            }
            Operation::Replace(key, list) => {
                self.replace(Cow::Owned(key), *list, hint);
            }
            Operation::Clear => {
                self.directory = self.directory.empty_like();
                self.value_count.0 = 0;
            }
            Operation::Merge(entries) => drop(self.merge(&entries)),
        }
    }

    /// Has the entries near that the first operations will change. Other cores have read this copy, so each entry comes from far.
    #[inline]
    pub(super) fn prefetch(&self, debt: &[Logged<K, V>]) {
        debt.iter().take(PREFETCH_AHEAD).for_each(|logged| self.directory.prefetch(logged.hint));
    }

    /// Brings this copy forward by what it lacks.
    pub(super) fn catch_up(&mut self, debt: &mut Vec<Logged<K, V>>) {
        self.prefetch(debt);
        let mut debt = debt.drain(..);
        while let Some(logged) = debt.next() {
            if let Some(later) = debt.as_slice().get(PREFETCH_AHEAD - 1) {
                self.directory.prefetch(later.hint);
            }
            self.apply(logged);
        }
    }

    /// Takes back the last operation, given what all of them have taken out.
    pub(super) fn undo(&mut self, Logged { operation, hint }: Logged<K, V>, taken_out: &mut TakenOut<K, V, D>) {
        match operation {
            Operation::Insert(key, value) => self.remove(&key, &value, hint),
            Operation::Remove(key, value) => {
                self.insert(Cow::Owned(key), value, hint);
            }
            Operation::ReplaceOne(key, _) | Operation::Replace(key, _) => {
                let old = taken_out.lists.pop().unwrap_or_default();
                self.replace(Cow::Owned(key), old, hint);
            }
            Operation::Clear | Operation::Merge(_) => {
                (self.directory, self.value_count.0) = taken_out.all.pop().unwrap_or_default();
            }
        }
    }
}
