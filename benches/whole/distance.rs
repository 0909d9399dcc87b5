//! A way to the bank that takes time: what goes in comes out at the other end a while later, in order, however much it is.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::support::daemon::BankPlace;
use crate::support::scripted_bank::ScriptedBank;

/// Longer than a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    streams: Vec<TcpStream>,
    /// Connections whose client has said its second word: it has heard the bank's first and may send a request.
    usable: usize,
    stopping: bool,
}

#[derive(Default)]
struct Way {
    state: Mutex<State>,
    changed: Condvar,
}

/// A long way to one bank.
pub(crate) struct Distance {
    own: SocketAddr,
    way: Arc<Way>,
}

/// Bytes, and when they are at the other end.
type Piece = (Instant, Vec<u8>);

impl Distance {
    pub(crate) fn to(bank: &ScriptedBank, one_way: Duration) -> Self {
        let there: SocketAddr = bank.url.trim_start_matches("https://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (own, way) = (listener.local_addr().unwrap(), Arc::new(Way::default()));
        let accepting = way.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.state.lock().unwrap().stopping {
                    return;
                }
                accepting.connect(&stream, &TcpStream::connect(there).unwrap(), one_way);
            }
        });
        Self { own, way }
    }

    /// Where the bank seems to be.
    pub(crate) fn place(&self, bank: &ScriptedBank) -> BankPlace {
        BankPlace { url: format!("https://{}", self.own), ..BankPlace::from(bank) }
    }

    /// How many connections could carry a request so far.
    pub(crate) fn usable(&self) -> usize {
        self.way.state.lock().unwrap().usable
    }

    /// Waits until there were more than this many; false if there never are.
    pub(crate) fn wait_for_more_than(&self, before: usize) -> bool {
        let state = self.way.state.lock().unwrap();
        let few = |state: &mut State| state.usable <= before;
        !self.way.changed.wait_timeout_while(state, PATIENCE, few).unwrap().1.timed_out()
    }

    /// The bank closes all that is open.
    pub(crate) fn cut(&self) {
        for stream in self.way.state.lock().unwrap().streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Distance {
    fn drop(&mut self) {
        self.cut();
        if let Ok(mut state) = self.way.state.lock() {
            state.stopping = true;
        }
        // Wakes the accept loop, which then sees that it is to stop.
        drop(TcpStream::connect(self.own));
    }
}

impl Way {
    /// Both ends are on this machine and connected at once: the first bytes wait for the round trip that it would take.
    fn connect(self: &Arc<Self>, here: &TcpStream, there: &TcpStream, one_way: Duration) {
        let connected = Instant::now() + 2 * one_way;
        let (way, mut words) = (self.clone(), 0);
        let heard = move || {
            words += 1;
            if words == 2 {
                way.state.lock().unwrap().usable += 1;
                way.changed.notify_all();
            }
        };
        self.state.lock().unwrap().streams.extend([here, there].map(|stream| stream.try_clone().unwrap()));
        pass([here, there], one_way, connected, heard);
        pass([there, here], one_way, connected, || {});
    }
}

fn pass([from, to]: [&TcpStream; 2], one_way: Duration, connected: Instant, mut heard: impl FnMut() + Send + 'static) {
    let (mut from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    to.set_nodelay(true).unwrap();
    let (under_way, arriving) = channel::<Piece>();
    std::thread::spawn(move || arrive(&arriving, to));
    std::thread::spawn(move || {
        let mut piece = vec![0; 64 << 10];
        // An end arrives like everything else: as a piece without bytes.
        while let Ok(length) = from.read(&mut piece) {
            let at = Instant::now().max(connected) + one_way;
            if under_way.send((at, piece[..length].to_vec())).is_err() || length == 0 {
                return;
            }
            heard();
        }
    });
}

fn arrive(arriving: &Receiver<Piece>, mut to: TcpStream) {
    for (at, piece) in arriving {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        if piece.is_empty() || to.write_all(&piece).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
