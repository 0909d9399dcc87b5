//! How the calls to the bank went: counted for who watches the daemon, and the last trouble kept in words until the
//! bank is heard of again. Shared by every client a reload makes.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::{CallError, Refusal, RefusalKind};
use super::gate::{CODES, CallKind};
use crate::metrics::{Counter, Histogram};
use crate::moment::Moment;

/// Bounds of a call's time in seconds, up to `[kaspi] timeout`'s default.
const CALL_BOUNDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// What a call came to (wire §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallVerdict {
    /// A value.
    Value,
    /// Kaspi said no.
    Refusal,
    /// No byte of it reached Kaspi.
    NeverSent,
    /// No answer that decides.
    MayHaveHappened,
    /// Whoever waited for it stopped waiting; only reads are left like that.
    GivenUp,
}

impl CallVerdict {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Value, Self::Refusal, Self::NeverSent, Self::MayHaveHappened, Self::GivenUp];

    /// As a label.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Refusal => "refusal",
            Self::NeverSent => "never_sent",
            Self::MayHaveHappened => "may_have_happened",
            Self::GivenUp => "given_up",
        }
    }
}

/// What keeps us from the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageKind {
    /// No connection.
    Unreachable,
    /// It does not take our certificate.
    Certificate,
    /// It takes calls, and what it answers cannot be read or does not come in time.
    NoAnswer,
}

/// The trouble with the bank that stands now. No text in it carries a token, a phone or a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Of the last failure.
    pub kind: OutageKind,
    /// The first failure after the last success.
    pub since: Moment,
    /// The last one.
    pub last: Moment,
    /// The last one in words.
    pub why: String,
}

/// The numbers of one kind of call.
#[derive(Debug)]
pub struct CallMeter {
    outcomes: [Counter; CallVerdict::ALL.len()],
    /// From the first try to the end of the answer, whatever it was.
    pub took: Histogram,
}

impl CallMeter {
    /// How many came to this.
    #[must_use]
    pub fn count(&self, outcome: CallVerdict) -> u64 {
        self.outcomes.get(outcome as usize).map_or(0, Counter::get)
    }
}

/// The record of all calls since the daemon started.
#[derive(Debug)]
pub struct Record {
    /// In the order of [`CallKind::ALL`].
    calls: Vec<CallMeter>,
    /// In the order of [`CODES`], then any other.
    codes: Vec<Counter>,
    /// Milliseconds since 1970 of the last readable answer; 0 before the first.
    answered_at: AtomicI64,
    /// Held for a few instructions, never across an await.
    trouble: Mutex<Option<Outage>>,
}

impl Default for Record {
    fn default() -> Self {
        let meter = || CallMeter { outcomes: Default::default(), took: Histogram::new(CALL_BOUNDS) };
        Self {
            calls: CallKind::ALL.iter().map(|_| meter()).collect(),
            codes: (0..=CODES.len()).map(|_| Counter::default()).collect(),
            answered_at: AtomicI64::new(0),
            trouble: Mutex::default(),
        }
    }
}

impl Record {
    /// The calls by their names.
    pub fn calls(&self) -> impl Iterator<Item = (&'static str, &CallMeter)> {
        CallKind::ALL.iter().map(|call| call.word()).zip(&self.calls)
    }

    /// How often Kaspi gave each of its codes (wire §6); `other` are those on no list.
    pub fn codes(&self) -> impl Iterator<Item = (String, u64)> {
        let names = CODES.iter().map(ToString::to_string).chain(["other".to_owned()]);
        names.zip(self.codes.iter().map(Counter::get))
    }

    /// When Kaspi last gave an answer that could be read, a refusal included.
    #[must_use]
    pub fn answered_at(&self) -> Option<Moment> {
        Some(self.answered_at.load(Ordering::Relaxed)).filter(|ms| *ms != 0).map(Moment::from_millis)
    }

    /// What keeps us from the bank now.
    #[must_use]
    pub fn trouble(&self) -> Option<Outage> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Settings have changed: what stood in the way may not any more, and the next call tells.
    pub fn begin_anew(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Begins to watch a call; a watch that is dropped without an end counts as given up.
    pub(super) fn watch(&self, call: CallKind) -> Watch<'_> {
        Watch { record: self, call, began: Instant::now(), ended: false }
    }

    fn count(&self, call: CallKind, outcome: CallVerdict, took: Duration) {
        let Some(meter) = self.calls.get(call as usize) else { return };
        meter.took.observe(took);
        meter.outcomes.get(outcome as usize).into_iter().for_each(Counter::add);
    }

    fn count_code(&self, code: i64) {
        let place = CODES.iter().position(|listed| *listed == code).unwrap_or(CODES.len());
        self.codes.get(place).into_iter().for_each(Counter::add);
    }

    /// A connection was made ahead of calls. In TLS 1.3 that says nothing yet of our certificate.
    pub(super) fn connected(&self) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.take_if(|trouble| trouble.kind == OutageKind::Unreachable);
    }

    /// Something stands between us and the bank.
    pub(super) fn failed(&self, kind: OutageKind, why: String) {
        let last = Moment::now();
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let since = trouble.as_ref().map_or(last, |before| before.since);
        *trouble = Some(Outage { kind, since, last, why });
    }

    fn answered(&self) {
        self.answered_at.store(Moment::now().millis(), Ordering::Relaxed);
        self.begin_anew();
    }
}

