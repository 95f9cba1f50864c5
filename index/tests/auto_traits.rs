//! Which types may go to other threads, and which must not. Whether it compiles is the test.

use std::cell::Cell;
use std::rc::Rc;

use manicule_index::set::{IndexSet, IndexTransaction, Prepared, Reader, Snapshot as SetSnapshot};
use manicule_index::{
    Batch, BorrowedSnapshot, ChainArray, ChainIter, ChainNode, ChainWriter, Cursor, Guard, HashIndex,
    HashIndexIntoIter, HashIndexIter, Hashed, IndexSnapshot, LazySnapshot, Link, MultiIndex, MultiReader, MultiView,
    Pinned, PostingList, Registry, Snapshot, TreeIndex, WordCursor, WordHashIndex, WordHashIndexIter, WordRange,
    WordTreeIndex,
};

/// A type is `Plain<()>` whatever it is, and `Plain<Has>` if it has the trait: with both there is no telling which is meant, and
/// the program does not compile.
macro_rules! has_not {
    ($trait:ident: $($type:ty),* $(,)?) => {{
        trait Plain<Which> {
            fn check() {}
        }
        struct Has;
        impl<T: ?Sized> Plain<()> for T {}
        impl<T: ?Sized + $trait> Plain<Has> for T {}
        $(<$type as Plain<_>>::check();)*
    }};
}

macro_rules! has {
    ($trait:ident: $($type:ty),* $(,)?) => {{
        fn check<T: ?Sized + $trait>() {}
        $(check::<$type>();)*
    }};
}

type Words = (u64, u64);

#[test]
fn indexes_and_handles_go_to_other_threads() {
    has!(Send: HashIndex<u64, String>, WordHashIndex<u64, u64>, TreeIndex<u64, String>, WordTreeIndex<u64, u64>);
    has!(Sync: HashIndex<u64, String>, WordHashIndex<u64, u64>, TreeIndex<u64, String>, WordTreeIndex<u64, u64>);
    has!(Send: HashIndexIntoIter<u64, String, ()>, ChainArray<Words>, ChainNode<Words>, PostingList<String>);
    has!(Sync: HashIndexIntoIter<u64, String, ()>, ChainArray<Words>, ChainNode<Words>, PostingList<String>);
    has!(Send: Registry, MultiIndex<u64, u64>, Batch, Snapshot, IndexSnapshot<u64, u64, Hashed>, MultiReader<u64, u64>);
    has!(Sync: Registry, MultiIndex<u64, u64>, Snapshot, IndexSnapshot<u64, u64, Hashed>);
    has!(Send: BorrowedSnapshot<'static>, LazySnapshot<'static>, MultiView<'static, u64, u64>);
    has!(Send: IndexSet<u64, u64>, IndexTransaction<u64, u64>, Prepared<u64, u64>, SetSnapshot<u64, u64>);
    has!(Sync: IndexSet<u64, u64>, SetSnapshot<u64, u64>);
}

#[test]
fn what_is_pinned_stays_with_its_thread() {
    has_not!(Send: Guard, Cursor<'static, u64, u64>, WordCursor<'static, u64, u64>, Pinned<'static, HashIndex<u64, u64>>);
    has_not!(Sync: Guard, Cursor<'static, u64, u64>, WordCursor<'static, u64, u64>, Pinned<'static, HashIndex<u64, u64>>);
    has_not!(Send: HashIndexIter<'static, u64, u64, ()>, WordHashIndexIter<'static, u64, u64, ()>);
    has_not!(Send: Link<'static, u64>, ChainIter<'static, u64>, ChainWriter<'static, u64>, Reader<'static, u64, u64, ()>);
    has_not!(Sync: Link<'static, u64>, LazySnapshot<'static>);
}

#[test]
fn what_must_not_be_shared_makes_its_index_so() {
    type Local = Rc<u64>;
    type Single = Cell<u64>;
    has_not!(Send: HashIndex<Local, u64>, HashIndex<u64, Local>, HashIndex<u64, u64, Local>, TreeIndex<u64, Local>);
    has_not!(Sync: HashIndex<Local, u64>, HashIndex<u64, Single>, HashIndex<u64, u64, Single>, TreeIndex<u64, Single>);
    has_not!(Send: HashIndexIntoIter<u64, Local, ()>, PostingList<Local>, ChainArray<*const u64>, ChainNode<*const u64>);
    has_not!(Sync: HashIndexIntoIter<u64, Single, ()>, PostingList<Single>, ChainArray<*const u64>, ChainNode<*const u64>);
    // What is in a word index are words, whatever the types: they are `Send` and `Sync` by themselves.
    has!(Send: WordRange<'static, u64, u64, u64, std::ops::RangeFull>);
}
