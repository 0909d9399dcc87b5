//! The configuration and all it names, judged with the daemon's own code: by the daemon, or by a person where no
//! daemon answers.

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use jiff::tz::TimeZone;
use nix::sys::statvfs::{FsFlags, statvfs};

use super::super::backup::needed;
use super::super::problems::{KEPT_NOWHERE, UNUSABLE, mend, take_in};
use crate::access::{Rules, UnknownName};
use crate::config::{ConfigError, Configuration};
use crate::identity::{IdentityPlace, IdentityTrouble};
use crate::moment::Moment;
use crate::operation::Check;
use crate::service::settings::differ_in_identity;
use crate::service::{Settings, SettingsError};
use crate::store::{HadIdentity, had_identity};

/// With less room than this nothing works for long.
const LEAST_ROOM: u64 = 32 << 20;

/// Who looks: what a person may not read says nothing about the daemon.
#[derive(Clone, Copy)]
pub enum Looker<'a> {
    /// The daemon, as its own user, with the settings in force, and whether it had an identity at any time.
    Daemon(&'a Settings, bool),
    /// Whoever typed the command.
    Person,
}

impl Looker<'_> {
    fn is_person(self) -> bool {
        matches!(self, Self::Person)
    }
}

/// What the files came to.
pub struct Files {
    /// In the order in which one builds on the other.
    pub checks: Vec<Check>,
    /// If the file can be used.
    pub config: Option<Configuration>,
    /// If key, certificate and trust can be used, too.
    pub settings: Option<Settings>,
}

/// Looks at the configuration in `path` and at the files it names. Blocks.
#[must_use]
pub fn files(path: &Path, looker: Looker<'_>) -> Files {
    let config = match Configuration::load(path) {
        Ok(config) => config,
        Err(error) => {
            let skipped = ["access", "identity", "permissions", "disk"]
                .map(|word| Check::skipped(word, "needs the configuration"));
            let mut checks = vec![unusable_config(path, &error, looker)];
            checks.extend(skipped);
            checks.push(time_zone(None));
            return Files { checks, config: None, settings: None };
        }
    };
    let mut checks = vec![Check::ok("config", path.display().to_string())];
    checks.extend(names(&config));
    let settings = identity(path, &config, looker, &mut checks);
    checks.extend(permissions(&config));
    checks.extend(owner(&config, looker));
    checks.push(disk(&config.daemon.state_dir));
    checks.push(time_zone(Some(&config.daemon.timezone)));
    checks.extend(settings.as_ref().and_then(|settings| certificate(path, settings, looker)));
    Files { checks, config: Some(config), settings }
}

/// The command that judges a configuration.
fn judge(path: &Path) -> String {
    format!("kaspid check --config {}", word(path))
}

/// A path as a shell takes it.
fn word(path: &Path) -> String {
    let text = path.display().to_string();
    shlex::try_quote(&text).map(|quoted| quoted.into_owned()).unwrap_or(text)
}

fn unusable_config(path: &Path, error: &ConfigError, looker: Looker<'_>) -> Check {
    match error {
        ConfigError::Unreadable { source, .. }
            if looker.is_person() && source.kind() == ErrorKind::PermissionDenied =>
        {
            Check::skipped("config", format!("this user may not read {}", path.display()))
                .with_command("sudo kaspictl doctor")
        }
        ConfigError::Unreadable { source, .. } if looker.is_person() && source.kind() == ErrorKind::NotFound => {
            let found = format!("{} is not there; where is the daemon's?", path.display());
            Check::failed("config", found, "kaspictl doctor --config FILE")
        }
        ConfigError::Unreadable { .. } | ConfigError::Malformed { .. } | ConfigError::Judged { .. } => {
            Check::failed("config", without_picture(&error.to_string()), judge(path))
        }
    }
}

/// A TOML error without its copy of the file's line: one line of words, and nothing that stands in the file.
fn without_picture(text: &str) -> String {
    let picture = |line: &&str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    let words: Vec<&str> = text.lines().filter(|line| !picture(line)).map(str::trim).collect();
    words.join("; ")
}

