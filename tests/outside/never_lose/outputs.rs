//! Where a command's file goes (architecture §8): whatever stands under the name stays what it is, and nobody finds half
//! a file. Devices are made in a folder of the test; the machine's own are never touched.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;

/// A daemon with something in its log, and a folder of its own.
struct Outputs {
    till: Till,
    folder: tempfile::TempDir,
}

impl Outputs {
    fn open() -> Self {
        Self { till: Till::open(Dialect::Bank, ""), folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        command.arg("--socket").arg(self.till.daemon.socket()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What is in the folder besides the given names.
    fn others(&self, known: &[&str]) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).filter(|name| !known.contains(&name.as_str())).collect()
    }

    /// A device node, where the machine lets us make one.
    fn node(&self, name: &str, major: u64, minor: u64) -> Option<PathBuf> {
        let path = self.path(name);
        let mode = Mode::from_bits_truncate(0o666);
        match mknod(&path, SFlag::S_IFCHR, mode, makedev(major, minor))
            .and_then(|()| File::options().write(true).open(&path).map(drop).map_err(|_| nix::errno::Errno::EPERM))
        {
            Ok(()) => Some(path),
            Err(error) => {
                eprintln!("SKIPPED: no device can be made and opened here ({error})");
                None
            }
        }
    }
}

fn is_backup(bytes: &[u8]) -> bool {
    bytes.starts_with(b"{\"kaspid_backup\":1")
}

#[track_caller]
fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// `-o` to a device and `-`: the device is still one, and stdout has the rows; no file of such a name is made.
#[test]
fn a_device_is_written_to_and_stays_one() {
    let outputs = Outputs::open();
    let rows = outputs.run(&["log", "export", "-o", "-"]);
    assert!(rows.status.success() && rows.stdout.starts_with(b"id,shop_id,"), "{rows:?}");
    let copy = outputs.run(&["backup", "-"]);
    assert!(copy.status.success() && is_backup(&copy.stdout), "{:?}", copy.status);
    assert!(!Path::new("-").exists());
    let Some(null) = outputs.node("null", 1, 3) else { return };
    for args in
        [["log", "export", "-o", &text(&null)].as_slice(), &["backup", &text(&null)], &["bugreport", &text(&null)]]
    {
        let output = outputs.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        let found = fs::symlink_metadata(&null).unwrap();
        assert!(found.file_type().is_char_device() && found.mode() & 0o777 != 0o600, "{args:?}");
    }
    assert_eq!(outputs.others(&["null"]), Vec::<String>::new());
}

/// A full device says so, with words and without success.
#[test]
fn a_full_device_is_told() {
    let outputs = Outputs::open();
    let Some(full) = outputs.node("full", 1, 7) else { return };
    for args in
        [["log", "export", "-o", &text(&full)].as_slice(), &["backup", &text(&full)], &["bugreport", &text(&full)]]
    {
        let output = outputs.run(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("No space left"), "{args:?}: {said}");
    }
    assert_eq!(outputs.others(&["full"]), Vec::<String>::new());
}

/// `/dev/stdout` is stdout, whatever that is: a pipe here and a file there, which is never replaced.
#[test]
fn the_name_of_stdout_is_stdout() {
    let outputs = Outputs::open();
    let stdout = outputs.path("stdout");
    symlink("/proc/self/fd/1", &stdout).unwrap();
    let copy = outputs.run(&["backup", &text(&stdout)]);
    assert!(copy.status.success() && is_backup(&copy.stdout), "{:?}", copy.status);
    let kept = outputs.path("kept");
    let mut before = File::create(&kept).unwrap();
    before.write_all(b"before\n").unwrap();
    let status = outputs.command(&["log", "export", "-o", &text(&stdout)]).stdout(before).status().unwrap();
    let rows = fs::read_to_string(&kept).unwrap();
    assert!(status.success() && rows.starts_with("before\nid,shop_id,"), "{rows}");
    assert!(stdout.is_symlink());
}

/// A pipe with a name gets the bytes and stays a pipe.
#[test]
fn a_pipe_with_a_name_is_written_to() {
    let outputs = Outputs::open();
    let pipe = outputs.path("pipe");
    nix::unistd::mkfifo(&pipe, Mode::from_bits_truncate(0o600)).unwrap();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut bytes = Vec::new();
            File::open(pipe).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        }
    });
    let output = outputs.run(&["backup", &text(&pipe)]);
    assert!(output.status.success(), "{output:?}");
    assert!(is_backup(&reader.join().unwrap()) && fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

/// A file that is there keeps its owner and mode, behind a link, too; a new one is its owner's only.
#[test]
fn a_file_keeps_its_owner_and_mode() {
    let outputs = Outputs::open();
    let (real, link) = (outputs.path("real.csv"), outputs.path("link.csv"));
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real.csv", &link).unwrap();
    let is_root = nix::unistd::geteuid().is_root();
    if is_root {
        chown(&real, Some(65534), Some(65534)).unwrap();
    }
    assert!(outputs.run(&["log", "export", "-o", &text(&link)]).status.success());
    let found = fs::metadata(&real).unwrap();
    assert!(link.is_symlink() && fs::read(&real).unwrap().starts_with(b"id,shop_id,"));
    assert_eq!((found.mode() & 0o777, found.uid() == 65534), (0o640, is_root));
    // A backup into a file that others read is told of.
    let output = outputs.run(&["backup", &text(&real)]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("chmod 600"), "{output:?}");
    let new = outputs.path("new.backup");
    assert!(outputs.run(&["backup", &text(&new)]).status.success());
    assert_eq!(fs::metadata(&new).unwrap().mode() & 0o777, 0o600);
    // A report never takes the place of anything.
    let output = outputs.run(&["bugreport", &text(&new)]);
    assert!(!output.status.success() && is_backup(&fs::read(&new).unwrap()), "{output:?}");
    let output = outputs.run(&["log", "export", "-o", &text(outputs.folder.path())]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("folder"), "{output:?}");
    assert_eq!(outputs.others(&["real.csv", "link.csv", "new.backup"]), Vec::<String>::new());
}

/// A file that cannot grow leaves what was there, or nothing, as a disk that is full does.
#[test]
fn a_full_disk_leaves_no_half() {
    let outputs = Outputs::open();
    let (new, old) = (outputs.path("new.backup"), outputs.path("old.backup"));
    fs::write(&old, "old").unwrap();
    for (file, left) in [(&new, "nothing was left there"), (&old, "is as it was")] {
        let command = outputs.command(&["backup", &text(file)]);
        let mut small = Command::new("sh");
        // The signal that comes with the limit would end it; a full disk sends none.
        small.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"]);
        let output = small.arg(command.get_program()).args(command.get_args()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("File too large") && said.contains(left), "{said}");
    }
    assert_eq!((fs::read(&old).unwrap(), outputs.others(&["old.backup"])), (b"old".to_vec(), vec![]));
}

/// What is written for nobody any more ends quietly, and a bug report can be read from stdout.
#[test]
fn stdout_may_be_closed_or_read() {
    let outputs = Outputs::open();
    let mut child = outputs.command(&["log", "export"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    let output = outputs.run(&["bugreport", "-"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["format"].as_u64(), Path::new("-").exists()), (Some(2), false));
}

/// A backup whose reader ends early is none: the command says so and fails.
#[test]
fn a_backup_that_is_cut_off_is_no_success() {
    let outputs = Outputs::open();
    let mut command = outputs.command(&["backup", "-"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("cannot be restored"), "{output:?}");
}

/// A folder is no file to take in: nothing is sent, and nobody has to wonder what happened.
#[test]
fn a_folder_is_not_sent() {
    let outputs = Outputs::open();
    let output = outputs.run(&["import", "log", &text(outputs.folder.path())]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("it is a folder"), "{output:?}");
}

/// A daemon that has begun to give a file out, and gives no more of it.
struct Halfway(tempfile::TempDir);

impl Halfway {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 1000\r\n\r\n";
                stream.write_all(head.as_bytes()).unwrap();
                kept.push(stream);
            }
        });
        Self(folder)
    }

    fn command(&self, program: &mut Command, args: &[&str]) -> Child {
        program.arg("--socket").arg(self.0.path().join("socket")).args(args).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// Waits until a file in `folder` is open for writing, by whatever name.
#[track_caller]
fn begun(child: &Child, folder: &Path) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let is_there = |path: PathBuf| fs::read_link(path).is_ok_and(|to| to.starts_with(folder));
    let fds = PathBuf::from(format!("/proc/{}/fd", child.id()));
    while !fs::read_dir(&fds).is_ok_and(|mut fds| fds.any(|fd| fd.is_ok_and(|fd| is_there(fd.path())))) {
        assert!(std::time::Instant::now() < end, "it did not begin");
        std::thread::yield_now();
    }
}

fn end_by(child: &mut Child, signal: Signal) {
    kill(nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(signal as i32), "it ends as whoever sent {signal} expects");
}

/// Whatever ends it halfway, `kill -9` too, nothing is left, and what was there before is as it was.
#[test]
fn a_signal_leaves_no_part() {
    let (daemon, folder) = (Halfway::open(), tempfile::tempdir().unwrap());
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    fs::write(&old, "old").unwrap();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGKILL] {
        for args in [["log", "export", "-o", &text(&new)].as_slice(), &["backup", &text(&old)]] {
            let mut child = daemon.command(&mut Command::new(env!("CARGO_BIN_EXE_kaspictl")), args);
            begun(&child, folder.path());
            end_by(&mut child, signal);
            let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!((names, fs::read(&old).unwrap()), (vec!["old".into()], b"old".to_vec()), "{signal} {args:?}");
        }
    }
}

