//! The payments that may still become another: all that are open, those that need a person or may, and those that were
//! followed when the last run ended. There may be very many, so they are told in pieces.

use std::time::Duration;

use redb::{ReadOnlyTable, ReadableTable};

use super::payment::{self, PaymentRow};
use super::reading::id_of;
use super::walk::{PIECE, Walk};
use super::{StoreError, codec};
use crate::id::PaymentId;
use crate::moment::Moment;

/// A remote invoice lives a day and is looked at for another, and for a third if it is paid in that; each look may be
/// put off by a tenth.
const FOLLOWED: Duration = Duration::from_secs(80 * 3600);

/// Some of the payments that are to be followed.
#[derive(Default)]
pub(crate) struct ToFollow {
    pub(crate) rows: Vec<PaymentRow>,
    /// Those that are stored and do not read back.
    pub(crate) unread: Vec<PaymentId>,
}

impl ToFollow {
    fn add(&mut self, id: PaymentId, row: Result<Option<PaymentRow>, StoreError>) -> Result<(), StoreError> {
        match row {
            Ok(row) => self.rows.extend(row),
            Err(StoreError::Codec(_) | StoreError::Newer(_)) => self.unread.push(id),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Where the walk goes on.
#[derive(Clone, Copy)]
enum Next {
    /// From this open one.
    Open(u128),
    /// From this one that is attended.
    Attended(u128),
    /// From this one back in time.
    Recent(u128),
    End,
}

/// A walk along them. What a commit changes meanwhile is told by that commit.
pub(crate) struct FollowWalk {
    next: Next,
    /// When the last run ended.
    alive: Moment,
}

impl FollowWalk {
    /// From the first one on.
    pub(crate) fn new(alive: Moment) -> Self {
        Self { next: Next::Open(0), alive }
    }

    /// The next ones, from at most [`PIECE`] rows; `None` at the end.
    pub(crate) fn piece(&mut self, walk: &Walk<'_>) -> Result<Option<ToFollow>, StoreError> {
        let mut found = ToFollow::default();
        self.next = match self.next {
            Next::Open(from) => {
                let behind = listed(walk, &walk.tables.payment_open()?, from, |_| true, &mut found)?;
                behind.map_or(Next::Attended(0), Next::Open)
            }
            Next::Attended(from) => {
                let is_new = |row: &PaymentRow| !row.is_open();
                let behind = listed(walk, &walk.tables.payment_attention()?, from, is_new, &mut found)?;
                behind.map_or(Next::Recent(u128::MAX), Next::Attended)
            }
            Next::Recent(from) => self.recent(walk, from, &mut found)?,
            Next::End => return Ok(None),
        };
        Ok(Some(found))
    }

    fn recent(&self, walk: &Walk<'_>, from: u128, found: &mut ToFollow) -> Result<Next, StoreError> {
        let rows = walk.tables.payment()?.range_owned(..=from)?.rev();
        let mut last = None;
        for entry in rows.take(usize::try_from(PIECE).unwrap_or(usize::MAX)) {
            let (id, stored) = entry?;
            let row: Result<PaymentRow, StoreError> = codec::decode(stored.value());
            if row.as_ref().is_ok_and(|row| self.alive.since(row.created_at) > FOLLOWED) {
                return Ok(Next::End);
            }
            last = Some(id.value());
            found
                .add(id_of(id.value()), row.map(|row| Some(row).filter(|row| !row.is_open() && !row.is_attended())))?;
        }
        Ok(last.and_then(|last| last.checked_sub(1)).map_or(Next::End, Next::Recent))
    }
}

/// Those of a list from here on that are wanted, and where it goes on.
fn listed(
    walk: &Walk<'_>,
    index: &ReadOnlyTable<u128, ()>,
    from: u128,
    is_wanted: impl Fn(&PaymentRow) -> bool,
    found: &mut ToFollow,
) -> Result<Option<u128>, StoreError> {
    let payments = walk.tables.payment()?;
    for (looked, entry) in (0..).zip(ReadableTable::range(index, from..)?) {
        let id = entry?.0.value();
        if looked == PIECE {
            return Ok(Some(id));
        }
        let row = payment::by_id(&payments, id_of(id));
        found.add(id_of(id), row.map(|row| row.filter(&is_wanted)))?;
    }
    Ok(None)
}
