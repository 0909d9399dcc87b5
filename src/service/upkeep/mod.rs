//! The daemon's care for itself: what needs a person, whether all is well, numbers, copies, and new settings. It looks
//! into every room and changes nothing in any.

mod backup;
mod doctor;
mod health;
mod metrics;
mod problems;
mod reload;
mod restored;

pub(super) use backup::Backups;
pub(super) use doctor::DoctorChecks;
pub use doctor::{Looker, files as check_files};
pub(super) use health::HealthWatch;
pub(super) use metrics::Monitor;
pub(super) use problems::Problems;
pub(super) use reload::Reloads;
pub(super) use restored::{acknowledge_restore, without_gap};
