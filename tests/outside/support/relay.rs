//! The way to a bank, which can be cut: a TCP relay on a port of its own. Cut, nothing listens there.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::daemon::BankPlace;
use crate::support::scripted_bank::ScriptedBank;

/// The open ends of a relay that is up.
struct Up {
    stopping: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

/// A relay to one bank.
pub(crate) struct Relay {
    bank: SocketAddr,
    own: SocketAddr,
    up: Option<Arc<Up>>,
    accepting: Option<std::thread::JoinHandle<()>>,
}

impl Relay {
    /// A way that is open.
    pub(crate) fn to(bank: &ScriptedBank) -> Self {
        let address = |url: &str| url.trim_start_matches("https://").parse().unwrap();
        let mut relay =
            Self { bank: address(&bank.url), own: "127.0.0.1:0".parse().unwrap(), up: None, accepting: None };
        relay.open();
        relay
    }

    /// Where the bank seems to be.
    pub(crate) fn place(&self, bank: &ScriptedBank) -> BankPlace {
        BankPlace { url: format!("https://{}", self.own), ..BankPlace::from(bank) }
    }

    /// Opens the way, at the same port as before.
    pub(crate) fn open(&mut self) {
        let listener = TcpListener::bind(self.own).unwrap();
        self.own = listener.local_addr().unwrap();
        let up = Arc::new(Up { stopping: AtomicBool::new(false), streams: Mutex::default() });
        let (bank, accepting) = (self.bank, up.clone());
        self.accepting = Some(std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stopping.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(there) = TcpStream::connect(bank) {
                    accepting.pass(&stream, &there);
                    accepting.pass(&there, &stream);
                }
            }
        }));
        self.up = Some(up);
    }

    /// Cuts the way and every connection on it. Returns when nothing listens any more.
    pub(crate) fn cut(&mut self) {
        let Some(up) = self.up.take() else { return };
        up.stopping.store(true, Ordering::SeqCst);
        // Wakes the accept loop, which then sees that it is to stop.
        drop(TcpStream::connect(self.own));
        self.accepting.take().map(std::thread::JoinHandle::join).unwrap().unwrap();
        for stream in up.streams.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Up {
    fn pass(&self, from: &TcpStream, to: &TcpStream) {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        self.streams.lock().unwrap().push(from.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut piece = [0; 16 << 10];
            while let Ok(length @ 1..) = from.read(&mut piece) {
                if to.write_all(&piece[..length]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
    }
}
