//! Plans by the text they were made from, so that text that comes again is not parsed again.

use std::sync::Arc;

use ahash::AHashMap;

use super::compile::Planned;

/// How many plans are kept for certain; up to twice as many are.
const PLANS_MIN: usize = 64;
/// The longest text whose plan is kept.
const TEXT_BYTES_MAX: usize = 4096;

type Plans = AHashMap<Box<str>, Arc<Planned>>;

/// The plans used last. Once so many plans were used since the last time, those that were not go, all at once, so that a
/// statement that is new costs the same however many are kept.
#[derive(Debug, Default)]
pub(super) struct PlanCache {
    /// Those used since the last time.
    recent: Plans,
    /// Those used in the time before, and not since.
    older: Plans,
}

impl PlanCache {
    pub(super) fn get(&mut self, text: &str) -> Option<Arc<Planned>> {
        if let Some(planned) = self.recent.get(text) {
            return Some(planned.clone());
        }
        let (text, planned) = self.older.remove_entry(text)?;
        self.keep(text, planned.clone());
        Some(planned)
    }

    /// Keeps a plan.
    pub(super) fn insert(&mut self, text: &str, planned: Arc<Planned>) {
        if text.len() <= TEXT_BYTES_MAX {
            self.keep(text.into(), planned);
        }
    }

    fn keep(&mut self, text: Box<str>, planned: Arc<Planned>) {
        if self.recent.len() >= PLANS_MIN {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(text, planned);
    }
}
