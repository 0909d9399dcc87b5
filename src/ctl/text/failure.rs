//! Failures for people: what, why, whether money moved, what to do.

use super::config;
use super::table::{Fields, clean};
use crate::failure::{Failure, Money, texts};

/// A failure, for stderr.
pub(in crate::ctl) fn failure(failure: &Failure) -> String {
    let mut fields = Fields::default();
    fields
        .add("money", money(failure.money))
        .add("what to do", failure.remedy())
        .maybe("organisation", failure.organization_bin.as_ref())
        .maybe("payment", failure.payment)
        .maybe("Kaspi says", provider(failure))
        .maybe("key", failure.request_key.as_ref());
    let title = texts::of(failure.code).title;
    let points = if failure.trade_points.is_empty() {
        String::new()
    } else {
        format!("\n{}", config::trade_points(&failure.trade_points))
    };
    format!("{title} ({}): {}\n{}{points}", failure.code.word(), clean(&failure.detail), fields.print())
}

/// Whether money moved, in words.
pub(super) fn money(money: Money) -> &'static str {
    match money {
        Money::NotMoved => "not moved",
        Money::Moved => "moved",
        Money::Unknown => "nobody here knows whether it moved; look before you repeat",
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
