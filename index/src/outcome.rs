//! What conditional operations ask for and what they answer.

/// What a closure wants done with a key, see `compute` of [`HashIndex`](crate::HashIndex::compute) and [`TreeIndex`](crate::TreeIndex::compute).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<V> {
    /// Leave everything as it is.
    Keep,
    /// Let the key have this value.
    Put(V),
    /// Let there be no entry of the key.
    Remove,
}

/// What a conditional operation did: the value of the key just before it and just after.
///
/// Both are exact: nobody else changed the key in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed<T> {
    /// The value before; `None` if there was no entry.
    pub before: Option<T>,
    /// The value after; `None` if there is no entry.
    pub after: Option<T>,
}

/// The error of `try_insert`: the key has an entry already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupied<'g, K, V> {
    /// The value that the key has.
    pub current: &'g V,
    /// The key that was not inserted.
    pub key: K,
    /// The value that was not inserted.
    pub value: V,
}

/// The error of `compare_exchange`: the key has not the value expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unexpected<'g, V> {
    /// The value that the key has, if it has one.
    pub current: Option<&'g V>,
    /// The value that was not put in its place.
    pub new: V,
}
