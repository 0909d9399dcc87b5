//! Tills that behave: each repeats a request with its key until the answer is final, whatever happens to the daemon
//! meanwhile, and does with an answer what the answer says. They outlive the daemon; what they know stands in a
//! [`Till`] and not in a task.
//!
//! A till is careful in one thing only, and a real one cannot be asked for it: a refund that the daemon may have called
//! failed is not asked for again before nothing of its payment is late any more. Nobody could tell such a refund from
//! one that never happened; see the module.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::chance::Chance;
use super::clock;
use crate::domain::{Kind, State};
use crate::failure::{Code, Failure};
use crate::id::PaymentId;
use crate::operation::Payment;

/// Longer than any answer takes.
pub(super) const EVER: Duration = Duration::from_secs(3 * 3600);
/// A till that has seen a payment wait this often goes on to the next customer. What is seen between is all the same.
const MOST_LOOKS: u32 = 4;
/// A till that hears "not now" this often gives up.
const MOST_TRIES: u32 = 60;

/// What a till wants of the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Create {
        supersedes: Option<PaymentId>,
    },
    /// How the payment stands, waiting for so many seconds.
    See(u64),
    Cancel,
    Refund(Option<u64>),
}

/// One intention, under one key.
#[derive(Clone, Debug)]
pub(super) struct Want {
    pub(super) what: What,
    pub(super) key: String,
    /// Of the sale.
    pub(super) amount: u64,
    pub(super) kind: Kind,
    pub(super) organisation: usize,
    pub(super) invoice: bool,
    pub(super) wait: Option<u64>,
    pub(super) payment: Option<PaymentId>,
    /// When it was first asked for.
    pub(super) begun: Option<Duration>,
    pub(super) tries: u32,
}

/// A want and the last answer to it.
pub(super) type Told = (Want, Result<Box<Payment>, Failure>);

pub(super) struct Till {
    number: u64,
    chance: Chance,
    /// Customers yet to come.
    customers: u64,
    /// They come back often.
    is_of_refunds: bool,
    /// Keys and amounts given out.
    given: u64,
    /// The payments of all tills.
    known: Known,
    now: Option<Want>,
    /// What is to be done with the payment at hand after that.
    next: Vec<What>,
    pub(super) told: Vec<Told>,
}

/// Wants whose payments are there.
pub(super) type Known = Arc<Mutex<Vec<Want>>>;

/// A cheap handle.
pub(super) type SharedTill = Arc<Mutex<Till>>;

impl Till {
    pub(super) fn new(number: u64, chance: Chance, customers: u64, known: Known, is_of_refunds: bool) -> SharedTill {
        let (now, next, told) = (None, Vec::new(), Vec::new());
        Arc::new(Mutex::new(Self { number, chance, customers, is_of_refunds, given: 0, known, now, next, told }))
    }

    fn fresh(&mut self) -> u64 {
        self.given += 1;
        self.number * 1_000 + self.given
    }

    /// What is to be asked for now; nothing when all customers have gone.
    pub(super) fn want(&mut self) -> Option<Want> {
        if self.now.is_none() {
            self.now = Some(self.sell()?);
        }
        let want = self.now.as_mut()?;
        want.begun.get_or_insert_with(clock::now);
        want.tries += 1;
        Some(want.clone())
    }

    /// The next customer.
    fn sell(&mut self) -> Option<Want> {
        self.customers = self.customers.checked_sub(1)?;
        if self.chance.percent(15)
            && let Some(other) = self.others()
        {
            return Some(other);
        }
        let number = self.fresh();
        let wait = self.chance.one_of(&[None, None, Some(5), Some(60)]);
        self.next.clear();
        Some(Want {
            what: What::Create { supersedes: None },
            key: format!("create-{number}"),
            amount: 1_000_000 + 10_000 * number,
            kind: self.chance.one_of(&[Kind::Remote, Kind::Remote, Kind::Link, Kind::Qr]),
            organisation: self.chance.below(2) as usize,
            invoice: self.chance.percent(50),
            wait,
            payment: None,
            begun: None,
            tries: 0,
        })
    }

    /// A customer who comes back with a payment of whichever till.
    fn others(&mut self) -> Option<Want> {
        let known = self.known.lock().unwrap().clone();
        let want = known.get(self.chance.below(known.len() as u64) as usize)?;
        self.plan(want);
        self.follow_up(want)
    }

