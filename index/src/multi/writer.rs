//! The writer of a registry: every index, and what is pending on it.
//!
//! There is one, and [`Turn`](super::turn::Turn) says whose it is. [`publish`](Writer::publish) is the swap of the root.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::directory::{Arrangement, Stored};
use super::handles::get_mut;
use super::index::MultiIndex;
use super::list::ListValue;
use super::registry::{Busy, Meta, Published, Sequence, Shared, WhenHeld};
use super::root::{Owner, Root};
use super::slot::{IndexWriter, Slot};
use crate::memory::prefetch_to_write;

/// The writer for as long as somebody has it; gives it back when dropped.
pub(super) struct Tenure<P: std::ops::Deref<Target = Shared>> {
    pub(super) shared: P,
    writer: Option<Box<Writer>>,
}

impl<P: std::ops::Deref<Target = Shared>> Tenure<P> {
    pub(super) fn begin(shared: P) -> Self {
        let writer = Some(shared.turn.begin());
        Self { shared, writer }
    }

    pub(super) fn try_begin(shared: P) -> Option<Self> {
        let writer = Some(shared.turn.try_begin()?);
        Some(Self { shared, writer })
    }

    pub(super) fn writer(&mut self) -> &mut Writer {
        self.writer.as_mut().expect("a tenure has the writer until it is dropped")
    }

    pub(super) fn writer_ref(&self) -> &Writer {
        self.writer.as_ref().expect("a tenure has the writer until it is dropped")
    }

    /// The writer's side of an index of this registry, ready to be written.
    pub(super) fn edit<K, V, D>(
        &mut self,
        index: &MultiIndex<K, V, D>,
        when_held: WhenHeld,
    ) -> Result<&mut IndexWriter<K, V, D>, Busy>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        let writer = self.writer.as_mut().expect("a tenure has the writer until it is dropped");
        writer.edit(index, when_held, &self.shared.root)
    }

    /// Publishes everything that is pending.
    pub(super) fn publish(&mut self) -> Sequence {
        let writer = self.writer.as_mut().expect("a tenure has the writer until it is dropped");
        writer.publish(&self.shared.root)
    }
}

impl<P: std::ops::Deref<Target = Shared>> Drop for Tenure<P> {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.shared.turn.end(writer);
        }
    }
}

/// The one who writes: every index, and what is pending on it.
pub(super) struct Writer {
    owner: Owner,
    copies_max: usize,
    slots: Vec<Option<Box<dyn Slot>>>,
    /// Slots that may have pending operations.
    touched: Vec<usize>,
    pub(super) pending_meta: Option<Meta>,
    meta: Option<Meta>,
    sequence: Sequence,
    former: Former,
    /// How long the pending operations have waited for readers.
    pub(super) waited: Duration,
}

impl Writer {
    pub(super) fn new(owner: Owner, copies_max: usize) -> Self {
        Self {
            owner,
            copies_max,
            slots: Vec::new(),
            touched: Vec::new(),
            pending_meta: None,
            meta: None,
            sequence: Sequence::default(),
            former: Former::default(),
            waited: Duration::ZERO,
        }
    }

    pub(super) fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Does something to every slot that may have pending operations.
    pub(super) fn each_touched(&mut self, mut act: impl FnMut(usize, &mut dyn Slot)) {
        for at in &self.touched {
            if let Some(slot) = &mut self.slots[*at] {
                act(*at, &mut **slot);
            }
        }
    }

    /// Whether there may be something to publish or to take back.
    pub(super) fn is_anything_pending(&self) -> bool {
        !self.touched.is_empty() || self.pending_meta.is_some()
    }

    pub(super) fn pending_len(&self) -> usize {
        self.touched.iter().filter_map(|at| self.slots[*at].as_ref()).map(|slot| slot.pending_len()).sum()
    }

