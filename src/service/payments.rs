//! Reading payments, the log and payers. Everything is filtered by what the caller may see; what is outside is
//! `not_found`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::{Request, Service, trouble};
use crate::access::Scope;
use crate::domain::{Kind, State};
use crate::failure::{Code, Failure};
use crate::id::{OrganizationBin, PaymentId, PaymentRef, ShopId};
use crate::moment::Span;
use crate::operation::{LogQuery, LogRows, PayerQuery, PaymentQuery, Payments, Picture, Reply};
use crate::store::{PaymentRow, Refused};

/// Rows of a list where the caller names no limit, and the most.
const LIMIT: (u32, u32) = (100, 1000);

/// The longest wait (architecture §7, limits).
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(600);

impl Request {
    /// Whether the caller may know of a payment.
    pub(super) fn sees(&self, row: &PaymentRow) -> bool {
        self.scope.allows(row.shop_id, &row.organization_bin)
    }

    /// The same request, for a job on the writer's thread.
    pub(super) fn copy(&self) -> Self {
        Self {
            caller: self.caller.clone(),
            key: self.key.clone(),
            scope: self.scope.clone(),
            is_admin: self.is_admin,
            presence: self.presence.clone(),
            settings: self.settings.clone(),
        }
    }
}

impl Service {
    /// A payment that must exist.
    pub(super) fn row(&self, id: PaymentId) -> Result<PaymentRow, Failure> {
        let row = self.store.read(|reading| Ok(reading.payment(&PaymentRef::Id(id))?))?;
        row.ok_or_else(|| no_payment(&PaymentRef::Id(id)))
    }

    /// A payment the caller names and may see.
    pub(super) fn visible(&self, request: &Request, named: &PaymentRef) -> Result<PaymentRow, Failure> {
        let row = self.store.read(|reading| Ok(reading.payment(named)?))?;
        row.filter(|row| request.sees(row)).ok_or_else(|| no_payment(named))
    }

    pub(super) async fn payment_get(
        &self,
        request: &Request,
        named: &PaymentRef,
        wait: Option<Span>,
    ) -> Result<Reply, Failure> {
        let (id, came) = (self.visible(request, named)?.id, Instant::now());
        let row = match wait {
            Some(span) if span.duration() > LONGEST_WAIT => {
                return Err(Failure::invalid("wait is at most 10m; ask again to wait longer"));
            }
            Some(span) => self.wait(request, id, span).await?,
            None => self.looked(&request.settings, id).await?,
        };
        Ok(Reply::Payment(
            self.reckoned(&request.settings, (row, wait.map(|span| span.duration().saturating_sub(came.elapsed()))))
                .await?
                .view(),
        ))
    }

    pub(super) fn payment_list(&self, request: &Request, query: &PaymentQuery) -> Result<Reply, Failure> {
        let limit = limit(query.limit)?;
        let (rows, next) = self.store.read(|reading| Ok(reading.payments(query, limit, |row| request.sees(row))?))?;
        Ok(Reply::Payments(Payments { payments: rows.iter().map(PaymentRow::view).collect(), next }))
    }

    pub(super) fn payment_picture(&self, request: &Request, named: &PaymentRef) -> Result<Reply, Failure> {
        let row = self.visible(request, named)?;
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

    pub(super) async fn payer(&self, request: &Request, query: &PayerQuery) -> Result<Reply, Failure> {
        request.settings.kaspi()?;
        let (config, _, triple) = self.selected(request, query.shop_id, query.organization_bin.as_ref())?;
        self.state.lookups.take(&triple).map_err(|rest| too_many_lookups(rest).with_bin(&config.organization_bin))?;
        let sent = AtomicBool::new(false);
        let answer = self.with_token(&request.settings, triple, Self::ask(request), |kaspi, ask, triple| {
            let phone = query.phone_number.clone();
            if sent.swap(true, Ordering::Relaxed) {
                self.state.lookups.again(&triple);
            }
            async move { kaspi.payer(&ask, &triple, &phone).await }
        });
        match answer.await {
            Ok(payer) => Ok(Reply::Payer(payer)),
            Err(trouble) => Err(trouble::failure(&trouble).with_bin(&config.organization_bin)),
        }
    }

    pub(super) async fn log_list(&self, request: &Request, query: &LogQuery) -> Result<Reply, Failure> {
        let limit = limit(query.limit)?;
        if let Some(wait) = query.wait {
            return self.log_follow(request, query, limit, wait).await;
        }
        let (rows, next) = self.store.read(|reading| {
            reading.cursor(query.after)?;
            let visible = |shop, bin: Option<&_>| sees_row(&request.scope, shop, bin);
            reading.log(query, limit, visible).map_err(Refused::from)
        })?;
        Ok(Reply::Log(LogRows { rows, next }))
    }
}

/// Whether a row of the log is inside of a scope; one of the daemon itself is for those who see everything.
pub(super) fn sees_row(scope: &Scope, shop: Option<ShopId>, bin: Option<&OrganizationBin>) -> bool {
    match (shop, bin) {
        (Some(shop), Some(bin)) => scope.allows(shop, bin),
        _ => scope.is_everything(),
    }
}

fn too_many_lookups(rest: Duration) -> Failure {
    // Rounded up: a caller that comes back in time finds a place.
    let rest = Duration::from_secs(rest.as_secs() + 1);
    let detail = format!(
        "Kaspi takes 50 payer look-ups a minute from one trade point, and they are used up; the next is possible in {} s",
        rest.as_secs()
    );
    Failure::new(Code::RateLimited, detail)
        .with_retry_after(rest)
        .with_hint("Take the payment without the look-up, or look again then.")
}

fn no_payment(named: &PaymentRef) -> Failure {
    Failure::not_found(format!("there is no payment {named}")).with_hint(
        "See what there is: kaspictl payment list; one made before kaspid: kaspictl payment adopt QRID --bin BIN",
    )
}

pub(super) fn limit(asked: Option<u32>) -> Result<usize, Failure> {
    let limit = asked.unwrap_or(LIMIT.0);
    match usize::try_from(limit) {
        Ok(count) if (1..=LIMIT.1).contains(&limit) => Ok(count),
        _ => Err(Failure::invalid(format!("limit is 1 to {}", LIMIT.1))),
    }
}
