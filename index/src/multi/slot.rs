//! The writer's side of one index: its copies, and what each of them lacks.
//!
//! ```text
//! live       what readers get from now on           ◀── the registry's root points here
//! working    the copy being written, if any         = live + operations
//! spares     copies that were live once             each with the debt: the operations it lacks
//! given_up   copies too far behind to catch up      kept until no reader holds them, so that none of them has to free one
//! ```
//!
//! [`publish`](Slot::publish) makes `working` live, in a move; [`settle`](Slot::settle) afterwards turns the old live copy
//! into a spare. The next write takes the spare with the smallest debt that no reader holds, which
//! [`Arc::get_mut`] tells, and pays the debt; if there is none, the live copy is cloned.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::copy::{IndexCopy, Operation, Replaced};
use super::directory::{Arrangement, Directory, Lookup, Seek, Stored};
use super::list::{ListValue, PostingList};

/// A live copy, of whatever type.
pub(super) type Part = Arc<dyn Any + Send + Sync>;

/// A debt may have this many operations, or a quarter as many as there are keys, before a clone is cheaper.
const DEBT_MAX: usize = 1024;
/// A spare that was not needed for so many publications is freed.
const IDLE_MAX: u32 = 32;

/// An index of any type, as the registry's writer sees it.
pub(super) trait Slot: Send {
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn as_any(&self) -> &dyn Any;
    /// The copy that readers get.
    fn live(&self) -> Part;
    /// How many operations are pending.
    fn pending_len(&self) -> usize;
    /// Keeps later operations from being merged with those so far, and returns how many those are.
    fn mark(&mut self) -> usize;
    /// Undoes the pending operations from a mark on.
    fn rollback(&mut self, mark: usize);
    /// Makes the working copy live. Runs no code of keys and values.
    fn publish(&mut self);
    /// Turns the copy that was live before into a spare. To be called once readers can no longer find it.
    fn settle(&mut self);
    /// Whether the next write can have a copy without exceeding the limit.
    fn has_room(&mut self, copies_max: usize) -> bool;
}

/// A copy that was live, and the operations since.
struct Spare<K: Stored, V: ListValue, D: Arrangement<K>> {
    copy: Arc<IndexCopy<K, V, D>>,
    debt: Vec<Operation<K, V, D>>,
    idle: u32,
}

