//! `kaspictl`: the command line of kaspid. See [`kaspid::ctl`].

use std::process::ExitCode;

fn main() -> ExitCode {
    kaspid::ctl::main()
}
