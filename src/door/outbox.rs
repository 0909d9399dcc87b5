//! Answers on their way to a native client, in the order in which they came to be.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;

use tokio::io::AsyncWrite;

use crate::allowance::Allowance;
use crate::failure::{Code, Failure};
use crate::frame::{self, Answer, FrameError};

/// Frames written in one piece.
const AT_ONCE: usize = 32;

/// An answer as it goes over the wire. What it holds is given back with it.
#[derive(Debug)]
pub(super) struct AnswerFrame {
    bytes: Vec<u8>,
    _allowance: Option<Allowance>,
}

impl AnswerFrame {
    pub(super) fn of(answer: &Answer, allowance: Option<Allowance>) -> Self {
        let bytes = encode(answer);
        if let Some(allowance) = &allowance {
            allowance.fit(bytes.capacity());
        }
        Self { bytes, _allowance: allowance }
    }
}

/// A reply that does not fit into a frame is told as such; lists are bounded, so it takes very long texts.
fn encode(answer: &Answer) -> Vec<u8> {
    let told = |error: FrameError| {
        let failure =
            Failure::new(Code::TooLarge, format!("the reply: {error}")).with_hint("Ask for less at a time with limit.");
        frame::encode(&Answer { id: answer.id, result: Err(failure) })
    };
    // A failure is short, and of a type that can be written.
    let mut bytes = frame::encode(answer).or_else(told).unwrap_or_default();
    bytes.shrink_to_fit();
    bytes
}

/// What the client has not taken.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: VecDeque<AnswerFrame>,
    /// Bytes of the first one that are written.
    written: usize,
}

impl Outbox {
    pub(super) fn add(&mut self, frame: AnswerFrame) {
        self.frames.push_back(frame);
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Writes what the client takes at once. Nothing is lost where the future is dropped.
    pub(super) async fn write(&mut self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let taken = std::future::poll_fn(|cx| {
            let rests = self.frames.iter().enumerate().take(AT_ONCE).map(|(place, frame)| {
                let skipped = if place == 0 { self.written } else { 0 };
                IoSlice::new(frame.bytes.get(skipped..).unwrap_or_default())
            });
            let rests: Vec<IoSlice<'_>> = rests.collect();
            Pin::new(&mut *writer).poll_write_vectored(cx, &rests)
        })
        .await?;
        if taken == 0 && !self.is_empty() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.forget(taken);
        Ok(())
    }

    fn forget(&mut self, taken: usize) {
        self.written += taken;
        while let Some(first) = self.frames.front()
            && self.written >= first.bytes.len()
        {
            self.written -= first.bytes.len();
            self.frames.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::operation::{Reply, Version};

    #[tokio::test]
    async fn what_a_slow_client_takes_is_whole_and_in_order() {
        let (mut ours, mut theirs) = tokio::io::duplex(7);
        let mut outbox = Outbox::default();
        let mut wanted = Vec::new();
        for id in 1..100 {
            let version = Version { version: "x".repeat(usize::try_from(id).unwrap()), protocol: 1 };
            let answer = Answer { id, result: Ok(Reply::Version(version)) };
            wanted.extend(encode(&answer));
            outbox.add(AnswerFrame::of(&answer, None));
        }
        let mut read = vec![0; wanted.len()];
        let write = async {
            while !outbox.is_empty() {
                outbox.write(&mut ours).await.unwrap();
            }
        };
        tokio::join!(write, async { theirs.read_exact(&mut read).await.unwrap() });
        assert_eq!(read, wanted);
    }
}
