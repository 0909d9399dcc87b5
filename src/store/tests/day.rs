//! A shop's day, step by step, as the service writes it.

use crate::domain::{Dialect, Kind, LogStatus, OperationType, PaidAtSource, State};
use crate::failure::Failure;
use crate::id::{PaymentId, PaymentRef};
use crate::moment::Moment;
use crate::money::Amount;
use crate::store::events::sha_at;
use crate::store::{
    CallOutcome, Change, ConfigRow, Ending, Field, Note, PaymentRow, RefundRow, RefundState, Seen, Store, Wrote, event,
};

pub(super) const BIN: &str = "891027350515";
const POINT: &str = "104039";

/// A step: written by one job.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Enrol,
    Write(Change),
    /// How the call of this step of the day ended.
    End(usize, CallOutcome),
}

pub(super) fn outcome(ending: Ending) -> CallOutcome {
    let status = if ending == Ending::Nothing { LogStatus::Failed } else { LogStatus::Success };
    CallOutcome { status, error: None, provider_code: None, duration_ms: 7, ending }
}

pub(super) fn created(number: u64) -> Ending {
    Ending::Created {
        bank_deadline: None,
        qr_payment_id: number.to_string().parse().unwrap(),
        link: None,
        qr_token: None,
        expires_at: Some(Moment::now()),
        poll_every_ms: None,
        confirm_ms: None,
    }
}

pub(super) fn payment(number: u64) -> PaymentRow {
    let now = Moment::now();
    PaymentRow {
        id: PaymentId::fresh(),
        qr_payment_id: None,
        kind: Kind::Remote,
        state: State::Creating,
        kaspi_status: None,
        shop_id: 8,
        config_id: 1,
        organization_bin: BIN.parse().unwrap(),
        description: None,
        trade_point_id: POINT.parse().unwrap(),
        trade_point_name: Some("Main Office (Almaty, Abay Avenue 10)".to_owned()),
        dialect: Dialect::Bank,
        bank: "https://127.0.0.1".parse().unwrap(),
        amount: Amount::try_from(10_000 + number).unwrap(),
        refunded_elsewhere: Amount::ZERO,
        refunds: Vec::new(),
        phone: Some("7701***1545".to_owned()),
        comment: None,
        invoice: Some(format!("order-{number}").parse().unwrap()),
        link: None,
        qr_token: None,
        expires_at: None,
        poll_every_ms: None,
        confirm_ms: None,
        request_key: Some(format!("key-{number}").parse().unwrap()),
        supersedes: None,
        late: false,
        was_over: false,
        acknowledged: false,
        is_closed: false,
        other_totals: crate::store::doubt::OtherTotals::default(),
        number_taken: None,
        doubt: None,
        contradiction: None,
        balance_above: None,
        overruled: None,
        bank_deadline: None,
        paid_seen_at: None,
        created_at: now,
        updated_at: now,
        paid_at: None,
        paid_at_source: None,
    }
}

pub(super) fn create(payment: &PaymentRow) -> Change {
    let wrote = Wrote(vec![(Field::Operation, [1; 8]), (Field::AmountTiyn, payment.amount.tiyn().to_be_bytes())]);
    Change::CreateIntended {
        payment: Box::new(payment.clone()),
        wrote: Some(wrote),
        x_request_id: uuid::Uuid::new_v4().to_string(),
        reason: None,
    }
}

fn refund(payment: &PaymentRow, number: u64) -> Change {
    let refund = RefundRow {
        id: PaymentId::fresh(),
        amount: Amount::try_from(100 + number).unwrap(),
        state: RefundState::Running,
        at: Moment::now(),
        balance_before: Some(payment.amount),
        return_operation_id: None,
        key: None,
        is_claimed: false,
        asked: None,
    };
    let (key, x_request_id) = (Some(format!("refund-{number}").parse().unwrap()), "1".to_owned());
    Change::RefundIntended { payment: payment.id, refund, key, wrote: Some(Wrote::default()), x_request_id }
}

fn cancel(payment: &PaymentRow) -> Change {
    Change::CancelIntended { payment: payment.id, key: None, wrote: None, x_request_id: "2".to_owned() }
}

fn seen(payment: &PaymentRow, kaspi_status: &str, state: State) -> Step {
    let paid_at = (state == State::Paid).then(|| (Moment::now(), PaidAtSource::Seen));
    let seen = Seen::Status { kaspi_status: kaspi_status.to_owned(), state, paid_at, total: None, details: None };
    Step::Write(Change::Seen { payment: payment.id, seen })
}

/// An organisation is enrolled, and for each of `customers`: a create; then it is paid and partly paid back, or
/// cancelled, or its answer is lost, or it is refused.
pub(super) fn day(customers: u64) -> Vec<Step> {
    let mut steps = vec![Step::Enrol];
    for number in 0..customers {
        let payment = payment(number);
        let begun = steps.len();
        steps.push(Step::Write(create(&payment)));
        let ending = match number % 4 {
            0 | 1 => created(12_737_000_000 + number),
            2 => Ending::Lost { dead_at: None },
            _ => Ending::Nothing,
        };
        steps.push(Step::End(begun, outcome(ending)));
        match number % 4 {
            0 => {
                steps.push(seen(&payment, "Processed", State::Paid));
                let begun = steps.len();
                steps.push(Step::Write(refund(&payment, number)));
                let refunded = Ending::Refunded { return_operation_id: Some(number.to_string()) };
                steps.push(Step::End(begun, outcome(refunded)));
            }
            1 => {
                let begun = steps.len();
                steps.push(Step::Write(cancel(&payment)));
                let cancelled = Ending::Cancelled { kaspi_status: "RemotePaymentCanceled".to_owned() };
                steps.push(Step::End(begun, outcome(cancelled)));
            }
            _ => {}
        }
    }
    steps
}

/// Writes one step; `begun` are the events of the steps so far. Gives the step's event.
pub(super) async fn write(store: &Store, step: &Step, begun: &[u64]) -> Result<u64, Failure> {
    match step.clone() {
        Step::Enrol => {
            let job = move |writing: &mut crate::store::Writing<'_>| {
                let row = Box::new(ConfigRow::sample(writing.now));
                let token = "577b4b39-1e7e-43d2-83c3-a0116118ef16".to_owned().try_into().unwrap();
                writing.put_device(None, (&row.organization_bin, &row.trade_point_id), &token)?.unwrap();
                Ok(writing.append(None, Change::Config { row, note: Note::done(OperationType::Register) })?)
            };
            store.write(job).await
        }
        Step::Write(change) => store.write(move |writing| Ok(writing.append(None, change)?)).await,
        Step::End(step, outcome) => {
            let intent = begun[step];
            let job = move |writing: &mut crate::store::Writing<'_>| {
                Ok(writing.append(None, Change::Ended { intent, outcome: outcome.clone() })?)
            };
            store.keep(job).await
        }
    }
}

/// The hash of an event; the chain makes it say the same of everything before it.
pub(super) fn sha(store: &Store, seq: u64) -> Option<event::Sha> {
    store.read(|reading| Ok(sha_at(reading, seq)?)).unwrap()
}

/// The payments of the day as they stand.
pub(super) fn payments(store: &Store, day: &[Step]) -> Vec<Option<PaymentRow>> {
    let ids = day.iter().filter_map(|step| match step {
        Step::Write(Change::CreateIntended { payment, .. }) => Some(payment.id),
        _ => None,
    });
    ids.map(|id| store.read(|reading| Ok(reading.payment(&PaymentRef::Id(id))?)).unwrap()).collect()
}
