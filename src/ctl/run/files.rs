//! The commands whose request or answer is a file: streamed over HTTP, with progress where a person watches.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use serde::Deserialize;
use tokio::time::{Interval, interval};

use super::call::changes;
use crate::client::ClientError;
use crate::ctl::exit::{self, Exit};
use crate::ctl::held::{SignalWatch, came};
use crate::ctl::invocation::{Invocation, Transfer};
use crate::ctl::save::{Existing, Output};
use crate::ctl::session::Session;
use crate::ctl::wire::{self, Count, FileBody, Outgoing};
use crate::ctl::{api, json, text};
use crate::failure::{Code, Failure, Money};
use crate::operation::{BadRow, BadRows, Imported, OperationId, Reply};
use crate::store::{BackupHeader, PassingBackup, check_backup};

/// How often the progress is shown.
const SHOWN: Duration = Duration::from_millis(200);

/// The header with the end of the log at the beginning of the export.
const HEAD: &str = "x-kaspid-log-head";

/// The header with how many open payments Kaspi could not be asked about.
const NOT_ASKED: &str = "x-kaspid-not-asked";

/// The most that is read of an answer that is no file.
const ANSWER: usize = 1 << 20;

/// Why a transfer did not come to its end.
enum TransferError {
    /// The daemon or the way to it.
    Client(ClientError),
    /// A file here.
    File(String),
    /// Nobody reads what is printed.
    Unread,
    /// By a signal, which ends this process when what is there of a file is removed.
    Stopped,
}

impl From<ClientError> for TransferError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

/// A problem document, as far as it is shown.
#[derive(Deserialize)]
struct ProblemDocument {
    code: Code,
    detail: String,
    remedy: String,
    retryable: bool,
    money: Money,
    #[serde(default)]
    rows: Vec<BadRow>,
    #[serde(default)]
    more_rows: u64,
    #[serde(default)]
    understood: String,
}

/// A transfer under way.
struct FileTransfer<'a, 'o> {
    session: &'a mut Session<'o>,
    ask: &'a Invocation,
}

/// Carries out a command whose request or answer is a file.
pub(super) async fn transfer(session: &mut Session<'_>, ask: &Invocation, transfer: &Transfer) -> Exit {
    let mut under_way = FileTransfer { session, ask };
    let done = match transfer {
        Transfer::Save(target) => under_way.save(target.as_deref()).await,
        Transfer::Send(source) => under_way.send(source).await,
    };
    under_way.session.out.progress("");
    done.unwrap_or_else(|trouble| under_way.broke_off(&trouble))
}

impl FileTransfer<'_, '_> {
    fn broke_off(&mut self, trouble: &TransferError) -> Exit {
        match trouble {
            TransferError::Client(error) => {
                self.session.out.say(&format!("kaspictl: {error}"));
                exit::of_client(error, changes(&self.ask.operation))
            }
            TransferError::File(why) => {
                self.session.out.say(&format!("kaspictl: {why}"));
                Exit::Usage
            }
            TransferError::Unread if self.ask.operation.id() == OperationId::Backup => {
                self.session
                    .out
                    .say("kaspictl: whoever took the backup ended before it was whole: it cannot be restored");
                Exit::Refused
            }
            TransferError::Unread => Exit::Done,
            TransferError::Stopped => Exit::Refused,
        }
    }

    /// Asks for a file and keeps it, or prints it.
    async fn save(&mut self, target: Option<&Path>) -> Result<Exit, TransferError> {
        let answer = wire::ask(&self.session.socket, self.outgoing(FileBody::none())).await?;
        if answer.status() != StatusCode::OK {
            return self.refused(answer).await;
        }
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let not_asked = header(NOT_ASKED).and_then(|text| text.parse().ok()).unwrap_or(0);
        let (head, length) = (header(HEAD), header("content-length").and_then(|text| text.parse().ok()));
        let output = Output::begin(target, Existing::Replaced);
        let output = output.map_err(|error| not_written(target, &error, "nothing was written"))?;
        let is_backup = self.ask.operation.id() == OperationId::Backup;
        if is_backup && matches!(output, Output::Stdout) && self.session.out.terminal {
            return Err(TransferError::File("a backup is nothing for a terminal: name a file".to_owned()));
        }
        let watch = output.watch();
        // Lines of the file and a line that goes away do not share a terminal.
        let is_told = !(matches!(output, Output::Stdout) && self.session.out.terminal);
        let mut sink = Sink { output, target, backup: is_backup.then(PassingBackup::default) };
        if is_backup && sink.output.is_readable_by_others() {
            self.session.out.say(
                "others than its owner may read that file, and it holds device tokens, sealed or not: chmod 600 it",
            );
        }
        let count = Count::default();
        let mut body = answer.into_body();
        let mut clock = interval(SHOWN);
        while let Some(frame) = self.next(&mut body, watch.as_ref(), &mut clock, (&count, length, is_told)).await? {
            count.add(&frame);
            sink.write(&frame, self.session)?;
        }
        let Sunk { target, backup } = sink.finish()?;
        self.saved(&count, !is_backup, head.as_deref(), target);
        if not_asked > 0 {
            self.session.out.say(&not_asked_about(not_asked));
        }
        if let Some(header) = backup {
            self.session.out.say(&what_it_holds(&header));
        }
        Ok(Exit::Done)
    }

