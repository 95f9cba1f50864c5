//! The standard traits of the public types.

use std::borrow::Borrow;
use std::fmt;
use std::iter::FusedIterator;
use std::ops::RangeBounds;

use super::word_tree::{WordRange, WordRangeRev, WordTreeIndex};
use super::{Range, RangeRev, TreeIndex};
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

            fn count(self) -> usize {
                self.raw.count()
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

            fn count(self) -> usize {
                self.raw.count()
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
