//! The rules of each resource. [`Service::run`], and [`Service::run_stream`] for files, are the only ways in, and take
//! only what has been admitted.
//!
//! The rules live in rooms. A room is a folder; what it does is done by structs that each have a state of their own, and
//! whose constructors say what they may touch. A room uses those above it in this list, and none below:
//!
//! ```text
//! bank          tokens, registrations and payers; what Kaspi's trouble is called
//! payment       a payment as it stands: read, asked about, waited for
//! money         create, cancel, refund; keys, balances, adoptions and people's words
//! follow        what is asked about when nobody asks
//! organisation  configs: enrolled, moved, retired, seen listed
//! records       what is read of it all: lists, the log, reports, files
//! upkeep        health, doctor, metrics, backups, reload
//! ```
//!
//! On the ground stand what a request carries ([`context`]), which organisation a new payment uses and why none
//! ([`select`]), the settings in force ([`settings`]), the rate of reads at the bank ([`rate`]), locks by name ([`locks`])
//! and the end of a run ([`stop`]). A constructor names the rooms that a struct uses; what it writes stands in its docs,
//! for the store is one.

mod bank;
mod context;
mod crowd;
mod follow;
mod locks;
mod money;
mod organisation;
mod payment;
mod rate;
mod records;
mod rooms;
mod select;
mod settings;
mod stop;
mod upkeep;

use std::sync::Arc;

use crate::access::{Admitted, Caller};
use crate::failure::Failure;
use crate::metrics::DoorMeters;
use crate::operation::{ImportConfigs, ImportLog, Operation, Reply, Row, Version};
use crate::store::Store;
use crate::transfer::{Transferred, Upload};
use context::Context;
pub use rooms::Background;
use rooms::Rooms;
pub use settings::{Live, Settings, SettingsError};
pub use upkeep::{Looker, check_files};

/// The rules and all they need; a cheap handle.
#[derive(Clone)]
pub struct Service(Arc<Rooms>);

impl Service {
    /// A service on an open store, and what its background work listens to.
    #[must_use]
    pub fn new(store: Store, live: Arc<Live>) -> (Self, Background) {
        let (rooms, background) = Rooms::new(store, live);
        (Self(Arc::new(rooms)), background)
    }

    /// Where the door counts, so that [`Operation::Metrics`] can tell.
    #[must_use]
    pub fn door_meters(&self) -> Arc<DoorMeters> {
        self.0.upkeep.monitor.door()
    }

    /// From now on money calls are refused and waiting ends; running calls go on.
    pub fn stop(&self) {
        self.0.stop.begin();
    }

    /// Follows payments, keeps trade points verified and settles what the last run left open, until [`Service::stop`].
    pub fn work(&self, background: Background) {
        self.watch(background);
        let rooms = self.0.clone();
        tokio::spawn(async move { rooms.upkeep.backups.keep_backups().await });
        tokio::spawn(self.0.upkeep.expiry.clone().keep());
        self.0.upkeep.count_what_stands();
        self.keep_warm();
        let rooms = self.0.clone();
        tokio::spawn(async move { rooms.organisations.verifications.settle_dialects().await });
    }

    /// What of the work asks the bank.
    pub(crate) fn watch(&self, background: Background) {
        self.0.watch(background);
    }

    /// Keeps a connection to the bank made ahead, under the settings in force; ends by itself at the next reload.
    pub fn keep_warm(&self) {
        self.0.live.keep_warm();
    }

    /// Ends every call that an earlier run began and did not end; returns how many.
    ///
    /// # Errors
    /// `storage_failed`.
    pub async fn recover(&self) -> Result<usize, Failure> {
        money::recover(&self.0.store, self.0.live.get()).await
    }

    /// What SIGHUP does, with the result.
    ///
    /// # Errors
    /// `invalid_request`: the old settings stay in force.
    pub async fn reload(&self) -> Result<crate::operation::Reloaded, Failure> {
        self.0.upkeep.reloads.reload(None).await
    }

    /// After the last event: tells the journal where the log ends and closes the state.
    ///
    /// # Errors
    /// `storage_failed`.
    pub fn finish(&self) -> Result<(), Failure> {
        let told = self.0.store.journal_head();
        self.0.store.close();
        told
    }

    /// How the shop stands, in a line without names.
    ///
    /// # Errors
    /// `storage_failed`.
    pub async fn in_a_line(&self) -> Result<String, Failure> {
        self.0.upkeep.health.in_a_line(&self.0.live.get()).await
    }

    /// A round trip through the writer's queue, for the watchdog. A full disk is no reason to kill the daemon.
    pub async fn writer_answers(&self) -> bool {
        self.0.store.answers().await
    }

    /// Writes down that a caller was denied what a row stands for.
    pub async fn denied(&self, caller: Caller, row: &'static Row) {
        self.0.upkeep.denials.denied(caller, row).await;
    }

    /// Carries out one admitted operation.
    ///
    /// # Errors
    /// A [`Failure`] that says whether money moved and what to do.
    pub async fn run(&self, admitted: Admitted) -> Result<Reply, Failure> {
        let (context, operation) = Context::of(admitted, self.0.live.get());
        let moves_money = operation.moves_money();
        let done = self.carry_out(&context, operation).await;
        done.map_err(|failure| if moves_money { self.0.money.keys.as_told(&context, failure) } else { failure })
    }

