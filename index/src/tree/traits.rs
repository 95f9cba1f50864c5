//! The standard traits of the public types.

use std::borrow::Borrow;
use std::fmt;
use std::iter::FusedIterator;
use std::ops::RangeBounds;

use super::boxed::{Prefix, Range, RangeRev, TreeIndex};
use super::shape::PrefixKey;
use super::words::{WordRange, WordRangeRev, WordTreeIndex};
use crate::guard::pin;
use crate::key::{IndexKey, OrderedWord};
use crate::word::Word;

impl<K: IndexKey + Clone, V, const ORDER: usize> Default for TreeIndex<K, V, ORDER> {
    fn default() -> Self {
        Self::with_order()
    }
}

impl<K: OrderedWord, V: Word, const ORDER: usize> Default for WordTreeIndex<K, V, ORDER> {
    fn default() -> Self {
        Self::with_order()
    }
}

impl<K: IndexKey + Clone + fmt::Debug, V: fmt::Debug, const ORDER: usize> fmt::Debug for TreeIndex<K, V, ORDER> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.range::<K, _>(.., &pin())).finish()
    }
}

impl<K: OrderedWord + fmt::Debug, V: Word + fmt::Debug, const ORDER: usize> fmt::Debug for WordTreeIndex<K, V, ORDER> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.range::<K, _>(.., &pin())).finish()
    }
}

impl<K, V, const ORDER: usize> Clone for TreeIndex<K, V, ORDER>
where
    K: IndexKey + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn clone(&self) -> Self {
        Self::from_sorted(self.iter(&pin()).map(|(key, value)| (key.clone(), value.clone())))
    }
}

impl<K: OrderedWord, V: Word, const ORDER: usize> Clone for WordTreeIndex<K, V, ORDER> {
    fn clone(&self) -> Self {
        Self::from_sorted(self.iter(&pin()))
    }
}

impl<K: IndexKey + Clone, V: PartialEq, const ORDER: usize> PartialEq for TreeIndex<K, V, ORDER> {
    fn eq(&self, other: &Self) -> bool {
        let guard = pin();
        self.iter(&guard).eq(other.iter(&guard))
    }
}

impl<K: IndexKey + Clone, V: Eq, const ORDER: usize> Eq for TreeIndex<K, V, ORDER> {}

impl<K: OrderedWord, V: Word + PartialEq, const ORDER: usize> PartialEq for WordTreeIndex<K, V, ORDER> {
    fn eq(&self, other: &Self) -> bool {
        let guard = pin();
        self.iter(&guard).eq(other.iter(&guard))
    }
}

impl<K: OrderedWord, V: Word + Eq, const ORDER: usize> Eq for WordTreeIndex<K, V, ORDER> {}

impl<K, V, const ORDER: usize> FromIterator<(K, V)> for TreeIndex<K, V, ORDER>
where
    K: IndexKey + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Sorts, and then builds the index at one go. Of entries with equal keys the last one counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self::from_sorted(entries)
    }
}

impl<K: OrderedWord, V: Word, const ORDER: usize> FromIterator<(K, V)> for WordTreeIndex<K, V, ORDER> {
    /// Sorts, and then builds the index at one go. Of entries with equal keys the last one counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|(key, _)| key.word(0));
        Self::from_sorted(entries)
    }
}

impl<K, V, const ORDER: usize> Extend<(K, V)> for TreeIndex<K, V, ORDER>
where
    K: IndexKey + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        self.append_sorted(entries, &pin());
    }
}

impl<K: OrderedWord, V: Word, const ORDER: usize> Extend<(K, V)> for WordTreeIndex<K, V, ORDER> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        self.append_sorted(entries, &pin());
    }
}

impl<'g, K, V, Q> Iterator for Prefix<'g, '_, K, V, Q>
where
    K: IndexKey + Clone + Borrow<Q>,
    Q: PrefixKey + ?Sized,
{
    type Item = (&'g K, &'g V);

    fn next(&mut self) -> Option<Self::Item> {
        let prefix = self.prefix?;
        let entry = self.range.next().filter(|(key, _)| (*key).borrow().starts_with_key(prefix));
        if entry.is_none() {
            self.prefix = None;
        }
        entry
    }
}

