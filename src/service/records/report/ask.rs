//! A day report asks Kaspi once for each payment of that day that is still open, for a moment only: of the rest it says
//! when they were last asked about. It waits neither for a bank that does not answer nor for the turns of thousands.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::failure::Failure;
use crate::id::{OrganizationBin, PaymentId};
use crate::moment::Moment;
use crate::service::payment::{For, Statuses};
use crate::service::stop::Stopping;
use crate::service::{Context, Settings};
use crate::store::{PaymentRow, Store, Window, waiting_of};

/// Looks of one report at one time.
const AT_ONCE: usize = 8;

/// All looks of one report together; the report is then made of what is known, so that it comes within two seconds.
const WITHIN: Duration = Duration::from_millis(1_750);

/// Characters kept of why Kaspi could not be asked.
const REASON: usize = 200;

/// What a report says of how Kaspi was asked.
pub(super) struct Inquiry {
    statuses: Arc<Statuses>,
    /// Why Kaspi could not be asked, for each payment for which it could not.
    not_asked: HashMap<PaymentId, Cow<'static, str>>,
}

impl Inquiry {
    pub(super) fn not_asked(&self, id: PaymentId) -> Option<String> {
        self.not_asked.get(&id).map(|why| why.clone().into_owned())
    }

    pub(super) fn how_many_not(&self) -> usize {
        self.not_asked.len()
    }

    pub(super) fn last_asked(&self, id: PaymentId) -> Option<Moment> {
        self.statuses.ages.last_read(id)
    }
}

/// Asks about open payments; touches what their statuses tell.
#[derive(Clone)]
pub(super) struct OpenPayments {
    store: Store,
    statuses: Arc<Statuses>,
    stop: Stopping,
    /// One report asks at a time: many would take all turns of the rate.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl OpenPayments {
    pub(super) fn new(store: Store, statuses: Arc<Statuses>, stop: Stopping) -> Self {
        Self { store, statuses, stop, turn: Arc::default() }
    }

    /// For a report that asks nothing.
    pub(super) fn unasked(&self) -> Inquiry {
        Inquiry { statuses: self.statuses.clone(), not_asked: HashMap::new() }
    }

    /// Asks for the open payments made in the window that the caller sees, those that were not asked about for longest
    /// first.
    pub(super) async fn ask(
        &self,
        context: &Context,
        window: Window,
        bin: Option<&OrganizationBin>,
    ) -> Result<Inquiry, Failure> {
        let until = Instant::now() + WITHIN;
        let (seen, bin) = (context.clone(), bin.cloned());
        let wanted =
            move |row: &PaymentRow| seen.sees(row) && bin.as_ref().is_none_or(|bin| row.organization_bin == *bin);
        let mut waiting = self.store.walk(move |walk| Ok(waiting_of(walk, window, wanted)?)).await?;
        waiting.sort_by_cached_key(|id| self.statuses.ages.last_read(*id));
        let mut waiting = waiting.into_iter();
        let (mut looks, mut asking) = (JoinSet::new(), self.unasked());
        // One that has no turn in time asks nothing and says why.
        let _turn = timeout_at(until, self.turn.lock()).await;
        loop {
            while looks.len() < AT_ONCE
                && Instant::now() < until
                && let Some(id) = waiting.next()
            {
                looks.spawn(self.clone().look(Arc::clone(&context.settings), id, until));
            }
            match looks.join_next().await {
                None => break,
                Some(Ok(Some((id, why)))) => drop(asking.not_asked.insert(id, why.into())),
                // Asked; a look that panicked has said so in the journal.
                Some(Ok(None) | Err(_)) => {}
            }
        }
        let late = Cow::Borrowed("there was no time for it in the two seconds of this report");
        asking.not_asked.extend(waiting.map(|id| (id, late.clone())));
        Ok(asking)
    }

    /// One look; why it was none, if so. One that Kaspi answers too late for the report goes on without it.
    async fn look(self, settings: Arc<Settings>, id: PaymentId, until: Instant) -> Option<(PaymentId, String)> {
        let statuses = self.statuses.clone();
        let asked = tokio::spawn(async move { statuses.refresh(&settings, id, For::Report).await });
        let why = crate::chance::select! {
            asked = timeout_at(until, asked) => match asked {
                Ok(Ok(Ok(_))) => return None,
                Ok(Ok(Err(failure))) => failure.detail.chars().take(REASON).collect(),
                Ok(Err(stopped)) => stopped.to_string(),
                Err(_) => "Kaspi did not answer within the two seconds of this report".to_owned(),
            },
            () = self.stop.begun() => "kaspid is stopping".to_owned(),
        };
        Some((id, why))
    }
}
