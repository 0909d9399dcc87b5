//! The file as it is written, its defaults, and the judgement of its values.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{Config, ConfigError, IdentityFiles, Kaspi, Limits, Payments, Verify};
use crate::access::AccessConfig;
use crate::domain::Dialect;
use crate::id::{BankUrl, NotAnId, OurBank, ShopId};
use crate::moment::Span;
use crate::money::Amount;

/// Added to the system's roots when it exists; a missing one is only an error where the file names it.
const DEFAULT_CA: &str = "/etc/kaspid/kaspi-ca.crt";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    daemon: DaemonSection,
    kaspi: KaspiSection,
    identity: Option<IdentitySection>,
    access: AccessConfig,
    payments: PaymentsSection,
    limits: LimitsSection,
    verify: VerifySection,
    follow: FollowSection,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DaemonSection {
    socket: PathBuf,
    state_dir: PathBuf,
    shop_id: ShopId,
    timezone: String,
}

impl Default for DaemonSection {
    fn default() -> Self {
        Self {
            socket: "/run/kaspid/kaspid.sock".into(),
            state_dir: "/var/lib/kaspid".into(),
            shop_id: 1,
            timezone: "Asia/Almaty".into(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DialectChoice {
    Auto,
    Bank,
    Guide,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KaspiSection {
    url: String,
    formerly: Vec<String>,
    dialect: DialectChoice,
    ca_file: Option<PathBuf>,
    status_version: String,
    timeout: Span,
    idle: Span,
}

impl Default for KaspiSection {
    fn default() -> Self {
        Self {
            url: "https://qrapi-cert-ip.kaspi.kz".into(),
            formerly: Vec::new(),
            dialect: DialectChoice::Auto,
            ca_file: None,
            status_version: "v01".into(),
            timeout: Span::from_secs(30),
            idle: Span::from_secs(30),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentitySection {
    certificate_file: PathBuf,
    key_file: PathBuf,
    passphrase_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Supersede {
    Pay,
    Admin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PaymentsSection {
    require_key: bool,
    max_amount_tiyn: Amount,
    phone_prefix: String,
    refund_settle: Span,
    one_per_invoice: bool,
    supersede: Supersede,
    link_life: Span,
}

impl Default for PaymentsSection {
    fn default() -> Self {
        Self {
            require_key: true,
            max_amount_tiyn: Amount::from_tiyn(100_000_000).unwrap_or(Amount::LIMIT),
            phone_prefix: "7".into(),
            refund_settle: Span::from_secs(60),
            one_per_invoice: true,
            supersede: Supersede::Pay,
            link_life: Span::from_secs(300),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsSection {
    connections: u32,
    connections_per_uid: u32,
    rate_per_uid: u32,
    burst_per_uid: u32,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self { connections: 512, connections_per_uid: 256, rate_per_uid: 500, burst_per_uid: 1000 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VerifySection {
    every: Span,
    confirm: Span,
}

impl Default for VerifySection {
    fn default() -> Self {
        Self { every: Span::from_secs(6 * 3600), confirm: Span::from_secs(600) }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a list such as [\"10m\", \"30m\", \"1h\"], or \"off\"")]
enum Sweep {
    Word(String),
    Spans(Vec<Span>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FollowSection {
    remote_sweep: Sweep,
    rate: u32,
}

impl Default for FollowSection {
    fn default() -> Self {
        Self { remote_sweep: Sweep::Spans([600, 1800, 3600].map(Span::from_secs).to_vec()), rate: 50 }
    }
}

pub(super) fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
    let file: File = toml::from_str(text)
        .map_err(|error| ConfigError::Malformed { path: path.to_owned(), message: with_nearest(&error.to_string()) })?;
    Judge { path, folder: path.parent().unwrap_or(Path::new("")) }.judge(file)
}

/// Adds the nearest right key to serde's "unknown field `x`, expected one of `a`, `b`".
fn with_nearest(message: &str) -> String {
    let Some((_, after)) = message.split_once("unknown field `") else { return message.trim_end().to_owned() };
    let mut quoted = after.split('`').step_by(2);
    let wrong = quoted.next().unwrap_or_default();
    let nearest = quoted
        .filter(|known| !known.is_empty() && !known.contains(' '))
        .max_by(|a, b| strsim::jaro_winkler(wrong, a).total_cmp(&strsim::jaro_winkler(wrong, b)));
    match nearest {
        Some(known) => format!("{}\nthere is no key `{wrong}`; did you mean `{known}`?", message.trim_end()),
        None => message.trim_end().to_owned(),
    }
}

struct Judge<'a> {
    path: &'a Path,
    folder: &'a Path,
}

impl Judge<'_> {
    fn judge(&self, file: File) -> Result<Config, ConfigError> {
        let kaspi = self.kaspi(file.kaspi)?;
        let timezone = crate::moment::zone(&file.daemon.timezone).ok_or_else(|| {
            self.wrong(
                "daemon",
                "timezone",
                "no such zone on this machine; write a name such as \"Asia/Almaty\" (package tzdata)",
            )
        })?;
        Ok(Config {
            socket: self.folder.join(file.daemon.socket),
            state_dir: self.folder.join(file.daemon.state_dir),
            shop_id: file.daemon.shop_id,
            timezone,
            payments: self.payments(file.payments, &kaspi)?,
            kaspi,
            identity: file.identity.map(|section| IdentityFiles {
                certificate_file: self.folder.join(section.certificate_file),
                key_file: self.folder.join(section.key_file),
                passphrase_file: section.passphrase_file.map(|file| self.folder.join(file)),
            }),
            access: file.access,
            limits: self.limits(&file.limits)?,
            verify: Verify {
                every: self.at_least(file.verify.every, 60, "verify", "every")?,
                confirm: self.at_least(file.verify.confirm, 1, "verify", "confirm")?,
            },
            remote_sweep: self.sweep(file.follow.remote_sweep)?,
            read_rate: self.rate(file.follow.rate)?,
        })
    }

    fn kaspi(&self, section: KaspiSection) -> Result<Kaspi, ConfigError> {
        let bank = OurBank {
            url: self.bank_url(&section.url, "url")?,
            formerly: section.formerly.iter().map(|url| self.bank_url(url, "formerly")).collect::<Result<_, _>>()?,
        };
        let version = section.status_version.strip_prefix('v').unwrap_or_default();
        if version.len() != 2 || !version.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.wrong("kaspi", "status_version", "write \"v01\", \"v02\" or a later one"));
        }
        let ca_file = match section.ca_file {
            Some(file) => Some(self.folder.join(file)),
            None => Some(PathBuf::from(DEFAULT_CA)).filter(|file| file.exists()),
        };
        let dialect = match section.dialect {
            DialectChoice::Auto => None,
            DialectChoice::Bank => Some(Dialect::Bank),
            DialectChoice::Guide => Some(Dialect::Guide),
        };
        let timeout = self.at_least(section.timeout, 1, "kaspi", "timeout")?;
        let idle = section.idle.duration();
        Ok(Kaspi { bank, dialect, ca_file, status_version: section.status_version, timeout, idle })
    }

    fn bank_url(&self, text: &str, key: &'static str) -> Result<BankUrl, ConfigError> {
        text.parse().map_err(|not: NotAnId| self.wrong("kaspi", key, &not.to_string()))
    }

    fn payments(&self, section: PaymentsSection, kaspi: &Kaspi) -> Result<Payments, ConfigError> {
        let phone_prefix = match section.phone_prefix.as_str() {
            "7" => '7',
            "8" => '8',
            _ => return Err(self.wrong("payments", "phone_prefix", "write \"7\" or \"8\"")),
        };
        let refund_settle = section.refund_settle.duration();
        if refund_settle < 2 * kaspi.timeout {
            return Err(self.wrong(
                "payments",
                "refund_settle",
                "must be at least twice [kaspi] timeout, or a slow refund would be called failed",
            ));
        }
        if section.max_amount_tiyn.is_zero() {
            return Err(self.wrong("payments", "max_amount_tiyn", "must be above 0"));
        }
        Ok(Payments {
            require_key: section.require_key,
            max_amount: section.max_amount_tiyn,
            phone_prefix,
            refund_settle,
            one_per_invoice: section.one_per_invoice,
            supersede_needs_admin: matches!(section.supersede, Supersede::Admin),
            link_life: self.at_least(section.link_life, 1, "payments", "link_life")?,
        })
    }

    fn limits(&self, section: &LimitsSection) -> Result<Limits, ConfigError> {
        let count = |value: u32, key| match usize::try_from(value) {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(self.wrong("limits", key, "must be above 0")),
        };
        count(section.rate_per_uid, "rate_per_uid")?;
        count(section.burst_per_uid, "burst_per_uid")?;
        Ok(Limits {
            connections: count(section.connections, "connections")?,
            connections_per_uid: count(section.connections_per_uid, "connections_per_uid")?,
            rate_per_uid: section.rate_per_uid,
            burst_per_uid: section.burst_per_uid,
        })
    }

    fn sweep(&self, sweep: Sweep) -> Result<Vec<Duration>, ConfigError> {
        match sweep {
            Sweep::Word(word) if word == "off" => Ok(Vec::new()),
            Sweep::Word(_) => {
                Err(self.wrong("follow", "remote_sweep", "write a list such as [\"10m\", \"30m\", \"1h\"], or \"off\""))
            }
            Sweep::Spans(spans) => {
                spans.into_iter().map(|span| self.at_least(span, 60, "follow", "remote_sweep")).collect()
            }
        }
    }

    fn rate(&self, rate: u32) -> Result<u32, ConfigError> {
        match rate {
            1..=100_000 => Ok(rate),
            _ => Err(self.wrong("follow", "rate", "write how many reads a second, from 1 to 100000")),
        }
    }

    fn at_least(
        &self,
        span: Span,
        seconds: u64,
        section: &'static str,
        key: &'static str,
    ) -> Result<Duration, ConfigError> {
        match span.duration() >= Duration::from_secs(seconds) {
            true => Ok(span.duration()),
            false => Err(self.wrong(section, key, &format!("must be at least {seconds}s"))),
        }
    }

    fn wrong(&self, section: &'static str, key: &'static str, message: &str) -> ConfigError {
        ConfigError::Judged { path: self.path.to_owned(), section, key, message: message.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Config, String> {
        parse(text, Path::new("/etc/kaspid/kaspid.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_is_the_documented_default() {
        let config = parsed("").unwrap();
        assert_eq!(config.kaspi.bank.url.as_str(), "https://qrapi-cert-ip.kaspi.kz");
        assert!(config.kaspi.bank.formerly.is_empty());
        assert_eq!((config.shop_id, config.payments.require_key, config.kaspi.dialect), (1, true, None));
        assert_eq!((config.remote_sweep.len(), config.read_rate), (3, 50));
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_right_one() {
        let error = parsed("[daemon]\nsockett = \"x\"\n").unwrap_err();
        assert!(error.contains("sockett") && error.contains("did you mean `socket`"), "{error}");
        let error = parsed("[paymints]\n").unwrap_err();
        assert!(error.contains("did you mean `payments`"), "{error}");
    }

    #[test]
    fn relative_paths_begin_at_the_file() {
        let config = parsed("[identity]\ncertificate_file = \"client.cer\"\nkey_file = \"/k/client.key\"\n").unwrap();
        let identity = config.identity.unwrap();
        assert_eq!(identity.certificate_file, Path::new("/etc/kaspid/client.cer"));
        assert_eq!(identity.key_file, Path::new("/k/client.key"));
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused_by_key() {
        for (text, key) in [
            ("[kaspi]\nurl = \"http://x\"", "url"),
            ("[kaspi]\nurl = \"https://x/r3\"", "url"),
            ("[kaspi]\nformerly = [\"http://x\"]", "formerly"),
            ("[kaspi]\nformerly = \"https://x\"", "formerly"),
            ("[kaspi]\nstatus_version = \"1\"", "status_version"),
            ("[payments]\nphone_prefix = \"+7\"", "phone_prefix"),
            ("[payments]\nrefund_settle = \"10s\"", "refund_settle"),
            ("[limits]\nconnections = 0", "connections"),
            ("[follow]\nremote_sweep = \"never\"", "remote_sweep"),
            ("[follow]\nremote_sweep = [\"1s\"]", "remote_sweep"),
            ("[follow]\nrate = 0", "rate"),
            ("[daemon]\ntimezone = \"Mars/Base\"", "timezone"),
            ("[kaspi]\ntimeout = \"10\"", "timeout"),
        ] {
            assert!(parsed(text).unwrap_err().contains(key), "{text}");
        }
    }
}
