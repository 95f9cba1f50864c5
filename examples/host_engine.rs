//! Manicule as the index layer of somebody else's storage engine: a toy one, with row ids, versions and timestamps of its
//! own. It keeps the rows; an `IndexSet` keeps, for each index, which row has which key.
//!
//! `cargo run --example host_engine`

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use manicule::index::set::{
    At, IndexDefinition, IndexId, IndexSet, IndexTransaction, Key, KeyForm, KeyRef, KeySpan, PrepareError, Prepared,
    Structure, Visibility,
};
use manicule::index::{Direction, Word};

/// The engine's own row id: where the row lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Slot(u32);

impl Word for Slot {
    fn to_word(self) -> u64 {
        u64::from(self.0)
    }
    fn from_word(word: u64) -> Self {
        Self(word as u32)
    }
}

#[derive(Clone, Debug)]
struct Account {
    owner: String,
    balance: i64,
}

/// One stored state of a row; `None` once it is deleted.
struct Version {
    since: u64,
    account: Option<Account>,
}

/// The engine: rows with their versions, oldest first, and the indexes over them.
struct Engine {
    slots: RwLock<Vec<Vec<Version>>>,
    /// The last commit that readers see.
    visible: AtomicU64,
    indexes: IndexSet<Slot, u64>,
    by_owner: IndexId,
    by_balance: IndexId,
}

/// The rows, without the indexes: what an index set asks about.
struct Rows<'e>(&'e RwLock<Vec<Vec<Version>>>, IndexId);

impl Visibility<Slot, u64> for Rows<'_> {
    fn has_key(&self, slot: Slot, at: At<u64>, index: IndexId, key: KeyRef<'_>) -> bool {
        let slots = self.0.read().expect("no holder of the lock panics");
        let Some(versions) = slots.get(slot.0 as usize) else { return false };
        let has_key = |version: &Version| {
            version.account.as_ref().is_some_and(|account| {
                key == if index == self.1 { owner_key(account) } else { Key::word(account.balance) }
            })
        };
        let seen_at = |at| versions.partition_point(|version| version.since <= at).checked_sub(1);
        match at {
            At::Snapshot(at) => seen_at(at).is_some_and(|seen| has_key(&versions[seen])),
            At::Newest => versions.last().is_some_and(has_key),
            At::Since(at) => versions[seen_at(at).unwrap_or(0)..].iter().any(has_key),
        }
    }
}

fn owner_key(account: &Account) -> Key {
    Key::bytes(account.owner.as_bytes())
}

impl Engine {
    fn new() -> Result<Self, Box<dyn Error>> {
        let (slots, indexes) = (RwLock::default(), IndexSet::new());
        let owners = IndexDefinition { unique: true, keys: KeyForm::Bytes, structure: Structure::Hash };
        let balances = IndexDefinition { unique: false, keys: KeyForm::Words, structure: Structure::Tree };
        let owners = indexes.create_index(owners);
        let by_owner = owners.id();
        owners.finish(0, &Rows(&slots, by_owner))?;
        let by_balance = indexes.create_index(balances).finish(0, &Rows(&slots, by_owner))?;
        Ok(Self { slots, visible: AtomicU64::new(0), indexes, by_owner, by_balance })
    }

    fn rows(&self) -> Rows<'_> {
        Rows(&self.slots, self.by_owner)
    }

    fn account(&self, slot: Slot, at: u64) -> Option<Account> {
        let slots = self.slots.read().expect("no holder of the lock panics");
        slots.get(slot.0 as usize)?.iter().rfind(|version| version.since <= at)?.account.clone()
    }

    /// Changes rows together: each gets another account, or none.
    fn commit(&self, changes: &[(Slot, Option<Account>)]) -> Result<u64, PrepareError<Slot, u64>> {
        loop {
            let now = self.visible.load(Ordering::Acquire);
            let mut transaction = self.indexes.begin();
            for (slot, new) in changes {
                self.note(&mut transaction, *slot, (self.account(*slot, now).as_ref(), new.as_ref()));
            }
            let prepared = transaction.prepare(&self.rows())?;
            // From here on nobody else commits. Who did since `now` may have changed the same rows, of which an index set knows
            // nothing: then the keys that were noted are not those that the rows have.
            if self.visible.load(Ordering::Acquire) == now {
                return Ok(self.install(changes, prepared));
            }
        }
    }

    /// Puts the rows in place and lets readers see them. A real engine would first write its log, and drop `prepared` if that
    /// failed.
    fn install(&self, changes: &[(Slot, Option<Account>)], prepared: Prepared<Slot, u64>) -> u64 {
        let since = self.visible.load(Ordering::Acquire) + 1;
        let mut slots = self.slots.write().expect("no holder of the lock panics");
        for (slot, account) in changes {
            let place = slot.0 as usize;
            let len = slots.len().max(place + 1);
            slots.resize_with(len, Vec::new);
            slots[place].push(Version { since, account: account.clone() });
        }
        drop(slots);
        prepared.commit_then(since, || self.visible.store(since, Ordering::Release));
        since
    }

    /// Tells the indexes what became of a row.
    fn note(
        &self,
        transaction: &mut IndexTransaction<Slot, u64>,
        slot: Slot,
        (old, new): (Option<&Account>, Option<&Account>),
    ) {
        for (index, key_of) in
            [(self.by_owner, owner_key as fn(&Account) -> Key), (self.by_balance, |account| Key::word(account.balance))]
        {
            match (old.map(key_of), new.map(key_of)) {
                (Some(old), Some(new)) => transaction.update(index, slot, old, new),
                (Some(old), None) => transaction.remove(index, old, slot),
                (None, Some(new)) => transaction.insert(index, new, slot),
                (None, None) => {}
            }
        }
    }
}

