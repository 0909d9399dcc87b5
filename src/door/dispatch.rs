//! What both encodings do with an operation once they have read it: count it, admit it, run it.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::Instant;
use tracing::Instrument;

use super::limits::{Limits, UserAccount};
use super::scribes::Scribes;
use crate::access::{Admitted, Caller, Permission, Presence, Rules};
use crate::allowance::{Allowance, ConnectionAllowances};
use crate::failure::{Code, Failure};
use crate::id::RequestKey;
use crate::metrics::{DoorMeters, Limit, RunningOperation};
use crate::moment::Span;
use crate::operation::{Length, Operation, Reply, Row};
use crate::transfer::{Transferred, Upload};

/// What an operation came to.
pub(super) type Outcome = Result<Reply, Failure>;

/// An operation being carried out.
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What an operation came to, with what its answer may hold until it is taken.
#[derive(Debug)]
pub(super) struct Finished<T> {
    pub(super) outcome: Result<T, Failure>,
    /// None where the operation did not begin.
    pub(super) allowance: Option<Allowance>,
}

/// What a streamed operation came to.
pub(super) type StreamOutcome = Result<Transferred, Failure>;

/// A streamed operation being carried out.
type Streaming = Pin<Box<dyn Future<Output = StreamOutcome> + Send>>;

/// A denial being written down.
type Noting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whatever carries out admitted operations: in the daemon the service, in tests a closure.
#[derive(Clone)]
pub struct Handler {
    message: Arc<dyn Fn(Admitted) -> Running + Send + Sync>,
    stream: Arc<dyn Fn(Admitted, Upload) -> Streaming + Send + Sync>,
    denied: Arc<dyn Fn(Caller, &'static Row) -> Noting + Send + Sync>,
}

impl Handler {
    /// Answers with `carry_out`, for instance `move |admitted| service.clone().run(admitted)`.
    pub fn new<F, R>(carry_out: F) -> Self
    where
        F: Fn(Admitted) -> R + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        let message = Arc::new(move |admitted| -> Running { Box::pin(carry_out(admitted)) });
        let answered = message.clone();
        Self {
            message,
            stream: Arc::new(move |admitted, _| {
                let running = answered(admitted);
                Box::pin(async move { running.await.map(|reply| Transferred::Reply(Box::new(reply))) })
            }),
            denied: Arc::new(|_, _| Box::pin(async {})),
        }
    }

    /// The same, with streamed operations carried out by `carry_out`: it is given the request's body, and may
    /// answer with a body of any length.
    #[must_use]
    pub fn with_streams<F, R>(self, carry_out: F) -> Self
    where
        F: Fn(Admitted, Upload) -> R + Send + Sync + 'static,
        R: Future<Output = StreamOutcome> + Send + 'static,
    {
        Self { stream: Arc::new(move |admitted, upload| Box::pin(carry_out(admitted, upload))), ..self }
    }
}

impl Handler {
    /// The same, with denials told to `denied`.
    #[must_use]
    pub fn with_denials<F, R>(self, denied: F) -> Self
    where
        F: Fn(Caller, &'static Row) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self { denied: Arc::new(move |caller, row| Box::pin(denied(caller, row))), ..self }
    }
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handler")
    }
}

/// An operation with what came with it.
pub(super) struct Submission {
    pub(super) operation: Operation,
    /// The request key.
    pub(super) key: Option<RequestKey>,
    /// Whether the caller is still there.
    pub(super) presence: Presence,
    /// What its answer may hold.
    pub(super) allowance: Allowance,
    /// What the rules have said already; asked when the operation begins otherwise.
    pub(super) permission: Option<Permission>,
}

/// One connection's access to the service.
#[derive(Debug)]
pub(super) struct Dispatcher {
    pub(super) answer: Handler,
    pub(super) rules: watch::Receiver<Arc<Rules>>,
    pub(super) limits: Limits,
    pub(super) caller: Caller,
    pub(super) account: Arc<UserAccount>,
    pub(super) allowances: Arc<ConnectionAllowances>,
    pub(super) meters: Arc<DoorMeters>,
    /// Where long answers are written.
    pub(super) scribes: Scribes,
    /// Why nothing is carried out on this connection.
    pub(super) refusal: Option<Failure>,
    /// The door waits at the end until every copy of this is gone: it closes behind the last operation, also
    /// one whose client has gone away.
    pub(super) _open: mpsc::Sender<()>,
}

