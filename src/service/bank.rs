//! Calls to the bank in the name of one organisation, with the guide's cure for an invalid token: register the
//! device again, once, and make the call again only because the refusal says that nothing happened.

use std::time::Duration;

use tracing::warn;

use super::select::settled_dialect;
use super::{Request, Service, Settings};
use crate::id::DeviceToken;
use crate::kaspi::{Ask, Kaspi, RefusalKind, Trouble};
use crate::operation::{Code, Failure, OperationType};
use crate::store::{Change, ConfigRow, Note, PaymentRow, Triple};

impl Service {
    /// Makes a call with the triple's token; a token that Kaspi no longer knows is replaced once.
    pub(super) async fn with_token<T, F>(
        &self,
        settings: &Settings,
        triple: Triple,
        ask: Ask,
        call: impl Fn(Kaspi, Ask, Triple) -> F,
    ) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let kaspi =
            settings.kaspi().map_err(|failure| Trouble::NeverSent { why: failure.detail, certificate: false })?;
        let first = call(kaspi.clone(), ask, triple.clone()).await;
        let Err(Trouble::Refused(refusal)) = &first else { return first };
        if matches!(refusal.kind, RefusalKind::TradePointInactive | RefusalKind::TradePointMissing) {
            self.suspect(triple.bin());
        }
        if !matches!(refusal.kind, RefusalKind::DeviceTokenInvalid | RefusalKind::DeviceInactive) {
            return first;
        }
        let alarm = refusal.kind == RefusalKind::DeviceInactive;
        match self.replaced(settings, &triple, alarm).await {
            Some(fresh) => call(kaspi.clone(), Ask::fresh(remaining(ask)), fresh).await,
            None => first,
        }
    }

    /// A triple with another token than the refused one, or none if Kaspi gives no other. One flight per device.
    async fn replaced(&self, settings: &Settings, refused: &Triple, alarm: bool) -> Option<Triple> {
        let name = (refused.bin().clone(), refused.trade_point().clone());
        let _turn = self.state.devices.lock(name).await;
        let current = self.current_triple(refused).ok()?;
        if current.token() != refused.token() {
            // Whoever held the lock before has registered it.
            return Some(current);
        }
        let kaspi = settings.kaspi().ok()?;
        let ask = Ask::fresh(settings.config.kaspi.timeout);
        let registered = kaspi.register(&ask, refused.dialect(), refused.bin(), refused.trade_point()).await;
        match registered {
            Ok(token) => {
                let other = token != *refused.token();
                self.keep_token(refused, token, &ask, alarm).await.ok()?;
                if other { self.current_triple(refused).ok() } else { None }
            }
            Err(trouble) => {
                warn!(%trouble, "the device could not be registered again");
                None
            }
        }
    }

    fn current_triple(&self, like: &Triple) -> Result<Triple, Failure> {
        self.store.read(|reading| {
            let triple = reading.triple(like.bin(), like.trade_point(), like.dialect())?;
            Ok(triple.unwrap_or_else(|| like.clone()))
        })
    }

    async fn keep_token(&self, triple: &Triple, token: DeviceToken, ask: &Ask, alarm: bool) -> Result<(), Failure> {
        let (bin, trade_point) = (triple.bin().clone(), triple.trade_point().clone());
        let x_request_id = ask.x_request_id.to_string();
        self.store
            .write(move |writing| {
                writing.put_device(&bin, &trade_point, &token)?;
                let note = Note { x_request_id: Some(x_request_id), ..Note::done(OperationType::Register) };
                let change = match writing.config(&bin)? {
                    Some(row) => registered_again(row, note, alarm),
                    None => Change::Noted(Note { organization_bin: Some(bin), ..note }),
                };
                writing.append(None, change)?;
                Ok(())
            })
            .await
    }

    /// The triple of the config a payment was frozen with. Cancel and refund use only the dialect it was made in, and
    /// only a bank that a trade-point read has settled for its organisation.
    pub(super) fn frozen_triple(&self, settings: &Settings, row: &PaymentRow) -> Result<Triple, Failure> {
        let (found, config) = self.store.read(|reading| {
            let found = reading.triple(&row.organization_bin, &row.trade_point_id, row.dialect)?;
            Ok((found, reading.config(&row.organization_bin)?))
        })?;
        if let Some(config) = config
            && settled_dialect(settings, &config).map_err(|failure| failure.with_payment(row.id))? != row.dialect
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

/// −1502 says that somebody may have switched the device off on purpose: a person should know.
fn registered_again(mut row: ConfigRow, note: Note, alarm: bool) -> Change {
    if alarm {
        row.alarm = Some("Kaspi called the device switched off or deleted; it was registered again".to_owned());
    }
    let note = note.of(&row);
    Change::Config { row: Box::new(row), note }
}

/// What is left of a call's time, at least a second for the second attempt.
fn remaining(ask: Ask) -> Duration {
    ask.deadline.saturating_duration_since(tokio::time::Instant::now()).max(Duration::from_secs(1))
}
