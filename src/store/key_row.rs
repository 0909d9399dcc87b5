//! What an Idempotency-Key stands for: one intention of a shop.

use super::StoreError;
use super::after::BegunCall;
use super::event::{Change, Event};
use super::key::Wrote;
use crate::domain::{Kind, OperationType};
use crate::id::PaymentId;

/// A key and what it stands for, as the event says that began its call. A key that surely moved nothing has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRow {
    pub(crate) operation: OperationType,
    pub(crate) payment: PaymentId,
    /// The event that began the call; in `running` while it is in flight.
    pub(crate) intent: u64,
    pub(crate) wrote: Wrote,
}

impl KeyRow {
    /// Of the key with which event `intent` began a call.
    pub(super) fn of(intent: u64, event: &Event) -> Result<Self, StoreError> {
        let kind = match &event.change {
            Change::CreateIntended { payment, .. } => payment.kind,
            // What else is done with a payment has one name for all kinds.
            _ => Kind::Remote,
        };
        match (BegunCall::begun(&event.change), event.change.wrote()) {
            (Some(call), Some(wrote)) => {
                Ok(Self { operation: call.what.operation(kind), payment: call.payment, intent, wrote: wrote.clone() })
            }
            _ => Err(StoreError::Codec(format!("a key names event {intent}, which began no call with a key"))),
        }
    }
}