fn names(config: &Configuration) -> Vec<Check> {
    let unknown = Rules::unknown_names(&config.access);
    if unknown.is_empty() {
        return vec![Check::ok("access", "every user and group of [access] exists")];
    }
    let check = |UnknownName { key, name, is_group }: &UnknownName| match is_group {
        true => Check::warning(
            "access",
            format!("[access] {key} names the group {name}, which does not exist: nobody has the right by it"),
            format!("groupadd --system {name}"),
        ),
        false => Check::failed(
            "access",
            format!("[access] {key} names the user {name}, who does not exist; correct the name, or make the user"),
            format!("getent passwd {name}"),
        ),
    };
    unknown.iter().map(check).collect()
}

/// Key, certificate and whom we trust.
fn identity(path: &Path, config: &Configuration, looker: Looker<'_>, checks: &mut Vec<Check>) -> Option<Settings> {
    let loaded = match looker {
        Looker::Daemon(..) => Settings::load(path),
        Looker::Person => Settings::look(path),
    };
    let settings = match loaded {
        Ok(settings) => settings,
        Err(error) => {
            checks.push(no_identity(path, &error, looker));
            return None;
        }
    };
    let passed_over = settings.place.passed_over();
    checks.extend(passed_over.map(|found| Check::warning("identity", found, "systemctl cat kaspid.service")));
    checks.push(match (settings.identity(), settings.hidden, looker) {
        (Some(_), _, Looker::Daemon(in_force, _)) => {
            let unfit = settings.unfit(Moment::now()).filter(|_| differ_in_identity(in_force, &settings));
            unfit.map_or_else(|| Check::ok("identity", whose(&settings.place)), |why| not_for_use(&why, path))
        }
        (Some(_), _, Looker::Person) => Check::ok("identity", whose(&settings.place)),
        (None, Some(why), _) => Check::skipped("identity", why),
        (None, None, Looker::Person) if had_identity(&config.daemon.state_dir) == HadIdentity::Yes => gone(&settings),
        (None, None, Looker::Person) if config.identity.is_none() => {
            Check::skipped("identity", "the file names none: only the running daemon knows what it keeps")
        }
        (None, None, Looker::Daemon(in_force, _)) if in_force.identity().is_some() => kept_nowhere(in_force),
        (None, None, Looker::Daemon(_, true)) => gone(&settings),
        (None, None, _) if settings.has_waiting_key() => {
            Check::failed("identity", settings.no_identity().detail, "kaspictl identity install CERT")
        }
        (None, None, _) => Check::failed(
            "identity",
            "there is no key and certificate for Kaspi yet",
            "kaspictl identity generate --subject 'CN=shop.kz,O=NAME,C=KZ'",
        ),
    });
    Some(settings)
}

/// There was one.
fn gone(settings: &Settings) -> Check {
    Check::failed("identity", settings.identity_gone().detail, command_to_take_in(settings))
}

/// What is in use, and is nowhere by the file. While files are in force, the daemon's own keeping takes nothing in.
fn kept_nowhere(in_force: &Settings) -> Check {
    match in_force.place.vault() {
        Ok(_) => {
            Check::failed("identity", format!("{KEPT_NOWHERE}. {}", take_in(in_force)), command_to_take_in(in_force))
        }
        Err(_) => Check::failed(
            "identity",
            format!("{KEPT_NOWHERE}, for the file names no others by now. Reload, then: kaspictl identity import"),
            "kaspictl reload",
        ),
    }
}

fn command_to_take_in(in_force: &Settings) -> &'static str {
    match in_force.has_waiting_key() {
        true => "kaspictl identity install CERT",
        false => "kaspictl identity import --key FILE --cert FILE",
    }
}

/// Files that are there to be taken into use, and cannot be.
fn not_for_use(why: &IdentityTrouble, path: &Path) -> Check {
    Check::failed("identity", format!("a reload would refuse it: {why}"), judge(path))
}

/// The certificate itself, where no daemon tells what the bank says to it. It keeps no daemon from starting.
fn certificate(path: &Path, settings: &Settings, looker: Looker<'_>) -> Option<Check> {
    let why = settings.unfit(Moment::now()).filter(|_| looker.is_person())?;
    Some(Check::failed("certificate", why.to_string(), judge(path)))
}

