//! How many threads a walk through rows is worth.

use std::num::NonZero;

/// As many as there are processors, but one for each part at most.
pub(crate) fn threads_for(parts: u64) -> usize {
    // Who asks for the processors opens files and reads them, which takes longer than a small table.
    if parts < 2 {
        return 1;
    }
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    usize::try_from(parts).map_or(processors, |parts| parts.min(processors))
}
