//! Organisations, their trade points, and which of them a payment would use.

use serde::{Deserialize, Serialize};

use crate::domain::{Dialect, Standing, TradePoint, words};
use crate::id::{ConfigId, Description, OrganizationBin, ShopId, TradePointId};
use crate::moment::Moment;

words! {
    /// Why a config was chosen.
    SelectReason {
        /// The caller named the BIN.
        Explicit = "explicit",
        /// It is the shop's default.
        Default = "default",
    }
}

/// An organisation the shop takes money for (the guide's KaspiPayConfig without its token).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Config {
    /// Row number, from 1.
    pub id: ConfigId,
    /// The shop.
    pub shop_id: ShopId,
    /// The organisation; unique.
    pub organization_bin: OrganizationBin,
    /// Where it takes money.
    pub trade_point_id: TradePointId,
    /// Kaspi's name of that, where known.
    pub trade_point_name: Option<String>,
    /// Takes new payments.
    pub is_active: bool,
    /// Used when a call names no BIN; at most one per shop.
    pub is_default: bool,
    /// What its bank speaks, once learned.
    pub dialect: Option<Dialect>,
    /// Whether its trade point is in order.
    pub standing: Standing,
    /// Why not, for instance `dialect_changed` or `trade_point_missing`.
    pub standing_reason: Option<String>,
    /// Since when it has this standing and this reason.
    pub standing_since: Moment,
    /// When it was enrolled.
    pub created_at: Moment,
    /// When it last changed.
    pub updated_at: Moment,
    /// When its trade point was last seen listed.
    pub last_verified_at: Option<Moment>,
    /// A name for people.
    pub description: Option<Description>,
}

/// A list of configs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Configs {
    /// By row number.
    pub configs: Vec<Config>,
    /// Always null: the list is whole.
    pub next: Option<u64>,
}

/// What Kaspi lists for a BIN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TradePoints {
    /// In Kaspi's order.
    pub trade_points: Vec<TradePoint>,
    /// Always null: the list is whole.
    pub next: Option<u64>,
}

/// The config a payment would use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Selected {
    /// It.
    pub config: Config,
    /// Why it.
    pub reason: SelectReason,
}
