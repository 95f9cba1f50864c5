//! Values whose destructors panic. Alone in its process, because the collector runs destructors on any thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{self, AtomicUsize};
use std::thread;

use manicule_index::{TreeIndex, pin};

/// A value that counts its drops, of which every tenth panics.
struct Reluctant(usize, Arc<Vec<AtomicUsize>>);

impl Drop for Reluctant {
    fn drop(&mut self) {
        self.1[self.0].fetch_add(1, atomic::Ordering::Relaxed);
        assert!(!self.0.is_multiple_of(10) || thread::panicking(), "reluctant");
    }
}

#[test]
#[cfg_attr(crossbeam_sanitize, ignore = "a panic leaks what is collected together with the value; run it alone")]
fn a_panicking_destructor_frees_nothing_twice() {
    const COUNT: usize = 5000;
    let drops: Arc<Vec<AtomicUsize>> = Arc::new((0..COUNT).map(|_| AtomicUsize::new(0)).collect());
    let index = TreeIndex::<u64, Reluctant>::new();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut panics = 0;
    for number in 0..COUNT {
        let value = Reluctant(number, drops.clone());
        let key = number as u64 * 7 % 100;
        let put = AssertUnwindSafe(|| {
            let guard = pin();
            index.insert(key, value, &guard);
            index.remove(&(key / 2), &guard);
        });
        panics += usize::from(catch_unwind(put).is_err());
        let guard = pin();
        assert!(index.iter(&guard).all(|(_, value)| drops[value.0].load(atomic::Ordering::Relaxed) == 0));
    }
    let _ = catch_unwind(AssertUnwindSafe(|| drop(index)));
    while catch_unwind(|| (0..10).for_each(|_| pin().flush())).is_err() {}
    std::panic::set_hook(hook);
    assert!(panics > 0);
    assert!(drops.iter().all(|drops| drops.load(atomic::Ordering::Relaxed) < 2));
}
