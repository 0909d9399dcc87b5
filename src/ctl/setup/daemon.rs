//! What setup asks of the daemon itself.

use std::time::Duration;

use super::{SetupError, Steps};
use crate::client::{Client, Outcome};
use crate::operation::{HealthQuery, Request};

/// A question to the bank behind it included.
const PATIENCE: Duration = Duration::from_secs(60);

impl Steps<'_, '_> {
    /// Asks; what the daemon refuses is told apart from no answer.
    pub(super) async fn told<R: Request>(&self, request: R) -> Result<Outcome<R::Reply>, SetupError> {
        let client = Client::connect(&self.session.socket, "kaspictl").await?;
        Ok(client.call(None, Some(PATIENCE), request).await?)
    }

    /// Asks; a refusal ends setup.
    pub(super) async fn ask<R: Request>(&self, request: R) -> Result<R::Reply, SetupError> {
        self.told(request).await?.map_err(|failure| SetupError::Refused(Box::new(failure)))
    }

    /// Whether one answers. Where systemd listens, the question starts it.
    pub(super) async fn is_up(&self) -> bool {
        self.told(HealthQuery).await.is_ok()
    }
}
