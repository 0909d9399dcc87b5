//! Calls to the bank in the name of one organisation, with the guide's cure for an invalid token: register the
//! device again, once, and make the call again only because the refusal says that nothing happened.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::configs::tried;
use super::device::Registered;
use super::select::settled;
use super::{Request, Service, Settings, trouble};
use crate::id::{DeviceToken, PaymentId};
use crate::kaspi::{Ask, Kaspi, Refusal, RefusalKind, Trouble};
use crate::moment::Moment;
use crate::operation::{Code, Failure, OperationType};
use crate::store::{Change, ConfigRow, FirstRefusal, Note, PaymentRow, Triple, Writing};

/// A call to be made. One that moves money names its intent: should it be sent twice, the log has both.
#[derive(Clone, Copy)]
pub(super) struct Sending {
    pub(super) ask: Ask,
    pub(super) of: Option<(u64, PaymentId)>,
}

impl From<Ask> for Sending {
    fn from(ask: Ask) -> Self {
        Self { ask, of: None }
    }
}

/// What a refused token is replaced with.
enum Replaced {
    /// Another token, stored, and the call it is for.
    With(Triple, Ask),
    /// Kaspi says why there is none.
    Refused(Refusal),
    /// There is none, or nobody could be asked.
    No,
}

impl Service {
    /// Makes a call with the triple's token; a token that Kaspi no longer knows is replaced once.
    pub(super) async fn with_token<T, F>(
        &self,
        settings: &Settings,
        triple: Triple,
        sending: impl Into<Sending>,
        call: impl Fn(Kaspi, Ask, Triple) -> F,
    ) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let kaspi =
            settings.kaspi().map_err(|failure| Trouble::NeverSent { why: failure.detail, certificate: false })?;
        let sending = sending.into();
        let first = call(kaspi.clone(), sending.ask, triple.clone()).await;
        let Err(Trouble::Refused(refusal)) = &first else { return first };
        if is_of_the_point(refusal.kind) {
            self.suspect(triple.bin());
        }
        if !is_of_the_token(refusal.kind) {
            return first;
        }
        let (fresh, ask) = match self.replaced(settings, &triple, sending, refusal).await {
            Replaced::With(fresh, ask) => (fresh, ask),
            // The reason behind the refusal, and as sure as it that nothing happened.
            Replaced::Refused(refusal) => {
                if is_of_the_point(refusal.kind) {
                    self.suspect(triple.bin());
                }
                return Err(Trouble::Refused(refusal));
            }
            Replaced::No => return first,
        };
        let second = call(kaspi.clone(), in_time(ask), fresh).await;
        if matches!(&second, Err(Trouble::Refused(refusal)) if is_of_the_token(refusal.kind)) {
            self.fresh_token_refused(triple.bin(), triple.trade_point());
        }
        second
    }

    /// A triple with another token than the refused one. One flight per device.
    async fn replaced(&self, settings: &Settings, triple: &Triple, sending: Sending, refusal: &Refusal) -> Replaced {
        let turn = self.device_turn(triple.bin(), triple.trade_point(), Instant::now()).await;
        let ask = Ask { deadline: sending.ask.deadline, ..Ask::fresh(Duration::ZERO) };
        let again = sending.of.map(|of| Again::new(of, refusal, &ask));
        let Ok(current) = self.current_triple(triple) else { return Replaced::No };
        if current.token() != triple.token() {
            // Whoever had the turn before has registered it.
            return match self.note_again(again).await {
                Ok(()) => Replaced::With(current, ask),
                Err(_) => Replaced::No,
            };
        }
        match turn.meanwhile().or_else(|| turn.useless()) {
            Some(Registered::Refused(refusal)) => return Replaced::Refused(refusal),
            Some(Registered::Useless | Registered::Failed(_)) => return Replaced::No,
            Some(Registered::Stored) | None => {}
        }
        let Ok(kaspi) = settings.kaspi() else { return Replaced::No };
        let (own, began) = (Ask::fresh(settings.config.kaspi.timeout), Moment::now());
        let answer = kaspi.register(&own, triple.dialect(), triple.bin(), triple.trade_point()).await;
        let note = tried(OperationType::Register, &own, began, answer.as_ref().err());
        match answer {
            Ok(token) => {
                let other = token != *triple.token();
                let alarm = is_switched_off(refusal).then_some(REGISTERED_AGAIN);
                let kept = Kept { token: other.then_some(token), alarm, again: again.filter(|_| other) };
                if self.keep_token(triple, kept, note).await.is_err() {
                    return Replaced::No;
                }
                turn.ended(if other { Registered::Stored } else { Registered::Useless });
                match self.current_triple(triple) {
                    Ok(fresh) if other => Replaced::With(fresh, ask),
                    _ => Replaced::No,
                }
            }
            Err(trouble) => {
                turn.ended(Registered::not(&trouble));
                let alarm = is_switched_off(refusal).then_some(NOT_REGISTERED_AGAIN);
                self.not_replaced(triple, (note, alarm), trouble).await
            }
        }
    }

    /// A registration that gave nothing stands in the log, and is the reason if Kaspi refused it.
    async fn not_replaced(
        &self,
        triple: &Triple,
        (note, alarm): (Note, Option<&'static str>),
        trouble: Trouble,
    ) -> Replaced {
        let bin = triple.bin().clone();
        let kept = self.store.write(move |writing| {
            let change = match (writing.config(&bin)?, alarm) {
                (Some(row), Some(_)) => with_alarm(row, note, alarm),
                _ => Change::Noted(of_bin(writing, note, &bin)?),
            };
            writing.append(None, change)?;
            Ok(())
        });
        let config = self.store.read(|reading| Ok(reading.config(triple.bin())?)).ok().flatten().map(|row| row.id);
        warn!(config, %trouble, "the device could not be registered again");
        match (kept.await, trouble) {
            (Ok(()), Trouble::Refused(refusal)) => Replaced::Refused(refusal),
            _ => Replaced::No,
        }
    }

    fn current_triple(&self, like: &Triple) -> Result<Triple, Failure> {
        self.store.read(|reading| {
            let triple = reading.triple(like.bin(), like.trade_point(), like.of())?;
            Ok(triple.unwrap_or_else(|| like.clone()))
        })
    }

    /// Durable before the second request leaves.
    async fn note_again(&self, again: Option<Again>) -> Result<(), Failure> {
        let Some(again) = again else { return Ok(()) };
        let noted = self.store.write(move |writing| {
            writing.append(None, again.0)?;
            Ok(())
        });
        noted.await
    }

    async fn keep_token(&self, triple: &Triple, kept: Kept, mut note: Note) -> Result<(), Failure> {
        let (bin, trade_point) = (triple.bin().clone(), triple.trade_point().clone());
        if kept.token.is_none() {
            note.error = Some("Kaspi gave the same token again".to_owned());
        }
        let id = self
            .store
            .write(move |writing| {
                if let Some(token) = &kept.token {
                    writing.put_device(&bin, &trade_point, token)?;
                }
                let row = writing.config(&bin)?;
                let id = row.as_ref().map(|row| row.id);
                let change = match row {
                    Some(row) => with_alarm(row, note, kept.alarm),
                    None => Change::Noted(Note { organization_bin: Some(bin), ..note }),
                };
                writing.append(None, change)?;
                if let Some(Again(change)) = kept.again {
                    writing.append(None, change)?;
                }
                Ok(id)
            })
            .await?;
        info!(config = id, "Kaspi refused the device token; the device was registered again");
        Ok(())
    }

    /// The triple of the config a payment was frozen with. Cancel and refund use only the bank and the dialect it was
    /// made with, and only a bank that a trade-point read has settled for its organisation.
    pub(super) fn frozen_triple(&self, settings: &Settings, row: &PaymentRow) -> Result<Triple, Failure> {
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
        })
    }

    /// A fresh call within the configured time-out.
    pub(super) fn ask(request: &Request) -> Ask {
        Ask::fresh(request.settings.config.kaspi.timeout)
    }
}