impl<K, V, Q> FusedIterator for Prefix<'_, '_, K, V, Q>
where
    K: IndexKey + Clone + Borrow<Q>,
    Q: PrefixKey + ?Sized,
{
}

impl<K: IndexKey + Clone, V, Q: ?Sized> fmt::Debug for Prefix<'_, '_, K, V, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefix").finish_non_exhaustive()
    }
}

macro_rules! boxed_ranges {
    ($($range:ident),*) => {$(
        impl<'g, K, V, Q, R> Iterator for $range<'g, K, V, Q, R>
        where
            K: IndexKey + Clone + Borrow<Q>,
            Q: IndexKey + ?Sized,
            R: RangeBounds<Q>,
        {
            type Item = (&'g K, &'g V);

            #[inline]
            fn next(&mut self) -> Option<Self::Item> {
                self.raw.next()
            }

            fn fold<A, F: FnMut(A, Self::Item) -> A>(self, start: A, step: F) -> A {
                self.raw.fold(start, step)
            }

            fn count(self) -> usize {
                self.raw.count()
            }
        }

        impl<K, V, Q, R> DoubleEndedIterator for $range<'_, K, V, Q, R>
        where
            K: IndexKey + Clone + Borrow<Q>,
            Q: IndexKey + ?Sized,
            R: RangeBounds<Q>,
        {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.raw.next_back()
            }
        }

        impl<K, V, Q, R> FusedIterator for $range<'_, K, V, Q, R>
        where
            K: IndexKey + Clone + Borrow<Q>,
            Q: IndexKey + ?Sized,
            R: RangeBounds<Q>,
        {
        }

        impl<K: IndexKey + Clone, V, Q: ?Sized, R: Clone> Clone for $range<'_, K, V, Q, R> {
            fn clone(&self) -> Self {
                Self { raw: self.raw.clone() }
            }
        }

        impl<K: IndexKey + Clone, V, Q: ?Sized, R> fmt::Debug for $range<'_, K, V, Q, R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($range)).finish_non_exhaustive()
            }
        }
    )*};
}
boxed_ranges!(Range, RangeRev);

macro_rules! word_ranges {
    ($($range:ident),*) => {$(
        impl<K, V, Q, R> Iterator for $range<'_, K, V, Q, R>
        where
            K: OrderedWord + Borrow<Q>,
            V: Word,
            Q: IndexKey + ?Sized,
            R: RangeBounds<Q>,
        {
            type Item = (K, V);

            #[inline]
            fn next(&mut self) -> Option<Self::Item> {
                self.raw.next()
            }

            fn fold<A, F: FnMut(A, Self::Item) -> A>(self, start: A, step: F) -> A {
                self.raw.fold(start, step)
            }

            fn count(self) -> usize {
                self.raw.count()
            }
        }

        impl<K, V, Q, R> DoubleEndedIterator for $range<'_, K, V, Q, R>
        where
            K: OrderedWord + Borrow<Q>,
            V: Word,
            Q: IndexKey + ?Sized,
            R: RangeBounds<Q>,
        {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.raw.next_back()
            }
        }

        impl<K, V, Q, R> FusedIterator for $range<'_, K, V, Q, R>
        where
            K: OrderedWord + Borrow<Q>,
            V: Word,
            Q: IndexKey + ?Sized,
            R: RangeBounds<Q>,
        {
        }

        impl<K: OrderedWord, V: Word, Q: ?Sized, R: Clone> Clone for $range<'_, K, V, Q, R> {
            fn clone(&self) -> Self {
                Self { raw: self.raw.clone() }
            }
        }

        impl<K: OrderedWord, V: Word, Q: ?Sized, R> fmt::Debug for $range<'_, K, V, Q, R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($range)).finish_non_exhaustive()
            }
        }
    )*};
}
word_ranges!(WordRange, WordRangeRev);
