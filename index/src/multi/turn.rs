//! Whose turn it is to write.
//!
//! The [`Writer`] of a registry is a box that changes hands: whoever has taken it may write, and gives it back when done.
//! It is not a mutex guard, so that a batch may move between threads. Taking it and giving it back is one atomic step each,
//! unless somebody has to wait.
//!
//! # Nobody sleeps on
//! Who waits counts itself (W1), then looks for the writer (W2), and for a sequence, and only then sleeps, all under the lock.
//! Who gives the writer back stores the sequence, puts the writer in its place (G1), then looks whether somebody is counted (G2),
//! and if so takes the lock and wakes. All four are `SeqCst`: so W2 sees G1, and with it the sequence, or G2 sees W1.

use std::ptr::null_mut;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

#[cfg(loom)]
use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(all(not(loom), feature = "shuttle"))]
use shuttle::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(any(loom, feature = "shuttle")))]
use std::sync::{Condvar, Mutex, MutexGuard};

use super::registry::Sequence;
use super::writer::Writer;
use crate::sync::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// An atomic pointer goes to every thread, whatever it points to; so does the writer.
const _: fn(Writer) -> Box<dyn Send> = |writer| Box::new(writer);

/// The place where the writer waits for its next user.
pub(super) struct Turn {
    /// The writer, or null while somebody has it.
    idle: AtomicPtr<Writer>,
    /// The last sequence whose publication is complete.
    sequence: AtomicU64,
    /// Who waits for the writer or for a sequence.
    waiting: AtomicUsize,
    sleep: Mutex<()>,
    given_back: Condvar,
    published: Condvar,
}

/// Somebody who is counted as waiting.
struct Waiting<'t>(&'t Turn);

impl<'t> Waiting<'t> {
    fn new(turn: &'t Turn) -> Self {
        // SeqCst: W1 above.
        turn.waiting.fetch_add(1, Ordering::SeqCst);
        Self(turn)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Relaxed: whoever still sees the old count wakes in vain.
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turn {
    pub(super) fn new(writer: Writer) -> Self {
        Self {
            sequence: AtomicU64::new(writer.sequence().get()),
            idle: AtomicPtr::new(Box::into_raw(Box::new(writer))),
            waiting: AtomicUsize::new(0),
            sleep: Mutex::new(()),
            given_back: Condvar::new(),
            published: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.sleep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the writer if nobody else has it.
    pub(super) fn try_begin(&self) -> Option<Box<Writer>> {
        // SeqCst: W2 above. It acquires what the last one did with the writer.
        let writer = self.idle.swap(null_mut(), Ordering::SeqCst);
        // SAFETY: it came from `Box::into_raw`, and the swap has given it to this thread alone.
        (!writer.is_null()).then(|| unsafe { Box::from_raw(writer) })
    }

    /// Waits until nobody else writes.
    pub(super) fn begin(&self) -> Box<Writer> {
        self.try_begin().unwrap_or_else(|| self.begin_later())
    }

    #[cold]
    fn begin_later(&self) -> Box<Writer> {
        let mut sleep = self.lock();
        let _waiting = Waiting::new(self);
        loop {
            if let Some(writer) = self.try_begin() {
                return writer;
            }
            sleep = self.given_back.wait(sleep).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives the writer back and wakes those who wait for it or for what it has published.
    pub(super) fn end(&self, writer: Box<Writer>) {
        // Release: pairs with the acquire load of who waits for a sequence, who sees what was published before.
        self.sequence.store(writer.sequence().get(), Ordering::Release);
        // SeqCst: G1 above. A swap rather than a store and a fence, which would keep the next write's loads waiting.
        self.idle.swap(Box::into_raw(writer), Ordering::SeqCst);
        // SeqCst: G2 above.
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        let _sleep = self.lock();
        self.given_back.notify_one();
        self.published.notify_all();
    }

    fn is_published(&self, sequence: Sequence) -> bool {
        // SeqCst: W2 above. If it sees G1, it acquires the sequence that was stored before.
        self.idle.load(Ordering::SeqCst);
        // Acquire: pairs with the release store in `end`.
        self.sequence.load(Ordering::Acquire) >= sequence.get()
    }

    /// Waits until a sequence is published.
    pub(super) fn wait_for(&self, sequence: Sequence) {
        let mut sleep = self.lock();
        let _waiting = Waiting::new(self);
        while !self.is_published(sequence) {
            sleep = self.published.wait(sleep).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until a sequence is published, but not longer than the limit. Whether it is.
    pub(super) fn wait_for_timeout(&self, sequence: Sequence, limit: Duration) -> bool {
        let Some(deadline) = Instant::now().checked_add(limit) else {
            self.wait_for(sequence);
            return true;
        };
        let mut sleep = self.lock();
        let _waiting = Waiting::new(self);
        while !self.is_published(sequence) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (sleep, _) = self.published.wait_timeout(sleep, left).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.try_begin());
    }
}

#[cfg(all(test, loom))]
mod loom_turn {
    use std::sync::Arc;

    use loom::sync::atomic::AtomicUsize as Data;
    use loom::thread;

    use super::*;
    use crate::multi::registry::Published;
    use crate::multi::root::Root;

    fn turn() -> (Arc<Turn>, Arc<Root<Published>>) {
        let (root, owner) = Root::new(Published::default());
        (Arc::new(Turn::new(Writer::new(owner, 2))), Arc::new(root))
    }

    /// Takes the writer, does something, publishes something and gives the writer back; what has been published then.
    fn publish(turn: &Turn, root: &Root<Published>, act: impl FnOnce()) -> Sequence {
        let mut writer = turn.begin();
        act();
        writer.pending_meta = Some(Arc::new(()));
        let sequence = writer.publish(root);
        turn.end(writer);
        sequence
    }

    #[test]
    fn loom_turn_who_waits_for_the_writer_gets_it() {
        loom::model(|| {
            let (turn, root) = turn();
            let (other, other_root) = (Arc::clone(&turn), Arc::clone(&root));
            let thread = thread::spawn(move || publish(&other, &other_root, || ()));
            let sequences = (publish(&turn, &root, || ()), thread.join().unwrap());
            assert_ne!(sequences.0, sequences.1, "one after the other");
        });
    }

    #[test]
    fn loom_turn_who_waits_for_a_sequence_sees_it() {
        loom::model(|| {
            let (turn, root) = turn();
            let awaited = Sequence::default().next();
            let data = Arc::new(Data::new(0));
            let (other, other_root, other_data) = (Arc::clone(&turn), Arc::clone(&root), Arc::clone(&data));
            let thread = thread::spawn(move || publish(&other, &other_root, || other_data.store(1, Ordering::Relaxed)));
            turn.wait_for(awaited);
            assert_eq!(data.load(Ordering::Relaxed), 1, "what came before it is seen");
            assert!(root.load().sequence >= awaited, "it is published");
            thread.join().unwrap();
        });
    }
}
