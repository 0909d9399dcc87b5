//! Where in the bytes of a connection one request ends and the next begins. hyper is handed one request at a time, so that
//! what comes behind it is seen to be waiting: hyper does not tell what it has read already.
//!
//! hyper alone judges what a request is. Where this is wrong, hyper is handed more or less at a time and reads on; it never
//! gets other bytes.

use hyper::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

/// What of the next request has gone by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    /// Its head: whether anything of it has come, and anything of the line that is coming in.
    Head { begun: bool, filled: bool },
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
    Trailer { filled: bool },
    /// This cannot tell, until the next request.
    Lost,
}

const NEW_HEAD: Passage = Passage::Head { begun: false, filled: false };

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

    /// Nothing of a request has come since the last one; empty lines are nothing.
    pub(super) fn is_between(&self) -> bool {
        self.0 == NEW_HEAD
    }

    /// Part of a head has come.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.0, Passage::Head { begun: true, .. })
    }

    /// How many of these bytes hyper gets now: up to the end of a head, or of a request. Never none. Empty lines go with
    /// what follows them: hyper reads all that it has anew with each piece it gets.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let was_in_head = matches!(self.0, Passage::Head { .. });
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
                    taken += self.line(rest);
                }
            }
            if !was_in_head && self.0 == NEW_HEAD {
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

    /// Passes over what is here of a line, and its end. A `\r` is none of its characters.
    fn line(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (text, is_over) = (bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default(), end.is_some());
        let filled = text.iter().any(|byte| *byte != b'\r');
        self.0 = match (self.0, is_over) {
            // Empty lines before a request are nothing of it.
            (Passage::Head { begun: false, .. }, _) if !filled => NEW_HEAD,
            (Passage::Head { filled: false, .. }, true) if !filled => Passage::Behind,
            (Passage::Head { .. }, true) => Passage::Head { begun: true, filled: false },
            (Passage::Head { filled: before, .. }, false) => Passage::Head { begun: true, filled: before || filled },
            (Passage::Size { size, digits }, is_over) => sized(size, digits, text, is_over),
            (Passage::ChunkEnd, true) => Passage::Size { size: 0, digits: true },
            (Passage::Trailer { filled: false }, true) if !filled => NEW_HEAD,
            (Passage::Trailer { .. }, true) => Passage::Trailer { filled: false },
            (Passage::Trailer { filled: before }, false) => Passage::Trailer { filled: before || filled },
            (other, _) => other,
        };
        text.len() + usize::from(is_over)
    }
}

/// Behind more of the line with the size of a chunk: digits, and then whatever a client has to add.
fn sized(mut size: u64, mut digits: bool, text: &[u8], is_over: bool) -> Passage {
    for byte in text {
        let digit = char::from(*byte).to_digit(16).filter(|_| digits);
        digits = digit.is_some();
        let Some(digit) = digit else { break };
        match size.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit))) {
            Some(longer) => size = longer,
            None => return Passage::Lost,
        }
    }
    match (is_over, size) {
        (false, _) => Passage::Size { size, digits },
        (true, 0) => Passage::Trailer { filled: false },
        (true, _) => Passage::Chunk(size),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::collection::vec;
    use proptest::sample::select;
    use proptest::{prop_assert, proptest};

    use super::*;

    /// What heads, sizes and bodies are made of, and what is none of it.
    const PARTS: [&str; 12] = [
        "\r\n",
        "\n",
        "\r",
        "GET / HTTP/1.1",
        "Host: a",
        "0",
        "5",
        "ffffffffffffffff1",
        ";x",
        "GET /",
        "\0\u{7f}",
        "12345",
    ];

    proptest! {
        /// Whatever comes, and whatever hyper makes of it: some of it is handed on each time, never more than there is, so that
        /// nothing waits for ever.
        #[test]
        fn some_of_all_bytes_is_handed_on(
            parts in vec(select(&PARTS[..]), 0..200),
            lengths in vec(select(&["0", "5", "18446744073709551615", "+1", "chunked"][..]), 0..40),
        ) {
            let (bytes, mut lengths, mut boundary) = (parts.concat().into_bytes(), lengths.into_iter(), Boundary::default());
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let taken = boundary.take(rest);
                prop_assert!((1..=rest.len()).contains(&taken), "{taken} of {}: {boundary:?}", rest.len());
                rest = rest.get(taken..).unwrap_or_default();
                if boundary.0 == Passage::Behind && let Some(length) = lengths.next() {
                    let name = if length == "chunked" { TRANSFER_ENCODING } else { CONTENT_LENGTH };
                    boundary.head(&[(name, HeaderValue::from_static(length))].into_iter().collect());
                }
                if lengths.len() % 3 == 0 {
                    boundary.answered();
                }
            }
        }
    }

    /// hyper reads what it has anew with each piece: thousands of empty lines, handed one at a time, kept a thread of the
    /// daemon busy for seconds.
    #[test]
    fn empty_lines_go_with_what_follows_them() {
        let head = b"GET / HTTP/1.1\r\n\r\n";
        for line in ["\n", "\r\n"] {
            let lines = line.repeat(15_000);
            let bytes = [lines.as_bytes(), head, lines.as_bytes(), head].concat();
            let mut boundary = Boundary::default();
            let first = boundary.take(&bytes);
            assert_eq!(first, lines.len() + head.len());
            boundary.head(&HeaderMap::new());
            assert!(boundary.is_between());
            assert_eq!(boundary.take(bytes.get(first..).unwrap_or_default()), first);
        }
    }

    #[test]
    fn empty_lines_alone_are_between_two_requests() {
        let mut boundary = Boundary::default();
        assert_eq!(boundary.take(b"\r\n\n\r\n"), 5);
        assert!(boundary.is_between() && !boundary.is_in_head());
        assert_eq!(boundary.take(b"\nG"), 2);
        assert!(boundary.is_in_head());
    }
}
