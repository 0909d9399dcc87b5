//! The daemon, its certificate and its version for people.

use super::table::{Fields, clean};
use crate::ctl::when::Person;
use crate::operation::{Health, HealthStatus, Identity, LimitsInForce, ProblemItem, Reloaded, SealsInUse, Version};

/// How everything is, and what needs a person.
pub(super) fn health(health: &Health, reader: &Person) -> String {
    let headline = match health.status {
        HealthStatus::Ok => "OK",
        HealthStatus::Degraded => "SOMETHING NEEDS A PERSON",
    };
    let (configs, payments) = (&health.configs, &health.payments);
    let certificate = health.identity.as_ref().map_or_else(|| "none yet".to_owned(), |it| certificate(it, reader));
    let mut fields = Fields::default();
    fields
        .add("kaspid", &health.version)
        .add("certificate", certificate)
        .add(
            "organisations",
            format!(
                "{}: {} active, of these {} verified, {} unverified, {} suspended",
                configs.total, configs.active, configs.verified, configs.unverified, configs.suspended
            ),
        )
        .add("payments", format!("{} open, of these {} unknown", payments.open, payments.unknown))
        .add("sealed", sealed(health));
    let problems: String = health.problems.iter().map(|item| problem(item, reader)).collect();
    format!("{headline}\n{}{problems}", fields.print())
}

/// What lies sealed on the disk, and with which seal.
fn sealed(health: &Health) -> String {
    let SealsInUse { key, tokens } = &health.seals;
    match (key, tokens) {
        (Some(key), Some(tokens)) if key == tokens => format!("the key and device tokens, with seal {key}"),
        (Some(key), Some(tokens)) => format!("the key with seal {key}, device tokens with seal {tokens}"),
        (Some(key), None) => format!("the key, with seal {key}; device tokens are not"),
        // Whoever keeps the key instead may have sealed it.
        (None, Some(tokens)) => format!("device tokens, with seal {tokens}; no key is kept by the daemon"),
        (None, None) => "nothing: there is no credential kaspid.seal".to_owned(),
    }
}

fn problem(item: &ProblemItem, reader: &Person) -> String {
    let mut fields = Fields::default();
    fields
        .add("problem", format!("{} ({})", reader.local(&item.detail), item.code))
        .maybe("payment", item.payment)
        .maybe("organisation's row", item.config_id)
        .add("what to do", reader.local(&item.remedy));
    format!("\n{}", fields.print())
}

fn certificate(identity: &Identity, reader: &Person) -> String {
    let until = reader.show(identity.not_after);
    let waits = if identity.key_waits { "; another key waits for its certificate" } else { "" };
    let life = match identity.days_left {
        _ if identity.no_end => format!("{}, valid without an end", identity.subject),
        days if days < 0 => format!("{}, EXPIRED on {until}", identity.subject),
        days => format!("{}, valid until {until} ({days} days)", identity.subject),
    };
    format!("{life}{waits}")
}

/// Both programs' versions.
pub(super) fn version(daemon: &Version) -> String {
    let mut fields = Fields::default();
    fields.add("kaspictl", env!("CARGO_PKG_VERSION")).add("kaspid", &daemon.version).add("protocol", daemon.protocol);
    fields.print()
}

/// What one caller may use.
pub(super) fn limits(limits: &LimitsInForce) -> String {
    let mut fields = Fields::default();
    fields
        .add("connections", format!("{}, of one user {}", limits.connections, limits.connections_per_uid))
        .add("requests of one user", format!("{} a second, {} at once", limits.rate_per_uid, limits.burst_per_uid))
        .add("a request", format!("{} KiB", limits.body_bytes / 1024))
        .add("a page of a list", format!("{} rows", limits.rows))
        .add("a wait", format!("{} min", limits.wait_s / 60));
    fields.print()
}

/// What a reload did.
pub(super) fn reloaded(reloaded: &Reloaded) -> String {
    if reloaded.changed.is_empty() && reloaded.restart_needed.is_empty() {
        return "Reloaded; nothing has changed.\n".to_owned();
    }
    let changed = reloaded.changed.iter().map(|what| format!("changed: {}\n", clean(what)));
    let later = reloaded
        .restart_needed
        .iter()
        .map(|what| format!("changes only with a restart (systemctl restart kaspid): {}\n", clean(what)));
    changed.chain(later).collect()
}
