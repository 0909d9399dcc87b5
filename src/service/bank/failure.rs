//! A bank's trouble as a caller's failure: the guide's troubleshooting table is here.

use crate::failure::{Code, Failure};
use crate::kaspi::{CallError, Refusal, RefusalKind};

/// The failure for trouble that surely moved nothing. [`CallError::MayHaveHappened`] of a call that can move money
/// is the caller's to judge before it comes here.
pub(in crate::service) fn failure_of(trouble: &CallError) -> Failure {
    match trouble {
        CallError::Refused(refusal) => refusal_failure(refusal),
        CallError::NeverSent { why, certificate: true } => Failure::new(Code::CertificateRefused, why),
        CallError::NeverSent { why, certificate: false } => Failure::new(Code::KaspiUnavailable, why),
        CallError::MayHaveHappened { why, provider } => {
            let (code, text) = provider.clone().unwrap_or_default();
            Failure::new(Code::KaspiUnavailable, format!("Kaspi gave no usable answer: {why}"))
                .with_provider(code, text)
        }
        CallError::NotInDialect => Failure::new(
            Code::NotInDialect,
            "its bank speaks the guide's dialect, which has fewer calls than the bank's own",
        ),
        CallError::OtherBank(bank) => Failure::new(
            Code::OtherBank,
            format!("it was made with the bank at {bank}, and [kaspi] url is another: it is not asked about there"),
        )
        .with_hint(format!(
            "If it is the same bank at another address: formerly = [\"{bank}\"] under [kaspi] in kaspid.toml, then: \
             kaspictl reload. If it is not, settle it in the Kaspi Pay app."
        )),
        CallError::OtherDialect(found) => Failure::new(
            Code::NotInDialect,
            format!("[kaspi] dialect in kaspid.toml is not what the bank speaks: it answers in the {found} dialect"),
        )
        .with_hint(format!(
            "Set dialect = \"auto\" or \"{found}\" under [kaspi] in kaspid.toml, then: kaspictl reload"
        )),
    }
}

/// The failure for a refusal of Kaspi.
pub(in crate::service) fn refusal_failure(refusal: &Refusal) -> Failure {
    let (code, detail) = match refusal.kind {
        RefusalKind::DeviceTokenInvalid => (Code::DeviceTokenInvalid, "Kaspi does not accept the device token"),
        RefusalKind::DeviceInactive => (Code::DeviceTokenInvalid, "Kaspi says the device is switched off or deleted"),
        RefusalKind::DeviceElsewhere => {
            (Code::DeviceTokenInvalid, "Kaspi has this device at another trade point already")
        }
        RefusalKind::OrganizationNotRegistered => {
            (Code::OrganizationNotRegistered, "Kaspi does not know this organisation, or it has no trade point")
        }
        RefusalKind::TradePointInactive => (Code::TradePointInactive, "Kaspi says the trade point is switched off"),
        RefusalKind::TradePointMissing => (Code::TradePointInactive, "Kaspi does not find the trade point"),
        RefusalKind::PaymentNotFound => (Code::NotFound, "Kaspi does not find this payment"),
        RefusalKind::WrongTradePoint => {
            (Code::NotRefundable, "Kaspi says the payment belongs to another trade point than the device")
        }
        RefusalKind::ExceedsBalance => {
            (Code::RefundExceedsBalance, "Kaspi says it is more than is left of the payment")
        }
        RefusalKind::NotRefundable => (Code::NotRefundable, "Kaspi says the payment is not in a state to be refunded"),
        RefusalKind::PartialImpossible => (Code::NotRefundable, "Kaspi says only the whole payment can be refunded"),
        RefusalKind::WrongAmount => (Code::Declined, "Kaspi does not accept the amount"),
        RefusalKind::ClientCertificate => (Code::CertificateRefused, "Kaspi does not see our client certificate"),
        RefusalKind::CannotTakeQr => (Code::Declined, "the trade point takes no QR payments"),
        RefusalKind::NoPaymentMethods => (Code::Declined, "Kaspi has no way of payment for this"),
        RefusalKind::Other => (Code::Declined, "Kaspi refused"),
        RefusalKind::TokenOfAnother => {
            (Code::DeviceTokenInvalid, "Kaspi gave a device token that stands for another organisation or trade point")
        }
    };
    let detail = match &refusal.text {
        Some(text) => format!("{detail}: {text}"),
        None => detail.to_owned(),
    };
    let failure = Failure::new(code, detail).with_provider(refusal.code, refusal.text.clone());
    match refusal.kind {
        RefusalKind::DeviceElsewhere => failure.with_hint(
            "Ask the bank to free the device, or move to the trade point where it stands: kaspictl bin set BIN --trade-point ID",
        ),
        RefusalKind::TokenOfAnother => failure.with_hint(
            "Ask the bank about the devices. Which device it is, and what an admin types: kaspictl status",
        ),
        _ => failure,
    }
}