/// Where a file cannot be without a name, as on a stick, what can be caught waits until it is removed. Here nothing could
/// give it a name: /proc is not there.
#[test]
fn a_signal_leaves_no_part_with_a_name() {
    let apart = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.args(["mount -t tmpfs none /proc && exec \"$@\"", "sh"]);
        command
    };
    if !apart().arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return eprintln!("SKIPPED: needs unshare, and a mount of its own");
    }
    let (daemon, folder) = (Halfway::open(), tempfile::tempdir().unwrap());
    let new = folder.path().join("new");
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut child = daemon.command(apart().arg(env!("CARGO_BIN_EXE_kaspictl")), &["backup", &text(&new)]);
        begun(&child, folder.path());
        let name = folder.path().read_dir().unwrap().next().unwrap().unwrap().file_name();
        assert!(name.to_str().unwrap().starts_with(".new.") && name.to_str().unwrap().ends_with(".part"), "{name:?}");
        end_by(&mut child, signal);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "{signal}");
    }
    // One that is ignored, as `nohup` has it, ends nothing, and whole files come about there, too.
    let outputs = Outputs::open();
    let command = outputs.command(&["backup", &text(&new)]);
    let output = apart().arg(command.get_program()).args(command.get_args()).output().unwrap();
    assert!(output.status.success() && is_backup(&fs::read(&new).unwrap()), "{output:?}");
}

