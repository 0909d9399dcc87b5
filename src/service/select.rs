//! Select-BIN and the guard: which organisation gets the money. A call names a BIN or uses the shop's default,
//! which exists only because an admin set it; there is no "first active".

use crate::domain::Standing;
use crate::failure::{Code, Failure};
use crate::id::{OrganizationBin, ShopId};
use crate::operation::{Reply, Select, SelectReason, Selected};
use crate::service::{Context, Settings};
use crate::store::{
    ConfigRow, Counterparty, DIALECT_CHANGED, NOT_REGISTERED, Reading, Refused, Store, TRADE_POINT_MISSING, Triple,
};

/// The config a payment would use, and why it.
///
/// # Errors
/// Why there is none.
pub(super) fn select(store: &Store, context: &Context, select: &Select) -> Result<Reply, Failure> {
    let (row, reason, _) = selected(store, context, (select.shop_id, select.organization_bin.as_ref()))?;
    Ok(Reply::Selected(Selected { config: row.view(), reason }))
}

/// The config and triple that a new payment of this shop would use.
///
/// # Errors
/// Why there is none.
pub(super) fn selected(
    store: &Store,
    context: &Context,
    (shop, bin): (Option<ShopId>, Option<&OrganizationBin>),
) -> Result<(ConfigRow, SelectReason, Triple), Failure> {
    let shop = context.shop(shop);
    store.read(|reading| {
        let named = found(reading, shop, bin)?;
        let (row, reason) = choose(context, shop, bin, named)?;
        let with = usable(&context.settings, &row)?;
        let triple = reading.triple(&row.organization_bin, &row.trade_point_id, &with)?;
        Ok((row.clone(), reason, triple.ok_or_else(|| no_token(&row))?))
    })
}

fn found(reading: &Reading, shop: ShopId, bin: Option<&OrganizationBin>) -> Result<Option<ConfigRow>, Refused> {
    Ok(match bin {
        Some(bin) => reading.config(bin)?,
        None => reading.default_config(shop)?,
    })
}

/// The guard: the named or default config, if it is the shop's and the caller may use it.
pub(super) fn choose(
    context: &Context,
    shop: ShopId,
    bin: Option<&OrganizationBin>,
    found: Option<ConfigRow>,
) -> Result<(ConfigRow, SelectReason), Failure> {
    let reason = if bin.is_some() { SelectReason::Explicit } else { SelectReason::Default };
    match (found, bin) {
        (Some(row), _) if row.shop_id == shop && context.scope.allows(shop, &row.organization_bin) => Ok((row, reason)),
        (_, Some(bin)) => {
            let detail = format!("{bin} is not an organisation of shop {shop} that this caller may use");
            Err(Failure::new(Code::BinNotAllowed, detail).with_bin(bin))
        }
        (_, None) => Err(Failure::new(
            Code::NoDefaultBin,
            format!("the request names no organization_bin, and shop {shop} has no default that this caller may use"),
        )),
    }
}

/// Whether new payments may be made with a config; the bank and dialect to make them with.
pub(super) fn usable(settings: &Settings, row: &ConfigRow) -> Result<Counterparty, Failure> {
    let bin = &row.organization_bin;
    let refuse = |code, detail: String| Failure::new(code, detail).with_bin(bin);
    if row.is_retired {
        let hint = format!("Enrol it again: kaspictl bin add {bin}");
        return Err(refuse(Code::BinInactive, format!("{bin} is retired")).with_hint(hint));
    }
    if !row.is_active {
        return Err(refuse(Code::BinInactive, format!("{bin} is deactivated")));
    }
    let with = settled(settings, row)?;
    if row.standing == Standing::Suspended {
        return Err(suspended(row));
    }
    Ok(with)
}

/// The bank we speak to now with the dialect it speaks for a config, if that is known of this very bank. Never guessed
/// for a call that moves money.
pub(super) fn settled(settings: &Settings, row: &ConfigRow) -> Result<Counterparty, Failure> {
    let bin = &row.organization_bin;
    let kaspi = &settings.config.kaspi;
    let agreed = kaspi.dialect.is_none_or(|fixed| row.dialect == Some(fixed));
    let is_of_it = row.learned_from.as_ref().is_some_and(|learned| kaspi.bank().is(learned));
    let is_settled = row.standing_reason.as_deref() != Some(DIALECT_CHANGED);
    match row.dialect {
        Some(dialect) if is_settled && is_of_it && agreed => Ok(Counterparty { bank: kaspi.url.clone(), dialect }),
        _ => Err(Failure::new(
            Code::BinInactive,
            format!("it is not known which dialect the bank speaks for {bin} (dialect_changed)"),
        )
        .with_bin(bin)
        .with_hint(format!("Look the trade point up, which settles it: kaspictl bin verify {bin}"))),
    }
}

/// What a suspended config answers, with the way out (the guide: "get fresh TradePointIds").
fn suspended(row: &ConfigRow) -> Failure {
    let bin = &row.organization_bin;
    let why = row.standing_reason.as_deref().unwrap_or("unknown");
    let detail = format!("{bin} is suspended: {why}");
    match why {
        NOT_REGISTERED => Failure::new(Code::OrganizationNotRegistered, detail).with_bin(bin),
        TRADE_POINT_MISSING => Failure::new(Code::TradePointInactive, detail).with_bin(bin).with_hint(format!(
            "See what Kaspi lists: kaspictl bin trade-points {bin}; move there: kaspictl bin set {bin} --trade-point ID; \
             if it is listed again: kaspictl bin verify {bin}"
        )),
        _ => Failure::new(Code::TradePointInactive, detail).with_bin(bin),
    }
}

/// A config without a device.
pub(super) fn no_token(row: &ConfigRow) -> Failure {
    let bin = &row.organization_bin;
    Failure::new(Code::DeviceTokenInvalid, format!("no device is registered for {bin} at its trade point"))
        .with_bin(bin)
}
