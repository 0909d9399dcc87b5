//! The catalogue of sentences for those who run the daemon: a title and a remedy per code.

use super::code::Code;

/// The sentences of a code. `{bin}` and `{payment}` stand for the ones it is about.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// A few words.
    pub title: &'static str,
    /// What to do; ends with a command where one helps.
    pub remedy: &'static str,
}

/// The sentences of a code.
#[must_use]
pub fn of(code: Code) -> Texts {
    let (title, remedy) = match code {
        Code::InvalidRequest => (
            "The request is not valid",
            "Correct it as the detail says; the fields stand at /openapi.json, the options in kaspictl help COMMAND.",
        ),
        Code::Denied => (
            "Not allowed",
            "Ask whoever runs this machine for the right; it is given under [access] in kaspid.toml, then: kaspictl reload",
        ),
        Code::NotFound => ("Not found", "Check the id; list what there is: kaspictl payment list, kaspictl bin list"),
        Code::KeyRequired => (
            "An Idempotency-Key is needed",
            "Send an Idempotency-Key header of your own for each sale or refund, the same one when you try again.",
        ),
        Code::KeyConflict => (
            "The key stands for another request",
            "Use a new key for a new intention; look at the first one: kaspictl payment list --key KEY",
        ),
        Code::NoDefaultBin => (
            "No organisation named and no default set",
            "Name organization_bin in the request, or have an admin set the shop's default: kaspictl bin default BIN",
        ),
        Code::BinNotAllowed => (
            "The organisation is not this shop's or this caller's",
            "Check the BIN; see which ones this shop has: kaspictl bin list",
        ),
        Code::BinInactive => {
            ("The organisation takes no new payments", "An admin can change that: kaspictl bin activate {bin}")
        }
        Code::TradePointChoice => {
            ("Several trade points", "Choose one of them: kaspictl bin add {bin} --trade-point ID")
        }
        Code::TradePointInactive => (
            "The trade point is not active at Kaspi",
            "Have the merchant activate it in the Kaspi Pay app, then: kaspictl bin verify {bin}; see what Kaspi lists: kaspictl bin trade-points {bin}",
        ),
        Code::OrganizationNotRegistered => (
            "Kaspi does not know the organisation",
            "Check the BIN; the merchant registers it in Kaspi Pay and gives it to the bank for this certificate, then: kaspictl bin trade-points {bin}",
        ),
        Code::DeviceTokenInvalid => (
            "Kaspi refuses the device token",
            "Get a new one: kaspictl bin register {bin}; if Kaspi gives the same one again, ask the bank about the device.",
        ),
        Code::RefundExceedsBalance => {
            ("More than is left of the payment", "See what is left: kaspictl payment show {payment}")
        }
        Code::NotRefundable => (
            "This payment cannot be refunded",
            "Only a paid payment can; see its state: kaspictl payment show {payment}",
        ),
        Code::NotCancellable => (
            "This payment cannot be cancelled",
            "See its state: kaspictl payment show {payment}; a paid one is paid back with: kaspictl payment refund {payment}",
        ),
        Code::NotInDialect => (
            "The bank of this organisation has no such call",
            "Remote payments, links, cancels and refunds go on in every dialect; see what this one speaks: kaspictl bin show {bin}",
        ),
        Code::InvoiceOpen => (
            "This invoice has a payment already",
            "Look at it first: kaspictl payment show {payment}; to bill the invoice a second time on purpose: --repeat-invoice (field repeat_invoice).",
        ),
        Code::RefundOpen => (
            "Another refund of this payment may have happened",
            "See it: kaspictl payment show {payment}; end it: kaspictl payment resolve {payment} --refund ID --happened yes|no --reason TEXT",
        ),
        Code::InProgress => (
            "Another call on this payment is not finished",
            "Repeat it with the same key in a moment, or look: kaspictl payment show {payment}",
        ),
        Code::RestoredGap => (
            "A backup was put back",
            "Compare the Kaspi Pay app with the log for the time of the gap, then: kaspictl restore --acknowledge",
        ),
        Code::Declined => ("Kaspi refused", "Read what Kaspi says; nothing was billed, so a new attempt is safe."),
        Code::OutcomeUnknown => (
            "Nobody here knows whether it happened",
            "Look at the customer's phone or the Kaspi Pay app, then: kaspictl payment resolve {payment} --attach QRID --reason TEXT; if it was not billed, --abandon instead of --attach QRID",
        ),
        Code::KaspiUnavailable => {
            ("Kaspi cannot be asked right now", "Try again with the same key; if it stays so: kaspictl status")
        }
        Code::CertificateRefused => (
            "Kaspi refuses the certificate",
            "Check the certificate and that the bank allows this machine's address: kaspictl identity show",
        ),
        Code::IdentityMissing => (
            "There is no key and certificate yet",
            "Make a key here: kaspictl identity generate --subject 'CN=shop.kz,O=NAME,C=KZ'. Or take in what there is: kaspictl identity import --key FILE --cert FILE (or --pkcs12 FILE)",
        ),
        Code::RateLimited => {
            ("Too many requests", "Send fewer at a time; the limits stand under [limits] in kaspid.toml.")
        }
        Code::TooLarge => ("The request is too large", "Requests are at most 1 MiB and their head 16 KiB."),
        Code::ShuttingDown => ("The daemon is stopping", "Try again in a few seconds with the same key."),
        Code::StorageFailed => (
            "The state could not be stored",
            "Check the disk of the state directory (df, journalctl -u kaspid); the daemon recovers by itself when there is room.",
        ),
        Code::IdentityWaiting => (
            "A key waits for its certificate",
            "Install the bank's answer: kaspictl identity install CERT. To see the request again: kaspictl identity generate. To throw the key away and make another: add --replace",
        ),
        Code::IdentityElsewhere => ("The key is not the daemon's to exchange", "See where it is: kaspictl doctor"),
        Code::OtherBank => (
            "The payment was made with another bank",
            "Settle it in the Kaspi Pay app. If it is the same bank at another address, an admin adds the old one to formerly under [kaspi] in kaspid.toml, then: kaspictl reload",
        ),
    };
    Texts { title, remedy }
}
