//! The daemon; see [`kaspid::daemon`].

use std::process::ExitCode;

/// A register's memory is small and its bursts are short: what is free goes back to the machine.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    kaspid::daemon::main()
}
