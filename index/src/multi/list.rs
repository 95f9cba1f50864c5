//! Posting lists: every value under one key.
//!
//! A list changes its shape with its size, so that a key with one row id costs a machine word or two and a key with a
//! million of them still removes one in constant time:
//!
//! ```text
//! One(v)          Two([v, v])       Few(Block)            Many(Box<Segments>)
//! in the directory's entry          one block, ≤ 1,024    dense segments, a value's hash says which
//!        1 ─────────▶ 2 ─────────────▶ 3 … 1,024 ──────────▶ 1,025 …
//!        1 ◀───────────────────────────── 1     512 ◀──────────┘        (it shrinks later than it grows)
//! ```
//!
//! The numbers are those of row ids; values that are larger, or own memory that a comparison reads, have shorter blocks
//! ([`values_max`]).
//!
//! A list of `u64` is 24 bytes, and an `Option` around it costs nothing. A `SmallVec<[u64; 2]>` in the place of the first three
//! shapes would make every key eight bytes larger, in two copies, and have its values in the program's heap (`block.rs`).
//!
//! **Invariant:** an operation runs `Eq`, `Hash` and `Clone` of the values before it changes anything, so a panic in
//! one of them leaves the list as it was.

use std::fmt;
use std::hash::Hash;

pub use block::list_memory;
use block::{Block, values_max};
pub use iter::{ListIter, ListSlices};
use segments::Segments;

mod block;
mod iter;
mod segments;

/// What a value of a [`MultiIndex`](crate::MultiIndex) must be able to do. Implemented for every type that can.
pub trait ListValue: Clone + Eq + Hash + Send + Sync + 'static {}

impl<V: Clone + Eq + Hash + Send + Sync + 'static> ListValue for V {}

/// The values under one key, in no particular order; one that was inserted twice is there twice.
///
/// # Examples
/// ```
/// use manicule_index::PostingList;
///
/// let list: PostingList<u64> = [7, 9, 7].into_iter().collect();
/// assert_eq!(list.len(), 3);
/// assert_eq!(list.count(&7), 2);
/// assert_eq!(list.iter().sum::<u64>(), 23);
/// ```
pub struct PostingList<V> {
    shape: Shape<V>,
}

enum Shape<V> {
    One(V),
    Two([V; 2]),
    /// Also the empty list, which owns no memory.
    Few(Block<V>),
    Many(Box<Segments<V>>),
}

const _: () = assert!(size_of::<PostingList<u64>>() == 24);
const _: () = assert!(size_of::<Option<(u64, PostingList<u64>)>>() == 32);

impl<V> PostingList<V> {
    /// An empty list. Allocates nothing.
    pub const fn new() -> Self {
        Self { shape: Shape::Few(Block::new()) }
    }

    /// A list of one value. Allocates nothing.
    pub(crate) fn one(value: V) -> Self {
        Self { shape: Shape::One(value) }
    }

    /// The value of a list of one.
    #[inline]
    pub(crate) fn single(&self) -> Option<&V> {
        match &self.shape {
            Shape::One(value) => Some(value),
            _ => None,
        }
    }

    /// How many values there are, each occurrence counted. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match &self.shape {
            Shape::One(_) => 1,
            Shape::Two(_) => 2,
            Shape::Few(values) => values.len(),
            Shape::Many(segments) => segments.len(),
        }
    }

    /// Bytes that the list takes beyond its own 24 and what values own elsewhere. O(1) for short lists, O(n / 1,024) for
    /// long ones.
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.shape {
            Shape::One(_) | Shape::Two(_) => 0,
            Shape::Few(values) => values.heap_bytes(),
            Shape::Many(segments) => segments.memory_usage(),
        }
    }

    /// Whether there is no value. A list that an index hands out is never empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some value of the list: the only one, where there is one. O(1).
    #[inline]
    pub fn first(&self) -> Option<&V> {
        match &self.shape {
            Shape::One(value) => Some(value),
            Shape::Two(values) => values.first(),
            Shape::Few(values) => values.first(),
            Shape::Many(_) => self.iter().next(),
        }
    }

    /// The values as one slice, where they lie in one: always if they are at most 32, and up to a thousand that are small and own
    /// no memory, as row ids.
    #[inline]
    pub fn as_slice(&self) -> Option<&[V]> {
        match &self.shape {
            Shape::One(value) => Some(std::slice::from_ref(value)),
            Shape::Two(values) => Some(values),
            Shape::Few(values) => Some(values),
            Shape::Many(segments) => segments.as_slice(),
        }
    }

    /// Every value, occurrence by occurrence. A long list is a few dense runs of memory; `fold`, `sum` and `for_each`
    /// are the fastest ways through them.
    #[inline]
    pub fn iter(&self) -> ListIter<'_, V> {
        match &self.shape {
            Shape::One(value) => ListIter::dense(std::slice::from_ref(value)),
            Shape::Two(values) => ListIter::dense(values),
            Shape::Few(values) => ListIter::dense(values),
            Shape::Many(segments) => segments.iter(),
        }
    }

    /// The values as dense slices, for code that works on runs of them. Where a value occurs very often, each occurrence may be
    /// a slice of its own.
    pub fn slices(&self) -> ListSlices<'_, V> {
        ListSlices::new(self.iter())
    }

    fn take(&mut self) -> Shape<V> {
        std::mem::replace(&mut self.shape, Shape::Few(Block::new()))
    }
}

