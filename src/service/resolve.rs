//! Closing what only a person can close. Each way is checked as far as the bank can tell, and audited.

use super::follow::deadline;
use super::look::is_known;
use super::{Request, Service};
use crate::failpoint::fail_point;
use crate::id::{PaymentRef, QrPaymentId, Reason};
use crate::operation::{Code, Failure, Reply, Resolve, State};
use crate::store::{Change, Closed, PaymentRow, Refused};

impl Service {
    pub(super) async fn resolve(&self, request: &Request, named: &PaymentRef, how: Resolve) -> Result<Reply, Failure> {
        let row = self.visible(request, named)?;
        let (closed, reason) = match how {
            Resolve::Attach { qr_payment_id, reason } => (self.attached(request, &row, qr_payment_id).await?, reason),
            Resolve::Abandon { reason } => (Closed::Abandoned, reason),
            Resolve::Refund { refund, happened, reason } => (Closed::Refund { refund, happened }, reason),
            Resolve::Paid { paid, reason } => {
                self.beyond_kaspi(request, &row).await?;
                (Closed::Paid(paid), reason)
            }
        };
        self.close(request, &row, closed, reason).await?;
        let row = self.looked_at_once(&request.settings, row.id).await?;
        Ok(Reply::Payment(row.view()))
    }

    /// The number must be no other payment's, Kaspi must know it, and where Kaspi tells an amount it must be ours.
    async fn attached(&self, request: &Request, row: &PaymentRow, qr: QrPaymentId) -> Result<Closed, Failure> {
        let sight = self.sight(request, &self.frozen_triple(&request.settings, row)?, &qr).await?;
        match sight.total {
            Some(total) if total != row.amount => Err(Failure::invalid(format!(
                "Kaspi says {qr} is {total}, and this payment is {}: it is another one",
                row.amount
            ))
            .with_payment(row.id)),
            _ => Ok(Closed::Attached { qr_payment_id: qr, kaspi_status: sight.kaspi_status, amount: None }),
        }
    }

    /// A person's word counts only where Kaspi has none: after the deadline, with a status we do not know or none at
    /// all. A late payment is only acknowledged, which asks nobody.
    async fn beyond_kaspi(&self, request: &Request, row: &PaymentRow) -> Result<(), Failure> {
        if row.state != State::Waiting {
            return Ok(());
        }
        let said = match self.read_status(&request.settings, row).await {
            Ok(row) => row.kaspi_status.filter(|status| is_known(status)),
            Err(failure) if failure.code == Code::NotFound => None,
            Err(failure) => return Err(failure),
        };
        let over = self.state.ages.now(row) >= deadline(row);
        match said {
            None if over => Ok(()),
            None => {
                Err(Failure::invalid("the customer can still pay: wait until its time is over").with_payment(row.id))
            }
            Some(status) => Err(Failure::invalid(format!("Kaspi itself says {status}, which is kept now"))
                .with_payment(row.id)
                .with_hint(format!("See what it is: kaspictl payment show {}", row.id))),
        }
    }

    async fn close(&self, request: &Request, row: &PaymentRow, closed: Closed, reason: Reason) -> Result<(), Failure> {
        let (payment, actor) = (row.id, request.caller.actor());
        let write = self.store.write(move |writing| {
            let Some(row) = writing.payment(payment)? else {
                return Err(Failure::not_found("the payment is gone").into());
            };
            closable(&row, &closed)?;
            if let Closed::Attached { qr_payment_id, .. } = &closed
                && let Some(other) = writing.payment_by_qr(qr_payment_id)?
            {
                let detail = format!("{qr_payment_id} is payment {} already", other.id);
                return Err(Refused::from(Failure::invalid(detail).with_payment(other.id)));
            }
            writing.append(Some(actor), Change::Resolved { payment, closed, reason })?;
            Ok(())
        });
        fail_point!("resolve.begin");
        write.await?;
        fail_point!("resolve.stored");
        self.announce(payment);
        Ok(())
    }
}

/// Whether a payment is in the doubt that this would close.
fn closable(row: &PaymentRow, closed: &Closed) -> Result<(), Failure> {
    let open = match closed {
        Closed::Attached { .. } => matches!(row.state, State::Unknown | State::Abandoned),
        Closed::Abandoned => row.state == State::Unknown,
        Closed::Refund { refund, .. } => {
            let refund = row.refund(*refund).ok_or_else(|| {
                Failure::not_found(format!("payment {} has no refund {refund}", row.id)).with_payment(row.id)
            })?;
            row.account().is_for_a_person(refund)
        }
        // Of a payment that was paid late it is the acknowledgement.
        Closed::Paid(true) if row.state == State::Paid => row.late && !row.acknowledged,
        Closed::Paid(_) => row.state == State::Waiting,
    };
    if open {
        return Ok(());
    }
    let detail = format!("the payment is {} and has nothing that this would close", row.state);
    Err(Failure::new(Code::InvalidRequest, detail)
        .with_payment(row.id)
        .with_hint(format!("See what is open: kaspictl payment show {}", row.id)))
}
