//! The bank's books: what really happened. Small on purpose and nothing of the sandbox: two who wrote down the same
//! misunderstanding would agree.
//!
//! It is late by seed: it may carry a request out after nobody waits for its answer any more, and show a refund in the
//! balance later than it happened. [`Bill::quiet_at`] is when all that is over for one payment.

use std::collections::HashSet;
use std::time::Duration;

use super::bill::{Back, Bill, CONFIRM, Phase};
use super::chance::Chance;
use super::clock;
use super::fate::{broken, note};
use crate::domain::{Dialect, Kind};
use crate::operation::Payment;

/// The organisations of a world, with their trade points.
pub(super) const ORGANISATIONS: [(&str, &str); 2] = [("891027350515", "104039"), ("210440028324", "205511")];

const REMOTE_LIFE: Duration = Duration::from_secs(24 * 3600);
const CODE_LIFE: Duration = Duration::from_secs(180);
/// The daemon's last look at a payment is a day after its deadline: who pays later is not found by asking.
const LATEST: Duration = Duration::from_secs(20 * 3600);

/// Why the bank says no.
pub(super) const TOKEN_UNKNOWN: i64 = -1_501;
pub(super) const NO_METHODS: i64 = 990_000_033;
const BILL_UNKNOWN: i64 = -99_000_001;
const EXCEEDS: i64 = -99_000_005;
const NOT_PAID: i64 = -99_000_011;
const PURCHASE_UNKNOWN: i64 = -1_601;

/// A request that is about money, as the bank understood it.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Create { kind: Kind, amount: u64 },
    Cancel { number: u64 },
    Refund { number: u64, amount: u64 },
}

/// An order and who gave it.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) order: Order,
    pub(super) bin: String,
    pub(super) token: String,
    pub(super) x_request_id: String,
}

/// What happens by itself, later.
#[derive(Clone, Debug)]
enum Deed {
    Scan(usize),
    Pay(usize),
    Decline(usize),
    /// Whatever the bank had said of it before.
    PayLate(usize),
    /// A cashier pays back in the bank's app.
    Elsewhere(usize),
    /// A request that waited somewhere on its way.
    Order(Box<Given>),
}

/// What the bank does with an order.
pub(super) enum Done {
    Bill(usize),
    Cancelled,
    Returned(u64),
    Refused(i64),
}

pub(super) struct Bank {
    chance: Chance,
    pub(super) dialect: Dialect,
    /// Of each organisation; another one each time the old is forgotten.
    tokens: Vec<u64>,
    pub(super) bills: Vec<Bill>,
    deeds: Vec<(Duration, Deed)>,
    /// The numbers of all orders that came in.
    received: HashSet<String>,
    /// The longest that something is late.
    latest: Duration,
    /// Customers pay soon and come back often.
    is_of_refunds: bool,
    /// Nothing is late any more.
    pub(super) is_tame: bool,
    /// In percent: payments of which a cashier pays back in the bank's app.
    elsewhere: u64,
}

/// Characters of a token that are the same in each of an organisation.
const TOKEN_OF: usize = 28;

/// The token of an organisation.
fn token(organisation: usize, number: u64) -> String {
    format!("577b4b39-1e7e-43d2-83c3-{:04}{number:08}", organisation + 1)
}

impl Bank {
    /// `is_of_refunds`: a world in which most happens after the payment.
    pub(super) fn new(mut chance: Chance, dialect: Dialect, is_of_refunds: bool) -> Self {
        let latest = chance.one_of(&[0, 0, 10, 90, 900, 3_600]);
        let elsewhere = chance.one_of(if is_of_refunds { &[0, 40, 80] } else { &[0, 0, 0, 30] });
        Self {
            chance,
            dialect,
            tokens: vec![0; ORGANISATIONS.len()],
            bills: Vec::new(),
            deeds: Vec::new(),
            received: HashSet::new(),
            latest: Duration::from_secs(latest),
            is_of_refunds,
            is_tame: false,
            elsewhere,
        }
    }

    /// How late something is: mostly it is not.
    pub(super) fn lateness(&mut self) -> Duration {
        if self.is_tame || self.latest.is_zero() || self.chance.percent(60) {
            return Duration::ZERO;
        }
        let latest = self.latest;
        self.chance.span(Duration::from_millis(500), latest)
    }

    pub(super) fn bill(&self, number: u64) -> Option<usize> {
        self.bills.iter().position(|bill| bill.number == number)
    }

    /// What somebody who looks into the bank's app finds of this amount.
    pub(super) fn of_amount(&self, amount: u64) -> impl Iterator<Item = &Bill> {
        self.bills.iter().filter(move |bill| bill.amount == amount)
    }

    /// The bill of a payment: by its number if it has one, else by its amount, which no other intention has.
    pub(super) fn bill_of(&self, payment: &Payment) -> Option<&Bill> {
        match &payment.qr_payment_id {
            Some(number) => self.bills.iter().find(|bill| bill.is(number)),
            // A till that forgot its key may have been given another for the same.
            None => self.of_amount(payment.amount_tiyn.tiyn()).find(|bill| !bill.was_shown),
        }
    }

