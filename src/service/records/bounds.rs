//! How much one answer tells, how long it may be waited for, and whose rows are in it.

use std::io;

use serde::Serialize;

use crate::access::Scope;
use crate::config::LimitSettings;
use crate::failure::Failure;
use crate::frame::MAX_BODY;
use crate::id::{OrganizationBin, ShopId};
use crate::operation::LimitsInForce;
use crate::service::payment::LONGEST_WAIT;

/// Rows of a list where the caller names no limit, and the most.
const LIMIT: (u32, u32) = (100, 1000);

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

/// Bytes of the rows of one page as JSON: with what stands around them less than a message may have in any encoding.
const PAGE_BYTES: usize = MAX_BODY - (64 << 10);

/// How long a row is: counts what is written.
#[derive(Default)]
struct JsonLength(usize);

impl io::Write for JsonLength {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The first of these rows that fit into one answer, and the cursor behind them.
pub(super) fn fitting<T: Serialize, C>(
    mut rows: Vec<T>,
    next: Option<C>,
    cursor: impl Fn(&T) -> C,
) -> (Vec<T>, Option<C>) {
    let (mut written, mut fit) = (JsonLength::default(), 0);
    for row in &rows {
        // Our own shapes always are JSON; a comma or bracket stands between two.
        let _ = serde_json::to_writer(&mut written, row);
        written.0 += 1;
        if written.0 > PAGE_BYTES && fit > 0 {
            rows.truncate(fit);
            let next = rows.last().map(cursor);
            return (rows, next);
        }
        fit += 1;
    }
    (rows, next)
}

pub(super) fn limit(asked: Option<u32>) -> Result<usize, Failure> {
    let limit = asked.unwrap_or(LIMIT.0);
    match usize::try_from(limit) {
        Ok(count) if (1..=LIMIT.1).contains(&limit) => Ok(count),
        _ => Err(Failure::invalid(format!("limit is 1 to {}", LIMIT.1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_the_answer_is_full() {
        let rows = |count: usize| (0..count).map(|number| format!("{number:01000}")).collect::<Vec<String>>();
        let number = |row: &String| row.trim_start_matches('0').parse().unwrap_or(0);
        assert_eq!(fitting(rows(900), Some(7), number), (rows(900), Some(7)));
        let (first, next) = fitting(rows(1000), None, number);
        assert_eq!((first.len(), next), (980, Some(979)));
        let long = vec!["x".repeat(2 << 20), "y".to_owned()];
        assert_eq!(fitting(long.clone(), None, String::len), (long[..1].to_vec(), Some(2 << 20)));
    }
}
