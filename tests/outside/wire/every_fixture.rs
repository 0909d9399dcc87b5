//! Every fixture, against a server that is not our sandbox: the daemon sends exactly the request of the manual
//! or the guide, and turns each answer into the outcome it proves, and no other.

use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect, Fixture, Ids, Needs, Outcome, Request};
use crate::support::outcome::Told;
use crate::support::scripted_bank::{BIN, Seen};

/// Short enough for a test, long enough for a busy machine; the same invoice is billed again and again here.
const CONFIG: &str = r#"
[kaspi]
timeout = "5s"
[payments]
one_per_invoice = false
refund_settle = "10s"
"#;

/// A wire fixture being played.
struct Play {
    dialect: Dialect,
    fixture: Fixture,
    till: Till,
}

impl Play {
    #[track_caller]
    fn of(dialect: Dialect, name: &str) -> Self {
        let fixture = Fixture::load(dialect, name);
        let till = match fixture.setup {
            Needs::Nothing => Till::bare(dialect, CONFIG),
            Needs::Enrolled | Needs::Waiting | Needs::Paid => Till::open(dialect, CONFIG),
        };
        Self { dialect, fixture, till }
    }

    /// Plays requests and answers.
    #[track_caller]
    fn all(&self) {
        self.requests();
        self.answers();
        self.no_request_id_twice();
    }

    fn requests(&self) {
        for request in &self.fixture.requests {
            let Some(ask) = &request.ask else { continue };
            let mut ids = self.begin(None);
            self.complete(&ids);
            self.is_cancelled(&ids);
            let before = self.till.bank.seen().len();
            let answer = self.till.daemon.door.ask(&ids.fill(ask), request.ask_body.as_deref());
            assert!(answer.status < 300, "{}: {} {}", request.name, answer.status, answer.text());
            if ids.payment_id.is_empty() {
                ids.payment_id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
            }
            let sent = self.sent(request, &ids, before);
            assert!(!sent.is_empty(), "{}: nothing was sent to {}", request.name, request.path);
            for seen in sent {
                if let Some(difference) = request.differs(&seen, &ids) {
                    panic!("{}: {difference}", request.name);
                }
            }
        }
    }

    /// The first request once more for each answer. Where a payment's id tells the answers apart they run side by
    /// side, because some of them take the time that a doubt takes to settle.
    fn answers(&self) {
        let Some(request) = self.fixture.requests.first().filter(|request| request.ask.is_some()) else { return };
        if matches!(self.fixture.setup, Needs::Nothing | Needs::Enrolled) {
            return self
                .fixture
                .answers
                .iter()
                .for_each(|answer| self.answer(request, answer, self.begin(Some(answer))));
        }
        // One after the other while it is quick, side by side while it waits.
        let begun: Vec<Ids> = self.fixture.answers.iter().map(|answer| self.begin(Some(answer))).collect();
        std::thread::scope(|scope| {
            for (answer, ids) in self.fixture.answers.iter().zip(begun) {
                scope.spawn(move || self.answer(request, answer, ids));
            }
        });
    }

    fn answer(&self, request: &Request, answer: &Answer, ids: Ids) {
        self.complete(&ids);
        let path = ids.fill(request.path.split('?').next().unwrap_or_default());
        match ids.qr_payment_id.as_str() {
            "" => self.till.bank.answer(&request.method, &path, answer.clone()),
            id => self.till.bank.answer_for(&request.method, &path, id, answer.about(id)),
        }
        if answer.outcome == Outcome::Value {
            self.is_cancelled(&ids);
        }
        let before = self.till.bank.seen().len();
        let ask = ids.fill(request.ask.as_deref().unwrap_or_default());
        let got = self.till.daemon.door.ask(&ask, request.ask_body.as_deref());
        let told = Told { answer, got, ids, sent: 0 };
        let sent = self.sent(request, &told.ids, before).len();
        self.judge(&Told { sent, ..told });
    }

