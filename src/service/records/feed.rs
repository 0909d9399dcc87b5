//! What changed since a cursor, by long poll: the same commits as the changes themselves.

use tokio::time::Instant;

use super::bounds::{fitting, limit, sees_row};
use crate::chance::select;
use crate::failure::Failure;
use crate::moment::Span;
use crate::operation::{EventQuery, Events, LogQuery, LogRows, Order, Reply};
use crate::service::Context;
use crate::service::payment::{LONGEST_WAIT, too_long};
use crate::service::stop::Stopping;
use crate::store::{ConfigRow, Store, StoreError, Walk, feed, last_event, log_tail};

/// Tells what changed; touches nothing.
pub(in crate::service) struct Feed {
    store: Store,
    stop: Stopping,
}

impl Feed {
    pub(super) fn new(store: Store, stop: Stopping) -> Self {
        Self { store, stop }
    }

    pub(in crate::service) async fn events(&self, context: &Context, query: EventQuery) -> Result<Reply, Failure> {
        let limit = limit(query.limit)?;
        let seen = context.clone();
        let page = move |walk: &Walk<'_>, after| {
            let sees_config = |row: &ConfigRow| seen.scope.allows(row.shop_id, &row.organization_bin);
            feed(walk, after, limit, |row| seen.sees(row), sees_config)
        };
        let (events, next) = self.since(context, (query.after, query.wait), page).await?;
        let (events, next) = fitting(events, Some(next), |event| event.seq);
        Ok(Reply::Events(Events { events, next: next.unwrap_or_default() }))
    }

    /// The rows of the log as their operations end, and again when more is known of one.
    pub(super) async fn log_follow(
        &self,
        context: &Context,
        query: &LogQuery,
        limit: usize,
        wait: Span,
    ) -> Result<Reply, Failure> {
        if query.order == Some(Order::Desc) {
            return Err(Failure::invalid("a log is followed oldest first: leave out order=desc or wait"));
        }
        let (asked, scope) = (query.clone(), context.scope.clone());
        let page = move |walk: &Walk<'_>, after| {
            log_tail(walk, &asked, (after, limit), |shop, bin| sees_row(&scope, shop, bin))
        };
        let (rows, next) = self.since(context, (query.after, Some(wait)), page).await?;
        Ok(Reply::Log(LogRows { rows, next: Some(next) }))
    }

    /// The first page behind `after` with anything on it, or the empty one once `wait` has passed; and the cursor
    /// behind it. `page` reads one from behind a cursor, with the last event it looked at.
    async fn since<T: Send + 'static>(
        &self,
        context: &Context,
        (after, wait): (Option<u64>, Option<Span>),
        mut page: impl FnMut(&Walk<'_>, u64) -> Result<(Vec<T>, u64), StoreError> + Send + 'static,
    ) -> Result<(Vec<T>, u64), Failure> {
        let wait = wait.map(Span::duration).unwrap_or_default();
        if wait > LONGEST_WAIT {
            return Err(too_long());
        }
        let until = Instant::now() + wait;
        // Subscribed before the first look: what becomes durable in between is not missed.
        let mut news = self.store.new_events();
        let head = self.store.read(|reading| Ok(last_event(reading)?))?;
        let mut after = after.unwrap_or(head);
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
            let (found, next);
            (page, found, next) = self
                .store
                .walk(move |walk| {
                    let (found, next) = page(walk, after)?;
                    Ok((page, found, next))
                })
                .await?;
            if !found.is_empty() || Instant::now() >= until {
                return Ok((found, next));
            }
            if next > after {
                // A page of what the caller does not see or ask for: there may be more behind it.
                after = next;
                self.stop.may_search_on()?;
                context.is_still_heard()?;
                continue;
            }
            let over = context.while_nothing_is_told(async {
                select! {
                    // The store outlives every request: the sender is not gone.
                    _ = news.changed() => false,
                    () = tokio::time::sleep_until(until) => false,
                    () = context.presence.over() => true,
                    () = self.stop.begun() => true,
                }
            });
            if over.await? {
                return Ok((found, next));
            }
        }
    }
}
