//! After a backup was put back: the log does not know what happened since it was made, so no money moves until a
//! person has looked.

use crate::failure::{Code, Failure};
use crate::operation::{Acknowledged, ProblemItem, Reply, RestoredGap};
use crate::service::Context;
use crate::store::{Change, Event, Store};

/// What to look at; also the remedy in health.
const HINT: &str = "Compare the payments and refunds in the Kaspi Pay app since the backup was made with kaspictl \
                    payment list; take in what is missing: kaspictl payment adopt QRID --bin BIN. See that no till asks for a \
                    sale of that time again, also not under its key: the state does not know it any more and would bill \
                    anew. Then: kaspictl restore --acknowledge";

/// Refuses to move money while a gap is open.
pub(in crate::service) fn without_gap(store: &Store) -> Result<(), Failure> {
    let open = store.read(|reading| Ok(reading.restored()?))?;
    match open.first() {
        None => Ok(()),
        Some((_, event)) => Err(Failure::new(Code::RestoredGap, detail(event)).with_hint(HINT)),
    }
}

/// The gaps that nobody has acknowledged, for health.
pub(super) fn gap_problems(store: &Store) -> Result<Vec<ProblemItem>, Failure> {
    let open = store.read(|reading| Ok(reading.restored()?))?;
    let problem = |(_, event): &(u64, Event)| ProblemItem {
        code: Code::RestoredGap.word().to_owned(),
        detail: detail(event),
        remedy: HINT.to_owned(),
        payment: None,
        config_id: None,
    };
    Ok(open.iter().map(problem).collect())
}

/// Closes every open gap; none is no mistake.
pub(in crate::service) async fn acknowledge_restore(store: &Store, context: &Context) -> Result<Reply, Failure> {
    context.sees_everything()?;
    let actor = context.caller.actor();
    let closed = store.write(move |writing| {
        let open = writing.restored()?;
        for (restored, _) in &open {
            writing.append(Some(actor.clone()), Change::RestoreAcknowledged { restored: *restored })?;
        }
        Ok(open)
    });
    let gaps = closed.await?.iter().filter_map(|(seq, event)| view(*seq, event)).collect();
    Ok(Reply::Acknowledged(Acknowledged { gaps }))
}

fn detail(event: &Event) -> String {
    let what = match &event.change {
        Change::Restored(gap) => gap.to_string(),
        _ => "a backup was put back".to_owned(),
    };
    format!("{what}: what happened since is not in this log")
}

fn view(seq: u64, event: &Event) -> Option<RestoredGap> {
    let Change::Restored(gap) = &event.change else { return None };
    Some(RestoredGap {
        event: seq,
        restored_at: event.at,
        backup_event: gap.backup.seq,
        backup_at: gap.backup.at,
        replaced_event: gap.replaced.map(|place| place.seq),
        replaced_at: gap.replaced.and_then(|place| place.at),
    })
}
