//! A stateful Kaspi r3 for people without a bank contract; see [`kaspid::sandbox`].

use std::error::Error as _;
use std::io::{self, Write};
use std::process::ExitCode;

use kaspid::sandbox::cli::{self, SandboxError};

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(SandboxError::Usage(usage)) => {
            // clap knows which of its texts go to stdout (help) and which to stderr.
            let _ = usage.print();
            ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2))
        }
        Err(error) => {
            let _ = write!(io::stderr(), "kaspi-sandbox: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                let _ = write!(io::stderr(), ": {error}");
                cause = error.source();
            }
            let _ = writeln!(io::stderr());
            ExitCode::FAILURE
        }
    }
}