/// Promise: no output takes the place of the state that a daemon lives on, of one that was kept, or of a private key.
#[test]
fn a_state_and_a_key_are_no_places_for_an_output() {
    let outputs = Outputs::open();
    let state = outputs.till.home.state().join("kaspid.redb");
    let kept = outputs.path("kaspid.redb.replaced-2026");
    fs::copy(&state, &kept).unwrap();
    let key = outputs.path("identity.pem");
    fs::write(&key, "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n").unwrap();
    let link = outputs.path("link");
    symlink(&state, &link).unwrap();
    let fresh = outputs.path("kaspid.redb");
    for target in [&state, &kept, &key, &link, &fresh] {
        let (inode, target) = (target.metadata().map(|found| found.ino()).ok(), target.to_str().unwrap());
        for args in [vec!["backup", target], vec!["log", "export", "-o", target]] {
            let output = outputs.run(&args);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && said.contains("name"), "{args:?}: {said}");
            assert_eq!(Path::new(target).metadata().map(|found| found.ino()).ok(), inode, "{args:?}");
        }
    }
    assert_eq!(outputs.till.daemon.door.get("/v1/health").expect(200)["problems"], serde_json::json!([]));
}

/// Promise: no file has a name that promises what is not in it: a workbook, a database or an archive is refused with what to
/// type before anything is written, and what is typed then works. An ending that promises nothing is taken.
#[test]
fn a_name_of_another_kind_of_file_is_refused() {
    let world = Outputs::open();
    let export = |args: &[&str]| world.run(&[&["log", "export"], args].concat());
    let path = |name: &str| world.path(name).display().to_string();
    for name in ["november.xlsx", "november.XLS", "november.ods", "november.tsv", "november.csv.gz", "november.db"] {
        let refused = export(&["-o", &path(name)]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0), "{said}");
        assert!(said.contains(&format!("-o {}", path("november.csv"))) && !said.contains("csv.csv"), "{said}");
        assert!(world.others(&[]).is_empty(), "{name}: {:?}", world.others(&[]));
    }
    let refused = export(&["--excel", "-o", &path("november.xlsx")]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && said.contains("add --excel and name it"), "{said}");
    assert!(export(&["--excel", "-o", &path("november.csv")]).status.success());
    for args in [&["-o", &path("november.txt")][..], &["--format", "csv", "-o", &path("november.tsv")]] {
        assert!(export(args).status.success(), "{args:?}");
    }
    assert_eq!(world.others(&["november.csv", "november.txt", "november.tsv"]), [""; 0]);
}