impl Dispatcher {
    /// Counts a request against its user's rate.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn take_turn(&self) -> Result<(), Failure> {
        match &self.refusal {
            Some(refusal) => Err(refusal.clone()),
            None => self.counted(Limit::RatePerUid, self.account.take_turn(&self.limits)),
        }
    }

    fn counted<T>(&self, limit: Limit, result: Result<T, Failure>) -> Result<T, Failure> {
        result.inspect_err(|_| self.meters.refused(limit).add())
    }

    /// Asks the rules in force, once for each request.
    ///
    /// # Errors
    /// `denied`.
    pub(super) async fn permission(&self, row: &'static Row) -> Result<Permission, Failure> {
        let right = row.right;
        let rules = Arc::clone(&self.rules.borrow());
        if let Some(permission) = rules.permission(&self.caller, right) {
            return Ok(permission);
        }
        tokio::spawn((self.answer.denied)(self.caller.clone(), row));
        // A denial names the user, and the user database may be a directory server.
        let caller = self.caller.clone();
        let denial = tokio::task::spawn_blocking(move || rules.denial(&caller, right)).await;
        Err(denial.unwrap_or_else(|_| Failure::new(Code::Denied, format!("no right to {}", right.name()))))
    }

    /// Carries an operation out in a task of its own and gives the outcome to `done`, exactly once, which puts it into bytes:
    /// a long one on a thread that nobody waits for. Nothing that happens to the connection stops it; of the caller's presence
    /// only its waiting hears.
    pub(super) fn launch(
        self: &Arc<Self>,
        submission: Submission,
        done: impl FnOnce(Finished<Reply>) + Send + 'static,
    ) {
        let answer = Arc::clone(&self.answer.message);
        let presence = submission.presence.clone();
        self.begin(submission, move |admitted| answer(admitted.heard_by(presence)), (Reply::is_long, done));
    }

    /// The same for a streamed operation; `upload` is empty where it takes no file.
    pub(super) fn launch_stream(
        self: &Arc<Self>,
        submission: Submission,
        upload: Upload,
        done: impl FnOnce(Finished<Transferred>) + Send + 'static,
    ) {
        let answer = Arc::clone(&self.answer.stream);
        self.begin(submission, move |admitted| answer(admitted, upload), (|_| false, done));
    }

    fn begin<T, R>(
        self: &Arc<Self>,
        submission: Submission,
        run: impl FnOnce(Admitted) -> R + Send + 'static,
        (is_long, done): (fn(&T) -> bool, impl FnOnce(Finished<T>) + Send + 'static),
    ) where
        T: Send + 'static,
        R: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let row = submission.operation.row();
        let span = tracing::info_span!(
            "request",
            kaspid.operation = %format_args!("{} {}", row.method, row.path),
            kaspid.uid = self.caller.uid,
            kaspid.pid = self.caller.pid,
            kaspid.status = tracing::field::Empty,
            kaspid.duration_us = tracing::field::Empty,
        );
        let report = Report {
            done: Some(done),
            outcome: PhantomData,
            key: submission.key.clone(),
            money: submission.operation.moves_money(),
            began: Instant::now(),
            span: span.clone(),
        };
        let dispatcher = Arc::clone(self);
        let work = async move {
            let answered = dispatcher.carry_out(submission, run).await;
            match answered.outcome.as_ref().is_ok_and(is_long) {
                true => dispatcher.scribes.write(move || report.with(answered)).await,
                false => report.with(answered),
            }
        };
        tokio::spawn(work.instrument(span));
    }

    async fn carry_out<T, R: Future<Output = Result<T, Failure>>>(
        &self,
        submission: Submission,
        run: impl FnOnce(Admitted) -> R,
    ) -> Finished<T> {
        let allowance = submission.allowance.clone();
        let outcome = match self.let_in(submission).await {
            Ok((admitted, running)) => {
                let outcome = run(admitted).await;
                drop(running);
                outcome
            }
            Err(failure) => Err(failure),
        };
        Finished { outcome, allowance: Some(allowance) }
    }

    /// Waits for room for an answer. A caller that goes away meanwhile has asked for nothing.
    ///
    /// # Errors
    /// `rate_limited`: answers before it are not taken.
    pub(super) async fn room(&self, length: Length) -> Result<Allowance, Failure> {
        let taken = self.allowances.take(length).await;
        self.counted(Limit::Untaken, taken)
    }

    /// All that an operation needs to begin.
    async fn let_in(
        &self,
        submission: Submission,
    ) -> Result<(Admitted, (OwnedSemaphorePermit, RunningOperation)), Failure> {
        let Submission { operation, key, permission, allowance, .. } = submission;
        check_wait(&operation, self.limits.wait)?;
        let running = self.counted(Limit::RunningPerUid, self.account.start())?;
        let permission = match permission {
            Some(permission) => permission,
            None => self.permission(operation.row()).await?,
        };
        let row = operation.row();
        let admitted = permission.admit(key, operation)?.allowed(allowance);
        Ok((admitted, (running, self.meters.begun(row.method, row.path))))
    }

    /// Tells the journal of a client that did not take its answers before the door had to close.
    pub(super) fn left_untaken(&self) {
        let Caller { uid, pid, .. } = self.caller;
        let bytes = self.allowances.untaken();
        tracing::warn!(
            kaspid.uid = uid,
            kaspid.pid = pid,
            "a client of user {uid} left {bytes} bytes of answers untaken; its connection is closed for the stop"
        );
    }
}

