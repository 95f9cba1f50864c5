//! The pointer to the current version, and who is reading through it.
//!
//! A reader that borrows the current version names it in a *hazard*, a word that writers look at, and then looks again whether
//! it still is the current one. So borrowing is one atomic read-modify-write and letting go is one store; nobody waits, and
//! nothing is counted. A writer that has put another version in its place keeps the retired one aside, and later looks through the
//! hazards: what none of them names is its own again.
//!
//! These are hazard pointers (Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", 2004) for one pointer.
//! A borrow fails to find its version current only if a version was published meanwhile, and then tries again.
//!
//! # Who sees what
//! A reader stores its hazard (R1), then loads the pointer (R2). A writer swaps the pointer (W1), then loads the hazards (W2). All
//! four are `SeqCst`. If R2 gives the old version, R2 comes before W1 in their single order, and so R1 before W2: the writer sees
//! the hazard. If it does not, the reader has not touched what it named. A hazard is cleared with `Release` and looked at with
//! acquire, so everything that the reader did with the version comes before what the writer does with it next.

use std::cell::{OnceCell, UnsafeCell};
use std::ops::Deref;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use smallvec::SmallVec;

use super::registry::{Published, Shared};
use crate::memory::prefetch_to_write;
use crate::stripe::thread_number;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// Threads that have a line of hazards for themselves; with more threads than that, some share one.
const LINES: usize = if cfg!(any(loom, feature = "shuttle")) { 2 } else { 32 };
/// How many versions a thread can borrow at one time before another block of lines is made.
const LINE_HAZARDS: usize = if cfg!(any(loom, feature = "shuttle")) { 1 } else { 8 };

/// The hazards of one thread. A line of its own, and the next one, which the processor would fetch with it.
#[repr(align(128))]
struct Line<T>([AtomicPtr<T>; LINE_HAZARDS]);

/// A line for each of the threads, and where there are more.
struct Block<T> {
    /// Lines from this one on were never used.
    used: AtomicUsize,
    lines: [Line<T>; LINES],
    next: AtomicPtr<Block<T>>,
}

impl<T> Block<T> {
    fn new() -> Self {
        Self {
            used: AtomicUsize::new(0),
            lines: std::array::from_fn(|_| Line(std::array::from_fn(|_| AtomicPtr::new(null_mut())))),
            next: AtomicPtr::new(null_mut()),
        }
    }

    /// The block after this one.
    fn next(&self, order: Ordering) -> Option<&Self> {
        // SAFETY: a block that was appended stays as long as the first one, which is borrowed.
        unsafe { self.next.load(order).as_ref() }
    }

    /// The block after this one, made if there is none.
    #[cold]
    fn next_or_new(&self) -> &Self {
        loop {
            // SeqCst, as the exchange below, by which another reader has appended the block: that comes before the hazard in the
            // single order, too.
            if let Some(next) = self.next(Ordering::SeqCst) {
                return next;
            }
            let new = Box::into_raw(Box::new(Self::new()));
            // SeqCst: whoever uses the block does so after this, and a writer that has to see its hazards sees the block first.
            if self.next.compare_exchange(null_mut(), new, Ordering::SeqCst, Ordering::Relaxed).is_err() {
                // SAFETY: the block was made here, and nobody else has got it.
                drop(unsafe { Box::from_raw(new) });
            }
        }
    }
}

/// A version that can be borrowed while another takes its place.
pub(super) struct Root<T> {
    current: Aligned<AtomicPtr<T>>,
    first: Block<T>,
    /// Versions that were current once and were not given back yet. The owner's.
    retired: UnsafeCell<Vec<Arc<T>>>,
    /// The same in the owner, and in no other root.
    identity: Arc<()>,
}

/// The right to put versions into a root: there is one for each.
pub(super) struct Owner {
    identity: Arc<()>,
}

/// What readers read and writers write has a line for itself.
#[repr(align(128))]
struct Aligned<T>(T);

// SAFETY: a root owns its versions, and hands them out by reference and by `Arc`, from every thread that has it.
unsafe impl<T: Send + Sync> Send for Root<T> {}
// SAFETY: as above; the list of retired versions is for whoever borrows the owner mutably, who is one at a time.
unsafe impl<T: Send + Sync> Sync for Root<T> {}

