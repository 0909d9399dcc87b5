//! The audit log as callers see it: rows are a view of the events, one per operation, and the check of the chain.

use std::collections::HashSet;

use redb::ReadableTable;

use super::event::{self, Change, Event, GENESIS, Sha, hex};
use super::payment::number;
use super::reading::Reading;
use super::{Refused, StoreError};
use crate::failure::Failure;
use crate::id::{OrganizationBin, ShopId};
use crate::operation::{Difference, KeptHead, LogQuery, LogRow, Order, Verified};

/// Events read at a time by a check of the chain, so that no read transaction lives long.
pub(crate) const PAGE: u64 = 4096;

/// Events behind one piece of an export, and behind one page for those who follow.
pub(super) const EXPORTED: u64 = 512;

impl Reading {
    /// The rows that fit the query and `visible`, at most `limit`, and the cursor behind them.
    pub(crate) fn log(
        &self,
        query: &LogQuery,
        limit: usize,
        visible: impl Fn(Option<ShopId>, Option<&OrganizationBin>) -> bool,
    ) -> Result<(Vec<LogRow>, Option<u64>), StoreError> {
        let mut rows: Vec<LogRow> = Vec::new();
        for seq in self.sequence(query)? {
            let Some(row) = self.row(seq?)? else { continue };
            if !fits(&row, query) || !visible(row.shop_id, row.organization_bin.as_ref()) {
                continue;
            }
            if rows.len() == limit {
                let next = rows.last().map(|row| row.id);
                return Ok((rows, next));
            }
            rows.push(row);
        }
        Ok((rows, None))
    }

    /// The events that may begin a row, in the order asked for.
    fn sequence(&self, query: &LogQuery) -> Result<Box<dyn Iterator<Item = Result<u64, StoreError>>>, StoreError> {
        let newest_first = query.order == Some(Order::Desc);
        let (first, last) = match (query.after, newest_first) {
            (None, _) => (0, u64::MAX),
            (Some(after), false) => (after.saturating_add(1), u64::MAX),
            (Some(after), true) => (0, after.saturating_sub(1)),
        };
        if let Some(payment) = query.payment {
            let id = number(payment);
            let range = self.tables.payment_event()?.range_owned((id, first)..=(id, last))?;
            let seqs = range.map(|entry| Ok(entry?.0.value().1));
            return Ok(if newest_first { Box::new(seqs.rev()) } else { Box::new(seqs) });
        }
        let seqs = self.tables.event()?.range_owned(first..=last)?.map(|entry| Ok(entry?.0.value()));
        Ok(if newest_first { Box::new(seqs.rev()) } else { Box::new(seqs) })
    }

    pub(super) fn event(&self, seq: u64) -> Result<Option<Event>, StoreError> {
        let table = self.tables.event()?;
        ReadableTable::get(&table, seq)?.map(|stored| event::read(stored.value())).transpose()
    }

