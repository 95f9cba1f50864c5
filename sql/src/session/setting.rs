//! What SET sets and SHOW shows.

use std::time::{Duration, Instant};

use manicule_engine::{Isolation, Value};
use manicule_query::{CancellationToken, Clock, DivisionByZero, ExecutionContext, Limits, Routing, Settings};

use crate::error::{Error, Result};

/// The memory that a statement may hold unless something else is set.
const MEMORY_BYTES_MAX: usize = 4 << 30;

const NAMES: [&str; 5] =
    ["division_by_zero", "routing", "statement_timeout", "memory_limit", "default_transaction_isolation"];

/// The settings of a session.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) routing: Routing,
    /// Of transactions that do not say theirs, statements of their own included.
    pub(super) isolation: Isolation,
    settings: Settings,
    timeout: Option<Duration>,
    memory_bytes_max: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            routing: Routing::Automatic,
            isolation: Isolation::default(),
            settings: Settings::default(),
            timeout: None,
            memory_bytes_max: Some(MEMORY_BYTES_MAX),
        }
    }
}

impl Options {
    /// What a statement is run with.
    #[inline]
    pub(super) fn context<'p>(
        &self,
        parameters: &'p [Value<'p>],
        token: &'p CancellationToken,
    ) -> ExecutionContext<'p> {
        let limits = Limits { token: Some(token), deadline: self.deadline(), memory_bytes_max: self.memory_bytes_max };
        ExecutionContext { parameters, settings: self.settings, limits, clock: Clock::default() }
    }

    /// When the time is up of a statement that begins now.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timeout.map(|timeout| Instant::now() + timeout)
    }

    /// `SET name = value`.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let lower = value.to_ascii_lowercase();
        match (name, lower.as_str()) {
            ("division_by_zero", "null") => self.settings.division_by_zero = DivisionByZero::Null,
            ("division_by_zero", "error") => self.settings.division_by_zero = DivisionByZero::Error,
            ("routing", "automatic") => self.routing = Routing::Automatic,
            ("routing", "full_scan") => self.routing = Routing::FullScan,
            ("default_transaction_isolation", "snapshot") => self.isolation = Isolation::Snapshot,
            ("default_transaction_isolation", "serializable") => self.isolation = Isolation::Serializable,
            ("statement_timeout", number) => {
                let milliseconds = number.parse().map_err(|_| invalid(name, value, "milliseconds, or 0 for none"))?;
                self.timeout = (milliseconds > 0).then(|| Duration::from_millis(milliseconds));
            }
            ("memory_limit", number) => {
                let bytes = number.parse().map_err(|_| invalid(name, value, "bytes, or 0 for none"))?;
                self.memory_bytes_max = (bytes > 0).then_some(bytes);
            }
            ("division_by_zero", _) => return Err(invalid(name, value, "null or error")),
            ("default_transaction_isolation", _) => return Err(invalid(name, value, "snapshot or serializable")),
            ("routing", _) => return Err(invalid(name, value, "automatic or full_scan")),
            _ => return Err(Error::unknown("setting", name).suggesting(name, NAMES)),
        }
        Ok(())
    }

    /// `SHOW name`.
    pub(super) fn show(&self, name: &str) -> Result<String> {
        Ok(match name {
            "division_by_zero" => match self.settings.division_by_zero {
                DivisionByZero::Null => "null".to_owned(),
                DivisionByZero::Error => "error".to_owned(),
            },
            "routing" => match self.routing {
                Routing::Automatic => "automatic".to_owned(),
                Routing::FullScan => "full_scan".to_owned(),
            },
            "default_transaction_isolation" => isolation_name(self.isolation).to_owned(),
            "statement_timeout" => self.timeout.map_or(0, |timeout| timeout.as_millis()).to_string(),
            "memory_limit" => self.memory_bytes_max.unwrap_or(0).to_string(),
            _ => return Err(Error::unknown("setting", name).suggesting(name, NAMES)),
        })
    }
}

/// The name of a level, as it is written and shown.
pub(super) fn isolation_name(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Snapshot => "snapshot",
        Isolation::Serializable => "serializable",
    }
}

fn invalid(name: &str, value: &str, expected: &str) -> Error {
    Error::invalid(format!("{name} cannot be '{value}'"), "22023").with_hint(format!("it takes {expected}"))
}
