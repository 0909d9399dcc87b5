//! The rules of each resource. [`Service::run`] is the only way in, and takes only what has been admitted.

mod adopt;
mod bank;
mod cancel;
mod configs;
mod create;
mod enrol;
mod files;
mod health;
mod keys;
mod look;
mod payments;
mod recover;
mod refund;
mod resolve;
mod select;
mod settings;
mod settle;
mod trouble;
mod locks;
mod verify;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use crate::access::{Admitted, Caller, Scope};
use crate::id::{OrganizationBin, PaymentId, RequestKey, ShopId, TradePointId};
use crate::operation::{Code, Failure, Operation, Reply, Version};
use crate::store::Store;
use crate::transfer::{Transferred, Upload};
use locks::Locks;
pub use settings::{Live, Settings, SettingsError};

/// The rules and all they need; a cheap handle.
#[derive(Clone)]
pub struct Service {
    store: Store,
    live: Arc<Live>,
    state: Arc<State>,
}

/// What is known only while the daemon runs.
struct State {
    /// Requests with the same key, one after the other.
    keys: Locks<(ShopId, RequestKey)>,
    /// One registration at a time per device.
    devices: Locks<(OrganizationBin, TradePointId)>,
    /// One status read at a time per payment.
    looks: Locks<PaymentId>,
    /// One refund at a time per payment.
    refunds: Locks<PaymentId>,
    /// One import of a log at a time: each reads its file and the whole log.
    import: tokio::sync::Mutex<()>,
    /// When Kaspi was last asked about a payment. Held for a look-up, never across an await.
    asked: Mutex<HashMap<PaymentId, Instant>>,
    /// Sent the id of each payment that changed, for those who wait.
    changed: tokio::sync::broadcast::Sender<PaymentId>,
    /// True once the daemon is stopping: no new money calls, and whoever waits gets what is known.
    stopping: tokio::sync::watch::Sender<bool>,
}

/// Who asks, under which key, and what of the world they may see.
struct Request {
    caller: Caller,
    key: Option<RequestKey>,
    scope: Scope,
    is_admin: bool,
    settings: Arc<Settings>,
}

impl Service {
    /// A service on an open store.
    #[must_use]
    pub fn new(store: Store, live: Arc<Live>) -> Self {
        let state = State {
            keys: Locks::new(),
            devices: Locks::new(),
            looks: Locks::new(),
            refunds: Locks::new(),
            import: tokio::sync::Mutex::default(),
            asked: Mutex::new(HashMap::new()),
            // Waiters that fall behind look for themselves.
            changed: tokio::sync::broadcast::channel(1024).0,
            stopping: tokio::sync::watch::Sender::new(false),
        };
        Self { store, live, state: Arc::new(state) }
    }

    /// From now on money calls are refused and waiting ends; running calls go on.
    pub fn stop(&self) {
        self.state.stopping.send_replace(true);
    }

    /// Ready once [`Service::stop`] was called.
    async fn stopped(&self) {
        // The sender lives in our own state: the error cannot come.
        let _ = self.state.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// A round trip through the writer's queue, for the watchdog.
    pub async fn writer_answers(&self) -> bool {
        self.store.write(|_| Ok(())).await.is_ok()
    }

    /// Carries out one admitted operation.
    ///
    /// # Errors
    /// A [`Failure`] that says whether money moved and what to do.
    pub async fn run(&self, admitted: Admitted) -> Result<Reply, Failure> {
        let (request, operation) = self.request(admitted);
        if operation.moves_money() && *self.state.stopping.borrow() {
            return Err(Failure::new(
                Code::ShuttingDown,
                "the daemon is stopping and begins no more calls that move money",
            ));
        }
        match operation {
            Operation::Health => self.health(&request),
            Operation::Version => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                Ok(Reply::Version(Version { version, protocol: crate::frame::PROTOCOL }))
            }
            Operation::ConfigList(query) => self.config_list(&request, &query),
            Operation::ConfigGet { organization_bin } => self.config_get(&request, &organization_bin),
            Operation::TradePoints { organization_bin } => self.trade_points(&request, &organization_bin).await,
            Operation::Enrol(enrol) => self.enrol(&request, enrol).await,
            Operation::ChangeConfig { organization_bin, change } => {
                self.change_config(&request, organization_bin, change).await
            }
            Operation::RetireConfig { organization_bin, delete_device } => {
                self.retire_config(&request, organization_bin, delete_device).await
            }
            Operation::VerifyConfig { organization_bin } => self.verify_config(&request, organization_bin).await,
            Operation::RegisterDevice { organization_bin } => self.register_device(&request, organization_bin).await,
            Operation::Select(select) => self.select(&request, &select),
            Operation::Create(create) => self.create(&request, create).await,
            Operation::PaymentList(query) => self.payment_list(&request, &query),
            Operation::PaymentGet { payment, wait } => self.payment_get(&request, &payment, wait).await,
            Operation::PaymentPicture { payment } => self.payment_picture(&request, &payment),
            Operation::Cancel { payment } => self.cancel(&request, &payment).await,
            Operation::Refund { payment, refund } => self.refund(&request, &payment, refund.amount_tiyn).await,
            Operation::Adopt(adopt) => self.adopt(&request, adopt).await,
            Operation::Payer(query) => self.payer(&request, &query).await,
            Operation::LogList(query) => self.log_list(&request, &query),
            Operation::LogVerify => self.log_verify().await,
            Operation::Identity => self.identity(&request),
            Operation::Reload => self.reload().await.map(Reply::Reloaded),
            Operation::Resolve { payment, resolution } => self.resolve(&request, &payment, resolution).await,
            Operation::LogExport(_) | Operation::ImportConfigs { .. } | Operation::ImportLog { .. } => {
                Err(Failure::invalid("files are streamed, which only the HTTP encoding of the socket can")
                    .with_hint("Use kaspictl log export or kaspictl import, or the HTTP route (see /openapi.json)."))
            }
        }
    }

    /// Carries out one admitted operation whose request or answer is a file; any other as [`Service::run`].
    ///
    /// # Errors
    /// As [`Service::run`].
    pub async fn run_stream(&self, admitted: Admitted, upload: Upload) -> Result<Transferred, Failure> {
        match admitted.operation().clone() {
            Operation::LogExport(query) => self.log_export(&self.request(admitted).0, query),
            Operation::ImportConfigs { format } => self.import_configs(&self.request(admitted).0, format, upload).await,
            Operation::ImportLog { format } => self.import_log(&self.request(admitted).0, format, upload).await,
            _ => self.run(admitted).await.map(|reply| Transferred::Reply(Box::new(reply))),
        }
    }

    /// What a request carries besides its operation.
    fn request(&self, admitted: Admitted) -> (Request, Operation) {
        let is_admin = admitted.is_admin();
        let (caller, key, operation, scope) = admitted.into_parts();
        (Request { caller, key, scope, is_admin, settings: self.live.get() }, operation)
    }
}
