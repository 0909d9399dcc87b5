//! Hostile connections while good ones work: the good ones are hardly slower, the daemon's memory is bounded by the sum
//! of its limits, and is given back. A slice of it always runs; all of it with `KASPID_HOSTILE=10000`.

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kaspid::frame::{Call, Hello, PROTOCOL};
use kaspid::operation::PaymentQuery;

use crate::doors::rights::open_to_all;
use crate::doors::untaken::fill;
use crate::support::daemon::Daemon;
use crate::support::http::read_answer;
use crate::support::memory::{back_to, resident};
use crate::support::somebody::{Somebody, socket, tell, told};

/// How many hostile connections there are in all.
const COUNT: &str = "KASPID_HOSTILE";
const SLICE: usize = 600;

/// Hostile connections at a time; more than one user may have.
const AT_ONCE: usize = 400;

/// Good connections, and the pause of each between two requests: all of them stay below the rate of one user.
const GOOD: usize = 50;
const PACE: Duration = Duration::from_millis(150);

/// What one user may hold of the daemon: 16 MiB of answers, and of 256 connections a request of 16 KiB with its buffers; a
/// few of them a body of 1 MiB that is not whole. In KiB.
const BOUND: u64 = (16 << 10) + 256 * 96 + (32 << 10);

/// The test that the hostile one runs.
const ASKING: &str = "doors::hostile::is_hostile";

/// The user that is hostile.
const UID: u32 = 60_002;

fn count() -> usize {
    std::env::var(COUNT).ok().and_then(|text| text.parse().ok()).unwrap_or(SLICE)
}

/// One connection that means no good, held open for a while.
fn misbehave(socket: &Path, number: usize) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    stream.set_write_timeout(Some(Duration::from_millis(300)))?;
    let pause = || std::thread::sleep(Duration::from_millis(300));
    match number % 10 {
        0 => stream.write_all(&[0xff; 4096])?,
        1 => pause(),
        2 => stream.write_all(format!("GET /{} HTTP/1.1\r\n", "x".repeat(200_000)).as_bytes())?,
        3 => {
            for byte in b"GET /v1/version HTTP/1.1\r\nHost: kas" {
                stream.write_all(&[*byte])?;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        4 => {
            let hello = Hello { protocol: PROTOCOL, client: "hostile".to_owned() };
            stream.write_all(&kaspid::frame::encode(&hello).unwrap())?;
            for id in 1..=60 {
                let operation = PaymentQuery { limit: Some(1000), ..PaymentQuery::default() }.into();
                let call = Call { id, key: None, deadline_ms: None, operation };
                stream.write_all(&kaspid::frame::encode(&call).unwrap())?;
            }
            pause();
        }
        5 => {
            stream.write_all(b"GET /v1/payments?limit=1000 HTTP/1.1\r\nHost: kaspid\r\n\r\n")?;
            pause();
        }
        6 => stream.write_all(&[0, 0, 8, 0, 1, 2, 3])?,
        7 => {
            stream.write_all(b"POST /v1/payments HTTP/1.1\r\nHost: kaspid\r\nContent-Length: 1000000\r\n\r\n")?;
            stream.write_all(&vec![b' '; if number % 100 == 7 { 900_000 } else { 9_000 }])?;
            pause();
        }
        8 => stream.write_all(&[0, 0xff, 0xff, 0xff, 9])?,
        _ => {
            stream.write_all(b"POST /v1/payments HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")?;
            let _ = stream.read(&mut [0; 512])?;
        }
    }
    Ok(())
}

/// Runs in a process of another user.
#[test]
#[ignore = "begun by the test below, as somebody hostile"]
fn is_hostile() {
    let Some(socket) = socket() else { return };
    let (all, next) = (count(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= all {
                        return;
                    }
                    // Whatever the daemon does with it, the next one comes.
                    let _ = misbehave(&socket, number);
                }
            });
        }
    });
    tell(&format!("{all} hostile connections"));
}

