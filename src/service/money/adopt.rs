//! Taking in a payment that was made before kaspid, so that it can be refunded and cancelled like any other.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Dialect, Kind, PaidAtSource, State};
use crate::failure::{Code, Failure};
use crate::id::{PaymentId, QrPaymentId};
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::{Adopt, Reply};
use crate::service::Context;
use crate::service::bank::{Bank, failure_of};
use crate::service::payment::{AnswerTime, PaymentRows, longest_life, state_of};
use crate::service::select::{no_token, settled};
use crate::store::{Change, ConfigRow, Counterparty, Doubt, PROCESSED, PaymentRow, Refused, Store, Triple};

/// What Kaspi says of a payment we have never seen.
pub(super) struct BankRecord {
    pub(super) kaspi_status: String,
    /// From details, where the dialect has them and the payment is paid.
    pub(super) total: Option<Amount>,
    available: Option<Amount>,
    paid_at: Option<Moment>,
    /// The bank's time.
    pub(in crate::service) bank: Option<Moment>,
    /// Why it is not known yet to be the organisation's, whose token asked.
    pub(super) doubt: Option<Doubt>,
}

/// Takes payments in; touches no payment that is here already.
pub(in crate::service) struct Adoptions {
    store: Store,
    payments: PaymentRows,
    bank: Arc<Bank>,
}

impl Adoptions {
    pub(super) fn new(store: Store, bank: Arc<Bank>) -> Self {
        Self { payments: PaymentRows::new(store.clone()), store, bank }
    }

    pub(in crate::service) async fn adopt(&self, context: &Context, adopt: Adopt) -> Result<Reply, Failure> {
        let bin = &adopt.organization_bin;
        let (config, known) = self.store.read(|reading| {
            let known = reading.payment(&crate::id::PaymentRef::QrPaymentId(adopt.qr_payment_id.clone()))?;
            Ok((reading.config(bin)?, known))
        })?;
        let config = config
            .filter(|row| context.scope.allows(row.shop_id, bin))
            .ok_or_else(|| Failure::new(Code::BinNotAllowed, format!("{bin} is not enrolled here")).with_bin(bin))?;
        if let Some(row) = known {
            return known_already(context, &row, &config, &adopt).map(|()| Reply::Payment(row.view()));
        }
        let with = settled(&context.settings, &config)?;
        let triple = self.store.read(|reading| Ok(reading.triple(bin, &config.trade_point_id, &with)?))?;
        let triple = triple.ok_or_else(|| no_token(&config))?;
        let ask = context.ask();
        let x_request_id = ask.x_request_id.to_string();
        let record = self.ask_about(context, &triple, &adopt.qr_payment_id).await?;
        let row = adopted(&adopt, &config, &with, &record)?;
        let (id, actor, qr) = (row.id, context.caller.actor(), adopt.qr_payment_id.clone());
        self.store
            .write(move |writing| {
                if let Some(other) = writing.payment_by_qr(&qr)? {
                    let detail = format!("{qr} was taken in just now");
                    return Err(Refused::from(Failure::new(Code::InProgress, detail).with_payment(other.id)));
                }
                if let Some(unknown) = writing.unknown_like(&row)? {
                    return Err(Refused::from(may_be(&row, unknown)));
                }
                writing.append(Some(actor), Change::Adopted { payment: Box::new(row), x_request_id })?;
                Ok(())
            })
            .await?;
        Ok(Reply::Created(self.payments.row(id)?.view()))
    }

    /// Asks Kaspi for all it can tell of a payment by its number.
    pub(super) async fn ask_about(
        &self,
        context: &Context,
        triple: &Triple,
        qr: &QrPaymentId,
    ) -> Result<BankRecord, Failure> {
        let kaspi = context.settings.kaspi()?;
        let read = kaspi.status(&context.ask(), &triple.named(qr)).await;
        let read = read.map_err(|trouble| failure_of(&trouble).with_bin(triple.bin()))?;
        let (kaspi_status, bank, doubt) = (read.status, read.date, Some(Doubt::Unproven));
        let mut record = BankRecord { kaspi_status, total: read.amount, available: None, paid_at: None, bank, doubt };
        if triple.dialect() == Dialect::Guide {
            // It has no details that could ever tell: whoever names the organisation is believed.
            return Ok(BankRecord { doubt: None, ..record });
        }
        let details = self.bank.with_token(&context.settings, triple.clone(), context.ask(), |kaspi, ask, triple| {
            let qr = qr.clone();
            async move { kaspi.details(&ask, &triple, &qr).await }
        });
        match details.await {
            Ok(details) => {
                record.total = Some(details.total);
                record.available = Some(details.available_return);
                record.paid_at = details.transaction_date;
                record.doubt = None;
            }
            // Kaspi has details of a paid payment only; of a paid one they must be readable.
            Err(trouble) if record.kaspi_status == PROCESSED => {
                let failure = failure_of(&trouble).with_bin(triple.bin());
                return Err(match failure.code {
                    Code::NotFound => failure.with_hint(not_of(triple)),
                    _ => failure,
                });
            }
            Err(_) => {}
        }
        Ok(record)
    }
}

