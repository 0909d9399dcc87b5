//! The daemon; see [`kaspid::daemon`].

use std::process::ExitCode;

fn main() -> ExitCode {
    kaspid::daemon::main()
}
