//! A history in which every kind of event stands, and every sight, ending and closing, with something in every table:
//! what a state file of each layout is made with, so that later builds can be asked whether they still read it.

use super::pinned::{at, config, id, imported, note, outcome, payment, refund, tiyn, wrote};
use crate::domain::{Actor, Evidence, Kind, PaidAtSource, State};
use crate::id::{PaymentId, QrPaymentId, Reason};
use crate::store::account::Booking;
use crate::store::doubt::{DetailsRead, Doubt};
use crate::store::event::{Change, Closed, Ending, FirstRefusal, Gap, IdentityTold, LogPlace};
use crate::store::payment::{PaymentRow, Seen};
use crate::store::refund::RefundState;

/// Who did it: what is seen and how a call ends are the daemon's own.
pub(super) fn by(change: &Change) -> Option<Actor> {
    let is_ours = matches!(change, Change::Ended { .. } | Change::Seen { .. });
    (!is_ours).then(|| Actor { uid: 1000, name: Some("till".to_owned()), gid: 1000, pid: Some(4242) })
}

/// The events, in their order: the first one is event 1.
pub(super) fn history() -> Vec<Change> {
    let mut told = vec![Change::Config { row: Box::new(config()), note: note() }, Change::Noted(note())];
    [sold, paid_back, looked_at, lost, taken, cancelled, from_before, restored, identities]
        .iter()
        .for_each(|tell| tell(&mut told));
    told
}

pub(super) fn number(last: u8) -> QrPaymentId {
    format!("1273769435{last}").parse().unwrap()
}

fn x_request_id() -> String {
    "01a21fdf-8667-745e-a60e-c8f87b15dc29".to_owned()
}

fn reason() -> Reason {
    "seen in the app".parse().unwrap()
}

/// A payment that is about to be created.
pub(super) fn made(last: u8, kind: Kind) -> PaymentRow {
    let (config, seconds) = (config(), i64::from(last));
    PaymentRow {
        id: id(last),
        phone: Some("7701***1545".to_owned()),
        invoice: Some(format!("order-{last}").parse().unwrap()),
        request_key: Some(format!("key-{last}").parse().unwrap()),
        ..PaymentRow::frozen(&config, &config.counterparty(), kind, tiyn(10_000), at(seconds))
    }
}

/// A call that begins, and how it ends.
pub(super) fn call(told: &mut Vec<Change>, begin: Change, ending: Ending) {
    told.push(begin);
    let intent = u64::try_from(told.len()).unwrap();
    told.push(Change::Ended { intent, outcome: outcome(ending) });
}

pub(super) fn create(payment: PaymentRow) -> Change {
    let (wrote, reason) = (Some(wrote()), Some(reason()));
    Change::CreateIntended { payment: Box::new(payment), wrote, x_request_id: x_request_id(), reason }
}

pub(super) fn created(number: QrPaymentId) -> Ending {
    Ending::Created {
        qr_payment_id: number,
        link: Some("https://pay.kaspi.kz/pay/1".to_owned()),
        qr_token: Some("token".to_owned()),
        expires_at: Some(at(300)),
        bank_deadline: Some(at(301)),
        poll_every_ms: Some(5_000),
        confirm_ms: Some(65_000),
    }
}

pub(super) fn pay_back(payment: PaymentId, last: u8) -> Change {
    let mut row = refund(RefundState::Running);
    (row.id, row.key) = (id(last), Some(format!("refund-{last}").parse().unwrap()));
    let key = row.key.clone();
    Change::RefundIntended { payment, refund: row, key, wrote: Some(wrote()), x_request_id: x_request_id() }
}

fn seen(last: u8, seen: Seen) -> Change {
    Change::Seen { payment: id(last), seen }
}

pub(super) fn resolved(last: u8, closed: Closed) -> Change {
    Change::Resolved { payment: id(last), closed, reason: reason() }
}

pub(super) fn sold(told: &mut Vec<Change>) {
    told.push(create(made(1, Kind::Remote)));
    let intent = u64::try_from(told.len()).unwrap();
    let refused = FirstRefusal { provider_code: Some(-1501), error: "no".to_owned() };
    told.push(Change::SentAgain { intent, payment: id(1), refused, x_request_id: x_request_id() });
    told.push(Change::Ended { intent, outcome: outcome(created(number(1))) });
    told.push(seen(
        1,
        Seen::Status {
            kaspi_status: "Processed".to_owned(),
            state: State::Paid,
            paid_at: Some((at(30), PaidAtSource::Bank)),
            total: Some(tiyn(10_000)),
            details: Some(DetailsRead::Total(tiyn(10_000))),
        },
    ));
}

