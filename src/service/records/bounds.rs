//! How much one answer tells, how long it may be waited for, and whose rows are in it.

use std::time::Duration;

use crate::access::Scope;
use crate::config::LimitSettings;
use crate::failure::Failure;
use crate::frame::MAX_BODY;
use crate::id::{OrganizationBin, ShopId};
use crate::operation::LimitsInForce;

/// Rows of a list where the caller names no limit, and the most.
const LIMIT: (u32, u32) = (100, 1000);

/// The longest wait (architecture §7, limits).
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What one caller may use, told.
pub(in crate::service) fn limits(limits: &LimitSettings) -> LimitsInForce {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    LimitsInForce {
        connections: count(limits.connections),
        connections_per_uid: count(limits.connections_per_uid),
        rate_per_uid: limits.rate_per_uid,
        burst_per_uid: limits.burst_per_uid,
        body_bytes: count(MAX_BODY),
        rows: LIMIT.1,
        wait_s: LONGEST_WAIT.as_secs(),
    }
}

/// Whether a row of the log is inside of a scope; one of the daemon itself is for those who see everything.
pub(super) fn sees_row(scope: &Scope, shop: Option<ShopId>, bin: Option<&OrganizationBin>) -> bool {
    match (shop, bin) {
        (Some(shop), Some(bin)) => scope.allows(shop, bin),
        _ => scope.is_everything(),
    }
}

pub(super) fn limit(asked: Option<u32>) -> Result<usize, Failure> {
    let limit = asked.unwrap_or(LIMIT.0);
    match usize::try_from(limit) {
        Ok(count) if (1..=LIMIT.1).contains(&limit) => Ok(count),
        _ => Err(Failure::invalid(format!("limit is 1 to {}", LIMIT.1))),
    }
}
