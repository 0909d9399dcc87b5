//! A file byte by byte, with the number of the line, and without the mark it may begin with.

use std::io::{ErrorKind, Read};

use zeroize::Zeroizing;

use super::Unreadable;

/// Bytes read at a time.
const PIECE: usize = 16 << 10;

/// What a file may begin with and no value does.
pub(super) const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// The reader. Its buffer is wiped: a token may have passed through it.
pub(super) struct Bytes<R> {
    reader: R,
    buffer: Zeroizing<Vec<u8>>,
    at: usize,
    length: usize,
    line_end: u8,
    /// The disk failed: there is no more.
    is_broken: bool,
    /// Of the next byte, from 1.
    pub(super) line: u64,
}

/// Adds a byte; what was there before is wiped where it must move for it.
pub(super) fn push(text: &mut Zeroizing<Vec<u8>>, byte: u8) {
    if text.len() == text.capacity() {
        let mut wider = Zeroizing::new(Vec::with_capacity(text.capacity().saturating_mul(2).max(256)));
        wider.extend_from_slice(text);
        *text = wider;
    }
    text.push(byte);
}

impl<R: Read> Bytes<R> {
    pub(super) fn begin(reader: R, line_end: u8) -> Result<Self, Unreadable> {
        let buffer = Zeroizing::new(vec![0; PIECE]);
        let mut bytes = Self { reader, buffer, at: 0, length: 0, line_end, is_broken: false, line: 1 };
        bytes.fill()?;
        // One, or one for each file that was put into this one.
        while bytes.buffer.get(bytes.at..bytes.length).is_some_and(|begun| begun.starts_with(&BOM)) {
            bytes.at += BOM.len();
            bytes.gather()?;
        }
        Ok(bytes)
    }

    /// The next bytes of the file.
    fn fill(&mut self) -> Result<(), Unreadable> {
        (self.at, self.length) = (0, 0);
        self.gather()
    }

    /// Gathers so many bytes that a mark is seen whole, where there are so many.
    fn gather(&mut self) -> Result<(), Unreadable> {
        while self.length - self.at < BOM.len() && self.length < PIECE && !self.is_broken {
            let room = self.buffer.get_mut(self.length..).unwrap_or_default();
            match self.reader.read(room) {
                Ok(0) => return Ok(()),
                Ok(count) => self.length += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_broken = true;
                    return Err(Unreadable::disk(self.line, &error));
                }
            }
        }
        Ok(())
    }

    /// The next byte, which stays the next; none at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Unreadable> {
        if self.at == self.length {
            self.fill()?;
        }
        Ok(if self.at < self.length { self.buffer.get(self.at).copied() } else { None })
    }

    pub(super) fn next(&mut self) -> Result<Option<u8>, Unreadable> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.at += 1;
            self.line += u64::from(byte == self.line_end);
        }
        Ok(byte)
    }
}
