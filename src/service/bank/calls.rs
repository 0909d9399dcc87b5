//! Calls to the bank in the name of one organisation, with the guide's cure for an invalid token: register the
//! device again, once, and make the call again only because the refusal says that nothing happened.

use std::future::Future;
use std::sync::Arc;

use super::device::DeviceRegistry;
use super::failure::failure_of;
use super::renewal::{Renewals, Renewed, Sending, is_of_the_token};
use super::wake::Wakes;
use crate::domain::Actor;
use crate::failure::{Code, Failure};
use crate::id::{OrganizationBin, TradePointId};
use crate::kaspi::{CallContext, CallError, Kaspi, PaymentDetails, Refusal, RefusalKind};
use crate::service::Settings;
use crate::service::select::settled;
use crate::store::{Alarm, Note, PaymentRow, Store, Triple};

/// The one way to the bank for a call in an organisation's name. Touches the store for triples, replaces tokens, and
/// tells the schedule what a refusal says of a trade point.
pub(in crate::service) struct Bank {
    store: Store,
    wakes: Wakes,
    renewals: Renewals,
    /// Registers devices, for enrolment too.
    pub(in crate::service) devices: Arc<DeviceRegistry>,
}

impl Bank {
    pub(in crate::service) fn new(store: Store, wakes: Wakes) -> Self {
        let devices = Arc::new(DeviceRegistry::new(store.clone()));
        let renewals = Renewals { store: store.clone(), devices: devices.clone() };
        Self { store, wakes, renewals, devices }
    }

    /// The schedule of looks at trade points.
    pub(in crate::service) fn wakes(&self) -> &Wakes {
        &self.wakes
    }

    /// Makes a call with the triple's token; a token that Kaspi no longer knows is replaced once.
    pub(in crate::service) async fn with_token<T, F>(
        &self,
        settings: &Settings,
        triple: Triple,
        sending: impl Into<Sending>,
        call: impl Fn(Kaspi, CallContext, Triple) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        self.with_token_if(settings, (triple, is_of_the_token), sending.into(), call).await
    }

    /// The same, where `blames` says which refusals are of the token.
    async fn with_token_if<T, F>(
        &self,
        settings: &Settings,
        (triple, blames): (Triple, fn(RefusalKind) -> bool),
        sending: Sending,
        call: impl Fn(Kaspi, CallContext, Triple) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let kaspi =
            settings.kaspi().map_err(|failure| CallError::NeverSent { why: failure.detail, certificate: false })?;
        let triple = self.current(triple)?;
        let first = call(kaspi.clone(), sending.ask, triple.clone()).await;
        let Err(CallError::Refused(refusal)) = &first else { return first };
        if is_of_the_point(refusal.kind) {
            self.wakes.suspect(triple.bin());
        }
        if !blames(refusal.kind) {
            return first;
        }
        let (fresh, ask) = match self.renewals.renewed(settings, &triple, sending, refusal).await {
            Renewed::With(fresh, ask) => (fresh, ask),
            // The reason behind the refusal, and as sure as it that nothing happened.
            Renewed::Refused(refusal) => {
                if is_of_the_point(refusal.kind) {
                    self.wakes.suspect(triple.bin());
                }
                return Err(CallError::Refused(refusal));
            }
            Renewed::TooLate => return Err(too_late()),
            Renewed::No => return first,
        };
        let second = call(kaspi.clone(), ask, fresh).await;
        if matches!(&second, Err(CallError::Refused(refusal)) if blames(refusal.kind)) {
            self.devices.fresh_token_refused(triple.bin(), triple.trade_point());
        }
        second
    }

    /// Keeps that a registration gave nothing, and what of it a person should look at.
    pub(in crate::service) async fn note_refused(
        &self,
        of: (Option<Actor>, (&OrganizationBin, &TradePointId)),
        note: Note,
        alarm: Alarm,
    ) -> Result<(), Failure> {
        self.renewals.note_refused(of, note, Some(alarm)).await
    }

    /// The same with the token that stands there now: the caller's may have been replaced since it was looked up.
    fn current(&self, triple: Triple) -> Result<Triple, CallError> {
        match self.renewals.current_triple(&triple) {
            Ok(Some(current)) => Ok(current),
            Ok(None) => {
                let text = Some("the device was deleted a moment ago".to_owned());
                Err(CallError::Refused(Refusal { kind: RefusalKind::DeviceTokenInvalid, code: None, text }))
            }
            Err(failure) => Err(CallError::NeverSent { why: failure.detail, certificate: false }),
        }
    }

