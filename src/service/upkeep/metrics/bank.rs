//! The bank as we meet it.

use crate::kaspi::{CallVerdict, OutageKind, Record};
use crate::metrics::{Page, Type};
use crate::service::Settings;

/// Whether it can be reached: nothing here counts anybody's calls.
pub(super) fn write_reach(page: &mut Page, settings: &Settings) {
    let trouble = settings.record.trouble();
    let help = "1 for what keeps us from the bank now; the next answer ends it.";
    let mut family = page.family("kaspid_bank_trouble", Type::Gauge, help);
    for (word, kind) in [
        ("unreachable", OutageKind::Unreachable),
        ("certificate_refused", OutageKind::Certificate),
        ("no_answer", OutageKind::NoAnswer),
    ] {
        family.sample(&[("kind", &word)], trouble.as_ref().is_some_and(|trouble| trouble.kind == kind));
    }
    if let Some(trouble) = trouble {
        let help = "Since when, in seconds since 1970; none without trouble.";
        page.gauge("kaspid_bank_trouble_since_timestamp_seconds", help, trouble.since);
    }
    if let Some(at) = settings.record.answered_at() {
        let help = "When the bank last gave a readable answer, a refusal included, in seconds since 1970.";
        page.gauge("kaspid_bank_last_answer_timestamp_seconds", help, at);
    }
}

/// Every call since the start.
pub(super) fn write_calls(page: &mut Page, record: &Record) {
    let help = "Calls to the bank by what they came to; may_have_happened of a read means: could not ask.";
    let mut calls = page.family("kaspid_bank_calls_total", Type::Counter, help);
    for (call, meter) in record.calls() {
        for outcome in CallVerdict::ALL {
            calls.sample(&[("call", &call), ("outcome", &outcome.word())], meter.count(outcome));
        }
    }
    let help = "How long calls to the bank took, connecting included, whatever they came to.";
    let mut took = page.family("kaspid_bank_call_duration_seconds", Type::Histogram, help);
    for (call, meter) in record.calls() {
        took.histogram(&[("call", &call)], &meter.took);
    }
    let mut codes =
        page.family("kaspid_bank_provider_codes_total", Type::Counter, "StatusCodes that Kaspi gave, other than 0.");
    for (code, count) in record.codes() {
        codes.sample(&[("code", &code)], count);
    }
}
