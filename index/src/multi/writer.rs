//! The writer of a registry: every index, and what is pending on it.
//!
//! There is one, and [`Turn`](super::turn::Turn) says whose it is. [`publish`](Writer::publish) is the swap of the root.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::directory::{Arrangement, Stored};
use super::index::MultiIndex;
use super::list::ListValue;
use super::registry::{Busy, Meta, Published, Sequence, Shared, WhenHeld};
use super::root::Root;
use super::slot::{IndexWriter, Slot};

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
    savepoint_count: u64,
}

impl Writer {
    pub(super) fn new(copies_max: usize) -> Self {
        Self {
            copies_max,
            slots: Vec::new(),
            touched: Vec::new(),
            pending_meta: None,
            meta: None,
            sequence: Sequence::default(),
            former: Former::default(),
            waited: Duration::ZERO,
            savepoint_count: 0,
        }
    }

    pub(super) fn sequence(&self) -> Sequence {
        self.sequence
    }

    pub(super) fn next_savepoint(&mut self) -> u64 {
        self.savepoint_count += 1;
        self.savepoint_count
    }

    /// Does something to every slot that may have pending operations.
    pub(super) fn each_touched(&mut self, mut act: impl FnMut(usize, &mut dyn Slot)) {
        for at in &self.touched {
            if let Some(slot) = &mut self.slots[*at] {
                act(*at, &mut **slot);
            }
        }
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
        let slot = self.slots.get_mut(index.slot).and_then(Option::as_mut);
        let writer = slot.and_then(|slot| slot.as_any_mut().downcast_mut::<IndexWriter<K, V, D>>());
        let writer = writer.filter(|writer| Arc::ptr_eq(writer.identity(), &index.identity));
        let writer = writer.expect("the index is not in this registry, or not any more");
        if !writer.has_free_copy() {
            self.former.release(root);
        }
        let copies_max = self.copies_max;
        if writer.prepare(copies_max).is_none() {
            let start = Instant::now();
            let prepared = prepare_held(writer, copies_max, when_held, root);
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
        self.former.release(root);
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
        self.slots[at] = None;
        self.touched.retain(|touched| *touched != at);
        self.publish_structure(root);
    }

    /// Publishes which indexes there are, without what is pending on them.
    fn publish_structure(&mut self, root: &Root<Published>) {
        self.sequence = self.sequence.next();
        self.former.spare = None;
        let mut published = Published::default();
        self.update(&mut published);
        self.former.are_held = !root.swap(Arc::new(published), drop);
    }

    /// Publishes everything that is pending with one swap. Publishes nothing if nothing is.
    pub(super) fn publish(&mut self, root: &Root<Published>) -> Sequence {
        let slots = &mut self.slots;
        self.touched.retain(|at| slots[*at].as_ref().is_some_and(|slot| slot.pending_len() > 0));
        self.waited = Duration::ZERO;
        if self.touched.is_empty() && self.pending_meta.is_none() {
            return self.sequence;
        }
        self.sequence = self.sequence.next();
        if let Some(meta) = self.pending_meta.take() {
            self.meta = Some(meta);
        }
        self.each_touched(|_, slot| slot.publish());
        let mut published = self.former.spare.take().unwrap_or_default();
        self.update(Arc::get_mut(&mut published).expect("nobody has a version that is not published"));
        let mut released = None;
        self.former.are_held = !root.swap(published, |version| keep_newest(&mut released, version));
        if let Some(mut spare) = released
            && let Some(free) = Arc::get_mut(&mut spare)
        {
            if free.sequence.next() == self.sequence {
                self.update(free);
            } else {
                free.parts.clear();
            }
            self.former.spare = Some(spare);
        }
        self.each_touched(|_, slot| slot.settle());
        self.touched.clear();
        self.sequence
    }

    /// Brings a version that is not published up to date. It has no index, or lacks those that are being published.
    fn update(&self, published: &mut Published) {
        published.sequence = self.sequence;
        published.meta.clone_from(&self.meta);
        if published.parts.is_empty() {
            published.parts.extend(self.slots.iter().map(|slot| slot.as_ref().map(|slot| slot.live())));
            return;
        }
        for at in &self.touched {
            published.parts[*at] = self.slots[*at].as_ref().map(|slot| slot.live());
        }
    }
}

/// The versions before the current one.
#[derive(Default)]
struct Former {
    /// One that nobody reads: up to date, or empty.
    spare: Option<Arc<Published>>,
    /// Whether there may be some that readers held when they were retired.
    are_held: bool,
}

impl Former {
    /// Takes back those that no reader holds any more, and with them the copies in them.
    fn release(&mut self, root: &Root<Published>) {
        if !self.are_held {
            return;
        }
        let mut released = None;
        self.are_held = !root.release_retired(|version| keep_newest(&mut released, version));
        if let Some(mut spare) = released.filter(|_| self.spare.is_none())
            && let Some(free) = Arc::get_mut(&mut spare)
        {
            free.parts.clear();
            self.spare = Some(spare);
        }
    }
}

/// Of several versions, keeps the one that lacks least.
fn keep_newest(kept: &mut Option<Arc<Published>>, version: Arc<Published>) {
    if kept.as_ref().is_none_or(|kept| kept.sequence < version.sequence) {
        *kept = Some(version);
    }
}

/// Finds a working copy although readers hold those that were allowed.
fn prepare_held<K, V, D>(
    writer: &mut IndexWriter<K, V, D>,
    copies_max: usize,
    when_held: WhenHeld,
    root: &Root<Published>,
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
            let deadline = Instant::now() + limit;
            while Instant::now() < deadline {
                pause();
                root.release_retired(drop);
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
