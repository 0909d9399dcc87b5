//! The bank's trouble for people: unreachable, certificate refused, no answers, trade points that could not be looked
//! up. Kept in memory: it goes with the next success, and a restart asks anew. "Could not ask" changes nothing, but
//! it is visible (architecture §10).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::failure::{Code, Failure};
use crate::id::ConfigId;
use crate::kaspi::{Outage, OutageKind};
use crate::moment::Moment;
use crate::operation::ProblemItem;
use crate::service::{Context, Settings};
use crate::store::ConfigRow;

/// Behind the time a look is due: what its jitter, a few tries that fail, or a thousand other organisations take.
const GRACE: Duration = Duration::from_secs(15 * 60);

/// The looks at trade points that could not be made, until one can.
pub(in crate::service) struct FailedLooks {
    /// When the daemon started.
    started: Moment,
    failed: Mutex<HashMap<ConfigId, Failure>>,
}

impl Default for FailedLooks {
    fn default() -> Self {
        Self { started: Moment::now(), failed: Mutex::default() }
    }
}

impl FailedLooks {
    /// How a look went.
    pub(super) fn note(&self, config: ConfigId, look: Result<(), &Failure>) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match look {
            Ok(()) => drop(failed.remove(&config)),
            Err(failure) => drop(failed.insert(config, failure.clone())),
        }
    }

    fn of(&self, config: ConfigId) -> Option<Failure> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get(&config).cloned()
    }

    /// What stands between us and the bank, and which of these configs could not be looked up.
    pub(in crate::service) fn bank_problems(&self, context: &Context, configs: &[ConfigRow]) -> Vec<ProblemItem> {
        let active = || configs.iter().filter(|row| row.is_active);
        let trouble = context.settings.record.trouble();
        let mut problems: Vec<ProblemItem> =
            trouble.iter().map(|trouble| trouble_problem(trouble, context, active().next())).collect();
        problems.extend(active().filter_map(|row| self.look_problem(&context.settings, row)));
        problems
    }

    /// Whether a config's trade point should have been looked up by now.
    pub(in crate::service) fn is_overdue(&self, settings: &Settings, row: &ConfigRow) -> bool {
        let every = settings.config.verify.every;
        let last = row.last_verified_at.unwrap_or(row.created_at);
        let late = Moment::now().since(last) > every + every / 10 + GRACE;
        // What ran out while the daemon was not running is looked up at its start, and not called late before.
        let had_time = Moment::now().since(self.started) > GRACE || self.of(row.id).is_some();
        row.is_active && late && had_time
    }

    fn look_problem(&self, settings: &Settings, row: &ConfigRow) -> Option<ProblemItem> {
        let failed = self.of(row.id);
        let is_overdue = self.is_overdue(settings, row);
        // While the bank cannot be asked at all, that is one problem and not one for each organisation.
        let of_its_own = failed.as_ref().is_some_and(|failure| !is_of_all(failure));
        if !is_overdue && !of_its_own {
            return None;
        }
        let last = row.last_verified_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let why = failed.map_or_else(String::new, |failure| format!("; the last look failed: {}", failure.detail));
        Some(ProblemItem {
            code: if is_overdue { "verify_overdue" } else { "verify_failed" }.to_owned(),
            detail: format!(
                "the trade point of {} was last seen listed {last}, and nothing changes until it is looked up{why}",
                row.organization_bin
            ),
            remedy: format!("Look it up now: kaspictl bin verify {}", row.organization_bin),
            payment: None,
            config_id: Some(row.id),
        })
    }
}

/// Whether a failure says nothing of the organisation that was asked about.
fn is_of_all(failure: &Failure) -> bool {
    matches!(failure.code, Code::KaspiUnavailable | Code::CertificateRefused | Code::IdentityMissing)
}

fn trouble_problem(trouble: &Outage, context: &Context, config: Option<&ConfigRow>) -> ProblemItem {
    let bin = config.map_or("BIN", |row| row.organization_bin.as_str());
    let url = &context.settings.config.kaspi.url;
    let (code, what, remedy) = match trouble.kind {
        OutageKind::Unreachable => (
            "kaspi_unreachable",
            "Kaspi cannot be reached",
            format!("Look at the network: curl -sv -o /dev/null {url}; then ask again: kaspictl bin verify {bin}"),
        ),
        OutageKind::Certificate => (
            Code::CertificateRefused.word(),
            "Kaspi refuses our certificate",
            format!(
                "See which it is: kaspictl identity show; ask the bank why, put the right one in place, then: kaspictl reload && kaspictl bin verify {bin}"
            ),
        ),
        OutageKind::NoAnswer => (
            "kaspi_no_answer",
            "Kaspi takes calls and gives no usable answer",
            format!("Ask again: kaspictl bin verify {bin}; if it stays, tell the bank the time and kaspictl log list"),
        ),
    };
    let detail = format!("{what} since {}; last tried {}: {}", trouble.since, trouble.last, trouble.why);
    ProblemItem { code: code.to_owned(), detail, remedy, payment: None, config_id: None }
}
