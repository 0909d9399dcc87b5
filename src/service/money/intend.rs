//! The intent of a create: the organisation, the supersession and the invoice are judged and the payment is frozen in
//! one transaction, before the first byte is sent.

use super::call::{Asker, Begun};
use crate::config::Supersede;
use crate::domain::{Dialect, Kind, State};
use crate::failure::{Code, Failure, Money};
use crate::id::{Invoice, ShopId};
use crate::kaspi::CallError;
use crate::operation::CreatePayment;
use crate::service::Context;
use crate::service::bank::failure_of;
use crate::service::select::{choose, no_token, usable};
use crate::store::{Change, ConfigRow, Event, PaymentRow, Refused, Writing};

/// A create as its caller wrote it.
#[derive(Clone)]
pub(super) struct CreateCall {
    pub(super) create: CreatePayment,
    pub(super) shop: ShopId,
}

impl CreateCall {
    pub(super) fn intended(&self, writing: &Writing<'_>, asker: Asker<'_>) -> Result<Begun, Refused> {
        let Asker { context, earlier, wrote, x_request_id } = asker;
        if let Some(earlier) = earlier {
            return Ok(Begun::Seen(earlier.payment));
        }
        let bin = self.create.organization_bin.as_ref();
        let found = match bin {
            Some(bin) => writing.config(bin)?,
            None => writing.default_config(self.shop)?,
        };
        let (config, _) = choose(context, self.shop, bin, found)?;
        let with = usable(&context.settings, &config)?;
        if (with.dialect, self.create.kind) == (Dialect::Guide, Kind::Qr) {
            return Err(failure_of(&CallError::NotInDialect).with_bin(&config.organization_bin).into());
        }
        let triple = writing.triple(&config.organization_bin, &config.trade_point_id, &with)?;
        let triple = triple.ok_or_else(|| no_token(&config))?;
        self.judge_supersedes(writing, context, &config)?;
        self.judge_invoice(writing, context)?;
        let payment = PaymentRow {
            phone: self.create.phone_number.as_ref().map(crate::id::PhoneNumber::masked),
            comment: self.create.comment.clone(),
            invoice: self.create.invoice.clone(),
            request_key: context.key.clone(),
            supersedes: self.create.supersedes,
            ..PaymentRow::frozen(&config, &with, self.create.kind, self.create.amount_tiyn, writing.now)
        };
        let reason = self.create.reason.clone();
        let change = Change::CreateIntended { payment: Box::new(payment.clone()), wrote, x_request_id, reason };
        Ok(Begun::New(Box::new((change, payment, triple))))
    }

    /// Only an unknown payment of the same shop and organisation may be replaced, and only by who may.
    fn judge_supersedes(&self, writing: &Writing<'_>, context: &Context, config: &ConfigRow) -> Result<(), Refused> {
        let Some(old) = self.create.supersedes else { return Ok(()) };
        if context.settings.config.payments.supersede == Supersede::Admin && !context.is_admin {
            let detail = "only an admin may supersede an unknown payment here ([payments] supersede)";
            return Err(Failure::new(Code::Denied, detail).into());
        }
        let already = |event: &Event| match &event.change {
            Change::CreateIntended { payment, .. } => payment.supersedes == Some(old),
            _ => false,
        };
        if writing.running()?.iter().any(|(_, event)| already(event)) {
            let detail = format!("another payment that supersedes {old} is being asked for");
            return Err(Failure::new(Code::InProgress, detail).with_payment(old).into());
        }
        match writing.payment(old)? {
            Some(row) if !context.sees(&row) => Err(Failure::not_found(format!("there is no payment {old}")).into()),
            Some(row) if row.shop_id == self.shop && row.config_id == config.id && row.state == State::Unknown => {
                Ok(())
            }
            Some(row) => Err(Failure::invalid(format!(
                "payment {old} is {} and of {}; only an unknown one of the same shop and organisation is superseded",
                row.state, row.organization_bin
            ))
            .with_payment(old)
            .into()),
            None => Err(Failure::not_found(format!("there is no payment {old}")).into()),
        }
    }

    /// One live payment per shop, invoice and amount.
    fn judge_invoice(&self, writing: &Writing<'_>, context: &Context) -> Result<(), Refused> {
        let Some(invoice) = self.create.invoice.as_ref().filter(|_| !self.create.repeat_invoice) else { return Ok(()) };
        if !context.settings.config.payments.one_per_invoice {
            return Ok(());
        }
        let live = writing.payments_of_invoice(self.shop, invoice)?.into_iter().find(|row| {
            row.amount == self.create.amount_tiyn && Some(row.id) != self.create.supersedes && is_live(row)
        });
        match live {
            None => Ok(()),
            Some(row) if !context.sees(&row) => {
                Err(Failure::new(Code::InvoiceOpen, format!("invoice {invoice} has a payment of another organisation"))
                    .into())
            }
            Some(row) => Err(invoice_open(invoice, &row).into()),
        }
    }
}

/// Names the payment that stands in the way. Of one that is paid or unknown nobody may say that nothing was billed.
fn invoice_open(invoice: &Invoice, row: &PaymentRow) -> Failure {
    let detail = format!("invoice {invoice} of {} has payment {}, which is {}", row.amount, row.id, row.state);
    let failure = Failure::new(Code::InvoiceOpen, detail).with_payment(row.id);
    match row.state {
        State::Paid => failure.with_money(Money::Moved),
        State::Unknown => failure.with_money(Money::Unknown).with_hint(format!(
            "Look at the customer's phone first. If it was billed: kaspictl payment resolve {0} --attach QRID --reason TEXT; \
             if surely not: kaspictl payment resolve {0} --abandon --reason TEXT, then bill again",
            row.id
        )),
        _ => failure,
    }
}

/// Whether a payment stands in the way of another for the same invoice. A code that nobody saw does not.
fn is_live(row: &PaymentRow) -> bool {
    match row.state {
        State::Creating | State::Waiting | State::Paid => true,
        State::Unknown => was_seen(row),
        State::Declined | State::Cancelled | State::Expired | State::Abandoned => false,
    }
}

/// Whether the customer may have seen a payment whose create was lost.
pub(super) fn was_seen(payment: &PaymentRow) -> bool {
    payment.kind == Kind::Remote || (payment.dialect == Dialect::Guide && payment.phone.is_some())
}