/// The writer's side of one index.
pub(super) struct IndexWriter<K: Stored, V: ListValue, D: Arrangement<K>> {
    live: Arc<IndexCopy<K, V, D>>,
    working: Option<Arc<IndexCopy<K, V, D>>>,
    operations: Vec<Operation<K, V, D>>,
    /// Operations before this one are not merged with later ones.
    floor: usize,
    retiring: Option<Arc<IndexCopy<K, V, D>>>,
    spares: Vec<Spare<K, V, D>>,
    given_up: Vec<Arc<IndexCopy<K, V, D>>>,
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> IndexWriter<K, V, D> {
    pub(super) fn new(copy: IndexCopy<K, V, D>) -> Self {
        Self {
            live: Arc::new(copy),
            working: None,
            operations: Vec::new(),
            floor: 0,
            retiring: None,
            spares: Vec::new(),
            given_up: Vec::new(),
        }
    }

    pub(super) fn identity(&self) -> &Arc<()> {
        &self.live.identity
    }

    /// The state with the pending operations.
    pub(super) fn current(&self) -> &IndexCopy<K, V, D> {
        self.working.as_ref().unwrap_or(&self.live)
    }

    /// Sees to it that there is a working copy, if there is one to be had within `copies_max` copies.
    pub(super) fn prepare(&mut self, copies_max: usize) -> Option<()> {
        if self.working.is_none() {
            self.working = Some(match self.reclaim() {
                Some(copy) => copy,
                None if self.copy_count() < copies_max => Arc::new(self.live.duplicate()),
                None => return None,
            });
        }
        Some(())
    }

    fn copy_count(&self) -> usize {
        1 + self.spares.len() + self.given_up.len() + usize::from(self.working.is_some())
    }

    /// The best spare that no reader holds, brought up to date.
    fn reclaim(&mut self) -> Option<Arc<IndexCopy<K, V, D>>> {
        self.given_up.retain_mut(|copy| Arc::get_mut(copy).is_none());
        self.spares.retain_mut(|spare| {
            let is_free = Arc::get_mut(&mut spare.copy).is_some();
            !is_free || spare.idle < IDLE_MAX && !spare.copy.directory.is_wasteful()
        });
        let free = self.spares.iter_mut().enumerate().filter_map(|(at, spare)| {
            Arc::get_mut(&mut spare.copy)?;
            spare.idle += 1;
            Some((spare.debt.len(), at))
        });
        let (_, at) = free.min()?;
        // If a key's code panics from here on, the spare is lost, which is no loss.
        let Spare { mut copy, mut debt, .. } = self.spares.swap_remove(at);
        let spare = Arc::get_mut(&mut copy)?;
        debt.drain(..).for_each(|operation| spare.apply(operation));
        if self.operations.capacity() == 0 && debt.capacity() <= DEBT_MAX {
            self.operations = debt;
        }
        Some(copy)
    }

    fn working(&mut self) -> &mut IndexCopy<K, V, D> {
        let working = self.working.as_mut().expect("a write prepares a working copy first");
        Arc::get_mut(working).expect("no reader has seen the working copy")
    }

    /// Whether the last operation is the opposite of an insertion or a removal that is about to be pushed.
    fn is_undone_by(&self, key: &K, value: &V, undoes: Undoes) -> bool {
        let last = self.operations.get(self.floor..).and_then(|operations| operations.last());
        match (last, undoes) {
            (Some(Operation::Insert(last_key, last_value)), Undoes::Insert)
            | (Some(Operation::Remove(last_key, last_value)), Undoes::Remove) => {
                last_value == value && D::is_same(last_key, key)
            }
            _ => false,
        }
    }

    fn push(&mut self, operation: Operation<K, V, D>, undoes_last: bool) {
        if undoes_last {
            self.operations.pop();
        } else {
            self.operations.push(operation);
        }
    }

    pub(super) fn insert(&mut self, key: K, value: V) -> usize {
        let undoes = self.is_undone_by(&key, &value, Undoes::Remove);
        let len = self.working().insert(Cow::Borrowed(&key), value.clone());
        self.push(Operation::Insert(key, value), undoes);
        len
    }

    /// Adds a value unless it is under the key already. Whether it was added.
    pub(super) fn insert_distinct(&mut self, key: K, value: V) -> bool {
        let undoes = self.is_undone_by(&key, &value, Undoes::Remove);
        let is_added = self.working().insert_distinct(&key, &value);
        if is_added {
            self.push(Operation::Insert(key, value), undoes);
        }
        is_added
    }

    pub(super) fn remove<Q: ?Sized>(&mut self, key: &Q, value: &V) -> bool
    where
        D: Lookup<K, Q>,
    {
        let Seek::Found(spot) = D::seek(&self.working().directory, key) else { return false };
        let (key, list) = self.current().directory.entry(&spot);
        let is_last = list.len() == 1;
        if is_last && !list.contains(value) {
            return false;
        }
        let undoes = self.is_undone_by(key, value, Undoes::Insert);
        let removed = if is_last {
            let (key, mut list) = self.working().directory.remove(spot);
            list.pop().map(|value| (key, value))
        } else {
            let key = key.clone();
            self.working().directory.value_mut(&spot).remove(value).map(|value| (key, value))
        };
        let Some((key, value)) = removed else { return false };
        let copy = self.working();
        copy.value_count = copy.value_count.saturating_sub(1);
        self.push(Operation::Remove(key, value), undoes);
        true
    }

    pub(super) fn remove_key<Q: ?Sized>(&mut self, key: &Q) -> usize
    where
        D: Lookup<K, Q>,
    {
        let copy = self.working();
        let Seek::Found(spot) = D::seek(&copy.directory, key) else { return 0 };
        let (key, old) = copy.directory.remove(spot);
        copy.value_count = copy.value_count.saturating_sub(old.len());
        let removed = old.len();
        self.push(Operation::Replace(key, Box::new(Replaced { old, new: PostingList::new() })), false);
        removed
    }

    pub(super) fn replace(&mut self, key: K, new: PostingList<V>) -> usize {
        let last = self.operations.get(self.floor..).and_then(|operations| operations.last());
        let merges = matches!(last, Some(Operation::Replace(last, _)) if D::is_same(last, &key));
        let old = self.working().replace(Cow::Borrowed(&key), new.clone());
        let removed = old.len();
        match self.operations.last_mut() {
            Some(Operation::Replace(_, lists)) if merges => lists.new = new,
            _ => self.operations.push(Operation::Replace(key, Box::new(Replaced { old, new }))),
        }
        removed
    }

    pub(super) fn clear(&mut self) -> usize {
        let copy = self.working();
        let removed = std::mem::take(&mut copy.value_count);
        let directory = std::mem::take(&mut copy.directory);
        self.push(Operation::Clear(Box::new((directory, removed))), false);
        removed
    }

    /// Removes the values that `keep` refuses. Asks for all of them before it removes one.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) -> usize {
        let mut refused = Vec::new();
        for (key, list) in self.working().directory.iter() {
            refused.extend(list.iter().filter(|value| !keep(key, value)).map(|value| (key.clone(), value.clone())));
        }
        refused.into_iter().map(|(key, value)| usize::from(self.remove_owned(key, &value))).sum()
    }

