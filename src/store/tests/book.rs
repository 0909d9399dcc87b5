//! Whatever the clocks say: each payment that was paid, each refund and each fall that was not ours is in exactly one
//! day, days add up to their range, and the book is what the log says.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::day::{Step, create, created, outcome, payment, write};
use crate::domain::{LogStatus, OperationType, PaidAtSource, State};
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::PaymentQuery;
use crate::seal::Seals;
use crate::store::account::Booking;
use crate::store::{
    Change, Closed, Ending, Fact, ImportedRow, PaymentRow, RefundRow, RefundState, Refused, Seen, Store, Window,
    Writing,
};
use crate::store::{counted_both_ways, facts, payments};

const DAY: Duration = Duration::from_secs(24 * 3600);
const FIRST: Moment = Moment::from_millis(1_790_000_000_000);

/// What happens next: what, to which payment, on which of our clocks, on which of the bank's, and how much.
type Happening = (u8, usize, u64, u64, u64);

/// What is added up of some days, in tiyn and numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    paid: Vec<(PaymentId, i64)>,
    back: Vec<(PaymentId, i64)>,
    doubted: Vec<PaymentId>,
    elsewhere: i64,
}

fn sums(store: &Store, window: Window) -> Sums {
    let mut sums = Sums::default();
    let tiyn = |amount: Amount| i64::try_from(amount.tiyn()).unwrap();
    let mut tell = |fact: Fact<'_>| {
        match fact {
            Fact::Paid(row, at) => {
                assert!(window.holds(at));
                sums.paid.push((row.id, tiyn(row.amount)));
            }
            Fact::PaidBack(_, refund) => sums.back.push((refund.id, tiyn(refund.amount))),
            Fact::InDoubt(_, refund) => sums.doubted.push(refund.id),
            Fact::PaidBackElsewhere(_, total, _) => sums.elsewhere += total.tiyn(),
            Fact::FoundLate(row) => assert!(row.late),
            Fact::Unfinished(_) => {}
        }
        Ok(())
    };
    store.walk_here(|walk| facts(walk, window, &|| Ok(()), &mut tell)).unwrap();
    sums.sorted()
}

impl Sums {
    fn sorted(mut self) -> Self {
        self.paid.sort_unstable();
        self.back.sort_unstable();
        self.doubted.sort_unstable();
        self
    }

    fn and(mut self, other: Self) -> Self {
        self.paid.extend(other.paid);
        self.back.extend(other.back);
        self.doubted.extend(other.doubted);
        self.elsewhere += other.elsewhere;
        self
    }

    /// What the payments themselves say.
    fn of(rows: &[PaymentRow]) -> Self {
        let mut sums = Self::default();
        let tiyn = |amount: Amount| i64::try_from(amount.tiyn()).unwrap();
        for row in rows.iter().filter(|row| row.state == State::Paid) {
            sums.paid.push((row.id, tiyn(row.amount)));
            sums.elsewhere += tiyn(row.refunded_elsewhere);
            for refund in &row.refunds {
                match refund.status() {
                    LogStatus::Success => sums.back.push((refund.id, tiyn(refund.amount))),
                    LogStatus::Pending => sums.doubted.push(refund.id),
                    LogStatus::Failed => {}
                }
            }
        }
        sums.sorted()
    }
}

fn amount(tiyn: u64) -> Amount {
    Amount::try_from(tiyn).unwrap()
}

fn seen(row: &PaymentRow, seen: Seen) -> Change {
    Change::Seen { payment: row.id, seen }
}

fn status(row: &PaymentRow, state: State, paid_at: Option<(Moment, PaidAtSource)>) -> Change {
    let kaspi_status = if state == State::Paid { "Processed" } else { "Error" }.to_owned();
    seen(row, Seen::Status { kaspi_status, state, paid_at, total: None, details: None })
}

fn refund(row: &PaymentRow, at: Moment, tiyn: u64) -> Change {
    let refund = RefundRow {
        id: PaymentId::fresh(),
        amount: amount(tiyn),
        state: RefundState::Running,
        at,
        balance_before: None,
        return_operation_id: None,
        key: None,
        is_claimed: false,
        asked: None,
    };
    Change::RefundIntended { payment: row.id, refund, key: None, wrote: None, x_request_id: "1".to_owned() }
}

fn imported(row: PaymentRow, operation: OperationType, at: Moment, tiyn: u64) -> Change {
    let imported = ImportedRow {
        operation,
        shop_id: Some(row.shop_id),
        config_id: Some(row.config_id),
        organization_bin: Some(row.organization_bin.clone()),
        external_id: row.qr_payment_id.clone(),
        amount: Some(amount(tiyn)),
        status: LogStatus::Success,
        error: None,
        created_at: at,
    };
    Change::Imported { row: Box::new(imported), payment: Some(row.id), becomes: Some(Box::new(row)) }
}

/// A payment that was there before us: paid, with money that had gone back, or as an earlier log tells it.
fn taken_in(number: usize, now: Moment, bank: Moment, tiyn: u64, is_adopted: bool) -> Change {
    let number = u64::try_from(number).unwrap();
    let row = PaymentRow {
        id: PaymentId::made_at(bank),
        qr_payment_id: Some((700 + number).to_string().parse().unwrap()),
        state: State::Waiting,
        created_at: bank,
        updated_at: now,
        ..payment(number)
    };
    if !is_adopted {
        return imported(row, OperationType::Create, bank, tiyn);
    }
    let row = PaymentRow {
        state: State::Paid,
        paid_at: Some(bank),
        paid_at_source: Some(PaidAtSource::Bank),
        refunded_elsewhere: amount(tiyn),
        ..row
    };
    Change::Adopted { payment: Box::new(row), x_request_id: "2".to_owned() }
}

