//! What a database in a directory promises: what was acknowledged is there when it is opened again, whole; damage is
//! named, never served; and after a failed write nothing is acknowledged any more. `durability_redb` is the same over redb.
//!
//! `CRASH_ROUNDS` sets how often the writers are killed, `POWER_ROUNDS` how often the power is cut, `DAMAGE_PLACES` in how
//! many places each file is damaged.

#[cfg(test)]
mod durability {
    /// Which library keeps the files.
    const STORE: manicule_engine::StoreKind = manicule_engine::StoreKind::Fjall;

    mod crash;
    mod damage;
    mod disk;
    mod faults;
    mod forged;
    mod hole;
    mod host;
    mod in_flight;
    mod lost_part;
    mod power;
    mod reopen;
    mod support;
}
