//! A count that many threads change at once without sharing a cache line, and mostly without a locked instruction.

use parking_lot::Mutex;

use crate::sync::{AtomicUsize, Ordering};

/// Threads that have a stripe of their own; all others share one more.
const OWNED: usize = if cfg!(any(loom, feature = "shuttle")) { 0 } else { 16 };

/// One stripe in a line of its own.
#[repr(align(64))]
struct Stripe(AtomicUsize);

/// The number of entries, spread over stripes.
///
/// A thread with a small number is the only one to write the stripe of that number, and so needs no locked instruction,
/// which would wait for every store before it.
pub(super) struct Counter {
    stripes: Box<[Stripe; OWNED + 1]>,
}

impl Counter {
    pub(super) fn new() -> Self {
        Self { stripes: Box::new(std::array::from_fn(|_| Stripe(AtomicUsize::new(0)))) }
    }

    /// Counts `change` more entries, wrapping: fewer are `0 - n`. Gives the new value of the stripe, which serves to
    /// sample.
    #[inline]
    pub(super) fn add(&self, change: usize) -> usize {
        let number = thread_number();
        // Relaxed, everywhere: a statistic; it orders nothing. A stripe's next owner got its number through a mutex.
        if let Some(Stripe(own)) = self.stripes[..OWNED].get(number) {
            let count = own.load(Ordering::Relaxed).wrapping_add(change);
            own.store(count, Ordering::Relaxed);
            return count;
        }
        self.stripes[OWNED].0.fetch_add(change, Ordering::Relaxed).wrapping_add(change)
    }

    /// The sum. Exact when nobody writes; otherwise within the number of operations under way.
    pub(super) fn sum(&self) -> usize {
        let sum = self.stripes.iter().fold(0_usize, |sum, stripe| sum.wrapping_add(stripe.0.load(Ordering::Relaxed)));
        // An entry may be added in a stripe that was read already and removed in one that was not.
        if sum > isize::MAX.cast_unsigned() { 0 } else { sum }
    }

    /// Bytes that the stripes occupy.
    pub(super) fn memory_usage(&self) -> usize {
        size_of_val(&*self.stripes)
    }
}

/// The numbers that ended threads gave back, and the first that no thread had.
static NUMBERS: Mutex<(Vec<usize>, usize)> = Mutex::new((Vec::new(), 0));

/// A number that no other living thread has.
struct ThreadNumber(usize);

impl ThreadNumber {
    #[cold]
    fn new() -> Self {
        let mut numbers = NUMBERS.lock();
        if let Some(number) = numbers.0.pop() {
            return Self(number);
        }
        numbers.1 += 1;
        Self(numbers.1 - 1)
    }
}

impl Drop for ThreadNumber {
    fn drop(&mut self) {
        NUMBERS.lock().0.push(self.0);
    }
}

/// This thread's number, or one that is nobody's when the thread is about to end.
#[inline]
fn thread_number() -> usize {
    thread_local!(static NUMBER: ThreadNumber = ThreadNumber::new());
    NUMBER.try_with(|number| number.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More threads than owned stripes, one after another and at once, lose no count.
    #[test]
    fn every_thread_counts() {
        let counter = Counter::new();
        for _ in 0..3 {
            std::thread::scope(|scope| {
                for _ in 0..2 * OWNED + 3 {
                    scope.spawn(|| (0..200).for_each(|n| _ = counter.add([2, 0_usize.wrapping_sub(1)][n % 2])));
                }
            });
        }
        assert_eq!(counter.sum(), 3 * (2 * OWNED + 3) * 100);
    }
}
