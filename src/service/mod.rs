//! The rules of each resource.

use crate::access::Admitted;
use crate::operation::{Code, Failure, Reply};

/// Carries out admitted operations. A cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Service;

impl Service {
    /// Carries out one operation.
    ///
    /// # Errors
    /// Until the rules are here: `shutting_down`.
    pub async fn run(&self, _admitted: Admitted) -> Result<Reply, Failure> {
        Err(Failure::new(Code::ShuttingDown, "this daemon has no service yet"))
    }
}
