//! One write transaction, in domain words. Several requests share one and with it one flush.

use std::sync::Arc;

use redb::{ReadableTable, WriteTransaction};

use super::config::{self, ConfigRow};
use super::event::{self, CallOutcome, Change, Ending, Event, GENESIS, Sha};
use super::key_row::KeyRow;
use super::payment::{self, PaymentRow, number};
use super::secrets::{Secrets, locked};
use super::tables::WriteTables;
use super::tally::Transition;
use super::{Counterparty, StoreError, Triple};
use crate::domain::{Actor, LogStatus, State};
use crate::id::{
    ConfigId, Invoice, OrganizationBin, PaymentId, PaymentRef, QrPaymentId, RequestKey, ShopId, TradePointId,
};
use crate::moment::Moment;

/// A write transaction. A job checks before it writes: what it has written stays even if it then refuses.
pub(crate) struct Writing<'t> {
    pub(super) tables: WriteTables<'t>,
    seq: u64,
    head: Sha,
    pub(super) dirty: bool,
    secrets: Option<Arc<Secrets>>,
    given_up: bool,
    /// What its events made of payments, to be counted once it is durable.
    transitions: Vec<Transition>,
    /// The clock of everything in this transaction.
    pub(crate) now: Moment,
}

impl<'t> Writing<'t> {
    pub(super) fn begin(tx: &'t WriteTransaction, secrets: Option<Arc<Secrets>>) -> Result<Self, StoreError> {
        let tables = WriteTables::of(tx);
        let (seq, head) = match tables.event.read()?.last()? {
            None => (0, GENESIS),
            Some((seq, stored)) => (seq.value(), event::split(stored.value())?.0),
        };
        Ok(Self {
            tables,
            seq,
            head,
            dirty: false,
            secrets,
            given_up: false,
            transitions: Vec::new(),
            now: Moment::now(),
        })
    }

    /// Writes an event and what it changes; returns its sequence number.
    pub(crate) fn append(&mut self, actor: Option<Actor>, change: Change) -> Result<u64, StoreError> {
        let seq = self.seq + 1;
        let event = Event { at: self.now, actor, change };
        let (stored, sha) = event::seal(&self.head, seq, &event)?;
        self.dirty = true;
        self.tables.event.write()?.insert(seq, stored.as_slice())?;
        self.transitions.extend(self.tables.project(seq, &event)?);
        (self.seq, self.head) = (seq, sha);
        Ok(seq)
    }

    /// Ends the calls that a failed commit was to begin: their callers were told that nothing is sent, and if the
    /// disk kept their intents all the same, it must say so too. `durable` is the last event before that commit; whom
    /// those behind it are about has not been told yet.
    pub(super) fn end_refused(&mut self, durable: u64) -> Result<(), StoreError> {
        for entry in self.tables.event.read()?.range(durable + 1..)? {
            let payment = match event::read(entry?.1.value())?.change {
                Change::Ended { intent, .. } => self.tables.event_at(intent)?.change.payment(),
                change => change.payment(),
            };
            self.tables.touched.extend(payment);
        }
        for (intent, _) in self.running()?.into_iter().filter(|(intent, _)| *intent > durable) {
            let outcome = CallOutcome {
                status: LogStatus::Failed,
                error: Some("the intent could not be stored in time: nothing was sent".to_owned()),
                provider_code: None,
                duration_ms: 0,
                ending: Ending::Nothing,
            };
            self.append(None, Change::Ended { intent, outcome })?;
        }
        Ok(())
    }

    /// The event that began a call which has not ended.
    pub(crate) fn begun(&self, intent: u64) -> Result<Option<Event>, StoreError> {
        match self.tables.running.read()?.get(intent)? {
            Some(_) => self.tables.event_at(intent).map(Some),
            None => Ok(None),
        }
    }

    /// What opens and marks tokens; not there where a file is only made, restored or resealed.
    pub(super) fn secrets(&self) -> Result<Arc<Secrets>, StoreError> {
        self.secrets.clone().ok_or_else(locked)
    }

    /// Whether anything was written that is to be kept.
    pub(super) fn is_wanted(&self) -> bool {
        self.dirty && !self.given_up
    }

    /// Nothing of this transaction is kept. Only for a job that has it alone.
    pub(super) fn give_up(&mut self) {
        self.given_up = true;
        self.tables.touched.clear();
    }

