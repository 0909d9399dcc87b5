//! What the socket must say of each outcome a wire answer can have (architecture §6.4, §6.5).

use serde_json::Value;

use crate::support::behaviour::Till;
use crate::support::fixture::{Answer, Dialect, Ids};
use crate::support::http;

/// What the socket said when the bank gave this answer.
pub(crate) struct Told<'a> {
    pub(crate) answer: &'a Answer,
    pub(crate) got: http::Answer,
    pub(crate) ids: Ids,
    /// How often the call was made.
    pub(crate) sent: usize,
}

impl Told<'_> {
    #[track_caller]
    fn check(&self, ok: bool, what: &str) {
        assert!(ok, "{:?}: {what}; the socket said {} {}", self.answer.name, self.got.status, self.got.text());
    }

    /// The value is what the answer says.
    pub(crate) fn is_the_value(&self, till: &Till) {
        self.check(self.got.status < 300, "this answer is a success");
        for (field, wanted) in &self.answer.expect {
            let found = self.field(field, till);
            self.check(&found == wanted, &format!("{field} is {found}, not {wanted}"));
        }
    }

    fn field(&self, field: &str, till: &Till) -> Value {
        let body = self.got.json();
        match field {
            "trade_points" => {
                let points = body["trade_points"].as_array().cloned().unwrap_or_default();
                points.into_iter().map(|point| point["id"].clone()).collect()
            }
            "return_operation_id" => {
                let refunds = body["refunds"].as_array().cloned().unwrap_or_default();
                refunds.last().map(|refund| refund["return_operation_id"].clone()).unwrap_or_default()
            }
            "life_seconds" => life(&body).into(),
            "paid_at" => {
                till.daemon.door.get(&format!("/v1/payments/{}", self.ids.payment_id)).json()["paid_at"].clone()
            }
            name => body[name].clone(),
        }
    }

    /// Surely nothing happened, and Kaspi's own words are passed on.
    pub(crate) fn is_refused(&self) {
        let body = self.got.json();
        self.check(self.got.status >= 400, "this answer is a refusal");
        self.check(body["money"] == "not_moved", "a refusal moves nothing");
        self.check(body["code"] != "outcome_unknown" && body["code"] != "kaspi_unavailable", "a refusal is an answer");
        if let Some(code) = &self.answer.code {
            self.check(body["code"] == code.as_str(), &format!("the code is {code}"));
        }
        if let Some(code) = self.answer.provider_code {
            self.check(body["provider_code"] == code, "Kaspi's number is kept");
        }
        // Only a token that was renewed may be tried a second time.
        self.check(self.sent == 1 || (self.sent == 2 && body["code"] == "device_token_invalid"), "sent once");
    }

    /// Nobody knows: one request, a payment in state `unknown`, and no advice to try again.
    pub(crate) fn is_unknown(&self, till: &Till) {
        let body = self.got.json();
        self.check(body["code"] == "outcome_unknown", "this answer proves nothing");
        self.check(self.got.status == 504 && body["money"] == "unknown", "504, money unknown");
        self.check(body["retryable"] == false, "never to be repeated");
        self.check(self.sent == 1, "sent exactly once");
        let payment = till.daemon.door.get(&format!("/v1/payments/{}", body["payment"].as_str().unwrap_or("-")));
        self.check(payment.status == 200 && payment.json()["state"] == "unknown", &payment.text());
    }

    /// The call was made once; the balance, not a second call, has to settle it (bank), or a person (guide).
    pub(crate) fn is_a_refund_in_doubt(&self, till: &Till, dialect: Dialect) {
        self.check(self.sent == 1, "sent exactly once");
        let payment = till.daemon.door.get(&format!("/v1/payments/{}", self.ids.payment_id)).expect(200);
        let last = payment["refunds"].as_array().and_then(|refunds| refunds.last()).cloned().unwrap_or_default();
        self.check(payment["refunded_tiyn"] == 0, "nothing is known to be refunded");
        match dialect {
            Dialect::Guide => self.check(last["status"] == "pending", "pending until a person resolves it"),
            Dialect::Bank => {
                self.check(last["status"] != "success", "the balance has not fallen");
                let reads = till.bank.seen_at("GET", "/r3/v01/payment/details", &self.ids.qr_payment_id).len();
                self.check(reads >= 3, "the balance is read when paid, before, and again after");
            }
        }
    }

    /// A cancel that proves nothing is settled by a status read, and the invoice is still there.
    pub(crate) fn is_no_cancel(&self) {
        self.check(self.got.status >= 400, "nothing was cancelled");
        self.check(self.got.json()["money"] != "moved", "nothing was paid");
    }

    /// Failing to ask is not failing to pay.
    pub(crate) fn leaves_the_payment_open(&self) {
        let body = self.got.json();
        let open = self.got.status == 200 && body["state"] == "waiting";
        self.check(open || body["code"] == "kaspi_unavailable" || body["code"] == "certificate_refused", "still open");
    }

    /// A refund without a readable balance is not sent.
    pub(crate) fn keeps_the_refund_back(&self, till: &Till) {
        let body = self.got.json();
        self.check(self.got.status >= 400 && body["money"] == "not_moved", "nothing was refunded");
        let sent = till.bank.seen_at("POST", "/r3/v01/payment/return", &self.ids.qr_payment_id).len();
        self.check(sent == 0, "no refund was sent");
        if let Some(code) = self.answer.code.as_deref().filter(|code| *code == "refund_exceeds_balance") {
            self.check(body["code"] == code, code);
        }
    }

    /// A read or an administrative call that was not answered.
    pub(crate) fn could_not_be_asked(&self) {
        let body = self.got.json();
        self.check(self.got.status >= 400 && body["money"] == "not_moved", "not a success");
        self.check(body["code"] != "declined", "no answer is not a refusal");
    }
}

/// Seconds from creation to expiry, to the nearest ten: the answer itself takes a moment.
fn life(payment: &Value) -> i64 {
    let at = |key: &str| payment[key].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match (at("created_at"), at("expires_at")) {
        (Some(from), Some(to)) => (to.as_second() - from.as_second() + 5) / 10 * 10,
        _ => -1,
    }
}