/// Where the key is, and what whoever runs the machine may think of that.
fn whose(place: &IdentityPlace) -> String {
    match place {
        IdentityPlace::Kept(_) => "the key belongs to the certificate; the daemon keeps it itself".to_owned(),
        IdentityPlace::Credential(_) => "the key belongs to the certificate; systemd hands both over".to_owned(),
        IdentityPlace::Files { key, .. } => format!(
            "the key belongs to the certificate; whoever reads {} has it too. To let the daemon keep it alone: take \
             [identity] out of kaspid.toml, kaspictl reload, then kaspictl identity import with --remove-source",
            key.display()
        ),
    }
}

fn no_identity(path: &Path, error: &SettingsError, looker: Looker<'_>) -> Check {
    match error {
        SettingsError::Identity(IdentityTrouble::Unreadable { path, source })
            if source.kind() == ErrorKind::PermissionDenied =>
        {
            let found = format!("{} cannot be read", path.display());
            match looker {
                Looker::Person => Check::skipped("identity", found).with_command("sudo kaspictl doctor"),
                Looker::Daemon(..) => {
                    let user = nix::unistd::geteuid();
                    let user = nix::unistd::User::from_uid(user).ok().flatten().map_or(user.to_string(), |it| it.name);
                    let command = format!("chown {user} {}", word(path));
                    Check::failed("identity", format!("{found} by the daemon's user {user}"), command)
                }
            }
        }
        SettingsError::Config(_) => Check::failed("config", without_picture(&error.to_string()), judge(path)),
        SettingsError::Seal(_) => Check::failed("seal", error.to_string(), judge(path)),
        SettingsError::Identity(why) => unusable(path, why, looker),
        SettingsError::Kaspi(_) => Check::failed("trust", error.to_string(), judge(path)),
    }
}

/// What the daemon keeps is put right by the daemon, which still has what is in use.
fn unusable(path: &Path, why: &IdentityTrouble, looker: Looker<'_>) -> Check {
    match looker {
        Looker::Daemon(in_force, _) if in_force.place.vault().is_ok() => {
            let found = format!("{UNUSABLE}: {why}. {}", mend(in_force));
            Check::failed("identity", found, command_to_take_in(in_force))
        }
        Looker::Daemon(..) | Looker::Person => Check::failed("identity", format!("the identity: {why}"), judge(path)),
    }
}

/// Secrets are their owner's only.
fn permissions(config: &Configuration) -> Vec<Check> {
    let state = config.daemon.state_dir.join("kaspid.redb");
    let key = config.identity.as_ref().map(|files| files.key_file.as_path());
    let own = config.daemon.state_dir.join("identity");
    let places = [
        (Some(config.daemon.state_dir.as_path()), 0o077),
        (Some(state.as_path()), 0o077),
        (Some(own.as_path()), 0o077),
        (key, 0o007),
    ];
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (place, forbidden) in places.into_iter().filter_map(|(place, mask)| Some((place?, mask))) {
        // What is not there yet, or what this user may not see, is said elsewhere.
        let Ok(metadata) = std::fs::metadata(place) else { continue };
        seen += 1;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & forbidden != 0 {
            let right = if metadata.is_dir() { "700" } else { "600" };
            let found = format!("{} has mode {mode:o}: others can reach the secrets in it", place.display());
            wrong.push(Check::failed("permissions", found, format!("chmod {right} {}", word(place))));
        }
    }
    match (wrong.is_empty(), seen) {
        (true, 0) => vec![Check::skipped("permissions", "no state directory and key to be seen")],
        (true, _) => {
            vec![Check::ok("permissions", format!("state in {}: its owner's only", config.daemon.state_dir.display()))]
        }
        (false, _) => wrong,
    }
}

