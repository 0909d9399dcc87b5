//! What setup did, taken back, the last first.

use std::path::Path;

use super::record::{self, Deed, Held};
use super::{Ended, SetupError, Steps, typed};
use crate::ctl::exit::Exit;
use crate::operation::GetConfig;

impl Steps<'_, '_> {
    pub(super) async fn undo(&mut self) -> Result<Exit, SetupError> {
        if self.record.deeds.is_empty() {
            self.session.out.say("There is nothing that setup has done.");
            std::mem::take(&mut self.record).remove()?;
            return Ok(Exit::Done);
        }
        let mut settings = false;
        while let Some(deed) = self.record.deeds.last().cloned() {
            match &deed {
                Deed::Organization(bin) => {
                    // Not there: it was refused, or somebody has removed it.
                    if self.told(GetConfig { organization_bin: bin.clone() }).await?.is_ok() {
                        self.session.typed(&["kaspictl", "bin", "remove", bin.as_str()])?;
                    }
                }
                Deed::Member { user, group } => self.session.typed(&["gpasswd", "-d", user, group]).or_else(is_gone)?,
                Deed::Unit(unit) => self.session.typed(&["systemctl", "disable", "--now", "--quiet", unit])?,
                Deed::File { path, before } => {
                    settings = true;
                    self.put_back(path, before.as_ref())?;
                }
            }
            self.record.undone()?;
        }
        if settings {
            if typed::is_booted() {
                self.session.typed(&["systemctl", "daemon-reload"])?;
                self.session.typed(&["systemctl", "restart", "kaspid.service"])?;
            } else if self.is_up().await {
                self.session.typed(&["kaspictl", "reload"])?;
            }
        }
        record::remove(&self.answers_file())?;
        std::mem::take(&mut self.record).remove()?;
        self.ended.push(super::StepEnded { step: "undo", ended: Ended::Done });
        self.session.out.say(
            "Taken back. Payments, the log and the key stay where they are: kaspictl status. Another key takes its place with \
             kaspictl identity rotate; apt purge kaspid deletes everything.",
        );
        Ok(Exit::Done)
    }

    /// A file as it was before setup.
    pub(super) fn put_back(&mut self, path: &Path, before: Option<&Held>) -> Result<(), SetupError> {
        match before {
            Some(held) => {
                self.session.out.say(&format!("puts back {}", path.display()));
                record::write(path, held.bytes(), 0o644)
            }
            None => {
                self.session.out.say(&format!("removes {}", path.display()));
                record::remove(path)
            }
        }
    }
}

/// A user that is no member any more is what was wanted.
fn is_gone(error: SetupError) -> Result<(), SetupError> {
    match error {
        SetupError::Command { .. } => Ok(()),
        other => Err(other),
    }
}