/// Refuses, in words, what the client to the bank would not send: a payment of another bank than the one we speak to.
pub(super) fn of_our_bank(settings: &Settings, row: &PaymentRow) -> Result<(), Failure> {
    match settings.config.kaspi.bank.is(&row.bank) {
        true => Ok(()),
        false => Err(trouble::failure(&Trouble::OtherBank(row.bank.clone())).with_payment(row.id)),
    }
}

/// −1502 says that somebody may have switched the device off on purpose: a person should know, whatever comes of the
/// registration that follows.
fn is_switched_off(refusal: &Refusal) -> bool {
    refusal.kind == RefusalKind::DeviceInactive
}

const REGISTERED_AGAIN: &str = "Kaspi called the device switched off or deleted; it was registered again";
const NOT_REGISTERED_AGAIN: &str =
    "Kaspi called the device switched off or deleted, and it could not be registered again";

fn with_alarm(mut row: ConfigRow, note: Note, alarm: Option<&str>) -> Change {
    if let Some(alarm) = alarm {
        row.alarm = Some(alarm.to_owned());
    }
    let note = note.of(&row);
    Change::Config { row: Box::new(row), note }
}

/// Names the config of a BIN in a note, or the BIN alone.
pub(super) fn of_bin(
    writing: &Writing<'_>,
    note: Note,
    bin: &crate::id::OrganizationBin,
) -> Result<Note, crate::store::StoreError> {
    Ok(match writing.config(bin)? {
        Some(row) => note.of(&row),
        None => Note { organization_bin: Some(bin.clone()), ..note },
    })
}

/// Refusals of the token: the guide's "Invalid deviceToken".
fn is_of_the_token(kind: RefusalKind) -> bool {
    matches!(kind, RefusalKind::DeviceTokenInvalid | RefusalKind::DeviceInactive)
}

/// Refusals that a look at the trade points explains.
fn is_of_the_point(kind: RefusalKind) -> bool {
    matches!(
        kind,
        RefusalKind::TradePointInactive | RefusalKind::TradePointMissing | RefusalKind::OrganizationNotRegistered
    )
}

/// That an intended call is sent a second time, and why.
struct Again(Change);

impl Again {
    fn new((intent, payment): (u64, PaymentId), refusal: &Refusal, ask: &Ask) -> Self {
        let failure = trouble::refused(refusal);
        let error = format!("{}; sent again with another token", failure.detail);
        let refused = FirstRefusal { provider_code: refusal.code, error };
        Self(Change::SentAgain { intent, payment, refused, x_request_id: ask.x_request_id.to_string() })
    }
}

/// What a registration changes, in one commit.
struct Kept {
    /// None: the same as before.
    token: Option<DeviceToken>,
    alarm: Option<&'static str>,
    again: Option<Again>,
}

/// A second attempt has at least a second, however long the registration took.
fn in_time(ask: Ask) -> Ask {
    Ask { deadline: ask.deadline.max(Instant::now() + Duration::from_secs(1)), ..ask }
}
