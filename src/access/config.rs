//! The `[access]` section as it is written.

use serde::Deserialize;

use crate::id::{OrganizationBin, ShopId};
use crate::operation::Right;

/// The `[access]` section: users or `@groups` per right. A user may be written as a number, too. Root is
/// always admin; `admin` implies all other rights; `pay`, `refund` and `audit` imply `observe`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    /// See the state of the daemon and its configs.
    pub observe: Vec<String>,
    /// Take, follow and cancel payments.
    pub pay: Vec<String>,
    /// Pay money back.
    pub refund: Vec<String>,
    /// Read the audit log.
    pub audit: Vec<String>,
    /// Set the daemon up.
    pub admin: Vec<String>,
    /// `[[access.shop]]`: narrows a user or group to shops and organisations.
    pub shop: Vec<ShopRule>,
}

impl Default for AccessConfig {
    fn default() -> Self {
        let one = |who: &str| vec![who.to_owned()];
        Self {
            observe: one("@kaspid"),
            pay: one("@kaspid"),
            refund: one("@kaspid-refund"),
            audit: one("@kaspid-audit"),
            admin: one("root"),
            shop: Vec::new(),
        }
    }
}

/// One `[[access.shop]]`: what a user or group sees and may use, whatever rights it has. Who is in several
/// has all of them together; who is in none is not narrowed; root never is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopRule {
    /// A user or `@group`.
    pub who: String,
    /// Only these shops; all if left out.
    pub shops: Option<Vec<ShopId>>,
    /// Only these organisations; all if left out.
    pub bins: Option<Vec<OrganizationBin>>,
}

impl AccessConfig {
    pub(super) fn by_right(&self) -> [(Right, &[String]); 5] {
        [
            (Right::Observe, &self.observe),
            (Right::Pay, &self.pay),
            (Right::Refund, &self.refund),
            (Right::Audit, &self.audit),
            (Right::Admin, &self.admin),
        ]
    }
}
