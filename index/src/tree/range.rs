//! The entries between two bounds, from both ends.
//!
//! Each end is a scan of its own. The second one is made when it is first asked for, and from then on each end compares what
//! it found with what the other gave last: they meet where the keys do, whatever writers did to the leaves between them.

use std::borrow::Borrow;
use std::cmp::Ordering as KeyOrder;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::ops::{Bound, ControlFlow, Range, RangeBounds};

use super::meta::Meta;
use super::node::{CHILDREN_MAX, Inner, Leaf};
use super::raw::RawTree;
use super::scan::{Opposite, Position, Way};
use super::store::Store;
use super::stretch::Stretch;
use crate::guard::Guard;
use crate::key::IndexKey;

/// How a range goes over the leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// One by one.
    Walk,
    /// Some at a time, and more the farther it goes.
    Gallop,
}

/// Some ranks of a snapshot of a leaf.
pub(super) struct Ranks<'g, S: Store> {
    pub(super) leaf: &'g Leaf<S>,
    pub(super) meta: Meta,
    pub(super) ranks: Range<usize>,
}

/// One end of a range: where it is, and whether it met its far bound.
struct End<'g, S: Store> {
    /// The way to the last leaf of `stretch`.
    position: Position<'g, S>,
    /// The entries that are still to be given.
    stretch: Stretch<'g, S>,
    /// How many leaves the next step takes, at most.
    step: usize,
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
        let Self { step, finished, .. } = *self;
        Self { position: self.position.clone(), stretch: self.stretch.clone(), step, finished }
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
    fn nowhere() -> Self {
        Self { position: Position::nowhere(), stretch: Stretch::new(), step: CHILDREN_MAX / 2, finished: false }
    }

    /// Goes to the near bound.
    #[inline]
    fn seek<Q, W: Way>(&mut self, root: Option<&'g Inner<S>>, bounds: &impl RangeBounds<Q>, pace: Pace)
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let near = if W::FORWARD { bounds.start_bound() } else { bounds.end_bound() };
        let before = self.position.seek::<Q, W>(root, near);
        self.stretch.clear::<W>();
        if let Some(leaf) = self.position.leaf {
            self.stretch.push::<W>(leaf, self.position.meta);
            if W::FORWARD { self.stretch.skip_first(before) } else { self.stretch.keep_first(before) }
        }
        if pace == Pace::Gallop {
            let push = |leaf, meta| self.stretch.push::<W>(leaf, meta);
            self.position.near_leaves::<W>(push);
        }
        self.heed_far_bound::<Q, W>(bounds);
        self.stretch.prefetch_entries();
    }

    /// Goes on by some leaves, more each time; says false behind the far bound.
    #[inline(never)]
    fn advance<Q, W: Way>(&mut self, bounds: &impl RangeBounds<Q>) -> bool
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let most = self.step;
        self.step = CHILDREN_MAX;
        self.go_on::<Q, W>(bounds, most)
    }

    /// Goes on by `most` leaves, or fewer; says false behind the far bound.
    #[inline]
    fn go_on<Q, W: Way>(&mut self, bounds: &impl RangeBounds<Q>, most: usize) -> bool
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        if !self.finished {
            self.stretch.clear::<W>();
            let push = |leaf, meta| self.stretch.push::<W>(leaf, meta);
            self.finished = !self.position.next_leaves::<W>(most, push);
        }
        if self.finished {
            self.finish();
            return false;
        }
        self.heed_far_bound::<Q, W>(bounds);
        self.stretch.prefetch_entries();
        true
    }

    fn finish(&mut self) {
        self.finished = true;
        self.stretch.keep_first(0);
    }

    fn is_finished(&self) -> bool {
        self.finished && self.stretch.len() == 0
    }

    /// Leaves out the places that lie behind the far bound.
    #[inline]
    fn heed_far_bound<Q, W: Way>(&mut self, bounds: &impl RangeBounds<Q>)
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let far = if W::FORWARD { bounds.end_bound() } else { bounds.start_bound() };
        let (Bound::Included(key) | Bound::Excluded(key)) = far else { return };
        let before = if W::FORWARD { KeyOrder::Less } else { KeyOrder::Greater };
        let inside = |leaf: &Leaf<S>, slot: usize| match leaf.compare(slot, key) {
            KeyOrder::Equal => matches!(far, Bound::Included(_)),
            order => order == before,
        };
        // A comparison may panic: then this was the end.
        let finished = std::mem::replace(&mut self.finished, true);
        self.finished = self.stretch.cut::<W>(inside) || finished;
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
    /// For who asks for one entry after the other, or all.
    pub(crate) fn new<const ORDER: usize>(tree: &'g RawTree<S, ORDER>, bounds: R, guard: &'g Guard) -> Self {
        Self::at(tree, bounds, Pace::Gallop, guard)
    }

    /// For who goes from leaf to leaf.
    pub(crate) fn of_leaves<const ORDER: usize>(tree: &'g RawTree<S, ORDER>, bounds: R, guard: &'g Guard) -> Self {
        Self::at(tree, bounds, Pace::Walk, guard)
    }

    #[inline]
    fn at<const ORDER: usize>(tree: &'g RawTree<S, ORDER>, bounds: R, pace: Pace, guard: &'g Guard) -> Self {
        let root = tree.root(guard);
        let front = End::nowhere();
        let mut range =
            Self { front, back: None, bounds, root, _way: PhantomData, _bound: PhantomData, _entries: PhantomData };
        range.front.seek::<Q, W>(root, &range.bounds, pace);
        range
    }

    /// The next entry.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<S::Item<'g>> {
        loop {
            if let Some(item) = self.front.stretch.take::<W>() {
                return if self.back.is_none() { Some(item) } else { self.unless_met(item) };
            }
            if !self.advance() {
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
        let back = self.back.get_or_insert_with(|| {
            let mut back = Box::new(End::nowhere());
            back.seek::<Q, Opposite<W>>(root, bounds, Pace::Gallop);
            back
        });
        loop {
            if let Some(item) = back.stretch.take::<Opposite<W>>() {
                return self.unless_met(item);
            }
            if !back.advance::<Q, Opposite<W>>(bounds) {
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
        let mut ends = self.front.stretch.last::<W>().into_iter().zip(back.stretch.last::<Opposite<W>>());
        if ends.all(|((front, one), (back, other))| front.compare_slots(one, back, other) == apart) {
            return Some(item);
        }
        self.front.finish();
        None
    }

    /// Feeds every entry that is left to `step`: cheaper than asking for one after the other.
    #[inline]
    pub(crate) fn fold<A>(mut self, start: A, mut step: impl FnMut(A, S::Item<'g>) -> A) -> A {
        let mut folded = start;
        while self.back.is_some() {
            let Some(item) = self.next() else { return folded };
            folded = step(folded, item);
        }
        loop {
            let items = self.front.stretch.items();
            folded = if W::FORWARD { items.fold(folded, &mut step) } else { items.rev().fold(folded, &mut step) };
            if !self.advance() {
                return folded;
            }
        }
    }

    /// The ranks of this leaf that are still to be given; none in an empty tree. Only if none but [`next_leaf`](Self::next_leaf)
    /// was called, and only forward.
    pub(super) fn ranks(&self) -> Option<Ranks<'g, S>> {
        let End { position, stretch, .. } = &self.front;
        position.leaf.map(|leaf| Ranks { leaf, meta: position.meta, ranks: stretch.places() })
    }

    /// The entries of these leaves that are still to be given.
    pub(super) fn items(&self) -> impl Iterator<Item = S::Item<'g>> {
        self.front.stretch.items()
    }

    /// Goes to the next leaf; says false behind the far bound.
    pub(super) fn next_leaf(&mut self) -> bool {
        self.front.go_on::<Q, W>(&self.bounds, 1)
    }

    /// Goes to the next leaves; says false behind the far bound.
    pub(super) fn advance(&mut self) -> bool {
        self.front.advance::<Q, W>(&self.bounds)
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
            count += self.front.stretch.len();
            if !self.advance() {
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
        if S::Key::EXACT && Q::EXACT {
            self.word(slot).cmp(&key.word(0))
        } else {
            self.look_at_key(slot, |other| other.borrow().cmp(key))
        }
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
