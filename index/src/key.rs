//! Keys that can be ordered by one machine word first.
//!
//! A tree node compares eight words in one cache line instead of eight keys in eight. The word of a key is its first
//! eight bytes in a form whose integer order is the key's order; where keys share a long prefix, a node asks for the
//! word after that prefix (`skip`), so that `user000000123456` costs no more than `123456`.
//!
//! | keys | word | exact |
//! |---|---|---|
//! | integers up to 64 bits, `bool`, `char`, [`TotalF64`] | the value, sign bit flipped | yes |
//! | `u128`, `i128` | the upper half, then the lower | no |
//! | `str`, `[u8]` and their owners | eight bytes, big endian, padded with zeros | no |
//! | tuples | fields packed until 64 bits are full | if all fit |
//! | `Option`, `Reverse` | one bit more, all bits flipped | as inside |
//! | [`Opaque`] | none | no |

mod bytes;
mod compound;
mod decode;
mod encode;
mod scalar;

pub use compound::Opaque;
pub use decode::KeyDecoder;
pub use encode::{ColumnOrder, Direction, KeyBuffer, KeyEncoder, Nulls, prefix_end};
pub use scalar::{TotalF32, TotalF64};

/// A key of an ordered index: any `Ord` type with an order-preserving eight-byte word.
///
/// The tree compares words and looks at the key itself only where two words are equal and [`EXACT`](Self::EXACT) is
/// false.
///
/// The law: for every `skip` for which both keys agree in their first `skip` bytes (0 always does), `a < b` implies
/// `a.word(skip) <= b.word(skip)`; if `EXACT`, `a.word(0) == b.word(0)` implies `a == b`; if [`HAS_TAIL`](Self::HAS_TAIL),
/// equal words after such a `skip`, equal tails and one length of at most `skip + 16` imply `a == b`; and none of `word`,
/// `common`, `length` and `tail` panics. An implementation that breaks it gets wrong answers, never undefined behaviour. Where
/// `K: Borrow<Q>`, a key and its borrowed form have equal words, lengths and tails.
///
/// A key of one's own takes the word of what it is made of; [`Opaque`] makes a key of any other `Ord` type.
///
/// ```
/// use manicule_index::{IndexKey, TreeIndex, pin};
///
/// #[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
/// struct Name(String);
///
/// impl IndexKey for Name {
///     const EXACT: bool = false;
///     fn word(&self, skip: usize) -> u64 {
///         self.0.word(skip)
///     }
///     fn common(&self, other: &Self) -> usize {
///         self.0.common(&other.0)
///     }
/// }
///
/// let (index, guard) = (TreeIndex::new(), pin());
/// index.insert(Name("ann".to_owned()), 1, &guard);
/// assert_eq!(index.first(&guard).map(|(name, row)| (name.0.as_str(), *row)), Some(("ann", 1)));
/// ```
pub trait IndexKey: Ord {
    /// Whether the word says everything: equal words mean equal keys.
    const EXACT: bool;

    /// How many low bits of the word are in use; a compound key puts the next field into the rest.
    const BITS: u32 = 64;

    /// Whether none of its code ever panics: this trait's, its order and `Clone`. False is always right; true spares an ordered
    /// [`MultiIndex`](crate::MultiIndex) of keys that are not [`EXACT`](Self::EXACT) what it does to go on after a panic.
    const NEVER_PANICS: bool = false;

    /// Whether [`length`](Self::length) and [`tail`](Self::tail) say how a key ends. A [`TreeIndex`](crate::TreeIndex) then
    /// keeps the tail beside the key, eight bytes an entry, and seldom follows the key's pointer to its bytes.
    const HAS_TAIL: bool = false;

    /// The first eight bytes, in an order-preserving form, after `skip` bytes that are known to be common. Keys that are
    /// not byte strings ignore `skip`.
    fn word(&self, skip: usize) -> u64;

    /// How many bytes the key has, if it has a tail; told without following a pointer where that can be.
    #[inline]
    fn length(&self) -> usize {
        0
    }

    /// The key's last eight bytes, or all that it has.
    #[inline]
    fn tail(&self) -> u64 {
        0
    }

    /// How many leading bytes both keys share, as [`word`](Self::word) counts them: every key between the two shares them
    /// too. 0 is always right.
    #[inline]
    fn common(&self, _other: &Self) -> usize {
        0
    }
}

/// An exact key that can be had back from its word, so that a table need not store it twice.
///
/// Implement it for a row id of your own beside [`IndexKey`]. The law: `Self::from_key_word(key.word(0)) == key`.
pub trait OrderedWord: IndexKey + Copy + Send + Sync + 'static {
    /// The key whose word is `word`; `word` came from [`IndexKey::word`].
    fn from_key_word(word: u64) -> Self;
}