fn check_wait(operation: &Operation, most: Duration) -> Result<(), Failure> {
    let wait = match operation {
        Operation::Create(create) => create.wait,
        Operation::PaymentGet(get) => get.wait,
        _ => None,
    };
    match wait {
        Some(wait) if wait.duration() > most => Err(Failure::invalid(format!(
            "wait: {wait} is longer than {}; wait again by the payment's id instead",
            Span::from_secs(most.as_secs())
        ))),
        _ => Ok(()),
    }
}

/// Gives an outcome to whoever waits, also where the operation panics.
struct Report<T, D: FnOnce(Finished<T>)> {
    done: Option<D>,
    outcome: PhantomData<fn(T)>,
    key: Option<RequestKey>,
    money: bool,
    began: Instant,
    span: tracing::Span,
}

impl<T, D: FnOnce(Finished<T>)> Report<T, D> {
    fn with(mut self, answered: Finished<T>) {
        self.give(answered);
    }

    fn give(&mut self, answered: Finished<T>) {
        let Some(done) = self.done.take() else { return };
        let outcome = answered.outcome.map_err(|mut failure| {
            failure.request_key = failure.request_key.or_else(|| self.key.take());
            failure
        });
        let status = outcome.as_ref().map_or_else(|failure| failure.code.status(), |_| 200);
        // Both are put into words at once, for this line alone.
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.span.record("kaspid.status", status);
            self.span.record("kaspid.duration_us", u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX));
            self.span.in_scope(|| tracing::debug!("answered"));
        }
        done(Finished { outcome, ..answered });
    }
}

impl<T, D: FnOnce(Finished<T>)> Drop for Report<T, D> {
    fn drop(&mut self) {
        if self.done.is_some() {
            self.give(Finished { outcome: Err(broken(self.money)), allowance: None });
        }
    }
}

/// The operation ended without an outcome: a defect of ours, or the runtime is going down.
fn broken(money: bool) -> Failure {
    let detail = "the daemon failed inside of the operation; its journal says where";
    let failure = Failure::new(Code::OutcomeUnknown, detail);
    if money { failure } else { failure.with_money(crate::failure::Money::NotMoved).with_retryable(true) }
}