/// A payment whose create was lost may be this very one: then it is attached to it, not taken in beside it.
fn may_be(row: &PaymentRow, unknown: PaymentId) -> Failure {
    let detail = format!("it may be payment {unknown}, whose create of {} was lost", row.amount);
    let number = row.qr_payment_id.as_ref().map_or("QRID", QrPaymentId::as_str);
    Failure::new(Code::InProgress, detail).with_retryable(false).with_payment(unknown).with_hint(format!(
        "If it is: kaspictl payment resolve {unknown} --attach {number} --reason TEXT; if it is not, give that one up first: \
         kaspictl payment resolve {unknown} --abandon --reason TEXT"
    ))
}

/// What a person does where Kaspi refuses the details of a payment to an organisation's device.
fn not_of(triple: &Triple) -> String {
    let (bin, point) = (triple.bin(), triple.trade_point());
    format!(
        "It is another organisation's or another trade point's. If it surely is of {bin} at {point}, Kaspi may have forgotten \
         the device: kaspictl bin register {bin} --trade-point {point}, then the same again"
    )
}

/// A number is one payment: of one organisation, of one amount.
fn known_already(context: &Context, row: &PaymentRow, config: &ConfigRow, adopt: &Adopt) -> Result<(), Failure> {
    if row.config_id != config.id || !context.sees(row) {
        let detail = "this QrPaymentId is not a payment of this organisation";
        return Err(Failure::new(Code::BinNotAllowed, detail).with_bin(&config.organization_bin));
    }
    match adopt.amount_tiyn.filter(|said| *said != row.amount) {
        None => Ok(()),
        Some(said) => {
            let detail = format!("this payment is here with {}, not {said}", row.amount);
            Err(Failure::invalid(detail).with_payment(row.id))
        }
    }
}

fn adopted(adopt: &Adopt, config: &ConfigRow, with: &Counterparty, record: &BankRecord) -> Result<PaymentRow, Failure> {
    let amount = match (adopt.amount_tiyn, record.total) {
        (Some(said), Some(total)) if said != total => {
            return Err(Failure::invalid(format!("Kaspi says the payment is {total}, not {said}")));
        }
        (_, Some(total)) if total.is_zero() => {
            return Err(Failure::invalid("Kaspi says that nothing is paid with this payment: its total is 0"));
        }
        (_, Some(total)) => total,
        (Some(said), None) if !said.is_zero() => said,
        _ => return Err(Failure::invalid("amount_tiyn is needed: Kaspi does not tell the amount of this payment")),
    };
    let now = Moment::now();
    // Kaspi does not tell the kind; only a code that nobody scanned yet has a status of its own.
    let kind = if record.kaspi_status == "QrTokenCreated" { Kind::Qr } else { Kind::Remote };
    let mut row = PaymentRow {
        qr_payment_id: Some(adopt.qr_payment_id.clone()),
        state: State::Waiting,
        kaspi_status: Some(record.kaspi_status.clone()),
        bank_deadline: record.bank.map(|bank| bank.after(longest_life(kind))),
        doubt: record.doubt.clone(),
        refunded_elsewhere: record.available.and_then(|left| amount.minus(left)).unwrap_or_default(),
        ..PaymentRow::frozen(config, with, kind, amount, now)
    };
    row.state = state_of(&record.kaspi_status, &row, AnswerTime { now, bank: record.bank, watched: Duration::ZERO });
    if row.state == State::Paid {
        let source = if record.paid_at.is_some() { PaidAtSource::Bank } else { PaidAtSource::Seen };
        let paid_at = record.paid_at.unwrap_or(now);
        (row.paid_at, row.paid_at_source, row.paid_seen_at) = (Some(paid_at), Some(source), Some(now));
        // It stands among the others of its time, where lists and reports look for it.
        (row.id, row.created_at) = (PaymentId::made_at(paid_at), paid_at);
    }
    Ok(row)
}
