//! Failures for people: what, why, whether money moved, what to do.

use super::config;
use super::table::{Fields, clean};
use crate::ctl::when::Person;
use crate::failure::{Failure, Money, texts};
use crate::language::InEachLanguage;

/// A failure, for stderr.
pub(in crate::ctl) fn failure(failure: &Failure, reader: &Person) -> String {
    let mut fields = Fields::default();
    fields
        .add(reader.words("деньги", "ақша", "money"), money(failure.money).told(reader.language))
        .add(
            reader.words("что делать", "не істеу керек", "what to do"),
            reader.local(&failure.remedy_in(reader.language)),
        )
        .maybe(reader.words("организация", "ұйым", "organisation"), failure.organization_bin.as_ref())
        .maybe(reader.words("платёж", "төлем", "payment"), failure.payment)
        .maybe(reader.words("Kaspi говорит", "Kaspi айтады", "Kaspi says"), provider(failure))
        .maybe(reader.words("ключ", "кілт", "key"), failure.request_key.as_ref());
    let title = texts::of(failure.code).title.told(reader.language);
    let points = if failure.trade_points.is_empty() {
        String::new()
    } else {
        format!("\n{}", config::trade_points(&failure.trade_points))
    };
    format!("{title} ({}): {}\n{}{points}", failure.code.word(), clean(&reader.local(&failure.detail)), fields.print())
}

/// Whether money moved, in words.
pub(crate) fn money(money: Money) -> InEachLanguage {
    match money {
        Money::NotMoved => InEachLanguage::of("не двигались", "қозғалған жоқ", "not moved"),
        Money::Moved => InEachLanguage::of("двигались", "қозғалды", "moved"),
        Money::Unknown => InEachLanguage::of(
            "неизвестно, двигались ли; посмотрите, прежде чем повторять",
            "қозғалғаны белгісіз; қайталамас бұрын қараңыз",
            "nobody here knows whether it moved; look before you repeat",
        ),
    }
}

fn provider(failure: &Failure) -> Option<String> {
    match (failure.provider_code, &failure.provider_message) {
        (Some(code), Some(message)) => Some(format!("{message} (code {code})")),
        (None, Some(message)) => Some(message.clone()),
        (Some(code), None) => Some(format!("code {code}")),
        (None, None) => None,
    }
}
