//! What a payment is frozen with: the config it was made with and the bank it was made at, taken once and never changed.

use super::config::ConfigRow;
use super::doubt::OtherTotals;
use super::payment::PaymentRow;
use super::{Counterparty, NumberAt};
use crate::domain::{Kind, State};
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::money::Amount;

impl PaymentRow {
    /// A payment of an organisation, frozen with its config as it is now: shop, BIN, trade point, dialect and bank are
    /// copied here together and nowhere else.
    pub(crate) fn frozen(config: &ConfigRow, with: &Counterparty, kind: Kind, amount: Amount, at: Moment) -> Self {
        Self {
            id: PaymentId::fresh(),
            qr_payment_id: None,
            kind,
            state: State::Creating,
            kaspi_status: None,
            shop_id: config.shop_id,
            config_id: config.id,
            organization_bin: config.organization_bin.clone(),
            description: config.description.clone(),
            trade_point_id: config.trade_point_id.clone(),
            trade_point_name: config.trade_point_name.clone(),
            dialect: with.dialect,
            bank: with.bank.clone(),
            amount,
            refunded_elsewhere: Amount::ZERO,
            refunds: Vec::new(),
            phone: None,
            comment: None,
            invoice: None,
            link: None,
            qr_token: None,
            expires_at: None,
            bank_deadline: None,
            poll_every_ms: None,
            confirm_ms: None,
            request_key: None,
            supersedes: None,
            late: false,
            was_over: false,
            acknowledged: false,
            is_closed: false,
            contradiction: None,
            overruled: None,
            other_totals: OtherTotals::default(),
            balance_above: None,
            number_taken: None,
            doubt: None,
            created_at: at,
            updated_at: at,
            paid_at: None,
            paid_at_source: None,
            paid_seen_at: None,
        }
    }

    /// The bank it was made with.
    pub(crate) fn counterparty(&self) -> Counterparty {
        Counterparty { bank: self.bank.clone(), dialect: self.dialect }
    }

    /// Its number at the bank that gave it, once that is known.
    pub(crate) fn at_bank(&self) -> Option<NumberAt> {
        self.qr_payment_id.clone().map(|number| NumberAt::new(number, self.counterparty()))
    }
}
