//! Positions that move both ways, and can let go of their guard.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Bound;

use super::boxed::TreeIndex;
use super::raw::RawTree;
use super::scan::{Backward, Forward, Position};
use super::store::{Boxed, Store, Words};
use super::words::WordTreeIndex;
use crate::guard::{Guard, pin};
use crate::key::{IndexKey, OrderedWord};
use crate::word::Word;

/// A gap between two entries.
struct RawCursor<'t, S: Store, const ORDER: usize> {
    /// Nodes that live as long as `guard` is pinned and not repinned, for all that its lifetime says.
    position: Position<'t, S>,
    /// The rank of the entry behind the gap in the leaf of `position`; its length, if that entry is in the next one.
    rank: usize,
    tree: &'t RawTree<S, ORDER>,
    guard: Guard,
}

impl<'t, S: Store, const ORDER: usize> RawCursor<'t, S, ORDER> {
    fn new<Q>(tree: &'t RawTree<S, ORDER>, bound: Bound<&Q>) -> Self
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut cursor = Self { position: Position::nowhere(), rank: 0, tree, guard: pin() };
        cursor.seek(bound);
        cursor
    }

    /// Goes to the gap before the first entry behind `bound`.
    fn seek<Q>(&mut self, bound: Bound<&Q>)
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        // A comparison may panic when the leaf is known and the rank is not. No rank but 0 is then one of that leaf's.
        self.rank = 0;
        self.position = Position::nowhere();
        self.rank = self.position.seek::<Q, Forward>(self.tree.root(self.long_guard()), bound);
    }

    /// Goes to the gap behind the last entry.
    fn seek_end(&mut self) {
        let end = Bound::<&S::Key>::Unbounded;
        self.position = Position::nowhere();
        self.rank = self.position.seek::<S::Key, Backward>(self.tree.root(self.long_guard()), end);
    }

    fn long_guard(&self) -> &'t Guard {
        // SAFETY: a reference that lives too long, to a guard that we own: what is read under it stays in `position`,
        // which is replaced before the guard is repinned, and leaves it only borrowed from the cursor.
        unsafe { &*std::ptr::from_ref(&self.guard) }
    }

    /// Makes `rank` that of the entry behind the gap.
    fn face_next(&mut self) -> bool {
        while self.rank >= self.position.meta.len() {
            if !self.position.next_leaf::<Forward>() {
                return false;
            }
            self.rank = 0;
        }
        true
    }

    /// Makes `rank - 1` that of the entry before the gap.
    fn face_previous(&mut self) -> bool {
        while self.rank == 0 {
            if !self.position.next_leaf::<Backward>() {
                return false;
            }
            self.rank = self.position.meta.len();
        }
        true
    }

    fn peek_next(&mut self) -> Option<S::Item<'_>> {
        if self.face_next() { self.position.item(self.rank) } else { None }
    }

    fn peek_previous(&mut self) -> Option<S::Item<'_>> {
        if self.face_previous() { self.position.item(self.rank - 1) } else { None }
    }

    fn next(&mut self) -> Option<S::Item<'_>> {
        if !self.face_next() {
            return None;
        }
        self.rank += 1;
        self.position.item(self.rank - 1)
    }

    fn previous(&mut self) -> Option<S::Item<'_>> {
        if !self.face_previous() {
            return None;
        }
        self.rank -= 1;
        self.position.item(self.rank)
    }

    /// Lets go of everything read so far, and goes on in the same gap.
    fn checkpoint(&mut self) {
        let before = self.peek_previous().map(S::key_of);
        let bound = match before {
            Some(key) => Bound::Excluded(key),
            None => self.peek_next().map_or(Bound::Unbounded, |item| Bound::Included(S::key_of(item))),
        };
        self.position = Position::nowhere();
        self.rank = 0;
        self.guard.repin();
        self.seek(bound.as_ref());
    }
}

