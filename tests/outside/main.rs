//! The outside tests: real `kaspid` and `kaspi-sandbox` processes on real sockets, one module per property. Each
//! test names the promise it keeps. One program, so that what they share is a module and not a copy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; nothing here reads input it does not control"
)]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

// What the tests stand on.
mod behaviour;
mod clock;
mod daemon;
mod fixture;
mod http;
mod outcome;
mod papers;
mod prometheus;
mod relay;
mod sandbox;
mod scripted_bank;
mod tls_client;

// The properties.
mod asked;
mod attempts;
mod backup;
mod bank_trouble;
mod bank_wire;
mod clock_ahead;
mod clocks;
mod bugreport;
mod cmd;
mod contradicted;
mod crash;
mod days;
mod doors;
mod facts;
mod flushes;
mod follow;
mod full_disk;
mod guide;
mod keys;
mod known;
mod layers;
mod limits_upstream;
mod lives;
mod manners;
mod metrics;
mod migration;
mod money;
mod news;
mod odd_replies;
mod open_day;
mod opening;
mod other_bank;
mod python;
mod reports;
mod doubt;
mod refund_account;
mod money_call;
mod doctor;
mod rights;
mod secrets;
mod slow_bank;
mod taken_in;
mod tamper;
mod tokens;
mod tree;
mod tour;
mod transfer;
mod troubleshooting;
mod troubleshooting_device;
mod troubleshooting_shop;
mod verification;
mod verification_time;
mod waiting;
mod whose_payment;
mod wire;
