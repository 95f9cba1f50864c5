//! A prepared point lookup allocates nothing.

#[path = "support/fixture.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part of the fixture, and a test may unwrap")]
mod fixture;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::ControlFlow;

use fixture::*;
use manicule_engine::Value;
use manicule_query::expr::Expr;
use manicule_query::{ExecutionContext, Routing};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// Counts the allocations of each thread.
struct Counting;

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc`, and so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocations of a hundred actions: the least of several counts, because a thread that ends, the other test's, leaves
/// work to the collector, which does it on any thread.
fn allocations(mut action: impl FnMut()) -> usize {
    // So often that the collector is done with what making the fixture left behind.
    for _ in 0..1000 {
        action();
    }
    let hundred = |_| {
        let before = ALLOCATIONS.with(Cell::get);
        (0..100).for_each(|_| action());
        ALLOCATIONS.with(Cell::get) - before
    };
    (0..5).map(hundred).min().expect("there are five counts")
}

#[test]
fn a_point_lookup_allocates_nothing() {
    let fixture = Fixture::new(200);
    for of in [ID, A] {
        let found = filter(fixture.items_in(0), equal(column(0, of), Expr::Parameter(0)));
        let plan = project(found, vec![column(0, ID), column(0, C), column(0, D)], 1);
        let plan = fixture.plan(&fixture.bound(plan, 3, 1), Routing::Automatic);
        let mut reader = fixture.database.reader();
        let mut rows = 0;
        let count = allocations(|| {
            let view = reader.view();
            let context = ExecutionContext { parameters: &[Value::from(7)], ..ExecutionContext::default() };
            plan.query(&view, &context, |row| {
                rows += row.len();
                Ok(ControlFlow::Continue(()))
            })
            .unwrap();
        });
        assert!(rows > 0);
        assert_eq!(count, 0, "column {of}");
    }
}

#[test]
fn a_point_lookup_with_a_residual_allocates_nothing() {
    let fixture = Fixture::new(200);
    let both = Expr::And(vec![
        equal(column(0, ID), Expr::Parameter(0)),
        compare(manicule_query::expr::BinaryOperator::Less, column(0, D), literal(1000)),
    ]);
    let plan = project(filter(fixture.items_in(0), both), vec![column(0, ID), column(0, C)], 1);
    let mut bound = fixture.bound(plan, 2, 1);
    bound.slot_count = 2;
    let plan = fixture.plan(&bound, Routing::Automatic);
    let mut reader = fixture.database.reader();
    let count = allocations(|| {
        let view = reader.view();
        let context = ExecutionContext { parameters: &[Value::from(8)], ..ExecutionContext::default() };
        plan.query(&view, &context, |_| Ok(ControlFlow::Continue(()))).unwrap();
    });
    assert_eq!(count, 0);
}
