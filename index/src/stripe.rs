//! A small number for each thread, so that threads mostly stay out of each other's way.

/// How many stripes there are; threads beyond that share them.
#[cfg(not(any(loom, feature = "shuttle")))]
pub(crate) const STRIPES: usize = 8;
#[cfg(any(loom, feature = "shuttle"))]
pub(crate) const STRIPES: usize = 1;

/// The stripe of this thread, below [`STRIPES`].
#[inline]
pub(crate) fn stripe() -> usize {
    thread_number() % STRIPES
}

#[cfg(not(any(loom, feature = "shuttle")))]
pub(crate) use number::thread_number;

/// In a model all threads share everything, which is the harder case.
#[cfg(any(loom, feature = "shuttle"))]
pub(crate) fn thread_number() -> usize {
    0
}

#[cfg(not(any(loom, feature = "shuttle")))]
mod number {
    use std::cell::Cell;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use parking_lot::Mutex;

    /// Numbers that are not in use: those that were given back, and all from `next` on.
    struct Free {
        given_back: BinaryHeap<Reverse<usize>>,
        next: usize,
    }

    static FREE: Mutex<Free> = Mutex::new(Free { given_back: BinaryHeap::new(), next: 0 });

    /// The number of a thread, which it gives back when it ends.
    struct Number(usize);

    impl Number {
        fn take() -> Self {
            let mut free = FREE.lock();
            if let Some(Reverse(number)) = free.given_back.pop() {
                return Self(number);
            }
            free.next += 1;
            Self(free.next - 1)
        }
    }

    impl Drop for Number {
        fn drop(&mut self) {
            FREE.lock().given_back.push(Reverse(self.0));
        }
    }

    thread_local! {
        static MINE: Number = Number::take();
        /// The same, one more; zero before it is known. Read without asking whether the thread is about to end.
        static KNOWN: Cell<usize> = const { Cell::new(0) };
    }

    /// The number of this thread: as small as it can be, so that there are not more numbers than there were ever threads at
    /// one time. A thread that is about to end may share one.
    #[inline]
    pub(crate) fn thread_number() -> usize {
        match KNOWN.get() {
            0 => first_call(),
            known => known - 1,
        }
    }

    #[cold]
    fn first_call() -> usize {
        let number = MINE.try_with(|mine| mine.0).unwrap_or(0);
        KNOWN.set(number + 1);
        number
    }
}
