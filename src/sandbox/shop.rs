//! A shop with all it needs: the bank, and a daemon beside it, in one directory.

use super::daemon::{CannotRun, Daemon};
use super::{Bank, CannotStart, GUIDE_BINS, Options, RunningBank};
use crate::client::{Client, ClientError};

/// An organisation of the guide, and what the shop calls it.
#[derive(Clone, Copy, Debug)]
pub(super) struct GuideOrganisation {
    /// Its BIN.
    pub(super) bin: &'static str,
    /// For people.
    pub(super) name: &'static str,
}

/// Takes the payments that name no organisation.
pub(super) const MAIN: GuideOrganisation = GuideOrganisation { bin: GUIDE_BINS[0], name: "Main BIN" };
/// Takes what is asked for in its name.
pub(super) const SECOND: GuideOrganisation = GuideOrganisation { bin: GUIDE_BINS[1], name: "Second BIN" };

impl std::fmt::Display for GuideOrganisation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.bin, self.name)
    }
}

/// Why a shop is not open.
#[derive(Debug, thiserror::Error)]
pub enum CannotOpen {
    /// The bank.
    #[error(transparent)]
    Bank(#[from] CannotStart),
    /// The daemon.
    #[error(transparent)]
    Daemon(#[from] CannotRun),
}

/// The two of them. Fields end in their order: the daemon before its bank, the directory last.
#[derive(Debug)]
pub(super) struct SandboxShop {
    /// The daemon.
    pub(super) daemon: Daemon,
    /// The bank, whose directory they share.
    pub(super) bank: RunningBank,
}

impl SandboxShop {
    /// Starts the bank, then the daemon; returns when payments can be taken.
    pub(super) async fn open(options: Options) -> Result<Self, CannotOpen> {
        let bank = Bank::start(options).await?;
        let daemon = Daemon::start(&bank.directory, &bank.places.url).await?;
        Ok(Self { daemon, bank })
    }

    /// A connection to the daemon's socket, as any program makes one.
    pub(super) async fn client(&self) -> Result<Client, ClientError> {
        Client::connect(&self.daemon.files.socket, "kaspi-sandbox").await
    }

    /// Ends both in the orderly way.
    pub(super) async fn close(self) -> Result<(), CannotRun> {
        let Self { daemon, bank } = self;
        let ended = daemon.stop().await;
        bank.stop().await;
        ended
    }
}
