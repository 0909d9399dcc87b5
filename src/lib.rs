//! kaspid: Kaspi Pay for a shop's own software.
//!
//! # What to read first
//!
//! `docs/architecture.md` has the rules of money and the way of a payment; `docs/changing.md` has a recipe for what is
//! changed most. In the code, half an hour:
//!
//! 1. [`operation`]: everything that can be asked, and what comes back.
//! 2. [`service::Service::run`]: the one way in; from there the way of a create, which every call that moves money goes.
//! 3. [`kaspi`]: what is said to the bank, and the gate that judges its answers.
//! 4. [`store`]: what is kept, and when it is safe.
//!
//! # The way of a request
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
//! # What each room keeps
//!
//! | room | what holds as long as nobody breaks it |
//! |---|---|
//! | [`money`], [`moment`], [`day`], [`id`] | A value of these types has passed its check; no amount was ever a binary float. |
//! | [`domain`] | A word means the same in the state file and on the socket, and none is taken out or moved. |
//! | [`language`] | Every word that an owner reads is there in each language. |
//! | [`failure`] | Every failure says whether money moved and what to do next. |
//! | [`operation`] | An old program and a new one understand each other; both encodings carry the same things. |
//! | `sheet` | A stranger's table is read as what it is, or refused by line; no value of it is repeated. |
//! | [`access`] | Nothing is carried out that was not admitted: only `Permission::admit` makes an `Admitted`. |
//! | [`seal`] | What is sealed opens with its seal and at its place only; no key of a seal is shown or stored. |
//! | [`config`] | What is not known is refused by name, by the daemon and by `kaspid check` alike. |
//! | [`store`] | What `write` has returned for is on the disk; the log is only ever added to. |
//! | [`identity`] | The key fits the certificate, and leaves this room in no form but a TLS connection's. |
//! | [`kaspi`] | What may have reached the bank is never sent again; one gate judges every answer. |
//! | [`service`] | Money calls are recorded before they are sent, sent once, and end as the bank's word proves. |
//! | [`door`] | Everything from the socket has a bound; what is wrong gets an answer in words. |
//! | [`daemon`] | It starts whole or says why not, and a stop hears running calls out. |
//! | [`client`], [`ctl`] | No answer is not taken for "nothing happened". |
//! | `fuzzed` | Everything that reads bytes of strangers has an entrance for a fuzzer, and a corpus that a test reads. |
//! | [`sandbox`] | It shares no wire type with [`kaspi`], so a mistake in one is seen by the other. |
//!
//! A program of your own in Rust begins at [`client`] and at `examples/sell.rs`.
//!
//! # The order of the rooms
//!
//! A file imports only from modules above it in this list:

pub mod chance;
pub mod failpoint;
pub mod money;
mod message;
mod notice;
pub mod moment;
pub mod day;
pub mod id;
pub mod domain;
pub mod language;
pub mod failure;
pub mod operation;
pub mod frame;
pub mod transfer;
pub mod allowance;
mod sheet;
pub mod metrics;
pub mod peer_groups;
pub mod user_names;
pub mod config;
pub mod access;
pub mod seal;
pub mod store;
pub mod identity;
pub mod kaspi;
pub mod service;
pub mod door;
pub mod daemon;
pub mod client;
pub mod ctl;
pub mod sandbox;
#[cfg(any(fuzzing, test))]
pub mod fuzzed;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod manual;
