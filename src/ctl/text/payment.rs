//! Payments for people: whether it is paid, whose money it is, what to do next.

use super::table::{Fields, Table};
use crate::ctl::when::Person;
use crate::domain::{Kind, State};
use crate::id::{Description, OrganizationBin, PaymentId, QrPaymentId};
use crate::language::{self, InEachLanguage, Language};
use crate::money::Amount;
use crate::operation::{Payment, Payments, Refund};

/// The first word a cashier looks for.
fn headline(payment: &Payment) -> InEachLanguage {
    match payment.state {
        State::Creating => InEachLanguage::of(
            "ЕЩЁ НЕИЗВЕСТНО: спрашиваем Kaspi",
            "ӘЛІ БЕЛГІСІЗ: Kaspi-ден сұралуда",
            "NOT KNOWN YET: Kaspi is being asked",
        ),
        State::Waiting => {
            InEachLanguage::of("ЖДЁТ: ещё не оплачен", "КҮТУДЕ: әлі төленген жоқ", "WAITING: not paid yet")
        }
        State::Paid if payment.late => InEachLanguage::of(
            "ОПЛАЧЕН после того, как считался неоплаченным",
            "ТӨЛЕНДІ, бұған дейін төленбеген деп саналған",
            "PAID, after it had been taken for not paid",
        ),
        State::Paid => InEachLanguage::of("ОПЛАЧЕН", "ТӨЛЕНДІ", "PAID"),
        State::Declined => InEachLanguage::of("НЕ ОПЛАЧЕН: отказ", "ТӨЛЕНБЕДІ: бас тартылды", "NOT PAID: declined"),
        State::Cancelled => InEachLanguage::of("НЕ ОПЛАЧЕН: отменён", "ТӨЛЕНБЕДІ: күші жойылды", "NOT PAID: cancelled"),
        State::Expired => {
            InEachLanguage::of("НЕ ОПЛАЧЕН: время вышло", "ТӨЛЕНБЕДІ: уақыты өтті", "NOT PAID: its time ran out")
        }
        State::Unknown => InEachLanguage::of(
            "НЕИЗВЕСТНО: посмотрите в телефон покупателя, прежде чем что-либо повторять",
            "БЕЛГІСІЗ: бірдеңе қайталамас бұрын сатып алушының телефонын қараңыз",
            "UNKNOWN: look at the customer's phone before you repeat anything",
        ),
        State::Abandoned => InEachLanguage::of(
            "ЗАКРЫТ ВРУЧНУЮ: возможно, оплачен",
            "ҚОЛМЕН ЖАБЫЛДЫ: төленген болуы мүмкін",
            "GIVEN UP: it may have been paid",
        ),
    }
}

/// `891027350515 (Main BIN)`.
pub(super) fn organisation(bin: &OrganizationBin, description: Option<&Description>) -> String {
    match description {
        Some(name) => format!("{bin} ({name})"),
        None => bin.to_string(),
    }
}

/// `104039 (Main Office)`.
pub(super) fn trade_point(id: &crate::id::TradePointId, name: Option<&String>) -> String {
    match name {
        Some(name) => format!("{id} ({name})"),
        None => id.to_string(),
    }
}

/// One payment.
pub(super) fn one(payment: &Payment, reader: &Person) -> String {
    let time = |moment| format!("{} ({})", reader.show(moment), reader.offset(moment));
    let whole = |amount: &Amount| !amount.is_zero();
    let mut fields = Fields::default();
    fields
        .add(reader.words("сумма", "сома", "amount"), payment.amount_tiyn)
        .add(
            reader.words("получатель", "алушы", "money goes to"),
            organisation(&payment.organization_bin, payment.description.as_ref()),
        )
        .add(
            reader.words("торговая точка", "сауда нүктесі", "trade point"),
            trade_point(&payment.trade_point_id, payment.trade_point_name.as_ref()),
        )
        .add(reader.words("платёж", "төлем", "payment"), payment.id)
        .maybe("QrPaymentId", payment.qr_payment_id.as_ref())
        .add(reader.words("вид", "түрі", "kind"), kind(payment.kind, reader))
        .add(reader.words("состояние", "күйі", "state"), state(payment, reader))
        .maybe(reader.words("телефон", "телефон", "phone"), payment.phone.as_ref())
        .maybe(reader.words("номер чека", "чек нөмірі", "invoice"), payment.invoice.as_ref())
        .maybe(reader.words("комментарий", "түсініктеме", "comment"), payment.comment.as_ref())
        .maybe(reader.words("ссылка", "сілтеме", "link"), payment.link.as_ref())
        .maybe(reader.words("QR-код", "QR-код", "QR token"), payment.qr_token.as_ref())
        .add(reader.words("создан", "құрылды", "created"), time(payment.created_at))
        .maybe(
            reader.words("можно оплатить до", "төлеу мерзімі", "can be paid until"),
            payment.expires_at.filter(|_| open(payment.state)).map(time),
        )
        .maybe(reader.words("оплачен", "төленді", "paid"), payment.paid_at.map(time))
        .maybe(reader.words("возвращено", "қайтарылды", "paid back"), Some(payment.refunded_tiyn).filter(whole))
        .maybe(
            reader.words("возвращено в приложении", "қолданбада қайтарылды", "paid back elsewhere"),
            Some(payment.refunded_elsewhere_tiyn).filter(whole),
        )
        .maybe(reader.words("вместо", "орнына", "replaces"), payment.supersedes)
        .maybe(reader.words("ключ", "кілт", "key"), payment.request_key.as_ref());
    let headline = headline(payment).told(reader.language);
    format!("{headline}\n{}{}", fields.print(), refunds(&payment.refunds, reader))
}

