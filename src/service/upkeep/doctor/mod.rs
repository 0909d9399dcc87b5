//! `doctor`: what the daemon finds when it looks at itself, at the way to the bank and at the shop. Reads only: the
//! bank is asked one question that moves nothing, and never twice.

mod files;
mod shop;
mod way;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

pub use files::{Looker, files};

use super::backup::Backups;
use crate::domain::Dialect;
use crate::failure::Failure;
use crate::kaspi::{Kaspi, Question, probe};
use crate::operation::{Check, Diagnosis, Reloaded, Reply};
use crate::peer_groups::hidden_uid;
use crate::service::follow::{Following, Foreign};
use crate::service::{Context, Live, Settings};
use crate::store::{ConfigRow, Store, identity_mark};

/// Between two looks at the way to the bank, at least.
const PAUSE: Duration = Duration::from_secs(1);

/// The writer answers within this, or it hangs.
const WRITER: Duration = Duration::from_secs(5);

/// Looks at the daemon and its way to the bank; changes nothing.
pub(in crate::service) struct DoctorChecks {
    store: Store,
    live: Arc<Live>,
    shop: shop::ShopChecks,
    /// One look at the way to the bank at a time, and when the last one ended: whoever may ask for it may not flood
    /// the bank with handshakes.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

impl DoctorChecks {
    pub(in crate::service) fn new(
        store: Store,
        live: Arc<Live>,
        backups: Arc<Backups>,
        (following, foreign): (Arc<Following>, Arc<Foreign>),
    ) -> Self {
        let shop = shop::ShopChecks { store: store.clone(), backups, following, foreign };
        Self { store, live, shop, looked: tokio::sync::Mutex::default() }
    }

    pub(in crate::service) async fn diagnose(&self, context: &Context) -> Result<Reply, Failure> {
        let live = self.live.clone();
        let had_one = self.store.read(|reading| Ok(identity_mark(reading)?))?.is_some();
        let looked = tokio::task::spawn_blocking(move || {
            let files = files(live.path(), Looker::Daemon(&live.get(), had_one));
            let waits = files.settings.as_ref().map(|settings| live.pending(settings));
            (files.checks, waits)
        });
        let rows = self.seen_configs(context)?;
        let ((checks, waits), way, writer) = tokio::join!(
            async { looked.await.unwrap_or_default() },
            self.way_to_the_bank(&context.settings, &rows),
            timeout(WRITER, self.store.answers()),
        );
        let head = self.store.read(|reading| Ok(reading.head()?))?;
        let mut checks = checks;
        checks.push(callers(context));
        checks.extend(waits.map(|waits| in_force(&waits)));
        checks.extend(way);
        checks.extend(self.shop.all(context, &rows).await?);
        checks.push(match self.store.displaced() {
            Some(displaced) => Check::failed("log", displaced, "kaspictl backup FILE"),
            None => shop::log(head.place.seq, writer == Ok(true)),
        });
        Ok(Reply::Diagnosis(Diagnosis {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config_file: self.live.path().display().to_string(),
            state_dir: self.store.dir().display().to_string(),
            log_events: head.place.seq,
            log_head: head.hex(),
            checks,
        }))
    }

    /// The configs that are in use and the caller may see.
    fn seen_configs(&self, context: &Context) -> Result<Vec<ConfigRow>, Failure> {
        let rows = self.store.read(|reading| Ok(reading.configs()?))?;
        let seen = |row: &ConfigRow| !row.is_retired && context.scope.allows(row.shop_id, &row.organization_bin);
        Ok(rows.into_iter().filter(seen).collect())
    }

    async fn way_to_the_bank(&self, settings: &Settings, rows: &[ConfigRow]) -> Vec<Check> {
        let question = question(settings.config.kaspi.dialect, rows);
        let mut last = self.looked.lock().await;
        if let Some(last) = *last {
            sleep_until(last + PAUSE).await;
        }
        let kaspi: Option<&Kaspi> = settings.kaspi().ok();
        let probe = probe(&settings.config.kaspi.url, kaspi, question.as_ref()).await;
        *last = Some(Instant::now());
        drop(last);
        way::checks(settings, &probe, question.as_ref(), rows)
    }
}

/// What the bank can be asked that moves nothing: a ping where the dialect has one or is not known yet, else the trade
/// points of an organisation.
fn question(fixed: Option<Dialect>, rows: &[ConfigRow]) -> Option<Question> {
    let speaks = |dialect: Dialect| {
        let of = rows.iter().find(|row| row.dialect == Some(dialect));
        of.filter(|_| fixed.is_none_or(|fixed| fixed == dialect))
    };
    match (speaks(Dialect::Bank), speaks(Dialect::Guide), fixed) {
        (Some(_), _, _) => Some(Question::Ping),
        (None, Some(row), _) => Some(Question::TradePoints(row.organization_bin.clone())),
        (None, None, Some(Dialect::Guide)) => None,
        (None, None, _) => Some(Question::Ping),
    }
}

/// Whether the kernel tells the daemon who asks.
fn callers(context: &Context) -> Check {
    let found = |text: &str| format!("{text}: rights and the audit log go by what the kernel tells of a caller");
    if let Some(uid) = hidden_uid() {
        let text = found(&format!("the daemon runs in a user namespace, where it sees most users as {uid}"));
        return Check::failed("callers", text, "systemctl cat kaspid.service | grep PrivateUsers");
    }
    match context.caller.pid {
        Some(_) => Check::ok("callers", "the kernel tells who asks"),
        None => Check::warning(
            "callers",
            found("the kernel does not tell the process of this caller, which is in another PID namespace"),
            "systemctl cat kaspid.service | grep PrivatePIDs",
        ),
    }
}

fn in_force(waits: &Reloaded) -> Check {
    let names = |names: &[String]| names.join(", ");
    match (waits.changed.as_slice(), waits.restart_needed.as_slice()) {
        ([], []) => Check::ok("in_force", "the daemon works with what the file says"),
        (changed, []) => Check::warning(
            "in_force",
            format!("the file says something else by now: {}", names(changed)),
            "kaspictl reload",
        ),
        (_, restart) => Check::warning(
            "in_force",
            format!("the file says something else by now that needs a restart: {}", names(restart)),
            "systemctl restart kaspid.service",
        ),
    }
}
