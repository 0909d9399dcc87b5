//! The names of users, as the log keeps them beside their numbers: a number may be another's in a year.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::unistd::{Uid, User};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::domain::Actor;

/// How long an answer of the user database is good for.
const FRESH: Duration = Duration::from_secs(60);

/// How long anybody waits for a name. A directory server that takes longer costs the name and not the call.
const PATIENCE: Duration = Duration::from_millis(500);

/// A user's name; none while nobody has told it, or there is none.
type Name = Option<Arc<str>>;

/// Names from the user database, which may be a directory server: it is asked on a thread for blocking work, by one
/// at a time for each user. Cloned cheaply; the lock is held for a look into the map only.
#[derive(Clone, Debug, Default)]
pub struct UserNames(Arc<Mutex<HashMap<u32, Asked>>>);

/// When the database was asked, and what it says.
#[derive(Debug)]
struct Asked {
    at: Instant,
    name: watch::Receiver<Name>,
}

/// Who runs this program, as the kernel would say it of a caller of the socket: for what is done to a stopped daemon.
#[must_use]
pub fn this_process() -> Actor {
    let uid = nix::unistd::geteuid().as_raw();
    Actor {
        uid,
        name: ask(uid).as_deref().map(str::to_owned),
        gid: nix::unistd::getegid().as_raw(),
        pid: i32::try_from(std::process::id()).ok(),
    }
}

impl UserNames {
    /// The name of a user, where it is known in time.
    pub async fn of(&self, uid: u32) -> Name {
        let (until, mut name) = self.asked(uid);
        // Either way what is known then is the answer.
        let _ = timeout_at(until, name.wait_for(Option::is_some)).await;
        name.borrow().clone()
    }

    /// Until when to wait for a name, and where it will stand. What an earlier answer said stands there meanwhile.
    fn asked(&self, uid: u32) -> (Instant, watch::Receiver<Name>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Asked { at, name }) = known.get(&uid).filter(|asked| asked.at.elapsed() < FRESH) {
            return (*at + PATIENCE, name.clone());
        }
        let earlier = known.get(&uid).and_then(|asked| asked.name.borrow().clone());
        let (tell, name) = watch::channel(earlier);
        tokio::task::spawn_blocking(move || tell.send_replace(ask(uid)));
        let at = Instant::now();
        known.insert(uid, Asked { at, name: name.clone() });
        (at + PATIENCE, name)
    }
}

/// Asks the user database. May block.
#[must_use]
pub fn ask(uid: u32) -> Name {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_told_and_a_user_without_one_is_not_waited_for() {
        let names = UserNames::default();
        assert_eq!(names.of(0).await.as_deref(), Some("root"));
        let began = Instant::now();
        assert_eq!(names.of(3_999_999_999).await, None);
        assert_eq!(names.of(3_999_999_999).await, None);
        assert!(began.elapsed() < PATIENCE);
    }

    /// A directory that does not answer holds nobody up for longer than that, and not everybody who comes later.
    #[tokio::test]
    async fn a_directory_that_hangs_costs_the_name() {
        let names = UserNames::default();
        let (_hung, name) = watch::channel(None);
        names.0.lock().unwrap_or_else(PoisonError::into_inner).insert(7, Asked { at: Instant::now(), name });
        assert_eq!(names.of(7).await, None);
        let began = Instant::now();
        assert_eq!(names.of(7).await, None);
        assert!(began.elapsed() < PATIENCE / 2);
    }
}
