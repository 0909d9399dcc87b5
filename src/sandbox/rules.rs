//! What the bank does with a request that could be read: the same rules under both dialects.

use std::collections::HashMap;
use std::time::Duration;

use crate::moment::Moment;
use crate::money::Amount;

use super::call::{BankCall, Dialect};
use super::clock::BankClock;
use super::faults::Faults;
use super::ledger::{Act, BankPayment, Bill, Ledger, PaymentKind, PaymentPhase, Timers};
use super::refusal::BankRefusal;
use super::requests::Requests;
use super::world::{DeviceStanding, RegisteredDevice, TradePoint, World};

/// `client-info` calls a minute and device (wire §8).
const LOOKUPS_PER_MINUTE: usize = 50;

/// Everything the bank knows. It stands behind one std mutex that is held for one call and never across an
/// await: a request is answered in full under the lock, only sending it happens outside.
#[derive(Debug)]
pub(super) struct BankState {
    /// What this server speaks.
    pub(super) dialect: Dialect,
    /// Its time.
    pub(super) clock: BankClock,
    /// Organisations and devices.
    pub(super) world: World,
    /// Payments.
    pub(super) ledger: Ledger,
    /// Faults waiting for their call.
    pub(super) faults: Faults,
    /// The last requests.
    pub(super) requests: Requests,
    /// Times of recent look-ups by token.
    lookups: HashMap<String, Vec<Moment>>,
}

/// Who asks: an organisation and the token of one of its devices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    pub(super) bin: &'a str,
    pub(super) token: &'a str,
}

/// What a create carries besides its caller.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) kind: PaymentKind,
    /// `None` when the number is not one the bank takes as money.
    pub(super) amount: Option<Amount>,
    pub(super) phone: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) external_id: Option<String>,
    /// Only the guide's dialect names it.
    pub(super) trade_point: Option<String>,
}

/// Why a payer look-up gives no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPayer {
    /// The bank says why.
    Refused(BankRefusal),
    /// Load protection; no code is published for it, so the answer has no envelope.
    TooMany,
}

