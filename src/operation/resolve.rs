//! What only a person can close.

use serde::{Deserialize, Serialize};

use super::shape::{Nothing, Shape};
use crate::failure::Failure;
use crate::id::{PaymentId, PaymentRef, QrPaymentId, Reason};

/// Closes what only a person can close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvePayment {
    /// Which payment.
    pub payment: PaymentRef,
    /// How, and why.
    pub resolution: Resolve,
}

/// How a person closes what the daemon cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resolve {
    /// The unknown payment is this one at Kaspi; checked as far as Kaspi can tell.
    Attach {
        /// Kaspi's number of it.
        qr_payment_id: QrPaymentId,
        /// Why.
        reason: Reason,
    },
    /// The unknown payment is given up.
    Abandon {
        /// Why.
        reason: Reason,
    },
    /// A refund in doubt did or did not happen.
    Refund {
        /// The refund's id.
        refund: PaymentId,
        /// Whether money moved.
        happened: bool,
        /// Why.
        reason: Reason,
    },
    /// A payment that is open past its time, of which Kaspi no longer tells, or of which it does not say whose it is, was
    /// paid or not. Of one that is paid, `true` says that somebody has seen to what is shown of it: that it was late, that
    /// Kaspi calls it not paid since, or its total or balance otherwise than we have it.
    Paid {
        /// Whether it was paid.
        paid: bool,
        /// Why.
        reason: Reason,
    },
}

/// How a person closes what the daemon cannot: exactly one of `attach`, `abandon`, `refund` with `happened`, and `paid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResolveBody {
    /// The unknown payment is this one at Kaspi.
    attach: Option<QrPaymentId>,
    /// `true`: the unknown payment is given up.
    abandon: Option<bool>,
    /// The refund in doubt; needs `happened`.
    refund: Option<PaymentId>,
    /// Whether the refund moved money.
    happened: Option<bool>,
    /// Whether a payment was paid that Kaspi no longer tells of, or not for whom. Of one that is paid, `true` says that
    /// somebody has seen that it was late, or is of another total at Kaspi.
    paid: Option<bool>,
    /// Why, for the audit log.
    reason: Reason,
}

impl ResolveBody {
    /// # Errors
    /// `invalid_request` unless it is exactly one of the four.
    fn resolution(self) -> Result<Resolve, Failure> {
        let Self { attach, abandon, refund, happened, paid, reason } = self;
        match (attach, abandon, refund, happened, paid) {
            (Some(qr_payment_id), None, None, None, None) => Ok(Resolve::Attach { qr_payment_id, reason }),
            (None, Some(true), None, None, None) => Ok(Resolve::Abandon { reason }),
            (None, None, Some(refund), Some(happened), None) => Ok(Resolve::Refund { refund, happened, reason }),
            (None, None, None, None, Some(paid)) => Ok(Resolve::Paid { paid, reason }),
            _ => Err(Failure::invalid(
                "the body: one of {attach}, {abandon: true}, {refund, happened} or {paid} is expected, with a reason",
            )),
        }
    }

    /// The form that says `resolution`.
    fn of(resolution: Resolve) -> Self {
        let none = |reason| Self { attach: None, abandon: None, refund: None, happened: None, paid: None, reason };
        match resolution {
            Resolve::Attach { qr_payment_id, reason } => Self { attach: Some(qr_payment_id), ..none(reason) },
            Resolve::Abandon { reason } => Self { abandon: Some(true), ..none(reason) },
            Resolve::Refund { refund, happened, reason } => {
                Self { refund: Some(refund), happened: Some(happened), ..none(reason) }
            }
            Resolve::Paid { paid, reason } => Self { paid: Some(paid), ..none(reason) },
        }
    }
}

impl Shape for ResolvePayment {
    type Path = PaymentRef;
    type Query = Nothing;
    type Body = ResolveBody;

    fn join(payment: PaymentRef, _: Nothing, body: ResolveBody) -> Result<Self, Failure> {
        Ok(Self { payment, resolution: body.resolution()? })
    }

    fn split(self) -> (PaymentRef, Nothing, ResolveBody) {
        (self.payment, Nothing {}, ResolveBody::of(self.resolution))
    }
}
