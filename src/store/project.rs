//! The projections of the log: what an event makes of configs, payments, keys and indexes. Nothing else writes
//! those tables, so they can be rebuilt from the events and compared.

use redb::ReadableTable;

use super::after::{After, BegunCall, after};
use super::attempts::Attempts;
use super::book::booked;
use super::config::ConfigRow;
use super::event::{CallOutcome, Change, Closed, Ending, Event};
use super::payment::{self, PaymentRow, number};
use super::tables::WriteTables;
use super::tally::Transition;
use super::{StoreError, codec};
use crate::id::{PaymentId, RequestKey};

/// A payment before and behind an event.
struct PaymentStep {
    before: Option<PaymentRow>,
    after: After,
}

impl WriteTables<'_> {
    /// Applies event `seq` to every projection; what it made of a payment is for counting.
    pub(super) fn project(&mut self, seq: u64, event: &Event) -> Result<Vec<Transition>, StoreError> {
        let ends = match &event.change {
            Change::Ended { intent, .. } => Some(self.call(*intent)?),
            _ => None,
        };
        let step = match event.payment(ends.as_ref()) {
            Some(id) => Some(self.step(seq, id, event, ends.as_ref())?),
            None => None,
        };
        let again = match &event.change {
            Change::SentAgain { intent, .. } => Some(self.call(*intent)?),
            _ => None,
        };
        let payment = step.as_ref().map(|step| &step.after.row);
        self.zone(seq, event, (ends.as_ref().or(again.as_ref()), payment))?;
        match (&event.change, &step) {
            (Change::Config { row, .. }, _) => self.put_config(row)?,
            (Change::Restored(_), _) => drop(self.restored.write()?.insert(seq, ())?),
            (Change::RestoreAcknowledged { restored }, _) => drop(self.restored.write()?.remove(restored)?),
            (Change::Ended { intent, outcome }, Some(step)) => {
                self.end(seq, *intent, outcome, (&step.after.row, ends.as_ref()))?;
            }
            (Change::Resolved { closed: Closed::Refund { refund, happened: false }, .. }, Some(step)) => {
                let row = &step.after.row;
                if let Some(key) = row.refund(*refund).and_then(|refund| refund.key.as_ref()) {
                    self.give_back(row, key)?;
                }
            }
            (begun, Some(step)) => self.begin(seq, begun, &step.after.row)?,
            (_, None) => {}
        }
        Ok(step.map_or_else(Vec::new, |step| step.transitions()))
    }

    /// What an event makes of a payment, in every table that shows payments.
    fn step(
        &mut self,
        seq: u64,
        id: PaymentId,
        event: &Event,
        call: Option<&BegunCall>,
    ) -> Result<PaymentStep, StoreError> {
        let before = payment::by_id(self.payment.read()?, id)?;
        let after = after(before.clone(), event, call)?;
        self.payment_event.write()?.insert((number(id), seq), 0)?;
        let (gone, new) = booked((seq, event.at), before.as_ref(), &after.row);
        for entry in gone {
            self.booked.write()?.remove(entry.key(id))?;
        }
        for (entry, tiyn) in new {
            self.booked.write()?.insert(entry.key(id), tiyn)?;
        }
        let step = PaymentStep { before, after };
        match step.after.stands {
            true => self.put_payment(&step)?,
            false => self.drop_payment(&step)?,
        }
        Ok(step)
    }

    fn put_payment(
        &mut self,
        PaymentStep { before, after: After { row, .. } }: &PaymentStep,
    ) -> Result<(), StoreError> {
        if before.as_ref() == Some(row) {
            return Ok(());
        }
        let id = number(row.id);
        self.touched.push(row.id);
        self.payment.write()?.insert(id, codec::encode(row)?.as_slice())?;
        if let Some(qr) = &row.qr_payment_id {
            let holder = self.payment_qr.write()?.insert(qr.as_str(), id)?.map(|holder| holder.value());
            // Whoever writes a number looks before; behind them all, no number is two payments.
            if holder.is_some_and(|holder| holder != id) {
                return Err(StoreError::Codec(format!("payment {} would take another's number {qr}", row.id)));
            }
        }
        if let Some(freed) = before.as_ref().and_then(|row| row.qr_payment_id.as_ref())
            && row.qr_payment_id.as_ref() != Some(freed)
        {
            self.payment_qr.write()?.remove(freed.as_str())?;
        }
        if let (None, Some(invoice)) = (before, &row.invoice) {
            self.payment_invoice.write()?.insert((row.shop_id, invoice.as_str(), id), ())?;
        }
        let was = |is: fn(&PaymentRow) -> bool| before.as_ref().is_some_and(is);
        match (was(PaymentRow::is_attended), row.is_attended()) {
            (false, true) => drop(self.payment_attention.write()?.insert(id, ())?),
            (true, false) => drop(self.payment_attention.write()?.remove(id)?),
            // A page that does not change is not written.
            (true, true) | (false, false) => {}
        }
        self.list(before.as_ref(), Some(row))
    }

    /// A payment moves from where it is listed by organisation to where it belongs now. An open one goes through several
    /// states, and its list does not follow them.
    fn list(&mut self, before: Option<&PaymentRow>, after: Option<&PaymentRow>) -> Result<(), StoreError> {
        let (was, is) = (before.map(listed), after.map(listed));
        if was == is {
            return Ok(());
        }
        match was {
            Some((bin, None, id)) => drop(self.payment_open.write()?.remove((bin, id))?),
            Some((bin, Some(state), id)) => drop(self.payment_state.write()?.remove((bin, state, id))?),
            None => {}
        }
        match is {
            Some((bin, None, id)) => drop(self.payment_open.write()?.insert((bin, id), ())?),
            Some((bin, Some(state), id)) => drop(self.payment_state.write()?.insert((bin, state, id), ())?),
            None => {}
        }
        Ok(())
    }

    /// A create that surely moved nothing leaves its events and no payment.
    fn drop_payment(
        &mut self,
        PaymentStep { before, after: After { row, .. } }: &PaymentStep,
    ) -> Result<(), StoreError> {
        let id = number(row.id);
        self.touched.push(row.id);
        self.payment.write()?.remove(id)?;
        self.list(before.as_ref(), None)?;
        self.payment_attention.write()?.remove(id)?;
        if let Some(invoice) = &row.invoice {
            self.payment_invoice.write()?.remove((row.shop_id, invoice.as_str(), id))?;
        }
        Ok(())
    }

    /// A call on this payment begins, if the event says so.
    fn begin(&mut self, seq: u64, change: &Change, row: &PaymentRow) -> Result<(), StoreError> {
        let Some(call) = BegunCall::begun(change) else { return Ok(()) };
        self.running.write()?.insert(seq, ())?;
        match (&call.key, change.wrote()) {
            (Some(key), Some(_)) => {
                self.key.write()?.insert((row.shop_id, key.as_str()), (seq, number(row.id)))?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(
        &mut self,
        seq: u64,
        intent: u64,
        outcome: &CallOutcome,
        (row, call): (&PaymentRow, Option<&BegunCall>),
    ) -> Result<(), StoreError> {
        self.running.write()?.remove(intent)?;
        self.payment_event.write()?.insert((number(row.id), intent), seq)?;
        match (&outcome.ending, call.and_then(|call| call.key.as_ref())) {
            (Ending::Nothing, Some(key)) => self.give_back(row, key),
            _ => Ok(()),
        }
    }

    fn put_config(&mut self, row: &ConfigRow) -> Result<(), StoreError> {
        self.config_bin.write()?.insert(row.organization_bin.as_str(), row.id)?;
        self.config.write()?.insert(row.id, codec::encode(row)?.as_slice())?;
        Ok(())
    }

    /// A key is free again once nothing under it moved money or may have: whatever became of its last attempt, an
    /// earlier one keeps it.
    fn give_back(&mut self, row: &PaymentRow, key: &RequestKey) -> Result<(), StoreError> {
        let stands =
            self.key.read()?.get((row.shop_id, key.as_str()))?.is_some_and(|stands| stands.value().1 == number(row.id));
        if stands && row.account().attempts(Some(key)) == Attempts::Nothing {
            self.key.write()?.remove((row.shop_id, key.as_str()))?;
        }
        Ok(())
    }

    /// The call that event `intent` began.
    fn call(&self, intent: u64) -> Result<BegunCall, StoreError> {
        let begun = self.event_at(intent)?;
        BegunCall::begun(&begun.change)
            .ok_or_else(|| StoreError::Codec(format!("event {intent} began no call: {:?}", begun.change)))
    }

    pub(super) fn event_at(&self, seq: u64) -> Result<Event, StoreError> {
        match self.event.read()?.get(seq)? {
            Some(stored) => super::event::read(stored.value()),
            None => Err(super::event::missing(seq)),
        }
    }
}

/// Where a payment is listed by its organisation: among the open ones, or under the state in which it is final.
fn listed(row: &PaymentRow) -> (&str, Option<u8>, u128) {
    let state = (!row.is_open()).then_some(row.state as u8);
    (row.organization_bin.as_str(), state, number(row.id))
}

impl PaymentStep {
    fn transitions(&self) -> Vec<Transition> {
        match self.after.stands {
            true => Transition::between(self.before.as_ref(), &self.after.row),
            false => vec![Transition::refused(self.before.as_ref(), &self.after.row)],
        }
    }
}
