//! The customer's side: acts inside of the bank, after looking at whose invoice it is.

use super::error::{TourError, must};
use crate::domain::Kind;
use crate::operation::Payment;
use crate::sandbox::ledger::{Act, NotNow};
use crate::sandbox::shop::SandboxShop;

/// The customer confirms; a link is opened first. The bank's own record must name the same organisation
/// and amount as the daemon's.
pub(super) fn pays(shop: &SandboxShop, payment: &Payment) -> Result<(), TourError> {
    let number = payment.qr_payment_id.as_ref().and_then(|number| number.as_str().parse().ok());
    let number: u64 = number.ok_or_else(|| TourError::Wrong("the payment has no QrPaymentId".to_owned()))?;
    let mut state = shop.bank.state();
    let now = state.clock.now();
    let known = state.ledger.payment(number, now).map(|known| known.order.clone());
    let order = known.ok_or_else(|| TourError::Wrong(format!("the bank knows no payment {number}")))?;
    must((order.bin.as_str(), order.amount) == (payment.organization_bin.as_str(), payment.amount_tiyn), || {
        format!(
            "the bank would take {} for {}, the daemon says {} for {}",
            order.amount, order.bin, payment.amount_tiyn, payment.organization_bin
        )
    })?;
    let acts: &[Act] = if payment.kind == Kind::Remote { &[Act::Pay] } else { &[Act::Scan, Act::Pay] };
    for act in acts {
        let acted = state.ledger.act(number, *act, false, now);
        acted.map_err(|NotNow| TourError::Wrong(format!("the customer cannot {act:?} payment {number}")))?;
    }
    Ok(())
}