    fn saved(&mut self, count: &Count, is_text: bool, head: Option<&str>, target: Option<&Path>) {
        self.session.out.progress("");
        let place = target.map(|path| path.display().to_string());
        if let (true, Some(file)) = (self.session.json, &place) {
            let said =
                serde_json::json!({ "file": file, "bytes": count.bytes(), "lines": count.lines(), "head": head });
            self.session.out.data(&format!("{said}\n"));
        }
        let place = place.map_or_else(String::new, |place| format!(" to {place}"));
        // The lines of a backup are nobody's.
        let lines = match count.lines() {
            _ if !is_text => String::new(),
            1 => "1 line, ".to_owned(),
            lines => format!("{lines} lines, "),
        };
        self.session.out.say(&format!("{lines}{} bytes{place}", count.bytes()));
        if let Some(head) = head {
            self.session
                .out
                .say(&format!("log head: {head} (keep it: it shows later whether somebody edited the log)"));
        }
    }

    /// The next piece of an answer; shows the progress meanwhile.
    async fn next(
        &mut self,
        body: &mut Incoming,
        watch: Option<&SignalWatch>,
        clock: &mut Interval,
        (count, length, is_told): (&Count, Option<u64>, bool),
    ) -> Result<Option<hyper::body::Bytes>, TransferError> {
        loop {
            tokio::select! {
                frame = body.frame() => match frame {
                    None => return Ok(None),
                    Some(Ok(frame)) => if let Ok(bytes) = frame.into_data() { return Ok(Some(bytes)) },
                    Some(Err(_)) => return Err(TransferError::Client(ClientError::Lost(
                        "the file broke off; what came of it was not kept".to_owned()
                    ))),
                },
                () = came(watch) => return Err(TransferError::Stopped),
                _ = clock.tick(), if is_told => self.session.out.progress(&progress(count, length)),
            }
        }
    }

    /// Sends a file and shows what came of it.
    async fn send(&mut self, source: &Path) -> Result<Exit, TransferError> {
        let count = Count::default();
        let body = FileBody::open(source, count.clone())
            .map_err(|error| TransferError::File(format!("cannot read {}: {error}", source.display())))?;
        let length = body.length();
        let socket = self.session.socket.clone();
        let request = self.outgoing(body);
        let mut answering = std::pin::pin!(wire::ask(&socket, request));
        let mut clock = interval(SHOWN);
        let answer = loop {
            tokio::select! {
                answer = &mut answering => break answer?,
                _ = clock.tick() => self.session.out.progress(&progress(&count, length)),
            }
        };
        self.session.out.progress("");
        if answer.status() != StatusCode::OK {
            return self.refused(answer).await;
        }
        let body = whole(answer).await?;
        let imported: Imported = serde_json::from_slice(&body).map_err(|error| no_answer(&error))?;
        let reply = Reply::Imported(imported);
        match self.session.json {
            true => self.session.out.data(&json::reply(&reply)),
            false => self.session.out.show(&text::reply(&reply, &self.session.reader)),
        }
        Ok(exit::of_reply(&reply, self.ask.goal))
    }

    fn outgoing(&self, body: FileBody) -> Outgoing {
        let (method, target, content_type) = api::line(&self.ask.operation);
        Outgoing { method, target, content_type, body }
    }

