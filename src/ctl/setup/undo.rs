//! What setup did, taken back: the settings, then the last first.

use std::path::Path;

use super::access::groups_of;
use super::error::SetupError;
use super::record::{self, Deed};
use super::workbench::{StepEnd, StepResult, Workbench};
use super::{trial, typed};
use crate::client::ClientError;
use crate::ctl::exit::Exit;
use crate::id::OrganizationBin;
use crate::operation::{GetConfig, HealthQuery};

pub(super) async fn run(bench: &mut Workbench<'_, '_>) -> Result<Exit, SetupError> {
    if bench.record.is_empty() {
        bench.session.out.say("There is nothing that setup has done.");
        return Ok(Exit::Done);
    }
    // At the bank of before it could neither be paid back nor called off.
    trial::settle(bench).await?;
    let mut left = Vec::new();
    // Files first: settings that do not work may be what keeps the daemon from answering.
    let deeds: Vec<Deed> = bench.record.deeds.iter().rev().cloned().collect();
    let (files, others): (Vec<_>, Vec<_>) = deeds.into_iter().partition(|deed| matches!(deed, Deed::File { .. }));
    let had_files = !files.is_empty();
    undone(bench, files, &mut left).await?;
    if had_files && let Err(error) = read_again(bench).await {
        left.push(format!("the daemon, which works with the settings of before: {error}"));
    }
    undone(bench, others, &mut left).await?;
    if !left.is_empty() {
        for what in &left {
            bench.session.out.say(&format!("not taken back: {what}"));
        }
        bench.session.out.say("When that is put right, the rest is taken back by the same command.");
        return Ok(Exit::Refused);
    }
    record::remove(&bench.answers_file())?;
    bench.record.trial = None;
    bench.record.save()?;
    bench.ended.push(StepResult { step: "undo", ended: StepEnd::Done });
    bench.session.out.say(
        "Taken back. Payments, the log and the key stay where they are: kaspictl status. Another key takes its place with \
         kaspictl identity rotate.",
    );
    Ok(Exit::Done)
}

/// Each for itself: what cannot be taken back now stays on record, and holds nothing else up.
async fn undone(bench: &mut Workbench<'_, '_>, deeds: Vec<Deed>, left: &mut Vec<String>) -> Result<(), SetupError> {
    let mut named = String::new();
    for deed in deeds {
        let done = match &deed {
            Deed::File { path, .. } => file(bench, path, &mut named),
            Deed::Organization(bin) => organization(bench, bin).await,
            Deed::Member { user, group } => member(bench, user, group),
            Deed::Unit(unit) => bench.typed(&["systemctl", "disable", "--now", "--quiet", unit]),
        };
        match done {
            Ok(()) => bench.record.withdraw(&deed)?,
            Err(error) => left.push(error.to_string()),
        }
    }
    Ok(())
}

/// What somebody has changed since is theirs, and what it names stays with it. Settings were written behind what they name, and
/// come before it here.
fn file(bench: &mut Workbench<'_, '_>, path: &Path, named: &mut String) -> Result<(), SetupError> {
    let is_named = path.file_name().is_some_and(|name| named.contains(&*name.to_string_lossy()));
    if is_named {
        bench.session.out.say(&format!("{} stays, for the settings name it", path.display()));
    } else if !bench.take_back(path)? {
        bench.session.out.say(&format!("{} was changed since, and stays", path.display()));
        named.push_str(&String::from_utf8_lossy(&record::read(path).ok().flatten().unwrap_or_default()));
    }
    Ok(())
}

async fn organization(bench: &mut Workbench<'_, '_>, bin: &OrganizationBin) -> Result<(), SetupError> {
    let get = || GetConfig { organization_bin: bin.clone() };
    // Not there: it was refused, or somebody has removed it.
    if bench.told(get()).await?.is_ok_and(|config| config.is_active) {
        bench.typed(&["kaspictl", "bin", "remove", bin.as_str()])?;
    }
    Ok(())
}

fn member(bench: &mut Workbench<'_, '_>, user: &str, group: &str) -> Result<(), SetupError> {
    // Who is no member, or no user any more, is what was wanted.
    match groups_of(user) {
        Ok(groups) if groups.iter().any(|its| its == group) => bench.typed(&["gpasswd", "-d", user, group]),
        _ => Ok(()),
    }
}

async fn read_again(bench: &mut Workbench<'_, '_>) -> Result<(), SetupError> {
    if typed::is_booted() {
        bench.typed(&["systemctl", "daemon-reload"])?;
        return bench.typed(&["systemctl", "try-restart", "kaspid.service"]);
    }
    // One that does not run reads them when it starts.
    match bench.told(HealthQuery).await {
        Err(SetupError::NoAnswer(ClientError::Unreachable { .. })) => Ok(()),
        _ => bench.typed(&["kaspictl", "reload"]),
    }
}
