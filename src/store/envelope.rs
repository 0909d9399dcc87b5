//! A backup as a file: one line of JSON that says what follows and its SHA-256, then the bytes of a state file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::event::hex;
use super::head::Head;
use super::layout::LAYOUT;
use crate::moment::Moment;
use crate::seal::SealId;

/// By which a backup is recognised. It is no version: how a backup is read, its layout says.
const SIGN: u8 = 1;

/// The longest header; ours are some 400 bytes.
const HEADER: u64 = 4096;

/// Copied at a time.
const CHUNK: usize = 64 << 10;

/// Said in every backup, so that nobody who finds one must guess.
fn holds(seal: Option<SealId>) -> String {
    match seal {
        None => "organisations with their device tokens, payments and the audit log; no mTLS key. Whoever has this file can \
                 take payments in their name with the key: keep it as secret as that"
            .to_owned(),
        Some(id) => format!(
            "organisations, payments and the audit log; device tokens sealed with seal {id}, which open only with that \
             credential kaspid.seal; no mTLS key and no seal: keep a copy of the seal in another place"
        ),
    }
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// [`SIGN`].
    pub(crate) kaspid_backup: u8,
    pub(crate) created_at: Moment,
    /// That of the file inside, and of this header.
    pub(crate) layout: u8,
    /// How many events the log has.
    pub(crate) events: u64,
    /// SHA-256 of the last one.
    pub(crate) head: String,
    /// Length of what follows the line.
    pub(crate) bytes: u64,
    /// SHA-256 of what follows the line.
    pub(crate) sha256: String,
    /// For people.
    pub(crate) holds: String,
    /// The number of the seal of what is sealed inside; none in a plain one, and in one of before this was said.
    #[serde(default)]
    pub(crate) seal: Option<String>,
}

/// Why a file cannot be used as a backup.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadBackup {
    /// It cannot be read, or its content not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// No header.
    #[error("this is no backup made by kaspictl backup: its first line is not the header of one")]
    NotOne,
    /// Of a layout that is not known yet.
    #[error("this backup was made by a newer kaspid (layout {0}; this one reads up to {LAYOUT}): install that version")]
    Newer(u8),
    /// Cut or continued.
    #[error("the backup is damaged: {found} bytes follow its header instead of {announced}")]
    Length {
        /// By the header.
        announced: u64,
        /// At least.
        found: u64,
    },
    /// Edited or rotten.
    #[error("the backup is damaged: its content does not have the SHA-256 of its header")]
    Checksum,
}

/// Puts the state file `from`, which is sealed with `sealed` and whose log ends with `head`, into an envelope at `to`: a new file of mode 0600, synced.
pub(crate) fn seal(
    (from, sealed): (&Path, Option<SealId>),
    to: &Path,
    head: &Head,
    created_at: Moment,
) -> io::Result<Header> {
    let mut inner = File::open(from)?;
    let mut digest = Sha256::new();
    let bytes = chunks(&mut inner, |chunk| {
        digest.update(chunk);
        Ok(())
    })?;
    let header = Header {
        kaspid_backup: SIGN,
        created_at,
        layout: LAYOUT,
        events: head.place.seq,
        head: head.hex(),
        bytes,
        sha256: hex(&digest.finalize().into()),
        holds: holds(sealed),
        seal: sealed.map(|id| id.to_string()),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    file.write_all(serde_json::to_string(&header)?.as_bytes())?;
    file.write_all(b"\n")?;
    chunks(&mut File::open(from)?, |chunk| file.write_all(chunk))?;
    file.sync_all()?;
    Ok(header)
}

/// The header of a backup, and the reader behind it.
pub(crate) fn open(path: &Path) -> Result<(Header, BufReader<File>), BadBackup> {
    let mut reader = BufReader::with_capacity(CHUNK, File::open(path)?);
    let mut line = Vec::new();
    (&mut reader).take(HEADER).read_until(b'\n', &mut line)?;
    // The header of a later layout may have other fields: that number is read first.
    #[derive(Deserialize)]
    struct First {
        kaspid_backup: u8,
        layout: u8,
    }
    let First { kaspid_backup, layout } = serde_json::from_slice(&line).map_err(|_| BadBackup::NotOne)?;
    if kaspid_backup != SIGN || layout > LAYOUT {
        return Err(BadBackup::Newer(layout));
    }
    let header = serde_json::from_slice(&line).map_err(|_| BadBackup::NotOne)?;
    Ok((header, reader))
}

/// Copies what follows the header and checks length and hash; what was written is to be thrown away on an error.
pub(crate) fn unseal(header: &Header, reader: &mut impl Read, to: &mut impl Write) -> Result<(), BadBackup> {
    let mut digest = Sha256::new();
    // One byte more is enough to know that there is too much.
    let found = chunks(&mut reader.take(header.bytes.saturating_add(1)), |chunk| {
        digest.update(chunk);
        to.write_all(chunk)
    })?;
    if found != header.bytes {
        return Err(BadBackup::Length { announced: header.bytes, found });
    }
    if hex(&digest.finalize().into()) != header.sha256 {
        return Err(BadBackup::Checksum);
    }
    Ok(())
}

/// Looks at a backup on its way to where it cannot be read back.
#[derive(Default)]
pub(crate) struct PassingBackup {
    /// Of the first line, until its end was seen.
    line: Vec<u8>,
    header: Option<Header>,
    digest: Sha256,
    found: u64,
}

impl PassingBackup {
    /// The next bytes.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Result<(), BadBackup> {
        if self.header.is_none() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (line, behind) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            self.line.extend_from_slice(line);
            bytes = behind;
            match end {
                Some(_) => self.header = Some(serde_json::from_slice(&self.line).map_err(|_| BadBackup::NotOne)?),
                None if self.line.len() as u64 > HEADER => return Err(BadBackup::NotOne),
                None => return Ok(()),
            }
        }
        self.found += bytes.len() as u64;
        self.digest.update(bytes);
        Ok(())
    }

    /// Its header, if it was whole.
    pub(crate) fn end(self) -> Result<Header, BadBackup> {
        let header = self.header.ok_or(BadBackup::NotOne)?;
        match self.found == header.bytes {
            false => Err(BadBackup::Length { announced: header.bytes, found: self.found }),
            true if hex(&self.digest.finalize().into()) != header.sha256 => Err(BadBackup::Checksum),
            true => Ok(header),
        }
    }
}

/// Whether a file is a whole backup.
pub(crate) fn check(path: &Path) -> Result<Header, BadBackup> {
    let (header, mut reader) = open(path)?;
    unseal(&header, &mut reader, &mut io::sink())?;
    Ok(header)
}

fn chunks(from: &mut impl Read, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let mut total = 0;
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        each(buffer.get(..length).unwrap_or_default())?;
        total += u64::try_from(length).unwrap_or(u64::MAX);
    }
}
