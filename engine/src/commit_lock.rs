//! The commit lock, and the writer's place before it.
//!
//! A commit holds the lock for as long as it installs. A transaction that begins as the writer takes the *place*: until it
//! ends, nobody else commits or changes the schema, so nothing can overtake it. The lock itself is free meanwhile, and
//! readers know of neither.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::commit::Committer;
use crate::database::Inner;
use crate::error::{Error, Result};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// How long anybody waits for the writer's place. A thread that holds it and commits by another transaction too would
/// wait for itself.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(5);

/// How often somebody who waits asks whether to go on.
const CANCELLATION_INTERVAL: Duration = Duration::from_millis(50);

/// Says whether somebody who waits need not wait any longer.
#[derive(Clone)]
pub(crate) struct EndOfWait(pub(crate) Arc<dyn Fn() -> bool + Send + Sync>);

/// The commit lock.
#[derive(Debug)]
pub(crate) struct CommitLock {
    committer: Mutex<Committer>,
    /// Notified when the place becomes free.
    place_left: Condvar,
}

/// The writer's place, left by a drop.
pub(crate) struct WriterPlace {
    inner: Arc<Inner>,
    is_left: bool,
}

impl CommitLock {
    pub(crate) fn new(committer: Committer) -> Self {
        Self { committer: Mutex::new(committer), place_left: Condvar::new() }
    }

    /// The lock for a commit: at once for who has the writer's place, and leaves it; once nobody has it for others. Nothing
    /// is locked while `end` is asked, a few times a second.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if the place was not left in time; [`Error::Cancelled`].
    pub(crate) fn lock(
        &self,
        own_place: Option<WriterPlace>,
        end: Option<&EndOfWait>,
    ) -> Result<MutexGuard<'_, Committer>> {
        let mut committer = self.committer.lock_awake();
        if let Some(mut place) = own_place {
            place.is_left = true;
            self.leave_place(&mut committer);
        }
        if committer.is_place_taken {
            let deadline = Instant::now() + PLACE_WAIT_MAX;
            self.wait_for_place(&mut committer, Some(deadline), &|| end.is_some_and(|end| (end.0)()))?;
        }
        Ok(committer)
    }

    /// The lock for others once nobody has the writer's place, however long that takes. Nothing is locked while
    /// `is_cancelled` is asked, a few times a second.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`].
    pub(crate) fn lock_patiently(&self, is_cancelled: &dyn Fn() -> bool) -> Result<MutexGuard<'_, Committer>> {
        let mut committer = self.committer.lock();
        self.wait_for_place(&mut committer, None, is_cancelled)?;
        Ok(committer)
    }

    fn wait_for_place(
        &self,
        committer: &mut MutexGuard<'_, Committer>,
        deadline: Option<Instant>,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<()> {
        while committer.is_place_taken {
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Err(Error::Busy);
            }
            let question = now + CANCELLATION_INTERVAL;
            self.place_left.wait_until(committer, deadline.map_or(question, |deadline| deadline.min(question)));
            if committer.is_place_taken && MutexGuard::unlocked(committer, is_cancelled) {
                return Err(Error::Cancelled);
            }
        }
        Ok(())
    }

    fn leave_place(&self, committer: &mut Committer) {
        committer.is_place_taken = false;
        self.place_left.notify_all();
    }

    /// The lock whoever has the writer's place: for clearing away, and for closing.
    pub(crate) fn lock_beside_writer(&self) -> MutexGuard<'_, Committer> {
        self.committer.lock()
    }

    /// [`lock_beside_writer`](Self::lock_beside_writer), unless somebody has it.
    pub(crate) fn try_lock_beside_writer(&self) -> Option<MutexGuard<'_, Committer>> {
        self.committer.try_lock()
    }
}

impl WriterPlace {
    /// Takes the place, and waits for commits in flight, so that a snapshot of now sees all that is installed.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if somebody else has it for too long; [`Error::Cancelled`]; [`Error::Poisoned`] and [`Error::Closed`] if nothing can be
    /// committed.
    pub(crate) fn take(inner: &Arc<Inner>, end: Option<&EndOfWait>) -> Result<Self> {
        let mut committer = inner.commit_lock.lock(None, end)?;
        inner.log.as_ref().map_or(Ok(()), |log| log.check())?;
        committer.is_place_taken = true;
        let installed = committer.installed();
        drop(committer);
        let place = Self { inner: Arc::clone(inner), is_left: false };
        inner.log.as_ref().map_or(Ok(()), |log| log.wait_written(installed, &inner.visible))?;
        Ok(place)
    }
}

impl Drop for WriterPlace {
    fn drop(&mut self) {
        if !self.is_left {
            let lock = &self.inner.commit_lock;
            lock.leave_place(&mut lock.committer.lock());
        }
    }
}

impl fmt::Debug for EndOfWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndOfWait")
    }
}

impl fmt::Debug for WriterPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriterPlace")
    }
}
