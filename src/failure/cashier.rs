//! What the cashier reads of a failure, in Russian, Kazakh and English.

use serde::{Deserialize, Serialize};

use super::{Code, Failure, Money};

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
        (Money::NotMoved, code) => not_moved(code, failure.retryable),
    }
}

/// Of a call that surely moved nothing: what stands in its way.
fn not_moved(code: Code, is_retryable: bool) -> Cashier {
    match code {
        Code::InvoiceOpen => Cashier {
            ru: "По этому чеку уже есть платёж. Дождитесь его результата.",
            kk: "Бұл чек бойынша төлем бар. Нәтижесін күтіңіз.",
            en: "This sale has a payment already. Wait for its result.",
        },
        Code::KeyConflict => Cashier {
            ru: "Эта продажа уже проводилась с другими данными. Не повторяйте, позовите старшего.",
            kk: "Бұл сату басқа деректермен жүргізілген. Қайталамаңыз, аға қызметкерді шақырыңыз.",
            en: "This sale has been asked for before with other contents. Do not repeat it, call a supervisor.",
        },
        Code::RestoredGap => Cashier {
            ru: "Данные кассы восстановлены из копии, и прежние платежи ещё не сверены. Ничего не проведено. Позовите старшего.",
            kk: "Касса деректері көшірмеден қалпына келтірілді, бұрынғы төлемдер әлі салыстырылған жоқ. Ештеңе жүргізілмеді. Аға қызметкерді шақырыңыз.",
            en: "A copy of the till's data was put back, and earlier payments are not compared yet. Nothing was done. Call a supervisor.",
        },
        Code::InProgress => Cashier {
            ru: "По этому платежу уже идёт операция. Дождитесь её результата.",
            kk: "Бұл төлем бойынша операция жүріп жатыр. Нәтижесін күтіңіз.",
            en: "Something is already being done with this payment. Wait for its result.",
        },
        Code::RefundOpen => Cashier {
            ru: "По этому платежу есть возврат, о котором неизвестно, прошёл ли он. Позовите старшего.",
            kk: "Бұл төлем бойынша өткені белгісіз қайтару бар. Аға қызметкерді шақырыңыз.",
            en: "This payment has a refund of which nobody knows whether it went through. Call a supervisor.",
        },
        Code::RefundExceedsBalance => Cashier {
            ru: "Возврат больше остатка по платежу. Деньги не возвращены.",
            kk: "Қайтару сомасы төлем қалдығынан көп. Ақша қайтарылмады.",
            en: "The refund is more than is left of the payment. No money was returned.",
        },
        Code::NotRefundable => Cashier {
            ru: "Возврат невозможен. Деньги не возвращены. Позовите старшего.",
            kk: "Қайтару мүмкін емес. Ақша қайтарылмады. Аға қызметкерді шақырыңыз.",
            en: "This cannot be refunded. No money was returned. Call a supervisor.",
        },
        Code::NotCancellable => Cashier {
            ru: "Отменить нельзя. Посмотрите состояние платежа.",
            kk: "Болдырмау мүмкін емес. Төлемнің күйін қараңыз.",
            en: "This cannot be cancelled. Look at the state of the payment.",
        },
        Code::OtherBank => Cashier {
            ru: "Этот платёж проведён через другой адрес банка. Ничего не сделано. Позовите старшего.",
            kk: "Бұл төлем банктің басқа мекенжайы арқылы жасалған. Ештеңе жасалмады. Аға қызметкерді шақырыңыз.",
            en: "This payment was made with another bank address. Nothing was done. Call a supervisor.",
        },
        _ if is_retryable => Cashier {
            ru: "Не выполнено, деньги не двигались. Попробуйте ещё раз.",
            kk: "Орындалмады, ақша қозғалған жоқ. Қайталап көріңіз.",
            en: "Not done, no money moved. Try again.",
        },
        _ => Cashier {
            ru: "Не проведено, деньги не списаны. Позовите старшего.",
            kk: "Орындалмады, ақша алынған жоқ. Аға қызметкерді шақырыңыз.",
            en: "Not done, no money was taken. Call a supervisor.",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::texts;

    /// Every code has words for people in every language.
    #[test]
    fn no_code_is_speechless() {
        for &code in Code::ALL {
            let failure = Failure::new(code, "x");
            let cashier = cashier(&failure);
            assert!(!texts::of(code).title.en.is_empty() && !failure.remedy().is_empty());
            assert!([cashier.ru, cashier.kk, cashier.en].iter().all(|text| !text.is_empty()));
            assert!(!failure.remedy().contains('{'), "{}", failure.remedy());
        }
    }
}
