//! Whole commands against a listener that speaks the daemon's protocol and answers as the test says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot unwrap has failed")]

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::mpsc;

use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};

use crate::client::Outcome;
use crate::ctl::exit::Exit;
use crate::ctl::out::Out;
use crate::ctl::{command_line, samples};
use crate::domain::{Kind, LogStatus, State};
use crate::failure::{Code, Failure};
use crate::frame::{self, Answer, Call, Hello, PROTOCOL, Welcome};
use crate::moment::Span;
use crate::operation::{GetPayment, Operation, Picture, Reply};

/// What the listener does with a call.
enum Step {
    Answer(Box<Outcome>),
    /// Says that the daemon is stopping, and hangs up.
    Stop,
    HangUp,
}

fn reply(reply: Reply) -> Step {
    Step::Answer(Box::new(Ok(reply)))
}

/// Answers every call with `script`, over as many connections as come, and hands out what it was asked.
struct Listener {
    folder: TempDir,
    calls: mpsc::Receiver<Call>,
}

impl Listener {
    fn answering(script: impl FnMut(&Operation) -> Step + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
        socket.set_nonblocking(true).unwrap();
        let (seen, calls) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(socket, script, &seen));
        });
        Self { folder, calls }
    }

    /// Runs a command line against it.
    fn run(&self, line: &str) -> Ran {
        let (data, talk) = (Page::default(), Page::default());
        let mut out = Out::to(Box::new(data.clone()), Box::new(talk.clone()));
        let typed = line.split(' ').map(OsString::from).collect();
        let exit = command_line(typed, Some(self.folder.path().join("s").into()), &mut out);
        Ran { exit: out.finish(exit), stdout: data.text(), stderr: talk.text() }
    }

    /// What it was asked since.
    fn asked(&self) -> Vec<Call> {
        self.calls.try_iter().collect()
    }
}

async fn serve(
    socket: std::os::unix::net::UnixListener,
    mut script: impl FnMut(&Operation) -> Step,
    seen: &mpsc::Sender<Call>,
) {
    let socket = UnixListener::from_std(socket).unwrap();
    while let Ok((stream, _)) = socket.accept().await {
        converse(stream, &mut script, seen).await;
    }
}

async fn converse(mut stream: UnixStream, script: &mut impl FnMut(&Operation) -> Step, seen: &mpsc::Sender<Call>) {
    let _: Hello = frame::receive(&mut stream).await.unwrap();
    let welcome = Welcome { protocol: PROTOCOL, version: "0.1.0".to_owned() };
    frame::send(&mut stream, &welcome).await.unwrap();
    while let Ok(call) = frame::receive::<Call, _>(&mut stream).await {
        let (id, step) = (call.id, script(&call.operation));
        // The test may have ended.
        let _ = seen.send(call);
        match step {
            Step::Answer(result) => frame::send(&mut stream, &Answer { id, result: *result }).await.unwrap(),
            Step::Stop => {
                let result = Err(Failure::new(Code::ShuttingDown, "the daemon is stopping"));
                return frame::send(&mut stream, &Answer { id, result }).await.unwrap();
            }
            Step::HangUp => return,
        }
    }
}

/// What a command did.
struct Ran {
    exit: Exit,
    stdout: String,
    stderr: String,
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn payment(kind: Kind, state: State) -> Reply {
    Reply::Payment(samples::payment(kind, state))
}

const PAY: &str = "kaspictl pay 150 --phone 77015211545 --bin 891027350515";

#[test]
fn a_wait_begins_when_the_customer_is_billed() {
    let daemon = Listener::answering(|operation| match operation {
        Operation::Create(_) => reply(Reply::Created(samples::payment(Kind::Remote, State::Waiting))),
        _ => reply(payment(Kind::Remote, State::Paid)),
    });
    let ran = daemon.run(&format!("{PAY} --wait=30s"));
    assert_eq!(ran.exit, Exit::Done);
    assert!(ran.stdout.starts_with("PAID\n"), "{}", ran.stdout);
    assert!(ran.stderr.contains("key: ") && ran.stderr.contains("to 891027350515 (Main BIN)"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("77015211545"), "{}", ran.stderr);
    let asked = daemon.asked();
    let [create, get] = asked.as_slice() else { panic!("{} calls", asked.len()) };
    assert!(matches!(&create.operation, Operation::Create(create) if create.wait.is_none()));
    let waits = matches!(&get.operation, Operation::PaymentGet(GetPayment { wait: Some(wait), .. }) if *wait <= Span::from_secs(30));
    assert!(waits && create.key.is_some() && get.key.is_none());
}

#[test]
fn a_lost_answer_is_unknown_and_names_the_command_that_repeats_it() {
    let daemon = Listener::answering(|_| Step::HangUp);
    let ran = daemon.run(PAY);
    let key = daemon.asked().pop().unwrap().key.unwrap();
    let repeat = format!("kaspictl pay 150 --phone PHONE --bin 891027350515 --key {key}\n");
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Unknown, ""));
    assert!(ran.stderr.ends_with(&repeat), "{}", ran.stderr);
    assert!(ran.stderr.contains("nobody here knows whether it moved"), "{}", ran.stderr);

    let ran = daemon.run("kaspictl payment refund 12737694350 50 --key K1 --json");
    let problem: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(ran.exit, Exit::Unknown);
    assert_eq!(problem.get("code"), Some(&"outcome_unknown".into()));
    assert_eq!(problem.get("request_key"), Some(&"K1".into()));
    assert_eq!(problem.get("retryable"), Some(&true.into()));
}

