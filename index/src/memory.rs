//! Memory for small things of which there are many: cells of few sizes in pages that the system is asked to make huge.

mod pages;
pub(crate) mod slab;
