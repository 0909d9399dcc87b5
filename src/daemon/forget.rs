//! `kaspid forget-sealed`: what a lost seal has sealed is put aside, so that the rest works on. Never what a seal that is
//! here opens, and never without the number of the seal that is lost.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::config::Configuration;
use crate::identity::{IdentityTrouble, Vault};
use crate::seal::{SealId, SealTrouble, Seals};
use crate::store::{self, StoreError};
use crate::user_names::this_process;

/// Why nothing was given up, or not all.
#[derive(Debug, thiserror::Error)]
enum NotForgotten {
    /// It opens what it sealed.
    #[error("seal {0} is here and opens what it sealed: nothing was changed; start kaspid with it")]
    IsHere(SealId),
    /// Nobody is to give up a seal that was not named.
    #[error("nothing was changed: name the seal that is lost for good, {}", .0)]
    Unnamed(String),
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key.
    #[error(transparent)]
    Identity(#[from] IdentityTrouble),
    /// A credential that cannot be used.
    #[error(transparent)]
    Seal(#[from] SealTrouble),
}

/// Everything that lies sealed: what it is, and with which seal.
struct Sealed(Vec<(String, SealId)>);

impl Sealed {
    fn find(dir: &Path, vault: &Vault) -> Result<Self, NotForgotten> {
        let state = store::sealed_with(dir)?.map(|seal| ("the device tokens".to_owned(), seal));
        let files = vault.sealed_files()?.into_iter().map(|(path, seal)| (path.display().to_string(), seal));
        Ok(Self(state.into_iter().chain(files).collect()))
    }

    /// For people: each command that could be meant, and what it would give up.
    fn commands(&self) -> String {
        let lines: Vec<String> =
            self.0.iter().map(|(what, seal)| format!("kaspid forget-sealed {seal} (of {what})")).collect();
        lines.join("; ")
    }
}

/// Gives up `seal` in the state and in the daemon's own keeping, and says what became of both.
pub(super) fn forget_sealed(config: &Path, seal: Option<SealId>) -> Result<(), Box<dyn std::error::Error>> {
    let dir = Configuration::load(config)?.daemon.state_dir;
    let said = forgotten(&dir, seal).map_err(|error| match error {
        NotForgotten::Store(error) => NotForgotten::Store(error.under(config)),
        other => other,
    })?;
    Ok(writeln!(std::io::stdout().lock(), "{said}")?)
}

fn forgotten(dir: &Path, seal: Option<SealId>) -> Result<String, NotForgotten> {
    let seals = Seals::of_this_process()?;
    let vault = Vault::beside(dir, Seals::default());
    let sealed = Sealed::find(dir, &vault)?;
    let lost = match seal {
        _ if sealed.0.is_empty() => return Ok(format!("{}: nothing is sealed, nothing was changed", dir.display())),
        Some(lost) if sealed.0.iter().any(|(_, seal)| *seal == lost) => lost,
        _ => return Err(NotForgotten::Unnamed(sealed.commands())),
    };
    if seals.of(lost).is_ok() {
        return Err(NotForgotten::IsHere(lost));
    }
    let state = store::forget_sealed(dir, lost, this_process())?;
    // Behind the state, whose lock says that no daemon runs.
    let files = vault.forget_sealed(lost)?;
    Ok(told(lost, state.as_ref(), &files))
}

/// What became of state and key, in one message.
fn told(lost: SealId, state: Option<&store::Forgotten>, files: &[PathBuf]) -> String {
    let mut said = format!("seal {lost} is given up");
    let mut next = "Now: start kaspid".to_owned();
    if let Some(done) = state {
        said.push_str(&format!(
            "\n{} device tokens are forgotten (event {} of the log); the state as it was: {}",
            done.tokens,
            done.event,
            done.kept.display()
        ));
        next.push_str("; for each organisation: kaspictl bin register BIN");
    }
    for file in files {
        said.push_str(&format!("\nthe daemon's own key is put aside, still sealed: {}", file.display()));
    }
    if !files.is_empty() {
        next.push_str(
            "; bring the key in again: kaspictl identity import --key FILE --cert FILE, or make one: kaspictl identity \
             generate --subject 'CN=shop.kz,O=NAME,C=KZ'",
        );
    }
    format!("{said}\n{next}")
}
