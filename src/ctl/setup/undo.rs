//! What setup did, taken back, the last first.

use super::error::SetupError;
use super::record::{self, Deed};
use super::typed;
use super::workbench::{StepEnd, Workbench};
use crate::ctl::exit::Exit;
use crate::operation::GetConfig;

pub(super) async fn run(bench: &mut Workbench<'_, '_>) -> Result<Exit, SetupError> {
    if bench.record.deeds.is_empty() {
        bench.session.out.say("There is nothing that setup has done.");
        std::mem::take(&mut bench.record).remove()?;
        return Ok(Exit::Done);
    }
    let mut settings = false;
    while let Some(deed) = bench.record.deeds.last().cloned() {
        match &deed {
            Deed::Organization(bin) => {
                // Not there: it was refused, or somebody has removed it.
                if bench.told(GetConfig { organization_bin: bin.clone() }).await?.is_ok() {
                    bench.typed(&["kaspictl", "bin", "remove", bin.as_str()])?;
                }
            }
            Deed::Member { user, group } => bench.typed(&["gpasswd", "-d", user, group]).or_else(is_gone)?,
            Deed::Unit(unit) => bench.typed(&["systemctl", "disable", "--now", "--quiet", unit])?,
            Deed::File { path, before } => {
                settings = true;
                bench.put_back(path, before.as_ref())?;
            }
        }
        bench.record.undone()?;
    }
    if settings {
        if typed::is_booted() {
            bench.typed(&["systemctl", "daemon-reload"])?;
            bench.typed(&["systemctl", "restart", "kaspid.service"])?;
        } else if bench.is_up().await {
            bench.typed(&["kaspictl", "reload"])?;
        }
    }
    record::remove(&bench.answers_file())?;
    std::mem::take(&mut bench.record).remove()?;
    bench.ended.push(super::StepResult { step: "undo", ended: StepEnd::Done });
    bench.session.out.say(
        "Taken back. Payments, the log and the key stay where they are: kaspictl status. Another key takes its place with \
         kaspictl identity rotate; apt purge kaspid deletes everything.",
    );
    Ok(Exit::Done)
}

/// A user that is no member any more is what was wanted.
fn is_gone(error: SetupError) -> Result<(), SetupError> {
    match error {
        SetupError::Command { .. } => Ok(()),
        other => Err(other),
    }
}