    /// The writer's side of an index of this registry.
    pub(super) fn find<K, V, D>(&self, index: &MultiIndex<K, V, D>) -> Option<&IndexWriter<K, V, D>>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        let writer: &IndexWriter<K, V, D> = self.slots.get(index.slot)?.as_ref()?.as_any().downcast_ref()?;
        Arc::ptr_eq(writer.identity(), &index.identity).then_some(writer)
    }

    /// The writer's side of an index of this registry, ready to be written.
    pub(super) fn edit<K, V, D>(
        &mut self,
        index: &MultiIndex<K, V, D>,
        when_held: WhenHeld,
        root: &Root<Published>,
    ) -> Result<&mut IndexWriter<K, V, D>, Busy>
    where
        K: Stored,
        V: ListValue,
        D: Arrangement<K>,
    {
        if let Some(Some(slot)) = self.slots.get(index.slot)
            && !slot.has_free_copy()
        {
            self.take_back(root);
        }
        let copies_max = self.copies_max;
        let slot = self.slots.get_mut(index.slot).and_then(Option::as_mut);
        let writer = slot.and_then(|slot| slot.as_any_mut().downcast_mut::<IndexWriter<K, V, D>>());
        let writer = writer.filter(|writer| Arc::ptr_eq(writer.identity(), &index.identity));
        let writer = writer.expect("the index is not in this registry, or not any more");
        if writer.prepare(copies_max).is_none() {
            let start = Instant::now();
            let prepared = prepare_held(writer, copies_max, when_held, || root.release_retired(&mut self.owner, drop));
            if matches!(when_held, WhenHeld::Wait(_)) {
                self.waited += start.elapsed();
            }
            prepared?;
        }
        if !self.touched.contains(&index.slot) {
            self.touched.push(index.slot);
        }
        Ok(writer)
    }

    /// Whether every pending index would have a copy for the next write.
    pub(super) fn has_room(&mut self, root: &Root<Published>) -> bool {
        self.take_back(root);
        let copies_max = self.copies_max;
        let mut has_room = true;
        self.each_touched(|_, slot| has_room &= slot.has_room(copies_max));
        has_room
    }

    pub(super) fn add(&mut self, slot: Box<dyn Slot>, root: &Root<Published>) -> usize {
        let at = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[at] = Some(slot);
        self.publish_structure(root);
        at
    }

    pub(super) fn remove(&mut self, at: usize, root: &Root<Published>) {
        // Dropped at the end: a destructor may panic.
        let _removed = self.slots[at].take();
        self.touched.retain(|touched| *touched != at);
        self.publish_structure(root);
    }

    /// Publishes which indexes there are, without what is pending on them.
    fn publish_structure(&mut self, root: &Root<Published>) {
        self.sequence = self.sequence.next();
        self.former = Former { structure: self.sequence, ..Former::default() };
        let parts = self.slots.iter().map(|slot| slot.as_ref().map(|slot| slot.live())).collect();
        let published = Published { sequence: self.sequence, meta: self.meta.clone(), parts };
        root.swap(&mut self.owner, Arc::new(published));
        // An index that is gone is freed now: the next publication may be long in coming.
        self.take_back(root);
    }

    /// Publishes everything that is pending with one swap. Publishes nothing if nothing is.
    pub(super) fn publish(&mut self, root: &Root<Published>) -> Sequence {
        let slots = &mut self.slots;
        self.touched.retain(|at| slots[*at].as_ref().is_some_and(|slot| slot.pending_len() > 0));
        self.waited = Duration::ZERO;
        if self.touched.is_empty() && self.pending_meta.is_none() {
            self.take_back(root);
            return self.sequence;
        }
        // Most often the write has done so.
        self.take_back(root);
        root.prefetch_swap();
        if let Some(spare) = &self.former.spare {
            prefetch_to_write(&**spare);
        }
        self.sequence = self.sequence.next();
        if let Some(meta) = self.pending_meta.take() {
            self.meta = Some(meta);
        }
        let mut published = self.former.spare.take().unwrap_or_default();
        self.fill(get_mut(&mut published).expect("nobody has a version that is not published"));
        root.swap(&mut self.owner, published);
        let mut owes_much = false;
        self.each_touched(|_, slot| owes_much |= slot.settle());
        // It says which parts of the version before are not the current ones.
        self.former.touched.clone_from(&self.touched);
        if owes_much {
            self.take_back(root);
            self.each_touched(|_, slot| slot.pay_large_debt());
        }
        self.touched.clear();
        self.sequence
    }

    /// Brings a version that is not published up to date: the one that was spare, or a new one.
    fn fill(&mut self, version: &mut Published) {
        version.sequence = self.sequence;
        version.meta.clone_from(&self.meta);
        if version.parts.is_empty() {
            version.parts.extend(self.slots.iter().map(|_| None));
            self.former.lacking.extend(0..self.slots.len());
        }
        for at in &self.touched {
            version.parts[*at] = self.slots[*at].as_mut().map(|slot| slot.publish());
        }
        for at in self.former.lacking.drain(..) {
            if version.parts[at].is_none() {
                version.parts[at] = self.slots[at].as_ref().map(|slot| slot.live());
            }
        }
    }

    /// Takes back the versions that no reader has any more, and with them the copies that are in no other.
    fn take_back(&mut self, root: &Root<Published>) {
        let mut released = None;
        root.release_retired(&mut self.owner, |version| keep_newest(&mut released, version));
        if let Some(version) = released {
            self.keep(version);
        }
    }

    /// Takes the copies out of a version that is not the current one, and makes it the spare one if there is none.
    fn keep(&mut self, mut version: Arc<Published>) {
        let Some(free) = get_mut(&mut version) else { return };
        // While there is a spare one, the list is that one's.
        let mut lacking = match self.former.spare {
            None => std::mem::take(&mut self.former.lacking),
            Some(_) => Vec::new(),
        };
        lacking.clear();
        if free.sequence.next() == self.sequence {
            // All other parts are the current ones.
            lacking.extend_from_slice(&self.former.touched);
        } else {
            lacking.extend(0..free.parts.len());
        }
        for at in &lacking {
            if let Some(Some(slot)) = self.slots.get_mut(*at) {
                slot.take_back(&mut free.parts[*at]);
            }
        }
        if self.former.spare.is_none() && free.sequence >= self.former.structure {
            self.former.lacking = lacking;
            self.former.spare = Some(version);
        }
    }
}

