//! Reads that go along many rows: lists, the log, reports, proofs.
//!
//! The wall is a type: what goes along rows takes a [`Walk`] and not a [`Reading`], and outside of the store only
//! `Store::walk` and `Store::aside` hand one out, on threads of their own, and `Store::glimpse` for at most [`FEW`] rows. What is
//! read by its key or number (a payment, a config, the end of the log) takes a [`Reading`] and may be read anywhere: it costs
//! less than the way to another thread.

use std::ops::Deref;

use redb::{ReadableTable, ReadableTableMetadata};

use super::StoreError;
use super::lists::oldest_open;
use super::payment::{self, PaymentRow};
use super::reading::{Reading, id_of};
use crate::id::PaymentId;

/// Rows looked at in one piece of a walk: some hundred microseconds, since whoever asks for little waits behind the pieces of
/// those who ask for much.
pub(crate) const PIECE: u64 = 128;

/// Rows that are looked at in less time than the way to another thread takes on a busy machine.
pub(crate) const FEW: u64 = 24;

/// What a search has found, and the cursor behind it.
pub(crate) type FoundRows<T, C> = (Vec<T>, Option<C>);

/// A page that a search fills.
pub(super) struct FoundPage<T> {
    rows: Vec<T>,
    limit: usize,
}

impl<T> FoundPage<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { rows: Vec::new(), limit }
    }

    /// Takes a row in. The page is whole once there is a row that it has no room for: there is one behind it then.
    pub(super) fn take<C>(&mut self, row: T, cursor: impl FnOnce(&T) -> C) -> Option<FoundRows<T, C>> {
        if self.rows.len() < self.limit {
            self.rows.push(row);
            return None;
        }
        let behind = self.rows.last().map(cursor);
        Some((std::mem::take(&mut self.rows), behind))
    }

    /// The last page.
    pub(super) fn end<C>(&mut self) -> FoundRows<T, C> {
        (std::mem::take(&mut self.rows), None)
    }
}

/// A view of the last durable commit that may be gone along.
pub(crate) struct Walk<'r>(&'r Reading);

impl<'r> Walk<'r> {
    /// For the store itself: before a daemon runs on it, and where it is on a thread of its own.
    pub(super) fn along(reading: &'r Reading) -> Self {
        Self(reading)
    }
}

impl Deref for Walk<'_> {
    type Target = Reading;

    fn deref(&self) -> &Reading {
        self.0
    }
}

impl Walk<'_> {
    /// Tells of every payment that is open or attended, each once, as far as they can be read. `step` is asked before
    /// each of many rows whether to go on.
    pub(super) fn standing(
        &self,
        step: &dyn Fn() -> Result<(), StoreError>,
        mut tell: impl FnMut(&PaymentRow),
    ) -> Result<(), StoreError> {
        let payments = self.tables.payment()?;
        for entry in self.tables.payment_open()?.iter()? {
            step()?;
            readable(payment::by_id(&payments, id_of(entry?.0.value().1)))?.iter().for_each(&mut tell);
        }
        for entry in self.tables.payment_attention()?.iter()? {
            step()?;
            let row = readable(payment::by_id(&payments, id_of(entry?.0.value())))?;
            row.iter().filter(|row| !row.is_open()).for_each(&mut tell);
        }
        Ok(())
    }

    /// How many payments are open, and all that are attended, if they are at most so many.
    pub(super) fn glance(&self, at_most: usize) -> Result<Option<(u64, Vec<PaymentRow>)>, StoreError> {
        let (attended, payments) = (self.tables.payment_attention()?, self.tables.payment()?);
        if usize::try_from(attended.len()?).is_ok_and(|count| count > at_most) {
            return Ok(None);
        }
        let mut rows = Vec::new();
        for entry in attended.iter()? {
            rows.extend(readable(payment::by_id(&payments, id_of(entry?.0.value())))?);
        }
        Ok(Some((self.tables.payment_open()?.len()?, rows)))
    }

    /// The first open payments by their ids, as far as they can be read.
    pub(crate) fn first_open(&self, at_most: usize) -> Result<Vec<PaymentRow>, StoreError> {
        let (payments, mut rows) = (self.tables.payment()?, Vec::new());
        for id in oldest_open(self)?.take(at_most) {
            rows.extend(readable(payment::by_id(&payments, id_of(id?)))?);
        }
        Ok(rows)
    }

    /// These payments, as far as they are there and can be read.
    pub(crate) fn these(&self, ids: &[PaymentId]) -> Result<Vec<PaymentRow>, StoreError> {
        let (payments, mut rows) = (self.tables.payment()?, Vec::new());
        for id in ids {
            rows.extend(readable(payment::by_id(&payments, *id))?);
        }
        Ok(rows)
    }
}

/// A row that does not read back is somebody else's to tell.
fn readable(row: Result<Option<PaymentRow>, StoreError>) -> Result<Option<PaymentRow>, StoreError> {
    match row {
        Err(StoreError::Codec(_) | StoreError::Newer(_)) => Ok(None),
        row => row,
    }
}
