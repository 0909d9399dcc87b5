//! The rules of each resource. [`Service::run`] is the only way in, and takes only what has been admitted.

mod adopt;
mod age;
mod asked;
mod backup;
mod bank;
mod configs;
mod device;
mod doctor;
mod due;
mod enrol;
mod events;
mod files;
mod follow;
mod foreign;
mod health;
mod life;
mod look;
mod payments;
mod plan;
mod proof;
mod renewal;
mod report;
mod resolve;
mod restored;
mod schedule;
mod select;
mod settings;
mod stop;
mod trouble;
mod unfollowed;
mod locks;
mod ownership;
mod lookups;
mod metrics;
mod money;
mod pace;
mod reach;
mod verify;
mod wait;

use std::sync::Arc;

use crate::access::{Admitted, Caller, Presence, Scope};
use crate::failure::{Code, Failure};
use crate::id::{PaymentId, RequestKey};
use crate::metrics::DoorMeters;
use crate::moment::Moment;
use crate::operation::{
    CancelPayment, ChangeConfig, GetConfig, GetPayment, GetPicture, ImportConfigs, ImportLog, Operation, PayBack,
    RegisterDevice, Reply, ResolvePayment, RetireConfig, TradePointQuery, VerifyConfig, Version,
};
use crate::store::Store;
use crate::transfer::{Transferred, Upload};
use age::Ages;
use asked::Asks;
pub use doctor::{Looker, files as check_files};
use foreign::Foreign;
use locks::Locks;
use lookups::Lookups;
use pace::Pace;
use reach::FailedLooks;
pub use settings::{Live, Settings, SettingsError};

/// The rules and all they need; a cheap handle.
#[derive(Clone)]
pub struct Service {
    store: Store,
    live: Arc<Live>,
    state: Arc<State>,
}

/// What the background work listens to; see [`Service::work`].
pub struct Background {
    /// Payments that may need another plan of the follower.
    changed: tokio::sync::mpsc::UnboundedReceiver<plan::Sign>,
    /// What the schedule of looks at trade points is told.
    suspected: tokio::sync::mpsc::UnboundedReceiver<schedule::Poke>,
}

/// What is known only while the daemon runs.
struct State {
    /// Requests with the same key, one after the other.
    keys: money::Keys,
    /// One registration at a time per device, and how the last one ended.
    devices: device::Devices,
    /// One status read at a time per payment.
    looks: Locks<PaymentId>,
    /// One refund at a time per payment.
    refunds: Locks<PaymentId>,
    /// One reading of a balance for those who look at a time per payment.
    balances: Locks<PaymentId>,
    /// Since when refunds are unsettled.
    unsettled: money::Unsettled,
    /// One import of a log at a time: each reads its file and the whole log.
    import: tokio::sync::Mutex<()>,
    /// One report asks about open payments at a time: many would take all turns of the pace.
    reporting: tokio::sync::Mutex<()>,
    /// How Kaspi was lately asked about each payment.
    asks: Asks,
    /// How late it is for each followed payment, whatever becomes of the wall clock.
    ages: Ages,
    /// When the last run wrote its last event; what was to be looked at after that was missed.
    last_alive: Option<Moment>,
    /// Sent the id of each payment that changed, for those who wait. By the commit, and by nothing else.
    changed: tokio::sync::broadcast::Sender<PaymentId>,
    /// Sent what the schedule of looks at trade points should know.
    suspects: tokio::sync::mpsc::UnboundedSender<schedule::Poke>,
    /// The same as `changed`, for the follower to plan again.
    followed: tokio::sync::mpsc::UnboundedSender<plan::Sign>,
    /// One copy of the state or rebuild of it at a time: each writes about as much as the state has.
    heavy: Arc<tokio::sync::Mutex<()>>,
    /// One look at the way to the bank at a time, and when the last one ended: whoever may ask for it may not flood
    /// the bank with handshakes.
    looked: tokio::sync::Mutex<Option<tokio::time::Instant>>,
    /// Why the last daily backup could not be made.
    backup_trouble: tokio::sync::watch::Sender<Option<String>>,
    /// When the daemon started.
    started: Moment,
    /// What is read at the bank without money at stake, spread.
    pace: Pace,
    /// Payer look-ups of each device.
    lookups: Lookups,
    /// Looks at trade points that could not be made.
    failed_looks: FailedLooks,
    /// How the following stands.
    following: unfollowed::Following,
    /// Payments of another bank.
    foreign: Foreign,
    /// What happens at the door, for who watches.
    door: Arc<DoorMeters>,
    /// Once it has begun: no new money calls, and whoever waits gets what is known.
    stopping: stop::Stop,
}

/// Who asks, under which key, and what of the world they may see.
struct Request {
    caller: Caller,
    key: Option<RequestKey>,
    scope: Scope,
    is_admin: bool,
    presence: Presence,
    settings: Arc<Settings>,
}