/// Of several versions, keeps the one that lacks least.
fn keep_newest(kept: &mut Option<Arc<Published>>, version: Arc<Published>) {
    if kept.as_ref().is_none_or(|kept| kept.sequence < version.sequence) {
        *kept = Some(version);
    }
}

/// The versions before the current one.
#[derive(Default)]
struct Former {
    /// One that nobody has, to be the next.
    spare: Option<Arc<Published>>,
    /// Which indexes' parts may be missing from it.
    lacking: Vec<usize>,
    /// Which indexes the last publication has changed.
    touched: Vec<usize>,
    /// The version since which the same indexes exist. None before it becomes the spare one.
    structure: Sequence,
}

/// Finds a working copy although readers hold those that were allowed.
fn prepare_held<K, V, D>(
    writer: &mut IndexWriter<K, V, D>,
    copies_max: usize,
    when_held: WhenHeld,
    mut release: impl FnMut(),
) -> Result<(), Busy>
where
    K: Stored,
    V: ListValue,
    D: Arrangement<K>,
{
    match when_held {
        WhenHeld::Clone => writer.prepare(usize::MAX).ok_or(Busy),
        WhenHeld::Busy => Err(Busy),
        WhenHeld::Wait(limit) => {
            // None where no clock will ever show it.
            let deadline = Instant::now().checked_add(limit);
            while deadline.is_none_or(|deadline| Instant::now() < deadline) {
                pause();
                release();
                if writer.prepare(copies_max).is_some() {
                    return Ok(());
                }
            }
            Err(Busy)
        }
    }
}

/// Lets readers run. They do not tell when they let go of a copy, so that letting go costs them nothing.
fn pause() {
    if cfg!(feature = "shuttle") {
        crate::sync::spin_hint();
    } else {
        std::thread::sleep(Duration::from_micros(50));
    }
}