impl<T> Root<T> {
    pub(super) fn new(first: T) -> (Self, Owner) {
        let identity = Arc::new(());
        let root = Self {
            current: Aligned(AtomicPtr::new(Arc::into_raw(Arc::new(first)).cast_mut())),
            first: Block::new(),
            retired: UnsafeCell::new(Vec::new()),
            identity: Arc::clone(&identity),
        };
        (root, Owner { identity })
    }

    /// The retired versions.
    fn retired<'a>(&'a self, owner: &'a mut Owner) -> &'a mut Vec<Arc<T>> {
        assert!(Arc::ptr_eq(&owner.identity, &self.identity), "the owner is another root's");
        // SAFETY: nobody but the owner, of which there is one, comes here, and it is borrowed for as long as the list.
        unsafe { &mut *self.retired.get() }
    }

    /// Names a version in a hazard of this thread.
    #[inline]
    fn announce(&self, version: *mut T) -> &AtomicPtr<T> {
        let at = thread_number() % LINES;
        let mut block = &self.first;
        loop {
            // SeqCst, both: whoever has said that the line is used, that comes before the hazard in the single order, so a writer
            // that has to see the hazard sees it. By an acquire load it would come before in this thread's eyes alone.
            if block.used.load(Ordering::SeqCst) <= at {
                block.used.fetch_max(at + 1, Ordering::SeqCst);
            }
            for hazard in &block.lines[at].0 {
                // SeqCst: R1 above. Relaxed: whoever finds it taken looks at the next one.
                if hazard.load(Ordering::Relaxed).is_null()
                    && hazard.compare_exchange(null_mut(), version, Ordering::SeqCst, Ordering::Relaxed).is_ok()
                {
                    return hazard;
                }
            }
            block = block.next_or_new();
        }
    }

    /// Sees to it that a hazard names the current version, whatever it named before, and gives that version.
    #[inline]
    fn follow(&self, hazard: &AtomicPtr<T>, mut named: *mut T) -> NonNull<T> {
        loop {
            // SeqCst: R2 above; and it pairs with the swap that has put the version there.
            let current = self.current.0.load(Ordering::SeqCst);
            if let Some(version) = NonNull::new(current).filter(|_| current == named) {
                return version;
            }
            named = current;
            // SeqCst: R1 above. An exchange rather than a store: it is the cheaper way to have the following load wait for it.
            hazard.swap(named, Ordering::SeqCst);
        }
    }

    /// The current version, for a while.
    #[inline]
    pub(super) fn load(&self) -> Borrow<T, &Self> {
        Borrow::new(self)
    }

    /// Whether this is the current version.
    #[inline]
    fn is_current(&self, version: NonNull<T>) -> bool {
        // SeqCst, which costs a load nothing here: whoever reads twice sees no older version the second time.
        self.current.0.load(Ordering::SeqCst) == version.as_ptr()
    }

    /// Has near what a swap changes, which other cores had last.
    pub(super) fn prefetch_swap(&self) {
        prefetch_to_write(&self.current);
    }

    /// Puts another version in place of the current one. [`release_retired`](Self::release_retired) gives that one back later:
    /// readers that are just now looking at it are done by then.
    pub(super) fn swap(&self, owner: &mut Owner, next: Arc<T>) {
        // SeqCst: W1 above.
        let retired = self.current.0.swap(Arc::into_raw(next).cast_mut(), Ordering::SeqCst);
        // SAFETY: it came from `Arc::into_raw`, in `new` or above, and leaves `current` only here.
        self.retired(owner).push(unsafe { Arc::from_raw(retired) });
    }

    /// Gives back the versions that were current once and that nobody borrows any more.
    pub(super) fn release_retired(&self, owner: &mut Owner, take: impl FnMut(Arc<T>)) {
        let retired = self.retired(owner);
        if retired.is_empty() {
            return;
        }
        let named = self.named();
        // A version that is not the current one any more is not borrowed anew.
        let is_free = |version: &mut Arc<T>| !named.contains(&Arc::as_ptr(version).cast_mut());
        retired.extract_if(.., is_free).for_each(take);
    }

    /// What the hazards name.
    fn named(&self) -> SmallVec<[*mut T; 16]> {
        let mut named = SmallVec::new();
        let mut block = Some(&self.first);
        while let Some(here) = block {
            // SeqCst: all three are part of W2 above.
            let lines = &here.lines[..here.used.load(Ordering::SeqCst)];
            let hazards = lines.iter().flat_map(|line| &line.0).map(|hazard| hazard.load(Ordering::SeqCst));
            named.extend(hazards.filter(|version| !version.is_null()));
            block = here.next(Ordering::SeqCst);
        }
        named
    }
}

