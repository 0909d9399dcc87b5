//! The state of the daemon, and what needs a person.

use std::time::Duration;

use super::{Request, Service};
use crate::domain::{Standing, State};
use crate::failure::{Code, Failure};
use crate::moment::Moment;
use crate::operation::{ConfigCounts, Health, HealthStatus, PaymentCounts, ProblemItem, Reloaded, Reply};
use crate::store::{Alarm, ConfigRow, Doubt, PaymentRow, RefundRow, RefundState};

/// A certificate that ends within this many days is a problem: the bank takes weeks to renew one.
pub(super) const RENEW_DAYS: i64 = 30;

/// How long a payment that was given up stands among the problems.
const SUPERSEDED: Duration = Duration::from_secs(24 * 3600);

impl Service {
    pub(super) fn health(&self, request: &Request) -> Result<Reply, Failure> {
        let (configs, payments, open) = self.store.read(|reading| {
            let open = match request.scope.is_everything() {
                true => reading.open_count()?,
                false => {
                    let seen = reading.open_payments()?.into_iter().filter(|row| request.sees(row)).count();
                    u64::try_from(seen).unwrap_or(u64::MAX)
                }
            };
            Ok((reading.configs()?, reading.payments_for_a_person()?, open))
        })?;
        let configs: Vec<_> =
            configs.into_iter().filter(|row| request.scope.allows(row.shop_id, &row.organization_bin)).collect();
        let payments: Vec<_> = payments.into_iter().filter(|row| request.sees(row)).collect();
        let unknown = payments.iter().filter(|row| row.state == State::Unknown).count();
        let problems = self.problems(request, &configs, &payments)?;
        Ok(Reply::Health(Health {
            status: if problems.is_empty() { HealthStatus::Ok } else { HealthStatus::Degraded },
            version: env!("CARGO_PKG_VERSION").to_owned(),
            identity: request.settings.identity().map(|identity| identity.view(Moment::now())),
            configs: counts(&configs),
            payments: PaymentCounts { open, unknown: u64::try_from(unknown).unwrap_or(u64::MAX) },
            problems,
        }))
    }

    /// What needs a person, of these configs and payments and of the daemon itself.
    pub(super) fn problems(
        &self,
        request: &Request,
        configs: &[ConfigRow],
        payments: &[PaymentRow],
    ) -> Result<Vec<ProblemItem>, Failure> {
        let mut problems = identity_problems(request);
        problems.extend(self.bank_problems(request, configs));
        problems.extend(self.gap_problems()?);
        problems.extend(self.backup_problem());
        problems.extend(configs.iter().filter_map(config_problem));
        problems.extend(configs.iter().flat_map(device_problems));
        problems.extend(payments.iter().flat_map(payment_problems));
        problems.extend(self.follow_problems(request)?);
        problems.extend(self.foreign_problems(request)?);
        Ok(problems)
    }

    pub(super) fn identity(&self, request: &Request) -> Result<Reply, Failure> {
        match request.settings.identity() {
            Some(identity) => Ok(Reply::Identity(identity.view(Moment::now()))),
            None => Err(Failure::new(Code::IdentityMissing, "the daemon has no key and certificate for Kaspi yet")),
        }
    }

    /// What SIGHUP does, with the result.
    ///
    /// # Errors
    /// `invalid_request`: the old settings stay in force.
    pub async fn reload(&self) -> Result<Reloaded, Failure> {
        let live = self.live.clone();
        let reloaded = tokio::task::spawn_blocking(move || live.reload()).await;
        let reloaded =
            reloaded.unwrap_or_else(|_| Err(Failure::invalid("the reload stopped; the old settings stay")))?;
        for warning in &self.live.get().warnings {
            tracing::warn!("{warning}");
        }
        self.keep_warm();
        if let Err(failure) = self.sort_by_bank() {
            tracing::warn!(detail = failure.detail, "payments of another bank could not be looked for");
        }
        let service = self.clone();
        tokio::spawn(async move { service.settle_dialects().await });
        Ok(reloaded)
    }
}

fn counts(configs: &[ConfigRow]) -> ConfigCounts {
    let count = |fits: fn(&ConfigRow) -> bool| {
        u64::try_from(configs.iter().filter(|row| fits(row)).count()).unwrap_or(u64::MAX)
    };
    ConfigCounts {
        total: count(|_| true),
        active: count(|row| row.is_active),
        verified: count(|row| row.is_active && row.standing == Standing::Verified),
        unverified: count(|row| row.is_active && row.standing == Standing::Unverified),
        suspended: count(|row| row.is_active && row.standing == Standing::Suspended),
    }
}