/// What root can read and the daemon's user, who owns the state directory, cannot.
fn owner(config: &Configuration, looker: Looker<'_>) -> Option<Check> {
    let owner = std::fs::metadata(&config.daemon.state_dir).ok()?.uid();
    if !looker.is_person() || owner == 0 {
        return None;
    }
    let state = config.daemon.state_dir.join("kaspid.redb");
    let key = config.identity.as_ref().map(|files| files.key_file.as_path()).filter(|key| {
        // A key that a group may read may be the daemon's by its group.
        std::fs::metadata(key).is_ok_and(|metadata| metadata.mode() & 0o040 == 0)
    });
    let foreign = |place: &&Path| std::fs::metadata(place).is_ok_and(|metadata| metadata.uid() != owner);
    let place = [Some(state.as_path()), key].into_iter().flatten().find(foreign)?;
    let user = nix::unistd::Uid::from_raw(owner);
    let user = nix::unistd::User::from_uid(user).ok().flatten().map_or(owner.to_string(), |user| user.name);
    let found = format!("{} is not the file of the daemon's user {user}, who cannot use it", place.display());
    Some(Check::failed("owner", found, format!("chown {user} {}", word(place))))
}

fn disk(dir: &Path) -> Check {
    let look = format!("df -h {}", word(dir));
    let room = match statvfs(dir) {
        Ok(room) => room,
        Err(nix::Error::ENOENT) => {
            return Check::skipped("disk", format!("{} is made at the first start", dir.display()));
        }
        Err(error) => return Check::skipped("disk", format!("{}: {error}", dir.display())),
    };
    let free = room.blocks_available().saturating_mul(room.fragment_size());
    let size = std::fs::metadata(dir.join("kaspid.redb")).map_or(0, |metadata| metadata.len());
    let said = format!("{} free for {}", megabytes(free), dir.display());
    if room.flags().contains(FsFlags::ST_RDONLY) {
        return Check::failed("disk", format!("{} is on a disk that is mounted read-only", dir.display()), look);
    }
    // File systems without a fixed number of files say 0 of 0.
    if room.files() > 0 && room.files_available() == 0 {
        return Check::failed(
            "disk",
            format!("no more files can be made in {}", dir.display()),
            format!("df -i {}", word(dir)),
        );
    }
    match free {
        free if free < LEAST_ROOM => {
            Check::failed("disk", format!("{said}: payments are about to be refused; make room"), look)
        }
        free if free < needed(size) => {
            Check::warning("disk", format!("{said}: the daily backup needs {}", megabytes(needed(size))), look)
        }
        _ => Check::ok("disk", said),
    }
}

fn megabytes(bytes: u64) -> String {
    match bytes >> 20 {
        megabytes if megabytes >= 10 << 10 => format!("{} GB", megabytes >> 10),
        megabytes => format!("{megabytes} MB"),
    }
}

/// Zones of Kazakhstan that are UTC+5 since 2024-03-01 and were UTC+6 before: old zone data is an hour off, which
/// moves the shop's day and the bank's dates.
const KAZAKHSTAN: [&str; 2] = ["Asia/Almaty", "Asia/Qostanay"];

fn time_zone(configured: Option<&TimeZone>) -> Check {
    let upgrade = match Path::new("/usr/bin/apt-get").exists() {
        true => "apt-get install --only-upgrade tzdata",
        false => "dnf upgrade tzdata",
    };
    let own = configured.and_then(TimeZone::iana_name).filter(|name| KAZAKHSTAN.contains(name));
    // The bank's dates without an offset are Almaty's, whatever the shop's zone is.
    for name in [Some("Asia/Almaty"), own].into_iter().flatten() {
        let Ok(zone) = TimeZone::get(name) else {
            return Check::warning("time_zone", format!("this machine has no zone data for {name}"), upgrade);
        };
        // 2025-01-01T00:00:00Z
        let offset = jiff::Timestamp::from_second(1_735_689_600).map(|at| zone.to_offset(at).seconds());
        if offset.unwrap_or_default() != 5 * 3600 {
            let found =
                format!("the zone data is old: {name} is UTC+5 since 2024-03-01, and this machine does not know it");
            return Check::warning("time_zone", found, upgrade);
        }
    }
    let own = configured.and_then(TimeZone::iana_name).unwrap_or("Asia/Almaty");
    Check::ok("time_zone", format!("{own}, and the zone data knows that Almaty is UTC+5"))
}
