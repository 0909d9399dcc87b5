//! The payments that may still become another: all that are open, those that need a person or may, and those that were
//! followed when the last run ended. There may be very many, so they are told in pieces.

use std::time::Duration;

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
enum Next {
    /// From this open one of an organisation.
    Open(String, u128),
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
        Self { next: Next::Open(String::new(), 0), alive }
    }

    /// The next ones, from at most [`PIECE`] rows; `None` at the end.
    pub(crate) fn piece(&mut self, walk: &Walk<'_>) -> Result<Option<ToFollow>, StoreError> {
        let mut found = ToFollow::default();
        self.next = match &self.next {
            Next::Open(bin, from) => open(walk, (bin, *from), &mut found)?,
            Next::Attended(from) => attended(walk, *from, &mut found)?,
            Next::Recent(from) => self.recent(walk, *from, &mut found)?,
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

/// Those that are open from here on.
fn open(walk: &Walk<'_>, from: (&str, u128), found: &mut ToFollow) -> Result<Next, StoreError> {
    let (payments, open) = (walk.tables.payment()?, walk.tables.payment_open()?);
    for (looked, entry) in (0..).zip(open.range(from..)?) {
        let (key, _) = entry?;
        let (bin, id) = key.value();
        if looked == PIECE {
            return Ok(Next::Open(bin.to_owned(), id));
        }
        found.add(id_of(id), payment::by_id(&payments, id_of(id)))?;
    }
    Ok(Next::Attended(0))
}

/// Those that are attended from here on and not open.
fn attended(walk: &Walk<'_>, from: u128, found: &mut ToFollow) -> Result<Next, StoreError> {
    let (payments, attended) = (walk.tables.payment()?, walk.tables.payment_attention()?);
    for (looked, entry) in (0..).zip(attended.range(from..)?) {
        let id = entry?.0.value();
        if looked == PIECE {
            return Ok(Next::Attended(id));
        }
        let row = payment::by_id(&payments, id_of(id));
        found.add(id_of(id), row.map(|row| row.filter(|row| !row.is_open())))?;
    }
    Ok(Next::Recent(u128::MAX))
}
