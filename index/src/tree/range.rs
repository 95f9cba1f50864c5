//! The entries between two bounds, from both ends.
//!
//! Each end is a scan of its own. The second one is made when it is first asked for, and from then on each end compares what
//! it found with what the other gave last: they meet where the keys do, whatever writers did to the leaves between them.

use std::borrow::Borrow;
use std::cmp::Ordering as KeyOrder;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::ops::{Bound, ControlFlow, RangeBounds};

use super::meta::Meta;
use super::node::{Inner, Leaf};
use super::raw::RawTree;
use super::scan::{Opposite, Position, Way};
use super::store::Store;
use crate::guard::Guard;
use crate::key::IndexKey;

/// Some ranks of a snapshot of a leaf.
pub(super) struct Ranks<'g, S: Store> {
    pub(super) leaf: &'g Leaf<S>,
    pub(super) meta: Meta,
    pub(super) low: usize,
    pub(super) high: usize,
}

/// One end of a range: where it is, and whether it met its far bound.
struct End<'g, S: Store> {
    position: Position<'g, S>,
    finished: bool,
}

/// The entries between two bounds, in the way's order.
pub(crate) struct RawRange<'g, S: Store, Q: ?Sized, R, W> {
    front: End<'g, S>,
    /// Where the range ends, once it was asked for.
    back: Option<Box<End<'g, S>>>,
    bounds: R,
    root: Option<&'g Inner<S>>,
    _way: PhantomData<W>,
    _bound: PhantomData<fn(&Q)>,
    // As shareable as the entries are.
    _entries: PhantomData<(&'g S::Key, &'g S::Value)>,
}

impl<S: Store> Clone for End<'_, S> {
    fn clone(&self) -> Self {
        Self { position: self.position.clone(), finished: self.finished }
    }
}

impl<S: Store, Q: ?Sized, R: Clone, W> Clone for RawRange<'_, S, Q, R, W> {
    fn clone(&self) -> Self {
        Self {
            front: self.front.clone(),
            back: self.back.clone(),
            bounds: self.bounds.clone(),
            root: self.root,
            _way: PhantomData,
            _bound: PhantomData,
            _entries: PhantomData,
        }
    }
}

impl<'g, S: Store> End<'g, S> {
    #[inline]
    fn seek<Q, W: Way>(root: Option<&'g Inner<S>>, bounds: &impl RangeBounds<Q>) -> Self
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let near = if W::FORWARD { bounds.start_bound() } else { bounds.end_bound() };
        let mut end = Self { position: Position::seek::<Q, W>(root, near), finished: false };
        end.heed_far_bound::<Q, W>(bounds);
        end
    }

    /// Goes to the next leaf; says false behind the far bound.
    fn next_leaf<Q, W: Way>(&mut self, bounds: &impl RangeBounds<Q>) -> bool
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        if self.finished || !self.position.next_leaf::<W>() {
            self.finish();
            return false;
        }
        self.heed_far_bound::<Q, W>(bounds);
        true
    }

    fn finish(&mut self) {
        self.finished = true;
        self.position.high = self.position.low;
    }

    fn is_finished(&self) -> bool {
        self.finished && self.position.low >= self.position.high
    }

    /// What was given last, or lies before the near bound in the same leaf.
    fn last<W: Way>(&self) -> Option<(&'g Leaf<S>, usize)> {
        let Position { leaf, meta, low, high, .. } = self.position;
        let rank = if W::FORWARD { low.checked_sub(1) } else { Some(high).filter(|&high| high < meta.len()) };
        leaf.zip(rank.map(|rank| meta.slot(rank)))
    }

    /// Leaves out the ranks of this leaf that lie behind the far bound.
    fn heed_far_bound<Q, W: Way>(&mut self, bounds: &impl RangeBounds<Q>)
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let Some(leaf) = self.position.leaf else { return };
        let meta = self.position.meta;
        let far = if W::FORWARD { bounds.end_bound() } else { bounds.start_bound() };
        let (Bound::Included(key) | Bound::Excluded(key)) = far else { return };
        let before = if W::FORWARD { KeyOrder::Less } else { KeyOrder::Greater };
        let inside = |rank: usize| match leaf.compare(meta.slot(rank), key) {
            KeyOrder::Equal => matches!(far, Bound::Included(_)),
            order => order == before,
        };
        let position = &mut self.position;
        if W::FORWARD {
            while position.high > position.low && !inside(position.high - 1) {
                position.high -= 1;
                self.finished = true;
            }
        } else {
            while position.high > position.low && !inside(position.low) {
                position.low += 1;
                self.finished = true;
            }
        }
    }
}

