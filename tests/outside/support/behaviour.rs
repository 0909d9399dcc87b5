//! A scripted bank that behaves: the fixtures' first answers on every call, with ids of its own.

use crate::support::clock::Clock;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::{Answer, Dialect, Fixture};
use crate::support::scripted_bank::{BIN, ScriptedBank};

/// The guide's second organisation, and its token: a token stands for one organisation.
const SECOND_BIN: &str = "210440028324";
const SECOND_TOKEN: &str = "688c5d4a-2f8f-54e3-94d4-b1227229g27";

/// What every money test begins with: a bank, a daemon, and the guide's first organisation enrolled.
pub(crate) struct Till {
    pub(crate) daemon: Daemon,
    pub(crate) home: Home,
    pub(crate) bank: ScriptedBank,
}

impl Till {
    /// With `more` laid over the configuration.
    #[track_caller]
    pub(crate) fn open(dialect: Dialect, more: &str) -> Self {
        let till = Self::bare(dialect, more);
        till.daemon.door.enrol(BIN);
        till
    }

    /// The same before anything is enrolled.
    #[track_caller]
    pub(crate) fn bare(dialect: Dialect, more: &str) -> Self {
        let bank = ScriptedBank::start();
        behave(&bank, dialect);
        let home = Home::new(&bank, more);
        Self { daemon: Daemon::start(&home), home, bank }
    }

    /// With a daemon that lives by a clock: waits that belong to the promise are passed, not slept.
    #[track_caller]
    pub(crate) fn by_clock(clock: &Clock, dialect: Dialect, more: &str) -> Self {
        let bank = ScriptedBank::start();
        behave(&bank, dialect);
        let home = Home::new(&bank, more);
        let till = Self { daemon: clock.start(&home), home, bank };
        till.daemon.door.enrol(BIN);
        till
    }

    /// Stops the daemon as a power cut would and starts another on the same state.
    #[track_caller]
    pub(crate) fn crash(self) -> Self {
        let Self { daemon, home, bank } = self;
        daemon.kill();
        Self { daemon: Daemon::start(&home), home, bank }
    }
}

/// Every call answered as the manual or the guide prints it.
pub(crate) fn behave(bank: &ScriptedBank, dialect: Dialect) {
    match dialect {
        Dialect::Bank => behave_as_the_bank(bank),
        Dialect::Guide => behave_as_the_guide(bank),
    }
}

fn behave_as_the_bank(bank: &ScriptedBank) {
    let live = |name: &str, answer: &str| Fixture::load(Dialect::Bank, name).answer(answer);
    bank.answer(
        "GET",
        "/r3/v01/partner/tradepoints/*",
        live("tradepoints", "live shape: Data before StatusCode, no Message"),
    );
    bank.answer("POST", "/r3/v01/device/register", live("device-register", "live shape"));
    let second = format!(r#"{{"Data":{{"DeviceToken":"{SECOND_TOKEN}"}},"StatusCode":0}}"#);
    bank.answer_for("POST", "/r3/v01/device/register", SECOND_BIN, Answer::json(second));
    bank.answer("POST", "/r3/v01/device/delete", live("device-delete", "only a StatusCode"));
    let answer = |method, path, body: &str| bank.answer(method, path, Answer::json(body));
    answer("POST", "/r3/v01/remote/create", r#"{"Data":{"QrPaymentId":{next_id}},"StatusCode":0}"#);
    answer("POST", "/r3/v01/remote/cancel", r#"{"Data":{"Status":"RemotePaymentCanceled"},"StatusCode":0}"#);
    answer(
        "POST",
        "/r3/v01/qr/create",
        r#"{"Data":{"QrToken":"51236903777280167836178166503744993984459","QrPaymentId":{next_id},"PaymentMethods":["Red"],"QrPaymentBehaviorOptions":{"StatusPollingInterval":1,"QrCodeScanWaitTimeout":180,"PaymentConfirmationTimeout":65}},"StatusCode":0}"#,
    );
    answer(
        "POST",
        "/r3/v01/qr/create-link",
        r#"{"Data":{"PaymentLink":"https://pay.kaspi.kz/pay/900000000001","PaymentId":{next_id},"PaymentMethods":["Red"],"PaymentBehaviorOptions":{"StatusPollingInterval":1,"LinkActivationWaitTimeout":180,"PaymentConfirmationTimeout":65}},"StatusCode":0}"#,
    );
    answer("GET", "/r3/v01/payment/status/*", r#"{"Data":{"Status":"RemotePaymentCreated"},"StatusCode":0}"#);
    answer(
        "GET",
        "/r3/v01/payment/details",
        r#"{"Data":{"QrPaymentId":{asked_id},"TotalAmount":200.00,"AvailableReturnAmount":200.00,"TransactionDate":"2026-11-24T17:01:02.345+05:00"},"StatusCode":0}"#,
    );
    answer("POST", "/r3/v01/payment/return", r#"{"Data":{"ReturnOperationId":{next_id}},"StatusCode":0}"#);
    bank.answer("GET", "/r3/v01/remote/client-info", live("client-info", "live shape"));
}

fn behave_as_the_guide(bank: &ScriptedBank) {
    let printed = |name: &str, answer: &str| Fixture::load(Dialect::Guide, name).answer(answer);
    bank.answer("GET", "/r3/v01/partner/tradepoints/*", printed("tradepoints", "as printed"));
    bank.answer("POST", "/r3/v01/device/register", printed("device-register", "as printed"));
    let second = format!(r#"{{"status":true,"data":{{"deviceToken":"{SECOND_TOKEN}"}}}}"#);
    bank.answer_for("POST", "/r3/v01/device/register", SECOND_BIN, Answer::json(second));
    let answer = |method, path, body: &str| bank.answer(method, path, Answer::json(body));
    answer("POST", "/r3/v01/remote/create/", r#"{"status":true,"data":{"QrPaymentId":"{next_id}"}}"#);
    answer("POST", "/r3/v01/remote/cancel/", r#"{"status":true}"#);
    answer(
        "POST",
        "/r3/v01/qr/create-link/",
        r#"{"status":true,"data":{"link":"https://kaspi.kz/pay?qrId=xyz","QrPaymentId":"{next_id}"}}"#,
    );
    answer("GET", "/r3/v01/payment/status/*", r#"{"status":true,"data":{"status":"Wait"}}"#);
    answer("POST", "/r3/v01/payment/refund/", r#"{"status":true}"#);
}

/// The answer that says a payment is paid.
pub(crate) fn paid(dialect: Dialect) -> Answer {
    Answer::json(match dialect {
        Dialect::Bank => r#"{"Data":{"Status":"Processed"},"StatusCode":0}"#,
        Dialect::Guide => r#"{"status":true,"data":{"status":"Processed"}}"#,
    })
}
