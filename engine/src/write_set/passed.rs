//! Where walks of an index may begin: what a walk of a transaction has passed over in vain, the next one need not walk again.
//!
//! A queue that is worked off in one transaction takes its first row again and again, and the rows that it took lie before
//! it in the index until the transaction ends. Entries that stand for no row of the snapshot, or for one that the
//! transaction has changed, never stand for an installed row of its answers again, unless a change is undone.

use std::ops::Bound;

use crate::ids::IndexId;
use crate::key::{Key, KeyBytes, KeySpan};
use crate::range::Direction;

/// Fewer entries than this are walked again.
const ENTRIES_MIN: usize = 8;

/// So many walks are remembered at most, the last ones.
const WALKS_MAX: usize = 8;

/// What the walks of a transaction have passed over at their beginnings.
#[derive(Debug, Default)]
pub(super) struct Passed {
    walks: Vec<Walk>,
}

#[derive(Debug)]
struct Walk {
    index: IndexId,
    direction: Direction,
    begin: Begin,
    /// The key of the last entry in vain: there may be others of the key.
    last: Key,
    /// How many changes there were.
    len: usize,
}

/// Where a walk begins.
#[derive(Debug, PartialEq, Eq)]
enum Begin {
    Word { nulls: bool, bound: Bound<u64> },
    Bytes(Option<KeyBytes>),
}

impl Begin {
    /// Where the walk of a span begins, if more than one key may lie in it.
    fn of(span: &KeySpan, direction: Direction) -> Option<Self> {
        match (span, direction) {
            (KeySpan::Empty | KeySpan::Words { words: None, .. }, _) => None,
            (KeySpan::Words { nulls, words: Some((start, _)) }, Direction::Forward) => {
                Some(Self::Word { nulls: *nulls, bound: *start })
            }
            (KeySpan::Words { nulls, words: Some((_, end)) }, Direction::Backward) => {
                Some(Self::Word { nulls: *nulls, bound: *end })
            }
            (KeySpan::Bytes { start, .. }, Direction::Forward) => Some(Self::Bytes(Some(start.clone()))),
            (KeySpan::Bytes { end, .. }, Direction::Backward) => Some(Self::Bytes(end.clone())),
        }
    }
}

impl Passed {
    /// Notes that a walk of the span has met `entries` in vain before all others, the last of them with the key `last`.
    pub(super) fn note(&mut self, index: IndexId, (span, direction): (&KeySpan, Direction), last: Key, len: usize) {
        let Some(begin) = Begin::of(span, direction) else { return };
        self.walks.retain(|walk| !walk.is_of(index, &begin, direction));
        if self.walks.len() == WALKS_MAX {
            self.walks.remove(0);
        }
        self.walks.push(Walk { index, direction, begin, last, len });
    }

    /// The part of a span that is still to be walked.
    pub(super) fn rest(&self, index: IndexId, (span, direction): (&KeySpan, Direction)) -> KeySpan {
        let begin = Begin::of(span, direction);
        let walk = begin.and_then(|begin| self.walks.iter().find(|walk| walk.is_of(index, &begin, direction)));
        walk.map_or_else(|| span.clone(), |walk| rest(span, &walk.last, direction))
    }

    /// Forgets what was passed over because of changes after the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.walks.retain(|walk| walk.len <= len);
    }
}

impl Walk {
    fn is_of(&self, index: IndexId, begin: &Begin, direction: Direction) -> bool {
        self.index == index && self.direction == direction && self.begin == *begin
    }
}

/// The part of a span from `last` on.
fn rest(span: &KeySpan, last: &Key, direction: Direction) -> KeySpan {
    if !span.contains(last.as_ref()) {
        // The walk that passed it went further.
        return KeySpan::Empty;
    }
    match (span, last, direction) {
        (KeySpan::Words { words: Some((_, end)), .. }, Key::Word(word), Direction::Forward) => {
            KeySpan::Words { nulls: false, words: Some((Bound::Included(*word), *end)) }
        }
        (KeySpan::Words { nulls, words: Some((start, _)) }, Key::Word(word), Direction::Backward) => {
            KeySpan::Words { nulls: *nulls, words: Some((*start, Bound::Included(*word))) }
        }
        (KeySpan::Words { nulls: true, .. }, Key::Null, Direction::Backward) => {
            KeySpan::Words { nulls: true, words: None }
        }
        (KeySpan::Bytes { end, .. }, Key::Bytes(last, _), Direction::Forward) => {
            KeySpan::Bytes { start: last.clone(), end: end.clone() }
        }
        (KeySpan::Bytes { start, end }, Key::Bytes(last, _), Direction::Backward) => {
            let behind = last.prefix_end().filter(|behind| end.as_ref().is_none_or(|end| behind < end));
            KeySpan::Bytes { start: start.clone(), end: behind.or_else(|| end.clone()) }
        }
        (span, _, _) => span.clone(),
    }
}

/// Counts the entries that a walk meets in vain before all others.
#[derive(Debug, Default)]
pub(crate) struct InVain {
    entries: usize,
    last: Option<Key>,
    is_over: bool,
}

impl InVain {
    /// An entry that stands for no row of the answer.
    #[inline]
    pub(crate) fn pass(&mut self, key: impl FnOnce() -> Key) {
        if !self.is_over {
            self.entries += 1;
            self.last = Some(key());
        }
    }

    /// An entry that stands for one.
    #[inline]
    pub(crate) fn end(&mut self) {
        self.is_over = true;
    }

    /// The last key, if there were so many entries that it is worth remembering.
    pub(super) fn last(self) -> Option<Key> {
        self.last.filter(|_| self.entries >= ENTRIES_MIN)
    }
}
