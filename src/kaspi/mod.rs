//! The client that speaks to the bank: one method per remote call, each with a deadline, in two dialects.
//!
//! `bank` and `guide` translate, `link` keeps connections, a `connection` knows what never left this machine,
//! `gate` is the only judge of an answer. Nothing is retried in here but what surely never left.

#[cfg(any(fuzzing, test))]
pub mod fuzzed;
mod context;
mod bank;
mod connection;
mod date;
mod fields;
mod gate;
mod guide;
mod http_call;
mod link;
mod probe;
mod record;
mod setup;
mod tls;
mod error;
mod types;
mod warm;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use context::{CallContext, XRequestId};
pub use error::{CallError, Provider, Refusal, RefusalKind};
pub use probe::{Probe, ProbeObstacle, ProbeStep, Question, probe};
pub use record::{CallMeter, CallVerdict, Outage, OutageKind, Record};
pub use setup::{Endpoint, KaspiSetup};
pub use types::{Cancelled, Created, NewPayment, PaymentDetails, Refunded, StatusRead};

use crate::domain::{Dialect, Kind, Payer, TradePoint};
use crate::id::{DeviceToken, OrganizationBin, OurBank, PhoneNumber, QrPaymentId, TradePointId};
use crate::identity::ClientIdentity;
use crate::money::Amount;
use crate::store::{Counterparty, NumberAt, Triple};
#[cfg(test)]
pub(crate) use connection::ExchangeError;
pub(crate) use connection::HttpAnswer;
use gate::{CallKind, Success, incomplete, judge};
use http_call::{HttpCall, get};
use link::Link;
#[cfg(test)]
pub(crate) use link::Wire;

/// A cheap handle to the bank at one url with one identity. After a reload a new one takes its place; calls
/// under way finish on the old.
#[derive(Clone)]
pub struct Kaspi {
    link: Arc<Link>,
    settings: Arc<CallSettings>,
    record: Arc<Record>,
}

struct CallSettings {
    bank: OurBank,
    status_version: String,
    timeout: Duration,
    phone_prefix: char,
}

/// Whether a file holds authorities that can be trusted, for whoever is to name it in a configuration.
///
/// # Errors
/// [`KaspiSetup::CaFile`], which says why not.
pub fn check_ca_file(path: &std::path::Path) -> Result<(), KaspiSetup> {
    tls::authorities(path).map(drop)
}

impl Kaspi {
    /// Checks the endpoint and the extra CAs; contacts nobody. [`Kaspi::check_trust`] has the rest. `record` is told
    /// how each call went.
    ///
    /// # Errors
    /// [`KaspiSetup`], with the setting and what to do.
    pub fn new(endpoint: Endpoint, identity: &ClientIdentity, record: Arc<Record>) -> Result<Self, KaspiSetup> {
        let base = endpoint.base()?;
        endpoint.check_status_version()?;
        let trust = tls::Trust::new(endpoint.ca_file.as_deref(), identity)?;
        let link = Link::new(&base, trust, endpoint.idle, record.clone()).map_err(|_| KaspiSetup::Url)?;
        let Endpoint { bank, status_version, timeout, phone_prefix, .. } = endpoint;
        let settings = Arc::new(CallSettings { bank, status_version, timeout, phone_prefix });
        Ok(Self { link: Arc::new(link), settings, record })
    }

    /// The same with a bank in this process; gate, translation and deadlines are as they are.
    #[cfg(test)]
    pub(crate) fn over(mut self, wire: Wire) -> Self {
        if let Some(link) = Arc::get_mut(&mut self.link) {
            link.wire = Some(wire);
        }
        self
    }

    /// Reads the system's CAs now instead of at the first connection. Blocks on files.
    ///
    /// # Errors
    /// [`KaspiSetup::NoRoots`]: there is nobody to trust the bank by.
    pub fn check_trust(&self) -> Result<(), KaspiSetup> {
        self.link.check_trust()
    }

    /// A new [`CallContext`] with the configured time-out.
    #[must_use]
    pub fn ask(&self) -> CallContext {
        CallContext::fresh(self.settings.timeout)
    }

    /// Keeps one connection made ahead while calls are made, and makes the first now. To be spawned; ends by
    /// itself when the last other handle is dropped.
    pub fn keep_warm(&self) -> impl Future<Output = ()> + Send + use<> {
        warm::keep(Arc::downgrade(&self.link))
    }

