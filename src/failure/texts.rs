//! The one catalogue of sentences for people: a title and a remedy per code for those who run the daemon,
//! and what the cashier reads, in Russian, Kazakh and English.

use serde::{Deserialize, Serialize};

use super::{Code, Failure, Money};

/// The sentences of a code. `{bin}` and `{payment}` stand for the ones it is about.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// A few words.
    pub title: &'static str,
    /// What to do; ends with a command where one helps.
    pub remedy: &'static str,
}

/// What the cashier reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cashier<T = &'static str> {
    /// Russian.
    pub ru: T,
    /// Kazakh.
    pub kk: T,
    /// English.
    pub en: T,
}

/// What to do about a link or QR whose create was lost before anybody saw it.
pub const NEVER_SHOWN: &str = "Nobody has seen this code, so nobody can pay it: take the payment again with a new key.";

/// The same for the cashier.
const NEVER_SHOWN_CASHIER: Cashier = Cashier {
    ru: "Код на оплату не получен, и никто его не видел. Начните оплату заново.",
    kk: "Төлем коды алынбады, оны ешкім көрген жоқ. Төлемді жаңадан бастаңыз.",
    en: "No code to pay was received, and nobody has seen one. Start the payment again.",
};

/// The sentences of a code.
#[must_use]
pub fn of(code: Code) -> Texts {
    let (title, remedy) = match code {
        Code::InvalidRequest => (
            "The request is not valid",
            "Correct it as the detail says; the fields stand at /openapi.json, the options in kaspictl help COMMAND.",
        ),
        Code::Denied => (
            "Not allowed",
            "Ask whoever runs this machine for the right; it is given under [access] in kaspid.toml, then: kaspictl reload",
        ),
        Code::NotFound => ("Not found", "Check the id; list what there is: kaspictl payment list, kaspictl bin list"),
        Code::KeyRequired => (
            "An Idempotency-Key is needed",
            "Send an Idempotency-Key header of your own for each sale or refund, the same one when you try again.",
        ),
        Code::KeyConflict => (
            "The key stands for another request",
            "Use a new key for a new intention; look at the first one: kaspictl payment list --key KEY",
        ),
        Code::NoDefaultBin => (
            "No organisation named and no default set",
            "Name organization_bin in the request, or have an admin set the shop's default: kaspictl bin default BIN",
        ),
        Code::BinNotAllowed => (
            "The organisation is not this shop's or this caller's",
            "Check the BIN; see which ones this shop has: kaspictl bin list",
        ),
        Code::BinInactive => {
            ("The organisation takes no new payments", "An admin can change that: kaspictl bin activate {bin}")
        }
        Code::TradePointChoice => {
            ("Several trade points", "Choose one of them: kaspictl bin add {bin} --trade-point ID")
        }
        Code::TradePointInactive => (
            "The trade point is not active at Kaspi",
            "Have the merchant activate it in the Kaspi Pay app, then: kaspictl bin verify {bin}; see what Kaspi lists: kaspictl bin trade-points {bin}",
        ),
        Code::OrganizationNotRegistered => (
            "Kaspi does not know the organisation",
            "Check the BIN; the merchant registers it in Kaspi Pay and gives it to the bank for this certificate, then: kaspictl bin trade-points {bin}",
        ),
        Code::DeviceTokenInvalid => (
            "Kaspi refuses the device token",
            "Get a new one: kaspictl bin register {bin}; if Kaspi gives the same one again, ask the bank about the device.",
        ),
        Code::RefundExceedsBalance => {
            ("More than is left of the payment", "See what is left: kaspictl payment show {payment}")
        }
        Code::NotRefundable => (
            "This payment cannot be refunded",
            "Only a paid payment can; see its state: kaspictl payment show {payment}",
        ),
        Code::NotCancellable => (
            "This payment cannot be cancelled",
            "See its state: kaspictl payment show {payment}; a paid one is paid back with: kaspictl payment refund {payment}",
        ),
        Code::NotInDialect => (
            "The bank of this organisation has no such call",
            "Take a remote payment or a link instead: kaspictl link AMOUNT --bin {bin}",
        ),
        Code::InvoiceOpen => (
            "This invoice has a payment already",
            "Look at it first: kaspictl payment show {payment}; to bill the invoice a second time on purpose: --repeat-invoice (field repeat_invoice).",
        ),
        Code::RefundOpen => (
            "Another refund of this payment may have happened",
            "See it: kaspictl payment show {payment}; end it: kaspictl payment resolve {payment} --refund ID --happened yes|no --reason TEXT",
        ),
        Code::InProgress => {
            ("Another call on this payment is not finished", "Wait for it: kaspictl payment wait {payment}")
        }
        Code::RestoredGap => (
            "A backup was put back",
            "Compare the Kaspi Pay app with the log for the time of the gap, then: kaspictl restore --acknowledge",
        ),
        Code::Declined => ("Kaspi refused", "Read what Kaspi says; nothing was billed, so a new attempt is safe."),
        Code::OutcomeUnknown => (
            "Nobody here knows whether it happened",
            "Look at the customer's phone or the Kaspi Pay app, then: kaspictl payment resolve {payment} --attach QRID --reason TEXT; if it was not billed, --abandon instead of --attach QRID",
        ),
        Code::KaspiUnavailable => {
            ("Kaspi cannot be asked right now", "Try again with the same key; if it stays so: kaspictl status")
        }
        Code::CertificateRefused => (
            "Kaspi refuses the certificate",
            "Check the certificate and that the bank allows this machine's address: kaspictl identity show",
        ),
        Code::IdentityMissing => (
            "There is no key and certificate yet",
            "Name certificate_file and key_file under [identity] in kaspid.toml, then: kaspictl reload",
        ),
        Code::RateLimited => {
            ("Too many requests", "Send fewer at a time; the limits stand under [limits] in kaspid.toml.")
        }
        Code::TooLarge => ("The request is too large", "Requests are at most 1 MiB and their head 16 KiB."),
        Code::ShuttingDown => ("The daemon is stopping", "Try again in a few seconds with the same key."),
        Code::StorageFailed => (
            "The state could not be stored",
            "Check the disk of the state directory (df, journalctl -u kaspid); the daemon recovers by itself when there is room.",
        ),
        Code::OtherBank => (
            "The payment was made with another bank",
            "Settle it in the Kaspi Pay app. If it is the same bank at another address, an admin adds the old one to formerly under [kaspi] in kaspid.toml, then: kaspictl reload",
        ),
    };
    Texts { title, remedy }
}