    /// What was sent to the request's path for these ids.
    fn sent(&self, request: &Request, ids: &Ids, before: usize) -> Vec<Seen> {
        let path = ids.fill(request.path.split('?').next().unwrap_or_default());
        let mut seen = self.till.bank.seen();
        seen.drain(..before.min(seen.len()));
        let ours = |seen: &Seen| {
            let marked = ids.qr_payment_id.is_empty()
                || seen.target.contains(&ids.qr_payment_id)
                || seen.body.contains(&ids.qr_payment_id);
            seen.method == request.method && seen.path() == path && marked
        };
        seen.into_iter().filter(ours).collect()
    }

    /// Begins what must be there before the call. Details are read once when a payment is paid, so a fixture of
    /// theirs has to stand before that.
    #[track_caller]
    fn begin(&self, answer: Option<&Answer>) -> Ids {
        match self.fixture.setup {
            Needs::Nothing => Ids::default(),
            Needs::Enrolled => {
                if self.fixture.call == "delete device" {
                    // The call retires the config; enrolling again revives it. Refused while it is there.
                    let body = serde_json::json!({"organization_bin": BIN});
                    let _ = self.till.daemon.door.post("/v1/configs", &body);
                }
                Ids::default()
            }
            Needs::Waiting | Needs::Paid => {
                let ids = self.create(self.kind());
                if let Some(answer) = answer.filter(|_| self.fixture.call == "details") {
                    let answer = answer.about(&ids.qr_payment_id);
                    self.till.bank.answer_for("GET", "/r3/v01/payment/details", &ids.qr_payment_id, answer);
                }
                ids
            }
        }
    }

    /// Lets the customer pay where the call needs it.
    #[track_caller]
    fn complete(&self, ids: &Ids) {
        if self.fixture.setup == Needs::Paid {
            let status = format!("/r3/v01/payment/status/{}", ids.qr_payment_id);
            self.till.bank.answer("GET", &status, paid(self.dialect));
            let payment = self.till.daemon.door.get(&format!("/v1/payments/{}?wait=30s", ids.payment_id)).expect(200);
            assert_eq!(payment["state"], "paid", "{payment}");
        }
    }

    /// The guide's cancel may leave it to a status read to say what became of the payment.
    fn is_cancelled(&self, ids: &Ids) {
        if self.fixture.call == "cancel payment" {
            let status = format!("/r3/v01/payment/status/{}", ids.qr_payment_id);
            let cancelled = Answer::json(r#"{"status":true,"data":{"status":"RemotePaymentCanceled"}}"#);
            self.till.bank.answer("GET", &status, cancelled);
        }
    }

    /// A QR is asked for every second here, an invoice after three; only an invoice can be cancelled.
    fn kind(&self) -> &'static str {
        match (self.dialect, self.fixture.call.as_str()) {
            (Dialect::Bank, call) if call != "cancel invoice" => "qr",
            _ => "remote",
        }
    }

    #[track_caller]
    fn create(&self, kind: &str) -> Ids {
        let mut body = serde_json::json!({"kind": kind, "amount_tiyn": 20_000, "organization_bin": BIN});
        if kind == "remote" {
            body["phone_number"] = "77015211545".into();
        }
        let payment = self.till.daemon.door.post("/v1/payments", &body).expect(201);
        let text = |key: &str| payment[key].as_str().unwrap_or_else(|| panic!("no {key}: {payment}")).to_owned();
        Ids { payment_id: text("id"), qr_payment_id: text("qr_payment_id") }
    }

    #[track_caller]
    fn judge(&self, told: &Told<'_>) {
        let call = self.fixture.call.as_str();
        match (told.answer.outcome, call) {
            (Outcome::Value, _) => told.is_the_value(&self.till),
            (_, "status" | "check payment status") => told.leaves_the_payment_open(),
            (_, "details") => told.keeps_the_refund_back(&self.till),
            (Outcome::Refusal, _) => told.is_refused(),
            (Outcome::MayHaveHappened, "refund" | "create refund") => {
                told.is_a_refund_in_doubt(&self.till, self.dialect)
            }
            (Outcome::MayHaveHappened, "cancel invoice" | "cancel payment") => told.is_no_cancel(),
            (Outcome::MayHaveHappened, _) if self.fixture.money => told.is_unknown(&self.till),
            (Outcome::MayHaveHappened, _) => told.could_not_be_asked(),
        }
    }

