//! Reading payments and the log. Everything is filtered by what the caller may see; what is outside is `not_found`.

use std::sync::Arc;

use tokio::time::Instant;

use super::bounds::{LONGEST_WAIT, PageTurns, fitting, limit, sees_row};
use super::feed::Feed;
use crate::domain::{Kind, State};
use crate::failure::Failure;
use crate::id::PaymentRef;
use crate::moment::Span;
use crate::operation::{LogQuery, LogRows, Payment, PaymentQuery, Payments, Picture, Reply};
use crate::service::Context;
use crate::service::money::Balances;
use crate::service::payment::{For, PaymentRows, Statuses, Waits};
use crate::store::{PaymentRow, Reading, Refused, Store, check_cursor, log_rows, payments};

/// Answers what is asked of payments and the log; touches nothing itself.
pub(in crate::service) struct Reads {
    store: Store,
    payments: PaymentRows,
    statuses: Arc<Statuses>,
    waits: Arc<Waits>,
    balances: Arc<Balances>,
    feed: Arc<Feed>,
    turns: Arc<PageTurns>,
}

impl Reads {
    pub(super) fn new(
        store: Store,
        (statuses, waits): (Arc<Statuses>, Arc<Waits>),
        balances: Arc<Balances>,
        (feed, turns): (Arc<Feed>, Arc<PageTurns>),
    ) -> Self {
        Self { payments: PaymentRows::new(store.clone()), store, statuses, waits, balances, feed, turns }
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
                return Err(Failure::invalid("wait is at most 10m; ask again to wait longer"));
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
        let page = || {
            let (rows, next) =
                self.store.read(|reading| Ok(payments(reading, query, limit, |row| context.sees(row))?))?;
            let payments = rows.iter().map(PaymentRow::view).collect();
            let (payments, next) = fitting(payments, next, |payment: &Payment| payment.id);
            Ok(Reply::Payments(Payments { payments, next }))
        };
        self.turns.read(limit, page).await
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
        let page = |reading: &Reading| {
            check_cursor(reading, query.after)?;
            let visible = |shop, bin: Option<&_>| sees_row(&context.scope, shop, bin);
            log_rows(reading, query, limit, visible).map_err(Refused::from)
        };
        let (rows, next) = self.turns.read(limit, || self.store.read(page)).await?;
        let (rows, next) = fitting(rows, next, |row| row.id);
        Ok(Reply::Log(LogRows { rows, next }))
    }
}
