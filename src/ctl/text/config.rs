//! Organisations for people.

use super::payment::{organisation, trade_point};
use super::table::{Fields, Table};
use crate::ctl::when::Person;
use crate::domain::{Standing, TradePoint};
use crate::operation::{Config, SelectReason, Selected};

/// One organisation.
pub(super) fn one(config: &Config, reader: &Person) -> String {
    let time = |moment| format!("{} ({})", reader.show(moment), reader.offset(moment));
    let mut fields = Fields::default();
    fields
        .add("organisation", organisation(&config.organization_bin, config.description.as_ref()))
        .add("trade point", trade_point(&config.trade_point_id, config.trade_point_name.as_ref()))
        .add("shop", config.shop_id)
        .add("takes payments", takes_payments(config))
        .add("shop's default", yes_no(config.is_default))
        .add("standing", format!("{} since {}", standing(config), time(config.standing_since)))
        .maybe("dialect", config.dialect)
        .add("last verified", config.last_verified_at.map_or_else(|| "never".to_owned(), time))
        .add("enrolled", time(config.created_at))
        .add("changed", time(config.updated_at))
        .add("row", config.id);
    fields.print()
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn takes_payments(config: &Config) -> &'static str {
    match (config.is_active, config.standing) {
        (false, _) if config.standing_reason.as_deref() == Some("retired") => "no, it is out of use",
        (false, _) => "no, it is deactivated",
        (true, Standing::Suspended) => "no, it is suspended",
        (true, Standing::Verified | Standing::Unverified) => "yes",
    }
}

fn standing(config: &Config) -> String {
    match &config.standing_reason {
        Some(reason) => format!("{} ({reason})", config.standing),
        None => config.standing.to_string(),
    }
}

/// The organisations of a shop.
pub(super) fn list(configs: &[Config], reader: &Person) -> String {
    let mut table =
        Table::new(&[">SHOP", "BIN", "DEFAULT", "ACTIVE", "STANDING", "-VERIFIED", "~TRADE POINT", "~DESCRIPTION"]);
    for config in configs {
        table.row([
            config.shop_id.to_string(),
            config.organization_bin.to_string(),
            yes_no(config.is_default).to_owned(),
            yes_no(config.is_active).to_owned(),
            standing(config),
            config.last_verified_at.map_or_else(|| "never".to_owned(), |at| reader.show(at)),
            trade_point(&config.trade_point_id, config.trade_point_name.as_ref()),
            config.description.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]);
    }
    table.print()
}

/// What Kaspi lists.
pub(super) fn trade_points(points: &[TradePoint]) -> String {
    let mut table = Table::new(&["TRADE POINT", "~NAME", "~CITY"]);
    for point in points {
        table.row([point.id.to_string(), point.name.clone(), point.city.clone().unwrap_or_default()]);
    }
    table.print()
}

/// Whose money a payment would be.
pub(super) fn selected(selected: &Selected, reader: &Person) -> String {
    let why = match selected.reason {
        SelectReason::Explicit => "because it was named",
        SelectReason::Default => "because it is the shop's default",
    };
    let config = &selected.config;
    let whose = organisation(&config.organization_bin, config.description.as_ref());
    format!("The money goes to {}, {why}.\n{}", super::table::clean(&whose), one(config, reader))
}
