//! What a database in a directory promises: what was acknowledged is there when it is opened again, whole; damage is
//! named, never served; and after a failed write nothing is acknowledged any more.
//!
//! `CRASH_ROUNDS` sets how often the writers are killed.

#[cfg(test)]
mod durability {
    mod crash;
    mod damage;
    mod faults;
    mod reopen;
    mod support;
}
