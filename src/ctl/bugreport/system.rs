//! The machine and the modes of the files.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User};
use serde::Serialize;

use crate::config::Configuration;

/// What runs here.
#[derive(Serialize)]
pub(super) struct System {
    /// `PRETTY_NAME` of os-release(5).
    os: Option<String>,
    kernel: Option<String>,
    architecture: &'static str,
    systemd: bool,
    /// Users of services have fixed numbers; a person's name is not told.
    asked_as_uid: u32,
}

pub(super) fn look() -> System {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned());
    System {
        os: os_name(),
        kernel,
        architecture: std::env::consts::ARCH,
        systemd: Path::new("/run/systemd/system").exists(),
        asked_as_uid: nix::unistd::geteuid().as_raw(),
    }
}

fn os_name() -> Option<String> {
    let text = ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| std::fs::read_to_string(path).ok())?;
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// A file by what it is for, without its path: a path may name a person.
#[derive(Serialize)]
pub(super) struct FileFacts {
    what: &'static str,
    kind: &'static str,
    /// Octal.
    mode: Option<String>,
    owner: Option<String>,
    group: Option<String>,
    bytes: Option<u64>,
}

/// The files whose modes decide who gets in.
pub(super) fn files(
    file: &Path,
    config: Option<&Configuration>,
    state_dir: Option<&Path>,
    socket: &Path,
) -> Vec<FileFacts> {
    let identity = config.and_then(|config| config.identity.as_ref());
    let in_state = |name: &str| state_dir.map(|dir| dir.join(name));
    let places = [
        ("configuration", Some(file.to_owned())),
        ("socket", Some(socket.to_owned())),
        ("socket's directory", socket.parent().map(Path::to_owned)),
        ("state directory", state_dir.map(Path::to_owned)),
        ("database", in_state("kaspid.redb")),
        ("backups", in_state("backups")),
        ("key", identity.map(|files| files.key_file.clone())),
        ("certificate", identity.map(|files| files.certificate_file.clone())),
        ("bank's CA", config.and_then(|config| config.kaspi.ca_file.clone())),
    ];
    places.into_iter().filter_map(|(what, place)| Some(facts(what, &place?))).collect()
}

fn facts(what: &'static str, path: &PathBuf) -> FileFacts {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => "missing",
                _ => "not to be seen by this user",
            };
            return FileFacts { what, kind, mode: None, owner: None, group: None, bytes: None };
        }
    };
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => "directory",
        kind if kind.is_socket() => "socket",
        kind if kind.is_file() => "file",
        _ => "something else",
    };
    FileFacts {
        what,
        kind,
        mode: Some(format!("{:o}", metadata.mode() & 0o7777)),
        owner: Some(account(
            User::from_uid(Uid::from_raw(metadata.uid())).ok().flatten().map(|user| user.name),
            metadata.uid(),
        )),
        group: Some(account(
            Group::from_gid(Gid::from_raw(metadata.gid())).ok().flatten().map(|group| group.name),
            metadata.gid(),
        )),
        bytes: metadata.is_file().then_some(metadata.len()),
    }
}

/// Accounts of the system and ours by name, people by number.
fn account(name: Option<String>, number: u32) -> String {
    /// login.defs(5): people's numbers begin there.
    const PEOPLE: u32 = 1000;
    name.filter(|_| number < PEOPLE).unwrap_or_else(|| number.to_string())
}
