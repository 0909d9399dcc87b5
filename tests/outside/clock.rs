//! A daemon's clocks in the hands of a test: time runs faster, passes at once, stands still as in a suspend, and the
//! wall clock is set, all while the daemon runs. A library of a page of C is preloaded for it ([clock.c](clock.c));
//! the daemon is the one that ships. `cc` is there, because building the daemon needs it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The three numbers of `clock.c`.
#[derive(Clone, Copy)]
enum Number {
    Passed,
    Slept,
    Set,
}

/// The clocks of all daemons started with [`Clock::put_on`]: a restarted one goes on with the same time.
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
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outside/clock.c");
        let library = files.path().join("clock.so");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        assert!(built.is_ok_and(|status| status.success()), "cc does not build {source}");
        let page = File::create_new(files.path().join("page")).unwrap();
        page.write_all_at(&[0; 24], 0).unwrap();
        Self { page, numbers: Mutex::default(), started: monotonic(), speed, files }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Lets a daemon that is about to start live by this clock.
    pub(crate) fn put_on(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", self.file("clock.so"))
            .env("CLOCK_PAGE", self.file("page"))
            .env("CLOCK_START", self.started.as_nanos().to_string())
            .env("CLOCK_SPEED", self.speed.to_string());
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

fn monotonic() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap().into()
}
