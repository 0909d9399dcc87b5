//! Answers for people: aligned, money in tenge, times of the shop, and always whose money it is.

mod besides;
mod config;
mod doctor;
mod failure;
mod health;
mod html;
mod identity;
mod log;
mod payment;
mod qr;
mod report;
mod table;
#[cfg(test)]
mod tests;

pub(super) use besides::{attach, left, pay_back, would_bill, would_pay_back};
pub(super) use doctor::{checks, sentence, sentence_with};
pub(super) use failure::failure;
pub(super) use html::page;
pub(super) use log::line as log_line;
pub(super) use qr::draw;
pub(super) use table::clean;

use std::time::Duration;

use super::when::Person;
use crate::domain::State;
use crate::moment::Moment;
use crate::operation::{Payment, Reply};

/// Who gets the money of `payment`.
pub(super) fn organisation(payment: &Payment) -> String {
    clean(&payment::organisation(&payment.organization_bin, payment.description.as_ref()))
}

/// How a payment stands while somebody waits for it another `left`: one line, shorter than any terminal.
pub(super) fn standing(payment: Option<&Payment>, left: Duration) -> String {
    let state = payment.map_or(State::Waiting, |payment| payment.state);
    let status = payment.and_then(|payment| payment.kaspi_status.as_deref());
    let says = status.map(|status| format!(" ({})", clean(status))).unwrap_or_default();
    let life = payment.and_then(|payment| payment.expires_at).map(|at| at.since(Moment::now()));
    // Both are shown in whole seconds begun, so that the last one is not a zero.
    let seconds = |span: Duration| span.as_millis().div_ceil(1000);
    match life.filter(|life| *life < left) {
        Some(life) => format!("{state}{says}: the customer can pay for {} s more", seconds(life)),
        None => format!("{state}{says}: {} s of the wait are left", seconds(left)),
    }
}

/// An answer as text.
pub(super) fn reply(reply: &Reply, reader: &Person) -> String {
    match reply {
        Reply::Health(health) => health::health(health, reader),
        Reply::Version(version) => health::version(version),
        Reply::Limits(limits) => health::limits(limits),
        Reply::Configs(list) => config::list(&list.configs, reader),
        Reply::Config(config) => config::one(config, reader),
        Reply::Enrolled(config) => config::one(config, reader),
        Reply::TradePoints(list) => config::trade_points(&list.trade_points),
        Reply::Selected(selected) => config::selected(selected, reader),
        Reply::Created(payment) | Reply::Payment(payment) => payment::one(payment, reader),
        Reply::Payments(page) => payment::list(page, reader),
        Reply::Picture(picture) => format!("{}\n", clean(&picture.content)),
        Reply::Payer(payer) => format!("{}\n", clean(&payer.name)),
        Reply::Log(page) => log::list(&page.rows, reader),
        Reply::Verified(verified) => log::verified(verified),
        Reply::Identity(identity) => identity::one(identity, reader),
        Reply::Reloaded(reloaded) => health::reloaded(reloaded),
        Reply::Events(page) => log::events(page, reader),
        Reply::Imported(imported) => log::imported(imported),
        Reply::Acknowledged(acknowledged) => log::acknowledged(acknowledged, reader),
        Reply::Metrics(metrics) => metrics.text.clone(),
        Reply::Day(day) => report::day(day, reader),
        Reply::Range(range) => report::range(range, reader),
        Reply::Diagnosis(diagnosis) => reader.local(&doctor::checks(&diagnosis.checks)),
        Reply::CertificateRequest(request) => request.request.clone(),
        Reply::IdentityTaken(taken) => identity::taken(taken, reader),
    }
}

fn more(reader: &Person, next: &str) -> String {
    format!("{} --after {next}", reader.words("есть ещё: добавьте", "тағы бар: қосыңыз", "there are more: add"))
}

/// What a person should know behind the answer: the next page, the next step.
pub(super) fn next(reply: &Reply, reader: &Person) -> Option<String> {
    match reply {
        Reply::Created(payment) | Reply::Payment(payment) => besides::next_step(payment, reader),
        Reply::Payments(page) => page.next.map(|next| more(reader, &next.to_string())),
        Reply::Log(page) => page.next.map(|next| more(reader, &next.to_string())),
        Reply::Enrolled(config) if !config.is_default => Some(format!(
            "a payment uses it with --bin {bin}; to use it when none is named: kaspictl bin default {bin}",
            bin = config.organization_bin
        )),
        Reply::CertificateRequest(request) => Some(identity::next(request)),
        Reply::IdentityTaken(taken) => identity::besides(taken),
        _ => None,
    }
}
