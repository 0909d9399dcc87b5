//! `log follow`: rows as their operations end, and again when more is known of one, over restarts of the daemon, until
//! Ctrl-C.

use std::time::Instant;

use tokio::signal::unix::{SignalKind, signal};

use super::call::PATIENCE;
use super::follow::AGAIN;
use crate::client::{Client, ClientError};
use crate::ctl::exit::{self, Exit};
use crate::ctl::session::Session;
use crate::ctl::text;
use crate::failure::{Code, Failure};
use crate::moment::Span;
use crate::operation::{LogQuery, LogRow, LogRows};

/// One question to the daemon, which answers as soon as there is a row.
const SLICE: Span = Span::from_secs(300);

/// The cursor and the connection of somebody who follows.
struct Tail<'s, 'o> {
    session: &'s mut Session<'o>,
    query: LogQuery,
    client: Option<Client>,
    /// It was said that the daemon is gone.
    is_gone: bool,
}

/// Prints rows until Ctrl-C, a closed pipe, or a reason why no more will come.
pub(super) async fn follow(session: &mut Session<'_>, client: Client, query: &LogQuery) -> Exit {
    let mut interrupts = match signal(SignalKind::interrupt()) {
        Ok(interrupts) => interrupts,
        Err(error) => {
            session.out.say(&format!("kaspictl: this machine gives no signals: {error}"));
            return Exit::Unreachable;
        }
    };
    let mut tail = Tail { session, query: query.clone(), client: Some(client), is_gone: false };
    // Printing never waits: a row is printed whole and its cursor moved on, or neither.
    let exit = tokio::select! {
        exit = tail.rows() => exit,
        _ = interrupts.recv() => Exit::Done,
    };
    if let (Exit::Done, Some(after)) = (exit, tail.query.after) {
        tail.session.out.say(&format!("to go on from here: kaspictl log follow --after {after}"));
    }
    exit
}

impl Tail<'_, '_> {
    async fn rows(&mut self) -> Exit {
        // From now on, unless told from where: the cursor is known before there is a row to lose.
        let mut wait = if self.query.after.is_none() { Span::from_secs(0) } else { SLICE };
        loop {
            let asked = Instant::now();
            let page = match self.page(wait).await {
                Ok(Some(page)) => page,
                Ok(None) => {
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
                Err(exit) => return exit,
            };
            if !page.rows.iter().all(|row| self.row(row)) {
                return Exit::Done;
            }
            // A daemon that stops answers early and with nothing.
            let is_hasty = page.rows.is_empty() && asked.elapsed() < wait.duration() && page.next == self.query.after;
            self.query.after = page.next.or(self.query.after);
            wait = SLICE;
            if is_hasty {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// The next rows; none while the daemon is gone.
    async fn page(&mut self, wait: Span) -> Result<Option<LogRows>, Exit> {
        let Some(client) = self.reached().await? else { return Ok(None) };
        let query = LogQuery { wait: Some(wait), ..self.query.clone() };
        match client.call(None, Some(wait.duration().saturating_add(PATIENCE)), query).await {
            Ok(Ok(page)) => {
                self.back();
                self.client = Some(client);
                Ok(Some(page))
            }
            Ok(Err(failure)) if is_passing(&failure) => self.gone(&failure.detail),
            Ok(Err(failure)) => {
                self.session.out.say(text::failure(&failure, &self.session.reader).trim_end());
                Err(exit::of_failure(&failure))
            }
            Err(ClientError::Lost(why)) => self.gone(&why),
            Err(error) => Err(self.gives_up(&error.to_string(), exit::of_client(&error, false))),
        }
    }

    /// The connection, a new one where the old broke.
    async fn reached(&mut self) -> Result<Option<Client>, Exit> {
        if let Some(client) = self.client.take() {
            return Ok(Some(client));
        }
        match Client::connect(&self.session.socket, "kaspictl").await {
            Ok(client) => Ok(Some(client)),
            Err(error @ (ClientError::Unreachable { .. } | ClientError::Lost(_))) => self.gone(&error.to_string()),
            Err(error) => Err(self.gives_up(&error.to_string(), exit::of_client(&error, false))),
        }
    }

    fn gone<T>(&mut self, why: &str) -> Result<Option<T>, Exit> {
        if !std::mem::replace(&mut self.is_gone, true) {
            self.session.out.say(&format!("kaspictl: {why}; going on when kaspid is there again, no row is lost"));
        }
        Ok(None)
    }

    fn back(&mut self) {
        if std::mem::replace(&mut self.is_gone, false) {
            self.session.out.say("kaspictl: kaspid is there again");
        }
    }

    fn gives_up(&mut self, why: &str, exit: Exit) -> Exit {
        self.session.out.say(&format!("kaspictl: {why}"));
        exit
    }

    /// Prints a row; false once nobody reads.
    fn row(&mut self, row: &LogRow) -> bool {
        let line =
            if self.session.json { crate::ctl::json::row(row) } else { text::log_line(row, &self.session.reader) };
        self.session.out.raw(line.as_bytes()) && self.session.out.flush()
    }
}

/// Over by itself: the daemon stops and closes its state, or was asked too often.
fn is_passing(failure: &Failure) -> bool {
    matches!(failure.code, Code::ShuttingDown | Code::RateLimited | Code::StorageFailed)
}