impl Service {
    /// A service on an open store, and what its background work listens to.
    #[must_use]
    pub fn new(store: Store, live: Arc<Live>) -> (Self, Background) {
        let (followed, changed) = tokio::sync::mpsc::unbounded_channel();
        let (suspects, suspected) = tokio::sync::mpsc::unbounded_channel();
        let state = State {
            keys: money::Keys::new(),
            devices: device::Devices::new(),
            looks: Locks::new(),
            refunds: Locks::new(),
            balances: Locks::new(),
            unsettled: money::Unsettled::new(),
            import: tokio::sync::Mutex::default(),
            reporting: tokio::sync::Mutex::default(),
            asks: Asks::default(),
            ages: Ages::default(),
            // A state that cannot be read is the next call's to tell.
            last_alive: store.read(|reading| Ok(reading.last_moment()?)).ok().flatten(),
            // Waiters that fall behind look for themselves.
            changed: tokio::sync::broadcast::channel(1024).0,
            followed,
            suspects,
            heavy: Arc::default(),
            looked: tokio::sync::Mutex::default(),
            backup_trouble: tokio::sync::watch::Sender::new(None),
            started: Moment::now(),
            pace: Pace::default(),
            lookups: Lookups::default(),
            failed_looks: FailedLooks::default(),
            following: unfollowed::Following::default(),
            foreign: Foreign::default(),
            door: Arc::default(),
            stopping: stop::Stop::default(),
        };
        announce(&store, &state);
        (Self { store, live, state: Arc::new(state) }, Background { changed, suspected })
    }

    /// Where the door counts, so that [`Operation::Metrics`] can tell.
    #[must_use]
    pub fn door_meters(&self) -> Arc<DoorMeters> {
        self.state.door.clone()
    }

    /// From now on money calls are refused and waiting ends; running calls go on.
    pub fn stop(&self) {
        self.state.stopping.begin();
    }

    /// Follows payments, keeps trade points verified and settles what the last run left open, until [`Service::stop`].
    pub fn work(&self, background: Background) {
        self.watch(background);
        let keeper = self.clone();
        tokio::spawn(async move { keeper.keep_backups().await });
        self.keep_warm();
        let service = self.clone();
        tokio::spawn(async move { service.settle_dialects().await });
    }

