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
//! into a spare. The next write takes the spare with the smallest debt that no reader holds, which its
//! [`Handles`] tell, and pays the debt; if there is none, the live copy is cloned.

use std::any::Any;
use std::borrow::Cow;
use std::mem::needs_drop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::copy::{IndexCopy, ListDirectory, Logged, Operation, TakenOut};
use super::directory::{Arrangement, Directory, Hint, Lookup, Seek, Stored};
use super::handles::{Handles, Part, get_mut, is_same};
use super::list::{ListValue, PostingList};

/// A debt may have this many operations, or a quarter as many as there are keys, before a clone is cheaper. So long a spare
/// that is not needed is kept too: freed sooner, it would only be cloned again for the next reader that holds the others.
const DEBT_MAX: usize = 1024;
/// A debt of more operations is paid by the publication that makes it, if no reader holds the copy; a smaller one by the
/// next write, so that what is written now is visible sooner.
const DEBT_LATER_MAX: usize = 64;

/// An index of any type, as the registry's writer sees it.
pub(super) trait Slot: Send {
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn as_any(&self) -> &dyn Any;
    /// One more handle to the copy that readers get.
    fn live(&self) -> Part;
    /// How many operations are pending.
    fn pending_len(&self) -> usize;
    /// Keeps later operations from being merged with those so far, and returns how many those are.
    fn mark(&mut self) -> usize;
    /// Undoes the pending operations from a mark on.
    fn rollback(&mut self, mark: usize);
    /// Makes the working copy live, and gives the handle for readers. Runs no code of keys and values.
    fn publish(&mut self) -> Part;
    /// Turns the copy that was live before into a spare. To be called once readers can no longer find it. Whether that is so far
    /// behind that [`pay_large_debt`](Self::pay_large_debt) should follow, once copies that no reader has were taken back.
    fn settle(&mut self) -> bool;
    /// Lets the newest spare catch up, if it is far behind and no reader has it, or replaces it by a clone if it was given up. So
    /// whoever wrote much pays for it, rather than the next, who may write little.
    fn pay_large_debt(&mut self);
    /// Takes the handle back that is part of a version that nobody reads any more, unless it is to the live copy.
    fn take_back(&mut self, part: &mut Option<Part>);
    /// Whether the next write has a copy without making one.
    fn has_free_copy(&self) -> bool;
    /// Whether the next write can have a copy without exceeding the limit.
    fn has_room(&mut self, copies_max: usize) -> bool;
}

/// A copy that was live, and the operations since.
struct Spare<K: Stored, V: ListValue, D: Arrangement<K>> {
    copy: Handles<IndexCopy<K, V, D>>,
    debt: Vec<Logged<K, V>>,
}

