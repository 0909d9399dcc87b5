//! What happens between the bill and its end: the code to scan, the wait.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::call::PATIENCE;
use crate::client::{Client, ClientError, Outcome};
use crate::ctl::exit::{self, Exit};
use crate::ctl::invocation::Invocation;
use crate::ctl::session::Session;
use crate::ctl::text;
use crate::domain::{Kind, State};
use crate::failure::Code;
use crate::id::PaymentRef;
use crate::moment::Span;
use crate::operation::{GetPayment, GetPicture, Payment, Reply};

/// The daemon waits at most ten minutes in one call (architecture §7); a longer wait is several calls.
const SLICE: Duration = Duration::from_secs(300);

/// How often the line of a wait is shown anew.
const SHOWN: Duration = Duration::from_secs(1);

/// Between two attempts to reach a daemon that is gone.
pub(super) const AGAIN: Duration = Duration::from_millis(250);

/// How often a call is made over a new connection: the daemon may restart while somebody asks.
pub(super) const RECONNECTS: u32 = 3;

impl Session<'_> {
    /// Says what the customer sees now, before the wait.
    pub(super) async fn billed(&mut self, client: &Client, payment: &Payment, draw: bool) {
        let whose = text::organisation(payment);
        self.out.say(&format!("waiting for {} to {whose}, payment {}", payment.amount_tiyn, payment.id));
        if let Some(link) = &payment.link {
            self.out.say(&format!("link: {}", text::clean(link)));
        }
        if let Some(code) = self.code(client, payment, draw).await {
            self.out.data(&format!("{code}\n"));
        }
    }

    /// Once the customer is billed, trouble with the wait is not trouble with the payment: it goes on.
    pub(super) async fn wait_for_customer(
        &mut self,
        client: Client,
        billed: Payment,
        limit: Duration,
        ask: &Invocation,
    ) -> Exit {
        let payment = match self.wait(client, &PaymentRef::Id(billed.id), limit).await {
            None => return Exit::Waiting,
            Some(Ok(Ok(payment))) => payment,
            Some(Ok(Err(failure))) => {
                self.out.say(&text::failure(&failure, &self.reader));
                billed
            }
            Some(Err(error)) => {
                self.out.say(&format!("kaspictl: the wait ended early, the payment goes on: {error}"));
                billed
            }
        };
        self.answer(Ok(Ok(Reply::Payment(payment))), ask)
    }

    /// Waits until `payment` is final or `limit` has passed, over restarts of the daemon. None once a person has pressed Ctrl-C,
    /// which is no word to the customer.
    pub(super) async fn wait(
        &mut self,
        client: Client,
        payment: &PaymentRef,
        limit: Duration,
    ) -> Option<Result<Outcome<Payment>, ClientError>> {
        let mut interrupts = signal(SignalKind::interrupt()).ok();
        let interrupted = async {
            match &mut interrupts {
                Some(interrupts) => drop(interrupts.recv().await),
                None => std::future::pending().await,
            }
        };
        let waited = tokio::select! {
            waited = self.waited(client, payment, limit) => Some(waited),
            () = interrupted => None,
        };
        if waited.is_none() {
            self.out.progress("");
            let known = tokio::time::timeout(SHOWN, self.looked_up(payment)).await.ok().flatten();
            self.out.say(&text::left(payment, known.as_ref(), &self.reader));
        }
        waited
    }

    /// A payment as the daemon knows it, asked anew.
    async fn looked_up(&self, payment: &PaymentRef) -> Option<Payment> {
        known(&Client::connect(&self.socket, "kaspictl").await.ok()?, payment).await
    }

    async fn waited(
        &mut self,
        mut client: Client,
        payment: &PaymentRef,
        limit: Duration,
    ) -> Result<Outcome<Payment>, ClientError> {
        let begun = Instant::now();
        loop {
            let asked = Instant::now();
            let left = limit.saturating_sub(begun.elapsed());
            let slice = left.min(SLICE);
            let get = GetPayment { payment: payment.clone(), wait: Some(Span::from_duration(slice)) };
            let answer = client.call(None, Some(slice.saturating_add(PATIENCE)), get);
            match self.watched(&client, payment, asked + left, answer).await {
                outcome if has_stopped(&outcome) && begun.elapsed() < limit => {
                    drop(client);
                    client = self.reached(begun + limit).await?;
                }
                Ok(Ok(known)) if exit::of_state(known.state) == Exit::Waiting && asked.elapsed() + AGAIN < left => {
                    // Answered early although it is not final: the daemon stops, for one, so no loop without a pause.
                    if asked.elapsed() < slice {
                        tokio::time::sleep(AGAIN).await;
                    }
                }
                outcome => return outcome,
            }
        }
    }

    /// The next daemon: one that was stopped may be started again until then.
    async fn reached(&mut self, until: Instant) -> Result<Client, ClientError> {
        let mut is_told = false;
        loop {
            // Who stops still answers for a moment, and is not asked in a loop.
            tokio::time::sleep(AGAIN).await;
            let error = match Client::connect(&self.socket, "kaspictl").await {
                Ok(client) => return Ok(client),
                Err(error) => error,
            };
            if !matches!(error, ClientError::Unreachable { .. } | ClientError::Lost(_)) || Instant::now() >= until {
                return Err(error);
            }
            if !std::mem::replace(&mut is_told, true) {
                self.out.progress("");
                self.out.say(&format!("kaspictl: {error}; the wait goes on when kaspid is there again"));
            }
        }
    }

    /// Waits for an answer, and shows a person meanwhile how the payment stands, in a line that goes again.
    async fn watched<T>(
        &mut self,
        client: &Client,
        payment: &PaymentRef,
        until: Instant,
        answer: impl Future<Output = T>,
    ) -> T {
        if !self.out.watched {
            return answer.await;
        }
        let mut answer = pin!(answer);
        let mut clock = interval(SHOWN);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut looking, mut known) = (Some(Box::pin(known(client, payment))), None);
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => {
                    self.out.progress("");
                    return answer;
                }
                payment = async { looking.as_mut()?.await }, if looking.is_some() => {
                    known = payment.or(known);
                    looking = None;
                }
                _ = clock.tick() => {
                    self.out.progress(&text::standing(known.as_ref(), until.saturating_duration_since(Instant::now())));
                    looking.get_or_insert_with(|| Box::pin(self::known(client, payment)));
                }
            }
        }
    }

    /// The code the customer scans, where one is wanted and there is one.
    pub(super) async fn code(&mut self, client: &Client, payment: &Payment, draw: bool) -> Option<String> {
        let scannable = payment.kind != Kind::Remote && payment.state == State::Waiting;
        if self.json || !scannable || !(draw || self.out.terminal) {
            return None;
        }
        let picture = GetPicture { payment: PaymentRef::Id(payment.id) };
        match client.call(None, Some(PATIENCE), picture).await {
            Ok(Ok(picture)) => match text::draw(&picture.content, self.out.colours) {
                Ok(code) => return Some(code),
                Err(error) => self.out.say(&format!("kaspictl: cannot draw the code: {error}")),
            },
            Ok(Err(failure)) => self.out.say(&format!("kaspictl: cannot draw the code: {failure}")),
            Err(error) => self.out.say(&format!("kaspictl: cannot draw the code: {error}")),
        }
        None
    }
}

/// A payment as it is known now. The daemon asks Kaspi no more often for it than for the wait itself.
pub(super) async fn known(client: &Client, payment: &PaymentRef) -> Option<Payment> {
    let get = GetPayment { payment: payment.clone(), wait: None };
    client.call(None, Some(PATIENCE), get).await.ok()?.ok()
}

/// Whether the daemon has gone, and may be back.
fn has_stopped(outcome: &Result<Outcome<Payment>, ClientError>) -> bool {
    match outcome {
        Ok(Err(failure)) => failure.code == Code::ShuttingDown,
        Err(error) => matches!(error, ClientError::Lost(_)),
        Ok(Ok(_)) => false,
    }
}
