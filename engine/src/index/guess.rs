//! Which row probably has a key, told from the key alone.
//!
//! Keys that count up, as those of most tables do, come with row ids that count up beside them, and the difference between the two
//! stays the same for thousands of rows. [`Guesses`] has it for each block of keys that were seen to follow one another. A
//! reader goes straight to the row and is done if the version that it sees has the key: the index is unique, so no other
//! visible row has it. That saves the miss of the index. Where the guess is wrong the index answers as ever.
//!
//! It is a learned index (Kraska, Beutel, Chi, Dean and Polyzotis, "The Case for Learned Index Structures", 2018) with the
//! smallest of models, a constant for each block, and an index behind it that is always right.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use manicule_index::{Guard, WordHashIndex};

use crate::ids::RowId;
use crate::key::Key;

/// Keys in a block, as a power of two. A row id or a key that was left out spoils the guesses for the rest of its block.
const BLOCK_LOG2: u32 = 9;

/// So many entries that follow one another prove a block.
const PROOF: u64 = 8;

/// The block of a key, and the key's place in it.
#[inline]
fn locate(word: u64) -> (u64, u64) {
    (word >> BLOCK_LOG2, word % (1 << BLOCK_LOG2))
}

/// For each block of keys that follow one another, the row id that its first key has or would have. A row id is given once and
/// takes a slot for ever, so blocks are kept too: they are a hundredth of that.
#[derive(Debug)]
pub(crate) struct Guesses {
    /// Whether the index is unique: of others there are none.
    is_unique: bool,
    first_row_ids: WordHashIndex<u64, u64>,
    /// Whether there is any: keys that come in no order pay for no more than this load.
    any: AtomicBool,
}

/// What was noted last. One thread at a time notes with it.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    block: AtomicU64,
    first_row_id: AtomicU64,
    length: AtomicU64,
}

// Everything is relaxed: a guess is a hint, and what a row says is read in the row.
impl Guesses {
    pub(crate) fn new(is_unique: bool) -> Self {
        Self { is_unique, first_row_ids: WordHashIndex::new(), any: AtomicBool::new(false) }
    }

    /// The row that probably has the key.
    #[inline]
    pub(crate) fn guess(&self, word: u64, guard: &Guard) -> Option<RowId> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let (block, place) = locate(word);
        self.first_row_ids.get(&block, guard).map(|first| RowId(first.wrapping_add(place)))
    }

    /// Notes an entry that came after the last one of the trail. Only words are noted.
    pub(crate) fn note(&self, key: &Key, row_id: RowId, trail: &Trail, guard: &Guard) {
        let (true, Key::Word(word)) = (self.is_unique, key) else { return };
        let (block, place) = locate(*word);
        let first_row_id = row_id.0.wrapping_sub(place);
        let goes_on =
            trail.block.load(Ordering::Relaxed) == block && trail.first_row_id.load(Ordering::Relaxed) == first_row_id;
        if !goes_on {
            trail.block.store(block, Ordering::Relaxed);
            trail.first_row_id.store(first_row_id, Ordering::Relaxed);
        }
        let length = if goes_on { trail.length.load(Ordering::Relaxed) + 1 } else { 1 };
        trail.length.store(length, Ordering::Relaxed);
        if length == PROOF {
            self.first_row_ids.insert(block, first_row_id, guard);
            self.any.store(true, Ordering::Relaxed);
        }
    }

    /// Bytes that they take.
    pub(crate) fn memory_usage(&self) -> usize {
        self.first_row_ids.memory_usage()
    }
}