/// What the cashier reads: three answers and "ask a person", never a stack trace.
#[must_use]
pub fn cashier(failure: &Failure) -> Cashier {
    match (failure.money, failure.code) {
        _ if failure.hint.as_deref() == Some(NEVER_SHOWN) => NEVER_SHOWN_CASHIER,
        (Money::Unknown, _) => Cashier {
            ru: "Неизвестно, прошла ли операция. Сначала посмотрите в телефон покупателя и позовите старшего. Не повторяйте.",
            kk: "Операция өткені белгісіз. Алдымен сатып алушының телефонын қараңыз және аға қызметкерді шақырыңыз. Қайталамаңыз.",
            en: "It is not known whether this went through. Look at the customer's phone first and call a supervisor. Do not repeat.",
        },
        (Money::Moved, _) => Cashier {
            ru: "Уже оплачено. Не проводите ещё раз.",
            kk: "Төлем жасалған. Қайта жүргізбеңіз.",
            en: "Already paid. Do not charge again.",
        },
        (Money::NotMoved, Code::InvoiceOpen) => Cashier {
            ru: "По этому чеку уже есть платёж. Дождитесь его результата.",
            kk: "Бұл чек бойынша төлем бар. Нәтижесін күтіңіз.",
            en: "This sale has a payment already. Wait for its result.",
        },
        (Money::NotMoved, Code::InProgress) => Cashier {
            ru: "По этому платежу уже идёт операция. Дождитесь её результата.",
            kk: "Бұл төлем бойынша операция жүріп жатыр. Нәтижесін күтіңіз.",
            en: "Something is already being done with this payment. Wait for its result.",
        },
        (Money::NotMoved, Code::RefundOpen) => Cashier {
            ru: "По этому платежу есть возврат, о котором неизвестно, прошёл ли он. Позовите старшего.",
            kk: "Бұл төлем бойынша өткені белгісіз қайтару бар. Аға қызметкерді шақырыңыз.",
            en: "This payment has a refund of which nobody knows whether it went through. Call a supervisor.",
        },
        (Money::NotMoved, Code::RefundExceedsBalance) => Cashier {
            ru: "Возврат больше остатка по платежу. Деньги не возвращены.",
            kk: "Қайтару сомасы төлем қалдығынан көп. Ақша қайтарылмады.",
            en: "The refund is more than is left of the payment. No money was returned.",
        },
        (Money::NotMoved, Code::NotRefundable) => Cashier {
            ru: "Возврат невозможен. Деньги не возвращены. Позовите старшего.",
            kk: "Қайтару мүмкін емес. Ақша қайтарылмады. Аға қызметкерді шақырыңыз.",
            en: "This cannot be refunded. No money was returned. Call a supervisor.",
        },
        (Money::NotMoved, Code::NotCancellable) => Cashier {
            ru: "Отменить нельзя. Посмотрите состояние платежа.",
            kk: "Болдырмау мүмкін емес. Төлемнің күйін қараңыз.",
            en: "This cannot be cancelled. Look at the state of the payment.",
        },
        (Money::NotMoved, Code::OtherBank) => Cashier {
            ru: "Этот платёж проведён через другой адрес банка. Ничего не сделано. Позовите старшего.",
            kk: "Бұл төлем банктің басқа мекенжайы арқылы жасалған. Ештеңе жасалмады. Аға қызметкерді шақырыңыз.",
            en: "This payment was made with another bank address. Nothing was done. Call a supervisor.",
        },
        (Money::NotMoved, _) if failure.retryable => Cashier {
            ru: "Не выполнено, деньги не двигались. Попробуйте ещё раз.",
            kk: "Орындалмады, ақша қозғалған жоқ. Қайталап көріңіз.",
            en: "Not done, no money moved. Try again.",
        },
        (Money::NotMoved, _) => Cashier {
            ru: "Не проведено, деньги не списаны. Позовите старшего.",
            kk: "Орындалмады, ақша алынған жоқ. Аға қызметкерді шақырыңыз.",
            en: "Not done, no money was taken. Call a supervisor.",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code has words for people in every language.
    #[test]
    fn no_code_is_speechless() {
        for &code in Code::ALL {
            let failure = Failure::new(code, "x");
            let cashier = cashier(&failure);
            assert!(!of(code).title.is_empty() && !failure.remedy().is_empty());
            assert!([cashier.ru, cashier.kk, cashier.en].iter().all(|text| !text.is_empty()));
            assert!(!failure.remedy().contains('{'), "{}", failure.remedy());
        }
    }
}