    /// Each operation has a future of its own on the heap: as one, all of them together would be as long as the longest,
    /// for each request that asks for next to nothing.
    async fn carry_out(&self, context: &Context, operation: Operation) -> Result<Reply, Failure> {
        let rooms = &self.0;
        let (organisations, money, records, upkeep) =
            (&rooms.organisations, &rooms.money, &rooms.records, &rooms.upkeep);
        if operation.moves_money() {
            upkeep::without_gap(&rooms.store)?;
        }
        match operation {
            Operation::Health(_) => Box::pin(upkeep.health.health(context)).await,
            Operation::Version(_) => Ok(Reply::Version(version())),
            Operation::ConfigList(query) => organisations.rows.config_list(context, &query),
            Operation::ConfigGet(get) => organisations.rows.config_get(context, &get.organization_bin),
            Operation::TradePoints(query) => {
                Box::pin(organisations.points.trade_points(context, &query.organization_bin)).await
            }
            Operation::Enrol(enrol) => Box::pin(organisations.enrolments.enrol(context, enrol)).await,
            Operation::ChangeConfig(change) => Box::pin(organisations.changes.change_config(context, change)).await,
            Operation::RetireConfig(retire) => Box::pin(organisations.changes.retire_config(context, retire)).await,
            Operation::VerifyConfig(verify) => {
                Box::pin(organisations.verifications.verify_config(context, verify.organization_bin)).await
            }
            Operation::RegisterDevice(register) => {
                Box::pin(organisations.registrations.register_device(context, register)).await
            }
            Operation::Select(select) => select::select(&rooms.store, context, &select),
            Operation::Create(create) => Box::pin(money.creates.create(context, create)).await,
            Operation::PaymentList(query) => Box::pin(records.reads.payment_list(context, &query)).await,
            Operation::PaymentGet(get) => Box::pin(records.reads.payment_get(context, &get.payment, get.wait)).await,
            Operation::PaymentPicture(get) => records.reads.payment_picture(context, &get.payment),
            Operation::Cancel(cancel) => Box::pin(money.cancels.cancel(context, &cancel.payment)).await,
            Operation::Refund(back) => Box::pin(money.refunds.refund(context, &back.payment, back.refund)).await,
            Operation::Adopt(adopt) => Box::pin(money.adoptions.adopt(context, adopt)).await,
            Operation::Payer(query) => Box::pin(rooms.payers.payer(context, &query)).await,
            Operation::LogList(query) => Box::pin(records.reads.log_list(context, &query)).await,
            Operation::LogVerify(query) => Box::pin(records.proof.log_verify(context, query)).await,
            Operation::Identity(_) => context.settings.identity_shown().map(Reply::Identity),
            Operation::Reload(_) => {
                Box::pin(upkeep.reloads.reload(Some(context.caller.actor()))).await.map(Reply::Reloaded)
            }
            Operation::Resolve(resolve) => {
                Box::pin(money.resolutions.resolve(context, &resolve.payment, resolve.resolution)).await
            }
            Operation::Events(query) => Box::pin(records.feed.events(context, query)).await,
            Operation::LogExport(_)
            | Operation::Statement(_)
            | Operation::ImportConfigs(_)
            | Operation::ImportLog(_)
            | Operation::Backup(_) => Err(streamed_only()),
            Operation::AcknowledgeRestore(_) => Box::pin(upkeep::acknowledge_restore(&rooms.store, context)).await,
            Operation::Metrics(_) => Box::pin(upkeep.monitor.metrics(context)).await,
            Operation::ReportDay(query) => Box::pin(records.reports.report_day(context, query)).await,
            Operation::ReportRange(query) => Box::pin(records.reports.report_range(context, query)).await,
            Operation::Limits(_) => Ok(Reply::Limits(records::limits(&context.settings.config.limits))),
            Operation::Diagnose(_) => Box::pin(upkeep.doctor.diagnose(context)).await,
            Operation::GenerateIdentity(asked) => Box::pin(upkeep.requests.generate(context, asked)).await,
            Operation::InstallIdentity(install) => Box::pin(upkeep.exchanges.install(context, install)).await,
            Operation::ImportIdentity(handed) => Box::pin(upkeep.exchanges.import(context, handed.0)).await,
            Operation::RotateIdentity(handed) => Box::pin(upkeep.exchanges.rotate(context, handed.0)).await,
        }
    }

    /// Carries out one admitted operation whose request or answer is a file; any other as [`Service::run`].
    ///
    /// # Errors
    /// As [`Service::run`].
    pub async fn run_stream(&self, admitted: Admitted, upload: Upload) -> Result<Transferred, Failure> {
        let (rooms, settings) = (&self.0, self.0.live.get());
        match admitted.operation().clone() {
            Operation::Backup(_) => {
                Context::of(admitted, settings).0.sees_everything()?;
                rooms.upkeep.backups.backup().await.map(Transferred::Download)
            }
            Operation::LogExport(query) => rooms.records.exports.log_export(&Context::of(admitted, settings).0, query),
            Operation::Statement(query) => {
                rooms.records.statements.statement(&Context::of(admitted, settings).0, query).await
            }
            Operation::ImportConfigs(ImportConfigs { dry_run, .. }) => {
                rooms.records.config_imports.import_configs(&Context::of(admitted, settings).0, upload, dry_run).await
            }
            Operation::ImportLog(ImportLog { dry_run, .. }) => {
                rooms.records.log_imports.import_log(&Context::of(admitted, settings).0, upload, dry_run).await
            }
            _ => self.run(admitted).await.map(|reply| Transferred::Reply(Box::new(reply))),
        }
    }
}

fn version() -> Version {
    Version { version: env!("CARGO_PKG_VERSION").to_owned(), protocol: crate::frame::PROTOCOL }
}

fn streamed_only() -> Failure {
    Failure::invalid("files are streamed, which only the HTTP encoding of the socket can")
        .with_hint("Use kaspictl statement, log export, import or backup, or the HTTP route (see /openapi.json).")
}
