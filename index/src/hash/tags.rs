//! One byte for each slot of a group, eight to a word, and the comparison of all of them at once.
//!
//! A tag is 0 for an empty slot and otherwise eight bits of the hash, so that a lookup seldom looks at a wrong entry.
//! Each word is loaded by one atomic load: it is a true snapshot of its eight slots, which is all that the argument
//! for reads without locks needs (see [the chapter](super)). SSE2 compares two words at once where it is at hand; plain
//! arithmetic does elsewhere.

/// Slots whose tags share one word.
pub(super) const WORD_SLOTS: usize = 8;

/// The tag of a hash: never 0, and made of bits that choose no group.
#[inline]
pub(super) fn of_hash(hash: u64) -> u8 {
    let byte = (hash >> 24).to_le_bytes()[0];
    byte + u8::from(byte == 0)
}

/// A bit for each byte of `word` that equals `tag`; bit `n` speaks of byte `n`.
#[inline]
#[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))]
pub(crate) fn matching_word(word: u64, tag: u8) -> u32 {
    matching([word, 0], tag) & 0xff
}

/// A bit for each of the sixteen bytes of `words` that equals `tag`.
#[inline]
#[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))]
pub(super) fn matching(words: [u64; 2], tag: u8) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};

    #[inline]
    #[target_feature(enable = "sse2")]
    fn compare(words: [u64; 2], tag: u8) -> i32 {
        let tags = _mm_set_epi64x(words[1].cast_signed(), words[0].cast_signed());
        _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(tag.cast_signed())))
    }

    // SAFETY: this is compiled only where every processor has SSE2.
    unsafe { compare(words, tag) }.cast_unsigned()
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(miri))))]
pub(crate) use portable::{matching, matching_word};

/// The same in plain arithmetic.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))))]
mod portable {
    /// The lowest bit of each byte.
    const LOW_BITS: u64 = 0x0101_0101_0101_0101;
    /// All bits but the highest of each byte.
    const LOW_SEVEN: u64 = 0x7f7f_7f7f_7f7f_7f7f;

    /// A bit for each byte of `word` that equals `tag`; bit `n` speaks of byte `n`.
    #[inline]
    pub(crate) fn matching_word(word: u64, tag: u8) -> u32 {
        let difference = word ^ (LOW_BITS * u64::from(tag));
        // A byte's high bit survives below if and only if the whole byte is zero; no carry crosses bytes.
        let zeros = !(((difference & LOW_SEVEN) + LOW_SEVEN) | difference | LOW_SEVEN);
        // Gathers the eight high bits into one byte.
        u32::from(((zeros >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56).to_le_bytes()[0])
    }

    /// A bit for each of the sixteen bytes of `words` that equals `tag`.
    #[inline]
    pub(crate) fn matching(words: [u64; 2], tag: u8) -> u32 {
        matching_word(words[0], tag) | matching_word(words[1], tag) << super::WORD_SLOTS
    }
}

/// A bit for each byte of `word` that is not 0, that is for each slot in use.
#[inline]
pub(super) fn occupied_word(word: u64) -> u32 {
    matching_word(word, 0) ^ 0xff
}

/// `word` with byte number `slot` replaced by `tag`.
#[inline]
pub(super) fn with_tag(word: u64, slot: u32, tag: u8) -> u64 {
    let shift = slot * 8;
    word & !(0xff << shift) | u64::from(tag) << shift
}

/// The set bits of a mask of slots, lowest first.
pub(crate) struct Slots(pub(crate) u32);

impl Iterator for Slots {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arithmetic agrees with a loop over the bytes, also next to borrows and for every value of a byte.
    #[test]
    fn masks_agree_with_a_byte_loop() {
        let mut word = 0x00ff_0100_8001_7f00_u64;
        for round in 0..5000_u64 {
            let tag = round.to_le_bytes()[0];
            let naive =
                |word: u64| (0..8).filter(|&n| word.to_le_bytes()[n] == tag).fold(0, |mask, n| mask | 1_u32 << n);
            for (of_word, of_words) in [
                (matching_word as fn(_, _) -> _, matching as fn(_, _) -> _),
                (portable::matching_word, portable::matching),
            ] {
                assert_eq!(of_word(word, tag), naive(word));
                assert_eq!(of_words([word, !word], tag), naive(word) | naive(!word) << 8);
            }
            word = with_tag(word.rotate_left(9) ^ round, u32::try_from(round % 8).unwrap(), tag);
            assert_eq!(word.to_le_bytes()[usize::try_from(round % 8).unwrap()], tag);
        }
    }

    /// Tags are never 0, which stands for an empty slot.
    #[test]
    fn no_hash_has_the_empty_tag() {
        assert!((0..512_u64).all(|byte| of_hash(byte << 24) != 0));
        assert_eq!(Slots(0b1001).collect::<Vec<_>>(), [0, 3]);
    }
}
