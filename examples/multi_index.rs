//! The multi-value index alone, as a storage engine with rows of its own would use it: keys to lists of row ids, changed
//! in batches that readers see whole.
//!
//! `cargo run --example multi_index`

use manicule::index::Registry;

fn main() {
    // All indexes of one registry are published together.
    let registry = Registry::new();
    let by_carrier = registry.create_hash::<String, u64>();
    let by_distance = registry.create_ordered::<u64, u64>();

    let flights = [(1, "UA", 1_400), (2, "UA", 1_416), (3, "AA", 1_089), (4, "B6", 1_576), (5, "DL", 762)];
    let mut batch = registry.begin();
    for (row_id, carrier, distance) in flights {
        batch.on(&by_carrier).insert(carrier.to_owned(), row_id);
        batch.on(&by_distance).insert(distance, row_id);
    }
    assert_eq!(by_carrier.count("UA"), 0, "nothing is visible before the commit");
    batch.commit();
    assert_eq!(by_carrier.count("UA"), 2);

    // A snapshot is one state of all indexes, and may be kept as long as one likes.
    let snapshot = registry.snapshot();
    let mut batch = registry.begin();
    batch.on(&by_carrier).remove_key("UA");
    batch.commit();
    let list = snapshot.on(&by_carrier).get("UA").map_or(0, |list| list.len());
    println!("the snapshot still has {list} flights of UA; now there are {}", by_carrier.count("UA"));

    let long: Vec<(u64, u64)> = by_distance.read(|view| {
        view.range(1_400..).flat_map(|(distance, list)| list.iter().map(|row_id| (*distance, *row_id))).collect()
    });
    println!("distances from 1,400 on: {long:?}");
    assert_eq!(long, [(1_400, 1), (1_416, 2), (1_576, 4)]);
}
