//! Manicule.
