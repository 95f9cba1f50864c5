//! Ctrl-C while something runs.
//!
//! At the prompt the line editor reads Ctrl-C as a key. While a statement or an import runs it is a signal, which must
//! stop that and nothing else. A batch keeps the system's own way: the signal ends the process.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether Ctrl-C was pressed since [`clear`].
static PRESSED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C is remembered, and told to `cancel`, instead of ending the process.
pub(crate) fn install(cancel: impl Fn() + Send + 'static) {
    let handler = move || {
        // Relaxed: the flag carries no data; its partner is the load in `is_pressed`.
        PRESSED.store(true, Ordering::Relaxed);
        cancel();
    };
    // Without a handler Ctrl-C ends the shell, as it would have without this call.
    let _ = ctrlc::set_handler(handler);
}

/// Forgets an earlier Ctrl-C; called before something begins to run.
pub(crate) fn clear() {
    // Relaxed: as in `install`.
    PRESSED.store(false, Ordering::Relaxed);
}

/// Whether Ctrl-C was pressed.
pub(crate) fn is_pressed() -> bool {
    // Relaxed: its partners are the stores in `install` and `clear`; seeing them some rows later does no harm.
    PRESSED.load(Ordering::Relaxed)
}
