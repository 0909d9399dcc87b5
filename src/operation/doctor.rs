//! What `kaspictl doctor` and `GET /v1/doctor` find.

use serde::{Deserialize, Serialize};

use crate::domain::words;
use crate::id::{ConfigId, OrganizationBin, PaymentId};

/// What the daemon finds when it looks at itself, at the way to the bank and at the shop. Never a secret, a phone,
/// a name or the bank's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Diagnosis {
    /// Of the running program.
    pub version: String,
    /// The file its configuration was read from.
    pub config_file: String,
    /// Where its state is.
    pub state_dir: String,
    /// Events in the audit log.
    pub log_events: u64,
    /// SHA-256 of the last one, in hex.
    pub log_head: String,
    /// In the order of the cause: what makes a later check fail stands before it.
    pub checks: Vec<Check>,
}

words! {
    /// How a check ended.
    CheckStatus {
        /// As it must be.
        Ok = "ok",
        /// Works, and somebody should look at it.
        Warning = "warning",
        /// Does not work.
        Failed = "failed",
        /// Not looked at: an earlier check stands in the way, or there is nothing to look at.
        Skipped = "skipped",
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Check {
    /// Stable word, such as `dns`; several things of one kind have the same.
    pub check: String,
    /// How it ended.
    pub status: CheckStatus,
    /// What was found.
    pub found: String,
    /// The command to type next: always there if it failed or is a warning.
    pub command: Option<String>,
    /// The organisation it is about.
    pub organization_bin: Option<OrganizationBin>,
    /// The row of that organisation.
    pub config_id: Option<ConfigId>,
    /// The payment it is about.
    pub payment: Option<PaymentId>,
}

impl Check {
    fn new(check: &str, status: CheckStatus, found: String, command: Option<String>) -> Self {
        let (organization_bin, config_id, payment) = (None, None, None);
        Self { check: check.to_owned(), status, found, command, organization_bin, config_id, payment }
    }

    /// As it must be.
    #[must_use]
    pub fn ok(check: &str, found: impl Into<String>) -> Self {
        Self::new(check, CheckStatus::Ok, found.into(), None)
    }

    /// Works, and `command` is the next thing to do.
    #[must_use]
    pub fn warning(check: &str, found: impl Into<String>, command: impl Into<String>) -> Self {
        Self::new(check, CheckStatus::Warning, found.into(), Some(command.into()))
    }

    /// Does not work, and `command` is the next thing to do.
    #[must_use]
    pub fn failed(check: &str, found: impl Into<String>, command: impl Into<String>) -> Self {
        Self::new(check, CheckStatus::Failed, found.into(), Some(command.into()))
    }

    /// Not looked at, for this reason.
    #[must_use]
    pub fn skipped(check: &str, found: impl Into<String>) -> Self {
        Self::new(check, CheckStatus::Skipped, found.into(), None)
    }

    /// The same with something to type all the same.
    #[must_use]
    pub fn with_command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// Names the organisation.
    #[must_use]
    pub fn of(mut self, bin: &OrganizationBin, config_id: ConfigId) -> Self {
        (self.organization_bin, self.config_id) = (Some(bin.clone()), Some(config_id));
        self
    }

    /// Names the payment.
    #[must_use]
    pub fn about(mut self, payment: PaymentId) -> Self {
        self.payment = Some(payment);
        self
    }

    /// True if it does not work.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.status == CheckStatus::Failed
    }
}

/// Has the daemon look at itself, at the way to the bank and at the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnose;
