//! Which users of this machine may ask the daemon: members of its groups.

use std::process::Command;

use super::answers::AccessAnswer;
use super::{Deed, Ended, SetupError, Steps};

/// Whoever connects is in it, whatever else it may.
const GROUP: &str = "kaspid";

impl Steps<'_, '_> {
    pub(super) fn access(&mut self) -> Result<Ended, SetupError> {
        self.head("Who may take payments");
        self.ask_for_users()?;
        let access = self.answers.access.clone().unwrap_or_default();
        let all = access.pay.iter().chain(&access.refund).chain(&access.audit).map(|user| (user, GROUP));
        let refund = access.refund.iter().map(|user| (user, "kaspid-refund"));
        let audit = access.audit.iter().map(|user| (user, "kaspid-audit"));
        let mut members: Vec<(&String, &str)> = all.chain(refund).chain(audit).collect();
        members.dedup();
        let mut ended = if members.is_empty() { Ended::Skipped } else { Ended::Already };
        for (user, group) in members {
            if groups_of(user)?.iter().any(|its| its == group) {
                continue;
            }
            self.record.note(Deed::Member { user: user.clone(), group: group.to_owned() })?;
            self.session.typed(&["usermod", "-aG", group, user])?;
            ended = Ended::Done;
        }
        if ended == Ended::Skipped {
            self.session.out.say("Only root, so far. A user of this machine may, too, after: usermod -aG kaspid USER");
        }
        if ended == Ended::Done {
            self.session.out.say("Who is logged in now belongs to the group from the next login on.");
        }
        Ok(ended)
    }

    fn ask_for_users(&mut self) -> Result<(), SetupError> {
        let Some(person) = self.person.as_ref().filter(|_| self.answers.access.is_none()) else { return Ok(()) };
        let out = &mut *self.session.out;
        let users = |line: String| -> Result<Vec<String>, SetupError> {
            let users: Vec<String> = line.split([' ', ',']).filter(|it| !it.is_empty()).map(str::to_owned).collect();
            users.iter().try_for_each(|user| groups_of(user).map(drop))?;
            Ok(users)
        };
        self.answers.access = Some(AccessAnswer {
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
}

/// What a user belongs to.
fn groups_of(user: &str) -> Result<Vec<String>, SetupError> {
    let unknown =
        || SetupError::NotHere(format!("there is no user {user} here: make it with useradd, or name another"));
    let output = Command::new("id").args(["-nG", "--", user]).output();
    let output = output.ok().filter(|output| output.status.success()).ok_or_else(unknown)?;
    Ok(String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect())
}
