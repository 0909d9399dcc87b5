//! The promises: the whole of the daemon's books against the whole of the bank's, in the end.

use std::collections::{BTreeMap, HashMap};

use super::answers::{check_grown, check_view, is_surely_not, went_back};
use super::bill::{Bill, Phase};
use super::fate::broken;
use super::person::close_all;
use super::shop::Shop;
use super::till::{Told, Want, What};
use crate::domain::{Dialect, LogStatus, OperationType, State};
use crate::failure::Failure;
use crate::id::{PaymentId, PaymentRef};
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::{
    EventQuery, GetPayment, Health, HealthQuery, LogQuery, PayBack, Payment, PaymentQuery, RefundPayment, Reply,
};
use crate::store::tests::zones::{hidden_payments, hidden_rows};
use crate::store::{Chain, check_chain, counted_both_ways};

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
        let Ok(Reply::Log(page)) = shop.run(None, query).await else { return found };
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
            let Ok(Reply::Payments(page)) = shop.run(None, query).await else { break };
            rows.extend(page.payments);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut problems: HashMap<PaymentId, Vec<String>> = HashMap::new();
        if let Ok(Reply::Health(Health { problems: found, .. })) = shop.run(None, HealthQuery).await {
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
        let mut last: BTreeMap<&str, &Told> = BTreeMap::new();
        for told in told {
            last.insert(&told.0.key, told);
            if let Ok(payment) = &told.1 {
                self.check_row(payment);
            }
        }
        for (want, answer) in last.into_values() {
            self.check_last(want, answer);
        }
    }

    /// One bill for one intention, which the log knows by its request, and a row that knows of it or says so.
    fn check_bills(&self) {
        let mut effects: BTreeMap<&str, usize> = BTreeMap::new();
        for bill in &self.bills {
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
        // A code that no till was given was shown to nobody: another may be made at once.
        let seen: Vec<&Bill> = self.bills.iter().filter(|bill| bill.was_seen()).collect();
        let doubled = |(number, bill): (usize, &&Bill)| seen[..number].iter().any(|earlier| earlier.stood_beside(bill));
        if let Some(number) = seen.iter().enumerate().position(doubled) {
            broken(format!("a bill of an intention that had one: {:?}", seen[number]));
        }
        if let Some((key, count)) = effects.iter().find(|(_, count)| **count > 1) {
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
        let known = went_back(row);
        let is_read = row.state == State::Paid && self.dialect == Dialect::Bank;
        if !doubted && is_read && known != bill.returned() {
            broken(format!("{} went back, and {known} is said: {row:?}\n{bill:?}", bill.returned()));
        }
    }

    /// What a till was told of a payment is still there.
    fn check_row(&self, told: &Payment) {
        match self.rows.iter().find(|row| row.id == told.id) {
            Some(row) => check_grown(told, row),
            None => broken(format!("a payment that was told of is not there: {told:?}")),
        }
    }

    /// The last word under a key.
    fn check_last(&self, want: &Want, answer: &Result<Box<Payment>, Failure>) {
        let is_refund = matches!(want.what, What::Refund(_));
        let happened = self.happened(&want.key);
        match answer {
            Ok(_) if is_refund && !happened => {
                broken(format!("{} was told refunded, and it is not", want.key));
            }
            Err(failure) if is_surely_not(failure) && happened => {
                broken(format!("{} was told at last that nothing moved, and it did: {failure}", want.key));
            }
            _ => {}
        }
    }

    fn key_of(&self, x_request_id: &str) -> Option<&str> {
        self.calls.get(x_request_id)?.key.as_deref()
    }

    fn bill_of(&self, row: &Payment) -> Option<&Bill> {
        match &row.qr_payment_id {
            Some(number) => self.bills.iter().find(|bill| bill.is(number)),
            // Not one that is another row's: a till that forgot its key may have been given two for the same.
            None => self.bills.iter().find(|bill| bill.amount == row.amount_tiyn.tiyn() && !self.is_known(bill)),
        }
    }

    fn is_known(&self, bill: &Bill) -> bool {
        self.rows.iter().any(|row| row.qr_payment_id.as_ref().is_some_and(|number| bill.is(number)))
    }

    /// Whether somebody was billed or money went back under a key.
    fn happened(&self, key: &str) -> bool {
        let backs = self.bills.iter().flat_map(|bill| &bill.backs).filter_map(|back| back.by.as_deref());
        let billed = self.bills.iter().map(|bill| bill.by.as_str());
        billed.chain(backs).any(|by| self.key_of(by) == Some(key))
    }
}

/// The log and what is made of it.
pub(super) fn check_log(shop: &Shop) {
    let mut chain = Chain::new(None);
    while shop.store.walk_here(|walk| Ok(check_chain(walk, &mut chain)?)) == Ok(false) {}
    let verdict = chain.verdict(shop.store.differences().ok());
    if !verdict.ok || verdict.differences.is_none() {
        broken(format!("the log is not whole, or not what the state was made of: {verdict:?}"));
    }
    match shop.store.walk_here(|walk| Ok(hidden_rows(walk)?)) {
        Ok(hidden) if !hidden.is_empty() => broken(format!("rows {hidden:?} are not found by what they show")),
        _ => {}
    }
    match shop.store.walk_here(|walk| Ok(hidden_payments(walk)?)) {
        Ok(hidden) if !hidden.is_empty() => broken(format!("payments {hidden:?} are not found by what they are")),
        _ => {}
    }
}

/// What is kept of what stands is what stands.
pub(super) async fn check_census(shop: &Shop) {
    let [kept, counted] = counted_both_ways(&shop.store).await;
    if kept != counted {
        broken(format!("the census says {kept:?}, and the tables {counted:?}"));
    }
}

/// The last that is announced of each payment is how it stands.
pub(super) async fn check_news(shop: &Shop, books: &Books) {
    let mut last: HashMap<PaymentId, Payment> = HashMap::new();
    let mut after = 0;
    loop {
        let query = EventQuery { after: Some(after), wait: None, limit: Some(1000) };
        let Ok(Reply::Events(page)) = shop.run(None, query).await else { return };
        if page.events.is_empty() {
            break;
        }
        if page.events.iter().any(|event| event.seq <= after) || page.next <= after {
            broken("an event stands behind its cursor".to_owned());
            return;
        }
        after = page.next;
        last.extend(page.events.into_iter().filter_map(|event| event.payment).map(|payment| (payment.id, payment)));
    }
    for row in &books.rows {
        let news = last.get(&row.id);
        let is_told = news.is_some_and(|news| (news.state, went_back(news)) == (row.state, went_back(row)));
        if !is_told {
            broken(format!("it is not as it was announced: {row:?}\n{news:?}"));
        }
    }
}

/// Makes the daemon read what the bank has of each payment: a look, and a refund of more than there is.
pub(super) async fn ask_all(shop: &Shop) {
    let rows = Books::read(shop).await.rows;
    for row in &rows {
        let payment = PaymentRef::Id(row.id);
        let _ = shop.run(None, GetPayment { payment: payment.clone(), wait: None }).await;
        if row.state == State::Paid {
            let refund = RefundPayment { amount_tiyn: Some(Amount::LIMIT), ..RefundPayment::default() };
            let key = format!("too-much-{}", row.id);
            if let Ok(reply) = shop.run(Some(&key), PayBack { payment, refund }).await {
                broken(format!("more went back than there was: {reply:?}"));
            }
        }
        close_all(shop).await;
    }
}
