//! A daemon's clocks in the hands of a test: time runs faster, passes at once, stands still as in a suspend, and the
//! wall clock is set, all while the daemon runs. A library of a page of C is preloaded for it ([clock.c](clock.c));
//! the daemon is the one that ships. `cc` is there, because building the daemon needs it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use kaspid::moment::Moment;
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;

/// The three numbers of `clock.c`.
#[derive(Clone, Copy)]
enum Number {
    Passed,
    Slept,
    Set,
}

/// The clocks of all daemons started with [`Clock::start`]: a restarted one goes on with the same time.
pub(crate) struct Clock {
    page: File,
    numbers: Mutex<[i64; 3]>,
    started: Duration,
    speed: u32,
    files: tempfile::TempDir,
}

impl Clock {
    /// Time runs `speed` times as fast from now on.
    pub(crate) fn new(speed: u32) -> Self {
        let files = tempfile::tempdir().unwrap();
        let page = File::create_new(files.path().join("page")).unwrap();
        page.write_all_at(&[0; 24], 0).unwrap();
        Self { page, numbers: Mutex::default(), started: monotonic(), speed, files }
    }

    /// Lets a daemon that is about to start live by this clock.
    fn put_on(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", library())
            .env("CLOCK_PAGE", self.files.path().join("page"))
            .env("CLOCK_START", self.started.as_nanos().to_string())
            .env("CLOCK_SPEED", self.speed.to_string());
    }

    /// Starts a daemon that lives by this clock.
    #[track_caller]
    pub(crate) fn start(&self, home: &Home) -> Daemon {
        let mut command = home.command();
        self.put_on(&mut command);
        let daemon = Daemon::spawn(home, command);
        assert!(daemon.until("READY=1").is_some(), "kaspid ended instead of starting:\n{}", home.stderr());
        daemon
    }

    /// How long it has run, by itself: what nobody set it by.
    pub(crate) fn elapsed(&self) -> Duration {
        let [passed, slept, _] = *self.numbers.lock().unwrap();
        (monotonic() - self.started) * self.speed + Duration::from_nanos((passed + slept).unsigned_abs())
    }

    /// Time passes at once for everybody, as for a process that was stopped.
    pub(crate) fn pass(&self, span: Duration) {
        self.add(Number::Passed, i64::try_from(span.as_nanos()).unwrap());
    }

    /// The computer sleeps: the clock of timers stands still.
    pub(crate) fn suspend(&self, span: Duration) {
        self.add(Number::Slept, i64::try_from(span.as_nanos()).unwrap());
    }

    /// Somebody sets the wall clock.
    pub(crate) fn set_wall(&self, by_seconds: i64) {
        self.add(Number::Set, by_seconds * 1_000_000_000);
    }

    fn add(&self, number: Number, nanoseconds: i64) {
        let mut numbers = self.numbers.lock().unwrap();
        numbers[number as usize] += nanoseconds;
        self.page.write_all_at(&numbers[number as usize].to_ne_bytes(), 8 * number as u64).unwrap();
    }
}

/// The library, built once for all clocks of a run.
fn library() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outside/support/clock.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (new, library) = (folder.join(format!("clock-{}.so", std::process::id())), folder.join("clock.so"));
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&new).arg(source).status();
        assert!(built.is_ok_and(|status| status.success()), "cc does not build {source}");
        // Whole or not at all: another run may be using the one that is there.
        std::fs::rename(&new, &library).unwrap();
        library
    });
    &BUILT
}

/// A sandbox and a daemon whose time runs fast, with the guide's first organisation enrolled.
pub(crate) struct FastShop {
    pub(crate) daemon: Daemon,
    pub(crate) home: Home,
    pub(crate) clock: Clock,
    pub(crate) bank: Sandbox,
}

impl FastShop {
    /// Links and QRs live for `scan` of the bank's time.
    #[track_caller]
    pub(crate) fn open(speed: u32, scan: Duration) -> Self {
        let (clock, bank) = (Clock::new(speed), Sandbox::start_at_speed(Dialect::Bank, speed));
        bank.control("POST", "/timers", Some(&json!({"scan": format!("{}s", scan.as_secs())})));
        // By the daemon's clock: a busy machine is no reason to give a call up.
        let home = Home::new(&bank, "[kaspi]\ntimeout = \"2m\"\n[payments]\nrefund_settle = \"4m\"\n");
        let daemon = clock.start(&home);
        daemon.door.enrol(BIN);
        Self { daemon, home, clock, bank }
    }

    /// Stops the daemon as a power cut would and starts another.
    pub(crate) fn crash(self) -> Self {
        let Self { daemon, home, clock, bank } = self;
        daemon.kill();
        Self { daemon: clock.start(&home), home, clock, bank }
    }

    /// Takes a payment: its id and its number at the bank.
    #[track_caller]
    pub(crate) fn take(&self, kind: &str) -> (String, String) {
        let body = json!({"kind": kind, "amount_tiyn": 10_000, "phone_number": "77015211545"});
        let made = self.daemon.door.post("/v1/payments", &body).expect(201);
        (made["id"].as_str().unwrap().to_owned(), made["qr_payment_id"].as_str().unwrap().to_owned())
    }

    /// How often Kaspi was asked for its status.
    pub(crate) fn asked(&self, qr: &str) -> u64 {
        let payment = self.bank.control("GET", &format!("/payments/{qr}"), None);
        payment["asked"]["payment_status"].as_u64().unwrap_or_default()
    }

    /// The state it is in as the daemon knows it, without asking Kaspi.
    #[track_caller]
    pub(crate) fn state(&self, id: &str) -> String {
        let list = self.daemon.door.get("/v1/payments").expect(200);
        let row = list["payments"].as_array().unwrap().iter().find(|row| row["id"] == id);
        row.unwrap_or_else(|| panic!("no {id} in {list}"))["state"].as_str().unwrap().to_owned()
    }

    /// The events of a payment, in order: what, and when by the daemon's wall clock.
    #[track_caller]
    pub(crate) fn events(&self, id: &str) -> Vec<(String, Moment)> {
        let page = self.daemon.door.get("/v1/events?after=0&limit=1000").expect(200);
        let events = page["events"].as_array().unwrap().iter().filter(|event| event["payment"]["id"] == id);
        let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
        events.map(|event| (text(event, "type"), text(event, "at").parse().unwrap())).collect()
    }
}

fn monotonic() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap().into()
}
