//! What callers see of a payment.

use super::account::RefundRow;
use super::payment::PaymentRow;
use crate::operation::{Payment, Refund};

impl PaymentRow {
    /// What callers see.
    pub(crate) fn view(&self) -> Payment {
        Payment {
            id: self.id,
            qr_payment_id: self.qr_payment_id.clone(),
            kind: self.kind,
            state: self.state,
            kaspi_status: self.kaspi_status.clone(),
            shop_id: self.shop_id,
            organization_bin: self.organization_bin.clone(),
            description: self.description.clone(),
            trade_point_id: self.trade_point_id.clone(),
            trade_point_name: self.trade_point_name.clone(),
            amount_tiyn: self.amount,
            refunded_tiyn: self.account().refunded(),
            refunded_elsewhere_tiyn: self.refunded_elsewhere,
            refunds: self.refunds.iter().map(RefundRow::view).collect(),
            phone: self.phone.clone(),
            comment: self.comment.clone(),
            invoice: self.invoice.clone(),
            link: self.link.clone(),
            qr_token: self.qr_token.clone(),
            expires_at: self.expires_at,
            request_key: self.request_key.clone(),
            supersedes: self.supersedes,
            late: self.late,
            created_at: self.created_at,
            updated_at: self.updated_at,
            paid_at: self.paid_at,
            paid_at_source: self.paid_at_source,
        }
    }
}

impl RefundRow {
    fn view(&self) -> Refund {
        Refund {
            id: self.id,
            amount_tiyn: self.amount,
            status: self.status(),
            evidence: self.evidence(),
            at: self.at,
            return_operation_id: self.return_operation_id.clone(),
        }
    }
}
