//! What a person is told or asked beside a payment: what to do next, what a wait leaves, whether money may leave.

use super::payment::{named, organisation};
use super::table::clean;
use crate::ctl::when::Person;
use crate::domain::{Kind, State};
use crate::id::{PaymentRef, QrPaymentId};
use crate::language;
use crate::operation::{CreatePayment, PayBack, Payment};

/// A refund that the balance does not show, and how a person ends the watch.
fn watched(payment: &Payment, reader: &Person) -> Option<String> {
    let refund = payment.refunds.iter().rev().find(|refund| refund.may_still_come())?;
    let look = reader.words(
        "возврат ещё может пройти; посмотрите в приложении Kaspi Pay, затем",
        "қайтару әлі өтуі мүмкін; Kaspi Pay қолданбасын қараңыз, содан кейін",
        "the refund may still come; look in the Kaspi Pay app, then",
    );
    let (id, amount) = (payment.id, refund.amount_tiyn);
    Some(format!(
        "{amount}: {look}: kaspictl payment resolve {id} --refund {} --happened yes|no --reason TEXT",
        refund.id
    ))
}

/// What to do now, if anything.
pub(super) fn next_step(payment: &Payment, reader: &Person) -> Option<String> {
    let id = payment.id;
    match payment.state {
        State::Creating | State::Waiting => {
            let named = named(id, payment.qr_payment_id.as_ref());
            let wait = reader.words("ждать покупателя", "сатып алушыны күту", "to wait for the customer");
            Some(format!("{wait}: kaspictl payment wait {named}"))
        }
        State::Unknown => {
            let known = reader.words("если счёт нашёлся в Kaspi", "шот Kaspi-ден табылса", "when it is found at Kaspi");
            let not = reader.words("если его там нет", "ол жоқ болса", "when it is not there");
            Some(format!(
                "{known}: kaspictl payment resolve {id} --attach QRID --reason TEXT\n{not}: kaspictl payment resolve {id} --abandon --reason TEXT"
            ))
        }
        State::Paid => watched(payment, reader),
        State::Declined | State::Cancelled | State::Expired | State::Abandoned => None,
    }
}

/// What a wait leaves that ended before the payment did.
pub(in crate::ctl) fn left(named: &PaymentRef, known: Option<&Payment>, reader: &Person) -> String {
    let again = reader.words("ждать дальше", "әрі қарай күту", "to wait again");
    let again = format!("{again}: kaspictl payment wait {named}");
    let look = reader.words("посмотреть", "қарау", "to look");
    let look = format!("{look}: kaspictl payment show {named}");
    let said = match known.map(|payment| (payment.state, payment.kind)) {
        None => {
            let may = reader.words(
                "счёт у покупателя, возможно, остался.",
                "шот сатып алушыда қалуы мүмкін.",
                "the customer may still have the bill.",
            );
            format!("{may}\n{again}")
        }
        Some((State::Creating | State::Waiting, Kind::Remote)) => {
            let has = reader.words(
                "счёт у покупателя остался.",
                "шот сатып алушыда қалды.",
                "the customer still has the invoice.",
            );
            let cancel = reader.words("отменить его", "оның күшін жою", "to take it back");
            format!("{has}\n{again}\n{cancel}: kaspictl payment cancel {named}")
        }
        Some((State::Creating | State::Waiting, Kind::Link | Kind::Qr)) => {
            let can = reader.words(
                "покупатель ещё может оплатить, пока код не истечёт сам: Kaspi его не отзывает.",
                "код өзі біткенше сатып алушы әлі төлей алады: Kaspi оны қайтармайды.",
                "the customer can still pay, until the code dies by itself: Kaspi takes none back.",
            );
            format!("{can}\n{again}")
        }
        Some((State::Unknown, _)) => {
            let nobody = reader.words(
                "неизвестно, есть ли счёт у покупателя.",
                "шоттың сатып алушыда бары белгісіз.",
                "nobody knows whether the customer has the bill.",
            );
            format!("{nobody}\n{look}")
        }
        Some((state, _)) => {
            let is = reader.words("состояние платежа", "төлемнің күйі", "the payment is");
            format!("{is}: {}.\n{look}", language::state(state).told(reader.language))
        }
    };
    let ends = reader.words("ожидание закончено", "күту аяқталды", "the wait ends here");
    format!("kaspictl: {ends}: {said}")
}

