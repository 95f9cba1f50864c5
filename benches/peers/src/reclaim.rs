//! Lets the shared collectors catch up, so that one peer's leftovers are never counted as another one's.

use crate::allocator::live_bytes;

/// Turns at a time; each passes an epoch and frees a few hundred objects.
const TURNS: usize = 512;

/// Frees what nobody can read any more: everything that scc's collector and crossbeam-epoch's, the one behind ours and
/// most trees, still hold back.
pub(crate) fn settle() {
    loop {
        let before = live_bytes();
        for _ in 0..TURNS {
            scc::Guard::new().accelerate();
            crossbeam_epoch::pin().flush();
        }
        if live_bytes() >= before {
            return;
        }
    }
}
