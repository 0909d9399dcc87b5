//! The promises: what the daemon says against what the bank has.

use std::collections::{BTreeMap, HashMap};

use super::bill::{Bill, Phase};
use super::fate::broken;
use super::known;
use super::person::close_all;
use super::shop::Shop;
use super::till::{Told, Want, What};
use super::wire::Line;
use crate::id::{PaymentId, PaymentRef};
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::{
    Code, Dialect, Failure, Health, LogQuery, LogStatus, Money, Operation, OperationType, Payment, PaymentQuery,
    RefundPayment, Reply, State,
};
use crate::store::Chain;

/// A call that the log says was sent under this X-Request-ID.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) key: Option<String>,
    pub(super) at: Moment,
    pub(super) operation: OperationType,
}

/// The calls of the log, or of one payment, by X-Request-ID.
pub(super) async fn callers(shop: &Shop, payment: Option<PaymentId>) -> HashMap<String, Call> {
    let mut found = HashMap::new();
    let mut after = None;
    loop {
        let query = LogQuery { payment, after, limit: Some(1000), ..LogQuery::default() };
        let Ok(Reply::Log(page)) = shop.run(None, Operation::LogList(query)).await else { return found };
        for row in page.rows {
            let Some(x_request_id) = row.x_request_id else { continue };
            let key = row.request_key.map(|key| key.to_string());
            found.insert(x_request_id, Call { key, at: row.created_at, operation: row.operation_type });
        }
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// An answer as it is given: it may be old news, but no bank has books that it contradicts.
pub(super) fn check_answer(line: &Line, want: &Want, answer: &Result<Box<Payment>, Failure>) {
    match answer {
        Ok(payment) => {
            let bill = line.look(|bank| {
                bank.shown(payment.qr_payment_id.as_ref().map_or("", |number| number.as_str()));
                bank.bill_of(payment).cloned()
            });
            check_view(payment, bill.as_ref());
            if want.what == What::Cancel && !bill.is_some_and(|bill| bill.was_cancelled) {
                broken(format!("{} was told cancelled, and it is not: {payment:?}", want.key));
            }
        }
        Err(failure) if failure.money == Money::Moved => {
            let bills = line.look(|bank| bank.of_amount(want.amount).cloned().collect::<Vec<_>>());
            if !bills.iter().any(|bill| bill.phase == Phase::Paid) {
                broken(format!("{} was told that money moved, and none did: {failure}", want.key));
            }
        }
        Err(_) => {}
    }
}

/// A create of which is said that it billed nobody. What is not finished, or was not begun, says nothing of what the
/// key has done.
fn is_surely_not(want: &Want, failure: &Failure) -> bool {
    let says_nothing = [Code::InProgress, Code::InvoiceOpen, Code::ShuttingDown, Code::StorageFailed];
    let is_create = matches!(want.what, What::Create { .. });
    is_create && failure.money == Money::NotMoved && !says_nothing.contains(&failure.code)
}

/// What a payment says of itself.
fn check_view(payment: &Payment, bill: Option<&Bill>) {
    let said = || format!("{payment:?}\n{bill:?}");
    let Some(bill) = bill else {
        if payment.qr_payment_id.is_some() || payment.state == State::Paid {
            broken(format!("the bank has no such bill: {}", said()));
        }
        return;
    };
    if payment.amount_tiyn.tiyn() != bill.amount {
        broken(format!("the number is another bill's: {}", said()));
    }
    if super::bank::organisation(payment.organization_bin.as_str()) != Some(bill.organisation) {
        broken(format!("the money is another organisation's: {}", said()));
    }
    let is_lie = match payment.state {
        State::Paid => bill.phase != Phase::Paid,
        State::Cancelled => !bill.was_cancelled,
        _ => false,
    };
    if is_lie {
        broken(format!("the state is not the bank's: {}", said()));
    }
    if known::REFUNDS_ADD_UP && payment.refunded_tiyn.tiyn() + payment.refunded_elsewhere_tiyn.tiyn() > bill.returned()
    {
        broken(format!("less went back than is said: {}", said()));
    }
}

/// The whole of both books, once nothing is under way and nothing is late any more.
pub(super) struct Books {
    rows: Vec<Payment>,
    bills: Vec<Bill>,
    calls: HashMap<String, Call>,
    /// What needs a person, by payment.
    problems: HashMap<PaymentId, Vec<String>>,
    dialect: Dialect,
}

impl Books {
    pub(super) async fn read(shop: &Shop) -> Self {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let query = PaymentQuery { limit: Some(1000), after, ..PaymentQuery::default() };
            let Ok(Reply::Payments(page)) = shop.run(None, Operation::PaymentList(query)).await else { break };
            rows.extend(page.payments);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut problems: HashMap<PaymentId, Vec<String>> = HashMap::new();
        if let Ok(Reply::Health(Health { problems: found, .. })) = shop.run(None, Operation::Health).await {
            for problem in found {
                problems
                    .entry(problem.payment.unwrap_or(PaymentId::from_bytes([0; 16])))
                    .or_default()
                    .push(problem.code);
            }
        }
        let (bills, dialect) = shop.line.look(|bank| (bank.bills.clone(), bank.dialect));
        Self { rows, bills, dialect, calls: callers(shop, None).await, problems }
    }

    /// Everything that was promised.
    pub(super) fn check(&self, told: &[Told]) {
        self.check_bills();
        for row in &self.rows {
            let bill = self.bill_of(row);
            check_view(row, bill);
            self.check_end(row, bill);
            if let Some(bill) = bill {
                self.check_money(row, bill);
            }
        }
        // What was told last under each key.
        let last: BTreeMap<&str, &Told> = told.iter().map(|told| (told.0.key.as_str(), told)).collect();
        for (want, answer) in last.into_values() {
            self.check_told(want, answer);
        }
    }

    /// One bill for one intention, which the log knows by its request, and a row that knows of it or says so.
    fn check_bills(&self) {
        let mut amounts: BTreeMap<u64, usize> = BTreeMap::new();
        let mut effects: BTreeMap<&str, usize> = BTreeMap::new();
        for bill in &self.bills {
            // A code that no till was given was shown to nobody: another may be made at once.
            *amounts.entry(bill.amount).or_default() += usize::from(bill.was_sent_to_phone || bill.was_shown);
            if !self.calls.get(&bill.by).is_some_and(|call| call.operation != OperationType::Refund) {
                broken(format!("a bill was made without an intent in the log: {bill:?}"));
            }
            if !self.rows.iter().any(|row| row.amount_tiyn.tiyn() == bill.amount) {
                broken(format!("a bill is forgotten: {bill:?}"));
            }
            for by in bill.backs.iter().filter_map(|back| back.by.as_ref()) {
                match self.calls.get(by).filter(|call| call.operation == OperationType::Refund) {
                    None => broken(format!("money went back without an intent in the log: {bill:?}")),
                    Some(call) => *effects.entry(call.key.as_deref().unwrap_or(by)).or_default() += 1,
                }
            }
        }
        if let Some((amount, count)) = amounts.iter().find(|(_, count)| **count > 1) {
            broken(format!("{count} bills of one intention, of {amount}"));
        }
        if let Some((key, count)) = effects.iter().find(|(_, count)| known::REFUNDS_ADD_UP && **count > 1) {
            broken(format!("{count} refunds happened under one key, {key}"));
        }
    }

    /// It has ended as the bank says, or stands before a person.
    fn check_end(&self, row: &Payment, bill: Option<&Bill>) {
        let phase = bill.map(|bill| bill.phase);
        let is_visible = self.problems.contains_key(&row.id);
        let is_right = match row.state {
            State::Creating | State::Waiting => false,
            State::Unknown => is_visible,
            State::Paid | State::Cancelled => true,
            State::Declined | State::Expired => phase != Some(Phase::Paid),
            State::Abandoned => true,
        };
        if !is_right {
            broken(format!("it has no end, or another than the bank says: {row:?}\n{bill:?}"));
        }
    }

    /// What went back, in sum, once nothing of it is in doubt.
    fn check_money(&self, row: &Payment, bill: &Bill) {
        let doubted = row.refunds.iter().any(|refund| refund.status == LogStatus::Pending);
        if doubted && !self.problems.contains_key(&row.id) {
            broken(format!("a doubt that nobody sees: {row:?}"));
        }
        let known = row.refunded_tiyn.tiyn() + row.refunded_elsewhere_tiyn.tiyn();
        let is_read = row.state == State::Paid && self.dialect == Dialect::Bank;
        if known::REFUNDS_ADD_UP && !doubted && is_read && known != bill.returned() {
            broken(format!("{} went back, and {known} is said: {row:?}\n{bill:?}", bill.returned()));
        }
    }

    /// What a till was told, in the end.
    fn check_told(&self, want: &Want, answer: &Result<Box<Payment>, Failure>) {
        match (&want.what, answer) {
            (What::Create { .. }, Ok(payment)) if !self.rows.iter().any(|row| row.id == payment.id) => {
                broken(format!("{} was told of a payment that is not there: {payment:?}", want.key));
            }
            (What::Refund(_), Ok(_)) if known::REFUNDS_ADD_UP && !self.happened(&want.key) => {
                broken(format!("{} was told refunded, and it is not", want.key));
            }
            (_, Err(failure)) if is_surely_not(want, failure) => {
                if let Some(bill) = self.bills.iter().find(|bill| self.key_of(&bill.by) == Some(&want.key)) {
                    broken(format!(
                        "{} was told at last that nothing moved ({failure}), and there is {bill:?}",
                        want.key
                    ));
                }
            }
            _ => {}
        }
    }

    fn key_of(&self, x_request_id: &str) -> Option<&str> {
        self.calls.get(x_request_id)?.key.as_deref()
    }

    fn bill_of(&self, row: &Payment) -> Option<&Bill> {
        match &row.qr_payment_id {
            Some(number) => self.bills.iter().find(|bill| bill.number.to_string() == number.as_str()),
            // Not one that is another row's: a till that forgot its key may have been given two for the same.
            None => self.bills.iter().find(|bill| {
                let is_of =
                    |row: &Payment| row.qr_payment_id.as_ref().is_some_and(|qr| qr.as_str() == bill.number.to_string());
                bill.amount == row.amount_tiyn.tiyn() && !self.rows.iter().any(is_of)
            }),
        }
    }

    /// Whether money went back under a key.
    fn happened(&self, key: &str) -> bool {
        let by = |by: &String| self.key_of(by) == Some(key);
        self.bills.iter().flat_map(|bill| &bill.backs).any(|back| back.by.as_ref().is_some_and(by))
    }
}

/// The log and what is made of it.
pub(super) fn check_log(shop: &Shop) {
    let mut chain = Chain::new(None);
    while shop.store.read(|reading| Ok(reading.check(&mut chain)?)) == Ok(false) {}
    let verdict = chain.verdict(shop.store.differences().ok());
    if !verdict.ok || verdict.differences.is_none() {
        broken(format!("the log is not whole, or not what the state was made of: {verdict:?}"));
    }
}

/// Makes the daemon read what the bank has of each payment: a look, and a refund of more than there is.
pub(super) async fn ask_all(shop: &Shop) {
    let rows = Books::read(shop).await.rows;
    for row in &rows {
        let payment = PaymentRef::Id(row.id);
        let _ = shop.run(None, Operation::PaymentGet { payment: payment.clone(), wait: None }).await;
        if row.state == State::Paid {
            let refund = RefundPayment { amount_tiyn: Some(Amount::LIMIT), ..RefundPayment::default() };
            let key = format!("too-much-{}", row.id);
            if let Ok(reply) = shop.run(Some(&key), Operation::Refund { payment, refund }).await {
                broken(format!("more went back than there was: {reply:?}"));
            }
        }
        close_all(shop).await;
    }
}
