//! Organisations, their trade points, and which of them a payment would use.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::shape::{Nothing, Shape, null_is_usual};
use crate::domain::{Dialect, Standing, TradePoint, words};
use crate::failure::Failure;
use crate::id::{ConfigId, Description, DeviceToken, OrganizationBin, ShopId, TradePointId};
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

/// An organisation the shop takes money for.
///
/// The guide's KaspiPayConfig without its token.
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

/// Which configs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfigQuery {
    /// Only this shop's; all shops otherwise.
    pub shop_id: Option<ShopId>,
}

/// Enrols a BIN: trade points → register → store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The shop it takes money for; `[daemon] shop_id` otherwise.
    pub shop_id: Option<ShopId>,
    /// The organisation.
    pub organization_bin: OrganizationBin,
    /// Needed only where Kaspi lists several.
    pub trade_point_id: Option<TradePointId>,
    /// A token from an earlier system; skips the registration. Never shown again.
    pub device_token: Option<DeviceToken>,
    /// Make it the shop's default.
    #[serde(default, deserialize_with = "null_is_usual")]
    pub is_default: bool,
    /// A name for people.
    pub description: Option<Description>,
}

/// Changes to a config, at least one; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfigChange {
    /// Takes new payments or not.
    pub is_active: Option<bool>,
    /// The shop's default or not; making one the default unmakes the other.
    pub is_default: Option<bool>,
    /// A name for people; null or an empty one takes it away.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub description: Option<Description>,
    /// Move to this trade point: it must be listed, and a device is registered there.
    pub trade_point_id: Option<TradePointId>,
}

/// In JSON what is absent stays and null is an empty description; a frame has no such difference to tell.
fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Description>, D::Error> {
    let is_json = deserializer.is_human_readable();
    let given = Option::<Description>::deserialize(deserializer)?;
    match given {
        None if is_json => String::new().try_into().map(Some).map_err(D::Error::custom),
        given => Ok(given),
    }
}

/// Which config a payment would use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// `[daemon] shop_id` otherwise.
    pub shop_id: Option<ShopId>,
    /// The shop's default otherwise, if an admin has set one.
    pub organization_bin: Option<OrganizationBin>,
}

/// Asks for one config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetConfig {
    /// Whose.
    pub organization_bin: OrganizationBin,
}

/// Asks Kaspi for the trade points of a BIN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradePointQuery {
    /// Whose; need not be enrolled.
    pub organization_bin: OrganizationBin,
}

/// Activates, makes default, describes, or moves a config to another trade point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeConfig {
    /// Which config.
    pub organization_bin: OrganizationBin,
    /// What to change.
    pub change: ConfigChange,
}

/// Takes a BIN out of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetireConfig {
    /// Which config.
    pub organization_bin: OrganizationBin,
    /// Also delete the device at Kaspi. Cancels and refunds of its payments stop.
    pub delete_device: bool,
}

/// Has the config's trade point looked for in Kaspi's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyConfig {
    /// Which config.
    pub organization_bin: OrganizationBin,
}

/// Asks Kaspi for a new token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterDevice {
    /// Which config.
    pub organization_bin: OrganizationBin,
    /// The config's own otherwise.
    pub trade_point_id: Option<TradePointId>,
}

/// The query of a [`RetireConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RetireQuery {
    /// Also delete the device at Kaspi: cancels and refunds of its payments stop.
    #[serde(default, deserialize_with = "null_is_usual")]
    delete_device: bool,
}

/// The body of `POST /v1/configs/{bin}/register`, which may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterBody {
    /// Where to register a device: a trade point that has or had one here, or that Kaspi lists; the config's own otherwise.
    trade_point_id: Option<TradePointId>,
}

impl Shape for ChangeConfig {
    type Path = OrganizationBin;
    type Query = Nothing;
    type Body = ConfigChange;

    fn join(organization_bin: OrganizationBin, _: Nothing, change: ConfigChange) -> Result<Self, Failure> {
        Ok(Self { organization_bin, change })
    }

    fn split(self) -> (OrganizationBin, Nothing, ConfigChange) {
        (self.organization_bin, Nothing {}, self.change)
    }
}

impl Shape for RetireConfig {
    type Path = OrganizationBin;
    type Query = RetireQuery;
    type Body = Nothing;

    fn without_body() -> Option<Nothing> {
        Some(Nothing {})
    }

    fn join(organization_bin: OrganizationBin, query: RetireQuery, _: Nothing) -> Result<Self, Failure> {
        Ok(Self { organization_bin, delete_device: query.delete_device })
    }

    fn split(self) -> (OrganizationBin, RetireQuery, Nothing) {
        (self.organization_bin, RetireQuery { delete_device: self.delete_device }, Nothing {})
    }
}

impl Shape for RegisterDevice {
    type Path = OrganizationBin;
    type Query = Nothing;
    type Body = RegisterBody;

    fn without_body() -> Option<RegisterBody> {
        Some(RegisterBody::default())
    }

    fn join(organization_bin: OrganizationBin, _: Nothing, body: RegisterBody) -> Result<Self, Failure> {
        Ok(Self { organization_bin, trade_point_id: body.trade_point_id })
    }

    fn split(self) -> (OrganizationBin, Nothing, RegisterBody) {
        (self.organization_bin, Nothing {}, RegisterBody { trade_point_id: self.trade_point_id })
    }
}
