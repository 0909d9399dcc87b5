//! A config as stored: the guide's KaspiPayConfig without its token, which stands in the device table.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::alarm::Alarms;
use super::{Counterparty, StoreError, codec};
use crate::domain::{Dialect, Standing};
use crate::id::{BankUrl, ConfigId, Description, OrganizationBin, ShopId, TradePointId};
use crate::moment::Moment;
use crate::operation::Config;

/// The standing's reason while it is not known what the bank speaks.
pub(crate) const DIALECT_CHANGED: &str = "dialect_changed";

/// The standing's reason when Kaspi lists trade points, and not this one.
pub(crate) const TRADE_POINT_MISSING: &str = "trade_point_missing";

/// The standing's reason when Kaspi has no trade points for the organisation (any more).
pub(crate) const NOT_REGISTERED: &str = "organization_not_registered";

/// The guide's row and what the daemon knows besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConfigRow {
    pub(crate) id: ConfigId,
    pub(crate) shop_id: ShopId,
    pub(crate) organization_bin: OrganizationBin,
    pub(crate) trade_point_id: TradePointId,
    pub(crate) trade_point_name: Option<String>,
    pub(crate) is_active: bool,
    pub(crate) is_default: bool,
    /// Taken out of use; only an enrolment brings it back.
    pub(crate) is_retired: bool,
    pub(crate) dialect: Option<Dialect>,
    /// The url the dialect was learned from; another url makes it unknown again.
    pub(crate) learned_from: Option<BankUrl>,
    pub(crate) standing: Standing,
    pub(crate) standing_reason: Option<String>,
    pub(crate) standing_since: Moment,
    /// First reading in which the trade point was absent, until it is listed again.
    pub(crate) missing_since: Option<Moment>,
    /// What an admin should look at of its devices, until a `verify` or `register` ends it.
    pub(crate) alarms: Alarms,
    pub(crate) created_at: Moment,
    pub(crate) updated_at: Moment,
    pub(crate) last_verified_at: Option<Moment>,
    pub(crate) description: Option<Description>,
}

impl ConfigRow {
    /// What callers see.
    pub(crate) fn view(&self) -> Config {
        Config {
            id: self.id,
            shop_id: self.shop_id,
            organization_bin: self.organization_bin.clone(),
            trade_point_id: self.trade_point_id.clone(),
            trade_point_name: self.trade_point_name.clone(),
            is_active: self.is_active,
            is_default: self.is_default,
            dialect: self.dialect,
            standing: self.standing,
            standing_reason: if self.is_retired { Some("retired".to_owned()) } else { self.standing_reason.clone() },
            standing_since: self.standing_since,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_verified_at: self.last_verified_at,
            description: self.description.clone(),
        }
    }

    /// Takes it out of use, or back in: why it stands as it does is another reason then.
    pub(crate) fn retire(&mut self, is_retired: bool, now: Moment) {
        if self.is_retired != is_retired {
            self.is_retired = is_retired;
            self.standing_since = now;
        }
    }

    /// Sets the standing and since when.
    pub(crate) fn stand(&mut self, standing: Standing, reason: Option<&str>, now: Moment) {
        if self.standing != standing || self.standing_reason.as_deref() != reason {
            self.standing = standing;
            self.standing_reason = reason.map(ToOwned::to_owned);
            self.standing_since = now;
        }
    }
}

/// The config of a row number.
pub(super) fn by_id(
    configs: &impl ReadableTable<u64, &'static [u8]>,
    id: ConfigId,
) -> Result<Option<ConfigRow>, StoreError> {
    configs.get(id)?.map(|value| codec::decode(value.value())).transpose()
}

/// The config of a BIN.
pub(super) fn by_bin(
    bins: &impl ReadableTable<&'static str, u64>,
    configs: &impl ReadableTable<u64, &'static [u8]>,
    bin: &OrganizationBin,
) -> Result<Option<ConfigRow>, StoreError> {
    match bins.get(bin.as_str())?.map(|id| id.value()) {
        Some(id) => by_id(configs, id),
        None => Ok(None),
    }
}

/// The first fields of a [`ConfigRow`], in its order: what tells whether it is a default, without copying the rest.
type First<'v> = (ConfigId, ShopId, &'v str, &'v str, Option<&'v str>, bool, bool);

