//! What an index that could not be built leaves behind. Alone in its process, because it counts the memory of all lists.

use std::panic::{AssertUnwindSafe, catch_unwind};

use manicule_index::set::{At, IndexDefinition, IndexId, IndexSet, Key, KeyForm, KeyRef, Structure, Visibility};
use manicule_index::{list_memory, pin};

/// Two rows have one key; whoever asks finds a host that panics.
struct Broken;

impl Visibility<u64, u64> for Broken {
    fn has_key(&self, _row: u64, _at: At<u64>, _index: IndexId, _key: KeyRef<'_>) -> bool {
        panic!("the rows cannot be read")
    }
}

#[test]
fn an_index_whose_host_panics_while_it_is_finished_leaves_nothing_behind() {
    let set = IndexSet::<u64, u64>::new();
    let definition = IndexDefinition { unique: true, keys: KeyForm::Bytes, structure: Structure::Hash };
    let build = || {
        let builder = set.create_index(definition);
        let repeating = (0..10_000_u64).map(|row| (Key::repeating(&(row / 5).to_be_bytes()[..]), row));
        builder.feed(repeating).expect("these are bytes");
        builder.feed([1, 2].map(|row| (Key::bytes(&b"one"[..]), row))).expect("these are bytes");
        assert!(catch_unwind(AssertUnwindSafe(|| builder.finish(0, &Broken))).is_err());
        (0..1000).for_each(|_| pin().flush());
        list_memory()
    };
    let first = build();
    let most = (0..20).map(|_| build()).max().unwrap_or(0);
    assert!(most <= 2 * first, "{first} bytes grew to {most}");
    assert!(set.indexes().is_empty());
    // The writers' turn was given back.
    drop(set.begin().prepare(&Broken).expect("nothing is in the way"));
}