    /// Shows a problem document, with the rows that are not good.
    async fn refused(&mut self, answer: Response<Incoming>) -> Result<Exit, TransferError> {
        let body = whole(answer).await?;
        let told: ProblemDocument = serde_json::from_slice(&body).map_err(|error| no_answer(&error))?;
        let bad = BadRows { rows: told.rows, more: told.more_rows, understood: told.understood };
        // Its detail names the first row, which is listed.
        let detail = if bad.is_empty() { told.detail } else { bad.said() };
        let failure = Failure::new(told.code, detail)
            .with_hint(told.remedy)
            .with_money(told.money)
            .with_retryable(told.retryable);
        if self.session.json {
            self.session.out.data(&format!("{}\n", String::from_utf8_lossy(&body)));
        } else {
            if !bad.understood.is_empty() {
                self.session.out.say(&text::clean(&format!("read as: {}", bad.understood)));
            }
            for row in &bad.rows {
                self.session.out.say(&text::clean(&format!("line {}: {}", row.line, row.detail)));
            }
            if bad.more > 0 {
                self.session.out.say(&format!("and {} more", bad.more));
            }
            self.session.out.say(text::failure(&failure, &self.session.reader).trim_end());
        }
        Ok(exit::of_failure(&failure))
    }
}

/// Where the bytes of an answer go.
struct Sink<'t> {
    output: Output,
    target: Option<&'t Path>,
    /// Of a backup, what has passed.
    backup: Option<PassingBackup>,
}

impl<'t> Sink<'t> {
    fn write(&mut self, bytes: &[u8], session: &mut Session<'_>) -> Result<(), TransferError> {
        if let Some(backup) = &mut self.backup {
            backup.take(bytes).map_err(|error| no_backup(&error, self.output.left()))?;
        }
        let written = match &mut self.output {
            Output::Stdout if session.out.raw(bytes) => Ok(()),
            Output::Stdout => return Err(TransferError::Unread),
            Output::Stream(stream) => stream.write_all(bytes),
            Output::File(file) => file.write(bytes),
        };
        written.map_err(|error| not_written(self.target, &error, self.output.left()))
    }

    /// Everything is there. A backup is not kept unless it could be restored.
    fn finish(self) -> Result<Sunk<'t>, TransferError> {
        let left = self.output.left();
        let passed = self.backup.map(PassingBackup::end).transpose();
        let backup = passed.map_err(|error| no_backup(&error, left))?;
        if let (Some(_), Output::File(file)) = (&backup, &self.output) {
            check_backup(&file.path()).map_err(|error| no_backup(&error, left))?;
        }
        let target = match self.output {
            Output::Stdout => None,
            Output::Stream(_) => self.target,
            Output::File(file) => {
                file.finish().map_err(|error| not_written(self.target, &error, left))?;
                self.target
            }
        };
        Ok(Sunk { target, backup })
    }
}

/// What came to where it was to go.
struct Sunk<'t> {
    /// The name of a file, where it is one.
    target: Option<&'t Path>,
    /// Of a backup, its header.
    backup: Option<BackupHeader>,
}

fn not_asked_about(payments: u64) -> String {
    let (number, verb) =
        if payments == 1 { ("1 open payment".to_owned(), "it") } else { (format!("{payments} open payments"), "each") };
    format!("Kaspi could not be asked about {number}: {verb} may have been paid since. Why: kaspictl report")
}

fn what_it_holds(header: &BackupHeader) -> String {
    match &header.seal {
        None => {
            "it holds the device tokens of all organisations and no mTLS key: keep it as secret as the key".to_owned()
        }
        Some(seal) => format!(
            "it holds the device tokens of all organisations, sealed with seal {seal}, and no mTLS key: restored, it opens \
             only with that credential kaspid.seal; keep a copy of the seal in another place"
        ),
    }
}

fn no_backup(error: &dyn std::fmt::Display, left: &str) -> TransferError {
    TransferError::File(format!("{error}; {left}"))
}

/// An answer that is a document.
async fn whole(answer: Response<Incoming>) -> Result<hyper::body::Bytes, TransferError> {
    let body = http_body_util::Limited::new(answer.into_body(), ANSWER).collect().await;
    Ok(body.map_err(|error| ClientError::Lost(error.to_string()))?.to_bytes())
}

fn no_answer(error: &serde_json::Error) -> TransferError {
    TransferError::Client(ClientError::Lost(format!("the answer cannot be read: {error}")))
}

fn not_written(target: Option<&Path>, error: &io::Error, left: &str) -> TransferError {
    let place = target.unwrap_or(Path::new("stdout")).display();
    TransferError::File(format!("cannot write {place}: {error}; {left}"))
}

fn progress(count: &Count, length: Option<u64>) -> String {
    let megabytes = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    let of = length.map_or_else(String::new, |length| format!(" of {}", megabytes(length)));
    match (count.bytes(), length) {
        (sent, Some(length)) if sent == length && sent > 0 => {
            format!("{} lines, {} sent; the daemon is at work", count.lines(), megabytes(sent))
        }
        (bytes, _) => format!("{} lines, {}{of}", count.lines(), megabytes(bytes)),
    }
}
