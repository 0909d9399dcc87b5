//! The daemon's latest lines in the journal, where systemd keeps one and this user may read it.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::redact::Redact;

/// How many.
const LINES: &str = "200";

/// The fields that are told; what else an entry has is left out.
#[derive(Deserialize)]
struct JournalEntry {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    at: Option<String>,
    #[serde(rename = "PRIORITY")]
    priority: Option<String>,
    #[serde(rename = "MESSAGE")]
    message: Option<String>,
    /// Our own codes and templates of routes.
    #[serde(rename = "KASPID_CODE")]
    code: Option<String>,
    #[serde(rename = "KASPID_OPERATION")]
    operation: Option<String>,
    #[serde(rename = "KASPID_STATUS")]
    status: Option<String>,
}

/// Oldest first; none without a journal.
pub(super) fn latest(redact: &Redact) -> Option<Vec<String>> {
    if !Path::new("/run/systemd/journal/socket").exists() {
        return None;
    }
    // Only what the daemon itself has said: systemd's own lines about the unit are in `systemctl status`.
    let mut command = Command::new("timeout");
    command.args(["5", "journalctl", "--no-pager", "-q", "-o", "json", "-n", LINES]);
    command.args(["_SYSTEMD_UNIT=kaspid.service", "SYSLOG_IDENTIFIER=kaspid"]);
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().filter_map(|line| told(line, redact)).collect())
}

fn told(line: &str, redact: &Redact) -> Option<String> {
    let entry: JournalEntry = serde_json::from_str(line).ok()?;
    let at = entry.at?.parse::<i64>().ok()?;
    let at = crate::moment::Moment::from_millis(at / 1000);
    let fields = [entry.code, entry.operation, entry.status].into_iter().flatten();
    let mut words = vec![entry.priority.unwrap_or_default(), entry.message?];
    words.extend(fields);
    Some(format!("{at} {}", redact.text(&words.join(" "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_fields_are_told() {
        let line = r#"{"__REALTIME_TIMESTAMP":"1764000000000000","PRIORITY":"4","MESSAGE":"call failed","KASPID_CODE":"declined","KASPID_SECRET":"abc","_CMDLINE":"kaspid --config /home/ali/x"}"#;
        let said = told(line, &Redact::new(&[]));
        assert_eq!(said.as_deref(), Some("2025-11-24T16:00:00.000Z 4 call failed declined"));
        assert_eq!(told("{}", &Redact::new(&[])), None);
        // journalctl writes a message that is no text as a list of bytes.
        assert_eq!(told(r#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":[1,2]}"#, &Redact::new(&[])), None);
    }
}