/// What is asked before a payment of Kaspi is called ours: what a person compares stands in it.
pub(in crate::ctl) fn attach(number: &QrPaymentId, known: &Payment, reader: &Person) -> String {
    let answer = yes_or_no(reader);
    let whose = organisation(&known.organization_bin, known.description.as_ref());
    let phone = known.phone.as_ref().map(ToString::to_string).unwrap_or_default();
    let made = reader.show(known.created_at);
    let (is_it, compare) = (
        reader.words("Это тот самый платёж", "Бұл сол төлем бе", "Is this the payment"),
        reader.words(
            "Сумма, телефон и время там должны совпадать.",
            "Ондағы сома, телефон және уақыт сәйкес болуы керек.",
            "Amount, phone and time there must be these.",
        ),
    );
    clean(&format!("{is_it}, {number}: {} {phone}, {made}, {whose}? {compare} {answer} ", known.amount_tiyn))
}

/// What a rehearsal says of a bill.
pub(in crate::ctl) fn would_bill(create: &CreatePayment, reader: &Person) -> String {
    let whom = create.phone_number.as_ref().map(|phone| format!(", {}", phone.spelled())).unwrap_or_default();
    let would = reader.words("был бы выставлен счёт на", "шот қойылар еді:", "would bill");
    format!("{would} {}{whom}; {}", create.amount_tiyn, nothing_done(reader))
}

/// What a rehearsal says of a refund.
pub(in crate::ctl) fn would_pay_back(back: &PayBack, known: Option<&Payment>, reader: &Person) -> String {
    let would = reader.words("было бы возвращено", "қайтарылар еді:", "would pay back");
    format!("{would} {}; {}", how_much(back, known, reader), nothing_done(reader))
}

fn nothing_done(reader: &Person) -> &'static str {
    reader.words("ничего не сделано (--dry-run)", "ештеңе жасалмады (--dry-run)", "nothing was done (--dry-run)")
}

fn how_much(back: &PayBack, known: Option<&Payment>, reader: &Person) -> String {
    let left = known
        .and_then(|payment| payment.amount_tiyn.minus(payment.refunded_tiyn)?.minus(payment.refunded_elsewhere_tiyn));
    let all = reader.words("всё, что осталось", "қалғанның бәрі", "all that is left");
    match (back.refund.amount_tiyn, left) {
        (Some(amount), _) => amount.to_string(),
        (None, Some(left)) => format!("{all}, {left},"),
        (None, None) => all.to_owned(),
    }
}

/// What is asked before money leaves.
pub(in crate::ctl) fn pay_back(back: &PayBack, known: Option<&Payment>, reader: &Person) -> String {
    let (amount, answer) = (how_much(back, known, reader), yes_or_no(reader));
    let from = reader.words("от", "ұйымнан:", "from");
    let of = known.map_or_else(String::new, |payment| {
        let whose = organisation(&payment.organization_bin, payment.description.as_ref());
        format!(" ({}), {from} {whose}", payment.amount_tiyn)
    });
    let back_to = reader.words("Вернуть", "Қайтару керек пе:", "Pay back");
    let paid = reader.words("по платежу", "төлем", "of payment");
    clean(&format!("{back_to} {amount} {paid} {}{of}? {answer} ", back.payment))
}

/// What may be answered; English yes is taken everywhere.
fn yes_or_no(reader: &Person) -> &'static str {
    reader.words("[да/НЕТ]", "[иә/ЖОҚ]", "[y/N]")
}
