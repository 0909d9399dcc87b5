//! A tour under way: what it asks and how the answers are compared.

use super::error::TourError;
use super::page::TourPage;
use crate::client::{Client, ClientError};
use crate::ctl::example::Example;
use crate::domain::State;
use crate::failure::Failure;
use crate::operation::{CreatePayment, Payment, Reply, Request};
use crate::sandbox::shop::{GuideOrganisation, SandboxShop};

/// The customer's number; made up. No output shows it: a command line has `$PHONE` in its place.
const PHONE: &str = "77015211545";

/// A tour under way.
pub(super) struct Tour<'a> {
    pub(super) shop: &'a SandboxShop,
    pub(super) client: Client,
    pub(super) page: &'a mut TourPage,
}

/// What a payment must be.
pub(super) struct Want {
    pub(super) who: GuideOrganisation,
    pub(super) state: State,
    pub(super) tiyn: u64,
}

impl Tour<'_> {
    /// Shows a command line, carries it out and gives the daemon's answer.
    pub(super) async fn ask(&mut self, line: &str) -> Result<Result<Reply, Failure>, TourError> {
        self.page.text(&format!("$ {line}"));
        let wrong = |what: String| TourError::Wrong(format!("{line}: {what}"));
        let words = shlex::split(line).ok_or_else(|| wrong("no command line".to_owned()))?;
        let words: Vec<String> =
            words.into_iter().map(|word| if word == "$PHONE" { PHONE.to_owned() } else { word }).collect();
        let Example { operation, key } = Example::read(&words).map_err(wrong)?;
        Ok(self.client.send(key.as_ref(), None, operation).await?)
    }

    /// The same where nothing but success is right.
    pub(super) async fn done(&mut self, line: &str) -> Result<Reply, TourError> {
        let answer = self.ask(line).await?;
        answer.map_err(|failure| TourError::Refused { line: line.to_owned(), failure: Box::new(failure) })
    }

    /// The same for a payment that must be `want`; says what it is and whose money.
    pub(super) async fn payment(&mut self, line: &str, want: &Want) -> Result<Payment, TourError> {
        let payment = self.checked(line, want).await?;
        let state = payment.state.word().to_uppercase();
        self.page.text(&format!("{state}: {} to {}", payment.amount_tiyn, want.who));
        Ok(payment)
    }

    pub(super) async fn checked(&mut self, line: &str, want: &Want) -> Result<Payment, TourError> {
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
}