macro_rules! cursors {
    ($(#[$doc:meta])* $cursor:ident, $index:ident, $store:ident, [$($bounds:tt)*], [$($value:tt)*], $item:ty) => {
        $(#[$doc])*
        ///
        /// It stands in a gap between two entries and owns its guard. It sees what happens to the index as it moves, each
        /// leaf as a snapshot; a key that is there throughout is met once on the way, in order.
        pub struct $cursor<'t, K: $($bounds)*, V: $($value)*, const ORDER: usize = 8> {
            raw: RawCursor<'t, $store<K, V>, ORDER>,
        }

        impl<K: $($bounds)*, V: $($value)*, const ORDER: usize> $index<K, V, ORDER> {
            /// A cursor in the gap before the first entry inside `bound`, which is a lower one.
            ///
            /// `Included(key)` is before `key` if it is there, `Excluded(key)` behind it, `Unbounded` before all.
            pub fn lower_bound<Q>(&self, bound: Bound<&Q>) -> $cursor<'_, K, V, ORDER>
            where
                K: Borrow<Q>,
                Q: IndexKey + ?Sized,
            {
                $cursor { raw: RawCursor::new(&self.tree, bound) }
            }

            /// A cursor in the gap behind the last entry inside `bound`, which is an upper one.
            ///
            /// `Included(key)` is behind `key` if it is there, `Excluded(key)` before it, `Unbounded` behind all.
            pub fn upper_bound<Q>(&self, bound: Bound<&Q>) -> $cursor<'_, K, V, ORDER>
            where
                K: Borrow<Q>,
                Q: IndexKey + ?Sized,
            {
                let mut cursor = $cursor { raw: RawCursor::new::<Q>(&self.tree, Bound::Unbounded) };
                cursor.seek_upper(bound);
                cursor
            }
        }

        impl<K: $($bounds)*, V: $($value)*, const ORDER: usize> $cursor<'_, K, V, ORDER> {
            /// Goes to the gap before the first entry inside a lower `bound`. O(log n).
            pub fn seek<Q>(&mut self, bound: Bound<&Q>)
            where
                K: Borrow<Q>,
                Q: IndexKey + ?Sized,
            {
                self.raw.seek(bound);
            }

            /// Goes to the gap behind the last entry inside an upper `bound`. O(log n).
            pub fn seek_upper<Q>(&mut self, bound: Bound<&Q>)
            where
                K: Borrow<Q>,
                Q: IndexKey + ?Sized,
            {
                match bound {
                    Bound::Included(key) => self.raw.seek(Bound::Excluded(key)),
                    Bound::Excluded(key) => self.raw.seek(Bound::Included(key)),
                    Bound::Unbounded => self.raw.seek_end(),
                }
            }

            /// The entry behind the gap; the cursor goes past it.
            #[allow(clippy::should_implement_trait, reason = "an iterator cannot lend its items")]
            pub fn next(&mut self) -> Option<$item> {
                self.raw.next()
            }

            /// The entry before the gap; the cursor goes back before it.
            pub fn prev(&mut self) -> Option<$item> {
                self.raw.previous()
            }

            /// The entry behind the gap.
            pub fn peek_next(&mut self) -> Option<$item> {
                self.raw.peek_next()
            }

            /// The entry before the gap.
            pub fn peek_prev(&mut self) -> Option<$item> {
                self.raw.peek_previous()
            }

            /// Lets go of the guard, so that memory can be reclaimed, and goes on in the same gap. A long scan calls it now
            /// and then. It reclaims nothing while the thread has another guard. O(log n), and one clone of a key.
            pub fn checkpoint(&mut self) {
                self.raw.checkpoint();
            }
        }

        impl<K: $($bounds)*, V: $($value)*, const ORDER: usize> fmt::Debug for $cursor<'_, K, V, ORDER> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($cursor)).finish_non_exhaustive()
            }
        }
    };
}

cursors!(
    /// A position in a [`TreeIndex`] that moves both ways.
    ///
    /// ```
    /// use std::ops::Bound;
    /// use manicule_index::TreeIndex;
    ///
    /// let index: TreeIndex<u64, char> = [(10, 'a'), (20, 'b'), (30, 'c')].into_iter().collect();
    /// let mut cursor = index.lower_bound(Bound::Included(&15));
    /// assert_eq!(cursor.peek_prev(), Some((&10, &'a')));
    /// assert_eq!(cursor.next(), Some((&20, &'b')));
    /// cursor.checkpoint(); // what was read may be freed
    /// assert_eq!(cursor.next(), Some((&30, &'c')));
    /// assert_eq!(cursor.next(), None);
    /// assert_eq!(cursor.prev(), Some((&30, &'c')));
    /// ```
    ///
    /// What a cursor gives lives until it moves:
    ///
    /// ```compile_fail,E0499
    /// # use manicule_index::TreeIndex;
    /// # let index: TreeIndex<u64, char> = [(10, 'a')].into_iter().collect();
    /// let mut cursor = index.upper_bound(std::ops::Bound::<&u64>::Unbounded);
    /// let last = cursor.prev();
    /// cursor.checkpoint();
    /// assert_eq!(last, Some((&10, &'a')));
    /// ```
    Cursor, TreeIndex, Boxed, [IndexKey + Clone], [], (&K, &V)
);
cursors!(
    /// A position in a [`WordTreeIndex`] that moves both ways.
    WordCursor, WordTreeIndex, Words, [OrderedWord], [Word], (K, V)
);