    /// What of the work asks the bank.
    pub(crate) fn watch(&self, background: Background) {
        let (service, following) = (self.clone(), tokio::spawn(self.clone().follow(background.changed)));
        tokio::spawn(async move {
            let ended = following.await;
            if !service.state.stopping.has_begun() {
                let why = ended.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string());
                tracing::error!(why, "payments are not followed any more: restart kaspid");
                service.state.following.stands_still(Some(why));
            }
        });
        tokio::spawn(self.clone().keep_verified(background.suspected));
    }

    /// Keeps a connection to the bank made ahead, under the settings in force; ends by itself at the next reload.
    pub fn keep_warm(&self) {
        if let Ok(kaspi) = self.live.get().kaspi() {
            tokio::spawn(kaspi.keep_warm());
        }
    }

    /// Ready once [`Service::stop`] was called.
    async fn stopped(&self) {
        self.state.stopping.begun().await;
    }

    /// Refuses once the daemon is stopping: a call that waited for its turn is not begun any more.
    fn still_running(&self) -> Result<(), Failure> {
        if self.state.stopping.has_begun() {
            return Err(Failure::new(
                Code::ShuttingDown,
                "the daemon is stopping and begins no more calls that move money",
            ));
        }
        Ok(())
    }

    /// After the last event: tells the journal where the log ends and closes the state.
    ///
    /// # Errors
    /// `storage_failed`.
    pub fn finish(&self) -> Result<(), Failure> {
        let told = self.store.tell_head();
        self.store.close();
        told
    }

    /// A round trip through the writer's queue, for the watchdog. A full disk is no reason to kill the daemon.
    pub async fn writer_answers(&self) -> bool {
        self.store.answers().await
    }

    /// Carries out one admitted operation.
    ///
    /// # Errors
    /// A [`Failure`] that says whether money moved and what to do.
    pub async fn run(&self, admitted: Admitted) -> Result<Reply, Failure> {
        let (request, operation) = self.request(admitted);
        let moves_money = operation.moves_money();
        let done = self.carry_out(&request, operation).await;
        done.map_err(|failure| if moves_money { self.state.keys.as_told(&request, failure) } else { failure })
    }

    async fn carry_out(&self, request: &Request, operation: Operation) -> Result<Reply, Failure> {
        if operation.moves_money() {
            self.without_gap()?;
        }
        match operation {
            Operation::Health(_) => self.health(request),
            Operation::Version(_) => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                Ok(Reply::Version(Version { version, protocol: crate::frame::PROTOCOL }))
            }
            Operation::ConfigList(query) => self.config_list(request, &query),
            Operation::ConfigGet(GetConfig { organization_bin }) => self.config_get(request, &organization_bin),
            Operation::TradePoints(TradePointQuery { organization_bin }) => {
                self.trade_points(request, &organization_bin).await
            }
            Operation::Enrol(enrol) => self.enrol(request, enrol).await,
            Operation::ChangeConfig(ChangeConfig { organization_bin, change }) => {
                self.change_config(request, organization_bin, change).await
            }
            Operation::RetireConfig(RetireConfig { organization_bin, delete_device }) => {
                self.retire_config(request, organization_bin, delete_device).await
            }
            Operation::VerifyConfig(VerifyConfig { organization_bin }) => {
                self.verify_config(request, organization_bin).await
            }
            Operation::RegisterDevice(RegisterDevice { organization_bin, trade_point_id }) => {
                self.register_device(request, organization_bin, trade_point_id).await
            }
            Operation::Select(select) => self.select(request, &select),
            Operation::Create(create) => self.create(request, create).await,
            Operation::PaymentList(query) => self.payment_list(request, &query),
            Operation::PaymentGet(GetPayment { payment, wait }) => self.payment_get(request, &payment, wait).await,
            Operation::PaymentPicture(GetPicture { payment }) => self.payment_picture(request, &payment),
            Operation::Cancel(CancelPayment { payment }) => self.cancel(request, &payment).await,
            Operation::Refund(PayBack { payment, refund }) => self.refund(request, &payment, refund).await,
            Operation::Adopt(adopt) => self.adopt(request, adopt).await,
            Operation::Payer(query) => self.payer(request, &query).await,
            Operation::LogList(query) => self.log_list(request, &query).await,
            Operation::LogVerify(query) => self.log_verify(request, query).await,
            Operation::Identity(_) => self.identity(request),
            Operation::Reload(_) => self.reload().await.map(Reply::Reloaded),
            Operation::Resolve(ResolvePayment { payment, resolution }) => {
                self.resolve(request, &payment, resolution).await
            }
            Operation::Events(query) => self.events(request, query).await,
            Operation::LogExport(_) | Operation::ImportConfigs(_) | Operation::ImportLog(_) | Operation::Backup(_) => {
                Err(Failure::invalid("files are streamed, which only the HTTP encoding of the socket can")
                    .with_hint("Use kaspictl log export, import or backup, or the HTTP route (see /openapi.json)."))
            }
            Operation::AcknowledgeRestore(_) => self.acknowledge_restore(request).await,
            Operation::Metrics(_) => self.metrics(request).await,
            Operation::ReportDay(query) => self.report_day(request, query).await,
            Operation::ReportRange(query) => self.report_range(request, query).await,
            Operation::Diagnose(_) => self.diagnose(request).await,
        }
    }

    /// Carries out one admitted operation whose request or answer is a file; any other as [`Service::run`].
    ///
    /// # Errors
    /// As [`Service::run`].
    pub async fn run_stream(&self, admitted: Admitted, upload: Upload) -> Result<Transferred, Failure> {
        match admitted.operation().clone() {
            Operation::Backup(_) => {
                whole_view(admitted.scope())?;
                self.backup().await.map(Transferred::Download)
            }
            Operation::LogExport(query) => self.log_export(&self.request(admitted).0, query),
            Operation::ImportConfigs(ImportConfigs { format }) => {
                self.import_configs(&self.request(admitted).0, format, upload).await
            }
            Operation::ImportLog(ImportLog { format }) => {
                self.import_log(&self.request(admitted).0, format, upload).await
            }
            _ => self.run(admitted).await.map(|reply| Transferred::Reply(Box::new(reply))),
        }
    }

    /// What a request carries besides its operation.
    fn request(&self, admitted: Admitted) -> (Request, Operation) {
        let (is_admin, presence) = (admitted.is_admin(), admitted.presence().clone());
        let (caller, key, operation, scope) = admitted.into_parts();
        (Request { caller, key, scope, is_admin, presence, settings: self.live.get() }, operation)
    }
}

/// Whatever commit changes a payment, who waits for it and the follower hear of it. Neither is waited for.
fn announce(store: &Store, state: &State) {
    let (changed, followed) = (state.changed.clone(), state.followed.clone());
    store.on_commit(move |payments| {
        for id in payments {
            // Without a waiter, or after the follower has ended, there is nobody to tell.
            let _ = changed.send(*id);
            let _ = followed.send(plan::Sign::Changed(*id));
        }
    });
}

/// For what cannot be narrowed to some shops or BINs: all state, or all that is made of the log.
fn whole_view(scope: &Scope) -> Result<(), Failure> {
    if scope.is_everything() {
        return Ok(());
    }
    Err(Failure::new(Code::Denied, "this covers all shops, and [[access.shop]] gives this user some of them only"))
}
