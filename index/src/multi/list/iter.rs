//! Iterators over a posting list: the dense runs first, then the repeated values.

use std::fmt;
use std::iter::FusedIterator;
use std::slice;

use hashbag::SetIter;

use super::block::Block;
use super::segments::Repeats;
use crate::memory::prefetch;

/// Bytes that come from memory at once.
const LINE: usize = 64;
/// How many lines of the next run are asked for while one is read.
const AHEAD: usize = 4;

/// The values of a [`PostingList`](super::PostingList), from [`iter`](super::PostingList::iter).
pub struct ListIter<'a, V> {
    run: slice::Iter<'a, V>,
    /// What a long list has behind the current run.
    rest: Option<Rest<'a, V>>,
}

struct Rest<'a, V> {
    segments: slice::Iter<'a, Block<V>>,
    repeats: Option<SetIter<'a, V>>,
    repeated: Option<(&'a V, usize)>,
    /// Values outside the current run.
    len: usize,
}

impl<'a, V> ListIter<'a, V> {
    #[inline]
    pub(super) fn dense(values: &'a [V]) -> Self {
        Self { run: values.iter(), rest: None }
    }

    pub(super) fn segmented(segments: &'a [Block<V>], repeats: Option<&'a Repeats<V>>, len: usize) -> Self {
        let repeats = repeats.map(|repeats| repeats.set_iter());
        let rest = Rest { segments: segments.iter(), repeats, repeated: None, len };
        Self { run: [].iter(), rest: Some(rest) }
    }

    /// The next non-empty run, all of it.
    fn next_run(&mut self) -> Option<slice::Iter<'a, V>> {
        if self.run.len() > 0 {
            return Some(std::mem::replace(&mut self.run, [].iter()));
        }
        self.rest.as_mut()?.next_run()
    }
}

impl<'a, V> Rest<'a, V> {
    fn next_run(&mut self) -> Option<slice::Iter<'a, V>> {
        let run = self.segments.find(|segment| !segment.is_empty()).map(|segment| segment.iter());
        if let Some(next) = self.segments.as_slice().first() {
            // Each segment begins somewhere else, where the processor does not see it coming.
            next.chunks((LINE / size_of::<V>().max(1)).max(1)).take(AHEAD).for_each(|line| prefetch(line.as_ptr()));
        }
        let run = run.or_else(|| self.next_repeat().map(|value| slice::from_ref(value).iter()))?;
        self.len = self.len.saturating_sub(run.len());
        Some(run)
    }

    fn next_repeat(&mut self) -> Option<&'a V> {
        if self.repeated.is_none_or(|(_, left)| left == 0) {
            self.repeated = self.repeats.as_mut()?.next();
        }
        let (value, left) = self.repeated.as_mut()?;
        *left -= 1;
        Some(value)
    }
}

impl<'a, V> Iterator for ListIter<'a, V> {
    type Item = &'a V;

    #[inline]
    fn next(&mut self) -> Option<&'a V> {
        match self.run.next() {
            Some(value) => Some(value),
            None => {
                self.run = self.rest.as_mut()?.next_run()?;
                self.run.next()
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.run.len() + self.rest.as_ref().map_or(0, |rest| rest.len);
        (len, Some(len))
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a V) -> B>(mut self, init: B, mut f: F) -> B {
        // Plain loops, in which `f` is inlined also where nothing is optimized across crates.
        let mut folded = init;
        for value in self.run {
            folded = f(folded, value);
        }
        while let Some(run) = self.rest.as_mut().and_then(|rest| rest.next_run()) {
            for value in run {
                folded = f(folded, value);
            }
        }
        folded
    }
}

impl<V> ExactSizeIterator for ListIter<'_, V> {}
impl<V> FusedIterator for ListIter<'_, V> {}

impl<V: fmt::Debug> fmt::Debug for ListIter<'_, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ListIter").field("run", &self.run).finish_non_exhaustive()
    }
}

/// The values of a [`PostingList`](super::PostingList) as dense slices, from [`slices`](super::PostingList::slices).
#[derive(Debug)]
pub struct ListSlices<'a, V> {
    values: ListIter<'a, V>,
}

impl<'a, V> ListSlices<'a, V> {
    pub(super) fn new(values: ListIter<'a, V>) -> Self {
        Self { values }
    }
}

impl<'a, V> Iterator for ListSlices<'a, V> {
    type Item = &'a [V];

    fn next(&mut self) -> Option<&'a [V]> {
        self.values.next_run().map(|run| run.as_slice())
    }
}
