//! Payments and refunds by config: what stands now, from the store, and what happened since the start.

use std::collections::{BTreeMap, BTreeSet};

use super::view::View;
use crate::domain::{Kind, State};
use crate::id::ConfigId;
use crate::metrics::{Page, Type};
use crate::moment::Moment;
use crate::store::{Counters, PaymentTransition, RefundTransition};

/// With more configs than this a series begins with its first event: zeros would be most of the text, and a native
/// answer holds a mebibyte.
const FILLED: usize = 50;

const KINDS: [Kind; 3] = [Kind::Remote, Kind::Link, Kind::Qr];
const OPEN: [State; 3] = [State::Creating, State::Waiting, State::Unknown];

pub(super) fn write(page: &mut Page, view: &View, mut tally: Counters) {
    let in_use: Vec<ConfigId> = view.configs.iter().filter(|row| !row.is_retired).map(|row| row.id).collect();
    let filled = if in_use.len() <= FILLED { in_use.as_slice() } else { &[] };
    write_open(page, view, filled);
    write_doubt(page, view, filled);
    let seen: BTreeSet<ConfigId> = view.configs.iter().map(|row| row.id).collect();
    tally.payments.retain(|(config, _), _| seen.contains(config));
    tally.refunds.retain(|config, _| seen.contains(config));
    for config in filled {
        for kind in KINDS {
            tally.payments.entry((*config, kind.word())).or_default();
        }
        tally.refunds.entry(*config).or_default();
    }
    write_tally(page, &tally, in_use.len() <= FILLED);
}

fn write_open(page: &mut Page, view: &View, filled: &[ConfigId]) {
    let mut counts: BTreeMap<(ConfigId, &str, &str), u64> = BTreeMap::new();
    for config in filled {
        for kind in KINDS {
            for state in OPEN {
                counts.entry((*config, kind.word(), state.word())).or_default();
            }
        }
    }
    let mut oldest: BTreeMap<ConfigId, Moment> = BTreeMap::new();
    for (((config, _), kind, state), count) in &view.census.open {
        *counts.entry((*config, kind, state)).or_default() += u64::try_from(*count).unwrap_or(0);
    }
    for row in &view.oldest {
        let first = oldest.entry(row.config_id).or_insert(row.created_at);
        *first = row.created_at.min(*first);
    }
    let mut open = page.family("kaspid_payments_open", Type::Gauge, "Payments that are not final.");
    for ((config, kind, state), count) in counts {
        open.sample(&[("config", &config), ("kind", &kind), ("state", &state)], count);
    }
    let help = "When the oldest payment that is not final was begun, in seconds since 1970; none for a config that has \
                none among the 500 that were begun first.";
    let mut family = page.family("kaspid_oldest_open_payment_timestamp_seconds", Type::Gauge, help);
    for (config, at) in oldest {
        family.sample(&[("config", &config)], at);
    }
}

fn write_doubt(page: &mut Page, view: &View, filled: &[ConfigId]) {
    let mut counts: BTreeMap<ConfigId, u64> = filled.iter().map(|config| (*config, 0)).collect();
    for ((config, _), count) in &view.census.refunds_in_doubt {
        *counts.entry(*config).or_default() += u64::try_from(*count).unwrap_or(0);
    }
    let help = "Refunds of which nobody knows yet whether money went back, those on their way included.";
    let mut doubt = page.family("kaspid_refunds_in_doubt", Type::Gauge, help);
    for (config, count) in counts {
        doubt.sample(&[("config", &config)], count);
    }
}

fn write_tally(page: &mut Page, tally: &Counters, zeros: bool) {
    let help = "What happened to payments since the start, once it was durable.";
    let mut payments = page.family("kaspid_payments_total", Type::Counter, help);
    for ((config, kind), counts) in &tally.payments {
        for (turn, count) in PaymentTransition::ALL.iter().zip(counts).filter(|(_, count)| zeros || **count > 0) {
            payments.sample(&[("config", config), ("kind", kind), ("outcome", &turn.word())], *count);
        }
    }
    let help = "What happened to refunds since the start, once it was durable.";
    let mut refunds = page.family("kaspid_refunds_total", Type::Counter, help);
    for (config, counts) in &tally.refunds {
        for (turn, count) in RefundTransition::ALL.iter().zip(counts).filter(|(_, count)| zeros || **count > 0) {
            refunds.sample(&[("config", config), ("outcome", &turn.word())], *count);
        }
    }
}
