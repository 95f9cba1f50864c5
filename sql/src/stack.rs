//! A stack for text that is nested deeply.
//!
//! The parser and the binder recurse once for each level of nesting, and in a debug build a level of the parser takes
//! some 100 KiB: twenty of them do not fit into the 2 MiB of a spawned thread. So the splitter counts the levels, and the
//! rare statement with many of them is parsed and bound on a thread of its own with room enough, which costs as much as
//! to parse a short statement. Ordinary statements stay where they are and pay nothing.

use std::panic::resume_unwind;
use std::thread;

use crate::error::{Error, Result};

/// How many levels are parsed and bound on the caller's stack.
const CALLER_LEVELS_MAX: usize = if cfg!(debug_assertions) { 8 } else { 16 };
/// The stack for more: reserved, and used only as far as it is needed.
const STACK_BYTES: usize = 128 << 20;

/// Runs `run` where there is room for that many levels.
///
/// # Panics
///
/// If `run` does.
pub(crate) fn with_room_for<R: Send>(levels: usize, run: impl FnOnce() -> Result<R> + Send) -> Result<R> {
    if levels <= CALLER_LEVELS_MAX {
        return run();
    }
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("manicule-sql".to_owned()).stack_size(STACK_BYTES);
        match builder.spawn_scoped(scope, run) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(error) => Err(Error::invalid(format!("no thread for a deeply nested statement: {error}"), "53000")),
        }
    })
}
