//! Locks that a panic does not poison, over std's or over those of a model checker, which look like std's.
//!
//! Std's, because its `Condvar::notify_all` wakes all at once. Others hand those who wait to the lock, which wakes one after the
//! other: where the processors are idle, as while a disk syncs, eight committers then wait for seven wake-ups in a row.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, TryLockError};
use std::time::{Duration, Instant};

#[cfg(loom)]
use loom::sync as base;
#[cfg(all(feature = "shuttle", not(loom)))]
use shuttle::sync as base;
#[cfg(not(any(loom, feature = "shuttle")))]
use std::sync as base;

pub(crate) use base::atomic::{AtomicU64, Ordering, fence};

const HELD: &str = "a guard has its lock but while it waits";

/// A lock.
#[derive(Default)]
pub(crate) struct Mutex<T>(base::Mutex<T>);

/// A lock that is held.
pub(crate) struct MutexGuard<'l, T> {
    lock: &'l Mutex<T>,
    held: Option<base::MutexGuard<'l, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(base::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { lock: self, held: Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)) }
    }

    /// [`lock`](Self::lock), for a lock that is held for a few microseconds: to wait for those awake costs less than to be woken.
    pub(crate) fn lock_awake(&self) -> MutexGuard<'_, T> {
        const WAIT_MAX: Duration = Duration::from_micros(20);
        if cfg!(any(loom, feature = "shuttle")) {
            return self.lock();
        }
        let mut begun = None;
        loop {
            if let Some(held) = self.try_lock() {
                return held;
            }
            if begun.get_or_insert_with(Instant::now).elapsed() > WAIT_MAX {
                return self.lock();
            }
            (0..8).for_each(|_| std::hint::spin_loop());
        }
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(MutexGuard { lock: self, held: Some(held) })
    }
}

impl<T> MutexGuard<'_, T> {
    /// Lets go of the lock while `work` runs.
    pub(crate) fn unlocked<U>(guard: &mut Self, work: impl FnOnce() -> U) -> U {
        /// Takes the lock again, also if the work panics.
        struct Again<'g, 'l, T>(&'g mut MutexGuard<'l, T>);
        impl<T> Drop for Again<'_, '_, T> {
            fn drop(&mut self) {
                let locked = self.0.lock.0.lock();
                self.0.held = Some(locked.unwrap_or_else(PoisonError::into_inner));
            }
        }
        guard.held = None;
        let _again = Again(guard);
        work()
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
pub(crate) struct Condvar(base::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(base::Condvar::new())
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.held.take().expect(HELD);
        guard.held = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until that time at most; whether it has come.
    #[cfg(not(any(loom, feature = "shuttle")))]
    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, until: Instant) -> bool {
        let held = guard.held.take().expect(HELD);
        let patience = until.saturating_duration_since(Instant::now());
        let (held, ended) = self.0.wait_timeout(held, patience).unwrap_or_else(PoisonError::into_inner);
        guard.held = Some(held);
        ended.timed_out()
    }

    /// A model has no clock: nobody waits too long.
    #[cfg(any(loom, feature = "shuttle"))]
    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> bool {
        self.wait(guard);
        false
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condvar")
    }
}

#[cfg(all(test, not(any(loom, feature = "shuttle"))))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_lock_outlives_panics_under_it() {
        let lock = Mutex::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut held = lock.lock();
            *held = 2;
            panic!("with the lock held");
        }));
        assert!(panicked.is_err());
        assert_eq!(lock.try_lock().map(|held| *held), Some(2));
        let mut held = lock.lock_awake();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            MutexGuard::unlocked(&mut held, || {
                *lock.lock() = 3;
                panic!("with the lock let go");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(*held, 3, "it is held again");
        assert!(lock.try_lock().is_none());
    }
}
