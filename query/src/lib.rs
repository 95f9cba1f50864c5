//! Plans, the router and the executor.
#![forbid(unsafe_code)]

pub mod expr;
pub mod plan;

mod context;
mod error;
mod evaluate;
mod physical;

pub use context::{CancellationToken, DivisionByZero, ExecutionContext, Limits, PlanOptions, Routing, Settings};
pub use error::{Error, Result};
pub use evaluate::{cast, coerce_for_storage, evaluate_constant};
pub use physical::{ExplainFormat, PhysicalPlan};
