//! What a statement is planned and run with: options, parameters, settings, limits.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use manicule_engine::Value;

use crate::error::{Error, Result};

/// How a statement is planned.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Whether indexes are used.
    pub routing: Routing,
}

/// Whether a plan uses indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Routing {
    /// The router decides for each table.
    #[default]
    Automatic,
    /// Every table is read whole: for tests that compare both ways.
    FullScan,
}

/// What one run of a statement gets.
#[derive(Clone, Debug, Default)]
pub struct ExecutionContext<'p> {
    /// The values of the parameters, in their order.
    pub parameters: &'p [Value<'p>],
    /// How expressions behave where dialects differ.
    pub settings: Settings,
    /// What the run may use.
    pub limits: Limits<'p>,
    /// What CURRENT_TIMESTAMP is.
    pub clock: Clock,
}

/// The time that a statement tells: that at which it first asks, and so the same everywhere in it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    micros: OnceCell<i64>,
}

impl Clock {
    /// Microseconds since 1970-01-01 00:00:00 in UTC.
    pub fn now(&self) -> i64 {
        let micros = |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        *self.micros.get_or_init(|| match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        })
    }
}

/// How expressions behave where dialects differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What a division by zero gives.
    pub division_by_zero: DivisionByZero,
}

/// What a division or a remainder by zero gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DivisionByZero {
    /// [`Error::DivisionByZero`](crate::Error::DivisionByZero).
    #[default]
    Error,
    /// NULL, as SQLite gives.
    Null,
}

/// What one run of a statement may use. They are looked at every 1,024 rows or so.
#[derive(Clone, Debug, Default)]
pub struct Limits<'t> {
    /// Ends the run with [`Error::Cancelled`](crate::Error::Cancelled) when it is cancelled.
    pub token: Option<&'t CancellationToken>,
    /// Ends the run with [`Error::TimedOut`](crate::Error::TimedOut) at that moment.
    pub deadline: Option<Instant>,
    /// Ends the run with [`Error::MemoryLimit`](crate::Error::MemoryLimit) when rows kept for sorting, grouping,
    /// hashing or changing take more bytes, as far as they are counted; no limit without it.
    pub memory_bytes_max: Option<usize>,
}

impl Limits<'_> {
    /// Fails if the run must end.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`](crate::Error::Cancelled), [`Error::TimedOut`](crate::Error::TimedOut).
    #[cold]
    #[inline(never)]
    pub fn check(&self) -> Result<()> {
        if self.token.is_some_and(CancellationToken::is_cancelled) {
            return Err(Error::Cancelled);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::TimedOut);
        }
        Ok(())
    }
}

/// Cancels a statement from another thread.
#[derive(Clone, Debug, Default)]
pub struct CancellationToken {
    cancelled: Arc<AtomicBool>,
}

impl CancellationToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks every statement that runs with this token to stop.
    pub fn cancel(&self) {
        // Relaxed: the flag carries no data; its partner is the load in `is_cancelled`.
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Makes the token ready for the next statement.
    pub fn reset(&self) {
        // Relaxed: as in `cancel`.
        self.cancelled.store(false, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called since the last [`reset`](Self::reset).
    pub fn is_cancelled(&self) -> bool {
        // Relaxed: its partner is the store in `cancel`; seeing it some rows later does no harm.
        self.cancelled.load(Ordering::Relaxed)
    }
}
