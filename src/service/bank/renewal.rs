//! A token that Kaspi refuses is replaced: the device is registered again, once, in one flight for all who ask, and the
//! new token is stored before a call is made with it.

use tokio::time::Instant;
use tracing::{info, warn};

use std::sync::Arc;

use super::device::{DeviceRegistry, Registered, refusal_of_another};
use super::failure::refusal_failure;
use super::note::{of_bin, tried};
use crate::domain::{Actor, OperationType};
use crate::failure::Failure;
use crate::id::{ConfigId, DeviceToken, OrganizationBin, PaymentId, TradePointId};
use crate::kaspi::{CallContext, CallError, Refusal, RefusalKind};
use crate::moment::Moment;
use crate::service::Settings;
use crate::store::{Alarm, Change, ConfigRow, FirstRefusal, Note, Store, Triple};

/// What a refused token is replaced with.
pub(super) enum Renewed {
    /// A token that Kaspi has just given, stored, and the call it is for.
    With(Triple, CallContext),
    /// Kaspi says why there is none.
    Refused(Refusal),
    /// There is one, stored, and no full time-out for the call before its caller stops waiting.
    TooLate,
    /// There is none, or nobody could be asked.
    No,
}

/// A call to be made. One that moves money names its intent: should it be sent twice, the log has both.
#[derive(Clone, Copy)]
pub(in crate::service) struct Sending {
    pub(in crate::service) ask: CallContext,
    pub(in crate::service) of: Option<(u64, PaymentId)>,
}

impl From<CallContext> for Sending {
    fn from(ask: CallContext) -> Self {
        Self { ask, of: None }
    }
}

/// Replaces refused tokens; touches the tokens in the store, and registers devices.
pub(super) struct Renewals {
    pub(super) store: Store,
    pub(super) devices: Arc<DeviceRegistry>,
}

impl Renewals {
    /// A triple with another token than the refused one. One flight per device. Where Kaspi has forgotten the device, the
    /// same token may come back and be known again.
    pub(super) async fn renewed(
        &self,
        settings: &Settings,
        triple: &Triple,
        sending: Sending,
        refusal: &Refusal,
    ) -> Renewed {
        let turn = self.devices.device_turn(triple.bin(), triple.trade_point(), Instant::now()).await;
        // None: deleted on purpose while this call was out, and nothing brings it back by itself.
        let Ok(Some(current)) = self.current_triple(triple) else { return Renewed::No };
        let is_forgotten = !is_of_the_token(refusal.kind);
        let is_new = current.token() != triple.token();
        match turn.meanwhile().or_else(|| turn.useless()) {
            // Whoever had the turn before has registered it.
            _ if is_new => return self.again_with(settings, current, sending, refusal).await,
            Some(Registered::Stored) if is_forgotten => {
                return self.again_with(settings, current, sending, refusal).await;
            }
            Some(Registered::Refused(refusal)) => return Renewed::Refused(refusal),
            Some(Registered::Useless | Registered::Failed(_)) => return Renewed::No,
            Some(Registered::Stored) | None => {}
        }
        let Ok(kaspi) = settings.kaspi() else { return Renewed::No };
        let (own, began) = (CallContext::fresh(settings.config.kaspi.timeout), Moment::now());
        let place = (triple.bin(), triple.trade_point());
        let answer = self.devices.ask_for_token(kaspi, (&own, triple.dialect()), place).await;
        let answer = answer.and_then(|token| token.map_err(|_| CallError::Refused(refusal_of_another())));
        let note = tried(OperationType::Register, &own, began, answer.as_ref().err());
        let token = match answer {
            Ok(token) => token,
            Err(trouble) => {
                turn.ended(Registered::not(&trouble));
                let alarm = alarm_without(refusal, &trouble);
                return self.not_renewed(triple, (note, alarm), trouble).await;
            }
        };
        let is_other = token != *triple.token();
        let alarm = is_switched_off(refusal).then_some(Alarm::RegisteredAgain);
        if self.keep_token(triple, token, note, alarm).await.is_err() {
            return Renewed::No;
        }
        let helps = is_other || is_forgotten;
        turn.ended(if helps { Registered::Stored } else { Registered::Useless });
        match self.current_triple(triple) {
            Ok(Some(fresh)) if helps => self.again_with(settings, fresh, sending, refusal).await,
            _ => Renewed::No,
        }
    }

    /// The second call of an intent, noted durably before it leaves. It has a full time-out or is not made: an answer that
    /// is cut off leaves open whether money moved, and the refusal of the first says that none has.
    async fn again_with(&self, settings: &Settings, fresh: Triple, sending: Sending, refusal: &Refusal) -> Renewed {
        let heard_until = sending.ask.heard_until;
        let ask = CallContext { heard_until, ..CallContext::fresh(settings.config.kaspi.timeout) };
        if heard_until.is_some_and(|until| until < ask.deadline) {
            return Renewed::TooLate;
        }
        let Some(of) = sending.of else { return Renewed::With(fresh, ask) };
        let again = sent_again(of, refusal, &ask);
        let noted = self.store.write(move |writing| {
            writing.append(None, again)?;
            Ok(())
        });
        match noted.await {
            // The note has taken its time too.
            Ok(()) => Renewed::With(fresh, CallContext { deadline: full(settings), ..ask }),
            Err(_) => Renewed::No,
        }
    }

