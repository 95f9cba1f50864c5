//! Whose turn it is to write.
//!
//! The [`Writer`] of a registry is a box that changes hands: whoever has taken it may write, and gives it back when done.
//! It is not a mutex guard, so that a batch may move between threads. A single short step is done in place, under the lock,
//! which costs half as much.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

#[cfg(feature = "shuttle")]
use shuttle::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(feature = "shuttle"))]
use std::sync::{Condvar, Mutex, MutexGuard};

use super::registry::Sequence;
use super::writer::Writer;

/// The place where the writer waits for its next user.
pub(super) struct Turn {
    state: Mutex<State>,
    given_back: Condvar,
    published: Condvar,
}

struct State {
    writer: Option<Box<Writer>>,
    /// The last sequence whose publication is complete.
    sequence: Sequence,
    writers_waiting: usize,
    readers_waiting: usize,
}

/// The writer in its place, under the lock. Others are woken at the end also where a step panics.
struct InPlace<'t> {
    turn: &'t Turn,
    state: MutexGuard<'t, State>,
}

impl Drop for InPlace<'_> {
    fn drop(&mut self) {
        self.turn.wake(&mut self.state);
    }
}

impl Turn {
    pub(super) fn new(writer: Writer) -> Self {
        let state = State {
            sequence: writer.sequence(),
            writer: Some(Box::new(writer)),
            writers_waiting: 0,
            readers_waiting: 0,
        };
        Self { state: Mutex::new(state), given_back: Condvar::new(), published: Condvar::new() }
    }

    /// A panic of a key's or value's code under this lock leaves the writer as whole as one without it, so a poisoned lock is
    /// as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state once nobody else writes.
    fn lock_idle(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while state.writer.is_none() {
            state.writers_waiting += 1;
            state = self.given_back.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.writers_waiting -= 1;
        }
        state
    }

    /// Waits until nobody else writes.
    pub(super) fn begin(&self) -> Box<Writer> {
        self.lock_idle().writer.take().expect("nobody else has the writer")
    }

    /// Waits until nobody else writes, and does a step that is short.
    #[inline]
    pub(super) fn with<R>(&self, step: impl FnOnce(&mut Writer) -> R) -> R {
        let mut held = InPlace { turn: self, state: self.lock_idle() };
        step(held.state.writer.as_mut().expect("nobody else has the writer"))
    }

    /// Takes the writer if nobody else has it.
    pub(super) fn try_begin(&self) -> Option<Box<Writer>> {
        self.lock().writer.take()
    }

    /// Gives the writer back and wakes those who wait for it or for what it has published.
    pub(super) fn end(&self, writer: Box<Writer>) {
        let mut state = self.lock();
        state.writer = Some(writer);
        self.wake(&mut state);
    }

    /// Wakes those who wait for the writer, which is there, or for what it has published.
    fn wake(&self, state: &mut State) {
        if let Some(writer) = &state.writer {
            state.sequence = writer.sequence();
        }
        if state.writers_waiting > 0 {
            self.given_back.notify_one();
        }
        if state.readers_waiting > 0 {
            self.published.notify_all();
        }
    }

    /// Waits until a sequence is published.
    pub(super) fn wait_for(&self, sequence: Sequence) {
        let mut state = self.lock();
        while state.sequence < sequence {
            state.readers_waiting += 1;
            state = self.published.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.readers_waiting -= 1;
        }
    }

    /// Waits until a sequence is published, but not longer than the limit. Whether it is.
    pub(super) fn wait_for_timeout(&self, sequence: Sequence, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        while state.sequence < sequence {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state.readers_waiting += 1;
            (state, _) = self.published.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state.readers_waiting -= 1;
        }
        true
    }
}