    /// Registers a device.
    pub(super) fn register(&self, bin: &str) -> Result<String, i64> {
        let organisation = organisation(bin).ok_or(-99_000_002)?;
        Ok(token(organisation, self.tokens[organisation]))
    }

    /// The bank forgets a device: its token is refused until it is registered again.
    pub(super) fn forget(&mut self, bin: &str) {
        if let Some(organisation) = organisation(bin) {
            self.tokens[organisation] += 1;
        }
    }

    /// A till has the code of this payment to show.
    pub(super) fn shown(&mut self, payment: &Payment) {
        let Some(number) = &payment.qr_payment_id else { return };
        if let Some(bill) = self.bills.iter_mut().find(|bill| bill.is(number)) {
            bill.was_shown = true;
        }
    }

    /// An order comes in: no request is sent twice, and none with another organisation's token.
    pub(super) fn receive(&mut self, given: &Given) {
        if !self.received.insert(given.x_request_id.clone()) {
            broken(format!("a request was sent twice: {given:?}"));
        }
        let is_anothers = |at: &usize| given.token.starts_with(&token(*at, 0)[..TOKEN_OF]);
        let owner = (0..self.tokens.len()).find(is_anothers);
        if owner != organisation(&given.bin) {
            broken(format!("the token is another organisation's: {given:?}"));
        }
    }

    /// All that was to happen by now, in order.
    pub(super) fn catch_up(&mut self) {
        let now = clock::now();
        while let Some(next) = self.next_deed(now) {
            let (at, deed) = self.deeds.remove(next);
            note(|| format!("at the bank ({:.3}): {deed:?}", at.as_secs_f64()));
            self.happen(at, deed);
        }
        self.bills.iter_mut().for_each(|bill| bill.run_out(now));
    }

    fn next_deed(&self, now: Duration) -> Option<usize> {
        let due = self.deeds.iter().enumerate().filter(|(_, (at, _))| *at <= now);
        due.min_by_key(|(_, (at, _))| *at).map(|(index, _)| index)
    }

    fn happen(&mut self, at: Duration, deed: Deed) {
        let index = match deed {
            Deed::Order(given) => {
                // Nobody waits for what comes of it.
                let _ = self.carry_out(&given, at);
                return;
            }
            Deed::Scan(index) | Deed::Pay(index) | Deed::Decline(index) => index,
            Deed::PayLate(index) | Deed::Elsewhere(index) => index,
        };
        let (lateness, stale) = (self.lateness(), self.lateness());
        let part = 1 + self.chance.below(40);
        let bill = &mut self.bills[index];
        bill.run_out(at);
        if !bill.was_seen() {
            return;
        }
        bill.stale = (bill.status(), at + stale);
        match (deed, bill.phase) {
            (Deed::Scan(_), Phase::Created) => (bill.phase, bill.scanned_at) = (Phase::Scanned, at),
            (Deed::Pay(_), Phase::Created | Phase::Scanned) | (Deed::PayLate(_), Phase::Cancelled | Phase::Failed) => {
                bill.phase = Phase::Paid;
            }
            (Deed::Decline(_), Phase::Created | Phase::Scanned) => bill.end(Phase::Failed, at),
            (Deed::Elsewhere(_), Phase::Paid) => {
                // An amount that no refund of ours has, so that it is told apart.
                let amount = (bill.amount * part / 100).max(1) | 1;
                if amount + bill.returned() <= bill.amount {
                    let shown_at = at + lateness;
                    bill.backs.push(Back { amount, by: None, shown_at });
                    bill.quiet_at = bill.quiet_at.max(shown_at);
                }
            }
            _ => {}
        }
    }

    /// A request that is carried out later, when nobody waits for its answer any more.
    pub(super) fn later(&mut self, given: Given) -> Duration {
        let at = clock::now() + self.lateness();
        let over = at + self.latest;
        if let Order::Refund { number, .. } | Order::Cancel { number } = given.order
            && let Some(index) = self.bill(number)
        {
            let bill = &mut self.bills[index];
            bill.quiet_at = bill.quiet_at.max(over);
        }
        self.deeds.push((at, Deed::Order(Box::new(given))));
        at
    }

    /// Does what was ordered, or says why not.
    pub(super) fn carry_out(&mut self, given: &Given, now: Duration) -> Done {
        let organisation = organisation(&given.bin);
        let Some(organisation) = organisation.filter(|at| token(*at, self.tokens[*at]) == given.token) else {
            return Done::Refused(TOKEN_UNKNOWN);
        };
        let number = match given.order {
            Order::Create { kind, amount } => return self.create(organisation, (kind, amount), given, now),
            Order::Cancel { number } | Order::Refund { number, .. } => number,
        };
        let Some(index) = self.bill(number).filter(|index| self.bills[*index].organisation == organisation) else {
            return Done::Refused(BILL_UNKNOWN);
        };
        self.bills[index].run_out(now);
        match given.order {
            Order::Refund { amount, .. } => self.give_back(index, amount, given, now),
            Order::Create { .. } | Order::Cancel { .. } => self.cancel(index, now),
        }
    }