    /// Refuses a cursor beyond the end of the log: whoever has it has seen events that this log does not have.
    pub(crate) fn cursor(&self, after: Option<u64>) -> Result<(), Refused> {
        let head = self.last_event().map_err(Refused::from)?;
        match after {
            Some(after) if after > head => Err(Failure::invalid(format!(
                "after={after} is beyond the end of the log, which is event {head}"
            ))
            .with_hint("Begin behind an event that is there. If a backup was put back, what was read before is not in this log: kaspictl log list --operation restored")
            .into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn last_event(&self) -> Result<u64, StoreError> {
        Ok(ReadableTable::last(&self.tables.event()?)?.map_or(0, |(seq, _)| seq.value()))
    }

    /// The hash of an event.
    #[cfg(test)]
    pub(super) fn sha(&self, seq: u64) -> Result<Option<Sha>, StoreError> {
        let table = self.tables.event()?;
        let stored = ReadableTable::get(&table, seq)?;
        stored.map(|stored| Ok(event::split(stored.value())?.0)).transpose()
    }

    /// The rows behind event `after` that fit the query and `visible`, from at most [`EXPORTED`] events, and the
    /// last event that was looked at; `None` behind event `last`.
    pub(crate) fn log_page(
        &self,
        query: &LogQuery,
        (after, last): (u64, u64),
        visible: impl Fn(Option<ShopId>, Option<&OrganizationBin>) -> bool,
    ) -> Result<(Vec<LogRow>, Option<u64>), StoreError> {
        let end = last.min(after.saturating_add(EXPORTED));
        let mut rows = Vec::new();
        for seq in after + 1..=end {
            let row =
                self.row(seq)?.filter(|row| fits(row, query) && visible(row.shop_id, row.organization_bin.as_ref()));
            rows.extend(row);
        }
        Ok((rows, (end < last).then_some(end)))
    }

    /// The last event and its hash.
    pub(crate) fn log_head(&self) -> Result<(u64, Sha), StoreError> {
        match ReadableTable::last(&self.tables.event()?)? {
            None => Ok((0, GENESIS)),
            Some((seq, stored)) => Ok((seq.value(), event::split(stored.value())?.0)),
        }
    }

    /// Adds the fingerprints of imported rows that belong to no payment, from at most [`PAGE`] events behind
    /// `after`; the last event that was looked at, or `None` at the end.
    pub(crate) fn imported(&self, after: u64, found: &mut HashSet<[u8; 16]>) -> Result<Option<u64>, StoreError> {
        let mut last = None;
        let events = self.tables.event()?.range_owned(after + 1..)?;
        for entry in events.take(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
            let (seq, stored) = entry?;
            last = Some(seq.value());
            if let Change::Imported { row, payment: None, .. } = event::read(stored.value())?.change {
                found.insert(row.fingerprint()?);
            }
        }
        Ok(last)
    }

    /// Checks the next [`PAGE`] events behind what `chain` has seen; true when there are no more.
    pub(crate) fn check(&self, chain: &mut Chain) -> Result<bool, StoreError> {
        let table = self.tables.event()?;
        for entry in table.range_owned(chain.events + 1..)?.take(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
            let (seq, stored) = entry?;
            if !chain.follow(seq.value(), stored.value()) {
                return Ok(true);
            }
        }
        Ok(chain.events >= self.last_event()?)
    }
}

/// A walk along the chain.
pub(crate) struct Chain {
    events: u64,
    head: Sha,
    first_bad: Option<u64>,
    kept: Option<KeptHead>,
    /// Whether the event of the kept head has its hash; false too when the log does not reach it.
    head_matches: Option<bool>,
}

impl Chain {
    /// Before the first event; `kept` is compared on the way.
    pub(crate) fn new(kept: Option<KeptHead>) -> Self {
        Self { events: 0, head: GENESIS, first_bad: None, head_matches: kept.as_ref().map(|_| false), kept }
    }

    /// Takes in the next event; false if it is not what was written there.
    fn follow(&mut self, seq: u64, stored: &[u8]) -> bool {
        let expected = self.events + 1;
        let good = match event::split(stored) {
            Ok((sha, record)) if seq == expected => {
                sha == event::chain(&self.head, seq, record) && event::read_record(record).is_ok()
            }
            _ => false,
        };
        if !good {
            self.first_bad = Some(expected);
            return false;
        }
        if let Ok((sha, _)) = event::split(stored) {
            (self.events, self.head) = (seq, sha);
            if self.kept.as_ref().is_some_and(|kept| kept.seq == seq) {
                self.head_matches = Some(self.kept.as_ref().is_some_and(|kept| kept.sha == sha));
            }
        }
        true
    }

    /// Whether every event so far is as it was written.
    pub(crate) fn is_good(&self) -> bool {
        self.first_bad.is_none()
    }

    /// The verdict; `differences` are what a rebuild found, where there was one.
    pub(crate) fn verdict(&self, differences: Option<Vec<Difference>>) -> Verified {
        let same = differences.as_ref().is_none_or(Vec::is_empty);
        Verified {
            ok: self.is_good() && self.head_matches != Some(false) && same,
            events: self.events,
            head: hex(&self.head),
            first_bad: self.first_bad,
            head_matches: self.head_matches,
            differences,
        }
    }
}

pub(super) fn fits(row: &LogRow, query: &LogQuery) -> bool {
    query.from.is_none_or(|from| row.created_at >= from)
        && query.to.is_none_or(|to| row.created_at < to)
        && query.bin.as_ref().is_none_or(|bin| row.organization_bin.as_ref() == Some(bin))
        && query.operation.is_none_or(|operation| row.operation_type == operation)
        && query.status.is_none_or(|status| row.status == status)
}
