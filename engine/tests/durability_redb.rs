//! The promises of `durability`, kept with redb; and what holds between the two kinds of store.

#[cfg(test)]
mod durability {
    /// Which library keeps the files.
    const STORE: manicule_engine::StoreKind = manicule_engine::StoreKind::Redb;

    mod crash;
    mod damage;
    mod disk;
    mod faults;
    mod host;
    #[cfg(feature = "fjall")]
    mod kinds;
    mod power;
    mod reopen;
    mod support;
}
