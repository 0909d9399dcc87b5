//! The shop: its organisations, payments, backups and log.

use std::sync::Arc;
use std::time::Duration;

use super::super::backup::{Backups, newest};
use super::super::health::sees_payments_of;
use super::super::problems::for_a_person;
use super::super::restored::gap_problems;
use crate::domain::Standing;
use crate::failure::Failure;
use crate::moment::Moment;
use crate::operation::{Check, ProblemItem};
use crate::service::Context;
use crate::service::follow::{Following, Foreign};
use crate::service::payment::payment_problems;
use crate::service::select::settled;
use crate::store::{ConfigRow, Store, what_stands};

/// A daily backup is at most a day and a quiet hour old; twice that is a lost day.
const STALE: Duration = Duration::from_secs(48 * 3600);

/// Payments that are named; of the others only how many.
const NAMED: usize = 10;

/// Looks at what the shop has; touches nothing.
pub(super) struct ShopChecks {
    pub(super) store: Store,
    pub(super) backups: Arc<Backups>,
    pub(super) following: Arc<Following>,
    pub(super) foreign: Arc<Foreign>,
}

impl ShopChecks {
    pub(super) async fn all(&self, context: &Context, rows: &[ConfigRow]) -> Result<Vec<Check>, Failure> {
        let mut checks = Vec::new();
        for row in rows {
            checks.push(self.organisation(context, row)?);
        }
        if rows.is_empty() {
            checks.push(Check::warning(
                "bin",
                "no organisation is enrolled: no payment can be taken",
                "kaspictl bin add BIN",
            ));
        }
        checks.extend(self.payments_check(context).await?);
        let gap = |gap: ProblemItem| {
            let first = "compare the Kaspi Pay app with kaspictl payment list for that time first";
            Check::failed("restore", format!("{}; {first}", gap.detail), "kaspictl restore --acknowledge")
        };
        checks.extend(gap_problems(&self.store)?.into_iter().map(gap));
        checks.push(self.backups_check());
        checks.push(self.seal_check());
        Ok(checks)
    }

    /// How device tokens lie on the disk. Plain is what a shop begins with, and no fault.
    fn seal_check(&self) -> Check {
        match self.store.seal() {
            Some(id) => {
                Check::ok("seal", format!("device tokens are sealed with the credential kaspid.seal, seal {id}"))
            }
            None => Check::ok(
                "seal",
                "device tokens lie unsealed, in files of mode 0600; a credential kaspid.seal would seal them",
            ),
        }
    }

    /// Whether an organisation can take payments; never the bank's own words.
    fn organisation(&self, context: &Context, row: &ConfigRow) -> Result<Check, Failure> {
        let bin = &row.organization_bin;
        let verify = format!("kaspictl bin verify {bin}");
        let last =
            row.last_verified_at.map_or("never".to_owned(), |at| format!("{} ago", rough(Moment::now().since(at))));
        let with = settled(&context.settings, row).ok();
        let registered = match &with {
            None => true,
            Some(with) => self.store.read(|reading| Ok(reading.triple(bin, &row.trade_point_id, with)?))?.is_some(),
        };
        let overdue =
            row.last_verified_at.is_none_or(|at| Moment::now().since(at) > 2 * context.settings.config.verify.every);
        let check = if !row.is_active {
            Check::skipped("bin", "switched off: takes no new payments")
                .with_command(format!("kaspictl bin activate {bin}"))
        } else if with.is_none() {
            Check::failed(
                "bin",
                "takes no payments: it is not known which dialect the bank speaks (dialect_changed)",
                verify,
            )
        } else if row.standing == Standing::Suspended {
            let why = row.standing_reason.as_deref().unwrap_or("no reason kept");
            Check::failed("bin", format!("takes no payments: {why}; last verified {last}"), verify)
        } else if !registered {
            Check::failed("bin", "takes no payments: no device is registered", format!("kaspictl bin register {bin}"))
        } else if row.missing_since.is_some() {
            Check::warning("bin", "its trade point was not listed at the last look; another follows", verify)
        } else if let Some((point, alarm)) = row.alarms.each().next() {
            let what = format!("at trade point {point} {}", alarm.what());
            Check::warning("bin", what, alarm.command(bin, point))
        } else if overdue {
            Check::warning("bin", format!("takes payments; last verified {last}"), verify)
        } else {
            Check::ok("bin", format!("takes payments; verified {last}"))
        };
        Ok(check.of(bin, row.id))
    }

