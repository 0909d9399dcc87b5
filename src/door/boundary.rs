//! Where in the bytes of a connection one request ends and the next begins. hyper is handed one request at a time, so that
//! what comes behind it is seen to be waiting: hyper does not tell what it has read already.
//!
//! hyper alone judges what a request is. Where this is wrong, hyper is handed more or less at a time and reads on; it never
//! gets other bytes.

use hyper::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

/// What of the next request has gone by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    /// Its head: whether anything of it has come, and how long the line is that is coming in.
    Head { begun: bool, line: usize },
    /// Behind its head; hyper says next what body it has.
    Behind,
    /// So much of its body is missing.
    Body(u64),
    /// A line with the size of a chunk, read so far; digits end at the first that is none.
    Size { size: u64, digits: bool },
    /// So much of a chunk is missing.
    Chunk(u64),
    /// The line end of a chunk.
    ChunkEnd,
    /// Lines behind the last chunk, ended by an empty one.
    Trailer { line: usize },
    /// This cannot tell, until the next request.
    Lost,
}

const NEW_HEAD: Passage = Passage::Head { begun: false, line: 0 };

/// Follows the bytes of one connection.
#[derive(Debug)]
pub(super) struct Boundary(Passage);

impl Default for Boundary {
    fn default() -> Self {
        Self(NEW_HEAD)
    }
}

impl Boundary {
    /// hyper has read a head.
    pub(super) fn head(&mut self, headers: &HeaderMap) {
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.trim().parse().ok());
        self.0 = match length {
            _ if headers.contains_key(TRANSFER_ENCODING) => Passage::Size { size: 0, digits: true },
            Some(0) | None => NEW_HEAD,
            Some(length) => Passage::Body(length),
        };
    }

    /// The request has its answer: whatever comes next is another.
    pub(super) fn answered(&mut self) {
        if self.0 == Passage::Lost {
            self.0 = NEW_HEAD;
        }
    }

    /// Passage of a head has come.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.0, Passage::Head { begun: true, .. })
    }

    /// How many of these bytes hyper gets now: up to the end of a head, or of a request. Never none.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match self.0 {
                // hyper wants more before it has told the body: it sees no end of a head here.
                Passage::Behind if taken == 0 => self.0 = Passage::Lost,
                Passage::Behind => return taken,
                Passage::Lost => return bytes.len(),
                Passage::Body(missing) => taken += self.skip(missing, rest.len(), Passage::Body, None),
                Passage::Chunk(missing) => {
                    taken += self.skip(missing, rest.len(), Passage::Chunk, Some(Passage::ChunkEnd))
                }
                Passage::Head { .. } | Passage::Size { .. } | Passage::ChunkEnd | Passage::Trailer { .. } => {
                    self.byte(rest.first().copied().unwrap_or_default());
                    taken += 1;
                }
            }
            if taken > 0 && self.0 == NEW_HEAD {
                return taken;
            }
        }
        taken
    }

    /// Passes over what is here of `missing` bytes.
    fn skip(&mut self, missing: u64, here: usize, more: fn(u64) -> Passage, then: Option<Passage>) -> usize {
        let passed = usize::try_from(missing).unwrap_or(usize::MAX).min(here);
        let missing = missing.saturating_sub(u64::try_from(passed).unwrap_or(u64::MAX));
        self.0 = if missing > 0 { more(missing) } else { then.unwrap_or(NEW_HEAD) };
        passed
    }

    fn byte(&mut self, byte: u8) {
        self.0 = match (self.0, byte) {
            // Empty lines before a request are nothing of it.
            (Passage::Head { begun: false, .. }, b'\r' | b'\n') => NEW_HEAD,
            (Passage::Head { line: 0, .. }, b'\n') => Passage::Behind,
            (Passage::Head { .. }, b'\n') => Passage::Head { begun: true, line: 0 },
            (Passage::Head { line, .. }, _) => Passage::Head { begun: true, line: longer(line, byte) },
            (Passage::Size { size: 0, .. }, b'\n') => Passage::Trailer { line: 0 },
            (Passage::Size { size, .. }, b'\n') => Passage::Chunk(size),
            (Passage::Size { size, digits: true }, byte) => match char::from(byte).to_digit(16) {
                Some(digit) => size_of(size, digit),
                None => Passage::Size { size, digits: false },
            },
            (Passage::ChunkEnd, b'\n') => Passage::Size { size: 0, digits: true },
            (Passage::Trailer { line: 0 }, b'\n') => NEW_HEAD,
            (Passage::Trailer { .. }, b'\n') => Passage::Trailer { line: 0 },
            (Passage::Trailer { line }, _) => Passage::Trailer { line: longer(line, byte) },
            (at, _) => at,
        };
    }
}

fn size_of(size: u64, digit: u32) -> Passage {
    match size.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit))) {
        Some(size) => Passage::Size { size, digits: true },
        None => Passage::Lost,
    }
}

/// The `\r` before the end of a line is none of its characters.
fn longer(line: usize, byte: u8) -> usize {
    if byte == b'\r' { line } else { line.saturating_add(1) }
}