/// A shop's default. Every create that names no BIN asks, so a fleet must not cost it much.
pub(super) fn default_of(
    configs: &impl ReadableTable<u64, &'static [u8]>,
    shop: ShopId,
) -> Result<Option<ConfigRow>, StoreError> {
    for entry in configs.iter()? {
        let (_, value) = entry?;
        let (_, shop_id, _, _, _, _, is_default): First<'_> = codec::decode_first(value.value())?;
        if shop_id == shop && is_default {
            return codec::decode(value.value()).map(Some);
        }
    }
    Ok(None)
}

/// All configs by row number.
pub(super) fn all(configs: &impl ReadableTable<u64, &'static [u8]>) -> Result<Vec<ConfigRow>, StoreError> {
    configs.iter()?.map(|entry| codec::decode(entry?.1.value())).collect()
}

impl ConfigRow {
    /// The bank answered in another dialect than the one learned: no money calls until the next look settles it.
    /// True if that is so now.
    pub(crate) fn dialect_changed(&mut self, dialect: Dialect, now: Moment) -> bool {
        let settled = self.dialect.is_none() || self.dialect == Some(dialect);
        if settled || self.standing_reason.as_deref() == Some(DIALECT_CHANGED) {
            return false;
        }
        self.stand(Standing::Suspended, Some(DIALECT_CHANGED), now);
        true
    }

    /// Its trade point was just seen listed by this bank in this dialect.
    pub(crate) fn seen_listed(&mut self, by: &Counterparty, name: &str, now: Moment) {
        self.settle_dialect(by, now);
        self.trade_point_name = Some(name.to_owned());
        self.missing_since = None;
        self.last_verified_at = Some(now);
        self.stand(Standing::Verified, None, now);
    }

    /// Its trade point was just seen absent, for this reason. Twice, at least `confirm` apart, suspends. While it is
    /// not known what the bank speaks, that stays the reason.
    pub(crate) fn seen_missing(&mut self, reason: &str, confirm: std::time::Duration, now: Moment) {
        let first = *self.missing_since.get_or_insert(now);
        let standing = if now.since(first) >= confirm { Standing::Suspended } else { self.standing };
        if self.standing_reason.as_deref() != Some(DIALECT_CHANGED) {
            self.stand(standing, Some(reason), now);
        }
    }

    /// A readable list came from this bank in this dialect: that settles it, whatever the list holds.
    pub(crate) fn settle_dialect(&mut self, by: &Counterparty, now: Moment) {
        self.dialect = Some(by.dialect);
        self.learned_from = Some(by.bank.clone());
        if self.standing_reason.as_deref() == Some(DIALECT_CHANGED) {
            self.stand(self.standing, None, now);
        }
    }
}

#[cfg(test)]
impl ConfigRow {
    /// The bank of [`ConfigRow::sample`].
    #[allow(clippy::unwrap_used, reason = "a test may")]
    pub(crate) fn counterparty(&self) -> Counterparty {
        Counterparty { bank: self.learned_from.clone().unwrap(), dialect: self.dialect.unwrap() }
    }

    /// The guide's first organisation, verified at `now`.
    #[allow(clippy::unwrap_used, reason = "a test may")]
    pub(crate) fn sample(now: Moment) -> Self {
        Self {
            id: 1,
            shop_id: 8,
            organization_bin: "891027350515".parse().unwrap(),
            trade_point_id: "104039".parse().unwrap(),
            trade_point_name: None,
            is_active: true,
            is_default: true,
            is_retired: false,
            dialect: Some(Dialect::Bank),
            learned_from: Some("https://127.0.0.1".parse().unwrap()),
            standing: Standing::Verified,
            standing_reason: None,
            standing_since: now,
            missing_since: None,
            alarms: Alarms::default(),
            created_at: now,
            updated_at: now,
            last_verified_at: Some(now),
            description: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]
    use super::*;

    /// The first fields of a row are read as they are written.
    #[test]
    fn a_default_is_told_by_the_first_fields() {
        let name = Some("Main Office".to_owned());
        let row = ConfigRow { id: 300, trade_point_name: name, is_active: false, ..ConfigRow::sample(Moment::now()) };
        let stored = codec::encode(&row).unwrap();
        let (id, shop, bin, point, name, is_active, is_default): First<'_> = codec::decode_first(&stored).unwrap();
        assert_eq!((id, shop, bin, point), (300, 8, "891027350515", "104039"));
        assert_eq!((name, is_active, is_default), (Some("Main Office"), false, true));
    }
}
