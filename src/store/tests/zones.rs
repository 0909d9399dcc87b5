//! No question about the log misses a row because a stretch was skipped.

use crate::chance::seeded::mixed;
use crate::domain::{LogStatus, OperationType};
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::operation::{LogQuery, Order, PaymentQuery};
use crate::seal::Seals;
use crate::store::events::last_event;
use crate::store::log::{fits, log_page, log_rows};
use crate::store::payment::number;
use crate::store::reading::id_of;
use crate::store::row::row_of;
use crate::store::zone::Sought;
use crate::store::zones::LogWalk;
use crate::store::{Change, Note, Refused, Store, StoreError, Walk, Writing, payments};

/// Numbers that are the same in each run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(1);
        u32::try_from(mixed(self.0 << 20) % u64::from(end)).unwrap()
    }
}

/// Rows that a question for exactly what they show would not find.
pub(crate) fn hidden_rows(reading: &Walk<'_>) -> Result<Vec<u64>, StoreError> {
    let mut hidden = Vec::new();
    for seq in 1..=last_event(reading)? {
        let Some(row) = row_of(reading, seq)? else { continue };
        let to = Some(Moment::from_millis(row.created_at.millis() + 1));
        let sought = Sought {
            from: Some(row.created_at),
            to,
            bin: row.organization_bin,
            operation: Some(row.operation_type),
            status: Some(row.status),
        };
        if LogWalk::along(reading, (seq, seq), false, sought)?.next().is_none() {
            hidden.push(seq);
        }
    }
    Ok(hidden)
}

/// Payments that a question for what they are does not find first behind their own place.
pub(crate) fn hidden_payments(reading: &Walk<'_>) -> Result<Vec<PaymentId>, StoreError> {
    let (all, _) = payments(reading, &PaymentQuery::default(), usize::MAX, |_| true)?;
    let mut hidden = Vec::new();
    for row in &all {
        let after = Some(id_of(number(row.id) + 1));
        let (state, bin) = (Some(row.state), Some(row.organization_bin.clone()));
        for (state, bin) in [(state, None), (None, bin.clone()), (state, bin)] {
            let query = PaymentQuery { after, state, bin, ..PaymentQuery::default() };
            let (found, _) = payments(reading, &query, 1, |_| true)?;
            if found.first().map(|found| found.id) != Some(row.id) {
                hidden.push(row.id);
            }
        }
    }
    Ok(hidden)
}

const BINS: [&str; 4] = ["891027350515", "210440028324", "990140000007", "990140000806"];

/// Some thousand notes of a year, most of them of one organisation and in order.
fn fill(writing: &mut Writing<'_>, chance: &mut Seeded) -> Result<(), Refused> {
    for number in 0..20_000_i64 {
        let bin = match chance.below(400) {
            0 => Some(BINS[1]),
            1 if number > 15_000 => Some(BINS[2]),
            2..20 => None,
            _ => Some(BINS[0]),
        };
        let failed = chance.below(150) == 0;
        let note = Note {
            organization_bin: bin.map(|bin| bin.parse().unwrap()),
            operation: [OperationType::Verify, OperationType::Register, OperationType::Config]
                [usize::from(chance.below(90) == 0)],
            status: if failed { LogStatus::Failed } else { LogStatus::Success },
            ..Note::done(OperationType::Verify)
        };
        // Now and then the clock is set back.
        let back = if chance.below(500) == 0 { 3_600_000 } else { 0 };
        writing.now = Moment::from_millis(1_795_000_000_000 + number * 600_000 - back);
        writing.append(None, Change::Noted(note))?;
    }
    Ok(())
}

fn queries(chance: &mut Seeded) -> Vec<LogQuery> {
    let day = |chance: &mut Seeded| Moment::from_millis(1_795_000_000_000 + i64::from(chance.below(140)) * 86_400_000);
    (0..60)
        .map(|_| LogQuery {
            from: (chance.below(2) == 0).then(|| day(chance)),
            to: (chance.below(2) == 0).then(|| day(chance)),
            bin: (chance.below(2) == 0).then(|| BINS[chance.below(4) as usize].parse().unwrap()),
            operation: (chance.below(3) == 0).then_some(OperationType::Register),
            status: (chance.below(3) == 0).then_some(LogStatus::Failed),
            order: (chance.below(2) == 0).then_some(Order::Desc),
            limit: Some(1 + chance.below(40)),
            ..LogQuery::default()
        })
        .collect()
}

/// Promise: a filtered list, page by page in both directions, and an export have exactly the rows that a walk of the whole
/// log finds.
#[test]
fn a_filtered_log_is_the_log_filtered() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Seals::default()).unwrap();
    let mut chance = Seeded(7);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut of_the_log = Seeded(11);
    runtime.block_on(store.write(move |writing| fill(writing, &mut of_the_log))).unwrap();
    let rows: Vec<_> = store
        .walk_here(|reading| {
            let rows: Result<Vec<_>, StoreError> = (1..=last_event(reading)?).map(|seq| row_of(reading, seq)).collect();
            Ok(rows?.into_iter().flatten().collect())
        })
        .unwrap();
    for query in queries(&mut chance) {
        let mut wanted: Vec<u64> = rows.iter().filter(|row| fits(row, &query)).map(|row| row.id).collect();
        let exported = store.walk_here(|reading| Ok(whole_export(reading, &query)?)).unwrap();
        assert_eq!(exported, wanted, "exported: {query:?}");
        if query.order == Some(Order::Desc) {
            wanted.reverse();
        }
        let listed = store.walk_here(|reading| Ok(whole_list(reading, &query)?)).unwrap();
        assert_eq!(listed, wanted, "listed: {query:?}");
    }
    assert_eq!(store.walk_here(|reading| Ok(hidden_rows(reading)?)).unwrap(), Vec::<u64>::new());
    assert_eq!(store.differences().unwrap(), []);
}

fn whole_list(reading: &Walk<'_>, query: &LogQuery) -> Result<Vec<u64>, StoreError> {
    let (mut query, mut found) = (query.clone(), Vec::new());
    let limit = query.limit.map_or(1, |limit| limit as usize);
    loop {
        let (rows, next) = log_rows(reading, &query, limit, |_, _| true)?;
        found.extend(rows.iter().map(|row| row.id));
        query.after = next;
        if next.is_none() {
            return Ok(found);
        }
    }
}

fn whole_export(reading: &Walk<'_>, query: &LogQuery) -> Result<Vec<u64>, StoreError> {
    let (mut after, mut found) = (Some(0), Vec::new());
    let last = last_event(reading)?;
    while let Some(behind) = after {
        let (rows, next) = log_page(reading, query, (behind, last), |_, _| true)?;
        found.extend(rows.iter().map(|row| row.id));
        after = next;
    }
    Ok(found)
}
