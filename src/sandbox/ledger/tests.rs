#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use super::*;

const BIN: &str = "891027350515";

fn at(seconds: u64) -> Moment {
    Moment::from_millis(1_764_000_000_000).after(Duration::from_secs(seconds))
}

fn made(kind: PaymentKind) -> (Ledger, u64) {
    let mut ledger = Ledger::new(Timers::default());
    let order = Bill {
        kind,
        bin: BIN.to_owned(),
        trade_point: "104039".to_owned(),
        amount: Amount::from_tiyn(10_000).unwrap(),
        phone: None,
        comment: None,
        external_id: None,
    };
    let id = ledger.create(order, at(0)).id;
    (ledger, id)
}

fn status(ledger: &mut Ledger, id: u64, now: Moment) -> &'static str {
    ledger.payment(id, now).unwrap().status()
}

#[test]
fn an_unscanned_token_dies_after_180_seconds() {
    for kind in [PaymentKind::Qr, PaymentKind::Link] {
        let (mut ledger, id) = made(kind);
        assert_eq!(status(&mut ledger, id, at(179)), "QrTokenCreated");
        assert_eq!(status(&mut ledger, id, at(180)), "Error");
        assert_eq!(ledger.act(id, Act::Scan, false, at(181)), Err(NotNow));
    }
}

#[test]
fn a_scanned_token_waits_65_seconds_for_the_confirmation() {
    let (mut ledger, id) = made(PaymentKind::Qr);
    assert_eq!(ledger.act(id, Act::Pay, false, at(1)), Err(NotNow), "not scanned yet");
    ledger.act(id, Act::Scan, false, at(170)).unwrap();
    assert_eq!(status(&mut ledger, id, at(234)), "Wait");
    assert_eq!(status(&mut ledger, id, at(235)), "Error");
    assert_eq!(
        ledger.payment(id, at(235)).unwrap().phase,
        PaymentPhase::Failed { at: at(235), why: NotPaid::NotConfirmed }
    );
    assert_eq!(ledger.effects_of(BIN).paid, 0, "the money went back");
}

#[test]
fn an_invoice_lives_a_day_and_can_be_paid_at_any_time_in_it() {
    let (mut ledger, id) = made(PaymentKind::Remote);
    assert_eq!(ledger.act(id, Act::Scan, false, at(1)), Err(NotNow), "an invoice is not scanned");
    assert_eq!(status(&mut ledger, id, at(24 * 3600 - 1)), "RemotePaymentCreated");
    let (mut late, late_id) = made(PaymentKind::Remote);
    ledger.act(id, Act::Pay, false, at(24 * 3600 - 1)).unwrap();
    assert_eq!(status(&mut ledger, id, at(48 * 3600)), "Processed");
    assert_eq!(status(&mut late, late_id, at(24 * 3600)), "Error");
    assert_eq!((ledger.effects_of(BIN).paid, ledger.effects_of(BIN).paid_tiyn), (1, 10_000));
}

#[test]
fn only_an_outstanding_invoice_can_be_cancelled_and_twice_is_once() {
    let (mut ledger, id) = made(PaymentKind::Remote);
    ledger.cancel(id, at(1)).unwrap();
    ledger.cancel(id, at(2)).unwrap();
    assert_eq!(status(&mut ledger, id, at(3)), "RemotePaymentCanceled");
    assert_eq!(ledger.effects_of(BIN).cancels, 1);
    assert_eq!(ledger.act(id, Act::Pay, false, at(4)), Err(NotNow));

    let (mut paid, id) = made(PaymentKind::Remote);
    paid.act(id, Act::Pay, false, at(1)).unwrap();
    assert_eq!(paid.cancel(id, at(2)), Err(NotNow));
    let (mut qr, id) = made(PaymentKind::Qr);
    assert_eq!(qr.cancel(id, at(1)), Err(NotNow));
}

#[test]
fn refunds_accumulate_and_a_late_one_is_not_shown_yet() {
    let (mut ledger, id) = made(PaymentKind::Remote);
    ledger.act(id, Act::Pay, false, at(1)).unwrap();
    let part = Amount::from_tiyn(2_500).unwrap();
    let first = ledger.refund(id, part, Duration::ZERO, at(2)).unwrap();
    let second = ledger.refund(id, part, Duration::from_secs(10), at(2)).unwrap();
    assert_ne!(first, second);
    let payment = ledger.payment(id, at(3)).unwrap();
    assert_eq!((payment.shown_balance(at(3)).tiyn(), payment.balance().tiyn()), (7_500, 5_000));
    assert_eq!(payment.shown_balance(at(12)).tiyn(), 5_000);
    ledger.refund_elsewhere(id, part, at(13)).unwrap();
    let effects = *ledger.effects_of(BIN);
    assert_eq!((effects.refunds, effects.refunded_tiyn), (2, 5_000));
    assert_eq!((effects.refunds_elsewhere, effects.refunded_elsewhere_tiyn), (1, 2_500));
}

#[test]
fn ids_are_the_guides_and_ascend() {
    let (mut ledger, id) = made(PaymentKind::Remote);
    assert_eq!(id.to_string(), "12737694350");
    let order = ledger.payment(id, at(0)).unwrap().order.clone();
    assert_eq!(ledger.create(order, at(0)).id, id + 1);
}
