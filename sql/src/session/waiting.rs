//! The database as statements use it that may have to wait for another session's writer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use manicule_engine::Database;
use manicule_query::{CancellationToken, Limits};

use super::setting::Options;
use crate::error::Result;

/// The SQLSTATE of a statement that was cancelled or took too long.
const CANCELLED: &str = "57014";

/// A handle of the database whose waits end with the statement that waits: when it is cancelled, or its time is up.
#[derive(Debug)]
pub(super) struct Waiting {
    database: Database,
    end: End,
}

/// When the statement ends that waits, or waited last.
#[derive(Clone, Debug)]
struct End {
    token: CancellationToken,
    deadline: Arc<Mutex<Option<Instant>>>,
}

impl End {
    fn check(&self) -> Result<()> {
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Limits { token: Some(&self.token), deadline, memory_bytes_max: None }.check()?)
    }
}

impl Waiting {
    /// The handle of a session whose statements are cancelled by the token.
    pub(super) fn new(database: &Database, token: &CancellationToken) -> Self {
        let end = End { token: token.clone(), deadline: Arc::default() };
        let asked = end.clone();
        Self { database: database.waiting_until(move || asked.check().is_err()), end }
    }

    /// The handle, for a statement that begins now.
    pub(super) fn begin(&self, options: &Options) -> &Database {
        *self.end.deadline.lock().unwrap_or_else(PoisonError::into_inner) = options.deadline();
        &self.database
    }

    /// The result of a statement, which says what ended its wait: the engine does not know.
    pub(super) fn explained<T>(&self, result: Result<T>) -> Result<T> {
        if matches!(&result, Err(error) if error.sqlstate() == CANCELLED) {
            self.end.check()?;
        }
        result
    }
}
