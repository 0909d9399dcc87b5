//! The allow-list: a report holds what these types have a field for, and nothing else. No field takes a text that a
//! person, the bank or a till has written.

use serde::Serialize;
use serde_json::Value;

use super::redact::Redact;
use super::system::{FileFacts, System};
use crate::domain::{Dialect, LogStatus, OperationType, Standing};
use crate::id::{ConfigId, ShopId};
use crate::moment::Moment;
use crate::operation::{self, Check, CheckStatus, ConfigCounts, Health, HealthStatus, LogRow, PaymentCounts};

/// The file.
#[derive(Serialize)]
pub(super) struct Bundle {
    /// Raised when a field changes its meaning.
    pub(super) format: u8,
    pub(super) about: About,
    pub(super) made_at: Moment,
    pub(super) programs: Programs,
    pub(super) system: System,
    pub(super) doctor: Vec<DoctorLine>,
    /// Each setting as far as its type lets it be told: no path, no user. Null where the file cannot be read or used;
    /// then doctor says why.
    pub(super) settings: Option<Value>,
    /// Null without a daemon that answers.
    pub(super) health: Option<HealthPart>,
    pub(super) organisations: Vec<OrganisationPart>,
    pub(super) log_events: Option<u64>,
    pub(super) log_head: Option<String>,
    /// Null where this user may not read the log.
    pub(super) latest_failures: Option<Vec<FailedRow>>,
    pub(super) files: Vec<FileFacts>,
    /// Null where no journal can be read.
    pub(super) journal: Option<Vec<String>>,
}

/// For whoever reads it before it is sent.
#[derive(Serialize)]
pub(super) struct About {
    pub(super) holds: &'static str,
    pub(super) leaves_out: &'static str,
}

impl Default for About {
    fn default() -> Self {
        Self {
            holds: "versions, operating system, doctor's findings, settings that are no secret, counts of payments, \
                    the head of the log, codes of the latest failures, modes of files, the daemon's latest journal lines",
            leaves_out: "keys, certificates, tokens, phones, names, comments, invoices, amounts of payments, payment numbers; \
                         organisations are named by their row and not by their BIN",
        }
    }
}

#[derive(Serialize)]
pub(super) struct Programs {
    pub(super) kaspictl: &'static str,
    pub(super) kaspid: Option<String>,
    pub(super) protocol: u16,
}

/// A check without its BIN and payment.
#[derive(Serialize)]
pub(super) struct DoctorLine {
    check: String,
    status: CheckStatus,
    config_id: Option<ConfigId>,
    found: String,
    command: Option<String>,
}

impl DoctorLine {
    pub(super) fn of(check: &Check, redact: &Redact) -> Self {
        // Of a payment only that it needs a person: its sentence has the amount, its command the number. Of whoever
        // asks only whether he may.
        let plain = match (check.payment, check.check.as_str()) {
            (Some(_), _) => Some("a payment needs a person"),
            (None, "user") => Some("see asked_as_uid"),
            (None, _) => None,
        };
        Self {
            check: check.check.clone(),
            status: check.status,
            config_id: check.config_id,
            found: plain.map_or_else(|| redact.text(&check.found), str::to_owned),
            command: check.command.as_ref().filter(|_| plain.is_none()).map(|command| redact.text(command)),
        }
    }
}

/// Health without what names anybody.
#[derive(Serialize)]
pub(super) struct HealthPart {
    status: HealthStatus,
    certificate_ends: Option<Moment>,
    certificate_days_left: Option<i64>,
    key_sealed: Option<bool>,
    configs: ConfigCounts,
    payments: PaymentCounts,
    problems: Vec<ProblemPart>,
}

#[derive(Serialize)]
struct ProblemPart {
    code: String,
    config_id: Option<ConfigId>,
}

impl HealthPart {
    pub(super) fn of(health: &Health) -> Self {
        let identity = health.identity.as_ref();
        let problem =
            |item: &operation::ProblemItem| ProblemPart { code: item.code.clone(), config_id: item.config_id };
        Self {
            status: health.status,
            certificate_ends: identity.map(|identity| identity.not_after),
            certificate_days_left: identity.map(|identity| identity.days_left),
            key_sealed: identity.map(|identity| identity.sealed),
            configs: health.configs,
            payments: health.payments,
            problems: health.problems.iter().map(problem).collect(),
        }
    }
}

/// A config by its row.
#[derive(Serialize)]
pub(super) struct OrganisationPart {
    config_id: ConfigId,
    shop_id: ShopId,
    is_active: bool,
    is_default: bool,
    dialect: Option<Dialect>,
    standing: Standing,
    created_at: Moment,
    updated_at: Moment,
    last_verified_at: Option<Moment>,
}

impl OrganisationPart {
    pub(super) fn of(config: &operation::Config) -> Self {
        Self {
            config_id: config.id,
            shop_id: config.shop_id,
            is_active: config.is_active,
            is_default: config.is_default,
            dialect: config.dialect,
            standing: config.standing,
            created_at: config.created_at,
            updated_at: config.updated_at,
            last_verified_at: config.last_verified_at,
        }
    }
}

/// A failed row of the log as codes.
#[derive(Serialize)]
pub(super) struct FailedRow {
    row: u64,
    at: Moment,
    operation: OperationType,
    status: LogStatus,
    provider_code: Option<i64>,
    duration_ms: Option<u64>,
    config_id: Option<ConfigId>,
}

impl FailedRow {
    pub(super) fn of(row: &LogRow) -> Self {
        Self {
            row: row.id,
            at: row.created_at,
            operation: row.operation_type,
            status: row.status,
            provider_code: row.provider_code,
            duration_ms: row.duration_ms,
            config_id: row.kaspi_config_id,
        }
    }
}