fn paid_back(told: &mut Vec<Change>) {
    call(told, pay_back(id(1), 21), Ending::Refunded { return_operation_id: Some("5001".to_owned()) });
    call(told, pay_back(id(1), 22), Ending::RefundLost);
    call(told, pay_back(id(1), 23), Ending::Nothing);
    let bookings =
        [Booking::NotSeen(id(22)), Booking::Doubted(id(22)), Booking::Happened(id(22)), Booking::Elsewhere(tiyn(100))];
    told.extend(bookings.map(|booking| seen(1, Seen::Booked(booking))));
}

fn looked_at(told: &mut Vec<Change>) {
    let processed = || "Processed".to_owned();
    let sights = [
        Seen::Contradicted { kaspi_status: "Error".to_owned() },
        Seen::Confirmed { kaspi_status: processed() },
        Seen::Details(DetailsRead::Refused("no".to_owned())),
        Seen::Details(DetailsRead::Total(tiyn(9_900))),
        Seen::Total(tiyn(9_800)),
        Seen::BalanceAbove(Some(tiyn(9_000))),
    ];
    told.extend(sights.map(|sight| seen(1, sight)));
}

fn lost(told: &mut Vec<Change>) {
    call(told, create(made(2, Kind::Qr)), Ending::Lost { dead_at: Some(at(300)) });
    told.push(seen(2, Seen::Dead));
    call(told, create(made(3, Kind::Link)), Ending::Lost { dead_at: None });
    told.push(resolved(3, Closed::Abandoned));
    call(told, create(made(4, Kind::Remote)), Ending::Nothing);
}

fn taken(told: &mut Vec<Change>) {
    call(told, create(made(5, Kind::Remote)), Ending::NumberTaken { qr_payment_id: number(1), by: id(1) });
    let attached = Closed::Attached {
        qr_payment_id: number(5),
        kaspi_status: "Wait".to_owned(),
        doubt: Some(Doubt::Unproven),
        bank_deadline: Some(at(301)),
    };
    told.push(resolved(5, attached));
    told.push(seen(5, Seen::Details(DetailsRead::Refused("of another".to_owned()))));
    told.push(resolved(5, Closed::Paid(true)));
}

fn cancelled(told: &mut Vec<Change>) {
    call(told, create(made(6, Kind::Link)), created(number(6)));
    let (key, wrote) = (Some("cancel-6".parse().unwrap()), Some(wrote()));
    let cancel = Change::CancelIntended { payment: id(6), key, wrote, x_request_id: x_request_id() };
    call(told, cancel, Ending::Cancelled { kaspi_status: "RemotePaymentCanceled".to_owned() });
}

/// What an earlier system made, with a refund in each of its states.
fn from_before(told: &mut Vec<Change>) {
    let states = [
        RefundState::Running,
        RefundState::Unsettled,
        RefundState::Doubted,
        RefundState::Success(Evidence::Person),
        RefundState::Failed { by_person: true },
        RefundState::Watched,
    ];
    let mut refunds: Vec<_> = states.map(refund).into();
    (31..).zip(&mut refunds).for_each(|(last, refund)| refund.id = id(last));
    let row = PaymentRow { id: id(7), qr_payment_id: Some(number(7)), refunds, ..payment() };
    told.push(Change::Adopted { payment: Box::new(row), x_request_id: x_request_id() });
    told.push(resolved(7, Closed::Refund { refund: id(33), happened: true }));
    let row = PaymentRow { id: id(8), qr_payment_id: Some(number(8)), doubt: None, ..payment() };
    let (payment, becomes) = (Some(id(8)), Some(Box::new(row)));
    told.push(Change::Imported { row: Box::new(imported()), payment, becomes });
    told.push(Change::Imported { row: Box::new(imported()), payment: None, becomes: None });
}

/// Two backups were put back, and nobody has looked at the second; a create was under way when the file was left.
fn restored(told: &mut Vec<Change>) {
    let place = |seq| LogPlace { seq, at: Some(at(5)) };
    let gap = Gap { backup: place(9), made_at: at(6), replaced: Some(place(12)) };
    told.push(Change::Restored(gap.clone()));
    told.push(Change::RestoreAcknowledged { restored: u64::try_from(told.len()).unwrap() });
    told.push(Change::Restored(Gap { replaced: None, ..gap }));
    told.push(create(made(9, Kind::Remote)));
}

/// The key and certificate changed, and end soon.
fn identities(told: &mut Vec<Change>) {
    let fingerprint = [7; 32];
    told.push(Change::Identity { told: IdentityTold::Changed { fingerprint }, note: note() });
    told.push(Change::Identity { told: IdentityTold::Expiring { fingerprint, days: 14 }, note: note() });
}
