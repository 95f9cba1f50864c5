//! The number of a row, told from its row id.
//!
//! An INTEGER PRIMARY KEY that counts up runs beside the row ids. [`Numbering`] has for each block of 512 row ids the
//! difference between the two, where it is the same for every version that was ever installed there. So an entry of any index, which
//! has the row id, has the number too, as if that were a last column of its key, and who wants no more needs no row. A block
//! with a version that differs is *uneven* for good; its rows are read. Where all blocks have one difference, as long as no row id was
//! lost to a rollback, it stands beside them.
//!
//! A block's word is noted before its version is visible, and changes twice at most: from nothing to a difference, and to uneven.
//! Whoever sees a version, by the acquire load of the newest visible timestamp, finds the word as that version left it or
//! later; while it says a difference, all versions noted so far have that.

use std::sync::OnceLock;

use crate::ids::RowId;
use crate::row::Row;
use crate::sync::{AtomicU64, Ordering};

/// Row ids in a block, as a power of two.
const BLOCK_LOG2: u32 = 9;
/// Enough segments for the blocks of all row ids.
const SEGMENT_COUNT: usize = 36;
/// The rows are read if more than one block in so many is uneven.
const EVEN_PER_UNEVEN: u64 = 8;

/// The word of a block without versions.
const UNKNOWN: u64 = 0;
/// The word of a block whose versions differ.
const UNEVEN: u64 = 1;
/// What is added to a difference, so that it is neither of these; where it is nevertheless, the block counts as uneven.
const EVEN: u64 = 2;

/// What the numbers of a table's rows differ by from their row ids.
#[derive(Debug)]
pub(crate) struct Numbering {
    /// The column with the number, if there is one.
    column: Option<usize>,
    /// A word for each block. Segment `k` has `1 << k` of them and never moves.
    segments: [OnceLock<Box<[AtomicU64]>>; SEGMENT_COUNT],
    /// The same of all row ids.
    whole: AtomicU64,
    even: AtomicU64,
    uneven: AtomicU64,
}

/// Segment and place in it of a row id's block.
#[inline]
fn locate(row_id: RowId) -> (usize, usize) {
    let shifted = (row_id.0 >> BLOCK_LOG2) + 1;
    let segment = shifted.ilog2();
    (segment as usize, (shifted - (1 << segment)) as usize)
}

// Everything is relaxed: see above for what orders the words; the counters only say what is worth while.
impl Numbering {
    /// That of a table whose rows have their numbers in this column.
    pub(crate) fn new(column: Option<usize>) -> Self {
        Self {
            column,
            segments: [const { OnceLock::new() }; SEGMENT_COUNT],
            whole: AtomicU64::new(UNKNOWN),
            even: AtomicU64::new(0),
            uneven: AtomicU64::new(0),
        }
    }

    /// The number of a row, if it is in a column.
    #[inline]
    pub(crate) fn number_of(&self, row: &Row) -> Option<i64> {
        row.integer(self.column?)
    }

    /// Notes that a version is about to be visible. One thread at a time does.
    pub(crate) fn note(&self, row_id: RowId, row: &Row) {
        let Some(column) = self.column else { return };
        let difference = row.integer(column).map(|number| number.cast_unsigned().wrapping_sub(row_id.0));
        let (segment, place) = locate(row_id);
        let words = || (0..1_usize << segment).map(|_| AtomicU64::new(UNKNOWN)).collect();
        let word = &self.segments[segment].get_or_init(words)[place];
        note(&self.whole, difference);
        let (before, after) = note(word, difference);
        if after == before {
            return;
        }
        if before >= EVEN {
            self.even.fetch_sub(1, Ordering::Relaxed);
        }
        let count = if after == UNEVEN { &self.uneven } else { &self.even };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// The numbers of the rows that are visible to who asks.
    #[inline]
    pub(crate) fn numbers(&self) -> Numbers<'_> {
        Numbers { numbering: self, whole: self.whole.load(Ordering::Relaxed) }
    }

    /// Whether the numbers of nearly all rows can be told. Where they cannot, a row is better read with its neighbours.
    #[inline]
    pub(crate) fn is_mostly_even(&self) -> bool {
        let (even, uneven) = (self.even.load(Ordering::Relaxed), self.uneven.load(Ordering::Relaxed));
        self.column.is_some() && uneven * EVEN_PER_UNEVEN <= even
    }

    /// Bytes that it takes beside itself.
    pub(crate) fn memory_usage(&self) -> usize {
        self.segments.iter().filter_map(OnceLock::get).map(|words| size_of_val(&**words)).sum()
    }
}

/// Takes the difference of one more version into a word; gives the word before and after.
fn note(word: &AtomicU64, difference: Option<u64>) -> (u64, u64) {
    let before = word.load(Ordering::Relaxed);
    let after = match difference.map(|difference| difference.wrapping_add(EVEN)) {
        Some(even) if even >= EVEN && (before == UNKNOWN || before == even) => even,
        _ => UNEVEN,
    };
    if after != before {
        word.store(after, Ordering::Relaxed);
    }
    (before, after)
}

/// The numbers of the rows that a snapshot sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'n> {
    numbering: &'n Numbering,
    whole: u64,
}

impl Numbers<'_> {
    /// The number of a row, if it can be told.
    #[inline]
    pub(crate) fn of(self, row_id: RowId) -> Option<i64> {
        let word = if self.whole >= EVEN { self.whole } else { self.of_block(row_id)? };
        (word >= EVEN).then(|| row_id.0.wrapping_add(word - EVEN).cast_signed())
    }

    /// The word of a row id's block.
    #[inline]
    fn of_block(self, row_id: RowId) -> Option<u64> {
        let (segment, place) = locate(row_id);
        let word = self.numbering.segments.get(segment)?.get()?.get(place)?;
        Some(word.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, loom))]
mod models {
    use std::sync::Arc;

    use loom::thread;

    use super::*;
    use crate::row::RowBuf;
    use crate::value::Value;

    fn numbered(number: i64) -> RowBuf {
        Row::new(&[Value::Integer(number)])
    }

    /// Commit 1 made two rows whose numbers count up. Commit 2 gives the first another number, while a reader asks for both.
    #[test]
    fn loom_reader_is_told_the_numbers_that_its_snapshot_sees() {
        loom::model(|| {
            let numbering = Arc::new(Numbering::new(Some(0)));
            numbering.note(RowId(0), &numbered(10));
            numbering.note(RowId(1), &numbered(11));
            let visible = Arc::new(AtomicU64::new(1));
            let writer = thread::spawn({
                let (numbering, visible) = (Arc::clone(&numbering), Arc::clone(&visible));
                move || {
                    numbering.note(RowId(0), &numbered(20));
                    visible.store(2, Ordering::Release);
                }
            });
            let snapshot = visible.load(Ordering::Acquire);
            let numbers = numbering.numbers();
            for (row_id, number) in [(RowId(0), 10), (RowId(1), 11)] {
                let told = numbers.of(row_id);
                assert!(told.is_none() || (snapshot == 1 && told == Some(number)), "{told:?} at {snapshot}");
            }
            writer.join().expect("the writer does not panic");
            assert_eq!(numbering.numbers().of(RowId(0)), None);
        });
    }
}