/// The events of a happening, each beginning with what it makes of the payments so far.
fn happen(
    writing: &mut Writing<'_>,
    ids: &mut Ids,
    (what, number, ours, bank, tiyn): Happening,
) -> Result<(), Refused> {
    let (now, bank) = (FIRST.after(DAY * 20).before(Duration::from_secs(ours)), FIRST.after(Duration::from_secs(bank)));
    writing.now = now;
    let row = match ids.get(&number) {
        Some(id) => writing.payment(*id)?,
        None => None,
    };
    let Some(row) = row else {
        let change = match what % 3 {
            0 => taken_in(number, now, bank, tiyn, true),
            1 => taken_in(number, now, bank, tiyn, false),
            _ => create(&PaymentRow { created_at: now, ..payment(u64::try_from(number).unwrap()) }),
        };
        let id = match &change {
            Change::CreateIntended { payment, .. } | Change::Adopted { payment, .. } => payment.id,
            Change::Imported { becomes: Some(payment), .. } => payment.id,
            other => panic!("{other:?}"),
        };
        ids.insert(number, id);
        let intent = writing.append(None, change)?;
        if what % 3 == 2 {
            let ending = if what % 5 == 0 { Ending::Nothing } else { created(900 + u64::try_from(number).unwrap()) };
            writing.append(None, Change::Ended { intent, outcome: outcome(ending) })?;
        }
        return Ok(());
    };
    for change in changes(&row, what, (now, bank), tiyn) {
        let intent = writing.append(None, change.clone())?;
        if let Change::RefundIntended { .. } = change {
            let ending = match what % 3 {
                0 => Ending::Refunded { return_operation_id: None },
                1 => Ending::Nothing,
                _ => Ending::RefundLost,
            };
            writing.append(None, Change::Ended { intent, outcome: outcome(ending) })?;
        }
    }
    Ok(())
}

fn changes(row: &PaymentRow, what: u8, (now, bank): (Moment, Moment), tiyn: u64) -> Vec<Change> {
    let last = row.refunds.last();
    let booked = |booking| seen(row, Seen::Booked(booking));
    let change = match (row.state, what % 12) {
        (State::Paid, 0..=3) => Some(refund(row, now, tiyn)),
        (State::Paid, 4) => last.map(|refund| booked(Booking::Happened(refund.id))),
        (State::Paid, 5) => last.map(|refund| booked(Booking::NotSeen(refund.id))),
        (State::Paid, 6) => last.map(|refund| booked(Booking::Doubted(refund.id))),
        (State::Paid, 7) => last.map(|refund| {
            let closed = Closed::Refund { refund: refund.id, happened: tiyn.is_multiple_of(2) };
            Change::Resolved { payment: row.id, closed, reason: "seen".to_owned().try_into().unwrap() }
        }),
        (State::Paid, 8) => Some(booked(Booking::Elsewhere(amount(tiyn)))),
        (State::Paid, _) => Some(seen(row, Seen::Contradicted { kaspi_status: "Error".to_owned() })),
        (_, 0..=3) => Some(status(row, State::Paid, Some((bank, PaidAtSource::Bank)))),
        (_, 4..=6) => Some(status(row, State::Paid, Some((now, PaidAtSource::Seen)))),
        (_, 7 | 8) => Some(status(row, State::Expired, None)),
        (_, 9) => {
            let mut row = row.clone();
            row.refunded_earlier(amount(tiyn), bank);
            Some(imported(row, OperationType::Refund, bank, tiyn))
        }
        _ => None,
    };
    change.into_iter().collect()
}

/// The payments so far, by whom they are named.
type Ids = HashMap<usize, PaymentId>;

async fn lived(store: &Store, happenings: Vec<Happening>, mut ids: Ids) -> Ids {
    let job = move |writing: &mut Writing<'_>| {
        happenings.into_iter().try_for_each(|happening| happen(writing, &mut ids, happening))?;
        Ok(ids)
    };
    store.write(job).await.unwrap()
}

fn check(happenings: Vec<Happening>) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Seals::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(write(&store, &Step::Enrol, &[])).unwrap();
    let (first, rest) = happenings.split_at(happenings.len() / 2);
    let mut ids = HashMap::new();
    for happenings in [first, rest] {
        ids = runtime.block_on(lived(&store, happenings.to_vec(), ids));
        let [kept, counted] = runtime.block_on(counted_both_ways(&store));
        assert_eq!(kept, counted, "what stands is counted from commit to commit");
    }
    let query = PaymentQuery::default();
    let rows = store.walk_here(|walk| Ok(payments(walk, &query, usize::MAX, |_| true)?)).unwrap().0;
    let range = Window { begin: FIRST, end: FIRST.after(DAY * 40) };
    let days = (0..40).map(|day| Window { begin: FIRST.after(DAY * day), end: FIRST.after(DAY * (day + 1)) });
    let each = days.map(|day| sums(&store, day)).fold(Sums::default(), Sums::and).sorted();
    assert_eq!(each, sums(&store, range), "days add up to their range");
    assert_eq!(each, Sums::of(&rows), "each is told once");
    assert_eq!(store.differences().unwrap(), [], "the book is what the log says");
    store.close();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn days_add_up_whatever_the_clocks_say(
        happenings in prop::collection::vec(
            (any::<u8>(), 0..6_usize, 0..1_700_000_u64, 0..3_400_000_u64, 1..5_000_u64),
            1..60,
        )
    ) {
        check(happenings);
    }
}