pub(super) fn problem(code: &str, detail: impl Into<String>, remedy: impl Into<String>) -> ProblemItem {
    ProblemItem { code: code.to_owned(), detail: detail.into(), remedy: remedy.into(), payment: None, config_id: None }
}

fn identity_problems(request: &Request) -> Vec<ProblemItem> {
    let Some(identity) = request.settings.identity() else {
        let failure = Failure::new(Code::IdentityMissing, "there is no key and certificate for Kaspi");
        return vec![problem(failure.code.word(), failure.detail.clone(), failure.remedy())];
    };
    let view = identity.view(Moment::now());
    if view.days_left >= RENEW_DAYS {
        return Vec::new();
    }
    let detail = format!("the certificate ends {} ({} days)", view.not_after, view.days_left);
    vec![problem("certificate_expiring", detail, "Ask the bank for a new one now: kaspictl identity show")]
}

fn config_problem(row: &ConfigRow) -> Option<ProblemItem> {
    if !row.is_active {
        return None;
    }
    let remedy = format!("Look it up again: kaspictl bin verify {}", row.organization_bin);
    let found = match row.standing {
        Standing::Suspended => {
            let why = row.standing_reason.as_deref().unwrap_or("unknown");
            problem("config_suspended", format!("{} takes no payments: {why}", row.organization_bin), remedy)
        }
        _ if row.missing_since.is_some() => {
            let detail = format!(
                "Kaspi does not list the trade point of {} any more; another look follows",
                row.organization_bin
            );
            let remedy = format!("See what Kaspi lists: kaspictl bin trade-points {}", row.organization_bin);
            problem("trade_point_missing", detail, remedy)
        }
        _ => return None,
    };
    Some(ProblemItem { config_id: Some(row.id), ..found })
}

fn device_problems(row: &ConfigRow) -> impl Iterator<Item = ProblemItem> {
    let bin = &row.organization_bin;
    row.alarms.each().filter(|_| row.is_active).map(move |(point, alarm)| {
        let (what, command) = (alarm.what(), alarm.command(bin, point));
        let remedy = match alarm {
            Alarm::GivenOfAnother => {
                format!("Ask the bank about the two devices. Once it gives this one a token of its own: {command}")
            }
            Alarm::RegisteredAgain | Alarm::NotRegisteredAgain => {
                format!("Ask who switched it off, and look it up again: {command}")
            }
        };
        let found = problem("device_alarm", format!("{bin} at trade point {point}: {what}"), remedy);
        ProblemItem { config_id: Some(row.id), ..found }
    })
}

/// The bank's books may be behind for a few minutes; if they stay so, something here never happened.
pub(super) fn balance_problem(row: &PaymentRow) -> Option<ProblemItem> {
    let (balance, since) = row.stands_above(Moment::now())?;
    let (id, left) = (row.id, row.account().left());
    let detail = format!("Kaspi shows since {since} that {balance} can be paid back, and {left} is left by our books");
    let remedy = match row.account().too_much(balance) {
        Some(refund) => format!(
            "Look in the Kaspi Pay app. If refund {0} is not there: kaspictl payment resolve {id} --refund {0} --happened no --reason TEXT",
            refund.id
        ),
        None if !row.refunded_elsewhere.is_zero() => format!(
            "Look in the Kaspi Pay app. If nothing went back without kaspid: kaspictl payment resolve {id} --paid yes --reason TEXT"
        ),
        None => format!(
            "Compare kaspictl payment show {id} with the Kaspi Pay app. For a refund that is not there: kaspictl payment resolve {id} \
             --refund REFUND --happened no --reason TEXT"
        ),
    };
    Some(problem("balance_above", detail, remedy))
}

/// A refund that runs is nobody's business yet.
fn is_for_a_person(refund: &RefundRow) -> bool {
    match refund.state {
        RefundState::Doubted | RefundState::Unsettled => true,
        RefundState::Running | RefundState::Success(_) | RefundState::Failed { .. } | RefundState::Watched => false,
    }
}

