//! Which users of this machine may ask the daemon: members of its groups.

use std::process::Command;

use super::answers::AccessAnswer;
use super::error::SetupError;
use super::record::Deed;
use super::workbench::{StepEnd, Workbench};

/// Whoever connects is in it, whatever else it may.
const GROUP: &str = "kaspid";

pub(super) fn run(bench: &mut Workbench<'_, '_>) -> Result<StepEnd, SetupError> {
    bench.head("Who may take payments");
    ask_for_users(bench)?;
    let access = bench.answers.access.clone().unwrap_or_default();
    let all = access.pay.iter().chain(&access.refund).chain(&access.audit).map(|user| (user, GROUP));
    let refund = access.refund.iter().map(|user| (user, "kaspid-refund"));
    let audit = access.audit.iter().map(|user| (user, "kaspid-audit"));
    let mut members: Vec<(&String, &str)> = all.chain(refund).chain(audit).collect();
    members.dedup();
    let mut ended = if members.is_empty() { StepEnd::Skipped } else { StepEnd::Already };
    for (user, group) in members {
        if groups_of(user)?.iter().any(|its| its == group) {
            continue;
        }
        bench.record.note(Deed::Member { user: user.clone(), group: group.to_owned() })?;
        bench.typed(&["usermod", "-aG", group, user])?;
        ended = StepEnd::Done;
    }
    if ended == StepEnd::Skipped {
        bench.session.out.say("Only root, so far. A user of this machine may, too, after: usermod -aG kaspid USER");
    }
    if ended == StepEnd::Done {
        bench.session.out.say("Who is logged in now belongs to the group from the next login on.");
    }
    Ok(ended)
}

fn ask_for_users(bench: &mut Workbench<'_, '_>) -> Result<(), SetupError> {
    let Some(person) = bench.person.as_ref().filter(|_| bench.answers.access.is_none()) else { return Ok(()) };
    let out = &mut *bench.session.out;
    let users = |line: String| -> Result<Vec<String>, SetupError> {
        let users: Vec<String> = line.split([' ', ',']).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        users.iter().try_for_each(|user| groups_of(user).map(drop))?;
        Ok(users)
    };
    bench.answers.access = Some(AccessAnswer {
        pay: person.read(
            out,
            ("Users that take payments, such as that of the till (nothing: only root)", ""),
            users,
        )?,
        refund: person.read(out, ("Users that may pay money back, too", ""), users)?,
        audit: person.read(out, ("Users that may read the log, too", ""), users)?,
    });
    Ok(())
}

/// What a user belongs to.
pub(super) fn groups_of(user: &str) -> Result<Vec<String>, SetupError> {
    // A number is a user to id, and none to usermod.
    let is_number = user.bytes().all(|byte| byte.is_ascii_digit());
    let unknown =
        || SetupError::NotHere(format!("there is no user {user} here: make it with useradd, or name another"));
    let output = Command::new("id").args(["-nG", "--", user]).output();
    let output = output.ok().filter(|output| output.status.success() && !is_number).ok_or_else(unknown)?;
    Ok(String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect())
}