    /// The details of a payment that is paid, with the token of its own (BIN, trade point). Of one that is surely the
    /// organisation's "there is no such payment" says that Kaspi has forgotten the device, as long as it has not been
    /// registered again for it.
    pub(in crate::service) async fn details(
        &self,
        settings: &Settings,
        row: &PaymentRow,
        triple: Triple,
        ask: CallContext,
    ) -> Result<PaymentDetails, CallError> {
        let Some(qr) = row.qr_payment_id.clone() else {
            return Err(CallError::NeverSent { why: "the payment has no QrPaymentId".to_owned(), certificate: false });
        };
        let blames = if row.doubt.is_none() { is_of_the_token_or_forgotten } else { is_of_the_token };
        self.with_token_if(settings, (triple, blames), ask.into(), |kaspi, ask, triple| {
            let qr = qr.clone();
            async move { kaspi.details(&ask, &triple, &qr).await }
        })
        .await
    }

    /// The triple of the config a payment was frozen with. Cancel and refund use only the bank and the dialect it was
    /// made with, and only a bank that a trade-point read has settled for its organisation.
    pub(in crate::service) fn frozen_triple(&self, settings: &Settings, row: &PaymentRow) -> Result<Triple, Failure> {
        of_our_bank(settings, row)?;
        let (found, config) = self.store.read(|reading| {
            let found = reading.triple(&row.organization_bin, &row.trade_point_id, &row.counterparty())?;
            Ok((found, reading.config(&row.organization_bin)?))
        })?;
        if let Some(config) = config
            && settled(settings, &config).map_err(|failure| failure.with_payment(row.id))?.dialect != row.dialect
        {
            let detail =
                format!("this payment was made in the {} dialect, which the bank no longer speaks", row.dialect);
            let failure = Failure::new(Code::NotInDialect, detail).with_payment(row.id);
            return Err(failure.with_hint("Settle it in the Kaspi Pay app."));
        }
        found.ok_or_else(|| {
            Failure::new(Code::DeviceTokenInvalid, "no device is registered at the trade point of this payment")
                .with_bin(&row.organization_bin)
                .with_payment(row.id)
                .with_hint(register_by_hand(row))
        })
    }
}

/// Refuses, in words, what the client to the bank would not send: a payment of another bank than the one we speak to.
pub(in crate::service) fn of_our_bank(settings: &Settings, row: &PaymentRow) -> Result<(), Failure> {
    match settings.config.kaspi.bank().is(&row.bank) {
        true => Ok(()),
        false => Err(failure_of(&CallError::OtherBank(row.bank.clone())).with_payment(row.id)),
    }
}

/// Refusals of the token where the payment is surely there.
fn is_of_the_token_or_forgotten(kind: RefusalKind) -> bool {
    is_of_the_token(kind) || kind == RefusalKind::PaymentNotFound
}

/// Why the details of a paid payment could not be had.
pub(in crate::service) fn details_failure(row: &PaymentRow, trouble: &CallError) -> Failure {
    let failure = failure_of(trouble);
    match failure.code {
        Code::NotFound => {
            failure.with_hint(format!("{}; if it stays so, ask the bank about the payment.", register_by_hand(row)))
        }
        _ => failure,
    }
}

/// What a person does where a payment's own device is not known to Kaspi.
pub(super) fn register_by_hand(row: &PaymentRow) -> String {
    format!("Register it again: kaspictl bin register {} --trade-point {}", row.organization_bin, row.trade_point_id)
}

/// The device has another token now, and the caller would not hear what a second call comes to.
fn too_late() -> CallError {
    let why = "the device token was refused and replaced, and the caller's deadline leaves no full time-out for a second \
               call: it was not made, and the next one has the new token";
    CallError::NeverSent { why: why.to_owned(), certificate: false }
}

/// Refusals that a look at the trade points explains.
fn is_of_the_point(kind: RefusalKind) -> bool {
    matches!(
        kind,
        RefusalKind::TradePointInactive | RefusalKind::TradePointMissing | RefusalKind::OrganizationNotRegistered
    )
}
