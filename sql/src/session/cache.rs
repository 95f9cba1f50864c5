//! Plans by the text they were made from, so that text that comes again is not parsed again.

use std::sync::Arc;

use ahash::AHashMap;

use super::compile::Planned;

/// How many plans are kept.
const PLANS_MAX: usize = 128;
/// The longest text whose plan is kept.
const TEXT_BYTES_MAX: usize = 4096;

/// The plans used last.
#[derive(Debug, Default)]
pub(super) struct PlanCache {
    plans: AHashMap<Box<str>, Entry>,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    planned: Arc<Planned>,
    used: u64,
}

impl PlanCache {
    pub(super) fn get(&mut self, text: &str) -> Option<Arc<Planned>> {
        self.clock += 1;
        let entry = self.plans.get_mut(text)?;
        entry.used = self.clock;
        Some(entry.planned.clone())
    }

    /// Keeps a plan; the one that was not used for the longest time goes.
    pub(super) fn insert(&mut self, text: &str, planned: Arc<Planned>) {
        if text.len() > TEXT_BYTES_MAX {
            return;
        }
        if self.plans.len() >= PLANS_MAX
            && let Some(oldest) = self.plans.iter().min_by_key(|(_, entry)| entry.used).map(|(text, _)| text.clone())
        {
            self.plans.remove(&oldest);
        }
        self.clock += 1;
        self.plans.insert(text.into(), Entry { planned, used: self.clock });
    }
}
