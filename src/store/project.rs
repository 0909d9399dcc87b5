//! The projections of the log: what an event makes of configs, payments, keys and indexes. Nothing else writes
//! those tables, so they can be rebuilt from the events and compared.

use redb::ReadableTable;

use super::attempts::Attempts;
use super::config::ConfigRow;
use super::event::{Change, Closed, Ending, Event, Outcome};
use super::key::{KeyRow, Wrote};
use super::payment::{self, PaymentRow, number};
use super::tables::WriteTables;
use super::tally::Turn;
use super::{StoreError, codec};
use crate::id::{PaymentId, RequestKey, ShopId};
use crate::operation::{Kind, OperationType};

impl WriteTables<'_> {
    /// Applies event `seq` to every projection; what it made of a payment is for counting.
    pub(super) fn project(&mut self, seq: u64, event: &Event) -> Result<Option<Turn>, StoreError> {
        match &event.change {
            Change::Noted(_) => Ok(None),
            Change::Config { row, .. } => self.put_config(row).map(|()| None),
            Change::CreateIntended { payment, wrote, .. } => {
                self.running.insert(seq, ())?;
                let turn = self.put_payment(seq, payment)?;
                if let Some(invoice) = &payment.invoice {
                    self.payment_invoice.insert((payment.shop_id, invoice.as_str(), number(payment.id)), ())?;
                }
                let (key, operation) = (payment.request_key.as_ref(), create_operation(payment.kind));
                self.put_key(payment, key, operation, seq, wrote.as_ref())?;
                Ok(turn)
            }
            Change::CancelIntended { payment, key, wrote, .. } => {
                self.running.insert(seq, ())?;
                let row = self.payment_row(*payment)?;
                let turn = self.put_payment(seq, &row)?;
                self.put_key(&row, key.as_ref(), OperationType::Cancel, seq, wrote.as_ref())?;
                Ok(turn)
            }
            Change::RefundIntended { payment, refund, key, wrote, .. } => {
                self.running.insert(seq, ())?;
                let mut row = self.payment_row(*payment)?;
                row.refunds.push(refund.clone());
                row.updated_at = event.at;
                let turn = self.put_payment(seq, &row)?;
                self.put_key(&row, key.as_ref(), OperationType::Refund, seq, wrote.as_ref())?;
                Ok(turn)
            }
            Change::Ended { intent, outcome } => self.end(seq, *intent, outcome, event),
            Change::Seen { payment, seen } => {
                let mut row = self.payment_row(*payment)?;
                row.seen(seen, event.at);
                self.put_payment(seq, &row)
            }
            Change::Adopted { payment, .. } => self.put_payment(seq, payment),
            Change::Imported { payment, becomes, .. } => match (becomes, payment) {
                (Some(row), _) => self.put_payment(seq, row),
                (None, Some(payment)) => Ok(self.payment_event.insert((number(*payment), seq), ()).map(|_| None)?),
                (None, None) => Ok(None),
            },
            Change::Resolved { payment, closed, .. } => {
                let mut row = self.payment_row(*payment)?;
                row.resolved(closed, event.at);
                if let Closed::Refund { refund, happened: false } = closed {
                    self.free_key(&row, *refund)?;
                }
                self.put_payment(seq, &row)
            }
            Change::SentAgain { payment, .. } => {
                Ok(self.payment_event.insert((number(*payment), seq), ()).map(|_| None)?)
            }
            Change::Restored(_) => Ok(self.restored.insert(seq, ()).map(|_| None)?),
            Change::RestoreAcknowledged { restored } => Ok(self.restored.remove(restored).map(|_| None)?),
        }
    }

    fn end(&mut self, seq: u64, intent: u64, outcome: &Outcome, event: &Event) -> Result<Option<Turn>, StoreError> {
        self.running.remove(intent)?;
        self.ended.insert(intent, seq)?;
        let begun = self.event_at(intent)?;
        let (payment, refund, key) = match &begun.change {
            Change::CreateIntended { payment, .. } => (payment.id, None, payment.request_key.clone()),
            Change::CancelIntended { payment, key, .. } => (*payment, None, key.clone()),
            Change::RefundIntended { payment, refund, key, .. } => (*payment, Some(refund.id), key.clone()),
            other => return Err(StoreError::Codec(format!("event {intent} began no call: {other:?}"))),
        };
        let mut row = self.payment_row(payment)?;
        row.ended(&outcome.ending, refund, event.at);
        let nothing = outcome.ending == Ending::Nothing;
        if let (true, Some(key)) = (nothing, key) {
            self.give_back(&row, &key)?;
        }
        if nothing && matches!(begun.change, Change::CreateIntended { .. }) {
            self.drop_payment(&row)?;
            return Ok(Some(Turn::refused(&row)));
        }
        self.put_payment(seq, &row)
    }

    fn put_config(&mut self, row: &ConfigRow) -> Result<(), StoreError> {
        self.config_bin.insert(row.organization_bin.as_str(), row.id)?;
        self.config.insert(row.id, codec::encode(row)?.as_slice())?;
        Ok(())
    }

    fn put_payment(&mut self, seq: u64, row: &PaymentRow) -> Result<Option<Turn>, StoreError> {
        let id = number(row.id);
        let before = self.payment.insert(id, codec::encode(row)?.as_slice())?;
        let before = before.map(|stored| codec::decode(stored.value())).transpose()?;
        self.payment_event.insert((id, seq), ())?;
        if let Some(qr) = &row.qr_payment_id {
            self.payment_qr.insert(qr.as_str(), id)?;
        }
        for (table, listed) in
            [(&mut self.payment_open, row.is_open()), (&mut self.payment_attention, row.needs_a_person())]
        {
            if listed {
                table.insert(id, ())?
            } else {
                table.remove(id)?
            };
        }
        Ok(Turn::between(before.as_ref(), row))
    }

    /// A create that surely moved nothing leaves its events and no payment.
    fn drop_payment(&mut self, row: &PaymentRow) -> Result<(), StoreError> {
        let id = number(row.id);
        self.payment.remove(id)?;
        self.payment_open.remove(id)?;
        self.payment_attention.remove(id)?;
        if let Some(invoice) = &row.invoice {
            self.payment_invoice.remove((row.shop_id, invoice.as_str(), id))?;
        }
        Ok(())
    }

    fn put_key(
        &mut self,
        row: &PaymentRow,
        key: Option<&RequestKey>,
        operation: OperationType,
        intent: u64,
        wrote: Option<&Wrote>,
    ) -> Result<(), StoreError> {
        let (Some(key), Some(wrote)) = (key, wrote) else { return Ok(()) };
        let value = KeyRow { operation, payment: row.id, intent, wrote: wrote.clone() };
        self.key.insert((row.shop_id, key.as_str()), codec::encode(&value)?.as_slice())?;
        Ok(())
    }

    /// A key whose attempt surely moved nothing is free again, unless another attempt under it may have.
    fn give_back(&mut self, row: &PaymentRow, key: &RequestKey) -> Result<(), StoreError> {
        if row.account().attempts(Some(key)) == Attempts::Nothing {
            self.key.remove((row.shop_id, key.as_str()))?;
        }
        Ok(())
    }

    /// A person says that a refund did not happen: its key is free again, if it still stands for this refund.
    fn free_key(&mut self, row: &PaymentRow, refund: PaymentId) -> Result<(), StoreError> {
        let Some(key) = row.refund(refund).and_then(|refund| refund.key.clone()) else { return Ok(()) };
        match self.key_row(row.shop_id, &key)? {
            Some(stands) if stands.payment == row.id && stands.operation == OperationType::Refund => {
                self.give_back(row, &key)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn key_row(&self, shop: ShopId, key: &RequestKey) -> Result<Option<KeyRow>, StoreError> {
        self.key.get((shop, key.as_str()))?.map(|row| codec::decode(row.value())).transpose()
    }

    pub(super) fn payment_row(&self, id: PaymentId) -> Result<PaymentRow, StoreError> {
        payment::by_id(&self.payment, id)?
            .ok_or_else(|| StoreError::Codec(format!("the log names payment {id}, which is not stored")))
    }

    pub(super) fn event_at(&self, seq: u64) -> Result<Event, StoreError> {
        match self.event.get(seq)? {
            Some(stored) => super::event::read(stored.value()),
            None => Err(StoreError::Codec(format!("event {seq} is missing from the log"))),
        }
    }
}

/// What the log calls the create of a kind (the guide's words).
pub(super) fn create_operation(kind: Kind) -> OperationType {
    match kind {
        Kind::Remote => OperationType::Create,
        Kind::Link => OperationType::Link,
        Kind::Qr => OperationType::Qr,
    }
}