impl<T> Drop for Root<T> {
    fn drop(&mut self) {
        // Relaxed: nobody else has the root any more. What is borrowed borrows the root, or holds it.
        // SAFETY: it came from `Arc::into_raw`, and this is the last time that it is looked at.
        drop(unsafe { Arc::from_raw(self.current.0.load(Ordering::Relaxed)) });
        let mut next = self.first.next.load(Ordering::Relaxed);
        while !next.is_null() {
            // SAFETY: it came from `Box::into_raw`, and each block is in the chain once.
            let block = unsafe { Box::from_raw(next) };
            next = block.next.load(Ordering::Relaxed);
        }
    }
}

/// A version that is being read: the one that was current when it was borrowed. `R` leads to the root.
pub(super) struct Borrow<T, R: Rooted<T>> {
    version: NonNull<T>,
    /// A hazard of the root, which names the version.
    hazard: NonNull<AtomicPtr<T>>,
    root: R,
}

/// Leads to a root.
///
/// # Safety
/// To the same one every time, which stays where it is as long as this exists, even if this is moved.
pub(super) unsafe trait Rooted<T> {
    fn root(&self) -> &Root<T>;
}

// SAFETY: a reference leads to what it borrows.
unsafe impl<T> Rooted<T> for &Root<T> {
    #[inline]
    fn root(&self) -> &Root<T> {
        self
    }
}

// SAFETY: what an `Arc` holds stays where it is.
unsafe impl Rooted<Published> for Arc<Shared> {
    #[inline]
    fn root(&self) -> &Root<Published> {
        &self.root
    }
}

/// The version that is current when it is first asked for.
///
/// Made of a borrowed root, so that it is covariant in `'r`, as a cell with a borrow in it would not be.
pub(super) struct LazyBorrow<'r, T> {
    root: &'r Root<T>,
    borrow: OnceCell<Borrow<T, RootPointer<T>>>,
}

/// Leads to the root that a [`LazyBorrow`] has borrowed.
struct RootPointer<T>(NonNull<Root<T>>);

// SAFETY: it is a shared reference to the root.
unsafe impl<T: Send + Sync> Send for RootPointer<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for RootPointer<T> {}

// SAFETY: the root is borrowed for as long as the only owner of this lives.
unsafe impl<T> Rooted<T> for RootPointer<T> {
    #[inline]
    fn root(&self) -> &Root<T> {
        // SAFETY: as above.
        unsafe { self.0.as_ref() }
    }
}

impl<'r, T> LazyBorrow<'r, T> {
    pub(super) fn new(root: &'r Root<T>) -> Self {
        Self { root, borrow: OnceCell::new() }
    }

    /// Lets go of the version, if it was asked for.
    pub(super) fn release(&mut self) {
        self.borrow.take();
    }

    /// Whether it was asked for already.
    pub(super) fn is_loaded(&self) -> bool {
        self.borrow.get().is_some()
    }
}

/// Says to the compiler that the root has to be there until now, which the type of the borrow does not say.
impl<T> Drop for LazyBorrow<'_, T> {
    fn drop(&mut self) {
        self.release();
    }
}

impl<T> Deref for LazyBorrow<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.borrow.get_or_init(|| Borrow::new(RootPointer(NonNull::from(self.root))))
    }
}

// SAFETY: it is a shared reference to the version, and a word that any thread may clear.
unsafe impl<T: Send + Sync, R: Rooted<T> + Send> Send for Borrow<T, R> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync, R: Rooted<T> + Sync> Sync for Borrow<T, R> {}

impl<T, R: Rooted<T>> Borrow<T, R> {
    /// Borrows the current version.
    #[inline]
    pub(super) fn new(root: R) -> Self {
        let (version, hazard) = {
            let root = root.root();
            // Relaxed: a guess, which `follow` checks.
            let named = root.current.0.load(Ordering::Relaxed);
            let hazard = root.announce(named);
            (root.follow(hazard, named), NonNull::from(hazard))
        };
        Self { version, hazard, root }
    }

    /// Lets go of the version, unless it is still the current one, and borrows that.
    #[inline]
    pub(super) fn renew(&mut self) {
        if !self.root.root().is_current(self.version) {
            // SAFETY: the hazard lies in the root.
            let hazard = unsafe { self.hazard.as_ref() };
            self.version = self.root.root().follow(hazard, null_mut());
        }
    }

