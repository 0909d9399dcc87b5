//! Organisations, the certificate, and what needs a person.

use std::collections::BTreeMap;

use super::view::View;
use crate::domain::Standing;
use crate::metrics::{Page, SampleValue, Type};
use crate::service::Context;
use crate::service::organisation::FailedLooks;
use crate::store::ConfigRow;

pub(super) fn write(page: &mut Page, view: &View, failed_looks: &FailedLooks, context: &Context) {
    if let Some(identity) = context.settings.identity() {
        let view = identity.view(crate::moment::Moment::now());
        let or_never = |value: SampleValue| if view.no_end { SampleValue::Seconds(f64::INFINITY) } else { value };
        let help = "End of the client certificate's life, in seconds since 1970; +Inf without one.";
        page.gauge("kaspid_certificate_not_after_timestamp_seconds", help, or_never(view.not_after.into()));
        let help = "Whole days until the client certificate ends; negative after, +Inf without an end.";
        page.gauge("kaspid_certificate_days_left", help, or_never(view.days_left.into()));
    }
    write_problems(page, view);
    write_standings(page, &view.configs);
    let active = || view.configs.iter().filter(|row| row.is_active);
    let mut info = page.family("kaspid_config_info", Type::Gauge, "The configs in use, by their number.");
    for row in view.configs.iter().filter(|row| !row.is_retired) {
        let dialect = row.dialect.map_or_else(|| "unknown".to_owned(), |dialect| dialect.to_string());
        let standing = standing(row);
        info.sample(
            &[("config", &row.id), ("shop", &row.shop_id), ("standing", &standing), ("dialect", &dialect)],
            1_u64,
        );
    }
    let help = "When the trade point of an active config was last seen listed, in seconds since 1970.";
    let mut verified = page.family("kaspid_config_last_verified_timestamp_seconds", Type::Gauge, help);
    for row in active() {
        row.last_verified_at.into_iter().for_each(|at| verified.sample(&[("config", &row.id)], at));
    }
    let overdue = active().filter(|row| failed_looks.is_overdue(&context.settings, row)).count();
    page.gauge(
        "kaspid_configs_verify_overdue",
        "Active configs whose trade point should have been looked up.",
        overdue,
    );
}

fn write_problems(page: &mut Page, view: &View) {
    let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
    for problem in &view.problems {
        *codes.entry(&problem.code).or_default() += 1;
    }
    let help = "What needs a person: the problems of /v1/health, by code. A code without a problem is not here.";
    let mut problems = page.family("kaspid_problems", Type::Gauge, help);
    for (code, count) in codes {
        problems.sample(&[("code", &code)], count);
    }
}

fn write_standings(page: &mut Page, configs: &[ConfigRow]) {
    let mut standings = page.family("kaspid_configs", Type::Gauge, "Configs by standing; retired ones are inactive.");
    for word in ["verified", "unverified", "suspended", "inactive"] {
        let count = configs.iter().filter(|row| standing(row) == word).count();
        standings.sample(&[("standing", &word)], count);
    }
}

fn standing(row: &ConfigRow) -> &'static str {
    match row.standing {
        _ if !row.is_active => "inactive",
        Standing::Verified => "verified",
        Standing::Unverified => "unverified",
        Standing::Suspended => "suspended",
    }
}
