//! Serialization: an index is a map of its entries.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{HashIndex, WordHashIndex};
use crate::pin;
use crate::word::{Word, WordKey};

/// Entries to make room for at most, whatever number the data claim to hold.
const PRESIZED_MAX: usize = 1 << 16;

impl<K, V, S> Serialize for HashIndex<K, V, S>
where
    K: Serialize + Hash + Eq + Send + Sync + 'static,
    V: Serialize + Send + Sync + 'static,
    S: BuildHasher,
{
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        // Collected first: formats want to know the number beforehand, and others may write meanwhile.
        let guard = pin();
        let entries: Vec<_> = self.iter(&guard).collect();
        serializer.collect_map(entries)
    }
}

impl<K, V, S> Serialize for WordHashIndex<K, V, S>
where
    K: Serialize + WordKey,
    V: Serialize + Word,
    S: BuildHasher,
{
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let entries: Vec<_> = self.iter(&pin()).collect();
        serializer.collect_map(entries)
    }
}

impl<'de, K, V, S> Deserialize<'de> for HashIndex<K, V, S>
where
    K: Deserialize<'de> + Hash + Eq + Send + Sync + 'static,
    V: Deserialize<'de> + Send + Sync + 'static,
    S: BuildHasher + Default,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let start = |capacity| Self::with_capacity_and_hasher(capacity, S::default());
        let insert = |index: &Self, key, value| _ = index.insert(key, value, &pin());
        deserializer.deserialize_map(Entries { start, insert, entries: PhantomData })
    }
}

impl<'de, K, V, S> Deserialize<'de> for WordHashIndex<K, V, S>
where
    K: Deserialize<'de> + WordKey,
    V: Deserialize<'de> + Word,
    S: BuildHasher + Default,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let start = |capacity| Self::with_capacity_and_hasher(capacity, S::default());
        let insert = |index: &Self, key, value| _ = index.insert(key, value, &pin());
        deserializer.deserialize_map(Entries { start, insert, entries: PhantomData })
    }
}

/// Makes an index by `start` and fills it by `insert`.
struct Entries<I, K, V, Start, Insert> {
    start: Start,
    insert: Insert,
    entries: PhantomData<(I, K, V)>,
}

impl<'de, I, K, V, Start, Insert> Visitor<'de> for Entries<I, K, V, Start, Insert>
where
    K: Deserialize<'de>,
    V: Deserialize<'de>,
    Start: FnOnce(usize) -> I,
    Insert: Fn(&I, K, V),
{
    type Value = I;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<I, A::Error> {
        let index = (self.start)(map.size_hint().unwrap_or(0).min(PRESIZED_MAX));
        while let Some((key, value)) = map.next_entry()? {
            (self.insert)(&index, key, value);
        }
        Ok(index)
    }
}
