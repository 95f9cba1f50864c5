//! Loom's atomics, with the single order of `SeqCst` accesses, which loom takes for weaker ones. It knows fences.
//!
//! What the order is for is that of two threads which both write one thing and then look at another, one sees what the other wrote. So
//! where a thread's last write was by `SeqCst`, a fence stands before the next read by `SeqCst`: where one of the two is weakened there
//! is none, and the model fails.

use std::cell::Cell;
use std::fmt;

use loom::sync::atomic as checked;

pub(crate) use loom::sync::atomic::{Ordering, fence};

loom::thread_local! {
    /// Whether this thread's last write was by `SeqCst`, and no fence has followed.
    static HAS_WRITTEN: Cell<bool> = Cell::new(false);
}

fn before_read(order: Ordering) {
    if order == Ordering::SeqCst && HAS_WRITTEN.with(|has_written| has_written.replace(false)) {
        fence(Ordering::SeqCst);
    }
}

fn after_write(order: Ordering) {
    HAS_WRITTEN.with(|has_written| has_written.set(order == Ordering::SeqCst));
}

macro_rules! atomic {
    ($name:ident $(<$parameter:ident>)?, $inner:ty, $value:ty, [$($fetch:ident)*]) => {
        #[allow(unreachable_pub, reason = "a sealed trait names it, and traits are sealed by being public in private")]
        pub struct $name<$($parameter)?>($inner);

        impl<$($parameter)?> fmt::Debug for $name<$($parameter)?> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        #[allow(dead_code, reason = "not every kind is used in every way")]
        impl<$($parameter)?> $name<$($parameter)?> {
            pub(crate) fn new(value: $value) -> Self {
                Self(<$inner>::new(value))
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                before_read(order);
                self.0.load(order)
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                self.0.store(value, order);
                after_write(order);
            }

            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                before_read(order);
                let before = self.0.swap(value, order);
                after_write(order);
                before
            }

            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                before_read(success);
                let result = self.0.compare_exchange(current, new, success, failure);
                if result.is_ok() {
                    after_write(success);
                }
                result
            }

            $(
                pub(crate) fn $fetch(&self, value: $value, order: Ordering) -> $value {
                    before_read(order);
                    let before = self.0.$fetch(value, order);
                    after_write(order);
                    before
                }
            )*
        }
    };
}
atomic!(AtomicPtr<T>, checked::AtomicPtr<T>, *mut T, []);
atomic!(AtomicU32, checked::AtomicU32, u32, []);
atomic!(AtomicU64, checked::AtomicU64, u64, [fetch_add fetch_sub]);
atomic!(AtomicUsize, checked::AtomicUsize, usize, [fetch_add fetch_sub fetch_max]);