impl From<BankRefusal> for NoPayer {
    fn from(refusal: BankRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl BankState {
    /// The default world.
    pub(super) fn new(dialect: Dialect, speed: u32, timers: Timers) -> Self {
        Self {
            dialect,
            clock: BankClock::new(speed),
            world: World::of(dialect),
            ledger: Ledger::new(timers),
            faults: Faults::default(),
            requests: Requests::default(),
            lookups: HashMap::new(),
        }
    }

    /// The organisation's trade points; none at all is a refusal.
    pub(super) fn trade_points(&self, bin: &str) -> Result<Vec<&TradePoint>, BankRefusal> {
        let points = self.world.listed(bin);
        // The bank's manual has a code for "no trade points", the guide shows a list: theirs may be empty.
        let refused = points.is_empty() && (self.dialect == Dialect::Bank || !self.world.knows(bin));
        if refused { Err(BankRefusal::NOT_REGISTERED) } else { Ok(points) }
    }

    /// Registers a device and gives its token.
    pub(super) fn register(&mut self, bin: &str, trade_point: &str, device_id: &str) -> Result<String, BankRefusal> {
        self.registered_organization(bin)?;
        let (token, new) = self.world.register(bin, trade_point, device_id)?;
        if new {
            self.ledger.effects_of(bin).registrations += 1;
        }
        Ok(token)
    }

    /// Deletes a device; its token dies.
    pub(super) fn delete_device(&mut self, caller: Caller<'_>) -> Result<(), BankRefusal> {
        self.world.device(caller.bin, caller.token, BankCall::DeviceDelete)?;
        self.world.set_standing(caller.token, DeviceStanding::Deleted);
        self.ledger.effects_of(caller.bin).deletes += 1;
        Ok(())
    }

    /// Makes a payment: an invoice, a link or a QR.
    pub(super) fn create(&mut self, caller: Caller<'_>, wish: Wish) -> Result<&BankPayment, BankRefusal> {
        let call = if wish.kind == PaymentKind::Remote { BankCall::RemoteCreate } else { BankCall::QrCreate };
        let trade_point = self.caller(caller, call)?.trade_point.clone();
        if let Some(named) = wish.trade_point.as_deref() {
            self.world.open_trade_point(caller.bin, named)?;
            // The guide: a token is registered for one pair of organisation and trade point.
            if named != trade_point {
                return Err(BankRefusal::DEVICE_UNKNOWN);
            }
        }
        let point = self.world.open_trade_point(caller.bin, &trade_point)?;
        if wish.kind != PaymentKind::Remote {
            if !point.accepts_qr {
                return Err(BankRefusal::NO_QR);
            }
            if point.payment_methods.is_empty() {
                return Err(BankRefusal::NO_METHODS);
            }
        }
        let amount = wish.amount.filter(|amount| !amount.is_zero()).ok_or(BankRefusal::WRONG_AMOUNT)?;
        if wish.kind == PaymentKind::Remote && !wish.phone.as_deref().is_some_and(is_kaspi_client) {
            return Err(BankRefusal::NOT_A_CLIENT);
        }
        let Wish { kind, phone, comment, external_id, .. } = wish;
        let order = Bill { kind, bin: caller.bin.to_owned(), trade_point, amount, phone, comment, external_id };
        let now = self.clock.now();
        Ok(self.ledger.create(order, now))
    }

    /// A payment by its id; neither organisation nor token is needed.
    pub(super) fn status(&mut self, id: u64) -> Result<&BankPayment, BankRefusal> {
        let now = self.clock.now();
        self.ledger.payment(id, now).map(|payment| &*payment).ok_or(BankRefusal::PURCHASE_UNKNOWN)
    }

    /// A purchase for `payment/details`: paid, and of the caller's trade point. An unpaid payment is no
    /// purchase yet: there is no endpoint for an outstanding invoice's details (wire §4).
    pub(super) fn details(&mut self, id: u64, token: &str) -> Result<(&BankPayment, Moment), BankRefusal> {
        let RegisteredDevice { bin, trade_point, .. } = self.world.device_of_token(token, BankCall::PaymentDetails)?;
        let payment = self.ledger.payment(id, self.clock.now()).ok_or(BankRefusal::PURCHASE_UNKNOWN)?;
        match payment.phase {
            PaymentPhase::Paid { at } if payment.order.bin == *bin && payment.order.trade_point == *trade_point => {
                Ok((payment, at))
            }
            _ => Err(BankRefusal::PURCHASE_UNKNOWN),
        }
    }

    /// Sends money back and gives the ReturnOperationId. Nothing makes a repeated call harmless: parts add up.
    pub(super) fn refund(
        &mut self,
        caller: Caller<'_>,
        id: u64,
        amount: Option<Amount>,
        shown_after: Duration,
    ) -> Result<u64, BankRefusal> {
        let trade_point = self.caller(caller, BankCall::Refund)?.trade_point.clone();
        let partial = self.world.open_trade_point(caller.bin, &trade_point)?.partial_refunds;
        let now = self.clock.now();
        let payment = self.ledger.payment(id, now).ok_or(BankRefusal::PAYMENT_UNKNOWN)?;
        if payment.order.bin != caller.bin || payment.order.trade_point != trade_point {
            return Err(BankRefusal::OTHER_TRADE_POINT);
        }
        if !matches!(payment.phase, PaymentPhase::Paid { .. }) {
            return Err(BankRefusal::WRONG_STATE);
        }
        // Not in the list for return, but the bank's only word for a number that is no amount.
        let amount = amount.filter(|amount| !amount.is_zero()).ok_or(BankRefusal::WRONG_AMOUNT)?;
        // Seen live for a repeated full refund too (wire §6), where −99000011 would fit as well.
        if amount > payment.balance() {
            return Err(BankRefusal::EXCEEDS_PURCHASE);
        }
        if amount < payment.order.amount && !partial {
            return Err(BankRefusal::PARTIAL_IMPOSSIBLE);
        }
        self.ledger.refund(id, amount, shown_after, now).ok_or(BankRefusal::PAYMENT_UNKNOWN)
    }

    /// Cancels an outstanding invoice; a cancelled one stays so.
    ///
    /// What the bank says about a paid invoice is not published (wire §11). Of the codes listed for
    /// cancel only −99000001 is about the payment, and an invoice that was paid, declined or has run out is
    /// no longer there to be cancelled; the caller learns the rest from a status read.
    pub(super) fn cancel(&mut self, caller: Caller<'_>, id: u64) -> Result<(), BankRefusal> {
        let trade_point = self.caller(caller, BankCall::RemoteCancel)?.trade_point.clone();
        self.world.open_trade_point(caller.bin, &trade_point)?;
        let now = self.clock.now();
        let payment = self.ledger.payment(id, now).ok_or(BankRefusal::PAYMENT_UNKNOWN)?;
        if payment.order.bin != caller.bin || payment.order.trade_point != trade_point {
            return Err(BankRefusal::PAYMENT_UNKNOWN);
        }
        self.ledger.cancel(id, now).map_err(|_| BankRefusal::PAYMENT_UNKNOWN)
    }

    /// The made-up name of a Kaspi client.
    pub(super) fn payer(&mut self, phone: &str, token: &str) -> Result<&'static str, NoPayer> {
        self.world.device_of_token(token, BankCall::ClientInfo)?;
        let now = self.clock.now();
        let recent = self.lookups.entry(token.to_owned()).or_default();
        recent.retain(|&at| now.since(at) < Duration::from_secs(60));
        if recent.len() >= LOOKUPS_PER_MINUTE {
            return Err(NoPayer::TooMany);
        }
        recent.push(now);
        match phone {
            _ if !is_phone(phone) => Err(BankRefusal::NOT_A_PHONE.into()),
            _ if !is_kaspi_client(phone) => Err(BankRefusal::NOT_A_CLIENT.into()),
            _ => Ok("Айгерим С."),
        }
    }

    /// The test environment's emulation of a customer. A step that the payment does not allow is answered as
    /// a purchase that is not there: no other code is published for these calls.
    pub(super) fn emulate(&mut self, id: u64, call: BankCall) -> Result<(), BankRefusal> {
        let now = self.clock.now();
        let scanned = matches!(self.status(id)?.phase, PaymentPhase::Scanned { .. });
        let act = match call {
            BankCall::TestScan => Act::Scan,
            BankCall::TestConfirm => Act::Pay,
            BankCall::TestConfirmError if !scanned => return Err(BankRefusal::PURCHASE_UNKNOWN),
            _ => Act::Decline,
        };
        self.ledger.act(id, act, false, now).map_err(|_| BankRefusal::PURCHASE_UNKNOWN)
    }

    /// The device of a caller whose token and organisation belong together.
    fn caller(&self, caller: Caller<'_>, call: BankCall) -> Result<&RegisteredDevice, BankRefusal> {
        self.registered_organization(caller.bin)?;
        self.world.device(caller.bin, caller.token, call)
    }

    /// The guide has words for an organisation that is not registered; the bank's calls do not list that code,
    /// so there the device or the trade point is what cannot be found.
    fn registered_organization(&self, bin: &str) -> Result<(), BankRefusal> {
        let unknown = self.dialect == Dialect::Guide && !self.world.knows(bin);
        if unknown { Err(BankRefusal::NOT_REGISTERED) } else { Ok(()) }
    }
}

/// Eleven digits that begin with 7 or 8 (wire §5).
fn is_phone(text: &str) -> bool {
    text.len() == 11 && text.bytes().all(|b| b.is_ascii_digit()) && text.starts_with(['7', '8'])
}

/// The made-up rule of this world: numbers that end in 0000 are nobody's at Kaspi.
fn is_kaspi_client(phone: &str) -> bool {
    is_phone(phone) && !phone.ends_with("0000")
}
