//! `pay`, `link`, `qr`, `payment`, `payer` and `select`.

use clap::{ArgGroup, Args, Subcommand};

use super::value;
use crate::ctl::complete::{bins, payments};
use crate::domain::State;
use crate::id::{Comment, Invoice, OrganizationBin, PaymentId, PaymentRef, QrPaymentId, Reason, RequestKey, ShopId};
use crate::moment::Span;
use crate::money::Amount;

/// Whose money it is.
#[derive(Args)]
pub(in crate::ctl) struct Shop {
    /// The organisation that gets the money [default: the shop's default, if an admin has set one]
    #[arg(long, value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: Option<OrganizationBin>,
    /// The shop [default: the daemon's]
    #[arg(long, value_name = "N")]
    pub(in crate::ctl) shop: Option<ShopId>,
}

/// What `pay`, `link` and `qr` share.
#[derive(Args)]
pub(in crate::ctl) struct CreateArgs {
    /// In tenge: 150 or 150.50
    #[arg(value_name = "AMOUNT", value_parser = value::amount, allow_negative_numbers = true)]
    pub(in crate::ctl) amount: Amount,
    #[command(flatten)]
    pub(in crate::ctl) shop: Shop,
    /// What the customer reads, at most 200 characters
    #[arg(long, value_name = "TEXT")]
    pub(in crate::ctl) comment: Option<Comment>,
    /// Your own number of the sale; the same number and amount is not billed twice
    #[arg(long, value_name = "TEXT")]
    pub(in crate::ctl) invoice: Option<Invoice>,
    /// Bill the same invoice and amount once more
    #[arg(long, requires = "invoice")]
    pub(in crate::ctl) repeat_invoice: bool,
    /// The name of this one intention [default: a new one, printed to stderr]
    #[arg(long, value_name = "KEY")]
    pub(in crate::ctl) key: Option<RequestKey>,
    /// Wait until the customer has paid or refused, at most this long [default when given bare: 60s]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "60s")]
    pub(in crate::ctl) wait: Option<Span>,
    /// The payment with unknown outcome that this one replaces; a person decides that
    #[arg(long, value_name = "ID", requires = "reason")]
    pub(in crate::ctl) supersedes: Option<PaymentId>,
    /// Why it is replaced, for the audit log
    #[arg(long, value_name = "TEXT", requires = "supersedes")]
    pub(in crate::ctl) reason: Option<Reason>,
    /// Say who would be billed and who would get the money, and do nothing
    #[arg(long, conflicts_with_all = ["wait", "key"])]
    pub(in crate::ctl) dry_run: bool,
}

const PAY: &str = "\
With --wait the exit code says how it ended: 0 paid, 1 not paid, 5 still waiting, 6 unknown. \
Without it, 0 says that the customer has been billed.

If the answer is lost, repeat the command with the key that was printed: it never bills twice.

Examples:
  kaspictl pay 150.50 --phone 77015211545 --wait
  kaspictl pay 2500 --phone '+7 701 521 15 45' --bin 891027350515 --invoice order-123
  kaspictl pay 150 --phone 77015211545 --key order-123-1 --wait=3m --json";

/// `kaspictl pay AMOUNT --phone PHONE`
#[derive(Args)]
#[command(after_help = PAY)]
pub(in crate::ctl) struct PayArgs {
    #[command(flatten)]
    pub(in crate::ctl) create: CreateArgs,
    /// The customer's number: +7 701 521 15 45, 87015211545 …
    // Read by the plan: a mistyped number must not stand in clap's message.
    #[arg(long, value_name = "PHONE")]
    pub(in crate::ctl) phone: String,
}

const LINK: &str = "\
The code is drawn when stdout is a terminal; --qr draws it anyway. With --wait the exit code says how it \
ended: 0 paid, 1 not paid, 5 still waiting, 6 unknown.

Examples:
  kaspictl link 150.50 --wait=3m
  kaspictl link 2500 --bin 891027350515 --invoice order-123
  kaspictl link 150 --json";

pub(super) const QR_EXAMPLES: &str = "\
The code is drawn when stdout is a terminal; --qr draws it anyway. With --wait the exit code says how it \
ended: 0 paid, 1 not paid, 5 still waiting, 6 unknown.

Examples:
  kaspictl qr 150.50 --wait=3m
  kaspictl qr 2500 --bin 891027350515 --invoice order-123
  kaspictl qr 150 --json";