    /// Removes a value of a key that the index was just seen to have.
    pub(super) fn remove_owned(&mut self, key: K, value: &V) -> bool {
        let copy = self.working();
        let before = copy.value_count;
        let operation = Operation::Remove(key, value.clone());
        if let Operation::Remove(key, value) = &operation {
            copy.remove(key, value);
        }
        let removed = copy.value_count < before;
        if removed {
            self.push(operation, false);
        }
        removed
    }

    /// Puts a copy aside that will not be used again.
    fn give_up(&mut self, mut copy: Arc<IndexCopy<K, V, D>>) {
        if Arc::get_mut(&mut copy).is_none() {
            self.given_up.push(copy);
        }
    }
}

/// Which operation a new one would undo.
#[derive(Clone, Copy)]
enum Undoes {
    Insert,
    Remove,
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> Slot for IndexWriter<K, V, D> {
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn live(&self) -> Part {
        Arc::<IndexCopy<K, V, D>>::clone(&self.live)
    }

    fn pending_len(&self) -> usize {
        self.operations.len()
    }

    fn mark(&mut self) -> usize {
        self.floor = self.operations.len();
        self.floor
    }

    fn rollback(&mut self, mark: usize) {
        let Some(mut working) = self.working.take() else { return };
        let operations = &mut self.operations;
        let undone = catch_unwind(AssertUnwindSafe(|| {
            let copy = Arc::get_mut(&mut working).expect("no reader has seen the working copy");
            while operations.len() > mark
                && let Some(operation) = operations.pop()
            {
                copy.undo(operation);
            }
        }));
        match undone {
            Ok(()) => self.working = Some(working),
            // A key's code panicked: the working copy is lost, and with it all that is pending on this index.
            Err(_) => self.operations.clear(),
        }
        self.floor = self.operations.len();
    }

    fn publish(&mut self) {
        if let Some(working) = self.working.take() {
            self.retiring = Some(std::mem::replace(&mut self.live, working));
        }
    }

    fn settle(&mut self) {
        let mut operations = std::mem::take(&mut self.operations);
        self.floor = 0;
        let Some(retiring) = self.retiring.take() else { return };
        if let Some(clear) = operations.iter().rposition(|operation| matches!(operation, Operation::Clear(_))) {
            operations.drain(..clear);
        }
        operations.iter_mut().for_each(Operation::settle);
        let debt_max = DEBT_MAX.max(self.live.directory.len() / 4);
        let mut at = 0;
        while let Some(Spare { debt, .. }) = self.spares.get_mut(at) {
            let fits = debt.len() + operations.len() <= debt_max;
            let duplicate = || operations.iter().map(Operation::duplicate).collect::<Vec<_>>();
            let added = fits.then(|| catch_unwind(AssertUnwindSafe(duplicate)));
            match added {
                Some(Ok(added)) => {
                    debt.extend(added);
                    at += 1;
                }
                Some(Err(_)) | None => {
                    let spare = self.spares.swap_remove(at);
                    self.give_up(spare.copy);
                }
            }
        }
        if operations.len() <= debt_max {
            self.spares.push(Spare { copy: retiring, debt: operations, idle: 0 });
        } else {
            self.give_up(retiring);
        }
    }

    fn has_room(&mut self, copies_max: usize) -> bool {
        let spares = self.spares.iter_mut().any(|spare| Arc::get_mut(&mut spare.copy).is_some());
        spares || self.copy_count() < copies_max
    }
}
