//! Native frames: a big-endian `u32` length, then that many bytes of postcard.
//!
//! A conversation is [`Hello`] → [`Welcome`], then any number of [`Call`]s in flight and an [`Answer`] for
//! each, in the order they finish. A length is at most [`MAX_BODY`], so the first byte of a native
//! conversation is always `0x00`, which no HTTP request begins with: that is how one socket serves both.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::failure::Failure;
use crate::operation::{Operation, Reply};

/// The version of this protocol. Both ends must have the same: postcard cannot skip a field it does not
/// know, so a new field raises it; a new last variant of an enum does not.
pub const PROTOCOL: u16 = 1;

/// The longest body in bytes (1 MiB). Below 2^24, which keeps the first byte of a frame `0x00`.
pub const MAX_BODY: usize = 1 << 20;

/// [`Answer::id`] that belongs to no call: why the conversation ends. Calls that are still without an answer
/// when the connection closes after it were not carried out. Callers number their calls from 1.
pub const CONNECTION: u32 = 0;

/// The first frame of a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The caller's [`PROTOCOL`].
    pub protocol: u16,
    /// What the caller calls itself, for the journal; at most 64 bytes are kept.
    pub client: String,
}

/// The first frame of the daemon. With another protocol than the caller's it is also the last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The daemon's [`PROTOCOL`].
    pub protocol: u16,
    /// The daemon's version.
    pub version: String,
}

/// One operation asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Chosen by the caller, repeated in the answer; not [`CONNECTION`].
    pub id: u32,
    /// The request key of an operation that moves money: 1–128 printable ASCII characters.
    pub key: Option<String>,
    /// How long the caller waits, in milliseconds. It ends the waiting and never the operation; only a second call to Kaspi
    /// that could not have its whole time before it is not made.
    pub deadline_ms: Option<u32>,
    /// What is asked.
    pub operation: Operation,
}

/// What came of a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The call's id, or [`CONNECTION`].
    pub id: u32,
    /// The reply, or why there is none.
    pub result: Result<Reply, Failure>,
}

/// Why a frame could not be read or written. Never repeats the bytes: they may hold a token.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side closed between two frames: the usual end.
    #[error("the connection was closed")]
    Closed,
    /// The other side closed inside of a frame.
    #[error("the connection was closed in the middle of a frame")]
    Cut,
    /// The length is above the limit; nothing of the body was read or sent.
    #[error("a frame of {length} bytes is longer than the limit of {limit}")]
    TooLarge {
        /// As announced.
        length: usize,
        /// As allowed.
        limit: usize,
    },
    /// The body is not the postcard of the type expected.
    #[error("the frame is not a valid {expected}")]
    Malformed {
        /// The type's name.
        expected: &'static str,
    },
    /// The body goes on behind the value: the other side knows another version of the type.
    #[error("{count} bytes are left over behind the {expected}")]
    Trailing {
        /// How many.
        count: usize,
        /// The type's name.
        expected: &'static str,
    },
    /// The socket failed.
    #[error("the socket failed: {0}")]
    Io(#[from] std::io::Error),
}

fn name_of<T>() -> &'static str {
    std::any::type_name::<T>().rsplit("::").next().unwrap_or("value")
}

/// `value` as a whole frame, length included, ready to be written at once.
///
/// # Errors
/// [`FrameError::TooLarge`] above [`MAX_BODY`]; [`FrameError::Malformed`] if the type cannot be postcard.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, FrameError> {
    let malformed = |_| FrameError::Malformed { expected: name_of::<T>() };
    let mut frame = postcard::to_extend(value, vec![0; 4]).map_err(malformed)?;
    let length = frame.len().saturating_sub(4);
    let too_large = || FrameError::TooLarge { length, limit: MAX_BODY };
    if length > MAX_BODY {
        return Err(too_large());
    }
    let prefix = u32::try_from(length).map_err(|_| too_large())?.to_be_bytes();
    if let Some(place) = frame.first_chunk_mut::<4>() {
        *place = prefix;
    }
    Ok(frame)
}

/// The value in a frame's body, the whole body and nothing but it.
///
/// # Errors
/// [`FrameError::Malformed`] or [`FrameError::Trailing`].
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    let expected = name_of::<T>();
    match postcard::take_from_bytes::<T>(body) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(FrameError::Trailing { count: rest.len(), expected }),
        Err(_) => Err(FrameError::Malformed { expected }),
    }
}

