//! The door over real Unix sockets, spoken to in raw bytes, by curl and by the native client.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

mod bounds;
mod clients;
mod drain;
mod half_closed;
mod http;
mod native;
mod pipelined;
mod untaken;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::{Door, Handler, Limits, Pulse, listen};
use crate::access::{Admitted, Rules};
use crate::config::tests::written;
use crate::failure::{Code, Failure};
use crate::operation::{
    CancelPayment, CreatePayment, GetPayment, IdentityQuery, Operation, Payment, Payments, Picture, Reloaded, Reply,
    Verified, Version, VersionQuery,
};
use crate::transfer::{Download, Transferred};

/// A door in a directory of its own. What is behind it answers by the kind of the operation: see [`carry_out`].
pub(super) struct World {
    directory: tempfile::TempDir,
    rules: watch::Sender<Arc<Rules>>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
    pub(super) pulse: Pulse,
    behind: Behind,
}

/// What the tests see of the other side of the door.
#[derive(Clone)]
struct Behind {
    /// A permit lets one held operation (`cancel`) go on.
    release: Arc<Semaphore>,
    /// How many held operations have ended.
    ended: Arc<AtomicUsize>,
    /// How many lists were made.
    listed: Arc<AtomicUsize>,
    /// Tells each held operation that begins.
    begun: mpsc::UnboundedSender<()>,
    beginning: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<()>>>,
}

pub(super) fn world(limits: Limits) -> World {
    let directory = tempfile::tempdir().unwrap();
    let (begun, beginning) = mpsc::unbounded_channel();
    let behind = Behind {
        release: Arc::new(Semaphore::new(0)),
        ended: Arc::default(),
        listed: Arc::default(),
        begun,
        beginning: Arc::new(tokio::sync::Mutex::new(beginning)),
    };
    let (rules, newest) = watch::channel(Arc::new(Rules::new(&written("").access).0));
    let other_side = behind.clone();
    let answer = Handler::new(move |admitted| carry_out(admitted, other_side.clone()));
    let answer = answer.with_streams(|admitted, mut upload| async move {
        if matches!(admitted.operation(), Operation::LogExport(_)) {
            return Ok(Transferred::Download(endless(64)));
        }
        let mut taken = 0;
        while let Some(piece) = upload.next().await? {
            taken += piece.len();
        }
        Err(Failure::new(Code::BinInactive, format!("{taken} bytes of {:?}", admitted.operation())))
    });
    let (door, pulse) = Door::new(answer, limits, newest, Arc::default());
    let listener = listen(&directory.path().join("s")).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(door.serve(listener, async move { drop(stopped.await) }));
    World { directory, rules, stop: Some(stop), served, pulse, behind }
}

/// A file of so many pieces of 64 KiB.
fn endless(pieces: usize) -> Download {
    let (sender, download) = Download::channel("text/csv");
    tokio::spawn(async move {
        for _ in 0..pieces {
            if sender.piece(vec![b'x'; 64 << 10]).await.is_err() {
                return;
            }
        }
        sender.end().await;
    });
    download
}

/// `cancel` is held until it is released, `reload` panics, `create` repeats what it was asked; the rest is short.
async fn carry_out(admitted: Admitted, behind: Behind) -> Result<Reply, Failure> {
    let key = admitted.key().map(ToString::to_string);
    match admitted.into_parts().2 {
        Operation::Version(_) => Ok(Reply::Version(Version { version: "1.2.3".to_owned(), protocol: 1 })),
        Operation::Cancel(_) => {
            behind.begun.send(()).unwrap();
            behind.release.acquire().await.unwrap().forget();
            behind.ended.fetch_add(1, Ordering::SeqCst);
            Ok(Reply::Reloaded(Reloaded { changed: vec!["cancelled".to_owned()], restart_needed: vec![] }))
        }
        Operation::Reload(_) => panic!("a defect behind the door"),
        Operation::PaymentPicture(_) => {
            Ok(Reply::Picture(Picture { content: "https://pay.kaspi.kz/pay/uuyzvcdm".to_owned() }))
        }
        Operation::Create(create) => {
            let wait = create.wait.map(|wait| wait.to_string());
            Ok(Reply::Created(payment(create.amount_tiyn.tiyn(), key.or(wait))))
        }
        Operation::PaymentGet(_) => Ok(Reply::Payment(payment(5, None))),
        Operation::PaymentList(query) => {
            behind.listed.fetch_add(1, Ordering::SeqCst);
            let count = usize::try_from(query.limit.unwrap_or_default()).unwrap();
            Ok(Reply::Payments(Payments { payments: vec![payment(5, Some("x".repeat(200))); count], next: None }))
        }
        Operation::LogVerify(_) => Ok(Reply::Verified(Verified {
            ok: true,
            events: 1,
            head: "00".to_owned(),
            first_bad: None,
            head_matches: None,
            differences: None,
        })),
        other => Err(Failure::new(Code::BinInactive, format!("{other:?}"))),
    }
}

fn payment(tiyn: u64, comment: Option<String>) -> Payment {
    let value = serde_json::json!({
        "id": "019305c1-0000-7000-8000-000000000001", "qr_payment_id": "12737694350", "kind": "remote",
        "state": "waiting", "kaspi_status": null, "shop_id": 8, "organization_bin": "891027350515",
        "description": null, "trade_point_id": "104039", "trade_point_name": null, "amount_tiyn": tiyn,
        "refunded_tiyn": 0, "refunded_elsewhere_tiyn": 0, "refunds": [], "phone": null, "comment": comment,
        "invoice": null, "link": null, "qr_token": null, "expires_at": null, "request_key": null,
        "supersedes": null, "late": false, "created_at": "2026-11-25T00:00:00Z",
        "updated_at": "2026-11-25T00:00:00Z", "paid_at": null, "paid_at_source": null,
    });
    serde_json::from_value(value).unwrap()
}

impl World {
    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    pub(super) async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.socket()).await.unwrap()
    }

    /// Writes `text` and reads until the daemon closes.
    pub(super) async fn talk(&self, text: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_ref()).await.unwrap();
        to_end(&mut stream).await
    }

    /// A request with `Connection: close`, and the whole answer.
    pub(super) async fn ask(&self, line: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        self.talk(format!(
            "{line} HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
        .await
    }

    pub(super) async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), "", "").await
    }

    pub(super) async fn next_begun(&self) {
        self.behind.beginning.lock().await.recv().await.unwrap();
    }

    pub(super) fn release(&self, count: usize) {
        self.behind.release.add_permits(count);
    }

    pub(super) fn ended(&self) -> usize {
        self.behind.ended.load(Ordering::SeqCst)
    }

    pub(super) fn listed(&self) -> usize {
        self.behind.listed.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Nobody is allowed anything but root, whom this process usually is: run what needs a denial as another user.
    pub(super) fn forbid(&self) {
        let nobody = written("[access]\nobserve = []\npay = []\nrefund = []\naudit = []\nadmin = []");
        self.rules.send_replace(Arc::new(Rules::new(&nobody.access).0));
    }
}

pub(super) async fn to_end(stream: &mut UnixStream) -> String {
    let mut text = Vec::new();
    // A reset after the answer is an end, too.
    let _ = within(stream.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// A test that would hang fails instead.
pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it hangs")
}

#[tokio::test]
async fn the_pulse_beats_while_the_door_is_open_and_not_after() {
    let mut world = world(Limits::default());
    assert!(within(world.pulse.beat()).await);
    world.stop();
    within(&mut world.served).await.unwrap();
    assert!(!within(world.pulse.beat()).await);
}
