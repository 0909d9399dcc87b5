//! The wire between the daemon and the bank. Each request has its fault; at each end of the wire the daemon may die.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use tokio::time::sleep;

use super::bank::Bank;
use super::chance::Chance;
use super::clock;
use super::fate::{self, note, step};
use super::faults::{Fault, Troubles};
use super::words::{Heard, read, reply};
use crate::kaspi::{ExchangeError, HttpAnswer, Wire};

/// The bank behind the wire; a cheap handle.
#[derive(Clone)]
pub(super) struct Line(Arc<Mutex<(Bank, Troubles)>>);

impl Line {
    pub(super) fn new(bank: Bank, chance: Chance, is_of_refunds: bool) -> Self {
        Self(Arc::new(Mutex::new((bank, Troubles::new(chance, is_of_refunds)))))
    }

    fn both(&self) -> MutexGuard<'_, (Bank, Troubles)> {
        self.0.lock().unwrap()
    }

    /// Looks at the bank's books as they stand now.
    pub(super) fn look<T>(&self, look: impl FnOnce(&mut Bank) -> T) -> T {
        let bank = &mut self.both().0;
        bank.catch_up();
        look(bank)
    }

    /// How much goes wrong from now on, in percent of each kind of call; gives what it was.
    pub(super) fn set_rates(&self, rates: [u64; 5]) -> [u64; 5] {
        std::mem::replace(&mut self.both().1.rates, rates)
    }

    /// For the daemon.
    pub(super) fn wire(&self) -> Wire {
        let line = self.clone();
        Arc::new(move |request| {
            let line = line.clone();
            Box::pin(async move {
                let answer = line.converse(request).await;
                if fate::is_dead() { pending().await } else { answer }
            })
        })
    }

    async fn converse(self, request: Request<Full<Bytes>>) -> Result<HttpAnswer, ExchangeError> {
        let path = request.uri().path().to_owned();
        let dialect = self.both().0.dialect;
        let heard = read(request, dialect).await.unwrap_or_else(|| panic!("the bank cannot read {path}"));
        let (fault, there, back) = {
            let (bank, troubles) = &mut *self.both();
            let travel = |chance: &mut Chance| Duration::from_millis(chance.magnitude(10, 2_000));
            let (fault, there, back) =
                (troubles.pick(&heard), travel(&mut troubles.chance), travel(&mut troubles.chance));
            if fault == Fault::Forgotten {
                bank.forget(heard.bin().unwrap_or_default());
            }
            (fault, there, back)
        };
        note(|| format!("{path}: {fault:?}"));
        if fault == Fault::Unsent {
            return Err(ExchangeError::unsent("no connection"));
        }
        step("wire.sent");
        sleep(there).await;
        if fate::is_dead() {
            return pending().await;
        }
        if let Heard::Money(given) = &heard
            && !matches!(fault, Fault::Lost { .. })
        {
            self.look(|bank| bank.receive(given));
        }
        match fault {
            Fault::Lost { silent: true } => return pending().await,
            Fault::Lost { silent: false } => return Err(ExchangeError::Lost("cut".to_owned())),
            Fault::Refused(body) => return Ok(answer(502, body.to_owned())),
            Fault::Late => {
                if let Heard::Money(given) = heard {
                    self.look(|bank| bank.later(given));
                }
                return pending().await;
            }
            _ => {}
        }
        let body = self.look(|bank| reply(bank, &heard));
        note(|| format!("{path}: {body}"));
        step("wire.done");
        sleep(back).await;
        step("wire.answered");
        match fault {
            Fault::Unheard { silent: true } => pending().await,
            Fault::Unheard { silent: false } => Err(ExchangeError::Lost("cut".to_owned())),
            Fault::Garbled(garbled) => Ok(answer(200, garbled.to_owned())),
            _ => Ok(answer(200, body)),
        }
    }
}

fn answer(http: u16, body: String) -> HttpAnswer {
    HttpAnswer { http, date: Some(clock::bank()), body: Bytes::from(body) }
}