/// The body of the first frame in `buffer` and the length of the whole frame, if it is all there.
///
/// # Errors
/// [`FrameError::TooLarge`], known from the first four bytes.
pub fn split(buffer: &[u8], limit: usize) -> Result<Option<(&[u8], usize)>, FrameError> {
    let Some((prefix, rest)) = buffer.split_first_chunk::<4>() else { return Ok(None) };
    let length = length_within(*prefix, limit)?;
    Ok(rest.get(..length).map(|body| (body, prefix.len() + length)))
}

fn length_within(prefix: [u8; 4], limit: usize) -> Result<usize, FrameError> {
    let limit = limit.min(MAX_BODY);
    // usize has at least 32 bits on every target tokio runs a Unix socket on.
    let length = usize::try_from(u32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
    if length > limit { Err(FrameError::TooLarge { length, limit }) } else { Ok(length) }
}

/// The body of the next frame, at most `limit` bytes. Give it a buffered reader: it reads twice.
/// Not cancel-safe: a future dropped half-way has lost part of the frame.
///
/// # Errors
/// [`FrameError::Closed`] where a frame would begin, otherwise `Cut`, `TooLarge` or `Io`.
pub async fn read<R: AsyncRead + Unpin>(reader: &mut R, limit: usize) -> Result<Vec<u8>, FrameError> {
    let mut prefix = [0; 4];
    let (first, rest) = prefix.split_at_mut(1);
    if reader.read(first).await? == 0 {
        return Err(FrameError::Closed);
    }
    reader.read_exact(rest).await.map_err(cut)?;
    let mut body = vec![0; length_within(prefix, limit)?];
    reader.read_exact(&mut body).await.map_err(cut)?;
    Ok(body)
}

fn cut(error: std::io::Error) -> FrameError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => FrameError::Cut,
        _ => FrameError::Io(error),
    }
}

/// Reads the next frame as a `T`.
///
/// # Errors
/// As [`read`] and [`decode`].
pub async fn receive<T: DeserializeOwned, R: AsyncRead + Unpin>(reader: &mut R) -> Result<T, FrameError> {
    decode(&read(reader, MAX_BODY).await?)
}

