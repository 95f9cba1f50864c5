//! What the keys of a node share, and their words after that.
//!
//! The words of a node pass over the bytes that all its keys share, if these are so many that the words would be alike without.

use std::cmp::Ordering;

use crate::IndexKey;

/// Fewer common bytes than this leave enough of a word to tell keys apart.
const SKIP_MIN: usize = 4;

/// How many bytes the words of a node pass over, given its first and its last key. One key alone would share all of itself.
pub(super) fn skip_between<K: IndexKey>(first: Option<&K>, last: Option<&K>) -> u32 {
    match (first, last) {
        (Some(first), Some(last)) if !std::ptr::eq(first, last) => match first.common(last) {
            0..SKIP_MIN => 0,
            common => u32::try_from(common).unwrap_or(u32::MAX),
        },
        _ => 0,
    }
}

/// The word of a key in a node whose keys share `skip` bytes, of which `first` is one; where the key does not share them, on which
/// side of all of them it is.
#[inline]
pub(super) fn word_in<Q: IndexKey + ?Sized>(skip: u32, first: Option<&Q>, word: u64, key: &Q) -> Result<u64, Ordering> {
    let Some(first) = first.filter(|_| !Q::EXACT && skip > 0) else { return Ok(word) };
    if key.common(first) < skip as usize { Err(key.cmp(first)) } else { Ok(key.word(skip as usize)) }
}

#[cfg(test)]
pub(super) fn check_words<K: IndexKey>(skip: u32, words: &[u64], keys: &[&K]) {
    for (slot, word) in words.iter().enumerate() {
        assert_eq!(*word, keys.get(slot).map_or(u64::MAX, |key| key.word(skip as usize)));
    }
    assert!(keys.windows(2).all(|pair| pair[0].common(pair[1]) >= skip as usize));
}
