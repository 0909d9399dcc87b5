//! Bodies larger than a message, a piece at a time: what an import takes in ([`Upload`]) and what an export or a
//! backup gives out ([`Download`]). Whoever is faster waits for the other, so memory is bounded by [`PIECES`]
//! pieces a side; and each end can tell whether the other has finished or was cut off.

use std::fs::File;
use std::io::{self, Read};
use std::task::{Context, Poll};

// hyper's, so that a piece goes from the socket to the service and back without a copy.
use hyper::body::Bytes;
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::operation::{BadRows, Reply};

/// Pieces under way between the two ends.
const PIECES: usize = 2;

/// Of a file, read at a time.
const FILE_PIECE: usize = 64 << 10;

/// What a streamed operation came to.
#[derive(Debug)]
pub enum Transferred {
    /// It has read its upload and answers as any other.
    Reply(Box<Reply>),
    /// It gives a file out, piece by piece.
    Download(Download),
    /// It has read its upload and taken nothing of it: rows of it are not good.
    Refused(BadRows),
}

/// The other end has gone away.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone;

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    /// Without it, the sender was cut off.
    End,
}

/// A request's body on its way to the service.
#[derive(Debug)]
pub struct Upload(mpsc::Receiver<Piece>);

/// The end of an [`Upload`] that is fed.
#[derive(Debug)]
pub struct UploadSender(mpsc::Sender<Piece>);

impl Upload {
    /// Both ends.
    #[must_use]
    pub fn channel() -> (UploadSender, Self) {
        let (sender, receiver) = mpsc::channel(PIECES);
        (UploadSender(sender), Self(receiver))
    }

    /// The next piece, or `None` behind the last one.
    ///
    /// # Errors
    /// `invalid_request`: the client went away before the end. Nothing of the upload may be applied.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        match self.0.recv().await {
            Some(Piece::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Piece::End) => Ok(None),
            None => Err(Failure::invalid("the body ends before its announced end; nothing of it was taken in")),
        }
    }
}

impl UploadSender {
    /// Hands a piece over, once there is room.
    ///
    /// # Errors
    /// [`Gone`]: the operation has ended without reading on.
    pub async fn piece(&self, bytes: Bytes) -> Result<(), Gone> {
        self.0.send(Piece::Bytes(bytes)).await.map_err(|_| Gone)
    }

    /// There is no more.
    pub async fn end(self) {
        // An operation that has ended already has its reason, which is the answer.
        let _ = self.0.send(Piece::End).await;
    }
}

/// An answer's body on its way to the client.
#[derive(Debug)]
pub struct Download {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Further headers, lower case: sent before the first piece.
    pub headers: Vec<(&'static str, String)>,
    /// Bytes, where they are known before the first.
    pub length: Option<u64>,
    pieces: mpsc::Receiver<Piece>,
}

/// The end of a [`Download`] that is fed.
#[derive(Debug)]
pub struct DownloadSender(mpsc::Sender<Piece>);

impl Download {
    /// Both ends.
    #[must_use]
    pub fn channel(content_type: &'static str) -> (DownloadSender, Self) {
        let (sender, pieces) = mpsc::channel(PIECES);
        (DownloadSender(sender), Self { content_type, headers: Vec::new(), length: None, pieces })
    }

    /// The next piece, `None` behind the last one, or [`Gone`] where the operation broke off: then the client
    /// must not be told that it has everything.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        self.pieces.poll_recv(context).map(|piece| match piece {
            Some(Piece::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Piece::End) => Ok(None),
            None => Err(Gone),
        })
    }
}

impl DownloadSender {
    /// Hands a piece over, once the client has taken what came before. Hold no transaction across it.
    ///
    /// # Errors
    /// [`Gone`]: the client went away.
    pub async fn piece(&self, bytes: impl Into<Bytes>) -> Result<(), Gone> {
        self.0.send(Piece::Bytes(bytes.into())).await.map_err(|_| Gone)
    }

    /// Hands a whole file over, as fast as the client takes it, and says that there is no more. A file that cannot be read on
    /// cuts the answer off.
    ///
    /// # Errors
    /// Why it could not be read.
    pub async fn file(self, file: File) -> io::Result<()> {
        let mut file = Some(file);
        while let Some(mut open) = file.take() {
            let read = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; FILE_PIECE];
                let length = open.read(&mut piece)?;
                piece.truncate(length);
                Ok::<_, io::Error>((open, piece))
            });
            let (open, piece) = read.await??;
            if piece.is_empty() {
                self.end().await;
                return Ok(());
            }
            match self.piece(piece).await {
                Ok(()) => file = Some(open),
                Err(Gone) => return Ok(()),
            }
        }
        Ok(())
    }

    /// There is no more. Dropping the sender instead cuts the answer off where the client notices.
    pub async fn end(self) {
        // A client that has gone away needs no end.
        let _ = self.0.send(Piece::End).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::*;

    #[tokio::test]
    async fn an_end_and_a_cut_are_told_apart() {
        let (sender, mut upload) = Upload::channel();
        sender.piece(Bytes::from_static(b"1")).await.unwrap();
        sender.end().await;
        assert_eq!(upload.next().await.unwrap().unwrap(), "1");
        assert_eq!(upload.next().await.unwrap(), None);
        let (sender, mut upload) = Upload::channel();
        drop(sender);
        assert!(upload.next().await.is_err());

        let (sender, mut download) = Download::channel("text/csv");
        sender.piece("1").await.unwrap();
        drop(sender);
        let mut next = async || std::future::poll_fn(|context| download.poll_next(context)).await;
        assert_eq!(next().await.unwrap().unwrap(), "1");
        assert_eq!(next().await, Err(Gone));
    }

    /// A client that does not read holds at most two pieces, and one that is gone is noticed.
    #[tokio::test]
    async fn the_slow_end_is_waited_for() {
        let (sender, download) = Download::channel("text/csv");
        for _ in 0..PIECES {
            sender.piece("x").await.unwrap();
        }
        let mut third = std::pin::pin!(sender.piece("x"));
        assert!(std::future::poll_fn(|context| Poll::Ready(third.as_mut().poll(context).is_pending())).await);
        drop(download);
        assert_eq!(third.await, Err(Gone));
    }
}
