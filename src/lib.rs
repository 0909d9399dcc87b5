//! kaspid: Kaspi Pay for a shop's own software.
//!
//! A tour by data flow:
//!
//! ```text
//! socket -> door (http | native) -> access -> service -> kaspi + store
//! bytes     Operation               Admitted  Reply | Failure
//! ```
//!
//! [`door`] turns bytes into an [`operation::Operation`]; [`access`] is the only maker of an `Admitted` one;
//! [`service`] holds the rules of money and answers with a `Reply` or a `Failure`; [`kaspi`] speaks to the
//! bank in two dialects; [`store`] keeps what must not be forgotten. [`daemon`] wires them together.
//! [`ctl`] is the command line, [`sandbox`] a Kaspi for people without a bank contract.
//!
//! A file imports only from modules above it in this list:

pub mod chance;
pub mod failpoint;
pub mod money;
mod message;
pub mod moment;
pub mod day;
pub mod id;
pub mod domain;
pub mod failure;
pub mod operation;
pub mod frame;
pub mod transfer;
pub mod metrics;
pub mod peer_groups;
pub mod user_names;
pub mod config;
pub mod access;
pub mod store;
pub mod identity;
pub mod kaspi;
pub mod service;
pub mod door;
pub mod daemon;
pub mod client;
pub mod ctl;
pub mod sandbox;
#[cfg(test)]
mod sim;
