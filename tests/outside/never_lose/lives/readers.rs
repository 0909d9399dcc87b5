//! Two readers of events, one for each encoding of the socket: they ask with the cursor of the page before, through
//! every restart.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use kaspid::client::Client;
use kaspid::moment::{Moment, Span};
use kaspid::operation::{EventQuery, Events};

use crate::support::http::{exchange, request};

/// The longest wait for news, by the daemon's clock.
const WAIT: Span = Span::from_secs(60);
/// Between two attempts at a daemon that is not there.
const PAUSE: Duration = Duration::from_millis(5);
/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was announced of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) seq: u64,
    pub(crate) at: Moment,
    pub(crate) what: String,
    pub(crate) payment: Option<String>,
}

/// The reader with the cursor of a till.
#[derive(Default)]
struct Desk {
    cursor: u64,
    read: Vec<News>,
    /// Pages that did not come: the daemon was not there, or went away.
    lost: usize,
}

impl Desk {
    fn keep(&mut self, page: Events) {
        for event in page.events {
            assert!(event.seq > self.cursor, "event {} comes behind the cursor {}", event.seq, self.cursor);
            self.cursor = event.seq;
            self.read.push(News {
                seq: event.seq,
                at: event.at,
                what: event.event_type.word().to_owned(),
                payment: event.payment.map(|payment| payment.id.to_string()),
            });
        }
        assert!(page.next >= self.cursor, "the cursor {} goes back to {}", self.cursor, page.next);
        self.cursor = page.next;
    }
}

/// Both readers.
pub(crate) struct Readers {
    closing: Arc<AtomicBool>,
    threads: [JoinHandle<Desk>; 2],
}

impl Readers {
    pub(crate) fn begin(socket: &Path) -> Self {
        let closing = Arc::new(AtomicBool::new(false));
        let read = |how: fn(PathBuf, Arc<AtomicBool>) -> Desk| {
            let (socket, closing) = (socket.to_owned(), closing.clone());
            std::thread::spawn(move || how(socket, closing))
        };
        Self { threads: [read(over_http), read(native)], closing }
    }

    /// What both have read, which is the same, and how many pages each has lost.
    pub(crate) fn end(self) -> (Vec<News>, [usize; 2]) {
        self.closing.store(true, Ordering::Relaxed);
        let [http, native] = self.threads.map(|thread| thread.join().expect("a reader saw a promise broken"));
        assert_eq!(http.read.len(), native.read.len(), "the readers have read differently");
        assert_eq!(http.read, native.read);
        (http.read, [http.lost, native.lost])
    }
}

fn query(after: u64) -> EventQuery {
    EventQuery { after: Some(after), wait: Some(WAIT), limit: Some(1000) }
}

/// The last page of a reader that is told to end is an empty one.
fn is_done(closing: &AtomicBool, page: &Events) -> bool {
    page.events.is_empty() && closing.load(Ordering::Relaxed)
}

fn over_http(socket: PathBuf, closing: Arc<AtomicBool>) -> Desk {
    let mut desk = Desk::default();
    loop {
        let target = format!("/v1/events?after={}&wait={WAIT}&limit=1000", desk.cursor);
        let answer = UnixStream::connect(&socket).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            exchange(stream, &request("GET", &target, &[], None))
        });
        let page = answer.ok().filter(|answer| answer.status == 200);
        match page.and_then(|answer| serde_json::from_slice::<Events>(&answer.body).ok()) {
            Some(page) if is_done(&closing, &page) => return desk,
            Some(page) => desk.keep(page),
            None => {
                desk.lost += 1;
                std::thread::sleep(PAUSE);
            }
        }
    }
}

fn native(socket: PathBuf, closing: Arc<AtomicBool>) -> Desk {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut desk = Desk::default();
        let mut client = None;
        loop {
            if client.is_none() {
                client = Client::connect(&socket, "reader").await.ok();
            }
            let page = match &client {
                Some(open) => open.call(None, None, query(desk.cursor)).await.ok(),
                None => None,
            };
            match page {
                Some(Ok(page)) if is_done(&closing, &page) => return desk,
                Some(Ok(page)) => desk.keep(page),
                _ => {
                    client = None;
                    desk.lost += 1;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    })
}