#[test]
fn a_lost_read_is_an_unreachable_daemon() {
    let daemon = Listener::answering(|_| Step::HangUp);
    assert_eq!(daemon.run("kaspictl status").exit, Exit::Unreachable);
    let ran = daemon.run("kaspictl bin default 891027350515");
    assert_eq!(ran.exit, Exit::Unknown);
    assert!(ran.stderr.contains("before you repeat"), "{}", ran.stderr);
}

#[test]
fn a_wait_goes_on_over_a_restart() {
    let mut gone = 0;
    let daemon = Listener::answering(move |_| {
        gone += 1;
        match gone {
            1 => Step::Answer(Box::new(Err(Failure::new(Code::ShuttingDown, "the daemon is stopping")))),
            2 => Step::HangUp,
            _ => reply(payment(Kind::Remote, State::Declined)),
        }
    });
    let ran = daemon.run("kaspictl payment wait 12737694350");
    assert_eq!(ran.exit, Exit::Refused);
    assert!(ran.stdout.starts_with("NOT PAID: declined\n"), "{}", ran.stdout);
}

/// Promise: a sale in the moment of a restart is asked of the next daemon under its own key, so that it cannot be made twice; what
/// changes something and has no key is left to a person.
#[test]
fn what_a_stopping_daemon_refuses_is_asked_of_the_next_one_under_the_same_key() {
    let mut asked = 0;
    let daemon = Listener::answering(move |operation| {
        asked += 1;
        match operation {
            Operation::Create(_) if asked > 2 => reply(Reply::Created(samples::payment(Kind::Remote, State::Waiting))),
            _ => Step::Stop,
        }
    });
    assert_eq!(daemon.run(PAY).exit, Exit::Done);
    let keys: Vec<_> = daemon.asked().into_iter().map(|call| call.key).collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| key.is_some() && *key == keys[0]), "{keys:?}");
    let ran = daemon.run("kaspictl bin default 891027350515");
    assert_eq!(daemon.asked().len(), 1, "{}", ran.stderr);
}

/// Trouble with the wait must not look like a payment that was not made.
#[test]
fn a_wait_that_breaks_leaves_a_waiting_payment() {
    let daemon = Listener::answering(|operation| match operation {
        Operation::Create(_) => reply(Reply::Created(samples::payment(Kind::Remote, State::Waiting))),
        _ => Step::HangUp,
    });
    // However often it comes back and breaks off again, a wait ends at its time.
    let begun = std::time::Instant::now();
    let ran = daemon.run(&format!("{PAY} --wait=1s --json"));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    let shown: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.exit, shown.get("state")), (Exit::Waiting, Some(&"waiting".into())));
    assert!(ran.stderr.contains("the payment goes on"), "{}", ran.stderr);
}

#[test]
fn a_time_out_is_still_waiting() {
    let daemon = Listener::answering(|_| reply(payment(Kind::Link, State::Waiting)));
    let ran = daemon.run("kaspictl payment wait 12737694350 --timeout 10ms");
    assert_eq!((ran.exit, daemon.asked().len()), (Exit::Waiting, 1));
}

#[test]
fn a_link_is_drawn_when_asked_for() {
    let daemon = Listener::answering(|operation| match operation {
        Operation::PaymentPicture(_) => reply(Reply::Picture(Picture { content: "https://kaspi.kz/pay".to_owned() })),
        _ => reply(Reply::Created(samples::payment(Kind::Link, State::Waiting))),
    });
    let ran = daemon.run("kaspictl link 150 --qr");
    assert_eq!(ran.exit, Exit::Done);
    assert!(ran.stdout.contains("\u{2588}\u{2580}\u{2580}"), "{}", ran.stdout);
    assert_eq!(daemon.asked().len(), 2);
    assert!(!daemon.run("kaspictl link 150").stdout.contains('\u{2588}'));
    assert_eq!(daemon.asked().len(), 1);
}

#[test]
fn a_refund_says_what_came_of_it() {
    let daemon = Listener::answering(|_| reply(Reply::Payment(samples::refunded(LogStatus::Success))));
    let ran = daemon.run("kaspictl payment refund 12737694350 50 --key return-77");
    assert_eq!(ran.exit, Exit::Done);
    assert!(!ran.stderr.contains("return-77"), "a key that was given is not news: {}", ran.stderr);
    assert_eq!(daemon.asked().pop().unwrap().key.as_deref(), Some("return-77"));
}

#[test]
fn a_denial_says_what_to_do() {
    let daemon = Listener::answering(|_| Step::Answer(Box::new(Err(Failure::new(Code::Denied, "needs admin")))));
    let ran = daemon.run("kaspictl reload");
    assert_eq!((ran.exit, ran.stdout.as_str()), (Exit::Denied, ""));
    assert!(ran.stderr.contains("what to do  Ask whoever runs this machine"), "{}", ran.stderr);
}

#[test]
fn a_token_goes_to_the_daemon_and_nowhere_else() {
    let daemon = Listener::answering(|_| reply(Reply::Enrolled(samples::config())));
    let file = daemon.folder.path().join("token");
    std::fs::write(&file, "688c5d4a-2f8f-54e3-94d4-b1227229g27\n").unwrap();
    let ran = daemon.run(&format!("kaspictl bin add 891027350515 --token-file {}", file.display()));
    assert_eq!(ran.exit, Exit::Done);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("688c5d4a"));
    let call = daemon.asked().pop().unwrap();
    let Operation::Enrol(enrol) = call.operation else { panic!("not an enrolment") };
    assert_eq!(enrol.device_token.unwrap().expose(), "688c5d4a-2f8f-54e3-94d4-b1227229g27");
}
