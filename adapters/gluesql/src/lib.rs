#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod storage;

mod alter;
mod describe;
mod plan;
mod read;
mod write;

mod commit;
mod transaction;
mod view;

mod catalog;
mod file;
mod key;
mod row_key;
mod rows;

pub use storage::ManiculeStorage;
