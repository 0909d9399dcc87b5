//! A state file that is looked at and never written: what redb writes to mend one that was not closed stays in memory, and is
//! gone with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// What is kept of the writing is kept in pieces of this size.
const BLOCK: u64 = 4096;

/// A file with what is written laid over it.
#[derive(Debug)]
pub(super) struct Overlay {
    file: File,
    laid: Mutex<Layer>,
}

#[derive(Debug)]
struct Layer {
    /// How long the whole is.
    len: u64,
    /// Up to here the file is what is below.
    below: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    /// Over a file that is open to be read.
    pub(super) fn over(file: File) -> std::io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, laid: Mutex::new(Layer { len, below: len, blocks: BTreeMap::new() }) })
    }

    fn laid(&self) -> MutexGuard<'_, Layer> {
        self.laid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block as it is now.
    fn block(&self, laid: &Layer, number: u64) -> std::io::Result<Vec<u8>> {
        if let Some(block) = laid.blocks.get(&number) {
            return Ok(block.clone());
        }
        let begin = number.saturating_mul(BLOCK);
        let mut block = vec![0; size(BLOCK)];
        let there = size(laid.below.saturating_sub(begin).min(BLOCK));
        if let Some(part) = block.get_mut(..there) {
            self.file.read_exact_at(part, begin)?;
        }
        Ok(block)
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The blocks of so many bytes at `offset`: number, where in the block, where in the bytes, and how many.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut done = 0_usize;
    std::iter::from_fn(move || {
        let at = offset.saturating_add(u64::try_from(done).ok()?);
        let within = size(at % BLOCK);
        let count = (len - done).min(size(BLOCK) - within);
        let part = (at / BLOCK, within, done, count);
        done += count;
        (count > 0).then_some(part)
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> Result<u64, Error> {
        Ok(self.laid().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let laid = self.laid();
        if offset.saturating_add(u64::try_from(out.len()).unwrap_or(u64::MAX)) > laid.len {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        for (number, within, at, count) in parts(offset, out.len()) {
            let block = self.block(&laid, number)?;
            if let (Some(to), Some(from)) = (out.get_mut(at..at + count), block.get(within..within + count)) {
                to.copy_from_slice(from);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        let mut laid = self.laid();
        laid.below = laid.below.min(len);
        laid.len = len;
        let first = len.div_ceil(BLOCK);
        laid.blocks.retain(|number, _| *number < first);
        // What is cut off is zero where the file grows again.
        let last = laid.blocks.get_mut(&(len / BLOCK)).and_then(|block| block.get_mut(size(len % BLOCK)..));
        last.into_iter().flatten().for_each(|byte| *byte = 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let mut laid = self.laid();
        for (number, within, at, count) in parts(offset, data.len()) {
            let mut block = self.block(&laid, number)?;
            if let (Some(to), Some(from)) = (block.get_mut(within..within + count), data.get(at..at + count)) {
                to.copy_from_slice(from);
            }
            laid.blocks.insert(number, block);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use std::io::Write;

    use super::*;

    fn all(overlay: &Overlay) -> Vec<u8> {
        let mut bytes = vec![0xff; size(overlay.len().unwrap())];
        overlay.read(0, &mut bytes).unwrap();
        bytes
    }

    /// It reads as a file would that was written to, wherever blocks begin and end; the file stays as it is.
    #[test]
    fn it_reads_as_what_was_written_and_writes_nothing() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut expected: Vec<u8> = (0..10_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        file.write_all(&expected).unwrap();
        let overlay = Overlay::over(File::open(file.path()).unwrap()).unwrap();
        assert!(all(&overlay) == expected);
        for (at, text) in [(0, vec![1; 10]), (4090, vec![2; 12]), (4096, vec![3; 4096]), (9_990, vec![4; 10])] {
            overlay.write(at as u64, &text).unwrap();
            expected.splice(at..at + text.len(), text);
        }
        assert!(all(&overlay) == expected);
        for len in [12_288, 5_000, 20_000] {
            overlay.set_len(len).unwrap();
            expected.resize(size(len), 0);
            assert!(all(&overlay) == expected, "{len}");
        }
        assert!(overlay.read(19_999, &mut [0; 2]).is_err());
        assert_eq!(std::fs::read(file.path()).unwrap().get(..3), Some(&[0, 1, 2][..]));
    }
}
