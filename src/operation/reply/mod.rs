//! What comes back: the shapes of design and OpenAPI, the same in both encodings and in `kaspictl --json`.

mod config;
mod daemon;
mod doctor;
mod events;
mod log;
mod payment;
mod report;
mod transfer;

pub use config::*;
pub use daemon::*;
pub use doctor::*;
pub use events::*;
pub use log::*;
pub use payment::*;
pub use report::*;
pub use transfer::*;

use serde::{Deserialize, Serialize};

use crate::domain::Payer;

/// The answer to an operation that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// To [`super::Operation::Health`].
    Health(Health),
    /// To [`super::Operation::Version`].
    Version(Version),
    /// A list of configs.
    Configs(Configs),
    /// One config.
    Config(Config),
    /// A config that did not exist before.
    Enrolled(Config),
    /// What Kaspi lists.
    TradePoints(TradePoints),
    /// The config a payment would use.
    Selected(Selected),
    /// A payment that did not exist before.
    Created(Payment),
    /// A payment.
    Payment(Payment),
    /// A list of payments.
    Payments(Payments),
    /// What a link's or QR's picture shows.
    Picture(Picture),
    /// A payer's name.
    Payer(Payer),
    /// Rows of the log.
    Log(LogRows),
    /// The state of the chain.
    Verified(Verified),
    /// The client certificate.
    Identity(Identity),
    /// What a reload did.
    Reloaded(Reloaded),
    /// What changed.
    Events(Events),
    /// What an import did.
    Imported(Imported),
    /// The gaps of restored backups that were closed.
    Acknowledged(Acknowledged),
    /// Prometheus text.
    Metrics(Metrics),
    /// What a day brought.
    Day(DayReport),
    /// What the days of a range brought.
    Range(RangeReport),
    /// What the daemon finds when it looks at itself and at the way to the bank.
    Diagnosis(Diagnosis),
}