/// The writer's side of one index.
pub(super) struct IndexWriter<K: Stored, V: ListValue, D: Arrangement<K>> {
    live: Arc<IndexCopy<K, V, D>>,
    working: Option<Handles<IndexCopy<K, V, D>>>,
    operations: Vec<Logged<K, V>>,
    /// So many operations came before them and are not kept, because they are more than any copy would catch up by.
    forgotten: usize,
    taken_out: TakenOut<K, V, D>,
    /// Operations before this one, the forgotten counted, are not merged with later ones and not forgotten.
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
            forgotten: 0,
            taken_out: TakenOut::default(),
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
        self.working.as_ref().map_or(&*self.live, Handles::get)
    }

    /// Sees to it that there is a working copy, if there is one to be had within `copies_max` copies.
    #[inline]
    pub(super) fn prepare(&mut self, copies_max: usize) -> Option<()> {
        if self.working.is_none() {
            self.working = Some(self.take_working(copies_max)?);
        }
        Some(())
    }

    /// A copy that no reader holds, brought up to date: a spare, or else a new one.
    fn take_working(&mut self, copies_max: usize) -> Option<Handles<IndexCopy<K, V, D>>> {
        self.free_given_up();
        match self.reclaim() {
            Some(copy) => Some(copy),
            None if self.copy_count() < copies_max => Some(Handles::new(self.live.duplicate())),
            None => None,
        }
    }

    fn copy_count(&self) -> usize {
        1 + self.spares.len() + self.given_up.len() + usize::from(self.working.is_some())
    }

    /// The best spare that no reader holds, brought up to date.
    fn reclaim(&mut self) -> Option<Handles<IndexCopy<K, V, D>>> {
        loop {
            let free = self.spares.iter().enumerate().filter(|(_, spare)| spare.copy.is_free());
            let (at, _) = free.min_by_key(|(_, spare)| spare.debt.len())?;
            // If a key's code panics from here on, the spare is lost, which is no loss.
            let Spare { mut copy, mut debt } = self.spares.swap_remove(at);
            // Only the root of the registry hands copies out, and this one is not in it: nobody else can have got it since.
            let spare = copy.get_mut()?;
            if spare.directory.is_wasteful() {
                continue;
            }
            spare.catch_up(&mut debt);
            if self.operations.capacity() == 0 && debt.capacity() <= DEBT_MAX {
                self.operations = debt;
            }
            return Some(copy);
        }
    }

    /// Whether a panic of a key's or value's code may leave the working copy changed and the change not logged: that of a
    /// destructor, or any in a directory that is not whole after one. Otherwise nothing is changed before the last code that may
    /// panic.
    const MAY_BREAK: bool = needs_drop::<(K, V)>() || !D::IS_WHOLE_AFTER_PANIC;

    /// Changes the working copy. If a key's or value's code panics, what was logged is what has happened: a copy that may be broken
    /// is made anew. Where none can be, a number is inserted without a call that keeps it out of registers.
    #[inline]
    pub(super) fn change<R>(&mut self, act: impl FnOnce(&mut Self) -> R) -> R {
        if !Self::MAY_BREAK {
            return act(self);
        }
        catch_unwind(AssertUnwindSafe(|| act(self))).unwrap_or_else(|panic| {
            self.renew();
            resume_unwind(panic)
        })
    }

    /// Makes the working copy anew, of the live one and what is pending.
    #[cold]
    fn renew(&mut self) {
        let renewed = catch_unwind(AssertUnwindSafe(|| {
            self.working = None;
            let mut copy = self.take_working(usize::MAX)?;
            copy.get_mut()?.catch_up(&mut self.operations.clone());
            self.working = Some(copy);
            Some(())
        }));
        if !matches!(renewed, Ok(Some(()))) {
            self.lose_pending();
        }
    }

    /// What remains when the working copy is lost because a key's code panicked: nothing of what was pending.
    fn lose_pending(&mut self) {
        (self.floor, self.forgotten) = (0, 0);
        let lost = (self.working.take(), std::mem::take(&mut self.operations), std::mem::take(&mut self.taken_out));
        let _ = catch_unwind(AssertUnwindSafe(|| drop(lost)));
    }

    fn working(&mut self) -> &mut IndexCopy<K, V, D> {
        let working = self.working.as_mut().expect("a write prepares a working copy first");
        working.get_mut().expect("no reader has seen the working copy")
    }

    /// The last operation that a new one may be merged with.
    fn last(&self) -> Option<&Operation<K, V>> {
        self.operations.get(self.floor.saturating_sub(self.forgotten)..)?.last().map(|last| &last.operation)
    }

    /// Whether the last operation is the opposite of an insertion or a removal that is about to be pushed.
    fn is_undone_by(&self, key: &K, value: &V, undoes: Undoes) -> bool {
        match (self.last(), undoes) {
            (Some(Operation::Insert(last_key, last_value)), Undoes::Insert)
            | (Some(Operation::Remove(last_key, last_value)), Undoes::Remove) => {
                last_value == value && D::is_same(last_key, key)
            }
            _ => false,
        }
    }

    fn push(&mut self, operation: Operation<K, V>, hint: Hint, undoes_last: bool) {
        if undoes_last {
            self.operations.pop();
        } else {
            self.operations.push(Logged { operation, hint });
            if self.operations.len() > DEBT_MAX {
                self.forget();
            }
        }
    }

    /// Lets go of the log where it has become longer than what any copy would catch up by: then only taking back everything
    /// needs to be possible, for which the live copy is enough. Where a panic may break the copy, the log is also what it is made anew by.
    fn forget(&mut self) {
        if self.floor == 0 && !Self::MAY_BREAK && self.operations.len() > debt_max(self.current().directory.len()) {
            self.forgotten += self.operations.len();
            self.operations.clear();
            self.taken_out = TakenOut::default();
        }
    }

    #[inline]
    pub(super) fn insert(&mut self, key: K, value: V) -> usize {
        let undoes = self.is_undone_by(&key, &value, Undoes::Remove);
        let (len, hint) = self.working().insert(Cow::Borrowed(&key), value.clone(), Hint::UNKNOWN);
        self.push(Operation::Insert(key, value), hint, undoes);
        len
    }

    /// Adds a value unless it is under the key already. Whether it was added.
    pub(super) fn insert_distinct(&mut self, key: K, value: V) -> bool {
        let undoes = self.is_undone_by(&key, &value, Undoes::Remove);
        let Some(hint) = self.working().insert_distinct(&key, &value) else { return false };
        self.push(Operation::Insert(key, value), hint, undoes);
        true
    }

    pub(super) fn remove<Q: ?Sized>(&mut self, key: &Q, value: &V) -> bool
    where
        D: Lookup<K, Q>,
    {
        let Seek::Found(spot) = D::seek(&self.working().directory, key) else { return false };
        let hint = ListDirectory::<K, V, D>::hint_of(&spot);
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
        copy.value_count.0 = copy.value_count.0.saturating_sub(1);
        self.push(Operation::Remove(key, value), hint, undoes);
        true
    }

    pub(super) fn remove_key<Q: ?Sized>(&mut self, key: &Q) -> usize
    where
        D: Lookup<K, Q>,
    {
        let copy = self.working();
        let Seek::Found(spot) = D::seek(&copy.directory, key) else { return 0 };
        let hint = ListDirectory::<K, V, D>::hint_of(&spot);
        let (key, old) = copy.directory.remove(spot);
        copy.value_count.0 = copy.value_count.0.saturating_sub(old.len());
        let removed = old.len();
        self.taken_out.lists.push(old);
        self.push(Operation::Replace(key, Box::default()), hint, false);
        removed
    }

    #[inline]
    pub(super) fn replace(&mut self, key: K, new: PostingList<V>) -> usize {
        let merges = match self.last() {
            Some(Operation::ReplaceOne(last, _) | Operation::Replace(last, _)) => D::is_same(last, &key),
            _ => false,
        };
        let operation = match new.single() {
            Some(value) => Operation::ReplaceOne(key.clone(), value.clone()),
            None => Operation::Replace(key.clone(), Box::new(new.clone())),
        };
        let (old, hint) = self.working().replace(Cow::Owned(key), new, Hint::UNKNOWN);
        let removed = old.len();
        match self.operations.last_mut() {
            // What the first of them took out is what undoing both gives back.
            Some(last) if merges => last.operation = operation,
            _ => {
                self.taken_out.lists.push(old);
                self.push(operation, hint, false);
            }
        }
        removed
    }

    /// Adds many values: one by one, or, where there are so many that no other copy would catch up by their log, by making the
    /// directory anew.
    pub(super) fn extend(&mut self, mut entries: Vec<(K, V)>) {
        if entries.len() <= debt_max(self.current().directory.len() + entries.len()) {
            entries.into_iter().for_each(|(key, value)| _ = self.insert(key, value));
            return;
        }
        D::sort(&mut entries);
        let before = self.working().merge(&entries);
        self.taken_out.all.push(before);
        self.push(Operation::Merge(Arc::new(entries)), Hint::UNKNOWN, false);
    }

    pub(super) fn clear(&mut self) -> usize {
        let copy = self.working();
        let removed = std::mem::take(&mut copy.value_count.0);
        let empty = copy.directory.empty_like();
        let directory = std::mem::replace(&mut copy.directory, empty);
        self.taken_out.all.push((directory, removed));
        self.push(Operation::Clear, Hint::UNKNOWN, false);
        removed
    }

    /// Removes the values that `keep` refuses. Asks for all of them before it removes one.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) -> usize {
        let mut refused = Vec::new();
        for (key, list) in self.working().directory.iter() {
            refused.extend(list.iter().filter(|value| !keep(key, value)).map(|value| (key.clone(), value.clone())));
        }
        refused.into_iter().map(|(key, value)| usize::from(self.remove_owned(key, value))).sum()
    }

    /// Removes a value of a key that the index was just seen to have.
    fn remove_owned(&mut self, key: K, value: V) -> bool {
        let copy = self.working();
        let before = copy.value_count.0;
        copy.remove(&key, &value, Hint::UNKNOWN);
        let removed = copy.value_count.0 < before;
        if removed {
            // Moved: a clone that panics would leave what is removed out of the log.
            self.push(Operation::Remove(key, value), Hint::UNKNOWN, false);
        }
        removed
    }

    /// Frees the copies that were given up and that no reader has any more.
    fn free_given_up(&mut self) {
        if !self.given_up.is_empty() {
            self.given_up.retain_mut(|copy| get_mut(copy).is_none());
        }
    }

    /// Clones the live copy. If a key's code panics, the next write does it.
    fn replace_spares(&mut self) {
        if let Ok(copy) = catch_unwind(AssertUnwindSafe(|| self.live.duplicate())) {
            self.spares.push(Spare { copy: Handles::new(copy), debt: Vec::new() });
        }
    }

    /// Puts a copy aside that will not be used again.
    fn give_up(&mut self, copy: Handles<IndexCopy<K, V, D>>) {
        if !copy.is_free() {
            self.given_up.push(copy.into_own());
        }
    }

    /// Makes the copy that was live before a spare, and adds to what the others lack; see [`settle`](Slot::settle).
    fn settle_spares(&mut self) -> bool {
        let mut operations = std::mem::take(&mut self.operations);
        let mut is_too_much = std::mem::take(&mut self.forgotten) > 0;
        self.floor = 0;
        let Some(retiring) = self.retiring.take().map(Handles::of_published) else { return false };
        if !self.taken_out.all.is_empty() {
            if let Some(clear) = operations.iter().rposition(|logged| matches!(logged.operation, Operation::Clear)) {
                operations.drain(..clear);
                is_too_much = false;
            }
            is_too_much |= operations.iter().any(|logged| matches!(logged.operation, Operation::Merge(_)));
        }
        self.taken_out.all.clear();
        self.taken_out.lists.clear();
        self.taken_out.lists.shrink_to(DEBT_MAX);
        // What was merged is more than a debt may be, as is what was forgotten.
        let debt_max = debt_max(self.live.directory.len());
        for at in (0..self.spares.len()).rev() {
            let debt = &mut self.spares[at].debt;
            let fits = !is_too_much && debt.len() + operations.len() <= debt_max;
            let duplicate = || debt.extend(operations.iter().cloned());
            if !fits || catch_unwind(AssertUnwindSafe(duplicate)).is_err() {
                let spare = self.spares.swap_remove(at);
                self.give_up(spare.copy);
            }
        }
        if is_too_much || operations.len() > debt_max {
            self.give_up(retiring);
            return true;
        }
        // The next write begins with them.
        retiring.get().prefetch(&operations);
        let owes_much = operations.len() > DEBT_LATER_MAX;
        self.spares.push(Spare { copy: retiring, debt: operations });
        owes_much
    }
}

