//! Where the daemon is.

use std::ffi::OsString;
use std::path::PathBuf;

/// Where the packages put the socket.
pub(super) const SOCKET: &str = "/run/kaspid/kaspid.sock";

/// The socket that was typed, else that of the environment, else that of the packages.
pub(super) fn named(typed: Option<PathBuf>, environment: Option<OsString>) -> PathBuf {
    let environment = environment.filter(|path| !path.is_empty()).map(PathBuf::from);
    typed.or(environment).unwrap_or_else(|| PathBuf::from(SOCKET))
}
