//! The log: how commits reach the store, several with one sync.
//!
//! A commit has three stages. Only the first needs the commit lock, so while one group waits for the disk the next one
//! gathers.
//!
//! ```text
//! A  commit lock    validate · install versions · index entries reachable · append records to the pending group
//! B  leader         take the pending group · one write, one sync
//! C  leader         visible_ts.store(last commit of the group) · wake its committers
//! ```
//!
//! Whoever waits first leads: takes all that is pending, writes it, and wakes the others of its group and one of the next,
//! who leads that. A thread alone waits for its own sync.
//!
//! The committers of the last group come back while the next one is about to begin. If that did not wait for them, they
//! would fall into two halves that sync in turns; so it does, for a part of the time that a sync takes (`company.rs`), and
//! eight threads share one sync. Whoever comes last of them leads in the place of the one who waits: it runs already.
//!
//! # Invariants
//!
//! 1. Records are appended under the commit lock, so groups are in order of timestamp and each is a run of commits.
//! 2. At most one thread leads, so groups reach the store in order, and `visible_ts` grows.
//! 3. A version is installed before its records are appended, and visible after they are on disk. Validation sees
//!    installed versions, in flight or not: either they become visible or nothing commits any more.
//! 4. After a failure nothing is applied, synced or made visible.

mod company;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::ids::Timestamp;
use crate::store::{Durability, GroupWrite, RowStore};
use crate::sync::{AtomicU64, Condvar, Mutex, MutexGuard, Ordering};
use company::Company;

/// The way of commits to a store.
#[derive(Debug)]
pub(crate) struct Log {
    store: Box<dyn RowStore>,
    durability: Durability,
    queue: Mutex<Queue>,
    /// Where the committers of a group wait, those of even groups and those of odd ones: no more than two groups are not
    /// written yet, the one that is led and the one that gathers.
    written: [Condvar; 2],
    /// Where those wait who are in no group, until nobody leads.
    is_idle: Condvar,
    /// Dropped when the log is closed, for the thread that syncs regularly.
    alive: Mutex<Option<Sender<()>>>,
}

#[derive(Debug)]
struct Queue {
    pending: GroupWrite,
    company: Company,
    /// The number of the pending group: how many were taken before.
    group: usize,
    /// The last commit of those.
    taken: Timestamp,
    /// The last commit that the store has taken, as durable as commits of this database are.
    written: Timestamp,
    /// The last commit on disk.
    durable: Timestamp,
    leader: Leader,
    /// Why no commit is taken any more.
    failure: Option<Error>,
}

/// What whoever leads is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leader {
    /// There is none.
    Nobody,
    /// Waits for company; whoever completes it may lead instead.
    Gathers,
    /// Is with the store.
    Writes,
}

impl Queue {
    /// The group of a commit that is not written yet.
    fn group_of(&self, timestamp: Timestamp) -> usize {
        self.group.wrapping_sub(usize::from(timestamp <= self.taken))
    }
}

impl Log {
    /// The log over a store whose last commit is on disk.
    pub(crate) fn new(store: Box<dyn RowStore>, durability: Durability, last: Timestamp) -> Self {
        let queue = Queue {
            pending: GroupWrite::default(),
            company: Company::default(),
            group: 0,
            taken: last,
            written: last,
            durable: last,
            leader: Leader::Nobody,
            failure: None,
        };
        let written = [Condvar::new(), Condvar::new()];
        let is_idle = Condvar::new();
        Self { store, durability, queue: Mutex::new(queue), written, is_idle, alive: Mutex::new(None) }
    }

    /// The store, to read it while nobody writes.
    pub(crate) fn store(&self) -> &dyn RowStore {
        &*self.store
    }

    /// Refuses after a failure. The caller holds the commit lock and has not changed anything yet.
    pub(crate) fn check(&self) -> Result<()> {
        self.queue.lock().failure.clone().map_or(Ok(()), Err)
    }

    /// Puts the records of a commit in the pending group. The caller holds the commit lock.
    pub(crate) fn append(&self, records: GroupWrite) {
        let mut queue = self.queue.lock();
        queue.pending.append(records);
        queue.company.arrive();
    }

    /// Waits until a commit that was appended is written and visible, leading a group if nobody does.
    pub(crate) fn wait_written(&self, timestamp: Timestamp, visible: &AtomicU64) -> Result<()> {
        let mut queue = self.queue.lock();
        while queue.written < timestamp {
            if let Some(failure) = &queue.failure {
                return Err(failure.clone());
            }
            match queue.leader {
                Leader::Nobody => {
                    if self.gather(&mut queue) {
                        self.write_pending(&mut queue, visible)?;
                    }
                }
                // This thread runs already, where the one that gathers would first have to be woken.
                Leader::Gathers if queue.company.is_complete() => self.write_pending(&mut queue, visible)?,
                Leader::Gathers | Leader::Writes => self.written[queue.group_of(timestamp) % 2].wait(&mut queue),
            }
        }
        Ok(())
    }

    fn write_pending(&self, queue: &mut MutexGuard<'_, Queue>, visible: &AtomicU64) -> Result<()> {
        if queue.leader == Leader::Gathers {
            queue.company.note_waited();
        }
        let commits = queue.company.depart();
        let begun = Instant::now();
        let group = std::mem::take(&mut queue.pending);
        let last = group.timestamp();
        queue.group = queue.group.wrapping_add(1);
        queue.taken = last.unwrap_or(queue.taken);
        self.lead(queue, |store| store.apply(&group.finish(), self.durability))?;
        queue.company.note_written(commits, begun.elapsed());
        if let Some(last) = last {
            self.note_written(queue, last);
            // Release: pairs with the acquire load in `Slot::pin`.
            visible.store(last.0, Ordering::Release);
        }
        Ok(())
    }

