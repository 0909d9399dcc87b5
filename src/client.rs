//! The native client: one connection to the daemon's socket, calls pipelined over it.
//!
//! One task reads answers and gives each to the call that waits for it; [`Client::send`] writes from the
//! caller's own task. A call that is dropped forgets its answer and never cuts a frame in two.
//!
//! A payment looked up by its number at Kaspi; `examples/sell.rs` is a whole till:
//!
//! ```no_run
//! use kaspid::client::Client;
//! use kaspid::operation::GetPayment;
//!
//! # async fn look() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("/run/kaspid/kaspid.sock".as_ref(), "my till").await?;
//! let look = GetPayment { payment: "12737694350".parse()?, wait: None };
//! match client.call(None, None, look).await? {
//!     Ok(payment) => assert_eq!(payment.organization_bin.as_str(), "891027350515"),
//!     Err(failure) => eprintln!("{}: {}", failure.code.word(), failure.remedy()),
//! }
//! # Ok(()) }
//! ```

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::failure::Failure;
use crate::frame::{self, Answer, Call, FrameError, Hello, PROTOCOL, Welcome};
use crate::id::RequestKey;
use crate::operation::{Operation, OtherReply, Reply, Request};

/// How long the daemon has for its `Welcome`: it may be starting, called by this very connection.
const WELCOME: Duration = Duration::from_secs(10);

/// How often a connection that ends before the daemon has said a word is made anew.
const GREETINGS: usize = 3;

/// How much longer than the daemon's deadline a call waits for the daemon to say so.
const GRACE: Duration = Duration::from_secs(5);

/// Why there is no answer from the daemon.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error(
        "cannot reach kaspid at {}: {source}; is it running? systemctl status kaspid.socket kaspid",
        socket.display()
    )]
    Unreachable {
        /// Where.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The socket's mode keeps this user out.
    #[error(
        "not allowed to connect to {}: {source}; an admin lets a user in with: usermod -aG kaspid USER \
         (then log in again)",
        socket.display()
    )]
    Permission {
        /// Where.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The daemon is of another version.
    #[error(
        "this program speaks protocol {ours} and kaspid {version} speaks {theirs}: install the same version of both"
    )]
    Protocol {
        /// [`PROTOCOL`].
        ours: u16,
        /// The daemon's.
        theirs: u16,
        /// The daemon's version.
        version: String,
    },
    /// The call was not sent, because it does not fit into a frame.
    #[error("the call was not sent: {0}")]
    NotSent(FrameError),
    /// The answer was lost. The call may have happened: ask again with the same key, which cannot double it.
    #[error(
        "the answer was lost ({0}); the call may have happened: ask again with the same key, it cannot double anything"
    )]
    Lost(String),
    /// The daemon carried out something else than it was asked.
    #[error(transparent)]
    OtherReply(#[from] OtherReply),
}

/// What an operation came to, as the daemon says.
pub type Outcome<T = Reply> = Result<T, Failure>;

/// Why no more answers come.
#[derive(Clone, Debug)]
enum Over {
    /// The daemon said why ([`frame::CONNECTION`]): calls without an answer were not carried out.
    Refused(Box<Failure>),
    /// The connection broke.
    Lost(String),
}

/// The calls that wait, and whether there is still somebody to wait for.
#[derive(Debug, Default)]
struct Waiting {
    calls: HashMap<u32, oneshot::Sender<Outcome>>,
    over: Option<Over>,
}

/// A lock held for a few instructions only, never across an await.
#[derive(Clone, Debug, Default)]
struct Board(Arc<Mutex<Waiting>>);

impl Board {
    fn with<T>(&self, act: impl FnOnce(&mut Waiting) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits under `id`, unless nothing more will come.
    fn enter(&self, id: u32) -> Result<oneshot::Receiver<Outcome>, Over> {
        let (answer, answered) = oneshot::channel();
        self.with(|waiting| match &waiting.over {
            Some(over) => Err(over.clone()),
            None => {
                waiting.calls.insert(id, answer);
                Ok(answered)
            }
        })
    }

    fn deliver(&self, answer: Answer) {
        if let Some(waiter) = self.with(|waiting| waiting.calls.remove(&answer.id)) {
            // The call may have been given up meanwhile.
            let _ = waiter.send(answer.result);
        }
    }

    /// Keeps the first reason and lets every waiting call go to read it.
    fn close(&self, over: Over) {
        self.with(|waiting| {
            waiting.over.get_or_insert(over);
            waiting.calls.clear();
        });
    }

    fn over(&self) -> Over {
        self.with(|waiting| waiting.over.clone()).unwrap_or_else(|| Over::Lost("no reason known".to_owned()))
    }
}

/// Leaves the board when the call is answered or dropped.
struct PendingCall<'a>(&'a Board, u32);

impl Drop for PendingCall<'_> {
    fn drop(&mut self) {
        self.0.with(|waiting| waiting.calls.remove(&self.1));
    }
}

