//! Plans, the router and the executor.
#![forbid(unsafe_code)]

pub mod expr;
pub mod plan;
