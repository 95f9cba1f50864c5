//! The one file that names the locks and atomics that commits and readers meet at, so that a model checker can take their
//! place.
//!
//! * default: std and parking_lot;
//! * `--cfg loom`: loom, which explores weak memory orders on small models;
//! * feature `shuttle`: shuttle, which explores schedules of whole transactions (every ordering counts as `SeqCst` there).

#[cfg(any(loom, feature = "shuttle"))]
mod model;

#[cfg(any(loom, feature = "shuttle"))]
pub(crate) use model::{AtomicU64, Condvar, Mutex, MutexGuard, Ordering, fence};

#[cfg(not(any(loom, feature = "shuttle")))]
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(not(any(loom, feature = "shuttle")))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};
