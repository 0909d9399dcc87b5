//! What is counted while the daemon runs, and the text a monitoring system reads (Prometheus text 0.0.4).
//!
//! Each layer owns its numbers and counts with an atomic or a lock of a few instructions; nothing is computed until
//! somebody asks. Counters begin at zero with the process, as Prometheus expects; what must survive a restart is read
//! from the store when it is asked for.

mod count;
mod door;
mod page;

pub use count::{Counter, Histogram};
pub use door::{DoorMeters, Limit, RequestLabels, RunningOperation};
pub use page::{Family, Page, SampleValue, Type};

/// The `Content-Type` of [`Page::finish`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