    /// What comes after a payment was taken.
    fn plan(&mut self, want: &Want) {
        let see = |chance: &mut Chance| What::See(chance.one_of(&[0, 5, 30, 120]));
        if !self.is_of_refunds && self.chance.percent(25) {
            self.next = vec![What::Cancel, see(&mut self.chance)];
            return;
        }
        let parts = [2, 2, 4, 10];
        let part = self.chance.one_of(&parts);
        let refunds = self.chance.below(4) + u64::from(self.is_of_refunds);
        self.next = (0..refunds)
            .map(|_| match self.chance.below(10) {
                0 => What::Refund(None),
                1..6 => What::Refund(Some(want.amount / part)),
                _ => What::Refund(Some(want.amount / self.chance.one_of(&parts))),
            })
            .collect();
        self.next.push(see(&mut self.chance));
    }

    /// The answer to what was asked last, or none; true if the till goes on to something else.
    pub(super) fn hear(&mut self, answer: Option<Result<Box<Payment>, Failure>>) {
        let (Some(want), Some(answer)) = (self.now.clone(), answer) else { return };
        let again = match (&want.what, &answer) {
            (What::See(_), Ok(payment)) => payment.state == State::Waiting && want.tries < MOST_LOOKS,
            (_, Ok(_)) => false,
            (_, Err(failure)) => failure.retryable && want.tries < MOST_TRIES,
        };
        self.told.push((want.clone(), answer.clone()));
        if !again {
            self.now = self.after(&want, answer);
        }
    }

    fn after(&mut self, want: &Want, answer: Result<Box<Payment>, Failure>) -> Option<Want> {
        match (&want.what, answer) {
            (What::Create { .. }, Ok(payment)) => {
                let taken = Want { payment: Some(payment.id), ..want.clone() };
                self.known.lock().unwrap().push(taken.clone());
                self.plan(want);
                self.follow_up(&taken)
            }
            (What::Create { .. }, Err(failure)) => self.bill_again(want, &failure),
            (What::See(_), Ok(payment)) if payment.state != State::Paid => {
                self.next.clear();
                None
            }
            _ => self.follow_up(want),
        }
    }

    fn follow_up(&mut self, want: &Want) -> Option<Want> {
        let what = self.next.pop()?;
        let number = self.fresh();
        let key = match what {
            What::Refund(_) => format!("refund-{number}"),
            _ => format!("other-{number}"),
        };
        Some(Want { what, key, begun: None, tries: 0, ..want.clone() })
    }

    /// Only what the answer allows: a code that nobody saw is made again at once; an invoice that may stand only in the
    /// place of the unknown one, by a person's word.
    fn bill_again(&mut self, want: &Want, failure: &Failure) -> Option<Want> {
        let number = self.fresh();
        let again = Want {
            key: format!("create-{number}"),
            amount: 1_000_000 + 10_000 * number,
            begun: None,
            tries: 0,
            ..want.clone()
        };
        match (failure.code, want.kind) {
            (Code::OutcomeUnknown, Kind::Remote) if self.chance.percent(50) => {
                Some(Want { what: What::Create { supersedes: failure.payment }, ..again })
            }
            (Code::OutcomeUnknown, Kind::Link | Kind::Qr) if self.chance.percent(80) => Some(again),
            _ => None,
        }
    }

    /// How long until the same may be asked for again.
    pub(super) fn pause(&mut self) -> Duration {
        let ms = self.chance.magnitude(100, 120_000);
        Duration::from_millis(ms)
    }

    /// A till that has waited this long for an answer asks again.
    pub(super) fn patience(&mut self) -> Duration {
        if self.chance.percent(10) { self.chance.span(Duration::from_secs(1), Duration::from_secs(60)) } else { EVER }
    }

    /// The daemon has died.
    pub(super) fn lost_contact(&mut self) {
        let Some(want) = &mut self.now else { return };
        // A till that wrote its key down nowhere; the invoice keeps it from billing twice.
        let forgets = want.what == What::Create { supersedes: None } && want.invoice && self.chance.percent(20);
        if forgets {
            want.key = format!("{}-again", want.key);
        }
    }
}
