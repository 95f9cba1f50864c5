//! The locks of the model checkers, which look like std's, in the form of parking_lot's.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Instant;

#[cfg(loom)]
use loom::sync as checked;
#[cfg(not(loom))]
use shuttle::sync as checked;

pub(crate) use checked::atomic::{AtomicU64, Ordering, fence};

const NOT_POISONED: &str = "a thread that panics ends the model";
const HELD: &str = "a guard has its lock but while it waits";

/// A lock.
#[derive(Default)]
pub(crate) struct Mutex<T>(checked::Mutex<T>);

/// A lock that is held.
pub(crate) struct MutexGuard<'l, T> {
    lock: &'l Mutex<T>,
    held: Option<checked::MutexGuard<'l, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(checked::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { lock: self, held: Some(self.0.lock().expect(NOT_POISONED)) }
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(|held| MutexGuard { lock: self, held: Some(held) })
    }
}

impl<T> MutexGuard<'_, T> {
    /// Lets go of the lock while `work` runs.
    pub(crate) fn unlocked<U>(guard: &mut Self, work: impl FnOnce() -> U) -> U {
        guard.held = None;
        let done = work();
        guard.held = Some(guard.lock.0.lock().expect(NOT_POISONED));
        done
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect(HELD)
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect(HELD)
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}

/// A condition to wait for.
#[derive(Default)]
pub(crate) struct Condvar(checked::Condvar);

/// A model has no clock: nobody waits too long.
pub(crate) struct Never;

impl Never {
    pub(crate) fn timed_out(&self) -> bool {
        false
    }
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(checked::Condvar::new())
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.held.take().expect(HELD);
        guard.held = Some(self.0.wait(held).expect(NOT_POISONED));
    }

    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> Never {
        self.wait(guard);
        Never
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condvar")
    }
}
