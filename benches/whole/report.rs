//! The report of a day on which thousands have not paid yet, as the unit ships: it may ask the bank about each of them.

use std::time::Instant;

use crate::kaspid::fill;
use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;
use crate::table::Table;

/// Open payments, about.
const OPEN: usize = 5_000;

/// Only who makes them is not slowed down; looks at the bank have their usual rate.
const LIMITS: &str = "[limits]\nrate_per_uid = 1000000\nburst_per_uid = 1000000\n[follow]\nremote_sweep = \"off\"";

pub(crate) fn report(table: &mut Table) {
    let till = Till::open(Dialect::Bank, LIMITS);
    till.bank.forgets();
    fill(&till, OPEN);
    tell(table, &till, "the bank beside it");
    tell(table, &till, "once more");
    // The daemon that is dropped behind this must not wait for the bank either.
    till.bank.hold();
    tell(table, &till, "the bank does not answer");
    till.bank.release();
}

fn tell(table: &mut Table, till: &Till, how: &str) {
    let began = Instant::now();
    let report = till.daemon.door.get("/v1/reports/day").expect(200);
    let took = began.elapsed();
    let of = &report["organizations"][0];
    let listed = of["open"].as_array().map_or(0, Vec::len);
    let open = listed as u64 + of["unlisted"].as_u64().unwrap_or(0);
    let asked = of["open"].as_array().into_iter().flatten().filter(|line| line["not_asked"].is_null()).count();
    table.line(
        &format!("day report, {open} open payments, {how}"),
        format!("{:.2} s", took.as_secs_f64()),
        "≤ 2 s",
        format!("{listed} of them with a line, {asked} of these asked about in time"),
    );
}
