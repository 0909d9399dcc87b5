//! What changed since a cursor, by long poll: the same commits as the changes themselves.

use super::payments::{LONGEST_WAIT, limit};
use super::{Request, Service};
use crate::operation::{EventQuery, Events, Failure, Reply};

impl Service {
    pub(super) async fn events(&self, request: &Request, query: EventQuery) -> Result<Reply, Failure> {
        let limit = limit(query.limit)?;
        let wait = query.wait.map(crate::moment::Span::duration).unwrap_or_default();
        if wait > LONGEST_WAIT {
            return Err(Failure::invalid("wait is at most 10m; ask again to wait longer"));
        }
        let until = tokio::time::Instant::now() + wait;
        // Subscribed before the first look: what becomes durable in between is not missed.
        let mut news = self.store.news();
        let head = self.store.read(|reading| Ok(reading.last_event()?))?;
        let mut after = query.after.unwrap_or(head);
        if after > head {
            let hint = format!(
                "The log was put back to an earlier state, or the cursor is another shop's: begin again with after={head}."
            );
            return Err(
                Failure::invalid(format!("after={after} is beyond the log, which ends at {head}")).with_hint(hint)
            );
        }
        loop {
            news.mark_unchanged();
            let (events, next) = self.store.read(|reading| {
                let sees_config =
                    |row: &crate::store::ConfigRow| request.scope.allows(row.shop_id, &row.organization_bin);
                Ok(reading.news(after, limit, |row| request.sees(row), sees_config)?)
            })?;
            if !events.is_empty() || tokio::time::Instant::now() >= until {
                return Ok(Reply::Events(Events { events, next }));
            }
            if next > after {
                // A page of other shops' events: there may be more behind it.
                after = next;
                continue;
            }
            tokio::select! {
                // The store outlives every request: the sender is not gone.
                _ = news.changed() => {}
                () = tokio::time::sleep_until(until) => {}
                () = self.stopped() => return Ok(Reply::Events(Events { events, next })),
            }
        }
    }
}
