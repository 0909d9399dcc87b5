//! The store on a disk that fails: power cuts at every flush, and flushes that fail.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod book;
mod day;
pub(crate) mod disk;
mod enumeration;
mod failing;
mod history;
mod kept;
mod keys;
mod million;
mod number;
mod pinned;
mod power;
mod report;
pub(crate) mod zones;
