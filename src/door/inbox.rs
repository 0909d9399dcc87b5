//! Bytes of a caller on their way in. A key, a passphrase or a token may stand among them.

use std::io;
use std::ops::Deref;

use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::{Zeroize, Zeroizing};

/// What a connection begins with; a larger message leaves no larger buffer behind.
const AT_REST: usize = 1024;

/// A buffer that leaves no copies: whatever is taken from it, outgrown or dropped is wiped.
#[derive(Debug, Default)]
pub(super) struct Inbox(Zeroizing<Vec<u8>>);

impl Inbox {
    /// Waits for bytes and takes in what there is; 0 when the caller has closed its side. Loses nothing where it is
    /// dropped.
    pub(super) async fn read_from(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        self.make_room(AT_REST);
        stream.read_buf(&mut *self.0).await
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Wipes the first `count` bytes.
    pub(super) fn pass(&mut self, count: usize) {
        let left = self.0.get(count..).unwrap_or_default();
        if left.is_empty() {
            return self.clear();
        }
        let left = left.len();
        self.0.copy_within(count.., 0);
        if let Some(gone) = self.0.get_mut(left..) {
            gone.zeroize();
        }
        self.0.truncate(left);
    }

    /// Wipes all of it.
    pub(super) fn clear(&mut self) {
        match self.0.capacity() > AT_REST {
            true => *self = Self::default(),
            false => self.0.zeroize(),
        }
    }

    /// A vector that grows by itself leaves what it has outgrown to the allocator as it is.
    fn make_room(&mut self, count: usize) {
        let needed = self.0.len().saturating_add(count);
        if self.0.capacity() < needed {
            let doubled = if self.0.is_empty() { needed } else { self.0.capacity().saturating_mul(2).max(needed) };
            let mut larger = Zeroizing::new(Vec::with_capacity(doubled));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
    }
}

impl Deref for Inbox {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use proptest::collection::vec;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        /// It holds what came and was not passed, in order; and with all of it passed no more memory than at rest.
        #[test]
        fn bytes_come_out_as_they_went_in(pieces in vec(vec(1_u8.., 0..3000), 0..20), passes in vec(0_usize..4000, 20)) {
            let (mut inbox, mut expected) = (Inbox::default(), Vec::new());
            for (piece, pass) in pieces.iter().zip(passes) {
                inbox.append(piece);
                expected.extend_from_slice(piece);
                inbox.pass(pass);
                expected.drain(..pass.min(expected.len()));
                prop_assert_eq!(&*inbox, expected.as_slice());
            }
            inbox.pass(usize::MAX);
            prop_assert!(inbox.is_empty() && inbox.0.capacity() <= AT_REST);
        }
    }

    #[tokio::test]
    async fn what_a_caller_sends_is_read_to_its_end() {
        let sent: Vec<u8> = (0..100_000_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
        let (mut inbox, mut stream) = (Inbox::default(), sent.as_slice());
        while inbox.read_from(&mut stream).await.unwrap() > 0 {}
        assert_eq!(&*inbox, sent.as_slice());
    }
}
