//! Many entries at once: a new directory of what was there and what comes, both in order.
//!
//! An entry that is inserted by itself costs a search, a line of the log, and its share of splits. One that is merged costs
//! being copied, as does each that was there.

use std::cmp::Ordering;
use std::iter::Peekable;

use super::{OrderedDirectory, Range};
use crate::IndexKey;
use crate::multi::directory::Stored;
use crate::multi::list::{ListValue, PostingList};

/// The order of a directory: by the first words, by the keys themselves where those are equal.
pub(in crate::multi) fn key_order<K: IndexKey>(one: &K, other: &K) -> Ordering {
    one.word(0).cmp(&other.word(0)).then_with(|| if K::EXACT { Ordering::Equal } else { one.cmp(other) })
}

/// A directory of all entries of another and of these, which are in order.
pub(in crate::multi) fn merge<K: Stored + IndexKey, V: ListValue>(
    directory: &OrderedDirectory<K, PostingList<V>>,
    entries: &[(K, V)],
) -> OrderedDirectory<K, PostingList<V>> {
    let merged = Merged { kept: super::Directory::iter(directory).peekable(), added: entries };
    // Counted first, so that the leaves are allocated at once.
    let key_count = merged.clone().count();
    OrderedDirectory::build(key_count, merged.map(|MergedKey { key, list, added }| (key.clone(), joined(list, added))))
}

/// A list and what is added to it.
fn joined<K, V: ListValue>(list: Option<&PostingList<V>>, added: &[(K, V)]) -> PostingList<V> {
    let mut joined = list.cloned().unwrap_or_default();
    added.iter().for_each(|(_, value)| joined.push(value.clone()));
    joined
}

/// A key, its list if it has one, and the entries that are added to that.
struct MergedKey<'m, K, V> {
    key: &'m K,
    list: Option<&'m PostingList<V>>,
    added: &'m [(K, V)],
}

/// The keys of a directory and of entries that are in order.
#[derive(Clone)]
struct Merged<'m, K: IndexKey, V: ListValue> {
    kept: Peekable<Range<'m, K, PostingList<V>>>,
    added: &'m [(K, V)],
}

impl<'m, K: IndexKey, V: ListValue> Iterator for Merged<'m, K, V> {
    type Item = MergedKey<'m, K, V>;

    fn next(&mut self) -> Option<MergedKey<'m, K, V>> {
        let first = self.added.first();
        let order = match (self.kept.peek(), first) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((kept, _)), Some((added, _))) => key_order(*kept, added),
        };
        let kept = if order.is_le() { self.kept.next() } else { None };
        let same = match first {
            Some((added, _)) if order.is_ge() => {
                let others = self.added.iter().skip(1);
                1 + others.take_while(|(other, _)| key_order(other, added).is_eq()).count()
            }
            _ => 0,
        };
        let (added, rest) = self.added.split_at(same);
        self.added = rest;
        let key = kept.map(|(key, _)| key).or(first.map(|(key, _)| key))?;
        Some(MergedKey { key, list: kept.map(|(_, list)| list), added })
    }
}
