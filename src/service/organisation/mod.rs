//! The organisations of a shop: enrolled, moved, retired, and seen listed again and again. A config changes here and by
//! what an import brings, nowhere else.

mod failed_looks;
mod changes;
mod enrol;
mod points;
mod registration;
mod rows;
mod schedule;
mod verify;

use std::sync::Arc;

pub(super) use changes::Changes;
pub(super) use enrol::Enrolments;
pub(super) use failed_looks::FailedLooks;
pub(super) use points::Points;
pub(super) use registration::Registrations;
pub(super) use rows::{ConfigRows, not_enrolled, put};
pub(super) use schedule::Schedule;
pub(super) use verify::Verifications;

use super::bank::Bank;
use super::rate::ReadRate;
use super::settings::Live;
use crate::store::Store;

/// The room.
pub(super) struct Organisations {
    pub(super) rows: ConfigRows,
    pub(super) points: Points,
    pub(super) enrolments: Enrolments,
    pub(super) changes: Changes,
    pub(super) registrations: Registrations,
    pub(super) verifications: Arc<Verifications>,
}

impl Organisations {
    pub(super) fn new(store: &Store, live: Arc<Live>, bank: Arc<Bank>, rate: Arc<ReadRate>) -> Self {
        Self {
            rows: ConfigRows::new(store.clone()),
            points: Points::new(store.clone()),
            enrolments: Enrolments::new(store.clone(), bank.clone()),
            changes: Changes::new(store.clone(), bank.clone()),
            registrations: Registrations::new(store.clone(), bank.clone()),
            verifications: Arc::new(Verifications::new(store.clone(), live, bank, rate)),
        }
    }
}
