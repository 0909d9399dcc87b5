//! A day report asks Kaspi once for each payment of that day that is still open (design §6.6), and does not wait for
//! a bank that does not answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::chance::select;
use crate::id::{OrganizationBin, PaymentId};
use crate::operation::Failure;
use crate::service::{Request, Service, Settings};
use crate::store::{PaymentRow, Window};

/// Looks of one report at one time.
const AT_ONCE: usize = 8;

/// All looks of one report together; the report is then made of what is known.
const WITHIN: Duration = Duration::from_secs(10);

/// Characters kept of why Kaspi could not be asked.
const REASON: usize = 200;

/// Why Kaspi could not be asked, for each payment for which it could not.
pub(super) type NotAsked = HashMap<PaymentId, String>;

impl Service {
    /// Asks for the open payments made in the window that the caller sees.
    pub(super) async fn ask_open(
        &self,
        request: &Request,
        window: Window,
        bin: Option<&OrganizationBin>,
    ) -> Result<NotAsked, Failure> {
        let wanted = |row: &PaymentRow| request.sees(row) && bin.is_none_or(|bin| row.organization_bin == *bin);
        let mut waiting = self.store.read(|reading| Ok(reading.waiting_of(window, wanted)?))?.into_iter();
        let until = Instant::now() + WITHIN;
        let (mut looks, mut not_asked) = (JoinSet::new(), NotAsked::new());
        // One that has no turn in time asks nothing and says why.
        let _turn = timeout_at(until, self.state.reporting.lock()).await;
        loop {
            while looks.len() < AT_ONCE
                && let Some(id) = waiting.next()
            {
                looks.spawn(look(self.clone(), Arc::clone(&request.settings), id, until));
            }
            match looks.join_next().await {
                None => return Ok(not_asked),
                Some(Ok(Some((id, why)))) => drop(not_asked.insert(id, why)),
                // Asked; a look that panicked has said so in the journal.
                Some(Ok(None) | Err(_)) => {}
            }
        }
    }
}

/// One look; why it was none, if so.
async fn look(service: Service, settings: Arc<Settings>, id: PaymentId, until: Instant) -> Option<(PaymentId, String)> {
    let late = || format!("Kaspi did not answer within the {} s of this report", WITHIN.as_secs());
    if Instant::now() >= until {
        return Some((id, late()));
    }
    let why = select! {
        asked = timeout_at(until, service.asked(&settings, id)) => match asked {
            Ok(Ok(())) => return None,
            Ok(Err(failure)) => failure.detail.chars().take(REASON).collect(),
            Err(_) => late(),
        },
        () = service.stopped() => "kaspid is stopping".to_owned(),
    };
    Some((id, why))
}