/// How many operations a debt may have, in an index of so many keys.
fn debt_max(key_count: usize) -> usize {
    DEBT_MAX.max(key_count / 4)
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
        self.forgotten + self.operations.len()
    }

    fn mark(&mut self) -> usize {
        self.floor = self.pending_len();
        self.floor
    }

    fn rollback(&mut self, mark: usize) {
        let Some(mut working) = self.working.take() else { return };
        if mark < self.forgotten {
            // Everything: nothing is forgotten from the first mark on.
            return self.lose_pending();
        }
        let mark = mark - self.forgotten;
        let (operations, taken_out) = (&mut self.operations, &mut self.taken_out);
        let undone = catch_unwind(AssertUnwindSafe(|| {
            let copy = working.get_mut().expect("no reader has seen the working copy");
            while operations.len() > mark
                && let Some(logged) = operations.pop()
            {
                copy.undo(logged, taken_out);
            }
        }));
        match undone {
            Ok(()) => self.working = Some(working),
            Err(_) => {
                self.working = Some(working);
                self.lose_pending();
            }
        }
        self.floor = self.pending_len();
    }

    fn publish(&mut self) -> Part {
        let Some(working) = self.working.take() else { return self.live() };
        let (live, part) = working.publish();
        self.retiring = Some(std::mem::replace(&mut self.live, live));
        part
    }

    fn settle(&mut self) -> bool {
        catch_unwind(AssertUnwindSafe(|| self.settle_spares())).unwrap_or_else(|_| {
            // A destructor panicked: what the spares lack is not known any more. The next write clones the live copy.
            let spares = std::mem::take(&mut self.spares);
            let _ = catch_unwind(AssertUnwindSafe(|| spares.into_iter().for_each(|spare| self.give_up(spare.copy))));
            false
        })
    }

    fn pay_large_debt(&mut self) {
        self.free_given_up();
        if self.spares.is_empty() {
            return self.replace_spares();
        }
        let Some(spare) = self.spares.last_mut().filter(|spare| spare.debt.len() > DEBT_LATER_MAX) else { return };
        let Some(copy) = spare.copy.get_mut() else { return };
        let mut debt = std::mem::take(&mut spare.debt);
        let paid = catch_unwind(AssertUnwindSafe(|| copy.catch_up(&mut debt)));
        if paid.is_err() {
            // A key's code panicked: the spare is lost, which is no loss.
            self.spares.pop();
        } else if debt.capacity() <= DEBT_MAX {
            spare.debt = debt;
        }
    }

    fn take_back(&mut self, part: &mut Option<Part>) {
        let Some(old) = part.take_if(|part| !is_same(&self.live, part)) else { return };
        if let Some(spare) = self.spares.iter_mut().find(|spare| spare.copy.is_of(&old)) {
            spare.copy.take_back(old);
        }
    }

    fn has_free_copy(&self) -> bool {
        self.working.is_some() || self.spares.iter().any(|spare| spare.copy.is_free())
    }

    fn has_room(&mut self, copies_max: usize) -> bool {
        self.spares.iter().any(|spare| spare.copy.is_free()) || self.copy_count() < copies_max
    }
}