    /// Leads already, so that nobody else does, but lets others append to the group for a while if they are expected. Whether
    /// it is still to be led: whoever comes last of them does so at once.
    fn gather(&self, queue: &mut MutexGuard<'_, Queue>) -> bool {
        if self.durability != Durability::Sync {
            return true;
        }
        let Some(patience) = queue.company.patience() else { return true };
        let (until, group) = (Instant::now() + patience, queue.group);
        queue.leader = Leader::Gathers;
        while queue.group == group && !queue.company.is_complete() {
            if cfg!(any(loom, feature = "shuttle")) {
                // A model has no clock: whoever wants to append may.
                MutexGuard::unlocked(queue, || ());
                break;
            }
            if self.written[group % 2].wait_until(queue, until) {
                break;
            }
        }
        queue.group == group
    }

    fn note_written(&self, queue: &mut Queue, last: Timestamp) {
        queue.written = last;
        if self.durability == Durability::Sync {
            queue.durable = last;
        }
    }

    /// Lets go of the queue while `work` is with the store; whatever goes wrong there ends all commits.
    fn lead<T>(&self, queue: &mut MutexGuard<'_, Queue>, work: impl FnOnce(&dyn RowStore) -> Result<T>) -> Result<T> {
        queue.leader = Leader::Writes;
        let outcome = MutexGuard::unlocked(queue, || catch_unwind(AssertUnwindSafe(|| work(&*self.store))));
        queue.leader = Leader::Nobody;
        self.written[queue.group.wrapping_sub(1) % 2].notify_all();
        self.written[queue.group % 2].notify_one();
        self.is_idle.notify_all();
        let error = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Error::Poisoned { reason: error.to_string() },
            Err(_) => Error::Poisoned { reason: "the store panicked".to_owned() },
        };
        for group in &self.written {
            group.notify_all();
        }
        Err(queue.failure.get_or_insert(error).clone())
    }

    /// Writes a group by itself. If it has a timestamp, the caller holds the commit lock, has waited for all commits before
    /// it, and makes it visible. A group without one concerns records that no catalog names; the next sync covers it.
    pub(crate) fn write_now(&self, group: GroupWrite) -> Result<()> {
        let mut queue = self.queue.lock();
        self.wait_for_turn(&mut queue)?;
        let last = group.timestamp();
        let durability = if last.is_some() { self.durability } else { Durability::Buffered };
        self.lead(&mut queue, |store| store.apply(&group.finish(), durability))?;
        if let Some(last) = last {
            self.note_written(&mut queue, last);
        }
        Ok(())
    }

    /// Waits until nobody leads.
    fn wait_for_turn(&self, queue: &mut MutexGuard<'_, Queue>) -> Result<()> {
        while queue.leader != Leader::Nobody {
            self.is_idle.wait(queue);
        }
        queue.failure.clone().map_or(Ok(()), Err)
    }

    /// The last commit on disk.
    pub(crate) fn durable(&self) -> Timestamp {
        self.queue.lock().durable
    }

    /// Waits until a commit that is visible is on disk, syncing if need be.
    pub(crate) fn wait_durable(&self, timestamp: Timestamp) -> Result<()> {
        let mut queue = self.queue.lock();
        let timestamp = timestamp.min(queue.written);
        while queue.durable < timestamp {
            self.wait_for_turn(&mut queue)?;
            if queue.durable < timestamp {
                let written = queue.written;
                self.lead(&mut queue, |store| store.sync())?;
                queue.durable = written;
            }
        }
        Ok(())
    }

    /// Writes what is pending, syncs, and gives up the store. Commits get [`Error::Closed`] from now on. The caller holds the
    /// commit lock, so none is half appended.
    pub(crate) fn close(&self, visible: &AtomicU64) -> Result<()> {
        *self.alive.lock() = None;
        let mut queue = self.queue.lock();
        loop {
            match self.wait_for_turn(&mut queue) {
                Ok(()) if queue.pending.is_empty() => break,
                Ok(()) => drop(self.write_pending(&mut queue, visible)),
                Err(Error::Closed) => return Ok(()),
                Err(failure) => {
                    queue.failure = Some(Error::Closed);
                    // It has failed: this gives up the files and syncs nothing.
                    let _ = self.lead(&mut queue, |store| store.close());
                    return Err(failure);
                }
            }
        }
        let outcome = self.lead(&mut queue, |store| store.close());
        if outcome.is_ok() {
            queue.durable = queue.written;
        }
        queue.failure = Some(Error::Closed);
        outcome
    }
}

/// Starts a thread that syncs a log from time to time until the log is closed.
pub(crate) fn sync_regularly(log: &Arc<Log>, interval: Duration) -> Result<()> {
    let (alive, is_closed) = mpsc::channel();
    *log.alive.lock() = Some(alive);
    let log: Weak<Log> = Arc::downgrade(log);
    let run = move || {
        while is_closed.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            let Some(log) = log.upgrade() else { return };
            // A failure is kept in the log, and the next commit gets it.
            if log.wait_durable(Timestamp(u64::MAX)).is_err() {
                return;
            }
        }
    };
    let started = std::thread::Builder::new().name("manicule-sync".to_owned()).spawn(run);
    started
        .map(|_| ())
        .map_err(|error| Error::Io { what: "cannot start a thread".to_owned(), reason: error.to_string() })
}