    fn create(&mut self, organisation: usize, what: (Kind, u64), given: &Given, now: Duration) -> Done {
        if self.chance.percent(3) {
            return Done::Refused(NO_METHODS);
        }
        let (kind, amount) = what;
        let (index, life) = (self.bills.len(), if kind == Kind::Remote { REMOTE_LIFE } else { CODE_LIFE });
        self.bills.push(Bill {
            number: 12_737_694_350 + index as u64,
            organisation,
            kind,
            amount,
            by: given.x_request_id.clone(),
            phase: Phase::Created,
            was_cancelled: false,
            was_shown: false,
            made_at: now,
            over_at: None,
            stale: ("", Duration::ZERO),
            was_sent_to_phone: kind == Kind::Remote || self.dialect == Dialect::Guide,
            deadline: now + life,
            scanned_at: Duration::ZERO,
            backs: Vec::new(),
            quiet_at: now,
        });
        self.plan(index, now, life);
        Done::Bill(index)
    }

    /// What the customer will do, and perhaps a cashier.
    fn plan(&mut self, index: usize, now: Duration, life: Duration) {
        let second = Duration::from_secs(1);
        let soon = if self.is_of_refunds { 30 * second } else { life / 3 };
        let at = now + self.chance.span(second, soon);
        let late = now + life + CONFIRM + self.chance.span(second, LATEST);
        let deed = match self.chance.below(100) {
            _ if self.is_of_refunds => Deed::Pay(index),
            0..70 => Deed::Pay(index),
            70..78 => Deed::Decline(index),
            78..84 => return self.deeds.push((late, Deed::PayLate(index))),
            _ => return,
        };
        if self.bills[index].kind != Kind::Remote && self.chance.percent(50) {
            self.deeds.push((at, Deed::Scan(index)));
            self.deeds.push((at + self.chance.span(second, CONFIRM), deed));
        } else {
            self.deeds.push((at, deed));
        }
        if self.chance.percent(self.elsewhere) {
            for _ in 0..1 + self.chance.below(2) {
                let later = at + self.chance.span(second, Duration::from_secs(7_200));
                self.deeds.push((later, Deed::Elsewhere(index)));
            }
        }
    }

    fn cancel(&mut self, index: usize, now: Duration) -> Done {
        let bill = &mut self.bills[index];
        match (bill.phase, bill.kind) {
            (Phase::Created | Phase::Cancelled, Kind::Remote) => {
                bill.end(Phase::Cancelled, now);
                bill.was_cancelled = true;
                Done::Cancelled
            }
            _ => Done::Refused(BILL_UNKNOWN),
        }
    }

    fn give_back(&mut self, index: usize, amount: u64, given: &Given, now: Duration) -> Done {
        let shown_at = now + self.lateness();
        let bill = &mut self.bills[index];
        if bill.phase != Phase::Paid {
            return Done::Refused(NOT_PAID);
        }
        if amount + bill.returned() > bill.amount {
            return Done::Refused(EXCEEDS);
        }
        bill.backs.push(Back { amount, by: Some(given.x_request_id.clone()), shown_at });
        bill.quiet_at = bill.quiet_at.max(shown_at);
        note(|| format!("{amount} of {} went back, shown at {:.3}", self.bills[index].number, shown_at.as_secs_f64()));
        Done::Returned(5_300_000_001 + now.as_millis() as u64)
    }

    /// Total and balance of a purchase.
    pub(super) fn details(&self, number: u64, token_of: &str) -> Result<(u64, u64), i64> {
        let owner = (0..self.tokens.len()).find(|at| token(*at, self.tokens[*at]) == token_of);
        let owner = owner.ok_or(TOKEN_UNKNOWN)?;
        let bill = self.bill(number).map(|index| &self.bills[index]);
        match bill.filter(|bill| bill.phase == Phase::Paid && bill.organisation == owner) {
            Some(bill) => Ok((bill.amount, bill.balance(clock::now()))),
            None => Err(PURCHASE_UNKNOWN),
        }
    }

    pub(super) fn status(&self, number: u64) -> Result<&'static str, i64> {
        let bill = self.bill(number).map(|index| &self.bills[index]).ok_or(PURCHASE_UNKNOWN)?;
        let (before, until) = bill.stale;
        Ok(if clock::now() < until && !self.is_tame { before } else { bill.status() })
    }
}

pub(super) fn organisation(bin: &str) -> Option<usize> {
    ORGANISATIONS.iter().position(|(known, _)| *known == bin)
}