    async fn payments_check(&self, context: &Context) -> Result<Vec<Check>, Failure> {
        let (census, configs) = (what_stands(&self.store).await?, self.store.read(|reading| Ok(reading.configs()?))?);
        let open = census.open_in(None, |whose| sees_payments_of(context, &configs, whose));
        let (rows, unlooked) = for_a_person(&self.store, context).await?;
        let told = rows.iter().flat_map(payment_problems);
        let foreign = self.foreign.foreign_problems(context).await?;
        let mut problems: Vec<Check> = told.chain(foreign).map(payment_check).collect();
        let follow = self.following.follow_problems(context).await?;
        problems.extend(follow.into_iter().map(|found| Check::warning("payments", found.detail, "kaspictl status")));
        // What does not work stands first, and is not what is left out.
        problems.sort_by_key(|check| !check.has_failed());
        let more = problems.len().saturating_sub(NAMED) + unlooked;
        problems.truncate(NAMED);
        if problems.is_empty() {
            problems.push(Check::ok("payments", format!("{open} open, none that needs a person")));
        }
        if more > 0 {
            problems.push(Check::warning("payments", format!("{more} more need a person"), "kaspictl status"));
        }
        Ok(problems)
    }

    fn backups_check(&self) -> Check {
        let now = Moment::now();
        if let Some(trouble) = self.backups.backup_problem() {
            return Check::failed("backup", trouble.detail, "kaspictl backup FILE");
        }
        // A state that is new has had no quiet moment yet, however old the rows are that were taken into it.
        let made = self.store.made_at();
        match newest(self.store.dir()) {
            Err(error) => {
                Check::failed("backup", format!("the backups cannot be read: {error}"), "kaspictl backup FILE")
            }
            Ok(Some(at)) if now.since(at) > STALE => {
                let found = format!("the newest daily backup is {} old", rough(now.since(at)));
                Check::failed("backup", found, "kaspictl backup FILE")
            }
            Ok(Some(at)) => Check::ok("backup", format!("the newest is {} old", rough(now.since(at)))),
            Ok(None) if made.is_some_and(|made| now.since(made) > STALE) => {
                Check::failed("backup", "there is no daily backup", "kaspictl backup FILE")
            }
            Ok(None) => Check::ok("backup", "none yet; the first one follows in a quiet moment"),
        }
    }
}

fn payment_check(problem: ProblemItem) -> Check {
    let show = match problem.payment {
        Some(id) => format!("kaspictl payment show {id}"),
        None => "kaspictl status".to_owned(),
    };
    let check = match problem.code.as_str() {
        "payment_unknown" | "refund_pending" | "payment_contradicted" => {
            Check::failed("payments", problem.detail, show)
        }
        _ => Check::warning("payments", problem.detail, show),
    };
    match problem.payment {
        Some(id) => check.about(id),
        None => check,
    }
}

pub(super) fn log(events: u64, writer_answers: bool) -> Check {
    match writer_answers {
        true if events == 1 => Check::ok("log", "1 event; to prove the chain: kaspictl log verify"),
        true => Check::ok("log", format!("{events} events; to prove the chain: kaspictl log verify")),
        false => Check::failed("log", "the log's writer does not answer", "journalctl -u kaspid -n 50 --no-pager"),
    }
}

/// `3 h`, for people.
fn rough(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 2 * 3600 => format!("{} min", seconds / 60),
        seconds if seconds < 48 * 3600 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