    /// What its events made of payments.
    pub(super) fn take_transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.transitions)
    }

    /// The payments that it changes, each once.
    pub(super) fn take_touched(&mut self) -> Vec<PaymentId> {
        let mut touched = std::mem::take(&mut self.tables.touched);
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// The last event and its hash.
    pub(super) fn head(&self) -> (u64, Sha) {
        (self.seq, self.head)
    }

    /// The restores that nobody has acknowledged, with what they left out.
    pub(crate) fn restored(&self) -> Result<Vec<(u64, Event)>, StoreError> {
        let seqs = self.tables.restored.read()?.iter()?.map(|entry| entry.map(|(seq, _)| seq.value()));
        seqs.map(|seq| seq.map_err(StoreError::from).and_then(|seq| Ok((seq, self.tables.event_at(seq)?)))).collect()
    }

    pub(super) fn put_meta(&mut self, name: &'static str, value: &[u8]) -> Result<(), StoreError> {
        self.dirty = true;
        self.tables.meta.write()?.insert(name, value)?;
        Ok(())
    }

    /// The row number of the next config.
    pub(crate) fn next_config_id(&self) -> Result<ConfigId, StoreError> {
        Ok(self.tables.config.read()?.last()?.map_or(1, |(id, _)| id.value() + 1))
    }

    pub(crate) fn config(&self, bin: &OrganizationBin) -> Result<Option<ConfigRow>, StoreError> {
        config::by_bin(self.tables.config_bin.read()?, self.tables.config.read()?, bin)
    }

    /// The shop's default, if an admin has set one.
    pub(crate) fn default_config(&self, shop: ShopId) -> Result<Option<ConfigRow>, StoreError> {
        config::default_of(self.tables.config.read()?, shop)
    }

    /// The triple of a (BIN, trade point), if a device is registered there.
    pub(crate) fn triple(
        &self,
        bin: &OrganizationBin,
        trade_point: &TradePointId,
        of: &Counterparty,
    ) -> Result<Option<Triple>, StoreError> {
        super::triple::of(self.tables.device.read()?, &*self.secrets()?, (bin, trade_point), of)
    }

    pub(crate) fn payment(&self, id: PaymentId) -> Result<Option<PaymentRow>, StoreError> {
        payment::by_id(self.tables.payment.read()?, id)
    }

    pub(crate) fn payment_by_qr(&self, id: &QrPaymentId) -> Result<Option<PaymentRow>, StoreError> {
        payment::by_ref(
            self.tables.payment.read()?,
            self.tables.payment_qr.read()?,
            &PaymentRef::QrPaymentId(id.clone()),
        )
    }

    /// What a key of a shop stands for, and whether its call is in flight.
    pub(crate) fn key(&self, shop: ShopId, key: &RequestKey) -> Result<Option<(KeyRow, bool)>, StoreError> {
        let stands = self.tables.key.read()?.get((shop, key.as_str()))?.map(|stands| stands.value());
        let Some((intent, _)) = stands else { return Ok(None) };
        let running = self.tables.running.read()?.get(intent)?.is_some();
        Ok(Some((KeyRow::of(intent, &self.tables.event_at(intent)?)?, running)))
    }

    /// The payments of a shop's invoice.
    pub(crate) fn payments_of_invoice(&self, shop: ShopId, invoice: &Invoice) -> Result<Vec<PaymentRow>, StoreError> {
        let range = (shop, invoice.as_str(), 0)..=(shop, invoice.as_str(), u128::MAX);
        let mut rows = Vec::new();
        for entry in self.tables.payment_invoice.read()?.range(range)? {
            let (_, _, id) = entry?.0.value();
            rows.extend(payment::by_id(self.tables.payment.read()?, PaymentId::from_bytes(id.to_be_bytes()))?);
        }
        Ok(rows)
    }

    /// A payment of the same organisation and amount whose create was lost, or has not ended, so that it may be this one.
    pub(crate) fn unknown_like(&self, row: &PaymentRow) -> Result<Option<PaymentId>, StoreError> {
        let bin = row.organization_bin.as_str();
        for entry in self.tables.payment_open.read()?.range((bin, 0)..=(bin, u128::MAX))? {
            let (_, id) = entry?.0.value();
            let other = payment::by_id(self.tables.payment.read()?, PaymentId::from_bytes(id.to_be_bytes()))?;
            let is_like = |other: &PaymentRow| {
                let has_no_number = matches!(other.state, State::Unknown | State::Creating);
                has_no_number && (other.config_id, other.amount) == (row.config_id, row.amount)
            };
            if let Some(other) = other.filter(is_like) {
                return Ok(Some(other.id));
            }
        }
        Ok(None)
    }

    /// Whether a call on this payment has begun and not ended.
    pub(crate) fn is_running(&self, id: PaymentId) -> Result<bool, StoreError> {
        for entry in self.tables.running.read()?.iter()? {
            let seq = entry?.0.value();
            if self.tables.payment_event.read()?.get((number(id), seq))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The calls that have begun and not ended, with their events.
    pub(crate) fn running(&self) -> Result<Vec<(u64, Event)>, StoreError> {
        let seqs = self.tables.running.read()?.iter()?.map(|entry| entry.map(|(seq, _)| seq.value()));
        seqs.map(|seq| seq.map_err(StoreError::from).and_then(|seq| Ok((seq, self.tables.event_at(seq)?)))).collect()
    }
}
