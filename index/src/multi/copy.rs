//! One copy of an index, and the operations that bring another copy to the same state.
//!
//! Operations are resolved: they say what did change, not what was asked for. Applying one to the other copy therefore
//! runs no predicate and no caller's iterator a second time; undoing one is just as plain.

use std::borrow::Cow;
use std::sync::Arc;

use super::directory::{Arrangement, Directory, Seek, Stored};
use super::list::{ListValue, PostingList};

/// The directory of an index.
pub(super) type ListDirectory<K, V, D> = <D as Arrangement<K>>::Directory<PostingList<V>>;

/// One copy of an index: read by many or written by one, never both.
pub(super) struct IndexCopy<K: Stored, V: ListValue, D: Arrangement<K>> {
    /// The same in every copy of an index and in every handle, and in no other index.
    pub(super) identity: Arc<()>,
    pub(super) directory: ListDirectory<K, V, D>,
    pub(super) value_count: usize,
}

/// What happened to one copy.
pub(super) enum Operation<K: Stored, V: ListValue, D: Arrangement<K>> {
    /// The value was added to the key's list.
    Insert(K, V),
    /// One occurrence of the value was taken from the key's list.
    Remove(K, V),
    /// The key's list was exchanged for another one; an empty list stands for an absent key.
    Replace(K, Box<Replaced<V>>),
    /// Everything was removed; this is what it was, until the operation is published.
    Clear(Box<(ListDirectory<K, V, D>, usize)>),
}

/// Two states of one key.
#[derive(Clone)]
pub(super) struct Replaced<V: ListValue> {
    pub(super) old: PostingList<V>,
    pub(super) new: PostingList<V>,
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> IndexCopy<K, V, D> {
    pub(super) fn build(identity: Arc<()>, entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries: Vec<(K, V)> = entries.into_iter().collect();
        let value_count = entries.len();
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

    /// Adds a value. The length of the key's list now.
    pub(super) fn insert(&mut self, key: Cow<'_, K>, value: V) -> usize {
        let len = match D::locate(&self.directory, &key) {
            Seek::Found(spot) => {
                let list = self.directory.value_mut(&spot);
                list.push(value);
                list.len()
            }
            Seek::Vacant(spot) => {
                self.directory.insert(spot, key.into_owned(), PostingList::one(value));
                1
            }
        };
        self.value_count += 1;
        len
    }

    /// Adds a value unless it is in the key's list. Whether it was added.
    pub(super) fn insert_distinct(&mut self, key: &K, value: &V) -> bool {
        match D::locate(&self.directory, key) {
            Seek::Found(spot) if self.directory.entry(&spot).1.contains(value) => return false,
            Seek::Found(spot) => self.directory.value_mut(&spot).push(value.clone()),
            Seek::Vacant(spot) => self.directory.insert(spot, key.clone(), PostingList::one(value.clone())),
        }
        self.value_count += 1;
        true
    }

    /// Exchanges the list of a key; an empty one stands for an absent key.
    pub(super) fn replace(&mut self, key: Cow<'_, K>, list: PostingList<V>) -> PostingList<V> {
        let added = list.len();
        let old = match D::locate(&self.directory, &key) {
            Seek::Found(spot) if list.is_empty() => self.directory.remove(spot).1,
            Seek::Found(spot) => std::mem::replace(self.directory.value_mut(&spot), list),
            Seek::Vacant(_) if list.is_empty() => list,
            Seek::Vacant(spot) => {
                self.directory.insert(spot, key.into_owned(), list);
                PostingList::new()
            }
        };
        self.value_count = (self.value_count + added).saturating_sub(old.len());
        old
    }

    /// Takes one occurrence of a value away, and the key with the last one.
    pub(super) fn remove(&mut self, key: &K, value: &V) {
        let Seek::Found(spot) = D::locate(&self.directory, key) else { return };
        let list = self.directory.value_mut(&spot);
        if list.remove(value).is_none() {
            return;
        }
        if list.is_empty() {
            self.directory.remove(spot);
        }
        self.value_count = self.value_count.saturating_sub(1);
    }

    /// Brings this copy one operation forward.
    pub(super) fn apply(&mut self, operation: Operation<K, V, D>) {
        match operation {
            Operation::Insert(key, value) => {
                self.insert(Cow::Owned(key), value);
            }
            Operation::Remove(key, value) => self.remove(&key, &value),
            Operation::Replace(key, lists) => {
                self.replace(Cow::Owned(key), lists.new);
            }
            Operation::Clear(_) => {
                self.directory = Default::default();
                self.value_count = 0;
            }
        }
    }

    /// Takes back the last operation.
    pub(super) fn undo(&mut self, operation: Operation<K, V, D>) {
        match operation {
            Operation::Insert(key, value) => self.remove(&key, &value),
            Operation::Remove(key, value) => {
                self.insert(Cow::Owned(key), value);
            }
            Operation::Replace(key, lists) => {
                self.replace(Cow::Owned(key), lists.old);
            }
            Operation::Clear(cleared) => (self.directory, self.value_count) = *cleared,
        }
    }
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> Operation<K, V, D> {
    /// The operation without what only [`IndexCopy::undo`] needs.
    pub(super) fn settle(&mut self) {
        match self {
            Self::Insert(..) | Self::Remove(..) => {}
            Self::Replace(_, lists) => lists.old = PostingList::new(),
            Self::Clear(cleared) => **cleared = Default::default(),
        }
    }

    /// The same operation for one more copy.
    pub(super) fn duplicate(&self) -> Self {
        match self {
            Self::Insert(key, value) => Self::Insert(key.clone(), value.clone()),
            Self::Remove(key, value) => Self::Remove(key.clone(), value.clone()),
            Self::Replace(key, lists) => Self::Replace(key.clone(), lists.clone()),
            Self::Clear(_) => Self::Clear(Box::default()),
        }
    }
}