    /// Step 1 of the guide: the trade points of `bin`. The path is the same in both dialects, so this is the
    /// call that learns the dialect.
    ///
    /// # Errors
    /// [`CallError::OtherDialect`] if `expect` is not what the bank speaks.
    pub async fn trade_points(
        &self,
        ask: &CallContext,
        bin: &OrganizationBin,
        expect: Option<Dialect>,
    ) -> Result<(Dialect, Vec<TradePoint>), CallError> {
        let read = |success: &Success<'_>, _: &HttpAnswer| {
            let points = match success.dialect {
                Dialect::Bank => bank::trade_points(success),
                Dialect::Guide => guide::trade_points(success),
            };
            Ok((success.dialect, points.ok_or_else(|| incomplete("a readable list of trade points"))?))
        };
        let call = get(format!("/r3/v01/partner/tradepoints/{bin}"));
        self.call(ask, (CallKind::TradePoints, expect, None), &call, read).await
    }

    /// Step 2 of the guide: the token of (BIN, trade point). The same call gives the same token.
    ///
    /// # Errors
    /// A bank-dialect trade point that is no number is [`RefusalKind::TradePointMissing`], and nothing is sent.
    pub async fn register(
        &self,
        ask: &CallContext,
        dialect: Dialect,
        bin: &OrganizationBin,
        trade_point: &TradePointId,
    ) -> Result<DeviceToken, CallError> {
        let call = match dialect {
            Dialect::Bank => bank::register(bin, trade_point),
            Dialect::Guide => guide::register(bin, trade_point),
        }?;
        let read = |success: &Success<'_>, _: &HttpAnswer| {
            let token = match dialect {
                Dialect::Bank => bank::device_token(success),
                Dialect::Guide => guide::device_token(success),
            };
            token.ok_or_else(|| incomplete("a device token"))
        };
        self.call(ask, (CallKind::Register, Some(dialect), None), &call, read).await
    }

    /// Deletes the device: refunds and cancels of its payments stop. Bank dialect only.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn delete_device(&self, ask: &CallContext, triple: &Triple) -> Result<(), CallError> {
        only_bank(triple)?;
        self.of_triple(ask, triple, (CallKind::DeleteDevice, &bank::delete_device(triple)?), |_, _| Ok(())).await
    }

    /// Takes a payment. Never repeated by itself once a byte has left: nothing can be looked up by it.
    ///
    /// # Errors
    /// [`CallError::MayHaveHappened`] also for a success without a payment's number, or without what the customer is to
    /// be shown.
    pub async fn create(&self, ask: &CallContext, triple: &Triple, new: &NewPayment) -> Result<Created, CallError> {
        let prefix = self.settings.phone_prefix;
        let call = match triple.dialect() {
            Dialect::Bank => bank::create(triple, new, prefix),
            Dialect::Guide => guide::create(triple, new, prefix),
        }?;
        let phone = new.phone.as_ref().map(|phone| phone.with_prefix(prefix));
        let read = |success: &Success<'_>, answer: &HttpAnswer| {
            let created = match success.dialect {
                Dialect::Bank => bank::created(success, new.kind, answer.date),
                Dialect::Guide => guide::created(success, &new.external_id, answer.date),
            };
            let created = created.ok_or_else(|| incomplete("a payment's number"))?;
            match nothing_to_show(success.dialect, new, &created) {
                Some(what) => {
                    Err(incomplete(&format!("{what}; its number of the payment is {}", created.qr_payment_id)))
                }
                None => Ok(created),
            }
        };
        let created = self.of_triple(ask, triple, (CallKind::Create, &call), read).await;
        created.map_err(|trouble| trouble.without(phone.as_deref()))
    }

    /// Where a payment stands, in Kaspi's own word.
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::MayHaveHappened`] means that nobody could be asked.
    pub async fn status(&self, ask: &CallContext, payment: &NumberAt) -> Result<StatusRead, CallError> {
        let dialect = self.ours(payment.of())?;
        let version = match dialect {
            Dialect::Bank => self.settings.status_version.as_str(),
            Dialect::Guide => "v01",
        };
        let read = |success: &Success<'_>, answer: &HttpAnswer| {
            let status = match dialect {
                Dialect::Bank => bank::status(success, payment.number()),
                Dialect::Guide => guide::status(success, payment.number()),
            };
            let status = status.ok_or_else(|| incomplete("a status"))?;
            Ok(StatusRead { date: answer.date, ..status })
        };
        let call = get(format!("/r3/{version}/payment/status/{}", payment.number()));
        self.call(ask, (CallKind::Status, Some(dialect), None), &call, read).await
    }

    /// The balance of a paid payment. Bank dialect only.
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::MayHaveHappened`] means that nobody could be asked.
    pub async fn details(
        &self,
        ask: &CallContext,
        triple: &Triple,
        id: &QrPaymentId,
    ) -> Result<PaymentDetails, CallError> {
        only_bank(triple)?;
        let call = bank::details(triple.token(), id);
        let read = |success: &Success<'_>, _: &HttpAnswer| {
            bank::detailed(success, id).ok_or_else(|| incomplete("a readable balance of this payment"))
        };
        self.of_triple(ask, triple, (CallKind::Details, &call), read).await
    }

    /// Cancels a remote invoice.
    ///
    /// # Errors
    /// See [`CallError`]. Moves no money and may be repeated.
    pub async fn cancel(&self, ask: &CallContext, triple: &Triple, id: &QrPaymentId) -> Result<Cancelled, CallError> {
        let call = match triple.dialect() {
            Dialect::Bank => bank::cancel(triple, id),
            Dialect::Guide => guide::cancel(triple, id),
        }?;
        let read = |success: &Success<'_>, _: &HttpAnswer| {
            let status = match success.dialect {
                Dialect::Bank => bank::status(success, id).map(|read| read.status),
                Dialect::Guide => guide::word_of_status(success, id),
            };
            Ok(Cancelled { status })
        };
        self.of_triple(ask, triple, (CallKind::Cancel, &call), read).await
    }

    /// Pays `amount` back. Never repeated by itself once a byte has left: partial refunds add up.
    ///
    /// # Errors
    /// See [`CallError`]; −99000006 is [`CallError::MayHaveHappened`].
    pub async fn refund(
        &self,
        ask: &CallContext,
        triple: &Triple,
        id: &QrPaymentId,
        amount: Amount,
    ) -> Result<Refunded, CallError> {
        let call = match triple.dialect() {
            Dialect::Bank => bank::refund(triple, id, amount),
            Dialect::Guide => guide::refund(triple, id, amount),
        }?;
        let read = |success: &Success<'_>, _: &HttpAnswer| {
            let return_operation_id = match success.dialect {
                Dialect::Bank => bank::return_operation_id(success),
                Dialect::Guide => guide::return_operation_id(success),
            };
            Ok(Refunded { return_operation_id })
        };
        self.of_triple(ask, triple, (CallKind::Refund, &call), read).await
    }

    /// The name Kaspi has for a phone number: at most 50 times a minute per device. Bank dialect only.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn payer(&self, ask: &CallContext, triple: &Triple, phone: &PhoneNumber) -> Result<Payer, CallError> {
        only_bank(triple)?;
        let prefix = self.settings.phone_prefix;
        let call = bank::payer(triple.token(), phone, prefix);
        let read =
            |success: &Success<'_>, _: &HttpAnswer| bank::payer_name(success).ok_or_else(|| incomplete("a name"));
        let payer = self.of_triple(ask, triple, (CallKind::Payer, &call), read).await.map(|name| Payer { name });
        payer.map_err(|trouble| trouble.without(Some(&phone.with_prefix(prefix))))
    }

    /// Whether the bank answers at all. Bank dialect only.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn ping(&self, ask: &CallContext) -> Result<(), CallError> {
        let call = get("/r3/v01/health/ping".to_owned());
        self.call(ask, (CallKind::Ping, Some(Dialect::Bank), None), &call, |_, _| Ok(())).await
    }

    /// The wall between two banks: a payment of another one, and an organisation that is settled with another one, is
    /// named to nobody here. At this bank its number could be somebody else's.
    fn ours(&self, of: &Counterparty) -> Result<Dialect, CallError> {
        match self.settings.bank.is(&of.bank) {
            true => Ok(of.dialect),
            false => Err(CallError::OtherBank(of.bank.clone())),
        }
    }

    /// Makes a call that carries a token.
    async fn of_triple<T>(
        &self,
        ask: &CallContext,
        triple: &Triple,
        (what, call): (CallKind, &HttpCall),
        read: impl FnOnce(&Success<'_>, &HttpAnswer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let dialect = self.ours(triple.of())?;
        let result = self.call(ask, (what, Some(dialect), Some(triple.token().expose())), call, read).await;
        result.map_err(|trouble| trouble.without(Some(triple.token().expose())))
    }

    /// Makes a call, judges its answer, reads its success, and records how it went: the way of every call.
    async fn call<T>(
        &self,
        ask: &CallContext,
        (what, dialect, secret): (CallKind, Option<Dialect>, Option<&str>),
        call: &HttpCall,
        read: impl FnOnce(&Success<'_>, &HttpAnswer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let watch = self.record.watch(what);
        let result = self.link.exchange(ask, call).await.and_then(|answer| {
            let answer = answer.without(secret);
            let success = judge(&answer, what, dialect)?;
            read(&success, &answer)
        });
        watch.end(&result);
        result
    }
}

impl std::fmt::Debug for Kaspi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kaspi").finish_non_exhaustive()
    }
}

/// CallKind a create was to give and did not. A link or QR that nobody can be shown is one that nobody can pay, as when
/// the answer is lost; only a guide link that Kaspi sends to a phone reaches the customer all the same.
fn nothing_to_show(dialect: Dialect, new: &NewPayment, created: &Created) -> Option<&'static str> {
    let lacks = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
    match new.kind {
        Kind::Link if lacks(&created.link) && !(dialect == Dialect::Guide && new.phone.is_some()) => Some("a link"),
        Kind::Qr if lacks(&created.qr_token) => Some("a QR token"),
        Kind::Link | Kind::Qr | Kind::Remote => None,
    }
}

fn only_bank(triple: &Triple) -> Result<(), CallError> {
    if triple.dialect() == Dialect::Bank { Ok(()) } else { Err(CallError::NotInDialect) }
}
