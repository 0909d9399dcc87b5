//! The chain over the log: every event carries the hash of all before it, and a walk along it finds the first that is not as
//! it was written.

use std::collections::BTreeMap;

use super::error::StoreError;
use super::event::{self, Change, GENESIS, Sha, hex};
use super::events::{PAGE, last_event};
use super::reading::Reading;
use super::secrets::TokenMark;
use super::token;
use super::walk::Walk;
use crate::id::{OrganizationBin, TradePointId};
use crate::operation::{Difference, Differs, KeptHead, Verified};

/// A walk along the chain.
pub(crate) struct Chain {
    events: u64,
    head: Sha,
    first_bad: Option<u64>,
    kept: Option<KeptHead>,
    /// Whether the event of the kept head has its hash; false too when the log does not reach it.
    head_matches: Option<bool>,
    /// The mark of the token at each (BIN, trade point), as the events tell; none where nobody is to be told of tokens.
    marks: Option<TokenMarks>,
    /// Where another token lies than the events tell.
    swapped: Vec<Difference>,
}

/// What stands at each (BIN, trade point).
type TokenMarks = BTreeMap<(OrganizationBin, TradePointId), Option<TokenMark>>;

impl Chain {
    /// Before the first event; `kept` is compared on the way.
    pub(crate) fn new(kept: Option<KeptHead>) -> Self {
        Self {
            events: 0,
            head: GENESIS,
            first_bad: None,
            head_matches: kept.as_ref().map(|_| false),
            kept,
            marks: None,
            swapped: Vec::new(),
        }
    }

    /// The same, and at its end the tokens that lie in the file are compared with the marks that the events tell.
    pub(crate) fn with_tokens(self) -> Self {
        Self { marks: Some(TokenMarks::new()), ..self }
    }

    /// Takes in the next event; false if it is not what was written there.
    pub(super) fn follow(&mut self, seq: u64, stored: &[u8]) -> bool {
        let expected = self.events + 1;
        let read = match event::split(stored) {
            Ok((sha, record)) if seq == expected && sha == event::chain(&self.head, seq, record) => {
                event::read_record(record).ok().map(|event| (sha, event))
            }
            _ => None,
        };
        let Some((sha, event)) = read else {
            self.first_bad = Some(expected);
            return false;
        };
        (self.events, self.head) = (seq, sha);
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.seq == seq) {
            self.head_matches = Some(kept.sha == sha);
        }
        if let (Some(marks), Change::Device { organization_bin, trade_point_id, token }) =
            (&mut self.marks, event.change)
        {
            marks.insert((organization_bin, trade_point_id), token);
        }
        true
    }

    /// Compares the tokens of this view with the marks up to its end. A token that was forgotten with its seal lies
    /// nowhere, as one that was deleted.
    fn compare_tokens(&mut self, reading: &Reading) -> Result<(), StoreError> {
        let Some(marks) = self.marks.take() else { return Ok(()) };
        let mut told: BTreeMap<_, _> = marks.into_iter().filter_map(|(at, mark)| Some((at, mark?))).collect();
        let mut differ = |(bin, trade_point): (OrganizationBin, TradePointId), how| {
            let (table, row) = ("device".to_owned(), format!("{bin} {trade_point}"));
            self.swapped.push(Difference { table, row, how });
        };
        let secrets = reading.secrets()?;
        for at in token::places(&reading.tables.device()?)? {
            // One that does not open is none that was put there by this program.
            let lies = token::stored(&reading.tables.device()?, secrets, (&at.0, &at.1));
            let mark = lies.map(|device| device.flatten().map(|token| secrets.mark(&at.0, &at.1, &token)));
            match (mark, told.remove(&at)) {
                (Ok(None), None) => {}
                (Ok(lies), told) if lies == told => {}
                (Ok(Some(_)), None) => differ(at, Differs::Surplus),
                (Ok(None), Some(_)) => differ(at, Differs::Missing),
                _ => differ(at, Differs::Changed),
            }
        }
        told.into_keys().for_each(|at| differ(at, Differs::Missing));
        Ok(())
    }

    /// Whether every event so far is as it was written.
    pub(crate) fn is_good(&self) -> bool {
        self.first_bad.is_none()
    }

    /// The verdict; `differences` are what a rebuild found, where there was one.
    pub(crate) fn verdict(&self, differences: Option<Vec<Difference>>) -> Verified {
        let mut differences = differences;
        if !self.swapped.is_empty() {
            differences.get_or_insert_default().extend(self.swapped.iter().cloned());
        }
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

/// Checks the next [`PAGE`] events behind what `chain` has seen; true when there are no more.
pub(crate) fn check_chain(reading: &Walk<'_>, chain: &mut Chain) -> Result<bool, StoreError> {
    let table = reading.tables.event()?;
    for entry in table.range_owned(chain.events + 1..)?.take(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
        let (seq, stored) = entry?;
        if !chain.follow(seq.value(), stored.value()) {
            return Ok(true);
        }
    }
    let is_done = chain.events >= last_event(reading)?;
    if is_done {
        chain.compare_tokens(reading)?;
    }
    Ok(is_done)
}
