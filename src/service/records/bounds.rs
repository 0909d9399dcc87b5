//! How much one answer tells, how long it may be waited for, and whose rows are in it.

use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::block_in_place;

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

/// Long pages are read one after the other: what a busy machine has left is for the calls of the tills.
#[derive(Debug)]
pub(super) struct PageTurns(Semaphore);

impl Default for PageTurns {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

impl PageTurns {
    /// Reads a page of at most `limit` rows; a long one in its turn, and not on a thread that others wait for.
    pub(super) async fn read<T>(&self, limit: usize, read: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        if limit <= usize::try_from(LIMIT.0).unwrap_or(usize::MAX) {
            return read();
        }
        // Never closed; without a turn it would only be slower for others.
        let turn = self.0.acquire().await.ok();
        let page = match Handle::current().runtime_flavor() {
            RuntimeFlavor::MultiThread => block_in_place(read),
            _ => read(),
        };
        drop(turn);
        page
    }
}

pub(super) fn limit(asked: Option<u32>) -> Result<usize, Failure> {
    let limit = asked.unwrap_or(LIMIT.0);
    match usize::try_from(limit) {
        Ok(count) if (1..=LIMIT.1).contains(&limit) => Ok(count),
        _ => Err(Failure::invalid(format!("limit is 1 to {}", LIMIT.1))),
    }
}
