//! The steps, in the order they are shown.

use super::asking::{Tour, Want};
use super::error::{TourError, must};
use super::sums::{CANCELLED, INVOICE, LINK, REFUND};
use super::{books, customer};
use crate::client::ClientError;
use crate::ctl::example;
use crate::domain::{Dialect, LogStatus, OperationType, State};
use crate::failure::{Code, Failure};
use crate::operation::{Enrol, LogQuery, LogRow, Payment, Request, VerifyQuery};
use crate::sandbox::shop::{GuideOrganisation, MAIN, SECOND};
use crate::sandbox::world::{Again, DeviceStanding};

/// A BIN with a right control digit that the shop has no contract for.
const STRANGER: &str = "123456789013";

impl Tour<'_> {
    /// All steps; ends at the first answer that is not as it must be.
    pub(super) async fn show(mut self) -> Result<(), TourError> {
        let places = &self.shop.bank.places;
        let (url, socket) = (places.url.clone(), self.shop.daemon.files.socket.display().to_string());
        self.page.paragraph(&format!("bank    {url}\nkaspid  {socket} (process {})", self.shop.daemon.pid()));
        self.enrol("Enrol an organisation; it gets what names no other", MAIN, "--default ").await?;
        self.enrol("Enrol a second organisation of the same shop", SECOND, "").await?;
        let paid = self.remote_payment().await?;
        self.link().await?;
        self.refund(&paid).await?;
        self.stranger().await?;
        let healed = self.forgotten_device().await?;
        self.cancel(&healed).await?;
        self.log().await?;
        self.page.step("The bank's own books say the same");
        books::compare(self.shop, self.page)?;
        self.page.paragraph("");
        Ok(())
    }

    /// Steps 1 to 3 of the guide: trade point, device, config.
    async fn enrol(&mut self, title: &str, who: GuideOrganisation, option: &str) -> Result<(), TourError> {
        self.page.step(title);
        let GuideOrganisation { bin, name } = who;
        let line = format!("kaspictl bin add {bin} {option}--description '{name}'");
        let enrolled = self.done(&line).await?;
        must(enrolled.is_new(), || format!("{line}: {bin} is not enrolled: {enrolled:?}"))?;
        let config = Enrol::reply(enrolled).map_err(ClientError::from)?;
        must((config.organization_bin.as_str(), config.is_default) == (bin, bin == MAIN.bin), || {
            format!("{line}: {} is enrolled, default: {}", config.organization_bin, config.is_default)
        })?;
        let learned = config.dialect.map_or("no", Dialect::word);
        must(learned == self.shop.bank.places.dialect.word(), || format!("{line}: {learned} dialect is learned"))?;
        let point = config.trade_point_name.as_deref().unwrap_or_default();
        self.page.text(&format!(
            "{who} takes money at {point}.\n\
             Device registered (its token stays in the daemon); dialect learned: {learned}."
        ));
        Ok(())
    }

    /// Step 4 of the guide, without a BIN: the default's money. Asked twice with one key, billed once.
    async fn remote_payment(&mut self) -> Result<Payment, TourError> {
        self.page.step("Bill a customer by phone; nobody is named, so it is the default's money");
        let line = format!("kaspictl pay {} --phone $PHONE --invoice order-1 --key order-1", INVOICE.tenge);
        let mut want = Want { who: MAIN, state: State::Waiting, tiyn: INVOICE.tiyn };
        let billed = self.payment(&line, &want).await?;
        self.page.text("The answer got lost? The same key again never bills twice:");
        let again = self.payment(&line, &want).await?;
        must(billed.id == again.id, || format!("one key made two payments: {} and {}", billed.id, again.id))?;
        customer::pays(self.shop, &billed)?;
        self.page.text("The customer confirms in the Kaspi app.");
        want.state = State::Paid;
        self.payment(&format!("kaspictl payment wait {}", number(&billed)), &want).await
    }

    /// A link, drawn, opened and paid.
    async fn link(&mut self) -> Result<(), TourError> {
        self.page.step("A link for the second organisation, as a QR for the customer's camera");
        let line = format!("kaspictl link {} --bin {} --invoice order-2 --key order-2", LINK.tenge, SECOND.bin);
        let mut want = Want { who: SECOND, state: State::Waiting, tiyn: LINK.tiyn };
        let made = self.payment(&line, &want).await?;
        let link = made.link.as_deref().ok_or_else(|| TourError::Wrong(format!("{line}: there is no link")))?;
        let drawn = example::qr(link, self.page.terminal);
        let drawn = drawn.ok_or_else(|| TourError::Wrong(format!("{line}: the link does not fit into a QR")))?;
        self.page.text(&format!("{link}\n{drawn}"));
        customer::pays(self.shop, &made)?;
        self.page.text("The customer opens it and confirms.");
        want.state = State::Paid;
        self.payment(&format!("kaspictl payment wait {}", number(&made)), &want).await?;
        Ok(())
    }

    /// A part goes back from where the money is.
    async fn refund(&mut self, paid: &Payment) -> Result<(), TourError> {
        self.page.step("Pay a part back; it comes from the organisation that got the money");
        let line = format!("kaspictl payment refund {} {} --key return-1", number(paid), REFUND.tenge);
        let want = Want { who: MAIN, state: State::Paid, tiyn: INVOICE.tiyn };
        let after = self.checked(&line, &want).await?;
        let refund = after.refunds.last();
        let right = refund.is_some_and(|r| r.status == LogStatus::Success && r.amount_tiyn.tiyn() == REFUND.tiyn);
        must(right && after.refunded_tiyn.tiyn() == REFUND.tiyn && after.refunds.len() == 1, || {
            format!("{line}: {} is paid back instead of {}", after.refunded_tiyn, REFUND.tenge)
        })?;
        let left = after.amount_tiyn.minus(after.refunded_tiyn).unwrap_or_default();
        self.page.text(&format!("PAID BACK: {} from {MAIN}; {left} is left.", after.refunded_tiyn));
        Ok(())
    }

    /// The guide's "wrong BIN": refused before the bank hears of it.
    async fn stranger(&mut self) -> Result<(), TourError> {
        self.page.step("On purpose: a BIN that is not enrolled");
        let line = format!("kaspictl pay 100 --phone $PHONE --bin {STRANGER} --key order-3");
        let requests = self.shop.bank.state().requests.total();
        match self.ask(&line).await? {
            Err(failure) if failure.code == Code::BinNotAllowed => self.show_failure(&failure),
            other => return Err(TourError::Wrong(format!("{line}: it must be refused, and is {other:?}"))),
        }
        let asked = self.shop.bank.state().requests.total() - requests;
        must(asked == 0, || format!("{line}: the bank was asked {asked} times"))
    }

    fn show_failure(&mut self, failure: &Failure) {
        self.page.text(&example::failure(failure));
    }

    /// The guide's "Invalid deviceToken", which needs nobody.
    async fn forgotten_device(&mut self) -> Result<Payment, TourError> {
        self.page.step("On purpose: the bank forgets the second organisation's device");
        let forgotten = DeviceStanding::Forgotten(Again::Another);
        let devices = self.shop.bank.state().world.set_standing_of(SECOND.bin, forgotten);
        must(devices == 1, || format!("{SECOND} has {devices} devices instead of one"))?;
        let line = format!("kaspictl pay {} --phone $PHONE --bin {} --key order-4", CANCELLED.tenge, SECOND.bin);
        let want = Want { who: SECOND, state: State::Waiting, tiyn: CANCELLED.tiyn };
        let billed = self.payment(&line, &want).await?;
        self.page.text("\"Invalid deviceToken\" was cured on the way: registered again, billed once.");
        Ok(billed)
    }

    /// An invoice that nobody has paid is taken back.
    async fn cancel(&mut self, billed: &Payment) -> Result<(), TourError> {
        self.page.step("Take that invoice back before it is paid");
        let line = format!("kaspictl payment cancel {} --key cancel-4", number(billed));
        let want = Want { who: SECOND, state: State::Cancelled, tiyn: CANCELLED.tiyn };
        self.payment(&line, &want).await?;
        Ok(())
    }

    /// Every step stands in the log, and the log is as it was written.
    async fn log(&mut self) -> Result<(), TourError> {
        self.page.step("The audit log has all of it");
        let log = LogQuery::reply(self.done("kaspictl log list").await?).map_err(ClientError::from)?;
        let row = |operation, who: GuideOrganisation| {
            let bin = |found: &crate::id::OrganizationBin| found.as_str() == who.bin;
            log.rows.iter().any(|row| {
                row.operation_type == operation
                    && row.status == LogStatus::Success
                    && row.organization_bin.as_ref().is_some_and(bin)
            })
        };
        for (operation, who) in [
            (OperationType::Create, MAIN),
            (OperationType::Refund, MAIN),
            (OperationType::Link, SECOND),
            (OperationType::Create, SECOND),
            (OperationType::Register, SECOND),
            (OperationType::Cancel, SECOND),
        ] {
            must(row(operation, who), || format!("the log has no successful {operation} of {who}"))?;
        }
        self.page.text("(here without times and callers, to be narrow)");
        self.page.text(&log.rows.iter().map(narrow).collect::<String>());
        let verified = self.done("kaspictl log verify").await?;
        self.page.text(&example::answer(&verified));
        let verified = VerifyQuery::reply(verified).map_err(ClientError::from)?;
        let ok = verified.ok && verified.first_bad.is_none();
        must(ok, || "the audit log is not as it was written".to_owned())
    }
}

/// A row of the log that fits between the margins of any terminal.
fn narrow(row: &LogRow) -> String {
    let amount = row.amount.map(|amount| amount.to_string()).unwrap_or_default();
    let bin = row.organization_bin.as_ref().map(ToString::to_string).unwrap_or_default();
    let number = row.external_id.as_ref().map(ToString::to_string).unwrap_or_default();
    format!(
        "{:>3}  {:8}  {:7}  {amount:>10}  {bin:12}  {number}\n",
        row.id,
        row.operation_type.word(),
        row.status.word()
    )
}

/// How a person names a payment.
fn number(payment: &Payment) -> String {
    payment.qr_payment_id.as_ref().map_or_else(|| payment.id.to_string(), ToString::to_string)
}