/// `kaspictl link AMOUNT` and `kaspictl qr AMOUNT`
#[derive(Args)]
#[command(after_help = LINK)]
pub(in crate::ctl) struct LinkArgs {
    #[command(flatten)]
    pub(in crate::ctl) create: CreateArgs,
    /// The customer's number
    #[arg(long, value_name = "PHONE")]
    pub(in crate::ctl) phone: Option<String>,
    /// Draw the code even when stdout is not a terminal
    #[arg(long, conflicts_with = "json")]
    pub(in crate::ctl) qr: bool,
}

/// `kaspictl payment …`. A payment is named by its id or by the digits of its QrPaymentId.
#[derive(Subcommand)]
pub(in crate::ctl) enum PaymentCommand {
    /// List payments, newest first
    List(PaymentListArgs),
    /// Show one payment
    #[command(
        after_help = "Examples:\n  kaspictl payment show 12737694350\n  kaspictl payment show 019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55 --json"
    )]
    Show {
        /// Its id or QrPaymentId
        #[arg(value_name = "PAYMENT", add = payments())]
        payment: PaymentRef,
        /// Draw the code of a link or QR even when stdout is not a terminal
        #[arg(long, conflicts_with = "json")]
        qr: bool,
    },
    /// Wait until a payment is paid, refused or out of time
    #[command(
        after_help = "Exits 0 paid, 1 not paid, 5 still waiting, 6 unknown.\n\nExamples:\n  kaspictl payment wait 12737694350\n  kaspictl payment wait 12737694350 --timeout 10m"
    )]
    Wait {
        /// Its id or QrPaymentId
        #[arg(value_name = "PAYMENT", add = payments())]
        payment: PaymentRef,
        /// At most this long
        #[arg(long, value_name = "TIME", default_value = "60s")]
        timeout: Span,
    },
    /// Take back an invoice that is not paid yet
    #[command(
        after_help = "Only an invoice made by `kaspictl pay` can be cancelled; links and QR codes run out by themselves. May be repeated.\n\nExample:\n  kaspictl payment cancel 12737694350"
    )]
    Cancel {
        /// Its id or QrPaymentId
        #[arg(value_name = "PAYMENT", add = payments())]
        payment: PaymentRef,
        /// The name of this one intention [default: a new one, printed to stderr]
        #[arg(long, value_name = "KEY")]
        key: Option<RequestKey>,
    },
    /// Pay money back: all that is left, or a part
    Refund(RefundArgs),
    /// Close by a person's word what the daemon cannot find out
    Resolve(ResolveArgs),
    /// Take in a payment that was made before kaspid, so that it can be refunded
    Adopt(AdoptArgs),
}

const LIST: &str = "\
A time is RFC 3339 (2026-11-24T18:00:00+05:00) or a date, which begins in --timezone.

Examples:
  kaspictl payment list --state unknown
  kaspictl payment list --invoice order-123
  kaspictl payment list --since 2026-11-24 --bin 891027350515 --json";

/// `kaspictl payment list`
#[derive(Args)]
#[command(after_help = LIST)]
pub(in crate::ctl) struct PaymentListArgs {
    /// Only those that are creating, waiting, paid, declined, cancelled, expired, unknown or abandoned
    #[arg(long, value_name = "STATE")]
    pub(in crate::ctl) state: Option<State>,
    /// Only this organisation's
    #[arg(long, value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: Option<OrganizationBin>,
    /// Only the one this key stands for
    #[arg(long, value_name = "KEY")]
    pub(in crate::ctl) key: Option<RequestKey>,
    /// Only those of this invoice
    #[arg(long, value_name = "TEXT")]
    pub(in crate::ctl) invoice: Option<Invoice>,
    /// Only those made at or after this
    #[arg(long, value_name = "DATE|TIME")]
    pub(in crate::ctl) since: Option<String>,
    /// Continue behind this payment
    #[arg(long, value_name = "ID")]
    pub(in crate::ctl) after: Option<PaymentId>,
    /// At most this many, 1-1000 [default: 100]
    #[arg(long, value_name = "N", value_parser = value::limit)]
    pub(in crate::ctl) limit: Option<u32>,
}

const REFUND: &str = "\
The money goes back from the organisation that got it; there is nothing to choose. Without an amount all \
that is left is paid back.

If the answer is lost, repeat the command with the key that was printed: it never pays back twice.

Examples:
  kaspictl payment refund 12737694350
  kaspictl payment refund 12737694350 50.50
  kaspictl payment refund 12737694350 50 --key return-77";

