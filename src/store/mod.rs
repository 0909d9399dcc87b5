//! All state, in one redb file: configs, device tokens, payments, and the audit log they are projections of.
//!
//! Reads see the last durable commit and wait for nothing. Writes go to one thread that groups them
//! ([`writer`]); [`Store::write`] returns when the flush that holds its change is done. An unreadable or newer
//! file is an error at start and is never replaced by an empty one.

#[cfg(any(fuzzing, test))]
pub mod fuzzed;
mod account;
mod alarm;
mod after;
mod another;
mod attempts;
mod beside;
mod book;
mod chain;
mod codec;
mod compare;
mod config;
mod copy;
mod counterparty;
mod device;
mod doubt;
mod effect;
mod envelope;
mod error;
mod event;
mod events;
mod file;
mod frozen;
mod journal_heads;
mod handle;
mod head;
mod hear;
mod identity;
mod key;
mod known;
mod layout;
mod log;
mod migration;
mod feed;
mod ownership;
mod payment;
mod place;
mod project;
mod reading;
mod rebuild;
mod refund;
mod replay;
mod report;
mod restore;
mod row;
mod sealing;
mod secrets;
mod snapshot;
mod stamp;
mod state;
mod tables;
mod tail;
mod tally;
mod token;
mod triple;
mod underway;
mod writer;
mod writing;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use account::{Stale, Untrue};
pub(crate) use alarm::{Alarm, Alarms};
pub(crate) use another::{AttemptObstacle, Wanted};
pub(crate) use attempts::Attempts;
pub(crate) use chain::{Chain, check_chain};
pub(crate) use config::{ConfigRow, DIALECT_CHANGED, NOT_REGISTERED, TRADE_POINT_MISSING};
pub use counterparty::Counterparty;
pub(crate) use device::OfAnother;
pub(crate) use doubt::{DetailsRead, Doubt};
pub(crate) use envelope::{Header as BackupHeader, PassingBackup, check as check_backup, seal as seal_backup};
pub(crate) use error::Refused;
pub use error::StoreError;
pub(crate) use event::{CallOutcome, Change, Closed, Ending, Event, FirstRefusal, ImportedRow, Note};
pub(crate) use events::{check_cursor, imported_rows, last_event, last_moment, log_head};
pub(crate) use feed::feed;
pub use handle::Store;
pub(crate) use identity::{IdentityMark, identity_mark};
pub(crate) use key::{Field, KeyRow, Wrote};
pub(crate) use log::{log_page, log_rows, own_row};
pub(crate) use payment::{PROCESSED, PaymentRow, Seen};
pub(crate) use reading::Reading;
pub(crate) use refund::{RefundRow, RefundState};
pub(crate) use report::{Fact, Window, facts, is_booked_since, waiting_of};
pub(crate) use restore::{RestoreError, Restored, prepare as prepare_restore};
pub(crate) use sealing::{Forgotten, forget as forget_sealed, sealed_with};
pub(crate) use tail::log_tail;
pub(crate) use tally::{Counters, PaymentTransition, RefundTransition};
pub use triple::{NumberAt, Triple};
pub(crate) use underway::Underway;
pub(crate) use writing::Writing;