/// Writes `value` as one frame in one piece.
///
/// # Errors
/// As [`encode`], and [`FrameError::Io`].
pub async fn send<T: Serialize, W: AsyncWrite + Unpin>(writer: &mut W, value: &T) -> Result<(), FrameError> {
    writer.write_all(&encode(value)?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

    use proptest::prelude::*;

    use super::*;
    use crate::failure::Code;
    use crate::operation::{Resolve, ResolvePayment, Version, VersionQuery};

    /// The bytes of a fixture: hex digits, with `#` before words for people.
    fn golden(text: &str) -> Vec<u8> {
        let lines = text.lines().filter_map(|line| line.split('#').next());
        lines.flat_map(str::split_ascii_whitespace).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
    }

    fn pinned<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, text: &str) {
        let bytes = golden(text);
        assert_eq!(encode(value).unwrap(), bytes, "{value:?}");
        let (body, length) = split(&bytes, MAX_BODY).unwrap().unwrap();
        assert_eq!((&decode::<T>(body).unwrap(), length), (value, bytes.len()));
    }

    /// A program in another language was written against these bytes: they never change within a protocol.
    #[test]
    fn frames_are_the_bytes_of_the_fixtures() {
        pinned(&Hello { protocol: 1, client: "php".into() }, include_str!("../tests/fixtures/native/hello.hex"));
        pinned(&Welcome { protocol: 1, version: "0.1.0".into() }, include_str!("../tests/fixtures/native/welcome.hex"));
        let version = Call { id: 300, key: None, deadline_ms: Some(1500), operation: VersionQuery.into() };
        pinned(&version, include_str!("../tests/fixtures/native/call-version.hex"));
        let create = serde_json::from_value(serde_json::json!({
            "kind": "remote", "amount_tiyn": 10000, "phone_number": "77015211545", "invoice": "order-123",
            "shop_id": 8, "organization_bin": "891027350515", "wait": "60s",
        }));
        let operation = Operation::Create(create.unwrap());
        let create = Call { id: 1, key: Some("k1".into()), deadline_ms: None, operation };
        pinned(&create, include_str!("../tests/fixtures/native/call-create.hex"));
        let resolution = Resolve::Paid { paid: true, reason: "ok".parse().unwrap() };
        let operation = ResolvePayment { payment: "12737694350".parse().unwrap(), resolution }.into();
        let resolve = Call { id: 2, key: None, deadline_ms: None, operation };
        pinned(&resolve, include_str!("../tests/fixtures/native/call-resolve.hex"));
    }

    #[test]
    fn answers_are_the_bytes_of_the_fixtures() {
        let version = Ok(Reply::Version(Version { version: "0.1.0".into(), protocol: 1 }));
        let version = Answer { id: 300, result: version };
        pinned(&version, include_str!("../tests/fixtures/native/answer-version.hex"));
        let mut failure = Failure::new(Code::BinInactive, "off")
            .with_provider(Some(-20), None)
            .with_bin(&"891027350515".parse().unwrap());
        failure.request_key = Some("k1".parse().unwrap());
        let failure = Answer { id: 1, result: Err(failure) };
        pinned(&failure, include_str!("../tests/fixtures/native/answer-failure.hex"));
    }

    #[test]
    fn a_remainder_and_a_cut_are_told_apart() {
        assert!(matches!(decode::<Welcome>(&[1, 1, b'x', 0]), Err(FrameError::Trailing { count: 1, .. })));
        assert!(matches!(decode::<Welcome>(&[1, 2, b'x']), Err(FrameError::Malformed { expected: "Welcome" })));
        // A text that claims to be longer than memory.
        assert!(decode::<Welcome>(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).is_err());
    }

    #[tokio::test]
    async fn a_frame_is_read_whole_or_refused() {
        let read = async |mut bytes: &[u8]| read(&mut bytes, 3).await;
        assert_eq!(read(&[0, 0, 0, 3, 7, 8, 9, 0]).await.unwrap(), [7, 8, 9]);
        assert!(matches!(read(&[]).await, Err(FrameError::Closed)));
        for cut in [&[0][..], &[0, 0, 0], &[0, 0, 0, 1], &[0, 0, 0, 3, 7, 8]] {
            assert!(matches!(read(cut).await, Err(FrameError::Cut)), "{cut:?}");
        }
        for long in [[0, 0, 0, 4], [0xff; 4]] {
            assert!(matches!(read(&long).await, Err(FrameError::TooLarge { limit: 3, .. })));
        }
    }

    #[test]
    fn what_is_too_long_is_not_sent() {
        let long = Hello { protocol: 1, client: "x".repeat(MAX_BODY) };
        assert!(matches!(encode(&long), Err(FrameError::TooLarge { .. })));
        let fits = Hello { protocol: 1, client: "x".repeat(MAX_BODY - 4) };
        assert_eq!(encode(&fits).unwrap()[0], 0, "the first byte tells the encoding");
    }

    proptest! {
        #[test]
        fn calls_read_back(id: u32, key in proptest::option::of(".{0,40}"), deadline_ms: Option<u32>, paid: bool) {
            let resolution = Resolve::Paid { paid, reason: "seen".parse().unwrap() };
            let payment = "019305c1-0000-7000-8000-000000000001".parse().unwrap();
            let call = Call { id, key, deadline_ms, operation: ResolvePayment { payment, resolution }.into() };
            let frame = encode(&call).unwrap();
            let (body, _) = split(&frame, MAX_BODY).unwrap().unwrap();
            prop_assert_eq!(decode::<Call>(body).unwrap(), call);
            for cut in 0..frame.len() {
                prop_assert!(split(&frame[..cut], MAX_BODY).unwrap().is_none());
            }
        }

        /// Whatever the bytes, they are judged and never panic.
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = split(&bytes, MAX_BODY);
            let _ = decode::<Hello>(&bytes);
            let _ = decode::<Call>(&bytes);
            let _ = decode::<Answer>(&bytes);
        }

        /// A good frame with a wrong byte is another call or none.
        #[test]
        fn a_damaged_call_is_judged(at in 4_usize..62, byte: u8) {
            let mut frame = golden(include_str!("../tests/fixtures/native/call-create.hex"));
            frame[at] = byte;
            let _ = decode::<Call>(&frame[4..]);
        }
    }
}
