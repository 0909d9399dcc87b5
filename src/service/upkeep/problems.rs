//! What needs a person: of the identity, the bank, the organisations, the payments and the daemon itself.

use std::sync::Arc;
use std::time::Duration;

use super::backup::Backups;
use super::identity::NextStart;
use super::restored::gap_problems;
use crate::domain::Standing;
use crate::failure::{Code, Failure};
use crate::identity::ClientIdentity;
use crate::moment::Moment;
use crate::operation::ProblemItem;
use crate::service::follow::{Following, Foreign};
use crate::service::organisation::Verifications;
use crate::service::payment::{is_given_up_long_ago, payment_problems, problem};
use crate::service::{Context, Settings};
use crate::store::{self, Alarm, ConfigRow, PaymentRow, Store, identity_mark};

/// A certificate that ends within this many days is a problem: the bank takes weeks to renew one.
pub(super) const RENEW_DAYS: i64 = 30;

/// Payments looked at for what needs a person. An answer holds a mebibyte, and a person less.
pub(super) const NAMED: usize = 500;

/// How long something that could not be stored is told of: tills try again meanwhile.
const UNSTORED: Duration = Duration::from_secs(60);

/// Said where only the running daemon has the identity.
pub(super) const KEPT_NOWHERE: &str = "the key and certificate in use are kept nowhere: the next start would have none";

/// Said before why the daemon would not start again.
pub(super) const UNUSABLE: &str =
    "the next start would fail, for the files of the key and certificate are not those in use any more";

/// The same where none is in use.
const UNUSABLE_FILES: &str = "the next start would fail, for the files of the key and certificate cannot be used";

/// What to do where only the running daemon has the identity. Nobody may have the files: a key that was made here never left the daemon.
pub(super) fn take_in(settings: &Settings) -> &'static str {
    match settings.has_waiting_key() {
        true => {
            "Before the next restart install what the bank answers to the key that waits: kaspictl identity install CERT, \
             or take one in: kaspictl identity import --key FILE --cert FILE"
        }
        false => {
            "Before the next restart: kaspictl identity import --key FILE --cert FILE. Where nobody has these files, a new \
             key: kaspictl identity generate --subject 'CN=shop.kz,O=NAME,C=KZ', then kaspictl identity install CERT"
        }
    }
}

/// What to do about files that the next start could not use, and the command. The daemon's own are written anew by it.
pub(super) fn mend(settings: &Settings) -> String {
    match settings.place.vault() {
        Ok(_) => take_in(settings).to_owned(),
        Err(_) => "Put the right files in their place before the next restart, then: kaspictl doctor".to_owned(),
    }
}

/// What to do about the end of a certificate, and the command.
pub(super) fn renewal(settings: &Settings) -> (&'static str, &'static str) {
    match settings.has_waiting_key() {
        true => ("install what the bank answers to the key that waits", "kaspictl identity install CERT"),
        false => ("ask the bank for a new one", "kaspictl identity show"),
    }
}

/// Finds what needs a person; touches nothing.
#[derive(Clone)]
pub(in crate::service) struct Problems {
    store: Store,
    verifications: Arc<Verifications>,
    backups: Arc<Backups>,
    following: Arc<Following>,
    foreign: Arc<Foreign>,
    next_start: Arc<NextStart>,
}

impl Problems {
    pub(in crate::service) fn new(
        store: Store,
        verifications: Arc<Verifications>,
        backups: Arc<Backups>,
        (following, foreign): (Arc<Following>, Arc<Foreign>),
    ) -> Self {
        Self { store, verifications, backups, following, foreign, next_start: Arc::default() }
    }