/// The times of one good connection's requests until `over`.
fn good(socket: &Path, over: &AtomicBool) -> Vec<Duration> {
    let mut times = Vec::new();
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        writer.write_all(b"GET /v1/payments?limit=1 HTTP/1.1\r\nHost: kaspid\r\n\r\n").unwrap();
        assert_eq!(read_answer(&mut reader).unwrap().status, 200, "a good one is refused");
        times.push(began.elapsed());
        std::thread::sleep(PACE);
    }
    times
}

/// p50, p99 and the worst of the good connections while `act` runs.
fn while_good_ones_work<T>(socket: &Path, act: impl FnOnce() -> T) -> (T, [Duration; 3]) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let good: Vec<_> = (0..GOOD).map(|_| scope.spawn(|| good(socket, &over))).collect();
        let done = act();
        over.store(true, Ordering::Relaxed);
        let mut times: Vec<Duration> = good.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        times.sort_unstable();
        let at = |part: usize| times[(times.len() - 1) * part / 1000];
        (done, [at(500), at(990), at(1000)])
    })
}

/// The processor's time a daemon has had.
fn processor(daemon: &Daemon) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// What the machine alone costs good ones: they work with a daemon that nobody attacks, while `act` attacks another.
fn beside_one_that_is_attacked<T>(act: impl FnOnce() -> T) {
    let neighbour = open_to_all("").unwrap();
    let socket = neighbour.daemon.socket();
    let ((), idle) = while_good_ones_work(socket, || std::thread::sleep(Duration::from_secs(3)));
    let (_, busy) = while_good_ones_work(socket, act);
    eprintln!("of a daemon beside it: idle p50, p99, worst {idle:?}, meanwhile {busy:?}");
}

/// Promise: whoever is hostile costs the tills of others next to nothing, and the daemon a bounded part of the machine.
#[test]
fn hostile_connections_do_no_harm() {
    let Some(till) = open_to_all("[access]\npay = [\"root\", \"60002\"]") else { return };
    let hostile = Somebody { uid: UID, gid: UID, ..Somebody::default() };
    if !hostile.can_be() {
        return eprintln!("SKIPPED: another user cannot run this test program where it stands");
    }
    fill(&till);
    let socket = till.daemon.socket().to_owned();
    // Once through all of it: what is made once for all stays.
    let mut asked = hostile.asks(ASKING, &socket);
    while_good_ones_work(&socket, || asked.wait().unwrap());
    // What the hostile one has left in the kernel's queue is still accepted.
    std::thread::sleep(Duration::from_secs(3));
    let ((), quiet) = while_good_ones_work(&socket, || std::thread::sleep(Duration::from_secs(3)));
    let idle = resident(&till.daemon).now;
    beside_one_that_is_attacked(|| hostile.asks(ASKING, &socket).wait().unwrap());
    let (began, cpu) = (Instant::now(), processor(&till.daemon));
    let (output, busy) = while_good_ones_work(&socket, || hostile.asks(ASKING, &socket).wait_with_output().unwrap());
    let (lasted, peak) = (began.elapsed(), resident(&till.daemon).peak);
    let after = back_to(&till.daemon, idle + 1024);
    eprintln!(
        "{:?} in {lasted:?}; good ones: idle p50, p99, worst {quiet:?}, meanwhile {busy:?}",
        told(&output.stdout)
    );
    eprintln!("the daemon had the processor for {:?}", processor(&till.daemon) - cpu);
    eprintln!("memory in KiB: idle {idle}, peak {peak}, after {after}");
    assert_eq!(told(&output.stdout), [format!("{} hostile connections", count())]);
    assert!(peak < idle + BOUND, "{peak} KiB over {idle}");
    // The allocator keeps some of it for the next time.
    assert!(after < idle + (12 << 10), "{after} KiB over {idle}");
    till.daemon.door.get("/v1/version").expect(200);
}
