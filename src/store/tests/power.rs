//! The power goes at every flush of a day, in turn, and the disk keeps of the last writes what it likes: what was
//! answered is there, the chain is whole, and the day goes on.

use super::day::{Step, day, payments, sha, write};
use super::disk::{Disk, Survives};
use crate::store::check_chain;
use crate::store::{Chain, PaymentRow, Store, event};

/// What was known when the last step had been answered.
#[derive(Default)]
struct Answered {
    /// The events of the steps.
    events: Vec<u64>,
    shas: Vec<event::Sha>,
    payments: Vec<Option<PaymentRow>>,
}

/// Writes the day as far as the disk takes it.
async fn live(store: &Store, day: &[Step]) -> Answered {
    let mut answered = Answered::default();
    for step in day {
        let Ok(seq) = write(store, step, &answered.events).await else { break };
        answered.events.push(seq);
        answered.shas.push(sha(store, seq).unwrap());
        answered.payments = payments(store, day);
    }
    answered
}

async fn judge(disk: &Disk, day: &[Step], answered: &Answered, cut: &str) {
    let store = disk.store().unwrap_or_else(|error| panic!("{cut}: does not open: {error}"));
    let mut chain = Chain::new(None).with_tokens();
    while !store.walk_here(|walk| Ok(check_chain(walk, &mut chain)?)).unwrap() {}
    let verdict = chain.verdict(None);
    assert!(verdict.ok, "{cut}: {verdict:?}");
    for (seq, known) in answered.events.iter().zip(&answered.shas) {
        assert_eq!(sha(&store, *seq).as_ref(), Some(known), "{cut}: event {seq} was answered and is not there");
    }
    // The step in flight may have been kept: then its payment may stand further than was answered.
    let last = answered.events.last().copied().unwrap_or(0);
    let found = payments(&store, day);
    let further = answered.payments.iter().zip(&found).filter(|(known, found)| known != found).count();
    // One step, which is two events where it sets a token.
    let events_ahead = usize::try_from(verdict.events - last).unwrap();
    let ahead = usize::from(events_ahead > 0);
    assert!(further <= ahead && events_ahead <= 2, "{cut}: {further} payments differ, {events_ahead} events are ahead");
    if let Some(step) = day.get(answered.events.len() + ahead) {
        let mut events = answered.events.clone();
        events.extend((ahead == 1).then_some(verdict.events));
        write(&store, step, &events).await.unwrap_or_else(|failure| panic!("{cut}: the day does not go on: {failure}"));
    }
    store.close();
}

#[tokio::test]
async fn what_was_answered_survives_a_power_cut_at_any_flush() {
    let day = day(12);
    let flushes = {
        let disk = Disk::furnished();
        let before = disk.flushes();
        let store = disk.store().unwrap();
        assert_eq!(live(&store, &day).await.events.len(), day.len());
        store.close();
        before..disk.flushes()
    };
    assert!(flushes.clone().count() > day.len(), "{flushes:?} for {} steps", day.len());
    for flush in flushes {
        let disk = Disk::furnished();
        disk.cut_at(flush + 1);
        let answered = match disk.store() {
            Ok(store) => {
                let answered = live(&store, &day).await;
                store.close();
                answered
            }
            // Gone while the file was being opened.
            Err(_) => Answered::default(),
        };
        assert!(disk.is_off(), "flush {flush} was never reached");
        let odd = 0x5555_5555_5555_5555;
        for survives in [
            Survives::Nothing,
            Survives::All,
            Survives::Head,
            Survives::Some(odd),
            Survives::Some(!odd),
            Survives::Some(odd.wrapping_mul(flush)),
        ] {
            let cut = format!("power cut at flush {flush}, {survives:?} survives");
            judge(&disk.after_power_cut(survives), &day, &answered, &cut).await;
        }
    }
}