    /// `X-Request-ID` is unique per request (wire §1).
    fn no_request_id_twice(&self) {
        let seen = self.till.bank.seen();
        let mut ids: Vec<_> = seen.iter().map(|seen| seen.header("x-request-id").unwrap_or_default()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), seen.len(), "an X-Request-ID was used twice");
    }
}

/// Promise 1 and the two dialects (architecture §4, §6.4): one test per call, so that a failure names the call.
macro_rules! calls {
    ($($dialect:ident: $($test:ident = $file:literal),+ $(,)?;)*) => {
        $($(
            #[doc = concat!("The daemon's `", $file, "` is the documented one, and every answer proves what it proves.")]
            #[test]
            fn $test() {
                Play::of(Dialect::$dialect, $file).all();
            }
        )+)*

        /// No file is forgotten; those without a request of ours have no test.
        #[test]
        fn every_file_is_played() {
            let played = [$($((Dialect::$dialect, $file)),+),*];
            for dialect in [Dialect::Bank, Dialect::Guide] {
                for entry in std::fs::read_dir(crate::support::fixture::folder(dialect)).unwrap() {
                    let path = entry.unwrap().path();
                    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                    let asked = Fixture::load(dialect, &name).requests.iter().any(|request| request.ask.is_some());
                    assert_eq!(asked, played.contains(&(dialect, name.as_str())), "{}", path.display());
                }
            }
        }
    };
}

calls! {
    Bank:
        bank_trade_points = "tradepoints",
        bank_register = "device-register",
        bank_delete = "device-delete",
        bank_remote = "remote-create",
        bank_cancel = "remote-cancel",
        bank_qr = "qr-create",
        bank_link = "qr-create-link",
        bank_status = "payment-status",
        bank_details = "payment-details",
        bank_refund = "payment-return",
        bank_payer = "client-info";
    Guide:
        guide_trade_points = "tradepoints",
        guide_register = "device-register",
        guide_remote = "remote-create",
        guide_cancel = "remote-cancel",
        guide_link = "qr-create-link",
        guide_status = "payment-status",
        guide_refund = "payment-refund";
}

/// A token is never parsed and percent-encoded in a query (architecture §4).
#[test]
fn a_token_of_odd_bytes_survives_the_query() {
    let till = Till::bare(Dialect::Bank, CONFIG);
    let token = "a b+c/d=e&f%g?h#i";
    let body = serde_json::json!({"organization_bin": BIN, "is_default": true, "device_token": token});
    till.daemon.door.post("/v1/configs", &body).expect(201);
    till.daemon.door.get(&format!("/v1/payers/77015211545?organization_bin={BIN}")).expect(200);
    let sent = till.bank.seen_at("GET", "/r3/v01/remote/client-info", "deviceToken=");
    let query = sent.last().unwrap().target.split_once("deviceToken=").unwrap().1.to_owned();
    assert_eq!(query.replace('+', "%20").to_uppercase(), "a%20b%2Bc%2Fd%3De%26f%25g%3Fh%23i".to_uppercase());
}

/// A redirect is not followed, for the second server would get the token (architecture §6.4).
#[test]
fn a_redirect_is_not_followed() {
    let till = Till::open(Dialect::Bank, CONFIG);
    let mut redirect = Answer::json("");
    (redirect.http, redirect.headers) = (307, vec!["Location: /r3/v01/elsewhere".to_owned()]);
    till.bank.answer("POST", "/r3/v01/remote/create", redirect);
    let body = serde_json::json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"});
    till.daemon.door.post("/v1/payments", &body).problem("outcome_unknown");
    assert!(till.bank.seen_at("POST", "/r3/v01/elsewhere", "").is_empty());
}

/// With `dialect = "auto"` no call that can move money is a guess: they come after a trade-point answer, in its
/// dialect (architecture §4).
#[test]
fn money_waits_for_the_dialect() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        let till = Till::open(dialect, CONFIG);
        let first = till.bank.seen().into_iter().next().unwrap();
        assert_eq!((first.method.as_str(), first.path()), ("GET", "/r3/v01/partner/tradepoints/891027350515"));
        let config = till.daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200);
        assert_eq!(config["dialect"], dialect.word());
        assert!(config.get("device_token").is_none(), "a token left the daemon");
    }
}