/// Whose a payment is, or of how much, is not as we have it: until it is, its money stands in no sum.
pub(super) fn ownership_problem(row: &PaymentRow) -> Option<ProblemItem> {
    let (id, bin, point) = (row.id, &row.organization_bin, &row.trade_point_id);
    let word = match row.state {
        State::Paid => format!("kaspictl payment resolve {id} --paid yes --reason TEXT"),
        _ => format!("kaspictl payment resolve {id} --paid yes|no --reason TEXT"),
    };
    let (code, detail, remedy) = match (row.disputed_total(), &row.doubt) {
        (Some(other), _) => (
            "payment_amount_differs",
            format!("Kaspi says {other}, we asked for {}; it stands in no sum", row.amount),
            format!(
                "Look in the Kaspi Pay app and compare: kaspictl payment show {id}; to let our amount stand: {word}"
            ),
        ),
        (None, Some(Doubt::Refused(why))) if row.is_paid_in_doubt() => (
            "payment_of_another",
            format!(
                "Kaspi calls {} paid and says that it is not of {bin} at trade point {point} ({why}); it stands in no sum",
                row.amount
            ),
            format!(
                "Look in the Kaspi Pay app of {bin} whether the money is there, then: {word}. If it is and Kaspi has \
                 forgotten the device: kaspictl bin register {bin} --trade-point {point}"
            ),
        ),
        (None, Some(_)) if row.is_paid_in_doubt() => (
            "payment_unproven",
            format!(
                "Kaspi calls {} paid, and could not be asked yet whether it is of {bin}; it stands in no sum",
                row.amount
            ),
            format!("It is asked again by itself; now: kaspictl payment show {id}. If you know it: {word}"),
        ),
        _ => return None,
    };
    Some(problem(code, detail, remedy))
}

pub(super) fn payment_problems(row: &PaymentRow) -> Vec<ProblemItem> {
    let mut problems = Vec::new();
    if row.state == State::Unknown {
        let detail = format!("nobody here knows whether a payment of {} was made", row.amount);
        let remedy = format!(
            "Look at the customer's phone or the Kaspi Pay app, then: kaspictl payment resolve {} --attach QRID --reason TEXT; if it was not billed, --abandon instead of --attach QRID",
            row.id
        );
        problems.push(problem("payment_unknown", detail, remedy));
    }
    if let Some((number, by)) = &row.number_taken {
        let detail =
            format!("for a payment of {} Kaspi gave the number {number}, which is payment {by} here", row.amount);
        let remedy = format!(
            "Look at both in the Kaspi Pay app (kaspictl payment show {by}) and ask the bank, then: kaspictl payment resolve {id} \
             --attach QRID --reason TEXT, or --abandon instead of --attach QRID",
            id = row.id
        );
        problems.push(problem("payment_number_taken", detail, remedy));
    }
    if row.state == State::Abandoned && Moment::now().since(row.updated_at) < SUPERSEDED {
        let detail = format!("{} was given up and may have been paid all the same", row.amount);
        let remedy = "Look in the Kaspi Pay app at the end of the day; this line goes after 24 hours";
        problems.push(problem("payment_abandoned", detail, remedy));
    }
    if let Some(status) = &row.contradiction {
        let detail = format!("{} was paid, and Kaspi said {status} of it later", row.amount);
        let remedy = format!(
            "Look in the Kaspi Pay app whether the money is there. Once that is settled: kaspictl payment resolve {} --paid yes --reason TEXT",
            row.id
        );
        problems.push(problem("payment_contradicted", detail, remedy));
    }
    problems.extend(ownership_problem(row));
    problems.extend(balance_problem(row));
    if row.late && !row.acknowledged {
        let detail = format!("{} was paid after it had been called over", row.amount);
        let remedy = format!(
            "Hand over the goods, or pay it back: kaspictl payment refund {0}; then: kaspictl payment resolve {0} --paid yes --reason TEXT",
            row.id
        );
        problems.push(problem("payment_late", detail, remedy));
    }
    for refund in row.refunds.iter().filter(|refund| is_for_a_person(refund)) {
        let detail = format!("nobody here knows whether a refund of {} happened", refund.amount);
        let remedy = format!(
            "Look in the Kaspi Pay app, then: kaspictl payment resolve {} --refund {} --happened yes|no --reason TEXT",
            row.id, refund.id
        );
        problems.push(problem("refund_pending", detail, remedy));
    }
    problems.into_iter().map(|found| ProblemItem { payment: Some(row.id), ..found }).collect()
}
