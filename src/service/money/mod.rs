//! Money: taking it, taking it back, and settling what nobody was told. Nothing else in the daemon makes a call that moves
//! money or writes what came of one.
//!
//! Every such call goes the one way of [`call`]; keys, balances and people's words are judged beside it.

mod adopt;
mod balance;
mod call;
mod cancel;
mod create;
mod intend;
mod keys;
mod intention;
mod outcome;
mod recover;
mod refund;
mod resolve;
mod storm;
mod word;

use std::sync::Arc;

pub(super) use balance::{Balances, tells_of_refunds};
pub(super) use keys::Keys;
pub(super) use recover::recover;

use adopt::Adoptions;
use call::Calls;
use cancel::Cancels;
use create::Creates;
use refund::Refunds;
use resolve::Resolutions;
use word::PeoplesWords;

use super::bank::Bank;
use super::payment::{Statuses, Totals, Waits};
use super::rate::ReadRate;
use super::stop::Stopping;
use crate::store::Store;

/// The room.
pub(super) struct MoneyCalls {
    pub(super) keys: Arc<Keys>,
    pub(super) balances: Arc<Balances>,
    pub(super) creates: Creates,
    pub(super) cancels: Cancels,
    pub(super) refunds: Refunds,
    pub(super) adoptions: Arc<Adoptions>,
    pub(super) resolutions: Resolutions,
}

/// What it stands on.
pub(super) struct MoneyParts {
    pub(super) store: Store,
    pub(super) stop: Stopping,
    pub(super) rate: Arc<ReadRate>,
    pub(super) bank: Arc<Bank>,
    pub(super) totals: Arc<Totals>,
    pub(super) statuses: Arc<Statuses>,
    pub(super) waits: Arc<Waits>,
}

impl MoneyCalls {
    pub(super) fn new(below: MoneyParts) -> Self {
        let MoneyParts { store, stop, rate, bank, totals, statuses, waits } = below;
        let keys = Arc::new(Keys::new(
            Calls { store: store.clone(), bank: bank.clone(), storms: Arc::default() },
            stop.clone(),
        ));
        let balances = Arc::new(Balances::new(store.clone(), (bank.clone(), totals), (stop, rate)));
        let words = PeoplesWords::new(store.clone(), bank.clone(), balances.clone());
        let adoptions = Arc::new(Adoptions::new(store.clone(), bank.clone()));
        Self {
            creates: Creates::new(keys.clone(), bank.clone(), statuses.clone(), waits),
            cancels: Cancels::new(keys.clone(), bank.clone(), statuses.clone()),
            refunds: Refunds::new(keys.clone(), bank.clone(), statuses.clone(), balances.clone()),
            resolutions: Resolutions::new((store, bank), statuses, words, adoptions.clone()),
            adoptions,
            keys,
            balances,
        }
    }
}
