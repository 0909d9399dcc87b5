//! What can be seen without the daemon: who asks, the socket, and whether somebody answers there.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, getgroups};

use crate::client::{ClientError, Outcome};
use crate::ctl::shell::quoted;
use crate::failure::{Code, Failure};
use crate::operation::{Check, Diagnosis};

/// The group of the socket, where the packages have made it.
const GROUP: &str = "kaspid";

/// Who asks, and whether the daemon and the socket let them.
pub(super) fn user(socket: &Path, answer: &Result<Outcome<Diagnosis>, ClientError>) -> Check {
    let name = user_name(geteuid());
    match answer {
        Err(ClientError::Permission { .. }) => {
            let group = std::fs::metadata(socket).ok().map(|metadata| Gid::from_raw(metadata.gid()));
            let group = group.filter(|gid| gid.as_raw() != 0).map_or(GROUP.to_owned(), group_name);
            let found = format!("user {name} may not connect to {}; log in again after it", socket.display());
            Check::failed("user", found, format!("usermod -aG {group} {name}"))
        }
        Ok(Err(failure)) if failure.code == Code::Denied => {
            let found = match failure.hint.as_deref() {
                // What must be done before the command.
                Some(hint) if hint.contains("under [access]") => format!("{}: {hint}", failure.detail),
                _ => format!("{}; log in again after it", failure.detail),
            };
            Check::failed("user", found, granting(failure))
        }
        Ok(_) | Err(_) => Check::ok("user", format!("{name}, groups: {}", groups())),
    }
}

/// The command inside of a denial's sentence: behind its last colon, before what it explains in brackets.
fn granting(failure: &Failure) -> String {
    let hint = failure.hint.as_deref().unwrap_or_default();
    let sentence = hint.split_once(" (").map_or(hint, |(sentence, _)| sentence);
    sentence.rsplit_once(": ").map_or("kaspictl reload", |(_, command)| command).to_owned()
}

fn user_name(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

fn group_name(gid: Gid) -> String {
    Group::from_gid(gid).ok().flatten().map_or_else(|| gid.to_string(), |group| group.name)
}

fn groups() -> String {
    let mut gids = vec![getegid()];
    gids.extend(getgroups().unwrap_or_default());
    gids.sort_by_key(|gid| gid.as_raw());
    gids.dedup();
    let names: Vec<String> = gids.into_iter().map(group_name).collect();
    names.join(" ")
}

/// The socket's file.
pub(super) enum SocketFile {
    /// There is none; where it should be.
    Missing(String),
    /// What can be said of it.
    Seen(Check),
}

impl SocketFile {
    /// Its mode decides who may connect, the daemon's rules what they may do.
    pub(super) fn look(path: &Path) -> Self {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Self::Missing(format!("{} is not there", path.display()));
            }
            Err(error) => return Self::Seen(Check::skipped("socket", format!("{}: {error}", path.display()))),
        };
        let mode = metadata.mode() & 0o7777;
        let (owner, group) = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
        let said = format!("{}, {}:{} {mode:o}", path.display(), user_name(owner), group_name(group));
        let quoted = quoted([path.display().to_string().as_str()].into_iter());
        Self::Seen(match (metadata.file_type().is_socket(), mode & 0o002) {
            (false, _) => {
                Check::failed("socket", format!("{} is no socket", path.display()), format!("ls -l {quoted}"))
            }
            (true, 0) => Check::ok("socket", said),
            (true, _) => {
                Check::warning("socket", format!("{said}: every user may connect"), format!("chmod 660 {quoted}"))
            }
        })
    }

    /// With a daemon that answers there is one.
    pub(super) fn check(self) -> Check {
        match self {
            Self::Missing(found) => Check::skipped("socket", found),
            Self::Seen(check) => check,
        }
    }
}

/// The daemon, when it has said what it sees.
pub(super) fn answered(diagnosis: &Diagnosis) -> Check {
    match diagnosis.version == env!("CARGO_PKG_VERSION") {
        true => Check::ok("daemon", format!("kaspid {} answers", diagnosis.version)),
        false => Check::warning(
            "daemon",
            format!("kaspid {} answers, and kaspictl is {}", diagnosis.version, env!("CARGO_PKG_VERSION")),
            "systemctl restart kaspid.service",
        ),
    }
}

/// Socket and daemon when nobody has said anything: the one that is the cause has failed, and neither where `cause`
/// keeps the daemon from starting.
pub(super) fn unanswered(
    file: SocketFile,
    answer: &Result<Outcome<Diagnosis>, ClientError>,
    cause: Option<&Check>,
    start: &str,
) -> [Check; 2] {
    let error = match answer {
        Ok(Ok(diagnosis)) => return [file.check(), answered(diagnosis)],
        Ok(Err(failure)) if failure.code == Code::Denied => return [file.check(), Check::ok("daemon", "it answers")],
        Ok(Err(failure)) => {
            let found = format!("{} ({})", failure.detail, failure.code.word());
            return [file.check(), Check::failed("daemon", found, "journalctl -u kaspid -n 50 --no-pager")];
        }
        Err(ClientError::Permission { .. }) => {
            return [file.check(), Check::skipped("daemon", "this user cannot connect")];
        }
        Err(error) => error,
    };
    match (file, error, cause) {
        (SocketFile::Seen(check), _, _) if check.has_failed() => [check, Check::skipped("daemon", "needs the socket")],
        (file, ClientError::Unreachable { .. }, Some(cause)) => {
            let found = format!("nobody answers; first put {} in order", cause.check);
            [file.check(), Check::skipped("daemon", found)]
        }
        (SocketFile::Missing(found), _, _) => {
            [Check::failed("socket", found, start), Check::skipped("daemon", "needs the socket")]
        }
        (SocketFile::Seen(check), ClientError::Unreachable { source, .. }, None) => {
            [check, Check::failed("daemon", format!("nobody answers at the socket: {source}"), start)]
        }
        (SocketFile::Seen(check), error, _) => [check, Check::failed("daemon", error.to_string(), start)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both sentences of a denial.
    #[test]
    fn the_command_of_a_denial_is_found() {
        let command = |hint: &str| granting(&Failure::new(Code::Denied, "no").with_hint(hint));
        assert_eq!(
            command(
                "An admin gives the right with: usermod -aG tills ali (a program has its groups from its start: again)"
            ),
            "usermod -aG tills ali"
        );
        let edit =
            "An admin gives the right by adding \"ali\" to `observe` under [access] in /f, then: kaspictl reload";
        assert_eq!(command(edit), "kaspictl reload");
    }
}
