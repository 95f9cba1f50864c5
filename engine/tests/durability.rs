//! What a database in a directory promises: what was acknowledged is there when it is opened again, whole; damage is
//! named, never served; and after a failed write nothing is acknowledged any more.
//!
//! `CRASH_ROUNDS` sets how often the writers are killed, `POWER_ROUNDS` how often the power is cut, `DAMAGE_PLACES` in how
//! many places each file is damaged.

#[cfg(test)]
mod durability {
    mod crash;
    mod damage;
    mod disk;
    mod faults;
    mod host;
    mod in_flight;
    mod power;
    mod reopen;
    mod support;
}
