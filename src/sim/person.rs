//! A person who does what the daemon says that a person must: looks into the bank's books and tells it what is there.
//! Truthfully, and not before everything there is visible; how soon, the seed says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::books::callers;
use super::chance::Chance;
use super::clock;
use super::fate::{is_dead, note};
use super::shop::Shop;
use crate::domain::{LogStatus, State};
use crate::id::{PaymentId, PaymentRef};
use crate::operation::{Health, HealthQuery, Payment, Reply, Resolve, ResolvePayment};

/// What a person answers to.
pub(super) type Person = Arc<Mutex<Chance>>;

/// Looks at what needs a person once in a while.
pub(super) async fn work(person: Person, shop: Shop) {
    loop {
        let rest = person.lock().unwrap().span(Duration::from_secs(30), Duration::from_secs(4 * 3600));
        sleep(rest).await;
        let eager = person.lock().unwrap().percent(50);
        if eager {
            close_all(&shop).await;
        }
    }
}

/// Closes what can be closed truthfully now; how many.
pub(super) async fn close_all(shop: &Shop) -> usize {
    let Ok(Reply::Health(Health { problems, .. })) = shop.run(None, HealthQuery).await else { return 0 };
    let mut closed = 0;
    for problem in problems {
        let Some(id) = problem.payment else { continue };
        let Some(resolution) = answer(shop, &problem.code, id).await else { continue };
        note(|| format!("a person closes {} of {id}: {resolution:?}", problem.code));
        let done = shop.run(None, ResolvePayment { payment: PaymentRef::Id(id), resolution }).await;
        note(|| format!("that gives {:?}", done.as_ref().map(|_| ()).map_err(ToString::to_string)));
        closed += usize::from(done.is_ok() && !is_dead());
    }
    closed
}

async fn answer(shop: &Shop, code: &str, id: PaymentId) -> Option<Resolve> {
    let row = row(shop, id).await?;
    let reason = "looked into the Kaspi Pay app".to_owned().try_into().unwrap();
    let bill = shop.line.look(|bank| bank.bill_of(&row).cloned());
    if bill.as_ref().is_some_and(|bill| bill.quiet_at >= clock::now()) {
        return None;
    }
    match (code, bill) {
        ("payment_unknown", Some(bill)) if row.state == State::Unknown => {
            Some(Resolve::Attach { qr_payment_id: bill.number.to_string().parse().unwrap(), reason })
        }
        ("payment_unknown", None) => Some(Resolve::Abandon { reason }),
        ("payment_late", _) => Some(Resolve::Paid { paid: true, reason }),
        ("refund_pending", Some(bill)) => {
            let doubted = row.refunds.iter().find(|refund| refund.status == LogStatus::Pending)?;
            let sent = callers(shop, Some(id)).await;
            let sent = sent.iter().filter(|(_, call)| call.at == doubted.at).map(|(x_request_id, _)| x_request_id);
            let sent: Vec<_> = sent.collect();
            let happened = bill.backs.iter().any(|back| back.by.as_ref().is_some_and(|by| sent.contains(&by)));
            Some(Resolve::Refund { refund: doubted.id, happened, reason })
        }
        _ => None,
    }
}

/// A payment as the daemon has it, without asking the bank.
pub(super) async fn row(shop: &Shop, id: PaymentId) -> Option<Payment> {
    shop.store.read(|reading| Ok(reading.payment(&PaymentRef::Id(id))?)).ok()?.map(|row| row.view())
}
