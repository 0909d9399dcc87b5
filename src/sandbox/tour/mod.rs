//! The main job, shown: two organisations, a remote payment, a link, a refund and a cancel, each on the right
//! BIN, and the audit log that says so.
//!
//! Every command line that is shown is read by kaspictl's own code and sent to the daemon's socket; every
//! answer is compared with what it must be, and at the end the daemon's word with the bank's books.

mod books;
mod customer;
mod page;
mod steps;

use crate::client::{Client, ClientError};
use crate::ctl::example::Example;
use crate::domain::State;
use crate::failure::Failure;
use crate::operation::{CreatePayment, Payment, Reply, Request};

use super::daemon::CannotRun;
use super::shop::{CannotOpen, GuideOrganisation, SandboxShop};
use super::{Dialect, Options};

pub(super) use page::TourPage;

/// The customer's number; made up. No output shows it: a command line has `$PHONE` in its place.
const PHONE: &str = "77015211545";

/// Why the tour did not end well.
#[derive(Debug, thiserror::Error)]
pub enum TourError {
    /// Bank or daemon did not start.
    #[error(transparent)]
    Open(#[from] CannotOpen),
    /// The daemon did not stop in order.
    #[error(transparent)]
    Stop(#[from] CannotRun),
    /// The daemon gave no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The daemon did not do what it must do.
    #[error("{line}: {failure}; {}", failure.remedy())]
    Refused {
        /// What was asked.
        line: String,
        /// What it said.
        failure: Box<Failure>,
    },
    /// An answer, or the bank's books, are not what they must be.
    #[error("{0}")]
    Wrong(String),
    /// The same with what the daemon wrote last.
    #[error("{error}\nthe daemon's log ends:\n{log}")]
    Logged {
        /// What went wrong.
        error: Box<TourError>,
        /// The last lines.
        log: String,
    },
}

/// Shows the tour in one dialect.
pub(super) async fn run(dialect: Dialect, page: &mut TourPage) -> Result<(), TourError> {
    let shop = SandboxShop::open(Options { dialect, ..Options::default() }).await?;
    page.chapter(&format!("kaspid and a bank that speaks the {} dialect", dialect.word()));
    let client = shop.client().await?;
    let shown = Tour { shop: &shop, client, page }.show().await;
    match shown {
        Ok(()) => Ok(shop.close().await?),
        Err(error) => Err(TourError::Logged { error: Box::new(error), log: shop.daemon.files.last_lines() }),
    }
}

/// A tour under way.
struct Tour<'a> {
    shop: &'a SandboxShop,
    client: Client,
    page: &'a mut TourPage,
}

/// What a payment must be.
struct Want {
    who: GuideOrganisation,
    state: State,
    tiyn: u64,
}

impl Tour<'_> {
    /// Shows a command line, carries it out and gives the daemon's answer.
    async fn ask(&mut self, line: &str) -> Result<Result<Reply, Failure>, TourError> {
        self.page.text(&format!("$ {line}"));
        let wrong = |what: String| TourError::Wrong(format!("{line}: {what}"));
        let words = shlex::split(line).ok_or_else(|| wrong("no command line".to_owned()))?;
        let words: Vec<String> =
            words.into_iter().map(|word| if word == "$PHONE" { PHONE.to_owned() } else { word }).collect();
        let Example { operation, key } = Example::read(&words).map_err(wrong)?;
        Ok(self.client.send(key.as_ref(), None, operation).await?)
    }

    /// The same where nothing but success is right.
    async fn done(&mut self, line: &str) -> Result<Reply, TourError> {
        let answer = self.ask(line).await?;
        answer.map_err(|failure| TourError::Refused { line: line.to_owned(), failure: Box::new(failure) })
    }

    /// The same for a payment that must be `want`; says what it is and whose money.
    async fn payment(&mut self, line: &str, want: &Want) -> Result<Payment, TourError> {
        let payment = self.checked(line, want).await?;
        let state = payment.state.word().to_uppercase();
        self.page.text(&format!("{state}: {} to {}", payment.amount_tiyn, want.who));
        Ok(payment)
    }

    async fn checked(&mut self, line: &str, want: &Want) -> Result<Payment, TourError> {
        let payment = CreatePayment::reply(self.done(line).await?).map_err(ClientError::from)?;
        let is = (payment.organization_bin.as_str(), payment.state, payment.amount_tiyn.tiyn());
        if is != (want.who.bin, want.state, want.tiyn) {
            return Err(TourError::Wrong(format!(
                "{line}: the payment is {} over {} for {}, and must be {} over {} tiyn for {}",
                payment.state, payment.amount_tiyn, payment.organization_bin, want.state, want.tiyn, want.who
            )));
        }
        Ok(payment)
    }

    /// Holds or is the sentence that ends the tour.
    fn must(holds: bool, sentence: impl FnOnce() -> String) -> Result<(), TourError> {
        if holds { Ok(()) } else { Err(TourError::Wrong(sentence())) }
    }
}