/// `kaspictl payment refund PAYMENT [AMOUNT]`
#[derive(Args)]
#[command(after_help = REFUND)]
pub(in crate::ctl) struct RefundArgs {
    /// Its id or QrPaymentId
    #[arg(value_name = "PAYMENT", add = payments())]
    pub(in crate::ctl) payment: PaymentRef,
    /// How much, in tenge; all that is left otherwise
    #[arg(value_name = "AMOUNT", value_parser = value::amount, allow_negative_numbers = true)]
    pub(in crate::ctl) amount: Option<Amount>,
    /// Pay back although a refund of the same amount that failed may still happen
    #[arg(long)]
    pub(in crate::ctl) repeat_refund: bool,
    /// Do not ask at the terminal
    #[arg(long)]
    pub(in crate::ctl) yes: bool,
    /// Say what would go back and from whom, and do nothing
    #[arg(long, conflicts_with_all = ["yes", "key"])]
    pub(in crate::ctl) dry_run: bool,
    /// The name of this one intention [default: a new one, printed to stderr]
    #[arg(long, value_name = "KEY")]
    pub(in crate::ctl) key: Option<RequestKey>,
}

const RESOLVE: &str = "\
Look at the customer's phone or into the Kaspi Pay app first; the audit log keeps who said what. \
--attach asks at a terminal whether amount, phone and time are those of the payment there: Kaspi tells no \
amount of one that is not paid yet.

Examples:
  kaspictl payment resolve PAYMENT --attach 12737694350 --reason 'found in the Kaspi Pay app'
  kaspictl payment resolve PAYMENT --abandon --reason 'customer paid cash'
  kaspictl payment resolve PAYMENT --refund REFUND --happened yes --reason 'seen in the statement'
  kaspictl payment resolve PAYMENT --paid no --reason 'not in the statement'";

/// `kaspictl payment resolve PAYMENT`
#[derive(Args)]
#[command(after_help = RESOLVE)]
#[command(group(ArgGroup::new("how").required(true).args(["attach", "abandon", "paid", "refund"])))]
pub(in crate::ctl) struct ResolveArgs {
    /// Its id or QrPaymentId
    #[arg(value_name = "PAYMENT", add = payments())]
    pub(in crate::ctl) payment: PaymentRef,
    /// It is this one at Kaspi
    #[arg(long, value_name = "QRPAYMENTID")]
    pub(in crate::ctl) attach: Option<QrPaymentId>,
    /// Give an unknown payment up
    #[arg(long)]
    pub(in crate::ctl) abandon: bool,
    /// It was paid, or not
    #[arg(long, value_name = "yes|no", value_parser = value::yes_or_no)]
    pub(in crate::ctl) paid: Option<bool>,
    /// Which refund in doubt
    #[arg(long, value_name = "ID", requires = "happened")]
    pub(in crate::ctl) refund: Option<PaymentId>,
    /// Whether that refund moved money
    #[arg(long, value_name = "yes|no", value_parser = value::yes_or_no, requires = "refund",
        conflicts_with_all = ["attach", "abandon", "paid"])]
    pub(in crate::ctl) happened: Option<bool>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(in crate::ctl) reason: Reason,
    /// Do not ask at the terminal whether the payment of --attach is the right one
    #[arg(long)]
    pub(in crate::ctl) yes: bool,
}

const ADOPT: &str = "\
Kaspi is asked for the payment first. Where Kaspi cannot tell the amount, give it.

Example:
  kaspictl payment adopt 12737694350 --bin 891027350515 --amount 100";

/// `kaspictl payment adopt QRPAYMENTID --bin BIN`
#[derive(Args)]
#[command(after_help = ADOPT)]
pub(in crate::ctl) struct AdoptArgs {
    /// Kaspi's number of the payment
    #[arg(value_name = "QRPAYMENTID")]
    pub(in crate::ctl) qr_payment_id: QrPaymentId,
    /// The organisation that got the money
    #[arg(long, value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: OrganizationBin,
    /// In tenge
    #[arg(long, value_name = "AMOUNT", value_parser = value::amount, allow_negative_numbers = true)]
    pub(in crate::ctl) amount: Option<Amount>,
}

/// `kaspictl payer PHONE`
#[derive(Args)]
#[command(after_help = "The name is shown once and stored nowhere.\n\nExample:\n  kaspictl payer 77015211545")]
pub(in crate::ctl) struct PayerArgs {
    /// The customer's number
    #[arg(value_name = "PHONE")]
    pub(in crate::ctl) phone: String,
    #[command(flatten)]
    pub(in crate::ctl) shop: Shop,
}

/// `kaspictl select`
#[derive(Args)]
#[command(after_help = "Examples:\n  kaspictl select\n  kaspictl select --shop 8 --bin 210440028324")]
pub(in crate::ctl) struct SelectArgs {
    #[command(flatten)]
    pub(in crate::ctl) shop: Shop,
}
