//! Lets the shared collectors catch up, so that memory is counted without what readers who are gone held back.

/// Turns, enough for every collector's epoch to pass everything that was retired by now.
const TURNS: usize = 512;

/// scc's collector.
pub(crate) fn settle_scc() {
    for _ in 0..TURNS {
        scc::Guard::new().accelerate();
    }
}

/// crossbeam-epoch's collector, the one behind most trees.
pub(crate) fn settle_epoch() {
    for _ in 0..TURNS {
        crossbeam_epoch::pin().flush();
    }
}
