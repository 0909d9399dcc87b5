//! What a report reads: all of its days and little else, whatever else the log has.

use std::cell::Cell;
use std::time::Duration;

use super::day::{Step, create, created, outcome, payment, write};
use crate::domain::{OperationType, PaidAtSource, State};
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::seal::Seals;
use crate::store::facts;
use crate::store::{
    Change, Ending, Fact, Note, PaymentRow, RefundRow, RefundState, Refused, Seen, Store, Window, Writing,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Days of the log, and payments of each. The first begins at no hour in particular.
const DAYS: u32 = 30;
const EACH: u32 = 100;

fn begin_of(day: u32) -> Moment {
    Moment::from_millis(1_790_000_000_000).after(DAY * day)
}

fn window(day: u32) -> Window {
    Window { begin: begin_of(day), end: begin_of(day + 1) }
}

/// A payment made on a day, `number` minutes after its begin.
fn made(day: u32, number: u32) -> PaymentRow {
    let at = begin_of(day).after(Duration::from_secs(60) * number);
    let row = payment(u64::from(day * EACH + number));
    PaymentRow { id: PaymentId::made_at(at), created_at: at, ..row }
}

fn paid(payment: &PaymentRow, at: Moment, source: PaidAtSource) -> Change {
    let status = "Processed".to_owned();
    let seen = Seen::Status {
        kaspi_status: status,
        state: State::Paid,
        paid_at: Some((at, source)),
        total: None,
        details: None,
    };
    Change::Seen { payment: payment.id, seen }
}

fn begun(writing: &mut Writing<'_>, at: Moment, row: &PaymentRow) -> Result<(), Refused> {
    writing.now = at;
    let intent = writing.append(None, create(row))?;
    let id = u64::try_from(row.created_at.millis()).unwrap();
    writing.append(None, Change::Ended { intent, outcome: outcome(created(id)) })?;
    Ok(())
}

fn refunded(writing: &mut Writing<'_>, at: Moment, row: &PaymentRow) -> Result<(), Refused> {
    writing.now = at;
    let refund = RefundRow {
        id: PaymentId::made_at(at),
        amount: row.amount,
        state: RefundState::Running,
        at,
        balance_before: None,
        return_operation_id: None,
        key: None,
        is_claimed: false,
        asked: None,
    };
    let (payment, x_request_id) = (row.id, "1".to_owned());
    let intent =
        writing.append(None, Change::RefundIntended { payment, refund, key: None, wrote: None, x_request_id })?;
    let ending = Ending::Refunded { return_operation_id: None };
    writing.append(None, Change::Ended { intent, outcome: outcome(ending) })?;
    Ok(())
}

/// The enrolment is stamped by a clock that is months ahead, and a few events of each day by one that is years behind.
/// Payments of each day, paid a minute after they were made. The first of each day is paid back ten days later, and
/// the second is a bill that only shows to be paid after ten days: the bank dates it, or only we do.
async fn month(store: &Store) {
    write(store, &Step::Enrol, &[]).await.unwrap();
    let job = |writing: &mut Writing<'_>| {
        let mut first = Vec::new();
        for day in 0..DAYS {
            let rows: Vec<PaymentRow> = (0..EACH).map(|number| made(day, number)).collect();
            for (number, row) in rows.iter().enumerate() {
                let minute = row.created_at.after(Duration::from_secs(60));
                begun(writing, row.created_at, row)?;
                if number != 1 {
                    writing.now = minute;
                    writing.append(None, paid(row, minute, PaidAtSource::Bank))?;
                }
            }
            first.push((rows[0].clone(), rows[1].clone()));
            let Some((back, late)) = day.checked_sub(10).map(|then| &first[then as usize]) else { continue };
            let now = begin_of(day).after(DAY / 2);
            refunded(writing, now, back)?;
            let (at, source) = match day % 2 {
                0 => (late.created_at.after(Duration::from_secs(60)), PaidAtSource::Bank),
                _ => (now, PaidAtSource::Seen),
            };
            writing.append(None, paid(late, at, source))?;
            writing.now = Moment::from_millis(0);
            for _ in 0..100 {
                writing.append(None, Change::Noted(Note::done(OperationType::Identity)))?;
            }
        }
        Ok(())
    };
    store.write(job).await.unwrap();
}

/// Payments and refunds that are told, how often a row was asked for, and that each is told once.
fn told(store: &Store, window: Window) -> (Vec<PaymentId>, Vec<PaymentId>, u32) {
    let (mut payments, mut refunds, steps) = (Vec::new(), Vec::new(), Cell::new(0));
    let step = || {
        steps.set(steps.get() + 1);
        Ok(())
    };
    let mut tell = |fact: Fact<'_>| {
        match fact {
            Fact::Paid(row, _) => payments.push(row.id),
            Fact::PaidBack(row, _) => refunds.push(row.id),
            Fact::Unfinished(_) | Fact::FoundLate(_) | Fact::InDoubt(..) | Fact::PaidBackElsewhere(..) => {}
        }
        Ok(())
    };
    store.walk_here(|walk| facts(walk, window, &step, &mut tell)).unwrap();
    let unique: std::collections::HashSet<_> = payments.iter().chain(&refunds).collect();
    assert!(unique.len() >= payments.len(), "told twice");
    (payments, refunds, steps.get())
}

#[tokio::test]
async fn a_report_reads_its_days_and_finds_what_belongs_to_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Seals::default()).unwrap();
    month(&store).await;
    // Every payment but the second of each day; that of an even day + 10 by the bank's date, that of an odd one where
    // it was seen.
    for day in [0, 1, 14, 15, 19] {
        let (payments, refunds, steps) = told(&store, window(day));
        let dated = u32::from((day + 10).is_multiple_of(2));
        let seen_here = u32::from(day >= 10 && !day.is_multiple_of(2));
        assert_eq!(payments.len(), (EACH - 1 + dated + seen_here) as usize, "day {day}");
        assert_eq!(refunds.len(), usize::from(day >= 10), "day {day}");
        // What the day tells, and a bill found on it to have been paid before: of thirty days with 400 events each.
        assert!(steps <= EACH + 2, "{steps} rows for day {day}");
    }
    let all = Window { begin: begin_of(0), end: begin_of(DAYS) };
    let (payments, refunds, _) = told(&store, all);
    // The second payments of the last ten days are not paid.
    assert_eq!((payments.len(), refunds.len()), ((DAYS * EACH - 10) as usize, (DAYS - 10) as usize));
    let each: usize = (0..DAYS).map(|day| told(&store, window(day)).0.len()).sum();
    assert_eq!(each, payments.len(), "days add up to their range");
    store.close();
}
