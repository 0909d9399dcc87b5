//! Reading payments and the log. Everything is filtered by what the caller may see; what is outside is `not_found`.

use std::sync::Arc;

use tokio::time::Instant;

use super::bounds::{fitting, limit, sees_row};
use super::feed::Feed;
use super::pieces::{at_once_or_in_pieces, in_pieces};
use crate::domain::{Kind, State};
use crate::failure::Failure;
use crate::id::PaymentRef;
use crate::moment::Span;
use crate::operation::{LogQuery, LogRows, Payment, PaymentQuery, Payments, Picture, Reply};
use crate::service::Context;
use crate::service::money::Balances;
use crate::service::payment::{For, LONGEST_WAIT, PaymentRows, Statuses, Waits, too_long};
use crate::service::stop::Stopping;
use crate::store::{LogSearch, PIECE, PaymentRow, PaymentSearch, Store, Walk, check_cursor};

/// Answers what is asked of payments and the log; touches nothing itself.
pub(in crate::service) struct Reads {
    store: Store,
    payments: PaymentRows,
    statuses: Arc<Statuses>,
    waits: Arc<Waits>,
    balances: Arc<Balances>,
    feed: Arc<Feed>,
    stop: Stopping,
}

impl Reads {
    pub(super) fn new(
        store: Store,
        (statuses, waits): (Arc<Statuses>, Arc<Waits>),
        balances: Arc<Balances>,
        (feed, stop): (Arc<Feed>, Stopping),
    ) -> Self {
        Self { payments: PaymentRows::new(store.clone()), store, statuses, waits, balances, feed, stop }
    }

    pub(in crate::service) async fn payment_get(
        &self,
        context: &Context,
        named: &PaymentRef,
        wait: Option<Span>,
    ) -> Result<Reply, Failure> {
        let (id, came) = (self.payments.visible(context, named)?.id, Instant::now());
        let row = match wait {
            Some(span) if span.duration() > LONGEST_WAIT => {
                return Err(too_long());
            }
            Some(span) => self.waits.wait(context, id, span).await?,
            None => self.statuses.seen(&context.settings, id, For::Caller).await?,
        };
        Ok(Reply::Payment(
            self.balances
                .with_balance_checked(
                    &context.settings,
                    (row, wait.map(|span| span.duration().saturating_sub(came.elapsed()))),
                )
                .await?
                .view(),
        ))
    }

    pub(in crate::service) async fn payment_list(
        &self,
        context: &Context,
        query: &PaymentQuery,
    ) -> Result<Reply, Failure> {
        let limit = limit(query.limit)?;
        let (mut search, seen) = (PaymentSearch::new(query.clone(), limit), context.clone());
        let found = at_once_or_in_pieces((&self.store, &self.stop), context, move |walk| {
            let Some((rows, next)) = search.piece(walk, |row| seen.sees(row))? else { return Ok(None) };
            let payments = rows.iter().map(PaymentRow::view).collect();
            Ok(Some(fitting(payments, next, |payment: &Payment| payment.id)))
        });
        let (payments, next) = found.await?;
        Ok(Reply::Payments(Payments { payments, next }))
    }

    pub(in crate::service) fn payment_picture(&self, context: &Context, named: &PaymentRef) -> Result<Reply, Failure> {
        let row = self.payments.visible(context, named)?;
        match (row.state, row.kind, row.link.or(row.qr_token)) {
            (State::Waiting, _, Some(content)) => Ok(Reply::Picture(Picture { content })),
            (state, Kind::Link | Kind::Qr, _) if state != State::Waiting => {
                let detail = format!("this payment is {state}: a picture of it would only mislead a customer");
                let hint = format!("See its state: kaspictl payment show {}", row.id);
                Err(Failure::not_found(detail).with_payment(row.id).with_hint(hint))
            }
            _ => Err(Failure::not_found("a payment billed to a phone has nothing to scan")
                .with_payment(row.id)
                .with_hint(format!("See its state: kaspictl payment show {}", row.id))),
        }
    }

    pub(in crate::service) async fn log_list(&self, context: &Context, query: &LogQuery) -> Result<Reply, Failure> {
        let limit = limit(query.limit)?;
        if let Some(wait) = query.wait {
            return self.feed.log_follow(context, query, limit, wait).await;
        }
        self.store.read(|reading| check_cursor(reading, query.after))?;
        let (mut search, scope) = (LogSearch::new(query.clone(), limit), context.scope.clone());
        let (by, is_plain) = ((&self.store, &self.stop), search.is_plain());
        let mut piece = move |(walk, most): (&Walk<'_>, u64)| {
            let found = search.piece((walk, most), |shop, bin| sees_row(&scope, shop, bin))?;
            Ok(found.map(|(rows, next)| fitting(rows, next, |row| row.id)))
        };
        let (rows, next) = match is_plain {
            true => at_once_or_in_pieces(by, context, piece).await?,
            false => in_pieces(by, context, move |walk| piece((walk, PIECE))).await?,
        };
        Ok(Reply::Log(LogRows { rows, next }))
    }
}
