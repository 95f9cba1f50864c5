//! How much memory the database may hold, and whether there may be more without counting what it holds.
//!
//! Counting takes a look at every key of the multi indexes. So what was counted last is kept, and commits add what they
//! bring; only when a few times as much might pass the limit it is counted again. Far from the limit that is seldom, and
//! close to it each count halves the distance or more.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many times as much as its changes a commit may take: versions, and entries in several indexes with room to grow.
const GROWTH_MAX: usize = 4;

/// The limit, and what is known about what is held.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    bytes_max: AtomicUsize,
    /// What was held when it was counted last.
    counted: AtomicUsize,
    /// What commits have brought since; the greatest number if nothing is known.
    since: AtomicUsize,
}

// All is relaxed: these are numbers, through which nothing is read, and the limit is not exact.
impl MemoryLimit {
    /// There is no limit.
    pub(crate) fn none() -> Self {
        Self {
            bytes_max: AtomicUsize::new(usize::MAX),
            counted: AtomicUsize::new(0),
            since: AtomicUsize::new(usize::MAX),
        }
    }

    /// Sets the limit.
    pub(crate) fn set(&self, bytes_max: Option<usize>) {
        self.note_unknown();
        self.bytes_max.store(bytes_max.unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    /// The limit, if there is one.
    pub(crate) fn bytes_max(&self) -> Option<usize> {
        Some(self.bytes_max.load(Ordering::Relaxed)).filter(|bytes_max| *bytes_max != usize::MAX)
    }

    /// Whether so many bytes more are within the limit, as far as can be told without counting.
    pub(crate) fn surely_allows(&self, bytes: usize) -> bool {
        let growth = self.since.load(Ordering::Relaxed).saturating_add(bytes).saturating_mul(GROWTH_MAX);
        let most = self.counted.load(Ordering::Relaxed).saturating_add(growth);
        self.bytes_max().is_none_or(|bytes_max| most < bytes_max)
    }

    /// Notes a commit that brings so many bytes.
    pub(crate) fn note_commit(&self, bytes: usize) {
        if self.bytes_max().is_some() {
            let add = |since: usize| Some(since.saturating_add(bytes));
            let _ = self.since.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        }
    }

    /// Notes that it is not known how much is held.
    pub(crate) fn note_unknown(&self) {
        self.since.store(usize::MAX, Ordering::Relaxed);
    }

    /// Notes how much is held.
    pub(crate) fn note_counted(&self, bytes: usize) {
        self.counted.store(bytes, Ordering::Relaxed);
        self.since.store(0, Ordering::Relaxed);
    }
}
