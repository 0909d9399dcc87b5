//! The outside tests: real `kaspid` and `kaspi-sandbox` processes on real sockets, one folder per promise, one
//! module per property. Each test names the promise it keeps. One program, so that what they share is a module and not
//! a copy; a folder or a module of it is a filter: `cargo test --test outside money`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; nothing here reads input it does not control"
)]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod doors;
mod house;
mod money;
mod never_lose;
mod people;
mod support;
mod watch;
mod wire;