fn account(owner: &str, balance: i64) -> Option<Account> {
    Some(Account { owner: owner.into(), balance })
}

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::new()?;
    let (ada, bob, cyd) = (Slot(0), Slot(1), Slot(2));
    engine.commit(&[(ada, account("ada", 300)), (bob, account("bob", 120)), (cyd, account("cyd", 120))])?;

    // A snapshot is a timestamp that vacuum respects; a reader looks things up in it.
    let before = engine.indexes.snapshot(engine.visible.load(Ordering::Acquire))?;
    engine.commit(&[(ada, account("ada", 120)), (bob, account("bob", 300))])?;
    let after = engine.indexes.snapshot(engine.visible.load(Ordering::Acquire))?;
    for (name, snapshot) in [("before", &before), ("after", &after)] {
        let rows = engine.rows();
        let poor = snapshot.reader(&rows).rows(engine.by_balance, &Key::word(120_i64))?;
        println!("{name} the transfer a balance of 120 is in {poor:?}");
    }
    assert_eq!(before.reader(&engine.rows()).rows(engine.by_balance, &Key::word(120_i64))?, [bob, cyd]);
    assert_eq!(after.reader(&engine.rows()).rows(engine.by_balance, &Key::word(120_i64))?, [ada, cyd]);

    // Uniqueness is judged by what a transaction comes to: names may be swapped, but not taken twice.
    engine.commit(&[(ada, account("bob", 120)), (bob, account("ada", 300))])?;
    match engine.commit(&[(cyd, account("ada", 0))]) {
        Err(PrepareError::UniqueViolation(violation)) => println!("refused: {violation}"),
        other => return Err(format!("a second ada was not refused: {other:?}").into()),
    }

    let now = engine.indexes.snapshot(engine.visible.load(Ordering::Acquire))?;
    let rows = engine.rows();
    let reader = now.reader(&rows);
    print!("richest first:");
    let _ = reader.range(engine.by_balance, &KeySpan::words(100_i64..), Direction::Descending, |_, slot| {
        let account = engine.account(slot, now.timestamp());
        print!(" {}", account.map_or_else(String::new, |account| format!("{} {},", account.owner, account.balance)));
        ControlFlow::<()>::Continue(())
    })?;
    println!();

    // Entries that only older snapshots need go once those are gone.
    drop(reader);
    assert_eq!(engine.indexes.vacuum(now.timestamp(), &rows), 0);
    drop((before, after));
    let removed = engine.indexes.vacuum(now.timestamp(), &rows);
    println!("vacuum removed {removed} entries; {} bytes are in use", engine.indexes.memory_usage());
    assert_eq!(removed, 4);
    drop(now);

    // Two threads change one row at once: each commit begins with what the one before has left.
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let engine = &engine;
            scope.spawn(move || {
                (0..500).try_for_each(|n| engine.commit(&[(cyd, account("cyd", 2 * n + thread))]).map(drop))
            });
        }
    });
    let newest = engine.visible.load(Ordering::Acquire);
    engine.indexes.vacuum(newest, &engine.rows());
    let now = engine.indexes.snapshot(newest)?;
    assert_eq!((newest, now.reader(&engine.rows()).distinct_keys(engine.by_balance)?), (1003, 3));
    Ok(())
}
