//! The one socket: from systemd, or made here.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use interprocess::local_socket::tokio::Listener;
use interprocess::local_socket::{GenericFilePath, ListenerOptions, prelude::*};
use interprocess::os::unix::local_socket::ListenerOptionsExt;
use interprocess::os::unix::uds_local_socket as unix;
use nix::sys::socket::{getsockopt, sockopt::AcceptConn};
use nix::unistd::Group;

/// `root:kaspid 0660`: the file decides who may connect, the rules what they may do.
const MODE: u32 = 0o660;

/// The group whose members may connect.
const GROUP: &str = "kaspid";

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another daemon answers there.
    #[error("another program already listens on {}; stop it first: systemctl stop kaspid.socket kaspid", .0.display())]
    Taken(PathBuf),
    /// Something else has the name.
    #[error("{} exists and is not a socket; remove it or set [daemon] socket to another path", .0.display())]
    NotASocket(PathBuf),
    /// The file system or the kernel refused.
    #[error("cannot listen on {}: {source}", socket.display())]
    Failed {
        /// Where.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// systemd passed more than one.
    #[error(
        "systemd passes {0} sockets and kaspid serves one; where a drop-in of kaspid.socket names another, it begins with an \
         empty ListenStream="
    )]
    Several(usize),
    /// systemd passed something unusable.
    #[error("the socket passed by systemd cannot be used: {0}; check ListenStream= in kaspid.socket")]
    Inherited(io::Error),
}

/// The socket that systemd (or `systemd-socket-activate`) passed, if it passed one. Its file stays when the
/// daemon ends.
///
/// # Errors
/// [`ListenError::Inherited`].
pub fn inherited() -> Result<Option<Listener>, ListenError> {
    let mut given = listenfd::ListenFd::from_env();
    if given.len() > 1 {
        return Err(ListenError::Several(given.len()));
    }
    let given = given.take_unix_listener(0).map_err(ListenError::Inherited)?;
    given.map(|given| adopt(given).map_err(ListenError::Inherited)).transpose()
}

fn adopt(given: std::os::unix::net::UnixListener) -> io::Result<Listener> {
    if !getsockopt(&given, AcceptConn)? {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "nobody can connect to it (Accept=yes, or no ListenStream=)",
        ));
    }
    unix::tokio::Listener::try_from(unix::Listener::from(given)).map(Listener::UdSocket)
}

/// Makes the socket at `path`, mode 0660 and of group `kaspid` where there is one. A file left over by a
/// daemon that died is replaced, a socket that answers never is: open the database first, its lock is what
/// keeps two daemons apart.
///
/// # Errors
/// [`ListenError`].
pub fn listen(path: &Path) -> Result<Listener, ListenError> {
    let failed = |source| ListenError::Failed { socket: path.to_owned(), source };
    clear(path)?;
    let name = path.to_fs_name::<GenericFilePath>().map_err(failed)?;
    let listener = ListenerOptions::new().name(name).mode(MODE).create_tokio().map_err(|source| {
        if source.kind() == ErrorKind::AddrInUse { ListenError::Taken(path.to_owned()) } else { failed(source) }
    })?;
    open_to_group(path).map_err(failed)?;
    Ok(listener)
}

/// Removes a socket that nobody listens on.
fn clear(path: &Path) -> Result<(), ListenError> {
    let failed = |source| ListenError::Failed { socket: path.to_owned(), source };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(file) if !file.file_type().is_socket() => return Err(ListenError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(ListenError::Taken(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

/// The umask has cut the mode at bind (to less, never to more), so it is set again; the group comes first,
/// for a moment nobody else may connect instead of the wrong group.
fn open_to_group(path: &Path) -> io::Result<()> {
    if let Ok(Some(group)) = Group::from_name(GROUP)
        && let Err(error) = std::os::unix::fs::chown(path, None, Some(group.gid.as_raw()))
    {
        tracing::warn!("the socket stays in this user's own group, not in {GROUP}: {error}");
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(MODE))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use interprocess::local_socket::tokio::prelude::*;

    use super::*;

    #[tokio::test]
    async fn the_file_is_0660_and_goes_with_the_listener() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kaspid.sock");
        let listener = listen(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        drop(listener);
        assert!(!path.exists());
    }

    /// systemd keeps the file across restarts, so it must outlive the listener.
    #[tokio::test]
    async fn a_socket_passed_to_us_is_used_and_its_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kaspid.sock");
        let listener = adopt(std::os::unix::net::UnixListener::bind(&path).unwrap()).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        assert!(listener.accept().await.is_ok());
        drop(listener);
        assert!(path.exists());
        assert!(inherited().unwrap().is_none(), "nobody passed this process a socket");
    }

    #[tokio::test]
    async fn a_left_over_socket_is_replaced_and_a_live_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kaspid.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "the standard library leaves the file");
        let _live = listen(&path).unwrap();
        assert!(matches!(listen(&path), Err(ListenError::Taken(_))));
        assert!(UnixStream::connect(&path).is_ok(), "the live one still answers");
    }

    #[tokio::test]
    async fn a_file_that_is_not_a_socket_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kaspid.sock");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(listen(&path), Err(ListenError::NotASocket(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
