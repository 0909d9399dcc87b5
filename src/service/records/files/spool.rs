//! An upload on its way: a log in a file without a name, so that its size costs no memory; configs, which hold
//! tokens, in memory that is wiped.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::aside;
use crate::failure::{Code, Failure};
use crate::transfer::Upload;

/// Ten thousand configs; there are never more than a few.
const CONFIGS: usize = 4 << 20;

/// The whole upload in memory.
///
/// # Errors
/// `too_large`, or the client went away before the end.
pub(super) async fn in_memory(upload: &mut Upload) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // All of it at once: growing would leave copies behind that nobody wipes.
    let mut all = Zeroizing::new(Vec::with_capacity(CONFIGS));
    while let Some(piece) = upload.next().await? {
        if all.len() + piece.len() > CONFIGS {
            let why = format!("a table of organisations has at most {} MiB", CONFIGS >> 20);
            return Err(Failure::new(Code::TooLarge, why).with_hint(
                "Is it the log? kaspictl import log FILE. Else export kaspi_pay_config alone, or a part of it.",
            ));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

/// The whole upload in a file of the state directory that has no name and ends with the operation.
///
/// # Errors
/// `storage_failed`, or the client went away before the end.
pub(super) async fn on_disk(upload: &mut Upload, state_dir: &Path) -> Result<Spooled, Failure> {
    let mut file = nameless(state_dir).map_err(|error| failed(&error))?;
    let mut sha = Sha256::new();
    while let Some(piece) = upload.next().await? {
        (file, sha) = aside(move || {
            file.write_all(&piece).map_err(|error| failed(&error))?;
            Ok((file, sha.chain_update(&piece)))
        })
        .await?;
    }
    Ok(Spooled { file, sha: sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect() })
}

/// An upload that was taken in whole.
pub(super) struct Spooled {
    pub(super) file: File,
    /// SHA-256, in hex.
    pub(super) sha: String,
}

/// A file of the state directory that ends with whoever holds it.
pub(in crate::service::records) fn nameless(state_dir: &Path) -> std::io::Result<File> {
    let path = state_dir.join(format!("import.{}", uuid::Uuid::new_v4()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// The same file from its beginning.
///
/// # Errors
/// `storage_failed`.
pub(super) fn again(file: &File) -> Result<File, Failure> {
    let mut again = file.try_clone().map_err(|error| failed(&error))?;
    again.seek(SeekFrom::Start(0)).map_err(|error| failed(&error))?;
    Ok(again)
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::new(Code::StorageFailed, format!("the imported file could not be kept in the state directory: {error}"))
}
