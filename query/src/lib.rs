//! Plans, the router and the executor.
//!
//! ```text
//! Bound ──▶ rewrite ──▶ route ──▶ PhysicalPlan ──▶ execute ──▶ rows
//! (ids,      equal,      access     owned, shared    over a
//!  slots)    better      paths      by threads       View
//! ```
//!
//! 1. The binder of the SQL layer hands over a [`plan::Bound`]: names are ids and slots, nothing is left to look up.
//! 2. [`PhysicalPlan::new`] rewrites it by a printed list of passes and routes it: each table gets an access path, each
//!    join an order and a way. Estimates come from the indexes themselves.
//! 3. [`PhysicalPlan::query`] pushes rows to a callback, borrowed from where they are stored;
//!    [`PhysicalPlan::change`] finds all rows first and changes them then.
//! 4. [`PhysicalPlan::explain`] prints the very object that runs.
//!
//! # Invariants
//!
//! * Every access path returns the rows of the full scan: a path gives candidates, its residual decides.
//! * A plan borrows from no snapshot and holds as long as the catalog it was made with.
//! * This crate names no concrete index, only a table's indexes as the catalog describes them.
#![forbid(unsafe_code)]

pub mod expr;
pub mod plan;

mod advise;
mod context;
mod error;
mod evaluate;
mod execute;
mod explain;
mod frame;
mod physical;
mod rewrite;
mod route;
mod slots;

pub use advise::{Proposal, proposals};
pub use context::{CancellationToken, Clock, DivisionByZero, ExecutionContext, Limits, PlanOptions, Routing, Settings};
pub use error::{Error, Result};
pub use evaluate::{cast, check_constants, coerce_for_storage, evaluate_constant, evaluate_now};
pub use physical::{ExplainFormat, PhysicalPlan};
