//! Where the state is: in the state directory, or where a link there leads. A state that should be there and is not is
//! never taken for a shop that has not begun.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::file::{FILE, inaccessible};
use super::remedy::{RestoreCommand, named};

/// The folder of daily backups in a state directory.
const BACKUPS: &str = "backups";

/// How a file begins, behind the state's name, that was the state before a migration, a restore, or a seal was given up.
const KEPT: [&str; 3] = ["layout-", "replaced-", "forgotten-"];

/// The state directory, and the file behind its name there.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) dir: PathBuf,
    /// With every link followed: what is made beside the state and renamed over it replaces the file, not the link.
    pub(super) file: PathBuf,
}

impl Place {
    /// The place of the state in `dir`, and whether there is one.
    ///
    /// # Errors
    /// A link that leads nowhere, or something that is no file.
    pub(super) fn find(dir: &Path) -> Result<(Self, bool), StoreError> {
        folder(dir)?;
        let path = dir.join(FILE);
        let at = |file| Self { dir: dir.to_owned(), file };
        match path.canonicalize() {
            Ok(file) if !file.is_file() => Err(not_a_file(&file)),
            // The name as it was given, where it is no link: it is shown to people.
            Ok(_) if !path.is_symlink() => Ok((at(path), true)),
            Ok(file) => Ok((at(file), true)),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(inaccessible(&path, &error)),
            Err(_) => match std::fs::read_link(&path) {
                Ok(target) => Err(StoreError::LinkToNothing { path, target, restore: RestoreCommand::of(None) }),
                Err(_) => Ok((at(path), false)),
            },
        }
    }

    /// Whether a new state may be begun here.
    ///
    /// # Errors
    /// [`StoreError::Gone`]: there was one.
    pub(super) fn is_new(&self) -> Result<(), StoreError> {
        let entries = match std::fs::read_dir(&self.dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| inaccessible(&self.dir, &error))?,
        };
        let mut traces: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| is_trace(name))
            .collect();
        traces.sort_unstable();
        match traces.into_iter().next() {
            None => Ok(()),
            Some(trace) => Err(StoreError::Gone {
                path: self.file.clone(),
                trace,
                restore: RestoreCommand::of(self.newest_backup()),
            }),
        }
    }

    /// By its name, which is its day.
    fn newest_backup(&self) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.dir.join(BACKUPS)).ok()?;
        let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_daily = |name: &str| name.starts_with("kaspid-2") && name.ends_with(".backup");
        files.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_daily)).max()
    }
}

/// The state directory: one that is not there yet is begun, one behind a link to nothing is not.
///
/// # Errors
/// [`StoreError::FolderLinkToNothing`], or its links cannot be followed.
pub(crate) fn folder(dir: &Path) -> Result<(), StoreError> {
    match (dir.metadata(), std::fs::read_link(dir)) {
        (Err(error), Ok(target)) if error.kind() == ErrorKind::NotFound => {
            let restore = RestoreCommand::of(None);
            Err(StoreError::FolderLinkToNothing { path: dir.to_owned(), target, restore })
        }
        (Err(error), _) if error.kind() != ErrorKind::NotFound => Err(inaccessible(dir, &error)),
        _ => Ok(()),
    }
}

fn not_a_file(path: &Path) -> StoreError {
    let what = path.metadata().map_or("something else", |found| named(found.file_type()));
    StoreError::NotAFile { path: path.to_owned(), what, restore: RestoreCommand::of(None) }
}

/// What only a state leaves behind. A first start that was killed leaves its unfinished `.new`.
fn is_trace(name: &str) -> bool {
    let beside = name.strip_prefix(FILE).and_then(|rest| rest.strip_prefix('.'));
    name == BACKUPS || beside.is_some_and(|word| KEPT.iter().any(|kept| word.starts_with(kept)))
}
