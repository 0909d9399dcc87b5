//! Who was denied what, for the audit log: once a minute for each user and operation, so that nobody fills it by asking.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, warn};

use crate::access::Caller;
use crate::domain::{LogStatus, OperationType};
use crate::notice;
use crate::operation::Row;
use crate::store::{Change, Note, Store};

/// Between two rows of the same user and operation.
const AGAIN: Duration = Duration::from_secs(60);

/// A user and what it asked for: method and path.
type Asked = (u32, &'static str, &'static str);

/// Writes denials down; the log and the journal have them.
pub(in crate::service) struct Denials {
    store: Store,
    /// When each was last told. Held for a look, never across an await.
    told: Mutex<HashMap<Asked, Instant>>,
}

impl Denials {
    pub(super) fn new(store: Store) -> Self {
        Self { store, told: Mutex::default() }
    }

    /// Notes that a caller was denied what a row stands for.
    pub(in crate::service) async fn denied(&self, caller: Caller, row: &'static Row) {
        if !self.is_news((caller.uid, row.method, row.path)) {
            return;
        }
        let error = format!("no right to {}: {} {}", row.right.name(), row.method, row.path);
        let Caller { uid, pid, .. } = caller;
        warn!(
            message_id = notice::DENIED.id,
            kaspid.uid = uid,
            kaspid.pid = pid,
            kaspid.operation = %format_args!("{} {}", row.method, row.path),
            "denied to user {uid}: {error}"
        );
        let note = Note { status: LogStatus::Failed, error: Some(error), ..Note::done(OperationType::Access) };
        let noted = self.store.write(move |writing| {
            writing.append(Some(caller.actor()), Change::Noted(note))?;
            Ok(())
        });
        if let Err(failure) = noted.await {
            debug!(detail = failure.detail, "the log does not have it");
        }
    }

    fn is_news(&self, asked: Asked) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        told.retain(|_, at| now.duration_since(*at) < AGAIN);
        let news = !told.contains_key(&asked);
        if news {
            told.insert(asked, now);
        }
        news
    }
}