impl<'g, S, Q, R, W> RawRange<'g, S, Q, R, W>
where
    S: Store,
    S::Key: Borrow<Q>,
    Q: IndexKey + ?Sized,
    R: RangeBounds<Q>,
    W: Way,
{
    #[inline]
    pub(crate) fn new<const ORDER: usize>(tree: &'g RawTree<S, ORDER>, bounds: R, guard: &'g Guard) -> Self {
        let root = tree.root(guard);
        let front = End::seek::<Q, W>(root, &bounds);
        Self { front, back: None, bounds, root, _way: PhantomData, _bound: PhantomData, _entries: PhantomData }
    }

    /// The next entry.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<S::Item<'g>> {
        loop {
            if let Some(item) = self.front.position.take::<W>() {
                return if self.back.is_none() { Some(item) } else { self.unless_met(item) };
            }
            if !self.next_leaf() {
                return None;
            }
        }
    }

    /// The next entry from the other end.
    pub(crate) fn next_back(&mut self) -> Option<S::Item<'g>> {
        if self.front.is_finished() {
            return None;
        }
        let (root, bounds) = (self.root, &self.bounds);
        let back = self.back.get_or_insert_with(|| Box::new(End::seek::<Q, Opposite<W>>(root, bounds)));
        loop {
            if let Some(item) = back.position.take::<Opposite<W>>() {
                return self.unless_met(item);
            }
            if !back.next_leaf::<Q, Opposite<W>>(bounds) {
                self.front.finish();
                return None;
            }
        }
    }

    /// `item`, which one end found last, unless the other end gave it already, or one beyond it.
    #[inline(never)]
    fn unless_met(&mut self, item: S::Item<'g>) -> Option<S::Item<'g>> {
        let back = self.back.as_ref()?;
        let apart = if W::FORWARD { KeyOrder::Less } else { KeyOrder::Greater };
        let mut ends = self.front.last::<W>().into_iter().zip(back.last::<Opposite<W>>());
        if ends.all(|((front, one), (back, other))| front.compare_slots(one, back, other) == apart) {
            return Some(item);
        }
        self.front.finish();
        None
    }

    /// Feeds every entry that is left to `step`, leaf by leaf: cheaper than asking for one after the other.
    #[inline]
    pub(crate) fn fold<A>(mut self, start: A, mut step: impl FnMut(A, S::Item<'g>) -> A) -> A {
        let mut folded = start;
        while self.back.is_some() {
            let Some(item) = self.next() else { return folded };
            folded = step(folded, item);
        }
        loop {
            let position = &self.front.position;
            let items = (position.low..position.high).map(|rank| position.item(rank));
            folded = if W::FORWARD {
                items.flatten().fold(folded, &mut step)
            } else {
                items.rev().flatten().fold(folded, &mut step)
            };
            if !self.next_leaf() {
                return folded;
            }
        }
    }

    /// The ranks of this leaf that are still to be given; none in an empty tree.
    pub(super) fn ranks(&self) -> Option<Ranks<'g, S>> {
        let Position { leaf, meta, low, high, .. } = self.front.position;
        leaf.map(|leaf| Ranks { leaf, meta, low, high })
    }

    /// The entries of this leaf that are still to be given.
    pub(super) fn leaf_items(&self) -> impl Iterator<Item = S::Item<'g>> {
        let position = &self.front.position;
        (position.low..position.high).filter_map(|rank| position.item(rank))
    }

    /// Goes to the next leaf; says false behind the far bound.
    pub(super) fn next_leaf(&mut self) -> bool {
        self.front.next_leaf::<Q, W>(&self.bounds)
    }

    /// How many entries are left. O(leaves).
    pub(crate) fn count(self) -> usize {
        if self.back.is_some() {
            return self.fold(0, |count, _| count + 1);
        }
        match self.try_count(|| ControlFlow::<Infallible>::Continue(())) {
            ControlFlow::Continue(count) => count,
            ControlFlow::Break(never) => match never {},
        }
    }

    /// How many entries are left of a range of which nothing was taken at the back; asks after each leaf whether to go on.
    pub(crate) fn try_count<B>(mut self, mut go_on: impl FnMut() -> ControlFlow<B>) -> ControlFlow<B, usize> {
        debug_assert!(self.back.is_none(), "the back is not looked at");
        let mut count = 0;
        loop {
            count += self.front.position.high.saturating_sub(self.front.position.low);
            if !self.next_leaf() {
                return ControlFlow::Continue(count);
            }
            go_on()?;
        }
    }
}

impl<S: Store> Leaf<S> {
    /// Compares the key in `slot`, which a snapshot named, with any key.
    fn compare<Q>(&self, slot: usize, key: &Q) -> KeyOrder
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        if S::Key::EXACT { self.word(slot).cmp(&key.word(0)) } else { self.key(slot).borrow().cmp(key) }
    }

    /// Compares the key in `slot` with that in a slot of another leaf, or the same; snapshots named them.
    fn compare_slots(&self, slot: usize, other: &Self, other_slot: usize) -> KeyOrder {
        if S::Key::EXACT {
            self.word(slot).cmp(&other.word(other_slot))
        } else {
            self.key(slot).cmp(other.key(other_slot))
        }
    }
}
