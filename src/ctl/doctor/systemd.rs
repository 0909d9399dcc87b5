//! The units, where systemd runs.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use crate::operation::Check;

/// There exactly while systemd is the init, as sd_booted(3) says.
const BOOTED: &str = "/run/systemd/system";

/// What is asked of each unit.
const PROPERTIES: &str =
    "--property=Id,LoadState,ActiveState,SubState,UnitFileState,DropInPaths,NeedDaemonReload,Result";

const SERVICE: &str = "kaspid.service";
const SOCKET: &str = "kaspid.socket";

/// The two units as `systemctl show` tells them.
pub(super) struct Units {
    /// Why they cannot be seen.
    unseen: Option<&'static str>,
    units: HashMap<String, Unit>,
}

/// A unit's properties.
type Unit = HashMap<String, String>;

impl Units {
    /// Asks systemd, for a few seconds at most.
    pub(super) fn look() -> Self {
        if !Path::new(BOOTED).exists() {
            return Self { unseen: Some("systemd does not run here"), units: HashMap::new() };
        }
        // A hanging bus must not hang us: the runtime has no processes of its own.
        let mut command = Command::new("timeout");
        command.args(["3", "systemctl", "show", SERVICE, SOCKET, "--no-pager", PROPERTIES]);
        match command.output() {
            Ok(output) if output.status.success() => Self::read(&String::from_utf8_lossy(&output.stdout)),
            Ok(_) | Err(_) => Self { unseen: Some("systemctl show does not answer"), units: HashMap::new() },
        }
    }

    fn read(text: &str) -> Self {
        let unit = |block: &str| -> Option<(String, Unit)> {
            let pairs = block.lines().filter_map(|line| line.split_once('='));
            let unit: Unit = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            Some((unit.get("Id")?.clone(), unit))
        };
        Self { unseen: None, units: text.split("\n\n").filter_map(unit).collect() }
    }

    fn property(&self, unit: &str, name: &str) -> &str {
        self.units.get(unit).and_then(|unit| unit.get(name)).map_or("", String::as_str)
    }

    fn installed(&self) -> bool {
        self.property(SERVICE, "LoadState") == "loaded"
    }

    /// What starts the daemon on this machine.
    pub(super) fn start_command(&self, config: &Path) -> String {
        if self.installed() {
            return format!("systemctl restart {SOCKET} {SERVICE}");
        }
        let config = config.display().to_string();
        format!("kaspid --config {}", crate::ctl::shell::quoted([config.as_str()].into_iter()))
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        match self.unseen {
            Some(why) => vec![Check::skipped("systemd", why)],
            None if !self.installed() => vec![Check::skipped("systemd", format!("{SERVICE} is not installed"))],
            None => vec![self.state(), self.drop_ins()],
        }
    }

    /// The service may rest as long as the socket listens: the first till starts it.
    fn state(&self) -> Check {
        let of = |unit| format!("{unit} {} ({})", self.property(unit, "ActiveState"), self.property(unit, "SubState"));
        let said = format!("{}, {}", of(SERVICE), of(SOCKET));
        let reload = [SERVICE, SOCKET].iter().any(|unit| self.property(unit, "NeedDaemonReload") == "yes");
        let enabled = self.property(SOCKET, "UnitFileState");
        match (self.property(SERVICE, "ActiveState"), self.property(SOCKET, "ActiveState")) {
            ("failed", _) | (_, "failed") => {
                let found = format!("{said}; {}", self.property(SERVICE, "Result"));
                Check::failed("systemd", found, "journalctl -u kaspid -n 50 --no-pager")
            }
            // Restart=on-failure: it is tried again and again.
            _ if self.property(SERVICE, "SubState") == "auto-restart" => {
                let found = format!("{SERVICE} ends as soon as it starts ({})", self.property(SERVICE, "Result"));
                Check::failed("systemd", found, "journalctl -u kaspid -n 50 --no-pager")
            }
            (_, "active") if reload => {
                Check::warning("systemd", "the units on disk are newer than what runs", "systemctl daemon-reload")
            }
            (_, "active") if enabled == "disabled" || enabled == "masked" => {
                let found = format!("{SOCKET} is {enabled}: it does not start with the machine");
                Check::warning("systemd", found, format!("systemctl enable {SERVICE} {SOCKET}"))
            }
            (_, "active") => Check::ok("systemd", said),
            _ => Check::failed("systemd", format!("{said}: no till can connect"), format!("systemctl start {SOCKET}")),
        }
    }

    fn drop_ins(&self) -> Check {
        let paths = [SERVICE, SOCKET].map(|unit| self.property(unit, "DropInPaths"));
        let paths = paths.join(" ");
        match paths.trim() {
            "" => Check::ok("drop_ins", "none: the units are as they were installed"),
            paths => Check::ok("drop_ins", paths),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::*;
    use crate::operation::CheckStatus;

    /// As systemd 252 prints it.
    fn shown(service: &str, socket: &str, more: &str) -> Units {
        Units::read(&format!(
            "Id={SERVICE}\nLoadState=loaded\nActiveState={service}\nSubState=x\nResult=exit-code\n{more}\n\n\
             Id={SOCKET}\nLoadState=loaded\nActiveState={socket}\nSubState=listening\nUnitFileState=enabled\n"
        ))
    }

    #[test]
    fn units_are_judged_by_what_a_till_needs() {
        let table = [
            ("active", "active", "", CheckStatus::Ok, None),
            ("inactive", "active", "", CheckStatus::Ok, None),
            ("failed", "active", "", CheckStatus::Failed, Some("journalctl -u kaspid -n 50 --no-pager")),
            ("inactive", "inactive", "", CheckStatus::Failed, Some("systemctl start kaspid.socket")),
            (
                "activating",
                "active",
                "SubState=auto-restart",
                CheckStatus::Failed,
                Some("journalctl -u kaspid -n 50 --no-pager"),
            ),
            ("active", "active", "NeedDaemonReload=yes", CheckStatus::Warning, Some("systemctl daemon-reload")),
        ];
        for (service, socket, more, status, command) in table {
            let check = shown(service, socket, more).state();
            assert_eq!(
                (check.status, check.command.as_deref()),
                (status, command),
                "{service} {socket}: {}",
                check.found
            );
        }
    }

    #[test]
    fn drop_ins_are_listed() {
        let path = "/etc/systemd/system/kaspid.service.d/identity.conf";
        let units = shown("active", "active", &format!("DropInPaths={path}"));
        assert_eq!(units.drop_ins().found, path);
        assert!(shown("active", "active", "").drop_ins().found.starts_with("none"));
    }

    #[test]
    fn what_is_not_installed_is_not_judged() {
        let units = Units::read(&format!("Id={SERVICE}\nLoadState=not-found\nActiveState=inactive\n"));
        let checks = units.checks();
        assert_eq!(checks.first().unwrap().status, CheckStatus::Skipped);
        assert_eq!(units.start_command(Path::new("/a b")), "kaspid --config '/a b'");
    }
}