impl<V: Eq + Hash> PostingList<V> {
    /// Whether the value is in the list. A search of some hundred values, however long the list is.
    pub fn contains(&self, value: &V) -> bool {
        match &self.shape {
            Shape::One(one) => one == value,
            Shape::Two(values) => values.contains(value),
            Shape::Few(values) => values.position(value).is_some(),
            Shape::Many(segments) => segments.contains(value),
        }
    }

    /// How many times the value is in the list. Costs as much as [`contains`](Self::contains).
    pub fn count(&self, value: &V) -> usize {
        match &self.shape {
            Shape::Many(segments) => segments.count(value),
            _ => self.iter().filter(|other| *other == value).count(),
        }
    }
}

impl<V: Clone + Eq + Hash> PostingList<V> {
    /// Adds a value. Amortized O(1).
    pub(crate) fn push(&mut self, value: V) {
        if let Shape::Few(values) = &mut self.shape
            && values.len() >= values_max::<V>()
        {
            self.shape = Shape::Many(Box::new(Segments::new(std::mem::take(values))));
        }
        match &mut self.shape {
            Shape::Few(values) if !values.is_empty() => values.push(value),
            Shape::Many(segments) => segments.push(value),
            _ => {
                self.shape = match self.take() {
                    Shape::One(first) => Shape::Two([first, value]),
                    Shape::Two([first, second]) => Shape::Few(Block::from_iter([first, second, value])),
                    Shape::Few(_) | Shape::Many(_) => Shape::One(value),
                }
            }
        }
    }

    /// Takes one occurrence of the value away. A search of some hundred values, however long the list is.
    pub(crate) fn remove(&mut self, value: &V) -> Option<V> {
        if let Shape::Many(segments) = &mut self.shape
            && segments.len() <= values_max::<V>() / 2 + 1
        {
            self.shape = Shape::Few(segments.drain());
        }
        match &mut self.shape {
            Shape::Many(segments) => segments.remove(value),
            Shape::Few(values) => {
                let at = values.position(value)?;
                let removed = values.swap_remove(at);
                self.shrink();
                Some(removed)
            }
            Shape::One(one) => (one == value).then(|| self.pop()).flatten(),
            Shape::Two(values) => {
                let at = values.iter().position(|other| other == value)?;
                let Shape::Two([first, second]) = self.take() else { return None };
                let (kept, removed) = if at == 0 { (second, first) } else { (first, second) };
                self.shape = Shape::One(kept);
                Some(removed)
            }
        }
    }

    /// Takes the only value out of a list of one.
    pub(crate) fn pop(&mut self) -> Option<V> {
        match self.take() {
            Shape::One(value) => Some(value),
            Shape::Few(mut values) => {
                let value = values.pop();
                self.shape = Shape::Few(values);
                self.shrink();
                value
            }
            shape @ (Shape::Two(_) | Shape::Many(_)) => {
                self.shape = shape;
                None
            }
        }
    }

    /// Gives memory back once three quarters of a vector are empty.
    fn shrink(&mut self) {
        let Shape::Few(values) = &mut self.shape else { return };
        match **values {
            [_] => self.shape = values.pop().map_or(Shape::Few(Block::new()), Shape::One),
            _ => values.shrink(),
        }
    }
}

impl<V: Clone + Hash> Clone for PostingList<V> {
    fn clone(&self) -> Self {
        let shape = match &self.shape {
            Shape::One(value) => Shape::One(value.clone()),
            Shape::Two(values) => Shape::Two(values.clone()),
            Shape::Few(values) => Shape::Few(values.clone()),
            Shape::Many(segments) => Shape::Many(segments.clone()),
        };
        Self { shape }
    }
}

