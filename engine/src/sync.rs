//! The one file that names the locks and atomics that commits and readers meet at, so that a model checker can take their
//! place.
//!
//! * default: std;
//! * `--cfg loom`: loom, which explores weak memory orders on small models;
//! * feature `shuttle`: shuttle, which explores schedules of whole transactions (every ordering counts as `SeqCst` there).

mod locks;

pub(crate) use locks::{AtomicU64, Condvar, Mutex, MutexGuard, Ordering, fence};