/// A call under way.
pub(super) struct Watch<'r> {
    record: &'r Record,
    call: CallKind,
    began: Instant,
    ended: bool,
}

impl Watch<'_> {
    /// How it ended.
    pub(super) fn end<T>(mut self, result: &Result<T, CallError>) {
        self.ended = true;
        self.record.count(self.call, outcome(result), self.began.elapsed());
        if let Some(code) = code(result) {
            self.record.count_code(code);
        }
        match trouble(result) {
            None => self.record.answered(),
            Some((kind, why)) => self.record.failed(kind, why),
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.record.count(self.call, CallVerdict::GivenUp, self.began.elapsed());
        }
    }
}

fn outcome<T>(result: &Result<T, CallError>) -> CallVerdict {
    match result {
        // An answer in the other dialect settles what was asked: which one it is.
        Ok(_) | Err(CallError::OtherDialect(_)) => CallVerdict::Value,
        Err(CallError::Refused(_)) => CallVerdict::Refusal,
        Err(CallError::NeverSent { .. } | CallError::NotInDialect | CallError::OtherBank(_)) => CallVerdict::NeverSent,
        Err(CallError::MayHaveHappened { .. }) => CallVerdict::MayHaveHappened,
    }
}

fn code<T>(result: &Result<T, CallError>) -> Option<i64> {
    match result {
        Err(CallError::Refused(refusal)) => refusal.code,
        Err(CallError::MayHaveHappened { provider: Some((code, _)), .. }) => *code,
        _ => None,
    }
}

/// What a result says of the way to the bank; none where the bank was heard.
fn trouble<T>(result: &Result<T, CallError>) -> Option<(OutageKind, String)> {
    match result {
        Err(CallError::NeverSent { why, certificate: true }) => Some((OutageKind::Certificate, why.clone())),
        Err(CallError::NeverSent { why, certificate: false }) => Some((OutageKind::Unreachable, why.clone())),
        Err(CallError::MayHaveHappened { why, provider: None }) => Some((OutageKind::NoAnswer, why.clone())),
        // Its text is Kaspi's own and may repeat what we sent.
        Err(CallError::Refused(Refusal { kind: RefusalKind::ClientCertificate, .. })) => {
            Some((OutageKind::Certificate, "Kaspi answers that it sees no client certificate".to_owned()))
        }
        Ok(_) | Err(CallError::Refused(_) | CallError::MayHaveHappened { .. }) => None,
        Err(CallError::NotInDialect | CallError::OtherBank(_) | CallError::OtherDialect(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(why: &str) -> Result<(), CallError> {
        Err(CallError::MayHaveHappened { why: why.to_owned(), provider: None })
    }

    /// The place of a call and of an outcome in their lists is their number.
    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        assert!(CallKind::ALL.iter().enumerate().all(|(place, call)| *call as usize == place));
        assert!(CallVerdict::ALL.iter().enumerate().all(|(place, outcome)| *outcome as usize == place));
    }

    /// A read whose caller stops waiting is a call all the same, and says nothing of the bank.
    #[test]
    fn a_call_that_is_given_up_is_counted() {
        let record = Record::default();
        drop(record.watch(CallKind::Status));
        let counts: Vec<u64> = record.calls().map(|(_, meter)| meter.count(CallVerdict::GivenUp)).collect();
        assert_eq!(counts, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
        assert_eq!((record.trouble(), record.answered_at()), (None, None));
    }

    /// Since when stays through other failures; a refusal is an answer and ends it; a connection ends only that none
    /// could be made.
    #[test]
    fn trouble_stands_until_the_bank_is_heard() {
        let record = Record::default();
        record.failed(OutageKind::Unreachable, "no route".to_owned());
        let since = record.trouble().map(|trouble| trouble.since);
        record.watch(CallKind::Create).end(&lost("cut"));
        let trouble = record.trouble();
        assert_eq!(trouble.as_ref().map(|trouble| trouble.kind), Some(OutageKind::NoAnswer));
        assert_eq!((trouble.as_ref().map(|trouble| trouble.since), since.is_some()), (since, true));
        record.connected();
        assert!(record.trouble().is_some(), "a connection is no answer");
        let refusal = Refusal { kind: RefusalKind::WrongAmount, code: Some(990_000_028), text: None };
        record.watch(CallKind::Create).end(&Err::<(), _>(CallError::Refused(refusal)));
        assert!(record.trouble().is_none() && record.answered_at().is_some());
        record.failed(OutageKind::Unreachable, "no route".to_owned());
        record.connected();
        assert!(record.trouble().is_none());
    }

    /// Kaspi's own text may repeat what we sent: none of it is kept.
    #[test]
    fn trouble_has_no_text_of_the_bank() {
        let record = Record::default();
        let text = Some("token 577b4b39".to_owned());
        let refusal = Refusal { kind: RefusalKind::ClientCertificate, code: Some(-10_000), text };
        record.watch(CallKind::Ping).end(&Err::<(), _>(CallError::Refused(refusal)));
        let trouble = record.trouble();
        assert_eq!(trouble.as_ref().map(|trouble| trouble.kind), Some(OutageKind::Certificate));
        assert!(trouble.is_some_and(|trouble| !trouble.why.contains("577b")));
    }
}