impl<V> Default for PostingList<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Clone + Eq + Hash> FromIterator<V> for PostingList<V> {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        let mut values = values.into_iter();
        let mut list = values.next().map_or_else(Self::new, Self::one);
        values.for_each(|value| list.push(value));
        list
    }
}

impl<'a, V> IntoIterator for &'a PostingList<V> {
    type Item = &'a V;
    type IntoIter = ListIter<'a, V>;

    fn into_iter(self) -> ListIter<'a, V> {
        self.iter()
    }
}

/// Equal when every value occurs equally often in both, in whatever order.
impl<V: Eq + Hash> PartialEq for PostingList<V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|value| self.count(value) == other.count(value))
    }
}

impl<V: Eq + Hash> Eq for PostingList<V> {}

impl<V: fmt::Debug> fmt::Debug for PostingList<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use proptest::prelude::*;

    use super::*;

    fn shape_of<V>(list: &PostingList<V>) -> &'static str {
        match &list.shape {
            Shape::One(_) => "one",
            Shape::Two(_) => "two",
            Shape::Few(_) => "few",
            Shape::Many(_) => "many",
        }
    }

    #[test]
    fn list_shrinks_later_than_it_grows() {
        fn check<V: Clone + Debug + Eq + Hash>(value: impl Fn(usize) -> V) {
            let longest = values_max::<V>();
            let mut list: PostingList<V> = (0..longest).map(&value).collect();
            assert_eq!((shape_of(&list), list.as_slice().map(<[V]>::len)), ("few", Some(longest)));
            list.push(value(longest));
            assert_eq!(shape_of(&list), "many");
            for at in longest / 2 + 1..=longest {
                assert_eq!(list.remove(&value(at)), Some(value(at)));
            }
            assert_eq!((list.len(), shape_of(&list)), (longest / 2 + 1, "many"));
            list.remove(&value(0));
            assert_eq!(shape_of(&list), "few");
            for at in 1..longest / 2 {
                list.remove(&value(at));
            }
            assert_eq!((list.len(), shape_of(&list)), (1, "one"));
            assert_eq!(list.pop(), Some(value(longest / 2)));
            assert!(list.is_empty());
        }
        check(|at| at);
        check(|at| at.to_string());
    }

    #[test]
    fn big_list_costs_nine_bytes_a_value() {
        let list: PostingList<u64> = (0..100_000).collect();
        let Shape::Many(segments) = &list.shape else { panic!("a long list is segmented") };
        let bytes = segments.heap_bytes();
        assert!(bytes < 100_000 * 12, "{bytes} bytes");
    }

    /// Pushes and removes, and compares with a vector after each step.
    fn check_against_a_vector<V: ListValue + Debug + Ord>(
        operations: Vec<(u8, u64)>,
        value: impl Fn(u64) -> V,
    ) -> Result<(), TestCaseError> {
        let mut list = PostingList::new();
        let mut model: Vec<V> = Vec::new();
        for (operation, number) in operations {
            let value = value(number);
            if operation == 0 {
                let at = model.iter().position(|other| *other == value);
                prop_assert_eq!(list.remove(&value), at.map(|at| model.swap_remove(at)));
            } else {
                list.push(value.clone());
                model.push(value.clone());
            }
            prop_assert_eq!(list.len(), model.len());
            prop_assert_eq!(list.count(&value), model.iter().filter(|other| **other == value).count());
            prop_assert_eq!(list.contains(&value), model.contains(&value));
        }
        let mut listed: Vec<V> = list.iter().cloned().collect();
        let mut folded = Vec::new();
        list.iter().for_each(|value| folded.push(value.clone()));
        let mut sliced: Vec<V> = list.slices().flatten().cloned().collect();
        for values in [&mut listed, &mut folded, &mut sliced, &mut model] {
            values.sort_unstable();
        }
        prop_assert_eq!(&listed, &model);
        prop_assert_eq!(&folded, &model);
        prop_assert_eq!(&sliced, &model);
        prop_assert_eq!(list.iter().len(), model.len());
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn list_agrees_with_a_vector(
            operations in prop::collection::vec((0..4_u8, 0..(1_u64 << 20)), 0..4000),
            // Few values make long lists of repeated ones, many make lists of many segments.
            distinct in prop::sample::select(vec![2_u64, 90, 1200, 1 << 20]),
        ) {
            check_against_a_vector(operations.clone(), |number| number % distinct)?;
            check_against_a_vector(operations, |number| (number % distinct).to_string())?;
        }
    }
}
