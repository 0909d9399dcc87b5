//! The vocabulary of the socket: what may be asked ([`Operation`]) and what comes back ([`Reply`]), one row each in
//! [`table`]; how it fails is [`crate::failure`], the words of the field are [`crate::domain`]. Both encodings, the service
//! and the command line import these types and no others, so they are also the documentation of the protocol.
//!
//! Rules that keep old and new programs talking: enums are externally tagged, new variants come last, no
//! field is skipped or flattened (postcard cannot read that back), and any other change raises
//! [`crate::frame::PROTOCOL`]. Unknown fields of a request in JSON are refused by name, so a typing error never becomes a
//! default.

mod shape;
mod head;
mod config;
mod daemon;
mod doctor;
mod payment;
mod events;
mod identity;
mod log;
mod report;
mod resolve;
mod transfer;
mod statement;
mod table;

pub use config::*;
pub use daemon::*;
pub use doctor::*;
pub use events::*;
pub use head::KeptHead;
pub use identity::*;
pub use log::*;
pub use payment::*;
pub use report::*;
pub use resolve::*;
pub use shape::{Nothing, OtherReply, Parameter, Request, Shape, Upload, Visitor, Written};
pub use statement::*;
pub use table::{Document, Operation, OperationId, Reply};
pub use transfer::*;

use serde::{Deserialize, Serialize};

/// What a caller must be allowed to do. `Admin` implies all, `Pay`, `Refund` and `Audit` imply `Observe`,
/// nothing else is implied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// See the state of the daemon and its configs.
    Observe,
    /// Take, follow and cancel payments.
    Pay,
    /// Pay money back.
    Refund,
    /// Read the audit log.
    Audit,
    /// Set the daemon up.
    Admin,
}

impl Right {
    /// As in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Pay => "pay",
            Self::Refund => "refund",
            Self::Audit => "audit",
            Self::Admin => "admin",
        }
    }

    /// True if whoever holds `self` may do what needs `wanted`.
    #[must_use]
    pub fn covers(self, wanted: Right) -> bool {
        self == wanted || self == Self::Admin || wanted == Self::Observe
    }
}

/// What an operation can do to what is stored, or to money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing but what is noticed by the way: it may be asked again.
    Reads,
    /// Changes what is stored, here or at Kaspi.
    Changes,
    /// Moves money or bills a customer.
    MovesMoney,
}

/// What goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// A message each way.
    Message,
    /// The request is a file; HTTP only.
    Upload,
    /// The answer is a file; HTTP only.
    Download,
}

/// How long an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// One thing, or the news that there is none.
    Short,
    /// A list, a report, a page of the log.
    Page,
    /// A file, of which some is under way at once.
    File,
}

impl OperationId {
    /// How long its answer may be.
    #[must_use]
    pub fn length(self) -> Length {
        match self {
            _ if self.row().traffic == Traffic::Download => Length::File,
            Self::Health
            | Self::ConfigList
            | Self::TradePoints
            | Self::PaymentList
            | Self::LogList
            | Self::Events
            | Self::Metrics
            | Self::ReportDay
            | Self::ReportRange
            | Self::Diagnose => Length::Page,
            _ => Length::Short,
        }
    }
}

/// What is known of an operation beyond its types.
#[derive(Debug)]
pub struct Row {
    /// What a caller must be allowed to do.
    pub right: Right,
    /// What it can do.
    pub effect: Effect,
    /// What goes over the wire.
    pub traffic: Traffic,
    /// The HTTP method.
    pub method: &'static str,
    /// The HTTP path; a part in braces is a parameter.
    pub path: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
}

impl Operation {
    /// What its row says of it.
    #[must_use]
    pub fn row(&self) -> &'static Row {
        self.id().row()
    }

    /// The right a caller needs.
    #[must_use]
    pub fn right(&self) -> Right {
        self.row().right
    }

    /// True for the calls that can move money or bill a customer.
    #[must_use]
    pub fn moves_money(&self) -> bool {
        self.row().effect == Effect::MovesMoney
    }
}

/// Rows that are put into bytes in less time than another thread takes to wake up: some ten microseconds.
const MANY: usize = 16;

impl Reply {
    /// True where it tells of a thing that did not exist before.
    #[must_use]
    pub fn is_new(&self) -> bool {
        matches!(self, Self::Created(_) | Self::Enrolled(_))
    }

    /// True where putting it into bytes takes so long that others should not wait for it.
    #[must_use]
    pub fn is_long(&self) -> bool {
        let rows = match self {
            Self::Payments(page) => page.payments.len(),
            Self::Log(page) => page.rows.len(),
            Self::Events(page) => page.events.len(),
            Self::Day(_) | Self::Range(_) => usize::MAX,
            _ => 0,
        };
        rows > MANY
    }

    /// The payment it is about, if it is about one.
    #[must_use]
    pub fn payment(&self) -> Option<&Payment> {
        let (Self::Created(payment) | Self::Payment(payment)) = self else { return None };
        Some(payment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GET may be asked again: HTTP's caches and retries rely on it. So may a look at a trade point, which no cache may
    /// answer.
    #[test]
    fn a_get_only_reads() {
        for id in OperationId::ALL {
            let Row { method, effect, .. } = id.row();
            let is_look = *id == OperationId::VerifyConfig;
            assert_eq!(*method == "GET" || is_look, *effect == Effect::Reads, "{id:?}");
        }
    }
}
