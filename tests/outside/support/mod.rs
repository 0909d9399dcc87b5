//! What the tests stand on: the real programs, a scripted bank, clocks and chance in the hands of a test. Nothing here is
//! a promise of its own; what helps one folder only stays with that folder.

pub(crate) mod memory;
pub(crate) mod somebody;
pub(crate) mod behaviour;
pub(crate) mod browser;
pub(crate) mod chance;
pub(crate) mod clock;
pub(crate) mod daemon;
pub(crate) mod fixture;
pub(crate) mod http;
pub(crate) mod outcome;
pub(crate) mod prometheus;
pub(crate) mod raw_server;
pub(crate) mod relay;
pub(crate) mod sandbox;
pub(crate) mod scripted_bank;
pub(crate) mod shop;
pub(crate) mod tls_client;