/// A connection to the daemon. Share it by reference; it closes when it is dropped.
#[derive(Debug)]
pub struct Client {
    board: Board,
    /// Held while a frame is written, so that frames do not mix.
    writer: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    reader: JoinHandle<()>,
    next_id: AtomicU32,
    version: String,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Client {
    /// Connects to `socket` and says hello as `name`, which is for the daemon's journal. A daemon that stops between the two is
    /// none yet: whoever connects again waits in the socket for the next one.
    ///
    /// # Errors
    /// `Unreachable`, `Permission` or `Protocol`; nothing was asked yet.
    pub async fn connect(socket: &Path, name: &str) -> Result<Self, ClientError> {
        for _ in 0..GREETINGS {
            match Self::greeted(socket, name).await {
                Err(ClientError::Unreachable { source, .. }) if is_cut(&source) => {}
                done => return done,
            }
        }
        Self::greeted(socket, name).await
    }

    async fn greeted(socket: &Path, name: &str) -> Result<Self, ClientError> {
        let unreachable = |source| ClientError::Unreachable { socket: socket.to_owned(), source };
        let stream = UnixStream::connect(socket).await.map_err(|source| match source.kind() {
            ErrorKind::PermissionDenied => ClientError::Permission { socket: socket.to_owned(), source },
            _ => unreachable(source),
        })?;
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let welcome = tokio::time::timeout(WELCOME, greet(&mut reader, &mut writer, name)).await;
        let late = |_| unreachable(io::Error::new(ErrorKind::TimedOut, "it did not answer within 10 s"));
        let welcome = welcome.map_err(late)?.map_err(|error| unreachable(as_io(error)))?;
        if welcome.protocol != PROTOCOL {
            let (theirs, version) = (welcome.protocol, welcome.version);
            return Err(ClientError::Protocol { ours: PROTOCOL, theirs, version });
        }
        let board = Board::default();
        Ok(Self {
            reader: tokio::spawn(read_answers(reader, board.clone())),
            board,
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            next_id: AtomicU32::new(0),
            version: welcome.version,
        })
    }

    /// The daemon's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Asks `request` and waits for its reply, as [`Client::send`] does.
    ///
    /// # Errors
    /// As [`Client::send`], and [`ClientError::OtherReply`].
    pub async fn call<R: Request>(
        &self,
        key: Option<&RequestKey>,
        deadline: Option<Duration>,
        request: R,
    ) -> Result<Outcome<R::Reply>, ClientError> {
        Ok(match self.send(key, deadline, request.into()).await? {
            Ok(reply) => Ok(R::reply(reply)?),
            Err(failure) => Err(failure),
        })
    }

    /// Asks for an operation, whichever it is, and waits for what came of it. Many calls may wait at once; dropping the
    /// future stops the waiting, not the operation. `deadline` bounds the waiting in the daemon, too.
    ///
    /// # Errors
    /// The outer error means that there is no answer; only [`ClientError::Lost`] leaves open what happened.
    pub async fn send(
        &self,
        key: Option<&RequestKey>,
        deadline: Option<Duration>,
        operation: Operation,
    ) -> Result<Outcome, ClientError> {
        let id = self.fresh_id();
        let call =
            Call { id, key: key.map(|key| key.as_str().to_owned()), deadline_ms: deadline.map(millis), operation };
        let frame = frame::encode(&call).map_err(ClientError::NotSent)?;
        let answered = match self.board.enter(id) {
            Ok(answered) => answered,
            Err(over) => return ended(over),
        };
        let _pending = PendingCall(&self.board, id);
        // When writing fails the daemon has closed, and the reader is about to learn whether it said why.
        let limit = match self.write(frame).await {
            Ok(()) => deadline.map(|limit| limit.saturating_add(GRACE)),
            Err(_) => Some(GRACE),
        };
        let Some(limit) = limit else {
            return answered.await.map_or_else(|_| ended(self.board.over()), Ok);
        };
        match tokio::time::timeout(limit, answered).await {
            Ok(answer) => answer.map_or_else(|_| ended(self.board.over()), Ok),
            Err(_) => Err(ClientError::Lost("kaspid did not answer within the deadline".to_owned())),
        }
    }

    /// Never [`frame::CONNECTION`], and again from 1 after four thousand million calls.
    fn fresh_id(&self) -> u32 {
        loop {
            let id = self.next_id.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if id != frame::CONNECTION {
                return id;
            }
        }
    }

    /// Writes a whole frame even if the caller goes away half-way: usually the socket takes it at once, and
    /// what it does not take is written by a task of its own that holds the lock.
    async fn write(&self, frame: Vec<u8>) -> io::Result<()> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let taken = match writer.try_write(&frame) {
            Ok(taken) => taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        match frame.get(taken..) {
            None | Some([]) => Ok(()),
            Some(rest) => {
                let rest = rest.to_owned();
                tokio::spawn(async move { writer.write_all(&rest).await }).await.map_err(io::Error::other)?
            }
        }
    }
}

/// The daemon has gone between two connections of ours, not for good.
fn is_cut(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof)
}

fn as_io(error: FrameError) -> io::Error {
    let kind = match &error {
        FrameError::Io(source) => source.kind(),
        FrameError::Closed | FrameError::Cut => ErrorKind::UnexpectedEof,
        _ => ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

fn ended(over: Over) -> Result<Outcome, ClientError> {
    match over {
        Over::Refused(failure) => Ok(Err(*failure)),
        Over::Lost(why) => Err(ClientError::Lost(why)),
    }
}

async fn greet(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    name: &str,
) -> Result<Welcome, FrameError> {
    frame::send(writer, &Hello { protocol: PROTOCOL, client: name.to_owned() }).await?;
    frame::receive(reader).await
}

/// Ends with the connection, and then every call has its answer or the reason why there is none.
async fn read_answers(mut reader: BufReader<OwnedReadHalf>, board: Board) {
    let mut refused = None;
    let error = loop {
        match frame::receive::<Answer, _>(&mut reader).await {
            Ok(Answer { id: frame::CONNECTION, result: Err(failure) }) => refused = Some(Box::new(failure)),
            Ok(answer) => board.deliver(answer),
            Err(error) => break error,
        }
    };
    board.close(refused.map_or_else(|| Over::Lost(error.to_string()), Over::Refused));
}
