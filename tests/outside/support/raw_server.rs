//! What stands where the bank should be and is no bank: a port that turns people away in one of the ways of firewalls.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// How it turns people away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turns {
    /// Nobody listens.
    Away,
    /// Takes the connection and says nothing.
    Silent,
    /// Closes at once.
    Closing,
    /// Reads what is said first and closes in peace.
    ClosingAfterHello,
    /// Resets the connection after the first byte.
    Resetting,
    /// A page without TLS.
    Page,
    /// The alert `handshake_failure`, and no more.
    Failure,
}

/// The port; closed when dropped.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RawServer {
    pub(crate) fn start(how: Turns) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stopping = Arc::new(AtomicBool::new(false));
        if how == Turns::Away {
            return Self { address, stopping, thread: None };
        }
        let stopped = stopping.clone();
        let thread = std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                held.extend(turned_away(stream, how));
            }
        });
        Self { address, stopping, thread: Some(thread) }
    }
}

/// Gives back what is to stay open.
fn turned_away(mut stream: TcpStream, how: Turns) -> Option<TcpStream> {
    let mut hello = [0; 4096];
    // Whoever has gone by then is turned away, too.
    let _ = match how {
        Turns::Silent => return Some(stream),
        Turns::Away | Turns::Closing => Ok(()),
        Turns::ClosingAfterHello => stream.read(&mut hello).map(drop),
        // What is left unread makes a close a reset.
        Turns::Resetting => stream.read_exact(&mut hello[..1]),
        Turns::Page => stream.read(&mut hello).and_then(|_| stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\nBlocked")),
        Turns::Failure => stream.read(&mut hello).and_then(|_| stream.write_all(&[21, 3, 3, 0, 2, 2, 40])),
    };
    None
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
