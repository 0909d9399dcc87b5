//! Flushes of the real daemon, counted by the kernel (architecture §11): two for a create, one for a change that was
//! observed, none for a read that learns nothing, and shared in a crowd.

use std::io::{BufRead, BufReader};
use std::ops::RangeInclusive;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;

/// How long after a commit the writer makes the one from which the file opens at once; two flushes, of nobody's step.
const IDLE: Duration = Duration::from_millis(250);

/// What the kernel was asked for, and when in seconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Call {
    at: f64,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Flush,
    /// The file has this length from now on.
    Length(u64),
}

struct Trace {
    strace: Child,
    /// Open until the end: strace tells each new thread here, and a closed pipe would end it.
    words: BufReader<ChildStderr>,
    output: tempfile::NamedTempFile,
    /// Of the state before the first call.
    length: u64,
}

impl Trace {
    /// None where there is no strace, or it may not look.
    fn of(daemon: &Daemon, home: &Home) -> Option<Self> {
        let length = home.state().join("kaspid.redb").metadata().unwrap().len();
        let output = tempfile::NamedTempFile::new().unwrap();
        let strace = Command::new("strace")
            .args(["-f", "-ttt", "-e", "trace=fsync,fdatasync,sync_file_range,ftruncate", "-o"])
            .arg(output.path())
            .args(["-p", &daemon.pid().to_string()])
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut strace) = strace else {
            eprintln!("SKIPPED: strace is not here, nobody counts the flushes");
            return None;
        };
        let mut said = String::new();
        let mut words = BufReader::new(strace.stderr.take().unwrap());
        words.read_line(&mut said).unwrap();
        if !said.contains("attached") {
            eprintln!("SKIPPED: strace may not look: {said}");
            return None;
        }
        Some(Self { strace, words, output, length })
    }

    /// The calls until now.
    fn end(mut self) -> Vec<Call> {
        assert!(self.strace.try_wait().unwrap().is_none(), "strace ended before its time: {:?}", self.words.buffer());
        kill(Pid::from_raw(self.strace.id().cast_signed()), Signal::SIGINT).unwrap();
        self.strace.wait().unwrap();
        let text = std::fs::read_to_string(self.output.path()).unwrap();
        let begun = text.lines().filter(|line| !line.contains("resumed>"));
        let calls = begun.filter_map(|line| {
            let (head, arguments) = line.split_once('(')?;
            let mut words = head.split_whitespace().skip(1);
            let (at, name) = (words.next()?.parse().ok()?, words.next()?);
            let length = || arguments.split([',', ')', '<']).nth(1)?.trim().parse().ok();
            let what = if name == "ftruncate" { What::Length(length()?) } else { What::Flush };
            Some(Call { at, what })
        });
        without_growth(calls.collect(), self.length)
    }
}

/// Drops the flush that redb makes after the file has become longer: it is of the file, not of a step. There is none
/// for a file that has become shorter.
fn without_growth(calls: Vec<Call>, mut length: u64) -> Vec<Call> {
    let mut growing = false;
    let flush_of_a_step = |call: &Call| match call.what {
        What::Length(new) => {
            growing = new > length;
            length = new;
            false
        }
        What::Flush => !std::mem::take(&mut growing),
    };
    calls.into_iter().filter(flush_of_a_step).collect()
}

/// How many flushes between two moments are of steps: at least and at most. A pause as long as the writer's rest is
/// followed by the two flushes of the writer at rest, unless the machine only held the daemon up.
fn of_steps(flushes: &[Call], from: f64, to: f64) -> RangeInclusive<usize> {
    let mut last: Option<f64> = None;
    let mut resting = 0_usize;
    let (mut least, mut most) = (0, 0);
    for flush in flushes {
        // The first of the two comes when the writer has rested, and nothing else can come in between.
        if last.is_some_and(|last| flush.at - last >= IDLE.as_secs_f64()) {
            resting = 2;
        }
        let of_a_step = resting == 0;
        resting = resting.saturating_sub(1);
        last = of_a_step.then_some(flush.at);
        if (from..to).contains(&flush.at) {
            least += usize::from(of_a_step);
            most += 1;
        }
    }
    least..=most
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

struct Books {
    daemon: Daemon,
    bank: Arc<Sandbox>,
    home: Home,
}

fn books() -> Books {
    let bank = Arc::new(Sandbox::start(Dialect::Bank));
    let home =
        Home::new(&*bank, "[limits]\nrate_per_uid = 100000\nburst_per_uid = 100000\n[follow]\nremote_sweep = \"off\"");
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    Books { daemon, bank, home }
}

fn invoice() -> Value {
    json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"})
}

/// Exactly two for a create; none for asking about it while nothing changes; one for the change.
#[test]
fn a_step_is_one_flush() {
    let books = books();
    let door = &books.daemon.door;
    let Some(trace) = Trace::of(&books.daemon, &books.home) else { return };
    // The first read tells the status; whether another one asks the bank is the interval's.
    let mut ids = Vec::new();
    let mut marks = vec![now()];
    for _ in 0..20 {
        let made = door.post("/v1/payments", &invoice()).expect(201);
        ids.push((made["id"].as_str().unwrap().to_owned(), made["qr_payment_id"].as_str().unwrap().to_owned()));
    }
    marks.push(now());
    for (id, _) in &ids {
        door.get(&format!("/v1/payments/{id}")).expect(200);
    }
    marks.push(now());
    for (id, _) in &ids {
        door.get(&format!("/v1/payments/{id}")).expect(200);
    }
    door.get("/v1/health").expect(200);
    door.get("/v1/log").expect(200);
    marks.push(now());
    for (id, qr) in &ids {
        books.bank.pay(qr);
        // A repetition of the cancel sees that it is paid.
        let _ = door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 10_000})).expect(200);
    }
    marks.push(now());
    let calls = trace.end();
    let expect = |from: usize, flushes: usize, why: &str| {
        let counted = of_steps(&calls, marks[from], marks[from + 1]);
        assert!(counted.contains(&flushes), "{why}: {flushes} is not in {counted:?}\n{calls:?}");
    };
    expect(0, 2 * ids.len(), "creates");
    expect(1, ids.len(), "first looks: each tells a status that was not known");
    expect(2, 0, "reads that learn nothing");
    // That it is paid, the refund's intent, its outcome.
    expect(3, 3 * ids.len(), "paid and refunded");
}

/// Sixty-four tills at once: at most a sixteenth of a flush for each payment.
#[test]
fn a_crowd_shares_its_flushes() {
    const TILLS: usize = 64;
    const EACH: usize = 12;
    let books = books();
    let Some(trace) = Trace::of(&books.daemon, &books.home) else { return };
    let serve = |times: usize| {
        std::thread::scope(|scope| {
            for _ in 0..TILLS {
                scope.spawn(|| {
                    (0..times).for_each(|_| drop(books.daemon.door.post("/v1/payments", &invoice()).expect(201)))
                });
            }
        });
    };
    // Until all have come.
    serve(1);
    let began = now();
    serve(EACH);
    let ended = now();
    let calls = trace.end();
    let (flushes, payments) = (*of_steps(&calls, began, ended).start(), TILLS * EACH);
    eprintln!(
        "{payments} payments at {TILLS} tills: {flushes} flushes, 1/{:.1} each, {:.0} a second",
        payments as f64 / flushes as f64,
        payments as f64 / (ended - began)
    );
    // A test build on a busy machine takes longer over sixty-four calls than the writer is patient.
    let share = if cfg!(debug_assertions) { 6 } else { 16 };
    assert!(flushes * share <= payments, "{flushes} flushes for {payments} payments");
}