    /// A registration that gave nothing stands in the log, and is the reason if Kaspi refused it.
    async fn not_renewed(&self, triple: &Triple, (note, alarm): (Note, Option<Alarm>), trouble: CallError) -> Renewed {
        let kept = self.note_refused((None, (triple.bin(), triple.trade_point())), note, alarm);
        let config = self.store.read(|reading| Ok(reading.config(triple.bin())?)).ok().flatten().map(|row| row.id);
        warn!(kaspid.config = config, "{}: the device could not be registered again: {trouble}", named(config));
        match (kept.await, trouble) {
            (Ok(()), CallError::Refused(refusal)) => Renewed::Refused(refusal),
            _ => Renewed::No,
        }
    }

    /// Keeps that a registration gave nothing, and what of it a person should look at.
    pub(in crate::service) async fn note_refused(
        &self,
        (actor, (bin, point)): (Option<Actor>, (&OrganizationBin, &TradePointId)),
        note: Note,
        alarm: Option<Alarm>,
    ) -> Result<(), Failure> {
        let (bin, point) = (bin.clone(), point.clone());
        let noted = self.store.write(move |writing| {
            let change = match (writing.config(&bin)?, alarm) {
                (Some(row), Some(alarm)) => with_alarm(row, note, Some((&point, alarm))),
                _ => Change::Noted(of_bin(writing, note, &bin)?),
            };
            writing.append(actor, change)?;
            Ok(())
        });
        noted.await
    }

    /// The triple with the token that stands there now; none where its device was deleted on purpose.
    pub(super) fn current_triple(&self, like: &Triple) -> Result<Option<Triple>, Failure> {
        self.store.read(|reading| Ok(reading.triple(like.bin(), like.trade_point(), like.of())?))
    }

    async fn keep_token(
        &self,
        triple: &Triple,
        token: DeviceToken,
        mut note: Note,
        alarm: Option<Alarm>,
    ) -> Result<(), Failure> {
        let (bin, trade_point) = (triple.bin().clone(), triple.trade_point().clone());
        if token == *triple.token() {
            note.error = Some("Kaspi gave the same token again".to_owned());
        }
        let id = self
            .store
            .write(move |writing| {
                // Looked for before; whoever took it in between is told in words.
                if writing.put_device(None, (&bin, &trade_point), &token)?.is_err() {
                    return Err(refusal_failure(&refusal_of_another()).into());
                }
                let row = writing.config(&bin)?;
                let id = row.as_ref().map(|row| row.id);
                let change = match row {
                    Some(row) => with_alarm(row, note, alarm.map(|alarm| (&trade_point, alarm))),
                    None => Change::Noted(Note { organization_bin: Some(bin), ..note }),
                };
                writing.append(None, change)?;
                Ok(id)
            })
            .await?;
        info!(kaspid.config = id, "{}: Kaspi refused the device token; the device was registered again", named(id));
        Ok(())
    }
}

/// An organisation in the journal, which is never to hold its BIN.
fn named(config: Option<ConfigId>) -> String {
    config.map_or_else(|| "an organisation that is not kept".to_owned(), |id| format!("config {id}"))
}

/// A whole time-out from now on.
fn full(settings: &Settings) -> Instant {
    CallContext::fresh(settings.config.kaspi.timeout).deadline
}

/// Refusals of the token: the guide's "Invalid deviceToken".
pub(super) fn is_of_the_token(kind: RefusalKind) -> bool {
    matches!(kind, RefusalKind::DeviceTokenInvalid | RefusalKind::DeviceInactive)
}

/// −1502 says that somebody may have switched the device off on purpose: a person should know, whatever comes of the
/// registration that follows.
fn is_switched_off(refusal: &Refusal) -> bool {
    refusal.kind == RefusalKind::DeviceInactive
}

/// What a person should look at after a registration that gave nothing.
fn alarm_without(refusal: &Refusal, trouble: &CallError) -> Option<Alarm> {
    match trouble {
        CallError::Refused(Refusal { kind: RefusalKind::TokenOfAnother, .. }) => Some(Alarm::GivenOfAnother),
        _ => is_switched_off(refusal).then_some(Alarm::NotRegisteredAgain),
    }
}

fn with_alarm(mut row: ConfigRow, note: Note, alarm: Option<(&TradePointId, Alarm)>) -> Change {
    if let Some((point, alarm)) = alarm {
        row.alarms.raise(point, alarm);
    }
    let note = note.of(&row);
    Change::Config { row: Box::new(row), note }
}

/// That an intended call is sent a second time, and why.
fn sent_again((intent, payment): (u64, PaymentId), refusal: &Refusal, ask: &CallContext) -> Change {
    let failure = refusal_failure(refusal);
    let error = format!("{}; sent again with another token", failure.detail);
    let refused = FirstRefusal { provider_code: refusal.code, error };
    Change::SentAgain { intent, payment, refused, x_request_id: ask.x_request_id.to_string() }
}
