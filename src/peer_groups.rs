//! The groups of the process at the other end of a Unix socket.
//!
//! Rights hang on supplementary groups, which SO_PEERCRED does not tell. Linux 4.13 and later tell them by
//! SO_PEERGROUPS: those the process had when it connected. Where the kernel does not (a sandboxing layer
//! answers ENOPROTOOPT), the user database is asked instead.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Uid, User, getgrouplist};

/// How long an answer of the user database is good for.
const FRESH: Duration = Duration::from_secs(60);

/// The supplementary groups that the peer of a connected Unix socket had when it connected.
///
/// # Errors
/// What the kernel says; `ENOPROTOOPT` where it does not know the option.
#[allow(unsafe_code, reason = "no safe wrapper of SO_PEERGROUPS exists; see the SAFETY comment")]
pub fn of_peer(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    loop {
        let mut bytes = libc::socklen_t::try_from(size_of_val(groups.as_slice())).map_err(io::Error::other)?;
        // SAFETY: the descriptor is open for as long as `socket` is borrowed; the pointer and the length
        // describe exactly the memory of `groups`, which is writable, aligned for gid_t, holds no padding and
        // is not touched during the call; any bytes the kernel writes there are valid gid_t values, and it
        // writes at most `bytes` of them. `bytes` itself is a live, writable socklen_t.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut bytes,
            )
        };
        let count = usize::try_from(bytes).map_err(io::Error::other)?.div_ceil(size_of::<libc::gid_t>());
        if result == 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        // ERANGE comes with the length that is needed; a length that does not grow would loop for ever.
        if error.raw_os_error() != Some(libc::ERANGE) || count <= groups.len() {
            return Err(error);
        }
        groups.resize(count, 0);
    }
}

/// What the kernel calls a user that has no number in this process's user namespace; none where every user has one.
#[must_use]
pub fn hidden_uid() -> Option<u32> {
    static HIDDEN: OnceLock<Option<u32>> = OnceLock::new();
    *HIDDEN.get_or_init(|| {
        let map = std::fs::read_to_string("/proc/self/uid_map").ok()?;
        let numbers: Vec<u32> = map.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let is_whole = matches!(numbers.as_slice(), [0, 0, u32::MAX]);
        (!is_whole).then(|| {
            let called = std::fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
            called.and_then(|text| text.trim().parse().ok()).unwrap_or(65_534)
        })
    })
}

/// A user's groups from the user database, each kept for a minute. Cloned cheaply; the lock is held for a
/// look into the map only.
#[derive(Clone, Debug, Default)]
pub struct UserDatabase(Arc<Mutex<HashMap<u32, Known>>>);

/// When it was asked, and what it said.
type Known = (Instant, Arc<[u32]>);

impl UserDatabase {
    /// `gid` and the groups of user `uid`; only `gid` if nobody has that number. The question may go to a
    /// directory server, so it is asked on a thread for blocking work.
    pub async fn groups(&self, uid: u32, gid: u32) -> Arc<[u32]> {
        if let Some(groups) = self.fresh(uid) {
            return groups;
        }
        let asked = tokio::task::spawn_blocking(move || ask(uid, gid)).await;
        let groups: Arc<[u32]> = asked.unwrap_or_else(|_| vec![gid]).into();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (at, _)| at.elapsed() < FRESH);
        known.insert(uid, (Instant::now(), Arc::clone(&groups)));
        groups
    }

    fn fresh(&self, uid: u32) -> Option<Arc<[u32]>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&uid).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, groups)| Arc::clone(groups))
    }
}

fn ask(uid: u32, gid: u32) -> Vec<u32> {
    let named = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let name = named.and_then(|user| std::ffi::CString::new(user.name).ok());
    let listed = name.and_then(|name| getgrouplist(&name, Gid::from_raw(gid)).ok()).unwrap_or_default();
    std::iter::once(gid).chain(listed.into_iter().map(Gid::as_raw).filter(|&group| group != gid)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use std::collections::BTreeSet;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn the_kernel_tells_the_groups_that_this_process_has() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let told: BTreeSet<u32> = of_peer(ours.as_fd()).unwrap().into_iter().collect();
        let have: BTreeSet<u32> = nix::unistd::getgroups().unwrap().into_iter().map(Gid::as_raw).collect();
        assert_eq!(told, have);
    }

    #[test]
    fn what_is_not_a_socket_is_an_error() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(of_peer(file.as_fd()).unwrap_err().raw_os_error(), Some(libc::ENOTSOCK));
    }

    #[tokio::test]
    async fn the_user_database_knows_root_and_admits_that_it_does_not_know_others() {
        let database = UserDatabase::default();
        assert!(database.groups(0, 0).await.contains(&0));
        assert_eq!(*database.groups(3_999_999_999, 77).await, [77]);
        assert_eq!(database.fresh(3_999_999_999).as_deref(), Some(&[77][..]));
    }

    /// More groups than the first buffer holds. Only root may give a process other groups.
    #[test]
    fn many_groups_are_told_whole() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("s");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let many: BTreeSet<u32> = (2000..2100).collect();
        let list = many.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut peer = std::process::Command::new("setpriv")
            .args(["--groups", &list, "curl", "--silent", "--unix-socket"])
            .arg(&socket)
            .arg("http://kaspid/")
            .spawn()
            .unwrap();
        let (stream, _) = listener.accept().unwrap();
        let told: BTreeSet<u32> = of_peer(stream.as_fd()).unwrap().into_iter().collect();
        drop(stream);
        peer.wait().unwrap();
        assert_eq!(told, many);
    }
}
