//! The bank, in the name of one organisation: which token a call is made with, what is done when Kaspi refuses it, and
//! what its trouble is called for a caller. Nothing outside of this room sees a token but as a part of a triple.

mod calls;
mod device;
mod failure;
mod note;
mod payer;
mod renewal;
mod wake;

pub(super) use calls::{Bank, details_failure, of_our_bank};
pub(super) use device::{DeviceTurn, Registered, refusal_of_another};
pub(super) use failure::{failure_of, refusal_failure};
pub(super) use note::{of_bin, tried};
pub(super) use payer::Payers;
pub(super) use renewal::Sending;
pub(super) use wake::{Wake, Wakes};