    /// The version, to keep.
    pub(super) fn to_arc(&self) -> Arc<T> {
        // SAFETY: a version is an `Arc`'s, of which the root keeps one as long as a hazard names it.
        unsafe { Arc::increment_strong_count(self.version.as_ptr()) };
        // SAFETY: the count that is taken over here was added above.
        unsafe { Arc::from_raw(self.version.as_ptr()) }
    }
}

impl<T, R: Rooted<T>> Deref for Borrow<T, R> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the root keeps the version, unchanged, as long as a hazard names it, and the hazard does until the drop.
        unsafe { self.version.as_ref() }
    }
}

impl<T, R: Rooted<T>> Drop for Borrow<T, R> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the hazard lies in the root, which `self.root` keeps.
        let hazard = unsafe { self.hazard.as_ref() };
        // Release: pairs with the loads in `named`.
        hazard.store(null_mut(), Ordering::Release);
    }
}

#[cfg(all(test, loom))]
mod loom_root {
    use loom::cell::UnsafeCell;
    use loom::thread;

    use super::*;

    /// A version that is written while nobody else should see it.
    struct Version(UnsafeCell<usize>);

    // SAFETY: that no two threads meet there is what the models check.
    unsafe impl Sync for Version {}

    impl Version {
        fn new(number: usize) -> Arc<Self> {
            Arc::new(Self(UnsafeCell::new(number)))
        }

        fn get(&self) -> usize {
            // SAFETY: as above.
            self.0.with(|number| unsafe { *number })
        }

        fn set(&mut self, to: usize) {
            // SAFETY: as above.
            self.0.with_mut(|number| unsafe { *number = to });
        }
    }

    /// Publishes these numbers one after the other, each in the version that was retired last, if that is free.
    fn publish(root: &Root<Version>, owner: &mut Owner, numbers: std::ops::RangeInclusive<usize>) {
        let mut spare: Option<Arc<Version>> = None;
        for number in numbers {
            let next = match spare.take() {
                Some(mut free) => {
                    Arc::get_mut(&mut free).expect("nobody has taken it from the root").set(number);
                    free
                }
                None => Version::new(number),
            };
            root.swap(owner, next);
            root.release_retired(owner, |free| spare = Some(free));
        }
    }

    fn root() -> (Arc<Root<Version>>, Owner) {
        let (root, owner) = Root::new(Version(UnsafeCell::new(0)));
        (Arc::new(root), owner)
    }

    /// Publishes twice while two readers look.
    fn publish_beside_two_readers(root: &Arc<Root<Version>>, owner: &mut Owner) {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(root);
                thread::spawn(move || shared.load().get())
            })
            .collect();
        publish(root, owner, 1..=2);
        readers.into_iter().for_each(|reader| assert!(reader.join().unwrap() <= 2));
    }

    #[test]
    fn loom_root_a_borrowed_version_is_not_written() {
        loom::model(|| {
            let (root, mut owner) = root();
            let shared = Arc::clone(&root);
            let reader = thread::spawn(move || {
                let (older, newer) = (shared.load().get(), shared.load().get());
                assert!(older <= newer, "versions do not go back");
            });
            publish(&root, &mut owner, 1..=3);
            reader.join().unwrap();
            root.release_retired(&mut owner, drop);
            assert!(root.retired(&mut owner).is_empty(), "nobody borrows any more");
            assert_eq!(root.load().get(), 3);
        });
    }

    #[test]
    fn loom_root_two_readers_share_a_line() {
        loom::model(|| {
            let (root, mut owner) = root();
            publish_beside_two_readers(&root, &mut owner);
        });
    }

    #[test]
    fn loom_root_two_readers_share_a_block() {
        loom::model(|| {
            let (root, mut owner) = root();
            // The only hazard of the first block's line.
            let first = root.load();
            publish_beside_two_readers(&root, &mut owner);
            assert_eq!(first.get(), 0);
        });
    }

    #[test]
    fn loom_root_a_reader_follows_the_newest_version() {
        loom::model(|| {
            let (root, mut owner) = root();
            let shared = Arc::clone(&root);
            let reader = thread::spawn(move || {
                let mut borrow = Borrow::new(&*shared);
                let older = borrow.get();
                borrow.renew();
                assert!(older <= borrow.get());
            });
            publish(&root, &mut owner, 1..=2);
            reader.join().unwrap();
        });
    }
}
