//! `kaspictl restore FILE`: the one command that works on the daemon's files instead of asking it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::exit::Exit;
use super::out::Out;
use super::when::Person;
use crate::config::Configuration;
use crate::moment::Moment;
use crate::seal::SealId;
use crate::store::{RestoreError, Restored, StoreError, prepare_restore};
use crate::user_names::this_process;

/// What to put back, and whose configuration says where.
pub(super) struct Restore {
    pub(super) file: PathBuf,
    pub(super) config: PathBuf,
}

/// What the next start needs, said before anything is replaced.
fn about_seals(seals: (Option<SealId>, Option<SealId>)) -> Option<String> {
    match seals {
        (Some(id), Some(here)) if id == here => {
            Some(format!("the backup is sealed with seal {id}, as the state that is here is"))
        }
        (Some(id), here) => {
            let here = here.map_or_else(String::new, |here| format!(", the state that is here with seal {here}"));
            Some(format!(
                "the backup is sealed with seal {id}{here}: without that seal the daemon will not start. Give it as the \
                 credential kaspid.seal, or where another one is in use as kaspid.seal.old for one start"
            ))
        }
        (None, Some(_)) => Some(
            "the device tokens in the backup are not sealed: the next start seals them, and whoever finds the backup reads \
             them"
                .to_owned(),
        ),
        (None, None) => None,
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Done<'a> {
    state_dir: &'a Path,
    kept: Option<&'a Path>,
    event: u64,
    backup_made_at: Moment,
    backup_event: u64,
    replaced_event: Option<u64>,
    /// The number of the seal that opens it.
    seal: Option<String>,
}

impl Restore {
    pub(super) fn run(&self, out: &mut Out, reader: &Person, json: bool) -> Exit {
        let config = match Configuration::load(&self.config) {
            Ok(config) => config,
            Err(error) => {
                out.say(&format!("kaspictl: nothing was touched: {error}"));
                return Exit::Refused;
            }
        };
        let prepared = prepare_restore(&config.daemon.state_dir, &config.daemon.socket, &self.file);
        let restored = prepared.and_then(|prepared| {
            let seals = prepared.seals();
            if let Some(said) = about_seals(seals) {
                out.say(&said);
            }
            Ok((prepared.put(this_process())?, seals.0))
        });
        match restored {
            Ok((restored, seal)) => {
                if json {
                    out.data(&done(&config.daemon.state_dir, &restored, seal));
                } else {
                    out.show(&text(&config.daemon.state_dir, &restored, reader));
                }
                out.say(
                    "what to do: start the daemon (systemctl start kaspid.socket kaspid.service), compare the Kaspi Pay \
                     app with kaspictl payment list for the time since the backup, then: kaspictl restore --acknowledge",
                );
                Exit::Done
            }
            Err(error) => {
                let error = match error {
                    RestoreError::Store(error) => RestoreError::Store(error.under(&self.config)),
                    other => other,
                };
                out.say(&format!("kaspictl: nothing was touched: {error}"));
                refused(&error)
            }
        }
    }
}

fn refused(error: &RestoreError) -> Exit {
    match error {
        RestoreError::Io(source) | RestoreError::NoStateDir { source, .. }
            if source.kind() == ErrorKind::PermissionDenied =>
        {
            Exit::Denied
        }
        RestoreError::Store(StoreError::Unreadable { is_denied: true, .. }) => Exit::Denied,
        _ => Exit::Refused,
    }
}

fn done(dir: &Path, restored: &Restored, seal: Option<SealId>) -> String {
    let done = Done {
        state_dir: dir,
        kept: restored.kept.as_deref(),
        event: restored.event,
        backup_made_at: restored.gap.made_at,
        backup_event: restored.gap.backup.seq,
        replaced_event: restored.gap.replaced.map(|place| place.seq),
        seal: seal.map(|id| id.to_string()),
    };
    // Paths that are no text cannot be written as JSON; the state directory stands in a TOML file.
    serde_json::to_string(&done).map(|text| text + "\n").unwrap_or_default()
}

fn text(dir: &Path, restored: &Restored, reader: &Person) -> String {
    let kept = restored.kept.as_ref().map_or_else(
        || "There was no state to keep.".to_owned(),
        |kept| format!("The replaced state is kept: {}", kept.display()),
    );
    let gap = match restored.gap.replaced {
        Some(replaced) if replaced.seq > restored.gap.backup.seq => {
            format!("Not in its log: events {} to {}", restored.gap.backup.seq + 1, replaced.seq)
        }
        Some(_) => "The log of the replaced state was no longer than that of the backup.".to_owned(),
        None => "What is not in its log is not known: the replaced state could not be read.".to_owned(),
    };
    format!("Restored into {}: the state of {}\n{gap}\n{kept}\n", dir.display(), reader.show(restored.gap.made_at))
}
