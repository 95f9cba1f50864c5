//! Both trees as maps in key order.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::boxed::TreeIndex;
use super::words::WordTreeIndex;
use crate::guard::pin;
use crate::key::{IndexKey, OrderedWord};
use crate::word::Word;

impl<K: IndexKey + Clone + Serialize, V: Serialize, const ORDER: usize> Serialize for TreeIndex<K, V, ORDER> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Collected first: formats want to know the number beforehand, and others may write meanwhile.
        let guard = pin();
        let entries: Vec<_> = self.iter(&guard).collect();
        serializer.collect_map(entries)
    }
}

impl<K: OrderedWord + Serialize, V: Word + Serialize, const ORDER: usize> Serialize for WordTreeIndex<K, V, ORDER> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries: Vec<_> = self.iter(&pin()).collect();
        serializer.collect_map(entries)
    }
}

/// Collects the entries of a map; `T` is what they go into.
struct Entries<K, V, T>(Makes<(K, V, T)>);

type Makes<T> = PhantomData<fn() -> T>;

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>, T: FromIterator<(K, V)>> Visitor<'de> for Entries<K, V, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        // Grows as entries come: a length that the input claims is not believed.
        std::iter::from_fn(|| map.next_entry().transpose()).collect()
    }
}

impl<'de, K, V, const ORDER: usize> Deserialize<'de> for TreeIndex<K, V, ORDER>
where
    K: IndexKey + Clone + Send + Sync + Deserialize<'de> + 'static,
    V: Send + Sync + Deserialize<'de> + 'static,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<'de, K, V, const ORDER: usize> Deserialize<'de> for WordTreeIndex<K, V, ORDER>
where
    K: OrderedWord + Deserialize<'de>,
    V: Word + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}