/// English words are those of JSON, which people look for in the papers.
fn kind(kind: Kind, reader: &Person) -> String {
    match reader.language {
        Language::English => kind.to_string(),
        language => language::kind(kind).told(language).to_owned(),
    }
}

pub(super) fn state_word(state: State, reader: &Person) -> String {
    match reader.language {
        Language::English => state.to_string(),
        language => language::state(state).told(language).to_owned(),
    }
}

/// One that failed by the balance alone may still come.
fn status(refund: &Refund, reader: &Person) -> String {
    match reader.language {
        language if refund.may_still_come() => language::WATCHED.told(language).to_owned(),
        Language::English => refund.status.to_string(),
        language => language::refund(refund.status).told(language).to_owned(),
    }
}

/// As a person types it: Kaspi's number where there is one, which every command takes.
pub(super) fn named(id: PaymentId, number: Option<&QrPaymentId>) -> String {
    number.map_or_else(|| id.to_string(), ToString::to_string)
}

fn open(state: State) -> bool {
    matches!(state, State::Creating | State::Waiting | State::Unknown)
}

fn state(payment: &Payment, reader: &Person) -> String {
    let word = state_word(payment.state, reader);
    match &payment.kaspi_status {
        Some(status) => format!("{word} ({} {status})", reader.words("в Kaspi:", "Kaspi-де:", "Kaspi says")),
        None => word,
    }
}

fn refunds(refunds: &[Refund], reader: &Person) -> String {
    if refunds.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        reader.words("ВОЗВРАТ", "ҚАЙТАРУ", "REFUND"),
        reader.words(">СУММА", ">СОМА", ">AMOUNT"),
        reader.words("СОСТОЯНИЕ", "КҮЙІ", "STATUS"),
        reader.words("-ОТКУДА ИЗВЕСТНО", "-ҚАЙДАН БЕЛГІЛІ", "-KNOWN BY"),
        reader.words("КОГДА", "ҚАШАН", "WHEN"),
    ]);
    for refund in refunds {
        table.row([
            refund.id.to_string(),
            refund.amount_tiyn.to_string(),
            status(refund, reader),
            refund.evidence.map(|evidence| evidence.to_string()).unwrap_or_default(),
            reader.show(refund.at),
        ]);
    }
    format!("\n{}", table.print())
}

/// A page of payments.
pub(super) fn list(page: &Payments, reader: &Person) -> String {
    let mut table = Table::new(&[
        reader.words("СОЗДАН", "ҚҰРЫЛДЫ", "CREATED"),
        reader.words("СОСТОЯНИЕ", "КҮЙІ", "STATE"),
        reader.words(">СУММА", ">СОМА", ">AMOUNT"),
        reader.words(">ВОЗВРАТ", ">ҚАЙТАРУ", ">PAID BACK"),
        reader.words("КОМУ", "КІМГЕ", "MONEY TO"),
        reader.words("~-ОРГАНИЗАЦИЯ", "~-ҰЙЫМ", "~-ORGANISATION"),
        reader.words("~-ЧЕК", "~-ЧЕК", "~-INVOICE"),
        reader.words("ПЛАТЁЖ", "ТӨЛЕМ", "PAYMENT"),
    ]);
    for payment in &page.payments {
        table.row([
            reader.show(payment.created_at),
            state_word(payment.state, reader),
            payment.amount_tiyn.to_string(),
            if payment.refunded_tiyn.is_zero() { String::new() } else { payment.refunded_tiyn.to_string() },
            payment.organization_bin.to_string(),
            payment.description.as_ref().map(ToString::to_string).unwrap_or_default(),
            payment.invoice.as_ref().map(ToString::to_string).unwrap_or_default(),
            named(payment.id, payment.qr_payment_id.as_ref()),
        ]);
    }
    table.print()
}
