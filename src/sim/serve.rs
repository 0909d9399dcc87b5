//! A till at work: it asks, waits, hears and asks again.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::fate::{self, note};
use super::shop::{SETTLE, Shop};
use super::till::{EVER, SharedTill, Want, What};
use super::{answers, clock};
use crate::failure::Failure;
use crate::id::PaymentRef;
use crate::moment::Span;
use crate::money::Amount;
use crate::operation::{CancelPayment, CreatePayment, GetPayment, Operation, PayBack, Payment, RefundPayment, Reply};

/// Serves its customers until they have all gone.
pub(super) async fn work(till: SharedTill, shop: Shop) {
    loop {
        let (want, patience) = {
            let mut till = till.lock().unwrap();
            let Some(want) = till.want() else { return };
            (want, till.patience())
        };
        until_allowed(&want, &shop).await;
        note(|| format!("{} asks {:?} (try {}) of {:?}", want.key, want.what, want.tries, want.payment));
        let calling = tokio::spawn({
            let (shop, want) = (shop.clone(), want.clone());
            async move { shop.run(Some(&want.key), operation(&want)).await }
        });
        let answer = match timeout(patience, calling).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => return fate::broken(format!("{}: the call panicked: {error}", want.key)),
            Err(_) if patience == EVER => return fate::broken(format!("{want:?} waits for ever")),
            Err(_) => None,
        };
        if fate::is_dead() {
            return std::future::pending().await;
        }
        let answer = answer.map(|answer| answer.map(payment));
        note(|| format!("{} is told {}", want.key, short(&answer)));
        if let Some(answer) = &answer {
            answers::check_answer(&shop.line, &want, answer);
        }
        let pause = {
            let mut till = till.lock().unwrap();
            till.hear(answer);
            till.pause()
        };
        sleep(pause).await;
    }
}

/// The care that the tills' module speaks of.
async fn until_allowed(want: &Want, shop: &Shop) {
    let (What::Refund(_), Some(begun), true) = (&want.what, want.begun, want.tries > 1) else { return };
    loop {
        let now = clock::now();
        let quiet_at = shop.line.look(|bank| bank.of_amount(want.amount).map(|bill| bill.quiet_at).max());
        let quiet_at = quiet_at.unwrap_or_default();
        if now + Duration::from_secs(1) < begun + SETTLE || now > quiet_at {
            return;
        }
        sleep(quiet_at + Duration::from_millis(1) - now).await;
    }
}

fn payment(reply: Reply) -> Box<Payment> {
    match reply {
        Reply::Created(payment) | Reply::Payment(payment) => Box::new(payment),
        other => panic!("not about a payment: {other:?}"),
    }
}

fn short(answer: &Option<Result<Box<Payment>, Failure>>) -> String {
    match answer {
        None => "nothing".to_owned(),
        Some(Ok(payment)) => format!(
            "{} {} refunded {} elsewhere {} {:?}",
            payment.id,
            payment.state,
            payment.refunded_tiyn,
            payment.refunded_elsewhere_tiyn,
            payment.refunds.iter().map(|refund| (refund.amount_tiyn.tiyn(), refund.status)).collect::<Vec<_>>()
        ),
        Some(Err(failure)) => format!("{failure} (money {:?}, retryable {})", failure.money, failure.retryable),
    }
}

fn operation(want: &Want) -> Operation {
    let amount = |tiyn| Amount::from_tiyn(tiyn).unwrap();
    let id = want.payment.map(PaymentRef::Id);
    match (&want.what, id) {
        (What::Create { supersedes }, _) => Operation::Create(CreatePayment {
            kind: want.kind,
            amount_tiyn: amount(want.amount),
            phone_number: Some("77015211545".parse().unwrap()),
            comment: None,
            invoice: want.invoice.then(|| format!("order-{}", want.amount).parse().unwrap()),
            repeat_invoice: false,
            shop_id: None,
            organization_bin: Some(super::bank::ORGANISATIONS[want.organisation].0.parse().unwrap()),
            wait: want.wait.map(Span::from_secs),
            supersedes: *supersedes,
            reason: supersedes.map(|_| "the customer's phone shows nothing".to_owned().try_into().unwrap()),
        }),
        (What::See(wait), Some(payment)) => {
            GetPayment { payment, wait: (*wait > 0).then(|| Span::from_secs(*wait)) }.into()
        }
        (What::Cancel, Some(payment)) => CancelPayment { payment }.into(),
        (What::Refund(part), Some(payment)) => {
            PayBack { payment, refund: RefundPayment { amount_tiyn: part.map(amount), repeat_refund: false } }.into()
        }
        (_, None) => panic!("no payment: {want:?}"),
    }
}
