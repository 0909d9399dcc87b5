//! Who asks, under which key, with which settings, and what of the world they may see.

use std::sync::Arc;

use super::Settings;
use crate::access::{Admitted, Caller, Presence, Scope};
use crate::allowance::Allowance;
use crate::failure::{Code, Failure};
use crate::id::{OrganizationBin, RequestKey, ShopId};
use crate::kaspi::CallContext;
use crate::operation::{Length, Operation};
use crate::store::PaymentRow;

/// What a request carries besides its operation. Every room judges by it; only an admitted operation makes one.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) caller: Caller,
    pub(super) key: Option<RequestKey>,
    pub(super) scope: Scope,
    pub(super) is_admin: bool,
    pub(super) presence: Presence,
    /// What the answer may hold of the daemon's memory.
    allowance: Option<Allowance>,
    /// In force when the request came; it keeps them to its end.
    pub(super) settings: Arc<Settings>,
}

impl Context {
    pub(super) fn of(admitted: Admitted, settings: Arc<Settings>) -> (Self, Operation) {
        let (is_admin, presence) = (admitted.is_admin(), admitted.presence().clone());
        let allowance = admitted.allowance().cloned();
        let (caller, key, operation, scope) = admitted.into_parts();
        (Self { caller, key, scope, is_admin, presence, allowance, settings }, operation)
    }

    /// Waits for `news` with an empty page in hand; what the page may hold is free for others meanwhile.
    ///
    /// # Errors
    /// `rate_limited`: other answers to this caller have taken its place and are not taken.
    pub(super) async fn while_nothing_is_told<T>(&self, news: impl Future<Output = T>) -> Result<T, Failure> {
        let Some(allowance) = &self.allowance else { return Ok(news.await) };
        allowance.lay_down();
        let told = news.await;
        allowance.take_up(Length::Page).await?;
        Ok(told)
    }

    /// Ends a long search that nobody waits for any more.
    ///
    /// # Errors
    /// Nobody hears it.
    pub(super) fn is_still_heard(&self) -> Result<(), Failure> {
        match self.presence.is_over() {
            true => Err(Failure::invalid("the caller has gone")),
            false => Ok(()),
        }
    }

    /// The shop a call is about.
    pub(super) fn shop(&self, named: Option<ShopId>) -> ShopId {
        named.unwrap_or(self.settings.config.daemon.shop_id)
    }

    /// Whether the caller may know of a payment.
    pub(super) fn sees(&self, row: &PaymentRow) -> bool {
        self.scope.allows(row.shop_id, &row.organization_bin)
    }

    /// A fresh call within the configured time-out, and until when its caller waits for it.
    pub(super) fn ask(&self) -> CallContext {
        CallContext { heard_until: self.presence.until(), ..CallContext::fresh(self.settings.config.kaspi.timeout) }
    }

    /// An admin narrowed to shops or BINs sets up nothing outside of them.
    ///
    /// # Errors
    /// `bin_not_allowed`.
    pub(super) fn may_set_up(&self, shop: ShopId, bin: &OrganizationBin) -> Result<(), Failure> {
        if self.scope.allows(shop, bin) {
            return Ok(());
        }
        let detail = format!("{bin} of shop {shop} is outside of what this caller may set up");
        Err(Failure::new(Code::BinNotAllowed, detail).with_bin(bin))
    }

    /// The caller's key.
    ///
    /// # Errors
    /// `key_required` for a call that may move money without one, unless the shop has allowed that.
    pub(super) fn key_for_money(&self) -> Result<Option<RequestKey>, Failure> {
        match &self.key {
            None if self.settings.config.payments.require_key => {
                Err(Failure::new(Code::KeyRequired, "this call can move money and carries no Idempotency-Key"))
            }
            key => Ok(key.clone()),
        }
    }

    /// For what cannot be narrowed to some shops or BINs: all state, or all that is made of the log.
    ///
    /// # Errors
    /// `denied`.
    pub(super) fn sees_everything(&self) -> Result<(), Failure> {
        if self.scope.is_everything() {
            return Ok(());
        }
        Err(Failure::new(Code::Denied, "this covers all shops, and [[access.shop]] gives this user some of them only"))
    }
}