    /// What needs a person, of these configs and payments and of the daemon itself.
    pub(super) async fn all(
        &self,
        context: &Context,
        configs: &[ConfigRow],
        (payments, more): (&[PaymentRow], usize),
    ) -> Result<Vec<ProblemItem>, Failure> {
        let had_one = self.store.read(|reading| Ok(identity_mark(reading)?))?.is_some();
        let mut problems: Vec<ProblemItem> = self.store.displaced().map(displaced).into_iter().collect();
        problems.extend(self.store.unstored(UNSTORED).map(unstored));
        let unusable = self.next_start.trouble(&context.settings.place).await;
        problems.extend(identity_problems(context, had_one, unusable));
        problems.extend(self.verifications.failed_looks.bank_problems(context, configs));
        problems.extend(gap_problems(&self.store)?);
        problems.extend(self.backups.backup_problem());
        problems.extend(configs.iter().filter_map(config_problem));
        problems.extend(configs.iter().flat_map(device_problems));
        problems.extend(payments.iter().flat_map(payment_problems));
        problems.extend(more_payments(more));
        problems.extend(self.following.follow_problems(context).await?);
        problems.extend(self.foreign.foreign_problems(context).await?);
        Ok(problems)
    }
}

/// The payments that need a person and that a caller may see, and how many more there are besides those that were looked
/// at; that is told only to who sees all.
pub(super) async fn for_a_person(store: &Store, context: &Context) -> Result<(Vec<PaymentRow>, usize), Failure> {
    let (mut rows, more) = store::for_a_person(store, NAMED, is_given_up_long_ago).await?;
    rows.retain(|row| context.sees(row));
    Ok((rows, if context.scope.is_everything() { more } else { 0 }))
}

fn unstored(why: String) -> ProblemItem {
    let failure = Failure::new(Code::StorageFailed, format!("the state could not be stored a moment ago: {why}"));
    problem(failure.code.word(), failure.detail.clone(), failure.remedy())
}

fn displaced(detail: String) -> ProblemItem {
    problem("state_displaced", detail, store::DISPLACED)
}

fn more_payments(more: usize) -> Option<ProblemItem> {
    let detail = || format!("{more} more payments need a person");
    (more > 0).then(|| problem("payments_more", detail(), "See to those above first: kaspictl status"))
}

/// `had_one`: the log knows of an identity that was in use.
/// `unusable`: why the next start could not use what it would find.
fn identity_problems(context: &Context, had_one: bool, unusable: Option<String>) -> Vec<ProblemItem> {
    let unusable = unusable.map(|why| {
        let said = if context.settings.identity().is_some() { UNUSABLE } else { UNUSABLE_FILES };
        problem("identity_unusable", format!("{said}: {why}"), mend(&context.settings))
    });
    let Some(identity) = context.settings.identity() else {
        let settings = &context.settings;
        let failure = if had_one { settings.identity_gone() } else { settings.no_identity() };
        let missing = problem(failure.code.word(), failure.detail.clone(), failure.remedy());
        return unusable.into_iter().chain([missing]).collect();
    };
    let is_unusable = unusable.is_some();
    let mut problems: Vec<ProblemItem> = unusable.into_iter().collect();
    if !is_unusable && context.settings.is_kept_nowhere() {
        problems.push(problem("identity_kept_nowhere", KEPT_NOWHERE.to_owned(), take_in(&context.settings)));
    }
    problems.extend(certificate_problem(&context.settings, identity));
    problems
}

fn certificate_problem(settings: &Settings, identity: &ClientIdentity) -> Option<ProblemItem> {
    let now = Moment::now();
    let view = identity.view(now);
    let (what, command) = renewal(settings);
    let end = match view.days_left {
        days if days < 0 => Some(format!("the certificate ended {} ({} days ago)", view.not_after, -days)),
        days if days < RENEW_DAYS => Some(format!("the certificate ends {} ({days} days)", view.not_after)),
        _ => None,
    };
    if let Some(end) = end {
        return Some(problem("certificate_expiring", end, format!("Now {what}: {command}")));
    }
    // Its own words end with what to do; here is what to look at.
    let why = settings.unfit(now)?;
    Some(problem(
        "certificate_unfit",
        format!("the bank takes no payments with it: {why}"),
        "Look at it: kaspictl doctor",
    ))
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
